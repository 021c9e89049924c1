//! Commits, their changes, and what one change is to one connection.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::board::Board;
use super::overview::{name, shown};
use crate::change::{Change, Commit, Images, Kind, ModelId};
use crate::explain::{Explanation, explain_change};
use crate::live::Hub;
use crate::log::Cursor;
use crate::server::refusal::Refusal;
use crate::stats::seconds;

/// So many changes of a commit are listed.
const CHANGES: usize = 100;

/// How long an explanation waits for the dispatcher.
const PATIENCE: Duration = Duration::from_millis(500);

/// A commit of the log.
#[derive(Serialize)]
pub(super) struct CommitRow {
    /// Of its first change.
    cursor: String,
    /// The position of its last change.
    position: u64,
    #[serde(serialize_with = "seconds")]
    age: Duration,
    changes: usize,
    /// How many of its changes were of which kind, by model.
    kinds: Vec<KindRow>,
}

#[derive(Serialize)]
struct KindRow {
    model: String,
    action: Kind,
    count: usize,
}

/// The changes of a commit, or the first of them.
#[derive(Serialize)]
pub(super) struct Changes {
    changes: Vec<ChangeRow>,
    /// How many there are.
    count: usize,
}

#[derive(Serialize)]
struct ChangeRow {
    cursor: String,
    model: String,
    action: Kind,
    /// The row's primary key; `None` if it is not known which row it was.
    key: Option<String>,
}

/// Why a connection was told of a change what it was told.
#[derive(Serialize)]
pub(super) struct Explained {
    connection: u64,
    user: Option<String>,
    /// Whether the user may subscribe to the model at all.
    may_subscribe: bool,
    action: Kind,
    #[serde(flatten)]
    explanation: Explanation,
}

impl CommitRow {
    pub(super) fn new<U>(hub: &Hub<U>, commit: &Commit, at: Instant, now: Instant) -> Self {
        let position = commit.end();
        let mut kinds: Vec<(ModelId, Kind, usize)> = Vec::new();
        for change in &commit.changes {
            let (model, kind) = (change.model, change.kind());
            let counted = kinds.iter_mut().find(|row| (row.0, row.1) == (model, kind));
            match counted {
                Some((_, _, count)) => *count += 1,
                None => kinds.push((model, kind, 1)),
            }
        }
        let kinds = kinds.into_iter().map(|(model, action, count)| KindRow {
            model: hub.registry.model(model).label.clone(),
            action,
            count,
        });
        Self {
            cursor: hub.cursor(commit.start + 1).to_string(),
            position,
            age: now.saturating_duration_since(at),
            changes: commit.changes.len(),
            kinds: kinds.collect(),
        }
    }
}

impl ChangeRow {
    fn new<U>(hub: &Hub<U>, position: u64, change: &Change) -> Self {
        let model = hub.registry.model(change.model);
        let row = match &change.images {
            Images::Row { old, new } => new.as_ref().or(old.as_ref()),
            Images::Unknown => None,
        };
        let key = row.and_then(|row| model.primary_key_of(row));
        Self {
            cursor: hub.cursor(position).to_string(),
            model: model.label.clone(),
            action: change.kind(),
            key: key.map(|key| shown(key.to_string())),
        }
    }
}

impl<U: Send + Sync + 'static> Board<U> {
    /// The changes of the commit that the change at a cursor is of.
    pub(super) fn changes(&self, cursor: Cursor) -> Result<Changes, Refusal> {
        let hub = &self.live().hub;
        let commit = hub.log().commit_at(cursor).ok_or_else(forgotten)?;
        let rows = commit.positioned().take(CHANGES);
        Ok(Changes {
            changes: rows
                .map(|(position, change)| ChangeRow::new(hub, position, change))
                .collect(),
            count: commit.changes.len(),
        })
    }

    /// Why a connection was told of a change what it was told, if its user was who he is now.
    pub(super) fn explain(&self, number: u64, cursor: Cursor) -> Result<Explained, Refusal> {
        let hub = &self.live().hub;
        let link = hub.connections.by_number(number);
        let link = link.ok_or_else(|| Refusal::not_found("this connection has ended"))?;
        let user = link
            .user()
            .ok_or_else(|| Refusal::not_found("it is not known yet whose connection this is"))?;
        let commit = hub.log().commit_at(cursor).ok_or_else(forgotten)?;
        let mut changes = commit.positioned();
        let (_, change) = changes
            .find(|(position, _)| *position == cursor.position)
            .ok_or_else(forgotten)?;
        let standing = |group: &_| {
            let dispatcher = hub.dispatcher_within(PATIENCE)?;
            Some(dispatcher.standing(group, link.outbox(), cursor.position))
        };
        let mut explanation = explain_change(&hub.registry, change, &user, cursor, standing);
        if explanation
            .groups
            .iter()
            .any(|group| group.standing.is_none())
        {
            let message = "the dispatcher is busy, perhaps with a permission that takes its time";
            return Err(Refusal::unavailable(message));
        }
        let model = hub.registry.model(change.model);
        let may_subscribe = hub.registry.may_subscribe(&user, Some(model));
        if !may_subscribe {
            // To him there is no such row, and so none to be shown as he sees it.
            explanation
                .groups
                .iter_mut()
                .for_each(|group| group.told = None);
        }
        Ok(Explained {
            connection: number,
            user: name(self.live(), &link).map(shown),
            may_subscribe,
            action: change.kind(),
            explanation,
        })
    }
}

fn forgotten() -> Refusal {
    Refusal::not_found("the log does not hold this change, or not any more")
}
