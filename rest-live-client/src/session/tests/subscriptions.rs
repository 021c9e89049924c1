//! Subscriptions: asked for, resumed, refused and ended.

use super::*;

fn with_snapshot(value: i32) -> Request {
    Request {
        snapshot: Start::Snapshot,
        ..list(value)
    }
}

impl Paper {
    fn part(&mut self, texts: &[&str]) {
        let id = self.session.serial;
        let rows: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
        self.says(&json!({"type": "snapshot", "id": id, "model": "a.Task", "instances": rows, "more": true}));
    }

    fn resyncs(&mut self, cursor: &str) {
        let id = self.session.serial;
        self.says(
            &json!({"type": "resync", "id": id, "cursor": cursor, "reason": "changes_unknown"}),
        );
    }

    fn breaks(&mut self) {
        self.closes(1006);
        self.reopens();
    }
}

#[test]
fn a_message_has_what_the_protocol_says() {
    let mut paper = Paper::new();
    paper.subscribe(with_snapshot(7));
    paper.opens();
    let Some(Output::Send(text)) = paper.session.poll_output() else {
        panic!("nothing is asked");
    };
    assert_eq!(
        text,
        r#"{"type":"subscribe","id":2,"model":"a.Task","property":"list_id","value":7,"snapshot":true}"#
    );
}

#[test]
fn a_reader_hears_what_happens() {
    let (mut paper, key) = Paper::live();
    paper.tells("CREATED", "a", "c1");
    paper.tells("UPDATED", "b", "c2");
    paper.tells("DELETED", "b", "c3");
    assert_eq!(paper.told(key), ["Created a", "Updated b", "Deleted b"]);
}

#[test]
fn it_resumes_with_the_last_cursor() {
    let (mut paper, key) = Paper::live();
    paper.tells("CREATED", "a", "c1");
    paper.resyncs("c2");
    paper.breaks();
    assert_eq!(paper.output(), ["subscribe 3 to 1 since c2"]);
    paper.recovers("c2");
    assert_eq!(
        paper.told(key),
        [
            "Created a",
            "resync changes_unknown",
            "lost: the server closed the connection: 1006 ",
            "recovered"
        ]
    );
    paper.breaks();
    assert_eq!(paper.output(), ["subscribe 4 to 1 since c2"]);
    paper.acks("d0");
    paper.breaks();
    assert_eq!(paper.output(), ["subscribe 5 to 1 since d0"]);
}

#[test]
fn ids_are_used_once_and_late_answers_are_nobodys() {
    let (mut paper, key) = Paper::live();
    paper.unsubscribe(key);
    let other = paper.subscribe(list(1));
    assert_eq!(paper.output(), ["unsubscribe 2", "subscribe 4 to 1"]);
    paper.says(&json!({"type": "broadcast", "id": 2, "action": "CREATED", "instance": {"text": "a"}, "cursor": "c9"}));
    paper.says(&json!({"type": "unsubscribed", "id": 2, "code": 0, "reason": "requested"}));
    assert!(paper.told(other).is_empty());
}

#[test]
fn it_begins_with_a_snapshot() {
    let mut paper = Paper::new();
    let key = paper.subscribe(with_snapshot(1));
    paper.opens();
    assert_eq!(paper.output(), ["subscribe 2 to 1 with snapshot"]);
    paper.part(&["a", "b"]);
    paper.part(&["c"]);
    assert!(paper.told(key).is_empty(), "it is told as a whole");
    paper.acks("c0");
    assert_eq!(paper.told(key), ["snapshot a b c"]);
    paper.breaks();
    assert_eq!(paper.output(), ["subscribe 3 to 1 since c0 with snapshot"]);
    paper.recovers("c0");
    assert_eq!(paper.told(key).last().unwrap(), "recovered");
}

#[test]
fn a_snapshot_that_broke_off_does_not_count() {
    let mut paper = Paper::new();
    let key = paper.subscribe(with_snapshot(1));
    paper.opens();
    paper.part(&["a", "b"]);
    paper.breaks();
    paper.part(&["c"]);
    paper.acks("c0");
    assert_eq!(paper.told(key).last().unwrap(), "snapshot c");
}

#[test]
fn there_is_another_snapshot_when_nobody_knows_what_changed() {
    let mut paper = Paper::new();
    let key = paper.subscribe(with_snapshot(1));
    paper.opens();
    paper.acks("c0");
    paper.output();
    paper.resyncs("c1");
    assert_eq!(
        paper.output(),
        ["unsubscribe 2", "subscribe 3 to 1 with snapshot"]
    );
    paper.part(&["a"]);
    paper.acks("c2");
    assert_eq!(
        paper.told(key),
        ["snapshot ", "resync changes_unknown", "snapshot a"]
    );
}

