//! Others: connections that are no live ones, and other processes, that write to the same SQLite
//! file.

mod detect;
mod file;
mod keys;
mod laggards;
mod listen;
pub(super) mod outbox;
mod triggers;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, MutexGuard};
use std::thread::{self, JoinHandle};

use diesel::result::{ConnectionError, ConnectionResult, Error};
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, QueryResult};
use rest_live_core::{Feed, Live};

use self::detect::Watch;
pub(super) use self::file::File;
use self::file::Watched;
use self::listen::{Capturing, Detecting, Order, Work, listen, tell_all};
pub(super) use self::outbox::Consumer;
use crate::capture::LiveBackend;

/// Hears of what others write to a SQLite file: plain connections, other processes, the `sqlite3`
/// shell. It ends when it is dropped.
///
/// One for each file and [`Live`]. Begin with it before pages are served, and keep it as long as
/// they are:
///
/// ```ignore
/// let _others = OtherWriters::capture("todolist.db", &live)?;
/// ```
///
/// | | [`detect`](Self::detect) | [`capture`](Self::capture) |
/// |---|---|---|
/// | what subscribers are told | `resync`: that they have to read again, once a second at the most | the event, as of any other write |
/// | whom that concerns | the subscribers of all models | those of the row's groups |
/// | what it puts into the database | nothing | triggers on the live tables, and three tables `rest_live_...` |
/// | what changes for those others | nothing | some µs for each row that they write; and they need a busy timeout, like all who write to a file that others write to |
pub struct OtherWriters {
    orders: Sender<Order>,
    file: Arc<File>,
    thread: Option<JoinHandle<()>>,
}

impl OtherWriters {
    /// Finds out that others have written, and has the subscribers of all models read again. What it
    /// was that they wrote is not known.
    ///
    /// Statements of their own on live connections then begin with `BEGIN IMMEDIATE` and end with
    /// `COMMIT`. What live connections commit in no way that Diesel knows of (a `VACUUM`, a
    /// checkpoint that empties the log, a raw `BEGIN` whose transaction `COMMIT` does not end) may be
    /// taken for that of others.
    ///
    /// # Errors
    ///
    /// If `url` cannot be opened, is in memory, or is watched already.
    pub fn detect<U: Send + Sync + 'static>(url: &str, live: &Live<U>) -> ConnectionResult<Self> {
        let (file, conn) = open(url, live.feed())?;
        let (orders, inbox) = mpsc::channel();
        let watch = Arc::new(Watch::new(conn, orders.clone()).map_err(set_up)?);
        claim(&file, &orders)?.watch = Some(Arc::clone(&watch));
        let detecting = Detecting::new(watch, live.feed());
        Ok(Self::start(file, orders, inbox, detecting))
    }

    /// Captures what others write, as exactly as what live connections do, whatever they write with.
    ///
    /// It creates the tables `rest_live_outbox`, `rest_live_consumers` and `rest_live_replaced`, and
    /// triggers `rest_live_others_...` on the live tables, where they are not there yet. They stay,
    /// and write nothing while no server listens; [`remove`](Self::remove) takes them away. They
    /// follow changes of the schema, after which all subscribers read again; but a column that they
    /// copy, others cannot drop.
    ///
    /// A server that falls more than 10,000 entries behind is forgotten, and so is one that takes no
    /// entries for 10 s while another one looks: it has ended without a word. Should it come back,
    /// the subscribers of all models read again.
    ///
    /// # Errors
    ///
    /// If `url` cannot be opened or written to, is in memory, or is watched already; or if a live
    /// table cannot be captured.
    pub fn capture<U: Send + Sync + 'static>(url: &str, live: &Live<U>) -> ConnectionResult<Self> {
        let (file, mut conn) = open(url, live.feed())?;
        SqliteConnection::prepare_for_pool(&mut conn).map_err(set_up)?;
        let (orders, inbox) = mpsc::channel();
        let consumer = Consumer((RandomState::new().hash_one("consumer") >> 1) as i64);
        claim(&file, &orders)?.consumer = Some(consumer);
        match Capturing::new(conn, consumer, live.feed()) {
            Ok(capturing) => {
                // Who is here already, or comes back, may have missed something.
                if live.connections() > 0 || live.stats().log.position > 0 {
                    tell_all(live.feed());
                }
                Ok(Self::start(file, orders, inbox, capturing))
            }
            Err(error) => {
                *file.lock() = Default::default();
                Err(set_up(error))
            }
        }
    }

    /// Takes out of a database what [`capture`](Self::capture) has put there. A server that still
    /// captures puts it back.
    ///
    /// # Errors
    ///
    /// If the database cannot be written to.
    pub fn remove(conn: &mut SqliteConnection) -> QueryResult<()> {
        outbox::remove(conn)
    }

    /// Looks now whether others have written, and gives their changes to the dispatcher. By itself it
    /// looks every 50 ms.
    pub fn look(&self) {
        let (done, is_done) = mpsc::channel();
        drop(self.orders.send(Order::Look(Some(done))));
        // The thread ends after this, not before.
        is_done.recv().ok();
    }

    fn start(
        file: Arc<File>,
        orders: Sender<Order>,
        inbox: Receiver<Order>,
        work: impl Work + 'static,
    ) -> Self {
        let thread = thread::spawn(move || listen(work, &inbox));
        Self {
            orders,
            file,
            thread: Some(thread),
        }
    }
}

impl Drop for OtherWriters {
    fn drop(&mut self) {
        *self.file.lock() = Default::default();
        drop(self.orders.send(Order::Stop));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for OtherWriters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherWriters").finish_non_exhaustive()
    }
}

fn open(url: &str, feed: &Feed) -> ConnectionResult<(Arc<File>, SqliteConnection)> {
    let mut conn = SqliteConnection::establish(url)?;
    if file::path(&mut conn).map_err(set_up)?.is_empty() {
        let message = "nobody else can write to a database in memory: there is nothing to hear of";
        return Err(ConnectionError::BadConnection(message.to_owned()));
    }
    let file = File::of(&mut conn, feed.log()).map_err(set_up)?;
    Ok((file, conn))
}

fn claim<'a>(file: &'a File, orders: &Sender<Order>) -> ConnectionResult<MutexGuard<'a, Watched>> {
    let mut watched = file.lock();
    if watched.orders.is_some() {
        let message =
            "what others write to this database is heard of already: one `OtherWriters` is enough";
        return Err(ConnectionError::BadConnection(message.to_owned()));
    }
    watched.orders = Some(orders.clone());
    Ok(watched)
}

fn set_up(error: Error) -> ConnectionError {
    ConnectionError::CouldntSetupConfiguration(error)
}
