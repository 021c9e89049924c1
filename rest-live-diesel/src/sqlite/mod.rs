//! SQLite: everything that changes a live table on the connection is captured, by TEMP triggers.

mod batch;
mod follow;
mod install;
mod key;
mod others;
mod query;
mod snapshot;
mod table;
mod transaction;
mod writes;

use std::any::TypeId;
use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use diesel::connection::{
    AnsiTransactionManager, LoadConnection, SimpleConnection, TransactionManager,
};
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::row::IntoOwnedRow;
use diesel::sql_types::Integer;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{Connection, QueryResult};
use rest_live_core::{Change, Feed, ModelId};

use self::follow::{By, Schema};
use self::install::LiveTable;
pub(crate) use self::key::KeyColumns;
pub use self::key::SqliteKey;
use self::others::File;
pub use self::others::OtherWriters;
use self::query::{Begin, ClearLog, Commit, Rollback};
pub use self::snapshot::SqliteSnapshots;
pub use self::table::{CapturedModel, SqliteModel};
use self::writes::{Writes, Written, rest_live_heard_utils, rest_live_wrote_utils};
use crate::adapter::Adapter;
use crate::capture::{Capture, LiveBackend, StatementKind};

type RowOf<'conn, 'query> = <SqliteConnection as LoadConnection>::Row<'conn, 'query>;

impl LiveBackend for SqliteConnection {
    type Capture = SqliteCapture;
    type OwnedRow = <RowOf<'static, 'static> as IntoOwnedRow<'static, Sqlite>>::OwnedRow;

    fn prepare_for_pool(conn: &mut Self) -> QueryResult<()> {
        conn.batch_execute("PRAGMA busy_timeout = 5000")
    }

    fn load_to_the_end<T>(
        conn: &mut Self,
        query: T,
    ) -> QueryResult<Vec<QueryResult<Self::OwnedRow>>>
    where
        T: Query + QueryFragment<Sqlite> + QueryId,
        Sqlite: QueryMetadata<T::SqlType>,
    {
        let mut names = None;
        let rows = conn.load(query)?;
        Ok(rows.map(|row| Ok(row?.into_owned(&mut names))).collect())
    }
}

/// Captures what changes in the live tables, whoever asks for it: typed writes, bulk statements,
/// raw SQL, cascades, triggers.
///
/// TEMP triggers copy each row to a TEMP log, which SQLite rolls back with the data. The triggers
/// also call the function `rest_live_wrote`, which draws the transaction's ticket at its first
/// write: from then until it ends it holds SQLite's one write lock, so tickets are in the order of
/// the commits, with a statement of its own as in a transaction.
pub struct SqliteCapture {
    models: Vec<(ModelId, Arc<dyn CapturedModel>)>,
    tables: Vec<LiveTable>,
    writes: Arc<Writes>,
    /// What it writes to.
    file: Arc<File>,
    /// The schema for which the triggers are installed; `None` while they are not.
    schema: Option<Schema>,
    /// Whether they were installed inside of a transaction that may be undone.
    may_be_undone: bool,
    /// The queries seen so far, and what they do.
    kinds: HashMap<TypeId, StatementKind>,
}

impl Capture<SqliteConnection> for SqliteCapture {
    fn install(conn: &mut SqliteConnection, feed: &Arc<Feed>) -> QueryResult<Self> {
        let adapters = feed.models().iter().filter_map(|model| {
            let adapter = model.adapter.as_ref()?.downcast_ref::<Adapter>()?;
            Some((model.id, Arc::clone(&adapter.sqlite)))
        });
        let models: Vec<_> = adapters.collect();
        let tables = models
            .iter()
            .enumerate()
            .map(|(number, (_, model))| Ok(LiveTable::new(model.table()?, number)));
        let tables = tables.collect::<QueryResult<_>>()?;
        let writes = Arc::new(Writes {
            log: Arc::clone(feed.log()),
            is_silent: AtomicBool::new(false),
            state: Mutex::default(),
            shapes: Mutex::default(),
        });
        let [noted, heard] = [(); 2].map(|()| Arc::clone(&writes));
        rest_live_wrote_utils::register_nondeterministic_impl(conn, move |table| {
            noted.note(table)
        })?;
        rest_live_heard_utils::register_nondeterministic_impl(conn, move |shape: String| {
            heard.note_heard(&shape)
        })?;
        // Without recursive triggers, a row that `REPLACE` removes is removed without a word.
        conn.batch_execute("PRAGMA recursive_triggers = ON")?;
        install::keep_in_memory(conn)?;
        let mut capture = Self {
            models,
            tables,
            writes,
            file: File::of(conn, feed.log())?,
            schema: None,
            may_be_undone: false,
            kinds: HashMap::new(),
        };
        capture.prepare(conn)?;
        Ok(capture)
    }

    fn begin(&mut self, conn: &mut SqliteConnection) -> QueryResult<()> {
        // A deferred transaction that reads before it writes fails as soon as another one writes,
        // whatever the busy timeout.
        AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?;
        // From here on nobody else can change the schema.
        self.prepare(conn).or_else(|error| {
            AnsiTransactionManager::rollback_transaction(conn)?;
            Err(error)
        })
    }

