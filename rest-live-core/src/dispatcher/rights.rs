//! Subscribers whose rights change while they are subscribed.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use serde_json::Value;

use super::{Dispatcher, Event, GroupId, Member, MemberId};
use crate::change::{Images, ModelId, Row};
use crate::registry::Property;
use crate::session::Frame;
use crate::snapshot::Job;

/// Rows of a group which somebody may see in another way than before, by primary key.
pub(crate) type Regarded = HashMap<Value, Row>;

impl<U> Dispatcher<U> {
    pub(crate) fn member(&self, group: &GroupId, id: MemberId) -> Option<&Member<U>> {
        Some(&self.groups.get(group)?.get(&id)?.member)
    }

    /// Notes that it will be read what the new rights of a subscriber change. Until then those of
    /// before count.
    pub(crate) fn begin_change(&mut self, id: MemberId, user: &Arc<U>) {
        self.changing.insert(id, Arc::clone(user));
    }

    pub(crate) fn is_changing(&self, id: MemberId) -> bool {
        self.changing.contains_key(&id)
    }

    /// Whether a subscriber is still to become this user, and not another by now.
    pub(crate) fn is_becoming(&self, id: MemberId, user: &Arc<U>) -> bool {
        let changing = self.changing.get(&id);
        changing.is_some_and(|becomes| Arc::ptr_eq(becomes, user))
    }

    /// Changes whose rights count for a subscriber, and tells it to read again: what it could see
    /// is not known. Gives who it was, to be dropped without the lock: that is code of the
    /// application.
    pub(crate) fn change_user(
        &mut self,
        group: &GroupId,
        id: MemberId,
        user: &Arc<U>,
    ) -> Option<Arc<U>> {
        let member = self.member(group, id)?;
        let frame = self.resync_frame(group, &member.form, self.told, "rights_changed");
        member.outbox.push(frame);
        self.counters.resyncs.add(1);
        self.replace_user(group, id, user)
    }

    /// Changes whose rights count for a subscriber, and tells it which rows come into sight and
    /// which go out of it, unless they have changed again. `rows` are those that it regards in
    /// another way at `position`; `false`, and nothing done, if it is not known which these are by
    /// now, or they are too many for its outbox.
    pub(crate) fn correct(
        &mut self,
        job: &Job<U>,
        user: &Arc<U>,
        rows: Regarded,
        position: u64,
    ) -> bool {
        let Job { id, group, .. } = job;
        if !self.is_becoming(*id, user) {
            return true;
        }
        let Some(member) = self.member(group, *id) else {
            return true;
        };
        let Some(frames) = self.corrections(group, member, user, rows, position) else {
            return false;
        };
        let events = frames.len() as u64;
        if !member.outbox.push_all(frames) {
            return false;
        }
        self.counters.deliveries.add(events);
        self.replace_user(group, *id, user);
        true
    }

    fn corrections(
        &self,
        group: &GroupId,
        member: &Member<U>,
        user: &U,
        rows: Regarded,
        position: u64,
    ) -> Option<Vec<Frame>> {
        let rows = self.bring_up_to_date(group, [&member.user, user], rows, position)?;
        let property = self.property(group);
        let mut frames = Vec::new();
        for row in rows.values() {
            let event = Event {
                group: group.clone(),
                old: Some(row),
                new: Some(row),
                is_continued: false,
            };
            let mut written = self.frames(&event, self.told);
            frames.extend(event.frame_for(
                property,
                [&member.user, user],
                &member.form,
                &mut written,
            ));
        }
        Some(frames)
    }

    /// The rows as of what the subscriber has been told; `None` if that cannot be said.
    fn bring_up_to_date(
        &self,
        group: &GroupId,
        users: [&U; 2],
        mut rows: Regarded,
        position: u64,
    ) -> Option<Regarded> {
        let model = self.registry.model(group.model);
        let property = self.property(group);
        let is_in_group = |row: &&Row| property.value(row).as_ref() == Some(&group.value);
        if self.told < position {
            return None;
        }
        for commit in self.log.since(position)? {
            let told = commit
                .positioned()
                .filter(|(at, change)| *at <= self.told && change.model == group.model);
            for (_, change) in told {
                let Images::Row { old, new } = &change.images else {
                    return None;
                };
                if let Some(old) = old {
                    rows.remove(&model.primary_key_of(old)?);
                }
                if let Some(new) = new.as_ref().filter(is_in_group)
                    && differs(property, users, new)
                {
                    rows.insert(model.primary_key_of(new)?, Arc::clone(new));
                }
            }
        }
        Some(rows)
    }

    /// Those who are told to read again a model may read it as who they are becoming. So they become
    /// it there and then: what comes after is told to the same user who has read.
    pub(super) fn end_changes(&mut self, model: ModelId, position: u64) {
        if self.changing.is_empty() {
            return;
        }
        let groups = self.groups.iter_mut();
        let groups = groups.filter(|(group, _)| group.model == model);
        let members = groups.flat_map(|(_, members)| members);
        for (id, armed) in members.filter(|(_, armed)| armed.after < position) {
            if let Some(user) = self.changing.remove(id) {
                // Not the last that holds him: the job that was to tell the change does.
                armed.member.user = user;
            }
        }
    }

    fn replace_user(&mut self, group: &GroupId, id: MemberId, user: &Arc<U>) -> Option<Arc<U>> {
        self.changing.remove(&id);
        let armed = self.groups.get_mut(group)?.get_mut(&id)?;
        Some(mem::replace(&mut armed.member.user, Arc::clone(user)))
    }
}

/// Whether the second user sees a row in another way than the first.
pub(crate) fn differs<U>(property: &Property<U>, users: [&U; 2], row: &Row) -> bool {
    let [before, now] = users.map(|user| property.view(user, row));
    before != now
}
