//! The driver: carries what happens between the session, its socket and the application's tokens.

mod address;
mod socket;
#[cfg(feature = "tls")]
mod tls;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::Sleep;

pub(crate) use self::address::Address;
use self::socket::{Heard, Socket};
use crate::client::Shared;
use crate::error::{Cause, Error};
use crate::session::{Moment, Output, Session, TokenBy};
use crate::token::TokenSource;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// So many messages of the server are taken before other tasks get their turn.
const MESSAGES_AT_ONCE: usize = 64;

/// When to look again where nothing is due.
const FAR: Duration = Duration::from_secs(60 * 60);

/// Drives a session until nobody is there any more.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    address: Address,
    token_by: Option<TokenBy>,
    source: Option<Arc<dyn TokenSource>>,
    /// The application's answer that is awaited. It runs on its own, and may take its time or
    /// panic.
    token: JoinSet<Result<Option<String>, Cause>>,
    line: Line,
    timer: Pin<Box<Sleep>>,
}

enum Line {
    None,
    Dialing(Boxed<Result<Box<Socket>, Error>>),
    Open(Box<Socket>),
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        address: Address,
        token_by: Option<TokenBy>,
        source: Option<Arc<dyn TokenSource>>,
    ) -> Self {
        Self {
            shared,
            address,
            token_by,
            source,
            token: JoinSet::new(),
            line: Line::None,
            timer: Box::pin(tokio::time::sleep(FAR)),
        }
    }

    /// Takes what has happened. `Ready` if there may be more of it.
    fn poll_events(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(Some(token)) = self.token.poll_join_next(context) {
            let token = token.unwrap_or_else(|error| Err(Arc::new(error)));
            self.tell(|session, at| session.handle_token(token, at));
            return Poll::Ready(());
        }
        match &mut self.line {
            Line::None => Poll::Pending,
            Line::Dialing(dial) => dial.as_mut().poll(context).map(|dialed| match dialed {
                Ok(socket) => {
                    self.line = Line::Open(socket);
                    self.tell(Session::handle_open);
                }
                Err(error) => self.lost(error),
            }),
            Line::Open(socket) => socket.poll_heard(context).map(|heard| match heard {
                Ok(Heard::Text(text)) => self.tell(|session, at| session.handle_text(&text, at)),
                Ok(Heard::SignOfLife) => {
                    self.tell(|session, at| session.handle_sign_of_life(at.now));
                }
                Err(error) => self.lost(error),
            }),
        }
    }

    /// Does what the session wants done, as far as the socket takes it.
    fn poll_output(&mut self, context: &mut Context<'_>) {
        loop {
            if let Line::Open(socket) = &mut self.line
                && self.shared.lock().wants_to_send()
            {
                match socket.poll_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => self.lost(error),
                    Poll::Pending => return,
                }
            }
            let output = self.shared.lock().poll_output();
            match (output, &mut self.line) {
                (Some(output), _) => self.act(output),
                (None, Line::Open(socket)) => match socket.poll_flush(context) {
                    Poll::Ready(Err(error)) => self.lost(error),
                    Poll::Ready(Ok(())) | Poll::Pending => return,
                },
                (None, Line::None | Line::Dialing(_)) => return,
            }
        }
    }

    fn act(&mut self, output: Output) {
        match (output, &mut self.line) {
            (Output::AskToken, _) => {
                self.token = JoinSet::new();
                if let Some(source) = self.source.clone() {
                    self.token.spawn(async move { source.token().await });
                }
            }
            (Output::Dial(token), _) => {
                let call = self.address.call(self.token_by.zip(token));
                self.line = Line::Dialing(Box::pin(Socket::dial(call)));
            }
            (Output::Send(text), Line::Open(socket)) => {
                if let Err(error) = socket.send(text) {
                    self.lost(error);
                }
            }
            (Output::Send(_), _) => {}
            (Output::HangUp, _) => {
                self.token = JoinSet::new();
                if let Line::Open(socket) = std::mem::replace(&mut self.line, Line::None) {
                    tokio::spawn(socket.say_goodbye());
                }
            }
        }
    }

    /// The session lets go of a socket that is open.
    fn lost(&mut self, error: Error) {
        tracing::debug!(%error, "the connection is lost");
        if let Line::Dialing(_) = self.line {
            self.line = Line::None;
        }
        self.tell(|session, at| session.handle_lost(error, at));
    }

    /// Looks at the clock. `Ready` if something was due; otherwise it will look again in time.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self.shared.lock().poll_timeout();
        let now = Instant::now();
        let next = due.unwrap_or(now + FAR);
        if next <= now {
            self.tell(Session::handle_timeout);
            return Poll::Ready(());
        }
        if self.timer.deadline().into_std() != next {
            self.timer.as_mut().reset(next.into());
        }
        self.timer.as_mut().poll(context)
    }

    fn tell(&self, what: impl FnOnce(&mut Session, Moment)) {
        let at = Moment {
            now: Instant::now(),
            chance: fastrand::f64(),
        };
        what(&mut self.shared.lock(), at);
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.shared.lock().wake_at_change(context);
        for _ in 0..MESSAGES_AT_ONCE {
            this.poll_output(context);
            if this.shared.lock().is_over() {
                return Poll::Ready(());
            }
            if this.poll_timer(context).is_pending() && this.poll_events(context).is_pending() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    /// Whether it is done, or its runtime ends: nobody waits for what does not come.
    fn drop(&mut self) {
        self.shared.lock().end();
    }
}
