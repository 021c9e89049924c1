//! Captured exactly, by triggers and an outbox.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::Error;
use diesel::sql_types::Integer;
use proptest::prelude::*;
use rest_live::prelude::*;
use rest_live::testing::Client;
use rest_live::{Builder, OtherWriters, SqliteSnapshots};
use serde_json::{Value, json};

use super::support::told as told_now;
use super::support::{App, LiveSqlite, Task, User, limits, new, tasks};
use super::{in_another_process, told};

/// Two tasks of list 1, `a` and `b`, who hears of others, a plain connection, and a client.
fn two_tasks() -> (App, OtherWriters, SqliteConnection, Client<User>) {
    let app = App::with(|builder| builder.limits(limits(|limits| limits.queue_bytes = 64 << 20)));
    let mut conn = app.conn();
    for text in ["a", "b"] {
        Task::create(&mut conn, new(text)).expect("the file is in order");
    }
    drop(conn);
    let others = OtherWriters::capture(&app.url(), &app.live).expect("the file is in order");
    let mut plain = app.plain();
    plain
        .batch_execute("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000")
        .expect("the file is in order");
    let mut client = app.reader();
    client.receive_nothing();
    (app, others, plain, client)
}

fn count(conn: &mut SqliteConnection, table: &str) -> i32 {
    diesel::select(diesel::dsl::sql::<Integer>(&format!(
        "(SELECT count(*) FROM {table})"
    )))
    .get_result(conn)
    .expect("the file is in order")
}

#[test]
fn each_way_of_writing_of_a_plain_connection() {
    let (_app, others, mut plain, mut client) = two_tasks();
    let cases: [(&str, &[&str]); 14] = [
        (
            "INSERT INTO tasks(text, list_id) VALUES ('c', 1), ('d', 2)",
            &["CREATED c"],
        ),
        (
            "UPDATE tasks SET text = text || '!' WHERE list_id = 1",
            &["UPDATED a!", "UPDATED b!", "UPDATED c!"],
        ),
        ("UPDATE tasks SET list_id = 2 WHERE id = 3", &["DELETED c!"]),
        ("UPDATE tasks SET list_id = 1 WHERE id = 4", &["CREATED d"]),
        ("UPDATE tasks SET list_id = 1 WHERE id = 4", &[]),
        (
            "UPDATE tasks SET id = 40 WHERE id = 4",
            &["DELETED d", "CREATED d"],
        ),
        (
            "REPLACE INTO tasks(id, text, list_id) VALUES (1, 'a2', 1), (5, 'e', 1)",
            &["DELETED a!", "CREATED a2", "CREATED e"],
        ),
        (
            "REPLACE INTO tasks(id, text, list_id) VALUES (5, 'moved', 2)",
            &["DELETED e"],
        ),
        (
            "INSERT OR IGNORE INTO tasks(id, text, list_id) VALUES (1, 'x', 1), (6, 'f', 1)",
            &["CREATED f"],
        ),
        (
            "INSERT INTO tasks(id, text, list_id) VALUES (1, 'a3', 1) ON CONFLICT (id) DO UPDATE SET text = excluded.text",
            &["UPDATED a3"],
        ),
        (
            "UPDATE OR REPLACE tasks SET id = 1 WHERE id = 6",
            &["DELETED a3", "DELETED f", "CREATED f"],
        ),
        (
            "BEGIN; UPDATE tasks SET text = 'undone'; ROLLBACK; BEGIN; SAVEPOINT s; DELETE FROM tasks; ROLLBACK TO s; DELETE FROM tasks WHERE id = 2; COMMIT",
            &["DELETED b!"],
        ),
        (
            "DELETE FROM lists WHERE id = 1",
            &["DELETED f", "DELETED d"],
        ),
        ("DELETE FROM tasks", &[]),
    ];
    for (sql, due) in cases {
        plain.batch_execute(sql).unwrap();
        assert_eq!(told(&others, &mut client), due, "{sql}");
    }
    assert_eq!(
        count(&mut plain, "rest_live_outbox"),
        0,
        "what was heard is gone"
    );
}

