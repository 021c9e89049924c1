//! SQLite's ways to begin a transaction.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, QueryResult};

use crate::capture::Capture;
use crate::connection::LiveConnection;
use crate::transaction::is_in_transaction;

impl LiveConnection<SqliteConnection> {
    /// Runs a transaction that takes the write lock with its first write, not when it begins
    /// (`BEGIN DEFERRED`). For transactions that only read: they neither wait for a writer nor
    /// hold one up.
    ///
    /// `transaction` begins with `BEGIN IMMEDIATE`: one that reads and then writes fails with
    /// `database is locked` whenever another connection writes in between.
    ///
    /// # Errors
    ///
    /// Those of the closure, and of the database.
    pub fn deferred_transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction_with("BEGIN DEFERRED", work)
    }

    /// Runs a transaction that takes the write lock when it begins (`BEGIN IMMEDIATE`), as
    /// `transaction` does here.
    ///
    /// # Errors
    ///
    /// Those of the closure, and of the database.
    pub fn immediate_transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction_with("BEGIN IMMEDIATE", work)
    }

    /// Runs a transaction that nobody else reads or writes beside, in WAL mode: writes beside
    /// (`BEGIN EXCLUSIVE`).
    ///
    /// # Errors
    ///
    /// Those of the closure, and of the database.
    pub fn exclusive_transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction_with("BEGIN EXCLUSIVE", work)
    }

    /// Sees to it that the next statement is captured.
    pub(super) fn prepare(&mut self) -> QueryResult<()> {
        match is_in_transaction(&mut self.inner) {
            true => Ok(()),
            false => self.capture.prepare(&mut self.inner),
        }
    }

    fn transaction_with<T, E: From<Error>>(
        &mut self,
        begin: &str,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        type Manager = <LiveConnection<SqliteConnection> as Connection>::TransactionManager;
        self.settle();
        self.prepare()?;
        AnsiTransactionManager::begin_transaction_sql(&mut self.inner, begin)?;
        match work(self) {
            Ok(value) => {
                Manager::commit_transaction(self)?;
                Ok(value)
            }
            Err(error) => match Manager::rollback_transaction(self) {
                Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
                Err(rollback) => Err(rollback.into()),
            },
        }
    }
}
