//! What a client shows is what the database holds: random writers, clients and failures against a
//! real SQLite file, checked with an oracle that knows the tables and nothing of rest-live.
//!
//! For long runs by hand, `PROPTEST_CASES` sets the number of cases of each test, and
//! `STORM_SECONDS` how long the threads run.

#[path = "truth/models.rs"]
mod models;
#[path = "truth/oracle.rs"]
mod oracle;
#[path = "truth/server.rs"]
mod server;
#[path = "truth/storm.rs"]
mod storm;
#[path = "truth/viewer.rs"]
mod viewer;
#[path = "truth/writer.rs"]
mod writer;

use std::cell::RefCell;
use std::env;
use std::fmt;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use rest_live::Limits;

use self::models::User;
use self::oracle::{Target, read_history};
use self::server::{Bench, Others, Server};
use self::viewer::{Form, Sight, Viewer};
use self::writer::{Write, Writer, write};

const WRITERS: usize = 3;
const VIEWERS: usize = 3;
const WATCHES: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Write(usize, Write),
    Begin(usize),
    BeginRaw(usize, &'static str),
    End(usize, bool),
    /// Gives a connection back and takes another.
    Renew(usize, bool),
    Connect(usize),
    /// Cuts a connection off, after so many messages were read.
    Disconnect(usize, usize),
    /// The same once all is sent; and the client is back at once.
    Cut(usize, usize),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Read(usize, usize),
    /// Waits for the dispatcher, without a look at what it sent.
    Dispatch,
    /// Waits for the dispatcher, reads all, and checks all.
    Rest,
    /// A new server on the same file.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let (w, v) = (0..WRITERS, 0..VIEWERS);
    let begin_raw = prop::sample::select(vec!["BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT raw"]);
    prop_oneof![
        40 => (w.clone(), write()).prop_map(|(at, write)| Step::Write(at, write)),
        8 => w.clone().prop_map(Step::Begin),
        3 => (w.clone(), begin_raw).prop_map(|(at, sql)| Step::BeginRaw(at, sql)),
        12 => (w.clone(), prop::bool::weighted(0.6)).prop_map(|(at, commit)| Step::End(at, commit)),
        2 => (w, any::<bool>()).prop_map(|(at, commit)| Step::Renew(at, commit)),
        4 => v.clone().prop_map(Step::Connect),
        3 => (v.clone(), 0..4usize).prop_map(|(at, most)| Step::Disconnect(at, most)),
        4 => (v.clone(), 0..8usize).prop_map(|(at, most)| Step::Cut(at, most)),
        8 => (v.clone(), 0..WATCHES).prop_map(|(at, watch)| Step::Subscribe(at, watch)),
        2 => (v.clone(), 0..WATCHES).prop_map(|(at, watch)| Step::Unsubscribe(at, watch)),
        6 => (v, 1..4usize).prop_map(|(at, most)| Step::Read(at, most)),
        4 => Just(Step::Dispatch),
        3 => Just(Step::Rest),
        1 => Just(Step::Restart),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        2 => (1..6i32).prop_map(Target::Card),
        5 => (1..4i32).prop_map(Target::OnBoard),
        4 => prop::option::of(1..4i32).prop_map(Target::OwnedBy),
        3 => (1..4i32, any::<bool>()).prop_map(|(board, is)| Target::OnBoardIfPublic(board, is)),
        1 => (1..4i32).prop_map(Target::Board),
        2 => any::<bool>().prop_map(Target::OpenBoards),
    ]
}

fn viewer() -> impl Strategy<Value = (User, Vec<Target>)> {
    let user =
        (1..4i32, prop::bool::weighted(0.3)).prop_map(|(id, is_staff)| User { id, is_staff });
    (user, prop::collection::vec(target(), WATCHES))
}

#[derive(Clone)]
struct Case {
    limits: Limits,
    has_room: bool,
    /// Whether the first writer is of a pool.
    is_pooled: bool,
    /// Whose the last writer is.
    others: Others,
    viewers: Vec<(User, Vec<Target>)>,
    steps: Vec<Step>,
}

/// A line for each viewer and each step, to be read by who looks for the mistake.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:?}, pooled: {}, others: {:?}",
            self.limits, self.is_pooled, self.others
        )?;
        for viewer in &self.viewers {
            writeln!(f, "{viewer:?}")?;
        }
        self.steps
            .iter()
            .try_for_each(|step| writeln!(f, "{step:?}"))
    }
}

