//! Users whose rights change while they are subscribed.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::*;
use crate::connections::{Identity, Order};
use crate::live::Hub;

/// Somebody with a page, and the session that it has now.
#[derive(Default)]
struct Viewer {
    user: i32,
    page: Page,
    session: Option<Session<i32>>,
    is_subscribed: bool,
    /// As whom it may be told what it has not received yet.
    allowed: Vec<i32>,
    /// Whether the page was exact when it subscribed.
    was_exact: bool,
}

#[derive(Debug, Clone)]
enum Rights {
    Step(Step),
    Unsubscribe(usize),
    Become(usize, i32),
    LookAgain(usize),
    /// The next read is one of a database that is down.
    Fail,
    /// While the next snapshot is read, somebody becomes another, and perhaps events are told.
    BecomeMeanwhile(usize, i32, bool),
}

fn rights() -> impl Strategy<Value = Rights> {
    let (viewer, user) = (0..3_usize, 1..4_i32);
    prop_oneof![
        12 => step().prop_map(Rights::Step),
        1 => viewer.clone().prop_map(Rights::Unsubscribe),
        4 => (viewer.clone(), user.clone()).prop_map(|(at, user)| Rights::Become(at, user)),
        1 => viewer.clone().prop_map(Rights::LookAgain),
        1 => Just(Rights::Fail),
        2 => (viewer, user, any::<bool>()).prop_map(|(at, user, tells)| Rights::BecomeMeanwhile(at, user, tells)),
    ]
}

impl Viewer {
    fn new(user: i32) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }

    /// The user whose rights count for what is told now.
    fn in_force(&self, hub: &Hub<i32>) -> Option<i32> {
        let outbox = self.session.as_ref()?.outbox();
        let dispatcher = hub.dispatcher();
        let mut members = dispatcher.groups.values().flat_map(|group| group.values());
        let armed = members.find(|armed| Arc::ptr_eq(&armed.member.outbox, outbox))?;
        Some(*armed.member.user)
    }

    /// Notes whose rights count now.
    fn note_in_force(&mut self, hub: &Hub<i32>) {
        self.allowed.extend(self.in_force(hub));
    }

    fn order(&mut self, hub: &Hub<i32>, now: Instant, order: Order<i32>) {
        self.note_in_force(hub);
        let Some(session) = &mut self.session else {
            return;
        };
        if let Order::Become(identity) = &order {
            self.user = *identity.user;
        }
        let user = Arc::clone(session.user().unwrap());
        let mut links = hub.connections.chosen(|other| std::ptr::eq(other, &*user));
        links.next().unwrap().order(order);
        session.handle_timeout(now);
    }

    /// Loses the connection. What a change of rights would have told is lost with it: no cursor
    /// brings it back.
    fn go(&mut self, hub: &Hub<i32>) {
        if self.in_force(hub) != Some(self.user) {
            self.page.cursor = None;
        }
        self.session = None;
        self.is_subscribed = false;
    }

    fn subscribe(&mut self, world: &World, snapshot: bool) {
        if self.is_subscribed {
            return;
        }
        let user = self.user;
        let session = self.session.get_or_insert_with(|| world.connect(user));
        let mut message = json!({"id": "n", "model": "app.Note", "property": "list_id", "value": 1, "snapshot": snapshot});
        if let Some(cursor) = &self.page.cursor {
            message["since"] = cursor.as_str().into();
        }
        self.page.arriving.clear();
        session.handle_text(&message.to_string());
        self.is_subscribed = true;
        self.was_exact = std::mem::take(&mut self.page.is_exact);
    }

    fn unsubscribe(&mut self) {
        if let Some(session) = &mut self.session
            && self.is_subscribed
        {
            session.handle_text(r#"{"type":"unsubscribe","id":"n"}"#);
            self.is_subscribed = false;
            self.page.cursor = None;
        }
    }

    /// Applies what came.
    fn receive(&mut self, world: &World, database: &[Note]) {
        self.note_in_force(&world.hub);
        let allowed = std::mem::take(&mut self.allowed);
        let Some(session) = &mut self.session else {
            return;
        };
        session.handle_timeout(world.now);
        let Ok(texts) = texts(session) else {
            return self.go(&world.hub);
        };
        for message in parsed(&texts) {
            for instance in message["instances"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(message.get("instance"))
            {
                let owner = instance.get("owner").and_then(Value::as_i64);
                let is_allowed =
                    owner.is_none_or(|owner| allowed.iter().any(|user| i64::from(*user) == owner));
                assert!(is_allowed, "{message} for one of {allowed:?}");
            }
            match message["type"].as_str() {
                Some("error") => {
                    assert_eq!(message["reason"], "snapshot_unavailable");
                    self.is_subscribed = false;
                    self.page.cursor = None;
                }
                Some("unsubscribed") => {}
                kind => {
                    if kind == Some("subscribed") && message["recovered"] == true {
                        self.page.is_exact = self.was_exact;
                    }
                    self.page.apply(vec![message], database, self.user);
                }
            }
        }
    }
}

type Viewers = Arc<Mutex<Vec<Viewer>>>;

fn lock(viewers: &Viewers) -> MutexGuard<'_, Vec<Viewer>> {
    viewers.lock().unwrap()
}

