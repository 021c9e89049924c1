//! The upgrade: from an HTTP request to a WebSocket.

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::derive_accept_key;

use super::handshake::items;
use super::refusal::Refusal;

/// The subprotocol of PROTOCOL.md.
const PROTOCOL: &str = "rest-live";

/// Checks that a request asks for a WebSocket; gives the answer that accepts it.
pub(super) fn accept<B>(request: &Request<B>) -> Result<Response<Full<Bytes>>, Refusal> {
    let accept = accept_key(request)?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    // Never another: it may be a token.
    if items(request.headers(), &SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == PROTOCOL) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    Ok(response)
}

fn accept_key<B>(request: &Request<B>) -> Result<HeaderValue, Refusal> {
    let headers = request.headers();
    let has =
        |name, value: &str| items(headers, &name).any(|item| item.eq_ignore_ascii_case(value));
    let is_http_1 = request.version() == Version::HTTP_11;
    if request.method() != Method::GET || !is_http_1 || !has(CONNECTION, "upgrade") {
        return Err(Refusal::upgrade_required());
    }
    if !has(UPGRADE, "websocket") || !has(SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refusal::upgrade_required());
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .ok_or_else(|| Refusal::bad_request("`Sec-WebSocket-Key` is missing"))?;
    if request.extensions().get::<OnUpgrade>().is_none() {
        tracing::error!(
            "a request cannot be upgraded: is the service behind something that is not hyper's HTTP/1 server?"
        );
        return Err(Refusal::bad_request("this connection cannot be upgraded"));
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| Refusal::bad_request("`Sec-WebSocket-Key` is no key"))
}
