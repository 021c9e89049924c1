use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(check_permission = is_owner)]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

struct User;
struct List;

fn is_owner(_: &User, _: &List) -> bool {
    true
}

fn main() {}
