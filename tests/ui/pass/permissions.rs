//! Functions, types, closures, and what is composed of them; and the user type, inferred or named.

use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::{Permission, SubscribableBy};
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, } }

pub struct User {
    id: i32,
}

struct IsStaff;

impl<M> Permission<User, M> for IsStaff {
    fn check(&self, user: &User, _: &M) -> bool {
        user.id == 0
    }
}

mod rules {
    pub fn is_owner(user: &super::User, task: &super::Task) -> bool {
        user.id == task.list_id
    }
}

fn at_least(least: i32) -> impl Fn(&User, &Task) -> bool {
    move |user, _| user.id >= least
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(check_permission = IsStaff)]
#[subscribable(check_permission = rules::is_owner)]
#[subscribable(check_permission = IsStaff.not().and(rules::is_owner.or(at_least(7))))]
#[subscribable(check_permission = at_least(8), fields("id"))]
#[subscribable(check_permission = |user: &User, task: &Task| user.id == task.id)]
#[subscribable(group_key = "list_id", check_permission = rest_live::AllowAny.and(IsStaff))]
pub struct Task {
    id: i32,
    list_id: i32,
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = tasks)]
#[live(user = self::User)]
#[subscribable(check_permission = IsStaff)]
#[subscribable(check_permission = rest_live::AllowAny)]
struct Private {
    id: i32,
    list_id: i32,
}

fn registered<M: SubscribableBy<U>, U>() {}

fn main() {
    registered::<Task, User>();
    registered::<Private, User>();
    assert_eq!(
        Task::describe().to_json(&Task { id: 1, list_id: 2 }).len(),
        6
    );
    assert_eq!(
        Private::describe()
            .to_json(&Private { id: 1, list_id: 2 })
            .len(),
        2
    );
}
