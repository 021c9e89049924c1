//! Who gets in, over real sockets: tokens, cookies, origins, and how many there may be.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

#[path = "support/socket.rs"]
mod client;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::Router;
use futures_util::future::join_all;
use rest_live::{Builder, Grant, Handshake, Limits, Live, PeerAddr, Refusal};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use self::client::{Answer, PATH, Raw, Socket, UPGRADE, listen, serve, serve_router, within};
use self::support::{App, User, limits};

fn router(app: &App) -> Router {
    Router::new().route_service(PATH, app.live.service())
}

/// The answer to an upgrade request with more headers.
async fn ask(address: SocketAddr, headers: &[&str]) -> (Raw, Answer) {
    let mut raw = Raw::connect(address).await;
    let answer = raw.ask(&[&UPGRADE, headers].concat()).await;
    (raw, answer)
}

async fn status(address: SocketAddr, headers: &[&str]) -> u16 {
    ask(address, headers).await.1.status
}

fn with_limits(change: impl FnOnce(&mut Limits)) -> impl FnOnce(Builder<User>) -> Builder<User> {
    let limits = limits(change);
    move |builder| builder.limits(limits)
}

/// Waits until a request gets its socket.
async fn get_in(address: SocketAddr, headers: &[&str]) -> Raw {
    let come = async {
        loop {
            match ask(address, headers).await {
                (raw, answer) if answer.status == 101 => return raw,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    within(come).await
}

fn says(answer: &Answer, header: &str) -> bool {
    answer.head.lines().any(|line| line == header)
}

async fn by_bearer(handshake: Handshake) -> Result<User, Refusal> {
    match handshake.bearer() {
        Some("secret") => Ok(User::named("ann")),
        _ => Err(Refusal::unauthorized("no token")),
    }
}

#[tokio::test]
async fn a_page_sends_its_token_as_a_subprotocol_and_does_not_get_it_back() {
    let app = App::with(|builder| builder.authenticate(by_bearer));
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        let (_, answer) = ask(
            address,
            &["Sec-WebSocket-Protocol: bearer.secret, rest-live"],
        )
        .await;
        assert_eq!(answer.status, 101);
        assert!(
            says(&answer, "sec-websocket-protocol: rest-live") && !answer.head.contains("secret"),
            "{}",
            answer.head
        );
        for header in [
            "Sec-WebSocket-Protocol: bearer.secret",
            "Authorization: Bearer secret",
        ] {
            let (_, answer) = ask(address, &[header]).await;
            assert_eq!(answer.status, 101);
            assert!(
                !answer.head.contains("sec-websocket-protocol"),
                "what was not offered is not chosen"
            );
        }
        let wrong = "Sec-WebSocket-Protocol: rest-live, bearer.guess";
        assert_eq!(status(address, &[wrong]).await, 401);
    }
}

#[tokio::test]
async fn a_cookie_says_who_it_is() {
    let app = App::with(|builder| {
        builder.authenticate_cookie("session", |value: String| async move {
            match value.as_str() {
                "ann" => Ok(User::named("ann")),
                _ => Err(Refusal::unauthorized("the session has ended")),
            }
        })
    });
    let address = serve(&app.live).await;
    assert_eq!(status(address, &["Cookie: a=b; session=ann"]).await, 101);
    for (cookie, message) in [
        ("Cookie: session=eve", "the session has ended"),
        (
            "Cookie: sessions=ann",
            "there is no cookie `session`: log in first",
        ),
    ] {
        let (_, answer) = ask(address, &[cookie]).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, message));
    }
    let foreign = ["Cookie: session=ann", "Origin: https://evil.example"];
    assert_eq!(status(address, &foreign).await, 403);
}

