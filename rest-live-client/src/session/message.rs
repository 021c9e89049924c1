//! What the client sends. PROTOCOL.md is the reference.

use serde::Serialize;

use super::listener::Request;

/// A subscription that there never is. Asked to end it, a server that lives says that it cannot.
pub(super) const NOTHING: u64 = 0;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Message<'a> {
    Auth {
        token: &'a str,
    },
    Subscribe {
        id: u64,
        #[serde(flatten)]
        request: &'a Request,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<&'a str>,
    },
    Unsubscribe {
        id: u64,
    },
}

impl Message<'_> {
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a message is JSON")
    }
}
