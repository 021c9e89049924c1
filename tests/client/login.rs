//! Tokens, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use rest_live::Grant;

use super::*;

/// Whose login ends after a second.
fn for_a_second(user: User) -> Grant<User> {
    Grant::new(user).expires_at(SystemTime::now() + Duration::from_secs(1))
}

async fn by_message(token: String) -> Result<Grant<User>, Refusal> {
    match token.as_str() {
        "wrong" => Err(Refusal::unauthorized("no such token")),
        "eve" => Err(Refusal::forbidden("the account is closed")),
        name => Ok(for_a_second(User::named(name))),
    }
}

/// A server that is told who it is by a message alone.
fn app_by_message() -> App {
    app_with(|builder| builder.authenticate_message(by_message))
}

/// A source that gives these tokens, and then the last of them; it counts.
fn tokens(
    tokens: &'static [&'static str],
) -> (
    Arc<AtomicUsize>,
    impl Fn() -> std::future::Ready<Result<String, Error>> + Send + Sync,
) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let source = move || {
        let at = counted.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(tokens[at.min(tokens.len() - 1)].to_owned()))
    };
    (count, source)
}

/// All there is of a task is seen by who is logged in.
async fn sees_all(app: &App, tasks: &mut Subscription<Value>) {
    Task::create(&mut app.conn(), new("write")).unwrap();
    let Event::Created(task) = next(tasks).await else {
        panic!("it was created");
    };
    assert_eq!(task["done"], false);
}

fn json_tasks(client: &Client) -> Subscription<Value> {
    client.subscribe(Task::group().list_id(1).rows_as())
}

#[tokio::test]
async fn a_token_goes_by_header_subprotocol_or_message() {
    let in_request = app();
    let by_message = app_by_message();
    let source = || async { Ok::<_, Error>("ann".to_owned()) };
    let builder = Client::builder(url(serve(&in_request.live).await));
    let by_header = builder.bearer(source).build().unwrap();
    let builder = Client::builder(url(serve(&in_request.live).await));
    let by_subprotocol = builder.bearer_by_subprotocol(source).build().unwrap();
    let builder = Client::builder(url(serve(&by_message.live).await));
    let message = builder.bearer_by_message(source).build().unwrap();
    for (app, client) in [
        (&in_request, by_header),
        (&in_request, by_subprotocol),
        (&by_message, message),
    ] {
        let mut tasks = json_tasks(&client);
        assert!(matches!(next(&mut tasks).await, Event::Subscribed { .. }));
        sees_all(app, &mut tasks).await;
    }
}

#[tokio::test]
async fn a_header_says_who_it_is_where_that_is_a_cookie() {
    let app = app_with(|builder| {
        builder.authenticate_cookie("session", |name: String| async move {
            Ok::<_, Refusal>(User::named(&name))
        })
    });
    let builder = Client::builder(url(serve(&app.live).await)).header("Cookie", "session=ann");
    let client = builder.build().unwrap();
    let mut tasks = json_tasks(&client);
    assert!(matches!(next(&mut tasks).await, Event::Subscribed { .. }));
    sees_all(&app, &mut tasks).await;
}