#[test]
fn a_row_that_goes_for_another_unique_key() {
    let (app, others, mut plain, mut client) = two_tasks();
    for sql in [
        "CREATE UNIQUE INDEX by_note ON tasks(note COLLATE NOCASE)",
        "UPDATE tasks SET note = text",
    ] {
        app.conn().batch_execute(sql).unwrap();
    }
    told(&others, &mut client);
    plain
        .batch_execute("REPLACE INTO tasks(text, list_id, note) VALUES ('c', 2, 'A'), ('d', 1, 'x'), ('e', 1, NULL), ('f', 1, NULL)")
        .unwrap();
    assert_eq!(
        told(&others, &mut client),
        ["DELETED a", "CREATED d", "CREATED e", "CREATED f"]
    );
    plain
        .batch_execute("PRAGMA recursive_triggers = ON; UPDATE OR REPLACE tasks SET note = 'X' WHERE text = 'b'")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["DELETED d", "UPDATED b"]);
    plain
        .batch_execute("INSERT OR IGNORE INTO tasks(text, list_id, note) VALUES ('g', 1, 'x'); UPDATE tasks SET done = TRUE WHERE text = 'b'")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED b"]);
}

#[test]
fn another_process_is_heard_without_being_asked_for() {
    let (app, _others, _, mut client) = two_tasks();
    in_another_process(
        &app.url(),
        "UPDATE tasks SET text = 'from afar' WHERE id = 2",
    );
    // Nobody looks here but the thread that does so by itself.
    assert_eq!(client.receive()["instance"]["text"], "from afar");
}

#[test]
fn what_others_wrote_comes_before_what_was_written_after_it() {
    let (app, _others, mut plain, mut client) = two_tasks();
    let conn = &mut app.conn();
    let update = |text: &str| format!("UPDATE tasks SET text = '{text}' WHERE id = 1");
    let write_live = |conn: &mut LiveSqlite, way: usize, text: &str| match way {
        0 => conn.batch_execute(&update(text)),
        1 => diesel::sql_query(update(text)).execute(conn).map(drop),
        2 => diesel::update(tasks::table.find(1))
            .set(tasks::text.eq(text))
            .returning(tasks::id)
            .get_result::<i32>(conn)
            .map(drop),
        3 => conn.transaction(|conn| diesel::sql_query(update(text)).execute(conn).map(drop)),
        4 => conn.batch_execute(&format!("BEGIN; {}; COMMIT", update(text))),
        _ => conn.transaction(|conn| {
            let undone: Result<(), _> = conn.transaction(|conn| {
                diesel::sql_query(update("undone")).execute(conn)?;
                Err(Error::RollbackTransaction)
            });
            assert!(undone.is_err());
            diesel::sql_query(update(text)).execute(conn).map(drop)
        }),
    };
    for way in 0..6 {
        let [theirs, again, ours] = ["theirs", "again", "ours"].map(|who| format!("{who} {way}"));
        plain.batch_execute(&update(&theirs)).unwrap();
        plain.batch_execute(&update(&again)).unwrap();
        write_live(conn, way, &ours).unwrap();
        let due = [theirs, again, ours].map(|text| format!("UPDATED {text}"));
        assert_eq!(told_now(&mut client), due, "no look was needed");
    }
}

#[test]
fn own_writes_are_told_once_and_leave_nothing() {
    let (app, others, mut plain, mut client) = two_tasks();
    let conn = &mut app.conn();
    Task::create(conn, new("c")).unwrap();
    conn.batch_execute("REPLACE INTO tasks(id, text, list_id) VALUES (1, 'a2', 1)")
        .unwrap();
    conn.silently(|conn| Task::create(conn, new("silent")))
        .unwrap();
    diesel::update(tasks::table.find(2))
        .set(tasks::done.eq(true))
        .execute(conn)
        .unwrap();
    assert_eq!(
        told(&others, &mut client),
        ["CREATED c", "DELETED a", "CREATED a2", "UPDATED b"]
    );
    assert_eq!(count(&mut plain, "rest_live_outbox"), 0);
}

