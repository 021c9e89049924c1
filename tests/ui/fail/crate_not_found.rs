use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[live(crate = crate::live)]
#[subscribable]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

fn main() {}
