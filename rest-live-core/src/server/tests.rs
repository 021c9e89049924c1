//! What only time or the inside shows. The root package has the tests with real sockets.

mod lifecycle;

use std::future::poll_fn;
use std::sync::Weak;
use std::time::Duration;

use futures_util::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::protocol::Role;

use super::seats::Seats;
use super::socket::Socket;
use super::*;
use crate::fixture::{Note, World, known, note};
use crate::limits::Limits;
use crate::live::Hub;

const SUBSCRIBE: &str = r#"{"id":1,"model":"app.Note","property":"list_id","value":1}"#;

/// The client's end of a connection to `world`, through which `bytes` fit each way at a time.
async fn connect(world: &World, bytes: usize) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(bytes);
    let session = Session::new(Arc::clone(&world.hub), known(1), now());
    let limits = &world.hub.limits;
    let seats = Seats::new(limits);
    let door = Door {
        admission: Arc::new(admission(limits)),
        seat: seats.take(None).ok().unwrap(),
    };
    (
        client,
        tokio::spawn(Connection::new(Socket::new(server), session, door)),
    )
}

/// One that knows a user by his number.
fn admission(limits: &Limits) -> Admission<i32> {
    Live::<i32>::builder()
        .authenticate_message(|token: String| async move {
            token
                .parse::<i32>()
                .map_err(|_| Refusal::unauthorized("no number"))
        })
        .admission
        .build(limits)
        .unwrap()
}

/// A frame as clients send it, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ ..126) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

const TEXT: u8 = 0x81;
/// The first frame of a text that goes on, one between, and the last.
const BEGUN: u8 = 0x01;
const GOES_ON: u8 = 0x00;
const LAST: u8 = 0x80;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

