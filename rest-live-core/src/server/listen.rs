//! The listener: connections without a web framework.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower_service::Service;

use super::LiveService;
use super::seats::Seats;
use crate::limits::{Limits, NEVER};
use crate::live::Live;

/// The address that a client of [`serve`] connects from, in the request's extensions.
///
/// Behind a proxy it is the proxy's: see [`Builder::address`](crate::Builder::address).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Serves live connections on every path of a listener, without a web framework. Runs until the
/// server has [shut down](Live::shutdown), or until it is dropped.
///
/// From the beginning of a shutdown on it accepts nobody. It returns when all clients have been
/// sent away, and at the latest when their time is up: then the runtime may end too.
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
    let most = live.hub.limits.handshakes.min(Semaphore::MAX_PERMITS);
    let handshakes = Arc::new(Semaphore::new(most));
    let shares = shares(&live.hub.limits);
    let mut draining = pin!(live.draining());
    let deadline = loop {
        // Who comes meanwhile waits in the kernel, where he takes next to nothing.
        let accept = async {
            let permit = Arc::clone(&handshakes).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accept => accepted,
            deadline = &mut draining => break deadline,
        };
        match accepted {
            Ok((socket, address)) => {
                let known = live.admission.goes_by_peers().then_some(address.ip());
                let Ok(share) = shares.take(known) else {
                    tracing::debug!(%address, "too many handshakes of this address");
                    continue;
                };
                let handshake = serve_one(socket, PeerAddr(address), live.service());
                tokio::spawn(async move {
                    handshake.await;
                    // First, so that who comes in the permit's place finds it free.
                    drop(share);
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, or a client that left at once: either way, the next may
                // fare better.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    drop(listener);
    // By the clock too: whoever called `shutdown` may have dropped it.
    drop(tokio::time::timeout_at(deadline.into(), live.emptied()).await);
}

/// One address takes a quarter of the handshakes at most, or a single one could keep all others
/// out by saying nothing.
const SHARES: usize = 4;

/// The handshakes of each address. How many there are in all, the permits bound.
fn shares(limits: &Limits) -> Arc<Seats> {
    Seats::new(&Limits {
        connections: usize::MAX,
        connections_per_address: limits.handshakes.div_ceil(SHARES),
        ..*limits
    })
}

/// Answers a client's request, by its socket or by a word after which it is hung up on: who only
/// asks is not to stay in the place of others.
async fn serve_one<U: Send + Sync + 'static>(
    socket: TcpStream,
    peer: PeerAddr,
    service: LiveService<U>,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let handshake_within = service.live.hub.limits.handshake_within;
    let service = service_fn(move |mut request: http::Request<_>| {
        request.extensions_mut().insert(peer);
        let answer = service.clone().call(request);
        async { answer.await.map(hang_up_after) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(handshake_within.min(NEVER))
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection failed before its socket was open");
    }
}

/// Says that an answer is the last, unless it opens a socket.
fn hang_up_after<B>(mut answer: Response<B>) -> Response<B> {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        // Beside what may be there: that to ask for an upgrade helps.
        let close = HeaderValue::from_static("close");
        answer.headers_mut().append(CONNECTION, close);
    }
    answer
}
