//! What a request asks the inspector for.
//!
//! All of it is in the query: whatever path the service is mounted at, a page can ask the same path
//! again, and need not know it.

use super::super::handshake::Handshake;
use super::super::refusal::Refusal;
use crate::log::Cursor;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum View {
    Page,
    Overview {
        /// The newest point of the history that the page has, in ms.
        after: Option<u64>,
        /// A part of a user's name, or the number of a connection.
        find: Option<String>,
    },
    Changes {
        commit: Cursor,
    },
    Explained {
        connection: u64,
        change: Cursor,
    },
}

impl View {
    pub(super) fn asked_for(request: &Handshake) -> Result<Self, Refusal> {
        let asked = |name| request.query(name).filter(|value| !value.is_empty());
        let needed = |name| {
            asked(name)
                .ok_or_else(|| Refusal::bad_request(format!("the parameter `{name}` is missing")))
        };
        let cursor = |name| -> Result<Cursor, Refusal> {
            let no_cursor = |()| Refusal::bad_request(format!("`{name}` is no cursor"));
            needed(name)?.parse().map_err(no_cursor)
        };
        let view = match request.query("view").as_deref() {
            None => Self::Page,
            Some("overview") => Self::Overview {
                after: asked("after").and_then(|after| after.parse().ok()),
                find: asked("find"),
            },
            Some("changes") => Self::Changes {
                commit: cursor("commit")?,
            },
            Some("explain") => Self::Explained {
                connection: needed("connection")?
                    .parse()
                    .map_err(|_| Refusal::bad_request("`connection` is no number"))?,
                change: cursor("change")?,
            },
            Some(_) => return Err(Refusal::not_found("the inspector has no such view")),
        };
        Ok(view)
    }
}