/// A case at work.
struct Run<'a> {
    bench: &'a mut Bench,
    case: &'a Case,
    server: Server,
    life: u32,
    viewers: Vec<Viewer>,
    stamp: i64,
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, bench: &'a mut Bench) -> Self {
        bench.clear();
        // The last group of each page is subscribed to in the seed form.
        let forms = [Form::Extended, Form::Extended, Form::Seed];
        let viewers = case.viewers.iter();
        Self {
            server: Server::start(case.limits, case.is_pooled, case.others, &bench.url),
            bench,
            case,
            life: 0,
            viewers: viewers
                .map(|(user, targets)| Viewer::new(*user, targets.iter().copied().zip(forms)))
                .collect(),
            stamp: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Write(at, ref write) => {
                self.stamp += 10;
                self.server.writers[at].write(write, self.stamp);
            }
            Step::Begin(at) => self.server.writers[at].begin(),
            Step::BeginRaw(at, sql) => self.server.writers[at].begin_raw(sql),
            Step::End(at, commit) => self.server.writers[at].end(commit),
            Step::Renew(at, commit) => self.server.renew(at, commit, &self.bench.url),
            Step::Connect(at) => self.view(at, |viewer, sight| viewer.connect(sight)),
            Step::Disconnect(at, most) => self.cut(at, most),
            Step::Cut(at, most) => {
                self.server.idle.receive_nothing();
                self.cut(at, most);
                self.view(at, |viewer, sight| {
                    viewer.connect(sight);
                    (0..WATCHES).for_each(|watch| viewer.subscribe(watch, sight));
                });
            }
            Step::Subscribe(at, watch) => self.view(at, |viewer, sight| {
                viewer.connect(sight);
                viewer.subscribe(watch, sight);
            }),
            Step::Unsubscribe(at, watch) => {
                self.view(at, |viewer, sight| viewer.unsubscribe(watch, sight))
            }
            Step::Read(at, most) => self.view(at, |viewer, sight| viewer.read(most, sight)),
            Step::Dispatch => self.server.idle.receive_nothing(),
            Step::Rest => self.rest(),
            Step::Restart => self.restart(),
        }
    }

    fn view(&mut self, at: usize, act: impl FnOnce(&mut Viewer, &mut Sight<'_>)) {
        let mut sight = Sight {
            live: &self.server.live,
            life: self.life,
            has_room: self.case.has_room,
            database: &mut self.bench.database,
        };
        act(&mut self.viewers[at], &mut sight);
    }

    fn cut(&mut self, at: usize, most: usize) {
        self.view(at, |viewer, sight| viewer.read(most, sight));
        self.viewers[at].disconnect();
    }

    fn restart(&mut self) {
        self.viewers.iter_mut().for_each(Viewer::disconnect);
        if self.server.others.is_some() {
            // A pool may keep one that holds the write lock, which `OtherWriters` needs to begin.
            self.end_all();
        }
        self.server.writers.clear();
        // The old one ends before the new one begins.
        self.server.others = None;
        let Case {
            limits,
            is_pooled,
            others,
            ..
        } = *self.case;
        self.server = Server::start(limits, is_pooled, others, &self.bench.url);
        self.life += 1;
    }

    fn rest(&mut self) {
        self.server.writers.iter_mut().for_each(Writer::touch);
        if self.server.others.is_some() {
            // Nobody hears of others while somebody holds the write lock.
            self.end_all();
        }
        if let Some(others) = &self.server.others {
            others.look();
        }
        self.server.idle.receive_nothing();
        for at in 0..VIEWERS {
            self.view(at, |viewer, sight| viewer.read(usize::MAX, sight));
        }
        let database = &mut self.bench.database;
        let history = read_history(database);
        for viewer in &self.viewers {
            viewer.check(&history, database);
        }
    }

    fn end_all(&mut self) {
        let writers = self.server.writers.iter_mut();
        writers.for_each(|writer| writer.end_all(false));
    }

    /// Ends what is open, lets everybody come back, and checks all.
    fn finish(&mut self) {
        self.end_all();
        self.rest();
        for at in 0..VIEWERS {
            // Who is closed for a long queue comes back, and finds less to read each time.
            for _ in 0..WATCHES + 1 {
                self.view(at, Viewer::show_all);
            }
            assert!(self.viewers[at].is_complete(), "nobody can come back here");
        }
        self.rest();
    }
}

fn run(case: &Case, bench: &mut Bench) {
    let mut run = Run::new(case, bench);
    for step in &case.steps {
        run.step(step);
    }
    run.finish();
}

fn check(limits: impl Strategy<Value = Limits>, has_room: bool, others: Others, cases: u32) {
    let by_hand = env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: by_hand.unwrap_or(cases),
        max_shrink_iters: 10_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource(
            "proptest-regressions",
        ))),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    let viewers = prop::collection::vec(viewer(), VIEWERS);
    let is_pooled = prop::bool::weighted(0.3);
    let case = (
        limits,
        is_pooled,
        viewers,
        prop::collection::vec(step(), 1..40),
    )
        .prop_map(move |(limits, is_pooled, viewers, steps)| Case {
            limits,
            has_room,
            is_pooled,
            others,
            viewers,
            steps,
        });
    let bench = RefCell::new(Bench::new());
    let result = TestRunner::new(config).run(&case, |case| {
        run(&case, &mut bench.borrow_mut());
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// Nobody waits for a writer in these tests that take one step after the other.
fn patient() -> Limits {
    Limits {
        commit_patience: Duration::from_secs(60),
        ..Limits::default()
    }
}

#[test]
fn a_page_shows_what_is_there_and_hears_all_that_happened() {
    check(Just(patient()), true, Others::None, 5_000);
}

#[test]
fn a_page_shows_what_is_there_and_hears_all_that_others_write() {
    check(Just(patient()), true, Others::Captured, 1_000);
}

#[test]
fn a_page_shows_what_is_there_where_the_server_forgets_and_cuts_off() {
    let limits = (0..12usize, 0..4_000usize, 300..1_500usize);
    let limits = limits.prop_map(|(log_changes, log_bytes, queue_bytes)| Limits {
        log_changes,
        log_bytes,
        queue_bytes,
        ..patient()
    });
    check(limits, false, Others::None, 5_000);
}
