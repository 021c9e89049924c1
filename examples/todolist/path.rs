//! What requests say in their address.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::Redirect;
use serde_json::{Map, json};

use super::error::ApiError;

/// The `{id}` of a route. What is no integer names no row.
pub struct Id(pub i32);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found())?;
        Ok(Self(id.0))
    }
}

/// An integer of the query, if it is there.
pub fn integer(query: &HashMap<String, String>, name: &str) -> Result<Option<i32>, ApiError> {
    let Some(value) = query.get(name) else {
        return Ok(None);
    };
    let wrong = |_| {
        ApiError::invalid(Map::from_iter([(
            name.to_owned(),
            json!(["A valid integer is required."]),
        )]))
    };
    value.parse().map(Some).map_err(wrong)
}

/// Sends those who left out the slash at the end to where they meant.
pub async fn add_slash(uri: Uri) -> Redirect {
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    Redirect::permanent(&format!("{}/{query}", uri.path()))
}
