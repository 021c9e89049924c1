//! What the server sends, as far as this client knows it. PROTOCOL.md is the reference.

use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

/// A message of the server. An `id` is that of a subscription.
#[derive(Debug)]
pub(super) enum Frame {
    Authenticated {
        expires_in: Option<Duration>,
    },
    /// Said of one subscription.
    Of {
        id: u64,
        word: Word,
    },
    /// An error that belongs to no subscription.
    Refused(Refusal),
    /// Of a kind that this client does not know.
    Unknown,
}

#[derive(Debug)]
pub(super) enum Word {
    Subscribed {
        cursor: String,
        recovered: bool,
    },
    Broadcast {
        action: Action,
        instance: Box<RawValue>,
        cursor: String,
    },
    Snapshot {
        instances: Vec<Box<RawValue>>,
    },
    Resync {
        cursor: String,
        reason: String,
    },
    Unsubscribed(Refusal),
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Action {
    Created,
    Updated,
    Deleted,
}

#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) temporary: bool,
}

/// All keys that a message may have.
#[derive(Deserialize)]
struct Keys {
    r#type: Option<String>,
    id: Option<u64>,
    cursor: Option<String>,
    recovered: Option<bool>,
    action: Option<Action>,
    instance: Option<Box<RawValue>>,
    instances: Option<Vec<Box<RawValue>>>,
    code: Option<u16>,
    reason: Option<String>,
    message: Option<String>,
    temporary: Option<bool>,
    expires_in: Option<u64>,
}

impl Frame {
    pub(super) fn parse(text: &str) -> serde_json::Result<Self> {
        let keys: Keys = serde_json::from_str(text)?;
        match (keys.r#type.as_deref(), keys.id) {
            (Some("authenticated"), _) => Ok(Self::Authenticated {
                expires_in: keys.expires_in.map(Duration::from_secs),
            }),
            (Some("error"), None) => keys.refusal().map(Self::Refused),
            (_, Some(id)) => Ok(keys
                .word()?
                .map_or(Self::Unknown, |word| Self::Of { id, word })),
            (_, None) => Ok(Self::Unknown),
        }
    }
}

impl Keys {
    fn word(self) -> serde_json::Result<Option<Word>> {
        Ok(Some(match self.r#type.as_deref() {
            Some("subscribed") => Word::Subscribed {
                cursor: there(self.cursor, "cursor")?,
                recovered: there(self.recovered, "recovered")?,
            },
            Some("broadcast") => Word::Broadcast {
                action: there(self.action, "action")?,
                instance: there(self.instance, "instance")?,
                cursor: there(self.cursor, "cursor")?,
            },
            Some("snapshot") => Word::Snapshot {
                instances: there(self.instances, "instances")?,
            },
            Some("resync") => Word::Resync {
                cursor: there(self.cursor, "cursor")?,
                reason: there(self.reason, "reason")?,
            },
            Some("unsubscribed") => Word::Unsubscribed(self.refusal()?),
            Some("error") => Word::Refused(self.refusal()?),
            _ => return Ok(None),
        }))
    }

    fn refusal(self) -> serde_json::Result<Refusal> {
        Ok(Refusal {
            code: there(self.code, "code")?,
            reason: there(self.reason, "reason")?,
            message: self
                .message
                .unwrap_or_else(|| "the server ended the subscription".to_owned()),
            temporary: self.temporary.unwrap_or(false),
        })
    }
}

fn there<T>(value: Option<T>, key: &'static str) -> serde_json::Result<T> {
    value.ok_or_else(|| serde_json::Error::missing_field(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_kind_that_is_new_is_none() {
        for text in [
            r#"{"type":"news","id":1}"#,
            r#"{"type":"news"}"#,
            "{}",
            r#"{"id":1}"#,
        ] {
            assert!(matches!(Frame::parse(text), Ok(Frame::Unknown)), "{text}");
        }
    }

    #[test]
    fn a_key_that_is_new_does_no_harm() {
        let text = r#"{"type":"subscribed","id":1,"cursor":"a","recovered":true,"new":[{}]}"#;
        assert!(matches!(
            Frame::parse(text),
            Ok(Frame::Of {
                id: 1,
                word: Word::Subscribed {
                    recovered: true,
                    ..
                }
            })
        ));
    }

    #[test]
    fn what_is_missing_is_named() {
        let text = r#"{"type":"subscribed","id":1,"recovered":true}"#;
        let error = Frame::parse(text).unwrap_err().to_string();
        assert!(error.contains("`cursor`"), "{error}");
        for text in [
            "",
            "[]",
            "1",
            r#"{"type":"broadcast","id":1,"action":"LOST"}"#,
        ] {
            assert!(Frame::parse(text).is_err(), "{text}");
        }
    }
}
