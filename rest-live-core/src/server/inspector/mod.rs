//! The inspector: a page that shows what a server does, and why somebody was told something.

mod board;
mod explained;
mod history;
mod overview;
mod page;
#[cfg(test)]
mod tests;
mod top;
mod view;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use serde::Serialize;
use tokio::sync::Mutex;
use tower_service::Service;

use self::board::Board;
use self::view::View;
use super::handshake::Handshake;
use super::refusal::Refusal;
use crate::live::Live;

/// A tower service with a page that shows what a [`Live`] does. Made by [`Live::inspector`].
pub struct Inspector<U> {
    board: Arc<Board<U>>,
    authorise: Arc<Authorise>,
    /// Held while the figures are gathered: whoever waits for them takes no thread meanwhile from the
    /// application, and is forgotten when he goes.
    gathering: Arc<Mutex<()>>,
}

type Authorised = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;
type Authorise = dyn Fn(Handshake) -> Authorised + Send + Sync;

impl<U: Send + Sync + 'static> Live<U> {
    /// A page that shows what this server does: connections, subscriptions, events and deliveries a
    /// second, queues, commits, the log; and for a connection and a change, why it was told what it
    /// was told. A [`tower::Service`](tower_service::Service), like [`Live::service`], for any one
    /// path of any router on hyper, with a slash at the end or without.
    ///
    /// `authorise` is asked with every request who that is; what it refuses gets that
    /// [`Refusal`]. There is no default: whoever it lets in sees the names of users, the values
    /// of keys, and every row that one of the connected users may see, as he sees it. The page
    /// changes nothing.
    ///
    /// Do not let everybody in because only your own network reaches the server: a page on the web
    /// that has its name point to the server's address (DNS rebinding) is of the server's own origin
    /// to a browser there. A cookie or a token keeps it out.
    ///
    /// ```
    /// # use rest_live_core::{Handshake, Live, Refusal};
    /// # let live = Live::<()>::builder().anonymous().build()?;
    /// let inspector = live.inspector(|request: Handshake| async move {
    ///     match request.bearer() {
    ///         Some("the operator's token") => Ok(()),
    ///         Some(_) => Err(Refusal::forbidden("you are no operator")),
    ///         None => Err(Refusal::unauthorized("log in first")),
    ///     }
    /// });
    /// let router = axum::Router::<()>::new().route_service("/inspector/", inspector);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// If `authorise` panics, the client gets a 500; if it takes longer than
    /// [`Limits::authenticate_within`](crate::Limits::authenticate_within), a 503. Connections have
    /// names where [`Builder::identify`](crate::Builder::identify) gives them.
    ///
    /// While somebody looks, the figures are gathered at most twice a second, however many look.
    #[must_use]
    pub fn inspector<F, R>(&self, authorise: F) -> Inspector<U>
    where
        F: Fn(Handshake) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        Inspector {
            board: Arc::new(Board::new(self.clone())),
            authorise: Arc::new(move |request| Box::pin(authorise(request))),
            gathering: Arc::default(),
        }
    }
}

impl<U: Send + Sync + 'static> Inspector<U> {
    async fn answer<B>(self, request: Request<B>) -> Result<Response<Full<Bytes>>, Refusal> {
        if request.method() != Method::GET {
            return Err(Refusal::method_not_allowed());
        }
        let request = Handshake::new(request.into_parts().0);
        let view = View::asked_for(&request);
        let admission = &self.board.live().admission;
        let authorised = async { (self.authorise)(request).await };
        admission
            .guarded("call of the inspector's `authorise`", authorised)
            .await?;
        match view? {
            View::Page => Ok(page::page()),
            View::Overview { after, find } => {
                let gathering = Arc::clone(&self.gathering).lock_owned().await;
                self.read(move |board| {
                    let _gathering = gathering;
                    Ok(board.overview(after, find.as_deref()))
                })
                .await
            }
            View::Changes { commit } => self.read(move |board| board.changes(commit)).await,
            View::Explained { connection, change } => {
                self.read(move |board| board.explain(connection, change))
                    .await
            }
        }
    }

    /// Reads something for the page, on a thread that may wait: permissions and serializers are
    /// code of the application, and the dispatcher's lock may be taken.
    async fn read<T: Serialize>(
        self,
        read: impl FnOnce(&Board<U>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        let read = move || {
            let json = serde_json::to_vec(&read(&self.board)?);
            json.map(page::json).map_err(|error| {
                tracing::error!(%error, "the inspector's figures are no JSON");
                Refusal::failed()
            })
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|_| Err(Refusal::failed()))
    }
}

impl<U> Clone for Inspector<U> {
    fn clone(&self) -> Self {
        Self {
            board: Arc::clone(&self.board),
            authorise: Arc::clone(&self.authorise),
            gathering: Arc::clone(&self.gathering),
        }
    }
}

impl<U> fmt::Debug for Inspector<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector").finish_non_exhaustive()
    }
}

impl<U: Send + Sync + 'static, B: Send + 'static> Service<Request<B>> for Inspector<U> {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inspector = self.clone();
        Box::pin(async move {
            let answer = inspector.answer(request).await;
            Ok(page::sealed(answer.unwrap_or_else(Refusal::into_response)))
        })
    }
}