#[tokio::test]
async fn any_page_may_connect_and_none_as_its_visitor() {
    let app = App::with(|builder| {
        builder
            .allow_any_origin()
            .authenticate(|handshake: Handshake| async move {
                match (handshake.cookie("session"), handshake.bearer()) {
                    (Some("ann"), _) | (_, Some("secret")) => Ok(User::named("ann")),
                    _ => Err(Refusal::unauthorized("log in first")),
                }
            })
    });
    let address = serve(&app.live).await;
    let (own, foreign) = (
        "Origin: https://app.example",
        "Origin: https://evil.example",
    );
    let (cookie, token) = (
        "Cookie: session=ann",
        "Sec-WebSocket-Protocol: bearer.secret",
    );
    assert_eq!(status(address, &[own, cookie]).await, 101);
    assert_eq!(status(address, &[foreign, token]).await, 101);
    assert_eq!(status(address, &[foreign, cookie]).await, 401);
    assert_eq!(status(address, &["Origin: null", cookie]).await, 401);
}

#[test]
fn mistakes_at_the_door_are_found_when_it_is_built() {
    let refused = |change: fn(Builder<User>) -> Builder<User>| {
        let builder = change(Live::<User>::builder().anonymous());
        builder.build().unwrap_err().to_string()
    };
    let error = refused(|builder| {
        builder
            .allow_any_origin()
            .authenticate_cookie("session", async |_| Ok(User::anonymous()))
    });
    assert!(
        error.contains("its visitor's cookie `session`") && error.contains("`.allow_origin("),
        "{error}"
    );
    let error = refused(|builder| builder.allow_origin("https://friend.example/"));
    assert!(
        error.starts_with("`https://friend.example/` is no origin: write it as"),
        "{error}"
    );
    let error = refused(with_no_connections);
    assert!(
        error.starts_with("`Limits::connections` is zero"),
        "{error}"
    );
}

fn with_no_connections(builder: Builder<User>) -> Builder<User> {
    with_limits(|limits| limits.connections = 0)(builder)
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_with_its_login() {
    let app = App::with(|builder| {
        let builder = with_limits(|limits| limits.ping_every = Duration::MAX)(builder);
        builder.authenticate(|handshake: Handshake| async move {
            let (now, hour) = (SystemTime::now(), Duration::from_secs(60 * 60));
            let end = match handshake.query("login").as_deref() {
                Some("ended") => now - hour,
                _ => now + hour,
            };
            Ok(Grant::new(User::named("ann")).expires_at(end))
        })
    });
    let address = serve(&app.live).await;
    let mut raw = Raw::connect(address).await;
    let line = "GET /ws/subscribe/?login=ended HTTP/1.1";
    let answer = raw.ask(&[&[line], &UPGRADE[1..]].concat()).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (401, "the login has ended")
    );

    let mut raw = Raw::upgrade(address).await;
    let start = Instant::now();
    let mut close = [0; 26];
    raw.0.read_exact(&mut close).await.unwrap();
    assert_eq!(&close, b"\x88\x18\x0f\xa3authentication expired", "4003");
    assert!((3599..=3600).contains(&start.elapsed().as_secs()));
}

#[tokio::test]
async fn code_of_the_application_that_panics_costs_one_client_a_500() {
    fn fails(handshake: &Handshake, place: &str) {
        assert_ne!(handshake.query("panic").as_deref(), Some(place), "as told");
    }
    let app = App::with(|builder| {
        with_limits(|limits| limits.connections = 2)(builder)
            .authenticate(|handshake: Handshake| {
                fails(&handshake, "sync");
                async move {
                    tokio::task::yield_now().await;
                    fails(&handshake, "async");
                    Ok(User {
                        name: handshake.query("panic"),
                    })
                }
            })
            .address(|handshake| {
                fails(handshake, "address");
                None
            })
            .identify(|user| {
                assert_ne!(user.name.as_deref(), Some("identify"), "as told");
                user.name.clone()
            })
    });
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        let mut before = Socket::open(address, PATH).await;
        for place in ["sync", "async", "address", "identify"] {
            let line = format!("GET /ws/subscribe/?panic={place} HTTP/1.1");
            let request = [&[line.as_str()], &UPGRADE[1..]].concat();
            let answer = Raw::connect(address).await.ask(&request).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (500, "the server has failed"),
                "{place}"
            );
        }
        let (raw, answer) = ask(address, &[]).await;
        assert_eq!(answer.status, 101, "no seat was lost");
        before.settle().await;
        drop((before, raw));
        drop(get_in(address, &[]).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_authentication_that_hangs_is_not_waited_for() {
    let app = App::with(|builder| {
        with_limits(|limits| limits.connections = 1)(builder).authenticate(
            |handshake: Handshake| async move {
                if handshake.query("hang").is_some() {
                    std::future::pending::<()>().await;
                }
                Ok(User::anonymous())
            },
        )
    });
    let address = serve(&app.live).await;
    let start = Instant::now();
    let request = [&["GET /ws/subscribe/?hang=1 HTTP/1.1"], &UPGRADE[1..]].concat();
    let answer = Raw::connect(address).await.ask(&request).await;
    assert_eq!((answer.status, start.elapsed().as_secs()), (503, 10));
    assert!(says(&answer, "retry-after: 10"), "{}", answer.head);
    assert_eq!(status(address, &[]).await, 101, "its seat is free");
}

#[tokio::test]
async fn a_full_server_says_when_to_come_again() {
    let app = App::with(with_limits(|limits| limits.connections = 2));
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        let first = get_in(address, &[]).await;
        let second = get_in(address, &[]).await;
        let (_, answer) = ask(address, &[]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (503, "the server is full")
        );
        assert!(says(&answer, "retry-after: 10"), "{}", answer.head);
        drop(first);
        drop((second, get_in(address, &[]).await));
    }
}

