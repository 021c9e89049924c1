//! The Diesel adapter of [rest-live](https://docs.rs/rest-live): connections that emit an event for every committed change. Programs use
//! the `rest-live` crate; this one is for its generated code.
//!
//! A row is written on a [`LiveConnection`], by [`LiveDsl`] or by any Diesel statement. The
//! backend's [`Capture`] finds the old and the new row; when the
//! [transaction](LiveTransactionManager) has committed, they enter the log.

#![warn(missing_docs)]

mod adapter;
#[doc(hidden)]
pub mod derived;
mod model;

mod write;

mod capture;
#[cfg(feature = "sqlite")]
mod sqlite;

mod connection;
mod manager;
mod row;
mod transaction;

pub use self::adapter::{Adapter, adapter};
pub use self::capture::{Capture, LiveBackend, StatementKind};
pub use self::connection::LiveConnection;
pub use self::manager::LiveManager;
pub use self::model::{LiveModel, LiveRow, SaveColumns};
pub use self::row::{Cursor, CursorField, CursorRow};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{
    CapturedModel, OtherWriters, SqliteCapture, SqliteKey, SqliteModel, SqliteSnapshots,
};
pub use self::transaction::LiveTransactionManager;
pub use self::write::{Delete, FetchRow, LiveDsl, Save};
