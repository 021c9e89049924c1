//! The todolist example: every route, and what a write over REST tells a socket.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod inspector;
mod lists;
mod live;
mod login;
mod support;
mod tasks;

#[path = "../../examples/todolist/main.rs"]
#[allow(dead_code, reason = "its `main` is not run here")]
mod todolist;