    /// Executes a batch, statement by statement. Outside of a transaction they are transactions of
    /// their own: another connection may write in between, so each has its own place among the
    /// commits.
    fn batch_execute(&mut self, conn: &mut SqliteConnection, sql: &str) -> QueryResult<()> {
        for statement in batch::statements(sql) {
            // What Diesel thinks of the transaction is not asked: the batch itself can begin and
            // end one.
            self.settle(conn);
            self.prepare(conn)?;
            if batch::keyword(statement).eq_ignore_ascii_case("ALTER") {
                // The triggers would forbid to drop a column that they copy.
                self.step_aside(conn)?;
            }
            let kind = query::kind_of(statement);
            let result = self.execute(conn, kind, |conn| conn.batch_execute(statement));
            if kind.may_change_schema() {
                self.schema = None;
                self.schema_may_have_changed(conn);
            }
            result?;
        }
        Ok(())
    }

    fn kind<T: QueryFragment<Sqlite> + QueryId>(&mut self, query: &T) -> StatementKind {
        match T::query_id() {
            Some(id) => *self.kinds.entry(id).or_insert_with(|| query::kind(query)),
            None => query::kind(query),
        }
    }

    fn execute<T>(
        &mut self,
        conn: &mut SqliteConnection,
        kind: StatementKind,
        statement: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        match (kind, self.file.watch()) {
            (StatementKind::Write | StatementKind::ChangeSchema, Some(watch)) => {
                watch.alone(conn, statement)
            }
            (StatementKind::Commit, Some(watch)) => watch.around(conn, statement),
            _ => statement(conn),
        }
    }

    fn prepare(&mut self, conn: &mut SqliteConnection) -> QueryResult<()> {
        self.follow_schema(conn, By::Others)
    }

    fn schema_may_have_changed(&mut self, conn: &mut SqliteConnection) {
        if let Err(error) = self.follow_schema(conn, By::Us) {
            // What was executed is executed; whoever executes the next statement gets the error.
            tracing::error!(%error, "a change of the schema leaves changes of a live table without events");
            self.schema = None;
        }
    }

    fn try_again(&mut self, conn: &mut SqliteConnection, error: &Error) -> QueryResult<bool> {
        let is_ours = matches!(error, Error::DatabaseError(_, info) if info.message().contains("error in trigger rest_live_"));
        if is_ours {
            self.step_aside(conn)?;
        }
        Ok(is_ours)
    }

    fn settle(&mut self, conn: &mut SqliteConnection) {
        if !self.writes.is_due() {
            return;
        }
        // Fails inside of a transaction that was begun with raw SQL: then it is not yet time.
        if conn.execute_returning_count(&Begin).is_err() {
            return;
        }
        self.compare_tables(conn);
        let changes = self
            .take_changes(conn)
            .and_then(|changes| conn.execute_returning_count(&Commit).map(|_| changes));
        let changes = changes.unwrap_or_else(|error| {
            tracing::error!(%error, "committed changes cannot be read; their readers read again");
            self.give_up(conn)
        });
        let Written { ticket, .. } = mem::take(&mut *self.writes.lock());
        ticket
            .unwrap_or_else(|| self.writes.log.ticket())
            .commit(changes);
    }

    fn set_silent(&mut self, silent: bool) -> bool {
        self.writes.is_silent.swap(silent, Ordering::Relaxed)
    }
}

impl SqliteCapture {
    /// Empties the log.
    fn take_changes(&self, conn: &mut SqliteConnection) -> QueryResult<Vec<Change>> {
        let (written, unknown) = {
            let written = self.writes.lock();
            (written.tables.clone(), written.unknown.clone())
        };
        let mut changes = Vec::new();
        for number in written
            .into_iter()
            .filter(|number| !unknown.contains(number))
        {
            if let (Some((model, captured)), Some(table)) =
                (self.models.get(number), self.tables.get(number))
            {
                changes.append(&mut captured.changes(conn, *model, &table.view())?);
            }
        }
        conn.execute_returning_count(&ClearLog)?;
        changes.sort_by_key(|(seq, _)| *seq);
        let mut changes: Vec<_> = changes.into_iter().map(|(_, change)| change).collect();
        changes.extend(self.unknown(&unknown));
        Ok(changes)
    }

    /// Leaves the log's entries unread, and says so.
    fn give_up(&mut self, conn: &mut SqliteConnection) -> Vec<Change> {
        // Whether these succeed is seen at the next look: the schema is not known any more.
        drop(conn.execute_returning_count(&Rollback));
        drop(conn.execute_returning_count(&ClearLog));
        self.schema = None;
        let Written {
            tables, unknown, ..
        } = &*self.writes.lock();
        let all = [tables.as_slice(), unknown.as_slice()].concat();
        self.unknown(&all).collect()
    }

    /// Nothing is known of any live table.
    fn note_all_unknown(&self) {
        self.writes.note_unknown(0..self.tables.len());
    }

    /// Says nothing of what is not known so far.
    fn forget_unknown(&mut self) {
        *self.writes.lock() = Written::default();
    }

    fn unknown(&self, tables: &[usize]) -> impl Iterator<Item = Change> {
        let mut tables = tables.to_vec();
        tables.sort_unstable();
        tables.dedup();
        let models: Vec<_> = tables
            .iter()
            .filter_map(|table| self.models.get(*table))
            .map(|(model, _)| *model)
            .collect();
        models.into_iter().map(Change::unknown)
    }
}

/// The one number that a query gives.
fn read_number<Q>(conn: &mut SqliteConnection, query: Q) -> QueryResult<i32>
where
    Q: Query<SqlType = Integer> + QueryFragment<Sqlite> + QueryId,
{
    let mut rows = conn.load(query)?;
    let row = rows.next().ok_or(Error::NotFound)??;
    FromSqlRow::<Integer, Sqlite>::build_from_row(&row).map_err(Error::DeserializationError)
}
