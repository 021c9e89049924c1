//! What ts-rs does not read of serde is fine where it is told as well, and where nobody sees it.

use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::typescript::Models;
use serde::{Serialize, Serializer};
use ts_rs::TS;

diesel::table! {
    tasks { id -> Integer, list_id -> Integer, text -> Text, note -> Nullable<Text>, count -> Integer, hash -> Text, }
}

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[serde(rename_all(serialize = "camelCase"))]
#[ts(rename_all = "camelCase")]
#[live(label = "todolist.Task")]
#[subscribable]
struct Task {
    id: i32,
    #[serde(rename(serialize = "list"))]
    #[ts(rename = "list")]
    list_id: i32,
    #[serde(serialize_with = "length")]
    #[ts(type = "number")]
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    count: i32,
    #[serde(skip_serializing)]
    #[ts(skip)]
    hash: String,
}

mod part {
    use super::*;

    #[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
    #[diesel(table_name = super::tasks)]
    #[live(label = "todolist.Part")]
    #[subscribable(fields("id", "list_id"))]
    pub struct Task {
        id: i32,
        #[serde(rename = "listId")]
        list_id: i32,
        #[serde(skip_serializing)]
        hash: String,
    }
}

fn length<S: Serializer>(text: &String, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(text.len() as u64)
}

fn is_zero(count: &i32) -> bool {
    *count == 0
}

fn main() {
    let types = Models::new().model::<Task>().generate().unwrap();
    let task = "type Task = { id: number, list: number, text: number, note?: string, count?: number, };";
    assert!(types.contains(task), "{types}");
    let row = Task {
        id: 1,
        list_id: 2,
        text: "abc".into(),
        note: None,
        count: 0,
        hash: "x".into(),
    };
    assert_eq!(
        serde_json::to_string(&row).unwrap(),
        r#"{"id":1,"list":2,"text":3}"#
    );
    let part = Models::new().model::<part::Task>().generate().unwrap();
    assert!(
        part.contains(r#"instance: Pick<Task, "id" | "listId">;"#),
        "{part}"
    );
}
