//! The server: sockets, upgrade, timers. The only place with tokio and a clock.

mod admission;
mod builder;
mod connection;
mod grant;
mod handshake;
mod listen;
mod origin;
mod refusal;
mod seats;
#[cfg(test)]
mod tests;
mod upgrade;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tower_service::Service;

use self::admission::Admitted;
pub(crate) use self::admission::{Admission, AdmissionBuilder};
use self::connection::{Connection, now};
pub use self::grant::Grant;
pub use self::handshake::Handshake;
pub use self::listen::{PeerAddr, serve};
pub use self::refusal::Refusal;
use self::upgrade::accept;
use crate::limits::Limits;
use crate::live::Live;
use crate::session::Session;

/// So many bytes are gathered for one write.
const WRITE_BUFFER: usize = 8 * 1024;

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
        let response = accept(&request)?;
        let upgrade = hyper::upgrade::on(&mut request);
        let Admitted {
            user,
            expires,
            seat,
        } = self.admission.admit(request.into_parts().0).await?;
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => self.converse(upgraded, user, expires).await,
                Err(error) => tracing::debug!(%error, "a client left before its socket was open"),
            }
            drop(seat);
        });
        Ok(response)
    }

    async fn converse(self, upgraded: Upgraded, user: Arc<U>, expires: Option<Instant>) {
        let config = config(&self.hub.limits);
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config))
                .await;
        let session = Session::new(Arc::clone(&self.hub), user, now(), expires);
        Connection::new(socket, session).await;
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
        Box::pin(async move {
            Ok(live
                .answer(request)
                .await
                .unwrap_or_else(Refusal::into_response))
        })
    }
}

/// Buffers for small messages: tungstenite's own defaults take 128 KiB a connection.
fn config(limits: &Limits) -> WebSocketConfig {
    let longest = limits.message_bytes.saturating_mul(4);
    // Room for any frame of an outbox. Without a bound, who sends pings and reads nothing fills the
    // memory with pongs.
    let unsent = limits.queue_bytes.saturating_add(2 * WRITE_BUFFER);
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(unsent)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}
