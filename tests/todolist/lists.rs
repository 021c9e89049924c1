//! `/lists/`

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Client, detail};

#[tokio::test]
async fn a_list_is_created_read_changed_and_deleted() {
    let client = Client::new();
    client.get("/lists/").await.is(200, json!([]));
    client
        .post("/lists/", json!({"name": " Groceries "}))
        .await
        .is(201, json!({"id": 1, "name": "Groceries"}));
    client
        .post("/lists/", json!({"name": "Weekend", "color": "red"}))
        .await
        .is(201, json!({"id": 2, "name": "Weekend"}));
    client.get("/lists/").await.is(
        200,
        json!([{"id": 1, "name": "Groceries"}, {"id": 2, "name": "Weekend"}]),
    );
    client
        .get("/lists/2/")
        .await
        .is(200, json!({"id": 2, "name": "Weekend"}));
    client
        .put("/lists/2/", json!({"name": "Sunday"}))
        .await
        .is(200, json!({"id": 2, "name": "Sunday"}));
    client
        .patch("/lists/2/", json!({"name": "Monday"}))
        .await
        .is(200, json!({"id": 2, "name": "Monday"}));
    client
        .patch("/lists/2/", json!({}))
        .await
        .is(200, json!({"id": 2, "name": "Monday"}));
    client.delete("/lists/2/").await.is(204, Value::Null);
    client
        .delete("/lists/2/")
        .await
        .is(404, detail("Not found."));
    client
        .get("/lists/")
        .await
        .is(200, json!([{"id": 1, "name": "Groceries"}]));
}

#[tokio::test]
async fn a_name_that_is_wrong_is_refused() {
    let client = Client::new();
    client.list("Groceries").await;
    let refused = [
        (json!(""), "This field may not be blank."),
        (json!(" \t"), "This field may not be blank."),
        (json!(null), "This field may not be null."),
        (json!(true), "Not a valid string."),
        (json!(["a"]), "Not a valid string."),
        (
            json!("ä".repeat(101)),
            "Ensure this field has no more than 100 characters.",
        ),
    ];
    for (name, message) in refused {
        let (body, errors) = (json!({ "name": name }), json!({ "name": [message] }));
        client
            .post("/lists/", body.clone())
            .await
            .is(400, errors.clone());
        client
            .put("/lists/1/", body.clone())
            .await
            .is(400, errors.clone());
        client.patch("/lists/1/", body).await.is(400, errors);
    }
    let required = json!({"name": ["This field is required."]});
    client
        .post("/lists/", json!({}))
        .await
        .is(400, required.clone());
    client.put("/lists/1/", json!({})).await.is(400, required);
    assert_eq!(
        client
            .post("/lists/", json!({"name": "ä".repeat(100)}))
            .await
            .status,
        201
    );
    client
        .get("/lists/1/")
        .await
        .is(200, json!({"id": 1, "name": "Groceries"}));
}

#[tokio::test]
async fn a_list_takes_its_tasks_along() {
    let client = Client::new();
    let (groceries, weekend) = (client.list("Groceries").await, client.list("Weekend").await);
    client.task("Bread", groceries).await;
    client.task("Sleep", weekend).await;
    client
        .delete(&format!("/lists/{groceries}/"))
        .await
        .is(204, Value::Null);
    client
        .get("/tasks/")
        .await
        .is(200, json!([{"id": 2, "text": "Sleep"}]));
}

#[tokio::test]
async fn all_tasks_of_a_list_are_completed_at_once() {
    let client = Client::new().log_in("anna").await;
    let (groceries, weekend) = (client.list("Groceries").await, client.list("Weekend").await);
    for (text, list) in [
        ("Bread", groceries),
        ("Sleep", weekend),
        ("Olives", groceries),
    ] {
        client.task(text, list).await;
    }
    client
        .post("/lists/1/complete/", json!({}))
        .await
        .is(204, Value::Null);
    let done = client.get("/tasks/").await.body;
    assert_eq!(
        done.as_array()
            .unwrap()
            .iter()
            .map(|task| &task["done"])
            .collect::<Vec<_>>(),
        [true, false, true]
    );
    client
        .post("/lists/9/complete/", json!({}))
        .await
        .is(404, detail("Not found."));
}

