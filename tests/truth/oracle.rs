//! What a client is to show and to hear, worked out from the tables and the history alone.

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Deserialize;
use serde_json::{Value, json};

use super::models::{Board, Card, UNWRITABLE, User, boards, cards};

/// A group that a client can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    Card(i32),
    OnBoard(i32),
    OwnedBy(Option<i32>),
    OnBoardIfPublic(i32, bool),
    Board(i32),
    OpenBoards(bool),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) enum Row {
    Board(Board),
    Card(Card),
}

/// One committed change.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) seq: i64,
    old: Option<Row>,
    new: Option<Row>,
}

/// An event, as a client is told it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) action: String,
    pub(crate) instance: Value,
}

/// The rows that a client shows, by key.
pub(crate) type Page = BTreeMap<i64, Value>;

impl Told {
    pub(crate) fn apply(&self, page: &mut Page) {
        let id = id_of(&self.instance);
        match self.action.as_str() {
            "DELETED" => page.remove(&id),
            _ => page.insert(id, self.instance.clone()),
        };
    }
}

impl Row {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Board(a), Self::Board(b)) => a.id == b.id,
            (Self::Card(a), Self::Card(b)) => a.id == b.id,
            _ => false,
        }
    }
}

impl Target {
    /// The keys of the message that names it.
    pub(crate) fn message(self) -> Value {
        match self {
            Self::Card(id) => json!({"model": "truth.Card", "value": id}),
            Self::OnBoard(id) => {
                json!({"model": "truth.Card", "property": "board_id", "value": id})
            }
            Self::OwnedBy(id) => {
                json!({"model": "truth.Card", "property": "owner_id", "value": id})
            }
            Self::OnBoardIfPublic(id, is) => {
                json!({"model": "truth.Card", "property": ["board_id", "is_public"], "value": [id, is]})
            }
            Self::Board(id) => json!({"model": "truth.Board", "property": "pk", "value": id}),
            Self::OpenBoards(is) => {
                json!({"model": "truth.Board", "property": "is_open", "value": is})
            }
        }
    }

    /// Whether a row is in the group and `user` may see it; and what of it. The inner `None` is a
    /// row that cannot be written.
    fn sees(self, user: User, row: &Row) -> Option<Option<Value>> {
        match row {
            Row::Board(board) => self
                .sees_board(user, board)
                .then(|| serde_json::to_value(board).ok()),
            Row::Card(card) => self.sees_card(user, card),
        }
    }

    fn sees_board(self, user: User, board: &Board) -> bool {
        match self {
            Self::Board(id) => id == board.id && (board.is_open || user.is_staff),
            Self::OpenBoards(is) => is == board.is_open,
            _ => false,
        }
    }

    fn sees_card(self, user: User, card: &Card) -> Option<Option<Value>> {
        let is_owner = card.owner_id == Some(user.id);
        let full = || Some(serde_json::to_value(card).ok());
        let brief = || {
            let brief = json!({"id": card.id, "stamp": card.stamp});
            Some((card.slot != Some(UNWRITABLE)).then_some(brief))
        };
        match self {
            Self::Card(id) if id != card.id => None,
            Self::Card(_) if card.is_public || is_owner || user.is_staff => full(),
            Self::OnBoard(id) if id != card.board_id => None,
            Self::OnBoard(_) if is_owner || user.is_staff => full(),
            Self::OnBoard(_) if card.is_public => brief(),
            Self::OwnedBy(id) if id == card.owner_id && (card.is_public || is_owner) => full(),
            Self::OnBoardIfPublic(id, is) if (id, is) != (card.board_id, card.is_public) => None,
            Self::OnBoardIfPublic(..) if user.is_staff => full(),
            Self::OnBoardIfPublic(..) if is_owner => brief(),
            _ => None,
        }
    }

    /// What the query behind a REST view would give.
    pub(crate) fn query(self, user: User, conn: &mut SqliteConnection) -> Page {
        let rows = read_rows(conn);
        let seen = rows.iter().filter_map(|row| self.sees(user, row)?);
        seen.map(|instance| (id_of(&instance), instance)).collect()
    }

    /// What is to be told of committed changes.
    pub(crate) fn events(self, user: User, entry: &Entry) -> Vec<Told> {
        let sees = |row: &Option<Row>| row.as_ref().map(|row| self.sees(user, row));
        let (old, new) = (sees(&entry.old).flatten(), sees(&entry.new).flatten());
        let told = |action: &str, instance: Option<Value>| {
            let action = action.to_owned();
            instance.map(|instance| Told { action, instance })
        };
        let is_same = |(old, new): (&Row, &Row)| old.is_same(new);
        let is_one = entry
            .old
            .as_ref()
            .zip(entry.new.as_ref())
            .is_some_and(is_same);
        if !is_one {
            let gone = told("DELETED", old.flatten());
            return gone
                .into_iter()
                .chain(told("CREATED", new.flatten()))
                .collect();
        }
        // By the rights, not by what could be written: of a row that could not, the next image is
        // an update.
        let action = if old.is_some() { "UPDATED" } else { "CREATED" };
        told(action, new.flatten())
            .or_else(|| told("DELETED", old.flatten()))
            .into_iter()
            .collect()
    }
}

pub(crate) fn id_of(instance: &Value) -> i64 {
    instance["id"].as_i64().expect("an id")
}

fn read_rows(conn: &mut SqliteConnection) -> Vec<Row> {
    conn.transaction(|conn| {
        let boards: Vec<Board> = boards::table.load(conn)?;
        let cards: Vec<Card> = cards::table.load(conn)?;
        let boards = boards.into_iter().map(Row::Board);
        Ok::<_, diesel::result::Error>(boards.chain(cards.into_iter().map(Row::Card)).collect())
    })
    .expect("the tables can be read")
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Nullable<Text>)]
    old: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    new: Option<String>,
}

/// The number of the newest entry of the history.
pub(crate) fn last_seq(conn: &mut SqliteConnection) -> i64 {
    let newest = sql::<BigInt>("coalesce((SELECT max(seq) FROM history), 0)");
    diesel::select(newest)
        .get_result(conn)
        .expect("the history can be read")
}

/// All that has been committed, in the order in which it was.
pub(crate) fn read_history(conn: &mut SqliteConnection) -> Vec<Entry> {
    let written: Vec<Written> = diesel::sql_query("SELECT seq, old, new FROM history ORDER BY seq")
        .load(conn)
        .expect("the history can be read");
    let row = |json: Option<String>| -> Option<Row> {
        json.map(|json| serde_json::from_str(&json).expect("a row"))
    };
    let entries = written.into_iter().map(|written| Entry {
        seq: written.seq,
        old: row(written.old),
        new: row(written.new),
    });
    // What changes nothing is no change.
    entries.filter(|entry| entry.old != entry.new).collect()
}
