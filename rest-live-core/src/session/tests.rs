mod identity;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::fixture::{World, messages, note, texts};
use crate::limits::Limits;

fn world() -> World {
    World::new(Limits::default())
}

/// Somebody who is known until then.
fn until(user: i32, expires: Instant) -> Who<i32> {
    Who::Known(Identity {
        user: Arc::new(user),
        expires: Some(expires),
    })
}

fn by_list(value: Value) -> Value {
    json!({"model": "app.Note", "property": "list_id", "value": value})
}

fn unsubscribe(mut message: Value) -> Value {
    message["unsubscribe"] = true.into();
    message
}

/// Sends messages, and gives all that comes back.
fn send(session: &mut Session<i32>, all: impl IntoIterator<Item = Value>) -> Vec<Value> {
    all.into_iter()
        .for_each(|message| session.handle_text(&message.to_string()));
    messages(session)
}

fn errors(answers: &[Value]) -> Vec<(u64, &str)> {
    answers
        .iter()
        .map(|answer| {
            assert_eq!(
                (&answer["type"], &answer["temporary"]),
                (&json!("error"), &json!(answer["code"] == 429)),
                "{answer}"
            );
            (
                answer["code"].as_u64().unwrap(),
                answer["reason"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn the_seed_form_has_exactly_three_keys_in_their_order() {
    let mut world = world();
    let mut session = world.connect(1);
    assert!(
        send(&mut session, [by_list(json!(1))]).is_empty(),
        "the seed form has no ack"
    );
    world.change(None, Some(note()));
    let instance = r#"{"id":7,"list_id":1,"owner":1,"public":false,"text":"t"}"#;
    assert_eq!(
        texts(&mut session).unwrap(),
        [format!(
            r#"{{"model":"app.Note","instance":{instance},"action":"CREATED"}}"#
        )]
    );
}

#[test]
fn the_extended_form_acknowledges_and_labels() {
    let mut world = world();
    let mut session = world.connect(1);
    world.change(None, Some(note()));
    let mut message = by_list(json!(1));
    message["id"] = json!("a\"b");
    session.handle_text(&message.to_string());
    world.change(Some(note()), None);
    session.handle_text(r#"{"type":"unsubscribe","id":"a\"b"}"#);
    let instance = r#"{"id":7,"list_id":1,"owner":1,"public":false,"text":"t"}"#;
    assert_eq!(
        texts(&mut session).unwrap(),
        [
            r#"{"type":"subscribed","id":"a\"b","cursor":"1-1","recovered":false}"#.to_owned(),
            format!(
                r#"{{"type":"broadcast","id":"a\"b","model":"app.Note","action":"DELETED","instance":{instance},"cursor":"1-2"}}"#
            ),
            r#"{"type":"unsubscribed","id":"a\"b","code":0,"reason":"requested"}"#.to_owned(),
        ]
    );
    world.change(None, Some(note()));
    assert!(messages(&mut session).is_empty());
}

#[test]
fn the_primary_key_has_many_names() {
    let mut world = world();
    for property in [
        None,
        Some(json!("pk")),
        Some(json!("id")),
        Some(json!(["id"])),
    ] {
        let mut session = world.connect(2);
        let mut message = json!({"model": "app.Note", "value": "7"});
        if let Some(property) = &property {
            message["property"] = property.clone();
        }
        assert!(send(&mut session, [message.clone()]).is_empty());
        world.change(None, Some(note()));
        assert_eq!(messages(&mut session).len(), 1, "{property:?}");
        // Whatever name it was subscribed by, it is one group.
        let message =
            json!({"model": "app.Note", "property": "pk", "value": 7, "unsubscribe": true});
        assert!(send(&mut session, [message]).is_empty());
        world.change(None, Some(note()));
        assert!(messages(&mut session).is_empty());
    }
}

#[test]
fn subscribing_twice_delivers_once_and_takes_two_unsubscribes() {
    let mut world = world();
    let mut session = world.connect(1);
    let mut received = |session: &mut Session<i32>| {
        world.change(None, Some(note()));
        messages(session).len()
    };
    assert!(send(&mut session, [by_list(json!(1)), by_list(json!("1"))]).is_empty());
    assert_eq!(received(&mut session), 1);
    assert!(send(&mut session, [unsubscribe(by_list(json!(1)))]).is_empty());
    assert_eq!(received(&mut session), 1);
    assert!(send(&mut session, [unsubscribe(by_list(json!(1)))]).is_empty());
    assert_eq!(received(&mut session), 0);
    let answers = send(&mut session, [unsubscribe(by_list(json!(1)))]);
    assert_eq!(errors(&answers), [(404, "unknown_subscription")]);
}

#[test]
fn two_groups_of_one_row_deliver_two_messages() {
    let mut world = world();
    let mut session = world.connect(1);
    let by_id = json!({"model": "app.Note", "value": 7});
    let composite = json!({"model": "app.Note", "property": ["list_id", "owner"], "value": [1, 1]});
    let extended = json!({"id": 1, "model": "app.Note", "property": "list_id", "value": 1});
    let again = json!({"id": 2, "model": "app.Note", "property": "list_id", "value": 1});
    assert_eq!(
        send(
            &mut session,
            [by_list(json!(1)), by_id, composite, extended, again]
        )
        .len(),
        2,
        "two acks"
    );
    world.change(None, Some(note()));
    assert_eq!(messages(&mut session).len(), 5);
}

#[test]
fn a_mistake_gets_its_error_and_the_connection_lives() {
    let mut world = world();
    let mut session = world.connect(1);
    let cases = [
        ("{", (400, "bad_json")),
        ("[]", (400, "bad_message")),
        (r#"{"value":1}"#, (400, "bad_message")),
        (r#"{"model":"app.Nope","value":1}"#, (404, "unknown_model")),
        (
            r#"{"model":"app.Note","property":"text","value":1}"#,
            (400, "unknown_property"),
        ),
        (
            r#"{"model":"app.Note","property":["owner","list_id"],"value":[1,1]}"#,
            (400, "unknown_property"),
        ),
        (
            r#"{"model":"app.Note","property":[],"value":[]}"#,
            (400, "unknown_property"),
        ),
        (
            r#"{"model":"app.Note","property":"list_id","value":"x"}"#,
            (400, "bad_value"),
        ),
        (
            r#"{"model":"app.Note","property":"pk","value":null}"#,
            (400, "bad_value"),
        ),
        (
            r#"{"model":"app.Note","property":["list_id","owner"],"value":1}"#,
            (400, "bad_value"),
        ),
        (
            r#"{"model":"app.Note","value":1,"unsubscribe":true}"#,
            (404, "unknown_subscription"),
        ),
        (
            r#"{"type":"unsubscribe","id":"never"}"#,
            (404, "unknown_subscription"),
        ),
    ];
    for (text, expected) in cases {
        session.handle_text(text);
        assert_eq!(errors(&messages(&mut session)), [expected], "{text}");
    }
    session.handle_binary();
    assert_eq!(errors(&messages(&mut session)), [(400, "bad_message")]);
    let answers = send(&mut session, [by_list(json!(1))]);
    assert!(answers.is_empty());
    world.change(None, Some(note()));
    assert_eq!(messages(&mut session).len(), 1);
}

#[test]
fn an_error_says_which_message_and_what_to_do() {
    let world = world();
    let mut session = world.connect(1);
    session.handle_text(r#"{"id":"t1","model":"app.Note","property":"list_id","value":{"a":1}}"#);
    assert_eq!(
        texts(&mut session).unwrap(),
        [concat!(
            r#"{"type":"error","id":"t1","code":400,"reason":"bad_value","#,
            r#""message":"`{\"a\":1}` is no value of that property; it takes Option<i32>","temporary":false}"#
        )]
    );
}

#[test]
fn who_may_not_subscribe_to_a_model_does_not_learn_that_it_exists() {
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = Arc::clone(&asked);
    let world = World::of(Limits::default(), |registry| {
        registry.ask_before_subscribing(move |user, label| {
            asks.fetch_add(1, Ordering::Relaxed);
            assert_eq!(label, "app.Note", "no label that a client made up");
            assert!(*user != 666, "which counts as no");
            *user == 1
        });
    });
    let good = json!({"id": 1, "model": "app.Note", "value": 7});
    let messages = [
        json!({"model": "app.Note", "value": 7}),
        good.clone(),
        json!({"id": 1, "model": "app.Note", "value": 7, "snapshot": true}),
        json!({"id": 1, "model": "app.Note", "value": "x"}),
        json!({"id": 1, "model": "app.Note", "property": "nope", "value": 7}),
        json!({"model": "app.Note", "value": 7, "unsubscribe": true}),
    ]
    .map(|message| message.to_string());
    for user in [2, 666] {
        let mut session = world.connect(user);
        for message in &messages {
            let mut answer = |label| {
                let before = asked.load(Ordering::Relaxed);
                session.handle_text(&message.replace("app.Note", label));
                let answer = texts(&mut session).unwrap().concat();
                assert_eq!(asked.load(Ordering::Relaxed) - before, 1, "{label}");
                answer
            };
            let (hidden, unknown) = (answer("app.Note"), answer("app.Nope"));
            assert!(hidden.contains(r#""reason":"unknown_model""#), "{hidden}");
            assert_eq!(hidden.replace("app.Note", "app.Nope"), unknown);
        }
    }
    let mut session = world.connect(1);
    assert_eq!(send(&mut session, [good])[0]["type"], "subscribed");
}

#[test]
fn who_loses_a_model_can_unsubscribe_from_it() {
    let may = Arc::new(AtomicUsize::new(1));
    let asked = Arc::clone(&may);
    let world = World::of(Limits::default(), |registry| {
        registry.ask_before_subscribing(move |_, _| asked.load(Ordering::Relaxed) == 1);
    });
    let mut session = world.connect(1);
    assert!(send(&mut session, [by_list(json!(1))]).is_empty());
    may.store(0, Ordering::Relaxed);
    let answers = send(&mut session, [by_list(json!(2))]);
    assert_eq!(errors(&answers), [(404, "unknown_model")]);
    assert!(send(&mut session, [unsubscribe(by_list(json!(1)))]).is_empty());
    assert_eq!(world.hub.dispatcher().listened_groups(), 0);
    let answers = send(&mut session, [by_list(json!(1))]);
    assert_eq!(errors(&answers), [(404, "unknown_model")]);
}

#[test]
fn an_id_is_taken_until_it_is_unsubscribed() {
    let world = world();
    let mut session = world.connect(1);
    let subscribe = |id: Value, list| json!({"id": id, "model": "app.Note", "property": "list_id", "value": list});
    let answers = send(
        &mut session,
        [
            subscribe(json!("1"), 1),
            subscribe(json!(1), 1),
            subscribe(json!("1"), 2),
        ],
    );
    assert_eq!(answers[0]["type"], "subscribed");
    assert_eq!(answers[1]["type"], "subscribed", "a string is not a number");
    assert_eq!(errors(&answers[2..]), [(409, "duplicate_id")]);
    assert_eq!(answers[2]["id"], "1");
    let answers = send(
        &mut session,
        [
            json!({"id": "1", "unsubscribe": true}),
            subscribe(json!("1"), 2),
        ],
    );
    assert_eq!(answers[1]["type"], "subscribed");
}

#[test]
fn a_connection_has_so_many_subscriptions() {
    let world = World::new(Limits {
        subscriptions: 2,
        ..Limits::default()
    });
    let mut session = world.connect(1);
    let extended = json!({"id": 1, "model": "app.Note", "value": 1});
    assert_eq!(
        send(
            &mut session,
            [by_list(json!(1)), by_list(json!(1)), extended]
        )
        .len(),
        1
    );
    let answers = send(
        &mut session,
        [
            by_list(json!(2)),
            json!({"id": 2, "model": "app.Note", "value": 1}),
        ],
    );
    assert_eq!(errors(&answers), [(429, "too_many_subscriptions"); 2]);
    assert!(
        send(&mut session, [by_list(json!(1))]).is_empty(),
        "one that it has can be stacked"
    );
    assert_eq!(
        send(
            &mut session,
            [json!({"id": 1, "unsubscribe": true}), by_list(json!(2))]
        )
        .len(),
        1
    );
}

#[test]
fn a_message_has_so_many_bytes() {
    let world = World::new(Limits {
        message_bytes: 100,
        ..Limits::default()
    });
    let mut session = world.connect(1);
    session.handle_text(&format!("{{\"x\":\"{}\"}}", "x".repeat(92)));
    session.handle_text(&format!("{{\"x\":\"{}\"}}", "x".repeat(93)));
    assert_eq!(
        errors(&messages(&mut session)),
        [(400, "bad_message"), (413, "message_too_big")]
    );
}

#[test]
fn pings_are_sent_and_must_be_answered() {
    let mut world = world();
    let mut session = world.connect(1);
    let Limits {
        ping_every,
        pong_within,
        close_within,
        ..
    } = Limits::default();
    let a_bit = Duration::from_millis(1);

    world.pass(ping_every - a_bit);
    session.handle_timeout(world.now);
    assert_eq!(session.poll_output(), None);
    world.pass(a_bit);
    assert_eq!(session.poll_timeout(), world.now);
    session.handle_timeout(world.now);
    assert_eq!(session.poll_output(), Some(Output::Ping));
    world.pass(pong_within - a_bit);
    session.handle_pong(world.now);
    session.handle_timeout(world.now + a_bit);
    assert_eq!(session.poll_output(), None, "answered in time");

    world.pass(ping_every);
    session.handle_timeout(world.now);
    assert_eq!(session.poll_output(), Some(Output::Ping));
    world.pass(pong_within);
    session.handle_timeout(world.now);
    assert_eq!(
        session.poll_output(),
        Some(Output::Close(CloseReason::NoPong))
    );
    assert_eq!((session.poll_output(), session.is_over()), (None, false));
    assert_eq!(session.poll_timeout(), world.now + close_within);
    world.pass(close_within);
    session.handle_timeout(world.now);
    assert!(session.is_over());
}

#[test]
fn a_session_ends_when_its_user_has_to_say_again_who_he_is() {
    let mut world = world();
    let a_bit = Duration::from_millis(1);
    let expires = world.now + Duration::from_secs(10);
    let mut session = Session::new(Arc::clone(&world.hub), until(1, expires), world.now);
    assert!(send(&mut session, [by_list(json!(1))]).is_empty());
    assert_eq!(session.poll_timeout(), expires, "before the first ping");
    session.handle_timeout(expires - a_bit);
    world.change(None, Some(note()));
    assert_eq!(messages(&mut session).len(), 1, "it is not over yet");

    world.change(None, Some(note()));
    session.handle_timeout(expires);
    assert_eq!(
        texts(&mut session),
        Err(CloseReason::Expired),
        "what he was not yet told he is not told any more"
    );
    assert_eq!(
        CloseReason::Expired.code(),
        (4003, "authentication expired".into())
    );
    assert_eq!(world.hub.dispatcher().listened_groups(), 0);
    assert_eq!(
        session.poll_timeout(),
        expires + Limits::default().close_within
    );
}

#[test]
fn who_stays_long_is_pinged_all_the_same() {
    let world = world();
    let expires = world.now + Duration::from_secs(60 * 60);
    let session = Session::new(Arc::clone(&world.hub), until(1, expires), world.now);
    assert_eq!(
        session.poll_timeout(),
        world.now + Limits::default().ping_every
    );
}

#[test]
fn who_reads_too_slowly_is_closed_and_hurts_nobody() {
    let mut world = World::new(Limits {
        queue_bytes: 1000,
        ..Limits::default()
    });
    let mut slow = world.connect(1);
    let mut quick = world.connect(1);
    for session in [&mut slow, &mut quick] {
        assert!(send(session, [by_list(json!(1))]).is_empty());
    }
    for _ in 0..50 {
        world.change(None, Some(note()));
        assert_eq!(messages(&mut quick).len(), 1);
    }
    slow.handle_timeout(world.now);
    assert_eq!(texts(&mut slow), Err(CloseReason::SlowConsumer));
    assert_eq!(CloseReason::SlowConsumer.code().0, 4508);
}

#[test]
fn who_leaves_is_forgotten() {
    let world = world();
    let mut session = world.connect(1);
    send(
        &mut session,
        [
            by_list(json!(1)),
            json!({"id": 1, "model": "app.Note", "value": 1}),
        ],
    );
    assert_eq!(world.hub.dispatcher().listened_groups(), 2);
    drop(session);
    assert_eq!(world.hub.dispatcher().listened_groups(), 0);
}
