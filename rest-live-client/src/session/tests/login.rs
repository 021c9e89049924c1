//! Tokens: asked for, sent, refused and renewed.

use std::sync::Arc;

use super::*;

fn no_token() -> Result<Option<String>, crate::error::Cause> {
    Err(Arc::new(std::io::Error::other("the vault is locked")))
}

impl Paper {
    fn gives(&mut self, token: &str) {
        self.session
            .handle_token(Ok(Some(token.to_owned())), self.at);
    }

    /// Somebody whose login ends in so many seconds is live.
    fn logged_in(expires_in: u64) -> (Self, Key) {
        let mut paper = Self::with_token(TokenBy::Message);
        let key = paper.subscribe(list(1));
        paper.gives("one");
        paper.opens();
        paper.says(&json!({"type": "authenticated", "expires_in": expires_in}));
        paper.acks("c0");
        paper.output();
        paper.told(key);
        (paper, key)
    }
}

fn authentication_error(code: u16, temporary: bool) -> Value {
    json!({"type": "error", "code": code, "reason": "r", "message": "m", "temporary": temporary})
}

#[test]
fn a_token_goes_in_the_request() {
    for by in [TokenBy::Header, TokenBy::Subprotocol] {
        let mut paper = Paper::with_token(by);
        paper.subscribe(list(1));
        assert_eq!(paper.output(), ["ask"]);
        paper.gives("abc");
        assert_eq!(paper.output(), ["dial as abc"]);
        paper.opens();
        assert_eq!(paper.output(), ["subscribe 2 to 1"]);
    }
}

#[test]
fn a_token_goes_in_the_first_message_and_subscriptions_wait_for_its_answer() {
    let mut paper = Paper::with_token(TokenBy::Message);
    paper.subscribe(list(1));
    assert_eq!(paper.output(), ["ask"]);
    paper.gives("abc");
    assert_eq!(paper.output(), ["dial"]);
    paper.opens();
    assert_eq!(paper.output(), ["auth abc"]);
    assert_eq!(paper.state(), ConnectionState::Connecting);
    paper.says(&json!({"type": "authenticated"}));
    assert_eq!(paper.output(), ["subscribe 2 to 1"]);
    assert_eq!(paper.state(), ConnectionState::Open);
}

#[test]
fn who_is_nobody_has_no_token() {
    for by in [TokenBy::Header, TokenBy::Subprotocol, TokenBy::Message] {
        let mut paper = Paper::with_token(by);
        paper.subscribe(list(1));
        paper.output();
        paper.session.handle_token(Ok(None), paper.at);
        assert_eq!(paper.output(), ["dial"]);
        paper.opens();
        assert_eq!(paper.output(), ["subscribe 2 to 1"]);
    }
}

#[test]
fn a_token_is_asked_for_anew_at_each_connect() {
    let mut paper = Paper::with_token(TokenBy::Header);
    paper.subscribe(list(1));
    paper.gives("one");
    paper.opens();
    paper.acks("c0");
    paper.output();
    paper.closes_with(4003, "authentication expired");
    paper.comes_back();
    assert_eq!(paper.output(), ["hang up", "ask"]);
    paper.gives("two");
    assert_eq!(paper.output(), ["dial as two"]);
    paper.opens();
    assert_eq!(
        paper.output(),
        ["subscribe 3 to 1"],
        "rights may have changed: no cursor"
    );
}

#[test]
fn other_ends_leave_the_cursor() {
    for code in [1001, 1006, 1013, 4408, 4429, 4508, 4512] {
        let (mut paper, _) = Paper::live();
        paper.closes(code);
        paper.reopens();
        assert_eq!(paper.output(), ["subscribe 3 to 1 since c0"], "{code}");
    }
}

#[test]
fn a_source_that_fails_is_told_and_asked_again() {
    let mut paper = Paper::with_token(TokenBy::Header);
    let key = paper.subscribe(list(1));
    for wait in [250, 500, 1000] {
        assert_eq!(paper.output(), ["ask"]);
        paper.session.handle_token(no_token(), paper.at);
        assert_eq!(
            paper.told(key),
            ["error: there is no token to log in with: the vault is locked"]
        );
        assert_eq!(paper.output(), ["hang up"]);
        paper.pass(millis(wait));
    }
}

