use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[live(user = User)]
#[subscribable(check_permission = allowed)]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

struct User;
struct Guest;

fn allowed(_: &Guest, _: &Task) -> bool {
    true
}

fn main() {}
