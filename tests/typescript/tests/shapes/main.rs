//! The types of all kinds of models, and what a server sends of them: both are files that
//! `npm run lint` of the client checks against each other.

#![allow(
    unreachable_pub,
    unnameable_types,
    clippy::unwrap_used,
    reason = "a program's models, in a test"
)]

mod columns;
mod models;
mod sent;

use rest_live::typescript::Models;

use self::models::{Member, Note, Ticket, Vote};
use self::sent::Sent;

/// Where the client has its types checked.
const DIRECTORY: &str = "../../client/tests/types/shapes";

/// Who is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Staff,
    Named,
    Nobody,
}

fn models() -> Models {
    Models::new()
        .model::<Note>()
        .model::<Ticket>()
        .model::<Vote>()
        .model::<Member>()
}

#[test]
fn the_types_are_as_they_were() {
    models().check(format!("{DIRECTORY}/models.ts")).unwrap();
}

#[test]
fn what_is_sent_is_as_it_was() {
    let mut sent = Sent::new();
    sent.notes();
    sent.members();
    sent.tickets();
    sent.votes();
    sent.check(format!("{DIRECTORY}/sent.ts"));
}

#[test]
fn the_order_of_the_models_does_not_matter() {
    let other = Models::new()
        .model::<Vote>()
        .model::<Member>()
        .model::<Ticket>()
        .model::<Note>();
    assert_eq!(models().generate().unwrap(), other.generate().unwrap());
}
