//! Subscribers whose snapshot is on its way. They hear of nothing until they join with it.

use super::{Dispatcher, Form, Member, MemberId, frame};
use crate::session::{Frame, Refused};
use crate::snapshot::Job;

/// What came of a snapshot.
pub(crate) enum Arrival {
    /// The subscriber has it, and hears of every change since.
    Joined,
    /// Nobody waits for it any more.
    Cancelled,
    /// What has changed since is not known, or is more than the subscriber's outbox takes: read
    /// again.
    Outdated,
}

impl<U> Dispatcher<U> {
    /// Gives a number to a subscriber who waits for a snapshot. [`Dispatcher::leave`] cancels it.
    pub(crate) fn expect(&mut self) -> MemberId {
        let id = self.number();
        self.expected.insert(id);
        id
    }

    pub(crate) fn expects(&self, id: MemberId) -> bool {
        self.expected.contains(&id)
    }

    /// Adds an expected subscriber: sends the snapshot of `position`, the acknowledgement, and what
    /// was missed since.
    pub(crate) fn arrive(&mut self, job: &Job<U>, parts: Vec<Frame>, position: u64) -> Arrival {
        let Job { id, group, member } = job;
        let Form::Extended { id: name } = &member.form else {
            return Arrival::Cancelled;
        };
        if !self.expects(*id) {
            return Arrival::Cancelled;
        }
        let (since, end) = (self.cursor(position), self.log.end());
        let Some(missed) = self.missed(group, member, since, end) else {
            return Arrival::Outdated;
        };
        let cursor = self.acknowledged(since, end, &missed);
        let mut answer = vec![frame::subscribed(name, cursor, false)];
        answer.extend(missed);
        if !member.outbox.push_snapshot(parts, answer) {
            return Arrival::Outdated;
        }
        self.expected.remove(id);
        self.admit(*id, group.clone(), member.clone(), end);
        Arrival::Joined
    }

    /// Tells an expected subscriber that there will be no snapshot, and so no subscription.
    pub(crate) fn refuse(&mut self, job: &Job<U>, refused: &Refused) {
        if self.expected.remove(&job.id) {
            job.member.outbox.refuse(job.id, refused.frame());
        }
    }
}

impl<U> Clone for Member<U> {
    fn clone(&self) -> Self {
        Self {
            user: self.user.clone(),
            outbox: self.outbox.clone(),
            form: self.form.clone(),
        }
    }
}
