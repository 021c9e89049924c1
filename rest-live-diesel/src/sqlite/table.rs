//! A model's table as the capture sees it: its name, and its captured rows as typed changes.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use diesel::associations::HasTable;
use diesel::connection::LoadConnection;
use diesel::deserialize::FromSql;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{QueryBuilder, QueryFragment};
use diesel::result::Error;
use diesel::row::{Field, Row};
use diesel::sql_types::{BigInt, Integer};
use diesel::sqlite::query_builder::SqliteQueryBuilder;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryResult, QuerySource};
use rest_live_core::{Change, ModelId};

use super::install::op;
use super::query::{CapturedRows, RowsWhere};
use crate::model::{LiveModel, LiveRow};

/// What the capture does with a model, its row type erased.
#[doc(hidden)]
pub trait CapturedModel: Send + Sync {
    /// The name of its table in the main schema.
    fn table(&self) -> QueryResult<String>;

    /// What the view holds, with the numbers that say in which order it was written.
    fn changes(
        &self,
        conn: &mut SqliteConnection,
        model: ModelId,
        view: &str,
    ) -> QueryResult<Vec<(i64, Change)>>;
}

/// A model whose changes can be captured on SQLite: its rows can be read from there.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` cannot be read from SQLite",
    label = "not `Queryable` and `Selectable`",
    note = "derive `Queryable` and `Selectable` on `{Self}`, with field types that match the columns"
)]
pub trait SqliteModel: LiveModel {
    #[doc(hidden)]
    fn captured() -> Arc<dyn CapturedModel>;

    /// Hands over the rows to which all conditions apply, until `each` breaks.
    #[doc(hidden)]
    fn read_rows(
        conn: &mut SqliteConnection,
        conditions: &[Box<dyn QueryFragment<Sqlite>>],
        each: &mut dyn FnMut(Self) -> ControlFlow<()>,
    ) -> QueryResult<()>;
}

#[diagnostic::do_not_recommend]
impl<M> SqliteModel for M
where
    M: LiveModel + LiveRow<Sqlite>,
    <M::Table as QuerySource>::FromClause: QueryFragment<Sqlite>,
    Sqlite: QueryMetadata<M::SqlType>,
{
    fn captured() -> Arc<dyn CapturedModel> {
        Arc::new(Captured::<M>(PhantomData))
    }

    fn read_rows(
        conn: &mut SqliteConnection,
        conditions: &[Box<dyn QueryFragment<Sqlite>>],
        each: &mut dyn FnMut(Self) -> ControlFlow<()>,
    ) -> QueryResult<()> {
        for row in conn.load(RowsWhere::<M>::new(&quoted_table::<M>()?, conditions))? {
            let row = M::build_from_row(&row?).map_err(Error::DeserializationError)?;
            if each(row).is_break() {
                break;
            }
        }
        Ok(())
    }
}

struct Captured<M>(PhantomData<fn() -> M>);

impl<M> CapturedModel for Captured<M>
where
    M: LiveModel + LiveRow<Sqlite>,
    <M::Table as QuerySource>::FromClause: QueryFragment<Sqlite>,
    Sqlite: QueryMetadata<M::SqlType>,
{
    fn table(&self) -> QueryResult<String> {
        let quoted = quoted_table::<M>()?;
        let name = quoted
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix('`'))
            .map(|name| name.replace("``", "\0"));
        match name {
            Some(name) if !name.contains('`') => Ok(name.replace('\0', "`")),
            _ => {
                let message = format!(
                    "`{}`: only tables of the main schema can be live, named without their schema; this is {quoted}",
                    M::LABEL
                );
                Err(Error::QueryBuilderError(message.into()))
            }
        }
    }

    fn changes(
        &self,
        conn: &mut SqliteConnection,
        model: ModelId,
        view: &str,
    ) -> QueryResult<Vec<(i64, Change)>> {
        let rows = conn.load(CapturedRows::<M>::new(view, &quoted_table::<M>()?))?;
        let mut changes = Vec::new();
        let mut before = None;
        let mut is_unknown = false;
        for row in rows {
            let row = row?;
            let Entry { seq, op, bytes } = Entry::of(&row)?;
            let Some(row) = read_row::<M>(&row) else {
                before = None;
                // One word for as many rows as follow each other.
                if !std::mem::replace(&mut is_unknown, true) {
                    changes.push((seq, Change::unknown(model)));
                }
                continue;
            };
            let change = match op {
                op::BEFORE_UPDATE => {
                    before = Some(row);
                    continue;
                }
                op::DELETED => Change::new::<M>(model, Some(row), None),
                // Both images of an update are about as long.
                op::AFTER_UPDATE => {
                    Change::new::<M>(model, before.take(), Some(row)).with_heap_bytes(bytes)
                }
                _ => Change::new::<M>(model, None, Some(row)),
            };
            is_unknown = false;
            changes.push((seq, change.with_heap_bytes(bytes)));
        }
        Ok(changes)
    }
}

/// Reads a row as its model. `None`, and a word in the log, if the model's own code fails or
/// panics.
fn read_row<'a, M: LiveRow<Sqlite> + LiveModel>(row: &impl Row<'a, Sqlite>) -> Option<M> {
    // What a panic leaves behind is a row, which is not looked at again.
    match catch_unwind(AssertUnwindSafe(|| M::build_from_row(row))) {
        Ok(Ok(row)) => return Some(row),
        Ok(Err(error)) => {
            tracing::error!(model = %M::LABEL, error, "a changed row is no value of its model; its readers read again")
        }
        Err(_) => {
            tracing::error!(model = %M::LABEL, "reading a changed row panicked; its readers read again")
        }
    }
    None
}

/// What the log says of a captured row: its last three fields.
struct Entry {
    /// In which order it was written.
    seq: i64,
    /// What it is an image of.
    op: i32,
    /// The length of its texts and blobs.
    bytes: usize,
}

impl Entry {
    fn of<'a>(row: &impl Row<'a, Sqlite>) -> QueryResult<Self> {
        fn read<'a, T: FromSql<S, Sqlite>, S>(
            row: &impl Row<'a, Sqlite>,
            from_last: usize,
        ) -> QueryResult<T> {
            let field = row
                .field_count()
                .checked_sub(from_last)
                .and_then(|at| row.get(at))
                .ok_or(Error::NotFound)?;
            T::from_nullable_sql(field.value()).map_err(Error::DeserializationError)
        }
        let bytes: i64 = read::<_, BigInt>(row, 1)?;
        Ok(Self {
            seq: read::<_, BigInt>(row, 3)?,
            op: read::<_, Integer>(row, 2)?,
            bytes: usize::try_from(bytes).unwrap_or_default(),
        })
    }
}

/// The model's table as Diesel writes it.
fn quoted_table<M>() -> QueryResult<String>
where
    M: LiveModel,
    <M::Table as QuerySource>::FromClause: QueryFragment<Sqlite>,
{
    let mut sql = SqliteQueryBuilder::new();
    M::Table::table().from_clause().to_sql(&mut sql, &Sqlite)?;
    Ok(sql.finish())
}
