//! The session, on paper: no socket, and time that passes when the test says so.

mod converge;
mod link;
mod login;
mod slow;
mod subscriptions;
mod watch;

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::error::Error;

/// A session, and what is around it.
pub(super) struct Paper {
    pub(super) session: Session,
    pub(super) at: Moment,
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn settings() -> Settings {
    Settings {
        token_by: None,
        linger: secs(5),
        probe_after: secs(45),
        queue_bytes: 1024 * 1024,
    }
}

/// The tasks of a list.
pub(super) fn list(value: i32) -> Request {
    Request {
        model: "a.Task".to_owned(),
        property: json!("list_id"),
        value: json!(value),
        snapshot: Start::Changes,
    }
}

impl Paper {
    pub(super) fn new() -> Self {
        Self::with(settings())
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self {
            session: Session::new(settings),
            at: Moment {
                now: Instant::now(),
                chance: 0.5,
            },
        }
    }

    pub(super) fn with_token(token_by: TokenBy) -> Self {
        Self::with(Settings {
            token_by: Some(token_by),
            ..settings()
        })
    }

    /// With a reader of list 1, whose socket is open, and who is subscribed.
    pub(super) fn live() -> (Self, Key) {
        let mut paper = Self::new();
        let key = paper.subscribe(list(1));
        paper.opens();
        paper.acks("c0");
        assert_eq!(paper.told(key), ["subscribed"]);
        paper.output();
        (paper, key)
    }

    pub(super) fn subscribe(&mut self, request: Request) -> Key {
        self.session.subscribe(request, self.at.now)
    }

    pub(super) fn unsubscribe(&mut self, key: Key) {
        self.session.unsubscribe(key, self.at.now);
    }

    /// What is to be done, a line each.
    pub(super) fn output(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.poll_output())
            .map(|output| match output {
                Output::AskToken => "ask".to_owned(),
                Output::Dial(None) => "dial".to_owned(),
                Output::Dial(Some(token)) => format!("dial as {token}"),
                Output::Send(text) => brief(&text),
                Output::HangUp => "hang up".to_owned(),
            })
            .collect()
    }

    pub(super) fn opens(&mut self) {
        self.output();
        self.session.handle_open(self.at);
    }

    pub(super) fn says(&mut self, frame: &Value) {
        self.session.handle_text(&frame.to_string(), self.at);
    }

    /// Acknowledges the newest subscription.
    pub(super) fn acks(&mut self, cursor: &str) {
        self.answers(self.session.serial, cursor, false);
    }

    /// Acknowledges the newest subscription, which resumes.
    pub(super) fn recovers(&mut self, cursor: &str) {
        self.answers(self.session.serial, cursor, true);
    }

    pub(super) fn answers(&mut self, id: u64, cursor: &str, recovered: bool) {
        self.says(
            &json!({"type": "subscribed", "id": id, "cursor": cursor, "recovered": recovered}),
        );
    }

    /// Tells the newest subscription.
    pub(super) fn tells(&mut self, action: &str, text: &str, cursor: &str) {
        let id = self.session.serial;
        self.says(&json!({
            "type": "broadcast", "id": id, "model": "a.Task", "action": action, "instance": {"text": text}, "cursor": cursor
        }));
    }

    /// Refuses the newest subscription.
    pub(super) fn refuses(&mut self, code: u16, reason: &str, temporary: bool) {
        let id = self.session.serial;
        self.says(&json!({
            "type": "error", "id": id, "code": code, "reason": reason, "message": "no", "temporary": temporary
        }));
    }

    pub(super) fn closes(&mut self, code: u16) {
        self.closes_with(code, "");
    }

    pub(super) fn closes_with(&mut self, code: u16, reason: &str) {
        let reason = reason.to_owned();
        self.session
            .handle_lost(Error::Closed { code, reason }, self.at);
    }

    /// Lets time pass; what is due is done when it is.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.at.now + time;
        while let Some(due) = self.session.poll_timeout()
            && due <= until
        {
            self.at.now = due.max(self.at.now);
            self.session.handle_timeout(self.at);
        }
        self.at.now = until;
    }

    /// Waits until the connection is tried again.
    pub(super) fn comes_back(&mut self) {
        while self.state() == ConnectionState::Waiting {
            self.at.now = self.session.poll_timeout().expect("it comes back");
            self.session.handle_timeout(self.at);
        }
    }

    /// Waits until the connection is there again.
    pub(super) fn reopens(&mut self) {
        self.comes_back();
        self.opens();
    }

    /// What a reader is told, a line each.
    pub(super) fn told(&mut self, key: Key) -> Vec<String> {
        std::iter::from_fn(|| self.read(key)).collect()
    }

    pub(super) fn read(&mut self, key: Key) -> Option<String> {
        let context = Context::from_waker(Waker::noop());
        let told = match self.session.poll_told(key, &context) {
            Poll::Ready(told) => told.expect("the session is not over"),
            Poll::Pending => return None,
        };
        let text = |row: &str| {
            let row: Value = serde_json::from_str(row).unwrap();
            row["text"].as_str().unwrap().to_owned()
        };
        Some(match told {
            Told::Subscribed { recovered: false } => "subscribed".to_owned(),
            Told::Subscribed { recovered: true } => "recovered".to_owned(),
            Told::Snapshot(rows) => {
                let rows: Vec<_> = rows.iter().map(|row| text(row.get())).collect();
                format!("snapshot {}", rows.join(" "))
            }
            Told::Row(action, row) => format!("{action:?} {}", text(row.get())),
            Told::Resync(reason) => format!("resync {reason}"),
            Told::Lost(error) => format!("lost: {error}"),
            Told::Ended(error) => format!("ended: {error}"),
            Told::Error(error) => format!("error: {error}"),
        })
    }

    pub(super) fn state(&self) -> ConnectionState {
        self.session.state()
    }
}

/// A message without what all of them have.
fn brief(text: &str) -> String {
    let message: Value = serde_json::from_str(text).unwrap();
    let kind = message["type"].as_str().unwrap();
    match kind {
        "auth" => format!("auth {}", message["token"].as_str().unwrap()),
        _ => {
            let since = message["since"]
                .as_str()
                .map(|since| format!(" since {since}"));
            let snapshot = message["snapshot"].as_bool().map(|_| " with snapshot");
            let value = message.get("value").map(|value| format!(" to {value}"));
            let parts = [value.as_deref(), since.as_deref(), snapshot];
            let rest: String = parts.into_iter().flatten().collect();
            format!("{kind} {}{rest}", message["id"])
        }
    }
}
