//! A client's page: it applies what it is told, and comes back with the last cursor that it saw.

use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::testing::{Client, Closed};
use serde_json::{Value, json};

use super::models::User;
use super::oracle::{Entry, Page, Target, Told, id_of, last_seq};

/// A user at a page with some groups on it.
pub(crate) struct Viewer {
    user: User,
    client: Option<Client<User>>,
    watches: Vec<Watch>,
}

/// One group that a page shows, and all that it was told of it.
pub(crate) struct Watch {
    target: Target,
    form: Form,
    state: State,
    /// The last cursor, and in which life of the server it was given.
    cursor: Option<(String, u32)>,
    page: Page,
    heard: Vec<Told>,
    /// How much of the history the page's query had seen: what came after it must be heard.
    base: i64,
    /// The snapshot that the page began with, and that is on its way.
    snapshot: Option<Page>,
    arriving: Page,
    /// The first event after a return may be one that was heard: the first half of a change of
    /// key.
    has_returned: bool,
    /// Whether it was told to read again, and waits for a snapshot to do so with.
    is_stale: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Seed,
    Extended,
    /// Extended, and the rows come with the subscription.
    Snapshot,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Off,
    /// Asked for, with a cursor of this life of the server or not, and not answered.
    Asked {
        can_recover: bool,
    },
    On,
}

/// What a viewer sees of the server and the database.
pub(crate) struct Sight<'a> {
    pub(crate) live: &'a Live<User>,
    pub(crate) life: u32,
    /// Whether the server keeps all that a client could have missed.
    pub(crate) has_room: bool,
    pub(crate) database: &'a mut SqliteConnection,
}

impl Viewer {
    pub(crate) fn new(user: User, watches: impl IntoIterator<Item = (Target, Form)>) -> Self {
        let watches = watches.into_iter().map(|(target, form)| Watch {
            target,
            form,
            state: State::Off,
            cursor: None,
            page: Page::new(),
            heard: Vec::new(),
            base: 0,
            snapshot: None,
            arriving: Page::new(),
            has_returned: false,
            is_stale: false,
        });
        Self {
            user,
            client: None,
            watches: watches.collect(),
        }
    }

    /// Whether all that it wants to show is subscribed to.
    pub(crate) fn is_complete(&self) -> bool {
        self.watches.iter().all(|watch| watch.state == State::On)
    }

    pub(crate) fn connect(&mut self, sight: &Sight<'_>) {
        if self.client.is_none() {
            self.client = Some(Client::connect(sight.live, self.user));
        }
    }

    pub(crate) fn disconnect(&mut self) {
        self.client = None;
        for watch in &mut self.watches {
            watch.state = State::Off;
        }
    }

    pub(crate) fn subscribe(&mut self, at: usize, sight: &mut Sight<'_>) {
        let Some(client) = &mut self.client else {
            return;
        };
        let watch = &mut self.watches[at];
        if watch.state != State::Off {
            return;
        }
        let mut message = watch.target.message();
        match watch.form {
            Form::Seed => {
                client.send(message);
                // There is no answer to wait for: when `send` returns, it is subscribed.
                watch.read(self.user, sight);
                watch.state = State::On;
            }
            Form::Extended | Form::Snapshot => {
                message["id"] = at.into();
                if watch.form == Form::Snapshot {
                    message["snapshot"] = true.into();
                }
                watch.arriving.clear();
                if std::mem::take(&mut watch.is_stale) {
                    // With a cursor it would get no rows.
                    watch.cursor = None;
                }
                if let Some((cursor, _)) = &watch.cursor {
                    message["since"] = cursor.as_str().into();
                }
                client.send(message);
                let known = watch.cursor.as_ref();
                let can_recover = known.is_some_and(|(_, life)| *life == sight.life);
                watch.state = State::Asked { can_recover };
                watch.has_returned = can_recover;
            }
        }
    }

