//! The session: one connection's protocol, without I/O and without a clock.
//!
//! What the connection reads goes into [`Session::handle_text`] and its like; what it is to send
//! comes out of [`Session::poll_output`]. Time is an argument, and [`Session::poll_timeout`] says
//! when [`Session::handle_timeout`] is due.

mod close;
mod error;
mod frame;
mod identity;
mod message;
mod outbox;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

pub(crate) use self::close::CloseReason;
pub(crate) use self::error::{Reason, Refused};
pub(crate) use self::frame::Frame;
use self::identity::Claim;
pub(crate) use self::identity::Who;
use self::message::{Message, Request};
#[cfg(feature = "server")]
pub(crate) use self::outbox::Pipe;
pub(crate) use self::outbox::{Load, Outbox};
use crate::connections::{Identity, Link};
use crate::dispatcher::{GroupId, MemberId};
#[cfg(feature = "server")]
use crate::limits::Limits;
use crate::limits::NEVER;
use crate::live::Hub;

/// One connection's protocol state machine.
pub(crate) struct Session<U> {
    hub: Arc<Hub<U>>,
    link: Arc<Link<U>>,
    /// `None` until the client says who it is.
    user: Option<Arc<U>>,
    outbox: Arc<Outbox>,
    /// The subscriptions of the seed form, one a group, however often it was asked for.
    seed: HashMap<GroupId, Stacked>,
    /// The subscriptions of the extended form, by `id` as JSON.
    extended: HashMap<Arc<str>, (GroupId, MemberId)>,
    heartbeat: Heartbeat,
    /// When the user has to say, or say again, who he is.
    expires: Option<Instant>,
    claim: Claim,
    is_ping_due: bool,
    closing: Closing,
}

struct Stacked {
    member: MemberId,
    /// So many unsubscribes are needed.
    count: usize,
}

#[derive(Debug, Clone, Copy)]
enum Heartbeat {
    PingAt(Instant),
    PongBy(Instant),
}

#[derive(Debug, Clone, Copy)]
enum Closing {
    No,
    /// The closing handshake is to be sent, and answered by then.
    Because(CloseReason, Instant),
    Said(Instant),
    Over,
}

/// What the connection is to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Text(Frame),
    Ping,
    /// Nothing to send: somebody is to be asked whose token this is, and
    /// [`Session::handle_authenticated`] to be told.
    Authenticate(String),
    /// The last output: the closing handshake.
    Close(CloseReason),
}

impl<U> Session<U> {
    pub(crate) fn new(hub: Arc<Hub<U>>, who: Who<U>, now: Instant) -> Self {
        let (user, expires) = match who {
            Who::Known(Identity { user, expires }) => (Some(user), expires),
            Who::Unknown { by } => (None, Some(by)),
        };
        let outbox = Arc::new(Outbox::new(hub.limits.queue_bytes));
        Self {
            link: hub.open(&outbox, user.clone(), now),
            outbox,
            heartbeat: Heartbeat::PingAt(later(now, hub.limits.ping_every)),
            hub,
            user,
            seed: HashMap::new(),
            extended: HashMap::new(),
            expires,
            claim: Claim::None,
            is_ping_due: false,
            closing: Closing::No,
        }
    }

    /// Takes a text message: does what it asks, or answers with an error frame. Nothing, if the
    /// connection is closing.
    pub(crate) fn handle_text(&mut self, text: &str) {
        if !matches!(self.closing, Closing::No) {
            return;
        }
        if let Err(refused) = self.request(text) {
            tracing::debug!(reason = ?refused.reason, message = refused.message, "refused a client's message");
            self.refuse(&refused);
        }
    }

    /// Takes a text message that came too soon after the others: says so, and does nothing.
    #[cfg(feature = "server")]
    pub(crate) fn handle_flood(&mut self, text: &str) {
        let message = "too many messages at a time; this one has done nothing";
        self.refuse(&Refused {
            id: Message::id_of(text),
            ..Refused::new(Reason::RateLimited, message)
        });
    }

    /// Takes a binary message, which the protocol does not have.
    pub(crate) fn handle_binary(&mut self) {
        self.refuse(&Refused::new(
            Reason::BadMessage,
            "a message is text, not binary",
        ));
    }

    /// Answers with an error frame. Nothing comes after the closing handshake.
    fn refuse(&self, refused: &Refused) {
        if matches!(self.closing, Closing::No) {
            self.hub.counters.refused.count(refused.reason);
            self.outbox.push(refused.frame());
        }
    }

    /// Takes a pong; `false` if it answers no ping.
    pub(crate) fn handle_pong(&mut self, now: Instant) -> bool {
        let is_due = matches!(self.heartbeat, Heartbeat::PongBy(_));
        if is_due {
            self.heartbeat = Heartbeat::PingAt(later(now, self.hub.limits.ping_every));
        }
        is_due
    }

