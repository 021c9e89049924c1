//! The dispatcher: takes commits, finds the groups and who listens, decides what each may see, and
//! encodes each frame once.

mod expected;
mod filled;
mod frame;
mod replay;
mod rights;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

pub(crate) use self::expected::Arrival;
pub(crate) use self::filled::Filled;
use self::frame::Frames;
pub(crate) use self::frame::{Action, Form};
pub(crate) use self::replay::Replay;
pub(crate) use self::rights::{Regarded, differs};
use crate::change::{Commit, Images, ModelId, Row};
use crate::log::{Cursor, Log};
use crate::registry::{Property, Registry, ViewId};
use crate::session::{Frame, Outbox};
use crate::stats::Counters;

/// The groups that somebody listens to.
pub(crate) struct Dispatcher<U> {
    registry: Arc<Registry<U>>,
    log: Arc<Log>,
    counters: Arc<Counters>,
    /// In an order, so that they can be gone through in steps.
    groups: IndexMap<GroupId, IndexMap<MemberId, Armed<U>>>,
    /// Of all groups.
    members: usize,
    /// Subscribers whose snapshot is on its way, and whose rights count from now on, if these have
    /// changed meanwhile.
    expected: HashMap<MemberId, Option<Arc<U>>>,
    /// Subscribers of whom it is being read what their new rights change, and who they will be.
    changing: HashMap<MemberId, Arc<U>>,
    next_member: u64,
    /// The position up to which all is told.
    told: u64,
}

/// What somebody listens to: the rows of a model with one value of one of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GroupId {
    pub(crate) model: ModelId,
    pub(crate) property: usize,
    pub(crate) value: Value,
}

/// One subscription, as the dispatcher numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberId(u64);

/// One subscriber of one group.
pub(crate) struct Member<U> {
    pub(crate) user: Arc<U>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) form: Form,
}

/// A subscriber, and the position after which it is told all.
struct Armed<U> {
    member: Member<U>,
    after: u64,
}

impl<U> Dispatcher<U> {
    pub(crate) fn new(registry: Arc<Registry<U>>, log: Arc<Log>, counters: Arc<Counters>) -> Self {
        Self {
            registry,
            log,
            counters,
            groups: IndexMap::new(),
            members: 0,
            expected: HashMap::new(),
            changing: HashMap::new(),
            next_member: 0,
            told: 0,
        }
    }

    /// Adds a subscriber, and acknowledges it in the extended form. It gets every change that
    /// enters the log from here on, and none that was there before: who reads the database now
    /// finds that. What it missed, it gets at once.
    pub(crate) fn join(
        &mut self,
        group: GroupId,
        member: Member<U>,
        replay: Option<Replay>,
    ) -> MemberId {
        let after = self.log.end();
        if let Form::Extended { id } = &member.form {
            let is_resumed =
                replay.is_some_and(|replay| self.resume(&group, &member, id, replay, after));
            if !is_resumed {
                member
                    .outbox
                    .push(frame::subscribed(id, self.cursor(after), false));
            }
        }
        let id = self.number();
        self.admit(id, group, member, after);
        id
    }

    /// Adds a subscriber if all that it missed can be sent, and sends that.
    pub(crate) fn rejoin(
        &mut self,
        group: GroupId,
        member: Member<U>,
        replay: Replay,
    ) -> Option<MemberId> {
        let after = self.log.end();
        let Form::Extended { id } = &member.form else {
            return None;
        };
        if !self.resume(&group, &member, id, replay, after) {
            return None;
        }
        let id = self.number();
        self.admit(id, group, member, after);
        Some(id)
    }

    fn number(&mut self) -> MemberId {
        let id = MemberId(self.next_member);
        self.next_member += 1;
        id
    }

    fn admit(&mut self, id: MemberId, group: GroupId, member: Member<U>, after: u64) {
        self.members += 1;
        self.groups
            .entry(group)
            .or_default()
            .insert(id, Armed { member, after });
        self.note_size();
    }

