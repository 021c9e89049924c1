//! The counters: what has happened since the start, counted where it happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::change::{Kind, ModelId};
use crate::session::{CloseReason, Reason};

/// What has happened since the start of a [`Live`](crate::Live). What is counted per change or
/// commit is counted by the dispatcher alone, so nobody fights for it; nothing is counted per frame.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) opened: Counter,
    /// By the close code that the server gave.
    pub(crate) closed: Tally<u16>,
    /// Clients that went by themselves, or whose line broke.
    pub(crate) left: Counter,
    pub(crate) commits: Counter,
    /// By model.
    events: Box<[Kinds]>,
    pub(crate) deliveries: Counter,
    pub(crate) resyncs: Counter,
    pub(crate) resumed: Counter,
    pub(crate) not_resumed: Counter,
    pub(crate) snapshots: Counter,
    /// Subscriptions that are told of changes now.
    pub(crate) subscriptions: Gauge,
    /// Groups that these are to.
    pub(crate) groups: Gauge,
    /// Subscriptions that wait for their snapshot.
    pub(crate) awaited_snapshots: Gauge,
    /// Messages, by the reason that the client was given.
    pub(crate) refused: Tally<Reason>,
    /// Requests for a connection, by the HTTP status.
    pub(crate) refused_handshakes: Tally<u16>,
}

/// How many changes there were of each kind.
#[derive(Debug, Default)]
pub(crate) struct Kinds([Counter; Kind::ALL.len()]);

impl Counters {
    pub(crate) fn new(models: usize) -> Self {
        Self {
            opened: Counter::default(),
            closed: Tally::new(CloseReason::CODES),
            left: Counter::default(),
            commits: Counter::default(),
            events: (0..models).map(|_| Kinds::default()).collect(),
            deliveries: Counter::default(),
            resyncs: Counter::default(),
            resumed: Counter::default(),
            not_resumed: Counter::default(),
            snapshots: Counter::default(),
            subscriptions: Gauge::default(),
            groups: Gauge::default(),
            awaited_snapshots: Gauge::default(),
            refused: Tally::new(Reason::ALL),
            refused_handshakes: Tally::new([400, 401, 403, 426, 429, 500, 503]),
        }
    }

    pub(crate) fn count_event(&self, model: ModelId, kind: Kind) {
        self.events[model.0].0[kind as usize].add(1);
    }

    /// How many changes of a model there were, in the order of [`Kind::ALL`].
    pub(super) fn events_of(&self, model: ModelId) -> [u64; Kind::ALL.len()] {
        let Kinds(counters) = &self.events[model.0];
        Kind::ALL.map(|kind| counters[kind as usize].read())
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        // Nothing else is read by way of it.
        self.0.fetch_add(count, Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down. Whoever has its lock sets it, so that it can be read without.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicUsize);

impl Gauge {
    pub(crate) fn set(&self, number: usize) {
        self.0.store(number, Relaxed);
    }

    pub(super) fn read(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// A counter for each of a few keys, which are there from the start: who draws a curve of one sees
/// its zeros too.
#[derive(Debug)]
pub(crate) struct Tally<K>(Box<[(K, Counter)]>);

impl<K: Copy + Ord> Tally<K> {
    fn new(keys: impl IntoIterator<Item = K>) -> Self {
        let counters = keys.into_iter().map(|key| (key, Counter::default()));
        Self(counters.collect())
    }

    pub(crate) fn count(&self, key: K) {
        let counter = self.0.iter().find(|(counted, _)| *counted == key);
        debug_assert!(counter.is_some(), "a key that is not in its table");
        if let Some((_, counter)) = counter {
            counter.add(1);
        }
    }

    pub(super) fn read(&self) -> BTreeMap<K, u64> {
        let counts = self.0.iter().map(|(key, counter)| (*key, counter.read()));
        counts.collect()
    }
}
