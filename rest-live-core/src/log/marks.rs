//! Which of the kept changes are of a group: who comes back is to pay for what it missed, not for all
//! that happened.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};

/// A group, as the log knows it. Different ones may have the same mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mark(u64);

#[cfg(test)]
impl Mark {
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// Gives marks.
#[derive(Debug, Default)]
pub(super) struct Marker(RandomState);

impl Marker {
    pub(super) fn mark(&self, group: &impl Hash) -> Mark {
        Mark(self.0.hash_one(group))
    }
}

/// The marks of the dispatched changes.
#[derive(Default)]
pub(super) struct Marks {
    /// In the order of the positions.
    entries: VecDeque<Entry>,
    /// How many entries have been forgotten: the number of the first.
    forgotten: u64,
    /// The number of the newest entry of each mark.
    newest: HashMap<Mark, u64>,
    end: u64,
}

struct Entry {
    position: u64,
    mark: Mark,
    /// The number of the entry before it that has the same mark.
    previous: Option<u64>,
}

impl Marks {
    /// The position up to which changes are marked.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Marks the changes up to `end`.
    pub(super) fn add(&mut self, end: u64, marks: impl IntoIterator<Item = (u64, Mark)>) {
        for (position, mark) in marks {
            let number = self.forgotten + self.entries.len() as u64;
            let previous = self.newest.get(&mark).copied();
            // A change may be two events of one group.
            if previous
                .and_then(|number| self.entry(number))
                .map(|entry| entry.position)
                != Some(position)
            {
                self.entries.push_back(Entry {
                    position,
                    mark,
                    previous,
                });
                self.newest.insert(mark, number);
            }
        }
        self.end = end;
    }

    /// The positions after `position` of changes with a mark, the newest first.
    pub(super) fn after(&self, position: u64, mark: Mark) -> impl Iterator<Item = u64> {
        let newest = self
            .newest
            .get(&mark)
            .and_then(|number| self.entry(*number));
        let chain = std::iter::successors(newest, |entry| self.entry(entry.previous?));
        chain
            .map(|entry| entry.position)
            .take_while(move |at| *at > position)
    }

    /// Forgets the marks of the changes up to `position`.
    pub(super) fn forget(&mut self, position: u64) {
        while let Some(oldest) = self.entries.front()
            && oldest.position <= position
        {
            if self.newest.get(&oldest.mark) == Some(&self.forgotten) {
                self.newest.remove(&oldest.mark);
            }
            self.entries.pop_front();
            self.forgotten += 1;
        }
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        let at = number.checked_sub(self.forgotten)?;
        self.entries.get(at as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_left_of_what_is_forgotten() {
        let mut marks = Marks::default();
        marks.add(2, [(1, Mark(7)), (2, Mark(8))]);
        marks.forget(1);
        assert_eq!((marks.entries.len(), marks.newest.len()), (1, 1));
        marks.forget(2);
        assert_eq!(
            (marks.entries.len(), marks.newest.len(), marks.end()),
            (0, 0, 2)
        );
        marks.add(3, [(3, Mark(7)), (3, Mark(7))]);
        assert_eq!(marks.after(0, Mark(7)).collect::<Vec<_>>(), [3]);
    }

    proptest! {
        #[test]
        fn the_changes_of_a_mark_are_found(
            changes in prop::collection::vec(prop::collection::vec(0..4u64, 0..3), 0..40),
            forgotten in 0..50u64,
            since in 0..50u64,
        ) {
            let mut marks = Marks::default();
            let positioned = || changes.iter().zip(1..).map(|(marks, position)| (position, marks));
            for (position, change) in positioned() {
                if position == 20 {
                    marks.forget(forgotten.min(10));
                }
                marks.add(position, change.iter().map(|mark| (position, Mark(*mark))));
            }
            marks.forget(forgotten);
            for mark in 0..4 {
                let mut found: Vec<_> = marks.after(since, Mark(mark)).collect();
                found.reverse();
                let due: Vec<_> = positioned()
                    .filter(|(position, marks)| *position > since.max(forgotten) && marks.contains(&mark))
                    .map(|(position, _)| position)
                    .collect();
                prop_assert_eq!(found, due);
            }
        }
    }
}
