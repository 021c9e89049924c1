//! Who gets in: the upgrade request, its origin, and the application's word on its user.

use std::fmt;
use std::pin::Pin;

use http::header::{COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{Extensions, HeaderMap, StatusCode, Uri};

/// The request that asks for a WebSocket, as
/// [`Builder::authenticate`](crate::Builder::authenticate) sees it.
#[derive(Debug)]
pub struct Handshake {
    parts: Parts,
}

impl Handshake {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The request's URI, as the router left it.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.parts.uri
    }

    /// What middleware has put into the request: a session, or the peer's address.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// The value of a cookie, as it was sent.
    ///
    /// Any client can send any cookie: look the value up, or check its signature.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self
            .headers()
            .get_all(COOKIE)
            .into_iter()
            .filter_map(|header| header.to_str().ok());
        let mut pairs = headers
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The value of a parameter of the query, decoded.
    ///
    /// Addresses end up in the logs of proxies: a token given this way should be short-lived.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.uri().query()?.as_bytes();
        form_urlencoded::parse(query)
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }
}

/// The answer to somebody who does not get in, before any socket is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refusal {
    /// 401: it is not known who this is.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            message: message.into(),
        }
    }

    /// 403: it is known, and has no right to connect.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            message: message.into(),
        }
    }

    /// 503: it cannot be said just now, as when the session store is down.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: message.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.message)
    }
}

impl std::error::Error for Refusal {}

pub(crate) type Authentication<U> = Box<
    dyn Fn(Handshake) -> Pin<Box<dyn Future<Output = Result<U, Refusal>> + Send>> + Send + Sync,
>;

/// Decides who gets in.
pub(crate) struct Admission<U> {
    pub(crate) authentication: Option<Authentication<U>>,
    pub(crate) origins: Origins,
}

impl<U> Default for Admission<U> {
    fn default() -> Self {
        Self {
            authentication: None,
            origins: Origins::default(),
        }
    }
}

impl<U> Admission<U> {
    pub(super) async fn admit(&self, handshake: Handshake) -> Result<U, Refusal> {
        self.origins.check(handshake.headers(), handshake.uri())?;
        match &self.authentication {
            Some(authenticate) => authenticate(handshake).await,
            None => Err(Refusal::unavailable(
                "this server cannot authenticate anybody",
            )),
        }
    }
}

/// The origins whose pages may connect, besides those of the server's own host.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<String>,
    any: bool,
}

impl Origins {
    pub(crate) fn allow(&mut self, origin: String) {
        self.allowed.push(origin);
    }

    pub(crate) fn allow_any(&mut self) {
        self.any = true;
    }

    /// A browser always says where a page comes from; a client that says nothing is no browser and
    /// brings nobody else's cookies.
    fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default();
        let host = headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| Some(uri.authority()?.as_str()));
        let is_own = || match (origin.split_once("://"), host) {
            (Some((_, from)), Some(host)) => from.eq_ignore_ascii_case(host),
            _ => false,
        };
        let is_allowed = || {
            self.allowed
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin))
        };
        if self.any || is_own() || is_allowed() {
            return Ok(());
        }
        tracing::warn!(
            origin,
            host,
            "refused a page of a foreign origin; `allow_origin` lets it in"
        );
        Err(Refusal::forbidden("pages of this origin may not connect"))
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn handshake(uri: &str, headers: &[(&str, &str)]) -> Handshake {
        let request = headers
            .iter()
            .fold(Request::get(uri), |request, (name, value)| {
                request.header(*name, *value)
            });
        Handshake::new(request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn cookies_and_the_query_are_read() {
        let handshake = handshake(
            "/ws/?token=a%20b&x=1",
            &[("cookie", "a=1; session=s=2"), ("cookie", "b=3")],
        );
        assert_eq!(handshake.cookie("a"), Some("1"));
        assert_eq!(handshake.cookie("session"), Some("s=2"));
        assert_eq!(handshake.cookie("b"), Some("3"));
        assert_eq!(handshake.cookie("sess"), None);
        assert_eq!(handshake.query("token").as_deref(), Some("a b"));
        assert_eq!(handshake.query("y"), None);
    }

    #[test]
    fn only_pages_of_the_own_host_and_of_allowed_origins_connect() {
        let check = |origins: &Origins, headers: &[(&str, &str)]| {
            let handshake = handshake("/ws/", headers);
            origins.check(handshake.headers(), handshake.uri()).is_ok()
        };
        let own = Origins::default();
        let from = |origin| [("host", "shop.example:8080"), ("origin", origin)];
        assert!(check(&own, &[("host", "shop.example")]), "no browser");
        assert!(check(&own, &from("http://shop.example:8080")));
        assert!(check(&own, &from("https://SHOP.example:8080")));
        let foreign = [
            "http://shop.example",
            "http://evil.example",
            "null",
            "",
            "shop.example:8080",
            "http://shop.example:8080.evil",
        ];
        for origin in foreign {
            assert!(!check(&own, &from(origin)), "{origin:?}");
        }
        assert!(
            !check(&own, &[("origin", "http://shop.example")]),
            "no host to compare with"
        );
        let mut more = Origins::default();
        more.allow("https://app.example".into());
        assert!(check(&more, &from("https://app.example")));
        assert!(!check(&more, &from("http://app.example")));
        more.allow_any();
        assert!(check(&more, &from("null")));
    }
}
