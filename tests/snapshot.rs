//! Subscriptions that begin with a snapshot, on a real SQLite file.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::Error;
use rest_live::prelude::*;
use rest_live::testing::Client;
use rest_live::{BuildError, Builder, Limits, SqliteSnapshots};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::support::{App, List, NewTask, Task, User, limits, new, tasks};

/// A file whose models have snapshots. The pool of those opens it before there is a schema in it.
fn app_with(change: impl FnOnce(Builder<User>) -> Builder<User>) -> App {
    app_reading(|snapshots| snapshots, change)
}

fn app_reading(
    how: impl FnOnce(SqliteSnapshots) -> SqliteSnapshots,
    change: impl FnOnce(Builder<User>) -> Builder<User>,
) -> App {
    let directory = TempDir::new().expect("a directory");
    let snapshots = how(SqliteSnapshots::new(plain_pool(&directory, 2)));
    App::in_directory(directory, |builder| {
        change(
            builder
                .snapshots::<List>(snapshots.clone())
                .snapshots::<Task>(snapshots),
        )
    })
}

fn app() -> App {
    app_with(|builder| builder)
}

fn plain_pool(directory: &TempDir, size: u32) -> Pool<ConnectionManager<SqliteConnection>> {
    let manager = ConnectionManager::new(support::path(directory));
    let builder = Pool::builder().max_size(size).min_idle(Some(0));
    builder.build(manager).expect("a pool")
}

/// A snapshot of a list's tasks, as the subscription `t`.
fn ask(list: i32) -> Value {
    json!({"id": "t", "model": "todolist.Task", "property": "list_id", "value": list, "snapshot": true})
}

/// What a client shows that applies what it gets, and believes nothing: no row may come twice, none
/// may be missing.
#[derive(Default)]
struct Page {
    rows: BTreeMap<i64, Value>,
    arriving: Option<BTreeMap<i64, Value>>,
    cursor: Option<(String, u64)>,
    longest_part: usize,
    recovered: Option<bool>,
}

impl Page {
    fn apply(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("snapshot") => return self.take_part(message),
            Some("subscribed") => self.recovered = message["recovered"].as_bool(),
            Some("broadcast") => self.take_event(message),
            _ => panic!("{message}"),
        }
        let cursor = message["cursor"].as_str().expect("a cursor");
        let (_, position) = cursor.split_once('-').expect("an epoch and a position");
        let position = u64::from_str_radix(position, 16).expect("a position");
        if let Some((_, last)) = &self.cursor {
            assert!(*last <= position, "positions go up");
        }
        self.cursor = Some((cursor.to_owned(), position));
    }

    fn take_part(&mut self, part: &Value) {
        let arriving = self.arriving.get_or_insert_default();
        for instance in part["instances"].as_array().expect("rows") {
            let twice = arriving.insert(id(instance), instance.clone());
            assert!(twice.is_none(), "twice in one snapshot: {instance}");
        }
        self.longest_part = self.longest_part.max(part.to_string().len());
        if part["more"] == false {
            self.rows = self.arriving.take().expect("rows");
            self.cursor = None;
        }
    }

    fn take_event(&mut self, event: &Value) {
        let instance = event["instance"].clone();
        let old = match event["action"].as_str() {
            Some("DELETED") => self.rows.remove(&id(&instance)),
            _ => self.rows.insert(id(&instance), instance),
        };
        // An event that the snapshot shows already, or one that is missing before it, would not
        // fit.
        assert_eq!(old.is_none(), event["action"] == "CREATED", "{event}");
        if event["action"] == "UPDATED" {
            assert_eq!(
                number(&old.expect("a row")) + 1,
                number(&event["instance"]),
                "every update of a row is told once"
            );
        }
    }
}

fn id(instance: &Value) -> i64 {
    instance["id"].as_i64().expect("an id")
}

fn number(instance: &Value) -> i64 {
    let text = instance["text"].as_str().expect("a text");
    text.parse().expect("a number")
}

