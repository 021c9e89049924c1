//! The outbox: where the triggers of the database itself write each change of a live table, so that
//! what other connections and processes write is captured as exactly as what live ones do.
//!
//! Other than the rest of the capture it is no TEMP thing but a part of the database. Each process
//! that hears of the others is a consumer, with entries of its own. What it writes itself its
//! connections take out again in the same statement, by a TEMP trigger on the outbox. That takes
//! along what others have written before: so their changes come before its own, in the order of
//! the commits, by the ticket that is drawn at that moment, under the write lock.

use diesel::connection::{LoadConnection, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::detect::is_in_transaction;
use super::keys::unique_keys;
use super::laggards::Pending;
use super::triggers::{names, triggers};
use crate::sqlite::install::{LiveTable, columns_of, literal, push, quote};
use crate::sqlite::query::{BeginImmediate, Commit, Rollback};

/// How far a consumer may fall behind, in entries. Beyond that it is forgotten, and hears so when
/// it is back.
const MOST_ENTRIES: u32 = 10_000;

/// Puts the entries of the others before all of a connection's own in its log.
const BEFORE_OWN: i64 = -(1 << 62);

/// A process that hears of what others write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::sqlite) struct Consumer(pub(super) i64);

/// The outbox, and the triggers of the tables. No number comes twice: a server that takes its entries
/// would look like one that does not.
const SCHEMA: &str = "\
    CREATE TABLE IF NOT EXISTS main.rest_live_consumers (id INTEGER PRIMARY KEY); \
    CREATE TABLE IF NOT EXISTS main.rest_live_replaced (source TEXT NOT NULL); \
    CREATE TABLE IF NOT EXISTS main.rest_live_outbox \
        (seq INTEGER PRIMARY KEY AUTOINCREMENT, consumer INTEGER NOT NULL, shape TEXT NOT NULL, op INTEGER NOT NULL); \
    CREATE INDEX IF NOT EXISTS main.rest_live_outbox_by_consumer ON rest_live_outbox(consumer); ";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

#[derive(QueryableByName)]
struct Entry {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    oldest: i64,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Text)]
    sql: String,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Consumer {
    /// Makes it a consumer, without entries. Those of whom nobody is one any more go, too.
    pub(super) fn register(self, conn: &mut SqliteConnection) -> QueryResult<()> {
        let id = self.0;
        let sql = format!(
            "INSERT OR IGNORE INTO main.rest_live_consumers VALUES ({id}); \
             DELETE FROM main.rest_live_outbox WHERE consumer = {id} OR consumer NOT IN (SELECT id FROM main.rest_live_consumers)"
        );
        in_transaction(conn, |conn| conn.batch_execute(&sql))
    }

    pub(super) fn deregister(self, conn: &mut SqliteConnection) -> QueryResult<()> {
        let id = self.0;
        let sql = format!(
            "DELETE FROM main.rest_live_consumers WHERE id = {id}; \
             DELETE FROM main.rest_live_outbox WHERE consumer = {id}"
        );
        in_transaction(conn, |conn| conn.batch_execute(&sql))
    }

    /// The other consumers that have entries.
    pub(super) fn others_pending<C>(self, conn: &mut C) -> QueryResult<Vec<Pending>>
    where
        C: LoadConnection<Backend = Sqlite>,
    {
        let sql = format!(
            "SELECT id, oldest FROM (SELECT id, (SELECT min(seq) FROM main.rest_live_outbox WHERE consumer = id) AS oldest \
             FROM main.rest_live_consumers WHERE id <> {}) WHERE oldest IS NOT NULL",
            self.0
        );
        let entries: Vec<Entry> = diesel::sql_query(sql).load(conn)?;
        let pending = entries.into_iter().map(|Entry { id, oldest }| Pending {
            consumer: Consumer(id),
            oldest,
        });
        Ok(pending.collect())
    }

    /// Whether it was not forgotten meanwhile.
    pub(super) fn is_registered<C>(self, conn: &mut C) -> QueryResult<bool>
    where
        C: LoadConnection<Backend = Sqlite>,
    {
        exists(
            conn,
            &format!("main.rest_live_consumers WHERE id = {}", self.0),
        )
    }

    /// Whether others have written what it has not heard of.
    pub(in crate::sqlite) fn has_entries<C>(self, conn: &mut C) -> QueryResult<bool>
    where
        C: LoadConnection<Backend = Sqlite>,
    {
        exists(
            conn,
            &format!("main.rest_live_outbox WHERE consumer = {}", self.0),
        )
    }

    /// An entry of its own, with which a connection of its own takes all others out.
    pub(super) fn knock(self, conn: &mut impl SimpleConnection) -> QueryResult<()> {
        let id = self.0;
        conn.batch_execute(&format!(
            "INSERT INTO main.rest_live_outbox(consumer, shape, op) VALUES ({id}, '', 0)"
        ))
    }

    /// Tells the other consumers that a table has changed, and not what. Its entry has no columns, so
    /// none of them takes it for a row.
    fn tell_others(self, table: &LiveTable, sql: &mut String) {
        let (id, shape) = (self.0, literal(&table.shape_prefix()));
        push(
            sql,
            format_args!(
                "INSERT INTO main.rest_live_outbox(consumer, shape, op) \
                 SELECT id, {shape}, 0 FROM main.rest_live_consumers WHERE id <> {id};"
            ),
        );
    }

    /// The TEMP trigger that takes entries out. It is short, since SQLite translates it with each
    /// statement that writes to a live table.
    pub(in crate::sqlite) fn trigger(self, width: usize) -> String {
        let id = self.0;
        let slots: String = (0..width).map(|slot| format!(", c{slot}")).collect();
        format!(
            "CREATE TEMP TRIGGER rest_live_others AFTER INSERT ON main.rest_live_outbox WHEN NEW.consumer = {id} BEGIN \
                INSERT INTO rest_live_log(seq, model, op{slots}) \
                    SELECT seq + coalesce((SELECT max(seq) FROM rest_live_log WHERE seq < 0), {BEFORE_OWN}), shape, op{slots} \
                    FROM main.rest_live_outbox WHERE consumer = {id} AND seq < NEW.seq AND rest_live_heard(shape); \
                DELETE FROM rest_live_outbox WHERE consumer = {id}; \
             END;"
        )
    }
}

