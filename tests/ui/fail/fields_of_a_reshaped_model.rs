use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[serde(into = "i32")]
#[subscribable(fields("id"))]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

impl From<Task> for i32 {
    fn from(task: Task) -> Self {
        task.id
    }
}

fn main() {}
