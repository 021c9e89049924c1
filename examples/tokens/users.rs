//! Users and their tokens.
//!
//! There are no passwords. Whoever asks for a token of Anna is Anna: this is an example of what
//! comes after the login.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post, put};
use rest_live::Refusal;
use uuid::Uuid;

use super::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/token/", post(give_token))
        .route("/editors/{name}/", put(promote).delete(demote))
        .route("/users/{name}/", delete(close))
}

/// Somebody, as of now.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    /// Whether he reads the private notes of others.
    pub is_editor: bool,
}

/// Why somebody does not get in.
#[derive(Debug, Clone, Copy)]
pub enum Denied {
    NoToken,
    Closed,
}

impl Denied {
    fn message(self) -> &'static str {
        match self {
            Self::NoToken => "there is no such token, or it has expired",
            Self::Closed => "the account is closed",
        }
    }
}

/// To the socket.
impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NoToken => Self::unauthorized(denied.message()),
            Denied::Closed => Self::forbidden(denied.message()),
        }
    }
}

/// To REST.
impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Closed => StatusCode::FORBIDDEN,
        };
        (status, self.message()).into_response()
    }
}

/// All that is known of users. A restart forgets it.
#[derive(Clone)]
pub struct Users {
    lifetime: Duration,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    tokens: HashMap<String, (String, SystemTime)>,
    editors: HashSet<String>,
    closed: HashSet<String>,
}

impl Users {
    /// Without any, whose tokens will live so long.
    pub fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            known: Arc::default(),
        }
    }

    /// Whose token this is, and until when.
    pub fn of_token(&self, token: &str) -> Result<(User, SystemTime), Denied> {
        let found = self.known().tokens.get(token).cloned();
        let (name, expires_at) = found
            .filter(|(_, end)| *end > SystemTime::now())
            .ok_or(Denied::NoToken)?;
        Ok((self.by_now(&name)?, expires_at))
    }

    /// The user of this name, as he is now.
    pub fn by_now(&self, name: &str) -> Result<User, Denied> {
        let known = self.known();
        if known.closed.contains(name) {
            return Err(Denied::Closed);
        }
        Ok(User {
            name: name.to_owned(),
            is_editor: known.editors.contains(name),
        })
    }

    fn give(&self, name: String) -> String {
        let token = Uuid::new_v4().simple().to_string();
        let end = SystemTime::now() + self.lifetime;
        let mut known = self.known();
        known.tokens.retain(|_, (_, end)| *end > SystemTime::now());
        known.tokens.insert(token.clone(), (name, end));
        token
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handlers ask for their user by an argument of this type.
impl FromRequestParts<App> for User {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Denied> {
        let header = parts.headers.get(AUTHORIZATION);
        let token = header
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or(Denied::NoToken)?;
        Ok(app.users.of_token(token)?.0)
    }
}

async fn give_token(State(app): State<App>, name: String) -> String {
    app.users.give(name)
}

/// His connections stay, and are told what he sees by now.
async fn promote(State(app): State<App>, Path(name): Path<String>) -> StatusCode {
    app.users.known().editors.insert(name.clone());
    app.live.revalidate(|user| user.name == name).await;
    StatusCode::NO_CONTENT
}

async fn demote(State(app): State<App>, Path(name): Path<String>) -> StatusCode {
    app.users.known().editors.remove(&name);
    app.live.revalidate(|user| user.name == name).await;
    StatusCode::NO_CONTENT
}

/// His connections end, and nothing is sent to them any more.
async fn close(State(app): State<App>, Path(name): Path<String>) -> StatusCode {
    app.users.known().closed.insert(name.clone());
    app.live.disconnect(|user| user.name == name);
    StatusCode::NO_CONTENT
}