#[tokio::test]
async fn a_login_that_has_ended_takes_a_new_token_and_a_new_read() {
    let app = app_with(|builder| {
        builder.authenticate(|handshake: Handshake| async move {
            let name = handshake.bearer().unwrap_or_default();
            Ok::<_, Refusal>(for_a_second(User::named(name)))
        })
    });
    let (count, source) = tokens(&["one", "two"]);
    let client = Client::builder(url(serve(&app.live).await))
        .bearer(source)
        .build()
        .unwrap();
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    let lost = told(&mut tasks).await;
    assert!(
        lost.starts_with("lost: the server closed the connection: 4003"),
        "{lost}"
    );
    assert_eq!(
        told(&mut tasks).await,
        SUBSCRIBED,
        "what one saw, two may not see"
    );
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_login_by_message_is_renewed_and_the_connection_stays() {
    let app = app_with(|builder| {
        builder.authenticate_message(|token: String| async move {
            let end = SystemTime::now() + Duration::from_secs(3);
            Ok::<_, Refusal>(Grant::new(User::named(&token)).expires_at(end))
        })
    });
    let (count, source) = tokens(&["ann"]);
    let line = Line::to(serve(&app.live).await).await;
    let client = Client::builder(line.url())
        .bearer_by_message(source)
        .build()
        .unwrap();
    let mut tasks = json_tasks(&client);
    assert!(matches!(next(&mut tasks).await, Event::Subscribed { .. }));
    until(|| count.load(Ordering::SeqCst) >= 4).await;
    sees_all_after_rights(&app, &mut tasks).await;
    assert_eq!(line.count(), 1);
}

/// A renewal may tell once more which rows there are.
async fn sees_all_after_rights(app: &App, tasks: &mut Subscription<Value>) {
    Task::create(&mut app.conn(), new("write")).unwrap();
    loop {
        match next(tasks).await {
            Event::Created(task) => return assert_eq!(task["done"], false),
            Event::Resync(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_and_the_next_is_tried() {
    let app = app_by_message();
    let (count, source) = tokens(&["wrong", "ann"]);
    let builder = Client::builder(url(serve(&app.live).await)).bearer_by_message(source);
    let client = builder.build().unwrap();
    let mut tasks = client.subscribe(Task::group().list_id(1));
    let error = told(&mut tasks).await;
    assert!(error.contains("401 unauthorized"), "{error}");
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    assert_eq!(count.load(Ordering::SeqCst), 2);
    let header = app_with(|builder| builder.authenticate(by_bearer));
    let (_, source) = tokens(&["wrong", "ann"]);
    let client = Client::builder(url(serve(&header.live).await))
        .bearer(source)
        .build()
        .unwrap();
    let mut tasks = client.subscribe(Task::group().list_id(1));
    let error = told(&mut tasks).await;
    assert_eq!(
        error,
        "error: the server let nobody in, with status 401: no such token"
    );
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
}

#[tokio::test]
async fn who_may_not_be_here_does_not_try_again() {
    let app = app_by_message();
    let (count, source) = tokens(&["eve"]);
    let builder = Client::builder(url(serve(&app.live).await)).bearer_by_message(source);
    let client = builder.build().unwrap();
    let mut tasks = client.subscribe(Task::group().list_id(1));
    let ended = told(&mut tasks).await;
    assert!(
        ended.starts_with("ended: ") && ended.contains("403 forbidden"),
        "{ended}"
    );
    assert_eq!(client.state(), rest_live_client::ConnectionState::Stopped);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_source_that_fails_or_panics_is_asked_again() {
    let app = app();
    let count = AtomicUsize::new(0);
    let source = move || {
        let at = count.fetch_add(1, Ordering::SeqCst);
        async move {
            match at {
                0 => Err("the vault is locked"),
                1 => panic!("on purpose"),
                _ => Ok("ann".to_owned()),
            }
        }
    };
    let client = Client::builder(url(serve(&app.live).await))
        .bearer(source)
        .build()
        .unwrap();
    let mut tasks = client.subscribe(Task::group().list_id(1));
    let error = told(&mut tasks).await;
    assert_eq!(
        error,
        "error: there is no token to log in with: the vault is locked"
    );
    let error = told(&mut tasks).await;
    assert!(error.contains("panicked"), "{error}");
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
}

#[tokio::test]
async fn another_user_begins_from_nothing() {
    let app = app();
    let (_, source) = tokens(&["ann", "bob"]);
    let client = Client::builder(url(serve(&app.live).await))
        .bearer(source)
        .build()
        .unwrap();
    let mut tasks = client.subscribe(Task::group().list_id(1));
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
    client.reset();
    assert_eq!(told(&mut tasks).await, "ended: another user is there");
    assert_eq!(told(&mut tasks).await, SUBSCRIBED);
}
