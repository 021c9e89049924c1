//! The inspector without sockets: whom it lets in, what it shows and how much of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use http::StatusCode;
use http::header::{ALLOW, CONTENT_SECURITY_POLICY};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use super::*;
use crate::change::{Change, ModelId};
use crate::fixture::{Note, PANICS_TOO, note};
use crate::testing::Client;

/// A server whose users are known by a letter and their number.
fn live() -> Live<i32> {
    let builder = Live::<i32>::builder().model::<Note>().anonymous();
    let builder = builder.identify(|user| (*user != 0).then(|| format!("User {user}")));
    builder.build().unwrap()
}

/// One that lets in whoever asks.
fn open(live: &Live<i32>) -> Inspector<i32> {
    live.inspector(|_| async { Ok(()) })
}

fn commit(live: &Live<i32>, notes: impl IntoIterator<Item = Note>) {
    let changes = notes.into_iter();
    let changes = changes.map(|note| Change::new(ModelId(0), None, Some(note)));
    let log = live.feed().log();
    log.ticket().commit(changes.collect());
    assert!(log.settle(Duration::from_secs(10)));
}

async fn answer(inspector: &Inspector<i32>, request: Request<()>) -> (Response<()>, String) {
    let response = inspector.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (Response::from_parts(parts, ()), body)
}

/// The status, and the body.
async fn get(inspector: &Inspector<i32>, query: &str) -> (u16, String) {
    let request = Request::get(format!("/{query}")).body(()).unwrap();
    let (response, body) = answer(inspector, request).await;
    (response.status().as_u16(), body)
}

