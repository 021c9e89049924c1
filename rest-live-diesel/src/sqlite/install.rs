//! What the capture creates on a connection: a log table, and for each live table triggers that
//! write to it.
//!
//! All of it is TEMP: it belongs to the connection, and nobody else sees it. And all of it takes
//! part in transactions, so that a rolled back statement, savepoint or transaction takes its log
//! entries with it.

use std::fmt::Write;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{Bool, Integer, Text};
use diesel::sqlite::SqliteConnection;

use super::others::{Consumer, outbox};

/// What an entry of the log is.
pub(super) mod op {
    pub(in crate::sqlite) const INSERTED: i32 = 0;
    pub(in crate::sqlite) const BEFORE_UPDATE: i32 = 1;
    pub(in crate::sqlite) const AFTER_UPDATE: i32 = 2;
    pub(in crate::sqlite) const DELETED: i32 = 3;
}

/// A live table and the columns of the log that hold its columns.
pub(super) struct LiveTable {
    pub(super) name: String,
    /// Its number: that of its model.
    number: usize,
    /// Column `c0` of the log holds the first of these, and so on.
    columns: Vec<Column>,
    /// What SQLite knows of the table: another one is another table, or has other columns.
    identity: Option<String>,
    /// That which its readers know.
    settled: Option<String>,
}

#[derive(QueryableByName)]
struct Identity {
    #[diesel(sql_type = Text)]
    identity: String,
}

#[derive(QueryableByName)]
pub(super) struct Column {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// Whether its values have memory of their own: texts and blobs, by the rules of SQLite's type
    /// affinity.
    #[diesel(sql_type = Bool)]
    is_long: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    count: i32,
}

impl LiveTable {
    pub(super) fn new(name: String, number: usize) -> Self {
        Self {
            name,
            number,
            columns: Vec::new(),
            identity: None,
            settled: None,
        }
    }

