//! A client with a real socket, and one that sends what no client should.

// Each test binary uses a part of it.
#![allow(dead_code, unreachable_pub)]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use rest_live::Live;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::User;

pub const PATH: &str = "/ws/subscribe/";

/// Fails instead of hanging.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work)
        .await
        .expect("in time")
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

pub async fn serve(live: &Live<User>) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(rest_live::serve(listener, live.clone()));
    address
}

pub async fn serve_router(router: Router) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

/// A client that keeps the rules.
pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::try_open(address, path, &[]).await.expect("a socket")
    }

    pub async fn try_open(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Error> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, value.parse().expect("a header"));
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(within(client_async(request, stream)).await?.0))
    }

    pub fn stream(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.0
    }

    pub async fn send(&mut self, message: impl ToString) {
        self.send_message(Message::text(message.to_string())).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        within(self.0.send(message))
            .await
            .expect("the server listens");
    }

    /// The next message, or the end.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        within(self.0.next()).await
    }

    pub async fn message(&mut self) -> Message {
        self.next().await.expect("no end").expect("a message")
    }

    pub async fn text(&mut self) -> String {
        match self.message().await {
            Message::Text(text) => text.to_string(),
            other => panic!("{other:?} is no text"),
        }
    }

    pub async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).expect("the server sends JSON")
    }

    /// The code and reason of the error frame that is next.
    pub async fn error(&mut self) -> (u64, String) {
        error(&self.json().await)
    }

    /// The code of the closing handshake that is next.
    pub async fn close_code(&mut self) -> u16 {
        match self.message().await {
            Message::Close(Some(close)) => close.code.into(),
            other => panic!("{other:?} closes nothing"),
        }
    }

    /// Waits until the server has done all that was sent. Fails if anything but the answer to this
    /// comes first.
    pub async fn settle(&mut self) {
        self.send(r#"{"type":"unsubscribe","id":"nothing"}"#).await;
        let answer = self.json().await;
        assert_eq!(
            (&answer["id"], &answer["code"]),
            (&"nothing".into(), &404.into()),
            "{answer}"
        );
    }

    /// Subscribes in the seed form, which has no answer.
    pub async fn subscribe(&mut self, message: &Value) {
        self.send(message).await;
        self.settle().await;
    }
}

pub fn error(answer: &Value) -> (u64, String) {
    assert_eq!(answer["type"], "error", "{answer}");
    (
        answer["code"].as_u64().expect("a code"),
        answer["reason"].as_str().expect("a reason").to_owned(),
    )
}

/// A client that writes bytes.
pub struct Raw(pub TcpStream);

/// What a server without a socket for it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: String,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self(
            TcpStream::connect(address)
                .await
                .expect("the server is there"),
        )
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref()))
            .await
            .expect("the server listens");
    }

    pub async fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        within(self.0.read_exact(&mut bytes))
            .await
            .expect("so many bytes");
        bytes
    }

    /// Sends a request's lines, and reads the answer.
    pub async fn ask(&mut self, lines: &[&str]) -> Answer {
        self.write(lines.join("\r\n") + "\r\n\r\n").await;
        self.answer().await
    }

    pub async fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.read(1).await);
        }
        let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let body = self
            .read(length.map_or(0, |length| length.parse().expect("a length")))
            .await;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        Answer {
            status,
            head,
            body: String::from_utf8(body).expect("text"),
        }
    }

    /// Opens a WebSocket.
    pub async fn upgrade(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        assert_eq!(raw.ask(&UPGRADE).await.status, 101);
        raw
    }
}

/// The lines of a request that gets a socket.
pub const UPGRADE: [&str; 6] = [
    "GET /ws/subscribe/ HTTP/1.1",
    "Host: app.example",
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// A frame as clients send it, masked with zeros.
pub fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut header = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ ..126) => header.push(0x80 | short),
        _ => {
            header.push(0x80 | 127);
            header.extend((payload.len() as u64).to_be_bytes());
        }
    }
    header.extend([0; 4]);
    [&header, payload].concat()
}
