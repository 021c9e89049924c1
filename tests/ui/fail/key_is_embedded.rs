use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, list_id -> Integer, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(group_key = "place")]
#[subscribable(group_key = "next")]
struct Task {
    id: i32,
    #[diesel(embed)]
    place: Place,
    #[diesel(select_expression = tasks::id + 1, select_expression_type = diesel::dsl::Add<tasks::id, i32>)]
    next: i32,
}

#[derive(Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = tasks)]
struct Place {
    list_id: i32,
}

fn main() {}
