//! Figures: what a server does and has done, counted once, for the application, its metrics and the
//! inspector alike.

mod counters;
#[cfg(feature = "metrics")]
mod metrics;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

pub(crate) use self::counters::Counters;

/// What a [`Live`](crate::Live) does now, and what it has done since it was built. Made by
/// [`Live::stats`](crate::Live::stats).
///
/// What happens while it is read may be in one figure and not yet in another.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that are open now.
    pub connections: usize,
    /// Those of them whose socket takes no more, so that something waits for its client.
    pub slow_connections: usize,
    /// Bytes that wait to be sent, on all connections. Parts of snapshots do not count.
    pub queue_bytes: usize,
    /// Subscriptions that are told of changes now.
    pub subscriptions: usize,
    /// Groups that these are to.
    pub groups: usize,
    /// Subscriptions that wait for their snapshot.
    pub awaited_snapshots: usize,
    /// Connections opened.
    pub opened: u64,
    /// Connections that the server closed, by the close code. Every code is there.
    pub closed: BTreeMap<u16, u64>,
    /// Connections that ended otherwise: the client went, or its line broke.
    pub left: u64,
    /// Commits told.
    pub commits: u64,
    /// Changes told, by the label of the model. Every model is there.
    pub events: BTreeMap<String, EventCounts>,
    /// Events put into the queues of subscribers, those that a resumed subscription had missed
    /// among them.
    pub deliveries: u64,
    /// Subscribers told to read again.
    pub resyncs: u64,
    /// Subscriptions that resumed and missed nothing.
    pub resumed: u64,
    /// Subscriptions that were to resume, and it is not known what they had missed.
    pub not_resumed: u64,
    /// Snapshots sent.
    pub snapshots: u64,
    /// Messages answered with an error, by its reason. Every reason is there.
    pub refused: BTreeMap<&'static str, u64>,
    /// Requests for a connection that were refused, by the HTTP status.
    pub refused_handshakes: BTreeMap<u16, u64>,
    /// The log, and what waits in it for the dispatcher.
    pub log: LogStats,
}

/// Changes of the rows of one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventCounts {
    /// Rows that were new.
    pub created: u64,
    /// Rows that changed.
    pub updated: u64,
    /// Rows that went.
    pub deleted: u64,
    /// Changes of which it is not known what they were.
    pub unknown: u64,
}

/// What the log holds. The bounds are in [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogStats {
    /// The position of the newest change: how many there have been.
    pub position: u64,
    /// Changes kept for those who come back.
    pub changes: usize,
    /// Bytes of their rows, about.
    pub bytes: usize,
    /// How old the oldest of them is; in JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// Changes that wait for the dispatcher.
    pub backlog_changes: u64,
    /// Bytes of their rows, about.
    pub backlog_bytes: usize,
    /// For how long the oldest of them waits: how far behind the dispatcher is. In JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub lag: Duration,
}

impl EventCounts {
    /// All changes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.created + self.updated + self.deleted + self.unknown
    }
}

pub(crate) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
