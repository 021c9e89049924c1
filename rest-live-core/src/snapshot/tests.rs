use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::fixture::{Note, PANICS, Shelf, World, messages, note, texts};
use crate::limits::Limits;
use crate::session::Session;

const OWNER: i32 = 1;

fn shelf(notes: impl IntoIterator<Item = Note>) -> Shelf {
    let shelf = Shelf::default();
    shelf.lock().notes.extend(notes);
    shelf
}

fn world(shelf: &Shelf) -> World {
    World::with_shelf(Limits::default(), shelf)
}

/// A snapshot of list 1 as the subscription `id`.
fn ask(session: &mut Session<i32>, id: &str) {
    let message =
        json!({"id": id, "model": "app.Note", "property": "list_id", "value": 1, "snapshot": true});
    session.handle_text(&message.to_string());
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    let kind = |message: &Value| match &message["type"] {
        kind if kind == "error" => message["reason"].clone(),
        kind => kind.clone(),
    };
    let known = [
        "snapshot",
        "subscribed",
        "unsubscribed",
        "broadcast",
        "duplicate_id",
        "no_snapshot",
        "snapshot_too_big",
        "snapshot_unavailable",
        "too_many_subscriptions",
        "unknown_subscription",
    ];
    let name = |message| known.into_iter().find(|name| kind(message) == *name);
    messages
        .iter()
        .map(|message| name(message).unwrap_or_else(|| panic!("{message}")))
        .collect()
}

#[test]
fn a_snapshot_its_ack_and_then_what_happens() {
    let shelf = shelf([note()]);
    let mut world = world(&shelf);
    let mut session = world.connect(OWNER);
    world.change(None, Some(note()));
    ask(&mut session, "n");
    assert!(texts(&mut session).unwrap().is_empty(), "it is on its way");
    assert_eq!(world.serve(), 1);
    world.change(Some(note()), None);
    let instance = r#"{"id":7,"list_id":1,"owner":1,"public":false,"text":"t"}"#;
    assert_eq!(
        texts(&mut session).unwrap(),
        [
            format!(
                r#"{{"type":"snapshot","id":"n","model":"app.Note","instances":[{instance}],"more":false}}"#
            ),
            r#"{"type":"subscribed","id":"n","cursor":"1-1","recovered":false}"#.to_owned(),
            format!(
                r#"{{"type":"broadcast","id":"n","model":"app.Note","action":"DELETED","instance":{instance},"cursor":"1-2"}}"#
            ),
        ]
    );
}

#[test]
fn it_shows_what_the_subscriber_may_see_and_nothing_else() {
    let notes = [
        Note { id: 1, ..note() },
        Note {
            id: 2,
            list_id: Some(2),
            ..note()
        },
        Note {
            id: 3,
            owner: 2,
            ..note()
        },
        Note {
            id: 4,
            owner: 2,
            public: true,
            ..note()
        },
        Note {
            id: 5,
            owner: 2,
            public: true,
            text: PANICS.into(),
            ..note()
        },
        Note {
            id: 6,
            list_id: None,
            ..note()
        },
    ];
    let world = world(&shelf(notes));
    let mut session = world.connect(OWNER);
    ask(&mut session, "n");
    world.serve();
    let instances = messages(&mut session)[0]["instances"].clone();
    let (full, short) = (&instances[0], &instances[1]);
    assert_eq!((&full["id"], &full["text"]), (&json!(1), &json!("t")));
    assert_eq!(short, &json!({"id": 4}));
    assert_eq!(instances.as_array().unwrap().len(), 2);
}

#[test]
fn what_is_committed_while_it_is_read_comes_after_it() {
    let shelf = shelf([note()]);
    let world = world(&shelf);
    let mut session = world.connect(OWNER);
    let log = world.log.clone();
    shelf.meanwhile(move || {
        let change = crate::change::Change::new(crate::change::ModelId(0), Some(note()), None);
        log.ticket().commit(vec![change]);
        Ok(())
    });
    ask(&mut session, "n");
    world.serve();
    let all = messages(&mut session);
    assert_eq!(kinds(&all), ["snapshot", "subscribed", "broadcast"]);
    assert_eq!(all[1]["cursor"], "1-0", "not ahead of what follows");
    assert_eq!(all[2]["cursor"], "1-1");
}

