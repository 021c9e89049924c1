//! Whoever changes the schema, and whenever: live tables stay live, and what cannot be told is
//! said.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::SimpleConnection;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::prelude::*;
use diesel::r2d2::Pool;
use diesel::result::Error;
use diesel::sql_types::Integer;
use diesel::sqlite::{Sqlite, SqliteValue};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use rest_live::prelude::*;
use rest_live::testing::Client;
use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;

use self::support::{App, List, LiveSqlite, SCHEMA, Task, User, new, tasks, told};

/// The models on a file without tables.
struct Empty {
    live: Live<User>,
    directory: TempDir,
}

impl Empty {
    fn new() -> Self {
        let live = Live::<User>::builder()
            .anonymous()
            .model::<List>()
            .model::<Task>()
            .build();
        Self {
            live: live.expect("a live"),
            directory: TempDir::new().expect("a directory"),
        }
    }

    fn path(&self) -> String {
        self.directory
            .path()
            .join("app.db")
            .to_str()
            .expect("a path")
            .to_owned()
    }

    fn plain(&self) -> SqliteConnection {
        SqliteConnection::establish(&self.path()).expect("the file opens")
    }

    fn open(&self) -> LiveSqlite {
        LiveConnection::new(self.plain(), &self.live).expect("a live connection")
    }

    fn reader(&self) -> Client<User> {
        let mut client = Client::connect(&self.live, User::named("reader"));
        client.subscribe(Task::group().list_id(1));
        client
    }
}

fn is_resync(event: &Value) -> bool {
    event["type"] == "resync"
}

#[test]
fn a_pool_that_opened_before_there_was_a_table() {
    let empty = Empty::new();
    let pool = Pool::builder()
        .max_size(3)
        .build(LiveManager::<SqliteConnection>::new(
            empty.path(),
            &empty.live,
        ))
        .unwrap();
    let mut conns: Vec<_> = (0..3).map(|_| pool.get().unwrap()).collect();
    conns[0].batch_execute(SCHEMA).unwrap();
    let mut client = empty.reader();
    for (conn, text) in conns.iter_mut().zip(["a", "b", "c"]) {
        Task::create(conn, new(text)).unwrap();
    }
    conns[1]
        .transaction(|conn| {
            diesel::update(tasks::table.find(1))
                .set(tasks::done.eq(true))
                .execute(conn)
        })
        .unwrap();
    let events = client.receive_all();
    let told: Vec<_> = events
        .iter()
        .filter(|event| !is_resync(event))
        .map(support::brief)
        .collect();
    assert_eq!(told, ["CREATED a", "CREATED b", "CREATED c", "UPDATED a"]);
}

#[test]
fn tables_that_a_plain_connection_makes_and_changes() {
    let empty = Empty::new();
    let mut conn = empty.open();
    let mut plain = empty.plain();
    plain.batch_execute(SCHEMA).unwrap();
    let mut client = empty.reader();
    Task::create(&mut conn, new("a")).unwrap();
    plain
        .batch_execute("ALTER TABLE tasks ADD COLUMN extra TEXT")
        .unwrap();
    let b: Task = diesel::insert_into(tasks::table)
        .values(new("b"))
        .returning(Task::as_returning())
        .get_result(&mut conn)
        .unwrap();
    plain
        .batch_execute("ALTER TABLE tasks DROP COLUMN extra")
        .unwrap();
    b.delete(&mut conn).unwrap();
    diesel::update(tasks::table)
        .set(tasks::done.eq(true))
        .execute(&mut conn)
        .unwrap();
    assert_eq!(
        told(&mut client),
        ["CREATED a", "CREATED b", "DELETED b", "UPDATED a"]
    );
}

#[test]
fn a_migration_that_fails_and_is_tried_again() {
    let empty = Empty::new();
    let folder = empty.directory.path().join("migrations/0001_tables");
    std::fs::create_dir_all(&folder).unwrap();
    let migrate = |conn: &mut LiveSqlite, sql: &str| {
        std::fs::write(folder.join("up.sql"), sql).unwrap();
        let source =
            FileBasedMigrations::from_path(empty.directory.path().join("migrations")).unwrap();
        conn.run_pending_migrations(source).map(drop).is_ok()
    };
    let mut conn = empty.open();
    assert!(!migrate(
        &mut conn,
        &format!("{SCHEMA}; INSERT INTO nothing VALUES (1);")
    ));
    assert!(migrate(&mut conn, SCHEMA));
    let mut client = empty.reader();
    Task::create(&mut conn, new("a")).unwrap();
    assert_eq!(told(&mut client), ["CREATED a"]);
}