/// What is in a list now, as JSON.
fn shown(app: &App, list: i32) -> BTreeMap<i64, Value> {
    let rows: Vec<Task> = tasks::table
        .filter(tasks::list_id.eq(list))
        .select(Task::as_select())
        .load(&mut app.plain())
        .expect("tasks");
    rows.iter()
        .map(|task| {
            (
                task.id.into(),
                serde_json::to_value(task).expect("a task is JSON"),
            )
        })
        .collect()
}

fn reasons(messages: &[Value]) -> Vec<(&Value, &Value)> {
    messages
        .iter()
        .map(|message| (&message["code"], &message["reason"]))
        .collect()
}

#[test]
fn a_page_needs_nothing_but_a_snapshot() {
    let app = app();
    let conn = &mut app.conn();
    for text in ["1", "2"] {
        Task::create(conn, new(text)).unwrap();
    }
    Task::create(
        conn,
        NewTask {
            text: "3",
            list_id: 2,
        },
    )
    .unwrap();
    let mut client = app.client(User::named("reader"));
    client.send(ask(1));
    let snapshot = client.receive();
    assert_eq!(
        (&snapshot["type"], &snapshot["id"], &snapshot["model"]),
        (&json!("snapshot"), &json!("t"), &json!("todolist.Task"))
    );
    assert_eq!(snapshot["instances"].as_array().unwrap().len(), 2);
    assert_eq!(snapshot["more"], false);
    let ack = client.receive();
    assert_eq!(
        (&ack["type"], &ack["recovered"]),
        (&json!("subscribed"), &json!(false))
    );
    client.receive_nothing();
    Task::create(conn, new("4")).unwrap();
    assert_eq!(client.receive()["instance"]["text"], "4");
}

#[test]
fn an_empty_group_is_one_empty_part() {
    let app = app();
    let mut client = app.client(User::anonymous());
    client.send(ask(99));
    let all = client.receive_all();
    assert_eq!(all.len(), 2);
    assert_eq!(
        (&all[0]["instances"], &all[0]["more"]),
        (&json!([]), &json!(false))
    );
}

#[test]
fn rights_are_those_of_the_events() {
    let app = app();
    Task::create(&mut app.conn(), new("a")).unwrap();
    let instances = |user, message: Value| {
        let mut client = app.client(user);
        client.send(message);
        client.receive()["instances"].clone()
    };
    assert_eq!(instances(User::named("a"), ask(1))[0]["done"], false);
    assert_eq!(
        instances(User::anonymous(), ask(1)),
        json!([{"id": 1, "text": "a"}])
    );
    let list = json!({"id": 1, "model": "todolist.List", "property": "name", "value": "one", "snapshot": true});
    assert_eq!(
        instances(User::named("one"), list.clone()),
        json!([{"id": 1, "name": "one"}])
    );
    assert_eq!(instances(User::named("two"), list), json!([]));
    let by_id = json!({"id": 1, "model": "todolist.List", "value": "2", "snapshot": true});
    assert_eq!(instances(User::anonymous(), by_id)[0]["name"], "two");
}

#[test]
fn a_text_is_compared_as_events_compare_it() {
    let app = app();
    app.plain()
        .batch_execute(
            "DROP TABLE lists; CREATE TABLE lists (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE); \
             INSERT INTO lists VALUES (1, 'one'), (2, 'ONE')",
        )
        .unwrap();
    let mut client = app.client(User::named("one"));
    client.send(json!({"id": 1, "model": "todolist.List", "property": "name", "value": "one", "snapshot": true}));
    assert_eq!(
        client.receive()["instances"],
        json!([{"id": 1, "name": "one"}])
    );
}

