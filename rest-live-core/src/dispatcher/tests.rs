mod rights;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::GroupId;
use crate::change::{Change, ModelId};
use crate::explain::Standing;
use crate::fixture::{Note, PANICS, PANICS_TOO, Shelf, World, messages, note, parsed, texts};
use crate::limits::Limits;
use crate::session::Session;

const STRANGER: i32 = 2;
const OWNER: i32 = 1;

/// The actions, and the keys of the instances, that a subscriber of list 1 hears of one change.
fn heard(user: i32, old: Option<Note>, new: Option<Note>) -> Vec<(String, usize)> {
    let mut world = World::new(Limits::default());
    let mut session = world.connect(user);
    session
        .handle_text(&json!({"model": "app.Note", "property": "list_id", "value": 1}).to_string());
    world.change(old, new);
    let told = messages(&mut session).into_iter();
    told.map(|event| {
        (
            event["action"].as_str().unwrap().to_owned(),
            event["instance"].as_object().unwrap().len(),
        )
    })
    .collect()
}

fn told(action: &str, keys: usize) -> Vec<(String, usize)> {
    vec![(action.to_owned(), keys)]
}

const FULL: usize = 5;
const PUBLIC: usize = 1;
const SILENCE: Vec<(String, usize)> = Vec::new();

#[test]
fn rows_come_change_and_go() {
    assert_eq!(heard(OWNER, None, Some(note())), told("CREATED", FULL));
    assert_eq!(
        heard(
            OWNER,
            Some(note()),
            Some(Note {
                text: "u".into(),
                ..note()
            })
        ),
        told("UPDATED", FULL)
    );
    assert_eq!(heard(OWNER, Some(note()), None), told("DELETED", FULL));
    assert_eq!(heard(STRANGER, None, Some(note())), SILENCE);
    assert_eq!(
        heard(
            STRANGER,
            Some(note()),
            Some(Note {
                text: "u".into(),
                ..note()
            })
        ),
        SILENCE
    );
    assert_eq!(heard(STRANGER, Some(note()), None), SILENCE);
}

#[test]
fn a_row_that_moves_leaves_one_group_and_enters_the_other() {
    let elsewhere = || Note {
        list_id: Some(2),
        ..note()
    };
    let nowhere = || Note {
        list_id: None,
        ..note()
    };
    for away in [elsewhere, nowhere] {
        assert_eq!(
            heard(OWNER, Some(note()), Some(away())),
            told("DELETED", FULL)
        );
        assert_eq!(
            heard(OWNER, Some(away()), Some(note())),
            told("CREATED", FULL)
        );
    }
    assert_eq!(heard(OWNER, Some(elsewhere()), Some(nowhere())), SILENCE);
}

#[test]
fn a_row_that_changes_rights_comes_and_goes_with_them() {
    let public = || Note {
        public: true,
        ..note()
    };
    assert_eq!(
        heard(STRANGER, Some(note()), Some(public())),
        told("CREATED", PUBLIC)
    );
    assert_eq!(
        heard(STRANGER, Some(public()), Some(public())),
        told("UPDATED", PUBLIC)
    );
    assert_eq!(
        heard(STRANGER, Some(public()), Some(note())),
        told("DELETED", PUBLIC)
    );
    let given = || Note {
        owner: STRANGER,
        ..note()
    };
    assert_eq!(
        heard(STRANGER, Some(public()), Some(given())),
        told("UPDATED", FULL),
        "another view of it"
    );
    assert_eq!(
        heard(OWNER, Some(note()), Some(given())),
        told("DELETED", FULL),
        "as it was seen last"
    );
    assert_eq!(
        heard(
            OWNER,
            Some(public()),
            Some(Note {
                public: true,
                ..given()
            })
        ),
        told("UPDATED", PUBLIC)
    );
    let away = || Note {
        list_id: Some(2),
        owner: STRANGER,
        text: "secret".into(),
        ..note()
    };
    assert_eq!(
        heard(OWNER, Some(note()), Some(away())),
        told("DELETED", FULL),
        "moves and loses the right at once"
    );
    assert_eq!(heard(STRANGER, Some(note()), Some(away())), SILENCE);
}

#[test]
fn a_row_whose_key_changes_is_another_row() {
    let other = || Note { id: 8, ..note() };
    let both = vec![("DELETED".to_owned(), FULL), ("CREATED".to_owned(), FULL)];
    assert_eq!(heard(OWNER, Some(note()), Some(other())), both);
}

