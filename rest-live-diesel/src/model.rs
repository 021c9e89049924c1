//! What the derive says about a model's table.

use diesel::associations::HasTable;
use diesel::backend::Backend;
use diesel::deserialize::FromSqlRow;
use diesel::query_builder::{IntoUpdateTarget, QueryFragment};
use diesel::{AsChangeset, Expression, Selectable, Table};
use rest_live_core::Subscribable;

/// A live model's table, and how to find one row in it.
///
/// Derived, not written: `#[derive(Subscribable)]` implements it from `#[diesel(table_name = ...)]`
/// and the primary key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a live Diesel model",
    label = "has no live table",
    note = "add `#[derive(Subscribable)]` and a `#[subscribable]` to `{Self}`"
)]
pub trait LiveModel: Subscribable {
    /// The table in Diesel's schema.
    type Table: Table + HasTable<Table = Self::Table>;

    /// The query that finds one row by its primary key.
    type ByKey: IntoUpdateTarget<Table = Self::Table>;

    /// Finds this row.
    fn by_key(&self) -> Self::ByKey;
}

/// A live model with columns besides its key, which [`LiveDsl::save`](crate::LiveDsl::save) writes.
///
/// Derived like [`LiveModel`]. Unlike Diesel's `AsChangeset` it writes `None` as `NULL`.
#[diagnostic::on_unimplemented(
    message = "there is nothing to save in a `{Self}`",
    label = "has no columns besides its primary key",
    note = "to change a key, delete the row and create another"
)]
pub trait SaveColumns: LiveModel {
    /// All columns but the key, with this row's values.
    type Columns<'a>: AsChangeset<Target = Self::Table>
    where
        Self: 'a;

    /// The values that `save` writes.
    fn columns(&self) -> Self::Columns<'_>;
}

/// A model that can be read from a database of type `DB`: `Queryable` and `Selectable`.
pub trait LiveRow<DB: Backend>:
    Selectable<DB, SelectExpression = Self::Selection> + FromSqlRow<Self::SqlType, DB>
{
    /// The columns that a row is made of.
    type Selection: QueryFragment<DB> + Expression<SqlType = Self::SqlType>;

    /// Their SQL types.
    type SqlType: 'static;
}

#[diagnostic::do_not_recommend]
impl<M, DB, Selection, SqlType> LiveRow<DB> for M
where
    M: Selectable<DB, SelectExpression = Selection> + FromSqlRow<SqlType, DB>,
    DB: Backend,
    Selection: QueryFragment<DB> + Expression<SqlType = SqlType>,
    SqlType: 'static,
{
    type Selection = Selection;
    type SqlType = SqlType;
}
