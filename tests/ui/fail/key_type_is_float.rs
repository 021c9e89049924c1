use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;

diesel::table! { tasks { id -> Integer, price -> Double, text -> Text, } }

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[subscribable(group_key = "price")]
struct Task {
    id: i32,
    price: f64,
}

fn main() {}
