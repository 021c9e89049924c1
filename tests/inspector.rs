//! The inspector over real sockets, wherever it is mounted, with a real SQLite file behind it.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

#[path = "support/socket.rs"]
mod client;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use rest_live::prelude::*;
use rest_live::{Inspector, Refusal};
use serde_json::{Value, json};

use self::client::{Answer, PATH, Raw, Socket, serve, serve_router};
use self::support::{App, Task, User, limits, new, subscription};

/// For whoever has the operator's token.
fn inspector(live: &Live<User>) -> Inspector<User> {
    live.inspector(|request| async move {
        match request.bearer() {
            Some("operator") => Ok(()),
            _ => Err(Refusal::unauthorized("log in first")),
        }
    })
}

async fn ask(address: SocketAddr, path: &str) -> Answer {
    let line = format!("GET {path} HTTP/1.1");
    let lines = [&line, "Host: a", "Authorization: Bearer operator"];
    Raw::connect(address).await.ask(&lines).await
}

async fn overview(address: SocketAddr) -> Value {
    let answer = ask(address, "/inspector/?view=overview").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// Waits until the figures are as they are to be.
async fn until(live: &Live<User>, is_so: impl Fn(&rest_live::Stats) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let stats = live.stats();
        if is_so(&stats) {
            return;
        }
        assert!(Instant::now() < deadline, "{stats:#?}");
        tokio::task::yield_now().await;
    }
}

fn router(app: &App) -> Router {
    Router::new()
        .route_service(PATH, app.live.service())
        .route_service("/inspector/", inspector(&app.live))
}

#[tokio::test]
async fn it_is_mounted_anywhere_with_a_slash_or_without() {
    let app = App::new();
    let router = router(&app)
        .route_service("/inspector", inspector(&app.live))
        .route_service("/a/b/{anything}", inspector(&app.live))
        .nest_service("/operators/inspector", inspector(&app.live));
    let address = serve_router(router).await;
    for path in [
        "/inspector/",
        "/inspector",
        "/a/b/c",
        "/operators/inspector",
        "/operators/inspector/",
    ] {
        let page = ask(address, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.head.contains("content-type: text/html; charset=utf-8"));
        assert!(page.body.contains("<title>rest-live inspector</title>"));
        let figures = ask(address, &format!("{path}?theme=dark&view=overview")).await;
        assert!(figures.head.contains("content-type: application/json"));
        let figures: Value = serde_json::from_str(&figures.body).unwrap();
        assert_eq!(figures["stats"]["connections"], 0);
        let mut stranger = Raw::connect(address).await;
        let line = format!("GET {path}?view=overview HTTP/1.1");
        assert_eq!(stranger.ask(&[&line, "Host: a"]).await.status, 401);
    }
}

#[tokio::test]
async fn what_happens_is_shown_as_it_happens() {
    let app = App::with(|builder| builder.identify(|user| user.name.clone()));
    let address = serve_router(router(&app)).await;
    let mut socket = Socket::open(address, PATH).await;
    socket.subscribe(&subscription("list_id", 1)).await;
    let conn = &mut app.conn();
    let task = Task::create(conn, new("a")).unwrap();
    task.delete(conn).unwrap();
    for action in ["CREATED", "DELETED"] {
        assert_eq!(socket.json().await["action"], action);
    }
    until(&app.live, |stats| stats.deliveries == 2).await;
    let shown = overview(address).await;
    let commits = shown["commits"].as_array().unwrap();
    let kinds = commits.iter().map(|commit| &commit["kinds"][0]["action"]);
    assert!(kinds.eq(["DELETED", "CREATED"]), "the newest first");
    let cursor = commits[0]["cursor"].as_str().unwrap();
    let number = &shown["connections"][0]["number"];
    let why = format!("/inspector/?view=explain&connection={number}&change={cursor}");
    let why: Value = serde_json::from_str(&ask(address, &why).await.body).unwrap();
    let groups = why["groups"].as_array().unwrap();
    let told = groups.iter().find(|group| group["property"] == "list_id");
    let told = told.unwrap();
    assert_eq!(told["standing"], "subscribed");
    assert_eq!(told["told"]["action"], "DELETED");
    assert_eq!(told["told"]["instance"], json!({"id": 1, "text": "a"}));
}

#[tokio::test]
async fn who_reads_slowly_is_seen_and_then_closed() {
    let app = App::with(|builder| {
        builder.limits(limits(|limits| {
            limits.queue_bytes = 8 * 1024 * 1024;
            limits.close_within = Duration::ZERO;
        }))
    });
    let address = serve_router(router(&app)).await;
    let mut slow = Socket::open(address, PATH).await;
    slow.subscribe(&subscription("list_id", 1)).await;
    let (conn, text) = (&mut app.conn(), "x".repeat(100_000));
    // More than the kernel takes for a socket, and less than the server's bound.
    let mut write = || drop(Task::create(conn, new(&text)).unwrap());
    for _ in 0..100 {
        write();
    }
    until(&app.live, |stats| stats.slow_connections == 1).await;
    let shown = overview(address).await;
    assert_eq!(shown["connections"][0]["is_slow"], true);
    assert!(shown["stats"]["queue_bytes"].as_u64().unwrap() > 100_000);
    for _ in 0..100 {
        write();
    }
    until(&app.live, |stats| stats.closed[&4508] == 1).await;
    until(&app.live, |stats| stats.connections == 0).await;
    assert_eq!(app.live.stats().left, 0);
}

#[tokio::test]
async fn who_is_not_let_in_is_counted() {
    let app = App::new();
    let address = serve(&app.live).await;
    let mut raw = Raw::connect(address).await;
    assert_eq!(raw.ask(&["GET / HTTP/1.1", "Host: a"]).await.status, 426);
    let foreign = [("origin", "https://evil.example")];
    assert!(Socket::try_open(address, "/", &foreign).await.is_err());
    let refused = app.live.stats().refused_handshakes;
    assert_eq!((refused[&426], refused[&403], refused[&401]), (1, 1, 0));
}
