//! What the triggers tell: that a table is written to, while the write lock is held.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::sql_types::Integer;
use rest_live_core::{Log, Ticket};

/// What the triggers tell, on the thread and in the middle of the statement that they belong to.
pub(super) struct Writes {
    pub(super) log: Arc<Log>,
    pub(super) is_silent: AtomicBool,
    pub(super) state: Mutex<Written>,
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
    /// Called before a row that others have written is copied to the log.
    fn rest_live_heard(table: Integer) -> Bool;
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Called where others have written a row of which not all columns are known.
    fn rest_live_lost(table: Integer) -> Bool;
}

impl Writes {
    /// Notes a write; says whether it is to be copied to the log.
    pub(super) fn note(self: &Arc<Self>, table: i32) -> bool {
        !self.is_silent.load(Ordering::Relaxed) && self.note_others(table)
    }

    /// Notes a write of others, of which this connection is the first to hear.
    pub(super) fn note_others(self: &Arc<Self>, table: i32) -> bool {
        let mut written = self.draw();
        let table = table as usize;
        if !written.tables.contains(&table) {
            written.tables.push(table);
        }
        true
    }

    /// Notes a write of others that cannot be told.
    pub(super) fn note_lost(self: &Arc<Self>, table: i32) -> bool {
        self.draw().unknown.push(table as usize);
        true
    }

    /// Notes that what others have written to these tables is not known.
    pub(super) fn note_unknown(&self, tables: Vec<usize>) {
        let mut written = self.lock();
        written.has_changed_schema |= !tables.is_empty();
        written.unknown.extend(tables);
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
