//! Reading the figures.

use std::sync::Arc;
use std::time::Instant;

use super::{EventCounts, Stats};
use crate::connections::{Link, Queues};
use crate::live::Hub;
use crate::session::Load;

impl<U> Hub<U> {
    /// All figures. It looks at the queue of each connection, holds no lock for long, and waits for
    /// none that is held while code of the application runs.
    pub(crate) fn stats(&self, now: Instant) -> Stats {
        self.survey(now, |_, _| ())
    }

    /// All figures, and what waits on each connection.
    pub(crate) fn survey(&self, now: Instant, each: impl FnMut(&Arc<Link<U>>, Load)) -> Stats {
        let Queues { bytes, slow, open } = self.connections.queues(each);
        let counters = &*self.counters;
        let events = self.registry.models().map(|(id, model)| {
            let [created, updated, deleted, unknown] = counters.events_of(id);
            let counts = EventCounts {
                created,
                updated,
                deleted,
                unknown,
            };
            (model.label.clone(), counts)
        });
        let refused = counters.refused.read().into_iter();
        Stats {
            connections: open,
            slow_connections: slow,
            queue_bytes: bytes,
            subscriptions: counters.subscriptions.read(),
            groups: counters.groups.read(),
            awaited_snapshots: counters.awaited_snapshots.read(),
            opened: counters.opened.read(),
            closed: counters.closed.read(),
            left: counters.left.read(),
            commits: counters.commits.read(),
            events: events.collect(),
            deliveries: counters.deliveries.read(),
            resyncs: counters.resyncs.read(),
            resumed: counters.resumed.read(),
            not_resumed: counters.not_resumed.read(),
            snapshots: counters.snapshots.read(),
            refused: refused
                .map(|(reason, count)| (reason.name(), count))
                .collect(),
            refused_handshakes: counters.refused_handshakes.read(),
            log: self.log().stats(now),
        }
    }
}
