//! Limits: what one client may take.

use std::time::Duration;

/// What one client may take, and how long things may take. Every default can be changed by naming
/// it:
///
/// ```
/// use rest_live_core::Limits;
///
/// let limits = Limits { subscriptions: 1_000, ..Limits::default() };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Subscriptions of one connection. 128: a page shows a few dozen groups at most. One more is
    /// refused with an error frame.
    pub subscriptions: usize,
    /// Bytes of one message from a client. 65,536: a subscription takes a few hundred. A longer
    /// one is refused with an error frame; one of four times the size ends the connection with
    /// code 1009.
    pub message_bytes: usize,
    /// Bytes that wait to be sent on one connection. 1,048,576: some thousand events. When more
    /// wait, the client reads too slowly and is closed with code 4508; it can come back and
    /// resume.
    pub queue_bytes: usize,
    /// Bytes of one message that carries a part of a snapshot. 65,536; a row that is longer comes
    /// in a longer message of its own.
    pub snapshot_part_bytes: usize,
    /// Bytes of one snapshot, and so of all parts of snapshots that wait to be sent on one
    /// connection: the next snapshot is read when the last has left. They do not count as
    /// `queue_bytes`. 16,777,216. A larger one is refused with an error frame.
    pub snapshot_bytes: usize,
    /// Changes kept in memory for clients that come back. 100,000, or less where one of the next
    /// two is reached first.
    pub log_changes: usize,
    /// Bytes of the rows of these changes, about. 67,108,864.
    pub log_bytes: usize,
    /// How long changes are kept. 5 min: who was away for longer reads again anyway.
    pub log_age: Duration,
    /// Bytes of the rows of changes that wait for the dispatcher, about. 67,108,864. When more
    /// wait, they are forgotten: writers go on, and subscribers of the models that changed are told
    /// to read again.
    pub backlog_bytes: usize,
    /// How often the server sends a ping; `Duration::MAX` for never. 25 s: proxies commonly drop
    /// what is silent for 30 s or 60 s.
    pub ping_every: Duration,
    /// How long a client may take to answer a ping before it is closed with code 4512. 8 s.
    pub pong_within: Duration,
    /// How long a client may take to answer the closing handshake. 2 s.
    pub close_within: Duration,
    /// How long later commits wait for a transaction that has written and holds their place,
    /// before they pass it. 1 s; only transactions that hold no lock anymore, or write to
    /// another database, can be passed.
    pub commit_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscriptions: 128,
            message_bytes: 64 * 1024,
            queue_bytes: 1024 * 1024,
            snapshot_part_bytes: 64 * 1024,
            snapshot_bytes: 16 * 1024 * 1024,
            log_changes: 100_000,
            log_bytes: 64 * 1024 * 1024,
            log_age: Duration::from_secs(5 * 60),
            backlog_bytes: 64 * 1024 * 1024,
            ping_every: Duration::from_secs(25),
            pong_within: Duration::from_secs(8),
            close_within: Duration::from_secs(2),
            commit_patience: Duration::from_secs(1),
        }
    }
}
