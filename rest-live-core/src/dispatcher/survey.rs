//! What others want to know of the groups and their subscribers.

use std::ptr;
use std::sync::Arc;

use super::{Dispatcher, GroupId};
use crate::explain::Standing;
use crate::session::Outbox;

impl<U> Dispatcher<U> {
    /// Writes down how many subscriptions there are, for those who do not wait for the dispatcher.
    pub(super) fn note_size(&self) {
        self.counters.subscriptions.set(self.members);
        self.counters.groups.set(self.groups.len());
        self.counters.awaited_snapshots.set(self.expected.len());
    }

    /// The groups with these numbers, or as many of them as there are, and how many subscribers
    /// each has. Between two calls, groups may get other numbers.
    #[cfg(feature = "server")]
    pub(crate) fn groups(
        &self,
        from: usize,
        count: usize,
    ) -> impl ExactSizeIterator<Item = (&GroupId, usize)> {
        let to = self.groups.len().min(from.saturating_add(count));
        let groups = self.groups.get_range(from.min(to)..to);
        let groups = groups.unwrap_or_default().iter();
        groups.map(|(group, members)| (group, members.len()))
    }

    /// What the change at `position` is to the connection with this outbox, in a group.
    pub(crate) fn standing(
        &self,
        group: &GroupId,
        outbox: &Arc<Outbox>,
        position: u64,
    ) -> Standing {
        let members = self.groups.get(group).into_iter().flatten();
        let own = members.filter(|(_, armed)| ptr::eq(&*armed.member.outbox, &**outbox));
        let joined = own.map(|(_, armed)| armed.after < position);
        match joined.max() {
            None => Standing::NotSubscribed,
            Some(false) => Standing::SubscribedLater,
            Some(true) if self.told < position => Standing::Waiting,
            Some(true) => Standing::Subscribed,
        }
    }
}
