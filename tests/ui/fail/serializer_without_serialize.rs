use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(serializer = Public<'_>)]
struct Task {
    id: i32,
    list_id: i32,
    text: String,
}

struct Public<'a>(&'a str);

impl<'a> From<&'a Task> for Public<'a> {
    fn from(task: &'a Task) -> Self {
        Self(&task.text)
    }
}

fn main() {}
