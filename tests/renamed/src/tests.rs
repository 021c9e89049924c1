use diesel::prelude::*;
use live_rows::prelude::*;
use live_rows::{AllowAny, SubscribableBy};
use serde::Serialize;
use serde_json::json;

diesel::table! {
    tasks {
        id -> Integer,
        list_id -> Integer,
        text -> Text,
    }
}

/// With every kind of registration.
#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[live(crate = live_rows, label = "todolist.Task")]
#[subscribable(check_permission = is_reader)]
#[subscribable(check_permission = is_reader.not().and(AllowAny), serializer = Id)]
#[subscribable(group_key("list_id", "text"), serializer = Text<'_>)]
#[subscribable(group_key = "list_id", fields("id", "list_id"))]
struct Task {
    id: i32,
    #[serde(rename = "list")]
    list_id: i32,
    text: String,
}

struct Reader(bool);

fn is_reader(reader: &Reader, _: &Task) -> bool {
    reader.0
}

#[derive(Serialize)]
struct Id(i32);

impl From<&Task> for Id {
    fn from(task: &Task) -> Self {
        Self(task.id)
    }
}

#[derive(Serialize)]
struct Text<'a>(&'a str);

impl<'a> From<&'a Task> for Text<'a> {
    fn from(task: &'a Task) -> Self {
        Self(&task.text)
    }
}

#[test]
fn the_derive_works_under_another_name() {
    fn message<M: SubscribableBy<Reader>>(group: &live_rows::Group<M>) -> serde_json::Value {
        group.to_message()
    }
    assert_eq!(
        message(&Task::group().list_id_and_text(1, "a")),
        json!({ "model": "todolist.Task", "property": ["list_id", "text"], "value": [1, "a"] }),
    );
    let task = Task {
        id: 1,
        list_id: 2,
        text: "a".to_owned(),
    };
    let rows: Vec<_> = Task::describe()
        .to_json(&task)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        rows,
        [
            r#"{"id":1,"list":2,"text":"a"}"#,
            "1",
            r#""a""#,
            r#"{"id":1,"list":2}"#
        ]
    );
}
