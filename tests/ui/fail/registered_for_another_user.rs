use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[live(user = User)]
#[subscribable]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

struct User;
struct Guest;

fn register<U, M: rest_live::SubscribableBy<U>>() {}

fn main() {
    register::<User, Task>();
    register::<Guest, Task>();
}
