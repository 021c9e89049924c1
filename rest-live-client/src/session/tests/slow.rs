//! Readers who do not read.

use super::*;

/// A reader whose queue takes about three events.
fn slow() -> (Paper, Key) {
    let mut paper = Paper::with(Settings {
        queue_bytes: 300,
        ..settings()
    });
    let key = paper.subscribe(list(1));
    paper.opens();
    paper.acks("c0");
    paper.told(key);
    paper.output();
    (paper, key)
}

/// Tells so much that he lags; gives what he was told, and the cursor that goes with it.
fn overflow(paper: &mut Paper) -> usize {
    for count in 1.. {
        paper.tells("CREATED", &format!("row {count}"), &format!("c{count}"));
        if !paper.output().is_empty() {
            return count - 1;
        }
    }
    unreachable!()
}

#[test]
fn one_who_does_not_read_is_cut_off_and_resumes_where_he_stopped() {
    let (mut paper, key) = slow();
    let taken = overflow(&mut paper);
    assert!(taken > 1);
    paper.tells("CREATED", "too late", "c99");
    for count in 1..=taken {
        assert_eq!(paper.read(key), Some(format!("Created row {count}")));
        assert!(paper.output().is_empty(), "he has not read all");
    }
    let lagged =
        "lost: events come faster than they are read; the subscription stops until they are";
    assert_eq!(paper.read(key).as_deref(), Some(lagged));
    assert_eq!(paper.output(), [format!("subscribe 3 to 1 since c{taken}")]);
    paper.recovers(&format!("c{taken}"));
    paper.tells("CREATED", "missed", "c99");
    assert_eq!(paper.told(key), ["recovered", "Created missed"]);
}

#[test]
fn the_server_is_told_to_stop() {
    let (mut paper, _) = slow();
    for count in 0.. {
        paper.tells("CREATED", "a", &format!("c{count}"));
        let output = paper.output();
        if !output.is_empty() {
            assert_eq!(output, ["unsubscribe 2"]);
            return;
        }
    }
}

#[test]
fn others_are_not_held_up() {
    let (mut paper, slow) = slow();
    overflow(&mut paper);
    let quick = paper.subscribe(list(2));
    paper.acks("c0");
    for count in 0..100 {
        paper.tells("CREATED", "a", &format!("c{count}"));
        assert!(paper.told(quick).last().unwrap().contains("Created a"));
    }
    assert!(paper.told(slow).len() < 10);
}

#[test]
fn he_is_not_asked_for_on_a_new_connection_before_he_has_read() {
    let (mut paper, key) = slow();
    let taken = overflow(&mut paper);
    paper.closes(1006);
    paper.reopens();
    assert!(paper.output().is_empty());
    let told = paper.told(key);
    assert_eq!(told.len(), taken + 1, "{told:?}");
    assert_eq!(paper.output(), [format!("subscribe 3 to 1 since c{taken}")]);
}

#[test]
fn he_resumes_when_there_is_a_connection() {
    let (mut paper, key) = slow();
    overflow(&mut paper);
    paper.closes(1006);
    paper.told(key);
    paper.reopens();
    assert_eq!(paper.output().len(), 1);
}

#[test]
fn a_connection_that_comes_and_goes_takes_no_more_room() {
    let (mut paper, key) = slow();
    for _ in 0..1000 {
        paper.closes(1006);
        paper.reopens();
        paper.recovers("c0");
    }
    assert!(paper.told(key).len() < 10);
    assert_eq!(
        paper.output().last().unwrap(),
        &format!("subscribe {} to 1 since c0", paper.session.serial)
    );
}

#[test]
fn failures_that_nobody_reads_take_no_more_room() {
    let mut paper = Paper::new();
    let key = paper.subscribe(list(1));
    for _ in 0..1000 {
        paper.session.handle_lost(Error::Silent, paper.at);
        paper.comes_back();
        assert_eq!(paper.output().last().unwrap(), "dial");
    }
    assert_eq!(paper.told(key).len(), 1);
}

#[test]
fn a_word_to_read_again_that_had_no_room_is_not_resumed_past() {
    let (mut paper, key) = slow();
    let id = paper.session.serial;
    for count in 0..10 {
        paper.says(&json!({"type": "resync", "id": id, "cursor": format!("c{count}"), "reason": "rights_changed"}));
    }
    paper.output();
    paper.told(key);
    assert_eq!(paper.output(), ["subscribe 3 to 1"], "without a cursor");
}

#[test]
fn that_rows_are_to_be_removed_reaches_one_who_lags() {
    let (mut paper, key) = slow();
    overflow(&mut paper);
    paper.closes(4403);
    assert_eq!(
        paper.told(key).last().unwrap(),
        "ended: the server closed the connection: 4403 "
    );
    paper.session.reconnect(paper.at.now);
    paper.opens();
    assert_eq!(paper.output(), ["subscribe 3 to 1"], "without a cursor");
}

#[test]
fn a_snapshot_may_be_longer_than_the_queue() {
    let mut paper = Paper::with(Settings {
        queue_bytes: 1,
        ..settings()
    });
    let key = paper.subscribe(Request {
        snapshot: Start::Snapshot,
        ..list(1)
    });
    paper.opens();
    let id = paper.session.serial;
    let text = "x".repeat(10_000);
    paper.says(&json!({"type": "snapshot", "id": id, "model": "a.Task", "instances": [{"text": text}], "more": false}));
    paper.acks("c0");
    assert_eq!(paper.told(key), [format!("snapshot {text}")]);
}

#[test]
fn one_who_leaves_while_he_lags_is_forgotten() {
    let (mut paper, key) = slow();
    overflow(&mut paper);
    paper.unsubscribe(key);
    assert!(paper.output().is_empty(), "the server knows him no more");
    paper.pass(secs(5));
    assert_eq!(paper.output(), ["hang up"]);
}
