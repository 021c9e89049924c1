//! The upgrade request, as the application sees it.

use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, HeaderName, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use http::{Extensions, HeaderMap, Uri};

/// The request that asks for a WebSocket, as
/// [`Builder::authenticate`](crate::Builder::authenticate) sees it; or for the
/// [inspector](crate::Live::inspector).
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

    /// The client's token: of the header `Authorization: Bearer <token>`, or of a subprotocol
    /// `bearer.<token>`.
    ///
    /// A page cannot set headers of a WebSocket, but it can offer subprotocols. It has to offer
    /// `rest-live` too, which is what the server chooses; the token is not sent back:
    ///
    /// ```js
    /// new WebSocket(url, ["rest-live", "bearer." + token])
    /// ```
    ///
    /// The names of subprotocols have no `=` and no `/`: a JWT will do as it is, other tokens in
    /// base64url without padding, or in hexadecimal digits.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let offered = || {
            items(self.headers(), &SEC_WEBSOCKET_PROTOCOL)
                .find_map(|protocol| protocol.strip_prefix("bearer."))
        };
        bearer(self.headers())
            .or_else(offered)
            .filter(|token| !token.is_empty())
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

/// Without the headers and the query, which hold what is nobody else's business.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("path", &self.uri().path())
            .finish_non_exhaustive()
    }
}

/// The token of an `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The comma-separated values of a header.
pub(super) fn items<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
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
    fn a_token_is_in_a_header_or_in_a_subprotocol() {
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let bearer = |headers: Headers<'_>| {
            let handshake = handshake("/ws/", headers);
            handshake.bearer().map(ToOwned::to_owned)
        };
        let protocol = "sec-websocket-protocol";
        let cases: [(Headers<'_>, Option<&str>); 10] = [
            (&[], None),
            (&[("authorization", "Bearer a.b-c_d")], Some("a.b-c_d")),
            (&[("authorization", "bearer  a ")], Some("a")),
            (&[("authorization", "Basic YTpi")], None),
            (&[("authorization", "Bearer")], None),
            (&[("authorization", "Bearer ")], None),
            (&[(protocol, "rest-live, bearer.a.b")], Some("a.b")),
            (
                &[(protocol, "rest-live"), (protocol, "bearer.a")],
                Some("a"),
            ),
            (&[(protocol, "rest-live, bearer., bearer")], None),
            (
                &[(protocol, "bearer.a"), ("authorization", "Bearer b")],
                Some("b"),
            ),
        ];
        for (headers, token) in cases {
            assert_eq!(bearer(headers).as_deref(), token, "{headers:?}");
        }
    }

    #[test]
    fn secrets_do_not_show_up_in_a_log() {
        let handshake = handshake("/ws/?token=t", &[("cookie", "session=s")]);
        assert_eq!(
            format!("{handshake:?}"),
            r#"Handshake { path: "/ws/", .. }"#
        );
    }
}
