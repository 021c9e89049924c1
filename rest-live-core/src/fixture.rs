//! A model, and a world without threads, for the tests of this crate.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::change::{Change, ModelId};
use crate::connections::Identity;
use crate::dispatcher::Filled;
use crate::key::Key;
use crate::label::Label;
use crate::limits::Limits;
use crate::live::Hub;
use crate::log::{Epoch, Log, Quiet, Retention};
use crate::model::{Description, Registration, Subscribable, SubscribableBy, to_json};
use crate::registry::Registry;
use crate::session::{CloseReason, Output, Session, Who};
use crate::snapshot::{SnapshotError, SnapshotGroup, SnapshotSource, serve};

/// Seen in full by its owner, without its text by everybody if it is public, and by nobody else. By
/// primary key: by everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    pub(crate) id: i32,
    pub(crate) list_id: Option<i32>,
    pub(crate) owner: i32,
    pub(crate) public: bool,
    pub(crate) text: String,
}

/// A note of list 1 and of user 1, not public.
pub(crate) fn note() -> Note {
    Note {
        id: 7,
        list_id: Some(1),
        owner: 1,
        public: false,
        text: "t".into(),
    }
}

/// The text of a note that panics when somebody other than its owner is to see it.
pub(crate) const PANICS: &str = "panics";

/// The owner of notes about whom no permission can be asked.
pub(crate) const PANICS_TOO: i32 = 666;

impl Subscribable for Note {
    const LABEL: Label = Label::new("app.Note");
    type Groups = ();

    fn describe() -> Description<Self> {
        let id = || Key::column("id", |note: &Self| &note.id);
        let list = || Key::column("list_id", |note: &Self| &note.list_id);
        Description::new(id())
            .register(Registration::new(id(), to_json::<Self>))
            .register(Registration::new(list(), to_json::<Self>).check_permission(
                |user: &i32, note: &Self| {
                    assert!(note.owner != PANICS_TOO, "no permission");
                    note.owner == *user
                },
            ))
            .register(
                Registration::new(list(), |note| {
                    assert!(note.text != PANICS, "no serializer");
                    Ok(json!({ "id": note.id }).to_string())
                })
                .check_permission(|_: &i32, note: &Self| note.public),
            )
            .register(Registration::new(
                list().and_column("owner", |note| &note.owner),
                to_json::<Self>,
            ))
    }
}

impl SubscribableBy<i32> for Note {}

/// A hub whose dispatcher runs when it is told to.
pub(crate) struct World {
    pub(crate) hub: Arc<Hub<i32>>,
    pub(crate) log: Arc<Log>,
    dispatched: Arc<AtomicU64>,
    pub(crate) now: Instant,
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::of(limits, |_| ())
    }

    /// One whose clients can begin with snapshots.
    pub(crate) fn with_shelf(limits: Limits, shelf: &Shelf) -> Self {
        Self::of(limits, |registry| {
            registry.read_snapshots_from::<Note>(shelf.clone()).unwrap();
        })
    }

    /// One whose clients can say on the socket who they are.
    pub(crate) fn with_tokens(limits: Limits) -> Self {
        let mut world = Self::new(limits);
        Arc::get_mut(&mut world.hub).unwrap().takes_tokens = true;
        world
    }

    pub(crate) fn of(limits: Limits, change: impl FnOnce(&mut Registry<i32>)) -> Self {
        let mut registry = Registry::new();
        registry.register::<Note>().unwrap();
        change(&mut registry);
        let log = Arc::new(Log::new(Epoch(1), Retention::from(&limits), Instant::now));
        let mut hub = Hub::new(Arc::new(registry), limits, Arc::clone(&log));
        // The dispatcher is not at work while somebody waits for it.
        hub.told_within = Duration::ZERO;
        let hub = Arc::new(hub);
        Self {
            hub,
            log,
            dispatched: Arc::default(),
            now: Instant::now(),
        }
    }

    pub(crate) fn connect(&self, user: i32) -> Session<i32> {
        Session::new(Arc::clone(&self.hub), known(user), self.now)
    }

    /// Commits changes in one transaction, and leaves them in the log.
    pub(crate) fn commit(&self, changes: impl IntoIterator<Item = (Option<Note>, Option<Note>)>) {
        let changes = changes
            .into_iter()
            .map(|(old, new)| Change::new(ModelId(0), old, new));
        self.log.ticket().commit(changes.collect());
    }

    /// Commits something, and nobody knows what.
    pub(crate) fn commit_unknown(&self) {
        self.log.ticket().commit(vec![Change::unknown(ModelId(0))]);
    }

    /// Dispatches all that is in the log, as the dispatcher's thread does.
    pub(crate) fn dispatch(&mut self) {
        self.dispatching()();
    }

    /// The same, for what happens meanwhile.
    pub(crate) fn dispatching(&self) -> impl Fn() + Send + use<> {
        let (hub, log, dispatched) = (
            Arc::clone(&self.hub),
            Arc::clone(&self.log),
            Arc::clone(&self.dispatched),
        );
        move || {
            while let Some(commit) = log.try_next(dispatched.load(Relaxed)) {
                let mut filled = Filled::default();
                let told = hub.dispatcher().dispatch(&commit, &mut filled);
                dispatched.store(told, Relaxed);
                filled.flush();
            }
        }
    }

    /// Serves all snapshots that can be, as their thread does; gives how many.
    pub(crate) fn serve(&self) -> usize {
        let jobs = std::iter::from_fn(|| self.hub.snapshots.try_next());
        jobs.map(|job| serve(&self.hub, job)).count()
    }

    /// Commits and dispatches one change.
    pub(crate) fn change(&mut self, old: Option<Note>, new: Option<Note>) {
        self.commit([(old, new)]);
        self.dispatch();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}

