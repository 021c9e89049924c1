//! Tokens, floods, orders and the end, in time that is held.

use std::io;

use serde_json::{Value, json};

use super::*;
use crate::connections::Order;
use crate::session::CloseReason;

/// The next frame: its first byte and its payload.
async fn next(client: &mut DuplexStream) -> (u8, Vec<u8>) {
    let [first, length] = read(client).await;
    let length = match length {
        126 => u16::from_be_bytes(read(client).await).into(),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    client.read_exact(&mut payload).await.unwrap();
    (first, payload)
}

async fn json(client: &mut DuplexStream) -> Value {
    let (first, payload) = next(client).await;
    assert_eq!(first, TEXT);
    serde_json::from_slice(&payload).unwrap()
}

/// The code and reason of the closing handshake that is next.
async fn close(client: &mut DuplexStream) -> (u16, String) {
    let (first, payload) = next(client).await;
    assert_eq!(first, 0x88, "{payload:?}");
    let (code, reason) = payload.split_at(2);
    (
        u16::from_be_bytes([code[0], code[1]]),
        String::from_utf8_lossy(reason).into(),
    )
}

async fn send(client: &mut DuplexStream, message: impl ToString) {
    client
        .write_all(&frame(TEXT, message.to_string().as_bytes()))
        .await
        .unwrap();
}

fn auth(token: &str) -> Value {
    json!({"type": "auth", "token": token})
}

/// A connection of somebody unknown, whose token is his number; `hang` is never answered.
async fn arrive(world: &World) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(4096);
    let by = now() + world.hub.limits.message_within;
    let session = Session::new(
        Arc::clone(&world.hub),
        crate::session::Who::Unknown { by },
        now(),
    );
    let admission = Live::<i32>::builder()
        .authenticate_message(|token: String| async move {
            if token == "hang" {
                std::future::pending::<()>().await;
            }
            assert_ne!(token, "panic", "as told");
            tokio::time::sleep(Duration::from_secs(1)).await;
            token
                .parse::<i32>()
                .map_err(|_| Refusal::unauthorized("no number"))
        })
        .admission
        .build(&world.hub.limits)
        .unwrap();
    let seat = Seats::new(&world.hub.limits).take(None).ok().unwrap();
    let door = Door {
        admission: Arc::new(admission),
        seat,
    };
    (
        client,
        tokio::spawn(Connection::new(Socket::new(server), session, door)),
    )
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_token_waits_for_the_answer() {
    let mut world = World::with_tokens(Limits::default());
    let (mut client, _connection) = arrive(&world).await;
    let start = Instant::now();
    send(&mut client, auth("1")).await;
    send(&mut client, SUBSCRIBE).await;
    send(&mut client, auth("2")).await;
    assert_eq!(json(&mut client).await, json!({"type": "authenticated"}));
    assert_eq!(seconds(start), 1);
    assert_eq!(json(&mut client).await["type"], "subscribed");
    assert_eq!(json(&mut client).await, json!({"type": "authenticated"}));
    assert_eq!(seconds(start), 2);
    let told = json(&mut client).await;
    assert_eq!(
        (&told["type"], &told["reason"]),
        (&json!("resync"), &json!("rights_changed"))
    );
    world.change(None, Some(note()));
    let own = Note { owner: 2, ..note() };
    world.change(None, Some(own));
    assert_eq!(json(&mut client).await["instance"]["owner"], 2);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_something_wrong_is_closed() {
    for (token, after, reason, closed) in [
        (None, 5, None, (4408, "authentication too late")),
        (
            Some("x"),
            1,
            Some("unauthorized"),
            (4003, "not authenticated"),
        ),
        (
            Some("panic"),
            0,
            Some("unavailable"),
            (1013, "try again later"),
        ),
        (
            Some("hang"),
            10,
            Some("unavailable"),
            (1013, "try again later"),
        ),
    ] {
        let world = World::with_tokens(Limits::default());
        let (mut client, connection) = arrive(&world).await;
        let start = Instant::now();
        if let Some(token) = token {
            send(&mut client, auth(token)).await;
        }
        if let Some(reason) = reason {
            assert_eq!(json(&mut client).await["reason"], reason);
        }
        assert_eq!(close(&mut client).await, (closed.0, closed.1.to_owned()));
        assert_eq!(seconds(start), after, "{token:?}");
        connection.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_huge_is_refused() {
    let world = World::with_tokens(Limits {
        message_bytes: 1000,
        ..Limits::default()
    });
    let (mut client, _connection) = arrive(&world).await;
    send(&mut client, auth(&"7".repeat(2000))).await;
    assert_eq!(json(&mut client).await["reason"], "message_too_big");
    send(&mut client, auth("7")).await;
    assert_eq!(json(&mut client).await["type"], "authenticated");
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_while_it_is_asked_who_he_is_leaves_nothing_behind() {
    let world = World::with_tokens(Limits::default());
    let (mut client, connection) = arrive(&world).await;
    send(&mut client, auth("hang")).await;
    drop(client);
    connection.await.unwrap();
    assert_eq!(world.hub.connections.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn too_many_messages_are_refused_and_a_flood_ends_the_connection() {
    let limits = Limits {
        messages_per_second: 1,
        messages_at_once: 3,
        ..Limits::default()
    };
    let world = World::new(limits);
    let (mut client, _connection) = connect(&world, 4096).await;
    client.write_all(&frame(PING, b"")).await.unwrap();
    assert_eq!(next(&mut client).await.0, PONG, "a pong");
    send(&mut client, SUBSCRIBE).await;
    assert_eq!(json(&mut client).await["type"], "subscribed");
    let seed = r#"{"model":"app.Note","property":"list_id","value":1}"#;
    for _ in 0..4 {
        send(&mut client, seed).await;
    }
    for _ in 0..3 {
        let error = json(&mut client).await;
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&json!(429), &json!("rate_limited"))
        );
        assert_eq!(error["temporary"], true);
    }
    tokio::time::sleep(Duration::from_secs(9)).await;
    for _ in 0..20 {
        send(&mut client, seed).await;
    }
    for _ in 0..3 {
        assert_eq!(json(&mut client).await["reason"], "rate_limited");
    }
    assert_eq!(
        close(&mut client).await,
        (4429, "too many messages".to_owned())
    );
    assert!(
        read_to_end(&mut client).await.is_empty(),
        "nor an error after it"
    );
}

#[tokio::test(start_paused = true)]
async fn pongs_that_nobody_asked_for_are_messages_too() {
    let limits = Limits {
        messages_per_second: 1,
        messages_at_once: 3,
        ..Limits::default()
    };
    let world = World::new(limits);
    let (mut client, _connection) = connect(&world, 4096).await;
    let start = Instant::now();
    for beat in 1..=5 {
        assert_eq!(next(&mut client).await.0, PING);
        assert_eq!(seconds(start), beat * 25);
        client.write_all(&frame(PONG, b"")).await.unwrap();
    }
    for _ in 0..3 {
        send(&mut client, SUBSCRIBE).await;
    }
    assert_eq!(json(&mut client).await["type"], "subscribed");
    for _ in 0..2 {
        let reason = json(&mut client).await["reason"].take();
        assert_eq!(reason, "duplicate_id", "the pong that was due is free");
    }
    for _ in 0..4 {
        client.write_all(&frame(PONG, b"")).await.unwrap();
    }
    assert_eq!(
        close(&mut client).await,
        (4429, "too many messages".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn an_order_reaches_a_connection_that_is_idle() {
    let world = World::new(Limits::default());
    let (mut client, connection) = connect(&world, 4096).await;
    tokio::task::yield_now().await;
    world.hub.connections.all()[0].order(Order::Close(CloseReason::Revoked));
    assert_eq!(
        close(&mut client).await,
        (4403, "access revoked".to_owned())
    );
    world.hub.connections.all()[0].order(Order::Drop);
    connection.await.unwrap();
    assert_eq!(world.hub.connections.count(), 0);
}

fn live(refresh: impl Fn(Arc<i32>) -> Result<i32, Refusal> + Send + Sync + 'static) -> Live<i32> {
    let builder = Live::<i32>::builder().anonymous().refresh(move |user| {
        let answer = match *user {
            9 => None,
            _ => Some(refresh(user)),
        };
        async move {
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    });
    builder.model::<Note>().build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_is_refreshed_is_refused_or_stays_who_he_was() {
    let live = live(|user| match *user {
        1 => Ok(2),
        4 => Err(Refusal::unauthorized("gone")),
        5 => Err(Refusal::unavailable("down")),
        _ => panic!("as told"),
    });
    let mut clients: Vec<_> = [1, 4, 5, 6, 9]
        .map(|user| crate::testing::Client::connect(&live, user))
        .into();
    let start = Instant::now();
    assert_eq!(live.revalidate(|_| true).await, 5);
    assert_eq!(seconds(start), 10, "one hangs");
    let closed: Vec<_> = clients
        .iter_mut()
        .map(|client| client.try_receive_text().map_err(|closed| closed.code))
        .collect();
    assert_eq!(closed, [Ok(None), Err(4403), Ok(None), Ok(None), Ok(None)]);
    let users = |wanted: i32| {
        live.hub
            .connections
            .chosen(move |user| *user == wanted)
            .count()
    };
    assert_eq!([2, 5, 6, 9].map(users), [1, 1, 1, 1]);
}

#[tokio::test]
async fn who_becomes_another_leaves_his_seat_to_others() {
    let limits = Limits {
        connections_per_user: 1,
        ..Limits::default()
    };
    let builder = Live::<i32>::builder().anonymous().limits(limits);
    let builder = builder
        .identify(|user| Some(*user))
        .refresh(|_| async { Ok(1) });
    let live = builder.build().unwrap();
    let mut open = Vec::new();
    for count in 1..=3 {
        open.push(serve_to(&live).await);
        assert_eq!(live.revalidate(|user| *user == 0).await, 1);
        // He may be one too many by now: that is not his doing.
        until(|| live.hub.connections.chosen(|user| *user == 1).count() == count).await;
    }
    let _last = serve_to(&live).await;
    assert_eq!(live.hub.connections.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn many_who_hang_are_waited_for_side_by_side() {
    let live = live(|_| Ok(1));
    let _clients: Vec<_> = (0..32)
        .map(|_| crate::testing::Client::connect(&live, 9))
        .collect();
    let start = Instant::now();
    assert_eq!(live.revalidate(|_| true).await, 32);
    assert_eq!(seconds(start), 20);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_sends_its_clients_away_little_by_little() {
    let live = Live::<i32>::builder()
        .anonymous()
        .model::<Note>()
        .build()
        .unwrap();
    let mut clients: Vec<_> = (0..250)
        .map(|_| crate::testing::Client::connect(&live, 1))
        .collect();
    let start = Instant::now();
    let within = Duration::from_secs(20);
    let stopping = tokio::spawn({
        let live = live.clone();
        async move { tokio::join!(live.shutdown(within), live.shutdown(within)) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let closed: Vec<_> = clients
        .iter_mut()
        .filter_map(|client| client.try_receive_text().err())
        .collect();
    assert_eq!(closed.len(), 100, "a batch");
    assert!(closed.iter().all(|closed| closed.code == 1001));
    let mut advised: Vec<_> = closed.iter().map(|closed| closed.reason.clone()).collect();
    advised.sort();
    advised.dedup();
    assert!(advised.len() > 90, "each at another time");
    clients.truncate(1);
    stopping.await.unwrap();
    assert_eq!(seconds(start), 20, "one does not hang up");
    assert!(live.hub.connections.is_draining());
    drop(clients);
    live.shutdown(Duration::MAX).await;
}

#[test]
fn who_is_sent_away_is_told_though_the_runtime_ends_with_the_listener() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let live = hasty();
    let socket = runtime.block_on(async {
        let (socket, server) = serve_to(&live).await;
        let live = live.clone();
        tokio::spawn(async move { live.shutdown(Duration::from_secs(20)).await });
        let start = Instant::now();
        server.await.unwrap();
        assert!(seconds(start) < 10, "not as long as there is time");
        socket.into_std().unwrap()
    });
    drop(runtime);
    socket.set_nonblocking(false).unwrap();
    let mut told = Vec::new();
    io::Read::read_to_end(&mut &socket, &mut told).unwrap();
    assert_eq!(told[..4], [0x88, told[1], 0x03, 0xe9], "1001: {told:?}");
    let advice: Value = serde_json::from_slice(&told[4..]).unwrap();
    assert!(advice["retry_after_ms"].is_u64(), "{advice}");
}

#[tokio::test]
async fn a_listener_ends_in_time_though_nobody_sends_its_clients_away() {
    let live = hasty();
    let (_socket, server) = serve_to(&live).await;
    let within = Duration::from_millis(200);
    let start = Instant::now();
    live.hub.connections.drain((start + within).into_std());
    server.await.unwrap();
    assert!(start.elapsed() > within / 2, "it waits");
    assert_eq!(live.hub.connections.count(), 1);
}

/// One that waits for nobody's goodbye.
fn hasty() -> Live<i32> {
    let limits = Limits {
        close_within: Duration::from_millis(50),
        ..Limits::default()
    };
    let builder = Live::<i32>::builder().anonymous().limits(limits);
    builder.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_logs_in_as_another_while_he_is_asked_about_stays_the_other() {
    let builder = Live::<i32>::builder()
        .anonymous()
        .authenticate_message(|_: String| async { Ok(5) });
    let builder = builder.refresh(|user: Arc<i32>| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(*user + 1)
    });
    let live = builder.build().unwrap();
    let mut session = Session::new(Arc::clone(&live.hub), known(1), now());
    let login = async {
        let identity = crate::connections::Identity {
            user: Arc::new(5),
            expires: None,
        };
        tokio::time::sleep(Duration::from_millis(500)).await;
        session.handle_authenticated(Ok(identity), now());
    };
    let (count, ()) = tokio::join!(live.revalidate(|user| *user == 1), login);
    session.handle_timeout(now());
    let user = session.user().map(|user| **user);
    assert_eq!((count, user), (1, Some(6)));
}
