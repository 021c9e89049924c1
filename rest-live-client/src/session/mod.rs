//! The session: what a client does with its one connection, without I/O, clock, runtime or chance.
//!
//! What happens goes into `handle_...`; what is to be done comes out of [`Session::poll_output`].
//! [`Session::poll_timeout`] says when [`Session::handle_timeout`] is due. The application's side
//! is [`Session::subscribe`] and its like, and [`Session::poll_told`].

mod application;
mod backoff;
mod frame;
mod link;
mod listener;
mod login;
mod message;
mod queue;
mod subscriptions;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

pub use self::application::ConnectionState;
pub(crate) use self::frame::Action;
use self::link::Link;
use self::listener::{Listener, State};
pub(crate) use self::listener::{Request, Start};
pub(crate) use self::queue::Told;

/// As good as never: a longer time from now may be none that a clock has.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// When it is, and how the dice have fallen: `chance` is in [0, 1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) chance: f64,
}

/// What the application has settled.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How the token goes to the server, if there are tokens.
    pub(crate) token_by: Option<TokenBy>,
    /// For how long the socket stays when nobody needs it any more.
    pub(crate) linger: Duration,
    /// After how long a silence the server is asked for a sign of life.
    pub(crate) probe_after: Duration,
    /// How many bytes may wait for the reader of a subscription.
    pub(crate) queue_bytes: usize,
}

/// How a token goes to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenBy {
    /// In the request, as `Authorization: Bearer <token>`.
    Header,
    /// In the request, as the subprotocol `bearer.<token>`.
    Subprotocol,
    /// In the first message, and before it expires in another.
    Message,
}

/// Names a subscription, for as long as there is its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u64);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Ask the application for a token, and tell [`Session::handle_token`].
    AskToken,
    /// Open a socket, with this token in the request, and tell [`Session::handle_open`] or
    /// [`Session::handle_lost`].
    Dial(Option<String>),
    /// Send this text on the socket.
    Send(String),
    /// Let go of the socket, or of the try to have one. What it still says does not count.
    HangUp,
}

pub(crate) struct Session {
    settings: Settings,
    link: Link,
    /// So many connections have failed in a row.
    attempt: u32,
    /// When the socket goes that nobody needs.
    linger: Option<Instant>,
    listeners: BTreeMap<Key, Listener>,
    /// The subscriptions that the server knows on this connection.
    ids: HashMap<u64, Key>,
    /// Ids are used once: what is still on its way to an old subscription is then nobody else's.
    serial: u64,
    output: VecDeque<Output>,
    driver: Option<Waker>,
}

impl Session {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            link: Link::Idle,
            attempt: 0,
            linger: None,
            listeners: BTreeMap::new(),
            ids: HashMap::new(),
            serial: message::NOTHING,
            output: VecDeque::new(),
            driver: None,
        }
    }

    /// What is to be done next; `None` for now nothing.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Whether what is to be done next takes a socket that is ready for it.
    pub(crate) fn wants_to_send(&self) -> bool {
        matches!(self.output.front(), Some(Output::Send(_)))
    }

    /// Has the driver woken when the application has changed something.
    pub(crate) fn wake_at_change(&mut self, context: &Context<'_>) {
        self.driver = Some(context.waker().clone());
    }

    /// Whether there is nothing more to do.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.link, Link::Over) && self.output.is_empty()
    }

    /// When [`Session::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let link = match &self.link {
            Link::Idle | Link::Asking | Link::Stopped | Link::Over => None,
            Link::Dialing { by, .. } | Link::Authenticating { by } => Some(*by),
            Link::Waiting { until } => Some(*until),
            Link::Open(open) => Some(open.due(self.settings.probe_after)),
        };
        let parked = self
            .listeners
            .values()
            .filter_map(|listener| match listener.state {
                State::Parked { until, .. } => Some(until),
                _ => None,
            });
        parked.chain(link).chain(self.linger).min()
    }

    /// Does what is due. Nothing, if it comes too early.
    pub(crate) fn handle_timeout(&mut self, at: Moment) {
        if self.linger.is_some_and(|due| due <= at.now) {
            self.linger = None;
            self.let_go(Link::Idle);
        }
        self.unpark(at.now);
        match self.link {
            Link::Dialing { by, .. } | Link::Authenticating { by } if by <= at.now => {
                self.lose(link::too_late(), at);
            }
            Link::Waiting { until } if until <= at.now => self.connect(at.now),
            Link::Open(_) => {
                self.renew_if_due(at.now);
                self.look_after(at);
            }
            _ => {}
        }
    }
}
