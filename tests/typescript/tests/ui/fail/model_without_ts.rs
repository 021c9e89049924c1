use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::typescript::Models;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable]
struct Task {
    id: i32,
    text: String,
}

fn main() {
    let _ = Models::new().model::<Task>();
}
