//! The application's side: who listens, what he is told, and what is wanted of the connection.

use std::task::{Context, Poll};
use std::time::Instant;

use super::link::Link;
use super::listener::{Listener, State};
use super::queue::Told;
use super::{Key, Request, Session};
use crate::error::Error;

impl Session {
    /// Listens to a group, and connects if need be.
    pub(crate) fn subscribe(&mut self, request: Request, now: Instant) -> Key {
        self.serial += 1;
        let key = Key(self.serial);
        let listener = Listener::new(request, self.settings.queue_bytes);
        self.listeners.insert(key, listener);
        self.want(now);
        self.pump();
        self.wake_driver();
        key
    }

    /// Listens no more.
    pub(crate) fn unsubscribe(&mut self, key: Key, now: Instant) {
        if let Some(listener) = self.listeners.remove(&key) {
            self.forget_id(listener.state);
            self.give_place();
            self.pump();
            self.leave(now);
            self.wake_driver();
        }
    }

    /// What a subscription is told next; `None` once the session is over.
    pub(crate) fn poll_told(&mut self, key: Key, context: &Context<'_>) -> Poll<Option<Told>> {
        let Some(listener) = self.listeners.get_mut(&key) else {
            return Poll::Ready(None);
        };
        let Some(told) = listener.queue.pop() else {
            if matches!(self.link, Link::Over) {
                return Poll::Ready(None);
            }
            listener.queue.wake_at_next(context);
            return Poll::Pending;
        };
        if listener.queue.is_empty() && listener.state == State::Lagging {
            listener.state = State::Detached;
            self.pump();
            self.wake_driver();
        }
        Poll::Ready(Some(told))
    }

    /// Connects anew, at once: also after the server has closed for good.
    pub(crate) fn reconnect(&mut self, now: Instant) {
        if matches!(self.link, Link::Over) {
            return;
        }
        self.attempt = 0;
        self.let_go(Link::Idle);
        self.detach_all(&Error::Reconnect);
        if !self.listeners.is_empty() {
            self.connect(now);
        }
        self.wake_driver();
    }

    /// Another user is there: connects anew, and forgets what was told to the one before.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.end_all(&Error::Reset);
        self.reconnect(now);
    }

    /// Ends it: nobody is there any more to whom something could be told, or nobody who drives it.
    pub(crate) fn end(&mut self) {
        self.let_go(Link::Over);
        for listener in self.listeners.values_mut() {
            listener.queue.wake();
        }
        self.wake_driver();
    }

    pub(crate) fn state(&self) -> ConnectionState {
        match self.link {
            Link::Idle => ConnectionState::Idle,
            Link::Asking | Link::Dialing { .. } | Link::Authenticating { .. } => {
                ConnectionState::Connecting
            }
            Link::Open(_) => ConnectionState::Open,
            Link::Waiting { .. } => ConnectionState::Waiting,
            Link::Stopped | Link::Over => ConnectionState::Stopped,
        }
    }

    fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }
}

/// Where a client's connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nobody needs it.
    Idle,
    /// It is being opened, or the user is being told to the server.
    Connecting,
    /// It is there.
    Open,
    /// It broke, and is opened again in a while.
    Waiting,
    /// It does not come back by itself.
    Stopped,
}
