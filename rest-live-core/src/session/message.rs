//! Messages of clients: text in, a request or a refusal out.

use serde_json::{Map, Value};

use super::error::{Reason, Refused};

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    /// The subscription's `id`, as JSON. It chooses the extended form.
    pub(super) id: Option<Box<str>>,
    pub(super) request: Request,
}

#[derive(Debug, PartialEq)]
pub(super) enum Request {
    Subscribe {
        target: Target,
        since: Option<String>,
        start: Start,
    },
    /// Ends what the seed form began. The extended form names no group: the `id` does.
    Unsubscribe { target: Option<Target> },
    /// Says who the user is.
    Auth { token: String },
}

/// What a subscription begins with, unless it resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The changes that are committed from then on.
    Changes,
    /// The rows that are there.
    Snapshot,
}

/// A group as a client names it.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub(super) model: String,
    /// The key's column or columns; `None` for the primary key.
    pub(super) property: Option<Vec<String>>,
    pub(super) value: Value,
}

/// The longest `id`, in bytes.
const ID_BYTES: usize = 64;

/// All keys that a message can have.
const KEYS: [&str; 9] = [
    "type",
    "id",
    "model",
    "property",
    "value",
    "unsubscribe",
    "since",
    "snapshot",
    "token",
];

impl Message {
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Refused::new(Reason::BadJson, format!("the message is no JSON: {error}"))
        })?;
        let Value::Object(mut fields) = value else {
            return Err(bad(
                "a message is a JSON object, as in {\"model\":\"app.Model\",\"value\":1}",
            ));
        };
        let id = fields.remove("id").as_ref().map(id).transpose()?;
        Self::parse_fields(id.clone(), fields).map_err(|refused| Refused { id, ..refused })
    }

    /// The `id` of a message that is not looked at any further, as JSON.
    #[cfg(feature = "server")]
    pub(super) fn id_of(text: &str) -> Option<Box<str>> {
        #[derive(serde::Deserialize)]
        struct Labelled {
            id: Value,
        }
        let Labelled { id: value } = serde_json::from_str(text).ok()?;
        id(&value).ok()
    }

    fn parse_fields(id: Option<Box<str>>, mut fields: Map<String, Value>) -> Result<Self, Refused> {
        if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(bad(format!(
                "unknown key `{}`; the keys are {}",
                excerpt(unknown),
                KEYS.join(", ")
            )));
        }
        if fields.get("type").is_some_and(|kind| kind == "auth") {
            fields.remove("type");
            let request = auth(&mut fields)?;
            return Ok(Self { id, request });
        }
        if fields.contains_key("token") {
            return Err(bad("`token` belongs to a message of the type \"auth\""));
        }
        if id.is_none() && fields.contains_key("since") {
            return Err(bad(
                "`since` needs an `id`: only the extended form has cursors",
            ));
        }
        if id.is_none() && fields.contains_key("snapshot") {
            return Err(bad(
                "`snapshot` needs an `id`: only the extended form has snapshots",
            ));
        }
        let request = match (is_unsubscribe(&mut fields)?, &id) {
            (false, _) => Request::Subscribe {
                target: target(&mut fields)?,
                since: since(&mut fields)?,
                start: start(&mut fields)?,
            },
            (true, None) => Request::Unsubscribe {
                target: Some(target(&mut fields)?),
            },
            (true, Some(_)) if fields.is_empty() => Request::Unsubscribe { target: None },
            (true, Some(_)) => return Err(bad("the `id` alone says what to unsubscribe")),
        };
        Ok(Self { id, request })
    }
}

fn auth(fields: &mut Map<String, Value>) -> Result<Request, Refused> {
    match (fields.remove("token"), fields.is_empty()) {
        (Some(Value::String(token)), true) => Ok(Request::Auth { token }),
        _ => Err(bad(
            "a message of the type \"auth\" has a `token`, which is a string, and may have an `id`",
        )),
    }
}

fn bad(message: impl Into<String>) -> Refused {
    Refused::new(Reason::BadMessage, message)
}

