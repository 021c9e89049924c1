//! What the triggers tell: that a table is written to, while the write lock is held.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::sql_types::{Integer, Text};
use rest_live_core::{Log, Ticket};

use super::install::LiveTable;

/// What the triggers tell, on the thread and in the middle of the statement that they belong to.
pub(super) struct Writes {
    pub(super) log: Arc<Log>,
    pub(super) is_silent: AtomicBool,
    pub(super) state: Mutex<Written>,
    /// Of the live tables, by number.
    pub(super) shapes: Mutex<Vec<Shape>>,
}

/// What entries of a table in the outbox say that they are.
pub(super) struct Shape {
    /// Whatever columns it had.
    pub(super) prefix: String,
    /// With the columns that it has.
    pub(super) whole: String,
}

#[derive(Default)]
pub(super) struct Written {
    pub(super) ticket: Option<Ticket>,
    /// The tables with entries in the log, by number.
    pub(super) tables: Vec<usize>,
    /// The tables that changed without an entry, by number.
    pub(super) unknown: Vec<usize>,
    /// Whether this connection changed the schema, so that other tables may have, too.
    pub(super) has_changed_schema: bool,
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Called by the triggers before a row of a live table is copied to the log. Whether it is to
    /// be copied.
    fn rest_live_wrote(table: Integer) -> Bool;
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Called before a row that others have written is copied to the log: of a table with this name
    /// and these columns. Whether it is to be copied.
    fn rest_live_heard(shape: Text) -> Bool;
}

impl Writes {
    /// Notes a write; says whether it is to be copied to the log.
    pub(super) fn note(self: &Arc<Self>, table: i32) -> bool {
        let is_told = !self.is_silent.load(Ordering::Relaxed);
        if is_told {
            self.draw().note(table as usize);
        }
        is_told
    }

    /// Notes which columns the live tables have.
    pub(super) fn know(&self, tables: &[LiveTable]) {
        let shapes = tables.iter().map(|table| Shape {
            prefix: table.shape_prefix(),
            whole: table.shape(),
        });
        *self.shapes.lock().unwrap_or_else(PoisonError::into_inner) = shapes.collect();
    }

    /// Notes a write of others, of which this connection is the first to hear; says whether all
    /// columns are known. Silence is not kept about it.
    pub(super) fn note_heard(self: &Arc<Self>, shape: &str) -> bool {
        let shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_known = false;
        for (table, Shape { prefix, whole }) in shapes.iter().enumerate() {
            if shape == whole {
                is_known = true;
                self.draw().note(table);
            } else if shape.starts_with(prefix) {
                self.draw().unknown.push(table);
            }
        }
        is_known
    }

    /// Notes that what others have written to these tables is not known.
    pub(super) fn note_unknown(&self, tables: impl IntoIterator<Item = usize>) {
        let mut written = self.lock();
        let before = written.unknown.len();
        written.unknown.extend(tables);
        written.has_changed_schema |= written.unknown.len() > before;
    }

    /// Notes that this connection changed the schema of live tables, and that these were dropped,
    /// or changed their columns under their entries. No ticket is drawn: the write lock may not be
    /// held, and the ticket of what is written later has to be drawn then.
    pub(super) fn note_schema_change(&self, unknown: Vec<usize>) {
        if self.is_silent.load(Ordering::Relaxed) {
            return;
        }
        let mut written = self.lock();
        written.has_changed_schema = true;
        written.unknown.extend(unknown);
    }

    /// Whether there is something to be told.
    pub(super) fn is_due(&self) -> bool {
        let written = self.lock();
        written.ticket.is_some() || written.has_changed_schema
    }

    pub(super) fn has_entries_of(&self, table: usize) -> bool {
        self.lock().tables.contains(&table)
    }

    /// Draws the ticket of the transaction, if it has none.
    fn draw(self: &Arc<Self>) -> MutexGuard<'_, Written> {
        let mut written = self.lock();
        written.ticket.get_or_insert_with(|| self.log.ticket());
        written
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    /// Notes that a table has an entry.
    fn note(&mut self, table: usize) {
        if !self.tables.contains(&table) {
            self.tables.push(table);
        }
    }
}
