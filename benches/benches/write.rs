//! What a write to SQLite costs the thread that makes it: on a plain connection, on a live one, and on
//! both where others are heard of. WAL, `synchronous = NORMAL`.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use rest_live::{Live, LiveConnection, OtherWriters, Subscribable};
use serde::Serialize;
use tempfile::TempDir;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, stamp -> BigInt, } }

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = tasks)]
#[live(label = "bench.Task")]
#[subscribable(group_key = "list_id")]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
    stamp: i64,
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE tasks (id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, text TEXT NOT NULL, stamp BIGINT NOT NULL);
    CREATE INDEX tasks_by_list ON tasks(list_id);
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
    INSERT INTO tasks SELECT n, n % 10, 'a task of some length', 0 FROM n";

/// How others are heard of.
type Others = fn(&str, &Live<()>) -> Option<OtherWriters>;

/// A file, and what listens to it.
struct Bench {
    _others: Option<OtherWriters>,
    live: Live<()>,
    url: String,
    _directory: TempDir,
}

impl Bench {
    fn new(others: Others) -> Self {
        let directory = TempDir::new().expect("a directory");
        let url = directory.path().join("bench.db").display().to_string();
        let live = Live::builder()
            .anonymous()
            .model::<Task>()
            .build()
            .expect("a model");
        let mut bench = Self {
            _others: None,
            live,
            url,
            _directory: directory,
        };
        bench
            .plain()
            .batch_execute(SCHEMA)
            .expect("the schema is in order");
        bench._others = others(&bench.url, &bench.live);
        bench
    }

    fn plain(&self) -> SqliteConnection {
        let mut conn = SqliteConnection::establish(&self.url).expect("the file opens");
        conn.batch_execute("PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000")
            .expect("pragmas");
        conn
    }

    fn live(&self) -> LiveConnection<SqliteConnection> {
        LiveConnection::new(self.plain(), &self.live).expect("a live connection")
    }
}

/// One row, in a statement of its own.
fn one<C>(conn: &mut C, stamp: i64)
where
    C: diesel::connection::LoadConnection<Backend = diesel::sqlite::Sqlite>,
{
    let update = diesel::update(tasks::table.find(7)).set(tasks::stamp.eq(stamp));
    update.execute(conn).expect("a row");
}

/// A hundred rows, each in a statement, in one transaction.
fn hundred<C>(conn: &mut C, stamp: i64)
where
    C: diesel::connection::LoadConnection<Backend = diesel::sqlite::Sqlite>,
{
    let all = conn.transaction(|conn| {
        (1..=100).try_for_each(|id| {
            let update = diesel::update(tasks::table.find(id)).set(tasks::stamp.eq(stamp));
            update.execute(conn).map(drop)
        })
    });
    all.expect("a hundred rows");
}

/// A thousand rows in one statement.
fn thousand<C>(conn: &mut C, stamp: i64)
where
    C: diesel::connection::LoadConnection<Backend = diesel::sqlite::Sqlite>,
{
    let update = diesel::update(tasks::table).set(tasks::stamp.eq(stamp));
    update.execute(conn).expect("a thousand rows");
}

fn write(criterion: &mut Criterion) {
    let variants: [(&str, Others); 3] = [
        ("nobody else", |_, _| None),
        ("others detected", |url, live| {
            Some(OtherWriters::detect(url, live).expect("it listens"))
        }),
        ("others captured", |url, live| {
            Some(OtherWriters::capture(url, live).expect("it listens"))
        }),
    ];
    for (name, others) in variants {
        let bench = Bench::new(others);
        let mut stamp = 0;
        let mut measure = |group: &str, kind: &str, write: &mut dyn FnMut(i64)| {
            let mut group = criterion.benchmark_group(group);
            group.bench_function(BenchmarkId::new(kind, name), |bencher| {
                bencher.iter(|| {
                    stamp += 1;
                    write(stamp);
                });
            });
        };
        let mut conn = bench.plain();
        measure("one", "plain", &mut |stamp| one(&mut conn, stamp));
        measure("a hundred", "plain", &mut |stamp| hundred(&mut conn, stamp));
        measure("a thousand", "plain", &mut |stamp| {
            thousand(&mut conn, stamp)
        });
        let mut conn = bench.live();
        measure("one", "live", &mut |stamp| one(&mut conn, stamp));
        measure("a hundred", "live", &mut |stamp| hundred(&mut conn, stamp));
        measure("a thousand", "live", &mut |stamp| {
            thousand(&mut conn, stamp)
        });
    }
}

criterion_group!(benches, write);
criterion_main!(benches);
