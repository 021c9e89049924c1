//! Subscribers whose snapshot is on its way. They hear of nothing until they join with it.

use std::sync::Arc;

use super::{Dispatcher, Form, Member, MemberId, Replay, frame};
use crate::session::{Frame, Refused};
use crate::snapshot::Job;

/// What came of a snapshot.
pub(crate) enum Arrival {
    /// The subscriber has it, and hears of every change since.
    Joined,
    /// Nobody waits for it any more.
    Cancelled,
    /// What has changed since is not known, or is more than the subscriber's outbox takes, or the
    /// subscriber's rights have changed: read again.
    Outdated,
}

impl<U> Dispatcher<U> {
    /// Gives a number to a subscriber who waits for a snapshot. [`Dispatcher::leave`] cancels it.
    pub(crate) fn expect(&mut self) -> MemberId {
        let id = self.number();
        self.expected.insert(id, None);
        self.note_size();
        id
    }

    pub(crate) fn expects(&self, id: MemberId) -> bool {
        self.expected.contains_key(&id)
    }

    /// Changes whose rights count for an expected subscriber; `false` if it is not expected.
    pub(crate) fn change_expected_user(&mut self, id: MemberId, user: &Arc<U>) -> bool {
        let expected = self.expected.get_mut(&id);
        expected
            .map(|replaced| *replaced = Some(Arc::clone(user)))
            .is_some()
    }

    /// Adds an expected subscriber: sends the snapshot, the acknowledgement, and what was missed
    /// since.
    pub(crate) fn arrive(
        &mut self,
        job: &mut Job<U>,
        parts: Vec<Frame>,
        replay: Replay,
    ) -> Arrival {
        match self.expected.get_mut(&job.id).map(Option::take) {
            None => return Arrival::Cancelled,
            Some(Some(user)) => {
                job.member.user = user;
                return Arrival::Outdated;
            }
            Some(None) => {}
        }
        let Job {
            id, group, member, ..
        } = job;
        let Form::Extended { id: name } = &member.form else {
            return Arrival::Cancelled;
        };
        let (since, end) = (replay.since(), self.log.end());
        let Some(missed) = self.missed(group, member, replay, end) else {
            return Arrival::Outdated;
        };
        let cursor = self.acknowledged(since, end, &missed);
        let mut answer = vec![frame::subscribed(name, cursor, false)];
        answer.extend(missed);
        let events = answer.len() as u64 - 1;
        if !member.outbox.push_snapshot(parts, answer) {
            return Arrival::Outdated;
        }
        self.expected.remove(id);
        self.counters.snapshots.add(1);
        self.counters.deliveries.add(events);
        self.admit(*id, group.clone(), member.clone(), end);
        Arrival::Joined
    }

    /// Tells an expected subscriber that there will be no snapshot, and so no subscription.
    pub(crate) fn refuse(&mut self, job: &Job<U>, refused: &Refused) {
        if self.expected.remove(&job.id).is_some() {
            self.note_size();
            self.counters.refused.count(refused.reason);
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
