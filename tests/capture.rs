//! Every way of writing to a live table on SQLite gives its events, with the old and the new row.

mod support;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use rest_live::Builder;
use rest_live::prelude::*;
use rest_live::testing::Client;
use serde::Serialize;
use serde_json::json;

use self::support::{App, LiveSqlite, NewTask, Task, User, lists, new, tasks, told};

/// Two tasks of list 1, `a` and `b`, and a client who sees what happens to them.
fn two_tasks() -> (App, LiveSqlite, Client<User>) {
    let app = App::new();
    let mut conn = app.single();
    for text in ["a", "b"] {
        Task::create(&mut conn, new(text)).expect("a task");
    }
    let client = app.reader();
    (app, conn, client)
}

#[test]
fn bulk_statements() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    diesel::insert_into(tasks::table)
        .values(vec![new("c"), new("d")])
        .execute(conn)
        .unwrap();
    assert_eq!(told(&mut client), ["CREATED c", "CREATED d"]);
    diesel::update(tasks::table.filter(tasks::id.le(3)))
        .set(tasks::done.eq(true))
        .execute(conn)
        .unwrap();
    assert_eq!(told(&mut client), ["UPDATED a", "UPDATED b", "UPDATED c"]);
    diesel::delete(tasks::table.filter(tasks::done.eq(true)))
        .execute(conn)
        .unwrap();
    assert_eq!(told(&mut client), ["DELETED a", "DELETED b", "DELETED c"]);
}

#[test]
fn a_table_emptied_at_once() {
    let (_app, mut conn, mut client) = two_tasks();
    assert_eq!(diesel::delete(tasks::table).execute(&mut conn), Ok(2));
    assert_eq!(told(&mut client), ["DELETED a", "DELETED b"]);
}

#[test]
fn statements_of_raw_sql() {
    let (_app, mut conn, mut client) = two_tasks();
    diesel::sql_query("UPDATE tasks SET text = text || '!'")
        .execute(&mut conn)
        .unwrap();
    conn.batch_execute(
        "DELETE FROM tasks WHERE id = 1; INSERT INTO tasks(text, list_id) VALUES ('c', 1)",
    )
    .unwrap();
    assert_eq!(
        told(&mut client),
        ["UPDATED a!", "UPDATED b!", "DELETED a!", "CREATED c"]
    );
}

#[derive(Debug, PartialEq, QueryableByName)]
#[diesel(table_name = tasks)]
struct Text {
    text: String,
}

#[test]
fn statements_with_returning() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    let done = diesel::update(tasks::table)
        .set(tasks::done.eq(true))
        .returning(tasks::id);
    assert_eq!(done.load::<i32>(conn), Ok(vec![1, 2]));
    assert_eq!(told(&mut client), ["UPDATED a", "UPDATED b"]);
    let gone: Task = diesel::delete(tasks::table.find(1))
        .returning(Task::as_returning())
        .get_result(conn)
        .unwrap();
    assert_eq!((gone.text.as_str(), gone.id), ("a", 1));
    assert_eq!(told(&mut client), ["DELETED a"]);
    let insert = "WITH texts(text) AS (VALUES ('c'), ('d')) \
        INSERT INTO tasks(text, list_id) SELECT text, 1 FROM texts RETURNING *";
    let rows = diesel::sql_query(insert)
        .load_iter::<Text, _>(conn)
        .unwrap();
    let texts: Vec<_> = rows.map(|row| row.unwrap().text).take(1).collect();
    assert_eq!(texts, ["c"]);
    assert_eq!(
        told(&mut client),
        ["CREATED c", "CREATED d"],
        "it is done before its first row is read"
    );
    let nothing = diesel::sql_query("DELETE FROM tasks WHERE FALSE RETURNING *").load::<Text>(conn);
    assert_eq!(nothing, Ok(vec![]));
    let fails = diesel::insert_into(tasks::table)
        .values((tasks::id.eq(2), tasks::text.eq("x"), tasks::list_id.eq(1)))
        .returning(tasks::id)
        .get_result::<i32>(conn);
    assert!(fails.unwrap_err().to_string().contains("UNIQUE"));
    client.receive_nothing();
}

#[test]
fn upserts_and_replacements() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    diesel::sql_query(
        "INSERT INTO tasks(id, text, list_id) VALUES (1, 'a2', 1), (3, 'c', 1) ON CONFLICT(id) DO UPDATE SET text = excluded.text",
    )
    .execute(conn)
    .unwrap();
    assert_eq!(told(&mut client), ["UPDATED a2", "CREATED c"]);
    diesel::sql_query("REPLACE INTO tasks(id, text, list_id) VALUES (1, 'a3', 1)")
        .execute(conn)
        .unwrap();
    assert_eq!(told(&mut client), ["DELETED a2", "CREATED a3"]);
    diesel::insert_or_ignore_into(tasks::table)
        .values((tasks::id.eq(1), tasks::text.eq("x"), tasks::list_id.eq(1)))
        .execute(conn)
        .unwrap();
    client.receive_nothing();
}