#[tokio::test]
async fn what_is_no_list_is_not_found() {
    let client = Client::new();
    for id in ["1", "x", "1.5", "-1", "99999999999999999999", "%20"] {
        let path = format!("/lists/{id}/");
        client.get(&path).await.is(404, detail("Not found."));
        client
            .put(&path, json!({"name": "a"}))
            .await
            .is(404, detail("Not found."));
        client
            .patch(&path, json!({"name": "a"}))
            .await
            .is(404, detail("Not found."));
        client.delete(&path).await.is(404, detail("Not found."));
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let client = Client::new();
    let truncated = client.send(Method::POST, "/lists/", r#"{"name":"#).await;
    assert_eq!(truncated.status, 400);
    let message = truncated.body["detail"].as_str().unwrap();
    assert!(message.starts_with("JSON parse error - "), "{message}");
    assert_eq!(client.send(Method::POST, "/lists/", "").await.status, 400);

    let message = "Invalid data. Expected a dictionary, but got list.";
    client
        .post("/lists/", json!([1]))
        .await
        .is(400, json!({"non_field_errors": [message]}));

    let form = client
        .send_as(
            "application/x-www-form-urlencoded",
            Method::POST,
            "/lists/",
            "name=a",
        )
        .await;
    form.is(
        415,
        detail("Unsupported media type \"application/x-www-form-urlencoded\" in request."),
    );
    let charset = client
        .send_as(
            "application/json; charset=utf-8",
            Method::POST,
            "/lists/",
            r#"{"name":"a"}"#,
        )
        .await;
    charset.is(201, json!({"id": 1, "name": "a"}));
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let client = Client::new();
    let refused = [
        (Method::DELETE, "/lists/", vec!["GET", "HEAD", "POST"]),
        (
            Method::POST,
            "/lists/1/",
            vec!["DELETE", "GET", "HEAD", "PATCH", "PUT"],
        ),
        (Method::GET, "/lists/1/complete/", vec!["POST"]),
        (Method::PUT, "/tasks/", vec!["GET", "HEAD", "POST"]),
        (
            Method::POST,
            "/tasks/1/",
            vec!["DELETE", "GET", "HEAD", "PATCH", "PUT"],
        ),
        (Method::GET, "/login/", vec!["POST"]),
        (Method::GET, "/logout/", vec!["POST"]),
        (Method::POST, "/me/", vec!["GET", "HEAD"]),
        (Method::POST, "/", vec!["GET", "HEAD"]),
    ];
    for (method, path, allowed) in refused {
        let answer = client.send(method.clone(), path, "{}").await;
        answer.is(405, detail(&format!("Method \"{method}\" not allowed.")));
        assert_eq!(answer.allow(), allowed, "{path}");
    }
}

#[tokio::test]
async fn a_missing_slash_is_added() {
    let client = Client::new();
    for path in [
        "/lists",
        "/lists/1",
        "/lists/1/complete",
        "/tasks",
        "/tasks/1",
        "/login",
        "/logout",
        "/me",
    ] {
        let answer = client.post(path, json!({})).await;
        assert_eq!(
            (answer.status, answer.location()),
            (308, format!("{path}/").as_str())
        );
    }
    assert_eq!(
        client.get("/tasks?list_id=1").await.location(),
        "/tasks/?list_id=1"
    );
    for path in [
        "/nowhere",
        "/nowhere/",
        "//example.com",
        "/lists/1/nowhere/",
    ] {
        client.get(path).await.is(404, detail("Not found."));
    }
}

#[tokio::test]
async fn the_page_is_html() {
    let page = Client::new().get("/").await;
    assert_eq!(
        (page.status, page.content_type()),
        (200, "text/html; charset=utf-8")
    );
}
