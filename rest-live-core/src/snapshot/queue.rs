//! The queue of snapshots that were asked for and are not read yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::dispatcher::{GroupId, Member, MemberId};

/// A snapshot that somebody waits for.
pub(crate) struct Job<U> {
    /// The number that the subscriber has, or is to have.
    pub(crate) id: MemberId,
    pub(crate) group: GroupId,
    pub(crate) member: Member<U>,
    pub(crate) purpose: Purpose<U>,
}

/// What a snapshot is for.
pub(crate) enum Purpose<U> {
    /// The subscription begins with it; the dispatcher expects it.
    Subscribe,
    /// The rights of the subscriber change from those of `member.user` to those of this one: it
    /// shows which rows come into sight and which go out of it.
    ChangeUser(Arc<U>),
}

/// The snapshots that were asked for and are not read yet.
///
/// In the order in which they were asked for, but for connections that still have parts of their
/// last snapshot to send: so what a connection has waiting is bounded, and one that reads slowly
/// holds up nobody else.
pub(crate) struct Snapshots<U> {
    state: Mutex<State<U>>,
    changed: Condvar,
}

struct State<U> {
    /// By number, which is by age.
    jobs: BTreeMap<MemberId, Job<U>>,
    is_closed: bool,
}

impl<U> Default for Snapshots<U> {
    fn default() -> Self {
        let state = State {
            jobs: BTreeMap::new(),
            is_closed: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }
}

impl<U> Snapshots<U> {
    pub(crate) fn add(&self, job: Job<U>) {
        self.lock().jobs.insert(job.id, job);
        self.changed.notify_one();
    }

    /// Drops what nobody waits for any more. Otherwise a client that asks and cancels would fill
    /// the queue.
    pub(crate) fn cancel(&self, id: MemberId) {
        let cancelled = self.lock().jobs.remove(&id);
        // Here and not under the lock: it may be the last that holds a user, whose type is the
        // application's.
        drop(cancelled);
    }

    /// Waits for the next; `None` once the queue is closed.
    pub(crate) fn next(&self) -> Option<Job<U>> {
        let state = self
            .changed
            .wait_while(self.lock(), |state| {
                !state.is_closed && state.ready().is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        Self::take(state)
    }

    /// The next, if there is one now.
    #[cfg(test)]
    pub(crate) fn try_next(&self) -> Option<Job<U>> {
        Self::take(self.lock())
    }

    /// A connection has sent the last part of a snapshot.
    pub(crate) fn parts_have_left(&self) {
        // With the lock: who is about to wait has looked, or will look.
        drop(self.lock());
        self.changed.notify_one();
    }

    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn take(mut state: MutexGuard<'_, State<U>>) -> Option<Job<U>> {
        if state.is_closed {
            return None;
        }
        let next = state.ready()?;
        state.jobs.remove(&next)
    }

    fn lock(&self) -> MutexGuard<'_, State<U>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U> State<U> {
    fn ready(&self) -> Option<MemberId> {
        let mut jobs = self.jobs.values();
        jobs.find(|job| !job.member.outbox.has_parts())
            .map(|job| job.id)
    }
}