    /// Removes a subscriber, be it one that is still expected.
    pub(crate) fn leave(&mut self, group: &GroupId, member: MemberId) {
        self.expected.remove(&member);
        self.changing.remove(&member);
        if let Some(members) = self.groups.get_mut(group) {
            let left = members.swap_remove(&member);
            self.members -= usize::from(left.is_some());
            if members.is_empty() {
                self.groups.swap_remove(group);
            }
        }
        self.note_size();
    }

    /// Tells every subscriber what it may know of a commit; gives the position up to which all is
    /// told. What was put into outboxes is still to be flushed.
    pub(crate) fn dispatch(&mut self, commit: &Commit, filled: &mut Filled) -> u64 {
        let before = filled.frames();
        let mut resyncs = 0;
        let mut marks = Vec::new();
        for (position, change) in commit.positioned() {
            self.counters.count_event(change.model, change.kind());
            match &change.images {
                Images::Row { old, new } => {
                    for event in events(&self.registry, change.model, old.as_ref(), new.as_ref()) {
                        marks.push((position, self.log.mark_of(&event.group)));
                        self.tell(&event, position, filled);
                    }
                }
                Images::Unknown => resyncs += self.resync(change.model, position, filled),
            }
        }
        let frames = filled.frames() - before;
        self.counters.commits.add(1);
        self.counters.deliveries.add((frames - resyncs) as u64);
        self.counters.resyncs.add(resyncs as u64);
        self.log.mark(commit, marks);
        self.told = commit.end();
        self.told
    }

    fn tell(&self, event: &Event<'_>, position: u64, filled: &mut Filled) {
        let Some(members) = self.groups.get(&event.group) else {
            return;
        };
        let property = self.property(&event.group);
        let mut frames = self.frames(event, position);
        for Armed { member, .. } in members.values().filter(|armed| armed.after < position) {
            let users = [&*member.user; 2];
            if let Some(frame) = event.frame_for(property, users, &member.form, &mut frames) {
                filled.put(&member.outbox, frame);
            }
        }
    }

    /// Tells every subscriber of a model to read again; gives how many these are.
    fn resync(&mut self, model: ModelId, position: u64, filled: &mut Filled) -> usize {
        let before = filled.frames();
        for (group, members) in self.groups.iter().filter(|(group, _)| group.model == model) {
            for Armed { member, .. } in members.values().filter(|armed| armed.after < position) {
                filled.put(
                    &member.outbox,
                    self.resync_frame(group, &member.form, position, "changes_unknown"),
                );
            }
        }
        self.end_changes(model, position);
        filled.frames() - before
    }

