use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(group_key = "list")]
struct Task {
    id: i32,
    #[diesel(column_name = list_id)]
    list: i32,
    text: String,
}

fn main() {}