    /// The table as it is now.
    pub(super) fn now(&self, conn: &mut SqliteConnection) -> QueryResult<Self> {
        Ok(Self {
            identity: identity(conn, &self.name)?,
            columns: columns(conn, &self.name)?,
            ..Self::new(self.name.clone(), self.number)
        })
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn is_missing(&self) -> bool {
        self.identity.is_none()
    }

    /// What tells entries of one table in the outbox from those of others, and from those that it
    /// wrote when it had other columns.
    pub(super) fn shape(&self) -> String {
        let columns = self.each(|_, column| format!("{},", column.name));
        format!("{}{columns})", self.shape_prefix())
    }

    /// How its shape begins, whatever its columns.
    pub(super) fn shape_prefix(&self) -> String {
        format!("{}(", self.name)
    }

    /// How many columns it has.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The column of the log that holds a column.
    pub(super) fn slot(&self, name: &str) -> String {
        let slot = self.columns.iter().position(|column| column.name == name);
        slot.map_or_else(|| "NULL".to_owned(), |slot| format!("c{slot}"))
    }

    /// ` OR` an update has changed something. Byte for byte the same is no change; whatever collation
    /// a column has, `A` for `a` is one.
    pub(super) fn changed(&self) -> String {
        self.each(|_, column| {
            format!(
                " OR OLD.{0} IS NOT NEW.{0} COLLATE BINARY",
                quote(&column.name)
            )
        })
    }

    /// Whether it is another table than the last time.
    pub(super) fn settle(&mut self) -> bool {
        let is_another = self.settled.is_some() && self.settled != self.identity;
        self.settled.clone_from(&self.identity);
        is_another
    }

    /// The view of the log that shows this table's entries under the names of its columns.
    pub(super) fn view(&self) -> String {
        format!("rest_live_{}", self.number)
    }

    /// Puts the triggers on the table as it is now; says whether it is another than before. A table
    /// that does not exist has none, and nothing is written to it.
    fn install(&mut self, conn: &mut SqliteConnection) -> QueryResult<bool> {
        let now = self.now(conn)?;
        let is_another = self.identity != now.identity;
        self.identity = now.identity;
        self.columns = now.columns;
        if let Some(ours) = self
            .columns
            .iter()
            .find(|column| column.name.to_lowercase().starts_with("rest_live_"))
        {
            let message = format!(
                "the column `{}` has a name of the kind that the capture uses itself",
                ours.name
            );
            return Err(Error::QueryBuilderError(message.into()));
        }
        let mut sql = String::new();
        for slot in columns_of(conn, "rest_live_log", "temp")?..self.columns.len() {
            push(
                &mut sql,
                format_args!("ALTER TABLE temp.rest_live_log ADD COLUMN c{slot};"),
            );
        }
        self.drop_triggers(&mut sql);
        push(
            &mut sql,
            format_args!("DROP VIEW IF EXISTS temp.{};", self.view()),
        );
        if !self.columns.is_empty() {
            self.create_view(&mut sql);
            self.create_triggers(&mut sql);
        }
        conn.batch_execute(&sql).map(|()| is_another)
    }

    fn drop_triggers(&self, sql: &mut String) {
        for event in ["insert", "update", "delete"] {
            push(
                sql,
                format_args!("DROP TRIGGER IF EXISTS temp.{}_{event};", self.view()),
            );
        }
    }

    fn create_view(&self, sql: &mut String) {
        let (view, number, shape) = (self.view(), self.number, literal(&self.shape()));
        let named: String =
            self.each(|slot, column| format!(", c{slot} AS {}", quote(&column.name)));
        // Of a text, `length` counts characters, and those up to the first NUL.
        let bytes: String = self.each(|slot, column| match column.is_long {
            true => format!(" + coalesce(length(CAST(c{slot} AS BLOB)), 0)"),
            false => String::new(),
        });
        push(
            sql,
            format_args!(
                "CREATE TEMP VIEW {view} AS \
                 SELECT seq AS rest_live_seq, op AS rest_live_op, 0{bytes} AS rest_live_bytes{named} \
                 FROM temp.rest_live_log WHERE model = {number} OR model = {shape};"
            ),
        );
    }

    fn create_triggers(&self, sql: &mut String) {
        let (view, number, table) = (self.view(), self.number, quote(&self.name));
        let slots: String = self.each(|slot, _| format!(", c{slot}"));
        let image = |of: &str, op: i32| {
            let values: String = self.each(|_, column| format!(", {of}.{}", quote(&column.name)));
            format!("({number}, {op}{values})")
        };
        let changed = self.changed();
        let events = [
            ("insert", String::new(), image("NEW", op::INSERTED)),
            (
                "update",
                format!("(FALSE{changed}) AND "),
                image("OLD", op::BEFORE_UPDATE) + ", " + &image("NEW", op::AFTER_UPDATE),
            ),
            ("delete", String::new(), image("OLD", op::DELETED)),
        ];
        for (event, when, images) in events {
            push(
                sql,
                format_args!(
                    "CREATE TEMP TRIGGER {view}_{event} AFTER {event} ON main.{table} \
                     WHEN {when}rest_live_wrote({number}) \
                     BEGIN INSERT INTO rest_live_log(model, op{slots}) VALUES {images}; END;"
                ),
            );
        }
    }

    pub(super) fn each(&self, write: impl Fn(usize, &Column) -> String) -> String {
        self.columns
            .iter()
            .enumerate()
            .map(|(slot, column)| write(slot, column))
            .collect()
    }
}

/// Takes the triggers off, for a change of the schema that they would forbid.
pub(super) fn uninstall(
    conn: &mut SqliteConnection,
    tables: &[LiveTable],
    consumer: Option<Consumer>,
) -> QueryResult<()> {
    let mut sql = String::new();
    for table in tables {
        table.drop_triggers(&mut sql);
        if consumer.is_some() {
            outbox::drop_triggers(table, &mut sql);
        }
    }
    conn.batch_execute(&sql)
}

/// Installs all tables, or none of them. Gives the numbers of those that are others than before.
pub(super) fn install(
    conn: &mut SqliteConnection,
    tables: &mut [LiveTable],
    consumer: Option<Consumer>,
) -> QueryResult<Vec<usize>> {
    conn.batch_execute("SAVEPOINT rest_live_install")?;
    let installed = install_each(conn, tables).and_then(|others| {
        conn.batch_execute("DROP TRIGGER IF EXISTS temp.rest_live_others")?;
        if let Some(consumer) = consumer {
            let width = tables.iter().map(LiveTable::width).max();
            conn.batch_execute(&consumer.trigger(width.unwrap_or_default()))?;
        }
        Ok(others)
    });
    let end = match installed {
        Ok(_) => "RELEASE rest_live_install",
        Err(_) => "ROLLBACK TO rest_live_install; RELEASE rest_live_install",
    };
    let ended = conn.batch_execute(end);
    installed.and_then(|others| ended.map(|()| others))
}

fn install_each(conn: &mut SqliteConnection, tables: &mut [LiveTable]) -> QueryResult<Vec<usize>> {
    conn.batch_execute(
        "CREATE TEMP TABLE IF NOT EXISTS rest_live_log \
         (seq INTEGER PRIMARY KEY, model INTEGER NOT NULL, op INTEGER NOT NULL)",
    )?;
    let mut others = Vec::new();
    for table in tables {
        let is_another = table.install(conn).map_err(|error| {
            let message = format!(
                "changes of the table `{}` cannot be captured: {error}",
                table.name
            );
            Error::QueryBuilderError(message.into())
        })?;
        others.extend(is_another.then_some(table.number));
    }
    Ok(others)
}

/// Where the table begins in the file, and how it was created. None, if there is no such table.
fn identity(conn: &mut SqliteConnection, table: &str) -> QueryResult<Option<String>> {
    let identity: Option<Identity> = diesel::sql_query(
        "SELECT rootpage || ' ' || sql AS identity FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')",
    )
    .bind::<Text, _>(table)
    .get_result(conn)
    .optional()?;
    Ok(identity.map(|identity| identity.identity))
}

/// Keeps what is TEMP in memory, unless the connection has TEMP objects, which that would drop.
pub(super) fn keep_in_memory(conn: &mut SqliteConnection) -> QueryResult<()> {
    let count: Count =
        diesel::sql_query("SELECT count(*) AS count FROM temp.sqlite_schema").get_result(conn)?;
    match count.count {
        0 => conn.batch_execute("PRAGMA temp_store = MEMORY"),
        _ => Ok(()),
    }
}

/// How many columns hold columns of live tables, in a table that has such.
pub(super) fn columns_of(
    conn: &mut SqliteConnection,
    table: &str,
    schema: &str,
) -> QueryResult<usize> {
    let count: Count = diesel::sql_query(
        "SELECT count(*) AS count FROM pragma_table_xinfo(?, ?) WHERE name GLOB 'c[0-9]*'",
    )
    .bind::<Text, _>(table)
    .bind::<Text, _>(schema)
    .get_result(conn)?;
    Ok(usize::try_from(count.count).unwrap_or_default())
}

/// The columns of a table, generated ones included. None, if there is no such table.
fn columns(conn: &mut SqliteConnection, table: &str) -> QueryResult<Vec<Column>> {
    // `hidden = 1` are the columns of virtual tables that no `SELECT *` shows.
    diesel::sql_query(
        "SELECT name, type NOT LIKE '%INT%' AND type NOT LIKE '%REAL%' AND type NOT LIKE '%FLOA%' AND type NOT LIKE '%DOUB%' \
         AND type NOT LIKE '%BOOL%' AS is_long FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 1 ORDER BY cid",
    )
    .bind::<Text, _>(table)
    .load(conn)
}

/// A text in SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

pub(super) fn push(sql: &mut String, statement: std::fmt::Arguments<'_>) {
    sql.write_fmt(statement)
        .expect("a String takes all that is written to it");
}
