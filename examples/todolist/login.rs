//! Who is there: sessions, and the routes to log in and out.
//!
//! There are no passwords. Whoever logs in as Anna is Anna: this is an example of what comes after
//! the login.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{FromRequestParts, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use uuid::Uuid;

use super::App;
use super::error::ApiError;
use super::form::Form;

const COOKIE_NAME: &str = "session";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/login/", post(log_in))
        .route("/logout/", post(log_out))
        .route("/me/", get(me))
}

/// Somebody who logged in, or somebody without a name.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    username: Option<String>,
}

impl User {
    pub fn is_authenticated(&self) -> bool {
        self.username.is_some()
    }

    /// What he is called; `None` for somebody who has not logged in.
    pub fn name(&self) -> Option<&str> {
        self.username.as_deref()
    }
}

/// Handlers ask for their user by an argument of this type.
impl FromRequestParts<App> for User {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(app.sessions.user(&parts.headers))
    }
}

/// The users who are logged in, by the random token that their browser keeps in a cookie. A restart
/// logs everybody out.
#[derive(Clone, Default)]
pub struct Sessions {
    usernames: Arc<Mutex<HashMap<String, String>>>,
}

impl Sessions {
    /// Whose request has these headers. REST and the WebSocket both ask here, so that a user is the
    /// same on both.
    pub fn user(&self, headers: &HeaderMap) -> User {
        let username = token(headers).and_then(|token| self.usernames().get(token).cloned());
        User { username }
    }

    /// Begins a session; gives its token.
    fn begin(&self, username: String) -> String {
        let token = Uuid::new_v4().simple().to_string();
        self.usernames().insert(token.clone(), username);
        token
    }

    fn end(&self, headers: &HeaderMap) {
        if let Some(token) = token(headers) {
            self.usernames().remove(token);
        }
    }

    fn usernames(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.usernames
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn log_in(
    State(app): State<App>,
    headers: HeaderMap,
    mut form: Form,
) -> Result<impl IntoResponse, ApiError> {
    form.require(&["username"]);
    let Some(username) = form.text("username", 150) else {
        return Err(form.refusal());
    };
    app.sessions.end(&headers);
    let token = app.sessions.begin(username.clone());
    let user = User {
        username: Some(username),
    };
    Ok((set_cookie(&token), Json(user)))
}

async fn log_out(State(app): State<App>, headers: HeaderMap) -> impl IntoResponse {
    app.sessions.end(&headers);
    (StatusCode::NO_CONTENT, set_cookie("; Max-Age=0"))
}

async fn me(user: User) -> Json<User> {
    Json(user)
}

/// Scripts cannot read it, and other sites cannot have it sent along with what they send. Add
/// `Secure` where there is HTTPS.
fn set_cookie(value: &str) -> [(HeaderName, String); 1] {
    let cookie = format!("{COOKIE_NAME}={value}; HttpOnly; SameSite=Lax; Path=/");
    [(SET_COOKIE, cookie)]
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE_NAME).then_some(value))
}
