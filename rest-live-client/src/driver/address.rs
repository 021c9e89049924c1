//! Where the server is, and the request for a socket there.

use std::sync::Arc;

use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use crate::error::{BuildError, Error};
use crate::session::TokenBy;

/// Where the server is.
pub(crate) struct Address {
    request: Request,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::Config>,
}

/// A request, and what it takes to send it.
pub(super) struct Call {
    pub(super) request: Request,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<super::tls::Config>,
}

impl Address {
    pub(crate) fn new(
        url: String,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Self, BuildError> {
        let mut request = match websocket(&url).into_client_request() {
            Ok(request) => request,
            Err(error) => return Err(no_address(url, error.to_string())),
        };
        match request.uri().scheme_str() {
            Some("ws") => {}
            Some("wss") if cfg!(feature = "tls") => {}
            Some("wss") => return Err(BuildError::NoTls { url }),
            _ => return Err(no_address(url, "it has another scheme".to_owned())),
        }
        for (name, value) in headers {
            request.headers_mut().append(name, value);
        }
        Ok(Self {
            request,
            #[cfg(feature = "tls")]
            tls: None,
        })
    }

    /// Trusts what the machine does, and these.
    #[cfg(feature = "tls")]
    pub(crate) fn trust(mut self, pems: &[Vec<u8>]) -> Result<Self, BuildError> {
        if self.request.uri().scheme_str() == Some("wss") {
            self.tls = Some(super::tls::config(pems).map_err(BuildError::Certificates)?);
        }
        Ok(self)
    }

    /// The request for a socket, with the user's token.
    pub(super) fn call(&self, token: Option<(TokenBy, String)>) -> Result<Call, Error> {
        let mut request = self.request.clone();
        if let Some((by, token)) = token {
            let (name, value) = match by {
                TokenBy::Subprotocol => {
                    (SEC_WEBSOCKET_PROTOCOL, format!("rest-live, bearer.{token}"))
                }
                TokenBy::Header | TokenBy::Message => (AUTHORIZATION, format!("Bearer {token}")),
            };
            let mut value =
                HeaderValue::try_from(value).map_err(|error| Error::Token(Arc::new(error)))?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(Call {
            request,
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
        })
    }
}

/// What is of HTTP elsewhere is of a WebSocket here.
fn websocket(url: &str) -> String {
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}

fn no_address(url: String, reason: String) -> BuildError {
    BuildError::Url { url, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, BuildError> {
        Address::new(url.to_owned(), Vec::new())
    }

    fn header(by: TokenBy, token: &str, name: &str) -> Option<String> {
        let address = address("ws://a/").unwrap();
        let call = address.call(Some((by, token.to_owned()))).ok()?;
        let value = call.request.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn addresses_of_http_are_those_of_a_websocket() {
        for url in ["ws://a:1/live", "http://a:1/live"] {
            let address = address(url).unwrap();
            assert_eq!(address.request.uri(), "ws://a:1/live");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for url in ["", "a", "/ws/subscribe/", "ftp://a/", "ws://", "ws://a b/"] {
            let Err(error) = address(url) else {
                panic!("{url:?} is no address");
            };
            let error = error.to_string();
            assert!(
                error.starts_with(&format!("`{url}` is not the address")),
                "{error}"
            );
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_takes_a_feature_which_is_named() {
        for url in ["wss://a/", "https://a/"] {
            let error = address(url).err().unwrap().to_string();
            assert!(error.contains("feature `tls`"), "{error}");
        }
    }

    #[test]
    fn a_token_goes_as_it_was_settled() {
        let by_header = header(TokenBy::Header, "abc", "authorization");
        assert_eq!(by_header.as_deref(), Some("Bearer abc"));
        let by_subprotocol = header(TokenBy::Subprotocol, "abc", "sec-websocket-protocol");
        assert_eq!(by_subprotocol.as_deref(), Some("rest-live, bearer.abc"));
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_an_error() {
        let address = address("ws://a/").unwrap();
        let call = address.call(Some((TokenBy::Header, "a\nb".to_owned())));
        assert!(matches!(call, Err(Error::Token(_))));
    }
}