/// The database of the notes, as far as snapshots read it.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Shelved>>);

#[derive(Default)]
pub(crate) struct Shelved {
    pub(crate) notes: Vec<Note>,
    /// What happens while the next snapshots are read, after their last row.
    pub(crate) meanwhile: VecDeque<Meanwhile>,
    /// How often it was read.
    pub(crate) reads: usize,
}

type Meanwhile = Box<dyn FnOnce() -> Result<(), SnapshotError> + Send>;

impl Shelf {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shelved> {
        self.0.lock().unwrap()
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        self.lock().notes.clone()
    }

    /// Has something happen while the next snapshot is read that nothing was said of yet.
    pub(crate) fn meanwhile(
        &self,
        happens: impl FnOnce() -> Result<(), SnapshotError> + Send + 'static,
    ) {
        self.lock().meanwhile.push_back(Box::new(happens));
    }
}

impl SnapshotSource<Note> for Shelf {
    fn read(
        &self,
        group: &SnapshotGroup<'_>,
        each: &mut dyn FnMut(Note) -> ControlFlow<()>,
    ) -> Result<Quiet, SnapshotError> {
        let quiet = group.log().quiet(Duration::ZERO).ok_or("not quiet")?;
        self.lock().reads += 1;
        // Of all groups: nobody is to rely on what a database takes for equal.
        let _ = self.notes().into_iter().try_for_each(each);
        let meanwhile = self.lock().meanwhile.pop_front();
        meanwhile.map_or(Ok(()), |happens| happens())?;
        Ok(quiet)
    }
}

/// Somebody who is known for good.
pub(crate) fn known(user: i32) -> Who<i32> {
    Who::Known(Identity {
        user: Arc::new(user),
        expires: None,
    })
}

/// All messages that a session has to send; a closing handshake is an error.
pub(crate) fn texts(session: &mut Session<i32>) -> Result<Vec<String>, CloseReason> {
    let outputs = std::iter::from_fn(|| session.poll_output());
    let texts = outputs.filter_map(|output| match output {
        Output::Text(frame) => Some(Ok(frame.text())),
        Output::Ping | Output::Authenticate(_) => None,
        Output::Close(reason) => Some(Err(reason)),
    });
    texts.collect()
}

/// All messages as JSON.
pub(crate) fn messages(session: &mut Session<i32>) -> Vec<Value> {
    parsed(&texts(session).unwrap())
}

pub(crate) fn parsed(texts: &[String]) -> Vec<Value> {
    texts
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}
