//! What a subscription has been told and its reader has not read yet, bounded in bytes.

use std::collections::VecDeque;
use std::mem::size_of;
use std::task::{Context, Waker};

use serde_json::value::RawValue;

use super::frame::Action;
use crate::error::Error;

/// What a subscription is told, with its rows as the server wrote them.
#[derive(Debug)]
pub(crate) enum Told {
    Subscribed { recovered: bool },
    Snapshot(Vec<Box<RawValue>>),
    Row(Action, Box<RawValue>),
    Resync(String),
    Lost(Error),
    Ended(Error),
    Error(Error),
}

impl Told {
    fn cost(&self) -> usize {
        let row = |row: &RawValue| row.get().len() + size_of::<Box<RawValue>>();
        let payload = match self {
            Self::Snapshot(rows) => rows.iter().map(|one| row(one)).sum(),
            Self::Row(_, one) => row(one),
            Self::Resync(reason) => reason.len(),
            Self::Subscribed { .. } | Self::Lost(_) | Self::Ended(_) | Self::Error(_) => 0,
        };
        payload + size_of::<Self>()
    }
}

/// A bound below this is none.
const LEAST: usize = 4 * size_of::<Told>();

/// It is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Debug)]
pub(super) struct Queue {
    told: VecDeque<Told>,
    bytes: usize,
    most: usize,
    reader: Option<Waker>,
}

impl Queue {
    /// Takes more while less than `most` bytes wait: a row, or a snapshot, may be longer than that.
    /// An acknowledgement and what comes with it always have room in one that is empty, or nobody
    /// would ever get further who resumes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            told: VecDeque::new(),
            bytes: 0,
            most: most.max(LEAST),
            reader: None,
        }
    }

    pub(super) fn push(&mut self, told: Told) -> Result<(), Full> {
        if self.bytes >= self.most {
            return Err(Full);
        }
        self.force(told);
        Ok(())
    }

    /// Tells what is no part of the order of events, be there room or not: it takes the place of
    /// the one before that nobody has read.
    pub(super) fn notice(&mut self, notice: Told) {
        match (self.told.back(), &notice) {
            // That rows are to be removed is not to be missed.
            (Some(Told::Ended(_)), Told::Error(_)) => return,
            (Some(Told::Ended(_) | Told::Error(_)), _) => self.drop_last(),
            _ => {}
        }
        self.force(notice);
    }

    /// Tells what has to be told once, be there room or not.
    pub(super) fn force(&mut self, told: Told) {
        self.bytes += told.cost();
        self.told.push_back(told);
        self.wake();
    }

    pub(super) fn pop(&mut self) -> Option<Told> {
        let told = self.told.pop_front()?;
        self.bytes -= told.cost();
        Some(told)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn wake_at_next(&mut self, context: &Context<'_>) {
        match &mut self.reader {
            Some(reader) => reader.clone_from(context.waker()),
            None => self.reader = Some(context.waker().clone()),
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn drop_last(&mut self) {
        if let Some(last) = self.told.pop_back() {
            self.bytes -= last.cost();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(len: usize) -> Told {
        let text = format!("\"{}\"", "x".repeat(len));
        Told::Row(Action::Created, RawValue::from_string(text).unwrap())
    }

    #[test]
    fn it_takes_more_until_it_has_enough() {
        let mut queue = Queue::new(2000);
        assert_eq!(queue.push(row(1800)), Ok(()));
        assert_eq!(queue.push(row(5000)), Ok(()), "one may be longer");
        assert_eq!(queue.push(row(1)), Err(Full));
        queue.pop().unwrap();
        assert_eq!(queue.push(row(1)), Err(Full));
        queue.pop().unwrap();
        assert_eq!((queue.bytes, queue.is_empty()), (0, true));
        assert_eq!(queue.push(row(1)), Ok(()));
    }

    #[test]
    fn of_notices_that_nobody_reads_the_newest_is_kept() {
        let mut queue = Queue::new(1);
        queue.push(row(9)).unwrap();
        for _ in 0..100 {
            queue.notice(Told::Error(Error::Silent));
        }
        queue.notice(Told::Ended(Error::Reset));
        queue.notice(Told::Error(Error::Silent));
        queue.pop().unwrap();
        assert!(matches!(queue.pop(), Some(Told::Ended(Error::Reset))));
        assert!(queue.pop().is_none());
        assert_eq!(queue.bytes, 0);
    }
}
