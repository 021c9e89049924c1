//! Errors that clients are told, in one table.

use serde_json::json;

use super::frame::Frame;

/// Why a message of a client was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    BadJson,
    BadMessage,
    UnknownProperty,
    BadValue,
    NoSnapshot,
    Unauthorized,
    Forbidden,
    UnknownModel,
    UnknownSubscription,
    DuplicateId,
    MessageTooBig,
    SnapshotTooBig,
    TooManySubscriptions,
    RateLimited,
    SnapshotUnavailable,
    Unavailable,
}

impl Reason {
    pub(crate) const ALL: [Self; 16] = [
        Self::BadJson,
        Self::BadMessage,
        Self::UnknownProperty,
        Self::BadValue,
        Self::NoSnapshot,
        Self::Unauthorized,
        Self::Forbidden,
        Self::UnknownModel,
        Self::UnknownSubscription,
        Self::DuplicateId,
        Self::MessageTooBig,
        Self::SnapshotTooBig,
        Self::TooManySubscriptions,
        Self::RateLimited,
        Self::SnapshotUnavailable,
        Self::Unavailable,
    ];

    /// The name, as clients are told it.
    pub(crate) fn name(self) -> &'static str {
        self.code().1
    }

    /// The numeric code, after HTTP's, and the name.
    fn code(self) -> (u16, &'static str) {
        match self {
            Self::BadJson => (400, "bad_json"),
            Self::BadMessage => (400, "bad_message"),
            Self::UnknownProperty => (400, "unknown_property"),
            Self::BadValue => (400, "bad_value"),
            Self::NoSnapshot => (400, "no_snapshot"),
            Self::Unauthorized => (401, "unauthorized"),
            Self::Forbidden => (403, "forbidden"),
            Self::UnknownModel => (404, "unknown_model"),
            Self::UnknownSubscription => (404, "unknown_subscription"),
            Self::DuplicateId => (409, "duplicate_id"),
            Self::MessageTooBig => (413, "message_too_big"),
            Self::SnapshotTooBig => (413, "snapshot_too_big"),
            Self::TooManySubscriptions => (429, "too_many_subscriptions"),
            Self::RateLimited => (429, "rate_limited"),
            Self::SnapshotUnavailable => (503, "snapshot_unavailable"),
            Self::Unavailable => (503, "unavailable"),
        }
    }

    /// Whether the same message can succeed later.
    fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::TooManySubscriptions
                | Self::RateLimited
                | Self::SnapshotUnavailable
                | Self::Unavailable
        )
    }
}

/// A refusal: the reason, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// The `id` of the message as JSON, where it had one.
    pub(crate) id: Option<Box<str>>,
}

impl Refused {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            id: None,
        }
    }

    /// Whether the same message can succeed later.
    pub(super) fn is_temporary(&self) -> bool {
        self.reason.is_temporary()
    }

    pub(crate) fn frame(&self) -> Frame {
        let (code, reason) = self.reason.code();
        let id = self
            .id
            .as_ref()
            .map(|id| format!(r#""id":{id},"#))
            .unwrap_or_default();
        let message = json!(self.message);
        let temporary = self.reason.is_temporary();
        Frame::from(format!(
            r#"{{"type":"error",{id}"code":{code},"reason":"{reason}","message":{message},"temporary":{temporary}}}"#
        ))
    }
}
