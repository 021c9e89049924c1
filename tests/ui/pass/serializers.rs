//! `serializer = Type`, with and without a lifetime. The model itself need not be `Serialize`.

use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Subscribable)]
#[subscribable(serializer = Borrowing<'_>, check_permission = nobody)]
#[subscribable(serializer = Owning)]
pub struct Task {
    id: i32,
    text: String,
}

#[derive(Serialize)]
struct Borrowing<'a> {
    text: &'a str,
}

impl<'a> From<&'a Task> for Borrowing<'a> {
    fn from(task: &'a Task) -> Self {
        Self { text: &task.text }
    }
}

#[derive(Serialize)]
struct Owning {
    id: i32,
}

impl From<&Task> for Owning {
    fn from(task: &Task) -> Self {
        Self { id: task.id }
    }
}

fn nobody(_: &(), _: &Task) -> bool {
    false
}

fn main() {
    let rows = Task::describe().to_json(&Task {
        id: 1,
        text: "a".into(),
    });
    let rows: Vec<_> = rows.into_iter().map(Result::unwrap).collect();
    assert_eq!(rows, [r#"{"text":"a"}"#, r#"{"id":1}"#]);
}
