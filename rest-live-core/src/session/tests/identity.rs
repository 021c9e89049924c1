//! Who the user is, and what he is ordered to do.

use super::*;
use crate::connections::Order;
use crate::fixture::Shelf;

fn becomes(user: i32, expires: Option<Instant>) -> Order<i32> {
    Order::Become(Identity {
        user: Arc::new(user),
        expires,
    })
}

fn order(world: &World, order: Order<i32>) {
    world.hub.connections.all()[0].order(order);
}

/// All that a session says until it is closed, and why it is.
fn last_words(session: &mut Session<i32>) -> (Vec<Value>, Option<CloseReason>) {
    let mut told = Vec::new();
    while let Some(output) = session.poll_output() {
        match output {
            Output::Text(frame) => told.push(serde_json::from_str(&frame.text()).unwrap()),
            Output::Close(reason) => return (told, Some(reason)),
            Output::Ping | Output::Authenticate(_) => {}
        }
    }
    (told, None)
}

fn unknown(world: &World) -> Session<i32> {
    let by = world.now + Duration::from_secs(5);
    Session::new(Arc::clone(&world.hub), Who::Unknown { by }, world.now)
}

fn claim(session: &mut Session<i32>, token: &str) -> Option<Output> {
    session.handle_text(&json!({"type": "auth", "token": token}).to_string());
    session.poll_output()
}

#[test]
fn who_is_to_go_does_nothing_else() {
    let orders: [fn() -> Order<i32>; 3] = [
        || becomes(2, None),
        || Order::LookAgain,
        || Order::Close(CloseReason::NoPong),
    ];
    for later in orders {
        let world = world();
        let mut session = world.connect(1);
        order(&world, becomes(3, None));
        order(&world, Order::Close(CloseReason::Revoked));
        order(&world, later());
        session.handle_timeout(world.now);
        assert_eq!(
            last_words(&mut session),
            (vec![], Some(CloseReason::Revoked))
        );
        order(&world, later());
        session.handle_timeout(world.now);
        assert_eq!(session.user().map(|user| **user), Some(1));
        order(&world, Order::Drop);
        session.handle_timeout(world.now);
        assert!(session.is_over());
    }
}

#[test]
fn who_is_revoked_is_told_nothing_any_more() {
    let mut world = world();
    let mut session = world.connect(1);
    send(&mut session, [by_list(json!(1))]);
    world.change(None, Some(note()));
    order(&world, Order::Close(CloseReason::Revoked));
    // Its task has not looked yet.
    world.change(Some(note()), None);
    session.handle_timeout(world.now);
    assert_eq!(
        last_words(&mut session),
        (vec![], Some(CloseReason::Revoked))
    );
}

