//! What may be a key: integers, `bool`, `String`, an `Option`, a newtype, a UUID.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Integer, Text};
use diesel::sqlite::Sqlite;
use rest_live::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

diesel::table! {
    things (uid) {
        uid -> Text,
        small -> SmallInt,
        normal -> Integer,
        big -> BigInt,
        flag -> Bool,
        name -> Text,
        title -> Text,
        parent -> Nullable<Integer>,
        nick -> Nullable<Text>,
        owner -> Integer,
        price -> Double,
    }
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Text)]
pub struct Uid(uuid::Uuid);

impl ToSql<Text, Sqlite> for Uid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(serialize::IsNull::No)
    }
}

impl FromSql<Text, Sqlite> for Uid {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        Ok(Self(text.parse()?))
    }
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Integer)]
pub struct UserId(i32);

impl ToSql<Integer, Sqlite> for UserId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0);
        Ok(serialize::IsNull::No)
    }
}

impl FromSql<Integer, Sqlite> for UserId {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <i32 as FromSql<Integer, Sqlite>>::from_sql(value).map(Self)
    }
}

#[derive(Queryable, Selectable, Serialize, Subscribable)]
#[diesel(primary_key(uid))]
#[subscribable]
#[subscribable(group_key = "small")]
#[subscribable(group_key = "normal")]
#[subscribable(group_key = "big")]
#[subscribable(group_key = "flag")]
#[subscribable(group_key = "name")]
#[subscribable(group_key = "title")]
#[subscribable(group_key = "parent")]
#[subscribable(group_key = "nick")]
#[subscribable(group_key = "owner")]
pub struct Thing {
    uid: Uid,
    small: i16,
    normal: i32,
    big: i64,
    flag: bool,
    name: String,
    title: std::string::String,
    parent: Option<i32>,
    nick: Option<String>,
    owner: UserId,
    price: f64,
}

fn main() {
    let uid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let messages = [
        (
            Thing::group().uid(Uid(uid.parse().unwrap())).to_message(),
            "uid",
            json!(uid),
        ),
        (Thing::group().small(-1).to_message(), "small", json!(-1)),
        (Thing::group().normal(1).to_message(), "normal", json!(1)),
        (
            Thing::group().big(1 << 40).to_message(),
            "big",
            json!(1099511627776_i64),
        ),
        (Thing::group().flag(true).to_message(), "flag", json!(true)),
        (Thing::group().name("a").to_message(), "name", json!("a")),
        (
            Thing::group().title(String::from("b")).to_message(),
            "title",
            json!("b"),
        ),
        (
            Thing::group().parent(None).to_message(),
            "parent",
            json!(null),
        ),
        (
            Thing::group().nick(Some("c".into())).to_message(),
            "nick",
            json!("c"),
        ),
        (
            Thing::group().owner(UserId(7)).to_message(),
            "owner",
            json!(7),
        ),
    ];
    for (message, property, value) in messages {
        assert_eq!(message["property"], property);
        assert_eq!(message["value"], value);
    }
    Thing::describe();
}