#[tokio::test]
async fn of_many_who_come_at_once_so_many_get_in() {
    let app = App::with(|builder| {
        with_limits(|limits| limits.connections = 10)(builder).authenticate(|_| async {
            tokio::task::yield_now().await;
            Ok(User::anonymous())
        })
    });
    let address = serve_router(router(&app)).await;
    let answers = within(join_all((0..60).map(|_| ask(address, &[])))).await;
    let count = |status| {
        let answers = answers.iter().filter(|(_, answer)| answer.status == status);
        answers.count()
    };
    assert_eq!((count(101), count(503)), (10, 50));
    drop(answers);
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(get_in(address, &[]).await);
    }
    assert_eq!(status(address, &[]).await, 503, "and none more than that");
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let app = App::with(with_limits(|limits| limits.connections_per_address = 1));
    let address = serve(&app.live).await;
    let first = get_in(address, &[]).await;
    let (_, answer) = ask(address, &[]).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (429, "there are too many connections of this address")
    );
    assert!(says(&answer, "retry-after: 10"), "{}", answer.head);
    drop(first);
    drop(get_in(address, &[]).await);

    let address = serve_router(router(&app)).await;
    let _nobody_knows = [get_in(address, &[]).await, get_in(address, &[]).await];
}

#[tokio::test]
async fn behind_a_proxy_the_address_is_what_the_proxy_says() {
    let app = App::with(|builder| {
        with_limits(|limits| limits.connections_per_address = 1)(builder).address(|handshake| {
            let PeerAddr(proxy) = handshake.extensions().get()?;
            assert!(proxy.ip().is_loopback());
            handshake
                .headers()
                .get("x-real-ip")?
                .to_str()
                .ok()?
                .parse()
                .ok()
        })
    });
    let address = serve(&app.live).await;
    let _first = get_in(address, &["X-Real-IP: 10.0.0.1"]).await;
    assert_eq!(status(address, &["X-Real-IP: 10.0.0.1"]).await, 429);
    let _others = [
        get_in(address, &["X-Real-IP: 10.0.0.2"]).await,
        get_in(address, &[]).await,
        get_in(address, &[]).await,
    ];
}

#[tokio::test]
async fn a_user_has_so_many_connections_and_nobody_in_particular_has_any_number() {
    let app = App::with(|builder| {
        with_limits(|limits| limits.connections_per_user = 1)(builder)
            .authenticate(|handshake: Handshake| async move {
                let name = handshake.bearer().map(ToOwned::to_owned);
                Ok(User { name })
            })
            .identify(|user| user.name.clone())
    });
    let address = serve(&app.live).await;
    let ann = get_in(address, &["Authorization: Bearer ann"]).await;
    let (_, answer) = ask(address, &["Authorization: Bearer ann"]).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (429, "there are too many connections of this user")
    );
    let _others = [
        get_in(address, &["Authorization: Bearer bob"]).await,
        get_in(address, &[]).await,
        get_in(address, &[]).await,
    ];
    drop(ann);
    drop(get_in(address, &["Authorization: Bearer ann"]).await);
}

