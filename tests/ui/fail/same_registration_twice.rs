use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable]
#[subscribable(group_key = "id")]
#[subscribable(group_key = "list_id", check_permission = allowed)]
#[subscribable(group_key = "list_id", check_permission = allowed)]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

fn allowed(_: &(), _: &Task) -> bool {
    true
}

fn main() {}
