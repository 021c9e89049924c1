//! What goes wrong, and how a client is told: the status codes and bodies of Django REST Framework.

use std::error::Error;

use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// An answer that is not the one that was asked for.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: Value,
}

impl ApiError {
    /// One sentence: `{"detail":"..."}`.
    pub fn detail(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            body: json!({ "detail": detail.into() }),
        }
    }

    /// There is no such row, or no such page.
    pub fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not found.")
    }

    /// The fields that are wrong, each with its messages: `{"text":["This field is required."]}`.
    pub fn invalid(fields: Map<String, Value>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            body: Value::Object(fields),
        }
    }

    /// Our own fault. The reason goes to the log, where the client does not read it.
    pub fn internal(error: impl Error) -> Self {
        tracing::error!(%error, "a request failed");
        Self::detail(
            StatusCode::INTERNAL_SERVER_ERROR,
            "A server error occurred.",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<diesel::result::Error> for ApiError {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::NotFound => Self::not_found(),
            error => Self::internal(error),
        }
    }
}

/// Answers on paths that no route has.
pub async fn not_found() -> ApiError {
    ApiError::not_found()
}

/// Answers on paths whose routes have other methods.
pub async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::detail(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("Method \"{method}\" not allowed."),
    )
}
