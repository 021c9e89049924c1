//! Nobody receives a field of a row image that they could not see.
//!
//! Every text of every image carries a marker of its own. Whatever a connection receives is
//! searched for markers, byte by byte; each has to be of an image, and of a field, that one of its
//! groups showed to its user. `PROPTEST_CASES` sets the number of cases.

use std::cell::Cell;
use std::collections::HashSet;
use std::env;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use rest_live::prelude::*;
use rest_live::testing::Client;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

diesel::table! {
    papers (id) {
        id -> Integer,
        folder_id -> Integer,
        owner_id -> Nullable<Integer>,
        is_public -> Bool,
        mood -> Integer,
        title -> Text,
        body -> Text,
    }
}

/// `images` remembers every image that was committed.
const SCHEMA: &str = "
    CREATE TABLE papers (id INTEGER PRIMARY KEY, folder_id INTEGER NOT NULL, owner_id INTEGER, is_public BOOLEAN NOT NULL, mood INTEGER NOT NULL,
        title TEXT NOT NULL, body TEXT NOT NULL);
    CREATE TABLE images AS SELECT * FROM papers;
    CREATE TRIGGER on_insert AFTER INSERT ON papers BEGIN
        INSERT INTO images VALUES (NEW.id, NEW.folder_id, NEW.owner_id, NEW.is_public, NEW.mood, NEW.title, NEW.body);
    END;
    CREATE TRIGGER on_update AFTER UPDATE ON papers BEGIN
        INSERT INTO images VALUES (NEW.id, NEW.folder_id, NEW.owner_id, NEW.is_public, NEW.mood, NEW.title, NEW.body);
    END;
";

/// Papers of this mood cannot be serialized in short: halfway through, it panics.
const PANICS: i32 = 1;
/// Nor these: halfway through, it fails.
const FAILS: i32 = 2;
/// And of these, nobody can be asked whether they are the owner.
const GUARDED: i32 = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
struct User(i32);

fn is_owner(user: &User, paper: &Paper) -> bool {
    assert!(paper.mood != GUARDED, "no permission for {}", paper.body);
    paper.owner_id == Some(user.0)
}

fn is_public(_: &User, paper: &Paper) -> bool {
    paper.is_public
}

#[derive(
    Debug, Clone, Queryable, Selectable, Identifiable, Serialize, Deserialize, Subscribable,
)]
#[diesel(table_name = papers)]
#[live(label = "leak.Paper")]
#[subscribable(check_permission = is_owner)]
#[subscribable(check_permission = is_public, fields("id", "title"))]
#[subscribable(group_key = "folder_id", check_permission = is_owner)]
#[subscribable(group_key = "folder_id", check_permission = is_public, serializer = Short)]
#[subscribable(group_key("folder_id", "is_public"), check_permission = is_public.not().and(is_owner))]
#[subscribable(group_key = "owner_id", check_permission = is_public, serializer = Short)]
struct Paper {
    id: i32,
    folder_id: i32,
    owner_id: Option<i32>,
    is_public: bool,
    mood: i32,
    title: String,
    body: String,
}

/// A paper without its body.
struct Short {
    id: i32,
    mood: i32,
    title: String,
}

