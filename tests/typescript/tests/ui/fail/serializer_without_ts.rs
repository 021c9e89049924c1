use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::typescript::Models;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Subscribable)]
#[subscribable(serializer = PublicTask<'_>)]
struct Task {
    id: i32,
    text: String,
}

#[derive(Serialize)]
struct PublicTask<'a> {
    text: &'a str,
}

impl<'a> From<&'a Task> for PublicTask<'a> {
    fn from(task: &'a Task) -> Self {
        Self { text: &task.text }
    }
}

fn main() {
    let _ = Models::new().model::<Task>();
}