#[test]
fn who_is_silent_passes_on_what_others_said() {
    let (app, _others, mut plain, mut client) = two_tasks();
    plain
        .batch_execute("UPDATE tasks SET text = 'loud' WHERE id = 1")
        .unwrap();
    let conn = &mut app.conn();
    conn.silently(|conn| Task::create(conn, new("silent")))
        .unwrap();
    assert_eq!(told_now(&mut client), ["UPDATED loud"]);
}

#[test]
fn who_rolls_back_leaves_what_others_said() {
    let (app, others, mut plain, mut client) = two_tasks();
    plain
        .batch_execute("UPDATE tasks SET text = 'loud' WHERE id = 1")
        .unwrap();
    let conn = &mut app.conn();
    conn.transaction(|conn| {
        Task::create(conn, new("undone"))?;
        Err::<(), _>(Error::RollbackTransaction)
    })
    .unwrap_err();
    assert_eq!(told(&others, &mut client), ["UPDATED loud"]);
}

#[test]
fn two_servers_on_one_file_hear_each_other() {
    let (app, others, _, mut client) = two_tasks();
    let live = Live::<User>::builder()
        .anonymous()
        .model::<Task>()
        .build()
        .unwrap();
    let there = OtherWriters::capture(&app.url(), &live).unwrap();
    let mut conn = LiveConnection::new(app.plain(), &live).unwrap();
    let mut their_client = Client::connect(&live, User::named("reader"));
    their_client.subscribe(Task::group().list_id(1));
    Task::create(&mut conn, new("there")).unwrap();
    Task::create(&mut app.conn(), new("here")).unwrap();
    Task::create(&mut conn, new("there again")).unwrap();
    let due = ["CREATED there", "CREATED here", "CREATED there again"];
    assert_eq!(told(&others, &mut client), due);
    assert_eq!(told(&there, &mut their_client), due);
    drop(there);
    Task::create(&mut app.conn(), new("alone")).unwrap();
    assert_eq!(
        count(&mut app.plain(), "rest_live_outbox"),
        0,
        "who has left leaves nothing"
    );
}

#[test]
fn all_servers_hear_that_a_table_was_built_anew() {
    let (app, others, mut plain, mut client) = two_tasks();
    let live = Live::<User>::builder()
        .anonymous()
        .model::<Task>()
        .build()
        .unwrap();
    let there = OtherWriters::capture(&app.url(), &live).unwrap();
    let mut their_client = Client::connect(&live, User::named("reader"));
    their_client.subscribe(Task::group().list_id(1));
    told(&others, &mut client);
    plain
        .batch_execute(
            "PRAGMA foreign_keys = OFF; BEGIN; CREATE TABLE new_tasks AS SELECT * FROM tasks; DROP TABLE tasks;
             ALTER TABLE new_tasks RENAME TO tasks; COMMIT; UPDATE tasks SET text = 'unseen' WHERE id = 1",
        )
        .unwrap();
    // The first to look mends the triggers.
    assert_eq!(told(&others, &mut client), ["resync"]);
    assert!(told(&there, &mut their_client).contains(&"resync".to_owned()));
    plain
        .batch_execute("UPDATE tasks SET text = 'seen' WHERE id = 1")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED seen"]);
    assert_eq!(told(&there, &mut their_client), ["UPDATED seen"]);
}

#[test]
fn what_is_written_past_the_capture_does_not_get_in_its_way() {
    let (app, others, mut plain, mut client) = two_tasks();
    let mut conn = app.single();
    for round in 0..3 {
        let theirs = format!("UPDATE tasks SET text = 'theirs {round}' WHERE id = 1");
        plain.batch_execute(&theirs).unwrap();
        let ours = format!("UPDATE tasks SET text = 'ours {round}' WHERE id = 2");
        conn.inner_mut().batch_execute(&ours).unwrap();
    }
    drop(conn);
    let told = told(&others, &mut client);
    for told_at_some_time in ["UPDATED theirs 2", "UPDATED ours 2"] {
        assert!(
            told.iter().any(|told| told == told_at_some_time),
            "{told:?}"
        );
    }
}

