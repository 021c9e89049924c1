//! Capture: how a backend finds out which rows changed.

use std::sync::Arc;

use diesel::expression::QueryMetadata;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::row::Row;
use diesel::{Connection, QueryResult};
use rest_live_core::Feed;

/// A Diesel connection whose changes can be captured.
#[diagnostic::on_unimplemented(
    message = "changes on a `{Self}` cannot be captured",
    label = "no backend of rest-live",
    note = "turn on the feature of rest-live for your database: `sqlite`"
)]
pub trait LiveBackend: Connection + Sized {
    /// How its changes are found.
    type Capture: Capture<Self>;

    /// A row that outlives its statement.
    type OwnedRow: for<'a> Row<'a, Self::Backend> + Send + 'static;

    /// Sets up a new connection of a pool, which has to get along with the others.
    ///
    /// # Errors
    ///
    /// If the database does not let it.
    fn prepare_for_pool(conn: &mut Self) -> QueryResult<()>;

    /// Runs a query to its end.
    ///
    /// # Errors
    ///
    /// Those of the query, before its first row.
    fn load_to_the_end<T>(
        conn: &mut Self,
        query: T,
    ) -> QueryResult<Vec<QueryResult<Self::OwnedRow>>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId,
        Self::Backend: QueryMetadata<T::SqlType>;
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementKind {
    /// It reads only, for certain.
    Read,
    /// It writes rows.
    Write,
    /// It changes the schema, and can do so in a transaction.
    ChangeSchema,
    /// It begins a transaction or a savepoint.
    Begin,
    /// It may end a transaction.
    Commit,
    /// Anything else.
    Other,
}

impl StatementKind {
    /// Whether the schema may be another after it.
    pub(crate) fn may_change_schema(self) -> bool {
        matches!(self, Self::ChangeSchema | Self::Other)
    }
}

/// How the changes on a connection are found, and when they are released.
///
/// One implementation a backend. What it finds are [`Change`](rest_live_core::Change)s; they enter
/// the log by a [`Ticket`](rest_live_core::Ticket), drawn while the writing transaction holds its
/// locks.
pub trait Capture<C: Connection>: Send + Sized {
    /// Prepares a connection.
    ///
    /// # Errors
    ///
    /// If a registered model's table cannot be captured. The error says which, and why.
    fn install(conn: &mut C, feed: &Arc<Feed>) -> QueryResult<Self>;

    /// Opens the outermost transaction.
    ///
    /// # Errors
    ///
    /// If the database does not let it.
    fn begin(&mut self, conn: &mut C) -> QueryResult<()>;

    /// Executes a batch of SQL, which may change the schema.
    ///
    /// # Errors
    ///
    /// Those of the batch; or if a registered model's table can no longer be captured.
    fn batch_execute(&mut self, conn: &mut C, sql: &str) -> QueryResult<()>;

    /// A statement failed. Whether it did because of the capture, which now has stepped aside for
    /// another try, until [`Capture::schema_may_have_changed`].
    ///
    /// # Errors
    ///
    /// Those of the database.
    fn try_again(&mut self, conn: &mut C, error: &Error) -> QueryResult<bool>;

    /// What a query does. Asked for every query, so the answer should be quick.
    fn kind<T: QueryFragment<C::Backend> + QueryId>(&mut self, query: &T) -> StatementKind;

    /// A statement is about to be executed outside of a transaction.
    ///
    /// # Errors
    ///
    /// If others have changed the schema so that a registered model's table can no longer be
    /// captured.
    fn prepare(&mut self, conn: &mut C) -> QueryResult<()>;

    /// Executes a statement that may commit: one outside of a transaction, or the one that ends it.
    ///
    /// # Errors
    ///
    /// Those of the statement.
    fn execute<T>(
        &mut self,
        conn: &mut C,
        kind: StatementKind,
        statement: impl FnOnce(&mut C) -> QueryResult<T>,
    ) -> QueryResult<T>;

    /// A statement was executed that may have changed the schema.
    fn schema_may_have_changed(&mut self, conn: &mut C);

    /// No transaction is open any more, as far as Diesel knows, or Diesel may be wrong about it: if
    /// none is, releases what was committed, and forgets the rest.
    fn settle(&mut self, conn: &mut C);

    /// From now on, changes make no events, or make them again. Gives what was in force.
    fn set_silent(&mut self, silent: bool) -> bool;
}