#[test]
fn it_is_read_again_when_it_is_not_known_what_changed_meanwhile() {
    for changes in 0..4 {
        let shelf = shelf([note()]);
        let world = world(&shelf);
        for _ in 0..changes {
            let log = world.log.clone();
            shelf.meanwhile(move || {
                let unknown = crate::change::Change::unknown(crate::change::ModelId(0));
                log.ticket().commit(vec![unknown]);
                Ok(())
            });
        }
        let mut session = world.connect(OWNER);
        ask(&mut session, "n");
        world.serve();
        let all = messages(&mut session);
        if changes < 3 {
            assert_eq!(kinds(&all), ["snapshot", "subscribed"]);
            assert_eq!(shelf.lock().reads, changes + 1);
        } else {
            assert_eq!(kinds(&all), ["snapshot_unavailable"]);
            assert_eq!(shelf.lock().reads, 3);
        }
    }
}

#[test]
fn a_cursor_saves_the_snapshot() {
    let shelf = shelf([note()]);
    let mut world = world(&shelf);
    world.change(None, Some(note()));
    for (since, expected) in [
        ("1-0", ["subscribed", "broadcast"].as_slice()),
        ("1-1", &["subscribed"]),
        ("2-0", &["snapshot", "subscribed"]),
        ("nonsense", &["snapshot", "subscribed"]),
    ] {
        let mut session = world.connect(OWNER);
        let message = json!({"id": 1, "model": "app.Note", "property": "list_id", "value": 1, "snapshot": true, "since": since});
        session.handle_text(&message.to_string());
        world.serve();
        let all = messages(&mut session);
        assert_eq!(kinds(&all), expected, "{since}");
        let ack = all.iter().find(|message| message["type"] == "subscribed");
        let is_recovered = since == "1-0" || since == "1-1";
        assert_eq!(ack.unwrap()["recovered"], is_recovered);
    }
}

#[test]
fn a_model_without_a_source_says_what_to_call() {
    let world = World::new(Limits::default());
    let mut session = world.connect(OWNER);
    ask(&mut session, "n");
    let error = messages(&mut session).remove(0);
    assert_eq!((&error["code"], &error["id"]), (&json!(400), &json!("n")));
    assert_eq!(error["reason"], "no_snapshot");
    assert!(error["message"].as_str().unwrap().contains(".snapshots::<"));
    assert_eq!(world.hub.dispatcher().listened_groups(), 0);
}

#[test]
fn a_source_that_fails_or_panics_is_an_error_and_the_next_snapshot_comes() {
    let shelf = shelf([note()]);
    let world = world(&shelf);
    shelf.meanwhile(|| Err("the disk is gone".into()));
    shelf.meanwhile(|| panic!("on purpose"));
    let mut session = world.connect(OWNER);
    for _ in 0..2 {
        ask(&mut session, "n");
        world.serve();
        let error = messages(&mut session).remove(0);
        assert_eq!(
            (&error["code"], &error["reason"], &error["temporary"]),
            (&json!(503), &json!("snapshot_unavailable"), &json!(true))
        );
        assert!(!error.to_string().contains("disk"), "nobody's business");
        assert_eq!(world.hub.dispatcher().listened_groups(), 0);
    }
    ask(&mut session, "n");
    world.serve();
    assert_eq!(
        kinds(&messages(&mut session)),
        ["snapshot", "subscribed"],
        "and the id is free"
    );
}

#[test]
fn a_snapshot_has_bounds() {
    let limits = Limits {
        snapshot_part_bytes: 1000,
        snapshot_bytes: 50_000,
        queue_bytes: 500,
        ..Limits::default()
    };
    let shelf = shelf((0..500).map(|id| Note { id, ..note() }));
    let world = World::with_shelf(limits, &shelf);
    let mut session = world.connect(OWNER);
    ask(&mut session, "n");
    world.serve();
    session.handle_timeout(world.now);
    let all = texts(&mut session).expect("its own snapshot does not make it too slow");
    let (ack, parts) = all.split_last().unwrap();
    assert!(ack.contains("subscribed") && parts.len() > 30);
    assert!(parts.iter().all(|part| part.len() <= 1000));

    shelf
        .lock()
        .notes
        .extend((500..1000).map(|id| Note { id, ..note() }));
    ask(&mut session, "m");
    world.serve();
    let error = messages(&mut session).remove(0);
    assert_eq!(
        (&error["code"], &error["reason"], &error["temporary"]),
        (&json!(413), &json!("snapshot_too_big"), &json!(false))
    );
}