#[test]
fn who_falls_behind_is_forgotten_and_reads_again() {
    let (app, others, mut plain, mut client) = two_tasks();
    let many = |count: i32| {
        format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
                 INSERT INTO tasks(text, list_id) SELECT n, 1 FROM n"
        )
    };
    plain.batch_execute(&many(9_000)).unwrap();
    others.look();
    assert_eq!(client.receive_all().len(), 9_000);
    plain.batch_execute(&many(20_000)).unwrap();
    assert!(
        count(&mut plain, "rest_live_outbox") <= 10_001,
        "it does not grow for ever"
    );
    assert_eq!(told(&others, &mut client), ["resync"]);
    assert_eq!(count(&mut plain, "rest_live_outbox"), 0);
    plain
        .batch_execute("UPDATE tasks SET text = 'later' WHERE id = 1")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED later"]);
    // What a live connection writes waits for nobody, however much it is.
    app.conn().batch_execute(&many(12_000)).unwrap();
    assert_eq!(told(&others, &mut client).len(), 12_000);
}

#[test]
fn a_server_that_has_died_is_forgotten_by_the_others() {
    let (app, others, mut plain, mut client) = two_tasks();
    plain
        .batch_execute("INSERT INTO rest_live_consumers VALUES (7)")
        .unwrap();
    Task::create(&mut app.conn(), new("c")).unwrap();
    assert_eq!(count(&mut plain, "rest_live_outbox WHERE consumer = 7"), 1);
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(&mut plain, "rest_live_consumers") > 1 {
        assert!(Instant::now() < deadline, "nobody forgets it");
        others.look();
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(count(&mut plain, "rest_live_outbox"), 0);
    assert_eq!(told(&others, &mut client), ["CREATED c"]);
}

#[test]
fn who_was_taken_for_dead_reads_again() {
    let (_app, others, mut plain, mut client) = two_tasks();
    plain
        .batch_execute(
            "DELETE FROM rest_live_consumers; UPDATE tasks SET text = 'missed' WHERE id = 1",
        )
        .unwrap();
    assert_eq!(told(&others, &mut client), ["resync"]);
    plain
        .batch_execute("UPDATE tasks SET text = 'heard' WHERE id = 1")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED heard"]);
}

#[test]
fn who_comes_back_was_away() {
    let (app, others, mut plain, mut client) = two_tasks();
    drop(others);
    plain
        .batch_execute("UPDATE tasks SET text = 'unheard' WHERE id = 1")
        .unwrap();
    assert_eq!(count(&mut plain, "rest_live_outbox"), 0);
    client.receive_nothing();
    let _others = OtherWriters::capture(&app.url(), &app.live).unwrap();
    assert_eq!(client.receive()["type"], "resync");
}

#[test]
fn where_nobody_is_there_yet_nothing_is_told() {
    let app = App::new();
    let others = OtherWriters::capture(&app.url(), &app.live).unwrap();
    others.look();
    let mut client = app.reader();
    client.receive_nothing();
    assert_eq!(app.live.stats().log.position, 0);
}

#[test]
fn the_triggers_follow_the_schema_whoever_changes_it() {
    let (_app, others, mut plain, mut client) = two_tasks();
    plain
        .batch_execute(
            "ALTER TABLE tasks ADD COLUMN extra TEXT; UPDATE tasks SET extra = 'x' WHERE id = 1",
        )
        .unwrap();
    assert_eq!(
        told(&others, &mut client),
        ["resync"],
        "the trigger did not know the column"
    );
    plain
        .batch_execute("UPDATE tasks SET extra = 'y' WHERE id = 1")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED a"]);
    plain
        .batch_execute(
            "PRAGMA foreign_keys = OFF; BEGIN;
             CREATE TABLE new_tasks (note TEXT, id INTEGER PRIMARY KEY, text TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT FALSE,
                list_id INTEGER NOT NULL REFERENCES lists);
             INSERT INTO new_tasks(id, text, done, list_id) SELECT id, text, done, list_id FROM tasks;
             DROP TABLE tasks; ALTER TABLE new_tasks RENAME TO tasks; COMMIT;
             UPDATE tasks SET text = 'unseen' WHERE id = 1",
        )
        .unwrap();
    assert_eq!(
        told(&others, &mut client),
        ["resync"],
        "the triggers went with the table"
    );
    plain
        .batch_execute("UPDATE tasks SET text = 'seen' WHERE id = 1")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED seen"]);
    let error = plain
        .batch_execute("ALTER TABLE tasks DROP COLUMN note")
        .unwrap_err();
    assert!(
        error.to_string().contains("rest_live_others_insert_tasks"),
        "{error}"
    );
}

#[test]
fn a_live_connection_changes_the_schema_as_ever() {
    let (app, others, mut plain, mut client) = two_tasks();
    let conn = &mut app.conn();
    conn.batch_execute(
        "ALTER TABLE tasks ADD COLUMN extra TEXT; ALTER TABLE tasks DROP COLUMN extra",
    )
    .unwrap();
    diesel::sql_query("ALTER TABLE tasks RENAME COLUMN note TO remark")
        .execute(conn)
        .unwrap();
    diesel::sql_query("ALTER TABLE tasks RENAME COLUMN remark TO note")
        .execute(conn)
        .unwrap();
    told(&others, &mut client);
    Task::create(conn, new("c")).unwrap();
    plain
        .batch_execute("UPDATE tasks SET text = 'd' WHERE text = 'c'")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["CREATED c", "UPDATED d"]);
}