    pub(crate) fn unsubscribe(&mut self, at: usize, sight: &mut Sight<'_>) {
        // Reads all first: the cursor to come back with is that of the last event that the server
        // sent.
        if self.watches[at].state == State::Off {
            return;
        }
        self.read(usize::MAX, sight);
        let Some(client) = &mut self.client else {
            return;
        };
        if self.watches[at].state == State::Off {
            // What was read has ended it: there is no snapshot just now.
            return;
        }
        match self.watches[at].form {
            Form::Extended | Form::Snapshot => {
                client.send(json!({"type": "unsubscribe", "id": at}))
            }
            Form::Seed => {
                let mut message = self.watches[at].target.message();
                message["unsubscribe"] = true.into();
                client.send(message);
            }
        }
        self.read(usize::MAX, sight);
        self.watches[at].state = State::Off;
    }

    /// Takes at most so many messages of those that are there.
    pub(crate) fn read(&mut self, most: usize, sight: &mut Sight<'_>) {
        for _ in 0..most {
            let Some(client) = &mut self.client else {
                return;
            };
            match client.try_receive_text() {
                Ok(Some(text)) => self.apply(&text, sight),
                Ok(None) => return,
                Err(Closed { code, .. }) => {
                    assert!(code == 4508 && !sight.has_room, "closed with {code}");
                    self.disconnect();
                }
            }
        }
    }

    fn apply(&mut self, text: &str, sight: &mut Sight<'_>) {
        let message: Value = serde_json::from_str(text).expect("JSON");
        let seed = || {
            let seed = self.watches.iter();
            seed.clone().position(|watch| watch.form == Form::Seed)
        };
        let at = message["id"].as_u64().map(|at| at as usize).or_else(seed);
        let watch = &mut self.watches[at.expect("a subscription of this page")];
        let cursor = message["cursor"].as_str();
        match message["type"].as_str() {
            Some("subscribed") => watch.answered(message["recovered"] == true, self.user, sight),
            Some("unsubscribed") => watch.state = State::Off,
            Some("broadcast") => {
                assert!(cursor.is_some(), "{text}");
                watch.hear(&message);
            }
            None => watch.hear(&message),
            Some("snapshot") => watch.take_part(&message),
            Some("error") => watch.refused(&message, sight),
            Some("resync") => watch.read_again(self.user, sight),
            Some(_) => panic!("{text}"),
        }
        if let Some(cursor) = cursor {
            watch.cursor = Some((cursor.to_owned(), sight.life));
        }
    }

    /// Waits for the snapshots that are on their way.
    pub(crate) fn await_snapshots(&mut self, sight: &mut Sight<'_>) {
        let is_asked = |watch: &Watch| matches!(watch.state, State::Asked { .. });
        while self.watches.iter().any(is_asked)
            && let Some(client) = &mut self.client
        {
            let text = client.receive_text();
            self.apply(&text, sight);
        }
    }

    /// Connects, and subscribes to all there is, one after the other.
    pub(crate) fn show_all(&mut self, sight: &mut Sight<'_>) {
        self.connect(sight);
        for at in 0..self.watches.len() {
            if self.watches[at].is_stale {
                self.unsubscribe(at, sight);
            }
            self.subscribe(at, sight);
            self.read(usize::MAX, sight);
        }
    }

    /// Whether each group shows what is there.
    pub(crate) fn check_pages(&self, database: &mut SqliteConnection) {
        for watch in self.watches.iter().filter(|watch| watch.state == State::On) {
            watch.check_page(self.user, database);
        }
    }

    /// Whether each group is as it should be, at rest and with all messages read.
    pub(crate) fn check(&self, history: &[Entry], database: &mut SqliteConnection) {
        for watch in &self.watches {
            match watch.state {
                State::Off => {}
                State::On => watch.check(self.user, history, database),
                State::Asked { .. } => panic!("{:?} was not answered", watch.target),
            }
        }
    }
}

impl Watch {
    fn answered(&mut self, recovered: bool, user: User, sight: &mut Sight<'_>) {
        let State::Asked { can_recover } = self.state else {
            panic!("{:?} was not asked for", self.target);
        };
        assert!(can_recover || !recovered, "a cursor of another life");
        assert!(
            recovered || !can_recover || !sight.has_room,
            "a cursor is lost"
        );
        self.state = State::On;
        if !recovered && self.form != Form::Snapshot {
            self.read(user, sight);
        }
    }

