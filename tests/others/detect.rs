//! Found out only, and told as `resync`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use rest_live::OtherWriters;
use rest_live::prelude::*;
use rest_live::testing::Client;

use super::support::{App, LiveSqlite, Task, User, lists, new, tasks};
use super::{in_another_process, told};

fn app() -> (App, OtherWriters, Client<User>) {
    let app = App::new();
    // Which sets up the file.
    drop(app.conn());
    app.plain()
        .batch_execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
        .expect("the file is in order");
    let others = OtherWriters::detect(&app.url(), &app.live).expect("the file is in order");
    let client = app.reader();
    (app, others, client)
}

#[test]
fn whatever_others_write_has_pages_read_again() {
    let (app, others, mut client) = app();
    assert_eq!(told(&others, &mut client), [""; 0]);
    let mut plain = app.plain();
    for sql in [
        "INSERT INTO tasks(text, list_id) VALUES ('a', 1)",
        "BEGIN; INSERT INTO tasks(text, list_id) VALUES ('b', 1); COMMIT",
        "INSERT INTO notes(text) VALUES ('of no live table: but who knows')",
        "CREATE TABLE more (id INTEGER PRIMARY KEY)",
    ] {
        plain.batch_execute(sql).unwrap();
        assert_eq!(told(&others, &mut client), ["resync"], "{sql}");
        assert_eq!(told(&others, &mut client), [""; 0], "once");
    }
    plain
        .batch_execute("BEGIN; DELETE FROM tasks; ROLLBACK; SELECT * FROM tasks")
        .unwrap();
    assert_eq!(told(&others, &mut client), [""; 0], "nothing was committed");
}

#[test]
fn another_process_is_found_out_by_itself() {
    let (app, _others, mut client) = app();
    in_another_process(
        &app.url(),
        "DELETE FROM tasks; INSERT INTO tasks(text, list_id) VALUES ('a', 1)",
    );
    assert_eq!(client.receive()["type"], "resync");
}

/// Every way of writing, and of not writing, on a live connection.
fn write(conn: &mut LiveSqlite, way: usize) -> QueryResult<()> {
    let note = "INSERT INTO notes(text) VALUES (hex(randomblob(8)))";
    match way {
        0 => Task::create(conn, new("a")).map(drop),
        1 => diesel::sql_query(note).execute(conn).map(drop),
        2 => diesel::sql_query(format!("{note} RETURNING id"))
            .load::<Id>(conn)
            .map(drop),
        3 => conn.batch_execute(&format!("{note}; UPDATE tasks SET done = NOT done; {note}")),
        4 => conn.transaction(|conn| {
            diesel::sql_query(note).execute(conn)?;
            Task::create(conn, new("b")).map(drop)
        }),
        // Nothing in the file changes.
        5 => diesel::update(lists::table)
            .set(lists::name.eq(lists::name))
            .execute(conn)
            .map(drop),
        6 => diesel::delete(tasks::table.filter(tasks::id.lt(0)))
            .execute(conn)
            .map(drop),
        7 => conn.transaction(|conn| {
            diesel::sql_query(note).execute(conn)?;
            Err(Error::RollbackTransaction)
        }),
        8 => conn.transaction(|conn| {
            Task::create(conn, new("c"))?;
            conn.transaction(|conn| {
                diesel::sql_query(note).execute(conn)?;
                Err(Error::RollbackTransaction)
            })
        }),
        9 => conn.batch_execute(&format!(
            "BEGIN; {note}; DELETE FROM tasks WHERE id > 20; COMMIT"
        )),
        10 => conn.batch_execute(&format!("BEGIN IMMEDIATE; {note}; ROLLBACK")),
        11 => conn.batch_execute(&format!("SAVEPOINT s; {note}; RELEASE s")),
        12 => conn.deferred_transaction(|conn| diesel::sql_query(note).execute(conn).map(drop)),
        13 => conn.batch_execute("CREATE TABLE IF NOT EXISTS extra(a); DROP TABLE IF EXISTS extra"),
        14 => conn.silently(|conn| Task::create(conn, new("silent")).map(drop)),
        // What fails in the middle, and keeps its first row.
        _ => conn.batch_execute(
            "INSERT OR FAIL INTO notes(text) VALUES (hex(randomblob(8))), ('x'), ('x')",
        ),
    }
}

const WAYS: usize = 16;

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    #[expect(dead_code, reason = "it is there to be read")]
    id: i32,
}

#[test]
fn no_own_write_is_taken_for_that_of_others() {
    let (app, others, mut client) = app();
    let conn = &mut app.single();
    for way in 0..WAYS {
        drop(write(conn, way));
        // A change of the schema is told by itself.
        let told: Vec<_> = told(&others, &mut client);
        assert!(!told.iter().any(|told| told == "resync"), "{way}: {told:?}");
    }
    let kept: i64 = tasks::table.count().get_result(conn).unwrap();
    assert!(kept > 0);
}

