//! What the README shows is compiled and works.

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use rest_live::prelude::*;
use rest_live::testing::Client;
use rest_live::{BuildError, Grant, Handshake, Limits, OtherWriters, Refusal, SqliteSnapshots};
use serde::Serialize;

use self::support::{App, List, NewTask, Task, User, new, tasks};

fn look_up(session: &str) -> Option<User> {
    (session == "alice").then(|| User::named(session))
}

#[test]
fn users_are_told_apart() -> Result<(), Box<dyn std::error::Error>> {
    let live = Live::<User>::builder()
        .authenticate(|handshake: Handshake| async move {
            match handshake.cookie("session").map(look_up) {
                Some(Some(user)) => Ok(user),
                Some(None) => Err(Refusal::unauthorized("the session has ended")),
                None => Ok(User::anonymous()),
            }
        })
        .model::<List>()
        .model::<Task>()
        .build()?;
    drop(live.service());
    Ok(())
}

struct Claims {
    user: User,
    expires: SystemTime,
}

fn verify(token: &str) -> Option<Claims> {
    let expires = SystemTime::now() + Duration::from_secs(60);
    look_up(token).map(|user| Claims { user, expires })
}

#[test]
fn who_gets_in_is_said_in_several_ways() -> Result<(), BuildError> {
    let builder = Live::<User>::builder();
    let builder = builder.authenticate_cookie("session", |value: String| async move {
        look_up(&value).ok_or_else(|| Refusal::unauthorized("the session has ended"))
    });
    let builder = builder.authenticate(|handshake: Handshake| async move {
        let claims = handshake.bearer().and_then(verify);
        let claims = claims.ok_or_else(|| Refusal::unauthorized("the token is not valid"))?;
        Ok(Grant::new(claims.user).expires_at(claims.expires))
    });
    let builder = builder
        .may_subscribe(|user, label| user.name.is_some() || label == "todolist.List")
        .identify(|user| user.name.clone())
        .limits(Limits {
            connections_per_user: 20,
            ..Limits::default()
        });
    let live = builder.model::<List>().model::<Task>().build()?;
    Client::connect(&live, User::anonymous()).subscribe(List::group().id(1));
    Client::connect(&live, User::named("alice")).subscribe(Task::group().list_id(1));
    Ok(())
}

#[test]
fn an_operator_looks_inside() {
    let (live, router) = (App::new().live, axum::Router::<()>::new());
    let inspector = live.inspector(|request: Handshake| async move {
        let user = request.cookie("session").and_then(look_up);
        match user.and_then(|user| user.name) {
            Some(name) if name == "alice" => Ok(()),
            Some(_) => Err(Refusal::forbidden("you are no operator")),
            None => Err(Refusal::unauthorized("log in first")),
        }
    });
    let router = router.route_service("/inspector/", inspector);
    drop(router);
}

async fn stop_signal() {}

#[tokio::test]
async fn those_who_are_in_change_and_go() -> Result<(), Box<dyn std::error::Error>> {
    let builder = Live::<User>::builder().model::<List>();
    let builder = builder
        .authenticate_message(|token: String| async move {
            let claims =
                verify(&token).ok_or_else(|| Refusal::unauthorized("the token is not valid"))?;
            Ok(Grant::new(claims.user).expires_at(claims.expires))
        })
        .refresh(|user: Arc<User>| async move {
            let name = user.name.as_deref().unwrap_or_default();
            look_up(name).ok_or_else(|| Refusal::unauthorized("the account is closed"))
        });
    let live = builder.build()?;
    let mut clients = ["alice", "eve"].map(|name| Client::connect(&live, User::named(name)));
    let asked = live
        .revalidate(|user| user.name.as_deref() == Some("alice"))
        .await;
    let closed = live.disconnect(|user| user.name.as_deref() == Some("eve"));
    assert_eq!((asked, closed), (1, 1));
    let is_open = clients
        .each_mut()
        .map(|client| client.try_receive_text().is_ok());
    assert_eq!(is_open, [true, false]);
    drop(clients);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let router = axum::Router::new().route_service("/ws/subscribe/", live.service());
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            stop_signal().await;
            live.shutdown(Duration::from_secs(20)).await;
        })
        .await?;
    Ok(())
}

