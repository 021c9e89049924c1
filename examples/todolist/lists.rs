//! The routes of lists.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use diesel::prelude::*;
use rest_live::prelude::*;

use super::App;
use super::database::DbConnection;
use super::error::ApiError;
use super::form::Form;
use super::models::List;
use super::path::Id;
use super::schema::{lists, tasks};

const LONGEST_NAME: usize = 100;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/lists/", get(index).post(create))
        .route(
            "/lists/{id}/",
            get(show).put(replace).patch(update).delete(remove),
        )
        .route("/lists/{id}/complete/", post(complete))
}

/// What a request says about a list. `None`: nothing.
#[derive(Insertable)]
#[diesel(table_name = lists)]
struct ListInput {
    name: Option<String>,
}

impl ListInput {
    fn read(mut form: Form) -> Result<Self, ApiError> {
        let input = Self {
            name: form.text("name", LONGEST_NAME),
        };
        form.check()?;
        Ok(input)
    }

    fn apply_to(self, list: &mut List) {
        if let Some(name) = self.name {
            list.name = name;
        }
    }
}

async fn index(State(app): State<App>) -> Result<Json<Vec<List>>, ApiError> {
    let all = lists::table.order(lists::id).select(List::as_select());
    app.database
        .read(move |conn| Ok(Json(all.load(conn)?)))
        .await
}

async fn create(
    State(app): State<App>,
    mut form: Form,
) -> Result<(StatusCode, Json<List>), ApiError> {
    form.require(&["name"]);
    let input = ListInput::read(form)?;
    let list = app
        .database
        .write(move |conn| Ok(List::create(conn, input)?))
        .await?;
    Ok((StatusCode::CREATED, Json(list)))
}

async fn show(State(app): State<App>, Id(id): Id) -> Result<Json<List>, ApiError> {
    app.database
        .read(move |conn| find(conn, id))
        .await
        .map(Json)
}

async fn replace(app: State<App>, id: Id, mut form: Form) -> Result<Json<List>, ApiError> {
    form.require(&["name"]);
    update(app, id, form).await
}

async fn update(State(app): State<App>, Id(id): Id, form: Form) -> Result<Json<List>, ApiError> {
    let save = move |conn: &mut DbConnection| {
        let mut list = find(conn, id)?;
        ListInput::read(form)?.apply_to(&mut list);
        Ok(list.save(conn)?)
    };
    app.database.write(save).await.map(Json)
}

/// Deletes a list. The database deletes its tasks along with it, and whoever looks at them hears
/// that, too.
async fn remove(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    app.database
        .write(move |conn| Ok(find(conn, id)?.delete(conn)?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ticks all tasks of a list in one statement. Each that was not done makes an event.
async fn complete(State(app): State<App>, Id(id): Id) -> Result<StatusCode, ApiError> {
    let tick_all = move |conn: &mut DbConnection| {
        find(conn, id)?;
        let of_list = tasks::table.filter(tasks::list_id.eq(id));
        Ok(diesel::update(of_list)
            .set(tasks::done.eq(true))
            .execute(conn)?)
    };
    app.database.write(tick_all).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(conn: &mut DbConnection, id: i32) -> Result<List, ApiError> {
    Ok(lists::table
        .find(id)
        .select(List::as_select())
        .first(conn)?)
}
