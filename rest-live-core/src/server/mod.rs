//! The server: sockets, upgrade, timers. The only place with tokio and a clock.

mod admission;
mod builder;
mod connection;
mod grant;
mod handshake;
mod inspector;
mod lifecycle;
mod listen;
mod origin;
mod rate;
mod refusal;
mod seats;
mod socket;
#[cfg(test)]
mod tests;
mod upgrade;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower_service::Service;

use self::admission::Admitted;
pub(crate) use self::admission::{Admission, AdmissionBuilder};
use self::connection::{Connection, Door, now};
pub use self::grant::Grant;
pub use self::handshake::Handshake;
pub use self::inspector::Inspector;
pub use self::listen::{PeerAddr, serve};
pub use self::refusal::Refusal;
use self::upgrade::accept;
use crate::live::Live;
use crate::session::Session;

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
        if self.hub.connections.is_draining() {
            let within = self.hub.limits.reconnect_within;
            return Err(Refusal::unavailable("the server is shutting down").retry_after(within));
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let Admitted { who, seat } = self.admission.admit(request.into_parts().0).await?;
        // From here on it is a connection that can be ordered about, though its socket is not open.
        let mut session = Session::new(Arc::clone(&self.hub), who, now());
        if self.hub.connections.is_draining() {
            session.close(self.going_away(), now());
        }
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => {
                    let admission = Arc::clone(&self.admission);
                    let door = Door { admission, seat };
                    Connection::new(upgraded.into(), session, door).await;
                }
                Err(error) => tracing::debug!(%error, "a client left before its socket was open"),
            }
        });
        Ok(response)
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
            let counters = Arc::clone(&live.hub.counters);
            let answer = live.answer(request).await;
            Ok(answer.unwrap_or_else(|refusal| {
                counters.refused_handshakes.count(refusal.status().as_u16());
                refusal.into_response()
            }))
        })
    }
}
