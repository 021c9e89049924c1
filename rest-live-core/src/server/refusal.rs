//! Refusals: plain HTTP instead of a socket.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::session::{Reason, Refused};

/// The answer to somebody who does not get in, before any socket is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
    /// Whether the client may still say who it is, once the socket is open.
    pub(super) is_not_final: bool,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
            is_not_final: false,
        }
    }

    /// 401: it is not known who this is.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403: it is known, and has no right to connect.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 429: this one has too much already, or asks too often.
    pub fn too_many(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, message)
    }

    /// 503: it cannot be said just now, as when the session store is down.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// Says when to try again, in whole seconds: the header `Retry-After`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rest_live_core::Refusal;
    ///
    /// let refusal = Refusal::unavailable("the session store is down").retry_after(Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// It is not known yet: the client will say it by its first message. Where
    /// [`Builder::authenticate_message`](crate::Builder::authenticate_message) listens to that, the
    /// socket is opened; elsewhere it is a 401.
    pub fn not_yet() -> Self {
        Self {
            is_not_final: true,
            ..Self::unauthorized("say who you are when you connect")
        }
    }

    /// The same, on a socket that is open.
    pub(super) fn into_refused(self) -> Refused {
        let reason = match self.status {
            StatusCode::UNAUTHORIZED => Reason::Unauthorized,
            StatusCode::FORBIDDEN => Reason::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => Reason::RateLimited,
            _ => Reason::Unavailable,
        };
        Refused::new(reason, self.message)
    }

    /// Whether it says for certain that this one has no right to be here.
    pub(super) fn is_certain(&self) -> bool {
        matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "there is only GET here")
    }

    pub(super) fn upgrade_required() -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "this is a WebSocket of version 13: connect with `new WebSocket(...)` over HTTP/1.1",
        )
    }

    /// Code of the application panicked. What it said is not the client's business.
    pub(super) fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server has failed")
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        tracing::debug!(refusal = %self, "refused a request");
        let mut response = Response::new(Full::from(self.message));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        if let Some(time) = self.retry_after {
            let begun = u64::from(time.subsec_nanos() > 0);
            let seconds = time.as_secs().saturating_add(begun);
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.message)
    }
}

impl std::error::Error for Refusal {}
