//! The servers, each as a child process would run it.

mod broadcast;
mod epoll;
mod live;
mod model;
mod writers;

use std::io::{self, BufRead, Write};

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use self::writers::Writers;
use crate::Result;
use crate::control::{Kind, Listening, Order, Spec};

/// Serves until stdin ends.
pub fn serve(spec: &Spec) -> Result<()> {
    match spec.kind {
        Kind::Epoll => epoll::serve(spec),
        Kind::Log => live::serve_log::<model::Event>(spec),
        Kind::Guarded => live::serve_log::<model::GuardedEvent>(spec),
        Kind::Sqlite => live::serve_sqlite(spec),
        Kind::Broadcast | Kind::BroadcastPlain => broadcast::serve(spec),
    }
}

/// As many threads as there are cores for this process.
fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

async fn bind() -> io::Result<TcpListener> {
    TcpListener::bind("0.0.0.0:0").await
}

/// Says where it listens, and does what it is told.
fn obey(port: u16, writers: &Writers) -> Result<()> {
    say(&Listening { port })?;
    for order in orders() {
        match order? {
            Order::Commit(commit) => writers.commit(commit)?,
            Order::Report => say(&writers.report()?)?,
        }
    }
    Ok(())
}

fn orders() -> impl Iterator<Item = Result<Order>> {
    let parse = |line: io::Result<String>| Ok(serde_json::from_str(&line?)?);
    io::stdin().lock().lines().map(parse)
}

fn say(line: &impl Serialize) -> Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, line)?;
    writeln!(stdout)?;
    Ok(stdout.flush()?)
}
