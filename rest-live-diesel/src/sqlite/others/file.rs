//! The database files that live connections write to, and whether others are watched there.

use std::collections::HashMap;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::connection::LoadConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::{Sqlite, SqliteConnection};
use rest_live_core::Log;

use super::detect::Watch;
use super::listen::Order;
use super::outbox::Consumer;

/// How long it is waited for a look at what others have written.
const PATIENCE: Duration = Duration::from_millis(50);

/// The files of one log.
#[derive(Default)]
struct Files(Mutex<HashMap<String, Arc<File>>>);

/// A database file, as the connections of one log share it.
#[derive(Default)]
pub(in crate::sqlite) struct File(Mutex<Watched>);

/// How others are watched, if they are.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) consumer: Option<Consumer>,
    pub(super) watch: Option<Arc<Watch>>,
    pub(super) orders: Option<Sender<Order>>,
}

#[derive(QueryableByName)]
struct Path {
    #[diesel(sql_type = Text)]
    path: String,
}

impl File {
    /// The file of a connection. One that is in memory is nobody else's.
    pub(in crate::sqlite) fn of(conn: &mut SqliteConnection, log: &Log) -> QueryResult<Arc<Self>> {
        let path = path(conn)?;
        if path.is_empty() {
            return Ok(Arc::default());
        }
        let files = log.shared::<Files>();
        let mut files = files.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(files.entry(path).or_default()))
    }

    /// Who hears of what others write.
    pub(in crate::sqlite) fn consumer(&self) -> Option<Consumer> {
        self.lock().consumer
    }

    /// What finds out that others write.
    pub(in crate::sqlite) fn watch(&self) -> Option<Arc<Watch>> {
        self.lock().watch.clone()
    }

    /// Waits until it was looked whether others have written, but not for ever.
    pub(in crate::sqlite) fn look(&self) {
        let Some(orders) = self.lock().orders.clone() else {
            return;
        };
        let (done, is_done) = mpsc::channel();
        drop(orders.send(Order::Look(Some(done))));
        is_done.recv_timeout(PATIENCE).ok();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the main database of a connection is; empty if it is in memory.
pub(super) fn path<C>(conn: &mut C) -> QueryResult<String>
where
    C: LoadConnection<Backend = Sqlite>,
{
    let sql = "SELECT coalesce(file, '') AS path FROM pragma_database_list WHERE name = 'main'";
    diesel::sql_query(sql)
        .get_result(conn)
        .map(|Path { path }| path)
}
