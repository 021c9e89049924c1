//! `/inspector/`

use axum::http::Method;
use serde_json::Value;

use crate::support::Client;

#[tokio::test]
async fn it_is_for_those_who_have_logged_in() {
    let nobody = Client::new();
    let answer = nobody.get("/inspector/?view=overview").await;
    assert_eq!((answer.status, answer.body), (401, Value::Null));
    let anna = nobody.log_in("anna").await;
    let answer = anna.get("/inspector/?view=overview").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["stats"]["connections"], 0);
    let page = anna.get("/inspector/").await;
    assert_eq!(page.content_type(), "text/html; charset=utf-8");
}

#[tokio::test]
async fn its_slash_may_be_forgotten() {
    let answer = Client::new().get("/inspector").await;
    assert_eq!((answer.status, answer.location()), (308, "/inspector/"));
}

#[tokio::test]
async fn it_changes_nothing() {
    let anna = Client::new().log_in("anna").await;
    let answer = anna.send(Method::POST, "/inspector/", "").await;
    assert_eq!((answer.status, answer.allow()), (405, vec!["GET"]));
}