#[test]
fn cascades() {
    let (_app, mut conn, mut client) = two_tasks();
    diesel::delete(lists::table.find(1))
        .execute(&mut conn)
        .unwrap();
    assert_eq!(told(&mut client), ["DELETED a", "DELETED b"]);
}

#[test]
fn triggers_of_the_application() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    conn.batch_execute(
        "CREATE TRIGGER stamp AFTER UPDATE OF done ON tasks BEGIN UPDATE tasks SET note = 'stamped' WHERE id = NEW.id; END;
         CREATE TRIGGER sibling AFTER DELETE ON tasks BEGIN INSERT INTO tasks(text, list_id) VALUES ('heir of ' || OLD.text, OLD.list_id); END;",
    )
    .unwrap();
    diesel::update(tasks::table.find(1))
        .set(tasks::done.eq(true))
        .execute(conn)
        .unwrap();
    let events = client.receive_all();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["instance"]["note"], json!(null));
    assert_eq!(
        events[1]["instance"],
        json!({"id": 1, "text": "a", "done": true, "list_id": 1, "note": "stamped"})
    );
    diesel::delete(tasks::table.find(2)).execute(conn).unwrap();
    assert_eq!(told(&mut client), ["DELETED b", "CREATED heir of b"]);
}

#[test]
fn rows_that_move_or_change_their_key() {
    let (app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    let mut other = app.client(User::named("other"));
    other.subscribe(Task::group().list_id(2));
    diesel::update(tasks::table.find(1))
        .set(tasks::list_id.eq(2))
        .execute(conn)
        .unwrap();
    assert_eq!(
        (told(&mut client), told(&mut other)),
        (vec!["DELETED a".into()], vec!["CREATED a".into()])
    );
    diesel::update(tasks::table.find(2))
        .set(tasks::id.eq(20))
        .execute(conn)
        .unwrap();
    assert_eq!(told(&mut client), ["DELETED b", "CREATED b"]);
}

#[test]
fn what_changes_nothing_is_no_change() {
    let (_app, mut conn, mut client) = two_tasks();
    assert_eq!(
        diesel::update(tasks::table)
            .set(tasks::list_id.eq(1))
            .execute(&mut conn),
        Ok(2)
    );
    client.receive_nothing();
}

#[test]
fn tables_are_told_in_the_order_of_their_writes() {
    let app = App::new();
    let mut client = app.reader();
    client.subscribe(support::List::group().id(1));
    app.conn()
        .transaction(|conn| {
            let rename = |conn: &mut LiveSqlite, name: &str| {
                diesel::update(lists::table.find(1))
                    .set(lists::name.eq(name))
                    .execute(conn)
            };
            rename(conn, "1")?;
            Task::create(conn, new("2"))?;
            rename(conn, "3")?;
            Task::create(conn, new("4"))
        })
        .unwrap();
    assert_eq!(
        told(&mut client),
        ["UPDATED 1", "CREATED 2", "UPDATED 3", "CREATED 4"]
    );
}

#[test]
fn silence_is_kept_and_ends() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    conn.silently(|conn| Task::create(conn, new("silent")))
        .unwrap();
    let failed = conn.silently(|conn| conn.silently(|_| Err::<(), _>(Error::NotFound)));
    assert_eq!(failed, Err(Error::NotFound));
    conn.transaction(|conn| {
        Task::create(conn, new("loud"))?;
        conn.silently(|conn| Task::create(conn, new("silent again")))?;
        Task::create(conn, new("and loud"))
    })
    .unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        conn.silently(|_| -> Result<(), Error> { panic!("on purpose") })
    }));
    assert!(panicked.is_err());
    Task::create(conn, new("after the panic")).unwrap();
    assert_eq!(
        told(&mut client),
        [
            "CREATED loud",
            "CREATED and loud",
            "CREATED after the panic"
        ]
    );
}

#[test]
fn none_is_saved_as_null() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    let task: Task = tasks::table.find(1).first(conn).unwrap();
    let task = Task {
        note: Some("x".into()),
        ..task
    }
    .save(conn)
    .unwrap();
    assert_eq!(task.note.as_deref(), Some("x"));
    let task = Task { note: None, ..task }.save(conn).unwrap();
    assert_eq!(task.note, None);
    assert_eq!(
        tasks::table
            .find(1)
            .select(tasks::note)
            .first::<Option<String>>(conn),
        Ok(None)
    );
    let notes: Vec<_> = client
        .receive_all()
        .into_iter()
        .map(|event| event["instance"]["note"].clone())
        .collect();
    assert_eq!(notes, [json!("x"), json!(null)]);
}

