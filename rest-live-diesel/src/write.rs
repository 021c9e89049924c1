//! Typed writes: `create`, `save` and `delete` on models.

use diesel::associations::HasTable;
use diesel::query_builder::{
    AsQuery, DeleteStatement, InsertStatement, IntoUpdateTarget, QueryFragment, QueryId,
    UpdateStatement,
};
use diesel::{AsChangeset, Insertable, QueryResult};

use crate::capture::LiveBackend;
use crate::connection::LiveConnection;
use crate::model::{LiveModel, SaveColumns};

/// Writes of one row, on every model that derives `Subscribable`.
pub trait LiveDsl: LiveModel {
    /// Inserts a row, and gives it as the database holds it: with its key and its defaults.
    ///
    /// `values` is what Diesel's `insert_into(...).values(...)` takes.
    ///
    /// # Errors
    ///
    /// Those of the database, such as a violated constraint.
    fn create<V, C>(conn: &mut LiveConnection<C>, values: V) -> QueryResult<Self>
    where
        V: Insertable<Self::Table>,
        C: LiveBackend + FetchRow<InsertStatement<Self::Table, V::Values>, Self>,
    {
        let statement = diesel::insert_into(Self::Table::table()).values(values);
        conn.write(|inner| inner.fetch_row(statement))
    }

    /// Writes all columns of this row but its key, `None` as `NULL`, and gives it as the database
    /// holds it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](diesel::result::Error::NotFound) if there is no row with this key, or those of
    /// the database.
    fn save<'a, C>(&'a self, conn: &mut LiveConnection<C>) -> QueryResult<Self>
    where
        Self: SaveColumns,
        Save<'a, Self>: AsQuery,
        C: LiveBackend + FetchRow<Save<'a, Self>, Self>,
    {
        let statement = diesel::update(self.by_key()).set(self.columns());
        conn.write(|inner| inner.fetch_row(statement))
    }

    /// Deletes this row. Gives the number of rows deleted: one, or none if there was none with this
    /// key.
    ///
    /// # Errors
    ///
    /// Those of the database, such as a violated constraint.
    fn delete<C>(&self, conn: &mut LiveConnection<C>) -> QueryResult<usize>
    where
        C: LiveBackend,
        Delete<Self>: QueryFragment<C::Backend> + QueryId,
    {
        let statement = diesel::delete(self.by_key());
        conn.write(|inner| inner.execute_returning_count(&statement))
    }
}

impl<M: LiveModel> LiveDsl for M {}

/// The statement of [`LiveDsl::save`].
pub type Save<'a, M> = UpdateStatement<
    <M as LiveModel>::Table,
    <<M as LiveModel>::ByKey as IntoUpdateTarget>::WhereClause,
    <<M as SaveColumns>::Columns<'a> as AsChangeset>::Changeset,
>;

/// The statement of [`LiveDsl::delete`].
pub type Delete<M> = DeleteStatement<
    <M as LiveModel>::Table,
    <<M as LiveModel>::ByKey as IntoUpdateTarget>::WhereClause,
>;

/// A connection that can run a write of one row of `M` and read the row it wrote.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot write this to the table of `{M}` and read the row back",
    note = "the values must be for the table of `{M}`, and `{M}` must be `Queryable` and `Selectable`"
)]
pub trait FetchRow<Statement, M> {
    /// Runs the statement, and gives the row that it wrote.
    ///
    /// # Errors
    ///
    /// [`NotFound`](diesel::result::Error::NotFound) if it wrote none, or those of the database.
    fn fetch_row(&mut self, statement: Statement) -> QueryResult<M>;
}
