//! What a session is subscribed to.

use std::sync::Arc;

use super::error::{Reason, Refused};
use super::message::{Start, Target, excerpt};
use super::{Frame, Session, Stacked};
use crate::change::ModelId;
use crate::dispatcher::{Form, GroupId, Member, MemberId, Replay};
use crate::registry::Model;
use crate::snapshot::{Job, Purpose};

impl<U> Session<U> {
    pub(super) fn subscribe(
        &mut self,
        user: &Arc<U>,
        id: Option<Box<str>>,
        target: &Target,
        since: Option<&str>,
        start: Start,
    ) -> Result<(), Refused> {
        let group = group(self.model(user, target)?, target)?;
        self.check_start(&group, start)?;
        if let Some(id) = &id
            && self.extended.contains_key(&**id)
        {
            let message =
                format!("the id {id} has a subscription; unsubscribe it, or take another id");
            return Err(Refused::new(Reason::DuplicateId, message));
        }
        if id.is_none()
            && let Some(stacked) = self.seed.get_mut(&group)
        {
            stacked.count += 1;
            return Ok(());
        }
        let most = self.hub.limits.subscriptions;
        if self.seed.len() + self.extended.len() >= most {
            let message = format!(
                "{most} subscriptions are the most on one connection; unsubscribe from others first"
            );
            return Err(Refused::new(Reason::TooManySubscriptions, message));
        }
        let id: Option<Arc<str>> = id.map(Arc::from);
        let member = Member {
            user: Arc::clone(user),
            outbox: Arc::clone(&self.outbox),
            form: match &id {
                None => Form::Seed,
                Some(id) => Form::Extended { id: Arc::clone(id) },
            },
        };
        let since = since.and_then(|cursor| cursor.parse().ok());
        let replay = since.map(|since| Replay::begin(&self.hub, &group, &member, since));
        let joined = match start {
            Start::Changes => {
                let mut dispatcher = self.hub.dispatcher();
                dispatcher.join(group.clone(), member, replay)
            }
            Start::Snapshot => self.ask_for_snapshot(group.clone(), member, replay),
        };
        match id {
            None => {
                let stacked = Stacked {
                    member: joined,
                    count: 1,
                };
                self.seed.insert(group, stacked);
            }
            Some(id) => drop(self.extended.insert(id, (group, joined))),
        }
        Ok(())
    }

    /// Whether subscriptions of this model can begin so.
    fn check_start(&self, group: &GroupId, start: Start) -> Result<(), Refused> {
        let model = self.hub.registry.model(group.model);
        if start == Start::Changes || model.snapshots.is_some() {
            return Ok(());
        }
        let message = format!(
            "the server has no snapshots of `{}`: it has to call `.snapshots::<...>(...)` for this model",
            model.label
        );
        Err(Refused::new(Reason::NoSnapshot, message))
    }

    /// Resumes where that can be; otherwise the subscription comes with its snapshot.
    fn ask_for_snapshot(
        &self,
        group: GroupId,
        member: Member<U>,
        replay: Option<Replay>,
    ) -> MemberId {
        let mut dispatcher = self.hub.dispatcher();
        let resumed =
            replay.and_then(|replay| dispatcher.rejoin(group.clone(), member.clone(), replay));
        if let Some(id) = resumed {
            return id;
        }
        let id = dispatcher.expect();
        drop(dispatcher);
        self.hub.snapshots.add(Job {
            id,
            group,
            member,
            purpose: Purpose::Subscribe,
        });
        id
    }

    /// Forgets the subscriptions that came to nothing because their snapshots did.
    pub(super) fn forget_refused(&mut self) {
        for refused in self.outbox.take_refused() {
            self.extended.retain(|_, (_, member)| *member != refused);
        }
    }