/// Sees to it that the database has an outbox, and that the tables write to it. Gives the numbers of
/// those that did not.
pub(in crate::sqlite) fn install(
    conn: &mut SqliteConnection,
    tables: &[LiveTable],
    consumer: Consumer,
) -> QueryResult<Vec<usize>> {
    let mut stale = Vec::new();
    let mut sql = String::new();
    let mut width = 0;
    for table in tables {
        // As it is now: nothing else has looked at it yet.
        let table = table.now(conn)?;
        width = width.max(table.width());
        if !is_current(conn, &table, &mut sql)? {
            stale.push(table.number());
            consumer.tell_others(&table, &mut sql);
        }
    }
    let is_there = is_complete(conn)?;
    if !is_there || columns_of(conn, "rest_live_outbox", "main")? < width || !stale.is_empty() {
        in_transaction(conn, |conn| create(conn, width, &sql))?;
    }
    Ok(stale)
}

/// Whether all is there that is of no live table.
fn is_complete(conn: &mut SqliteConnection) -> QueryResult<bool> {
    let parts = ["outbox", "consumers", "replaced", "outbox_full"]
        .map(|part| literal(&format!("rest_live_{part}")));
    let (names, count) = (parts.join(", "), parts.len());
    exists(
        conn,
        &format!(
            "(SELECT count(*) AS count FROM main.sqlite_schema WHERE name IN ({names})) WHERE count = {count}"
        ),
    )
}

