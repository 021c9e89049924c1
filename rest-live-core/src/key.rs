//! Keys: how rows of a model fall into groups.

use std::any::type_name;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::Subscribable;

/// A type whose values name groups: an integer, `bool`, `String`, `Uuid`, a newtype or an `Option`
/// of these.
///
/// Implemented for every type that can be compared, hashed, and carried by JSON in both directions.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be a subscription group key",
    label = "not a group key",
    note = "a group key is compared, hashed and sent as JSON: `Eq`, `Hash`, `serde::Serialize` and `serde::Deserialize`",
    note = "integers, `bool`, `String`, `Uuid`, newtypes of these and `Option`s of these are; `f64` is not, nothing equals it reliably"
)]
pub trait GroupKey: Eq + Hash + Serialize + DeserializeOwned + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Eq + Hash + Serialize + DeserializeOwned + 'static> GroupKey for T {}

type Read<M> = Box<dyn Fn(&M) -> serde_json::Result<Value> + Send + Sync>;

/// The columns of a model `M` by which a registration groups its rows: one, or several for a
/// composite key.
pub struct Key<M> {
    columns: Vec<Column<M>>,
}

struct Column<M> {
    name: &'static str,
    read: Read<M>,
    format: Format,
}

/// How one column's value is written on the wire.
struct Format {
    parse: fn(&Value) -> Option<Value>,
    expected: &'static str,
}

impl<M: 'static> Key<M> {
    /// The key that consists of the column `name`, which `field` reads from a row.
    pub fn column<K: GroupKey>(name: &'static str, field: fn(&M) -> &K) -> Self {
        Self {
            columns: Vec::new(),
        }
        .and_column(name, field)
    }

    /// Adds a column to a composite key.
    #[must_use]
    pub fn and_column<K: GroupKey>(mut self, name: &'static str, field: fn(&M) -> &K) -> Self {
        self.columns.push(Column {
            name,
            read: Box::new(move |row| serde_json::to_value(field(row))),
            format: Format {
                parse: parse::<K>,
                expected: type_name::<K>(),
            },
        });
        self
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    /// The value of this key in a row; of a composite key, the array of its columns' values.
    pub(crate) fn read(&self, row: &M) -> serde_json::Result<Value> {
        match self.columns.as_slice() {
            [column] => (column.read)(row),
            columns => columns.iter().map(|column| (column.read)(row)).collect(),
        }
    }

    pub(crate) fn wire(&self) -> KeyFormat {
        let formats = self.columns.iter().map(|column| {
            let Format { parse, expected } = column.format;
            Format { parse, expected }
        });
        KeyFormat(formats.collect())
    }
}

/// How a client writes the values of a key.
pub(crate) struct KeyFormat(Vec<Format>);

impl KeyFormat {
    /// Turns what a client wrote into the canonical value, the one that [`Key::read`] gives.
    pub(crate) fn parse(&self, value: &Value) -> Option<Value> {
        match self.0.as_slice() {
            [column] => (column.parse)(value),
            columns => {
                let parts = value
                    .as_array()
                    .filter(|parts| parts.len() == columns.len())?;
                columns
                    .iter()
                    .zip(parts)
                    .map(|(column, part)| (column.parse)(part))
                    .collect()
            }
        }
    }
}

impl fmt::Display for KeyFormat {
    /// `i32`, or `[i32, String]`: what a client is told when its value is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|column| short(column.expected)).collect();
        match names.as_slice() {
            [name] => f.write_str(name),
            names => write!(f, "[{}]", names.join(", ")),
        }
    }
}

/// Parses a value into `K`. URLs and form fields hold text only, so a number or a boolean may come
/// as a string, and a string as a number.
fn parse<K: GroupKey>(value: &Value) -> Option<Value> {
    let from = |value: Value| serde_json::from_value::<K>(value).ok();
    let key = from(value.clone()).or_else(|| match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(scalar @ (Value::Number(_) | Value::Bool(_))) if text.trim() == text => from(scalar),
            _ => None,
        },
        Value::Number(number) => from(number.to_string().into()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })?;
    serde_json::to_value(key).ok()
}

