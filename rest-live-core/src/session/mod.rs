//! The session: one connection's protocol, without I/O and without a clock.
//!
//! What the connection reads goes into [`Session::handle_text`] and its like; what it is to send
//! comes out of [`Session::poll_output`]. Time is an argument, and [`Session::poll_timeout`] says
//! when [`Session::handle_timeout`] is due.

mod error;
mod message;
mod outbox;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

pub(crate) use self::error::{Reason, Refused};
use self::message::{Message, Request, Start, Target, excerpt};
pub(crate) use self::outbox::{Frame, Outbox};
use crate::change::ModelId;
use crate::dispatcher::{Form, GroupId, Member, MemberId};
use crate::live::Hub;
use crate::log::Cursor;
use crate::registry::Model;
use crate::snapshot::Job;

/// One connection's protocol state machine.
pub(crate) struct Session<U> {
    hub: Arc<Hub<U>>,
    user: Arc<U>,
    outbox: Arc<Outbox>,
    /// The subscriptions of the seed form, one a group, however often it was asked for.
    seed: HashMap<GroupId, Stacked>,
    /// The subscriptions of the extended form, by `id` as JSON.
    extended: HashMap<Box<str>, (GroupId, MemberId)>,
    heartbeat: Heartbeat,
    /// When the user has to say again who he is.
    expires: Option<Instant>,
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
    /// The last output: the closing handshake.
    Close(CloseReason),
}

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    BadFrame,
    NotUtf8,
    MessageTooBig,
    Expired,
    SlowConsumer,
    NoPong,
}

impl CloseReason {
    /// The close code, and the reason that goes with it.
    pub(crate) fn code(self) -> (u16, &'static str) {
        match self {
            Self::BadFrame => (1002, "bad frame"),
            Self::NotUtf8 => (1007, "text is not UTF-8"),
            Self::MessageTooBig => (1009, "message too big"),
            Self::Expired => (4003, "not authenticated"),
            Self::SlowConsumer => (4508, "slow consumer"),
            Self::NoPong => (4512, "no pong"),
        }
    }
}

impl<U> Session<U> {
    /// A session of `user`, until it `expires`.
    pub(crate) fn new(
        hub: Arc<Hub<U>>,
        user: Arc<U>,
        now: Instant,
        expires: Option<Instant>,
    ) -> Self {
        Self {
            outbox: Arc::new(Outbox::new(hub.limits.queue_bytes)),
            heartbeat: Heartbeat::PingAt(later(now, hub.limits.ping_every)),
            hub,
            user,
            seed: HashMap::new(),
            extended: HashMap::new(),
            expires,
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
            self.outbox.push(refused.frame());
        }
    }

    /// Takes a binary message, which the protocol does not have.
    pub(crate) fn handle_binary(&mut self) {
        self.outbox
            .push(Refused::new(Reason::BadMessage, "a message is text, not binary").frame());
    }

    /// Takes the answer to a ping.
    pub(crate) fn handle_pong(&mut self, now: Instant) {
        if let Heartbeat::PongBy(_) = self.heartbeat {
            self.heartbeat = Heartbeat::PingAt(later(now, self.hub.limits.ping_every));
        }
    }

    /// Does what is due. Nothing, if it comes too early.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match self.closing {
            Closing::No if self.outbox.has_overflowed() => {
                self.close(CloseReason::SlowConsumer, now);
            }
            Closing::No if self.expires.is_some_and(|due| due <= now) => {
                self.close(CloseReason::Expired, now);
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
            Closing::No => self.next_frame().map(Output::Text),
            Closing::Because(reason, due) => {
                self.closing = Closing::Said(due);
                Some(Output::Close(reason))
            }
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
        self.closing = Closing::Because(reason, later(now, self.hub.limits.close_within));
        self.leave_all();
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
        let done = match request {
            Request::Subscribe {
                target,
                since,
                start,
            } => self.subscribe(id.clone(), &target, since.as_deref(), start),
            Request::Unsubscribe { target } => self.unsubscribe(id.as_deref(), target.as_ref()),
        };
        done.map_err(|refused| Refused { id, ..refused })
    }

    fn subscribe(
        &mut self,
        id: Option<Box<str>>,
        target: &Target,
        since: Option<&str>,
        start: Start,
    ) -> Result<(), Refused> {
        let group = group(self.model(target)?, target)?;
        self.check_start(&group, start)?;
        if let Some(id) = &id
            && self.extended.contains_key(id)
        {
            let message =
                format!("the id {id} has a subscription; unsubscribe it, or take another id");
            return Err(Refused::new(Reason::DuplicateId, message));
        }
        if id.is_none()
            && let Some(stacked) = self.seed.get_mut(&group)
        {
            stacked.count += 1;
            return Ok(());
        }
        let most = self.hub.limits.subscriptions;
        if self.seed.len() + self.extended.len() >= most {
            let message = format!(
                "{most} subscriptions are the most on one connection; unsubscribe from others first"
            );
            return Err(Refused::new(Reason::TooManySubscriptions, message));
        }
        match id {
            None => {
                let member = self.join(group.clone(), Form::Seed, None);
                self.seed.insert(group, Stacked { member, count: 1 });
            }
            Some(id) => {
                let since = since.and_then(|cursor| cursor.parse().ok());
                let form = Form::Extended { id: id.clone() };
                let member = match start {
                    Start::Changes => self.join(group.clone(), form, since),
                    Start::Snapshot => self.ask_for_snapshot(group.clone(), form, since),
                };
                self.extended.insert(id, (group, member));
            }
        }
        Ok(())
    }

