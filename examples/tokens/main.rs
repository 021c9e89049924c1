//! Notes that some may read: whoever connects says by a token who he is, and the rows come by the
//! socket too, as snapshots.
//!
//! ```sh
//! cargo run --example tokens
//! curl -X POST -d anna http://127.0.0.1:3000/token/
//! ```
//!
//! The second gives a token, for a minute. With that, in the console (F12) of about:blank:
//!
//! ```js
//! socket = new WebSocket("ws://127.0.0.1:3000/ws/subscribe/", ["rest-live", "bearer.<token>"]);
//! socket.onmessage = ({ data }) => console.log(data);
//! socket.onopen = () => socket.send('{"id":1,"model":"tokens.Note","property":"room","value":1,"snapshot":true}');
//! ```
//!
//! And to write, `curl -H 'Authorization: Bearer <token>' --json '{"room":1,"text":"hello"}' http://127.0.0.1:3000/notes/`.
//!
//! The database is `tokens.db` in the working directory, or the file that `DATABASE_URL` names; the
//! port is 3000, or `PORT`; a token is good for 60 seconds, or `TOKEN_SECONDS`.

#![allow(
    unreachable_pub,
    unnameable_types,
    reason = "in a program, `pub` is for its other modules"
)]

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use rest_live::prelude::*;
use rest_live::{Grant, Handshake, Refusal, SqliteSnapshots};
use tokio::net::TcpListener;
use tokio::signal;

use self::notes::Note;
use self::users::{User, Users};

mod notes;
mod users;

/// What every handler can ask for.
#[derive(Clone)]
pub struct App {
    users: Users,
    live: Live<User>,
    pool: Pool<LiveManager<SqliteConnection>>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    tracing_subscriber::fmt::init();
    let database_url = env::var("DATABASE_URL").unwrap_or_else(|_| "tokens.db".to_owned());
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let seconds = env::var("TOKEN_SECONDS").map_or(Ok(60), |seconds| seconds.parse())?;

    notes::create_table(&database_url)?;
    let users = Users::new(Duration::from_secs(seconds));
    let live = live(&users, &database_url)?;
    let pool = Pool::new(LiveManager::new(&database_url, &live))?;
    let router = Router::new()
        .route_service("/ws/subscribe/", live.service())
        .merge(users::routes())
        .merge(notes::routes())
        .with_state(App {
            users,
            live: live.clone(),
            pool,
        });
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tracing::info!("listening on http://{}/", listener.local_addr()?);
    // Without it, an event can wait 40 ms for the one before it to be acknowledged.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            stop_signal().await;
            live.shutdown(Duration::from_secs(20)).await;
        })
        .await?;
    Ok(())
}

/// Ready at Ctrl-C, and on Unix at what service managers send: SIGTERM.
async fn stop_signal() {
    #[cfg(unix)]
    if let Ok(mut terminated) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminated.recv() => return,
            _ = signal::ctrl_c() => return,
        }
    }
    drop(signal::ctrl_c().await);
}

/// Who is there says a token: in the request, or in the first message. Later messages renew it.
fn live(users: &Users, database_url: &str) -> Result<Live<User>, Box<dyn Error + Send + Sync>> {
    // Connections of their own, as they only read.
    let snapshots = SqliteSnapshots::new(Pool::new(ConnectionManager::new(database_url))?);
    let by_request = by_token(users);
    let by_message = by_token(users);
    let users = users.clone();
    let live = Live::builder()
        .model::<Note>()
        .snapshots::<Note>(snapshots)
        .authenticate(move |handshake: Handshake| {
            let grant = match handshake.bearer() {
                Some(token) => by_request(token),
                None => Err(Refusal::not_yet()),
            };
            async { grant }
        })
        .authenticate_message(move |token: String| {
            let grant = by_message(&token);
            async { grant }
        })
        .refresh(move |user: Arc<User>| {
            let user = users.by_now(&user.name).map_err(Refusal::from);
            async { user }
        })
        // Nobody acts as somebody else by a token that he does not have.
        .allow_any_origin()
        .build()?;
    Ok(live)
}

fn by_token(users: &Users) -> impl Fn(&str) -> Result<Grant<User>, Refusal> + use<> {
    let users = users.clone();
    move |token| {
        let (user, expires_at) = users.of_token(token)?;
        Ok(Grant::new(user).expires_at(expires_at))
    }
}