fn become_order(user: i32) -> Order<i32> {
    Order::Become(Identity {
        user: Arc::new(user),
        expires: None,
    })
}

/// While the next snapshot is read, a row comes, and somebody becomes another.
fn become_meanwhile(
    world: &World,
    shelf: &Shelf,
    viewers: &Viewers,
    (at, user, tells): (usize, i32, bool),
) {
    let (viewers, hub, now, dispatch) = (
        Arc::clone(viewers),
        Arc::clone(&world.hub),
        world.now,
        world.dispatching(),
    );
    shelf.meanwhile(move || {
        if tells {
            dispatch();
        }
        lock(&viewers)[at].order(&hub, now, become_order(user));
        Ok(())
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Whatever is written and whoever becomes somebody else, whenever: nobody is told what neither
    /// the one nor the other may see, and at rest every page shows what its user would read now.
    #[test]
    fn a_page_shows_what_its_user_may_see_now(
        steps in prop::collection::vec(rights(), 1..60),
        log_changes in 0..12_usize,
        has_snapshots in any::<bool>(),
    ) {
        let shelf = Shelf::default();
        let limits = Limits { log_changes, queue_bytes: 3000, snapshot_part_bytes: 200, ..Limits::default() };
        let mut world = match has_snapshots {
            true => World::with_shelf(limits, &shelf),
            false => World::new(limits),
        };
        let viewers: Viewers = Arc::new(Mutex::new([1, 2, 3].map(Viewer::new).into()));
        let end = [Step::Dispatch].into_iter().chain((0..3).map(Step::Connect));
        let end = end.chain([Step::Serve(Vec::new()), Step::Dispatch, Step::Serve(Vec::new())]);
        let steps = steps.into_iter().chain(end.map(Rights::Step));
        for step in steps {
            lock(&viewers).iter_mut().for_each(|viewer| viewer.note_in_force(&world.hub));
            match step {
                Rights::Step(Step::Commit(writes)) => {
                    let changes = write(&mut shelf.lock().notes, writes);
                    world.commit(changes.into_iter().filter(|(old, new)| old != new));
                }
                Rights::Step(Step::Lose(writes)) => {
                    write(&mut shelf.lock().notes, writes);
                    world.commit_unknown();
                }
                Rights::Step(Step::Dispatch) => world.dispatch(),
                Rights::Step(Step::Serve(writes)) => {
                    if !writes.is_empty() {
                        write_meanwhile(&world, &shelf, writes);
                    }
                    world.serve();
                }
                Rights::Step(Step::Disconnect(at)) => lock(&viewers)[at].go(&world.hub),
                Rights::Step(Step::Connect(at)) => lock(&viewers)[at].subscribe(&world, false),
                Rights::Step(Step::ConnectWithSnapshot(at)) => lock(&viewers)[at].subscribe(&world, has_snapshots),
                Rights::Unsubscribe(at) => lock(&viewers)[at].unsubscribe(),
                Rights::Become(at, user) => lock(&viewers)[at].order(&world.hub, world.now, become_order(user)),
                Rights::LookAgain(at) => lock(&viewers)[at].order(&world.hub, world.now, Order::LookAgain),
                Rights::Fail => shelf.meanwhile(|| Err("down".into())),
                Rights::BecomeMeanwhile(at, user, tells) => become_meanwhile(&world, &shelf, &viewers, (at, user, tells)),
            }
            for viewer in lock(&viewers).iter_mut() {
                viewer.receive(&world, &shelf.notes());
            }
        }
        // A source that was to fail only now has refused somebody: he comes again.
        shelf.lock().meanwhile.clear();
        for step in 0..3 {
            world.dispatch();
            lock(&viewers).iter_mut().for_each(|viewer| viewer.note_in_force(&world.hub));
            world.serve();
            for viewer in lock(&viewers).iter_mut() {
                viewer.subscribe(&world, step == 0 && has_snapshots);
                viewer.note_in_force(&world.hub);
                viewer.receive(&world, &shelf.notes());
            }
        }
        for viewer in &*lock(&viewers) {
            prop_assert_eq!(viewer.in_force(&world.hub), Some(viewer.user));
            prop_assert_eq!(&viewer.page.rows, &shown(&shelf.notes(), viewer.user), "user {}", viewer.user);
        }
    }
}
