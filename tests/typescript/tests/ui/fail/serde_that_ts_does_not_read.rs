use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::typescript::Models;
use serde::{Serialize, Serializer};
use ts_rs::TS;

diesel::table! { tasks { id -> Integer, text -> Text, note -> Nullable<Text>, hash -> Text, } }
diesel::table! { notes { id -> Integer, list_id -> Integer, } }

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[subscribable]
struct Task {
    id: i32,
    #[serde(serialize_with = "as_number")]
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing)]
    hash: String,
}

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[serde(rename_all(serialize = "camelCase"))]
#[subscribable]
struct Note {
    id: i32,
    #[serde(rename(serialize = "list"))]
    list_id: i32,
}

fn as_number<S: Serializer>(text: &String, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(text.len() as u64)
}

fn main() {
    let _ = Models::new().model::<Task>();
    let _ = Models::new().model::<Note>();
}
