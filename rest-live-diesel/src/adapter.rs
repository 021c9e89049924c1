//! What the derive says about a model beyond its types, for the backends.

#[cfg(feature = "sqlite")]
use std::sync::Arc;

#[cfg(feature = "sqlite")]
use diesel::{Column, Expression, query_builder::QueryFragment, sqlite::Sqlite};
use serde::de::DeserializeOwned;

#[cfg(feature = "sqlite")]
use crate::sqlite::{CapturedModel, KeyColumns, SqliteKey, SqliteModel};

/// What the backends need to know about a model. Made by what the derive generates.
#[must_use]
pub struct Adapter {
    #[cfg(feature = "sqlite")]
    pub(crate) sqlite: Arc<dyn CapturedModel>,
    #[cfg(feature = "sqlite")]
    pub(crate) key_columns: KeyColumns,
}

/// Begins to tell the backends about a model. Called by what the derive generates.
#[cfg(feature = "sqlite")]
pub fn adapter<M: SqliteModel>() -> Adapter {
    Adapter {
        sqlite: M::captured(),
        key_columns: KeyColumns::default(),
    }
}

/// Begins to tell the backends about a model. Called by what the derive generates.
#[cfg(not(feature = "sqlite"))]
pub fn adapter<M: crate::LiveModel>() -> Adapter {
    Adapter {}
}

impl Adapter {
    /// Tells of a column by which clients subscribe: its name on the wire, and how a value of its
    /// type is bound.
    #[cfg(feature = "sqlite")]
    pub fn key_column<C, K, V>(mut self, column: C, name: &'static str, bind: fn(K) -> V) -> Self
    where
        C: Column + QueryFragment<Sqlite> + Copy + Send + Sync + 'static,
        K: DeserializeOwned + 'static,
        V: SqliteKey<<C as Expression>::SqlType> + 'static,
    {
        self.key_columns.add(column, name, bind);
        self
    }

    /// Tells of a column by which clients subscribe: its name on the wire, and how a value of its
    /// type is bound.
    #[cfg(not(feature = "sqlite"))]
    pub fn key_column<C, K: DeserializeOwned, V>(
        self,
        _column: C,
        _name: &'static str,
        _bind: fn(K) -> V,
    ) -> Self {
        self
    }
}