#[test]
fn saving_or_deleting_what_is_gone_says_so() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    let task: Task = tasks::table.find(1).first(conn).unwrap();
    assert_eq!(task.delete(conn), Ok(1));
    assert_eq!(told(&mut client), ["DELETED a"]);
    assert_eq!(task.delete(conn), Ok(0));
    assert_eq!(task.save(conn), Err(Error::NotFound));
    client.receive_nothing();
}

#[test]
fn other_diesel_ways_to_write_work_as_ever() {
    let (_app, mut conn, mut client) = two_tasks();
    let conn = &mut conn;
    let task: Task = tasks::table.find(1).first(conn).unwrap();
    let task: Task = Task { done: true, ..task }.save_changes(conn).unwrap();
    assert!(task.done);
    assert_eq!(told(&mut client), ["UPDATED a"]);
    let count = diesel::insert_into(tasks::table)
        .values(vec![new("c"), new("d")])
        .execute(conn);
    assert_eq!(count, Ok(2));
    let last: i32 = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(
        "last_insert_rowid()",
    ))
    .get_result(conn)
    .unwrap();
    assert_eq!(last, 4, "the capture leaves no trace");
}

#[test]
fn tables_that_come_and_change_later() {
    let app = App::new();
    let conn = &mut app.single();
    let mut client = app.reader();
    conn.batch_execute("ALTER TABLE tasks ADD COLUMN extra TEXT")
        .unwrap();
    client.receive_all();
    Task::create(conn, new("with a new column")).unwrap();
    assert_eq!(told(&mut client), ["CREATED with a new column"]);
    // As migrations do on SQLite: the table is built anew, and its triggers go with the old one.
    conn.batch_execute(
        "PRAGMA foreign_keys = OFF; BEGIN;
         CREATE TABLE new_tasks (note TEXT, id INTEGER PRIMARY KEY, text TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT FALSE,
            list_id INTEGER NOT NULL REFERENCES lists);
         INSERT INTO new_tasks(id, text, done, list_id) SELECT id, text, done, list_id FROM tasks;
         DROP TABLE tasks; ALTER TABLE new_tasks RENAME TO tasks; COMMIT; PRAGMA foreign_keys = ON",
    )
    .unwrap();
    client.receive_all();
    Task::create(conn, new("in the new table")).unwrap();
    assert_eq!(told(&mut client), ["CREATED in the new table"]);
    diesel::sql_query("DROP TABLE tasks").execute(conn).unwrap();
    client.receive_all();
    conn.batch_execute("CREATE TABLE tasks (id INTEGER PRIMARY KEY, text TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT 0, list_id INTEGER NOT NULL, note TEXT)").unwrap();
    Task::create(
        conn,
        NewTask {
            text: "in one more",
            list_id: 1,
        },
    )
    .unwrap();
    assert_eq!(told(&mut client), ["CREATED in one more"]);
}

