//! Replay: what a subscriber who comes back has missed.

use super::{Dispatcher, GroupId, Member, events_by, frame, frames_of};
use crate::change::Images;
use crate::live::Hub;
use crate::log::{Cursor, Log};
use crate::registry::Registry;
use crate::session::Frame;

/// Bytes that an event takes of an outbox at the least. Also of what may not be told, more than would
/// fit is not looked through: it is sooner read again.
const LEAST: usize = 100;

/// What a subscriber has missed since a cursor, as far as it is worked out. Most of that is done before
/// the dispatcher's lock is taken.
pub(crate) struct Replay {
    since: Cursor,
    /// `None` if it is not known, or more than the subscriber's outbox takes.
    missed: Option<Missed>,
}

struct Missed {
    frames: Vec<Frame>,
    /// What the outbox still takes.
    room: usize,
    /// The position up to which it is worked out.
    until: u64,
}

impl Replay {
    /// Works out what there is now.
    pub(crate) fn begin<U>(
        hub: &Hub<U>,
        group: &GroupId,
        member: &Member<U>,
        since: Cursor,
    ) -> Self {
        let log = hub.log();
        let nothing = Missed {
            frames: Vec::new(),
            room: member.outbox.limit(),
            until: since.position,
        };
        let nothing = (since.epoch == log.epoch).then_some(nothing);
        let missed =
            nothing.and_then(|missed| missed.go_on(&hub.registry, log, group, member, log.end()));
        Self { since, missed }
    }

    pub(super) fn since(&self) -> Cursor {
        self.since
    }
}

impl Missed {
    fn go_on<U>(
        mut self,
        registry: &Registry<U>,
        log: &Log,
        group: &GroupId,
        member: &Member<U>,
        end: u64,
    ) -> Option<Self> {
        let property = &registry.model(group.model).properties[group.property];
        let span = (self.until, end);
        let changes = log.missed(group.model, log.mark_of(group), span, self.room / LEAST)?;
        for missed in changes {
            let change = missed.change();
            let Images::Row { old, new } = &change.images else {
                return None;
            };
            if change.model != group.model {
                // Another group with the same mark.
                continue;
            }
            let (old, new) = (old.as_ref(), new.as_ref());
            let (left, entered) = events_by(registry, change.model, group.property, old, new);
            let events = left.into_iter().chain(entered);
            let cursor = Cursor {
                position: missed.position,
                epoch: log.epoch,
            };
            for event in events.filter(|event| event.group == *group) {
                let mut frames = frames_of(registry, &event, cursor);
                let users = [&*member.user; 2];
                if let Some(frame) = event.frame_for(property, users, &member.form, &mut frames) {
                    self.room = self.room.checked_sub(frame.cost())?;
                    self.frames.push(frame);
                }
            }
        }
        self.until = end;
        Some(self)
    }
}

impl<U> Dispatcher<U> {
    /// Acknowledges a subscriber who comes back, and sends what it missed up to `end`; `false`, and
    /// nothing sent, if that is not known or more than its outbox takes.
    pub(super) fn resume(
        &self,
        group: &GroupId,
        member: &Member<U>,
        id: &str,
        replay: Replay,
        end: u64,
    ) -> bool {
        let since = replay.since();
        let missed = self.missed(group, member, replay, end);
        let events = missed.as_ref().map_or(0, Vec::len);
        let is_resumed = missed.is_some_and(|missed| {
            let cursor = self.acknowledged(since, end, &missed);
            let mut frames = vec![frame::subscribed(id, cursor, true)];
            frames.extend(missed);
            member.outbox.push_all(frames)
        });
        if is_resumed {
            self.counters.resumed.add(1);
            self.counters.deliveries.add(events as u64);
        } else {
            self.counters.not_resumed.add(1);
        }
        is_resumed
    }

    /// The cursor of an acknowledgement. Were it ahead of what comes after it, a connection that
    /// breaks in between would lose that.
    pub(super) fn acknowledged(&self, since: Cursor, end: u64, missed: &[Frame]) -> Cursor {
        if missed.is_empty() {
            self.cursor(end)
        } else {
            since
        }
    }

    /// What a subscriber would have been told up to `end`; `None` if that is not known.
    pub(super) fn missed(
        &self,
        group: &GroupId,
        member: &Member<U>,
        replay: Replay,
        end: u64,
    ) -> Option<Vec<Frame>> {
        let missed = replay.missed?;
        let missed = missed.go_on(&self.registry, &self.log, group, member, end)?;
        Some(missed.frames)
    }
}
