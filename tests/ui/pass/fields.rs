//! `fields(...)` is a subset of the model's own JSON, whatever serde is told.

use diesel::prelude::*;
use rest_live::prelude::*;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

diesel::table! {
    notes {
        id -> Integer,
        list_id -> Integer,
        text -> Text,
        html -> Text,
        nick -> Nullable<Text>,
        count -> Integer,
        secret -> Text,
        place -> Text,
    }
}

mod shout {
    pub fn serialize<S: serde::Serializer>(
        text: &String,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text.to_uppercase())
    }
}

fn in_brackets<T: AsRef<str>, S: Serializer>(text: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("[{}]", text.as_ref()))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Clone, Queryable, Selectable, Serialize, Subscribable)]
#[serde(rename_all(serialize = "camelCase"))]
#[subscribable(fields("id", "list_id", "text", "html", "nick", "count", "site"))]
pub struct Note {
    id: i32,
    list_id: i32,
    #[serde(with = "shout")]
    text: String,
    #[serde(rename = "Source", serialize_with = "in_brackets")]
    html: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nick: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    count: i32,
    secret: String,
    #[serde(flatten)]
    #[diesel(embed)]
    site: Site,
}

#[derive(Clone, Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = notes)]
pub struct Site {
    place: String,
}

fn main() {
    let empty = Note {
        id: 1,
        list_id: 2,
        text: "a".into(),
        html: "b".into(),
        nick: None,
        count: 0,
        secret: "s".into(),
        site: Site { place: "p".into() },
    };
    let full = Note {
        nick: Some("c".into()),
        count: 3,
        ..empty.clone()
    };
    for note in [empty, full] {
        let mut whole = serde_json::to_value(&note).unwrap();
        let subset = Note::describe().to_json(&note).remove(0).unwrap();
        assert_eq!(
            whole.as_object_mut().unwrap().remove("secret"),
            Some(json!("s"))
        );
        assert_eq!(serde_json::from_str::<Value>(&subset).unwrap(), whole);
        assert!(
            subset.starts_with(r#"{"id":1,"listId":2,"text":"A","Source":"[b]""#),
            "{subset}"
        );
    }
}
