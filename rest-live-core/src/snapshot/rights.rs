//! Rights that change: what a group's rows tell of it.

use std::mem::size_of;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::serve::read;
use super::{Job, TRIES};
use crate::dispatcher::{Regarded, differs};
use crate::live::Hub;

/// Changes whose rights count for a subscriber, and tells it what that changes: the rows that come
/// into sight or go out of it, or, if that cannot be said, to read again.
pub(super) fn change_user<U>(hub: &Hub<U>, job: &Job<U>, user: &Arc<U>) {
    for _ in 0..TRIES {
        let member = hub.dispatcher().member(&job.group, job.id).cloned();
        let Some(member) = member else {
            return;
        };
        let Some((rows, position)) = regarded(hub, job, [&member.user, user]) else {
            break;
        };
        if !hub.log().settle(hub.told_within) {
            break;
        }
        let is_done = hub.dispatcher().correct(job, user, rows, position);
        if is_done {
            return member.outbox.flush();
        }
    }
    let mut dispatcher = hub.dispatcher();
    let before = dispatcher
        .is_becoming(job.id, user)
        .then(|| dispatcher.change_user(&job.group, job.id, user));
    drop(dispatcher);
    drop(before);
    job.member.outbox.flush();
}

/// The rows that the second user sees in another way than the first, and the position in the log
/// that they are of; `None` if they cannot be read, or are too many.
fn regarded<U>(hub: &Hub<U>, job: &Job<U>, users: [&U; 2]) -> Option<(Regarded, u64)> {
    let model = hub.registry.model(job.group.model);
    let property = &model.properties[job.group.property];
    let mut rows = Regarded::new();
    let mut are_all = true;
    // Each is at least a frame in the outbox.
    let most = job.member.outbox.limit() / size_of::<crate::session::Frame>();
    let quiet = read(hub, &job.group, &mut |row| {
        if property.value(&row).as_ref() == Some(&job.group.value) && differs(property, users, &row)
        {
            are_all &= rows.len() < most;
            match model.primary_key_of(&row) {
                Some(key) => drop(rows.insert(key, row)),
                None => are_all = false,
            }
        }
        match are_all {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    are_all.then_some((rows, quiet.position))
}