    /// Whether subscriptions of this model can begin so.
    fn check_start(&self, group: &GroupId, start: Start) -> Result<(), Refused> {
        let model = self.hub.registry.model(group.model);
        if start == Start::Changes || model.snapshots.is_some() {
            return Ok(());
        }
        let message = format!(
            "the server has no snapshots of `{}`: it has to call `.snapshots::<...>(...)` for this model",
            model.label
        );
        Err(Refused::new(Reason::NoSnapshot, message))
    }

    fn join(&self, group: GroupId, form: Form, since: Option<Cursor>) -> MemberId {
        let member = self.member(form);
        self.hub.dispatcher().join(group, member, since)
    }

    /// Resumes where that can be; otherwise the subscription comes with its snapshot.
    fn ask_for_snapshot(&self, group: GroupId, form: Form, since: Option<Cursor>) -> MemberId {
        let member = self.member(form);
        let mut dispatcher = self.hub.dispatcher();
        let resumed =
            since.and_then(|since| dispatcher.rejoin(group.clone(), member.clone(), since));
        if let Some(id) = resumed {
            return id;
        }
        let id = dispatcher.expect();
        drop(dispatcher);
        self.hub.snapshots.add(Job { id, group, member });
        id
    }

    fn member(&self, form: Form) -> Member<U> {
        Member {
            user: Arc::clone(&self.user),
            outbox: Arc::clone(&self.outbox),
            form,
        }
    }

    /// Forgets the subscriptions that came to nothing because their snapshots did.
    fn forget_refused(&mut self) {
        for refused in self.outbox.take_refused() {
            self.extended.retain(|_, (_, member)| *member != refused);
        }
    }

    /// Whether snapshots are on their way to this connection.
    pub(crate) fn awaits_snapshot(&self) -> bool {
        let dispatcher = self.hub.dispatcher();
        let mut subscriptions = self.extended.values();
        subscriptions.any(|(_, member)| dispatcher.expects(*member))
    }

    fn unsubscribe(&mut self, id: Option<&str>, target: Option<&Target>) -> Result<(), Refused> {
        let unknown = || {
            Refused::new(
                Reason::UnknownSubscription,
                "there is no such subscription on this connection",
            )
        };
        if let Some(id) = id {
            let (group, member) = self.extended.remove(id).ok_or_else(unknown)?;
            self.hub.leave(&group, member);
            self.outbox.push(Frame::from(format!(
                r#"{{"type":"unsubscribed","id":{id},"code":0,"reason":"requested"}}"#
            )));
            return Ok(());
        }
        let target = target.ok_or_else(unknown)?;
        let group = group(self.subscribed_model(target)?, target)?;
        let stacked = self.seed.get_mut(&group).ok_or_else(unknown)?;
        stacked.count -= 1;
        if stacked.count == 0 {
            let member = stacked.member;
            self.seed.remove(&group);
            self.hub.leave(&group, member);
        }
        Ok(())
    }

    pub(crate) fn user(&self) -> &U {
        &self.user
    }

    pub(crate) fn is_subscribed(&self, group: &GroupId) -> bool {
        self.seed.contains_key(group)
            || self
                .extended
                .values()
                .any(|(extended, _)| extended == group)
    }

    /// Finds the model of a group that is to be subscribed to.
    fn model(&self, target: &Target) -> Result<(ModelId, &Model<U>), Refused> {
        let registry = &self.hub.registry;
        let found = registry.by_label(&target.model);
        let may_subscribe = registry.may_subscribe(&self.user, found.map(|(_, model)| model));
        found.filter(|_| may_subscribe).ok_or_else(|| {
            let label = excerpt(&target.model);
            let message = format!("there is no model `{label}` to subscribe to");
            Refused::new(Reason::UnknownModel, message)
        })
    }

    /// Finds the model of a group that may have been subscribed to. Who has, may always go.
    fn subscribed_model(&self, target: &Target) -> Result<(ModelId, &Model<U>), Refused> {
        let found = self.hub.registry.by_label(&target.model);
        let subscribed = found.filter(|(id, _)| self.seed.keys().any(|group| group.model == *id));
        subscribed.map_or_else(|| self.model(target), Ok)
    }

    fn leave_all(&mut self) {
        let seed = self
            .seed
            .drain()
            .map(|(group, stacked)| (group, stacked.member));
        for (group, member) in seed.chain(self.extended.drain().map(|(_, joined)| joined)) {
            self.hub.leave(&group, member);
        }
    }
}

impl<U> Drop for Session<U> {
    fn drop(&mut self) {
        self.leave_all();
    }
}

/// Finds the group that a client names.
fn group<U>((model, entry): (ModelId, &Model<U>), target: &Target) -> Result<GroupId, Refused> {
    let Target {
        model: label,
        property: names,
        value,
    } = target;
    let property = entry.property(names.as_deref()).ok_or_else(|| {
        let name = names
            .as_ref()
            .map_or_else(|| "pk".to_owned(), |names| names.join(", "));
        let message = format!("`{label}` cannot be subscribed to by `{}`", excerpt(&name));
        Refused::new(Reason::UnknownProperty, message)
    })?;
    let format = &entry.properties[property].format;
    let value = format.parse(value).ok_or_else(|| {
        let value = excerpt(&value.to_string());
        Refused::new(
            Reason::BadValue,
            format!("`{value}` is no value of that property; it takes {format}"),
        )
    })?;
    Ok(GroupId {
        model,
        property,
        value,
    })
}

/// `Duration::MAX` says never, and no clock goes that far.
fn later(now: Instant, time: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now + time.min(NEVER)
}
