//! Known traffic, and the figures of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::Stats;
use crate::fixture::{Shelf, World, messages, note, texts};
use crate::limits::Limits;
use crate::session::{CloseReason, Session};

fn stats(world: &World) -> Stats {
    world.hub.stats(world.now)
}

fn by_list(id: Value) -> Value {
    json!({"id": id, "model": "app.Note", "property": "list_id", "value": 1})
}

fn send(session: &mut Session<i32>, message: &Value) -> Vec<Value> {
    session.handle_text(&message.to_string());
    messages(session)
}

#[test]
fn nothing_has_happened_at_first_and_every_name_is_there() {
    let stats = stats(&World::new(Limits::default()));
    assert_eq!((stats.connections, stats.opened, stats.left), (0, 0, 0));
    assert_eq!((stats.closed.len(), stats.refused.len()), (11, 16));
    assert_eq!(stats.closed.values().sum::<u64>(), 0);
    assert_eq!(stats.refused["unknown_model"], 0);
    assert_eq!(stats.events["app.Note"].total(), 0);
}

#[test]
fn connections_and_what_they_are_subscribed_to_come_and_go() {
    let world = World::new(Limits::default());
    let (mut one, mut two) = (world.connect(1), world.connect(2));
    for message in [by_list(json!(1)), by_list(json!(2))] {
        send(&mut one, &message);
        send(&mut two, &message);
    }
    send(&mut one, &json!({"model": "app.Note", "value": 7}));
    let now = stats(&world);
    assert_eq!((now.connections, now.subscriptions, now.groups), (2, 5, 2));
    send(&mut one, &json!({"type": "unsubscribe", "id": 1}));
    assert_eq!(stats(&world).subscriptions, 4);
    drop(one);
    let now = stats(&world);
    assert_eq!((now.connections, now.subscriptions, now.groups), (1, 2, 1));
    assert_eq!((now.opened, now.left), (2, 1));
    drop(two);
    let now = stats(&world);
    assert_eq!((now.connections, now.subscriptions, now.groups), (0, 0, 0));
    assert_eq!((now.opened, now.left), (2, 2));
}

#[test]
fn changes_count_once_and_deliveries_for_each_who_is_told() {
    let mut world = World::new(Limits::default());
    let mut sessions = [1, 1, 2].map(|user| world.connect(user));
    for session in &mut sessions {
        send(session, &by_list(json!(1)));
    }
    world.commit([(None, Some(note())), (Some(note()), Some(note()))]);
    world.change(Some(note()), None);
    world.commit_unknown();
    world.dispatch();
    let now = stats(&world);
    let events = now.events["app.Note"];
    assert_eq!((events.created, events.updated), (1, 1));
    assert_eq!((events.deleted, events.unknown), (1, 1));
    assert_eq!(now.commits, 3);
    assert_eq!(now.deliveries, 6, "the third may not see the note");
    assert_eq!(now.resyncs, 3);
    assert_eq!((now.log.position, now.log.changes), (4, 4));
    assert_eq!(now.log.backlog_changes, 0);
}

#[test]
fn what_waits_is_seen_until_it_is_told_and_read() {
    let mut world = World::new(Limits::default());
    let mut session = world.connect(1);
    send(&mut session, &by_list(json!(1)));
    world.commit([(None, Some(note()))]);
    world.commit([(None, Some(note())), (None, Some(note()))]);
    // The log has a clock of its own, which a moment has passed on.
    let later = std::time::Instant::now() + Duration::from_secs(2);
    let log = world.hub.stats(later).log;
    assert_eq!(log.backlog_changes, 3);
    assert_eq!((log.backlog_bytes, log.lag), (log.bytes, log.age));
    assert!((2..20).contains(&log.lag.as_secs()), "{log:?}");
    world.dispatch();
    let now = world.hub.stats(later);
    let mut queue_bytes = now.queue_bytes;
    assert!(queue_bytes > 3 * 100, "{queue_bytes}");
    assert_eq!((now.log.backlog_changes, now.log.lag), (0, Duration::ZERO));
    for _ in 0..3 {
        assert!(session.poll_output().is_some());
        let left = stats(&world).queue_bytes;
        assert!(left < queue_bytes);
        queue_bytes = left;
    }
    assert_eq!(queue_bytes, 0);
}

