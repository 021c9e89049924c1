//! Real sockets: routers, handshakes, messages, and clients that behave badly.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

#[path = "support/socket.rs"]
mod client;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use axum::{Extension, Router};
use rest_live::prelude::*;
use rest_live::{Handshake, Refusal};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use self::client::{
    Answer, PATH, Raw, Socket, UPGRADE, error, frame, listen, serve, serve_router, within,
};
use self::support::{App, Task, User, limits, new, subscription};

const TEXT: u8 = 0x81;

/// An application whose users say their name in the address.
fn app() -> App {
    App::with(|builder| builder.authenticate(by_query))
}

async fn by_query(handshake: Handshake) -> Result<User, Refusal> {
    Ok(User {
        name: handshake.query("user"),
    })
}

fn router(app: &App) -> Router {
    Router::new().route_service(PATH, app.live.service())
}

async fn seed_journey(app: &App, address: SocketAddr) {
    let conn = &mut app.conn();
    let mut ann = Socket::open(address, "/ws/subscribe/?user=ann").await;
    let mut guest = Socket::open(address, PATH).await;
    for socket in [&mut ann, &mut guest] {
        socket.subscribe(&subscription("list_id", 1)).await;
    }
    let mut task = Task::create(conn, new("write")).unwrap();
    task.done = true;
    task.save(conn).unwrap().delete(conn).unwrap();
    for (action, done) in [("CREATED", false), ("UPDATED", true), ("DELETED", true)] {
        let instance =
            format!(r#"{{"id":1,"text":"write","done":{done},"list_id":1,"note":null}}"#);
        let event = |instance: &str| {
            format!(r#"{{"model":"todolist.Task","instance":{instance},"action":"{action}"}}"#)
        };
        assert_eq!(ann.text().await, event(&instance));
        assert_eq!(guest.text().await, event(r#"{"id":1,"text":"write"}"#));
    }
    let mut unsubscribe = subscription("list_id", 1);
    unsubscribe["unsubscribe"] = true.into();
    ann.subscribe(&unsubscribe).await;
    Task::create(conn, new("unseen")).unwrap();
    assert!(guest.text().await.contains("unseen"));
    ann.settle().await;
}

#[tokio::test]
async fn the_seed_journey_in_a_router() {
    let app = app();
    let address = serve_router(router(&app)).await;
    seed_journey(&app, address).await;
}

#[tokio::test]
async fn the_seed_journey_without_a_framework() {
    let app = app();
    let address = serve(&app.live).await;
    seed_journey(&app, address).await;
}

#[tokio::test]
async fn a_service_is_nested() {
    let app = app();
    let address = serve_router(Router::new().nest_service("/live", app.live.service())).await;
    for path in ["/live", "/live/", "/live/deep/down"] {
        Socket::open(address, path).await.settle().await;
    }
}

#[tokio::test]
async fn a_layer_tells_the_service_who_it_is() {
    let app = App::with(|builder| {
        builder.authenticate(|handshake: Handshake| async move {
            handshake
                .extensions()
                .get::<User>()
                .cloned()
                .ok_or_else(|| Refusal::unauthorized("no user"))
        })
    });
    let layer = from_fn(|mut request: Request, next: Next| async move {
        request.extensions_mut().insert(User::named("ann"));
        next.run(request).await
    });
    let router = router(&app).layer(layer).layer(Extension("another"));
    let mut socket = Socket::open(serve_router(router).await, PATH).await;
    socket.subscribe(&subscription("list_id", 1)).await;
    Task::create(&mut app.conn(), new("a")).unwrap();
    assert_eq!(
        socket.json().await["instance"]["done"],
        false,
        "ann sees all fields"
    );
}

#[tokio::test]
async fn a_service_stands_beside_handlers_with_state() {
    let app = app();
    let router = Router::new().route(
        "/",
        get(|State(state): State<Arc<str>>| async move { state.to_string() }),
    );
    let router = router
        .route_service(PATH, app.live.service())
        .with_state(Arc::from("the state"));
    let address = serve_router(router).await;
    Socket::open(address, PATH).await.settle().await;
    let answer = Raw::connect(address)
        .await
        .ask(&["GET / HTTP/1.1", "Host: x"])
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "the state"));
}

#[tokio::test]
async fn authenticate_sees_headers_cookies_the_query_and_the_address() {
    let app = App::with(|builder| {
        builder.authenticate(|handshake: Handshake| async move {
            let token = handshake
                .headers()
                .get("x-token")
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let (cookie, query) = (
                handshake.cookie("session").unwrap(),
                handshake.query("token").unwrap(),
            );
            Err::<User, _>(Refusal::unauthorized(format!(
                "{} {token} {cookie} {query}",
                handshake.uri().path()
            )))
        })
    });
    let address = serve(&app.live).await;
    let mut request = UPGRADE.to_vec();
    request[0] = "GET /any/path?token=q%20r HTTP/1.1";
    request.extend(["X-Token: t", "Cookie: a=b; session=s", "Cookie: c=d"]);
    let answer = Raw::connect(address).await.ask(&request).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (401, "/any/path t s q r")
    );
}

#[tokio::test]
async fn a_refusal_is_plain_http() {
    let app = App::with(|builder| {
        builder.authenticate(|handshake: Handshake| async move {
            match handshake.query("as").as_deref() {
                Some("nobody") => Err(Refusal::unauthorized("log in first")),
                Some("mallory") => Err(Refusal::forbidden("nö")),
                Some("late") => Err(Refusal::unavailable("come back later")),
                _ => Ok(User::anonymous()),
            }
        })
    });
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        for (user, status, message) in [
            ("nobody", 401, "log in first"),
            ("mallory", 403, "nö"),
            ("late", 503, "come back later"),
        ] {
            let line = format!("GET /ws/subscribe/?as={user} HTTP/1.1");
            let request = [&[line.as_str()], &UPGRADE[1..]].concat();
            let Answer {
                status: got,
                head,
                body,
            } = Raw::connect(address).await.ask(&request).await;
            assert_eq!((got, body.as_str()), (status, message));
            assert!(
                !head.contains("upgrade")
                    && head.contains("content-type: text/plain; charset=utf-8"),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn pages_of_a_foreign_origin_stay_out() {
    let app = App::with(|builder| builder.allow_origin("https://friend.example"));
    let address = serve(&app.live).await;
    let ask = async |origin: Option<&str>| {
        let header = origin.map(|origin| format!("Origin: {origin}"));
        Raw::connect(address)
            .await
            .ask(
                &UPGRADE
                    .into_iter()
                    .chain(header.as_deref())
                    .collect::<Vec<_>>(),
            )
            .await
    };
    for origin in [
        None,
        Some("http://app.example"),
        Some("https://app.example"),
        Some("https://friend.example"),
    ] {
        assert_eq!(ask(origin).await.status, 101, "{origin:?}");
    }
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example:444",
        "https://app.example.evil",
        "http://friend.example",
    ] {
        let answer = ask(Some(origin)).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (403, "pages of this origin may not connect"),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_how_to_be_one() {
    let app = app();
    let change = |from: &str, to: &'static str| {
        let lines = UPGRADE
            .into_iter()
            .map(|line| if line.starts_with(from) { to } else { line });
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    let cases = [
        (vec!["GET /ws/subscribe/ HTTP/1.1", "Host: x"], 426),
        (change("GET", "POST /ws/subscribe/ HTTP/1.1"), 426),
        (change("GET", "GET /ws/subscribe/ HTTP/1.0"), 426),
        (change("Connection", "Connection: keep-alive"), 426),
        (change("Upgrade", "Upgrade: h2c"), 426),
        (
            change("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"),
            426,
        ),
        (change("Sec-WebSocket-Version", ""), 426),
        (change("Sec-WebSocket-Key", ""), 400),
    ];
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        for (request, status) in &cases {
            let answer = Raw::connect(address).await.ask(request).await;
            assert_eq!(answer.status, *status, "{request:?}");
            for header in [
                "connection: upgrade",
                "upgrade: websocket",
                "sec-websocket-version: 13",
            ] {
                // An answer to HTTP/1.0 says `keep-alive` besides.
                let says_how = answer.head.lines().any(|line| line.starts_with(header));
                assert_eq!(says_how, *status == 426, "{}", answer.head);
            }
            assert!(!answer.body.is_empty());
        }
    }
}

#[tokio::test]
async fn a_bad_message_gets_its_error_and_the_connection_lives() {
    let app = App::with(|builder| builder.limits(limits(|limits| limits.message_bytes = 1000)));
    let mut socket = Socket::open(serve(&app.live).await, PATH).await;
    let cases = [
        (Message::binary(b"{}".to_vec()), (400, "bad_message")),
        (Message::binary(vec![0xff; 4000]), (400, "bad_message")),
        (Message::text(""), (400, "bad_json")),
        (Message::text("{\"model\":"), (400, "bad_json")),
        (Message::text("x".repeat(1001)), (413, "message_too_big")),
        (Message::text("x".repeat(4000)), (413, "message_too_big")),
    ];
    for (message, (code, reason)) in cases {
        socket.send_message(message).await;
        assert_eq!(socket.error().await, (code, reason.to_owned()));
    }
    socket.subscribe(&subscription("list_id", 1)).await;
    Task::create(&mut app.conn(), new("a")).unwrap();
    assert_eq!(socket.json().await["action"], "CREATED");
}

#[tokio::test]
async fn a_message_far_too_long_closes_with_1009() {
    let app = app();
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        let mut socket = Socket::open(address, PATH).await;
        socket.send("x".repeat(4 * 64 * 1024 + 1)).await;
        assert_eq!(socket.close_code().await, 1009);
        assert!(socket.next().await.is_none_or(|end| end.is_err()));
    }
}

#[tokio::test]
async fn fragments_make_a_message_with_pings_between_them() {
    let app = app();
    let mut raw = Raw::upgrade(serve(&app.live).await).await;
    let message = r#"{"id":"ä","model":"todolist.Task","value":1}"#.as_bytes();
    // In the middle of the character.
    let (start, end) = message.split_at(8);
    raw.write(frame(0x01, start)).await;
    raw.write(frame(0x89, "ping")).await;
    assert_eq!(raw.read(6).await, b"\x8a\x04ping");
    raw.write(frame(0x00, "")).await;
    raw.write(frame(0x80, end)).await;
    let head = raw.read(2).await;
    let ack = raw.read(head[1].into()).await;
    assert!(
        String::from_utf8(ack)
            .unwrap()
            .starts_with(r#"{"type":"subscribed","id":"ä","#)
    );
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_read() {
    let app = app();
    let mut raw = Raw::connect(serve(&app.live).await).await;
    raw.write(
        [
            (UPGRADE.join("\r\n") + "\r\n\r\n").as_bytes(),
            &frame(0x89, "now"),
        ]
        .concat(),
    )
    .await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.read(5).await, b"\x8a\x03now");
}

#[tokio::test]
async fn the_closing_handshake_is_answered() {
    let app = app();
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        let mut socket = Socket::open(address, PATH).await;
        let close = CloseFrame {
            code: 4321.into(),
            reason: "bye".into(),
        };
        socket
            .send_message(Message::Close(Some(close.clone())))
            .await;
        assert_eq!(socket.message().await, Message::Close(Some(close)));
        assert!(socket.next().await.is_none());
    }
}

#[tokio::test]
async fn who_breaks_the_rules_is_told_and_others_live_on() {
    let app = app();
    let address = serve(&app.live).await;
    let mut other = Socket::open(address, PATH).await;
    let unmasked = b"\x81\x02{}".to_vec();
    let endless = [&[0x81, 0xff, 0x7f], &[0xff; 7][..], &[0; 4]].concat();
    let reserved_bit = frame(0xc1, "{}");
    let fragmented_ping = frame(0x09, "");
    for (bytes, code) in [
        (unmasked, 1002),
        (frame(0x83, ""), 1002),
        (frame(0x8b, ""), 1002),
        (frame(0x80, "{}"), 1002),
        (reserved_bit, 1002),
        (fragmented_ping, 1002),
        (frame(TEXT, [0xff]), 1007),
        (endless, 1009),
    ] {
        let mut raw = Raw::upgrade(address).await;
        raw.write(&bytes).await;
        let head = raw.read(4).await;
        assert_eq!(
            (head[0], u16::from_be_bytes([head[2], head[3]])),
            (0x88, code),
            "{bytes:x?}"
        );
        let rest = raw.read(usize::from(head[1]) - 2).await;
        assert!(rest.is_ascii());
        assert_eq!(
            within(raw.0.read(&mut [0])).await.unwrap(),
            0,
            "nothing comes after it"
        );
    }
    other.settle().await;
}

#[tokio::test]
async fn garbage_instead_of_http_harms_nobody() {
    let app = app();
    let address = serve(&app.live).await;
    let long = vec![b'a'; 2_000_000];
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        &long,
    ] {
        let mut raw = Raw::connect(address).await;
        // The server may hang up before it has read it all.
        let _sent = within(raw.0.write_all(garbage)).await;
        let _end = raw.0.shutdown().await;
        let _answer = within(raw.0.read_to_end(&mut Vec::new())).await;
    }
    Socket::open(address, PATH).await.settle().await;
}

#[tokio::test(start_paused = true)]
async fn half_a_request_is_not_waited_for() {
    let app = app();
    let address = serve(&app.live).await;
    let start = tokio::time::Instant::now();
    let mut raw = Raw::connect(address).await;
    raw.0
        .write_all(b"GET /ws/subscribe/ HTTP/1.1\r\nHost: app")
        .await
        .unwrap();
    let _answer = raw.0.read_to_end(&mut Vec::new()).await;
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn who_hangs_up_while_it_is_authenticated_is_forgotten() {
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let app = App::with(|builder| {
        builder.authenticate(move |_| {
            // Dropped with the future that never ends.
            let (held, dropped) = tokio::sync::oneshot::channel::<()>();
            asked.send(dropped).unwrap();
            async move {
                std::future::pending::<()>().await;
                drop(held);
                Ok(User::anonymous())
            }
        })
    });
    let mut raw = Raw::connect(serve(&app.live).await).await;
    raw.write(UPGRADE.join("\r\n") + "\r\n\r\n").await;
    let dropped = within(asks.recv()).await.unwrap();
    drop(raw);
    assert!(within(dropped).await.is_err());
}

#[tokio::test]
async fn who_stops_reading_is_closed_and_others_see_all() {
    let app = App::with(|builder| {
        builder.limits(limits(|limits| {
            limits.close_within = Duration::from_secs(60)
        }))
    });
    let address = serve_router(router(&app)).await;
    let mut slow = Socket::open(address, PATH).await;
    let mut quick = Socket::open(address, PATH).await;
    for socket in [&mut slow, &mut quick] {
        socket.subscribe(&subscription("list_id", 1)).await;
    }
    let (conn, text) = (&mut app.conn(), "x".repeat(100_000));
    // More than the server's bound and what the kernel takes for a socket.
    let writes = 300;
    for id in 1..=writes {
        Task::create(conn, new(&text)).unwrap();
        assert_eq!(quick.json().await["instance"]["id"], id);
    }
    let mut seen = 0;
    let code = loop {
        match slow.message().await {
            Message::Text(text) => {
                seen += 1;
                assert!(
                    text.starts_with(&format!(
                        r#"{{"model":"todolist.Task","instance":{{"id":{seen},"#
                    )),
                    "in order"
                );
            }
            Message::Close(close) => break u16::from(close.unwrap().code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 4508);
    assert!(seen < writes, "what did not fit was thrown away");
    quick.settle().await;
}

#[tokio::test]
async fn two_hundred_connections_get_the_same_bytes() {
    let app = app();
    let address = serve(&app.live).await;
    let mut sockets = Vec::new();
    for _ in 0..200 {
        let mut socket = Socket::open(address, "/ws/subscribe/?user=ann").await;
        socket.subscribe(&subscription("list_id", 1)).await;
        sockets.push(socket);
    }
    Task::create(&mut app.conn(), new("for all")).unwrap();
    let first = sockets[0].text().await;
    assert!(first.contains("for all"));
    for socket in &mut sockets[1..] {
        assert_eq!(socket.text().await, first);
    }
    for socket in &mut sockets {
        socket.settle().await;
    }
}

#[tokio::test]
async fn ten_thousand_subscriptions_at_once_are_128_and_an_error_each() {
    let app =
        App::with(|builder| builder.limits(limits(|limits| limits.messages_per_second = u32::MAX)));
    let mut raw = Raw::upgrade(serve(&app.live).await).await;
    let frames: Vec<u8> = (0..10_000)
        .flat_map(|id| {
            frame(
                TEXT,
                json!({"id": id, "model": "todolist.Task", "value": id}).to_string(),
            )
        })
        .collect();
    let (mut reader, mut writer) = raw.0.split();
    let write = writer.write_all(&frames);
    let read = async {
        for id in 0..10_000 {
            let answer = read_frame(&mut reader).await;
            assert_eq!(answer["id"], id);
            if id < 128 {
                assert_eq!(answer["type"], "subscribed");
            } else {
                assert_eq!(error(&answer), (429, "too_many_subscriptions".to_owned()));
            }
        }
    };
    within(async { tokio::join!(write, read) }).await.0.unwrap();
}

/// Reads one text frame of fewer than 64 KiB.
async fn read_frame(reader: &mut (impl AsyncReadExt + Unpin)) -> serde_json::Value {
    assert_eq!(reader.read_u8().await.unwrap(), TEXT);
    let length = match reader.read_u8().await.unwrap() {
        126 => reader.read_u16().await.unwrap(),
        short => short.into(),
    };
    let mut text = vec![0; length.into()];
    reader.read_exact(&mut text).await.unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test]
async fn subscribing_and_unsubscribing_in_a_storm_of_writes_tells_no_lies() {
    // All clients share one thread here, and are slow.
    let app = App::with(|builder| {
        builder.limits(limits(|limits| {
            limits.queue_bytes = 100_000_000;
            limits.messages_per_second = u32::MAX;
        }))
    });
    let address = serve(&app.live).await;
    let storming = Arc::new(());
    let is_storming = Arc::downgrade(&storming);
    let mut conn = app.conn();
    let writer = std::thread::spawn(move || {
        let mut written = 0;
        while is_storming.strong_count() > 0 {
            Task::create(&mut conn, new("storm")).unwrap();
            written += 1;
        }
        written
    });
    let storms = (0..8).map(|_| tokio::spawn(storm(address)));
    for storm in storms.collect::<Vec<_>>() {
        within(storm).await.unwrap();
    }
    drop(storming);
    assert!(writer.join().unwrap() > 0);
}

/// Each subscription is told of events between its two answers only.
async fn storm(address: SocketAddr) {
    let mut socket = Socket::open(address, PATH).await;
    for round in 0..50 {
        for id in 0..10 {
            socket
                .send(
                    json!({"id": id, "model": "todolist.Task", "property": "list_id", "value": 1}),
                )
                .await;
        }
        for id in 0..10 {
            socket.send(json!({"id": id, "type": "unsubscribe"})).await;
        }
        let (mut open, mut closed) = ([false; 10], 0);
        while closed < 10 {
            let message = socket.json().await;
            let id = usize::try_from(message["id"].as_u64().unwrap()).unwrap();
            match message["type"].as_str().unwrap() {
                "subscribed" => assert!(!std::mem::replace(&mut open[id], true), "round {round}"),
                "unsubscribed" => {
                    assert!(std::mem::replace(&mut open[id], false));
                    closed += 1;
                }
                "broadcast" => assert!(open[id], "round {round}"),
                _ => panic!("{message}"),
            }
        }
    }
    socket.settle().await;
}

#[tokio::test]
async fn a_server_that_ends_accepts_nobody_and_keeps_its_sockets() {
    let app = app();
    let (listener, address) = listen().await;
    let server = tokio::spawn(rest_live::serve(listener, app.live.clone()));
    let mut socket = Socket::open(address, PATH).await;
    server.abort();
    assert!(within(server).await.unwrap_err().is_cancelled());
    assert!(Socket::try_open(address, PATH, &[]).await.is_err());
    socket.subscribe(&subscription("list_id", 1)).await;
    Task::create(&mut app.conn(), new("a")).unwrap();
    assert_eq!(socket.json().await["action"], "CREATED");
}