#[test]
fn many_rows_come_in_parts() {
    let app = app_with(|builder| {
        builder.limits(limits(|limits| {
            limits.queue_bytes = 1000;
            limits.snapshot_part_bytes = 4096;
        }))
    });
    fill(&app, 5000);
    let mut client = app.client(User::named("reader"));
    client.send(ask(1));
    let mut page = Page::default();
    client
        .receive_all()
        .iter()
        .for_each(|message| page.apply(message));
    assert!((4000..=4096).contains(&page.longest_part));
    assert_eq!(page.rows, shown(&app, 1));
}

fn fill(app: &App, rows: usize) {
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO tasks(text, list_id) SELECT i, 1 FROM n"
    );
    app.plain().batch_execute(&sql).expect("rows");
}

#[test]
fn a_snapshot_that_is_too_big_is_refused_and_the_id_is_free() {
    let app = app_with(|builder| {
        builder.limits(limits(|limits| {
            limits.snapshot_bytes = 10_000;
            limits.subscriptions = 1;
        }))
    });
    fill(&app, 1000);
    let mut client = app.client(User::named("reader"));
    client.send(ask(1));
    let error = client.receive();
    assert_eq!(
        (&error["code"], &error["reason"], &error["id"]),
        (&json!(413), &json!("snapshot_too_big"), &json!("t"))
    );
    client.send(ask(2));
    assert_eq!(client.receive_all()[1]["type"], "subscribed");
    Task::create(&mut app.conn(), new("of the list that was refused")).unwrap();
    client.receive_nothing();
}

#[test]
fn a_database_that_is_down_is_an_error_for_a_while() {
    let app = app();
    let mut client = app.client(User::named("reader"));
    app.plain()
        .batch_execute("ALTER TABLE tasks RENAME TO away")
        .unwrap();
    client.send(ask(1));
    let error = client.receive();
    assert_eq!(
        (&error["code"], &error["reason"], &error["temporary"]),
        (&json!(503), &json!("snapshot_unavailable"), &json!(true))
    );
    app.plain()
        .batch_execute("ALTER TABLE away RENAME TO tasks")
        .unwrap();
    client.send(ask(1));
    assert_eq!(client.receive()["type"], "snapshot");
}

#[test]
fn mistakes_are_told() {
    let mut client = App::new().client(User::anonymous());
    client.send(ask(1));
    assert_eq!(
        reasons(&client.receive_all()),
        [(&json!(400), &json!("no_snapshot"))]
    );

    let app = app();
    let mut client = app.client(User::anonymous());
    let mut seed = ask(1);
    seed.as_object_mut().unwrap().remove("id");
    client.send(seed);
    client.send(ask(1));
    client.send(ask(1));
    let all = client.receive_all();
    assert_eq!(reasons(&all[..1]), [(&json!(400), &json!("bad_message"))]);
    let errors = all[1..].iter().filter(|message| message["type"] == "error");
    assert_eq!(
        reasons(&errors.cloned().collect::<Vec<_>>()),
        [(&json!(409), &json!("duplicate_id"))]
    );

    let directory = TempDir::new().unwrap();
    let source = SqliteSnapshots::new(plain_pool(&directory, 2));
    let built = Live::<User>::builder()
        .anonymous()
        .model::<List>()
        .snapshots::<Task>(source)
        .build();
    assert!(
        matches!(built, Err(BuildError::SnapshotsOfNoModel { model }) if model.ends_with("Task"))
    );

    let built = Live::<User>::builder()
        .anonymous()
        .model::<Task>()
        .snapshots::<Task>(SqliteSnapshots::new(plain_pool(&directory, 1)))
        .build();
    let Err(BuildError::Snapshots { model, source }) = built else {
        panic!("a pool of one");
    };
    assert!(model.ends_with("Task"));
    assert!(source.to_string().contains("max_size(2)"), "{source}");
}