#[test]
fn a_connection_has_one_snapshot_at_a_time() {
    let world = world(&shelf([note()]));
    let (mut first, mut second) = (world.connect(OWNER), world.connect(OWNER));
    ask(&mut first, "a");
    ask(&mut first, "b");
    ask(&mut second, "c");
    assert_eq!(world.serve(), 2, "that of another connection does not wait");
    assert!(first.awaits_snapshot() && !second.awaits_snapshot());
    assert_eq!(kinds(&messages(&mut first)), ["snapshot", "subscribed"]);
    assert_eq!(world.serve(), 1);
    assert_eq!(kinds(&messages(&mut first)), ["snapshot", "subscribed"]);
    assert!(!first.awaits_snapshot());
}

#[test]
fn who_cancels_gets_nothing_any_more() {
    let shelf = shelf([note()]);
    let mut world = world(&shelf);
    let mut session = world.connect(OWNER);
    ask(&mut session, "n");
    session.handle_text(r#"{"type":"unsubscribe","id":"n"}"#);
    assert_eq!((world.serve(), shelf.lock().reads), (0, 0), "not even read");
    world.change(None, Some(note()));
    assert_eq!(kinds(&messages(&mut session)), ["unsubscribed"]);

    world.change(Some(note()), None);
    assert!(messages(&mut session).is_empty());
}

#[test]
fn who_cancels_or_goes_in_the_middle_of_the_read_gets_nothing_either() {
    for is_gone in [true, false] {
        for is_down in [true, false] {
            let shelf = shelf([note()]);
            let mut world = world(&shelf);
            let session = Arc::new(Mutex::new(Some(world.connect(OWNER))));
            ask(session.lock().unwrap().as_mut().unwrap(), "n");
            let cancelling = session.clone();
            shelf.meanwhile(move || {
                let mut session = cancelling.lock().unwrap();
                if is_gone {
                    *session = None;
                } else {
                    let unsubscribe = r#"{"type":"unsubscribe","id":"n"}"#;
                    session.as_mut().unwrap().handle_text(unsubscribe);
                }
                if is_down { Err("down".into()) } else { Ok(()) }
            });
            assert_eq!(world.serve(), 1);
            world.change(None, Some(note()));
            assert_eq!(world.hub.dispatcher().listened_groups(), 0);
            if let Some(session) = session.lock().unwrap().as_mut() {
                assert_eq!(kinds(&messages(session)), ["unsubscribed"]);
            }
        }
    }
}

#[test]
fn who_goes_away_leaves_nothing_behind() {
    let shelf = shelf([note()]);
    let world = world(&shelf);
    let mut session = world.connect(OWNER);
    (0..10).for_each(|id| ask(&mut session, &id.to_string()));
    assert_eq!(world.hub.dispatcher().listened_groups(), 10);
    drop(session);
    assert_eq!(world.hub.dispatcher().listened_groups(), 0);
    assert_eq!((world.serve(), shelf.lock().reads), (0, 0));
}

#[test]
fn a_subscription_counts_from_the_moment_it_is_asked_for() {
    let limits = Limits {
        subscriptions: 1,
        ..Limits::default()
    };
    let shelf = shelf([note()]);
    let world = World::with_shelf(limits, &shelf);
    let mut session = world.connect(OWNER);
    ask(&mut session, "n");
    ask(&mut session, "n");
    ask(&mut session, "m");
    assert_eq!(
        kinds(&messages(&mut session)),
        ["duplicate_id", "too_many_subscriptions"]
    );
    shelf.meanwhile(|| Err("down".into()));
    world.serve();
    // What came to nothing counts no more, and cannot be unsubscribed.
    session.handle_text(r#"{"type":"unsubscribe","id":"n"}"#);
    ask(&mut session, "m");
    world.serve();
    assert_eq!(
        kinds(&messages(&mut session)),
        [
            "snapshot_unavailable",
            "unknown_subscription",
            "snapshot",
            "subscribed"
        ]
    );
}