#[tokio::test]
async fn who_leaves_before_the_socket_is_open_leaves_no_seat_taken() {
    let app = App::with(|builder| {
        with_limits(|limits| limits.connections = 1)(builder).authenticate(
            |handshake: Handshake| async move {
                if handshake.query("hang").is_some() {
                    std::future::pending::<()>().await;
                }
                Ok(User::anonymous())
            },
        )
    });
    for address in [serve(&app.live).await, serve_router(router(&app)).await] {
        for line in [
            "GET /ws/subscribe/?hang=1 HTTP/1.1",
            "GET /ws/subscribe/ HTTP/1.1",
        ] {
            let mut raw = Raw::connect(address).await;
            let request = [&[line], &UPGRADE[1..]].concat().join("\r\n") + "\r\n\r\n";
            raw.write(request).await;
            tokio::task::yield_now().await;
            drop(raw);
            drop(get_in(address, &[]).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_holds_up_others_for_a_while_at_most() {
    let app = App::with(with_limits(|limits| limits.handshakes = 1));
    let address = serve(&app.live).await;
    let _silent = Raw::connect(address).await;
    let start = Instant::now();
    let mut raw = Raw::connect(address).await;
    assert_eq!(raw.ask(&UPGRADE).await.status, 101);
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(status(address, &[]).await, 101, "a socket is no handshake");
    assert_eq!(start.elapsed().as_secs(), 10);
}

/// From another address than all others. Only Linux has it without being told to.
#[cfg(target_os = "linux")]
async fn connect_from_elsewhere(address: SocketAddr) -> Raw {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    Raw(socket.connect(address).await.unwrap())
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn who_says_nothing_from_one_address_holds_up_no_other() {
    let app = App::with(with_limits(|limits| limits.handshakes = 4));
    let address = serve(&app.live).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(Raw::connect(address).await);
    }
    let start = Instant::now();
    let mut raw = connect_from_elsewhere(address).await;
    assert_eq!(raw.ask(&UPGRADE).await.status, 101);
    for raw in &mut silent[1..] {
        let _end = raw.0.read_to_end(&mut Vec::new()).await;
    }
    assert_eq!(start.elapsed().as_secs(), 0, "they are hung up on");
    let _end = silent[0].0.read_to_end(&mut Vec::new()).await;
    assert_eq!(start.elapsed().as_secs(), 10, "but for its share");
    assert_eq!(status(address, &[]).await, 101);
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_handshakes_are_nobodys_in_particular() {
    let app = App::with(|builder| {
        let builder = with_limits(|limits| limits.handshakes = 4)(builder);
        builder.address(|handshake| {
            handshake
                .headers()
                .get("x-real-ip")?
                .to_str()
                .ok()?
                .parse()
                .ok()
        })
    });
    let address = serve(&app.live).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(Raw::connect(address).await);
    }
    let start = Instant::now();
    assert_eq!(status(address, &["X-Real-IP: 10.0.0.1"]).await, 101);
    assert_eq!(start.elapsed().as_secs(), 0);
    for raw in &mut silent {
        assert_eq!(raw.ask(&UPGRADE).await.status, 101);
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_refused_and_stays_is_hung_up_on() {
    let app = App::with(|builder| builder.authenticate(by_bearer));
    let (mut raw, answer) = ask(serve(&app.live).await, &[]).await;
    assert_eq!(answer.status, 401);
    let start = Instant::now();
    let _end = raw.0.read_to_end(&mut Vec::new()).await;
    assert_eq!(
        start.elapsed().as_secs(),
        0,
        "it has a place that others want"
    );
}

#[tokio::test]
async fn no_limit_is_a_limit_too() {
    let app = App::with(with_limits(|limits| {
        limits.handshake_within = Duration::MAX;
        limits.authenticate_within = Duration::MAX;
        limits.handshakes = usize::MAX;
        limits.connections = usize::MAX;
    }));
    let (listener, address) = listen().await;
    tokio::spawn(rest_live::serve(listener, app.live.clone()));
    Socket::open(address, PATH).await.settle().await;
}
