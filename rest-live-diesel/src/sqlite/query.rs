//! The queries of the capture, as Diesel fragments: prepared once a connection.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::connection::LoadConnection;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::sql_types::Integer;
use diesel::sqlite::query_builder::SqliteQueryBuilder;
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::batch::words;
use super::key::Condition;
use crate::capture::StatementKind;
use crate::model::LiveRow;
use crate::write::FetchRow;

/// Statements that never change: prepared once a connection.
macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {$(
        $(#[$doc])*
        #[derive(QueryId)]
        pub(super) struct $name;

        impl Query for $name {
            type SqlType = Integer;
        }

        impl QueryFragment<Sqlite> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }
    )*};
}

fixed! {
    /// Counts the changes of the database's schema; an undone change is not counted.
    SchemaVersion = "PRAGMA main.schema_version";
    /// How much of the capture there is. `PRAGMA temp.schema_version` would tell more, but SQLite crashes when it executes a prepared one after
    /// `PRAGMA temp_store` has dropped all that is TEMP.
    Installed = "SELECT count(*) FROM temp.sqlite_schema WHERE name GLOB 'rest_live_*'";
    /// Changes when another connection has committed.
    DataVersion = "PRAGMA main.data_version";
    Begin = "BEGIN";
    BeginImmediate = "BEGIN IMMEDIATE";
    Commit = "COMMIT";
    Rollback = "ROLLBACK";
    BusyTimeout = "PRAGMA busy_timeout";
    HasSchema = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema)";
    ClearLog = "DELETE FROM temp.rest_live_log";
}

/// The rows of a model to which all conditions apply.
pub(super) struct RowsWhere<'a, M: LiveRow<Sqlite>> {
    selection: M::Selection,
    from: String,
    conditions: &'a [Condition],
}

impl<'a, M: LiveRow<Sqlite>> RowsWhere<'a, M> {
    pub(super) fn new(table: &str, conditions: &'a [Condition]) -> Self {
        Self {
            selection: M::construct_selection(),
            from: format!(" FROM {table}"),
            conditions,
        }
    }
}

impl<M: LiveRow<Sqlite>> Query for RowsWhere<'_, M> {
    type SqlType = M::SqlType;
}

impl<M: LiveRow<Sqlite>> QueryId for RowsWhere<'_, M> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<M: LiveRow<Sqlite>> QueryFragment<Sqlite> for RowsWhere<'_, M> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        self.selection.walk_ast(out.reborrow())?;
        out.push_sql(&self.from);
        for (at, condition) in self.conditions.iter().enumerate() {
            out.push_sql(if at == 0 { " WHERE " } else { " AND " });
            condition.walk_ast(out.reborrow())?;
        }
        Ok(())
    }
}

/// The captured rows of a model, each followed by its number, by what it is an image of, and by its
/// bytes.
pub(super) struct CapturedRows<M: LiveRow<Sqlite>> {
    selection: M::Selection,
    /// ` FROM` the model's view of the log, under the name of the model's table, so that the
    /// columns of its selection are found.
    from: String,
}

impl<M: LiveRow<Sqlite>> CapturedRows<M> {
    pub(super) fn new(view: &str, table: &str) -> Self {
        let from = format!(" FROM temp.{view} AS {table} ORDER BY rest_live_seq");
        Self {
            selection: M::construct_selection(),
            from,
        }
    }
}

impl<M: LiveRow<Sqlite>> Query for CapturedRows<M> {
    // And three more, which are read by hand.
    type SqlType = M::SqlType;
}

impl<M: LiveRow<Sqlite> + 'static> QueryId for CapturedRows<M> {
    // On one connection, a model has one view.
    type QueryId = CapturedRowsOf<M>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

pub(super) struct CapturedRowsOf<M>(PhantomData<M>);

impl<M: LiveRow<Sqlite>> QueryFragment<Sqlite> for CapturedRows<M> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        self.selection.walk_ast(out.reborrow())?;
        out.push_sql(", rest_live_seq, rest_live_op, rest_live_bytes");
        out.push_sql(&self.from);
        Ok(())
    }
}

/// A write, with a `RETURNING` of the model's columns.
struct Returning<S, M: LiveRow<Sqlite>> {
    statement: S,
    selection: M::Selection,
}

impl<S, M: LiveRow<Sqlite>> Query for Returning<S, M> {
    type SqlType = M::SqlType;
}

impl<S: QueryId, M: LiveRow<Sqlite> + 'static> QueryId for Returning<S, M> {
    type QueryId = ReturningOf<S::QueryId, M>;
    const HAS_STATIC_QUERY_ID: bool = S::HAS_STATIC_QUERY_ID;
}

