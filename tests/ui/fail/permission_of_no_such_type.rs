use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(check_permission = IsStaff)]
#[subscribable(group_key = "list_id", check_permission = IsStaff.and(is_owner))]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

struct User;
struct IsStaff;

fn is_owner(_: &User, _: &Task) -> bool {
    true
}

fn main() {}
