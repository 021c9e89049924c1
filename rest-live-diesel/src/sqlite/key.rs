//! Keys in SQL: how the value of a group, which is JSON, selects the rows of the group.

use diesel::expression::{AsExpression, TypedExpressionType};
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::SqlType;
use diesel::sqlite::Sqlite;
use diesel::{Column, Expression, QueryResult};
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

/// `column IS value`.
pub(crate) type Condition = Box<dyn QueryFragment<Sqlite>>;

type MakeCondition = Box<dyn Fn(&Value) -> serde_json::Result<Condition> + Send + Sync>;

/// The columns by which clients subscribe to a model.
#[derive(Default)]
pub(crate) struct KeyColumns(Vec<KeyColumn>);

struct KeyColumn {
    name: &'static str,
    condition: MakeCondition,
}

impl KeyColumns {
    pub(crate) fn add<C, K, V>(&mut self, column: C, name: &'static str, bind: fn(K) -> V)
    where
        C: Column + QueryFragment<Sqlite> + Copy + Send + Sync + 'static,
        K: DeserializeOwned + 'static,
        V: SqliteKey<<C as Expression>::SqlType> + 'static,
    {
        let condition = move |value: &Value| -> serde_json::Result<Condition> {
            let value = bind(K::deserialize(value)?).into_bound();
            Ok(Box::new(Is { column, value }))
        };
        self.0.push(KeyColumn {
            name,
            condition: Box::new(condition),
        });
    }

    /// The rows in which the column `name` holds this value.
    pub(crate) fn condition(&self, name: &str, value: &Value) -> serde_json::Result<Condition> {
        match self.0.iter().find(|column| column.name == name) {
            Some(column) => (column.condition)(value),
            None => Err(serde_json::Error::custom(format!(
                "`{name}` is no column of a key"
            ))),
        }
    }
}

/// A value that can be compared with a column of SQL type `ST` on SQLite.
#[diagnostic::on_unimplemented(
    message = "a key of type `{Self}` cannot be compared with its column",
    label = "cannot be bound as a `{ST}` on SQLite",
    note = "derive `diesel::expression::AsExpression` with this SQL type and implement `ToSql` for it, or convert it with `#[diesel(serialize_as = ...)]`"
)]
pub trait SqliteKey<ST> {
    /// The value as a bind parameter.
    #[doc(hidden)]
    fn into_bound(self) -> Box<dyn QueryFragment<Sqlite>>;
}

#[diagnostic::do_not_recommend]
impl<ST, V> SqliteKey<ST> for V
where
    ST: SqlType + TypedExpressionType,
    V: AsExpression<ST, Expression: QueryFragment<Sqlite> + 'static>,
{
    fn into_bound(self) -> Box<dyn QueryFragment<Sqlite>> {
        Box::new(self.as_expression())
    }
}

/// `column IS value`, which is true of two `NULL`s, and finds rows by an index just as `=` does.
struct Is<C> {
    column: C,
    value: Box<dyn QueryFragment<Sqlite>>,
}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Is<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IS ");
        self.value.walk_ast(out)
    }
}
