//! The log: the committed changes in order, replayable from a position.

mod cursor;
mod gate;
mod kept;
mod marks;
mod quiet;
mod shared;

use std::fmt;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use self::cursor::{Cursor, Epoch};
use self::gate::Gate;
use self::kept::Kept;
use self::kept::unknown;
pub(crate) use self::kept::{Missed, Retention};
pub(crate) use self::marks::Mark;
use self::marks::Marker;
pub use self::quiet::Quiet;
use self::quiet::Tickets;
use self::shared::Shared;
use crate::change::{Change, Commit, ModelId};
use crate::stats::LogStats;

/// The ordered commits, bounded, replayable from a position.
///
/// Writers append by [`Log::ticket`]; the dispatcher reads.
pub struct Log {
    pub(crate) epoch: Epoch,
    retention: Retention,
    clock: Clock,
    marker: Marker,
    state: Mutex<State>,
    moved: Condvar,
    shared: Shared,
}

/// What time it is.
pub(crate) type Clock = fn() -> Instant;

#[derive(Default)]
struct State {
    gate: Gate,
    tickets: Tickets,
    kept: Kept,
    closed: bool,
}

impl Log {
    pub(crate) fn new(epoch: Epoch, retention: Retention, clock: Clock) -> Self {
        Self {
            epoch,
            retention,
            clock,
            marker: Marker::default(),
            state: Mutex::default(),
            moved: Condvar::new(),
            shared: Shared::default(),
        }
    }

    /// Draws the place of a transaction among the commits.
    ///
    /// Draw it while the transaction holds the locks on what it wrote, and hand it back after
    /// COMMIT. Until then the commits of later tickets wait; the writers do not.
    pub fn ticket(self: &Arc<Self>) -> Ticket {
        let mut state = self.lock();
        let number = state.gate.draw();
        state.tickets.note_drawn();
        drop(state);
        Ticket {
            log: Arc::clone(self),
            number,
            changes: Vec::new(),
        }
    }

    /// The position of the newest change.
    pub(crate) fn end(&self) -> u64 {
        self.lock().kept.end()
    }

