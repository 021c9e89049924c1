//! Watches a list of the todolist example from another program, and prints what happens to it.
//!
//! ```sh
//! cargo run --example todolist                            # in one terminal
//! cargo run --example watch --features client -- 1        # in another: list 1
//! ```
//!
//! The server is at port 3000, or at `URL`. Stop it and start it again: what was missed is told, or
//! it is said that nobody knows.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::env;
use std::error::Error;

use rest_live::client::{Client, Event, IntoTopic, Topic};
use serde::Deserialize;

/// A task as this program sees it: it has not logged in, and has not the models either.
#[derive(Debug, Deserialize)]
struct Task {
    id: i32,
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let list = env::args()
        .nth(1)
        .ok_or("which list? `cargo run --example watch --features client -- 1`")?;
    let url = env::var("URL").unwrap_or_else(|_| "ws://127.0.0.1:3000/ws/subscribe/".to_owned());
    let client = Client::builder(url).build()?;
    let mut tasks =
        client.subscribe(Topic::raw("todolist.Task", "list_id", list).rows_as::<Task>());
    while let Some(event) = tasks.next().await {
        match event {
            Event::Subscribed { recovered: true } => {
                println!("here again; what was missed follows")
            }
            Event::Subscribed { recovered: false } => println!("from now on, all is told"),
            Event::Created(Task { id, text }) => println!("+ {id} {text}"),
            Event::Updated(Task { id, text }) => println!("~ {id} {text}"),
            Event::Deleted(Task { id, text }) => println!("- {id} {text}"),
            Event::Resync(reason) => println!("something has changed ({reason})"),
            Event::Lost(error) => println!("nothing is told for now: {error}"),
            Event::Ended(error) => println!("nothing is told any more: {error}"),
            Event::Error(error) => println!("{error}"),
            _ => {}
        }
    }
    Ok(())
}
