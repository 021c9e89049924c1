//! Several columns in a key, and a model that has no others.

use diesel::prelude::*;
use rest_live::LiveModel as _;
use rest_live::SaveColumns;
use rest_live::prelude::*;
use serde::Serialize;
use serde_json::json;

diesel::table! {
    members (list_id, name) {
        list_id -> Integer,
        name -> Text,
        role -> Text,
    }
}

diesel::table! {
    follows (follower, followed) {
        follower -> Integer,
        followed -> Integer,
    }
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[diesel(primary_key(list_id, name))]
#[subscribable]
#[subscribable(group_key("role", "list_id"))]
#[subscribable(group_key("name"))]
struct Member {
    list_id: i32,
    name: String,
    role: String,
}

/// In an order of its own.
#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[diesel(table_name = follows, primary_key(followed, follower))]
#[subscribable]
struct Follow {
    follower: i32,
    followed: i32,
}

/// Ambiguous, and so an error to use without a type, for what implements `SaveColumns`.
trait NothingToSave<A> {
    fn nothing_to_save() {}
}
impl<T> NothingToSave<()> for T {}
impl<T: SaveColumns> NothingToSave<u8> for T {}

fn main() {
    let member = Member::group().list_id_and_name(1, "ann").to_message();
    assert_eq!(member["property"], json!(["list_id", "name"]));
    assert_eq!(member["value"], json!([1, "ann"]));
    let admins = Member::group().role_and_list_id("admin", 1).to_message();
    assert_eq!(admins["property"], json!(["role", "list_id"]));
    assert_eq!(admins["value"], json!(["admin", 1]));
    assert_eq!(Member::group().name("ann").to_message()["property"], "name");

    <Follow as NothingToSave<_>>::nothing_to_save();
    assert_eq!(
        Follow::group().followed_and_follower(1, 2).to_message()["value"],
        json!([1, 2])
    );

    let follow = Follow {
        follower: 1,
        followed: 2,
    };
    assert_eq!(
        diesel::debug_query::<diesel::sqlite::Sqlite, _>(&diesel::delete(follow.by_key())).to_string(),
        "DELETE FROM `follows` WHERE ((`follows`.`followed` = ?) AND (`follows`.`follower` = ?)) -- binds: [2, 1]",
    );
}
