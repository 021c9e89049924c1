//! What can go wrong, as values.

use std::sync::Arc;
use std::time::Duration;

/// What is behind an error.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// What went wrong. Nothing panics, and no stream ends by it; what
/// [is temporary](Self::is_temporary) mends itself.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection: the address is wrong, or the server is not there, or it has no
    /// WebSocket there.
    #[error("cannot connect to the server: {0}")]
    Connect(Cause),

    /// The server, or something in front of it, has answered with HTTP instead of a WebSocket.
    /// PROTOCOL.md says what the statuses mean.
    #[error("the server let nobody in, with status {status}: {message}")]
    Status {
        /// The status, 401 for one.
        status: u16,
        /// What the server says about it.
        message: String,
        /// How long it asks to stay away.
        retry_after: Option<Duration>,
    },

    /// The connection broke, without a word of the server.
    #[error("the connection broke: {0}")]
    Broken(Cause),

    /// The server was asked for a sign of life, and gave none.
    #[error("the server does not answer any more")]
    Silent,

    /// The server closed the connection. PROTOCOL.md says what the codes mean.
    #[error("the server closed the connection: {code} {reason}")]
    Closed {
        /// The close code.
        code: u16,
        /// What the server says about it.
        reason: String,
    },

    /// The source of tokens that the application gave has failed. It is asked again.
    #[error("there is no token to log in with: {0}")]
    Token(Cause),

    /// The server did not accept the token, or said something about the connection as a whole.
    #[error("the server refused: {message} ({code} {reason})")]
    Connection {
        /// The numeric code, after HTTP's.
        code: u16,
        /// Its name, `unauthorized` for one.
        reason: String,
        /// What is wrong, for people.
        message: String,
        /// Whether the same can succeed later.
        temporary: bool,
    },

    /// The server refused the subscription, or ended it. It is asked for again: in a while if that
    /// is temporary, otherwise on the next connection.
    #[error("the server refused to tell of `{model}`: {message} ({code} {reason})")]
    Refused {
        /// The model's label.
        model: String,
        /// The numeric code, after HTTP's.
        code: u16,
        /// Its name, `unknown_model` for one.
        reason: String,
        /// What is wrong, for people.
        message: String,
        /// Whether the same can succeed later.
        temporary: bool,
    },

    /// The subscription was read too slowly, and more has come than its buffer takes. It resumes
    /// where it stopped, once what is in the buffer has been read.
    #[error("events come faster than they are read; the subscription stops until they are")]
    Lagged,

    /// A row does not fit the type that it is read as. It is left out.
    #[error("a row of `{model}` cannot be read, at `{path}`: {message}")]
    Row {
        /// The model's label.
        model: String,
        /// Where in the row, `author.name` for one; `.` for the row itself, which lacks a field.
        path: String,
        /// What does not fit.
        message: String,
    },

    /// The server sent what is no message of the protocol. It is left out.
    #[error("the server sent what cannot be understood: {0}")]
    Message(Cause),

    /// The application has called [`Client::reconnect`](crate::Client::reconnect).
    #[error("the application connects anew")]
    Reconnect,

    /// The application has called [`Client::reset`](crate::Client::reset).
    #[error("another user is there")]
    Reset,
}

impl Error {
    /// Whether it mends itself, without anybody doing something about it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connection { temporary, .. } | Self::Refused { temporary, .. } => *temporary,
            Self::Closed { code, .. } => *code != 4403,
            Self::Status { status, .. } => matches!(status, 401 | 429 | 500..),
            Self::Row { .. } | Self::Message(_) => false,
            Self::Connect(_)
            | Self::Broken(_)
            | Self::Silent
            | Self::Token(_)
            | Self::Lagged
            | Self::Reconnect
            | Self::Reset => true,
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is none of a WebSocket.
    #[error("`{url}` is not the address of a WebSocket: {reason}; it looks like `ws://host/path`")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The address begins with `wss://`.
    #[error(
        "`{url}` needs TLS: turn on the feature `tls` of `rest-live-client`, or `client-tls` of `rest-live`"
    )]
    NoTls {
        /// What was given.
        url: String,
    },

    /// The name or the value of a header has characters that it cannot have.
    #[error(
        "the header `{name}` has characters that headers do not have, in its name or in its value"
    )]
    Header {
        /// The header's name.
        name: String,
    },

    /// What was to be trusted is no PEM of certificates, or nothing is.
    #[error("no certificates to trust: {0}")]
    Certificates(Cause),

    /// A client lives on a tokio runtime.
    #[error(
        "there is no tokio runtime here: build the client in `#[tokio::main]`, or after `Runtime::enter`"
    )]
    Runtime,
}
