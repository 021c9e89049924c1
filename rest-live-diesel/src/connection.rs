//! `LiveConnection`: a Diesel connection that tells what it commits.

use std::fmt;
use std::sync::Arc;

use diesel::connection::{
    CacheSize, ConnectionSealed, Instrumentation, LoadConnection, SimpleConnection,
    TransactionManager,
};
use diesel::expression::QueryMetadata;
use diesel::migration::MigrationConnection;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::query_dsl::UpdateAndFetchResults;
use diesel::r2d2::R2D2Connection;
use diesel::result::{ConnectionError, ConnectionResult};
use diesel::{Connection, QueryResult};
use rest_live_core::{Feed, Live};

use crate::capture::{Capture, LiveBackend, StatementKind};
use crate::row::{Cursor, CursorRow};
use crate::transaction::{LiveTransactionManager, is_in_transaction};

/// A Diesel connection that emits events for what is committed on it.
///
/// It is a Diesel [`Connection`] of the same backend as `C`, to be used like any other: statements,
/// transactions and savepoints, migrations, pools. Events leave once the transaction has committed,
/// and only then.
///
/// Get one from a pool of [`LiveManager`](crate::LiveManager)s, or wrap a connection with
/// [`LiveConnection::new`].
pub struct LiveConnection<C: LiveBackend> {
    pub(crate) inner: C,
    pub(crate) capture: C::Capture,
    /// Whether a statement may have ended Diesel's transaction without Diesel, as `INSERT OR
    /// ROLLBACK` does when it fails.
    is_in_doubt: bool,
}

impl<C: LiveBackend> LiveConnection<C> {
    pub(crate) fn install(mut inner: C, feed: &Arc<Feed>) -> QueryResult<Self> {
        let capture = C::Capture::install(&mut inner, feed)?;
        Ok(Self {
            inner,
            capture,
            is_in_doubt: false,
        })
    }

    /// Makes a connection tell the changes of the registered models' tables.
    ///
    /// Tables may be created, by migrations on this connection, before or after.
    ///
    /// # Errors
    ///
    /// If a registered model's table cannot be captured. The error says which, and why.
    pub fn new<U: Send + Sync + 'static>(connection: C, live: &Live<U>) -> QueryResult<Self> {
        Self::install(connection, live.feed())
    }

    /// Writes without events: for imports, and for repairs that nobody is to see.
    ///
    /// The rows are changed all the same. Whoever shows them shows stale ones until the next event
    /// or read.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn silently<T, E>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let was_silent = self.capture.set_silent(true);
        let silent = Silent {
            connection: self,
            was_silent,
        };
        write(silent.connection)
    }

    /// The wrapped connection, for what only its own type can do, such as registering a function or
    /// a collation.
    ///
    /// Do not begin or end transactions on it: Diesel's own count of them would be off. Events of
    /// what is written on it leave with the next statement on the `LiveConnection`, or when it
    /// is dropped or goes back to its pool.
    pub fn inner_mut(&mut self) -> &mut C {
        &mut self.inner
    }

    /// Runs a statement whose result is complete when it returns, and releases its events unless a
    /// transaction is open.
    pub(crate) fn execute<T>(
        &mut self,
        kind: StatementKind,
        statement: impl FnOnce(&mut C) -> QueryResult<T>,
    ) -> QueryResult<T> {
        self.settle();
        let result = if is_in_transaction(&mut self.inner) {
            statement(&mut self.inner)
        } else {
            self.capture.prepare(&mut self.inner)?;
            self.capture.execute(&mut self.inner, kind, statement)
        };
        self.is_in_doubt |= result.is_err();
        self.settle();
        result
    }

    /// Runs a statement that writes rows.
    pub(crate) fn write<T>(
        &mut self,
        statement: impl FnOnce(&mut C) -> QueryResult<T>,
    ) -> QueryResult<T> {
        self.execute(StatementKind::Write, statement)
    }

    pub(crate) fn settle(&mut self) {
        let is_in_transaction = is_in_transaction(&mut self.inner);
        self.is_in_doubt &= is_in_transaction;
        if !is_in_transaction || self.is_in_doubt {
            self.capture.settle(&mut self.inner);
        }
    }
}

