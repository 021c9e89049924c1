//! Connections that open, stay away, and end.

use std::time::Instant;

use rest_live_client::{BuildError, ConnectionState};

use super::*;
use crate::support::limits;

#[tokio::test]
async fn it_connects_when_there_is_something_to_subscribe_to() {
    let app = app();
    let line = Line::to(serve(&app.live).await).await;
    let client = ann(line.url());
    assert_eq!((client.state(), line.count()), (ConnectionState::Idle, 0));
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    assert_eq!((client.state(), line.count()), (ConnectionState::Open, 1));
}

#[tokio::test]
async fn it_waits_for_a_server_that_is_not_there_yet() {
    let app = app();
    let line = Line::to(serve(&app.live).await).await;
    line.down();
    let client = ann(line.url());
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert!(
        told(&mut tasks)
            .await
            .starts_with("error: cannot connect to the server")
    );
    line.lead_to(serve(&app.live).await);
    loop {
        match told(&mut tasks).await {
            told if told == SUBSCRIBED => return,
            told => assert!(told.starts_with("error: "), "{told}"),
        }
    }
}

#[tokio::test]
async fn who_drops_a_subscription_unsubscribes_and_who_drops_all_hangs_up() {
    let app = app();
    let builder = Client::builder(url(serve(&app.live).await)).linger(Duration::MAX);
    let client = builder
        .bearer(|| async { Ok::<_, Error>("ann".to_owned()) })
        .build()
        .unwrap();
    let mut first = client.subscribe(Task::group().list_id(1));
    let mut second = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut first).await, SUBSCRIBED);
    assert_eq!(told(&mut second).await, SUBSCRIBED);
    drop(client);
    drop(first);
    Task::create(&mut app.conn(), new("write")).unwrap();
    assert_eq!(told(&mut second).await, "created write");
    assert_eq!(app.live.connections(), 1);
    drop(second);
    until(|| app.live.connections() == 0).await;
}

#[tokio::test]
async fn the_socket_goes_when_nobody_needs_it_and_comes_with_who_does() {
    let app = app();
    let line = Line::to(serve(&app.live).await).await;
    let client = Client::builder(line.url())
        .linger(Duration::ZERO)
        .build()
        .unwrap();
    drop(client.subscribe(List::group().id(1)));
    until(|| client.state() == ConnectionState::Idle).await;
    until(|| app.live.connections() == 0).await;
    let mut lists = client.subscribe(List::group().id(1));
    assert!(matches!(next(&mut lists).await, Event::Subscribed { .. }));
}

#[tokio::test]
async fn who_was_thrown_out_stays_away_until_he_is_told_to_come_back() {
    let app = app();
    let line = Line::to(serve(&app.live).await).await;
    let client = ann(line.url());
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    assert_eq!(app.live.disconnect(|_| true), 1);
    let ended = told(&mut tasks).await;
    assert_eq!(
        ended,
        "ended: the server closed the connection: 4403 access revoked"
    );
    assert_eq!(
        (client.state(), line.count()),
        (ConnectionState::Stopped, 1)
    );
    client.reconnect();
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
}

#[tokio::test]
async fn who_is_told_when_to_come_back_comes_then() {
    let before = app_with(|builder| {
        let builder = builder.authenticate(by_bearer);
        builder.limits(limits(|limits| {
            limits.reconnect_within = Duration::from_secs(2)
        }))
    });
    let after = app();
    let line = Line::to(serve(&before.live).await).await;
    let client = ann(line.url());
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    line.lead_to(serve(&after.live).await);
    let live = before.live.clone();
    tokio::spawn(async move { live.shutdown(Duration::from_secs(2)).await });
    let Event::Lost(Error::Closed { code: 1001, reason }) = next(&mut tasks).await else {
        panic!("the server goes");
    };
    let closed = Instant::now();
    let advice: Value = serde_json::from_str(&reason).unwrap();
    let advised = Duration::from_millis(advice["retry_after_ms"].as_u64().unwrap());
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    // It began to wait when it heard it, a moment before the test did.
    assert!(
        closed.elapsed() + Duration::from_millis(100) >= advised,
        "{advised:?}"
    );
    assert_eq!(line.count(), 2);
}

#[tokio::test]
async fn a_refusal_in_http_is_told_and_tried_again() {
    let app = app_with(|builder| {
        let builder = builder
            .authenticate(by_bearer)
            .identify(|user| user.name.clone());
        builder.limits(limits(|limits| limits.connections_per_user = 1))
    });
    let address = serve(&app.live).await;
    let (first, second) = (ann(url(address)), ann(url(address)));
    let mut tasks = first.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    let mut late = second.subscribe(Task::group().list_id(1));
    let Event::Error(Error::Status {
        status,
        retry_after,
        message,
    }) = next(&mut late).await
    else {
        panic!("there is no seat");
    };
    assert_eq!(status, 429);
    assert!(
        retry_after.is_some() && message.contains("connections"),
        "{message}"
    );
    drop((first, tasks));
    until(|| app.live.connections() == 0).await;
    second.reconnect();
    loop {
        match told(&mut late).await {
            told if told == SUBSCRIBED => return,
            told => assert!(told.starts_with("error: "), "{told}"),
        }
    }
}

#[test]
fn a_client_needs_a_runtime() {
    let error = Client::builder("ws://localhost/").build().unwrap_err();
    assert!(matches!(error, BuildError::Runtime));
}

#[tokio::test]
async fn what_a_client_cannot_be_is_named_before_it_is() {
    let error = Client::builder("localhost:3000")
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("`localhost:3000` is not the address"),
        "{error}"
    );
    let builder = Client::builder("ws://localhost/").header("x-name", "a\nb");
    let error = builder.build().unwrap_err().to_string();
    assert!(error.contains("`x-name`"), "{error}");
}

#[test]
fn a_stream_ends_with_its_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = {
        let _inside = runtime.enter();
        ann("ws://127.0.0.1:1/")
    };
    let mut tasks = client.subscribe(Task::group().list_id(1));
    drop(runtime);
    let rest = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    rest.block_on(async { while within(tasks.next()).await.is_some() {} });
    let mut late = client.subscribe(Task::group().list_id(1));
    assert!(rest.block_on(within(late.next())).is_none());
}
