//! What a client subscribes to.

use std::fmt;
use std::marker::PhantomData;

use rest_live_core::{Group, Subscribable};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::session::{Request, Start};

/// A type that rows are read as.
///
/// Implemented for every type that can be deserialized.
#[diagnostic::on_unimplemented(
    message = "rows cannot be read as `{Self}`",
    label = "not `serde::Deserialize`",
    note = "derive `serde::Deserialize` on `{Self}`, or read them as another type: `.rows_as::<Other>()`"
)]
pub trait Row: DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> Row for T {}

/// What can be subscribed to: a group of a model, `Task::group().list_id(1)`, or a [`Topic`].
pub trait IntoTopic: Sized {
    /// What its rows are read as: the model.
    type Row;

    /// The group, and how it is to be told.
    fn into_topic(self) -> Topic<Self::Row>;

    /// Begins with the rows of the group, in an [`Event::Snapshot`](crate::Event::Snapshot), where
    /// the server has snapshots of the model.
    fn with_snapshot(self) -> Topic<Self::Row> {
        let mut topic = self.into_topic();
        topic.request.snapshot = Start::Snapshot;
        topic
    }

    /// Reads the rows as another type than the model: one that is told only a part of it, for one.
    fn rows_as<T>(self) -> Topic<T> {
        Topic {
            request: self.into_topic().request,
            row: PhantomData,
        }
    }
}

/// A group, and how it is to be told.
///
/// ```
/// use rest_live_client::{IntoTopic, Topic};
///
/// #[derive(serde::Deserialize)]
/// struct Task { id: i32, text: String }
///
/// let topic = Topic::raw("todolist.Task", "list_id", 1).rows_as::<Task>();
/// assert_eq!(topic.to_string(), r#"todolist.Task of list_id 1"#);
/// ```
pub struct Topic<T> {
    pub(crate) request: Request,
    row: PhantomData<fn() -> T>,
}

impl Topic<Value> {
    /// The rows of the model with this label whose `property` has this value: for a client that
    /// does not have the models. What is misspelt here, the server says.
    ///
    /// `"pk"` is the property of the primary key. A composite key is the array of its columns, and
    /// its value the array of theirs:
    /// `Topic::raw("app.Card", ["board_id", "is_public"], (1, true))`.
    ///
    /// # Panics
    ///
    /// If the value's `Serialize` refuses it.
    #[must_use]
    pub fn raw(
        model: impl Into<String>,
        property: impl Into<Value>,
        value: impl serde::Serialize,
    ) -> Self {
        Self {
            request: Request {
                model: model.into(),
                property: property.into(),
                value: serde_json::to_value(value).expect("a value of a key serializes to JSON"),
                snapshot: Start::Changes,
            },
            row: PhantomData,
        }
    }
}

impl<T> IntoTopic for Topic<T> {
    type Row = T;

    fn into_topic(self) -> Self {
        self
    }
}

impl<M: Subscribable> IntoTopic for Group<M> {
    type Row = M;

    fn into_topic(self) -> Topic<M> {
        let mut message = self.to_message();
        let mut take = |key: &str| message.get_mut(key).map(Value::take).unwrap_or_default();
        let (property, value) = (take("property"), take("value"));
        Topic::raw(M::LABEL.to_string(), property, value).rows_as()
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Self {
        Self {
            request: self.request.clone(),
            row: PhantomData,
        }
    }
}

impl<T> fmt::Display for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request {
            model,
            property,
            value,
            ..
        } = &self.request;
        match property {
            Value::String(property) => write!(f, "{model} of {property} {value}"),
            property => write!(f, "{model} of {property} {value}"),
        }
    }
}

impl<T> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({self})")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_composite_key_is_an_array_of_its_columns() {
        let topic = Topic::raw("app.Card", ["board_id", "is_public"], (1, true));
        assert_eq!(topic.request.property, json!(["board_id", "is_public"]));
        assert_eq!(topic.request.value, json!([1, true]));
        assert_eq!(
            topic.to_string(),
            r#"app.Card of ["board_id","is_public"] [1,true]"#
        );
    }

    #[test]
    fn how_it_is_told_goes_with_the_group() {
        let topic = Topic::raw("app.Card", "pk", 1);
        assert_eq!(topic.request.snapshot, Start::Changes);
        let topic = topic.with_snapshot().rows_as::<i32>();
        assert_eq!(topic.clone().request.snapshot, Start::Snapshot);
    }
}
