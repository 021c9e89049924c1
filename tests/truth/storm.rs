//! The same with real threads: writers that get in each other's way, and clients that come and go
//! while they write.

use std::env;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use rest_live::Limits;

use super::models::User;
use super::oracle::read_history;
use super::server::{Bench, Others, Server};
use super::viewer::{Form, Sight, Viewer};
use super::writer::{Write, Writer, write};
use super::{WATCHES, patient, viewer};

const THREADS: usize = 8;
const PAGES: usize = 16;
/// Of the writers, if others write.
const OTHERS: usize = 2;
/// The stamp of the writes that make a storm.
const ENOUGH: i64 = 20_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a writer does in one go.
#[derive(Debug, Clone)]
enum Work {
    Autocommit(Write),
    Transaction {
        is_raw: bool,
        before: Vec<Write>,
        inner: Vec<Write>,
        keeps_inner: bool,
        after: Vec<Write>,
        commits: bool,
    },
}

/// What a client does in one go.
#[derive(Debug, Clone, Copy)]
enum Move {
    Subscribe(usize),
    Unsubscribe(usize),
    Read(usize),
    ReadAll,
    /// Cut off after so many messages, and back at once.
    Cut(usize),
}

fn work() -> impl Strategy<Value = Work> {
    let writes = || prop::collection::vec(write(), 0..3);
    let transaction = (
        any::<bool>(),
        writes(),
        writes(),
        any::<bool>(),
        writes(),
        prop::bool::weighted(0.8),
    );
    prop_oneof![
        write().prop_map(Work::Autocommit),
        transaction.prop_map(|(is_raw, before, inner, keeps_inner, after, commits)| {
            Work::Transaction {
                is_raw,
                before,
                inner,
                keeps_inner,
                after,
                commits,
            }
        }),
    ]
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (0..WATCHES).prop_map(Move::Subscribe),
        1 => (0..WATCHES).prop_map(Move::Unsubscribe),
        8 => (1..20usize).prop_map(Move::Read),
        8 => Just(Move::ReadAll),
        1 => (0..20usize).prop_map(Move::Cut),
    ]
}

/// An endless choice of values, the same for the same seed.
struct Choice<S> {
    strategy: S,
    runner: TestRunner,
}

impl<S: Strategy> Choice<S> {
    fn new(strategy: S, seed: u8) -> Self {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        Self {
            strategy,
            runner: TestRunner::new_with_rng(ProptestConfig::default(), rng),
        }
    }

    fn next(&mut self) -> S::Value {
        let tree = self.strategy.new_tree(&mut self.runner);
        tree.expect("a value").current()
    }
}

fn do_work(writer: &mut Writer, work: &Work, stamps: &AtomicI64) {
    let write = |writer: &mut Writer, all: &[Write]| {
        for write in all {
            writer.write(write, stamps.fetch_add(10, Ordering::Relaxed));
        }
    };
    match work {
        Work::Autocommit(one) => write(writer, std::slice::from_ref(one)),
        Work::Transaction {
            is_raw,
            before,
            inner,
            keeps_inner,
            after,
            commits,
        } => {
            if *is_raw {
                writer.begin_raw("BEGIN IMMEDIATE");
                write(writer, before);
            } else {
                writer.begin();
                write(writer, before);
                writer.begin();
                write(writer, inner);
                writer.end(*keeps_inner);
            }
            write(writer, after);
            writer.end_all(*commits);
        }
    }
}

fn go(viewer: &mut Viewer, sight: &mut Sight<'_>, step: Move) {
    viewer.connect(sight);
    match step {
        Move::Subscribe(at) => viewer.subscribe(at, sight),
        Move::Unsubscribe(at) => viewer.unsubscribe(at, sight),
        Move::Read(most) => viewer.read(most, sight),
        Move::ReadAll => viewer.read(usize::MAX, sight),
        Move::Cut(most) => {
            viewer.read(most, sight);
            viewer.disconnect();
            viewer.show_all(sight);
        }
    }
}