async fn read(inspector: &Inspector<i32>, query: &str) -> Value {
    let (status, body) = get(inspector, query).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn only_who_is_authorised_gets_in() {
    let inspector = live().inspector(|request| async move {
        match request.bearer() {
            Some("operator") => Ok(()),
            Some("panic") => panic!("as told"),
            Some(_) => Err(Refusal::forbidden("you are no operator")),
            None => Err(Refusal::unauthorized("log in first")),
        }
    });
    for (token, status, body) in [
        (None, 401, "log in first"),
        (Some("somebody"), 403, "you are no operator"),
        (Some("panic"), 500, "the server has failed"),
        (Some("operator"), 200, "<!doctype html>"),
    ] {
        for query in ["", "?view=overview", "?view=nonsense"] {
            let request = Request::get(format!("/{query}"));
            let request = token.into_iter().fold(request, |request, token| {
                request.header("authorization", format!("Bearer {token}"))
            });
            let (response, answered) = answer(&inspector, request.body(()).unwrap()).await;
            if status != 200 || query.is_empty() {
                assert_eq!(response.status(), status, "{query}");
                assert!(answered.starts_with(body), "{answered}");
            } else {
                assert!(!answered.starts_with("<"), "{query}");
            }
            assert_eq!(response.headers()["cache-control"], "no-store");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_authorised_in_time_is_not_authorised() {
    let inspector = live().inspector(|_| std::future::pending());
    let (status, _) = get(&inspector, "").await;
    assert_eq!(status, 503);
}

#[tokio::test]
async fn it_is_read_and_nothing_else() {
    let inspector = open(&live());
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let request = Request::builder().method(method).body(()).unwrap();
        let (response, _) = answer(&inspector, request).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], "GET");
    }
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_said() {
    let inspector = open(&live());
    for (query, expected) in [
        ("?view=", 404),
        ("?view=groups", 404),
        ("?view=changes", 400),
        ("?view=changes&commit=x", 400),
        ("?view=changes&commit=1-1", 404),
        ("?view=explain&connection=1", 400),
        ("?view=explain&connection=x&change=1-1", 400),
        ("?view=explain&connection=1&change=1-1", 404),
    ] {
        let (status, body) = get(&inspector, query).await;
        assert_eq!(status, expected, "{query}: {body}");
    }
}

/// What a browser calls a text between two tags.
fn hash(page: &str, start: &str, end: &str) -> String {
    let (_, rest) = page.split_once(start).unwrap();
    let (text, _) = rest.split_once(end).unwrap();
    let hash = BASE64.encode(&Sha256::digest(text));
    format!("'sha256-{hash}'")
}

#[tokio::test]
async fn the_page_may_do_what_it_does_and_no_more() {
    let inspector = open(&live());
    let request = Request::get("/").body(()).unwrap();
    let (response, page) = answer(&inspector, request).await;
    let policy = response.headers()[CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    let directives: BTreeSet<_> = policy.split("; ").map(ToOwned::to_owned).collect();
    let script = hash(&page, "<script type=\"module\">", "</script>");
    let style = hash(&page, "<style>", "</style>");
    let expected = [
        "default-src 'none'".to_owned(),
        format!("script-src {script}"),
        format!("style-src {style}"),
        "img-src data:".to_owned(),
        "connect-src 'self'".to_owned(),
        "base-uri 'none'".to_owned(),
        "form-action 'none'".to_owned(),
        "frame-ancestors 'none'".to_owned(),
    ];
    assert_eq!(directives, BTreeSet::from(expected));
    assert_eq!(response.headers()["x-frame-options"], "DENY");
    for outside in ["src=", "href=\"/", "href=\"http", "@import", "url("] {
        assert!(!page.contains(outside), "the page loads nothing: {outside}");
    }
}

#[tokio::test]
async fn it_shows_what_there_is() {
    let live = live();
    let inspector = open(&live);
    let mut ann = Client::connect(&live, 1);
    ann.send(json!({"model": "app.Note", "property": "list_id", "value": 1}));
    ann.send(json!({"id": 1, "model": "app.Note", "value": 7}));
    let nobody = Client::connect(&live, 0);
    commit(&live, [note(), note()]);
    let shown = read(&inspector, "?view=overview").await;
    assert_eq!(shown["stats"]["deliveries"], 4);
    let connections = shown["connections"].as_array().unwrap();
    let brief = |row: &Value| json!([row["user"], row["subscriptions"], row["is_slow"]]);
    assert_eq!(brief(&connections[0]), json!(["User 1", 2, false]));
    assert_eq!(brief(&connections[1]), json!([null, 0, false]));
    assert!(connections[0]["queue_bytes"].as_u64().unwrap() > 100);
    let group = |property, value| json!({"model": "app.Note", "property": property, "value": value, "subscribers": 1});
    assert_eq!(
        shown["groups"],
        json!([group("id", "7"), group("list_id", "1")])
    );
    let commit = &shown["commits"][0];
    assert_eq!(
        (&commit["changes"], &commit["position"]),
        (&json!(2), &json!(2))
    );
    let kinds = json!([{"model": "app.Note", "action": "CREATED", "count": 2}]);
    assert_eq!(commit["kinds"], kinds);
    drop((ann, nobody));
}

#[tokio::test]
async fn a_connection_is_found_by_its_user_or_its_number() {
    let live = live();
    let inspector = open(&live);
    let _clients: Vec<_> = (0..100).map(|user| Client::connect(&live, user)).collect();
    let found = async |text: &str| {
        let shown = read(&inspector, &format!("?view=overview&find={text}")).await;
        let rows = shown["found"].as_array().unwrap().clone();
        let numbers = rows.iter().map(|row| row["number"].as_u64().unwrap());
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(found("user%2042").await, [42]);
    assert_eq!(found("ser%204").await.len(), 11, "4, and 40 to 49");
    assert_eq!(found("0").await, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    assert_eq!(found("nobody").await.len(), 0);
    assert_eq!(
        read(&inspector, "?view=overview&find=").await["found"],
        Value::Null
    );
}

#[tokio::test]
async fn of_many_it_shows_the_first_and_how_many_there_are() {
    let live = live();
    let inspector = open(&live);
    let mut clients: Vec<_> = (0..1_000)
        .map(|user| Client::connect(&live, user))
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        // Ten groups each, and the first connection one that the last has too.
        for group in 0..10 {
            let value = number * 10 + group;
            client.send(json!({"id": value, "model": "app.Note", "value": value}));
        }
    }
    clients[0].send(json!({"id": "x", "model": "app.Note", "value": 9_995}));
    let (_, body) = get(&inspector, "?view=overview").await;
    let shown: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(shown["stats"]["groups"], 10_000);
    assert_eq!(shown["stats"]["subscriptions"], 10_001);
    let lengths = ["groups", "connections"].map(|list| shown[list].as_array().unwrap().len());
    assert_eq!(lengths, [50, 50]);
    let first = &shown["groups"][0];
    assert_eq!(
        (&first["value"], &first["subscribers"]),
        (&json!("9995"), &json!(2))
    );
    assert!(body.len() < 20_000, "{} bytes", body.len());
}

#[tokio::test]
async fn a_long_name_is_shown_in_part() {
    let builder = Live::<i32>::builder().model::<Note>().anonymous();
    let live = builder.identify(|_| Some("ö".repeat(500))).build().unwrap();
    let _client = Client::connect(&live, 1);
    let shown = read(&open(&live), "?view=overview").await;
    let name = shown["connections"][0]["user"].as_str().unwrap();
    assert_eq!(name, format!("{}…", "ö".repeat(80)));
}

#[tokio::test]
async fn a_long_commit_is_shown_in_part() {
    let live = live();
    let inspector = open(&live);
    commit(&live, (0..1_000).map(|id| Note { id, ..note() }));
    let shown = read(&inspector, "?view=overview").await;
    let cursor = shown["commits"][0]["cursor"].as_str().unwrap();
    let changes = read(&inspector, &format!("?view=changes&commit={cursor}")).await;
    assert_eq!(changes["count"], 1_000);
    let rows = changes["changes"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[99]["key"]), (100, &json!("99")));
    assert_eq!(rows[0]["cursor"], cursor);
}

/// What connection `number` is told of the newest commit's first change.
async fn explained(inspector: &Inspector<i32>, number: u64) -> Value {
    let shown = read(inspector, "?view=overview").await;
    let cursor = shown["commits"][0]["cursor"].as_str().unwrap();
    read(
        inspector,
        &format!("?view=explain&connection={number}&change={cursor}"),
    )
    .await
}

/// Its group by the list.
fn by_list(explained: &Value) -> &Value {
    let groups = explained["groups"].as_array().unwrap();
    groups
        .iter()
        .find(|group| group["property"] == "list_id")
        .unwrap()
}

#[tokio::test]
async fn it_says_why_somebody_was_told_what() {
    let live = live();
    let inspector = open(&live);
    let list = json!({"id": 1, "model": "app.Note", "property": "list_id", "value": 1});
    let mut clients = [1, 2, 1].map(|user| Client::connect(&live, user));
    clients[0].send(&list);
    clients[1].send(&list);
    let secret = Note {
        text: "secret".into(),
        ..note()
    };
    commit(&live, [secret]);
    clients[2].send(&list);

    let owner = explained(&inspector, 0).await;
    assert_eq!(
        (&owner["user"], &owner["action"]),
        (&json!("User 1"), &json!("CREATED"))
    );
    let group = by_list(&owner);
    assert_eq!(group["standing"], "subscribed");
    assert_eq!(group["told"]["instance"]["text"], "secret");
    let other = explained(&inspector, 1).await;
    let group = by_list(&other);
    assert_eq!(
        (&group["standing"], &group["told"]),
        (&json!("subscribed"), &Value::Null)
    );
    assert_eq!(group["new"][0]["verdict"], "refuses");
    let groups = other["groups"].as_array().unwrap();
    let elsewhere = groups.iter().filter(|group| group["property"] != "list_id");
    assert!(
        elsewhere
            .clone()
            .all(|group| group["standing"] == "not_subscribed")
    );
    let later = explained(&inspector, 2).await;
    assert_eq!(by_list(&later)["standing"], "subscribed_later");
}

#[tokio::test]
async fn a_row_is_shown_as_its_subscriber_sees_it_and_no_other_way() {
    let live = Live::<i32>::builder().anonymous().model::<Note>();
    let live = live.build().unwrap();
    let inspector = open(&live);
    let _reader = Client::connect(&live, 2);
    let text = "for the owner alone".to_owned();
    commit(
        &live,
        [Note {
            public: true,
            list_id: Some(1),
            text,
            ..note()
        }],
    );
    let shown = explained(&inspector, 0).await;
    assert_eq!(by_list(&shown)["told"]["instance"], json!({"id": 7}));
    let overview = get(&inspector, "?view=overview").await.1;
    assert!(!overview.contains("for the owner alone"));
}

#[tokio::test]
async fn a_model_that_is_hidden_from_somebody_is_said_to_be() {
    let builder = Live::<i32>::builder().model::<Note>().anonymous();
    let builder = builder.may_subscribe(|user, _| *user == 1);
    let live = builder.build().unwrap();
    let inspector = open(&live);
    let _clients = [1, 2].map(|user| Client::connect(&live, user));
    let text = "of a model that is hidden".to_owned();
    commit(
        &live,
        [Note {
            text,
            public: true,
            ..note()
        }],
    );
    for (number, may_subscribe) in [(0, true), (1, false)] {
        let shown = explained(&inspector, number).await;
        assert_eq!(shown["may_subscribe"], may_subscribe);
        assert_eq!(by_list(&shown)["told"].is_object(), may_subscribe);
        assert_eq!(shown.to_string().contains("is hidden"), may_subscribe);
    }
}

#[tokio::test]
async fn a_permission_that_panics_is_said_to_have() {
    let live = live();
    let inspector = open(&live);
    let _reader = Client::connect(&live, 2);
    commit(
        &live,
        [Note {
            owner: PANICS_TOO,
            ..note()
        }],
    );
    let shown = explained(&inspector, 0).await;
    assert_eq!(by_list(&shown)["new"][0]["verdict"], "panics");
}

#[tokio::test]
async fn who_has_gone_cannot_be_asked_about() {
    let live = live();
    let inspector = open(&live);
    let reader = Client::connect(&live, 2);
    commit(&live, [note()]);
    let cursor = explained(&inspector, 0).await["cursor"].clone();
    drop(reader);
    let cursor = cursor.as_str().unwrap();
    let query = format!("?view=explain&connection=0&change={cursor}");
    let gone = (404, "this connection has ended".to_owned());
    assert_eq!(get(&inspector, &query).await, gone);
}

#[tokio::test]
async fn it_needs_no_framework() {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let inspector = open(&live());
    let service = hyper::service::service_fn(move |request| inspector.clone().call(request));
    let server = hyper::server::conn::http1::Builder::new()
        .serve_connection(hyper_util::rt::TokioIo::new(server), service);
    let ask = async {
        let request =
            b"GET /any/path?view=overview HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (answer, served) = tokio::join!(ask, server);
    served.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("\"connections\":0"), "{answer}");
}

#[tokio::test]
async fn two_who_look_at_once_are_shown_the_same() {
    let live = live();
    let inspector = open(&live);
    let first = inspector.board.overview(None, None);
    let _client = Client::connect(&live, 1);
    let second = inspector.board.overview(None, None);
    assert!(Arc::ptr_eq(&first.overview, &second.overview));
}
