//! What is asked of the server, and whom its answers are for.

use std::time::{Duration, Instant};

use super::backoff::backoff;
use super::frame::{Refusal, Word};
use super::link::Link;
use super::listener::{Listener, Start, State, Wait};
use super::message::{Message, NOTHING};
use super::queue::{Full, Told};
use super::{Key, Moment, Output, Session};
use crate::error::Error;

/// So many questions are open at once; the next is asked when one is answered.
const OPEN_QUESTIONS: usize = 16;

/// Who is refused for now stays away for so long at least.
const PARK: Duration = Duration::from_secs(1);

impl Session {
    /// Asks for what is not asked for yet, at a pace that the server can follow.
    pub(super) fn pump(&mut self) {
        if !matches!(self.link, Link::Open(_)) {
            return;
        }
        let is_asked = |listener: &&Listener| matches!(listener.state, State::Asked { .. });
        let open = self.listeners.values().filter(is_asked).count();
        let waiting = self
            .listeners
            .iter()
            .filter(|(_, listener)| listener.state == State::Detached);
        let next: Vec<_> = waiting
            .map(|(key, _)| *key)
            .take(OPEN_QUESTIONS.saturating_sub(open))
            .collect();
        next.into_iter().for_each(|key| self.ask(key));
    }

    fn ask(&mut self, key: Key) {
        let Some(listener) = self.listeners.get_mut(&key) else {
            return;
        };
        self.serial += 1;
        let id = self.serial;
        listener.state = State::Asked { id };
        self.ids.insert(id, key);
        let message = Message::Subscribe {
            id,
            request: &listener.request,
            since: listener.cursor.as_deref(),
        };
        self.output.push_back(Output::Send(message.text()));
    }

    /// Takes what the server says of a subscription.
    pub(super) fn told(&mut self, id: u64, word: Word, at: Moment) {
        let Some(&key) = self.ids.get(&id) else {
            return self.told_of_none(id, word, at);
        };
        let Some(listener) = self.listeners.get_mut(&key) else {
            return;
        };
        let told = match word {
            Word::Subscribed { cursor, recovered } => {
                listener.state = State::Live { id };
                listener.subscribed(cursor, recovered)
            }
            Word::Broadcast {
                action,
                instance,
                cursor,
            } => listener.changed(action, instance, cursor),
            Word::Snapshot { instances } => {
                listener.take_part(instances);
                Ok(())
            }
            Word::Resync { cursor, reason } => {
                let told = listener.resync(cursor, reason);
                if told.is_ok() && listener.request.snapshot == Start::Snapshot {
                    self.begin_anew(key);
                }
                told
            }
            Word::Unsubscribed(refusal) | Word::Refused(refusal) => {
                self.refused_one(key, refusal, at);
                Ok(())
            }
        };
        if told == Err(Full) {
            self.begin_anew(key);
            if let Some(listener) = self.listeners.get_mut(&key) {
                listener.lag();
            }
        }
        self.pump();
    }

    /// Late words do no harm. But if there was no time for an `unsubscribe`, the server goes on to
    /// tell what nobody listens to.
    fn told_of_none(&mut self, id: u64, word: Word, at: Moment) {
        if let Word::Refused(refusal) = word
            && refusal.code == 429
            && id != NOTHING
        {
            self.refused(refusal, at);
        }
    }

    /// Ends it on the server, to be asked for again.
    fn begin_anew(&mut self, key: Key) {
        if let Some(listener) = self.listeners.get_mut(&key) {
            let state = std::mem::replace(&mut listener.state, State::Detached);
            self.forget_id(state);
        }
    }

    fn refused_one(&mut self, key: Key, refusal: Refusal, at: Moment) {
        let Some(listener) = self.listeners.get_mut(&key) else {
            return;
        };
        if let Some(id) = listener.state.id() {
            self.ids.remove(&id);
        }
        let wait = match refusal.reason.as_str() {
            "too_many_subscriptions" => Wait::ForPlace,
            _ => Wait::ForTime,
        };
        let temporary = refusal.temporary;
        let error = listener.refusal(refusal);
        if !temporary {
            return listener.ended(error);
        }
        listener.lost(error);
        if listener.state == State::Detached {
            let until = at.now + PARK + backoff(listener.refusals, at.chance);
            listener.refusals += 1;
            listener.state = State::Parked { until, wait };
        }
    }

    /// Asks again for what was refused for now.
    pub(super) fn unpark(&mut self, now: Instant) {
        self.unpark_where(|until, _| until <= now);
        self.pump();
    }

    /// A subscription has ended: another may have its place.
    pub(super) fn give_place(&mut self) {
        self.unpark_where(|_, wait| wait == Wait::ForPlace);
    }

    fn unpark_where(&mut self, is_due: impl Fn(Instant, Wait) -> bool) {
        for listener in self.listeners.values_mut() {
            if let State::Parked { until, wait } = listener.state
                && is_due(until, wait)
            {
                listener.state = State::Detached;
            }
        }
    }

    /// Ends a subscription that the server may know.
    pub(super) fn forget_id(&mut self, state: State) {
        if let Some(id) = state.id() {
            self.ids.remove(&id);
            self.send(&Message::Unsubscribe { id });
        }
    }

    /// The connection is gone, and all that was asked for on it.
    pub(super) fn lose_all(&mut self, error: &Error) {
        self.ids.clear();
        for listener in self.listeners.values_mut() {
            listener.lost(error.clone());
        }
    }

    /// The connection is let go, as the application wants it.
    pub(super) fn detach_all(&mut self, error: &Error) {
        self.ids.clear();
        for listener in self.listeners.values_mut() {
            listener.detached(error.clone());
        }
    }

    /// Nothing is told any more to anybody, on this connection.
    pub(super) fn end_all(&mut self, error: &Error) {
        self.ids.clear();
        for listener in self.listeners.values_mut() {
            listener.ended(error.clone());
        }
    }

    pub(super) fn forget_cursors(&mut self) {
        for listener in self.listeners.values_mut() {
            listener.cursor = None;
        }
    }

    /// Tells all what concerns the connection as a whole.
    pub(super) fn notify_all(&mut self, error: &Error) {
        for listener in self.listeners.values_mut() {
            listener.queue.notice(Told::Error(error.clone()));
        }
    }
}