    /// Does what is due. Nothing, if it comes too early.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.obey(now);
        match self.closing {
            Closing::No if self.outbox.has_overflowed() => {
                // Or it has just been ordered to be silent.
                self.obey(now);
                self.close(CloseReason::SlowConsumer, now);
            }
            Closing::No if self.expires.is_some_and(|due| due <= now) => {
                let reason = match self.user {
                    Some(_) => CloseReason::Expired,
                    None => CloseReason::AuthTooLate,
                };
                self.close(reason, now);
            }
            Closing::No => self.beat(now),
            Closing::Because(_, due) | Closing::Said(due) if due <= now => {
                self.closing = Closing::Over;
            }
            Closing::Because(..) | Closing::Said(_) | Closing::Over => {}
        }
    }

    /// When [`Session::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Instant {
        match (self.closing, self.heartbeat) {
            (Closing::Because(_, due) | Closing::Said(due), _) => due,
            (Closing::No | Closing::Over, Heartbeat::PingAt(due) | Heartbeat::PongBy(due)) => {
                self.expires.map_or(due, |expires| expires.min(due))
            }
        }
    }

    /// What to send next; `None` for now nothing.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        match self.closing {
            Closing::No if std::mem::take(&mut self.is_ping_due) => Some(Output::Ping),
            Closing::No => self
                .take_claim()
                .map(Output::Authenticate)
                .or_else(|| self.next_frame().map(Output::Text)),
            Closing::Because(reason, due) => self.next_frame().map(Output::Text).or_else(|| {
                self.closing = Closing::Said(due);
                Some(Output::Close(reason))
            }),
            Closing::Said(_) | Closing::Over => None,
        }
    }

    /// Has the task woken when there is more to do. Call it before [`Session::handle_timeout`] and
    /// the last [`Session::poll_output`].
    pub(crate) fn wake_at_output(&self, context: &Context<'_>) {
        self.outbox.wake_at_next(context);
    }

    /// Whether the client had its time to answer the closing handshake.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.closing, Closing::Over)
    }

    fn next_frame(&self) -> Option<Frame> {
        let frame = self.outbox.pop();
        if self.outbox.take_parts_have_left() {
            self.hub.snapshots.parts_have_left();
        }
        frame
    }

    fn beat(&mut self, now: Instant) {
        match self.heartbeat {
            Heartbeat::PingAt(due) if due <= now => {
                self.is_ping_due = true;
                self.heartbeat = Heartbeat::PongBy(later(now, self.hub.limits.pong_within));
            }
            // It may lie there unread.
            Heartbeat::PongBy(due) if due <= now && self.is_authenticating() => {
                self.heartbeat = Heartbeat::PongBy(later(now, self.hub.limits.pong_within));
            }
            Heartbeat::PongBy(due) if due <= now => self.close(CloseReason::NoPong, now),
            Heartbeat::PingAt(_) | Heartbeat::PongBy(_) => {}
        }
    }

    /// Begins the closing handshake, unless it has begun.
    pub(crate) fn close(&mut self, reason: CloseReason, now: Instant) {
        if !matches!(self.closing, Closing::No) {
            return;
        }
        tracing::debug!(?reason, "closing a connection");
        let (code, _) = reason.code();
        self.hub.counters.closed.count(code);
        self.closing = Closing::Because(reason, later(now, self.hub.limits.close_within));
        self.leave_all();
    }

    /// The client has closed the connection. What is on its way to it has so long.
    #[cfg(feature = "server")]
    pub(crate) fn handle_goodbye(&mut self, now: Instant) {
        self.leave_all();
        if matches!(self.closing, Closing::No) {
            self.hub.counters.left.add(1);
            self.closing = Closing::Said(later(now, self.hub.limits.close_within));
        }
    }

    /// Does what a text message asks.
    pub(crate) fn request(&mut self, text: &str) -> Result<(), Refused> {
        let most = self.hub.limits.message_bytes;
        if text.len() > most {
            let message = format!("the message has {} bytes; {most} are the most", text.len());
            return Err(Refused::new(Reason::MessageTooBig, message));
        }
        let Message { id, request } = Message::parse(text)?;
        self.forget_refused();
        let user = self.user.clone();
        let done = match (request, user) {
            (Request::Auth { token }, _) => self.claim(token),
            (_, None) => Err(Refused::new(
                Reason::Unauthorized,
                r#"say first who you are: {"type":"auth","token":"..."}"#,
            )),
            (
                Request::Subscribe {
                    target,
                    since,
                    start,
                },
                Some(user),
            ) => self.subscribe(&user, id.clone(), &target, since.as_deref(), start),
            (Request::Unsubscribe { target }, Some(user)) => {
                self.unsubscribe(&user, id.as_deref(), target.as_ref())
            }
        };
        self.note_subscriptions();
        done.map_err(|refused| Refused { id, ..refused })
    }

    /// Whether snapshots are on their way to this connection.
    pub(crate) fn awaits_snapshot(&self) -> bool {
        let dispatcher = self.hub.dispatcher();
        let mut subscriptions = self.extended.values();
        subscriptions.any(|(_, member)| dispatcher.expects(*member))
    }

    /// The frames that wait to be sent.
    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    #[cfg(feature = "server")]
    pub(crate) fn limits(&self) -> &Limits {
        &self.hub.limits
    }

    pub(crate) fn user(&self) -> Option<&Arc<U>> {
        self.user.as_ref()
    }
}

impl<U> Drop for Session<U> {
    fn drop(&mut self) {
        if matches!(self.closing, Closing::No) {
            self.hub.counters.left.add(1);
        }
        self.leave_all();
        self.hub.connections.close(&self.link);
    }
}

/// A time from now, or never.
fn later(now: Instant, time: Duration) -> Instant {
    now + time.min(NEVER)
}
