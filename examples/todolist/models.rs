//! The models, and who may see what of them. This is all that makes them live.
//!
//! `TS` is for pages in TypeScript, whose types are in `models.ts`.

use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;
use ts_rs::TS;

use super::login::User;
use super::schema::{lists, tasks};

/// A list. Everybody may see every one.
#[derive(Debug, Clone, Queryable, Selectable, Identifiable, Serialize, Subscribable, TS)]
#[diesel(table_name = lists)]
#[subscribable]
pub struct List {
    pub id: i32,
    pub name: String,
}

/// A task. Whether it is done is for users who have logged in.
///
/// It can be subscribed to by its primary key, and by its list. For each of the two, the first
/// registration whose permission passes decides what a user sees.
#[derive(Debug, Clone, Queryable, Selectable, Identifiable, Associations, Subscribable, TS)]
#[diesel(table_name = tasks, belongs_to(List))]
#[subscribable(check_permission = has_auth, fields("id", "text", "done"))]
#[subscribable(check_permission = has_no_auth, fields("id", "text"))]
#[subscribable(group_key = "list_id", check_permission = has_auth, fields("id", "text", "done"))]
#[subscribable(group_key = "list_id", check_permission = has_no_auth, fields("id", "text"))]
pub struct Task {
    pub id: i32,
    pub text: String,
    pub done: bool,
    pub list_id: i32,
}

fn has_auth(user: &User, _task: &Task) -> bool {
    user.is_authenticated()
}

fn has_no_auth(user: &User, _task: &Task) -> bool {
    !user.is_authenticated()
}

/// A task as REST shows it: the same fields to the same users as on the live side.
#[derive(Debug, Serialize)]
pub struct TaskView {
    id: i32,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<bool>,
}

impl Task {
    /// What a user may see of this task.
    pub fn seen_by(self, user: &User) -> TaskView {
        let done = user.is_authenticated().then_some(self.done);
        TaskView {
            id: self.id,
            text: self.text,
            done,
        }
    }
}
