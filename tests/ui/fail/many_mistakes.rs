use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[live(label = "Task", colour = "red")]
#[subscribable(group_key = "lst_id", check_permision = by_value)]
#[subscribable(group_key = "list_id", check_permission = by_value)]
#[subscribable(group_key = "text", fields("txt"), serializer = Public)]
#[subscribable(group_key = id)]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

fn by_value(_: (), _: &Task) -> bool {
    true
}

fn main() {}