fn duration() -> Duration {
    let seconds = env::var("STORM_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(2.0))
}

fn storm(limits: Limits, has_room: bool, others: Others) {
    let mut bench = Bench::new();
    bench.clear();
    let mut server = Server::with_snapshots(limits, others, &bench.url);
    let end = Instant::now() + duration();
    let stamps = AtomicI64::new(10);
    // A machine that is busy with other things gets a little longer.
    let goes_on = || {
        let now = Instant::now();
        now < end || (stamps.load(Ordering::Relaxed) < ENOUGH && now < end + PATIENCE)
    };
    let (live, url) = (&server.live, bench.url.as_str());
    let mut pages: Vec<(Viewer, SqliteConnection)> = thread::scope(|scope| {
        for seed in 0..THREADS as u8 {
            let (stamps, mut choice) = (&stamps, Choice::new(work(), seed));
            let goes_on = &goes_on;
            scope.spawn(move || {
                let mut writer = match others {
                    Others::Captured | Others::Detected if usize::from(seed) < OTHERS => {
                        Writer::plain(url)
                    }
                    _ => Writer::single(url, live),
                };
                writer.wait_for_others();
                while goes_on() {
                    do_work(&mut writer, &choice.next(), stamps);
                }
            });
        }
        let pages = (0..PAGES as u8).map(|seed| {
            let goes_on = &goes_on;
            scope.spawn(move || {
                let (user, targets): (User, _) = Choice::new(viewer(), seed).next();
                let forms = [Form::Extended, Form::Snapshot, Form::Seed];
                let mut viewer = Viewer::new(user, targets.into_iter().zip(forms));
                let mut database = Bench::reader(url);
                let mut sight = Sight {
                    live,
                    life: 0,
                    has_room,
                    database: &mut database,
                };
                let mut choice = Choice::new(moves(), seed);
                while goes_on() {
                    go(&mut viewer, &mut sight, choice.next());
                    thread::yield_now();
                }
                (viewer, database)
            })
        });
        let pages: Vec<_> = pages.collect();
        let joined = pages
            .into_iter()
            .map(|page| page.join().expect("a page that goes on"));
        joined.collect()
    });
    if let Some(others) = &server.others {
        others.look();
    }
    server.idle.receive_nothing();
    let history = read_history(&mut bench.database);
    for (viewer, database) in &mut pages {
        let mut sight = Sight {
            live: &server.live,
            life: 0,
            has_room,
            database,
        };
        for _ in 0..WATCHES + 1 {
            viewer.read(usize::MAX, &mut sight);
            viewer.show_all(&mut sight);
            viewer.await_snapshots(&mut sight);
        }
        assert!(viewer.is_complete(), "nobody can come back here");
        // What others do is no event where it is only detected.
        match others {
            Others::Detected => viewer.check_pages(database),
            Others::None | Others::Captured => viewer.check(&history, database),
        }
    }
    assert!(history.len() > 100, "there was a storm: {}", history.len());
}

/// A server that forgets nothing and cuts nobody off.
fn roomy() -> Limits {
    Limits {
        log_changes: usize::MAX,
        log_bytes: usize::MAX,
        queue_bytes: usize::MAX,
        ..patient()
    }
}

#[test]
fn no_thread_gets_between_a_page_and_the_truth() {
    storm(roomy(), true, Others::None);
}

#[test]
fn no_thread_gets_between_a_page_and_the_truth_where_the_server_forgets_and_cuts_off() {
    let limits = Limits {
        log_changes: 40,
        queue_bytes: 4_000,
        ..patient()
    };
    storm(limits, false, Others::None);
}

#[test]
fn nor_do_others_where_they_are_captured() {
    storm(roomy(), true, Others::Captured);
}

#[test]
fn nor_do_others_where_they_are_detected() {
    let limits = Limits {
        queue_bytes: usize::MAX,
        ..patient()
    };
    storm(limits, false, Others::Detected);
}
