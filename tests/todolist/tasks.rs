//! `/tasks/`

use serde_json::{Value, json};

use crate::support::{Client, detail};

#[tokio::test]
async fn a_task_is_created_read_changed_and_deleted() {
    let client = Client::new().log_in("anna").await;
    let list = client.list("Groceries").await;
    let bread = |text: &str, done: bool| json!({"id": 1, "text": text, "done": done});
    client
        .post("/tasks/", json!({"text": "Bread", "list_id": list}))
        .await
        .is(201, bread("Bread", false));
    client.get("/tasks/1/").await.is(200, bread("Bread", false));
    client
        .patch("/tasks/1/", json!({"done": true}))
        .await
        .is(200, bread("Bread", true));
    client
        .patch("/tasks/1/", json!({"text": "Rye bread"}))
        .await
        .is(200, bread("Rye bread", true));
    client
        .put("/tasks/1/", json!({"text": "Rolls", "list_id": list}))
        .await
        .is(200, bread("Rolls", true));
    client
        .put(
            "/tasks/1/",
            json!({"text": "Rolls", "list_id": list, "done": false}),
        )
        .await
        .is(200, bread("Rolls", false));
    let olives = json!({"text": "Olives", "list_id": list, "done": true});
    client
        .post("/tasks/", olives)
        .await
        .is(201, json!({"id": 2, "text": "Olives", "done": true}));
    client.delete("/tasks/1/").await.is(204, Value::Null);
    client.get("/tasks/1/").await.is(404, detail("Not found."));
    client
        .delete("/tasks/1/")
        .await
        .is(404, detail("Not found."));
}

#[tokio::test]
async fn tasks_are_read_by_list_and_move_to_another() {
    let client = Client::new();
    let (groceries, weekend) = (client.list("Groceries").await, client.list("Weekend").await);
    let (bread, sleep) = (
        client.task("Bread", groceries).await,
        client.task("Sleep", weekend).await,
    );
    let (bread, sleep) = (
        json!({"id": bread, "text": "Bread"}),
        json!({"id": sleep, "text": "Sleep"}),
    );
    client.get("/tasks/").await.is(200, json!([bread, sleep]));
    client
        .get("/tasks/?list_id=1")
        .await
        .is(200, json!([bread]));
    client
        .patch("/tasks/1/", json!({"list_id": weekend}))
        .await
        .is(200, bread.clone());
    client.get("/tasks/?list_id=1").await.is(200, json!([]));
    client
        .get("/tasks/?list_id=2")
        .await
        .is(200, json!([bread, sleep]));
    client.get("/tasks/?list_id=9").await.is(200, json!([]));
    client
        .get("/tasks/?list_id=x")
        .await
        .is(400, json!({"list_id": ["A valid integer is required."]}));
}

#[tokio::test]
async fn whether_a_task_is_done_is_for_those_who_logged_in() {
    let nobody = Client::new();
    let anna = nobody.log_in("anna").await;
    let list = nobody.list("Groceries").await;
    let seen = json!({"id": 1, "text": "Bread"});
    let seen_by_anna = json!({"id": 1, "text": "Bread", "done": true});
    let new = json!({"text": "Bread", "done": true, "list_id": list});
    nobody
        .post("/tasks/", new.clone())
        .await
        .is(201, seen.clone());
    for path in ["/tasks/", "/tasks/?list_id=1"] {
        nobody.get(path).await.is(200, json!([seen]));
        anna.get(path).await.is(200, json!([seen_by_anna]));
    }
    nobody.get("/tasks/1/").await.is(200, seen.clone());
    anna.get("/tasks/1/").await.is(200, seen_by_anna.clone());
    nobody
        .put("/tasks/1/", new.clone())
        .await
        .is(200, seen.clone());
    anna.put("/tasks/1/", new).await.is(200, seen_by_anna);
    nobody.patch("/tasks/1/", json!({})).await.is(200, seen);
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let client = Client::new();
    let list = client.list("Groceries").await;
    client.task("Bread", list).await;
    client.post("/tasks/", json!({})).await.is(
        400,
        json!({"text": ["This field is required."], "list_id": ["This field is required."]}),
    );
    let wrong = json!({"text": "", "done": "yes", "list_id": 9});
    let errors = json!({
        "text": ["This field may not be blank."],
        "done": ["Must be a valid boolean."],
        "list_id": ["Invalid pk \"9\" - object does not exist."],
    });
    client
        .post("/tasks/", wrong.clone())
        .await
        .is(400, errors.clone());
    client
        .put("/tasks/1/", wrong.clone())
        .await
        .is(400, errors.clone());
    client.patch("/tasks/1/", wrong).await.is(400, errors);
    client
        .get("/tasks/")
        .await
        .is(200, json!([{"id": 1, "text": "Bread"}]));
}

#[tokio::test]
async fn each_field_says_what_is_wrong_with_it() {
    let client = Client::new();
    let list = client.list("Groceries").await;
    client.task("Bread", list).await;
    let refused = [
        ("text", json!(null), "This field may not be null."),
        ("text", json!({}), "Not a valid string."),
        (
            "text",
            json!("x".repeat(201)),
            "Ensure this field has no more than 200 characters.",
        ),
        ("done", json!(null), "This field may not be null."),
        ("done", json!([]), "Must be a valid boolean."),
        ("list_id", json!(null), "This field may not be null."),
        (
            "list_id",
            json!("1"),
            "Incorrect type. Expected pk value, received str.",
        ),
        (
            "list_id",
            json!(1.5),
            "Incorrect type. Expected pk value, received float.",
        ),
        (
            "list_id",
            json!(true),
            "Incorrect type. Expected pk value, received bool.",
        ),
        (
            "list_id",
            json!(-1),
            "Invalid pk \"-1\" - object does not exist.",
        ),
        (
            "list_id",
            json!(9_999_999_999_i64),
            "Invalid pk \"9999999999\" - object does not exist.",
        ),
        (
            "list_id",
            json!(u64::MAX),
            "Invalid pk \"18446744073709551615\" - object does not exist.",
        ),
    ];
    for (field, value, message) in refused {
        client
            .patch("/tasks/1/", json!({ field: value }))
            .await
            .is(400, json!({ field: [message] }));
    }
}

#[tokio::test]
async fn what_is_no_task_is_not_found() {
    let client = Client::new();
    for id in ["1", "x", "99999999999999999999"] {
        let path = format!("/tasks/{id}/");
        client.get(&path).await.is(404, detail("Not found."));
        client
            .put(&path, json!({"text": "a", "list_id": 1}))
            .await
            .is(404, detail("Not found."));
        client
            .patch(&path, json!({"text": "a"}))
            .await
            .is(404, detail("Not found."));
        client.delete(&path).await.is(404, detail("Not found."));
    }
}