    /// Waits for the commit after `position`, and notes that all up to there is dispatched. `None`
    /// once the log is closed.
    ///
    /// When commits wait longer than `patience` for a ticket that is out, it is passed over.
    pub(crate) fn next(&self, position: u64, patience: Duration) -> Option<Arc<Commit>> {
        let mut state = self.lock();
        self.note_dispatched(&mut state, position);
        self.moved.notify_all();
        loop {
            if let Some(commit) = state.kept.after(position).next() {
                return Some(Arc::clone(commit));
            }
            if state.closed {
                return None;
            }
            if !state.gate.is_blocked() {
                state = self
                    .moved
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let holder = state.gate.front();
            let held_up = |state: &mut State| {
                state.gate.is_blocked()
                    && state.gate.front() == holder
                    && state.kept.end() == position
                    && !state.closed
            };
            let (held, timeout) = self
                .moved
                .wait_timeout_while(state, patience, held_up)
                .unwrap_or_else(PoisonError::into_inner);
            state = held;
            if timeout.timed_out() {
                let passed = state.gate.pass_over();
                tracing::error!(
                    passed,
                    "commits waited too long for a transaction that wrote and did not end"
                );
                self.let_out(&mut state);
            }
        }
    }

    /// As [`Log::next`], without waiting.
    pub(crate) fn try_next(&self, position: u64) -> Option<Arc<Commit>> {
        let mut state = self.lock();
        self.note_dispatched(&mut state, position);
        state.kept.after(position).next().cloned()
    }

    /// The commits with changes after `position`, oldest first; `None` where some of them are no
    /// longer kept.
    pub(crate) fn since(&self, position: u64) -> Option<Vec<Arc<Commit>>> {
        let mut state = self.lock();
        state.kept.trim(&self.retention, (self.clock)());
        let is_known = state.kept.reaches_back_to(position);
        is_known.then(|| state.kept.after(position).cloned().collect())
    }

    /// The mark of a group.
    pub(crate) fn mark_of(&self, group: &impl Hash) -> Mark {
        self.marker.mark(group)
    }

    /// Notes of what groups the changes of a commit are, as the dispatcher comes to it.
    pub(crate) fn mark(&self, commit: &Commit, marks: impl IntoIterator<Item = (u64, Mark)>) {
        self.lock().kept.mark(commit, marks);
    }

    /// The changes of a model, after the first position and up to the second, that may be of the
    /// group with this mark, oldest first. `None` if not all of them are known, or if they are more
    /// than `most`.
    pub(crate) fn missed(
        &self,
        model: ModelId,
        mark: Mark,
        span: (u64, u64),
        most: usize,
    ) -> Option<Vec<Missed>> {
        let mut state = self.lock();
        state.kept.trim(&self.retention, (self.clock)());
        state.kept.missed(model, mark, span, most)
    }

    /// The commit that the change at a cursor is of, if it is kept.
    pub(crate) fn commit_at(&self, cursor: Cursor) -> Option<Arc<Commit>> {
        let before = cursor.position.checked_sub(1)?;
        let mut state = self.lock();
        state.kept.trim(&self.retention, (self.clock)());
        let is_known = cursor.epoch == self.epoch && state.kept.reaches_back_to(before);
        let commit = state.kept.after(before).next().filter(|_| is_known);
        commit.cloned()
    }

    /// The newest commits and when they came, the newest first.
    #[cfg(feature = "server")]
    pub(crate) fn newest(&self, count: usize) -> Vec<(Arc<Commit>, Instant)> {
        self.lock().kept.newest(count).collect()
    }

    /// What it holds.
    pub(crate) fn stats(&self, now: Instant) -> LogStats {
        self.lock().kept.stats(now)
    }

    /// Waits until the dispatcher has done all that is in the log now; `false` if that takes longer
    /// than `deadline`.
    pub(crate) fn settle(&self, deadline: Duration) -> bool {
        let state = self.lock();
        let end = state.kept.end();
        let (_state, timeout) = self
            .moved
            .wait_timeout_while(state, deadline, |state| state.kept.dispatched() < end)
            .unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    /// Wakes the dispatcher for the last time.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.moved.notify_all();
    }

    fn hand_back(&self, ticket: u64, changes: Vec<Change>) {
        let mut state = self.lock();
        state.tickets.note_back();
        if state.closed {
            // There is nobody left to tell.
            return;
        }
        if let Err(changes) = state.gate.hand_back(ticket, changes) {
            tracing::error!(
                changes = changes.len(),
                "a transaction ended after later ones were told; its readers read again"
            );
            // Their images are of the past: what is left to say is that there were some.
            state.kept.append(unknown(&changes), (self.clock)());
        }
        self.let_out(&mut state);
        drop(state);
        self.moved.notify_all();
    }

    fn note_dispatched(&self, state: &mut State, position: u64) {
        state.kept.note_dispatched(position);
        state.kept.trim(&self.retention, (self.clock)());
    }

    /// Appends the commits whose turn has come. A writer never waits for the dispatcher: if that
    /// cannot keep up, it learns less.
    fn let_out(&self, state: &mut State) {
        let now = (self.clock)();
        while let Some(changes) = state.gate.pass() {
            state.kept.append(changes, now);
        }
        if let Some(changes) = state.kept.cut_backlog(self.retention.backlog, now) {
            tracing::error!(
                changes,
                "the dispatcher cannot keep up; subscribers read again"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// The place of one transaction among the commits. Dropped, it is handed back with nothing.
#[derive(Debug)]
#[must_use = "a dropped ticket says that nothing was committed"]
pub struct Ticket {
    log: Arc<Log>,
    number: u64,
    changes: Vec<Change>,
}

impl Ticket {
    /// The transaction has committed these changes, in this order.
    pub fn commit(mut self, changes: Vec<Change>) {
        self.changes = changes;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.log
            .hand_back(self.number, mem::take(&mut self.changes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::ModelId;

    const NEVER: Duration = Duration::from_secs(60);

    fn log(changes: usize) -> Arc<Log> {
        let retention = Retention {
            changes,
            bytes: usize::MAX,
            age: Duration::MAX,
            backlog: usize::MAX,
        };
        Arc::new(Log::new(Epoch(1), retention, Instant::now))
    }

    fn changes(count: usize) -> Vec<Change> {
        vec![Change::unknown(ModelId(0)); count]
    }

    fn spans(commits: &[Arc<Commit>]) -> Vec<(u64, u64)> {
        commits
            .iter()
            .map(|commit| (commit.start, commit.end()))
            .collect()
    }

    #[test]
    fn commits_take_their_positions_in_the_order_of_the_tickets() {
        let log = log(100);
        let (first, second, third) = (log.ticket(), log.ticket(), log.ticket());
        third.commit(changes(1));
        first.commit(changes(2));
        assert_eq!(spans(&log.since(0).unwrap()), [(0, 2)]);
        drop(second);
        assert_eq!(spans(&log.since(0).unwrap()), [(0, 2), (2, 3)]);
        assert_eq!(
            spans(&log.since(1).unwrap()),
            [(0, 2), (2, 3)],
            "a position inside a commit gets the rest of it"
        );
        assert_eq!(spans(&log.since(2).unwrap()), [(2, 3)]);
        assert_eq!(spans(&log.since(3).unwrap()), []);
        assert!(log.since(4).is_none(), "nobody has been there yet");
    }

    #[test]
    fn what_is_dispatched_is_kept_up_to_the_capacity() {
        let log = log(3);
        for _ in 0..4 {
            log.ticket().commit(changes(2));
        }
        assert_eq!(
            log.since(0).unwrap().len(),
            4,
            "nothing is forgotten before it is dispatched"
        );
        assert_eq!(log.next(6, NEVER).unwrap().end(), 8);
        assert!(log.since(3).is_none());
        assert_eq!(spans(&log.since(6).unwrap()), [(6, 8)]);
        log.close();
        assert!(log.next(8, NEVER).is_none());
    }

    #[test]
    fn a_ticket_that_stays_out_holds_up_the_others_only_so_long() {
        let log = log(100);
        let stuck = log.ticket();
        log.ticket().commit(changes(1));
        assert_eq!(log.next(0, Duration::from_millis(1)).unwrap().end(), 1);
        stuck.commit(changes(2));
        assert_eq!(
            log.next(1, NEVER).unwrap().changes.len(),
            1,
            "what came too late is told as unknown, once a model"
        );
    }
}
