//! What the load tells the server, and what it hears back: lines of JSON over stdin and stdout.

use serde::{Deserialize, Serialize};

/// Which server to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    pub kind: Kind,
    /// Bytes of the text in each row.
    pub text: usize,
    pub writers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// One write a socket: what the kernel costs.
    Epoll,
    /// rest-live, whose writers go to the log without a database.
    Log,
    /// The same, with a permission that is asked for each event and subscriber.
    Guarded,
    /// rest-live with SQLite through Diesel.
    Sqlite,
    /// axum and a tokio broadcast channel, written by hand, with SQLite through plain Diesel.
    Broadcast,
    /// The same with axum's default buffers, and without `TCP_NODELAY`.
    BroadcastPlain,
}

/// A line to the server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Order {
    Commit(Commit),
    /// Wait until all is committed, and say what it cost since the last time.
    Report,
}

/// Commits to make, each an update of one row.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Commit {
    /// The row, and the group that it is in.
    pub group: i32,
    pub count: usize,
    /// When they were to be made, in nanoseconds of the monotonic clock: the event carries it.
    pub due: u64,
}

/// A line from the server, once it listens.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listening {
    pub port: u16,
}

/// What commits cost the threads that made them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    pub commits: u64,
    pub wall_p50_us: f64,
    pub wall_p99_us: f64,
    pub cpu_us: f64,
}
