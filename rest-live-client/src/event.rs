//! What a subscription is told.

use crate::error::Error;

/// What a [`Subscription`](crate::Subscription) is told.
///
/// Rows are told as this subscriber may see them. Read and apply them in this order, and no stale
/// row is shown for good: subscribe, wait for [`Subscribed`](Self::Subscribed), read the rows where
/// it is not `recovered`, then apply what comes, by primary key. [`Rows`](crate::Rows) does that.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event<T> {
    /// Every change that is committed from now on is told; what was committed before is there for
    /// whoever reads now.
    Subscribed {
        /// Whether all that was missed follows. Otherwise that is not known: read the rows now.
        recovered: bool,
    },
    /// These are all rows of the group, in no order, and every change that comes after them is told.
    /// They take the place of what was there. It comes where the subscription was made [with a
    /// snapshot](crate::IntoTopic::with_snapshot), instead of [`Subscribed`](Self::Subscribed) with
    /// nothing recovered.
    Snapshot(Vec<T>),
    /// A row has come into the group, or into sight.
    Created(T),
    /// A row is another than it was.
    Updated(T),
    /// A row has gone out of the group, or out of sight: as it was seen last.
    Deleted(T),
    /// It is not known what has changed: read the rows again. The subscription goes on; with a
    /// snapshot, another one follows by itself. The reason is `changes_unknown`, `rights_changed`,
    /// or a new one.
    Resync(String),
    /// Nothing is told until the subscription is there again, which it will be by itself.
    Lost(Error),
    /// The server tells nothing more, for want of rights for one: remove what is shown. The
    /// subscription is asked for again on the next connection, which after code 4403 takes a call
    /// of [`Client::reconnect`](crate::Client::reconnect).
    Ended(Error),
    /// Something went wrong, and nothing else has changed: another try to connect, for one, or a
    /// row that could not be read. Those that nobody has read yet give way to the newest.
    Error(Error),
}