fn create(conn: &mut SqliteConnection, width: usize, triggers: &str) -> QueryResult<()> {
    conn.batch_execute(SCHEMA)?;
    conn.batch_execute(&full())?;
    for table in ["rest_live_outbox", "rest_live_replaced"] {
        for slot in columns_of(conn, table, "main")?..width {
            conn.batch_execute(&format!("ALTER TABLE main.{table} ADD COLUMN c{slot}"))?;
        }
    }
    conn.batch_execute(triggers)
}

/// Forgets a consumer that does not take its entries: they would never end.
fn full() -> String {
    format!(
        "CREATE TRIGGER IF NOT EXISTS main.rest_live_outbox_full AFTER INSERT ON rest_live_outbox \
         WHEN NEW.seq >= {MOST_ENTRIES} + (SELECT min(seq) FROM rest_live_outbox WHERE consumer = NEW.consumer) \
         BEGIN DELETE FROM rest_live_consumers WHERE id = NEW.consumer; END"
    )
}

/// Whether a table's triggers are those of the table as it is, and the newest: SQLite calls the
/// newest first, and what another writes in answer to a change has to come after it. If not,
/// `sql` is what mends it.
fn is_current(
    conn: &mut SqliteConnection,
    table: &LiveTable,
    sql: &mut String,
) -> QueryResult<bool> {
    if table.is_missing() {
        return Ok(true);
    }
    let due = triggers(table, &unique_keys(conn, &table.name)?);
    let stored: Vec<Stored> = diesel::sql_query(
        "SELECT sql FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY rowid DESC",
    )
    .bind::<Text, _>(&table.name)
    .load(conn)?;
    let is_current = stored.len() >= due.len()
        && due
            .iter()
            .rev()
            .zip(&stored)
            .all(|(due, stored)| stored.sql.strip_prefix("CREATE TRIGGER ") == Some(due));
    if !is_current {
        drop_triggers(table, sql);
        for trigger in due {
            push(sql, format_args!("CREATE TRIGGER main.{trigger};"));
        }
    }
    Ok(is_current)
}

/// Takes the triggers off a table, for a change of the schema that they would forbid.
pub(in crate::sqlite) fn drop_triggers(table: &LiveTable, sql: &mut String) {
    for name in names(table) {
        push(
            sql,
            format_args!("DROP TRIGGER IF EXISTS main.{};", quote(&name)),
        );
    }
}

/// Takes all of it out of a database.
pub(super) fn remove(conn: &mut SqliteConnection) -> QueryResult<()> {
    let triggers: Vec<Named> = diesel::sql_query(
        "SELECT name FROM main.sqlite_schema WHERE type = 'trigger' AND name GLOB 'rest_live_others_*'",
    )
    .load(conn)?;
    let mut sql = String::new();
    for Named { name } in triggers {
        push(
            &mut sql,
            format_args!("DROP TRIGGER main.{};", quote(&name)),
        );
    }
    for table in ["consumers", "replaced", "outbox"] {
        push(
            &mut sql,
            format_args!("DROP TABLE IF EXISTS main.rest_live_{table};"),
        );
    }
    in_transaction(conn, |conn| conn.batch_execute(&sql))
}

/// In a transaction of its own, or in the one that is open.
fn in_transaction<T>(
    conn: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    match conn.execute_returning_count(&BeginImmediate) {
        Ok(_) => {}
        Err(error) if is_in_transaction(&error) => return work(conn),
        Err(error) => return Err(error),
    }
    let result = work(conn).and_then(|value| conn.execute_returning_count(&Commit).map(|_| value));
    if result.is_err() {
        drop(conn.execute_returning_count(&Rollback));
    }
    result
}

fn exists<C>(conn: &mut C, from: &str) -> QueryResult<bool>
where
    C: LoadConnection<Backend = Sqlite>,
{
    let found: Found = diesel::sql_query(format!("SELECT EXISTS (SELECT 1 FROM {from}) AS found"))
        .get_result(conn)?;
    Ok(found.found)
}
