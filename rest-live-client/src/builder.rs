//! What a client is to be like.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle as Runtime;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use crate::client::{Client, Shared};
use crate::driver::{Address, Driver};
use crate::error::BuildError;
use crate::session::{Session, Settings, TokenBy};
use crate::token::TokenSource;

/// Describes a [`Client`].
///
/// ```
/// use rest_live_client::Client;
///
/// # async fn fresh_token() -> Result<String, std::io::Error> { Ok("eyJhbGciOi".to_owned()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("ws://127.0.0.1:3000/ws/subscribe/")
///     .bearer(fresh_token)
///     .buffer_bytes(4 * 1024 * 1024)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "it takes `build` to have a client"]
pub struct Builder {
    url: String,
    headers: Vec<(String, String)>,
    token: Option<Arc<dyn TokenSource>>,
    settings: Settings,
    #[cfg(feature = "tls")]
    roots: Vec<Vec<u8>>,
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            headers: Vec::new(),
            token: None,
            settings: Settings {
                token_by: None,
                linger: Duration::from_secs(5),
                probe_after: Duration::from_secs(45),
                queue_bytes: 1024 * 1024,
            },
            #[cfg(feature = "tls")]
            roots: Vec::new(),
        }
    }

    /// Says who the user is by the header `Authorization: Bearer <token>`, with a token for each
    /// connect. Of this and the next two, the last counts.
    pub fn bearer(self, source: impl TokenSource) -> Self {
        self.token(TokenBy::Header, source)
    }

    /// Says who the user is by the subprotocol `bearer.<token>`, as pages do. The token may have
    /// only characters that names of subprotocols have.
    pub fn bearer_by_subprotocol(self, source: impl TokenSource) -> Self {
        self.token(TokenBy::Subprotocol, source)
    }

    /// Says who the user is by the first message, where the server takes tokens on the socket; and
    /// by another one before the login ends, so that the connection stays.
    pub fn bearer_by_message(self, source: impl TokenSource) -> Self {
        self.token(TokenBy::Message, source)
    }

    fn token(mut self, by: TokenBy, source: impl TokenSource) -> Self {
        self.settings.token_by = Some(by);
        self.token = Some(Arc::new(source));
        self
    }

    /// Adds a header to the request for the socket: a cookie, or what a gateway asks for.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Trusts the certificates in this PEM as well, of an authority of one's own for one.
    #[cfg(feature = "tls")]
    pub fn trust_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// How many bytes of events may wait for the reader of a [`Subscription`](crate::Subscription).
    /// 1,048,576. A row, or a snapshot, may be longer than that.
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue_bytes = bytes.max(1);
        self
    }

    /// For how long the socket stays after the last subscription was dropped, where the client is
    /// kept. 5 s.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// After how long a silence the server is asked for a sign of life, which it has 8 s to give.
    /// 45 s; more than the server's time between pings, which is 25 s. `Duration::MAX` for never.
    pub fn probe_after(mut self, silence: Duration) -> Self {
        self.settings.probe_after = silence;
        self
    }

    /// Makes the client, on the tokio runtime that this is called from. It connects with the first
    /// subscription.
    ///
    /// # Errors
    ///
    /// If the address is none of a WebSocket, a header is none, a certificate cannot be read, or
    /// there is no runtime; or if the address begins with `wss://` and the feature for it is not
    /// there.
    pub fn build(self) -> Result<Client, BuildError> {
        let runtime = Runtime::try_current().map_err(|_| BuildError::Runtime)?;
        let headers = self
            .headers
            .into_iter()
            .map(header)
            .collect::<Result<Vec<_>, _>>()?;
        #[cfg(not(feature = "tls"))]
        let address = Address::new(self.url, headers)?;
        #[cfg(feature = "tls")]
        let address = Address::new(self.url, headers)?.trust(&self.roots)?;
        let by = self.settings.token_by;
        let shared = Arc::new(Shared::new(Session::new(self.settings)));
        runtime.spawn(Driver::new(Arc::clone(&shared), address, by, self.token));
        Ok(Client::new(shared))
    }
}

fn header((name, value): (String, String)) -> Result<(HeaderName, HeaderValue), BuildError> {
    match (name.parse(), value.parse()) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(BuildError::Header { name }),
    }
}
