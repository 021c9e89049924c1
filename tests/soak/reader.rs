//! A client that behaves well: it applies what it gets, comes back and resumes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{PATH, Socket};
use crate::support::{App, Task, tasks};

/// When nothing has been told for so long, there is nothing to tell.
const PATIENCE: Duration = Duration::from_millis(500);

pub(crate) struct Reader {
    app: Arc<App>,
    address: SocketAddr,
    pub(crate) number: usize,
    pub(crate) list: i32,
    /// What its page shows: the texts by primary key.
    pub(crate) rows: BTreeMap<i64, String>,
    cursor: Option<String>,
    pub(crate) resumed: usize,
    pub(crate) read_again: usize,
}

/// What the database holds of a list, as somebody sees it who is not logged in.
pub(crate) fn rows(app: &App, list: i32) -> BTreeMap<i64, String> {
    let rows = tasks::table
        .filter(tasks::list_id.eq(list))
        .select(Task::as_select())
        .load(&mut app.conn())
        .unwrap();
    rows.into_iter()
        .map(|task| (task.id.into(), task.text))
        .collect()
}

impl Reader {
    pub(crate) fn new(app: &Arc<App>, address: SocketAddr, number: usize) -> Self {
        Self {
            app: Arc::clone(app),
            address,
            number,
            list: 1 + (number % 3) as i32,
            rows: BTreeMap::new(),
            cursor: None,
            resumed: 0,
            read_again: 0,
        }
    }

    /// Reads until it is over and there is nothing more to come.
    pub(crate) async fn read_until(mut self, is_over: Arc<AtomicBool>) -> Self {
        loop {
            let mut socket = Socket::open(self.address, PATH).await;
            let mut subscribe = json!({"id": 1, "model": "todolist.Task", "property": "list_id", "value": self.list});
            if let Some(cursor) = &self.cursor {
                subscribe["since"] = cursor.as_str().into();
            }
            socket.send(&subscribe).await;
            // Each stays for another number of messages, and reads as fast as it can.
            let most = 50 + self.number * 37;
            let mut quiet = Instant::now() + PATIENCE;
            for read in 0.. {
                let message = tokio::time::timeout_at(quiet, socket.stream().next()).await;
                match message {
                    Ok(Some(Ok(Message::Text(text)))) => {
                        self.apply(&serde_json::from_str(&text).unwrap());
                        quiet = Instant::now() + PATIENCE;
                    }
                    Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                    // The server has closed: it could not keep up. It comes back.
                    Ok(_) => break,
                    Err(_) if is_over.load(Ordering::Relaxed) => return self,
                    Err(_) => quiet = Instant::now() + PATIENCE,
                }
                if read > most && !is_over.load(Ordering::Relaxed) {
                    // Without a word, as when a laptop is closed.
                    break;
                }
            }
        }
    }

    fn apply(&mut self, message: &Value) {
        let instance = &message["instance"];
        match (
            message["type"].as_str().unwrap(),
            message["action"].as_str(),
        ) {
            ("subscribed", _) if message["recovered"] == true => self.resumed += 1,
            ("subscribed" | "resync", _) => {
                self.read_again += 1;
                self.rows = rows(&self.app, self.list);
            }
            ("broadcast", Some("DELETED")) => {
                self.rows.remove(&instance["id"].as_i64().unwrap());
            }
            ("broadcast", Some(_)) => {
                let text = instance["text"].as_str().unwrap().to_owned();
                self.rows.insert(instance["id"].as_i64().unwrap(), text);
            }
            _ => panic!("{message}"),
        }
        self.cursor = Some(message["cursor"].as_str().unwrap().to_owned());
    }
}
