//! What `save` writes: `None` as `NULL`, embedded structs, `serialize_as`; and not what is skipped or computed.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use rest_live::{LiveModel as _, SaveColumns};
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! {
    tasks {
        id -> Integer,
        text -> Text,
        note -> Nullable<Text>,
        created_by -> Integer,
        created_at -> Integer,
        r#type -> Text,
    }
}

#[derive(Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = tasks)]
pub struct Audit {
    created_by: i32,
}

#[derive(Clone, Serialize)]
pub struct Kind(&'static str);

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.0.to_owned()
    }
}

impl From<String> for Kind {
    fn from(_: String) -> Self {
        Self("read")
    }
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable]
pub struct Task {
    id: i32,
    text: String,
    note: Option<String>,
    #[diesel(embed)]
    audit: Audit,
    #[diesel(skip_update)]
    created_at: i32,
    #[diesel(serialize_as = String, deserialize_as = String)]
    r#type: Kind,
    #[diesel(select_expression = tasks::id + 1, select_expression_type = diesel::dsl::Add<tasks::id, i32>)]
    next: i32,
}

fn main() {
    let task = Task {
        id: 1,
        text: "a".into(),
        note: None,
        audit: Audit { created_by: 2 },
        created_at: 3,
        r#type: Kind("k"),
        next: 2,
    };
    let update = diesel::update(tasks::table.find(1)).set(task.columns());
    assert_eq!(
        diesel::debug_query::<Sqlite, _>(&update).to_string(),
        "UPDATE `tasks` SET `text` = ?, `note` = ?, `created_by` = ?, `type` = ? WHERE (`tasks`.`id` = ?) \
         -- binds: [\"a\", None, 2, \"k\", 1]",
    );
    assert_eq!(
        diesel::debug_query::<Sqlite, _>(&diesel::delete(task.by_key())).to_string(),
        "DELETE FROM `tasks` WHERE (`tasks`.`id` = ?) -- binds: [1]",
    );
}
