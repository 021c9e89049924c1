//! The database: a SQLite file, and a pool of connections that tell what is committed on them.

use std::error::Error;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{self, CustomizeConnection, Pool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use rest_live::OtherWriters;
use rest_live::prelude::*;
use tokio::task::spawn_blocking;

use super::error::ApiError;
use super::login::User;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("examples/todolist/migrations");

/// A Diesel connection like any other, and what is committed on it is live.
pub type DbConnection = LiveConnection<SqliteConnection>;

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<LiveManager<SqliteConnection>>,
    /// Hears of what others write to the file: try it with the `sqlite3` shell.
    _others: Arc<OtherWriters>,
}

impl Database {
    /// Opens the database at `url`, and creates it if it is not there.
    pub fn open(url: &str, live: &Live<User>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        migrate(url)?;
        let pool = Pool::builder()
            .connection_customizer(Box::new(ForeignKeys))
            .build(LiveManager::new(url, live))?;
        let others = Arc::new(OtherWriters::capture(url, live)?);
        Ok(Self {
            pool,
            _others: others,
        })
    }

    /// Runs blocking work on a connection, on a thread that may block.
    pub async fn read<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, ApiError> + Send + 'static,
    {
        let pool = self.pool.clone();
        let work = move || work(&mut *pool.get().map_err(ApiError::internal)?);
        spawn_blocking(work).await.map_err(ApiError::internal)?
    }

    /// Does the same in a transaction: its changes are committed all together, or not at all.
    pub async fn write<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, ApiError> + Send + 'static,
    {
        self.read(|conn| conn.transaction(work)).await
    }
}

/// Brings the tables up to date, on a plain connection: nobody listens yet.
fn migrate(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut conn = SqliteConnection::establish(url)?;
    // Readers and the writer do not wait for each other. The file remembers it.
    conn.batch_execute("PRAGMA journal_mode = WAL")?;
    conn.run_pending_migrations(MIGRATIONS)?;
    Ok(())
}

/// SQLite checks foreign keys only on connections that ask for it.
#[derive(Debug)]
struct ForeignKeys;

impl CustomizeConnection<DbConnection, r2d2::Error> for ForeignKeys {
    fn on_acquire(&self, conn: &mut DbConnection) -> Result<(), r2d2::Error> {
        conn.batch_execute("PRAGMA foreign_keys = ON")
            .map_err(r2d2::Error::QueryError)
    }
}