#[test]
fn a_trigger_that_answers_comes_after_what_it_answers() {
    let (_app, others, mut plain, mut client) = two_tasks();
    plain
        .batch_execute(
            "CREATE TRIGGER stamp AFTER UPDATE OF done ON tasks BEGIN UPDATE tasks SET note = 'stamped' WHERE id = NEW.id; END",
        )
        .unwrap();
    others.look();
    client.receive_all();
    plain
        .batch_execute("UPDATE tasks SET done = TRUE WHERE id = 1")
        .unwrap();
    others.look();
    let notes: Vec<_> = client
        .receive_all()
        .iter()
        .map(|event| event["instance"]["note"].clone())
        .collect();
    assert_eq!(notes, [json!(null), json!("stamped")]);
}

#[test]
fn all_of_it_can_be_taken_out() {
    let (app, others, mut plain, mut client) = two_tasks();
    OtherWriters::remove(&mut plain).unwrap();
    let c = Task::create(&mut app.conn(), new("c")).unwrap();
    let put_back = told(&others, &mut client);
    assert!(!put_back.is_empty());
    assert!(put_back.iter().all(|told| told == "resync"), "{put_back:?}");
    plain
        .batch_execute("UPDATE tasks SET text = 'd' WHERE text = 'c'")
        .unwrap();
    assert_eq!(
        told(&others, &mut client),
        ["UPDATED d"],
        "a server that listens puts it back"
    );
    drop(others);
    c.delete(&mut app.conn()).unwrap();
    told_now(&mut client);
    OtherWriters::remove(&mut plain).unwrap();
    let left = count(
        &mut plain,
        "sqlite_schema WHERE name LIKE 'rest\\_live%' ESCAPE '\\'",
    );
    assert_eq!(left, 0);
    plain
        .batch_execute("ALTER TABLE tasks DROP COLUMN note; ALTER TABLE tasks ADD COLUMN note TEXT")
        .unwrap();
    Task::create(&mut app.conn(), new("c")).unwrap();
    assert_eq!(told_now(&mut client), ["CREATED c"]);
}

#[derive(Debug, Queryable, Selectable, serde::Serialize, Subscribable)]
#[diesel(table_name = tasks)]
#[live(label = "todolist.Title")]
#[subscribable]
struct Title {
    id: i32,
    text: String,
}