    fn take_part(&mut self, part: &Value) {
        assert!(matches!(self.state, State::Asked { .. }), "{part}");
        for instance in part["instances"].as_array().expect("rows") {
            let twice = self.arriving.insert(id_of(instance), instance.clone());
            assert_eq!(twice, None, "twice in one snapshot");
        }
        if part["more"] == false {
            self.page = std::mem::take(&mut self.arriving);
            self.snapshot = Some(self.page.clone());
            self.heard.clear();
            self.has_returned = false;
        }
    }

    /// A server that is never quiet, or whose queues are short, may have no snapshot.
    fn refused(&mut self, error: &Value, sight: &Sight<'_>) {
        let (reason, is_asked) = (
            error["reason"].as_str(),
            matches!(self.state, State::Asked { .. }),
        );
        // It was to end at the very moment in which the server gave up.
        let has_ended = self.form == Form::Snapshot && self.state == State::Off;
        if has_ended && reason == Some("unknown_subscription") {
            return;
        }
        let is_busy = reason == Some("snapshot_unavailable");
        let is_small = !sight.has_room && reason == Some("snapshot_too_big");
        assert!(is_asked && (is_busy || is_small), "{error}");
        self.state = State::Off;
    }

    /// Nobody can say what happened.
    fn read_again(&mut self, user: User, sight: &mut Sight<'_>) {
        assert!(!sight.has_room, "nothing is ever unknown here");
        match self.form {
            Form::Snapshot => self.is_stale = true,
            Form::Seed | Form::Extended => self.read(user, sight),
        }
    }

    /// Reads the page over REST.
    fn read(&mut self, user: User, sight: &mut Sight<'_>) {
        let read = sight.database.transaction(|conn| {
            let page = self.target.query(user, conn);
            Ok::<_, diesel::result::Error>((page, last_seq(conn)))
        });
        (self.page, self.base) = read.expect("the tables can be read");
        self.heard.clear();
        self.has_returned = false;
    }

    fn hear(&mut self, message: &Value) {
        let told = Told {
            action: message["action"].as_str().expect("an action").to_owned(),
            instance: message["instance"].clone(),
        };
        told.apply(&mut self.page);
        let is_again = std::mem::take(&mut self.has_returned)
            && told.action == "DELETED"
            && self.heard.last() == Some(&told);
        if !is_again {
            self.heard.push(told);
        }
    }

    fn check_page(&self, user: User, database: &mut SqliteConnection) {
        let (target, form) = (self.target, self.form);
        assert_eq!(
            self.page,
            target.query(user, database),
            "{target:?} of {user:?}, {form:?}, shows otherwise"
        );
    }

    fn check(&self, user: User, history: &[Entry], database: &mut SqliteConnection) {
        let (target, form) = (self.target, self.form);
        self.check_page(user, database);
        let after = |base: i64| history.iter().filter(move |entry| entry.seq > base);
        let seen = self.snapshot.as_ref().map_or(self.base, |_| i64::MAX);
        let due = after(seen).map(|entry| target.events(user, entry).len());
        assert!(
            due.sum::<usize>() <= self.heard.len(),
            "{target:?} of {user:?} heard only {:?}",
            self.heard
        );
        // A commit that was in the database and not yet told when the page was read comes as well.
        let all: Vec<Told> = after(0)
            .flat_map(|entry| target.events(user, entry))
            .collect();
        if let Some((heard, all)) = difference(&self.heard, &all) {
            panic!("{target:?} of {user:?}, {form:?}, heard\n{heard:#?}\nof\n{all:#?}");
        }
        if let Some(snapshot) = &self.snapshot {
            // It shows exactly what had happened before the first event that followed it.
            let mut page = Page::new();
            all[..all.len() - self.heard.len()]
                .iter()
                .for_each(|told| told.apply(&mut page));
            assert_eq!(*snapshot, page, "the snapshot of {target:?} for {user:?}");
        }
    }
}

/// What was heard and what was to be heard, around the last place where they differ, if `heard` is
/// not how `all` ends.
fn difference<'a>(heard: &'a [Told], all: &'a [Told]) -> Option<(&'a [Told], &'a [Told])> {
    let same = heard
        .iter()
        .rev()
        .zip(all.iter().rev())
        .take_while(|(a, b)| a == b);
    let same = same.count();
    let around = |told: &'a [Told]| {
        let until = told.len() - same;
        &told[until.saturating_sub(3)..(until + 3).min(told.len())]
    };
    (same < heard.len()).then(|| (around(heard), around(all)))
}
