//! The routes of tasks.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use diesel::dsl::exists;
use diesel::prelude::*;
use rest_live::prelude::*;

use super::App;
use super::database::DbConnection;
use super::error::ApiError;
use super::form::Form;
use super::login::User;
use super::models::{Task, TaskView};
use super::path::{Id, integer};
use super::schema::{lists, tasks};

const LONGEST_TEXT: usize = 200;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/tasks/", get(index).post(create))
        .route(
            "/tasks/{id}/",
            get(show).put(replace).patch(update).delete(remove),
        )
}

/// What a request says about a task. `None`: nothing.
#[derive(Insertable)]
#[diesel(table_name = tasks)]
struct TaskInput {
    text: Option<String>,
    done: Option<bool>,
    list_id: Option<i32>,
}

impl TaskInput {
    fn read(mut form: Form, conn: &mut DbConnection) -> Result<Self, ApiError> {
        let input = Self {
            text: form.text("text", LONGEST_TEXT),
            done: form.boolean("done"),
            list_id: form.key("list_id", |id| {
                diesel::select(exists(lists::table.find(id))).get_result(conn)
            })?,
        };
        form.check()?;
        Ok(input)
    }

    fn apply_to(self, task: &mut Task) {
        if let Some(text) = self.text {
            task.text = text;
        }
        if let Some(done) = self.done {
            task.done = done;
        }
        if let Some(list_id) = self.list_id {
            task.list_id = list_id;
        }
    }
}

/// All tasks, or with `?list_id=` those of a list.
async fn index(
    State(app): State<App>,
    user: User,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Vec<TaskView>>, ApiError> {
    let list_id = integer(&query, "list_id")?;
    let load = move |conn: &mut DbConnection| {
        let mut select = tasks::table
            .order(tasks::id)
            .select(Task::as_select())
            .into_boxed();
        if let Some(list_id) = list_id {
            select = select.filter(tasks::list_id.eq(list_id));
        }
        Ok(select.load(conn)?)
    };
    let tasks: Vec<Task> = app.database.read(load).await?;
    Ok(Json(
        tasks.into_iter().map(|task| task.seen_by(&user)).collect(),
    ))
}

async fn create(
    State(app): State<App>,
    user: User,
    mut form: Form,
) -> Result<(StatusCode, Json<TaskView>), ApiError> {
    form.require(&["text", "list_id"]);
    let insert = move |conn: &mut DbConnection| {
        let input = TaskInput::read(form, conn)?;
        Ok(Task::create(conn, input)?)
    };
    let task = app.database.write(insert).await?;
    Ok((StatusCode::CREATED, Json(task.seen_by(&user))))
}

async fn show(State(app): State<App>, user: User, Id(id): Id) -> Result<Json<TaskView>, ApiError> {
    let task = app.database.read(move |conn| find(conn, id)).await?;
    Ok(Json(task.seen_by(&user)))
}

async fn replace(
    app: State<App>,
    user: User,
    id: Id,
    mut form: Form,
) -> Result<Json<TaskView>, ApiError> {
    form.require(&["text", "list_id"]);
    update(app, user, id, form).await
}

/// Changes what the request names. Another `list_id` moves the task: it leaves one list's group and
/// enters the other's.
async fn update(
    State(app): State<App>,
    user: User,
    Id(id): Id,
    form: Form,
) -> Result<Json<TaskView>, ApiError> {
    let save = move |conn: &mut DbConnection| {
        let mut task = find(conn, id)?;
        TaskInput::read(form, conn)?.apply_to(&mut task);
        Ok(task.save(conn)?)
    };
    let task = app.database.write(save).await?;
    Ok(Json(task.seen_by(&user)))
}

async fn remove(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    app.database
        .write(move |conn| Ok(find(conn, id)?.delete(conn)?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(conn: &mut DbConnection, id: i32) -> Result<Task, ApiError> {
    Ok(tasks::table
        .find(id)
        .select(Task::as_select())
        .first(conn)?)
}