fn id(id: &Value) -> Result<Box<str>, Refused> {
    match id {
        Value::String(text) if text.len() <= ID_BYTES => Ok(id.to_string().into()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(id.to_string().into()),
        _ => Err(bad(format!(
            "`id` is an integer or a string of at most {ID_BYTES} bytes"
        ))),
    }
}

/// The seed form says `"unsubscribe":true`, the extended form `"type":"unsubscribe"`.
fn is_unsubscribe(fields: &mut Map<String, Value>) -> Result<bool, Refused> {
    let flag = match fields.remove("unsubscribe") {
        None => None,
        Some(Value::Bool(flag)) => Some(flag),
        Some(_) => return Err(bad("`unsubscribe` is true or false")),
    };
    let kind = match fields.remove("type") {
        None => None,
        Some(Value::String(kind)) if kind == "subscribe" => Some(false),
        Some(Value::String(kind)) if kind == "unsubscribe" => Some(true),
        Some(_) => return Err(bad("`type` is \"subscribe\", \"unsubscribe\" or \"auth\"")),
    };
    match (kind, flag) {
        (Some(kind), Some(flag)) if kind != flag => {
            Err(bad("`type` and `unsubscribe` contradict each other"))
        }
        (kind, flag) => Ok(kind.or(flag).unwrap_or(false)),
    }
}

fn target(fields: &mut Map<String, Value>) -> Result<Target, Refused> {
    let Some(Value::String(model)) = fields.remove("model") else {
        return Err(bad(
            "`model` is missing or no string: name a label, as in \"app.Model\"",
        ));
    };
    let name = |name| match name {
        Value::String(name) => Ok(name),
        _ => Err(bad(
            "`property` is a column's name, or the list of a composite key's columns",
        )),
    };
    let property = match fields.remove("property") {
        None => None,
        Some(Value::Array(names)) => Some(names.into_iter().map(name).collect::<Result<_, _>>()?),
        Some(value) => Some(vec![name(value)?]),
    };
    let Some(value) = fields.remove("value") else {
        return Err(bad("`value` is missing: which group of the property?"));
    };
    Ok(Target {
        model,
        property,
        value,
    })
}

fn since(fields: &mut Map<String, Value>) -> Result<Option<String>, Refused> {
    match fields.remove("since") {
        None => Ok(None),
        Some(Value::String(cursor)) => Ok(Some(cursor)),
        Some(_) => Err(bad("`since` is a cursor, as an ack or an event carried it")),
    }
}

fn start(fields: &mut Map<String, Value>) -> Result<Start, Refused> {
    match fields.remove("snapshot") {
        None | Some(Value::Bool(false)) => Ok(Start::Changes),
        Some(Value::Bool(true)) => Ok(Start::Snapshot),
        Some(_) => Err(bad("`snapshot` is true or false")),
    }
}

/// The start of what a client sent, for an answer that quotes it.
pub(super) fn excerpt(text: &str) -> String {
    const CHARS: usize = 40;
    match text.char_indices().nth(CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Message, Refused> {
        Message::parse(&value.to_string())
    }

    fn refusal(text: &str) -> (Reason, Option<Box<str>>) {
        let refused = Message::parse(text).expect_err(text);
        (refused.reason, refused.id)
    }

    #[test]
    fn the_seed_form() {
        let target = |property: Option<&str>| Target {
            model: "a.B".into(),
            property: property.map(|name| vec![name.into()]),
            value: json!(1),
        };
        let subscribe = |property| Message {
            id: None,
            request: Request::Subscribe {
                target: target(property),
                since: None,
                start: Start::Changes,
            },
        };
        let message = json!({"model": "a.B", "property": "c", "value": 1});
        assert_eq!(parse(&message), Ok(subscribe(Some("c"))));
        assert_eq!(
            parse(&json!({"model": "a.B", "value": 1})),
            Ok(subscribe(None))
        );
        assert_eq!(
            parse(&json!({"model": "a.B", "value": 1, "unsubscribe": false})),
            Ok(subscribe(None))
        );
        let message = json!({"model": "a.B", "property": "c", "value": 1, "unsubscribe": true});
        let request = Request::Unsubscribe {
            target: Some(target(Some("c"))),
        };
        assert_eq!(parse(&message), Ok(Message { id: None, request }));
    }

    #[test]
    fn the_extended_form() {
        let message = json!({"type": "subscribe", "id": "t\"1", "model": "a.B", "property": ["c", "d"], "value": [1, 2], "since": "1-2"});
        let target = Target {
            model: "a.B".into(),
            property: Some(vec!["c".into(), "d".into()]),
            value: json!([1, 2]),
        };
        let request = Request::Subscribe {
            target,
            since: Some("1-2".into()),
            start: Start::Changes,
        };
        assert_eq!(
            parse(&message),
            Ok(Message {
                id: Some(r#""t\"1""#.into()),
                request
            })
        );
        for message in [
            json!({"type": "unsubscribe", "id": 7}),
            json!({"unsubscribe": true, "id": 7}),
        ] {
            let request = Request::Unsubscribe { target: None };
            assert_eq!(
                parse(&message),
                Ok(Message {
                    id: Some("7".into()),
                    request
                })
            );
        }
    }

    #[test]
    fn a_snapshot_is_asked_for_by_true() {
        let starts = |message: Value| match parse(&message) {
            Ok(Message {
                request: Request::Subscribe { start, .. },
                ..
            }) => Ok(start),
            other => Err(other.map(drop).map_err(|refused| refused.reason)),
        };
        let with =
            |snapshot: Value| json!({"id": 1, "model": "a.B", "value": 1, "snapshot": snapshot});
        assert_eq!(starts(with(json!(true))), Ok(Start::Snapshot));
        assert_eq!(starts(with(json!(false))), Ok(Start::Changes));
        for bad in [json!("true"), json!(1), json!(null)] {
            assert_eq!(starts(with(bad)), Err(Err(Reason::BadMessage)));
        }
        let unsubscribe = json!({"id": 1, "type": "unsubscribe", "snapshot": true});
        assert_eq!(starts(unsubscribe), Err(Err(Reason::BadMessage)));
    }

    #[test]
    fn what_is_no_json_is_bad_json() {
        for text in [
            "",
            "{",
            "nonsense",
            "{\"model\":}",
            "{} {}",
            "{\"a\":1,}",
            "'x'",
            "\u{0}",
        ] {
            assert_eq!(refusal(text), (Reason::BadJson, None));
        }
        let deep = "[".repeat(100_000);
        assert_eq!(refusal(&deep), (Reason::BadJson, None));
    }

    #[test]
    fn what_has_another_shape_is_a_bad_message() {
        let bad = [
            json!(1),
            json!([]),
            json!("x"),
            json!(null),
            json!({}),
            json!({"model": "a.B"}),
            json!({"model": 1, "value": 1}),
            json!({"value": 1}),
            json!({"model": "a.B", "value": 1, "property": 1}),
            json!({"model": "a.B", "value": 1, "property": [1]}),
            json!({"model": "a.B", "value": 1, "unsubscribe": "true"}),
            json!({"model": "a.B", "value": 1, "unsubscibe": true}),
            json!({"model": "a.B", "value": 1, "type": "publish"}),
            json!({"model": "a.B", "value": 1, "type": "subscribe", "unsubscribe": true}),
            json!({"model": "a.B", "value": 1, "since": "1-2"}),
            json!({"model": "a.B", "value": 1, "unsubscribe": true, "since": "1-2"}),
            json!({"model": "a.B", "value": 1, "snapshot": true}),
            json!({"model": "a.B", "value": 1, "snapshot": false}),
            json!({"type": "unsubscribe"}),
        ];
        for message in bad {
            assert_eq!(
                refusal(&message.to_string()),
                (Reason::BadMessage, None),
                "{message}"
            );
        }
    }

    #[test]
    fn a_refusal_carries_the_id_if_that_was_good() {
        let with = |id: Value| refusal(&json!({"id": id, "model": 1}).to_string());
        assert_eq!(
            with(json!("t1")),
            (Reason::BadMessage, Some(r#""t1""#.into()))
        );
        assert_eq!(with(json!(-3)), (Reason::BadMessage, Some("-3".into())));
        assert_eq!(with(json!("x".repeat(64))).1.unwrap().len(), 66);
        for bad in [
            json!("x".repeat(65)),
            json!(1.5),
            json!(null),
            json!([1]),
            json!(true),
        ] {
            assert_eq!(with(bad), (Reason::BadMessage, None));
        }
        let extra = json!({"id": "t1", "type": "unsubscribe", "model": "a.B"});
        assert_eq!(refusal(&extra.to_string()).0, Reason::BadMessage);
    }

    #[test]
    fn long_input_is_quoted_in_part() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"ä".repeat(41)), format!("{}…", "ä".repeat(40)));
    }
}
