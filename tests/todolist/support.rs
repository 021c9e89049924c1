//! The application on a database of its own, and a client of its routes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::todolist;

/// A user of the application: with a session cookie, or without.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) app: Router,
    pub(crate) cookie: Option<String>,
    _directory: Arc<TempDir>,
}

/// What the application answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Null`, if there is none.
    pub(crate) body: Value,
    headers: HeaderMap,
}

impl Client {
    /// Nobody in particular, in front of an empty database.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("todolist.db");
        let (app, _) = todolist::app(database.to_str().unwrap()).unwrap();
        Self {
            app,
            cookie: None,
            _directory: Arc::new(directory),
        }
    }

    /// Somebody who logs in to the same application.
    pub(crate) async fn log_in(&self, username: &str) -> Self {
        let answer = self.post("/login/", json!({ "username": username })).await;
        assert_eq!(
            (answer.status, answer.body),
            (200, json!({ "username": username }))
        );
        Self {
            cookie: Some(session(&answer.headers)),
            ..self.clone()
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "").await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        self.send_as("application/json", method, path, body).await
    }

    pub(crate) async fn send_as(
        &self,
        content_type: &str,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, content_type);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, format!("theme=dark; {cookie}"));
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer {
            status: parts.status.as_u16(),
            body,
            headers: parts.headers,
        }
    }

    /// Makes a list; gives its id.
    pub(crate) async fn list(&self, name: &str) -> i64 {
        created(&self.post("/lists/", json!({ "name": name })).await)
    }

    /// Makes a task; gives its id.
    pub(crate) async fn task(&self, text: &str, list_id: i64) -> i64 {
        created(
            &self
                .post("/tasks/", json!({ "text": text, "list_id": list_id }))
                .await,
        )
    }
}

impl Answer {
    pub(crate) fn allow(&self) -> Vec<&str> {
        let mut methods: Vec<_> = self.header(&ALLOW).split(',').map(str::trim).collect();
        methods.sort_unstable();
        methods
    }

    pub(crate) fn location(&self) -> &str {
        self.header(&LOCATION)
    }

    pub(crate) fn set_cookie(&self) -> &str {
        self.header(&SET_COOKIE)
    }

    pub(crate) fn content_type(&self) -> &str {
        self.header(&CONTENT_TYPE)
    }

    fn header(&self, name: &HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The status and the body, to compare both at once.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: Value) {
        assert_eq!((self.status, &self.body), (status, &body));
    }
}

fn created(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["id"].as_i64().unwrap()
}

/// The `session=...` of a `Set-Cookie`.
fn session(headers: &HeaderMap) -> String {
    headers[SET_COOKIE]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

/// The body of an error that is one sentence.
pub(crate) fn detail(message: &str) -> Value {
    json!({ "detail": message })
}
