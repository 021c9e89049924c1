//! The file, and the server on it.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use rest_live::prelude::*;
use rest_live::testing::Client;
use rest_live::{Builder, Limits, OtherWriters, Refusal, SqliteSnapshots};
use tempfile::TempDir;

use super::WRITERS;
use super::models::{Board, Card, SCHEMA, User, history_triggers};
use super::writer::{Manager, Pragmas, Writer};

/// A file that serves many cases, one after the other.
pub(crate) struct Bench {
    pub(crate) url: String,
    pub(crate) database: SqliteConnection,
    _directory: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let url = directory.path().join("truth.db");
        let url = url.to_str().expect("a path").to_owned();
        let mut database = SqliteConnection::establish(&url).expect("the file opens");
        let pragmas =
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000;";
        let schema = [pragmas, SCHEMA, &history_triggers()].concat();
        database
            .batch_execute(&schema)
            .expect("the schema is in order");
        Self {
            url,
            database,
            _directory: directory,
        }
    }

    /// A connection that only reads.
    pub(crate) fn reader(url: &str) -> SqliteConnection {
        let mut database = SqliteConnection::establish(url).expect("the file opens");
        let pragma = "PRAGMA busy_timeout = 20000";
        database.batch_execute(pragma).expect("a pragma");
        database
    }

    pub(crate) fn clear(&mut self) {
        self.database
            .batch_execute(
                "BEGIN; DELETE FROM cards; DELETE FROM boards; DELETE FROM history;
                 INSERT INTO boards VALUES (1, TRUE, 0), (2, FALSE, 0), (3, TRUE, 0);
                 INSERT INTO cards VALUES (1, 1, 1, FALSE, NULL, 0), (2, 1, 2, TRUE, 4, 0), (3, 2, NULL, TRUE, 1, 0);
                 COMMIT",
            )
            .expect("the tables can be emptied");
    }
}

/// Who else writes to the file, and how the server hears of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Others {
    /// Nobody else does.
    None,
    Captured,
    /// It is told that they did, and not what.
    Detected,
}

/// One life of the server, with its connections.
pub(crate) struct Server {
    pub(crate) live: Live<User>,
    pub(crate) pool: Option<Pool<Manager>>,
    pub(crate) writers: Vec<Writer>,
    /// Subscribed to nothing: tells when the dispatcher is done.
    pub(crate) idle: Client<User>,
    pub(crate) others: Option<OtherWriters>,
}

impl Server {
    pub(crate) fn start(limits: Limits, is_pooled: bool, others: Others, url: &str) -> Self {
        Self::build(builder(limits), is_pooled, others, url)
    }

    pub(crate) fn with_snapshots(limits: Limits, others: Others, url: &str) -> Self {
        let manager = ConnectionManager::<SqliteConnection>::new(url);
        let pool = Pool::builder().max_size(4).build(manager).expect("a pool");
        let snapshots = SqliteSnapshots::new(pool);
        let builder = builder(limits)
            .snapshots::<Board>(snapshots.clone())
            .snapshots::<Card>(snapshots);
        Self::build(builder, false, others, url)
    }

    fn build(builder: Builder<User>, is_pooled: bool, others: Others, url: &str) -> Self {
        let live = builder.build().expect("the models are in order");
        let others = match others {
            Others::None => None,
            Others::Captured => Some(OtherWriters::capture(url, &live)),
            Others::Detected => Some(OtherWriters::detect(url, &live)),
        };
        let others = others.transpose().expect("others can be heard of");
        let pool = is_pooled.then(|| {
            Pool::builder()
                .max_size(1)
                .min_idle(Some(0))
                .test_on_check_out(false)
                .connection_customizer(Box::new(Pragmas))
                .build(Manager::new(url, &live))
                .expect("a pool")
        });
        let mut server = Self {
            idle: Client::connect(
                &live,
                User {
                    id: 0,
                    is_staff: false,
                },
            ),
            live,
            pool,
            writers: Vec::new(),
            others,
        };
        server.writers = (0..WRITERS).map(|at| server.writer(at, url)).collect();
        server
    }

    /// The first is of the pool, if there is one; the last is of others, if there are any.
    fn writer(&self, at: usize, url: &str) -> Writer {
        match &self.pool {
            Some(pool) if at == 0 => Writer::pooled(pool),
            _ if at + 1 == WRITERS && self.others.is_some() => Writer::plain(url),
            _ => Writer::single(url, &self.live),
        }
    }

    pub(crate) fn renew(&mut self, at: usize, commit: bool, url: &str) {
        let mut old = self.writers.remove(at);
        if at == 0 && self.pool.is_some() {
            old.end_all(commit);
        }
        drop(old);
        self.writers.insert(at, self.writer(at, url));
    }
}

fn builder(limits: Limits) -> Builder<User> {
    Live::<User>::builder()
        .model::<Board>()
        .model::<Card>()
        .authenticate(|_| async { Err::<User, _>(Refusal::unauthorized("in process only")) })
        .limits(limits)
}
