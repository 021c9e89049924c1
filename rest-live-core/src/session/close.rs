//! Why the server ends a connection.

use std::borrow::Cow;
use std::time::Duration;

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The server goes, and advises to come back after so long.
    GoingAway {
        retry_after: Duration,
    },
    BadFrame,
    NotUtf8,
    MessageTooBig,
    /// It cannot be said just now who the user is.
    TryAgainLater,
    Unauthorized,
    Expired,
    Revoked,
    AuthTooLate,
    TooManyMessages,
    SlowConsumer,
    NoPong,
}

impl CloseReason {
    /// All close codes that there are.
    pub(crate) const CODES: [u16; 11] = [
        1001, 1002, 1007, 1009, 1013, 4003, 4403, 4408, 4429, 4508, 4512,
    ];

    /// The close code, and the reason that goes with it.
    pub(crate) fn code(self) -> (u16, Cow<'static, str>) {
        let (code, reason) = match self {
            Self::GoingAway { retry_after } => {
                let millis = retry_after.as_millis();
                return (1001, format!(r#"{{"retry_after_ms":{millis}}}"#).into());
            }
            Self::BadFrame => (1002, "bad frame"),
            Self::NotUtf8 => (1007, "text is not UTF-8"),
            Self::MessageTooBig => (1009, "message too big"),
            Self::TryAgainLater => (1013, "try again later"),
            Self::Unauthorized => (4003, "not authenticated"),
            Self::Expired => (4003, "authentication expired"),
            Self::Revoked => (4403, "access revoked"),
            Self::AuthTooLate => (4408, "authentication too late"),
            Self::TooManyMessages => (4429, "too many messages"),
            Self::SlowConsumer => (4508, "slow consumer"),
            Self::NoPong => (4512, "no pong"),
        };
        (code, reason.into())
    }
}