#[test]
fn a_schema_change_that_is_undone_leaves_the_capture_in_order() {
    let app = App::new();
    let conn = &mut app.single();
    let mut client = app.reader();
    conn.transaction(|conn| {
        conn.batch_execute("ALTER TABLE tasks ADD COLUMN extra TEXT; ALTER TABLE lists ADD COLUMN a; ALTER TABLE lists ADD COLUMN b;
            ALTER TABLE lists ADD COLUMN c; ALTER TABLE lists ADD COLUMN d; ALTER TABLE lists ADD COLUMN e")?;
        Task::create(conn, new("ghost"))?;
        Err::<(), _>(Error::RollbackTransaction)
    })
    .unwrap_err();
    Task::create(conn, new("real")).unwrap();
    assert_eq!(told(&mut client), ["CREATED real"]);
}

#[test]
fn a_live_connection_does_not_open_without_a_live() {
    let error = LiveSqlite::establish(":memory:").err().unwrap();
    assert!(error.to_string().contains("LiveConnection::new"), "{error}");
}

diesel::table! {
    /// Without a rowid, with a composite key, a generated column and an index that ignores case.
    odd (left_id, right_id) { left_id -> Integer, right_id -> Text, #[sql_name = "group"] team -> Nullable<Integer>, twice -> Integer, }
}

#[derive(Debug, PartialEq, Queryable, Selectable, Identifiable, Serialize, Subscribable)]
#[diesel(table_name = odd, primary_key(left_id, right_id))]
#[subscribable]
#[subscribable(group_key = "team")]
#[subscribable(group_key("left_id", "team"))]
struct Odd {
    left_id: i32,
    right_id: String,
    team: Option<i32>,
    #[diesel(skip_update)]
    twice: i32,
}

#[test]
fn a_table_that_is_odd_in_every_way() {
    let app = App::with(Builder::model::<Odd>);
    let conn = &mut app.single();
    conn.batch_execute(
        "CREATE TABLE odd (left_id INTEGER, right_id TEXT COLLATE NOCASE, \"group\" INTEGER,
            twice INTEGER GENERATED ALWAYS AS (left_id * 2) STORED, PRIMARY KEY (left_id, right_id)) WITHOUT ROWID",
    )
    .unwrap();
    let mut client = app.client(User::anonymous());
    client.subscribe(Odd::group().left_id_and_right_id(1, "x"));
    client.subscribe(Odd::group().team(None));
    client.subscribe(Odd::group().left_id_and_team(1, Some(5)));
    let actions = |client: &mut Client<User>| -> Vec<_> {
        client
            .receive_all()
            .iter()
            .map(|event| event["action"].as_str().unwrap().to_owned())
            .collect()
    };
    diesel::insert_into(odd::table)
        .values((odd::left_id.eq(1), odd::right_id.eq("x")))
        .execute(conn)
        .unwrap();
    assert_eq!(
        client.receive()["instance"],
        json!({"left_id": 1, "right_id": "x", "team": null, "twice": 2})
    );
    assert_eq!(
        actions(&mut client),
        ["CREATED"],
        "the second of its groups"
    );
    let row: Odd = odd::table.first(conn).unwrap();
    Odd {
        team: Some(5),
        ..row
    }
    .save(conn)
    .unwrap();
    assert_eq!(actions(&mut client), ["UPDATED", "DELETED", "CREATED"]);
    diesel::sql_query("UPDATE odd SET right_id = 'X'")
        .execute(conn)
        .unwrap();
    assert_eq!(
        actions(&mut client),
        ["DELETED", "DELETED", "CREATED"],
        "another case is another key"
    );
    diesel::sql_query("REPLACE INTO odd(left_id, right_id, \"group\") VALUES (1, 'x', 5)")
        .execute(conn)
        .unwrap();
    assert_eq!(actions(&mut client), ["DELETED", "CREATED", "CREATED"]);
}

#[test]
fn columns_can_be_dropped_and_renamed() {
    let app = App::new();
    let conn = &mut app.single();
    let mut client = app.reader();
    conn.batch_execute(
        "ALTER TABLE tasks ADD COLUMN extra TEXT; ALTER TABLE tasks ADD COLUMN more TEXT",
    )
    .unwrap();
    client.receive_all();
    diesel::sql_query("ALTER TABLE tasks DROP COLUMN extra")
        .execute(conn)
        .unwrap();
    conn.batch_execute("ALTER TABLE tasks RENAME COLUMN more TO less")
        .unwrap();
    Task::create(conn, new("a")).unwrap();
    assert_eq!(
        told(&mut client).last().map(String::as_str),
        Some("CREATED a")
    );
    conn.batch_execute("ALTER TABLE tasks DROP COLUMN less; UPDATE tasks SET done = TRUE")
        .unwrap();
    let events = client.receive_all();
    assert!(
        events.iter().any(|event| event["type"] == "resync"),
        "what was written meanwhile is not lost: {events:?}"
    );
    Task::create(conn, new("b")).unwrap();
    assert_eq!(told(&mut client), ["CREATED b"]);
}

#[test]
fn a_table_that_cannot_be_captured_is_an_error_that_says_so() {
    let app = App::new();
    let mut conn = app.plain();
    conn.batch_execute("DROP TABLE tasks; CREATE VIEW tasks AS SELECT 1 AS id, '' AS text, FALSE AS done, 1 AS list_id, NULL AS note").unwrap();
    let error = LiveConnection::new(conn, &app.live)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("`tasks` cannot be captured"), "{error}");
}

#[test]
fn a_row_that_is_no_value_of_its_model_is_told_as_unknown() {
    let (_app, mut conn, mut client) = two_tasks();
    conn.batch_execute(
        "UPDATE tasks SET text = x'ff' WHERE id = 1; UPDATE tasks SET done = TRUE WHERE id = 2",
    )
    .unwrap();
    let events = client.receive_all();
    assert_eq!(
        (&events[0]["type"], events.len()),
        (&json!("resync"), 2),
        "{events:?}"
    );
    assert_eq!(support::brief(&events[1]), "UPDATED b");
}

/// Memory is bounded by what the log takes its rows to be.
#[test]
fn a_text_takes_the_memory_of_its_bytes() {
    let app = App::new();
    let conn = &mut app.conn();
    for text in [
        "x".repeat(1_000_000),
        format!("\0{}", "x".repeat(1_000_000)),
        "\u{1F600}".repeat(250_000),
    ] {
        let before = app.live.stats().log.bytes;
        Task::create(conn, new(&text)).unwrap();
        let bytes = app.live.stats().log.bytes - before;
        assert!((1_000_000..1_100_000).contains(&bytes), "{bytes}");
    }
}
