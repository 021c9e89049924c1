#![doc = include_str!("../README.md")]
//!
//! ## All of it in one program
//!
//! ```
//! use diesel::connection::SimpleConnection;
//! use diesel::prelude::*;
//! use rest_live::prelude::*;
//! use rest_live_client::{Client, Event};
//! use serde::{Deserialize, Serialize};
//!
//! diesel::table! { tasks { id -> Integer, text -> Text, list_id -> Integer, } }
//!
//! #[derive(Queryable, Selectable, Insertable, Serialize, Deserialize, Subscribable)]
//! #[diesel(table_name = tasks)]
//! #[subscribable(group_key = "list_id")]
//! struct Task { id: i32, text: String, list_id: i32 }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let live = Live::<()>::builder().anonymous().model::<Task>().build()?;
//!     let mut conn = LiveConnection::new(SqliteConnection::establish(":memory:")?, &live)?;
//!     conn.batch_execute("CREATE TABLE tasks (id INTEGER PRIMARY KEY NOT NULL, text TEXT NOT NULL, list_id INTEGER NOT NULL)")?;
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let client = Client::builder(format!("ws://{}/", listener.local_addr()?)).build()?;
//!     tokio::spawn(rest_live::serve(listener, live));
//!
//!     let mut tasks = client.subscribe(Task::group().list_id(1));
//!     assert!(matches!(tasks.next().await, Some(Event::Subscribed { recovered: false })));
//!     Task::create(&mut conn, Task { id: 7, text: "write".into(), list_id: 1 })?;
//!     let Some(Event::Created(task)) = tasks.next().await else { panic!("it was created") };
//!     assert_eq!(task.text, "write");
//!     Ok(())
//! }
//! ```

#![warn(missing_docs)]

mod client;
mod error;
mod event;
mod rows;
mod subscription;
mod token;
mod topic;

mod session;

mod builder;
mod driver;

pub use self::builder::Builder;
pub use self::client::Client;
pub use self::error::{BuildError, Cause, Error};
pub use self::event::Event;
pub use self::rows::Rows;
pub use self::session::ConnectionState;
pub use self::subscription::Subscription;
pub use self::token::{TokenFuture, TokenSource};
pub use self::topic::{IntoTopic, Row, Topic};