    pub(super) fn unsubscribe(
        &mut self,
        user: &U,
        id: Option<&str>,
        target: Option<&Target>,
    ) -> Result<(), Refused> {
        let unknown = || {
            Refused::new(
                Reason::UnknownSubscription,
                "there is no such subscription on this connection",
            )
        };
        if let Some(id) = id {
            let (group, member) = self.extended.remove(id).ok_or_else(unknown)?;
            self.hub.leave(&group, member);
            self.outbox.push(Frame::from(format!(
                r#"{{"type":"unsubscribed","id":{id},"code":0,"reason":"requested"}}"#
            )));
            return Ok(());
        }
        let target = target.ok_or_else(unknown)?;
        let group = group(self.subscribed_model(user, target)?, target)?;
        let stacked = self.seed.get_mut(&group).ok_or_else(unknown)?;
        stacked.count -= 1;
        if stacked.count == 0 {
            let member = stacked.member;
            self.seed.remove(&group);
            self.hub.leave(&group, member);
        }
        Ok(())
    }

    /// Finds the model of a group that is to be subscribed to.
    fn model(&self, user: &U, target: &Target) -> Result<(ModelId, &Model<U>), Refused> {
        let registry = &self.hub.registry;
        let found = registry.by_label(&target.model);
        let may_subscribe = registry.may_subscribe(user, found.map(|(_, model)| model));
        found.filter(|_| may_subscribe).ok_or_else(|| {
            let label = excerpt(&target.model);
            let message = format!("there is no model `{label}` to subscribe to");
            Refused::new(Reason::UnknownModel, message)
        })
    }

    /// Finds the model of a group that may have been subscribed to. Who has, may always go.
    fn subscribed_model(&self, user: &U, target: &Target) -> Result<(ModelId, &Model<U>), Refused> {
        let found = self.hub.registry.by_label(&target.model);
        let subscribed = found.filter(|(id, _)| self.seed.keys().any(|group| group.model == *id));
        subscribed.map_or_else(|| self.model(user, target), Ok)
    }

    /// Ends the subscriptions to models that the user may not subscribe to, and says so.
    pub(super) fn leave_hidden(&mut self, user: &U) {
        let hub = Arc::clone(&self.hub);
        let is_hidden = |group: &GroupId| {
            let model = hub.registry.model(group.model);
            !hub.registry.may_subscribe(user, Some(model))
        };
        let end = |group: &GroupId, member, name: String| {
            hub.leave(group, member);
            self.outbox.push(Frame::from(format!(
                r#"{{"type":"unsubscribed",{name},"code":404,"reason":"unknown_model"}}"#
            )));
        };
        for (group, stacked) in self.seed.extract_if(|group, _| is_hidden(group)) {
            let name = hub.dispatcher().wire_name(&group);
            end(&group, stacked.member, name);
        }
        let extended = self.extended.extract_if(|_, (group, _)| is_hidden(group));
        for (id, (group, member)) in extended {
            end(&group, member, format!(r#""id":{id}"#));
        }
    }

    pub(super) fn leave_all(&mut self) {
        let seed = self
            .seed
            .drain()
            .map(|(group, stacked)| (group, stacked.member));
        for (group, member) in seed.chain(self.extended.drain().map(|(_, joined)| joined)) {
            self.hub.leave(&group, member);
        }
        self.note_subscriptions();
    }

    /// Says to others how many subscriptions there are.
    pub(super) fn note_subscriptions(&self) {
        let subscriptions = self.seed.len() + self.extended.len();
        self.link.note_subscriptions(subscriptions);
    }
}

/// Finds the group that a client names.
fn group<U>((model, entry): (ModelId, &Model<U>), target: &Target) -> Result<GroupId, Refused> {
    let Target {
        model: label,
        property: names,
        value,
    } = target;
    let property = entry.property(names.as_deref()).ok_or_else(|| {
        let name = names
            .as_ref()
            .map_or_else(|| "pk".to_owned(), |names| names.join(", "));
        let message = format!("`{label}` cannot be subscribed to by `{}`", excerpt(&name));
        Refused::new(Reason::UnknownProperty, message)
    })?;
    let format = &entry.properties[property].format;
    let value = format.parse(value).ok_or_else(|| {
        let value = excerpt(&value.to_string());
        Refused::new(
            Reason::BadValue,
            format!("`{value}` is no value of that property; it takes {format}"),
        )
    })?;
    Ok(GroupId {
        model,
        property,
        value,
    })
}
