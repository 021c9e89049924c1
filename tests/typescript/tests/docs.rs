//! What the README and `docs/typescript.md` show works, and makes what they show.

#![allow(dead_code, clippy::unwrap_used, reason = "this is a test")]

use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::typescript::{Error, Models};
use serde::Serialize;
use ts_rs::TS;

diesel::table! { tasks { id -> Integer, text -> Text, list_id -> Integer, } }

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[live(label = "todolist.Task")]
#[subscribable(check_permission = is_member)]
#[subscribable(fields("id", "text"))]
#[subscribable(group_key = "list_id", fields("id", "text"))]
struct Task {
    id: i32,
    text: String,
    list_id: i32,
}

fn is_member(is_member: &bool, _task: &Task) -> bool {
    *is_member
}

#[test]
fn the_types_of_the_page_are_fresh() -> Result<(), Error> {
    Models::new().model::<Task>().check("web/models.ts")
}

#[test]
fn the_file_in_the_docs_is_that_of_the_model_in_the_docs() {
    let docs = include_str!("../../../docs/typescript.md");
    let (_, shown) = docs.split_once("```ts\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let text = Models::new().model::<Task>().generate().unwrap();
    assert!(text.ends_with(shown), "{text}");
}
