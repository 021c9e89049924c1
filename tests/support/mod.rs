//! A to-do application's models on a real SQLite file, for the tests of the whole way of a change.

// Each test binary uses a part of it.
#![allow(dead_code, unnameable_types, unreachable_pub)]

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{CustomizeConnection, Error, Pool, PooledConnection};
use rest_live::prelude::*;
use rest_live::testing::Client;
use rest_live::{Builder, Limits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;

diesel::table! {
    lists (id) { id -> Integer, name -> Text, }
}

diesel::table! {
    tasks (id) { id -> Integer, text -> Text, done -> Bool, list_id -> Integer, note -> Nullable<Text>, }
}

diesel::joinable!(tasks -> lists (list_id));
diesel::allow_tables_to_appear_in_same_query!(lists, tasks);

pub const SCHEMA: &str = "
    CREATE TABLE lists (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL,
        done BOOLEAN NOT NULL DEFAULT FALSE,
        list_id INTEGER NOT NULL REFERENCES lists ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        note TEXT
    );
    INSERT INTO lists VALUES (1, 'one'), (2, 'two'), (3, 'three');
";

/// Whoever has a name is logged in.
#[derive(Debug, Clone, Default)]
pub struct User {
    pub name: Option<String>,
}

impl User {
    pub fn anonymous() -> Self {
        Self::default()
    }

    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.into()),
        }
    }
}

pub fn has_auth(user: &User, _task: &Task) -> bool {
    user.name.is_some()
}

pub fn has_no_auth(user: &User, task: &Task) -> bool {
    !has_auth(user, task)
}

fn is_named_after(user: &User, list: &List) -> bool {
    user.name.as_ref() == Some(&list.name)
}

#[derive(
    Debug,
    Clone,
    PartialEq,
    Queryable,
    Selectable,
    Identifiable,
    Insertable,
    AsChangeset,
    Serialize,
    Deserialize,
    Subscribable,
)]
#[diesel(table_name = lists)]
#[live(label = "todolist.List")]
#[subscribable]
#[subscribable(group_key = "name", check_permission = is_named_after)]
pub struct List {
    pub id: i32,
    pub name: String,
}

#[derive(
    Debug,
    Clone,
    PartialEq,
    Queryable,
    Selectable,
    Identifiable,
    AsChangeset,
    Associations,
    Serialize,
    Deserialize,
    Subscribable,
)]
#[diesel(table_name = tasks, belongs_to(List))]
#[live(label = "todolist.Task")]
#[subscribable]
#[subscribable(group_key = "list_id", check_permission = has_auth)]
#[subscribable(group_key = "list_id", check_permission = has_no_auth, fields("id", "text"))]
pub struct Task {
    pub id: i32,
    pub text: String,
    pub done: bool,
    pub list_id: i32,
    pub note: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = tasks)]
pub struct NewTask<'a> {
    pub text: &'a str,
    pub list_id: i32,
}

/// A task of list 1.
pub fn new(text: &str) -> NewTask<'_> {
    NewTask { text, list_id: 1 }
}

pub type Manager = LiveManager<SqliteConnection>;
pub type LiveSqlite = LiveConnection<SqliteConnection>;

/// The models on a file of their own.
pub struct App {
    pub live: Live<User>,
    pub pool: Pool<Manager>,
    directory: TempDir,
}

#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<LiveSqlite, Error> for Pragmas {
    fn on_acquire(&self, conn: &mut LiveSqlite) -> Result<(), Error> {
        conn.batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON",
        )
        .map_err(Error::QueryError)
    }
}

impl App {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(change: impl FnOnce(Builder<User>) -> Builder<User>) -> Self {
        Self::in_directory(TempDir::new().expect("a directory"), change)
    }

    /// The same, where something has to know the file before there are models.
    pub fn in_directory(
        directory: TempDir,
        change: impl FnOnce(Builder<User>) -> Builder<User>,
    ) -> Self {
        let builder = Live::<User>::builder()
            .anonymous()
            .model::<List>()
            .model::<Task>();
        let live = change(builder).build().expect("the models are in order");
        let app = Self {
            pool: pool(&directory, &live),
            live,
            directory,
        };
        app.plain()
            .batch_execute(SCHEMA)
            .expect("the schema is in order");
        app
    }

    /// A pooled live connection.
    pub fn conn(&self) -> PooledConnection<Manager> {
        self.pool.get().expect("a connection")
    }

    /// A live connection of its own.
    pub fn single(&self) -> LiveSqlite {
        let mut conn = LiveConnection::new(self.plain(), &self.live).expect("a live connection");
        conn.batch_execute("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000")
            .expect("pragmas");
        conn
    }

    /// A connection that is not live.
    pub fn plain(&self) -> SqliteConnection {
        SqliteConnection::establish(&self.url()).expect("the file opens")
    }

    /// The database file.
    pub fn url(&self) -> String {
        path(&self.directory)
    }

    pub fn client(&self, user: User) -> Client<User> {
        Client::connect(&self.live, user)
    }

    /// A client that is logged in and looks at list 1.
    pub fn reader(&self) -> Client<User> {
        let mut client = self.client(User::named("reader"));
        client.subscribe(Task::group().list_id(1));
        client
    }
}

fn pool(directory: &TempDir, live: &Live<User>) -> Pool<Manager> {
    let builder = Pool::builder()
        .max_size(8)
        .min_idle(Some(0))
        .connection_customizer(Box::new(Pragmas));
    builder
        .build(LiveManager::new(path(directory), live))
        .expect("a pool")
}

/// The database file.
pub fn path(directory: &TempDir) -> String {
    directory
        .path()
        .join("app.db")
        .to_str()
        .expect("a path")
        .to_owned()
}

/// What a client was told, in short: `CREATED text`.
pub fn told(client: &mut Client<User>) -> Vec<String> {
    client.receive_all().iter().map(brief).collect()
}

pub fn brief(event: &Value) -> String {
    let (action, instance) = (&event["action"], &event["instance"]);
    let what = [&instance["text"], &instance["name"]]
        .into_iter()
        .find_map(Value::as_str)
        .unwrap_or("?");
    format!("{} {what}", action.as_str().unwrap_or("?"))
}

pub fn subscription(property: &str, value: impl Into<Value>) -> Value {
    json!({"model": "todolist.Task", "property": property, "value": value.into()})
}

pub fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}
