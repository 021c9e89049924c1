//! Explanations: why a subscriber got an event, or did not.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::change::{Change, Commit, Images, Row};
use crate::dispatcher::{Event, GroupId, events};
use crate::log::{Cursor, Epoch};
use crate::registry::{Property, Registry, Verdict};

/// Why a user is told what of one change: for each group that the change concerns, what every
/// permission says of the old and of the new row, and what comes of it.
///
/// It prints as a short text, and serializes as JSON.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The label of the model.
    pub model: String,
    /// The cursor of the change, as events carry it.
    pub cursor: String,
    /// The groups that the change concerns; none, if it is not known what changed: then all of the
    /// model's subscribers are told to read again.
    pub groups: Vec<GroupExplanation>,
}

/// What a change is to one group.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct GroupExplanation {
    /// The name of the property.
    pub property: Value,
    /// The group's value of it.
    pub value: Value,
    /// Whether the client in question is subscribed to it. `None` where no client is.
    pub standing: Option<Standing>,
    /// What the permissions say of the row before the change; `None` if it was not in the group.
    pub old: Option<Vec<PermissionExplanation>>,
    /// What the permissions say of the row after the change; `None` if it is not in the group.
    pub new: Option<Vec<PermissionExplanation>>,
    /// What a subscriber is told; `None` is silence.
    pub told: Option<Told>,
}

/// What a client is to a group, as far as one change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// It is subscribed to it, and was before the change: what there is to tell is in its queue, or
    /// sent.
    Subscribed,
    /// It is subscribed to it, and was before the change, which the dispatcher has not come to.
    Waiting,
    /// It is subscribed to it, and only since after the change: it was told of it only if it resumed.
    SubscribedLater,
    /// It is not subscribed to it, or not any more.
    NotSubscribed,
}

/// What one permission says. The first that passes gives the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PermissionExplanation {
    /// The Rust name of the permission.
    pub permission: &'static str,
    /// What it says.
    pub verdict: Verdict,
}

/// What a subscriber is told.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Told {
    /// `CREATED`, `UPDATED` or `DELETED`.
    pub action: &'static str,
    /// Which of the group's registrations gave the view, from 1.
    pub registration: usize,
    /// The row as the registration's serializer writes it.
    pub instance: Box<RawValue>,
}

/// What `user` is told of a commit, and why.
pub(crate) fn explain<U>(
    registry: &Registry<U>,
    commit: &Commit,
    user: &U,
    epoch: Epoch,
    standing: impl Fn(&GroupId, u64) -> Option<Standing>,
) -> Vec<Explanation> {
    let changes = commit.positioned();
    let explanations = changes.map(|(position, change)| {
        let cursor = Cursor { epoch, position };
        explain_change(registry, change, user, cursor, |group| {
            standing(group, position)
        })
    });
    explanations.collect()
}

/// What `user` is told of the change at `cursor`, and why.
pub(crate) fn explain_change<U>(
    registry: &Registry<U>,
    change: &Change,
    user: &U,
    cursor: Cursor,
    standing: impl Fn(&GroupId) -> Option<Standing>,
) -> Explanation {
    let model = registry.model(change.model);
    let group = |event: Event<'_>| {
        let property = &model.properties[event.group.property];
        explain_group(property, &event, user, standing(&event.group))
    };
    let groups = match &change.images {
        Images::Row { old, new } => {
            let events = events(registry, change.model, old.as_ref(), new.as_ref());
            events.into_iter().map(group).collect()
        }
        Images::Unknown => Vec::new(),
    };
    Explanation {
        model: model.label.clone(),
        cursor: cursor.to_string(),
        groups,
    }
}

fn explain_group<U>(
    property: &Property<U>,
    event: &Event<'_>,
    user: &U,
    standing: Option<Standing>,
) -> GroupExplanation {
    let verdicts = |row: Option<&Row>| {
        let verdicts = property.verdicts(user, row?).into_iter();
        Some(
            verdicts
                .map(|(permission, verdict)| PermissionExplanation {
                    permission,
                    verdict,
                })
                .collect(),
        )
    };
    let told = event.tellings(property, [user; 2]).find_map(|telling| {
        Some(Told {
            action: telling.action.name(),
            registration: telling.view.0 + 1,
            instance: RawValue::from_string(property.instance(telling.view, telling.row)?).ok()?,
        })
    });
    GroupExplanation {
        property: property.wire_name(),
        value: event.group.value.clone(),
        standing,
        old: verdicts(event.old),
        new: verdicts(event.new),
        told,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.model, self.cursor)?;
        if self.groups.is_empty() {
            write!(
                f,
                "\n  it is not known what changed: every subscriber of the model is told to read again"
            )?;
        }
        self.groups
            .iter()
            .try_for_each(|group| write!(f, "\n  {group}"))
    }
}

impl fmt::Display for GroupExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.property, self.value)?;
        match self.standing {
            Some(Standing::Subscribed) => write!(f, " (subscribed)")?,
            Some(Standing::Waiting) => write!(f, " (subscribed, still to be told)")?,
            Some(Standing::SubscribedLater) => write!(f, " (subscribed later)")?,
            Some(Standing::NotSubscribed) => write!(f, " (not subscribed)")?,
            None => {}
        }
        for (image, verdicts) in [("before", &self.old), ("after", &self.new)] {
            match verdicts {
                None => write!(f, "\n    {image}: not in this group")?,
                Some(verdicts) => write!(f, "\n    {image}: {}", listed(verdicts))?,
            }
        }
        match &self.told {
            None => write!(f, "\n    so: silence"),
            Some(Told {
                action,
                registration,
                instance,
            }) => {
                write!(
                    f,
                    "\n    so: {action} {instance}, by registration {registration} of this key"
                )
            }
        }
    }
}

fn listed(verdicts: &[PermissionExplanation]) -> String {
    let each = verdicts.iter().map(
        |PermissionExplanation {
             permission,
             verdict,
         }| match verdict {
            Verdict::Passes => format!("{permission} passes"),
            Verdict::Refuses => format!("{permission} refuses"),
            Verdict::Panics => format!("{permission} panics"),
        },
    );
    each.collect::<Vec<_>>().join(", ")
}
