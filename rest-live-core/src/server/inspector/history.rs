//! The past few minutes: rates, and what there was of each thing.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::stats::{EventCounts, Stats};

/// So many points are kept.
const POINTS: usize = 300;

/// The least time between two points. The page asks every second, and not to the millisecond.
const STEP: Duration = Duration::from_millis(900);

/// Points in time, noted while somebody looks. Between two looks that lie further apart, a rate is
/// the mean: so nothing is lost, and nobody has to measure while nobody looks.
pub(super) struct History {
    points: VecDeque<Point>,
    /// What the next rates are taken from.
    last: Totals,
}

/// What there was at one time, and how much a second since the point before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Point {
    /// Milliseconds since the start.
    pub(super) at: u64,
    pub(super) events: f64,
    pub(super) deliveries: f64,
    pub(super) connections: usize,
    pub(super) subscriptions: usize,
    pub(super) queue_bytes: usize,
    pub(super) backlog: u64,
}

/// What has happened until some time since the start.
#[derive(Debug, Clone, Copy)]
struct Totals {
    at: Duration,
    events: u64,
    deliveries: u64,
}

impl Totals {
    fn new(at: Duration, stats: &Stats) -> Self {
        Self {
            at,
            events: stats.events.values().map(EventCounts::total).sum(),
            deliveries: stats.deliveries,
        }
    }
}

impl History {
    /// Begins now, with what has happened until now.
    pub(super) fn new(stats: &Stats) -> Self {
        Self {
            points: VecDeque::new(),
            last: Totals::new(Duration::ZERO, stats),
        }
    }

    /// Notes how it is at some time since the start, unless the last point is almost as new.
    pub(super) fn note(&mut self, at: Duration, stats: &Stats) {
        let passed = at.saturating_sub(self.last.at);
        if passed < STEP {
            return;
        }
        let totals = Totals::new(at, stats);
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / passed.as_secs_f64();
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back(Point {
            at: at.as_millis() as u64,
            events: rate(self.last.events, totals.events),
            deliveries: rate(self.last.deliveries, totals.deliveries),
            connections: stats.connections,
            subscriptions: stats.subscriptions,
            queue_bytes: stats.queue_bytes,
            backlog: stats.log.backlog_changes,
        });
        self.last = totals;
    }

    /// The points after a time, in ms since the start.
    pub(super) fn after(&self, at: Option<u64>) -> Vec<Point> {
        let from = self
            .points
            .partition_point(|point| at.is_some_and(|at| point.at <= at));
        self.points.range(from..).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::World;
    use crate::limits::Limits;

    fn stats(deliveries: u64) -> Stats {
        let world = World::new(Limits::default());
        Stats {
            deliveries,
            ..world.hub.stats(world.now)
        }
    }

    fn rates(history: &History) -> Vec<(u64, f64)> {
        let points = history.after(None).into_iter();
        points.map(|point| (point.at, point.deliveries)).collect()
    }

    #[test]
    fn a_rate_is_the_mean_since_the_point_before() {
        let mut history = History::new(&stats(100));
        for (seconds, deliveries) in [(1, 150), (2, 150), (12, 250), (13, 251)] {
            history.note(Duration::from_secs(seconds), &stats(deliveries));
        }
        let expected = [(1000, 50.0), (2000, 0.0), (12_000, 10.0), (13_000, 1.0)];
        assert_eq!(rates(&history), expected);
        let newer = history.after(Some(2000));
        assert_eq!(newer.len(), 2, "the page has the others");
        assert_eq!(history.after(Some(13_000)), []);
    }

    #[test]
    fn two_who_look_at_once_make_one_point() {
        let mut history = History::new(&stats(0));
        for millis in [1000, 1000, 1899, 1900] {
            history.note(Duration::from_millis(millis), &stats(millis));
        }
        assert_eq!(rates(&history), [(1000, 1000.0), (1900, 1000.0)]);
    }

    #[test]
    fn the_oldest_points_are_forgotten() {
        let mut history = History::new(&stats(0));
        let stats = stats(0);
        for seconds in 1..=1000 {
            history.note(Duration::from_secs(seconds), &stats);
        }
        let points = history.after(None);
        let ends = (points[0].at, points.last().unwrap().at);
        assert_eq!((points.len(), ends), (POINTS, (701_000, 1_000_000)));
    }

    proptest! {
        /// Whenever somebody looks, all that has happened is under the curve.
        #[test]
        fn nothing_is_lost(looks in prop::collection::vec((0..5000u64, 0..1000u64), 1..30)) {
            let before = stats(7);
            let mut history = History::new(&before);
            let (mut at, mut deliveries) = (0, 7);
            for (passed, delivered) in looks.into_iter().chain([(900, 0)]) {
                at += passed;
                deliveries += delivered;
                history.note(Duration::from_millis(at), &Stats { deliveries, ..before.clone() });
            }
            let mut last = 0;
            let mut sum = 0.0;
            for (at, rate) in rates(&history) {
                sum += rate * (at - last) as f64 / 1000.0;
                last = at;
            }
            prop_assert_eq!(last, at);
            prop_assert!((sum - (deliveries - 7) as f64).abs() < 1e-6, "{}", sum);
        }
    }
}
