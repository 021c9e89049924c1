//! The generated code passes lints that it was not written for, inside functions, beside names like its own.

#![deny(
    warnings,
    missing_docs,
    unnameable_types,
    unreachable_pub,
    private_interfaces,
    private_bounds
)]
#![deny(
    unused_qualifications,
    elided_lifetimes_in_paths,
    missing_debug_implementations,
    single_use_lifetimes
)]
#![forbid(unsafe_code)]

/// A schema.
mod schema {
    diesel::table! { tasks { id -> Integer, text -> Text, } }
    diesel::table! { secrets { id -> Integer, kind -> Integer, } }
}

use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

/// A task.
#[derive(Debug, Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = schema::tasks)]
#[subscribable(check_permission = id, serializer = Fields<'_>)]
#[subscribable(check_permission = User, fields("text"))]
#[subscribable(group_key = "text")]
pub struct Task {
    id: i32,
    text: String,
}

/// Not the variable that the generated code keeps a key in.
fn id(_: &User, _: &Task) -> bool {
    true
}

/// Its key's type is less public than itself.
#[derive(Debug, Queryable, Selectable, Subscribable)]
#[diesel(table_name = schema::secrets)]
#[subscribable(group_key = "kind", serializer = NoFields, check_permission = |_: &User, secret: &Secret| secret.id > 0)]
pub struct Secret {
    id: i32,
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub(crate) struct Kind(i32);

impl From<i32> for Kind {
    fn from(kind: i32) -> Self {
        Self(kind)
    }
}

impl From<Kind> for i32 {
    fn from(kind: Kind) -> Self {
        kind.0
    }
}

#[derive(Serialize)]
struct NoFields {}

impl From<&Secret> for NoFields {
    fn from(_: &Secret) -> Self {
        Self {}
    }
}

struct User;

impl Permission<User, Task> for User {
    fn check(&self, _: &User, _: &Task) -> bool {
        true
    }
}

#[derive(Serialize)]
struct Fields<'a>(&'a str);

impl<'a> From<&'a Task> for Fields<'a> {
    fn from(task: &'a Task) -> Self {
        Self(&task.text)
    }
}

fn main() {
    #[derive(Queryable, Selectable, Serialize, Subscribable)]
    #[diesel(table_name = schema::tasks)]
    #[subscribable(fields("id"))]
    struct Local {
        id: i32,
        text: String,
    }
    let row = Local {
        id: 1,
        text: "a".into(),
    };
    assert_eq!(
        Local::describe().to_json(&row).remove(0).unwrap(),
        r#"{"id":1}"#
    );
    assert_eq!(row.text, "a");
    Task::describe();
    Secret::describe();
    assert_eq!(Secret::group().kind(Kind(1)).to_message()["value"], 1);
}