#[test]
fn who_cancels_or_goes_is_not_sent_a_snapshot() {
    let app = app();
    fill(&app, 5000);
    // The write lock says nothing to a reader; a ticket that is out holds up the snapshot until it
    // is cancelled.
    let mut writer = app.single();
    writer.batch_execute("BEGIN").unwrap();
    Task::create(&mut writer, new("0")).unwrap();
    let mut client = app.client(User::named("reader"));
    let mut gone = app.client(User::named("reader"));
    client.send(ask(1));
    gone.send(ask(1));
    client.send(r#"{"type":"unsubscribe","id":"t"}"#);
    drop(gone);
    writer.batch_execute("COMMIT").unwrap();
    client.send(ask(2));
    let all = client.receive_all();
    let kinds: Vec<_> = all.iter().map(|message| &message["type"]).collect();
    assert_eq!(kinds, ["unsubscribed", "snapshot", "subscribed"]);
    assert_eq!(all[1]["instances"], json!([]));
    Task::create(&mut writer, new("0")).unwrap();
    client.receive_nothing();
}

#[test]
fn a_transaction_that_is_open_holds_up_a_snapshot_and_is_not_in_it() {
    let app = app();
    let mut client = app.client(User::named("reader"));
    app.conn()
        .transaction(|conn| {
            Task::create(conn, new("undone"))?;
            client.send(ask(1));
            Err::<(), _>(Error::RollbackTransaction)
        })
        .unwrap_err();
    assert_eq!(client.receive()["instances"], json!([]));
    assert_eq!(client.receive()["type"], "subscribed");
    client.receive_nothing();
}

#[test]
fn a_connection_that_keeps_its_events_back_makes_snapshots_unavailable() {
    let app = app();
    let mut client = app.client(User::named("reader"));
    let mut idle = app.single();
    // Committed, and said only when the connection is next used.
    diesel::insert_into(tasks::table)
        .values(new("1"))
        .execute(idle.inner_mut())
        .unwrap();
    client.send(ask(1));
    assert_eq!(
        reasons(&client.receive_all()),
        [(&json!(503), &json!("snapshot_unavailable"))]
    );
    drop(idle);
    client.send(ask(1));
    assert_eq!(client.receive()["instances"][0]["text"], "1");
}

#[test]
fn who_comes_back_is_sent_a_snapshot_only_if_it_has_to_be() {
    let app = app_with(|builder| builder.limits(limits(|limits| limits.log_changes = 3)));
    let conn = &mut app.conn();
    let mut page = Page::default();
    let mut client = app.client(User::named("reader"));
    client.send(ask(1));
    client
        .receive_all()
        .iter()
        .for_each(|message| page.apply(message));
    for (missed, is_recovered) in [(0, true), (2, true), (5, false), (1, true)] {
        drop(client);
        for _ in 0..missed {
            Task::create(conn, new("1")).unwrap();
        }
        client = app.client(User::named("reader"));
        // That the log has forgotten is certain once all is dispatched.
        client.receive_nothing();
        let mut message = ask(1);
        message["since"] = page.cursor.as_ref().unwrap().0.as_str().into();
        client.send(message);
        let all = client.receive_all();
        let has_snapshot = all.iter().any(|message| message["type"] == "snapshot");
        assert_eq!(has_snapshot, !is_recovered, "{missed}");
        all.iter().for_each(|message| page.apply(message));
        assert_eq!(page.recovered, Some(is_recovered), "{missed}");
        assert_eq!(page.rows, shown(&app, 1));
    }
}

const WRITERS: i32 = 4;

/// Creates, counts up, moves and deletes tasks, in transactions and in statements of their own,
/// until it is told to stop.
fn hammer(app: &App, writer: i32, stop: &AtomicBool) {
    let conn = &mut app.conn();
    let up = |task: &Task| (task.text.parse::<i64>().expect("a number") + 1).to_string();
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let list_id = 1 + (round + writer) % 2;
        conn.transaction(|conn| {
            let first = Task::create(conn, NewTask { text: "0", list_id })?;
            let second = Task::create(conn, NewTask { text: "0", list_id })?;
            let text = up(&first);
            Task { text, ..first }.save(conn)?;
            let moved = 3 - list_id;
            Task {
                list_id: moved,
                ..second
            }
            .save(conn)
            .map(drop)
        })
        .expect("a transaction");
        let one: Vec<Task> = tasks::table
            .filter(tasks::list_id.eq(list_id))
            .order(tasks::id.desc())
            .limit(1)
            .select(Task::as_select())
            .load(conn)
            .expect("a task");
        // Another writer may have taken it.
        let Some(task) = one.first() else { continue };
        let counted = diesel::update(tasks::table.find(task.id))
            .set(tasks::text.eq(diesel::dsl::sql::<diesel::sql_types::Text>(
                "CAST(text + 1 AS TEXT)",
            )))
            .execute(conn);
        counted.expect("an update");
        if round % 3 == 0 {
            let count = tasks::table
                .count()
                .get_result::<i64>(conn)
                .expect("a count");
            if count > 200 {
                let oldest = tasks::table.select(tasks::id).order(tasks::id).limit(20);
                let ids: Vec<i32> = oldest.load(conn).expect("ids");
                diesel::delete(tasks::table.filter(tasks::id.eq_any(ids)))
                    .execute(conn)
                    .expect("a delete");
            }
        }
    }
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Subscribes with a snapshot, listens for a while, and again.
fn look(app: &App, list: i32, stop: &AtomicBool) -> usize {
    let mut looks = 0;
    while looks == 0 || !stop.load(Ordering::Relaxed) {
        let mut client: Client<User> = app.client(User::named("reader"));
        let mut page = Page::default();
        client.send(ask(list));
        while page.recovered.is_none() {
            page.apply(&client.receive());
        }
        assert!(page.longest_part <= 2000);
        client
            .receive_all()
            .iter()
            .for_each(|message| page.apply(message));
        looks += 1;
    }
    looks
}

#[test]
fn snapshots_and_events_fit_together_whatever_is_written_meanwhile() {
    fit_together(|snapshots| snapshots, 5);
}

#[test]
fn so_they_do_when_the_writers_leave_no_gap() {
    fit_together(SqliteSnapshots::always_behind_the_lock, 2);
}

fn fit_together(how: impl FnOnce(SqliteSnapshots) -> SqliteSnapshots, rounds: usize) {
    const LOOKS: usize = 30;
    let app = app_reading(how, |builder| {
        builder.limits(limits(|limits: &mut Limits| {
            limits.snapshot_part_bytes = 2000;
            limits.queue_bytes = 64 << 20;
        }))
    });
    // Its first connection puts the file into WAL mode, beside which nobody else can be.
    drop(app.conn());
    fill_with_zeros(&app, 100);
    for _ in 0..rounds {
        let stop = AtomicBool::new(false);
        let mut clients: Vec<(i32, Client<User>, Page)> = Vec::new();
        thread::scope(|scope| {
            let (app, stop) = (&app, &stop);
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| scope.spawn(move || hammer(app, writer, stop)))
                .collect();
            let looker = scope.spawn(move || look(app, 2, stop));
            // Also when a client panics, so that the test ends.
            let stopping = StopOnDrop(stop);
            for look in 0..LOOKS {
                let list = 1 + (look % 2) as i32;
                let mut client = app.client(User::named("reader"));
                let mut page = Page::default();
                client.send(ask(list));
                while page.recovered.is_none() {
                    page.apply(&client.receive());
                }
                clients.push((list, client, page));
            }
            drop(stopping);
            writers
                .into_iter()
                .for_each(|writer| writer.join().expect("a writer"));
            assert!(looker.join().expect("a looker") > 0);
        });
        // Nobody writes now: every page shows what is there.
        for (list, client, page) in &mut clients {
            client
                .receive_all()
                .iter()
                .for_each(|message| page.apply(message));
            assert_eq!(page.rows, shown(&app, *list));
        }
    }
}

fn fill_with_zeros(app: &App, rows: usize) {
    fill(app, rows);
    app.plain()
        .batch_execute("UPDATE tasks SET text = '0'")
        .expect("zeros");
}