    fn resync_frame(
        &self,
        group: &GroupId,
        form: &Form,
        position: u64,
        reason: &'static str,
    ) -> Frame {
        let subscription = match form {
            Form::Extended { id } => format!(r#""id":{id},"cursor":"{}""#, self.cursor(position)),
            Form::Seed => self.wire_name(group),
        };
        Frame::from(format!(
            r#"{{"type":"resync",{subscription},"reason":"{reason}"}}"#
        ))
    }

    /// A group as the seed form names it.
    pub(crate) fn wire_name(&self, group: &GroupId) -> String {
        let (label, property) = (self.label(group), self.property(group).wire_name());
        let value = &group.value;
        format!(r#""model":"{label}","property":{property},"value":{value}"#)
    }

    fn frames(&self, event: &Event<'_>, position: u64) -> Frames<'_> {
        frames_of(&self.registry, event, self.cursor(position))
    }

    /// How many groups somebody listens to, or will.
    #[cfg(test)]
    pub(crate) fn listened_groups(&self) -> usize {
        self.groups.len() + self.expected.len() + self.changing.len()
    }

    pub(crate) fn cursor(&self, position: u64) -> Cursor {
        Cursor {
            epoch: self.log.epoch,
            position,
        }
    }

    fn property(&self, group: &GroupId) -> &Property<U> {
        &self.registry.model(group.model).properties[group.property]
    }

    fn label(&self, group: &GroupId) -> &str {
        &self.registry.model(group.model).label
    }
}

/// A change as one group sees it: `old` is there if the old image belongs to the group, `new` if
/// the new one does.
pub(crate) struct Event<'a> {
    pub(crate) group: GroupId,
    pub(crate) old: Option<&'a Row>,
    pub(crate) new: Option<&'a Row>,
    /// Whether another event of the change follows in the same group: the row changed its primary
    /// key.
    is_continued: bool,
}

/// The frames of an event of the change at a cursor.
fn frames_of<'a, U>(registry: &'a Registry<U>, event: &Event<'_>, at: Cursor) -> Frames<'a> {
    // Who comes back after the first of two events has the change still to come.
    let position = at.position - u64::from(event.is_continued);
    let label = &registry.model(event.group.model).label;
    Frames::new(label, Cursor { position, ..at })
}

/// What a subscriber can be told of an event.
pub(crate) struct Telling<'a> {
    pub(crate) action: Action,
    /// The image of the row that is sent.
    pub(crate) row: &'a Row,
    pub(crate) view: ViewId,
}

impl<'a> Event<'a> {
    /// What one subscriber is to be told: its views of the two images decide. The second is for the
    /// case that the row of the first cannot be written: then it is out of sight.
    ///
    /// The user is given twice, as it was and as it is now.
    pub(crate) fn tellings<U>(
        &self,
        property: &Property<U>,
        [before, now]: [&U; 2],
    ) -> impl Iterator<Item = Telling<'a>> {
        let view =
            |user, row: Option<&'a Row>| row.and_then(|row| Some((row, property.view(user, row)?)));
        let (old, new) = (view(before, self.old), view(now, self.new));
        let action = if old.is_some() {
            Action::Updated
        } else {
            Action::Created
        };
        let seen = new.map(|(row, view)| Telling { action, row, view });
        let gone = old.map(|(row, view)| Telling {
            action: Action::Deleted,
            row,
            view,
        });
        seen.into_iter().chain(gone)
    }

    fn frame_for<U>(
        &self,
        property: &Property<U>,
        users: [&U; 2],
        form: &Form,
        frames: &mut Frames<'_>,
    ) -> Option<Frame> {
        self.tellings(property, users)
            .find_map(|Telling { action, row, view }| {
                frames.get(action, view, form, || property.instance(view, row))
            })
    }
}

/// The groups that a change concerns. A row that moves leaves its old group before it enters the
/// new one.
pub(crate) fn events<'a, U>(
    registry: &Registry<U>,
    model: ModelId,
    old: Option<&'a Row>,
    new: Option<&'a Row>,
) -> Vec<Event<'a>> {
    let properties = 0..registry.model(model).properties.len();
    let (left, entered): (Vec<_>, Vec<_>) = properties
        .map(|property| events_by(registry, model, property, old, new))
        .unzip();
    left.into_iter().chain(entered).flatten().collect()
}

/// The groups by one property that a change concerns: one that stays or is left, and one that is
/// entered.
fn events_by<'a, U>(
    registry: &Registry<U>,
    model: ModelId,
    property: usize,
    old: Option<&'a Row>,
    new: Option<&'a Row>,
) -> (Option<Event<'a>>, Option<Event<'a>>) {
    let entry = registry.model(model);
    let value = |row: Option<&Row>| entry.properties[property].value(row?);
    let event = |value, old, new, is_continued| {
        let group = GroupId {
            model,
            property,
            value,
        };
        Event {
            group,
            old,
            new,
            is_continued,
        }
    };
    let is_same_row = || {
        old.zip(new)
            .is_none_or(|(old, new)| entry.is_same_row(old, new))
    };
    match (value(old), value(new)) {
        (Some(from), Some(to)) if from == to && is_same_row() => {
            (Some(event(from, old, new, false)), None)
        }
        (from, to) => {
            let is_continued = from == to;
            let left = from.map(|from| event(from, old, None, is_continued));
            (left, to.map(|to| event(to, None, new, false)))
        }
    }
}
