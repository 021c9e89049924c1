//! Origins: whose pages may connect.

use std::net::Ipv6Addr;

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::request::Parts;

use super::handshake::bearer;
use super::refusal::Refusal;
use crate::registry::BuildError;

/// Where a page comes from, as a browser says it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    /// The port that a browser connects to; `None` where the scheme has no default.
    port: Option<u16>,
}

impl Origin {
    /// `scheme://host` or `scheme://host:port`.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = |c: u8| c.is_ascii_alphanumeric() || b"+-.".contains(&c);
        if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = host_and_port(rest)?;
        let port = port.or_else(|| default_port(&scheme));
        Some(Self { scheme, host, port })
    }

    /// Whether it is the origin of this server's own pages. A `Host` without a port means the
    /// default one, and of which scheme, only the browser knows: a proxy may have taken TLS off.
    /// Schemes that are not the web's have hosts that anybody can make up.
    fn is_of(&self, host: &str) -> bool {
        match (host_and_port(host), default_port(&self.scheme)) {
            (Some((host, port)), default @ Some(_)) => {
                host == self.host && port.or(default) == self.port
            }
            _ => false,
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Reads `host` or `host:port`, and writes the host in the one way in which browsers do.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => {
            let (ip, rest) = text.split_once(']')?;
            (format!("[{}]", ip.parse::<Ipv6Addr>().ok()?), rest)
        }
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            let is_name = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
            let is_host = !host.is_empty() && host.bytes().all(is_name);
            (is_host.then(|| host.to_ascii_lowercase())?, rest)
        }
    };
    if rest.is_empty() {
        return Some((host, None));
    }
    let port = rest.strip_prefix(':')?;
    let is_number = port.bytes().all(|c| c.is_ascii_digit());
    Some((host, Some(port.parse().ok().filter(|_| is_number)?)))
}

/// The origins whose pages may connect, besides those of the server's own host.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<Origin>,
    pub(crate) any: bool,
}

impl Origins {
    pub(crate) fn allow(&mut self, origin: String) -> Result<(), BuildError> {
        match Origin::parse(&origin) {
            Some(origin) => self.allowed.push(origin),
            None => return Err(BuildError::Origin { origin }),
        }
        Ok(())
    }