#[test]
fn who_comes_back_resumes_or_does_not() {
    let mut world = World::new(Limits::default());
    let mut session = world.connect(1);
    let cursor = send(&mut session, &by_list(json!(1)))[0]["cursor"].clone();
    world.change(None, Some(note()));
    let resume = |id: i32, since: &Value| {
        let mut message = by_list(json!(id));
        message["since"] = since.clone();
        message
    };
    assert_eq!(send(&mut session, &resume(2, &cursor)).len(), 3);
    send(&mut session, &resume(3, &json!("1-ffff")));
    let now = stats(&world);
    assert_eq!((now.resumed, now.not_resumed), (1, 1));
    assert_eq!(now.deliveries, 2, "one live, and the one that was missed");
}

#[test]
fn a_snapshot_is_awaited_and_then_sent_or_refused() {
    let shelf = Shelf::default();
    let world = World::with_shelf(Limits::default(), &shelf);
    let mut session = world.connect(1);
    let mut ask = by_list(json!(1));
    ask["snapshot"] = json!(true);
    send(&mut session, &ask);
    let now = stats(&world);
    assert_eq!((now.awaited_snapshots, now.subscriptions), (1, 0));
    assert_eq!(world.serve(), 1);
    let now = stats(&world);
    assert_eq!((now.awaited_snapshots, now.subscriptions), (0, 1));
    assert_eq!((now.snapshots, now.deliveries), (1, 0));
    messages(&mut session);

    shelf.meanwhile(|| Err("no database".into()));
    ask["id"] = json!(2);
    send(&mut session, &ask);
    assert_eq!(world.serve(), 1);
    assert_eq!(stats(&world).refused["snapshot_unavailable"], 1);
    assert_eq!(stats(&world).snapshots, 1);
}

#[test]
fn what_is_refused_counts_by_its_reason() {
    let world = World::new(Limits::default());
    let mut session = world.connect(1);
    for message in ["", "{", "[]"] {
        session.handle_text(message);
    }
    session.handle_binary();
    send(&mut session, &json!({"model": "app.None", "value": 1}));
    let refused = stats(&world).refused;
    let counts = ["bad_json", "bad_message", "unknown_model"].map(|reason| refused[reason]);
    assert_eq!(counts, [2, 2, 1]);
    assert_eq!(refused.values().sum::<u64>(), 5);
}

#[test]
fn who_is_closed_counts_by_the_code_and_has_not_left() {
    let mut world = World::new(Limits {
        queue_bytes: 1000,
        ..Limits::default()
    });
    let (mut slow, mut idle) = (world.connect(1), world.connect(1));
    send(&mut slow, &by_list(json!(1)));
    for _ in 0..50 {
        world.change(None, Some(note()));
    }
    slow.handle_timeout(world.now);
    assert_eq!(texts(&mut slow), Err(CloseReason::SlowConsumer));
    idle.close(CloseReason::Expired, world.now);
    idle.close(CloseReason::NoPong, world.now);
    drop((slow, idle));
    let now = stats(&world);
    let counts = [4508, 4003, 4512].map(|code| now.closed[&code]);
    assert_eq!((counts, now.left), ([1, 1, 0], 0));
}

#[test]
fn it_is_json() {
    let mut world = World::new(Limits::default());
    world.change(None, Some(note()));
    let json = serde_json::to_value(stats(&world)).unwrap();
    assert_eq!(json["events"]["app.Note"]["created"], 1);
    assert_eq!(json["closed"]["4508"], 0);
    assert_eq!(json["log"]["lag"], 0.0);
}