#[test]
fn who_is_closed_for_another_reason_is_told_first_what_there_was() {
    let mut world = world();
    let mut session = world.connect(1);
    send(&mut session, [by_list(json!(1))]);
    world.change(None, Some(note()));
    let retry_after = Duration::from_millis(1500);
    order(&world, Order::Close(CloseReason::GoingAway { retry_after }));
    session.handle_timeout(world.now);
    let (told, reason) = last_words(&mut session);
    assert_eq!(told.len(), 1);
    assert_eq!(
        reason.unwrap().code(),
        (1001, r#"{"retry_after_ms":1500}"#.into())
    );
}

#[test]
fn nothing_follows_the_closing_handshake() {
    let world = world();
    let mut session = world.connect(1);
    session.close(CloseReason::TooManyMessages, world.now);
    last_words(&mut session);
    session.handle_binary();
    #[cfg(feature = "server")]
    session.handle_flood("{}");
    session.handle_text("rubbish");
    assert_eq!(session.outbox.pop(), None);
}

#[test]
fn a_user_whose_choice_panics_is_not_chosen_and_others_are() {
    let world = world();
    let _sessions = [1, 2, 3].map(|user| world.connect(user));
    let chosen = world.hub.connections.chosen(|user| {
        assert_ne!(*user, 2, "as told");
        true
    });
    assert_eq!(chosen.count(), 2);
}

#[test]
fn an_end_is_kept_or_replaced() {
    let world = world();
    let (soon, late) = (
        world.now + Duration::from_secs(1),
        world.now + Duration::from_secs(9),
    );
    for (new, end) in [(None, soon), (Some(late), late)] {
        let mut session = Session::new(Arc::clone(&world.hub), until(1, soon), world.now);
        order(&world, becomes(1, new));
        session.handle_timeout(world.now);
        assert_eq!(session.expires, Some(end));
        session.handle_timeout(end);
        assert_eq!(last_words(&mut session).1, Some(CloseReason::Expired));
    }
}

#[test]
fn a_model_that_the_new_user_may_not_subscribe_to_is_left() {
    let shelf = Shelf::default();
    let mut world = World::of(Limits::default(), |registry| {
        registry
            .read_snapshots_from::<crate::fixture::Note>(shelf.clone())
            .unwrap();
        registry.ask_before_subscribing(|user, _| *user != 3);
    });
    let mut session = world.connect(1);
    let mut extended = by_list(json!(1));
    extended["id"] = "n".into();
    let mut pending = extended.clone();
    (pending["id"], pending["snapshot"]) = ("p".into(), true.into());
    send(
        &mut session,
        [json!({"model": "app.Note", "value": 7}), extended, pending],
    );
    order(&world, becomes(3, None));
    session.handle_timeout(world.now);
    let mut told = texts(&mut session).unwrap();
    told.sort();
    assert_eq!(
        told,
        [
            r#"{"type":"unsubscribed","id":"n","code":404,"reason":"unknown_model"}"#,
            r#"{"type":"unsubscribed","id":"p","code":404,"reason":"unknown_model"}"#,
            r#"{"type":"unsubscribed","model":"app.Note","property":"id","value":7,"code":404,"reason":"unknown_model"}"#,
        ]
    );
    world.serve();
    world.change(
        None,
        Some(crate::fixture::Note {
            public: true,
            ..note()
        }),
    );
    assert!(messages(&mut session).is_empty());
    assert_eq!(world.hub.dispatcher().listened_groups(), 0);
}

#[test]
fn until_it_is_known_who_it_is_nothing_else_is_done() {
    let world = World::with_tokens(Limits::default());
    let mut session = unknown(&world);
    let answers = send(
        &mut session,
        [by_list(json!(1)), unsubscribe(by_list(json!(1)))],
    );
    assert!(
        answers
            .iter()
            .all(|answer| answer["reason"] == "unauthorized" && answer["code"] == 401)
    );
    assert_eq!(answers.len(), 2);
    let due = world.now + Duration::from_secs(5);
    session.handle_timeout(due - Duration::from_millis(1));
    assert_eq!(last_words(&mut session).1, None);
    session.handle_timeout(due);
    assert_eq!(last_words(&mut session).1, Some(CloseReason::AuthTooLate));
}

#[test]
fn who_sends_its_token_in_time_is_waited_for() {
    let world = World::with_tokens(Limits::default());
    let mut session = unknown(&world);
    assert_eq!(
        claim(&mut session, "7"),
        Some(Output::Authenticate("7".into()))
    );
    assert!(session.is_authenticating());
    let later = world.now + Duration::from_secs(9);
    session.handle_timeout(later);
    assert_eq!(last_words(&mut session).1, None);
    let identity = Identity {
        user: Arc::new(7),
        expires: Some(later + Duration::from_secs(60)),
    };
    session.handle_authenticated(Ok(identity), later);
    assert_eq!(
        texts(&mut session).unwrap(),
        [r#"{"type":"authenticated","expires_in":60}"#]
    );
    assert!(!session.is_authenticating());
    assert_eq!(world.hub.connections.chosen(|user| *user == 7).count(), 1);
}

#[test]
fn a_pong_that_lies_unread_during_authentication_is_waited_for() {
    let world = World::with_tokens(Limits::default());
    let mut session = world.connect(1);
    session.handle_timeout(world.now + Duration::from_secs(25));
    claim(&mut session, "7");
    claim(&mut session, "7");
    let late = world.now + Duration::from_secs(33);
    session.handle_timeout(late);
    assert_eq!(last_words(&mut session).1, None);
    assert!(session.poll_timeout() > late);
}

#[test]
fn who_is_refused_is_closed_if_he_was_nobody_before() {
    let refused = |reason| Refused::new(reason, "no");
    for (reason, close) in [
        (Reason::Unauthorized, CloseReason::Unauthorized),
        (Reason::Forbidden, CloseReason::Revoked),
        (Reason::Unavailable, CloseReason::TryAgainLater),
        (Reason::RateLimited, CloseReason::TryAgainLater),
    ] {
        let world = World::with_tokens(Limits::default());
        for mut session in [unknown(&world), world.connect(1)] {
            let is_known = session.user().is_some();
            claim(&mut session, "x");
            session.handle_authenticated(Err(refused(reason)), world.now);
            let (told, closed) = last_words(&mut session);
            assert_eq!(told.len(), 1);
            assert_eq!(closed, (!is_known).then_some(close));
        }
    }
}

#[test]
fn a_server_that_takes_no_tokens_says_so_and_repeats_none() {
    let world = world();
    let mut session = world.connect(1);
    for message in [
        json!({"type": "auth", "token": "secret"}),
        json!({"type": "auth", "token": ["secret"]}),
        json!({"type": "auth", "token": "secret", "value": "secret"}),
        json!({"token": "secret"}),
    ] {
        let answer = send(&mut session, [message]).remove(0);
        assert_eq!(answer["reason"], "bad_message");
        assert!(!answer.to_string().contains("secret"));
    }
}

#[test]
fn what_was_ordered_about_a_user_is_void_for_another_who_logs_in() {
    let world = World::with_tokens(Limits::default());
    let mut session = world.connect(1);
    claim(&mut session, "2");
    order(&world, becomes(1, None));
    let identity = Identity {
        user: Arc::new(2),
        expires: None,
    };
    session.handle_authenticated(Ok(identity), world.now);
    session.handle_timeout(world.now);
    assert_eq!(session.user().map(|user| **user), Some(2));
}
