//! Clients that behave badly, for ever. Whatever the server does with them, they come again.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{UPGRADE, frame};

type Badly = fn(SocketAddr) -> Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) const BADLY: [Badly; 7] = [
    |address| Box::pin(again(address, read_nothing)),
    |address| Box::pin(again(address, flood)),
    |address| Box::pin(again(address, send_too_much)),
    |address| Box::pin(again(address, send_crumbs)),
    |address| Box::pin(again(address, subscribe_and_unsubscribe)),
    |address| Box::pin(again(address, ping_and_read_nothing)),
    |address| Box::pin(again(address, say_nothing)),
];

/// Comes again and again, and stays at most a second.
async fn again<F: Future<Output = std::io::Result<()>>>(
    address: SocketAddr,
    behave: impl Fn(TcpStream) -> F,
) {
    loop {
        let Ok(mut socket) = TcpStream::connect(address).await else {
            continue;
        };
        let visit = async {
            socket
                .write_all((UPGRADE.join("\r\n") + "\r\n\r\n").as_bytes())
                .await?;
            let mut head = [0; 1024];
            let _ = socket.read(&mut head).await?;
            behave(socket).await
        };
        // How it ends is the server's business.
        let _ = tokio::time::timeout(Duration::from_secs(1), visit).await;
    }
}

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;

fn subscribe(list: i32) -> Vec<u8> {
    let message = json!({"model": "todolist.Task", "property": "list_id", "value": list});
    frame(TEXT, message.to_string())
}

/// Subscribes to all, and reads nothing: a slow consumer, or a half-open socket.
async fn read_nothing(mut socket: TcpStream) -> std::io::Result<()> {
    for list in 1..=3 {
        socket.write_all(&subscribe(list)).await?;
    }
    std::future::pending().await
}

async fn flood(mut socket: TcpStream) -> std::io::Result<()> {
    let message = frame(TEXT, b"{}").repeat(100);
    let (mut read, mut write) = socket.split();
    let reading = async {
        let mut space = [0; 4096];
        while read.read(&mut space).await? > 0 {}
        Ok(())
    };
    let writing = async {
        loop {
            write.write_all(&message).await?;
        }
    };
    tokio::select! {
        result = reading => result,
        result = writing => result,
    }
}

/// A message of a megabyte.
async fn send_too_much(mut socket: TcpStream) -> std::io::Result<()> {
    socket
        .write_all(&frame(TEXT, vec![b' '; 1024 * 1024]))
        .await?;
    socket.read_u8().await.map(drop)
}

/// A message in pieces of one byte that never ends, with pings in between.
async fn send_crumbs(mut socket: TcpStream) -> std::io::Result<()> {
    socket.write_all(&subscribe(1)).await?;
    socket.write_all(&frame(0x01, b"{")).await?;
    let crumbs = frame(0x00, b" ").repeat(50);
    loop {
        socket.write_all(&crumbs).await?;
        socket.write_all(&frame(PING, b"")).await?;
        tokio::task::yield_now().await;
    }
}

async fn subscribe_and_unsubscribe(mut socket: TcpStream) -> std::io::Result<()> {
    for id in 0..128 {
        let message =
            json!({"id": id, "model": "todolist.Task", "property": "list_id", "value": id % 5});
        socket.write_all(&frame(TEXT, message.to_string())).await?;
    }
    for id in 0..128 {
        let message = json!({"id": id, "type": "unsubscribe"});
        socket.write_all(&frame(TEXT, message.to_string())).await?;
    }
    // Gone in the middle of its answers.
    socket.read_u8().await.map(drop)
}

async fn ping_and_read_nothing(mut socket: TcpStream) -> std::io::Result<()> {
    let pings = frame(PING, [b'x'; 125]).repeat(50);
    loop {
        socket.write_all(&pings).await?;
    }
}

/// Opens a socket and is never heard of again; it does not even answer pings.
async fn say_nothing(socket: TcpStream) -> std::io::Result<()> {
    std::future::pending::<()>().await;
    drop(socket);
    Ok(())
}
