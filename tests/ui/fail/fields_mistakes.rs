use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(fields("id", "txt"))]
#[subscribable(fields("id", "id"))]
#[subscribable(fields())]
#[subscribable(fields("list_id"))]
struct Task {
    id: i32,
    #[serde(skip_serializing)]
    list_id: i32,
    text: String,
}

fn main() {}
