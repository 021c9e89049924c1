//! The Rust client, over real sockets, and over lines that break.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

#[path = "support/socket.rs"]
mod socket;

#[path = "client/converge.rs"]
mod converge;
#[path = "client/life.rs"]
mod life;
#[path = "client/line.rs"]
mod line;
#[path = "client/login.rs"]
mod login;
#[path = "client/slow.rs"]
mod slow;

use std::net::SocketAddr;
use std::time::Duration;

use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sqlite::SqliteConnection;
use rest_live::prelude::*;
use rest_live::{Builder, Handshake, Refusal, SqliteSnapshots};
use rest_live_client::{Client, Error, Event, IntoTopic, Row, Subscription, Topic};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::line::Line;
use self::socket::{PATH, serve, within};
use self::support::{App, List, NewTask, Task, User, new, path};

/// An application whose users have tokens that are their names, and whose models have snapshots.
fn app() -> App {
    app_with(|builder| builder.authenticate(by_bearer))
}

fn app_with(change: impl FnOnce(Builder<User>) -> Builder<User>) -> App {
    let directory = TempDir::new().unwrap();
    let manager = ConnectionManager::<SqliteConnection>::new(path(&directory));
    let pool = Pool::builder().max_size(2).min_idle(Some(0));
    let snapshots = SqliteSnapshots::new(pool.build(manager).unwrap());
    App::in_directory(directory, |builder| {
        change(
            builder
                .snapshots::<List>(snapshots.clone())
                .snapshots::<Task>(snapshots),
        )
    })
}

async fn by_bearer(handshake: Handshake) -> Result<User, Refusal> {
    match handshake.bearer() {
        Some("wrong") => Err(Refusal::unauthorized("no such token")),
        name => Ok(User {
            name: name.map(ToOwned::to_owned),
        }),
    }
}

fn url(address: SocketAddr) -> String {
    format!("ws://{address}{PATH}")
}

/// Ann, who sees all there is of a task.
fn ann(url: impl Into<String>) -> Client {
    let builder = Client::builder(url).bearer(|| async { Ok::<_, Error>("ann".to_owned()) });
    builder.build().unwrap()
}

async fn next<T: Row>(subscription: &mut Subscription<T>) -> Event<T> {
    within(subscription.next()).await.expect("no end")
}

/// What comes, in short.
async fn told(subscription: &mut Subscription<Task>) -> String {
    match next(subscription).await {
        Event::Subscribed { recovered } => format!("subscribed, recovered: {recovered}"),
        Event::Snapshot(tasks) => {
            let texts: Vec<_> = tasks.into_iter().map(|task| task.text).collect();
            format!("snapshot {}", texts.join(" "))
        }
        Event::Created(task) => format!("created {}", task.text),
        Event::Updated(task) => format!("updated {}", task.text),
        Event::Deleted(task) => format!("deleted {}", task.text),
        Event::Resync(reason) => format!("resync {reason}"),
        Event::Lost(error) => format!("lost: {error}"),
        Event::Ended(error) => format!("ended: {error}"),
        Event::Error(error) => format!("error: {error}"),
        other => panic!("{other:?}"),
    }
}

