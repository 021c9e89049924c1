//! The server: sockets, upgrade, timers. The only place with tokio and a clock.

mod connection;
mod handshake;
mod socket;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::WebSocketConfig;

use self::connection::{Connection, now};
pub(crate) use self::handshake::{Admission, Authentication};
pub use self::handshake::{Handshake, Refusal};
use crate::limits::Limits;
use crate::live::Live;
use crate::session::Session;

/// How long a client of [`serve`] may take to send its request.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// So many bytes of a client are read at a time; a subscription takes some hundred.
const READ_BUFFER: usize = 512;

/// A tower service that turns requests into live connections. Made by [`Live::service`].
pub struct LiveService<U> {
    live: Live<U>,
}

impl<U: Send + Sync + 'static> Live<U> {
    /// The route for the WebSocket: a [`tower::Service`](tower_service::Service) for any path of
    /// any router on hyper.
    ///
    /// ```no_run
    /// # use rest_live_core::Live;
    /// # let live = Live::<()>::builder().anonymous().build()?;
    /// # let router = axum::Router::<()>::new();
    /// let router = router.route_service("/ws/subscribe/", live.service());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// It runs on tokio. The listener should set `TCP_NODELAY`: without it an event can wait 40 ms
    /// for the one before it to be acknowledged. In axum: `listener.tap_io(|socket|
    /// drop(socket.set_nodelay(true)))`.
    #[must_use]
    pub fn service(&self) -> LiveService<U> {
        LiveService { live: self.clone() }
    }

    async fn answer<B>(self, mut request: Request<B>) -> Result<Response<Full<Bytes>>, Refusal> {
        let accept = accept(&request)?;
        let upgrade = hyper::upgrade::on(&mut request);
        let handshake = Handshake::new(request.into_parts().0);
        let user = Arc::new(self.admission.admit(handshake).await?);
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => self.converse(upgraded, user).await,
                Err(error) => tracing::debug!(%error, "a client left before its socket was open"),
            }
        });
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        Ok(response)
    }

    async fn converse(self, upgraded: Upgraded, user: Arc<U>) {
        let config = config(&self.hub.limits);
        let session = Session::new(Arc::clone(&self.hub), user, now(), None);
        Connection::new(TokioIo::new(upgraded), session, config).await;
    }
}

impl<U> Clone for LiveService<U> {
    fn clone(&self) -> Self {
        Self {
            live: self.live.clone(),
        }
    }
}

impl<U> fmt::Debug for LiveService<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveService")
            .field("live", &self.live)
            .finish()
    }
}

impl<U: Send + Sync + 'static, B: Send + 'static> Service<Request<B>> for LiveService<U> {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let live = self.live.clone();
        Box::pin(async move { Ok(live.answer(request).await.unwrap_or_else(refuse)) })
    }
}

/// Serves live connections on every path of a listener, without a web framework. Runs until it is
/// dropped.
///
/// ```no_run
/// # use rest_live_core::{Live, serve};
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// # let live = Live::<()>::builder().anonymous().build()?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// serve(listener, live).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve<U: Send + Sync + 'static>(listener: TcpListener, live: Live<U>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => drop(tokio::spawn(serve_one(socket, live.service()))),
            Err(error) => {
                // Out of file descriptors, or a client that left at once: either way, the next may
                // fare better.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_one<U: Send + Sync + 'static>(socket: TcpStream, service: LiveService<U>) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let service =
        hyper::service::service_fn(move |request: Request<_>| service.clone().call(request));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_WITHIN)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection failed before its socket was open");
    }
}

/// Checks that a request asks for a WebSocket; gives the value that accepts it.
fn accept<B>(request: &Request<B>) -> Result<HeaderValue, Refusal> {
    let headers = request.headers();
    let bad = |message: &str| Refusal {
        status: StatusCode::BAD_REQUEST,
        message: message.to_owned(),
    };
    let is_http_1 = request.version() == Version::HTTP_11;
    if request.method() != Method::GET || !is_http_1 || !has(headers, &CONNECTION, "upgrade") {
        return Err(upgrade_required());
    }
    if !has(headers, &UPGRADE, "websocket") || !has(headers, &SEC_WEBSOCKET_VERSION, "13") {
        return Err(upgrade_required());
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .ok_or_else(|| bad("`Sec-WebSocket-Key` is missing"))?;
    if request.extensions().get::<OnUpgrade>().is_none() {
        tracing::error!(
            "a request cannot be upgraded: is the service behind something that is not hyper's HTTP/1 server?"
        );
        return Err(bad("this connection cannot be upgraded"));
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| bad("`Sec-WebSocket-Key` is no key"))
}

/// Whether one of a header's comma-separated values is `value`.
fn has(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(value))
}

fn upgrade_required() -> Refusal {
    let message =
        "this is a WebSocket of version 13: connect with `new WebSocket(...)` over HTTP/1.1"
            .to_owned();
    Refusal {
        status: StatusCode::UPGRADE_REQUIRED,
        message,
    }
}

fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    tracing::debug!(%refusal, "refused a connection");
    let mut response = Response::new(Full::from(refusal.message));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if refusal.status == StatusCode::UPGRADE_REQUIRED {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
}

/// Buffers for small messages: tungstenite's own defaults take 128 KiB a connection.
fn config(limits: &Limits) -> WebSocketConfig {
    let longest = limits.message_bytes.saturating_mul(4);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}
