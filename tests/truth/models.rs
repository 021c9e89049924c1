//! Boards with cards on them: every kind of key, and rights that change with the row.

use diesel::prelude::*;
use rest_live::prelude::*;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

diesel::table! {
    boards (id) { id -> Integer, is_open -> Bool, stamp -> BigInt, }
}

diesel::table! {
    cards (id) {
        id -> Integer,
        board_id -> Integer,
        owner_id -> Nullable<Integer>,
        is_public -> Bool,
        slot -> Nullable<Integer>,
        stamp -> BigInt,
    }
}

/// `history` is the tests' own record of what was committed. SQLite keeps it, in triggers of the
/// schema: rest-live has no part in it.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE boards (id INTEGER PRIMARY KEY, is_open BOOLEAN NOT NULL, stamp BIGINT NOT NULL);
    CREATE TABLE cards (
        id INTEGER PRIMARY KEY,
        board_id INTEGER NOT NULL REFERENCES boards ON DELETE CASCADE ON UPDATE CASCADE,
        owner_id INTEGER,
        is_public BOOLEAN NOT NULL,
        slot INTEGER UNIQUE,
        stamp BIGINT NOT NULL
    );
    CREATE TRIGGER publish AFTER UPDATE OF is_open ON boards BEGIN
        UPDATE cards SET is_public = NEW.is_open WHERE board_id = NEW.id;
    END;
    CREATE TABLE history (seq INTEGER PRIMARY KEY AUTOINCREMENT, old TEXT, new TEXT);
";

/// The triggers that write the history, of one table each.
pub(crate) fn history_triggers() -> String {
    let board = |row: &str| {
        format!(
            "json_object('Board', json_object('id', {row}.id, 'is_open', json(iif({row}.is_open, 'true', 'false')), 'stamp', {row}.stamp))"
        )
    };
    let card = |row: &str| {
        format!(
            "json_object('Card', json_object('id', {row}.id, 'board_id', {row}.board_id, 'owner_id', {row}.owner_id,
                'is_public', json(iif({row}.is_public, 'true', 'false')), 'slot', {row}.slot, 'stamp', {row}.stamp))"
        )
    };
    let triggers = |table: &str, image: &dyn Fn(&str) -> String| {
        let (old, new) = (image("OLD"), image("NEW"));
        format!(
            "CREATE TRIGGER {table}_i AFTER INSERT ON {table} BEGIN INSERT INTO history(new) VALUES ({new}); END;
             CREATE TRIGGER {table}_d AFTER DELETE ON {table} BEGIN INSERT INTO history(old) VALUES ({old}); END;
             CREATE TRIGGER {table}_u AFTER UPDATE ON {table} BEGIN INSERT INTO history(old, new) VALUES ({old}, {new}); END;"
        )
    };
    triggers("boards", &board) + &triggers("cards", &card)
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) id: i32,
    pub(crate) is_staff: bool,
}

fn is_staff<M>(user: &User, _: &M) -> bool {
    user.is_staff
}

fn is_owner(user: &User, card: &Card) -> bool {
    card.owner_id == Some(user.id)
}

fn is_public(_: &User, card: &Card) -> bool {
    card.is_public
}

fn is_open(_: &User, board: &Board) -> bool {
    board.is_open
}

#[derive(
    Debug,
    Clone,
    PartialEq,
    Queryable,
    Selectable,
    Identifiable,
    Insertable,
    AsChangeset,
    Serialize,
    Deserialize,
    Subscribable,
)]
#[diesel(table_name = boards)]
#[live(label = "truth.Board")]
#[subscribable(check_permission = is_open.or(is_staff::<Board>))]
#[subscribable(group_key = "is_open")]
pub(crate) struct Board {
    pub(crate) id: i32,
    pub(crate) is_open: bool,
    pub(crate) stamp: i64,
}

#[derive(
    Debug,
    Clone,
    PartialEq,
    Queryable,
    Selectable,
    Identifiable,
    Insertable,
    AsChangeset,
    Serialize,
    Deserialize,
    Subscribable,
)]
#[diesel(table_name = cards)]
#[live(label = "truth.Card")]
#[subscribable(check_permission = is_public.or(is_owner).or(is_staff::<Card>))]
#[subscribable(group_key = "board_id", check_permission = is_owner.or(is_staff::<Card>))]
#[subscribable(group_key = "board_id", check_permission = is_public, serializer = Brief)]
#[subscribable(group_key = "owner_id", check_permission = is_public.or(is_owner))]
#[subscribable(group_key("board_id", "is_public"), check_permission = is_staff::<Card>)]
#[subscribable(group_key("board_id", "is_public"), check_permission = is_owner, serializer = Brief)]
pub(crate) struct Card {
    pub(crate) id: i32,
    pub(crate) board_id: i32,
    pub(crate) owner_id: Option<i32>,
    pub(crate) is_public: bool,
    pub(crate) slot: Option<i32>,
    pub(crate) stamp: i64,
}

/// The slot of cards that cannot be written in brief.
pub(crate) const UNWRITABLE: i32 = 4;

/// What strangers see of a card.
pub(crate) struct Brief {
    id: i32,
    stamp: i64,
    slot: Option<i32>,
}

impl From<&Card> for Brief {
    fn from(card: &Card) -> Self {
        Self {
            id: card.id,
            stamp: card.stamp,
            slot: card.slot,
        }
    }
}

impl Serialize for Brief {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.slot == Some(UNWRITABLE) {
            return Err(S::Error::custom("not in brief"));
        }
        [("id", i64::from(self.id)), ("stamp", self.stamp)]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>()
            .serialize(serializer)
    }
}
