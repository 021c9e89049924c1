use diesel::prelude::*;
use rest_live::prelude::*;
use serde::{Deserialize, Serialize};

diesel::table! { tasks { id -> Integer, kind -> Integer, } }

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Kind(i32);

impl From<i32> for Kind {
    fn from(kind: i32) -> Self {
        Self(kind)
    }
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(group_key = "kind")]
pub struct Task {
    id: i32,
    #[diesel(deserialize_as = i32, skip_update)]
    kind: Kind,
}

fn main() {}
