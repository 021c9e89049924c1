use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(group_key = "id", check_permission = by_value)]
#[subscribable(group_key = "list_id", check_permission = no_answer)]
#[subscribable(group_key = "text", check_permission = one_argument)]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

struct User;

fn by_value(_: User, _: &Task) -> bool {
    true
}

fn no_answer(_: &User, _: &Task) {}

fn one_argument(_: &User) -> bool {
    true
}

fn main() {}
