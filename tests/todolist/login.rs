//! `/login/`, `/logout/` and `/me/`

use serde_json::{Value, json};

use crate::support::Client;

#[tokio::test]
async fn a_user_logs_in_and_out() {
    let nobody = Client::new();
    nobody.get("/me/").await.is(200, json!({"username": null}));
    let anna = nobody.log_in("anna").await;
    anna.get("/me/").await.is(200, json!({"username": "anna"}));
    nobody.get("/me/").await.is(200, json!({"username": null}));

    let answer = anna.post("/logout/", json!({})).await;
    answer.is(204, Value::Null);
    assert!(
        answer.set_cookie().contains("Max-Age=0"),
        "{}",
        answer.set_cookie()
    );
    anna.get("/me/").await.is(200, json!({"username": null}));
    nobody
        .post("/logout/", json!({}))
        .await
        .is(204, Value::Null);
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let answer = Client::new()
        .post("/login/", json!({"username": "anna"}))
        .await;
    let (token, attributes) = answer.set_cookie().split_once("; ").unwrap();
    assert_eq!(token.len(), "session=".len() + 32, "{token}");
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/");
}

#[tokio::test]
async fn a_new_login_ends_the_session_before() {
    let anna = Client::new().log_in("anna").await;
    let ines = anna.log_in("ines").await;
    anna.get("/me/").await.is(200, json!({"username": null}));
    ines.get("/me/").await.is(200, json!({"username": "ines"}));
}

#[tokio::test]
async fn an_invented_cookie_is_nobodys() {
    let mut client = Client::new();
    client.cookie = Some("session=anna".into());
    client.get("/me/").await.is(200, json!({"username": null}));
}

#[tokio::test]
async fn a_username_is_needed() {
    let client = Client::new();
    client
        .post("/login/", json!({}))
        .await
        .is(400, json!({"username": ["This field is required."]}));
    client
        .post("/login/", json!({"username": " "}))
        .await
        .is(400, json!({"username": ["This field may not be blank."]}));
    client
        .post("/login/", json!({"username": 1}))
        .await
        .is(400, json!({"username": ["Not a valid string."]}));
}
