//! Whether an open socket is alive: the server pings, and is asked when it has been silent.

use std::time::{Duration, Instant};

use super::link::Link;
use super::login::Renewal;
use super::message::{Message, NOTHING};
use super::{Moment, NEVER, Session};
use crate::error::Error;

/// How long the answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// A look that is later than this proves nothing: the machine slept, and so did what it waited for.
const LATE: Duration = Duration::from_secs(2);

/// An open connection.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) since: Instant,
    heard: Instant,
    probed: Option<Instant>,
    pub(super) renewal: Renewal,
}

impl Open {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            heard: now,
            probed: None,
            renewal: Renewal::Never,
        }
    }

    /// When something is to be done about it.
    pub(super) fn due(&self, probe_after: Duration) -> Instant {
        let look = self.look(probe_after);
        self.renewal.due().map_or(look, |due| due.min(look))
    }

    /// When it is to be looked after.
    fn look(&self, probe_after: Duration) -> Instant {
        match self.probed {
            Some(probed) => probed + ANSWER_WITHIN,
            None => self.heard + probe_after.min(NEVER),
        }
    }
}

impl Session {
    /// The server has sent something, be it a ping.
    pub(crate) fn handle_sign_of_life(&mut self, now: Instant) {
        if let Link::Open(open) = &mut self.link {
            open.heard = now;
            open.probed = None;
        }
    }

    /// Asks a server that has been silent for long, and gives up one that does not answer.
    pub(super) fn look_after(&mut self, at: Moment) {
        let Link::Open(open) = &mut self.link else {
            return;
        };
        let look = open.look(self.settings.probe_after);
        if look > at.now {
            return;
        }
        if open.probed.is_some() && at.now <= look + LATE {
            return self.lose(Error::Silent, at);
        }
        open.probed = Some(at.now);
        self.send(&Message::Unsubscribe { id: NOTHING });
    }
}