impl From<&Paper> for Short {
    fn from(paper: &Paper) -> Self {
        Self {
            id: paper.id,
            mood: paper.mood,
            title: paper.title.clone(),
        }
    }
}

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut short = serializer.serialize_struct("Short", 2)?;
        short.serialize_field("id", &self.id)?;
        short.serialize_field("title", &self.title)?;
        match self.mood {
            PANICS => panic!("no serializer for {}", self.title),
            FAILS => Err(serde::ser::Error::custom(&self.title)),
            _ => short.end(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Paper(i32),
    Folder(i32),
    Private(i32, bool),
    Owner(Option<i32>),
}

impl Target {
    fn message(self) -> Value {
        let (property, value) = match self {
            Self::Paper(id) => (json!("pk"), json!(id)),
            Self::Folder(id) => (json!("folder_id"), json!(id)),
            Self::Private(id, is) => (json!(["folder_id", "is_public"]), json!([id, is])),
            Self::Owner(id) => (json!("owner_id"), json!(id)),
        };
        json!({"model": "leak.Paper", "property": property, "value": value})
    }

    /// The texts of an image that this group shows to a user.
    fn shows(self, user: User, paper: &Paper) -> Vec<&str> {
        let is_owner = paper.mood != GUARDED && paper.owner_id == Some(user.0);
        let can_short = paper.is_public && ![PANICS, FAILS].contains(&paper.mood);
        let (full, title) = (
            vec![paper.title.as_str(), paper.body.as_str()],
            vec![paper.title.as_str()],
        );
        match self {
            Self::Paper(id) if id == paper.id && is_owner => full,
            Self::Paper(id) if id == paper.id && paper.is_public => title,
            Self::Folder(id) if id == paper.folder_id && is_owner => full,
            Self::Folder(id) if id == paper.folder_id && can_short => title,
            Self::Private(id, false) if id == paper.folder_id && !paper.is_public && is_owner => {
                full
            }
            Self::Owner(id) if id == paper.owner_id && can_short => title,
            _ => vec![],
        }
    }
}

/// A statement; `#` is a marker of its own wherever it stands.
#[derive(Debug, Clone)]
enum Write {
    Replace(i32, i32, Option<i32>, bool, i32),
    Update(&'static str, i32),
    Delete(i32),
}

impl Write {
    fn text(&self) -> String {
        match self {
            Self::Replace(id, folder, owner, is_public, mood) => {
                let owner = owner.map_or("NULL".to_owned(), |owner| owner.to_string());
                format!(
                    "REPLACE INTO papers VALUES ({id}, {folder}, {owner}, {is_public}, {mood}, '#', '#')"
                )
            }
            Self::Update(set, id) => {
                format!("UPDATE papers SET {set}, title = '#', body = '#' WHERE id = {id}")
            }
            Self::Delete(id) => format!("DELETE FROM papers WHERE id = {id}"),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(Write),
    /// All in one transaction, which is committed or not.
    Transact(Vec<Write>, bool),
    /// Ends a connection and opens one as that user, who brings the cursors of whoever was there
    /// before.
    Connect(usize, User),
    /// In the extended form, after the last cursor if there is one; or in the seed form.
    Subscribe(usize, Target, bool),
}

fn write() -> impl Strategy<Value = Write> + Clone {
    let sets = vec![
        "folder_id = 3 - folder_id",
        "owner_id = 3 - owner_id",
        "owner_id = NULL",
        "is_public = NOT is_public",
        "is_public = FALSE, owner_id = 2",
        "folder_id = 3 - folder_id, owner_id = 3 - owner_id",
        "folder_id = 3 - folder_id, is_public = NOT is_public",
        "owner_id = 1, is_public = FALSE",
        "mood = 0",
        "mood = 1",
        "mood = 2",
        "mood = 3",
        "is_public = TRUE, mood = 1",
        "is_public = TRUE, owner_id = 3, mood = 2",
        "id = id + 1",
        "id = id - 1, owner_id = 1",
    ];
    let id = 1..4i32;
    let replace = (
        id.clone(),
        1..3i32,
        prop::option::of(1..3i32),
        any::<bool>(),
        0..8i32,
    );
    prop_oneof![
        3 => replace.prop_map(|(id, folder, owner, is_public, mood)| Write::Replace(id, folder, owner, is_public, mood)),
        8 => (prop::sample::select(sets), id.clone()).prop_map(|(set, id)| Write::Update(set, id)),
        1 => id.prop_map(Write::Delete),
    ]
}

const CLIENTS: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let user = (1..4i32).prop_map(User);
    let target = prop_oneof![
        (1..4i32).prop_map(Target::Paper),
        (1..3i32).prop_map(Target::Folder),
        (1..3i32, any::<bool>()).prop_map(|(folder, is)| Target::Private(folder, is)),
        prop::option::of(1..3i32).prop_map(Target::Owner),
    ];
    prop_oneof![
        10 => write().prop_map(Step::Write),
        2 => (prop::collection::vec(write(), 1..4), any::<bool>()).prop_map(|(writes, commits)| Step::Transact(writes, commits)),
        2 => (0..CLIENTS, user).prop_map(|(at, user)| Step::Connect(at, user)),
        5 => (0..CLIENTS, target, any::<bool>()).prop_map(|(at, target, is_seed)| Step::Subscribe(at, target, is_seed)),
    ]
}

/// One connection: what it asked for, and all that it was sent.
struct Session {
    user: User,
    client: Client<User>,
    targets: Vec<Target>,
    received: String,
}

impl Session {
    fn new(live: &Live<User>, user: User) -> Self {
        Self {
            user,
            client: Client::connect(live, user),
            targets: Vec::new(),
            received: String::new(),
        }
    }

    fn read(&mut self) -> Option<String> {
        let mut cursor = None;
        while let Some(text) = self.client.try_receive_text().expect("an open connection") {
            let message: Value = serde_json::from_str(&text).expect("JSON");
            cursor = message["cursor"].as_str().map(str::to_owned).or(cursor);
            self.received += &text;
        }
        cursor
    }
}

struct World {
    live: Live<User>,
    conn: LiveConnection<SqliteConnection>,
    /// Subscribed to nothing: tells when the dispatcher is done.
    idle: Client<User>,
    sessions: Vec<Session>,
    /// Those of connections that are closed.
    ended: Vec<Session>,
    cursors: Vec<Option<String>>,
    markers: u32,
}

impl World {
    fn new() -> Self {
        let live = Live::<User>::builder()
            .model::<Paper>()
            .authenticate(|_| async { Ok(User(0)) })
            .build()
            .expect("the model is in order");
        let mut conn = SqliteConnection::establish(":memory:").expect("a database");
        conn.batch_execute(SCHEMA).expect("the schema is in order");
        Self {
            conn: LiveConnection::new(conn, &live).expect("a live connection"),
            sessions: (0..CLIENTS as i32)
                .map(|at| Session::new(&live, User(at + 1)))
                .collect(),
            idle: Client::connect(&live, User(0)),
            live,
            ended: Vec::new(),
            cursors: vec![None; CLIENTS],
            markers: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Write(write) => {
                let text = self.marked(&write.text());
                // A key may be taken.
                drop(diesel::sql_query(text).execute(&mut self.conn));
            }
            Step::Transact(writes, commits) => {
                let texts: Vec<_> = writes
                    .iter()
                    .map(|write| self.marked(&write.text()))
                    .collect();
                let result = self.conn.transaction(|conn| {
                    for text in texts {
                        drop(diesel::sql_query(text).execute(conn));
                    }
                    commits.then_some(()).ok_or(Error::RollbackTransaction)
                });
                assert_eq!(result.is_ok(), *commits);
            }
            Step::Connect(at, user) => {
                self.read(*at);
                let new = Session::new(&self.live, *user);
                self.ended
                    .push(std::mem::replace(&mut self.sessions[*at], new));
            }
            Step::Subscribe(at, target, is_seed) => self.subscribe(*at, *target, *is_seed),
        }
    }

    fn subscribe(&mut self, at: usize, target: Target, is_seed: bool) {
        self.read(at);
        let session = &mut self.sessions[at];
        let mut message = target.message();
        if !is_seed {
            message["id"] = session.targets.len().into();
            if let Some(cursor) = &self.cursors[at] {
                message["since"] = cursor.as_str().into();
            }
        }
        session.targets.push(target);
        session.client.send(message);
    }

    fn read(&mut self, at: usize) {
        self.idle.receive_nothing();
        let cursor = self.sessions[at].read();
        self.cursors[at] = cursor.or(self.cursors[at].take());
    }

    fn marked(&mut self, text: &str) -> String {
        let mut marked = String::new();
        for part in text.split_inclusive('#') {
            marked += part.trim_end_matches('#');
            if part.ends_with('#') {
                self.markers += 1;
                marked += &format!("<{:06}>", self.markers);
            }
        }
        marked
    }

    /// Searches all that was received; gives how many markers were found.
    fn check(mut self) -> usize {
        (0..CLIENTS).for_each(|at| self.read(at));
        let images = diesel::sql_query("SELECT * FROM images").load::<Image>(&mut self.conn);
        let images: Vec<Paper> = images
            .expect("images")
            .into_iter()
            .map(Image::into)
            .collect();
        let sessions = self.sessions.iter().chain(&self.ended);
        sessions.map(|session| session.check(&images)).sum()
    }
}

impl Session {
    fn check(&self, images: &[Paper]) -> usize {
        let shown = images.iter().flat_map(|paper| {
            let targets = self.targets.iter();
            targets.flat_map(move |target| target.shows(self.user, paper))
        });
        let allowed: HashSet<&str> = shown.collect();
        let found = markers(&self.received);
        for marker in &found {
            assert!(
                allowed.contains(marker),
                "{marker} is not for {:?}, who asked for {:?} and got {}",
                self.user,
                self.targets,
                self.received
            );
        }
        found.len()
    }
}

/// All markers in a text, wherever they stand.
fn markers(text: &str) -> Vec<&str> {
    let starts = text.match_indices('<').map(|(at, _)| at);
    let marker = |at| text.get(at..at + 8).filter(|marker| marker.ends_with('>'));
    starts.filter_map(marker).collect()
}

#[derive(QueryableByName)]
#[diesel(table_name = papers)]
struct Image {
    id: i32,
    folder_id: i32,
    owner_id: Option<i32>,
    is_public: bool,
    mood: i32,
    title: String,
    body: String,
}

impl From<Image> for Paper {
    fn from(image: Image) -> Self {
        let Image {
            id,
            folder_id,
            owner_id,
            is_public,
            mood,
            title,
            body,
        } = image;
        Self {
            id,
            folder_id,
            owner_id,
            is_public,
            mood,
            title,
            body,
        }
    }
}

#[test]
fn nobody_receives_what_they_could_not_see() {
    let cases = env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(1_500),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource(
            "proptest-regressions",
        ))),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    let found = Cell::new(0);
    let result = TestRunner::new(config).run(&prop::collection::vec(step(), 1..40), |steps| {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        found.set(found.get() + world.check());
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    assert!(
        found.get() > 100,
        "they received what they could see: {} texts",
        found.get()
    );
}
