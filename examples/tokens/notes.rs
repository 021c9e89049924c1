//! The notes: what is live, who may see it, and the routes.

use std::error::Error;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use axum::{Json, Router};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use rest_live::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::App;
use super::users::User;

diesel::table! {
    notes {
        id -> Integer,
        room -> Integer,
        author -> Text,
        text -> Text,
        is_private -> Bool,
    }
}

/// A note in a room.
#[derive(Debug, Queryable, Selectable, Identifiable, Serialize, Subscribable)]
#[diesel(table_name = notes)]
#[subscribable(group_key = "room", check_permission = may_read)]
pub struct Note {
    id: i32,
    room: i32,
    author: String,
    text: String,
    is_private: bool,
}

fn may_read(user: &User, note: &Note) -> bool {
    !note.is_private || user.is_editor || user.name == note.author
}

/// What a request says about a note. `None`: nothing.
#[derive(Deserialize, Insertable, AsChangeset)]
#[diesel(table_name = notes)]
struct NoteInput {
    room: Option<i32>,
    text: Option<String>,
    is_private: Option<bool>,
    #[serde(skip)]
    author: Option<String>,
}

#[derive(Deserialize)]
struct Room {
    room: i32,
}

pub fn routes() -> Router<App> {
    Router::new()
        .route("/notes/", get(index).post(create))
        .route("/notes/{id}/", patch(update).delete(remove))
}

/// Makes the table if it is not there, on a plain connection: nobody listens yet.
pub fn create_table(database_url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(SqliteConnection::establish(database_url)?.batch_execute(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE IF NOT EXISTS notes (
             id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
             room INTEGER NOT NULL DEFAULT 1,
             author TEXT NOT NULL,
             text TEXT NOT NULL DEFAULT '',
             is_private BOOLEAN NOT NULL DEFAULT FALSE
         )",
    )?)
}

/// The notes of a room that the user may see.
async fn index(
    State(app): State<App>,
    user: User,
    Query(Room { room }): Query<Room>,
) -> Result<Json<Vec<Note>>, Failed> {
    let of_room = notes::table
        .filter(notes::room.eq(room))
        .order(notes::id)
        .select(Note::as_select());
    let mut notes = app.run(move |conn| of_room.load(conn)).await?;
    notes.retain(|note| may_read(&user, note));
    Ok(Json(notes))
}

async fn create(
    State(app): State<App>,
    user: User,
    Json(input): Json<NoteInput>,
) -> Result<(StatusCode, Json<Note>), Failed> {
    let author = Some(user.name);
    let input = NoteInput { author, ..input };
    let note = app.run(|conn| Note::create(conn, input)).await?;
    Ok((StatusCode::CREATED, Json(note)))
}

async fn update(
    State(app): State<App>,
    user: User,
    Path(id): Path<i32>,
    Json(input): Json<NoteInput>,
) -> Result<Json<Note>, Failed> {
    let own = notes::table.find(id).filter(notes::author.eq(user.name));
    let update = diesel::update(own)
        .set(input)
        .returning(Note::as_returning());
    app.run(move |conn| conn.transaction(|conn| update.get_result(conn)))
        .await
        .map(Json)
}

async fn remove(
    State(app): State<App>,
    user: User,
    Path(id): Path<i32>,
) -> Result<StatusCode, Failed> {
    let own = notes::table.find(id).filter(notes::author.eq(user.name));
    match app.run(|conn| diesel::delete(own).execute(conn)).await? {
        0 => Err(Failed(diesel::result::Error::NotFound)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

impl App {
    /// Runs blocking work on a connection, on a thread that may block.
    async fn run<T, F>(&self, work: F) -> Result<T, Failed>
    where
        T: Send + 'static,
        F: FnOnce(&mut LiveConnection<SqliteConnection>) -> QueryResult<T> + Send + 'static,
    {
        let pool = self.pool.clone();
        let work = move || work(&mut *pool.get().map_err(broken)?).map_err(Failed);
        spawn_blocking(work).await.map_err(broken)?
    }
}

/// The database did not do it.
#[derive(Debug)]
struct Failed(diesel::result::Error);

fn broken(error: impl Error + Send + Sync + 'static) -> Failed {
    Failed(diesel::result::Error::QueryBuilderError(Box::new(error)))
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        if self.0 == diesel::result::Error::NotFound {
            return (StatusCode::NOT_FOUND, "there is no such note of yours").into_response();
        }
        tracing::error!(error = %self.0, "a request failed");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
