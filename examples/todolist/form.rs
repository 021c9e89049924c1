//! The JSON body of a request, and what may be wrong with its fields. All that is wrong is told at
//! once.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use diesel::QueryResult;
use serde_json::{Map, Value, json};

use super::error::ApiError;

/// The fields of a request's body, and the errors found in them so far.
#[derive(Debug)]
pub struct Form {
    fields: Map<String, Value>,
    errors: Map<String, Value>,
}

impl Form {
    /// Takes an object's fields.
    fn new(body: Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(fields) => Ok(Self {
                fields,
                errors: Map::new(),
            }),
            other => {
                let message = format!(
                    "Invalid data. Expected a dictionary, but got {}.",
                    kind(&other)
                );
                Err(ApiError::invalid(Map::from_iter([(
                    "non_field_errors".to_owned(),
                    json!([message]),
                )])))
            }
        }
    }

    /// These fields have to be there.
    pub fn require(&mut self, names: &[&str]) {
        for name in names {
            if !self.fields.contains_key(*name) {
                self.refuse::<()>(name, "This field is required.");
            }
        }
    }

    /// A text of at most `longest` characters, that is not blank. `None` if it is missing, or
    /// wrong.
    pub fn text(&mut self, name: &str, longest: usize) -> Option<String> {
        let text = match self.take(name)? {
            Value::String(text) => text.trim().to_owned(),
            _ => return self.refuse(name, "Not a valid string."),
        };
        if text.is_empty() {
            return self.refuse(name, "This field may not be blank.");
        }
        if text.chars().count() > longest {
            return self.refuse(
                name,
                format!("Ensure this field has no more than {longest} characters."),
            );
        }
        Some(text)
    }

    /// True or false. `None` if it is missing, or wrong.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(value) => Some(value),
            _ => self.refuse(name, "Must be a valid boolean."),
        }
    }

    /// The primary key of a row that `exists`. `None` if it is missing, or wrong.
    pub fn key(
        &mut self,
        name: &str,
        exists: impl FnOnce(i32) -> QueryResult<bool>,
    ) -> QueryResult<Option<i32>> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        if !value.is_i64() && !value.is_u64() {
            let message = format!(
                "Incorrect type. Expected pk value, received {}.",
                kind(&value)
            );
            return Ok(self.refuse(name, message));
        }
        match value.as_i64().and_then(|key| i32::try_from(key).ok()) {
            Some(key) if exists(key)? => Ok(Some(key)),
            _ => Ok(self.refuse(
                name,
                format!("Invalid pk \"{value}\" - object does not exist."),
            )),
        }
    }

    /// Whether all was right.
    pub fn check(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(self.refusal())
    }

    /// The answer to what was wrong.
    pub fn refusal(self) -> ApiError {
        ApiError::invalid(self.errors)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        match self.fields.remove(name)? {
            Value::Null => self.refuse(name, "This field may not be null."),
            value => Some(value),
        }
    }

    fn refuse<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        self.errors.insert(name.to_owned(), json!([message.into()]));
        None
    }
}

/// Only JSON. A page of another origin cannot send that along with somebody's cookie; an HTML form
/// it could.
impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        check_content_type(request.headers())?;
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| ApiError::detail(error.status(), error.body_text()))?;
        let body = serde_json::from_slice(&body).map_err(|error| {
            ApiError::detail(
                StatusCode::BAD_REQUEST,
                format!("JSON parse error - {error}"),
            )
        })?;
        Self::new(body)
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let sent = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = format!("Unsupported media type \"{sent}\" in request.");
    Err(ApiError::detail(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        message,
    ))
}

/// What Python calls it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}