#[test]
fn what_fails_half_way_keeps_what_it_would_keep_alone() {
    let (app, _others, _) = app();
    let conn = &mut app.single();
    let keeps = |conn: &mut LiveSqlite, conflict: &str| {
        conn.batch_execute("DELETE FROM notes; INSERT INTO notes(text) VALUES ('x')")
            .unwrap();
        let sql = format!("INSERT {conflict} INTO notes(text) VALUES ('first'), ('x'), ('last')");
        let result = diesel::sql_query(sql).execute(conn);
        let left =
            diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM notes) - 1");
        (
            result.is_ok(),
            diesel::select(left).get_result::<i64>(conn).unwrap(),
        )
    };
    assert_eq!(keeps(conn, ""), (false, 0));
    assert_eq!(keeps(conn, "OR FAIL"), (false, 1));
    assert_eq!(keeps(conn, "OR ROLLBACK"), (false, 0));
    assert_eq!(keeps(conn, "OR IGNORE"), (true, 2));
    // A constraint that is looked at when the transaction ends.
    let error = Task::create(
        conn,
        super::support::NewTask {
            text: "x",
            list_id: 99,
        },
    )
    .unwrap_err();
    assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
    Task::create(conn, new("and on it goes")).unwrap();
}

/// Threads that write on live connections in every way, without others and with them: the first are
/// never taken for the others, and of the others nothing is missed.
#[test]
fn among_busy_threads_only_others_are_found_out() {
    let (app, others, mut client) = app();
    let stop = AtomicBool::new(false);
    let deadline = || Instant::now() + Duration::from_secs(20);
    thread::scope(|scope| {
        // Also when a check fails, or nobody would ever see it.
        let _stops = Stops(&stop);
        for writer in 0..4 {
            let (app, stop) = (&app, &stop);
            scope.spawn(move || {
                let conn = &mut app.single();
                conn.batch_execute(IN_A_CROWD).unwrap();
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // No change of the schema: that is told as `resync`, whoever makes it.
                    let way = (writer + round) % WAYS;
                    if way != 13 && write(conn, way).is_err() {
                        // What it has begun by itself may be open.
                        drop(conn.batch_execute("ROLLBACK"));
                    }
                    // SQLite is not fair: without a pause, who waits for the lock may do so for ever.
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            let told = told(&others, &mut client);
            assert!(!told.iter().any(|told| told == "resync"), "{told:?}");
        }
        let mut plain = app.plain();
        plain.batch_execute(IN_A_CROWD).unwrap();
        for _ in 0..30 {
            plain
                .batch_execute("INSERT INTO tasks(text, list_id) VALUES ('of others', 1)")
                .unwrap();
            let deadline = deadline();
            while !told(&others, &mut client)
                .iter()
                .any(|told| told == "resync")
            {
                assert!(
                    Instant::now() < deadline,
                    "nothing was said of what others wrote"
                );
            }
        }
    });
}

/// Nobody waits for the disk, and everybody for the others.
const IN_A_CROWD: &str = "PRAGMA synchronous = OFF; PRAGMA busy_timeout = 20000";

struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where the journal is not WAL, a COMMIT waits for those who read. One of them must not wait for it.
#[test]
fn who_reads_does_not_hold_up_who_commits_for_long() {
    let app = App::new();
    let others = OtherWriters::detect(&app.url(), &app.live).unwrap();
    let (mut writer, mut reader) = (app.single(), app.single());
    let mut client = app.reader();
    let (has_read, reads) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            reader
                .deferred_transaction(|conn| {
                    let count: i64 = tasks::table.count().get_result(conn)?;
                    has_read.send(count).unwrap();
                    // Long enough for the other's COMMIT to wait.
                    thread::sleep(Duration::from_millis(200));
                    Ok::<_, Error>(())
                })
                .unwrap();
        });
        assert_eq!(reads.recv(), Ok(0));
        let start = Instant::now();
        Task::create(&mut writer, new("a")).unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );
    });
    let told = told(&others, &mut client);
    assert!(told.contains(&"CREATED a".to_owned()), "{told:?}");
}

#[test]
fn it_ends_when_it_is_dropped() {
    let (app, others, mut client) = app();
    drop(others);
    app.plain()
        .batch_execute("INSERT INTO tasks(text, list_id) VALUES ('a', 1)")
        .unwrap();
    Task::create(&mut app.single(), new("b")).unwrap();
    assert_eq!(super::support::told(&mut client), ["CREATED b"]);
}
