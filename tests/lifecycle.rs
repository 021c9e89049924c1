//! Users who change and go, and servers that stop, over real sockets and a real SQLite file.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

#[path = "support/socket.rs"]
mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sqlite::SqliteConnection;
use rest_live::prelude::*;
use rest_live::{Builder, Refusal, SqliteSnapshots};
use serde_json::json;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use self::client::{PATH, Raw, Socket, UPGRADE, listen, serve, within};
use self::support::{App, List, Task, User, limits, new, path};

/// Lists are seen by whoever is named like them; both models have snapshots.
fn app(change: impl FnOnce(Builder<User>) -> Builder<User>) -> App {
    let directory = TempDir::new().unwrap();
    let manager = ConnectionManager::<SqliteConnection>::new(path(&directory));
    let snapshots = SqliteSnapshots::new(Pool::new(manager).unwrap());
    App::in_directory(directory, |builder| {
        change(
            builder
                .snapshots::<List>(snapshots.clone())
                .snapshots::<Task>(snapshots),
        )
    })
}

async fn by_name(token: String) -> Result<User, Refusal> {
    match token.as_str() {
        "wrong" => Err(Refusal::unauthorized("no such token")),
        name => Ok(User::named(name)),
    }
}

fn auth(token: &str) -> serde_json::Value {
    json!({"type": "auth", "token": token})
}

fn lists(name: &str) -> serde_json::Value {
    json!({"id": name, "model": "todolist.List", "property": "name", "value": name, "snapshot": true})
}

#[test]
fn rows_come_and_go_with_the_rights_to_see_them() {
    let app = app(|builder| builder.refresh(|_| async { Ok(User::named("two")) }));
    let mut client = app.client(User::named("one"));
    client.send(lists("one"));
    client.send(lists("two"));
    assert_eq!(client.receive_all().len(), 4, "a part and an ack each");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    assert_eq!(
        runtime.block_on(app.live.revalidate(|user| user.name.is_some())),
        1
    );
    let mut told = [client.receive(), client.receive()];
    told.sort_by_key(|event| event["id"].to_string());
    let told = told.map(|event| (event["action"].clone(), event["instance"]["name"].clone()));
    assert_eq!(
        told,
        [
            (json!("DELETED"), json!("one")),
            (json!("CREATED"), json!("two"))
        ]
    );
    client.receive_nothing();
    assert_eq!(
        app.live
            .disconnect(|user| user.name.as_deref() == Some("two")),
        1
    );
    Task::create(&mut app.conn(), new("late")).unwrap();
    assert_eq!(client.try_receive_text().unwrap_err().code, 4403);
}

#[tokio::test]
async fn a_token_changes_who_it_is_and_whose_seat() {
    let app = app(|builder| {
        builder
            .authenticate_message(by_name)
            .identify(|user| user.name.clone())
            .limits(limits(|limits| limits.connections_per_user = 1))
    });
    let address = serve(&app.live).await;
    let mut first = Socket::open(address, PATH).await;
    first.send(auth("one")).await;
    first.send(lists("one")).await;
    assert_eq!(first.json().await, json!({"type": "authenticated"}));
    assert_eq!(first.json().await["instances"][0]["name"], "one");
    assert_eq!(first.json().await["type"], "subscribed");

    let mut second = Socket::open(address, PATH).await;
    second.send(auth("one")).await;
    assert_eq!(second.error().await, (429, "rate_limited".to_owned()));
    second.send(auth("wrong")).await;
    assert_eq!(second.error().await, (401, "unauthorized".to_owned()));
    first.send(auth("two")).await;
    assert_eq!(first.json().await["type"], "authenticated");
    assert_eq!(first.json().await["action"], "DELETED");
    second.send(auth("one")).await;
    assert_eq!(
        second.json().await["type"],
        "authenticated",
        "the seat is free"
    );
}

#[tokio::test]
async fn a_wrong_token_is_the_end_of_who_has_no_other() {
    let app = App::with(|builder| {
        let builder = builder.authenticate(|_| async { Err::<User, _>(Refusal::not_yet()) });
        builder.authenticate_message(by_name)
    });
    let mut socket = Socket::open(serve(&app.live).await, PATH).await;
    socket.send(support::subscription("list_id", 1)).await;
    assert_eq!(socket.error().await, (401, "unauthorized".to_owned()));
    socket.send(auth("wrong")).await;
    let told = socket.text().await;
    assert!(
        told.contains("unauthorized") && !told.contains("wrong"),
        "{told}"
    );
    assert_eq!(socket.close_code().await, 4003);
}

#[tokio::test]
async fn a_server_that_stops_tells_all_and_lets_nobody_in() {
    let app = App::new();
    let (listener, address) = listen().await;
    let serving = tokio::spawn(rest_live::serve(listener, app.live.clone()));
    let mut late = Raw::connect(address).await;
    let mut sockets = Vec::new();
    for _ in 0..120 {
        let mut socket = Socket::open(address, PATH).await;
        socket.subscribe(&support::subscription("list_id", 1)).await;
        sockets.push(socket);
    }
    assert_eq!(app.live.connections(), 120);
    Task::create(&mut app.conn(), new("last")).unwrap();
    let live = app.live.clone();
    let stopping = tokio::spawn(async move { live.shutdown(Duration::from_secs(4)).await });
    let mut advised = Vec::new();
    for socket in &mut sockets {
        assert_eq!(socket.json().await["instance"]["text"], "last");
        match socket.message().await {
            Message::Close(Some(close)) => {
                assert_eq!(u16::from(close.code), 1001);
                let reason: serde_json::Value = serde_json::from_str(&close.reason).unwrap();
                advised.push(reason["retry_after_ms"].as_u64().unwrap());
            }
            other => panic!("{other:?}"),
        }
        assert!(socket.next().await.is_none());
    }
    let answer = late.ask(&UPGRADE).await;
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 10"), "{}", answer.head);
    within(serving).await.unwrap();
    within(stopping).await.unwrap();
    assert_eq!(app.live.connections(), 0);
    advised.sort_unstable();
    advised.dedup();
    assert!(advised.len() > 100 && advised.iter().all(|millis| *millis <= 10_000));
}

#[tokio::test]
async fn axum_stops_when_all_are_gone() {
    let app = App::new();
    let (listener, address) = listen().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (live, is_over) = (app.live.clone(), Arc::new(AtomicBool::new(false)));
    let was_over = Arc::clone(&is_over);
    let router = Router::new().route_service(PATH, live.service());
    let serving = tokio::spawn(
        axum::serve(listener, router)
            .with_graceful_shutdown(async move {
                drop(stopped.await);
                live.shutdown(Duration::from_secs(4)).await;
                was_over.store(true, Ordering::Relaxed);
            })
            .into_future(),
    );
    let mut socket = Socket::open(address, PATH).await;
    stop.send(()).unwrap();
    assert_eq!(socket.close_code().await, 1001);
    // Meanwhile it is told when to come back.
    if !is_over.load(Ordering::Relaxed) {
        assert_eq!(Raw::connect(address).await.ask(&UPGRADE).await.status, 503);
    }
    drop(socket);
    within(serving).await.unwrap().unwrap();
    assert!(is_over.load(Ordering::Relaxed));
}
