//! Models whose JSON is made in every way that there is.

use diesel::prelude::*;
use rest_live::prelude::*;
use serde::Serialize;
use ts_rs::TS;

use crate::User;
use crate::columns::{Role, Side, Status, Uid};

diesel::table! {
    notes {
        id -> BigInt,
        list_id -> Integer,
        owner -> Nullable<Text>,
        text -> Text,
        source -> Text,
        nick -> Nullable<Text>,
        secret -> Text,
        status -> Text,
        stars -> Double,
        place -> Text,
    }
}

diesel::table! {
    members (list_id, name) {
        list_id -> Integer,
        name -> Text,
        role -> Text,
        boss -> Nullable<Integer>,
    }
}

diesel::table! {
    tickets {
        id -> Integer,
        text -> Text,
        closed_by -> Nullable<Text>,
        r#type -> Text,
    }
}

diesel::table! {
    votes {
        id -> Integer,
        side -> Nullable<Text>,
    }
}

/// What serde is told, a type is told.
#[derive(Queryable, Selectable, Insertable, Serialize, TS, Subscribable)]
#[serde(rename_all = "camelCase")]
#[subscribable]
#[subscribable(group_key = "list_id")]
#[subscribable(group_key = "owner", check_permission = is_staff)]
#[subscribable(group_key = "owner", fields("list_id", "source", "nick", "site"))]
pub struct Note {
    pub id: i64,
    pub list_id: i32,
    pub owner: Option<Uid>,
    /// As it was written.
    pub text: String,
    #[serde(rename = "Source-Text")]
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick: Option<String>,
    #[serde(skip)]
    pub secret: String,
    pub status: Status,
    pub stars: f64,
    #[serde(flatten)]
    #[diesel(embed)]
    pub site: Site,
}

/// Where it was.
#[derive(Queryable, Selectable, Insertable, AsChangeset, Serialize, TS)]
#[diesel(table_name = notes)]
pub struct Site {
    pub place: String,
}

/// Has several columns in its keys.
#[derive(Queryable, Selectable, Insertable, Serialize, TS, Subscribable)]
#[diesel(primary_key(list_id, name))]
#[live(label = "app.Member")]
#[subscribable]
#[subscribable(group_key("role", "list_id"))]
#[subscribable(group_key = "boss")]
pub struct Member {
    pub list_id: i32,
    pub name: String,
    pub role: Role,
    pub boss: Option<i32>,
}

/// Looks in three ways.
#[derive(Queryable, Selectable, Insertable, Serialize, TS, Subscribable)]
#[subscribable(check_permission = is_staff)]
#[subscribable(check_permission = is_named, fields("id", "type"))]
#[subscribable(serializer = PublicTicket<'_>)]
pub struct Ticket {
    pub id: i32,
    pub text: String,
    pub closed_by: Option<String>,
    pub r#type: String,
}

/// A ticket for those who are not named.
#[derive(Serialize, TS)]
pub struct PublicTicket<'a> {
    id: i32,
    state: State<'a>,
    words: Vec<Word<'a>>,
}

#[derive(Serialize, TS)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum State<'a> {
    Open,
    Closed { by: &'a str },
}

#[derive(Serialize, TS)]
struct Word<'a>(&'a str);

impl<'a> From<&'a Ticket> for PublicTicket<'a> {
    fn from(ticket: &'a Ticket) -> Self {
        Self {
            id: ticket.id,
            state: match &ticket.closed_by {
                Some(by) => State::Closed { by },
                None => State::Open,
            },
            words: ticket.text.split_whitespace().map(Word).collect(),
        }
    }
}

/// Has nothing in its rows of what is in its key, and no group for its primary key.
#[derive(Queryable, Selectable, Insertable, Subscribable)]
#[subscribable(group_key = "side", serializer = Ballot)]
pub struct Vote {
    pub id: i32,
    pub side: Option<Side>,
}

#[derive(Serialize, TS)]
pub struct Ballot {
    is_blank: bool,
}

impl From<&Vote> for Ballot {
    fn from(vote: &Vote) -> Self {
        Self {
            is_blank: vote.side.is_none(),
        }
    }
}

fn is_staff<M>(user: &User, _: &M) -> bool {
    *user == User::Staff
}

fn is_named<M>(user: &User, _: &M) -> bool {
    *user != User::Nobody
}
