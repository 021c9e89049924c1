//! The row that changes, as each server knows it.

use std::error::Error;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{self, CustomizeConnection, ManageConnection};
use rest_live::Subscribable;
use rest_live_core::SubscribableBy;
use serde::Serialize;

diesel::table! {
    events { id -> Integer, list_id -> Integer, sent -> BigInt, text -> Text, }
}

/// A user, with a number for permissions to look at.
#[derive(Debug, Default)]
pub struct User {
    pub number: i32,
}

#[derive(Debug, Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = events)]
#[live(label = "load.Event")]
#[subscribable(group_key = "list_id")]
pub struct Event {
    pub id: i32,
    pub list_id: i32,
    pub sent: i64,
    pub text: String,
}

/// The same, and a permission is asked for each event and subscriber.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = events)]
#[live(label = "load.Event")]
#[subscribable(group_key = "list_id", check_permission = may_see)]
pub struct GuardedEvent {
    pub id: i32,
    pub list_id: i32,
    pub sent: i64,
    pub text: String,
}

/// Always "yes", so that as many are told as without it; the compiler does not know.
fn may_see(user: &User, event: &GuardedEvent) -> bool {
    user.number <= event.list_id
}

/// A model of the table above.
pub trait Row: SubscribableBy<User> + Sized {
    fn new(group: i32, sent: i64, text: &str) -> Self;
}

impl Row for Event {
    fn new(group: i32, sent: i64, text: &str) -> Self {
        Self {
            id: group,
            list_id: group,
            sent,
            text: text.to_owned(),
        }
    }
}

impl Row for GuardedEvent {
    fn new(group: i32, sent: i64, text: &str) -> Self {
        Self {
            id: group,
            list_id: group,
            sent,
            text: text.to_owned(),
        }
    }
}

pub fn text(length: usize) -> String {
    "x".repeat(length)
}

/// Makes the file, with a row for each of the first groups.
pub fn create(url: &str, text_bytes: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut conn = SqliteConnection::establish(url)?;
    conn.batch_execute(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE events (
             id INTEGER PRIMARY KEY NOT NULL, list_id INTEGER NOT NULL,
             sent BIGINT NOT NULL, text TEXT NOT NULL
         );",
    )?;
    for group in 0..10 {
        let row = (
            events::id.eq(group),
            events::list_id.eq(group),
            events::sent.eq(0),
            events::text.eq(text(text_bytes)),
        );
        diesel::insert_into(events::table)
            .values(row)
            .execute(&mut conn)?;
    }
    Ok(())
}

/// Writes the time into the row of a group.
pub fn update<C>(conn: &mut C, group: i32, due: u64) -> QueryResult<usize>
where
    C: diesel::connection::LoadConnection<Backend = diesel::sqlite::Sqlite>,
{
    diesel::update(events::table.find(group))
        .set(events::sent.eq(due.cast_signed()))
        .execute(conn)
}

/// A commit waits for no disk; writers wait for each other.
#[derive(Debug)]
pub struct Pragmas;

impl<C: SimpleConnection> CustomizeConnection<C, r2d2::Error> for Pragmas {
    fn on_acquire(&self, conn: &mut C) -> Result<(), r2d2::Error> {
        conn.batch_execute("PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")
            .map_err(r2d2::Error::QueryError)
    }
}

/// A pool with a connection for each writer.
pub fn pool<M>(manager: M, size: usize) -> Result<r2d2::Pool<M>, Box<dyn Error + Send + Sync>>
where
    M: ManageConnection<Error = r2d2::Error>,
    M::Connection: SimpleConnection,
{
    let size = u32::try_from(size)?;
    Ok(r2d2::Pool::builder()
        .max_size(size)
        .connection_customizer(Box::new(Pragmas))
        .build(manager)?)
}