/// Waits for what has to become true.
async fn until(is_true: impl Fn() -> bool) {
    within(async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

const SUBSCRIBED: &str = "subscribed, recovered: false";
const RECOVERED: &str = "subscribed, recovered: true";

#[tokio::test]
async fn rows_come_as_the_model() {
    let app = app();
    let client = ann(url(serve(&app.live).await));
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    let conn = &mut app.conn();
    let mut task = Task::create(conn, new("write")).unwrap();
    let Event::Created(created) = next(&mut tasks).await else {
        panic!("it was created");
    };
    assert_eq!(created, task);
    task.text = "rewrite".to_owned();
    task.save(conn).unwrap().delete(conn).unwrap();
    assert_eq!(told(&mut tasks).await, "updated rewrite");
    assert_eq!(told(&mut tasks).await, "deleted rewrite");
}

#[derive(Debug, Deserialize, PartialEq)]
struct Brief {
    id: i32,
    text: String,
}

#[tokio::test]
async fn rows_come_as_another_type_or_as_json() {
    let app = app();
    let client = Client::builder(url(serve(&app.live).await))
        .build()
        .unwrap();
    let mut typed = client.subscribe(Task::group().list_id(1).rows_as::<Brief>());
    let mut json = client.subscribe(Topic::raw("todolist.Task", "list_id", "1"));
    let mut by_key = client.subscribe(Topic::raw("todolist.Task", "pk", 1));
    assert!(matches!(next(&mut typed).await, Event::Subscribed { .. }));
    assert!(matches!(next(&mut json).await, Event::Subscribed { .. }));
    assert!(matches!(next(&mut by_key).await, Event::Subscribed { .. }));
    Task::create(&mut app.conn(), new("write")).unwrap();
    let Event::Created(brief) = next(&mut typed).await else {
        panic!("it was created");
    };
    assert_eq!((brief.id, brief.text.as_str()), (1, "write"));
    let Event::Created(value) = next(&mut json).await else {
        panic!("it was created");
    };
    assert_eq!(value, json!({"id": 1, "text": "write"}));
    let Event::Created(Value::Object(_)) = next(&mut by_key).await else {
        panic!("it was created");
    };
    assert_eq!(app.live.connections(), 1, "one socket for all");
}

#[tokio::test]
async fn a_row_that_does_not_fit_names_the_model_and_the_place() {
    #[derive(Debug, Deserialize)]
    struct Wrong {
        #[serde(rename = "text")]
        _text: i32,
    }
    let app = app();
    Task::create(&mut app.conn(), new("before")).unwrap();
    let client = ann(url(serve(&app.live).await));
    let mut wrong = client.subscribe(Task::group().list_id(1).rows_as::<Wrong>());
    let mut short = client.subscribe(
        Task::group()
            .list_id(1)
            .with_snapshot()
            .rows_as::<Missing>(),
    );
    assert!(matches!(next(&mut wrong).await, Event::Subscribed { .. }));
    let Event::Snapshot(none) = next(&mut short).await else {
        panic!("there are no rows that fit");
    };
    assert!(none.is_empty());
    let Event::Error(error) = next(&mut short).await else {
        panic!("a row is left out");
    };
    assert!(error.to_string().contains("`todolist.Task`"), "{error}");
    assert!(
        error.to_string().contains("missing field `owner`"),
        "{error}"
    );
    Task::create(&mut app.conn(), new("write")).unwrap();
    let Event::Error(Error::Row {
        model,
        path,
        message,
    }) = next(&mut wrong).await
    else {
        panic!("it does not fit");
    };
    assert_eq!((model.as_str(), path.as_str()), ("todolist.Task", "text"));
    assert!(message.contains("expected i32"), "{message}");
}

#[derive(Debug, Deserialize)]
struct Missing {
    #[serde(rename = "owner")]
    _owner: String,
}

#[tokio::test]
async fn what_was_missed_is_recovered() {
    let app = app();
    let line = Line::to(serve(&app.live).await).await;
    let client = ann(line.url());
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    Task::create(&mut app.conn(), new("one")).unwrap();
    assert_eq!(told(&mut tasks).await, "created one");
    line.cut();
    Task::create(&mut app.conn(), new("two")).unwrap();
    assert!(
        told(&mut tasks)
            .await
            .starts_with("lost: the connection broke")
    );
    assert_eq!(told(&mut tasks).await, RECOVERED);
    assert_eq!(told(&mut tasks).await, "created two");
    Task::create(&mut app.conn(), new("three")).unwrap();
    assert_eq!(told(&mut tasks).await, "created three");
}

#[tokio::test]
async fn of_a_message_that_broke_off_nothing_is_told_twice_or_not_at_all() {
    let app = app();
    let line = Line::to(serve(&app.live).await).await;
    let client = ann(line.url());
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    line.cut_after(300);
    for text in ["one", "two", "three", "four"] {
        Task::create(&mut app.conn(), new(text)).unwrap();
    }
    let mut created = Vec::new();
    let mut is_recovered = false;
    while created.len() < 4 {
        match next(&mut tasks).await {
            Event::Created(task) => created.push(task.text),
            Event::Subscribed { recovered } => is_recovered = recovered,
            Event::Lost(_) | Event::Error(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(created, ["one", "two", "three", "four"]);
    assert!(is_recovered);
}

#[tokio::test]
async fn a_server_that_was_restarted_recovers_nothing() {
    let (before, after) = (app(), app());
    let line = Line::to(serve(&before.live).await).await;
    let client = ann(line.url());
    let mut tasks = client.subscribe(Task::group().list_id(1));
    let mut shown = client.subscribe(Task::group().list_id(1).with_snapshot());
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    assert_eq!(told(&mut shown).await, "snapshot ");
    Task::create(&mut after.conn(), new("kept")).unwrap();
    line.lead_to(serve(&after.live).await);
    line.cut();
    assert!(told(&mut tasks).await.starts_with("lost: "));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    assert!(told(&mut shown).await.starts_with("lost: "));
    assert_eq!(told(&mut shown).await, "snapshot kept");
}

#[tokio::test]
async fn a_snapshot_is_where_the_events_begin() {
    let app = app();
    let conn = &mut app.conn();
    for text in ["one", "two"] {
        Task::create(conn, new(text)).unwrap();
    }
    Task::create(
        conn,
        NewTask {
            text: "elsewhere",
            list_id: 2,
        },
    )
    .unwrap();
    let line = Line::to(serve(&app.live).await).await;
    let client = ann(line.url());
    let mut tasks = client.subscribe(Task::group().list_id(1).with_snapshot());
    assert_eq!(told(&mut tasks).await, "snapshot one two");
    Task::create(conn, new("three")).unwrap();
    assert_eq!(told(&mut tasks).await, "created three");
    line.cut();
    assert!(told(&mut tasks).await.starts_with("lost: "));
    assert_eq!(told(&mut tasks).await, RECOVERED);
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_said() {
    let app = app();
    let client = ann(url(serve(&app.live).await));
    let refused = |topic: Topic<Value>| {
        let mut subscription = client.subscribe(topic);
        async move {
            match next(&mut subscription).await {
                Event::Ended(error) => error.to_string(),
                other => panic!("{other:?}"),
            }
        }
    };
    for (topic, reason) in [
        (Topic::raw("todolist.Tusk", "list_id", 1), "unknown_model"),
        (
            Topic::raw("todolist.Task", "lust_id", 1),
            "unknown_property",
        ),
        (Topic::raw("todolist.Task", "list_id", "x"), "bad_value"),
    ] {
        let error = refused(topic).await;
        assert!(error.contains(reason), "{error}");
    }
}
