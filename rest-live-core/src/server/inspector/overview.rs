//! How it is now, in as many lines as somebody reads: the first few of each thing, and how many
//! there are.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;
use serde::Serialize;

use super::explained::CommitRow;
use super::top::Top;
use crate::connections::Link;
use crate::dispatcher::GroupId;
use crate::limits::Limits;
use crate::live::{Hub, Live};
use crate::session::Load;
use crate::stats::{Stats, seconds};

/// So many groups and connections are listed.
const LISTED: usize = 50;

/// So many commits are listed.
const COMMITS: usize = 20;

/// So many groups are looked at before the dispatcher gets its lock back.
const GROUPS_AT_ONCE: usize = 2048;

/// How long it is waited for the dispatcher, which holds its lock while permissions are asked.
const PATIENCE: Duration = Duration::from_millis(50);

/// So many characters of a name or of a value are shown.
const SHOWN: usize = 80;

#[derive(Serialize)]
pub(super) struct Overview {
    /// Another server has another.
    epoch: String,
    pub(super) stats: Stats,
    limits: Bounds,
    groups: Vec<GroupRow>,
    connections: Vec<ConnectionRow>,
    commits: Vec<CommitRow>,
}

/// Those of the [`Limits`] that something is held against.
#[derive(Serialize)]
struct Bounds {
    connections: usize,
    queue_bytes: usize,
    log_changes: usize,
    log_bytes: usize,
    #[serde(serialize_with = "seconds")]
    log_age: Duration,
    backlog_bytes: usize,
}

/// A group that somebody listens to.
#[derive(Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct GroupRow {
    subscribers: Reverse<usize>,
    model: String,
    property: String,
    value: String,
}

/// An open connection.
#[derive(Serialize)]
pub(super) struct ConnectionRow {
    number: u64,
    /// As the application names him.
    user: Option<String>,
    #[serde(serialize_with = "seconds")]
    open_for: Duration,
    subscriptions: usize,
    queue_bytes: usize,
    /// Whether its socket takes no more.
    is_slow: bool,
}

/// Connections by what waits on them, then by what they listen to; of equals, the oldest.
type TopConnections<U> = Top<(bool, usize, usize, Reverse<u64>), (Arc<Link<U>>, Load)>;

impl Overview {
    /// Gathers it all; while the dispatcher is busy, with the groups of the last time.
    pub(super) fn gather<U>(live: &Live<U>, now: Instant, last: Option<&Self>) -> Self {
        let hub = &live.hub;
        let mut connections = Top::new(LISTED);
        let stats = hub.survey(now, |link, load| offer(&mut connections, link, load));
        let commits = hub.log().newest(COMMITS).into_iter();
        let last = || last.map(|overview| overview.groups.clone());
        Self {
            epoch: hub.log().epoch.to_string(),
            stats,
            limits: Bounds::from(&hub.limits),
            groups: largest_groups(hub).or_else(last).unwrap_or_default(),
            connections: rows(live, connections, now),
            commits: commits
                .map(|(commit, at)| CommitRow::new(hub, &commit, at, now))
                .collect(),
        }
    }
}

/// The connections whose user's name has this text in it, or whose number it is.
pub(super) fn connections_like<U>(live: &Live<U>, text: &str, now: Instant) -> Vec<ConnectionRow> {
    let text = text.to_lowercase();
    let number = text.parse().ok();
    let is_like = |link: &Link<U>| {
        number == Some(link.number())
            || name(live, link).is_some_and(|name| name.to_lowercase().contains(&text))
    };
    let mut found = Top::new(LISTED);
    for link in live.hub.connections.all() {
        if is_like(&link) {
            offer(&mut found, &link, link.load());
        }
    }
    rows(live, found, now)
}

fn offer<U>(top: &mut TopConnections<U>, link: &Arc<Link<U>>, load: Load) {
    let number = Reverse(link.number());
    let rank = (load.is_blocked, load.bytes, link.subscriptions(), number);
    top.offer(rank, || (Arc::clone(link), load));
}

fn rows<U>(live: &Live<U>, top: TopConnections<U>, now: Instant) -> Vec<ConnectionRow> {
    let links = top.into_ranked().map(|(_, ranked)| ranked);
    let rows = links.map(|(link, load)| ConnectionRow {
        number: link.number(),
        user: name(live, &link).map(shown),
        open_for: now.saturating_duration_since(link.since()),
        subscriptions: link.subscriptions(),
        queue_bytes: load.bytes,
        is_slow: load.is_blocked,
    });
    rows.collect()
}

pub(super) fn name<U>(live: &Live<U>, link: &Link<U>) -> Option<String> {
    live.admission.name(&*link.user()?)
}

/// The groups with the most subscribers; `None` while the dispatcher is busy. It has its lock back
/// every so often; what changes meanwhile may be missed.
fn largest_groups<U>(hub: &Hub<U>) -> Option<Vec<GroupRow>> {
    let mut top: Top<usize, GroupId> = Top::new(LISTED);
    let mut from = 0;
    loop {
        let dispatcher = hub.dispatcher_within(PATIENCE)?;
        let groups = dispatcher.groups(from, GROUPS_AT_ONCE);
        let is_last = groups.len() < GROUPS_AT_ONCE;
        for (group, subscribers) in groups {
            top.offer(subscribers, || group.clone());
        }
        MutexGuard::unlock_fair(dispatcher);
        if is_last {
            break;
        }
        from += GROUPS_AT_ONCE;
    }
    // What changes meanwhile may also be seen twice.
    let mut seen = HashSet::new();
    let mut rows: Vec<_> = top
        .into_ranked()
        .filter(|(_, group)| seen.insert(group.clone()))
        .map(|(subscribers, group)| GroupRow::new(hub, &group, subscribers))
        .collect();
    // In the same order every second.
    rows.sort_unstable();
    Some(rows)
}

impl GroupRow {
    fn new<U>(hub: &Hub<U>, group: &GroupId, subscribers: usize) -> Self {
        let model = hub.registry.model(group.model);
        Self {
            subscribers: Reverse(subscribers),
            model: model.label.clone(),
            property: model.properties[group.property].names().join(", "),
            value: shown(group.value.to_string()),
        }
    }
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            connections: limits.connections,
            queue_bytes: limits.queue_bytes,
            log_changes: limits.log_changes,
            log_bytes: limits.log_bytes,
            log_age: limits.log_age,
            backlog_bytes: limits.backlog_bytes,
        }
    }
}

/// As much of a text as is shown.
pub(super) fn shown(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}
