//! Limits: what clients may take.

use std::time::Duration;

use crate::registry::BuildError;

/// `Duration::MAX` says never, and no clock goes that far. This is as good.
pub(crate) const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// What clients may take, and how long things may take. Every default can be changed by naming
/// it:
///
/// ```
/// use rest_live_core::Limits;
///
/// let limits = Limits { subscriptions: 1_000, ..Limits::default() };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all. 100,000: an idle one takes less than 4 KiB, so these take some 400 MB;
    /// the process has to be allowed as many open files. One more is refused with 503.
    pub connections: usize,
    /// Connections from one address, or one /64 network of IPv6, where
    /// [`Builder::address`](crate::Builder::address) or [`serve`](crate::serve) knows it. 10,000: nobody fills
    /// the server alone, and all who share the address of a company or a carrier have room. One
    /// more is refused with 429.
    pub connections_per_address: usize,
    /// Connections of one user, where [`Builder::identify`](crate::Builder::identify) tells users apart.
    /// 100: the windows that a person has open on all devices are some dozens. One more is
    /// refused with 429. Who is made another by [`Live::revalidate`](crate::Live::revalidate)
    /// counts as that one from then on, and stays though he may be one more.
    pub connections_per_user: usize,
    /// Connections that [`serve`](crate::serve) has accepted and that have not become a WebSocket yet.
    /// 4,096: each takes some 10 KiB. Others wait until one of these is done.
    ///
    /// One address, or one /64 network of IPv6, has a quarter of them at most: who has more is hung
    /// up on at once, so that nobody keeps all others out alone. That does not hold where
    /// [`Builder::address`](crate::Builder::address) is given, as behind a proxy: whose a connection
    /// is, only its request says then, and it is for the proxy to wait for that.
    pub handshakes: usize,
    /// How long a client of [`serve`](crate::serve) may take to send the head of a request. 10 s: a
    /// browser sends it at once, also by a slow line.
    pub handshake_within: Duration,
    /// How long the application may take to say who connects. 10 s: nobody waits longer for a
    /// page. Then the client is refused with 503.
    pub authenticate_within: Duration,
    /// How long a client may take to say by a message who it is, where
    /// [`Builder::authenticate_message`](crate::Builder::authenticate_message) waits for that,
    /// before it is closed with code 4408. 5 s: it has its token before it connects.
    pub message_within: Duration,
    /// Messages of one client a second, pings among them, and pongs that answer none. 20: a page
    /// subscribes and unsubscribes as fast as somebody leafs through it. One more is refused with
    /// an error frame.
    pub messages_per_second: u32,
    /// Messages of one client at once, after it was silent for a while. 256: a page that comes back
    /// subscribes to all that it shows. After as many refused ones it is closed with code 4429.
    pub messages_at_once: u32,
    /// Subscriptions of one connection. 128: a page shows a few dozen groups at most. One more is
    /// refused with an error frame.
    pub subscriptions: usize,
    /// Bytes of one message from a client. 65,536: a subscription takes a few hundred. A longer
    /// one is refused with an error frame; one of four times the size, or of eight times
    /// with its frames, ends the connection with code 1009.
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
    /// Clients are advised to come back at some moment within this time after the server shut
    /// down. 10 s: 10,000 of them are a thousand a second.
    pub reconnect_within: Duration,
    /// How long later commits wait for a transaction that has written and holds their place,
    /// before they pass it. 1 s; only transactions that hold no lock anymore, or write to
    /// another database, can be passed.
    pub commit_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connections_per_address: 10_000,
            connections_per_user: 100,
            handshakes: 4096,
            handshake_within: Duration::from_secs(10),
            authenticate_within: Duration::from_secs(10),
            message_within: Duration::from_secs(5),
            messages_per_second: 20,
            messages_at_once: 256,
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
            reconnect_within: Duration::from_secs(10),
            commit_patience: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// Refuses those with which nothing works. Zero bytes of snapshots, or changes in the log, are
    /// a way to have none.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let counts = [
            ("connections", self.connections),
            ("connections_per_address", self.connections_per_address),
            ("connections_per_user", self.connections_per_user),
            ("handshakes", self.handshakes),
            ("messages_per_second", self.messages_per_second as usize),
            ("messages_at_once", self.messages_at_once as usize),
            ("subscriptions", self.subscriptions),
            ("message_bytes", self.message_bytes),
            ("queue_bytes", self.queue_bytes),
        ];
        let times = [
            ("handshake_within", self.handshake_within),
            ("authenticate_within", self.authenticate_within),
            ("message_within", self.message_within),
            ("ping_every", self.ping_every),
            ("pong_within", self.pong_within),
        ];
        let counts = counts.map(|(limit, count)| (limit, count == 0));
        let times = times.map(|(limit, time)| (limit, time.is_zero()));
        match counts
            .into_iter()
            .chain(times)
            .find(|(_, is_zero)| *is_zero)
        {
            Some((limit, _)) => Err(BuildError::Limit { limit }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_with_which_nothing_works_is_named() {
        type Change = fn(&mut Limits);
        let mistakes: [(&str, Change); 11] = [
            ("connections", |limits| limits.connections = 0),
            ("connections_per_address", |limits| {
                limits.connections_per_address = 0
            }),
            ("connections_per_user", |limits| {
                limits.connections_per_user = 0
            }),
            ("handshakes", |limits| limits.handshakes = 0),
            ("handshake_within", |limits| {
                limits.handshake_within = Duration::ZERO
            }),
            ("authenticate_within", |limits| {
                limits.authenticate_within = Duration::ZERO
            }),
            ("subscriptions", |limits| limits.subscriptions = 0),
            ("message_bytes", |limits| limits.message_bytes = 0),
            ("queue_bytes", |limits| limits.queue_bytes = 0),
            ("ping_every", |limits| limits.ping_every = Duration::ZERO),
            ("pong_within", |limits| limits.pong_within = Duration::ZERO),
        ];
        for (limit, change) in mistakes {
            let mut limits = Limits::default();
            change(&mut limits);
            let error = limits.check().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`Limits::{limit}` is zero, ")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_keeps_or_waits_for_nothing_is_in_order() {
        let limits = Limits {
            snapshot_part_bytes: 0,
            snapshot_bytes: 0,
            log_changes: 0,
            log_bytes: 0,
            log_age: Duration::ZERO,
            close_within: Duration::ZERO,
            commit_patience: Duration::ZERO,
            ..Limits::default()
        };
        assert!(limits.check().is_ok());
    }
}
