//! Finding out that others write, without anything in the database: by SQLite's `data_version`, which
//! tells a connection that some other has committed.
//!
//! That other may be one of our own. So a second connection, the watch, is looked at around each of
//! our commits: what it sees change between two of them was not ours. What changes while we
//! commit, the committing connection sees itself, since its own commits do not count for it; and
//! none of ours can come in between, as the watch is held meanwhile. Who has the
//! watch does not wait for the write lock; where a COMMIT waits for readers, in the journal modes
//! other than WAL, one of them may wait for the watch, but not for long.

use std::sync::mpsc::Sender;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, QueryResult};
use parking_lot::Mutex;

use super::listen::Order;
use crate::sqlite::query::{BeginImmediate, Commit, DataVersion, Rollback};
use crate::sqlite::read_number;

/// How long it is waited for the watch.
const PATIENCE: Duration = Duration::from_millis(50);

/// A connection that sees commits, and writes nothing.
pub(in crate::sqlite) struct Watch {
    state: Mutex<State>,
    /// Where it is told that others have written.
    alarm: Mutex<Sender<Order>>,
}

struct State {
    conn: SqliteConnection,
    /// What it has seen. `None` if it could not look.
    seen: Option<i32>,
}

impl Watch {
    pub(super) fn new(mut conn: SqliteConnection, alarm: Sender<Order>) -> QueryResult<Self> {
        conn.batch_execute("PRAGMA query_only = ON; PRAGMA busy_timeout = 0")?;
        let seen = Some(read_number(&mut conn, DataVersion)?);
        Ok(Self {
            state: Mutex::new(State { conn, seen }),
            alarm: Mutex::new(alarm),
        })
    }

    /// Whether others have committed since it was last looked.
    pub(super) fn look(&self) -> bool {
        self.state.lock().look()
    }

    /// Runs a statement that writes, in a transaction of its own: for one that would be, but takes the
    /// write lock when it begins.
    pub(in crate::sqlite) fn alone<T>(
        &self,
        conn: &mut SqliteConnection,
        statement: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        match conn.execute_returning_count(&BeginImmediate) {
            Ok(_) => {}
            // One is open that was begun with raw SQL.
            Err(error) if is_in_transaction(&error) => return statement(conn),
            Err(error) => return Err(error),
        }
        let result = statement(conn);
        // Also after a failure: with `OR FAIL`, what was written before it stays.
        let committed = self.around(conn, |conn| conn.execute_returning_count(&Commit));
        match (result, committed) {
            (Ok(value), Ok(_)) => Ok(value),
            (result, Err(error)) => {
                drop(conn.execute_returning_count(&Rollback));
                result.and(Err(error))
            }
            (Err(error), Ok(_)) => Err(error),
        }
    }

    /// Runs what may commit. Without the watch, if somebody keeps it: he may wait for a lock that this
    /// connection holds. Then it is as if others had committed.
    pub(in crate::sqlite) fn around<T>(
        &self,
        conn: &mut SqliteConnection,
        commit: impl FnOnce(&mut SqliteConnection) -> T,
    ) -> T {
        let Some(mut state) = self.state.try_lock_for(PATIENCE) else {
            let result = commit(conn);
            self.alarm();
            return result;
        };
        let before = read_number(conn, DataVersion);
        let mut is_suspect = state.look();
        let result = commit(conn);
        // What it has seen now is ours, or the connection has seen it, too.
        is_suspect |= state.see().is_none();
        is_suspect |= before.is_err() || before != read_number(conn, DataVersion);
        drop(state);
        if is_suspect {
            self.alarm();
        }
        result
    }

    fn alarm(&self) {
        drop(self.alarm.lock().send(Order::Alarm));
    }
}

impl State {
    fn look(&mut self) -> bool {
        let before = self.seen;
        self.see().is_none() || before != self.seen
    }

    fn see(&mut self) -> Option<i32> {
        self.seen = read_number(&mut self.conn, DataVersion).ok();
        self.seen
    }
}

/// Whether a transaction could not be begun since one is open.
pub(super) fn is_in_transaction(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.message().contains("within a transaction"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};

    use tempfile::TempDir;

    use super::*;

    /// A file with a table, a connection of ours, one of others, and a watch.
    struct Case {
        ours: SqliteConnection,
        others: SqliteConnection,
        watch: Watch,
        alarms: Receiver<Order>,
        _directory: TempDir,
    }

    const INSERT: &str = "INSERT INTO t DEFAULT VALUES";

    impl Case {
        fn new() -> Self {
            let directory = TempDir::new().unwrap();
            let path = directory.path().join("a.db");
            let open = || SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            let (mut ours, others) = (open(), open());
            let schema = "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY)";
            ours.batch_execute(schema).unwrap();
            let (alarm, alarms) = mpsc::channel();
            let watch = Watch::new(open(), alarm).unwrap();
            Self {
                ours,
                others,
                watch,
                alarms,
                _directory: directory,
            }
        }

        fn around(&mut self, commit: impl FnOnce(&mut SqliteConnection, &mut SqliteConnection)) {
            let Self {
                ours,
                others,
                watch,
                ..
            } = self;
            watch.around(ours, |ours| commit(ours, others));
        }

        /// Whether others were found out, by whoever commits or by who looks.
        fn is_found_out(&self) -> bool {
            let looked = self.watch.look();
            self.alarms.try_iter().count() > 0 || looked
        }
    }

    #[test]
    fn what_we_commit_is_ours() {
        let mut case = Case::new();
        assert!(!case.is_found_out());
        for _ in 0..3 {
            case.around(|ours, _| ours.batch_execute(INSERT).unwrap());
            case.around(|_, _| {});
            let alone = |ours: &mut SqliteConnection| ours.batch_execute(INSERT);
            case.watch.alone(&mut case.ours, alone).unwrap();
            assert!(!case.is_found_out());
        }
    }

    #[test]
    fn what_others_commit_is_found_out_whenever_they_do() {
        type Commit = fn(&mut SqliteConnection, &mut SqliteConnection);
        let write = |conn: &mut SqliteConnection| conn.batch_execute(INSERT).unwrap();
        let cases: [Commit; 3] = [
            |ours, others| {
                ours.batch_execute(INSERT).unwrap();
                others.batch_execute(INSERT).unwrap();
            },
            |ours, others| {
                others.batch_execute(INSERT).unwrap();
                ours.batch_execute(INSERT).unwrap();
            },
            |_, others| others.batch_execute(INSERT).unwrap(),
        ];
        for commit in cases {
            let mut case = Case::new();
            case.around(commit);
            assert!(case.is_found_out());
        }
        let mut case = Case::new();
        for _ in 0..3 {
            write(&mut case.others);
            // Whoever is the next of ours has to see it before it looks away.
            case.around(|ours, _| ours.batch_execute(INSERT).unwrap());
            assert!(case.is_found_out());
            case.around(|ours, _| ours.batch_execute(INSERT).unwrap());
            write(&mut case.others);
            assert!(case.is_found_out());
            assert!(!case.is_found_out());
        }
    }
}