#[test]
fn rows_are_written() -> QueryResult<()> {
    let app = App::new();
    let conn = &mut app.conn();
    let task = Task::create(
        conn,
        NewTask {
            text: "write",
            list_id: 1,
        },
    )?;
    let task = Task { done: true, ..task }.save(conn)?;
    task.delete(conn)?;
    diesel::update(tasks::table.filter(tasks::list_id.eq(1)))
        .set(tasks::done.eq(true))
        .execute(conn)?;
    Ok(())
}

#[test]
fn a_page_may_begin_with_a_snapshot() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::TempDir::new()?;
    let url = support::path(&directory);
    let snapshots = SqliteSnapshots::new(Pool::new(ConnectionManager::new(url))?);
    let live = Live::<User>::builder()
        .anonymous()
        .model::<Task>()
        .snapshots::<Task>(snapshots)
        .build()?;
    drop(live);
    Ok(())
}

#[test]
fn others_are_heard_of() -> Result<(), Box<dyn std::error::Error>> {
    let app = App::new();
    let (url, live) = (app.url(), app.live.clone());
    let _others = OtherWriters::capture(&url, &live)?;
    let mut client = app.reader();
    diesel::insert_into(tasks::table)
        .values(new("by others"))
        .execute(&mut app.plain())?;
    assert_eq!(client.receive()["instance"]["text"], "by others");
    Ok(())
}

#[test]
fn an_application_is_tested() -> QueryResult<()> {
    let app = App::new();
    let (live, conn) = (app.live.clone(), &mut app.conn());
    let mut client = Client::connect(&live, User::named("alice"));
    client.subscribe(Task::group().list_id(1));
    Task::create(conn, new("write"))?;
    assert_eq!(client.receive()["action"], "CREATED");
    client.receive_nothing();
    Ok(())
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "the README prints")]
async fn a_program_is_told_like_a_page() {
    use rest_live_client::{BuildError, Client, Event};

    async fn watch() -> Result<(), BuildError> {
        let client = Client::builder("ws://127.0.0.1:3000/ws/subscribe/").build()?;
        let mut tasks = client.subscribe(Task::group().list_id(1));
        while let Some(event) = tasks.next().await {
            if let Event::Created(task) | Event::Updated(task) = event {
                println!("{}", task.text);
            }
        }
        Ok(())
    }
    let watched = tokio::time::timeout(Duration::ZERO, watch()).await;
    assert!(watched.is_err(), "it waits for what comes");
}

/// The quick start is a doctest of the crate. Every other block of Rust stands, line by line, in
/// this file or in what it uses.
#[test]
fn a_group_may_be_named_after_its_parent() {
    assert_eq!(
        format!("{:?}", Step::group().list_id(1)),
        r#"{"model":"readme.Step","property":"list_id","value":1}"#
    );
    assert_eq!(
        format!("{:?}", Note::group().list_id(1)),
        r#"{"model":"readme.Note","property":"list_id","value":1}"#
    );
}

#[derive(Queryable, Selectable, Associations, Serialize, Subscribable)]
#[diesel(table_name = tasks, belongs_to(List))]
#[subscribable]
#[subscribable(group_key = "list")]
struct Step {
    id: i32,
    list_id: i32,
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = tasks)]
#[subscribable(group_key = "list_id")]
struct Note {
    id: i32,
    list_id: i32,
}

/// The quick start is a doctest of the crate. Every other block of Rust stands in this file, in what
/// it uses or in the tests of a feature, but for its layout.
#[test]
fn no_block_of_the_readme_is_made_up() {
    let sources = [
        include_str!("readme.rs"),
        include_str!("support/mod.rs"),
        include_str!("typescript/tests/docs.rs"),
    ];
    let sources = sources.map(tight);
    let readme = include_str!("../README.md");
    let blocks = readme
        .split("```rust,ignore\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let made_up: Vec<_> = blocks
        .clone()
        .filter(|block| !sources.iter().any(|source| source.contains(&tight(block))))
        .collect();
    assert!(blocks.count() >= 12);
    assert_eq!(made_up, [""; 0]);
}

fn tight(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != ',')
        .collect()
}
