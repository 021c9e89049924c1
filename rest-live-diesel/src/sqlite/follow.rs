//! The capture follows the schema, whoever changes it.

use diesel::QueryResult;
use diesel::connection::Connection;
use diesel::sqlite::SqliteConnection;

use super::install;
use super::others::{Consumer, outbox};
use super::query::{Begin, Commit, Installed, SchemaVersion};
use super::{SqliteCapture, read_number};

/// The database's schema, and how much of the capture there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schema {
    version: i32,
    installed: i32,
    /// Who hears of what others write.
    consumer: Option<Consumer>,
}

/// Who may have changed the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// This connection, by the statement before: whatever else that did to live tables is to be
    /// told.
    Us,
    /// Others, who tell it themselves.
    Others,
}

impl SqliteCapture {
    /// Puts the triggers on the tables as they are now, if these or the triggers are not what they
    /// were.
    pub(super) fn follow_schema(&mut self, conn: &mut SqliteConnection, by: By) -> QueryResult<()> {
        let version = read_number(conn, SchemaVersion)?;
        let consumer = self.file.consumer();
        let is_current = !self.may_be_undone
            && self.schema.is_some()
            && self.schema
                == Some(Schema {
                    version,
                    installed: read_number(conn, Installed)?,
                    consumer,
                });
        if is_current {
            return Ok(());
        }
        if let Some(consumer) = consumer {
            let stale = outbox::install(conn, &self.tables, consumer)?;
            self.writes.note_unknown(stale);
        }
        let others = install::install(conn, &mut self.tables, consumer)?;
        self.writes.know(&self.tables);
        if by == By::Us && !others.is_empty() {
            let is_unknown = |number: &usize| {
                self.tables[*number].is_missing() || self.writes.has_entries_of(*number)
            };
            let unknown: Vec<_> = others.into_iter().filter(is_unknown).collect();
            self.writes.note_schema_change(unknown);
        }
        // The version is that from before: if somebody has changed it meanwhile, it is looked at
        // again.
        self.schema = Some(Schema {
            version,
            installed: read_number(conn, Installed)?,
            consumer,
        });
        // A rollback takes the triggers along, and gives their version to the next change.
        self.may_be_undone = conn
            .execute_returning_count(&Begin)
            .and_then(|_| conn.execute_returning_count(&Commit))
            .is_err();
        Ok(())
    }

    /// Finds the tables that are others than when it was last settled, because this connection
    /// changed the schema and did not undo it.
    pub(super) fn compare_tables(&mut self, conn: &mut SqliteConnection) {
        if !self.writes.lock().has_changed_schema {
            return;
        }
        if let Err(error) = self.follow_schema(conn, By::Others) {
            tracing::error!(%error, "it cannot be said which live tables changed");
        }
        let others = self
            .tables
            .iter_mut()
            .enumerate()
            .filter_map(|(number, table)| table.settle().then_some(number));
        self.writes.lock().unknown.extend(others);
    }

    /// Takes the triggers off until the next look at the schema.
    pub(super) fn step_aside(&mut self, conn: &mut SqliteConnection) -> QueryResult<()> {
        self.schema = None;
        install::uninstall(conn, &self.tables, self.file.consumer())
    }
}