#[test]
fn a_token_that_is_refused_is_told_and_another_is_asked_for() {
    for (code, temporary) in [(401, false), (429, true), (503, true)] {
        let mut paper = Paper::with_token(TokenBy::Message);
        let key = paper.subscribe(list(1));
        paper.gives("bad");
        paper.opens();
        paper.output();
        paper.says(&authentication_error(code, temporary));
        assert_eq!(
            paper.told(key),
            [format!("error: the server refused: m ({code} r)")]
        );
        assert_eq!(paper.state(), ConnectionState::Waiting);
        paper.comes_back();
        assert_eq!(paper.output(), ["hang up", "ask"]);
    }
}

#[test]
fn who_may_not_be_here_does_not_come_back() {
    let mut paper = Paper::with_token(TokenBy::Message);
    let key = paper.subscribe(list(1));
    paper.gives("eve");
    paper.opens();
    paper.says(&authentication_error(403, false));
    assert_eq!(paper.state(), ConnectionState::Stopped);
    assert_eq!(paper.told(key), ["ended: the server refused: m (403 r)"]);
}

#[test]
fn a_token_that_is_not_answered_is_given_up() {
    let mut paper = Paper::with_token(TokenBy::Message);
    paper.subscribe(list(1));
    paper.gives("abc");
    paper.opens();
    paper.output();
    paper.pass(secs(15));
    assert_eq!(paper.output(), ["hang up"]);
}

#[test]
fn a_login_is_renewed_before_it_ends() {
    let (mut paper, key) = Paper::logged_in(100);
    for token in ["two", "three"] {
        for _ in 0..8 {
            paper.pass(secs(10) - millis(1));
            paper.session.handle_sign_of_life(paper.at.now);
            assert!(paper.output().is_empty());
            paper.pass(millis(1));
        }
        assert_eq!(paper.output(), ["ask"]);
        paper.gives(token);
        assert_eq!(paper.output(), [format!("auth {token}")]);
        paper.says(&json!({"type": "authenticated", "expires_in": 100}));
    }
    assert!(paper.told(key).is_empty());
}

#[test]
fn a_renewal_that_fails_is_tried_again_while_there_is_time() {
    let (mut paper, key) = Paper::logged_in(40);
    let mut asked = Vec::new();
    let begin = paper.at.now;
    for _ in 0..40 {
        paper.pass(secs(1));
        paper.session.handle_sign_of_life(paper.at.now);
        if paper.output() == ["ask"] {
            asked.push((paper.at.now - begin).as_secs());
            paper.session.handle_token(no_token(), paper.at);
        }
    }
    assert_eq!(asked, [32, 39]);
    assert_eq!(paper.told(key).len(), 1, "the newest of two errors");
    assert_eq!(paper.state(), ConnectionState::Open);
}

#[test]
fn a_login_that_ends_at_once_is_not_renewed_without_a_pause() {
    let (mut paper, _) = Paper::logged_in(0);
    assert!(paper.output().is_empty());
    paper.pass(millis(999));
    assert!(paper.output().is_empty());
    paper.pass(millis(1));
    assert_eq!(paper.output(), ["ask"]);
}

#[test]
fn a_login_without_an_end_or_with_a_far_one_is_left_alone() {
    let (mut paper, _) = Paper::logged_in(u64::MAX);
    paper.says(&json!({"type": "authenticated"}));
    assert!(paper.session.poll_timeout().is_some());
    paper.pass(secs(44));
    assert!(paper.output().is_empty());
}

#[test]
fn a_renewal_that_the_server_refuses_is_told_and_the_connection_stays() {
    let (mut paper, key) = Paper::logged_in(10);
    paper.pass(secs(8));
    paper.gives("bad");
    paper.output();
    paper.says(&authentication_error(401, false));
    assert_eq!(paper.told(key), ["error: the server refused: m (401 r)"]);
    assert_eq!(paper.state(), ConnectionState::Open);
    paper.closes(4003);
    paper.comes_back();
    assert_eq!(paper.output(), ["hang up", "ask"]);
}

#[test]
fn the_token_of_the_user_before_is_not_that_of_the_next() {
    let mut paper = Paper::with_token(TokenBy::Header);
    paper.subscribe(list(1));
    assert_eq!(paper.output(), ["ask"]);
    paper.session.reset(paper.at.now);
    paper.gives("of the one before");
    assert_eq!(paper.output(), ["hang up", "ask"]);
    paper.gives("his own");
    assert_eq!(paper.output(), ["dial as his own"]);
}

#[test]
fn an_answer_that_comes_when_the_connection_is_gone_is_not_used() {
    let (mut paper, _) = Paper::logged_in(10);
    paper.pass(secs(8));
    paper.closes(1006);
    paper.output();
    paper.gives("late");
    assert!(paper.output().is_empty());
}