async fn read<const N: usize>(client: &mut DuplexStream) -> [u8; N] {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn read_to_end(client: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// Reads one short text frame.
async fn read_text(client: &mut DuplexStream) -> String {
    let [first, length] = read(client).await;
    assert_eq!((first, length < 126), (TEXT, true));
    let mut text = vec![0; length.into()];
    client.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

fn seconds(start: Instant) -> u64 {
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_a_ping_is_closed() {
    let world = World::new(Limits::default());
    let (mut client, connection) = connect(&world, 1024).await;
    let start = Instant::now();
    assert_eq!(read(&mut client).await, [PING, 0]);
    assert_eq!(seconds(start), 25);
    assert_eq!(
        &read::<11>(&mut client).await,
        b"\x88\x09\x11\xa0no pong",
        "4512"
    );
    assert_eq!(seconds(start), 33);
    assert!(read_to_end(&mut client).await.is_empty());
    connection.await.unwrap();
    assert_eq!(seconds(start), 35);
}

#[tokio::test(start_paused = true)]
async fn who_answers_its_pings_lives_on() {
    let world = World::new(Limits::default());
    let (client, connection) = connect(&world, 1024).await;
    let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    let start = Instant::now();
    for ping in 1..=100 {
        let message = poll_fn(|context| Pin::new(&mut client).poll_next(context))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (message, seconds(start)),
            (Message::Ping(Bytes::new()), ping * 25)
        );
    }
    assert!(!connection.is_finished());
}

#[tokio::test(start_paused = true)]
async fn without_pings_nobody_is_closed() {
    let world = World::new(Limits {
        ping_every: Duration::MAX,
        ..Limits::default()
    });
    let (mut client, _connection) = connect(&world, 1024).await;
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    assert!(tokio::time::timeout(year, client.read_u8()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_is_dropped_in_time() {
    let mut world = World::new(Limits {
        queue_bytes: 1000,
        ..Limits::default()
    });
    let (mut client, connection) = connect(&world, 64).await;
    client
        .write_all(&frame(TEXT, SUBSCRIBE.as_bytes()))
        .await
        .unwrap();
    assert!(read_text(&mut client).await.contains("subscribed"));
    let start = Instant::now();
    for _ in 0..20 {
        world.change(None, Some(note()));
    }
    assert!(!connection.is_finished());
    connection.await.unwrap();
    assert_eq!(seconds(start), 2);
    assert_eq!(world.hub.dispatcher().listened_groups(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_reads_again_in_time_learns_why_it_was_closed() {
    let mut world = World::new(Limits {
        queue_bytes: 1000,
        ..Limits::default()
    });
    let (mut client, connection) = connect(&world, 64).await;
    client
        .write_all(&frame(TEXT, SUBSCRIBE.as_bytes()))
        .await
        .unwrap();
    assert!(read_text(&mut client).await.contains("subscribed"));
    for _ in 0..20 {
        world.change(None, Some(note()));
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let read = read_to_end(&mut client).await;
    assert!(read.ends_with(b"\x88\x0f\x11\x9cslow consumer"), "4508");
    assert!(read.len() < 1000, "its other events are thrown away");
    connection.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_being_closed_is_not_heard() {
    let world = World::new(Limits::default());
    let (mut client, connection) = connect(&world, 1024).await;
    assert_eq!(read(&mut client).await, [PING, 0]);
    assert_eq!(read::<11>(&mut client).await[..2], [0x88, 9]);
    client
        .write_all(&frame(TEXT, SUBSCRIBE.as_bytes()))
        .await
        .unwrap();
    assert!(read_to_end(&mut client).await.is_empty(), "no ack");
    connection.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pings_of_a_client_that_reads_nothing_take_little_memory() {
    let world = World::new(Limits {
        queue_bytes: 1000,
        ..Limits::default()
    });
    let (mut client, _connection) = connect(&world, 1024).await;
    let ping = frame(PING, &[b'x'; 125]);
    for _ in 0..10_000 {
        client.write_all(&ping).await.unwrap();
    }
    let mut kept = Vec::new();
    let _idle = tokio::time::timeout(Duration::from_secs(1), client.read_to_end(&mut kept)).await;
    assert!(
        (1024..1024 + 3 * 1000).contains(&kept.len()),
        "{} bytes of pongs were kept",
        kept.len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_broken_rule_is_told_and_the_rest_is_read_for_nothing() {
    let huge = [0x81, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0];
    let cases: [(&[u8], &[u8]); 6] = [
        (&huge, b"\x88\x11\x03\xf1message too big"),
        (b"\x81\x01x", b"\x88\x0b\x03\xeabad frame"),
        (&frame(0x83, b""), b"\x88\x0b\x03\xeabad frame"),
        (&frame(0xc1, b""), b"\x88\x0b\x03\xeabad frame"),
        (&frame(0x80, b""), b"\x88\x0b\x03\xeabad frame"),
        (&frame(TEXT, b"\xff"), b"\x88\x13\x03\xeftext is not UTF-8"),
    ];
    for (sent, answer) in cases {
        let world = World::new(Limits::default());
        let (mut client, connection) = connect(&world, 64).await;
        let start = Instant::now();
        client.write_all(sent).await.unwrap();
        client.write_all(&[0; 200_000]).await.unwrap();
        assert_eq!(read_to_end(&mut client).await, answer, "{sent:x?}");
        connection.await.unwrap();
        assert_eq!(seconds(start), 2, "the client had its time to hang up");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_ends_is_too_big() {
    let world = World::new(Limits {
        message_bytes: 1000,
        ..Limits::default()
    });
    let (mut client, connection) = connect(&world, 64).await;
    client.write_all(&frame(BEGUN, b"")).await.unwrap();
    for _ in 0..10_000 {
        client.write_all(&frame(GOES_ON, b"")).await.unwrap();
    }
    assert_eq!(
        read_to_end(&mut client).await,
        b"\x88\x11\x03\xf1message too big"
    );
    connection.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_may_come_byte_by_byte() {
    let world = World::new(Limits {
        message_bytes: 1000,
        ..Limits::default()
    });
    let (mut client, _connection) = connect(&world, 64).await;
    for id in ["1", "2"] {
        let message = SUBSCRIBE.replacen('1', id, 1);
        client.write_all(&frame(BEGUN, b"")).await.unwrap();
        for byte in format!("{message:1000}").bytes() {
            client.write_all(&frame(GOES_ON, &[byte])).await.unwrap();
        }
        client.write_all(&frame(LAST, b"")).await.unwrap();
        assert!(read_text(&mut client).await.contains("subscribed"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_breaks_a_rule_and_says_no_more_is_told_too() {
    let world = World::new(Limits::default());
    let (mut client, connection) = connect(&world, 1024).await;
    client.write_all(b"\x81\x01x").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut client).await, b"\x88\x0b\x03\xeabad frame");
    connection.await.unwrap();
}

#[tokio::test]
async fn who_drops_its_socket_is_forgotten() {
    let live = Live::<i32>::builder()
        .anonymous()
        .model::<Note>()
        .build()
        .unwrap();
    let (mut socket, _server) = serve_to(&live).await;
    socket
        .write_all(&frame(TEXT, SUBSCRIBE.as_bytes()))
        .await
        .unwrap();
    until(|| live.hub.dispatcher().listened_groups() == 1).await;
    drop(socket);
    until(|| live.hub.dispatcher().listened_groups() == 0).await;
}

#[tokio::test]
async fn the_dispatcher_ends_with_the_last_handle() {
    let live = Live::<i32>::builder()
        .anonymous()
        .model::<Note>()
        .build()
        .unwrap();
    let (socket, server) = serve_to(&live).await;
    let hub: Weak<Hub<i32>> = Arc::downgrade(&live.hub);
    drop(live);
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    assert!(hub.strong_count() > 0, "an open connection is a handle too");
    drop(socket);
    until(|| hub.strong_count() == 0).await;
}

#[test]
fn the_dispatcher_ends_with_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let live = Live::<i32>::builder()
        .anonymous()
        .model::<Note>()
        .build()
        .unwrap();
    let hub = Arc::downgrade(&live.hub);
    let _socket = runtime.block_on(serve_to(&live));
    drop(live);
    drop(runtime);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while hub.strong_count() > 0 {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
}

/// An open WebSocket to a server of its own.
async fn serve_to(live: &Live<i32>) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, live.clone()));
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    (socket, server)
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("in time");
}
