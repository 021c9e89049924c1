use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { lists { id -> Integer, } }
diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }
diesel::joinable!(tasks -> lists (list_id));

#[derive(Identifiable)]
struct List {
    id: i32,
}

#[derive(Identifiable, Associations, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(belongs_to(List))]
#[subscribable(group_key = "list_id")]
#[subscribable(group_key = "list")]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

fn main() {}
