//! Only what was committed, in the order in which it was committed.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use rest_live::prelude::*;
use serde_json::Value;

use self::support::{App, NewTask, Task, new, tasks, told};

/// What a closure gives that wants its transaction undone.
fn undo() -> Result<(), Error> {
    Err(Error::RollbackTransaction)
}

#[test]
fn events_leave_after_the_commit_and_not_before() {
    let app = App::new();
    let mut client = app.reader();
    app.conn()
        .transaction(|conn| {
            Task::create(conn, new("a"))?;
            client.receive_nothing();
            Task::create(conn, new("b"))?;
            client.receive_nothing();
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(told(&mut client), ["CREATED a", "CREATED b"]);
}

#[test]
fn a_rollback_drops_its_events() {
    let app = App::new();
    let mut client = app.reader();
    let conn = &mut app.conn();
    conn.transaction(|conn| {
        Task::create(conn, new("ghost"))?;
        undo()
    })
    .unwrap_err();
    client.receive_nothing();
    Task::create(conn, new("real")).unwrap();
    assert_eq!(told(&mut client), ["CREATED real"]);
}

#[test]
fn savepoints_drop_what_they_undo_and_nothing_else() {
    let app = App::new();
    let mut client = app.reader();
    app.conn()
        .transaction(|conn| {
            Task::create(conn, new("outer"))?;
            let inner = conn.transaction(|conn| {
                Task::create(conn, new("undone"))?;
                undo()
            });
            assert_eq!(inner, undo());
            conn.transaction(|conn| {
                Task::create(conn, new("kept"))?;
                let innermost = conn.transaction(|conn| {
                    Task::create(conn, new("undone too"))?;
                    undo()
                });
                assert_eq!(innermost, undo());
                Ok::<_, Error>(())
            })?;
            client.receive_nothing();
            Task::create(conn, new("last"))?;
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(
        told(&mut client),
        ["CREATED outer", "CREATED kept", "CREATED last"]
    );
}

#[test]
fn an_inner_commit_does_not_survive_an_outer_rollback() {
    let app = App::new();
    let mut client = app.reader();
    let outer = app.conn().transaction(|conn| {
        conn.transaction(|conn| Task::create(conn, new("ghost")))?;
        undo()
    });
    assert_eq!(outer, undo());
    client.receive_nothing();
}

#[test]
fn a_panic_inside_a_transaction_makes_no_event() {
    let app = App::new();
    let mut client = app.reader();
    for pooled in [true, false] {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let work = |conn: &mut support::LiveSqlite| -> QueryResult<()> {
                conn.transaction(|conn| {
                    Task::create(conn, new("ghost"))?;
                    panic!("on purpose")
                })
            };
            if pooled {
                work(&mut app.conn())
            } else {
                work(&mut app.single())
            }
        }));
        assert!(result.is_err());
        client.receive_nothing();
        Task::create(&mut app.conn(), new("real")).unwrap();
        assert_eq!(told(&mut client), ["CREATED real"], "the pool goes on");
    }
}

#[test]
fn a_commit_that_fails_makes_no_event() {
    let app = App::new();
    let mut client = app.reader();
    let conn = &mut app.conn();
    let result = conn.transaction(|conn| {
        Task::create(conn, new("ghost"))?;
        // The foreign key is checked at COMMIT.
        Task::create(
            conn,
            NewTask {
                text: "of no list",
                list_id: 99,
            },
        )
    });
    assert!(result.is_err());
    client.receive_nothing();
    Task::create(conn, new("real")).unwrap();
    assert_eq!(told(&mut client), ["CREATED real"]);
    assert_eq!(tasks::table.count().get_result(conn), Ok(1_i64));
}

#[test]
fn a_statement_that_fails_halfway_makes_no_event() {
    let app = App::new();
    let mut client = app.reader();
    let conn = &mut app.conn();
    Task::create(conn, new("1")).unwrap();
    assert_eq!(told(&mut client), ["CREATED 1"]);
    let rows = "INSERT INTO tasks(id, text, list_id) VALUES (5, 'ghost', 1), (1, 'taken', 1)";
    diesel::sql_query(rows).execute(conn).unwrap_err();
    client.receive_nothing();
    conn.transaction(|conn| {
        diesel::sql_query(rows).execute(conn).unwrap_err();
        Task::create(conn, new("2")).map(drop)
    })
    .unwrap();
    assert_eq!(told(&mut client), ["CREATED 2"]);
}

#[test]
fn what_a_swallowed_rollback_left_behind_is_told() {
    // `OR ROLLBACK` ends the transaction behind Diesel's back: what was before it is gone, what
    // comes after it commits by itself.
    let app = App::new();
    let mut client = app.reader();
    let conn = &mut app.conn();
    let result = conn.transaction(|conn| {
        Task::create(conn, new("gone"))?;
        let failed = diesel::sql_query(
            "INSERT OR ROLLBACK INTO tasks(id, text, list_id) VALUES (1, 'x', 1)",
        )
        .execute(conn);
        assert!(failed.is_err());
        Task::create(conn, new("stays")).map(drop)
    });
    assert!(result.is_err(), "there is no transaction to commit");
    drop(app.conn());
    let texts: Vec<String> = tasks::table
        .select(tasks::text)
        .load(&mut app.plain())
        .unwrap();
    assert_eq!(texts, ["stays"]);
    assert_eq!(told(&mut client), ["CREATED stays"]);
}

#[test]
fn who_writes_on_after_a_swallowed_rollback_is_told_in_order_with_the_others() {
    // From here on the statements of the first commit by themselves, though Diesel knows of a
    // transaction.
    let app = App::new();
    let mut client = app.reader();
    let (first, other) = (&mut app.single(), &mut app.single());
    let result = first.transaction(|first| {
        Task::create(first, new("gone"))?;
        let taken = "INSERT OR ROLLBACK INTO tasks(id, text, list_id) VALUES (1, 'x', 1)";
        diesel::sql_query(taken).execute(first).unwrap_err();
        Task::create(first, new("1"))?;
        Task::create(other, new("2"))?;
        Task::create(first, new("3")).map(drop)
    });
    assert!(result.is_err(), "there is no transaction to commit");
    assert_eq!(told(&mut client), ["CREATED 1", "CREATED 2", "CREATED 3"]);
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Writes on another connection.
    fn write_elsewhere(id: diesel::sql_types::Integer) -> diesel::sql_types::Integer;
}

#[test]
fn each_statement_of_a_batch_has_its_own_place_among_the_commits() {
    let app = App::new();
    let mut client = app.reader();
    let mut conn = app.single();
    let other = Mutex::new(app.single());
    let write = move |id: i32| {
        let update = format!("UPDATE tasks SET text = text || ' 2' WHERE id = {id}");
        let mut other = other.lock().unwrap();
        other.batch_execute(&update).unwrap();
        id
    };
    write_elsewhere_utils::register_nondeterministic_impl(conn.inner_mut(), write).unwrap();
    conn.batch_execute(
        "INSERT INTO tasks(id, text, list_id) VALUES (1, '1', 1);
         SELECT write_elsewhere(1);
         UPDATE tasks SET text = text || ' 3; the end' WHERE id = 1",
    )
    .unwrap();
    let expected = ["CREATED 1", "UPDATED 1 2", "UPDATED 1 2 3; the end"];
    assert_eq!(told(&mut client), expected);
}

#[test]
fn transactions_of_raw_sql_are_seen() {
    let app = App::new();
    let mut client = app.reader();
    let conn = &mut app.single();
    conn.batch_execute("BEGIN; INSERT INTO tasks(text, list_id) VALUES ('ghost', 1)")
        .unwrap();
    client.receive_nothing();
    conn.batch_execute("ROLLBACK").unwrap();
    client.receive_nothing();
    conn.batch_execute("BEGIN; INSERT INTO tasks(text, list_id) VALUES ('a', 1)")
        .unwrap();
    Task::create(conn, new("b")).unwrap();
    client.receive_nothing();
    conn.batch_execute("COMMIT").unwrap();
    assert_eq!(told(&mut client), ["CREATED a", "CREATED b"]);
}

#[test]
fn a_connection_that_is_dropped_in_a_transaction_takes_its_events_along() {
    let app = App::new();
    let mut client = app.reader();
    let mut conn = app.single();
    conn.batch_execute("BEGIN; INSERT INTO tasks(text, list_id) VALUES ('ghost', 1)")
        .unwrap();
    drop(conn);
    client.receive_nothing();
    Task::create(&mut app.conn(), new("real")).unwrap();
    assert_eq!(told(&mut client), ["CREATED real"]);
}

#[test]
fn a_test_transaction_tells_nothing() {
    let app = App::new();
    let mut client = app.reader();
    let mut conn = app.single();
    conn.begin_test_transaction().unwrap();
    Task::create(&mut conn, new("ghost")).unwrap();
    conn.transaction(|conn| Task::create(conn, new("ghost")).map(drop))
        .unwrap();
    client.receive_nothing();
    drop(conn);
    client.receive_nothing();
}

#[test]
fn one_transaction_is_told_in_one_go_and_in_order() {
    let app = App::new();
    let mut client = app.reader();
    let conn = &mut app.conn();
    conn.transaction(|conn| {
        (0..1000).try_for_each(|n| Task::create(conn, new(&n.to_string())).map(drop))
    })
    .unwrap();
    let expected: Vec<_> = (0..1000).map(|n| format!("CREATED {n}")).collect();
    assert_eq!(told(&mut client), expected);

    diesel::update(tasks::table.filter(tasks::list_id.eq(1)))
        .set(tasks::done.eq(true))
        .execute(conn)
        .unwrap();
    let events = client.receive_all();
    assert!(
        events
            .iter()
            .all(|event| event["action"] == "UPDATED" && event["instance"]["done"] == true)
    );
    let ids: Vec<_> = events
        .iter()
        .map(|event| event["instance"]["id"].as_i64().unwrap())
        .collect();
    assert!(ids.iter().copied().eq(1..=1000));
}

#[test]
fn reading_does_not_take_the_write_lock_and_writing_does() {
    let app = App::new();
    let (mut reader, mut writer) = (app.single(), app.single());
    writer
        .batch_execute("PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL")
        .unwrap();
    reader
        .deferred_transaction(|reader| {
            assert_eq!(tasks::table.count().get_result(reader), Ok(0_i64));
            Task::create(&mut writer, new("beside a reader")).map(drop)
        })
        .unwrap();
    reader
        .transaction(|_| {
            let busy = Task::create(&mut writer, new("beside a writer"));
            assert!(busy.unwrap_err().to_string().contains("locked"));
            Ok::<_, Error>(())
        })
        .unwrap();
    reader
        .exclusive_transaction(|_| {
            assert!(Task::create(&mut writer, new("beside a writer")).is_err());
            undo()
        })
        .unwrap_err();
}

/// What is written on the wrapped connection, nobody hears of but that itself.
#[test]
fn a_connection_that_idles_holds_up_the_others_only_so_long() {
    let app = App::with(|builder| {
        builder.limits(support::limits(|limits| {
            limits.commit_patience = Duration::from_millis(20)
        }))
    });
    let mut client = app.reader();
    let mut idle = app.single();
    diesel::insert_into(tasks::table)
        .values(new("a"))
        .execute(idle.inner_mut())
        .unwrap();
    Task::create(&mut app.conn(), new("b")).unwrap();
    assert_eq!(support::brief(&client.receive()), "CREATED b");
    drop(idle);
    let late = client.receive();
    assert_eq!(
        (&late["type"], &late["value"]),
        (&"resync".into(), &1.into()),
        "its image may be of the past"
    );
    Task::create(&mut app.conn(), new("c")).unwrap();
    assert_eq!(told(&mut client), ["CREATED c"]);
}

/// Threads that increment one row, each way of writing in its turn: whatever the threads do, a
/// client sees the numbers in their order.
#[test]
fn the_events_of_a_row_come_in_the_order_of_its_commits() {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 60;
    let app = App::with(|builder| {
        builder.limits(support::limits(|limits| limits.queue_bytes = 64 << 20))
    });
    let mut client = app.reader();
    let task = Task::create(&mut app.conn(), new("0")).unwrap();
    assert_eq!(told(&mut client), ["CREATED 0"]);
    let start = Barrier::new(WRITERS);
    let increment = "UPDATE tasks SET text = CAST(text AS INTEGER) + 1 WHERE id = 1";
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (app, task, start) = (&app, &task, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    let conn = &mut app.conn();
                    match (writer + round) % 4 {
                        0 => conn
                            .transaction(|conn| {
                                let old: Task = tasks::table.find(task.id).first(conn)?;
                                let text = (old.text.parse::<i64>().unwrap() + 1).to_string();
                                Task { text, ..old }.save(conn).map(drop)
                            })
                            .unwrap(),
                        1 => drop(diesel::sql_query(increment).execute(conn).unwrap()),
                        2 => conn.batch_execute(increment).unwrap(),
                        _ => {
                            let text = diesel::dsl::sql::<diesel::sql_types::Text>(
                                "CAST(text AS INTEGER) + 1",
                            );
                            let update = diesel::update(tasks::table.find(task.id))
                                .set(tasks::text.eq(text));
                            drop(
                                update
                                    .returning(Task::as_returning())
                                    .get_result(conn)
                                    .unwrap(),
                            );
                        }
                    }
                }
            });
        }
    });
    let numbers: Vec<i64> = client.receive_all().iter().map(number).collect();
    assert!(
        numbers.iter().copied().eq(1..=(WRITERS * ROUNDS) as i64),
        "{numbers:?}"
    );
}

fn number(event: &Value) -> i64 {
    let text = event["instance"]["text"].as_str();
    text.and_then(|text| text.parse().ok()).expect("a number")
}
