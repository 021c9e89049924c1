//! `/ws/subscribe/`, over a real socket.

use std::time::Duration;

use axum::http::header::COOKIE;
use futures_util::{SinkExt, StreamExt};
use rest_live::prelude::*;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::Client;
use crate::todolist::models::{List, Task};

/// How long to wait for what should come at once.
const DEADLINE: Duration = Duration::from_secs(10);

/// An open socket, with the cookie of a client.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(client: &Client) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws/subscribe/", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, client.app.clone()).into_future());
        let mut request = url.into_client_request().unwrap();
        if let Some(cookie) = &client.cookie {
            request
                .headers_mut()
                .insert(COOKIE, cookie.parse().unwrap());
        }
        Self(connect_async(request).await.unwrap().0)
    }

    /// Subscribes in the extended form, and waits for the ack.
    async fn subscribe(&mut self, id: &str, mut group: Value) {
        group["id"] = json!(id);
        self.0.send(Message::text(group.to_string())).await.unwrap();
        let ack = self.receive().await;
        assert_eq!(
            (&ack["type"], &ack["id"]),
            (&json!("subscribed"), &json!(id)),
            "{ack}"
        );
    }

    async fn receive(&mut self) -> Value {
        let message = timeout(DEADLINE, self.0.next())
            .await
            .expect("something is received in time");
        serde_json::from_str(message.unwrap().unwrap().to_text().unwrap()).unwrap()
    }

    /// The next event: the subscription that it is for, the action and the row.
    async fn event(&mut self) -> (String, String, Value) {
        let mut event = self.receive().await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&event["id"]),
            text(&event["action"]),
            event["instance"].take(),
        )
    }
}

fn event(id: &str, action: &str, row: Value) -> (String, String, Value) {
    (id.to_owned(), action.to_owned(), row)
}

#[tokio::test]
async fn what_rest_writes_the_socket_tells() {
    let client = Client::new().log_in("anna").await;
    let (groceries, weekend) = (client.list("Groceries").await, client.list("Weekend").await);
    let mut socket = Socket::open(&client).await;
    socket
        .subscribe("groceries", Task::group().list_id(1).to_message())
        .await;
    socket
        .subscribe("weekend", Task::group().list_id(2).to_message())
        .await;
    let bread = |done: bool| json!({"id": 1, "text": "Bread", "done": done});

    client.task("Bread", groceries).await;
    assert_eq!(
        socket.event().await,
        event("groceries", "CREATED", bread(false))
    );
    client.patch("/tasks/1/", json!({"done": true})).await;
    assert_eq!(
        socket.event().await,
        event("groceries", "UPDATED", bread(true))
    );
    client.patch("/tasks/1/", json!({"list_id": weekend})).await;
    assert_eq!(
        socket.event().await,
        event("groceries", "DELETED", bread(true))
    );
    assert_eq!(
        socket.event().await,
        event("weekend", "CREATED", bread(true))
    );
    client.delete("/tasks/1/").await;
    assert_eq!(
        socket.event().await,
        event("weekend", "DELETED", bread(true))
    );
}

#[tokio::test]
async fn bulk_updates_and_cascades_are_told_row_by_row() {
    let client = Client::new().log_in("anna").await;
    let list = client.list("Groceries").await;
    for (text, done) in [("Bread", false), ("Olives", true), ("Coffee", false)] {
        client
            .post(
                "/tasks/",
                json!({"text": text, "done": done, "list_id": list}),
            )
            .await;
    }
    let mut socket = Socket::open(&client).await;
    socket
        .subscribe("tasks", Task::group().list_id(1).to_message())
        .await;
    socket
        .subscribe("list", List::group().id(1).to_message())
        .await;
    let row = |id: i64, text: &str| json!({"id": id, "text": text, "done": true});

    client.post("/lists/1/complete/", json!({})).await;
    assert_eq!(
        socket.event().await,
        event("tasks", "UPDATED", row(1, "Bread"))
    );
    assert_eq!(
        socket.event().await,
        event("tasks", "UPDATED", row(3, "Coffee"))
    );

    client.delete("/lists/1/").await;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(socket.event().await);
    }
    for expected in [
        event("tasks", "DELETED", row(1, "Bread")),
        event("tasks", "DELETED", row(2, "Olives")),
        event("tasks", "DELETED", row(3, "Coffee")),
        event("list", "DELETED", json!({"id": 1, "name": "Groceries"})),
    ] {
        assert!(
            told.contains(&expected),
            "{expected:?} is not among {told:?}"
        );
    }
}

#[tokio::test]
async fn each_user_sees_what_rest_would_show() {
    let nobody = Client::new();
    let anna = nobody.log_in("anna").await;
    let list = nobody.list("Groceries").await;
    let seen = [
        (&nobody, json!({"id": 1, "text": "Bread"})),
        (&anna, json!({"id": 1, "text": "Bread", "done": false})),
    ];
    let mut sockets = Vec::new();
    for (client, row) in seen {
        let mut socket = Socket::open(client).await;
        socket
            .subscribe("by-list", Task::group().list_id(1).to_message())
            .await;
        socket
            .subscribe("by-key", Task::group().id(1).to_message())
            .await;
        sockets.push((socket, row));
    }
    nobody.task("Bread", list).await;
    for (socket, row) in &mut sockets {
        let mut told = [socket.event().await, socket.event().await];
        told.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(
            told,
            [
                event("by-key", "CREATED", row.clone()),
                event("by-list", "CREATED", row.clone())
            ]
        );
    }
}

#[tokio::test]
async fn a_refused_write_tells_nothing() {
    let client = Client::new();
    let list = client.list("Groceries").await;
    client.task("Bread", list).await;
    let mut socket = Socket::open(&client).await;
    socket
        .subscribe("tasks", Task::group().list_id(1).to_message())
        .await;
    client
        .patch("/tasks/1/", json!({"text": "Rolls", "list_id": 9}))
        .await;
    client.patch("/tasks/1/", json!({"text": "Bread"})).await;
    client.patch("/tasks/1/", json!({"text": "Baguette"})).await;
    assert_eq!(
        socket.event().await,
        event("tasks", "UPDATED", json!({"id": 1, "text": "Baguette"}))
    );
}

#[tokio::test]
async fn a_list_can_be_awaited_before_it_is_there() {
    let client = Client::new();
    let mut socket = Socket::open(&client).await;
    socket
        .subscribe("next", List::group().id(1).to_message())
        .await;
    client.list("Groceries").await;
    assert_eq!(
        socket.event().await,
        event("next", "CREATED", json!({"id": 1, "name": "Groceries"}))
    );
}