    /// A browser always says where a page comes from; a client that says nothing is no browser and
    /// brings nobody else's cookies.
    ///
    /// A page of an origin that nobody named may connect where all may, but not with what the
    /// browser adds without being asked: so it cannot act as its visitor.
    pub(super) fn check(&self, request: &mut Parts) -> Result<(), Refusal> {
        let Some(origin) = request.headers.get(ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default().to_owned();
        let host = request
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| Some(request.uri.authority()?.as_str()));
        let is_own = |page: &Origin| host.is_some_and(|host| page.is_of(host));
        let is_trusted = |page: Origin| is_own(&page) || self.allowed.contains(&page);
        if Origin::parse(&origin).is_some_and(is_trusted) {
            return Ok(());
        }
        if self.any {
            tracing::debug!(
                origin,
                "a page of a foreign origin connects, without cookies"
            );
            request.headers.remove(COOKIE);
            if bearer(&request.headers).is_none() {
                request.headers.remove(AUTHORIZATION);
            }
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

    fn request(headers: &[(&str, &str)]) -> Parts {
        let request = headers
            .iter()
            .fold(Request::get("/ws/"), |request, (name, value)| {
                request.header(*name, *value)
            });
        request.body(()).unwrap().into_parts().0
    }

    fn lets_in(origins: &Origins, headers: &[(&str, &str)]) -> bool {
        origins.check(&mut request(headers)).is_ok()
    }

    fn allowing(origin: &str) -> Result<Origins, BuildError> {
        let mut origins = Origins::default();
        origins.allow(origin.into()).map(|()| origins)
    }

    #[test]
    fn the_own_host_has_its_port() {
        let own = Origins::default();
        let both = |host, origin| lets_in(&own, &[("host", host), ("origin", origin)]);
        let own_pages = [
            ("shop.example:8080", "http://shop.example:8080"),
            ("shop.example:8080", "https://SHOP.example:8080"),
            ("Shop.Example", "https://shop.example"),
            ("shop.example", "http://shop.example"),
            ("shop.example:443", "https://shop.example"),
            ("shop.example:80", "http://shop.example"),
            ("shop.example", "https://shop.example:443"),
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("[::1]:3000", "http://[::1]:3000"),
            ("[0:0::1]", "http://[::1]"),
            ("[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ];
        for (host, origin) in own_pages {
            assert!(both(host, origin), "{origin} at {host}");
        }
        let foreign_pages = [
            ("shop.example:8080", "http://shop.example"),
            ("shop.example:80", "https://shop.example"),
            ("shop.example", "https://shop.example:8443"),
            ("shop.example", "http://shop.example:443"),
            ("shop.example", "http://evil.example"),
            ("shop.example", "http://shop.example.evil"),
            ("shop.example", "http://a.shop.example"),
            ("shop.example", "null"),
            ("shop.example", ""),
            ("shop.example", "shop.example"),
            ("null", "null"),
            ("localhost", "capacitor://localhost"),
            ("shop.example", "http://shop.example/"),
            ("shop.example", "http://shop.example http://shop.example"),
            ("[::1]:3000", "http://[::2]:3000"),
            ("::1", "http://[::1]"),
            ("", "http://"),
        ];
        for (host, origin) in foreign_pages {
            assert!(!both(host, origin), "{origin} at {host}");
        }
    }

    #[test]
    fn who_says_no_origin_is_no_page() {
        assert!(lets_in(&Origins::default(), &[("host", "shop.example")]));
        let no_host = [("origin", "http://shop.example")];
        assert!(!lets_in(&Origins::default(), &no_host));
    }

    #[test]
    fn other_origins_are_named() {
        let friend = allowing("https://Friend.example:443").unwrap();
        assert!(lets_in(&friend, &[("origin", "https://friend.example")]));
        for origin in [
            "http://friend.example",
            "https://friend.example:444",
            "https://a.friend.example",
            "null",
        ] {
            assert!(!lets_in(&friend, &[("origin", origin)]), "{origin}");
        }
        let application = allowing("capacitor://localhost").unwrap();
        assert!(lets_in(
            &application,
            &[("origin", "capacitor://localhost")]
        ));
    }

    #[test]
    fn what_is_no_origin_cannot_be_allowed() {
        for mistake in [
            "",
            "null",
            "*",
            "friend.example",
            "https://",
            "//friend.example",
            "https://friend.example/",
            "https://friend.example/app",
            "https://friend.example?x",
            "https://friend.example#x",
            "https://*.friend.example",
            "https://ann@friend.example",
            "https://friend.example:",
            "https://friend.example:+80",
            "https://friend.example:65536",
            "https://[friend]",
            "https://[::1]x",
            " https://friend.example",
            "https://fründ.example",
        ] {
            let error = allowing(mistake).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{mistake}` is no origin")),
                "{error}"
            );
        }
    }

    #[test]
    fn where_all_may_connect_only_trusted_pages_bring_cookies() {
        let mut origins = allowing("https://friend.example").unwrap();
        origins.any = true;
        let kept = |origin: Option<&str>, authorization| {
            let headers = [
                ("host", "shop.example"),
                ("cookie", "a=1"),
                ("cookie", "b=2"),
                ("authorization", authorization),
            ];
            let origin = origin.map(|origin| ("origin", origin));
            let mut request = request(&headers.into_iter().chain(origin).collect::<Vec<_>>());
            origins.check(&mut request).unwrap();
            (
                request.headers.get_all(COOKIE).iter().count(),
                request.headers.contains_key(AUTHORIZATION),
            )
        };
        for trusted in [
            None,
            Some("https://shop.example"),
            Some("https://friend.example"),
        ] {
            assert_eq!(kept(trusted, "Basic YTpi"), (2, true), "{trusted:?}");
        }
        for foreign in ["https://evil.example", "null", ""] {
            assert_eq!(kept(Some(foreign), "Basic YTpi"), (0, false), "{foreign}");
            assert_eq!(kept(Some(foreign), "Bearer t"), (0, true), "{foreign}");
        }
    }
}
