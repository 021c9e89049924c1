//! The page and its headers.

use bytes::Bytes;
use http::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http_body_util::Full;

/// The whole page, in one piece: it asks for nothing but the figures.
const PAGE: &str = concat!(
    include_str!("page/head.html"),
    "<style>",
    include_str!("page/style.css"),
    "</style>",
    include_str!("page/body.html"),
    "<script type=\"module\">",
    include_str!("page/format.js"),
    include_str!("page/chart.js"),
    include_str!("page/panels.js"),
    include_str!("page/explain.js"),
    include_str!("page/main.js"),
    "</script></body></html>\n",
);

/// What the page may do: run this script, look like this, and ask its own server. The names are the
/// SHA-256 of the texts between the tags; a test says what they have to be.
const POLICY: &str = "default-src 'none'; \
    script-src 'sha256-AryvyG4BBWsGsuAQGqkF2OqsmlBo/Ly+L38B9nHbbAA='; \
    style-src 'sha256-xitZquKyzHJJs/DH3btr53PRIUVltWlJS6heHQLuuvA='; \
    img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn page() -> Response<Full<Bytes>> {
    let mut response = typed(
        "text/html; charset=utf-8",
        Bytes::from_static(PAGE.as_bytes()),
    );
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

pub(super) fn json(json: Vec<u8>) -> Response<Full<Bytes>> {
    typed("application/json", json.into())
}

fn typed(content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Nobody keeps it, frames it, takes it for something else, or reads it from another origin.
pub(super) fn sealed(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    const HEADERS: [(HeaderName, &str); 5] = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}
