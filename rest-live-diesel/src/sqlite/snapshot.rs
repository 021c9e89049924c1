//! Snapshots on SQLite: reads of a group's rows as of an exact position in the log, which no writer
//! has to wait for.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use rest_live_core::{Log, Quiet, SnapshotError, SnapshotGroup, SnapshotSource};

use super::key::Condition;
use super::others::File;
use super::query::{BusyTimeout, HasSchema};
use super::{SqliteModel, read_number};
use crate::adapter::Adapter;

/// So often a read is begun in the hope that nobody writes at that moment.
const TRIES: usize = 50;

/// How long each of them waits for nobody to write.
const PATIENCE: Duration = Duration::from_millis(2);

/// How long it is tried to get hold of the write lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// How long it is waited, with the write lock held, for those who have committed to say so.
const LOCKED_PATIENCE: Duration = Duration::from_millis(250);

/// Reads snapshots from SQLite, for [`Builder::snapshots`](rest_live_core::Builder::snapshots).
///
/// ```ignore
/// let snapshots = SqliteSnapshots::new(Pool::new(ConnectionManager::<SqliteConnection>::new("todolist.db"))?);
/// let live = Live::<User>::builder()
///     .model::<List>().snapshots::<List>(snapshots.clone())
///     .model::<Task>().snapshots::<Task>(snapshots)
///     // ...
/// ```
///
/// The pool is one of plain connections to the database that the live ones write to, at least two.
/// In WAL mode nobody waits for a snapshot, save for a moment where writers leave no gap; in the
/// other journal modes a read holds up every COMMIT until it ends.
#[derive(Clone)]
pub struct SqliteSnapshots {
    pool: Pool<ConnectionManager<SqliteConnection>>,
    tries: usize,
}

impl SqliteSnapshots {
    /// Reads on the connections of a pool.
    #[must_use]
    pub fn new(pool: Pool<ConnectionManager<SqliteConnection>>) -> Self {
        Self { pool, tries: TRIES }
    }

    /// Hopes for no gap between the writers. For tests of what happens when there is none.
    #[doc(hidden)]
    #[must_use]
    pub fn always_behind_the_lock(self) -> Self {
        Self { tries: 0, ..self }
    }

    /// The connection that reads.
    fn connection(&self) -> Result<Pooled, SnapshotError> {
        let mut conn = self.pool.get()?;
        // Where nobody has said how long to wait.
        if read_number(&mut conn, BusyTimeout)? == 0 {
            conn.batch_execute("PRAGMA busy_timeout = 5000")?;
        }
        Ok(conn)
    }

    /// Begins a read behind the write lock, which another connection takes and lets go.
    fn begin_behind_the_lock(&self, conn: &mut SqliteConnection, log: &Log) -> Begun {
        tracing::debug!("a snapshot is read behind the write lock");
        let mut lock = self.pool.get()?;
        let patience = read_number(&mut lock, BusyTimeout)?;
        lock.batch_execute("PRAGMA busy_timeout = 0")?;
        let begun = begin_behind_the_lock(conn, &mut lock, log);
        lock.batch_execute(&format!("PRAGMA busy_timeout = {patience}"))?;
        Ok(begun?)
    }
}

impl fmt::Debug for SqliteSnapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSnapshots").finish_non_exhaustive()
    }
}

impl<M: SqliteModel> SnapshotSource<M> for SqliteSnapshots {
    fn check(&self) -> Result<(), SnapshotError> {
        if self.pool.max_size() < 2 {
            return Err(
                "their pool has room for one connection and needs two: call `max_size(2)`, or more"
                    .into(),
            );
        }
        Ok(())
    }

    fn read(
        &self,
        group: &SnapshotGroup<'_>,
        each: &mut dyn FnMut(M) -> ControlFlow<()>,
    ) -> Result<Quiet, SnapshotError> {
        let conditions = conditions(group)?;
        let conn = &mut self.connection()?;
        let file = File::of(conn, group.log())?;
        let mut read = |begin: &mut dyn FnMut(&mut SqliteConnection) -> Begun| {
            let mut has_heard = true;
            let quiet = conn.transaction(|conn| {
                let quiet = begin(conn)?;
                has_heard = quiet.is_none() || has_heard_all(conn, &file)?;
                let quiet = quiet.filter(|_| has_heard);
                if quiet.is_some() {
                    M::read_rows(conn, &conditions, each)?;
                }
                Ok::<_, SnapshotError>(quiet)
            })?;
            if !has_heard {
                file.look();
            }
            Ok::<_, SnapshotError>(quiet)
        };
        for tries in 1..=self.tries {
            if let Some(quiet) = read(&mut |conn| begin_in_a_gap(conn, group.log()))? {
                tracing::debug!(tries, "a snapshot was read");
                return Ok(quiet);
            }
        }
        read(&mut |conn| self.begin_behind_the_lock(conn, group.log()))?.ok_or_else(|| {
            "a connection holds back what it has committed, or others never pause".into()
        })
    }
}

/// The moment that a read shows; `None` if somebody wrote just then.
type Begun = Result<Option<Quiet>, SnapshotError>;

type Pooled = PooledConnection<ConnectionManager<SqliteConnection>>;

/// Begins the read in a moment in which nobody is between his first write and the return of his
/// ticket.
fn begin_in_a_gap(conn: &mut SqliteConnection, log: &Log) -> Begun {
    let Some(quiet) = log.quiet(PATIENCE) else {
        return Ok(None);
    };
    fix(conn)?;
    Ok(log.is_still(&quiet).then_some(quiet))
}

/// Makes such a moment: who holds the write lock sees nobody else begin to write, and has to wait
/// only for those who have committed and not yet handed back their tickets. That needs no lock of
/// theirs.
fn begin_behind_the_lock(
    conn: &mut SqliteConnection,
    lock: &mut SqliteConnection,
    log: &Log,
) -> Result<Option<Quiet>, Error> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        // Whoever hands back a ticket has just let go of the lock. SQLite's own waiting looks every
        // 100 ms, too seldom beside busy writers.
        log.quiet(PATIENCE);
        let begun = lock.immediate_transaction(|_| {
            let quiet = log.quiet(LOCKED_PATIENCE);
            if quiet.is_some() {
                fix(conn)?;
            }
            Ok(quiet)
        });
        match begun {
            Err(error) if is_locked(&error) && Instant::now() < deadline => {}
            begun => return begun,
        }
    }
}

fn is_locked(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.message() == "database is locked")
}

/// Whether all that the transaction sees of others is in the log.
fn has_heard_all(conn: &mut SqliteConnection, file: &File) -> Result<bool, Error> {
    match file.consumer() {
        Some(consumer) => Ok(!consumer.has_entries(conn)?),
        None => Ok(true),
    }
}

/// Fixes what the transaction sees. `BEGIN` alone does not; the first read does.
fn fix(conn: &mut SqliteConnection) -> Result<(), Error> {
    read_number(conn, HasSchema).map(drop)
}

/// What selects the rows of the group.
fn conditions(group: &SnapshotGroup<'_>) -> Result<Vec<Condition>, SnapshotError> {
    let adapter = group
        .adapter()
        .and_then(|adapter| adapter.downcast_ref::<Adapter>())
        .ok_or("the model was not described by the derive of rest-live")?;
    let conditions = group.columns().map(|(name, value)| {
        adapter
            .key_columns
            .condition(name, value)
            .map_err(Into::into)
    });
    conditions.collect()
}