#[test]
fn code_that_panics_counts_as_no() {
    let guarded = || Note {
        owner: PANICS_TOO,
        public: true,
        ..note()
    };
    assert_eq!(
        heard(STRANGER, None, Some(guarded())),
        told("CREATED", PUBLIC),
        "the next registration is asked"
    );
    let unwritable = || Note {
        public: true,
        text: PANICS.into(),
        ..note()
    };
    let public = || Note {
        public: true,
        ..note()
    };
    assert_eq!(heard(STRANGER, None, Some(unwritable())), SILENCE);
    assert_eq!(
        heard(STRANGER, Some(public()), Some(unwritable())),
        told("DELETED", PUBLIC)
    );
    assert_eq!(heard(STRANGER, Some(unwritable()), None), SILENCE);
    assert_eq!(
        heard(OWNER, Some(public()), Some(unwritable())),
        told("UPDATED", FULL),
        "who has another view"
    );
}

#[test]
fn a_commit_of_many_changes_is_told_in_order() {
    let mut world = World::new(Limits::default());
    let mut session = world.connect(OWNER);
    session.handle_text(r#"{"model":"app.Note","property":"list_id","value":1}"#);
    world.commit((0..1000).map(|id| (None, Some(Note { id, ..note() }))));
    world.dispatch();
    let ids: Vec<_> = messages(&mut session)
        .iter()
        .map(|event| event["instance"]["id"].as_i64().unwrap())
        .collect();
    assert!(ids.into_iter().eq(0..1000));
}

fn subscribe(session: &mut Session<i32>, since: Option<&str>) -> Vec<Value> {
    let mut message = json!({"id": "n", "model": "app.Note", "property": "list_id", "value": 1});
    if let Some(since) = since {
        message["since"] = since.into();
    }
    session.handle_text(&message.to_string());
    messages(session)
}

#[test]
fn who_comes_back_gets_an_ack_and_then_what_was_missed() {
    let mut world = World::new(Limits::default());
    let mut session = world.connect(OWNER);
    let cursor = subscribe(&mut session, None)[0]["cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    drop(session);
    world.commit((0..3).map(|id| (None, Some(Note { id, ..note() }))));
    world.change(
        None,
        Some(Note {
            list_id: Some(2),
            ..note()
        }),
    );
    let mut session = world.connect(OWNER);
    let answers = subscribe(&mut session, Some(&cursor));
    let kinds: Vec<_> = answers
        .iter()
        .map(|answer| (&answer["type"], &answer["cursor"]))
        .collect();
    // The ack's cursor is not ahead of what comes after it.
    let expected = [
        ("subscribed", "1-0"),
        ("broadcast", "1-1"),
        ("broadcast", "1-2"),
        ("broadcast", "1-3"),
    ]
    .map(|(kind, cursor)| (json!(kind), json!(cursor)));
    assert!(
        kinds
            .into_iter()
            .eq(expected.iter().map(|(kind, cursor)| (kind, cursor)))
    );
    assert_eq!(answers[0]["recovered"], true);
    let mut session = world.connect(OWNER);
    let answers = subscribe(&mut session, Some("1-3"));
    assert_eq!(
        (answers.len(), &answers[0]["cursor"]),
        (1, &json!("1-4")),
        "nothing was missed"
    );

    let mut session = world.connect(OWNER);
    let answers = subscribe(&mut session, Some("1-2"));
    assert_eq!(
        answers.len(),
        2,
        "from the middle of a commit, the rest of it"
    );
    let mut session = world.connect(STRANGER);
    assert_eq!(
        subscribe(&mut session, Some("1-0")).len(),
        1,
        "with the rights of today"
    );
}

#[test]
fn who_is_cut_off_between_the_halves_of_a_change_gets_the_second() {
    let mut world = World::new(Limits::default());
    let mut session = world.connect(OWNER);
    subscribe(&mut session, None);
    world.change(None, Some(note()));
    world.change(Some(note()), Some(Note { id: 8, ..note() }));
    let told = messages(&mut session);
    let cursor = told[1]["cursor"].as_str();
    assert_eq!(
        (&told[1]["action"], cursor),
        (&json!("DELETED"), Some("1-1"))
    );
    let mut session = world.connect(OWNER);
    let again = subscribe(&mut session, cursor);
    assert_eq!(again[1..], told[1..]);
}

#[test]
fn who_joins_is_not_told_what_was_in_the_log_before() {
    let mut world = World::new(Limits::default());
    world.commit([(None, Some(note()))]);
    let mut session = world.connect(OWNER);
    assert_eq!(subscribe(&mut session, None)[0]["cursor"], "1-1");
    world.dispatch();
    assert!(messages(&mut session).is_empty());
    world.change(Some(note()), None);
    assert_eq!(messages(&mut session).len(), 1);
}

#[test]
fn who_cannot_be_told_all_is_told_so() {
    let mut world = World::new(Limits {
        queue_bytes: 2000,
        ..Limits::default()
    });
    world.commit((0..100).map(|id| (None, Some(Note { id, ..note() }))));
    world.dispatch();
    let foreign = ["2-0", "1-65", "", "nonsense", "1-ffffffffffffffff"];
    for since in foreign.into_iter().chain(["1-0"]) {
        let mut session = world.connect(OWNER);
        let answers = subscribe(&mut session, Some(since));
        assert_eq!(answers.len(), 1, "{since:?}");
        assert_eq!(
            (&answers[0]["recovered"], &answers[0]["cursor"]),
            (&json!(false), &json!("1-64")),
            "{since:?}"
        );
    }
    let mut session = world.connect(OWNER);
    assert_eq!(
        subscribe(&mut session, Some("1-64"))[0]["recovered"],
        true,
        "nothing was missed"
    );
}

#[test]
fn what_is_still_to_be_told_is_said_to_be() {
    let world = World::new(Limits::default());
    let mut session = world.connect(OWNER);
    subscribe(&mut session, None);
    let group = GroupId {
        model: ModelId(0),
        property: 1,
        value: json!(1),
    };
    let standing = || {
        let dispatcher = world.hub.dispatcher();
        [1, 2].map(|position| dispatcher.standing(&group, session.outbox(), position))
    };
    world.commit([(None, Some(note()))]);
    assert_eq!(standing(), [Standing::Waiting, Standing::Waiting]);
    world.dispatching()();
    assert_eq!(standing(), [Standing::Subscribed, Standing::Waiting]);
}

#[test]
fn who_comes_back_pays_for_the_changes_of_its_group() {
    let mut world = World::new(Limits {
        queue_bytes: 2000,
        ..Limits::default()
    });
    let elsewhere = |id| Note {
        id,
        list_id: Some(2),
        ..note()
    };
    world.commit((0..100).map(|id| (None, Some(elsewhere(id)))));
    world.change(None, Some(note()));
    let mut session = world.connect(OWNER);
    let answers = subscribe(&mut session, Some("1-0"));
    assert_eq!(answers[0]["recovered"], true);
    assert_eq!(answers[1]["cursor"], "1-65");
    let mut session = world.connect(STRANGER);
    let mut message = json!({"id": "m", "model": "app.Note", "property": "list_id", "value": 2});
    message["since"] = "1-0".into();
    session.handle_text(&message.to_string());
    let answers = messages(&mut session);
    assert_eq!(
        (answers.len(), &answers[0]["recovered"]),
        (1, &json!(false)),
        "none of a hundred may be seen, but they are not looked through either"
    );
}

proptest! {
    /// Whatever of it the dispatcher has come to.
    #[test]
    fn who_comes_back_hears_what_those_did_who_stayed(
        changes in prop::collection::vec((0..3i32, 0..4usize, 0..4usize), 1..30),
        dispatched in 0..30usize,
        since in 0..30usize,
    ) {
        let mut world = World::new(Limits::default());
        let mut stayed = world.connect(OWNER);
        subscribe(&mut stayed, None);
        let image = |id: i32, list: usize| {
            let list_id = [None, Some(1), Some(2)].get(list).copied();
            list_id.map(|list_id| Note { id, list_id, ..note() })
        };
        for (number, &(id, old, new)) in changes.iter().enumerate() {
            if number == dispatched {
                world.dispatch();
            }
            // Now and then the key changes.
            world.commit([(image(id, old), image(id + i32::from(new == old), new))]);
        }
        let since = since.min(changes.len());
        let mut back = world.connect(OWNER);
        let mut told = subscribe(&mut back, Some(&format!("1-{since:x}")));
        prop_assert_eq!(&told.remove(0)["recovered"], &json!(true));
        world.dispatch();
        told.extend(messages(&mut back));
        let position = |event: &Value| {
            let cursor = event["cursor"].as_str().and_then(|cursor| cursor.split_once('-'));
            u64::from_str_radix(cursor.expect("a cursor").1, 16).expect("a position")
        };
        // The first half of a change of key has the cursor of the change before.
        let mut due = messages(&mut stayed);
        let next = |due: &[Value]| due.first().map(&position);
        while next(&due).is_some_and(|at| at < since as u64) || due.len() > told.len() && next(&due) == Some(since as u64) {
            due.remove(0);
        }
        prop_assert_eq!(told, due);
    }
}

#[test]
fn what_nobody_knows_is_said() {
    let mut world = World::new(Limits::default());
    let mut session = world.connect(OWNER);
    session.handle_text(r#"{"model":"app.Note","property":["list_id","owner"],"value":[1,1]}"#);
    subscribe(&mut session, None);
    world.commit_unknown();
    world.dispatch();
    let mut told = texts(&mut session).unwrap();
    told.sort();
    assert_eq!(
        told,
        [
            r#"{"type":"resync","id":"n","cursor":"1-1","reason":"changes_unknown"}"#,
            r#"{"type":"resync","model":"app.Note","property":["list_id","owner"],"value":[1,1],"reason":"changes_unknown"}"#,
        ]
    );
    let mut session = world.connect(OWNER);
    assert_eq!(
        subscribe(&mut session, Some("1-0"))[0]["recovered"],
        false,
        "it cannot be replayed"
    );
    let mut session = world.connect(OWNER);
    assert_eq!(subscribe(&mut session, Some("1-1"))[0]["recovered"], true);
}

/// What a client of list 1 shows: the rows that it was told of.
#[derive(Default)]
struct Page {
    rows: Rows,
    /// The parts of a snapshot that is arriving.
    arriving: Rows,
    /// Since its last snapshot it was told every change, and it never read for itself: no event
    /// comes twice, and none is missed.
    is_exact: bool,
    cursor: Option<String>,
}

type Rows = std::collections::BTreeMap<i64, Value>;

impl Page {
    /// Takes what came; asks the database again when it is told to.
    fn apply(&mut self, all: Vec<Value>, database: &[Note], user: i32) {
        for message in all {
            match message["type"].as_str() {
                Some("snapshot") => {
                    self.take_part(&message);
                    continue;
                }
                Some("subscribed") if message["recovered"] == false && !self.is_exact => {
                    self.rows = shown(database, user);
                }
                Some("resync") => {
                    self.rows = shown(database, user);
                    self.is_exact = false;
                }
                Some("subscribed") => {}
                Some("broadcast") => self.take_event(&message),
                _ => panic!("{message}"),
            }
            self.cursor = Some(message["cursor"].as_str().unwrap().to_owned());
        }
    }

    fn take_part(&mut self, part: &Value) {
        for instance in part["instances"].as_array().unwrap() {
            let id = instance["id"].as_i64().unwrap();
            assert_eq!(self.arriving.insert(id, instance.clone()), None, "twice");
        }
        if part["more"] == false {
            self.rows = std::mem::take(&mut self.arriving);
            self.is_exact = true;
        }
    }

    fn take_event(&mut self, event: &Value) {
        let instance = event["instance"].clone();
        let id = instance["id"].as_i64().unwrap();
        let was_there = match event["action"].as_str() {
            Some("DELETED") => self.rows.remove(&id),
            _ => self.rows.insert(id, instance),
        };
        if self.is_exact {
            assert_eq!(was_there.is_none(), event["action"] == "CREATED", "{event}");
        }
    }
}

/// The query that a client of list 1 would get: the oracle, which knows nothing of changes.
fn shown(database: &[Note], user: i32) -> Rows {
    let seen = database
        .iter()
        .filter(|note| note.list_id == Some(1) && (note.owner == user || note.public));
    seen.map(|note| {
        let instance = if note.owner == user {
            serde_json::to_value(note).unwrap()
        } else {
            json!({"id": note.id})
        };
        (i64::from(note.id), instance)
    })
    .collect()
}

/// Writes rows; gives what was there before, and what is there now.
fn write(
    database: &mut Vec<Note>,
    writes: Vec<(i32, Option<Note>)>,
) -> Vec<(Option<Note>, Option<Note>)> {
    let write = |(id, new): (i32, Option<Note>)| {
        let old = database
            .iter()
            .position(|note| note.id == id)
            .map(|at| database.swap_remove(at));
        database.extend(new.clone());
        (old, new)
    };
    writes.into_iter().map(write).collect()
}

#[derive(Debug, Clone)]
enum Step {
    /// Writes these rows in one transaction: `None` deletes.
    Commit(Vec<(i32, Option<Note>)>),
    /// The same, and nobody knows what.
    Lose(Vec<(i32, Option<Note>)>),
    Dispatch,
    Disconnect(usize),
    Connect(usize),
    ConnectWithSnapshot(usize),
    /// Reads the snapshots that were asked for, while these rows are written.
    Serve(Vec<(i32, Option<Note>)>),
}

fn step() -> impl Strategy<Value = Step> {
    let row = (
        0..4i32,
        1..3i32,
        prop::option::of(1..3i32),
        any::<bool>(),
        0..3u8,
    )
        .prop_map(|(id, owner, list_id, public, text)| Note {
            id,
            list_id,
            owner,
            public,
            text: text.to_string(),
        });
    let write = (0..4i32, prop::option::weighted(0.8, row))
        .prop_map(|(id, row)| (id, row.map(|row| Note { id, ..row })));
    let writes = prop::collection::vec(write, 1..4);
    prop_oneof![
        10 => writes.clone().prop_map(Step::Commit),
        1 => writes.clone().prop_map(Step::Lose),
        3 => writes.prop_map(Step::Serve),
        6 => Just(Step::Dispatch),
        2 => (0..3usize).prop_map(Step::Disconnect),
        4 => (0..3usize).prop_map(Step::Connect),
        4 => (0..3usize).prop_map(Step::ConnectWithSnapshot),
    ]
}

/// Who asks for a snapshot also says what it has, if anything.
fn connect(
    world: &World,
    user: i32,
    page: &mut Page,
    snapshot: bool,
) -> (Session<i32>, Vec<Value>) {
    let mut session = world.connect(user);
    let mut message = json!({"id": "n", "model": "app.Note", "property": "list_id", "value": 1, "snapshot": snapshot});
    if let Some(cursor) = &page.cursor {
        message["since"] = cursor.as_str().into();
    }
    page.arriving.clear();
    session.handle_text(&message.to_string());
    let answers = messages(&mut session);
    let is_recovered = answers.first().is_some_and(|ack| ack["recovered"] == true);
    page.is_exact &= is_recovered;
    (session, answers)
}

/// What is written to the shelf while a snapshot is read.
fn write_meanwhile(world: &World, shelf: &Shelf, writes: Vec<(i32, Option<Note>)>) {
    let (log, shelf) = (std::sync::Arc::clone(&world.log), shelf.clone());
    shelf.clone().meanwhile(move || {
        let written = write(&mut shelf.lock().notes, writes);
        let changes = written.into_iter().filter(|(old, new)| old != new);
        log.ticket().commit(
            changes
                .map(|(old, new)| Change::new(ModelId(0), old, new))
                .collect(),
        );
        Ok(())
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever is written, whoever is cut off and whenever: at rest every page shows what its user would read.
    #[test]
    fn a_page_that_applies_what_it_gets_shows_what_is_there(
        steps in prop::collection::vec(step(), 1..60),
        log_changes in 0..12usize,
    ) {
        let shelf = Shelf::default();
        let limits = Limits { log_changes, queue_bytes: 3000, snapshot_part_bytes: 200, ..Limits::default() };
        let mut world = World::with_shelf(limits, &shelf);
        let users = [1, 2, 3];
        let mut pages: Vec<(Page, Option<Session<i32>>)> = users.iter().map(|_| (Page::default(), None)).collect();
        let mut steps = steps;
        steps.extend([Step::Dispatch].into_iter().chain((0..3).map(Step::Connect)));
        steps.extend([Step::Serve(Vec::new()), Step::Dispatch]);
        for step in steps {
            match step {
                Step::Commit(writes) => {
                    let changes = write(&mut shelf.lock().notes, writes);
                    world.commit(changes.into_iter().filter(|(old, new)| old != new));
                }
                Step::Lose(writes) => {
                    write(&mut shelf.lock().notes, writes);
                    world.commit_unknown();
                }
                Step::Dispatch => world.dispatch(),
                Step::Serve(writes) => {
                    write_meanwhile(&world, &shelf, writes);
                    world.serve();
                }
                Step::Disconnect(at) => pages[at].1 = None,
                Step::Connect(at) | Step::ConnectWithSnapshot(at) if pages[at].1.is_none() => {
                    let snapshot = matches!(step, Step::ConnectWithSnapshot(_));
                    let (session, answers) = connect(&world, users[at], &mut pages[at].0, snapshot);
                    pages[at].0.apply(answers, &shelf.notes(), users[at]);
                    pages[at].1 = Some(session);
                }
                Step::Connect(_) | Step::ConnectWithSnapshot(_) => {}
            }
            for ((page, session), user) in pages.iter_mut().zip(users) {
                let Some(connected) = session else { continue };
                connected.handle_timeout(world.now);
                match texts(connected) {
                    Ok(texts) => page.apply(parsed(&texts), &shelf.notes(), user),
                    Err(_) => *session = None,
                }
            }
        }
        for ((page, session), user) in pages.iter().zip(users) {
            prop_assert!(session.as_ref().is_none_or(|session| !session.awaits_snapshot()));
            prop_assert_eq!(&page.rows, &shown(&shelf.notes(), user), "user {}", user);
        }
    }
}
