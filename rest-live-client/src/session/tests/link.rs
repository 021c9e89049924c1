//! The connection: when it opens, breaks and comes back.

use super::*;

#[test]
fn it_opens_on_first_use_and_one_is_enough() {
    let mut paper = Paper::new();
    assert_eq!(
        (paper.state(), paper.output().len()),
        (ConnectionState::Idle, 0)
    );
    paper.subscribe(list(1));
    paper.subscribe(list(2));
    assert_eq!(paper.output(), ["dial"]);
    assert_eq!(paper.state(), ConnectionState::Connecting);
    paper.opens();
    assert_eq!(paper.state(), ConnectionState::Open);
    assert_eq!(paper.output(), ["subscribe 3 to 1", "subscribe 4 to 2"]);
}

#[test]
fn it_closes_a_while_after_the_last_has_left() {
    let (mut paper, key) = Paper::live();
    paper.unsubscribe(key);
    assert_eq!(paper.output(), ["unsubscribe 2"]);
    paper.pass(millis(4999));
    assert_eq!(paper.state(), ConnectionState::Open);
    paper.pass(millis(1));
    assert_eq!(
        (paper.state(), paper.output()),
        (ConnectionState::Idle, vec!["hang up".into()])
    );
    assert_eq!(paper.session.poll_timeout(), None);
    paper.subscribe(list(2));
    assert_eq!(paper.output(), ["dial"]);
}

#[test]
fn it_may_stay_for_ever() {
    let mut paper = Paper::with(Settings {
        linger: Duration::MAX,
        ..settings()
    });
    let key = paper.subscribe(list(1));
    paper.opens();
    paper.unsubscribe(key);
    paper.pass(secs(40));
    assert_eq!(paper.state(), ConnectionState::Open);
}

#[test]
fn it_stays_for_who_comes_in_time() {
    let (mut paper, key) = Paper::live();
    paper.unsubscribe(key);
    paper.pass(secs(4));
    paper.output();
    paper.subscribe(list(2));
    paper.pass(secs(10));
    assert_eq!(paper.output(), ["subscribe 4 to 2"]);
}

#[test]
fn it_comes_back_more_and_more_slowly() {
    let mut paper = Paper::new();
    paper.subscribe(list(1));
    for wait in [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000] {
        assert_eq!(paper.output(), ["dial"]);
        paper.session.handle_lost(Error::Silent, paper.at);
        assert_eq!(
            (paper.state(), paper.output()),
            (ConnectionState::Waiting, vec!["hang up".into()])
        );
        paper.pass(millis(wait - 1));
        assert!(paper.output().is_empty(), "{wait}");
        paper.pass(millis(1));
    }
}

#[test]
fn it_forgets_failures_after_a_stable_while_and_not_before() {
    let (mut paper, _) = Paper::live();
    for (held, attempt) in [(millis(9999), 1), (millis(9999), 2), (secs(10), 1)] {
        paper.pass(held);
        paper.closes(1006);
        assert_eq!(paper.session.attempt, attempt);
        paper.reopens();
    }
}

#[test]
fn a_socket_that_does_not_open_in_time_is_given_up() {
    let mut paper = Paper::new();
    let key = paper.subscribe(list(1));
    paper.output();
    paper.pass(secs(15));
    assert_eq!(paper.output(), ["hang up"]);
    assert_eq!(
        paper.told(key),
        ["error: cannot connect to the server: nothing within 15 s"]
    );
    paper.pass(millis(250));
    assert_eq!(paper.output(), ["dial"]);
}

#[test]
fn it_stays_away_when_access_was_revoked_until_it_is_told_to_come_back() {
    let (mut paper, key) = Paper::live();
    paper.output();
    paper.closes_with(4403, "access revoked");
    assert_eq!(
        (paper.state(), paper.output()),
        (ConnectionState::Stopped, vec!["hang up".into()])
    );
    assert_eq!(
        paper.told(key),
        ["ended: the server closed the connection: 4403 access revoked"]
    );
    paper.subscribe(list(2));
    paper.pass(secs(1000));
    assert!(paper.output().is_empty());
    paper.session.reconnect(paper.at.now);
    assert_eq!(paper.output(), ["dial"]);
    assert!(paper.told(key).is_empty(), "that is no error");
    paper.opens();
    assert_eq!(
        paper.output(),
        ["subscribe 4 to 1", "subscribe 5 to 2"],
        "without a cursor"
    );
}

