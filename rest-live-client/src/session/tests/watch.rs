//! Sockets that are dead without a word.

use super::*;

#[test]
fn a_server_that_is_silent_for_long_is_asked() {
    let (mut paper, _) = Paper::live();
    paper.output();
    paper.pass(millis(44_999));
    assert!(paper.output().is_empty());
    paper.pass(millis(1));
    assert_eq!(paper.output(), ["unsubscribe 0"]);
}

#[test]
fn a_server_that_pings_is_not_asked() {
    let (mut paper, _) = Paper::live();
    paper.output();
    for _ in 0..10 {
        paper.pass(secs(25));
        paper.session.handle_sign_of_life(paper.at.now);
    }
    assert!(paper.output().is_empty());
}

#[test]
fn a_socket_that_does_not_answer_is_given_up() {
    let (mut paper, key) = Paper::live();
    paper.pass(secs(45));
    paper.output();
    paper.pass(millis(7999));
    assert_eq!(paper.state(), ConnectionState::Open);
    paper.pass(millis(1));
    assert_eq!(paper.output(), ["hang up"]);
    assert_eq!(
        paper.told(key),
        ["lost: the server does not answer any more"]
    );
    paper.pass(millis(250));
    paper.opens();
    assert_eq!(paper.output(), ["subscribe 3 to 1 since c0"]);
}

#[test]
fn a_socket_that_answers_is_kept() {
    let (mut paper, key) = Paper::live();
    for _ in 0..5 {
        paper.pass(secs(45 + 7));
        paper.says(&json!({"type": "error", "id": 0, "code": 404, "reason": "unknown_subscription", "message": "m"}));
    }
    assert_eq!(paper.state(), ConnectionState::Open);
    assert!(paper.told(key).is_empty());
}

#[test]
fn a_machine_that_slept_asks_again() {
    let (mut paper, _) = Paper::live();
    paper.pass(secs(45));
    paper.output();
    // Nobody looked for an hour.
    paper.at.now += secs(3600);
    paper.session.handle_timeout(paper.at);
    assert_eq!(paper.output(), ["unsubscribe 0"]);
    paper.pass(secs(8));
    assert_eq!(paper.output(), ["hang up"]);
}

#[test]
fn who_never_asks_sets_no_timer() {
    let mut paper = Paper::with(Settings {
        probe_after: Duration::MAX,
        ..settings()
    });
    paper.subscribe(list(1));
    paper.opens();
    paper.output();
    paper.pass(secs(1_000_000));
    assert!(paper.output().is_empty());
}
