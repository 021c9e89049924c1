//! The commits that are kept: those still to be dispatched, and the newest of the others.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::marks::{Mark, Marks};
use crate::change::{Change, Commit, Images, ModelId};
use crate::limits::Limits;
use crate::stats::LogStats;

/// How much is kept for those who come back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) changes: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
    /// Bytes that may wait to be dispatched.
    pub(crate) backlog: usize,
}

impl From<&Limits> for Retention {
    fn from(limits: &Limits) -> Self {
        Self {
            changes: limits.log_changes,
            bytes: limits.log_bytes,
            age: limits.log_age,
            backlog: limits.backlog_bytes,
        }
    }
}

#[derive(Default)]
pub(super) struct Kept {
    commits: VecDeque<Stored>,
    changes: usize,
    bytes: usize,
    /// Those of the bytes that wait to be dispatched.
    backlog: usize,
    /// The position up to which all is dispatched.
    dispatched: u64,
    /// The position of the newest change.
    end: u64,
    marks: Marks,
    /// The position of the newest unknown change of each model that has had one.
    unknown: HashMap<ModelId, u64>,
}

/// A change that somebody may have missed.
pub(crate) struct Missed {
    pub(crate) position: u64,
    commit: Arc<Commit>,
}

impl Missed {
    pub(crate) fn change(&self) -> &Change {
        &self.commit.changes[(self.position - self.commit.start) as usize - 1]
    }
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
        for (position, change) in commit.positioned() {
            if let Images::Unknown = change.images {
                self.unknown.insert(change.model, position);
            }
        }
        self.changes += commit.changes.len();
        self.bytes += bytes;
        self.backlog += bytes;
        self.commits.push_back(Stored {
            commit,
            bytes,
            at: now,
        });
    }

    /// The commits with changes after `position`, oldest first.
    pub(super) fn after(&self, position: u64) -> impl Iterator<Item = &Arc<Commit>> {
        let from = self.first_after(position);
        self.commits.range(from..).map(|stored| &stored.commit)
    }

    /// Notes of what groups the changes of a commit are.
    pub(super) fn mark(&mut self, commit: &Commit, marks: impl IntoIterator<Item = (u64, Mark)>) {
        self.marks.add(commit.end(), marks);
    }

    /// The changes of a model after `since` and up to `until` that have a mark or are not marked
    /// yet, oldest first. `None` if not all of them are known, or if they are more than `most`.
    pub(super) fn missed(
        &self,
        model: ModelId,
        mark: Mark,
        (since, until): (u64, u64),
        most: usize,
    ) -> Option<Vec<Missed>> {
        let is_unknown = self.unknown.get(&model).is_some_and(|last| *last > since);
        if is_unknown || !self.reaches_back_to(since) {
            return None;
        }
        let mut missed: Vec<_> = self
            .marks
            .after(since, mark)
            .filter(|position| *position <= until)
            .map(|position| self.find(position))
            .take(most.saturating_add(1))
            .collect::<Option<_>>()?;
        missed.reverse();
        let unmarked = since.max(self.marks.end());
        let changes = self.after(unmarked).flat_map(|commit| {
            let at = move |(position, change)| (position, change, commit);
            commit.positioned().map(at)
        });
        let new = changes
            .take_while(|(position, ..)| *position <= until)
            .filter(|(position, change, _)| *position > unmarked && change.model == model)
            .map(|(position, _, commit)| Missed {
                position,
                commit: Arc::clone(commit),
            });
        missed.extend(new.take(most.saturating_add(1)));
        (missed.len() <= most).then_some(missed)
    }

    /// The change at a position; `None` if what has been there was cut.
    fn find(&self, position: u64) -> Option<Missed> {
        let commit = self.after(position - 1).next()?;
        let commit = Arc::clone(commit);
        (commit.start < position).then_some(Missed { position, commit })
    }

    /// The newest commits and when they came, the newest first.
    #[cfg(feature = "server")]
    pub(super) fn newest(&self, count: usize) -> impl Iterator<Item = (Arc<Commit>, Instant)> {
        let stored = self.commits.iter().rev().take(count);
        stored.map(|stored| (Arc::clone(&stored.commit), stored.at))
    }

    /// Whether nothing after `position` is forgotten.
    pub(super) fn reaches_back_to(&self, position: u64) -> bool {
        let oldest = self
            .commits
            .front()
            .map_or(self.end, |stored| stored.commit.start);
        (oldest..=self.end).contains(&position)
    }

    /// All up to `position` is dispatched.
    pub(super) fn note_dispatched(&mut self, position: u64) {
        let dispatched = self.waiting().start..self.first_after(position);
        let bytes: usize = self
            .commits
            .range(dispatched)
            .map(|stored| stored.bytes)
            .sum();
        self.backlog -= bytes;
        self.dispatched = position;
    }

    /// The position up to which all is dispatched.
    pub(super) fn dispatched(&self) -> u64 {
        self.dispatched
    }

    /// Puts the word that they changed in the place of changes that the dispatcher cannot keep up
    /// with, if they take more than `most` bytes; says how many these were.
    pub(super) fn cut_backlog(&mut self, most: usize, now: Instant) -> Option<usize> {
        if self.backlog <= most {
            return None;
        }
        let waiting = self.waiting();
        let cut: Vec<_> = self.commits.drain(waiting).collect();
        let changes = || cut.iter().flat_map(|stored| &stored.commit.changes);
        let count = changes().count();
        let bytes: usize = cut.iter().map(|stored| stored.bytes).sum();
        self.changes -= count;
        self.bytes -= bytes;
        self.backlog -= bytes;
        let unknown = unknown(changes());
        // At the end of the gap: no model's word comes before a change of it that somebody waits
        // for, who joined in between.
        self.end -= unknown.len() as u64;
        self.append(unknown, now);
        Some(count)
    }

    pub(super) fn stats(&self, now: Instant) -> LogStats {
        let age = |number: usize| {
            let stored = self.commits.get(number);
            stored.map_or(Duration::ZERO, |stored| {
                now.saturating_duration_since(stored.at)
            })
        };
        LogStats {
            position: self.end,
            changes: self.changes,
            bytes: self.bytes,
            age: age(0),
            backlog_changes: self.end - self.dispatched,
            backlog_bytes: self.backlog,
            lag: age(self.waiting().start),
        }
    }

    fn waiting(&self) -> Range<usize> {
        self.first_after(self.dispatched)..self.commits.len()
    }

    /// The number of the first commit with changes after `position`.
    fn first_after(&self, position: u64) -> usize {
        self.commits
            .partition_point(|stored| stored.commit.end() <= position)
    }

    /// Forgets the oldest commits that are dispatched and beyond what is to be kept.
    pub(super) fn trim(&mut self, retention: &Retention, now: Instant) {
        while let Some(oldest) = self.commits.front()
            && oldest.commit.end() <= self.dispatched
            && (self.changes > retention.changes
                || self.bytes > retention.bytes
                || now.saturating_duration_since(oldest.at) > retention.age)
        {
            self.changes -= oldest.commit.changes.len();
            self.bytes -= oldest.bytes;
            self.marks.forget(oldest.commit.end());
            self.commits.pop_front();
        }
    }
}