#[test]
fn it_waits_as_long_as_a_server_says_that_goes() {
    let (mut paper, key) = Paper::live();
    paper.output();
    paper.closes_with(1001, r#"{"retry_after_ms":7000}"#);
    paper.pass(millis(6999));
    assert_eq!(paper.output(), ["hang up"]);
    paper.pass(millis(1));
    assert_eq!(paper.output(), ["dial"]);
    assert_eq!(paper.told(key).len(), 1);
}

#[test]
fn it_does_not_come_back_to_a_server_that_nobody_needs() {
    let (mut paper, key) = Paper::live();
    paper.unsubscribe(key);
    paper.closes(1006);
    assert_eq!(paper.state(), ConnectionState::Idle);
    assert_eq!(paper.session.poll_timeout(), None);
}

#[test]
fn a_wait_ends_with_the_last_who_wants_it() {
    let (mut paper, key) = Paper::live();
    paper.closes(1006);
    paper.unsubscribe(key);
    paper.output();
    paper.pass(secs(60));
    assert!(!paper.output().contains(&"subscribe".to_owned()));
    assert_eq!(paper.state(), ConnectionState::Idle);
}

#[test]
fn it_connects_anew_at_once_when_the_application_says_so() {
    let (mut paper, key) = Paper::live();
    paper.tells("CREATED", "a", "c1");
    paper.session.attempt = 9;
    paper.output();
    paper.session.reconnect(paper.at.now);
    assert_eq!(paper.output(), ["hang up", "dial"]);
    assert_eq!(
        paper.told(key),
        ["Created a", "lost: the application connects anew"]
    );
    paper.opens();
    assert_eq!(paper.output(), ["subscribe 3 to 1 since c1"]);
    paper.closes(1006);
    assert_eq!(paper.session.attempt, 1);
}

#[test]
fn what_is_still_heard_of_a_socket_that_was_let_go_does_not_count() {
    let (mut paper, key) = Paper::live();
    paper.session.reconnect(paper.at.now);
    // Nobody has hung up yet.
    paper.tells("CREATED", "late", "c9");
    paper.session.handle_lost(Error::Silent, paper.at);
    paper.session.handle_open(paper.at);
    assert_eq!(paper.state(), ConnectionState::Connecting);
    assert_eq!(paper.output(), ["hang up", "dial"]);
    assert_eq!(paper.told(key), ["lost: the application connects anew"]);
    paper.session.handle_open(paper.at);
    assert_eq!(paper.output(), ["subscribe 3 to 1 since c0"]);
}

#[test]
fn a_socket_that_was_let_go_is_hung_up_whatever_comes_next() {
    let (mut paper, key) = Paper::live();
    paper.closes(1006);
    paper.session.reconnect(paper.at.now);
    paper.session.reconnect(paper.at.now);
    assert_eq!(paper.output(), ["hang up", "dial"]);
    paper.unsubscribe(key);
    paper.session.end();
    assert_eq!(paper.output(), ["hang up"]);
}

#[test]
fn another_user_begins_from_nothing() {
    let (mut paper, key) = Paper::live();
    paper.output();
    paper.session.reset(paper.at.now);
    assert_eq!(paper.output(), ["hang up", "dial"]);
    assert_eq!(paper.told(key), ["ended: another user is there"]);
    paper.opens();
    assert_eq!(paper.output(), ["subscribe 3 to 1"]);
}

#[test]
fn it_ends_with_the_last_handle() {
    let (mut paper, key) = Paper::live();
    paper.output();
    paper.session.end();
    assert!(!paper.session.is_over(), "there is still a socket");
    assert_eq!(paper.output(), ["hang up"]);
    assert!(paper.session.is_over());
    let context = Context::from_waker(Waker::noop());
    assert!(matches!(
        paper.session.poll_told(key, &context),
        Poll::Ready(None)
    ));
    paper.session.reconnect(paper.at.now);
    paper.session.handle_timeout(paper.at);
    assert!(paper.session.is_over() && paper.output().is_empty());
}

#[test]
fn what_a_reader_was_told_before_the_end_he_still_reads() {
    let (mut paper, key) = Paper::live();
    paper.tells("CREATED", "a", "c1");
    paper.session.end();
    assert_eq!(paper.read(key).as_deref(), Some("Created a"));
    let context = Context::from_waker(Waker::noop());
    assert!(matches!(
        paper.session.poll_told(key, &context),
        Poll::Ready(None)
    ));
}

#[test]
fn what_a_server_says_that_it_does_not_know_does_no_harm() {
    let (mut paper, key) = Paper::live();
    paper.says(&json!({"type": "news", "id": 2}));
    paper.says(
        &json!({"type": "broadcast", "id": 99, "action": "CREATED", "instance": {}, "cursor": ""}),
    );
    assert!(paper.told(key).is_empty());
}

#[test]
fn what_is_no_message_is_told() {
    let (mut paper, key) = Paper::live();
    paper.session.handle_text("{", paper.at);
    let told = paper.told(key);
    assert!(
        told[0].starts_with("error: the server sent what cannot be understood"),
        "{told:?}"
    );
    assert_eq!(paper.state(), ConnectionState::Open);
}

#[test]
fn what_comes_when_there_is_no_socket_does_not_count() {
    let mut paper = Paper::new();
    let key = paper.subscribe(list(1));
    paper.acks("c0");
    paper
        .session
        .handle_token(Ok(Some("late".into())), paper.at);
    assert!(paper.told(key).is_empty());
    assert_eq!(paper.output(), ["dial"]);
}

#[test]
fn the_driver_is_woken_by_what_the_application_does() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Count(AtomicUsize);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut paper = Paper::new();
    let mut key = None;
    let acts: [&mut dyn FnMut(&mut Paper); 5] = [
        &mut |paper| key = Some(paper.subscribe(list(1))),
        &mut |paper| paper.session.reconnect(paper.at.now),
        &mut |paper| paper.session.reset(paper.at.now),
        &mut |paper| paper.unsubscribe(Key(1)),
        &mut |paper| paper.session.end(),
    ];
    for (before, act) in acts.into_iter().enumerate() {
        paper.session.wake_at_change(&Context::from_waker(&waker));
        act(&mut paper);
        assert!(count.0.load(Ordering::Relaxed) > before);
    }
}