diesel::table! {
    /// Without a rowid, with a composite key, a generated column that is unique, and names that want quotes.
    #[sql_name = "odd one's"]
    odd (left_id, right_id) { left_id -> Integer, right_id -> Text, #[sql_name = "group"] team -> Nullable<Integer>, twice -> Nullable<Integer>, }
}

#[derive(Debug, Queryable, Selectable, serde::Serialize, Subscribable)]
#[diesel(table_name = odd, primary_key(left_id, right_id))]
#[live(label = "todolist.Odd")]
#[subscribable(group_key = "left_id")]
struct Odd {
    left_id: i32,
    right_id: String,
    team: Option<i32>,
    #[diesel(skip_update)]
    twice: Option<i32>,
}

#[test]
fn a_table_that_is_odd_in_every_way() {
    let app = App::with(Builder::model::<Odd>);
    let mut plain = app.plain();
    plain
        .batch_execute(
            "CREATE TABLE \"odd one's\" (left_id INTEGER, right_id TEXT COLLATE NOCASE, \"group\" INTEGER,
                twice INTEGER GENERATED ALWAYS AS (\"group\" * 2) STORED UNIQUE, PRIMARY KEY (left_id, right_id)) WITHOUT ROWID",
        )
        .unwrap();
    let others = OtherWriters::capture(&app.url(), &app.live).unwrap();
    let mut client = app.client(User::anonymous());
    client.subscribe(Odd::group().left_id(1));
    let mut told = |sql: &str| -> Vec<String> {
        plain.batch_execute(sql).unwrap();
        others.look();
        let row = |row: &Value| format!("{} {} {}", row["right_id"], row["team"], row["twice"]);
        let events = client.receive_all();
        events
            .iter()
            .map(|event| {
                format!(
                    "{} {}",
                    event["action"].as_str().unwrap(),
                    row(&event["instance"])
                )
            })
            .collect()
    };
    let into = "INTO \"odd one's\"(left_id, right_id, \"group\") VALUES";
    assert_eq!(
        told(&format!("INSERT {into} (1, 'x', 5)")),
        [r#"CREATED "x" 5 10"#]
    );
    assert_eq!(
        told(&format!("REPLACE {into} (1, 'X', 6)")),
        [r#"DELETED "x" 5 10"#, r#"CREATED "X" 6 12"#],
        "its key ignores case"
    );
    assert_eq!(
        told(&format!("REPLACE {into} (1, 'y', 6)")),
        [r#"DELETED "X" 6 12"#, r#"CREATED "y" 6 12"#],
        "a generated column is in its way"
    );
    assert_eq!(
        told(&format!(
            "INSERT {into} (1, 'z', 7); UPDATE OR REPLACE \"odd one's\" SET \"group\" = 6 WHERE right_id = 'z'"
        )),
        [
            r#"CREATED "z" 7 14"#,
            r#"DELETED "y" 6 12"#,
            r#"UPDATED "z" 6 12"#
        ],
        "no column of the key is named"
    );
    assert_eq!(
        told("UPDATE \"odd one's\" SET right_id = 'y'"),
        [r#"DELETED "z" 6 12"#, r#"CREATED "y" 6 12"#]
    );
    assert_eq!(
        told("UPDATE \"odd one's\" SET \"group\" = NULL"),
        [r#"UPDATED "y" null null"#]
    );
    assert_eq!(
        told("DELETE FROM \"odd one's\""),
        [r#"DELETED "y" null null"#]
    );
}

#[test]
fn two_models_of_one_table_both_hear() {
    let app = App::with(Builder::model::<Title>);
    let task = Task::create(&mut app.conn(), new("a")).unwrap();
    let others = OtherWriters::capture(&app.url(), &app.live).unwrap();
    let mut client = app.reader();
    client.subscribe(Title::group().id(task.id));
    app.plain()
        .batch_execute("UPDATE tasks SET text = 'b'")
        .unwrap();
    others.look();
    let mut instances: Vec<_> = client
        .receive_all()
        .iter()
        .map(|event| event["model"].to_string())
        .collect();
    instances.sort();
    assert_eq!(instances, [r#""todolist.Task""#, r#""todolist.Title""#]);
}

/// As SQLite's documentation says how a table is to be changed that `ALTER` cannot.
#[test]
fn a_table_that_others_put_in_the_place_of_another_is_read_again() {
    let (_app, others, mut plain, mut client) = two_tasks();
    let sql_of = |plain: &mut SqliteConnection, what: &str| -> String {
        let sql = format!(
            "(SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE {what} ORDER BY rowid))"
        );
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>(&sql))
            .get_result(plain)
            .unwrap()
    };
    let triggers = sql_of(&mut plain, "type = 'trigger' AND tbl_name = 'tasks'");
    let table = sql_of(&mut plain, "type = 'table' AND name = 'tasks'");
    let table = table.replacen("tasks", "new_tasks", 1);
    let rebuild = format!(
        "PRAGMA foreign_keys = OFF; BEGIN; {table}; \
         INSERT INTO new_tasks(id, text, list_id) SELECT id, upper(text), list_id FROM tasks; \
         DROP TABLE tasks; ALTER TABLE new_tasks RENAME TO tasks; {triggers}; COMMIT"
    );
    plain.batch_execute(&rebuild).unwrap();
    assert_eq!(told(&others, &mut client), ["resync"]);
    plain
        .batch_execute("UPDATE tasks SET text = 'c' WHERE text = 'A'")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED c"]);
    plain.batch_execute("DROP TABLE tasks").unwrap();
    assert_eq!(told(&others, &mut client), ["resync"]);
    plain.batch_execute("CREATE TABLE another (id)").unwrap();
    assert_eq!(
        told(&others, &mut client),
        ["resync"],
        "what became of the rows meanwhile is not known"
    );
    plain
        .batch_execute("INSERT INTO another VALUES (1)")
        .unwrap();
    assert_eq!(told(&others, &mut client), [""; 0]);
}

#[test]
fn parts_of_the_outbox_that_others_drop_are_put_back() {
    let (app, others, mut plain, mut client) = two_tasks();
    for part in ["consumers", "replaced", "outbox"] {
        let sql = format!("DROP TABLE rest_live_{part}");
        plain.batch_execute(&sql).unwrap();
        // SQLite does not look at a schema again for a table that only a trigger names.
        plain = app.plain();
        Task::create(&mut app.conn(), new(part)).unwrap();
        others.look();
        client.receive_all();
        plain
            .batch_execute("UPDATE tasks SET text = text || '!' WHERE id = 1")
            .unwrap();
        assert_eq!(told(&others, &mut client).len(), 1, "without {part}");
    }
    plain
        .batch_execute("DROP TABLE rest_live_consumers")
        .unwrap();
    drop(others);
    let others = OtherWriters::capture(&app.url(), &app.live).unwrap();
    client.receive_all();
    let mut plain = app.plain();
    plain
        .batch_execute("UPDATE tasks SET text = 'again' WHERE id = 1")
        .unwrap();
    assert_eq!(told(&others, &mut client), ["UPDATED again"]);
}

/// A server whose oldest entry stays the same for long is taken for one that has ended.
#[test]
fn no_entry_has_the_number_of_another() {
    let (_app, others, mut plain, mut client) = two_tasks();
    plain
        .batch_execute(
            "CREATE TABLE seen (seq INTEGER PRIMARY KEY); \
             CREATE TRIGGER note AFTER INSERT ON rest_live_outbox BEGIN INSERT INTO seen VALUES (NEW.seq); END",
        )
        .unwrap();
    told(&others, &mut client);
    for _ in 0..3 {
        plain
            .batch_execute("UPDATE tasks SET text = text || '!' WHERE id = 1")
            .unwrap();
        assert_eq!(told(&others, &mut client).len(), 1);
    }
}

#[test]
fn a_snapshot_shows_what_others_wrote_once() {
    let directory = tempfile::TempDir::new().unwrap();
    let pool = Pool::new(ConnectionManager::<SqliteConnection>::new(
        super::support::path(&directory),
    ))
    .unwrap();
    let app = App::in_directory(directory, |builder| {
        builder.snapshots::<Task>(SqliteSnapshots::new(pool))
    });
    drop(app.conn());
    let _others = OtherWriters::capture(&app.url(), &app.live).unwrap();
    let mut plain = app.plain();
    plain.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
    for round in 0..30 {
        plain
            .batch_execute(&format!(
                "INSERT INTO tasks(text, list_id) VALUES ('{round}', 1)"
            ))
            .unwrap();
        let mut client = app.client(User::named("reader"));
        client.send(json!({"id": 1, "model": "todolist.Task", "property": "list_id", "value": 1, "snapshot": true}));
        let messages = client.receive_all();
        let kinds: Vec<_> = messages
            .iter()
            .map(|message| message["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            ["snapshot", "subscribed"],
            "no event tells again what it shows"
        );
        assert_eq!(
            messages[0]["instances"].as_array().unwrap().len(),
            round + 1
        );
    }
}

/// A statement of somebody who does not have recursive triggers on: SQLite tells no trigger what its
/// `REPLACE` removes.
fn statement() -> impl Strategy<Value = String> {
    let conflict =
        || prop::sample::select(vec!["", "OR REPLACE", "OR REPLACE", "OR IGNORE", "OR FAIL"]);
    let note = || prop::sample::select(vec!["NULL", "'a'", "'A'", "'b'", "'c'"]);
    let row = move || {
        (1..6, 1..3, note()).prop_map(|(id, list, note)| format!("({id}, 'x', {list}, {note})"))
    };
    let rows = prop::collection::vec(row(), 1..4).prop_map(|rows| rows.join(", "));
    let set = prop_oneof![
        (1..6).prop_map(|id| format!("id = {id}")),
        note().prop_map(|note| format!("note = {note}")),
        (1..3).prop_map(|list| format!("list_id = {list}")),
        (1..6, note()).prop_map(|(id, note)| format!("id = {id}, note = {note}")),
    ];
    prop_oneof![
        4 => (conflict(), rows).prop_map(|(conflict, rows)| format!("INSERT {conflict} INTO tasks(id, text, list_id, note) VALUES {rows}")),
        4 => (conflict(), set, 1..6).prop_map(|(conflict, set, id)| format!("UPDATE {conflict} tasks SET {set} WHERE id >= {id}")),
        1 => row().prop_map(|row| format!("INSERT INTO tasks(id, text, list_id, note) VALUES {row} ON CONFLICT (id) DO UPDATE SET list_id = excluded.list_id")),
        1 => (1..6).prop_map(|id| format!("DELETE FROM tasks WHERE id = {id}")),
    ]
}

/// The rows of list 1, as the database has them.
fn rows_of_one(conn: &mut SqliteConnection) -> BTreeMap<i64, Value> {
    let rows: Vec<Task> = tasks::table
        .filter(tasks::list_id.eq(1))
        .load(conn)
        .expect("the file is in order");
    rows.iter()
        .map(|row| {
            (
                row.id.into(),
                serde_json::to_value(row).expect("the file is in order"),
            )
        })
        .collect()
}

#[test]
fn a_page_that_applies_what_others_replace_shows_what_is_there() {
    let (app, others, mut plain, mut client) = two_tasks();
    app.conn()
        .batch_execute("CREATE UNIQUE INDEX by_note ON tasks(note COLLATE NOCASE)")
        .unwrap();
    let mut live = app.single();
    told(&others, &mut client);
    let mut page = rows_of_one(&mut plain);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let (app, others, plain, live, client, page) =
        (&app, &others, &mut plain, &mut live, &mut client, &mut page);
    let cell = std::cell::RefCell::new((plain, live, client, page));
    runner
        .run(
            &prop::collection::vec((statement(), prop::bool::weighted(0.2)), 1..12),
            |statements| {
                let (plain, live, client, page) = &mut *cell.borrow_mut();
                for (sql, is_live) in &statements {
                    // It may fail, for a constraint.
                    drop(match is_live {
                        true => live.batch_execute(sql),
                        false => plain.batch_execute(sql),
                    });
                }
                others.look();
                for event in client.receive_all() {
                    let (id, action) = (event["instance"]["id"].as_i64(), event["action"].as_str());
                    let id = id.expect("an event of a row");
                    match action.expect("an action") {
                        "DELETED" => page.remove(&id),
                        _ => page.insert(id, event["instance"].clone()),
                    };
                }
                prop_assert_eq!(&**page, &rows_of_one(&mut app.plain()));
                Ok(())
            },
        )
        .unwrap();
}
