//! `LiveManager`: pools of live connections.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use diesel::r2d2::{Error, ManageConnection, R2D2Connection};
use rest_live_core::{Feed, Live};

use crate::capture::LiveBackend;
use crate::connection::LiveConnection;

/// Makes the connections of an r2d2 pool live. In the place of Diesel's `ConnectionManager`:
///
/// ```ignore
/// let pool = Pool::builder().build(LiveManager::<SqliteConnection>::new("todolist.db", &live))?;
/// ```
///
/// On SQLite each connection waits up to five seconds for the write lock (`PRAGMA busy_timeout`).
/// Other pragmas, such as `journal_mode` and `foreign_keys`, are the program's, by r2d2's
/// `connection_customizer`.
pub struct LiveManager<C> {
    url: String,
    feed: Arc<Feed>,
    connection: PhantomData<fn() -> C>,
}

impl<C> LiveManager<C> {
    /// Manages connections to `url`, on which the models of `live` are live.
    pub fn new<U: Send + Sync + 'static>(url: impl Into<String>, live: &Live<U>) -> Self {
        Self {
            url: url.into(),
            feed: Arc::clone(live.feed()),
            connection: PhantomData,
        }
    }
}

impl<C> Clone for LiveManager<C> {
    fn clone(&self) -> Self {
        Self {
            url: self.url.clone(),
            feed: Arc::clone(&self.feed),
            connection: PhantomData,
        }
    }
}

impl<C> fmt::Debug for LiveManager<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL: it may hold a password.
        f.debug_struct("LiveManager")
            .field("feed", &self.feed)
            .finish_non_exhaustive()
    }
}

impl<C> ManageConnection for LiveManager<C>
where
    C: LiveBackend + R2D2Connection + Send + 'static,
{
    type Connection = LiveConnection<C>;
    type Error = Error;

    fn connect(&self) -> Result<LiveConnection<C>, Error> {
        let mut inner = C::establish(&self.url).map_err(Error::ConnectionError)?;
        C::prepare_for_pool(&mut inner)?;
        Ok(LiveConnection::install(inner, &self.feed)?)
    }

    fn is_valid(&self, conn: &mut LiveConnection<C>) -> Result<(), Error> {
        conn.ping().map_err(Error::QueryError)
    }

    fn has_broken(&self, conn: &mut LiveConnection<C>) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}
