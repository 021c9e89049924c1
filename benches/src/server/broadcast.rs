//! What one writes by hand: axum, a broadcast channel a list, one task a socket.
//!
//! A good one of its kind: each event is encoded once, and its bytes are shared; buffers are small
//! and `TCP_NODELAY` is on. The plain one has what axum gives without asking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use diesel::SqliteConnection;
use diesel::r2d2::{ConnectionManager, PooledConnection};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

use super::model::{self, Event, Row};
use super::writers::{Writer, Writers};
use super::{bind, obey, runtime};
use crate::Result;
use crate::control::{Kind, Spec};

/// Events that a subscriber may be behind.
const CAPACITY: usize = 1024;

/// The lists that somebody listens to.
#[derive(Clone)]
struct Lists {
    senders: Arc<Mutex<HashMap<i32, Sender<Utf8Bytes>>>>,
    is_tuned: bool,
}

/// The event, in rest-live's seed form.
#[derive(Serialize)]
struct Told<'a> {
    model: &'a str,
    instance: &'a Event,
    action: &'a str,
}

pub fn serve(spec: &Spec) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let url = directory.path().join("events.db").display().to_string();
    model::create(&url, spec.text)?;
    let pool = model::pool(
        ConnectionManager::<SqliteConnection>::new(url),
        spec.writers,
    )?;
    let lists = Lists {
        senders: Arc::default(),
        is_tuned: spec.kind == Kind::Broadcast,
    };
    let writer = || {
        Ok(PlainWriter {
            conn: pool.get()?,
            lists: lists.clone(),
            text: model::text(spec.text),
        })
    };
    let writers = (0..spec.writers).map(|_| writer());
    let writers = Writers::start(writers.collect::<Result<Vec<_>>>()?);

    let runtime = runtime()?;
    let listener = runtime.block_on(bind())?;
    let port = listener.local_addr()?.port();
    let is_tuned = lists.is_tuned;
    let router = Router::new()
        .route("/lists/{list}", get(upgrade))
        .with_state(lists);
    let listener = listener.tap_io(move |socket| {
        if is_tuned {
            drop(socket.set_nodelay(true));
        }
    });
    runtime.spawn(async { axum::serve(listener, router).await });
    obey(port, &writers)
}

async fn upgrade(
    State(lists): State<Lists>,
    Path(list): Path<i32>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let events = lists.listen(list);
    let upgrade = if lists.is_tuned {
        upgrade.read_buffer_size(1024).write_buffer_size(8 * 1024)
    } else {
        upgrade
    };
    upgrade.on_upgrade(|socket| converse(socket, events))
}

async fn converse(mut socket: WebSocket, mut events: Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => if socket.send(Message::Text(event)).await.is_err() {
                    return;
                },
                // As is usual: what was missed is missed.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => if !matches!(message, Some(Ok(_))) {
                return;
            },
        }
    }
}

impl Lists {
    fn listen(&self, list: i32) -> Receiver<Utf8Bytes> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = senders
            .entry(list)
            .or_insert_with(|| broadcast::channel(CAPACITY).0);
        sender.subscribe()
    }

    fn sender(&self, list: i32) -> Option<Sender<Utf8Bytes>> {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.get(&list).cloned()
    }
}

struct PlainWriter {
    conn: PooledConnection<ConnectionManager<SqliteConnection>>,
    lists: Lists,
    text: String,
}

impl Writer for PlainWriter {
    fn commit(&mut self, group: i32, due: u64) -> Result<()> {
        model::update(&mut *self.conn, group, due)?;
        if let Some(sender) = self.lists.sender(group) {
            let event = Event::new(group, due.cast_signed(), &self.text);
            let told = Told {
                model: "load.Event",
                instance: &event,
                action: "UPDATED",
            };
            // An error says that nobody listens.
            let _ = sender.send(serde_json::to_string(&told)?.into());
        }
        Ok(())
    }
}
