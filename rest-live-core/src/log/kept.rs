//! The commits that are kept: those still to be dispatched, and the newest of the others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::change::{Change, Commit};
use crate::limits::Limits;

/// How much is kept for those who come back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) changes: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

impl From<&Limits> for Retention {
    fn from(limits: &Limits) -> Self {
        Self {
            changes: limits.log_changes,
            bytes: limits.log_bytes,
            age: limits.log_age,
        }
    }
}

#[derive(Default)]
pub(super) struct Kept {
    commits: VecDeque<Stored>,
    changes: usize,
    bytes: usize,
    /// The position of the newest change.
    end: u64,
}

struct Stored {
    commit: Arc<Commit>,
    bytes: usize,
    at: Instant,
}

impl Kept {
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn append(&mut self, changes: Vec<Change>, now: Instant) {
        if changes.is_empty() {
            return;
        }
        let bytes = changes.iter().map(|change| change.bytes).sum();
        let commit = Arc::new(Commit {
            start: self.end,
            changes,
        });
        self.end = commit.end();
        self.changes += commit.changes.len();
        self.bytes += bytes;
        self.commits.push_back(Stored {
            commit,
            bytes,
            at: now,
        });
    }

    /// The commits with changes after `position`, oldest first.
    pub(super) fn after(&self, position: u64) -> impl Iterator<Item = &Arc<Commit>> {
        let from = self
            .commits
            .partition_point(|stored| stored.commit.end() <= position);
        self.commits.range(from..).map(|stored| &stored.commit)
    }

    /// Whether nothing after `position` is forgotten.
    pub(super) fn reaches_back_to(&self, position: u64) -> bool {
        let oldest = self
            .commits
            .front()
            .map_or(self.end, |stored| stored.commit.start);
        (oldest..=self.end).contains(&position)
    }

    /// Forgets the oldest commits that are dispatched and beyond what is to be kept.
    pub(super) fn trim(&mut self, retention: &Retention, dispatched: u64, now: Instant) {
        while let Some(oldest) = self.commits.front()
            && oldest.commit.end() <= dispatched
            && (self.changes > retention.changes
                || self.bytes > retention.bytes
                || now.saturating_duration_since(oldest.at) > retention.age)
        {
            self.changes -= oldest.commit.changes.len();
            self.bytes -= oldest.bytes;
            self.commits.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::ModelId;

    const ALL: Retention = Retention {
        changes: usize::MAX,
        bytes: usize::MAX,
        age: Duration::MAX,
    };

    /// Ten commits of two changes and 1,000 bytes each, a second apart.
    fn ten() -> (Kept, Instant) {
        let mut kept = Kept::default();
        let start = Instant::now();
        for second in 0..10 {
            let mut changes = vec![Change::unknown(ModelId(0)); 2];
            changes[0].bytes = 400;
            changes[1].bytes = 600;
            kept.append(changes, start + Duration::from_secs(second));
        }
        (kept, start + Duration::from_secs(9))
    }

    /// How many of the ten are left.
    fn left(retention: Retention, dispatched: u64) -> usize {
        let (mut kept, now) = ten();
        kept.trim(&retention, dispatched, now);
        let left = kept.after(0).count();
        assert_eq!((kept.changes, kept.bytes), (left * 2, left * 1000));
        assert!(kept.reaches_back_to(20 - left as u64 * 2));
        assert!(!kept.reaches_back_to(19 - left as u64 * 2));
        left
    }

    #[test]
    fn the_first_bound_that_is_reached_counts() {
        let (mut kept, now) = ten();
        kept.trim(&ALL, 20, now);
        assert_eq!(kept.after(0).count(), 10);
        assert_eq!(left(Retention { changes: 5, ..ALL }, 20), 2);
        assert_eq!(left(Retention { bytes: 3000, ..ALL }, 20), 3);
        assert_eq!(
            left(
                Retention {
                    age: Duration::from_secs(4),
                    ..ALL
                },
                20
            ),
            5
        );
        assert_eq!(left(Retention { changes: 0, ..ALL }, 20), 0);
    }

    #[test]
    fn what_is_not_dispatched_stays() {
        assert_eq!(
            left(
                Retention {
                    changes: 0,
                    bytes: 0,
                    age: Duration::ZERO
                },
                7
            ),
            7
        );
    }
}
