//! Snapshots: the rows that a group has when somebody subscribes, followed by the changes from
//! exactly there.

mod parts;
mod queue;
mod rights;
mod serve;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::ops::ControlFlow;

use serde_json::Value;

pub(crate) use self::queue::{Job, Purpose, Snapshots};
pub(crate) use self::serve::serve;
use crate::change::Row;
use crate::log::{Log, Quiet};
use crate::model::Adapter;

/// So often a snapshot is read that can no longer be followed by the changes since.
const TRIES: usize = 3;

/// Where the snapshots of a model come from: something that reads the rows of a group, as of an
/// exact position in the log.
///
/// Given to [`Builder::snapshots`](crate::Builder::snapshots). Programs use that of their
/// database's adapter, such as `SqliteSnapshots`.
#[diagnostic::on_unimplemented(
    message = "snapshots of `{M}` cannot be read from `{Self}`",
    label = "no source of snapshots of `{M}`",
    note = "for SQLite it is `SqliteSnapshots::new(pool)`, over a pool of plain Diesel connections"
)]
pub trait SnapshotSource<M>: Send + Sync + 'static {
    /// Reads the rows of a group and hands them over one by one, in any order, until there are no
    /// more or `each` breaks.
    ///
    /// All of them have to be as of one [quiet moment](Log::quiet) of the [group's
    /// log](SnapshotGroup::log), which is the answer. So begin the read, see that the moment
    /// [still](Log::is_still) lasts, and only then hand over the first row.
    ///
    /// It may take its time: nobody waits for it but those who asked for a snapshot.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from reading, as when the database is down. The subscriber is told to try
    /// again later.
    fn read(
        &self,
        group: &SnapshotGroup<'_>,
        each: &mut dyn FnMut(M) -> ControlFlow<()>,
    ) -> Result<Quiet, SnapshotError>;

    /// Whether it can read at all: asked once, when the server is built.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to do about it. It is the error of the server's `build()`.
    fn check(&self) -> Result<(), SnapshotError> {
        Ok(())
    }
}

/// What keeps a [`SnapshotSource`] from reading. It is logged; the subscriber is not told.
pub type SnapshotError = Box<dyn Error + Send + Sync>;

/// The group whose rows a [`SnapshotSource`] is to read.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotGroup<'a> {
    pub(crate) columns: &'a [&'static str],
    pub(crate) value: &'a Value,
    pub(crate) adapter: Option<&'a Adapter>,
    pub(crate) log: &'a Log,
}

impl<'a> SnapshotGroup<'a> {
    /// The columns of the group's key, and the value that each has in all rows of the group, as the
    /// key's type serializes it.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &'a Value)> {
        let values = match (self.columns, self.value) {
            ([_], value) => std::slice::from_ref(value),
            (_, Value::Array(values)) => values,
            (_, value) => std::slice::from_ref(value),
        };
        self.columns.iter().copied().zip(values)
    }

    /// What the derive handed over for the database adapter.
    #[must_use]
    pub fn adapter(&self) -> Option<&'a Adapter> {
        self.adapter
    }

    /// The log in which the read needs a position.
    #[must_use]
    pub fn log(&self) -> &'a Log {
        self.log
    }
}

/// A source whose row type is erased.
pub(crate) type ErasedSource = Box<
    dyn Fn(
            &SnapshotGroup<'_>,
            &mut dyn FnMut(Row) -> ControlFlow<()>,
        ) -> Result<Quiet, SnapshotError>
        + Send
        + Sync,
>;
