//! Readers that apply what they are told show what there is: random writes, cuts, restarts and
//! pauses, against a server on paper. `PROPTEST_CASES` sets the number of cases.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::rows::Rows;

type Row = (u8, u8);

#[derive(Debug, Clone)]
enum Step {
    Write(u8, Option<u8>),
    /// Something has changed, and nobody knows what.
    Unknown,
    /// So many messages of the server arrive.
    Deliver(usize),
    /// The socket opens, if it is being opened.
    Open,
    Cut,
    /// The server is another, on the same rows.
    Restart,
    /// The server forgets what happened before.
    Forget,
    /// So many events are read by one reader.
    Read(usize, usize),
    /// The server refuses the next question for now.
    Busy,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..6u8, prop::option::weighted(0.7, 0..9u8)).prop_map(|(id, value)| Step::Write(id, value)),
        1 => Just(Step::Unknown),
        12 => (1..8usize).prop_map(Step::Deliver),
        8 => Just(Step::Open),
        3 => Just(Step::Cut),
        1 => Just(Step::Restart),
        1 => Just(Step::Forget),
        8 => (0..2usize, 1..6usize).prop_map(|(at, most)| Step::Read(at, most)),
        1 => Just(Step::Busy),
        4 => (0..50_000u64).prop_map(Step::Pass),
    ]
}

/// As much of a server as is needed.
#[derive(Default)]
struct Server {
    rows: BTreeMap<u8, u8>,
    life: u32,
    /// What has happened; `None` where nobody knows what.
    log: Vec<Option<Row3>>,
    forgotten: usize,
    subscribed: Vec<u64>,
    outbox: VecDeque<Value>,
    is_busy: bool,
}