/// What is left to say of changes that are not told: that there were some. One unknown change a
/// model, in the order of their last changes.
pub(super) fn unknown<'a, C>(changes: C) -> Vec<Change>
where
    C: IntoIterator<Item = &'a Change, IntoIter: DoubleEndedIterator>,
{
    let mut models = Vec::new();
    for change in changes.into_iter().rev() {
        if !models.contains(&change.model) {
            models.push(change.model);
        }
    }
    models.into_iter().rev().map(Change::unknown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::change::ModelId;

    const ALL: Retention = Retention {
        changes: usize::MAX,
        bytes: usize::MAX,
        age: Duration::MAX,
        backlog: usize::MAX,
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
        kept.note_dispatched(dispatched);
        kept.trim(&retention, now);
        let left = kept.after(0).count();
        assert_eq!((kept.changes, kept.bytes), (left * 2, left * 1000));
        assert!(kept.reaches_back_to(20 - left as u64 * 2));
        assert!(!kept.reaches_back_to(19 - left as u64 * 2));
        left
    }

    #[test]
    fn the_first_bound_that_is_reached_counts() {
        let (mut kept, now) = ten();
        kept.note_dispatched(20);
        kept.trim(&ALL, now);
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
                    age: Duration::ZERO,
                    ..ALL
                },
                7
            ),
            7
        );
    }

    #[test]
    fn what_was_missed_is_what_is_marked_and_what_is_not_yet() {
        let (mine, others) = (Mark::from_bits(1), Mark::from_bits(2));
        let mut kept = Kept::default();
        for _ in 0..10 {
            let row = |model| Change {
                images: Images::Row {
                    old: None,
                    new: None,
                },
                ..Change::unknown(ModelId(model))
            };
            kept.append(vec![row(0), row(1)], Instant::now());
        }
        let commits: Vec<_> = kept.after(0).take(7).cloned().collect();
        for commit in commits {
            let mark = if commit.start < 6 { others } else { mine };
            kept.mark(&commit, [(commit.start + 1, mark)]);
        }
        let missed = |mark, span, most| {
            let missed = kept.missed(ModelId(0), mark, span, most)?;
            Some(missed.iter().map(|missed| missed.position).collect())
        };
        let positions = |span, most| -> Option<Vec<u64>> { missed(mine, span, most) };
        assert_eq!(positions((0, 20), 7), Some(vec![7, 9, 11, 13, 15, 17, 19]));
        assert_eq!(positions((0, 20), 6), None);
        assert_eq!(positions((0, 12), 6), Some(vec![7, 9, 11]));
        assert_eq!(positions((9, 16), 6), Some(vec![11, 13, 15]));
        assert_eq!(positions((17, 20), 0), None);
        assert_eq!(positions((19, 20), 0), Some(vec![]));
        assert_eq!(positions((21, 21), 6), None, "nobody has been there yet");
        assert_eq!(missed(others, (0, 8), 6), Some(vec![1, 3, 5]));
    }

    #[test]
    fn of_a_backlog_that_is_too_long_only_the_word_is_left() {
        let (mut kept, now) = ten();
        kept.note_dispatched(6);
        assert_eq!(kept.backlog, 7000);
        assert_eq!(kept.cut_backlog(7000, now), None);
        assert_eq!(kept.cut_backlog(6999, now), Some(14));
        let spans: Vec<_> = kept
            .after(0)
            .map(|commit| (commit.start, commit.end()))
            .collect();
        assert_eq!(spans, [(0, 2), (2, 4), (4, 6), (19, 20)]);
        assert_eq!(kept.end(), 20);
        assert_eq!((kept.changes, kept.bytes), (7, 3000 + kept.backlog));
        kept.note_dispatched(20);
        assert_eq!(kept.backlog, 0);
    }

    proptest! {
        /// Whoever joined at whatever position, and is told what comes after it, hears of each
        /// model that has changed since.
        #[test]
        fn nobody_misses_the_word(
            commits in prop::collection::vec(prop::collection::vec(0..4usize, 1..5), 1..12),
            dispatched in 0..12usize,
        ) {
            let now = Instant::now();
            let mut kept = Kept::default();
            let mut models = Vec::new();
            for commit in &commits {
                models.extend(commit);
                kept.append(commit.iter().map(|model| Change::unknown(ModelId(*model))).collect(), now);
            }
            let dispatched: usize = commits.iter().take(dispatched).map(Vec::len).sum();
            kept.note_dispatched(dispatched as u64);
            kept.cut_backlog(0, now);
            prop_assert_eq!(kept.end() as usize, models.len());
            for joined in dispatched..models.len() {
                let told: Vec<_> = kept
                    .after(dispatched as u64)
                    .flat_map(|commit| commit.positioned())
                    .filter(|(position, _)| *position > joined as u64)
                    .map(|(_, change)| change.model.0)
                    .collect();
                for model in &models[joined..] {
                    prop_assert!(told.contains(model), "{model} after {joined}: {told:?}");
                }
            }
        }
    }
}
