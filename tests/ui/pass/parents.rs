//! `"list"` is the foreign key to a `List`, unless there is a column of that name.

use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { todo_lists { id -> Integer, } }
diesel::table! { users { id -> Integer, } }
diesel::table! {
    tasks {
        id -> Integer,
        todo_list_id -> Integer,
        author -> Integer,
        user -> Text,
    }
}
diesel::joinable!(tasks -> todo_lists (todo_list_id));
diesel::joinable!(tasks -> users (author));

#[derive(Identifiable)]
pub struct TodoList {
    id: i32,
}

#[derive(Identifiable)]
pub struct User {
    id: i32,
}

#[derive(Identifiable, Queryable, Selectable, Associations, Serialize, Subscribable)]
#[diesel(belongs_to(TodoList), belongs_to(crate::User, foreign_key = author))]
#[subscribable(group_key = "todo_list")]
#[subscribable(group_key = "user")]
pub struct Task {
    id: i32,
    todo_list_id: i32,
    author: i32,
    user: String,
}

#[derive(Identifiable, Queryable, Selectable, Associations, Serialize, Subscribable)]
#[diesel(table_name = tasks, belongs_to(User, foreign_key = author))]
#[subscribable(group_key("user", "id"))]
pub struct Authored {
    id: i32,
    author: i32,
}

fn main() {
    assert_eq!(
        Task::group().todo_list_id(1).to_message()["property"],
        "todo_list_id"
    );
    assert_eq!(Task::group().user("ann").to_message()["property"], "user");
    let authored = Authored::group().author_and_id(1, 2).to_message();
    assert_eq!(authored["property"], serde_json::json!(["author", "id"]));
}