#[test]
fn a_schema_change_that_is_undone_and_done_again() {
    let empty = Empty::new();
    let mut conn = empty.open();
    conn.transaction(|conn| {
        conn.batch_execute(SCHEMA)?;
        Err::<(), _>(Error::RollbackTransaction)
    })
    .unwrap_err();
    conn.transaction(|conn| conn.batch_execute(SCHEMA)).unwrap();
    let mut client = empty.reader();
    Task::create(&mut conn, new("a")).unwrap();
    conn.transaction(|conn| {
        Task::create(conn, new("b"))?;
        let undone = conn.transaction(|conn| {
            conn.batch_execute("ALTER TABLE tasks ADD COLUMN extra TEXT")?;
            Err::<(), _>(Error::RollbackTransaction)
        });
        assert!(undone.is_err());
        Task::create(conn, new("c")).map(drop)
    })
    .unwrap();
    let events = client.receive_all();
    let last = events
        .iter()
        .rposition(|event| support::brief(event) == "CREATED c");
    assert!(last.is_some() || events.iter().any(is_resync), "{events:?}");
    Task::create(&mut conn, new("d")).unwrap();
    assert_eq!(told(&mut client), ["CREATED d"]);
}

#[test]
fn a_table_that_is_dropped_takes_its_rows_along() {
    let app = App::new();
    let mut conn = app.single();
    Task::create(&mut conn, new("a")).unwrap();
    let mut client = app.reader();
    let create = SCHEMA
        .split(';')
        .find(|statement| statement.contains("TABLE tasks"))
        .unwrap();
    conn.batch_execute(&format!(
        "PRAGMA foreign_keys = OFF; DROP TABLE tasks; {create}"
    ))
    .unwrap();
    assert!(client.receive_all().iter().any(is_resync));
    Task::create(&mut conn, new("b")).unwrap();
    assert_eq!(told(&mut client), ["CREATED b"]);
}

#[test]
fn temporary_objects_of_the_application_are_left_alone_and_may_be_dropped() {
    let app = App::new();
    let mut plain = app.plain();
    plain
        .batch_execute("CREATE TEMP TABLE mine (x); INSERT INTO mine VALUES (1)")
        .unwrap();
    let mut conn = LiveConnection::new(plain, &app.live).unwrap();
    assert_eq!(
        diesel::sql_query("DELETE FROM mine").execute(&mut conn),
        Ok(1)
    );
    let mut client = app.reader();
    // This drops all that is TEMP.
    conn.batch_execute("PRAGMA temp_store = FILE; PRAGMA temp_store = MEMORY")
        .unwrap();
    Task::create(&mut conn, new("a")).unwrap();
    assert_eq!(told(&mut client), ["CREATED a"]);
}

#[test]
fn a_word_in_a_text_is_no_statement() {
    let app = App::new();
    let mut conn = app.single();
    let mut client = app.reader();
    conn.batch_execute("INSERT INTO tasks(text, list_id) VALUES ('ALTER TABLE; call walter', 1)")
        .unwrap();
    assert_eq!(told(&mut client), ["CREATED ALTER TABLE; call walter"]);
    conn.silently(|conn| {
        conn.batch_execute("-- so\n ALTER TABLE tasks ADD COLUMN extra DEFAULT 1")
    })
    .unwrap();
    client.receive_nothing();
}

#[test]
fn a_raw_transaction_sees_what_is_there_at_its_first_statement() {
    let app = App::new();
    app.plain()
        .batch_execute("PRAGMA journal_mode = WAL")
        .unwrap();
    let mut conn = app.single();
    conn.batch_execute("BEGIN").unwrap();
    Task::create(&mut app.conn(), new("a")).unwrap();
    diesel::insert_into(tasks::table)
        .values(new("b"))
        .execute(&mut conn)
        .unwrap();
    conn.batch_execute("COMMIT").unwrap();
}

#[test]
fn rows_that_nobody_can_read_are_said_once() {
    let app = App::new();
    let mut conn = app.single();
    diesel::insert_into(tasks::table)
        .values((0..100).map(|_| new("x")).collect::<Vec<_>>())
        .execute(&mut conn)
        .unwrap();
    let mut client = app.reader();
    conn.batch_execute("UPDATE tasks SET text = x'ff'").unwrap();
    assert_eq!(client.receive_all().len(), 1);
}

diesel::table! { readings (id) { id -> Integer, value -> Integer, } }

#[derive(Debug, Serialize, FromSqlRow)]
struct Unlucky(i32);

impl FromSql<Integer, Sqlite> for Unlucky {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let value = <i32 as FromSql<Integer, Sqlite>>::from_sql(value)?;
        assert_ne!(value, 13, "on purpose");
        Ok(Self(value))
    }
}

#[derive(Debug, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = readings)]
#[subscribable]
struct Reading {
    id: i32,
    #[diesel(skip_update)]
    value: Unlucky,
}

#[test]
fn a_panic_while_a_row_is_read_is_survived() {
    let app = App::with(rest_live::Builder::model::<Reading>);
    app.plain()
        .batch_execute("CREATE TABLE readings (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)")
        .unwrap();
    let mut conn = app.single();
    let mut client = app.client(User::anonymous());
    client.subscribe(Reading::group().id(2));
    let written = catch_unwind(AssertUnwindSafe(|| {
        conn.batch_execute("INSERT INTO readings VALUES (1, 13)")
    }));
    assert_eq!(written.ok(), Some(Ok(())));
    conn.transaction(|conn| diesel::sql_query("INSERT INTO readings VALUES (2, 1)").execute(conn))
        .unwrap();
    let events = client.receive_all();
    assert_eq!(
        (is_resync(&events[0]), &events[1]["action"], events.len()),
        (true, &"CREATED".into(), 2)
    );
}
