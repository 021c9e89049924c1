//! What the inspector shows, gathered for all who look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Serialize, Serializer};

use super::history::{History, Point};
use super::overview::{ConnectionRow, Overview, connections_like};
use crate::live::Live;
use crate::server::connection::now;

/// The figures are no older than this. Two who look at once are shown the same.
const FRESH: Duration = Duration::from_millis(500);

/// What the inspector shows.
pub(super) struct Board<U> {
    live: Live<U>,
    begun: Instant,
    /// Held while the figures are gathered: who else looks meanwhile waits, and gets them too.
    state: Mutex<State>,
}

struct State {
    history: History,
    latest: Option<(Instant, Arc<Overview>)>,
}

/// The answer to the page, every second.
#[derive(Serialize)]
pub(super) struct Look {
    /// Milliseconds since the start, which the history counts from.
    at: u64,
    #[serde(flatten, serialize_with = "shared")]
    pub(super) overview: Arc<Overview>,
    history: Vec<Point>,
    /// The connections that were looked for, if any were.
    found: Option<Vec<ConnectionRow>>,
}

impl<U: Send + Sync + 'static> Board<U> {
    pub(super) fn new(live: Live<U>) -> Self {
        let begun = now();
        let state = State {
            history: History::new(&live.hub.stats(begun)),
            latest: None,
        };
        Self {
            live,
            begun,
            state: Mutex::new(state),
        }
    }

    pub(super) fn live(&self) -> &Live<U> {
        &self.live
    }

    /// How it is now, and was after a time in ms since the start.
    pub(super) fn overview(&self, after: Option<u64>, find: Option<&str>) -> Look {
        let mut state = self.state.lock();
        // Under the lock: who waited for the figures is given them.
        let now = now();
        let overview = state.overview(&self.live, now);
        let at = now.saturating_duration_since(self.begun);
        state.history.note(at, &overview.stats);
        let history = state.history.after(after);
        drop(state);
        Look {
            at: at.as_millis() as u64,
            overview,
            history,
            found: find.map(|text| connections_like(&self.live, text, now)),
        }
    }
}

impl State {
    fn overview<U>(&mut self, live: &Live<U>, now: Instant) -> Arc<Overview> {
        if let Some((at, overview)) = &self.latest
            && now.saturating_duration_since(*at) < FRESH
        {
            return Arc::clone(overview);
        }
        let last = self.latest.as_ref().map(|(_, overview)| &**overview);
        let overview = Arc::new(Overview::gather(live, now, last));
        self.latest = Some((now, Arc::clone(&overview)));
        overview
    }
}

fn shared<T: Serialize, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    (**value).serialize(serializer)
}