/// Ends the silence, also when the closure panics.
struct Silent<'a, C: LiveBackend> {
    connection: &'a mut LiveConnection<C>,
    was_silent: bool,
}

impl<C: LiveBackend> Drop for Silent<'_, C> {
    fn drop(&mut self) {
        self.connection.capture.set_silent(self.was_silent);
    }
}

impl<C: LiveBackend> Drop for LiveConnection<C> {
    fn drop(&mut self) {
        self.settle();
    }
}

impl<C: LiveBackend> fmt::Debug for LiveConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveConnection").finish_non_exhaustive()
    }
}

impl<C: LiveBackend> SimpleConnection for LiveConnection<C> {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.settle();
        let result = self.capture.batch_execute(&mut self.inner, query);
        self.is_in_doubt |= result.is_err();
        self.settle();
        result
    }
}

impl<C: LiveBackend> ConnectionSealed for LiveConnection<C> {}

impl<C: LiveBackend> Connection for LiveConnection<C> {
    type Backend = C::Backend;
    type TransactionManager = LiveTransactionManager<C::TransactionManager>;

    /// Always an error: a connection that does not know the registered models would lose their
    /// events.
    fn establish(_: &str) -> ConnectionResult<Self> {
        let message = "a LiveConnection has to know what is live: \
            use `LiveConnection::new(connection, &live)`, or a pool of `LiveManager::new(url, &live)`";
        Err(ConnectionError::BadConnection(message.to_owned()))
    }

    fn begin_test_transaction(&mut self) -> QueryResult<()> {
        self.settle();
        self.inner.begin_test_transaction()
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        let kind = self.capture.kind(source);
        let mut result = self.execute(kind, |inner| inner.execute_returning_count(source));
        if let Err(error) = &result
            && self.capture.try_again(&mut self.inner, error)?
        {
            // Beside the capture, until the look at the schema.
            result = self.inner.execute_returning_count(source);
            self.capture.schema_may_have_changed(&mut self.inner);
            self.settle();
        }
        // It has no static query id; nor has `sql_query`, by which it comes.
        if T::query_id().is_none() && kind.may_change_schema() {
            self.capture.schema_may_have_changed(&mut self.inner);
            self.settle();
        }
        result
    }

    fn transaction_state(
        &mut self,
    ) -> &mut <Self::TransactionManager as TransactionManager<Self>>::TransactionStateData {
        self.inner.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.inner.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.inner.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.inner.set_prepared_statement_cache_size(size);
    }
}

impl<B, C: LiveBackend + LoadConnection<B>> LoadConnection<B> for LiveConnection<C> {
    type Cursor<'conn, 'query>
        = Cursor<C::Cursor<'conn, 'query>, C::OwnedRow>
    where
        Self: 'conn;
    type Row<'conn, 'query>
        = CursorRow<C::Row<'conn, 'query>, C::OwnedRow>
    where
        Self: 'conn;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        let kind = self.capture.kind(&source);
        if kind != StatementKind::Read && !is_in_transaction(&mut self.inner) {
            // A statement with RETURNING has committed when its last row has been read, and not before:
            // so it is read here.
            let rows = self.execute(kind, |inner| C::load_to_the_end(inner, source))?;
            return Ok(Cursor::Ended(rows.into_iter()));
        }
        self.settle();
        // It is not known here whether the statement will fail.
        self.is_in_doubt = true;
        self.inner.load(source).map(Cursor::Streamed)
    }
}

impl<C: LiveBackend + MigrationConnection> MigrationConnection for LiveConnection<C> {
    fn setup(&mut self) -> QueryResult<usize> {
        self.inner.setup()
    }
}

impl<C: LiveBackend + R2D2Connection> R2D2Connection for LiveConnection<C> {
    fn ping(&mut self) -> QueryResult<()> {
        self.inner.ping()
    }

    /// Also the moment when a connection goes back to its pool.
    fn is_broken(&mut self) -> bool {
        self.settle();
        self.inner.is_broken()
    }
}

impl<Changes, Output, C> UpdateAndFetchResults<Changes, Output> for LiveConnection<C>
where
    C: LiveBackend + UpdateAndFetchResults<Changes, Output>,
{
    fn update_and_fetch(&mut self, changeset: Changes) -> QueryResult<Output> {
        self.write(|inner| inner.update_and_fetch(changeset))
    }
}
