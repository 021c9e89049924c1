//! One snapshot: read, written as parts, and delivered together with the subscription.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::parts::{Parts, TooBig};
use super::{Job, Purpose, SnapshotGroup, TRIES, rights};
use crate::change::Row;
use crate::dispatcher::{Arrival, Form, GroupId, Replay};
use crate::live::Hub;
use crate::log::Quiet;
use crate::registry::{Property, guard};
use crate::session::{Frame, Reason, Refused};

/// A snapshot, and the position in the log that it shows.
struct Taken {
    parts: Vec<Frame>,
    position: u64,
}

/// Does what a snapshot was asked for.
pub(crate) fn serve<U>(hub: &Hub<U>, job: Job<U>) {
    match &job.purpose {
        Purpose::Subscribe => subscribe(hub, job),
        Purpose::ChangeUser(user) => rights::change_user(hub, &job, user),
    }
}

/// Gives somebody the snapshot and the subscription that he asked for, or says why not. Nothing, if
/// he does not wait any more.
fn subscribe<U>(hub: &Hub<U>, mut job: Job<U>) {
    for _ in 0..TRIES {
        if !hub.dispatcher().expects(job.id) {
            return;
        }
        let Taken { parts, position } = match take(hub, &job) {
            Ok(taken) => taken,
            Err(refused) => return refuse(hub, &job, refused),
        };
        // Should it be replaced, it is dropped without the lock.
        let _user = Arc::clone(&job.member.user);
        let replay = Replay::begin(hub, &job.group, &job.member, hub.cursor(position));
        let arrival = hub.dispatcher().arrive(&mut job, parts, replay);
        match arrival {
            Arrival::Joined | Arrival::Cancelled => return job.member.outbox.flush(),
            Arrival::Outdated => tracing::debug!("a snapshot was outdated before it was sent"),
        }
    }
    let message = "more changed meanwhile than can be sent; try again later";
    let refused = Refused::new(Reason::SnapshotUnavailable, message);
    refuse(hub, &job, refused);
}

fn take<U>(hub: &Hub<U>, job: &Job<U>) -> Result<Taken, Refused> {
    let model = hub.registry.model(job.group.model);
    let property = &model.properties[job.group.property];
    let mut parts = Parts::new(id(job), &model.label, &hub.limits);
    let mut result = Ok(());
    let quiet = read(hub, &job.group, &mut |row| {
        if let Some(instance) = visible(property, job, &row) {
            result = parts.add(&instance);
        }
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(TooBig) => ControlFlow::Break(()),
        }
    })
    .ok_or_else(unavailable)?;
    let parts = result.and_then(|()| parts.finish()).map_err(|TooBig| {
        let most = hub.limits.snapshot_bytes;
        let message = format!("the snapshot has more than {most} bytes, which are the most");
        Refused::new(Reason::SnapshotTooBig, message)
    })?;
    Ok(Taken {
        parts,
        position: quiet.position,
    })
}

/// Reads the rows of a group. `None`, and a word in the log, if that fails.
pub(super) fn read<U>(
    hub: &Hub<U>,
    group: &GroupId,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Option<Quiet> {
    let model = hub.registry.model(group.model);
    let source = model.snapshots.as_ref()?;
    let group = SnapshotGroup {
        columns: model.properties[group.property].names(),
        value: &group.value,
        adapter: model.adapter.as_ref(),
        log: hub.log(),
    };
    guard("source of snapshots", || source(&group, each))?
        .inspect_err(
            |error| tracing::error!(model = model.label, %error, "a snapshot cannot be read"),
        )
        .ok()
}

/// A row as JSON, as the subscriber may see it.
fn visible<U>(property: &Property<U>, job: &Job<U>, row: &Row) -> Option<String> {
    // The database may compare in another way, without regard to case for one. What counts is in
    // which group its events are.
    if property.value(row).as_ref() != Some(&job.group.value) {
        return None;
    }
    property.instance(property.view(&job.member.user, row)?, row)
}

fn unavailable() -> Refused {
    Refused::new(
        Reason::SnapshotUnavailable,
        "the snapshot cannot be read just now; try again later",
    )
}

fn refuse<U>(hub: &Hub<U>, job: &Job<U>, refused: Refused) {
    let refused = Refused {
        id: Some(id(job).into()),
        ..refused
    };
    hub.dispatcher().refuse(job, &refused);
    job.member.outbox.flush();
}

/// The subscription's `id`, as JSON.
fn id<U>(job: &Job<U>) -> &str {
    match &job.member.form {
        Form::Extended { id } => id,
        Form::Seed => "null",
    }
}
