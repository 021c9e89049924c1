//! Transactions: Diesel's own, with the moments at which events are released.

use std::marker::PhantomData;

use diesel::connection::{TransactionManager, TransactionManagerStatus};
use diesel::{Connection, QueryResult};

use crate::capture::{Capture, LiveBackend, StatementKind};
use crate::connection::LiveConnection;

/// The transaction manager of a [`LiveConnection`]: that of the wrapped connection, after which
/// events are released.
pub struct LiveTransactionManager<T>(PhantomData<T>);

impl<C, T> TransactionManager<LiveConnection<C>> for LiveTransactionManager<T>
where
    C: LiveBackend + Connection<TransactionManager = T>,
    T: TransactionManager<C>,
{
    type TransactionStateData = T::TransactionStateData;

    fn begin_transaction(conn: &mut LiveConnection<C>) -> QueryResult<()> {
        // Also before a savepoint: where Diesel's transaction is gone, that begins another one, which
        // is to have a ticket of its own.
        conn.settle();
        if is_in_transaction(&mut conn.inner) {
            return T::begin_transaction(&mut conn.inner);
        }
        conn.capture.begin(&mut conn.inner)
    }

    fn rollback_transaction(conn: &mut LiveConnection<C>) -> QueryResult<()> {
        let result = T::rollback_transaction(&mut conn.inner);
        conn.settle();
        result
    }

    fn commit_transaction(conn: &mut LiveConnection<C>) -> QueryResult<()> {
        let commit = |inner: &mut C| T::commit_transaction(inner);
        let result = match T::transaction_manager_status_mut(&mut conn.inner).transaction_depth() {
            Ok(Some(depth)) if depth.get() > 1 => commit(&mut conn.inner),
            _ => conn
                .capture
                .execute(&mut conn.inner, StatementKind::Commit, commit),
        };
        // Whatever the answer: what counts is what the database holds now.
        conn.settle();
        result
    }

    fn transaction_manager_status_mut(
        conn: &mut LiveConnection<C>,
    ) -> &mut TransactionManagerStatus {
        T::transaction_manager_status_mut(&mut conn.inner)
    }

    fn is_broken_transaction_manager(conn: &mut LiveConnection<C>) -> bool {
        T::is_broken_transaction_manager(&mut conn.inner)
    }
}

/// Whether Diesel has begun a transaction. A broken manager counts as in none: there, the database
/// itself is asked.
pub(crate) fn is_in_transaction<C: Connection>(conn: &mut C) -> bool {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    matches!(status.transaction_depth(), Ok(Some(_)))
}
