//! Renamed columns, raw identifiers, labels, and a table in another module.

use rest_live::prelude::*;
use serde_json::json;

mod schema {
    diesel::table! {
        tasks {
            id -> Integer,
            #[sql_name = "type"]
            type_ -> Text,
            r#match -> Integer,
            list -> Integer,
            other -> Integer,
        }
    }
}

mod models {
    use diesel::prelude::*;
    use rest_live::prelude::*;
    use serde::Serialize;

    #[derive(Queryable, Selectable, Serialize, Subscribable)]
    #[diesel(table_name = super::schema::tasks)]
    #[live(label = "todolist.Entry")]
    #[subscribable(group_key = "list")]
    #[subscribable(group_key = "type_")]
    #[subscribable(group_key = "match")]
    #[subscribable(group_key("match", "other"), fields("type", "list_id"))]
    pub struct Task {
        pub id: i32,
        #[diesel(column_name = type_)]
        pub r#type: String,
        pub r#match: i32,
        #[diesel(column_name = "list")]
        pub list_id: i32,
        pub other: i32,
    }
}

use models::Task;

fn main() {
    assert_eq!(Task::LABEL.to_string(), "todolist.Entry");
    assert_eq!(
        Task::group().list_id(1).to_message(),
        json!({ "model": "todolist.Entry", "property": "list", "value": 1 }),
    );
    assert_eq!(Task::group().r#type("a").to_message()["property"], "type_");
    assert_eq!(Task::group().r#match(1).to_message()["property"], "match");
    assert_eq!(
        Task::group().match_and_other(1, 2).to_message()["property"],
        json!(["match", "other"])
    );

    let task = Task {
        id: 1,
        r#type: "a".into(),
        r#match: 2,
        list_id: 3,
        other: 4,
    };
    let rows = Task::describe().to_json(&task);
    assert_eq!(
        rows[0].as_ref().unwrap(),
        r#"{"id":1,"type":"a","match":2,"list_id":3,"other":4}"#
    );
    assert_eq!(rows[3].as_ref().unwrap(), r#"{"type":"a","list_id":3}"#);
}
