//! Snapshots by keys of every kind: composite, optional, newtypes, renamed columns, texts, UUIDs in
//! BLOBs, converted types.

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Binary, Integer};
use diesel::sqlite::Sqlite;
use rest_live::SqliteSnapshots;
use rest_live::prelude::*;
use rest_live::testing::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

mod schema {
    diesel::table! {
        things (uid) {
            uid -> Binary,
            owner -> Integer,
            #[sql_name = "type"]
            kind -> Text,
            parent -> Nullable<Integer>,
            nick -> Nullable<Text>,
            flag -> Bool,
            big -> BigInt,
            color -> Integer,
        }
    }
}

const SCHEMA: &str = "
    CREATE TABLE things (
        uid BLOB PRIMARY KEY, owner INTEGER NOT NULL, type TEXT NOT NULL, parent INTEGER, nick TEXT, flag BOOLEAN NOT NULL,
        big INTEGER NOT NULL, color INTEGER NOT NULL
    ) WITHOUT ROWID;
";

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Binary)]
struct Uid(Uuid);

impl ToSql<Binary, Sqlite> for Uid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(serialize::IsNull::No)
    }
}

impl FromSql<Binary, Sqlite> for Uid {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Integer)]
struct UserId(i32);

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

/// A number in the database, a word on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Color {
    Red,
    Green,
}

impl From<i32> for Color {
    fn from(number: i32) -> Self {
        if number == 0 { Self::Red } else { Self::Green }
    }
}

impl From<Color> for i32 {
    fn from(color: Color) -> Self {
        color as Self
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Serialize, Subscribable)]
#[diesel(table_name = schema::things, primary_key(uid))]
#[live(label = "app.Thing")]
#[subscribable]
#[subscribable(group_key = "owner")]
#[subscribable(group_key = "kind")]
#[subscribable(group_key = "parent")]
#[subscribable(group_key = "nick")]
#[subscribable(group_key = "flag")]
#[subscribable(group_key = "big")]
#[subscribable(group_key = "color")]
#[subscribable(group_key("kind", "parent", "uid"))]
struct Thing {
    uid: Uid,
    owner: UserId,
    #[diesel(column_name = kind)]
    r#type: String,
    parent: Option<i32>,
    nick: Option<String>,
    flag: bool,
    big: i64,
    #[diesel(serialize_as = i32, deserialize_as = i32)]
    color: Color,
}

const ONE: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
const OTHER: &str = "00000000-0000-0000-0000-000000000001";

fn things() -> [Thing; 2] {
    let one = Thing {
        uid: Uid(ONE.parse().expect("a UUID")),
        owner: UserId(7),
        r#type: "it's \"one\"".into(),
        parent: Some(1),
        nick: None,
        flag: true,
        big: 1 << 40,
        color: Color::Red,
    };
    let other = Thing {
        uid: Uid(OTHER.parse().expect("a UUID")),
        owner: UserId(8),
        r#type: "other".into(),
        parent: None,
        nick: Some("null".into()),
        flag: false,
        big: -1,
        color: Color::Green,
    };
    [one, other]
}

/// The UUIDs in the snapshot of a group.
fn snapshot(client: &mut Client<()>, property: &Value, value: &Value) -> Vec<String> {
    client.send(
        json!({"id": 1, "model": "app.Thing", "property": property, "value": value, "snapshot": true}),
    );
    let part = client.receive();
    assert_eq!(
        part["type"], "snapshot",
        "{property} = {value} gives {part}"
    );
    assert_eq!(client.receive()["type"], "subscribed");
    client.send(json!({"id": 1, "type": "unsubscribe"}));
    assert_eq!(client.receive()["type"], "unsubscribed");
    let instances = part["instances"].as_array().expect("rows").iter();
    instances
        .map(|thing| thing["uid"].as_str().expect("a UUID").to_owned())
        .collect()
}

#[test]
fn every_kind_of_key_finds_its_rows() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("app.db").to_str().unwrap().to_owned();
    let pool = Pool::new(ConnectionManager::<SqliteConnection>::new(&path)).unwrap();
    let live = Live::<()>::builder()
        .anonymous()
        .model::<Thing>()
        .snapshots::<Thing>(SqliteSnapshots::new(pool.clone()))
        .build()
        .unwrap();
    pool.get().unwrap().batch_execute(SCHEMA).unwrap();
    let mut conn = LiveConnection::new(SqliteConnection::establish(&path).unwrap(), &live).unwrap();
    for thing in things() {
        diesel::insert_into(schema::things::table)
            .values(thing)
            .execute(&mut conn)
            .unwrap();
    }
    let mut client = Client::connect(&live, ());
    let kinds = [
        ("uid", json!(ONE), json!(OTHER)),
        ("pk", json!(ONE.to_uppercase()), json!(OTHER)),
        ("owner", json!(7), json!("8")),
        ("kind", json!("it's \"one\""), json!("other")),
        ("parent", json!(1), json!(null)),
        ("nick", json!(null), json!("null")),
        ("flag", json!(true), json!("false")),
        ("big", json!(1_i64 << 40), json!("-1")),
        ("color", json!("red"), json!("green")),
    ];
    for (property, one, other) in kinds {
        let property = json!(property);
        assert_eq!(snapshot(&mut client, &property, &one), [ONE], "{property}");
        assert_eq!(
            snapshot(&mut client, &property, &other),
            [OTHER],
            "{property}"
        );
    }
    let property = json!(["kind", "parent", "uid"]);
    assert_eq!(
        snapshot(&mut client, &property, &json!(["it's \"one\"", 1, ONE])),
        [ONE]
    );
    assert_eq!(
        snapshot(&mut client, &property, &json!(["other", null, OTHER])),
        [OTHER]
    );
    for none in [json!(["other", 1, OTHER]), json!(["other", null, ONE])] {
        assert!(snapshot(&mut client, &property, &none).is_empty());
    }
}