/// A type's name without its path: `core::option::Option<uuid::Uuid>` is `Option<Uuid>`.
fn short(name: &str) -> String {
    let mut short = String::new();
    for part in name.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

/// What a client subscribes to: the rows of model `M` that have one value in the key.
///
/// Made by the constructors that the derive generates, so that no Rust code spells a label or a
/// property: `Task::group().list_id(1)`.
pub struct Group<M> {
    property: &'static [&'static str],
    value: Value,
    model: PhantomData<fn() -> M>,
}

impl<M: Subscribable> Group<M> {
    /// The rows whose `property` columns hold `key`: a value, or for several columns a tuple.
    ///
    /// # Panics
    ///
    /// If the key's `Serialize` refuses its own value.
    pub fn new<K: Serialize>(property: &'static [&'static str], key: &K) -> Self {
        let value = serde_json::to_value(key).expect("a group key serializes to JSON");
        Self {
            property,
            value,
            model: PhantomData,
        }
    }

    /// The message that subscribes to this group: `{"model":...,"property":...,"value":...}`.
    #[must_use]
    pub fn to_message(&self) -> Value {
        let property = match self.property {
            [name] => json!(name),
            names => json!(names),
        };
        json!({ "model": M::LABEL.to_string(), "property": property, "value": self.value })
    }
}

impl<M: Subscribable> fmt::Debug for Group<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_message())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct ListId(i64);

    #[test]
    fn numbers_and_booleans_may_come_as_strings() {
        assert_eq!(parse::<i32>(&json!(1)), Some(json!(1)));
        assert_eq!(parse::<i32>(&json!("1")), Some(json!(1)));
        assert_eq!(parse::<i32>(&json!("-7")), Some(json!(-7)));
        assert_eq!(parse::<bool>(&json!("true")), Some(json!(true)));
        assert_eq!(parse::<ListId>(&json!("3")), Some(json!(3)));
        assert_eq!(parse::<Option<i32>>(&json!("3")), Some(json!(3)));
    }

    #[test]
    fn strings_stay_strings() {
        assert_eq!(parse::<String>(&json!("1")), Some(json!("1")));
        assert_eq!(parse::<String>(&json!("null")), Some(json!("null")));
        assert_eq!(parse::<String>(&json!(1)), Some(json!("1")));
        assert_eq!(parse::<Option<String>>(&Value::Null), Some(Value::Null));
    }

    #[test]
    fn what_is_not_of_the_type_is_refused() {
        let bad = [
            json!("x"),
            json!(""),
            json!(" 1"),
            json!("1.5"),
            json!(1.5),
            json!([1]),
            json!({}),
            json!(null),
        ];
        for value in
            bad.into_iter()
                .chain([json!(true), json!(i64::MAX), json!("1e3"), json!("0x1")])
        {
            assert_eq!(parse::<i32>(&value), None, "{value} is no i32");
        }
        assert_eq!(parse::<u8>(&json!(-1)), None);
        assert_eq!(parse::<bool>(&json!(1)), None);
    }

    #[test]
    fn a_composite_key_is_an_array_of_its_columns() {
        let key = Key::<(i32, String)>::column("a", |row| &row.0).and_column("b", |row| &row.1);
        let format = key.wire();
        assert_eq!(key.names(), ["a", "b"]);
        assert_eq!(key.read(&(1, "x".into())).unwrap(), json!([1, "x"]));
        assert_eq!(format.parse(&json!(["1", "x"])), Some(json!([1, "x"])));
        for bad in [json!(1), json!([1]), json!([1, "x", 2]), json!(["x", "x"])] {
            assert_eq!(format.parse(&bad), None, "{bad} is no (i32, String)");
        }
        assert_eq!(format.to_string(), "[i32, String]");
    }

    #[test]
    fn type_names_are_told_without_paths() {
        assert_eq!(short("core::option::Option<uuid::Uuid>"), "Option<Uuid>");
        assert_eq!(short("i32"), "i32");
    }
}
