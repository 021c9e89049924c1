use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[live(label = todolist)]
#[subscribable(group_key = list_id)]
#[subscribable(group_key("id", text))]
#[subscribable(fields(id, 7))]
#[subscribable(fields = "id")]
#[subscribable(group_key)]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

fn main() {}
