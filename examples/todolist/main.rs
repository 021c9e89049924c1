//! A todo list that is live: what one window writes, all windows show. REST reads and writes, the
//! WebSocket tells what changed.
//!
//! ```sh
//! cargo run --example todolist      # then open http://127.0.0.1:3000/ in two windows
//! ```
//!
//! The database is `todolist.db` in the working directory, or the file that `DATABASE_URL` names;
//! the port is 3000, or `PORT`. Read `models.rs` first: it says what is live, and who may see it.
//! Anybody may write; who has logged in sees which tasks are done, and at `/inspector/` what the
//! server does.

#![allow(
    unreachable_pub,
    unnameable_types,
    reason = "in a program, `pub` is for its other modules"
)]

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::{any, get};
use axum::serve::ListenerExt;
use rest_live::prelude::*;
use rest_live::{Inspector, Refusal};
use tokio::net::TcpListener;
use tokio::signal;

use self::database::Database;
use self::login::{Sessions, User};
use self::models::{List, Task};

mod database;
mod error;
mod form;
mod lists;
mod login;
pub mod models;
mod path;
mod schema;
mod tasks;

/// What people type who forget the slash at the end.
const WITHOUT_SLASH: [&str; 9] = [
    "/inspector",
    "/login",
    "/logout",
    "/me",
    "/lists",
    "/lists/{id}",
    "/lists/{id}/complete",
    "/tasks",
    "/tasks/{id}",
];

/// What every handler can ask for.
#[derive(Clone)]
pub struct App {
    database: Database,
    sessions: Sessions,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    tracing_subscriber::fmt::init();
    let database_url = env::var("DATABASE_URL").unwrap_or_else(|_| "todolist.db".to_owned());
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let (app, live) = app(&database_url)?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tracing::info!("open http://{}/ in two windows", listener.local_addr()?);
    // Without it, an event can wait 40 ms for the one before it to be acknowledged.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    axum::serve(listener, app)
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

/// The whole application, on the database at `database_url`, and what of it is live.
pub(crate) fn app(
    database_url: &str,
) -> Result<(Router, Live<User>), Box<dyn Error + Send + Sync>> {
    let sessions = Sessions::default();
    let live = live(sessions.clone())?;
    let inspector = inspector(&live, sessions.clone());
    let database = Database::open(database_url, &live)?;
    let router = Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/rest-live.js", get(client))
        .route_service("/ws/subscribe/", live.service())
        .route_service("/inspector/", inspector)
        .merge(login::routes())
        .merge(lists::routes())
        .merge(tasks::routes());
    let router = WITHOUT_SLASH.into_iter().fold(router, |router, path| {
        router.route(path, any(path::add_slash))
    });
    let router = router
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .with_state(App { database, sessions });
    Ok((router, live))
}

/// The client that the page imports, as `client/` builds it.
async fn client() -> impl IntoResponse {
    let script = include_str!("rest-live.js");
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], script)
}

/// What is live, and who connects: the user whose session cookie comes with the request for a
/// WebSocket.
fn live(sessions: Sessions) -> Result<Live<User>, impl Error + Send + Sync> {
    Live::builder()
        .model::<List>()
        .model::<Task>()
        .authenticate(move |handshake| {
            let user = sessions.user(handshake.headers());
            async { Ok(user) }
        })
        .identify(|user| user.name().map(str::to_owned))
        .build()
}

/// A page that shows what is going on, for those who have logged in. In an application with
/// passwords, it is for operators: they see what every user sees.
fn inspector(live: &Live<User>, sessions: Sessions) -> Inspector<User> {
    live.inspector(move |request| {
        let user = sessions.user(request.headers());
        async move {
            match user.is_authenticated() {
                true => Ok(()),
                false => Err(Refusal::unauthorized("log in first, on the page at /")),
            }
        }
    })
}
