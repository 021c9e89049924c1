//! Quiet: moments in which the database and the log tell the same, so that a read of the one has an
//! exact position in the other.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Log, State};

/// A moment in which no ticket was out: nobody was between the first write of a transaction and the
/// return of its ticket.
///
/// What was committed until then is in the log up to this moment's position, and nothing else is.
/// So a read that began after the moment, and while [`Log::is_still`] held, shows exactly what the
/// log tells up to there: whatever it sees was committed by somebody who drew a ticket before that,
/// and all tickets drawn by then were back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    pub(crate) position: u64,
    /// How many tickets had been drawn.
    drawn: u64,
}

/// The tickets that writers hold. Other than the gate's, a ticket that was passed over counts until
/// it comes back: its transaction can still commit.
#[derive(Default)]
pub(super) struct Tickets {
    drawn: u64,
    out: usize,
}

impl Tickets {
    pub(super) fn note_drawn(&mut self) {
        self.drawn += 1;
        self.out += 1;
    }

    pub(super) fn note_back(&mut self) {
        self.out -= 1;
    }
}

impl State {
    fn quiet(&self) -> Option<Quiet> {
        (self.tickets.out == 0).then(|| Quiet {
            position: self.kept.end(),
            drawn: self.tickets.drawn,
        })
    }
}

impl Log {
    /// Waits for a moment in which no ticket is out; `None` if there is none within `patience`.
    ///
    /// To read the database as of an exact position: wait for such a moment, begin the read, and
    /// ask [`Log::is_still`] whether the moment lasted until the read had begun. If not, begin
    /// again.
    pub fn quiet(&self, patience: Duration) -> Option<Quiet> {
        let (state, _) = self
            .moved
            .wait_timeout_while(self.lock(), patience, |state| state.quiet().is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.quiet()
    }

    /// Whether no ticket has been drawn since a quiet moment.
    pub fn is_still(&self, quiet: &Quiet) -> bool {
        self.lock().tickets.drawn == quiet.drawn
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::change::{Change, ModelId};
    use crate::limits::Limits;
    use crate::log::{Epoch, Retention};

    const NOW: Duration = Duration::ZERO;

    fn log() -> Arc<Log> {
        let retention = Retention::from(&Limits::default());
        Arc::new(Log::new(Epoch(1), retention, std::time::Instant::now))
    }

    fn changes() -> Vec<Change> {
        vec![Change::unknown(ModelId(0))]
    }

    #[test]
    fn it_is_quiet_while_no_ticket_is_out() {
        let log = log();
        let before = log.quiet(NOW).unwrap();
        let (first, second) = (log.ticket(), log.ticket());
        assert!(!log.is_still(&before));
        first.commit(changes());
        assert_eq!(log.quiet(NOW), None);
        drop(second);
        let after = log.quiet(NOW).unwrap();
        assert!(log.is_still(&after) && !log.is_still(&before));
        assert_eq!((before.position, after.position), (0, 1));
    }

    #[test]
    fn a_ticket_that_was_passed_over_is_still_out() {
        let log = log();
        let stuck = log.ticket();
        log.ticket().commit(changes());
        assert!(log.next(0, Duration::from_millis(1)).is_some());
        assert_eq!(log.quiet(NOW), None);
        stuck.commit(changes());
        assert_eq!(log.quiet(NOW).unwrap().position, 2);
    }

    #[test]
    fn who_waits_is_woken_by_the_last_ticket() {
        let log = log();
        let ticket = log.ticket();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| log.quiet(Duration::from_secs(60)));
            ticket.commit(changes());
            assert_eq!(waiting.join().unwrap().unwrap().position, 1);
        });
    }
}
