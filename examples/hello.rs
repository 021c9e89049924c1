//! The smallest live program: one row that changes every second, and a WebSocket that tells it.
//!
//! ```sh
//! cargo run --example hello
//! ```
//!
//! To watch it, open <http://127.0.0.1:3000/> in a browser, and type into its console (F12):
//!
//! ```js
//! socket = new WebSocket("ws://127.0.0.1:3000/");
//! socket.onopen = () => socket.send('{"model":"hello.Counter","value":1}');
//! socket.onmessage = ({ data }) => console.log(data);
//! ```
//!
//! Or run `websocat ws://127.0.0.1:3000/`, and type `{"model":"hello.Counter","value":1}`.

use std::error::Error;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;
use tokio::net::TcpListener;

diesel::table! { counters { id -> Integer, count -> Integer, } }

#[derive(Debug, Queryable, Selectable, Identifiable, Insertable, Serialize, Subscribable)]
#[diesel(table_name = counters)]
#[subscribable]
struct Counter {
    id: i32,
    count: i32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let live = Live::<()>::builder()
        .model::<Counter>()
        .anonymous()
        .build()?;
    let conn = LiveConnection::new(SqliteConnection::establish(":memory:")?, &live)?;
    thread::spawn(|| count(conn).unwrap_or_else(|error| tracing::error!(%error, "cannot count")));
    rest_live::serve(TcpListener::bind("127.0.0.1:3000").await?, live).await;
    Ok(())
}

fn count(mut conn: LiveConnection<SqliteConnection>) -> QueryResult<()> {
    conn.batch_execute(
        "CREATE TABLE counters (id INTEGER PRIMARY KEY NOT NULL, count INTEGER NOT NULL)",
    )?;
    let mut counter = Counter::create(&mut conn, Counter { id: 1, count: 0 })?;
    loop {
        counter.count += 1;
        counter = counter.save(&mut conn)?;
        thread::sleep(Duration::from_secs(1));
    }
}