struct ReturningOf<S, M>(PhantomData<(S, M)>);

impl<S: QueryFragment<Sqlite>, M: LiveRow<Sqlite>> QueryFragment<Sqlite> for Returning<S, M> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.statement.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING ");
        self.selection.walk_ast(out)
    }
}

impl<S, M> FetchRow<S, M> for SqliteConnection
where
    S: QueryFragment<Sqlite> + QueryId,
    M: LiveRow<Sqlite> + 'static,
    Sqlite: QueryMetadata<M::SqlType>,
{
    fn fetch_row(&mut self, statement: S) -> QueryResult<M> {
        let rows = self.load(Returning::<S, M> {
            statement,
            selection: M::construct_selection(),
        })?;
        // All of them: the statement is done when its last row has been read.
        let rows: Vec<M> = rows
            .map(|row| M::build_from_row(&row?).map_err(Error::DeserializationError))
            .collect::<Result<_, _>>()?;
        rows.into_iter().next().ok_or(Error::NotFound)
    }
}

/// What a query does, by its words. One that begins with `WITH` writes if it has a word that does.
pub(super) fn kind<T: QueryFragment<Sqlite>>(query: &T) -> StatementKind {
    let mut sql = SqliteQueryBuilder::new();
    match query.to_sql(&mut sql, &Sqlite) {
        Ok(()) => kind_of(&sql.finish()),
        Err(_) => StatementKind::Other,
    }
}

/// What a statement does.
pub(super) fn kind_of(sql: &str) -> StatementKind {
    let is_one_of = |word: &str, all: &[&str]| all.iter().any(|one| word.eq_ignore_ascii_case(one));
    let mut words = words(sql);
    let Some(first) = words.next() else {
        return StatementKind::Read;
    };
    match first {
        _ if is_one_of(first, &["SELECT", "VALUES"]) => StatementKind::Read,
        _ if is_one_of(first, &ROWS) => StatementKind::Write,
        _ if is_one_of(first, &SCHEMA) => StatementKind::ChangeSchema,
        _ if is_one_of(first, &["BEGIN", "SAVEPOINT"]) => StatementKind::Begin,
        _ if is_one_of(first, &["COMMIT", "END", "RELEASE"]) => StatementKind::Commit,
        _ if is_one_of(first, &["WITH"]) => {
            // `REPLACE` is a function as well.
            let mut words = words.peekable();
            while let Some(word) = words.next() {
                let is_function = is_one_of(word, &["REPLACE"])
                    && !words.peek().is_some_and(|next| is_one_of(next, &["INTO"]));
                if is_one_of(word, &ROWS) && !is_function {
                    return StatementKind::Write;
                }
            }
            StatementKind::Read
        }
        _ => StatementKind::Other,
    }
}

/// What writes rows.
const ROWS: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "REPLACE"];

/// What writes the schema.
const SCHEMA: [&str; 5] = ["CREATE", "DROP", "ALTER", "REINDEX", "ANALYZE"];

#[cfg(test)]
mod tests {
    use super::{StatementKind, kind_of};

    #[test]
    fn what_a_statement_does_is_known_by_its_words() {
        use StatementKind::{Begin, ChangeSchema, Commit, Other, Read, Write};
        let statements = [
            ("SELECT 1", Read),
            (" /* so */ select deleted FROM t", Read),
            ("VALUES (1)", Read),
            ("WITH a AS (SELECT 'DELETE') SELECT * FROM a", Read),
            (
                "WITH a AS (SELECT replace(b, 'x', 'y') FROM t) SELECT * FROM a",
                Read,
            ),
            ("WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a", Write),
            ("INSERT INTO t VALUES (1) RETURNING a", Write),
            ("WITH a AS (SELECT 1) DELETE FROM t RETURNING b", Write),
            ("with a as (select 1) insert into t select * from a", Write),
            ("drop table t", ChangeSchema),
            (
                "CREATE TRIGGER t AFTER UPDATE ON a BEGIN DELETE FROM b; END",
                ChangeSchema,
            ),
            ("COMMIT", Commit),
            ("end transaction", Commit),
            ("RELEASE s", Commit),
            ("ROLLBACK", Other),
            ("VACUUM", Other),
            ("PRAGMA foreign_keys = ON", Other),
            ("BEGIN IMMEDIATE", Begin),
            ("savepoint s", Begin),
            (" -- nothing", Read),
        ];
        for (sql, kind) in statements {
            assert_eq!(kind_of(sql), kind, "{sql}");
        }
    }
}
