//! Consumers that do not take their entries: servers that have ended without a word.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::outbox::Consumer;

/// A server that listens takes its entries within a moment. One that does not for so long has died,
/// or will read again.
const PATIENCE: Duration = Duration::from_secs(10);

/// A consumer and its oldest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) consumer: Consumer,
    pub(super) oldest: i64,
}

/// Since when each consumer has had the same oldest entry.
#[derive(Debug, Default)]
pub(super) struct Laggards(HashMap<Consumer, (i64, Instant)>);

impl Laggards {
    /// Whether anybody is waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes who has entries now; gives those who have had the same for too long.
    pub(super) fn overdue(&mut self, pending: &[Pending], now: Instant) -> Vec<Consumer> {
        let known = std::mem::take(&mut self.0);
        let mut overdue = Vec::new();
        for Pending { consumer, oldest } in pending {
            let since = match known.get(consumer) {
                Some((same, since)) if same == oldest => *since,
                _ => now,
            };
            if now.saturating_duration_since(since) >= PATIENCE {
                overdue.push(*consumer);
            } else {
                self.0.insert(*consumer, (*oldest, since));
            }
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(consumer: i64, oldest: i64) -> Pending {
        Pending {
            consumer: Consumer(consumer),
            oldest,
        }
    }

    #[test]
    fn who_has_the_same_entry_for_too_long_is_overdue() {
        let mut laggards = Laggards::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(laggards.overdue(&[pending(1, 5), pending(2, 6)], at(0)), []);
        assert!(!laggards.is_empty());
        // The second has taken its own, and has another by now.
        assert_eq!(laggards.overdue(&[pending(1, 5), pending(2, 9)], at(9)), []);
        assert_eq!(
            laggards.overdue(&[pending(1, 5), pending(2, 9)], at(10)),
            [Consumer(1)]
        );
        assert_eq!(laggards.overdue(&[pending(2, 9)], at(18)), []);
        assert_eq!(laggards.overdue(&[], at(30)), []);
        assert!(laggards.is_empty());
        assert_eq!(
            laggards.overdue(&[pending(2, 9)], at(31)),
            [],
            "it was not there in between"
        );
    }
}