#[test]
fn what_is_refused_for_good_is_not_asked_again_on_this_connection() {
    let mut paper = Paper::new();
    let key = paper.subscribe(list(1));
    paper.opens();
    paper.output();
    paper.refuses(404, "unknown_model", false);
    assert_eq!(
        paper.told(key),
        ["ended: the server refused to tell of `a.Task`: no (404 unknown_model)"]
    );
    paper.pass(secs(44));
    assert!(paper.output().is_empty());
    paper.breaks();
    assert_eq!(paper.output(), ["subscribe 3 to 1"]);
}

#[test]
fn what_is_refused_for_now_is_asked_again_more_and_more_slowly() {
    let mut paper = Paper::new();
    let key = paper.subscribe(list(1));
    paper.opens();
    for (id, wait) in [(2, 1250), (3, 1500), (4, 2000)] {
        assert_eq!(paper.output(), [format!("subscribe {id} to 1")]);
        paper.refuses(503, "snapshot_unavailable", true);
        paper.pass(millis(wait - 1));
        assert!(paper.output().is_empty());
        paper.pass(millis(1));
    }
    paper.acks("c0");
    let told = paper.told(key);
    assert_eq!(
        (told.len(), told[1].as_str()),
        (2, "subscribed"),
        "{told:?}"
    );
    assert!(told[0].starts_with("error: "));
}

#[test]
fn it_takes_the_place_of_one_that_left() {
    let (mut paper, first) = Paper::live();
    paper.output();
    paper.subscribe(list(2));
    paper.refuses(429, "too_many_subscriptions", true);
    paper.output();
    paper.unsubscribe(first);
    assert_eq!(paper.output(), ["unsubscribe 2", "subscribe 5 to 2"]);
}

#[test]
fn one_that_waits_for_time_does_not_take_a_place() {
    let (mut paper, first) = Paper::live();
    paper.subscribe(list(2));
    paper.refuses(503, "snapshot_unavailable", true);
    paper.output();
    paper.unsubscribe(first);
    assert_eq!(paper.output(), ["unsubscribe 2"]);
}

#[test]
fn many_wait_for_their_turn() {
    let mut paper = Paper::new();
    for value in 0..40 {
        paper.subscribe(list(value));
    }
    paper.opens();
    assert_eq!(paper.output().len(), 16);
    paper.answers(41, "c0", false);
    assert_eq!(paper.output(), ["subscribe 57 to 16"]);
    paper.answers(42, "c0", false);
    paper.answers(43, "c0", false);
    assert_eq!(paper.output().len(), 2);
}

#[test]
fn one_that_the_server_ends_is_to_be_removed_and_comes_back_from_nothing() {
    let (mut paper, key) = Paper::live();
    paper.says(&json!({"type": "unsubscribed", "id": 2, "code": 404, "reason": "unknown_model"}));
    let told = paper.told(key);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("ended: "), "{told:?}");
    paper.tells("CREATED", "late", "c1");
    assert!(paper.told(key).is_empty());
    paper.breaks();
    assert_eq!(paper.output(), ["subscribe 3 to 1"]);
}

#[test]
fn a_flood_is_the_connections_end_and_all_is_asked_again_slowly() {
    let (mut paper, key) = Paper::live();
    paper.output();
    paper.says(&json!({"type": "error", "code": 429, "reason": "rate_limited", "message": "m", "temporary": true}));
    assert_eq!(paper.output(), ["hang up"]);
    assert_eq!(
        paper.told(key),
        ["lost: the server refused: m (429 rate_limited)"]
    );
    paper.pass(millis(4499));
    assert!(paper.output().is_empty());
    paper.pass(millis(1));
    assert_eq!(paper.output(), ["dial"]);
}

#[test]
fn an_unsubscribe_that_came_to_nothing_is_made_good_by_a_new_connection() {
    let (mut paper, key) = Paper::live();
    paper.subscribe(list(2));
    paper.unsubscribe(key);
    paper.output();
    let refused = |id: u64| json!({"type": "error", "id": id, "code": 429, "reason": "rate_limited", "message": "m", "temporary": true});
    paper.says(&refused(0));
    assert_eq!(
        paper.state(),
        ConnectionState::Open,
        "it was a sign of life"
    );
    paper.says(&refused(2));
    assert_eq!(paper.output(), ["hang up"]);
    paper.reopens();
    assert_eq!(paper.output(), ["subscribe 5 to 2"]);
}

#[test]
fn an_error_of_the_connection_is_told_to_all() {
    let (mut paper, key) = Paper::live();
    let other = paper.subscribe(list(2));
    paper.says(&json!({"type": "error", "code": 400, "reason": "bad_message", "message": "m", "temporary": false}));
    for key in [key, other] {
        assert_eq!(
            paper.told(key),
            ["error: the server refused: m (400 bad_message)"]
        );
    }
    assert_eq!(paper.state(), ConnectionState::Open);
}

#[test]
fn who_was_never_subscribed_has_lost_nothing() {
    let mut paper = Paper::new();
    let key = paper.subscribe(list(1));
    paper.opens();
    paper.closes(1006);
    paper.comes_back();
    paper.output();
    paper.session.handle_lost(Error::Silent, paper.at);
    assert_eq!(
        paper.told(key),
        ["error: the server does not answer any more"]
    );
}