/// An action, and the row.
type Row3 = (&'static str, Row);

impl Server {
    fn cursor(&self, at: usize) -> String {
        format!("{}-{at}", self.life)
    }

    fn happen(&mut self, what: Option<Row3>) {
        self.log.push(what);
        for id in self.subscribed.clone() {
            self.outbox.push_back(self.frame(id, self.log.len() - 1));
        }
    }

    fn write(&mut self, id: u8, value: Option<u8>) {
        let old = match value {
            Some(value) => self.rows.insert(id, value),
            None => self.rows.remove(&id),
        };
        match (old, value) {
            (None, Some(new)) => self.happen(Some(("CREATED", (id, new)))),
            (Some(_), Some(new)) => self.happen(Some(("UPDATED", (id, new)))),
            (Some(old), None) => self.happen(Some(("DELETED", (id, old)))),
            (None, None) => {}
        }
    }

    fn frame(&self, id: u64, at: usize) -> Value {
        let cursor = self.cursor(at + 1);
        match self.log[at] {
            Some((action, row)) => {
                json!({"type": "broadcast", "id": id, "action": action, "instance": row, "cursor": cursor})
            }
            None => {
                json!({"type": "resync", "id": id, "cursor": cursor, "reason": "changes_unknown"})
            }
        }
    }

    fn receive(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        let id = message["id"].as_u64().unwrap();
        if message["type"] == "unsubscribe" {
            self.subscribed.retain(|subscribed| *subscribed != id);
            return self.outbox.push_back(
                json!({"type": "unsubscribed", "id": id, "code": 0, "reason": "requested"}),
            );
        }
        if std::mem::take(&mut self.is_busy) {
            return self.outbox.push_back(json!({
                "type": "error", "id": id, "code": 503, "reason": "snapshot_unavailable", "message": "m", "temporary": true
            }));
        }
        let since = message["since"]
            .as_str()
            .and_then(|since| self.position(since));
        if since.is_none() && message["snapshot"] == true {
            let rows: Vec<_> = self.rows.iter().collect();
            for part in rows.chunks(2) {
                self.outbox.push_back(
                    json!({"type": "snapshot", "id": id, "instances": part, "more": true}),
                );
            }
        }
        let cursor = self.cursor(since.unwrap_or(self.log.len()));
        self.outbox.push_back(
            json!({"type": "subscribed", "id": id, "cursor": cursor, "recovered": since.is_some()}),
        );
        for at in since.unwrap_or(self.log.len())..self.log.len() {
            self.outbox.push_back(self.frame(id, at));
        }
        self.subscribed.push(id);
    }

    /// From where it can be told what was missed.
    fn position(&self, since: &str) -> Option<usize> {
        let (life, at) = since.split_once('-')?;
        let at = at.parse().ok()?;
        let is_known = life == self.life.to_string() && at >= self.forgotten;
        (is_known && self.log[at..].iter().all(Option::is_some)).then_some(at)
    }

    fn hang_up(&mut self) {
        self.subscribed.clear();
        self.outbox.clear();
    }
}

struct Run {
    paper: Paper,
    server: Server,
    readers: [(Key, Rows<u8, Row>); 2],
}

impl Run {
    /// Two readers of the same rows, the second with snapshots.
    fn new(queue_bytes: usize) -> Self {
        let mut paper = Paper::with(Settings {
            queue_bytes,
            ..settings()
        });
        let readers = [Start::Changes, Start::Snapshot].map(|snapshot| {
            let key = paper.subscribe(Request {
                snapshot,
                ..list(1)
            });
            (key, Rows::by(|row: &Row| row.0))
        });
        Self {
            paper,
            server: Server::default(),
            readers,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Write(id, value) => self.server.write(id, value),
            Step::Unknown => self.server.happen(None),
            Step::Deliver(most) => (0..most).for_each(|_| self.deliver()),
            Step::Open => self.paper.session.handle_open(self.paper.at),
            Step::Cut => self.paper.session.handle_lost(Error::Silent, self.paper.at),
            Step::Restart => {
                self.server.life += 1;
                self.server.log.clear();
                self.server.forgotten = 0;
                self.paper.closes(1006);
            }
            Step::Forget => self.server.forgotten = self.server.log.len(),
            Step::Read(at, most) => {
                let _all = (0..most).all(|_| self.read(at));
            }
            Step::Busy => self.server.is_busy = true,
            Step::Pass(time) => self.paper.pass(millis(time)),
        }
        self.carry();
    }

    /// Carries to the server what the session sends.
    fn carry(&mut self) {
        while let Some(output) = self.paper.session.poll_output() {
            match output {
                Output::Send(text) => self.server.receive(&text),
                Output::HangUp => self.server.hang_up(),
                Output::Dial(_) | Output::AskToken => {}
            }
        }
    }

    fn deliver(&mut self) {
        if let Some(frame) = self.server.outbox.pop_front() {
            self.paper.says(&frame);
            self.carry();
        }
    }

    /// Reads one event, and the rows if that is what it takes.
    fn read(&mut self, at: usize) -> bool {
        let (key, rows) = &mut self.readers[at];
        let context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(told)) = self.paper.session.poll_told(*key, &context) else {
            return false;
        };
        rows.apply(event(told));
        if rows.must_read() && at == 0 {
            rows.replace(self.server.rows.iter().map(|(id, value)| (*id, *value)));
        }
        true
    }

    /// Lets everything come that is on its way.
    fn rest(&mut self) {
        for _ in 0..50 {
            self.paper.comes_back();
            self.step(&Step::Open);
            while !self.server.outbox.is_empty() {
                self.deliver();
            }
            while self.read(0) || self.read(1) {}
            self.carry();
            if self.readers.iter().all(|(_, rows)| rows.is_current())
                && self.server.outbox.is_empty()
            {
                return;
            }
            self.step(&Step::Pass(1000));
        }
        panic!(
            "it does not come to rest: {:?}",
            self.paper.session.listeners
        );
    }

    fn check(&self) {
        for (_, rows) in &self.readers {
            let shown: BTreeMap<u8, u8> = rows.iter().copied().collect();
            assert_eq!(shown, self.server.rows);
        }
    }
}

fn event(told: Told) -> Event<Row> {
    let row = |text: &str| serde_json::from_str(text).unwrap();
    match told {
        Told::Subscribed { recovered } => Event::Subscribed { recovered },
        Told::Snapshot(rows) => Event::Snapshot(rows.iter().map(|text| row(text.get())).collect()),
        Told::Row(Action::Created, text) => Event::Created(row(text.get())),
        Told::Row(Action::Updated, text) => Event::Updated(row(text.get())),
        Told::Row(Action::Deleted, text) => Event::Deleted(row(text.get())),
        Told::Resync(reason) => Event::Resync(reason),
        Told::Lost(error) => Event::Lost(error),
        Told::Ended(error) => Event::Ended(error),
        Told::Error(error) => Event::Error(error),
    }
}

proptest! {
    #[test]
    fn readers_come_to_what_there_is(
        queue_bytes in prop_oneof![1..1000usize, Just(1 << 20)],
        rounds in prop::collection::vec(prop::collection::vec(step(), 1..60), 1..4),
    ) {
        let mut run = Run::new(queue_bytes);
        for steps in &rounds {
            steps.iter().for_each(|step| run.step(step));
            run.rest();
            run.check();
        }
    }
}
