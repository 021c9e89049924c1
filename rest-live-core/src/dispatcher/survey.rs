//! What others want to know of the groups and their subscribers.

use super::Dispatcher;

impl<U> Dispatcher<U> {
    /// How many subscriptions there are, to how many groups, and how many wait for a snapshot.
    pub(crate) fn size(&self) -> (usize, usize, usize) {
        (self.members, self.groups.len(), self.expected.len())
    }
}
