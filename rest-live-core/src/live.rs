//! `Live`: the registered models, the log, and the dispatcher at work.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::change::{Commit, ModelId};
use crate::connections::{Connections, Link};
use crate::dispatcher::{Dispatcher, Filled, GroupId, MemberId};
use crate::explain::{Explanation, Standing, explain};
use crate::limits::Limits;
use crate::log::{Cursor, Epoch, Log, Retention};
use crate::model::Adapter;
use crate::registry::Registry;
#[cfg(feature = "server")]
use crate::server::Admission;
use crate::session::Outbox;
use crate::snapshot::{Job, Purpose, Snapshots, serve};
use crate::stats::{Counters, Stats};

/// The live models of an application whose users are of type `U`.
///
/// Cheap to clone; all clones are one. The dispatcher ends with the last of them.
pub struct Live<U> {
    pub(crate) hub: Arc<Hub<U>>,
    feed: Arc<Feed>,
    _alive: Arc<CloseOnDrop<U>>,
    #[cfg(feature = "server")]
    pub(crate) admission: Arc<Admission<U>>,
}

/// What sessions share.
pub(crate) struct Hub<U> {
    pub(crate) registry: Arc<Registry<U>>,
    pub(crate) limits: Limits,
    /// Whether clients can say on the socket who they are.
    pub(crate) takes_tokens: bool,
    pub(crate) connections: Connections<U>,
    dispatcher: Mutex<Dispatcher<U>>,
    /// How long whoever corrects what a subscriber was told waits for the dispatcher.
    pub(crate) told_within: Duration,
    pub(crate) snapshots: Snapshots<U>,
    log: Arc<Log>,
    pub(crate) counters: Arc<Counters>,
}

/// What writers need of a [`Live`]: its models and its log.
#[derive(Debug)]
pub struct Feed {
    models: Vec<FeedModel>,
    log: Arc<Log>,
}

/// A registered model, as a database adapter sees it.
#[derive(Clone)]
#[non_exhaustive]
pub struct FeedModel {
    /// Its number.
    pub id: ModelId,
    /// Its label.
    pub label: String,
    /// What the derive handed over for the adapter.
    pub adapter: Option<Adapter>,
}

/// For how long the dispatcher takes what has come meanwhile. Also of commits of which nobody may be told anything, so that others come to
/// subscribe, and what was put into outboxes leaves.
const AT_ONCE: Duration = Duration::from_millis(5);

struct CloseOnDrop<U>(Arc<Hub<U>>);

impl<U: Send + Sync + 'static> Live<U> {
    /// Starts the dispatcher's thread and, if there are any, the snapshots'.
    pub(crate) fn start(
        registry: Registry<U>,
        limits: Limits,
        #[cfg(feature = "server")] admission: Admission<U>,
    ) -> io::Result<Self> {
        let log = Arc::new(Log::new(
            Epoch::random(),
            Retention::from(&limits),
            Instant::now,
        ));
        let models = registry.models().map(|(id, model)| FeedModel {
            id,
            label: model.label.clone(),
            adapter: model.adapter.clone(),
        });
        let feed = Arc::new(Feed {
            models: models.collect(),
            log: Arc::clone(&log),
        });
        let hub = Hub::new(Arc::new(registry), limits, Arc::clone(&log));
        #[cfg(feature = "server")]
        let hub = Hub {
            takes_tokens: admission.takes_tokens(),
            ..hub
        };
        let hub = Arc::new(hub);
        let alive = Arc::new(CloseOnDrop(Arc::clone(&hub)));
        dispatch(Arc::clone(&hub), log)?;
        if hub.registry.has_snapshots() {
            serve_snapshots(Arc::clone(&hub))?;
        }
        Ok(Self {
            hub,
            feed,
            _alive: alive,
            #[cfg(feature = "server")]
            admission: Arc::new(admission),
        })
    }

    /// Why `user` is told what it is told of the change at `cursor`, which any event of the
    /// extended form carries, and of the others of its commit. `None` if the log does not hold
    /// it (any more).
    ///
    /// It asks the permissions and serializers again, about the rows as they were.
    #[must_use]
    pub fn explain(&self, user: &U, cursor: &str) -> Option<Vec<Explanation>> {
        let commit = self.feed.log().commit_at(cursor.parse().ok()?)?;
        Some(self.hub.explain(user, &commit, |_, _| None))
    }

    /// What this server does now, and what it has done since it was built.
    ///
    /// ```
    /// # use rest_live_core::Live;
    /// # #[cfg(feature = "server")] {
    /// # let live = Live::<()>::builder().anonymous().build().unwrap();
    /// let stats = live.stats();
    /// assert_eq!((stats.connections, stats.closed[&4508]), (0, 0));
    /// # }
    /// ```
    ///
    /// It looks at the queue of every connection: half a millisecond for 10,000. For a test that
    /// wants to see that something was told, or that nobody was closed; for a chart, see
    /// [`Live::inspector`](crate::Live::inspector) and the feature `metrics`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.hub.stats(Instant::now())
    }

    /// The writers' half, for database connections.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }
}

impl<U> Clone for Live<U> {
    fn clone(&self) -> Self {
        Self {
            hub: Arc::clone(&self.hub),
            feed: Arc::clone(&self.feed),
            _alive: Arc::clone(&self._alive),
            #[cfg(feature = "server")]
            admission: Arc::clone(&self.admission),
        }
    }
}

impl<U> fmt::Debug for Live<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("feed", &self.feed)
            .finish_non_exhaustive()
    }
}

impl<U> Hub<U> {
    pub(crate) fn new(registry: Arc<Registry<U>>, limits: Limits, log: Arc<Log>) -> Self {
        let counters = Arc::new(Counters::new(registry.models().count()));
        let dispatcher = Dispatcher::new(
            Arc::clone(&registry),
            Arc::clone(&log),
            Arc::clone(&counters),
        );
        Self {
            registry,
            limits,
            takes_tokens: false,
            connections: Connections::default(),
            dispatcher: Mutex::new(dispatcher),
            told_within: Duration::from_secs(10),
            snapshots: Snapshots::default(),
            log,
            counters,
        }
    }

    /// A connection has been opened.
    pub(crate) fn open(
        &self,
        outbox: &Arc<Outbox>,
        user: Option<Arc<U>>,
        now: Instant,
    ) -> Arc<Link<U>> {
        self.counters.opened.add(1);
        self.connections.open(outbox, user, now)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn cursor(&self, position: u64) -> Cursor {
        let epoch = self.log.epoch;
        Cursor { epoch, position }
    }

    /// Changes whose rights count for a subscriber, and has it told what that changes.
    pub(crate) fn change_user(&self, group: &GroupId, id: MemberId, user: &Arc<U>) {
        let mut dispatcher = self.dispatcher();
        if dispatcher.change_expected_user(id, user) {
            return;
        }
        let Some(member) = dispatcher.member(group, id).cloned() else {
            return;
        };
        let has_snapshots = self.registry.model(group.model).snapshots.is_some();
        // Nobody can say what the same user could see before, nor what the client has read as
        // somebody that it was for a moment.
        let is_known = has_snapshots && !Arc::ptr_eq(&member.user, user);
        if !is_known || dispatcher.is_changing(id) {
            let before = dispatcher.change_user(group, id, user);
            drop(dispatcher);
            drop(before);
            return self.snapshots.cancel(id);
        }
        dispatcher.begin_change(id, user);
        drop(dispatcher);
        self.snapshots.add(Job {
            id,
            group: group.clone(),
            member,
            purpose: Purpose::ChangeUser(Arc::clone(user)),
        });
    }

    /// Removes a subscriber, also one whose snapshot is on its way.
    pub(crate) fn leave(&self, group: &GroupId, member: MemberId) {
        self.dispatcher().leave(group, member);
        self.snapshots.cancel(member);
    }

    pub(crate) fn explain(
        &self,
        user: &U,
        commit: &Commit,
        standing: impl Fn(&GroupId, u64) -> Option<Standing>,
    ) -> Vec<Explanation> {
        explain(&self.registry, commit, user, self.log.epoch, standing)
    }

    pub(crate) fn dispatcher(&self) -> MutexGuard<'_, Dispatcher<U>> {
        self.dispatcher.lock()
    }

    /// The dispatcher, for those who had rather do without than wait for a slow permission.
    #[cfg(feature = "server")]
    pub(crate) fn dispatcher_within(
        &self,
        time: Duration,
    ) -> Option<MutexGuard<'_, Dispatcher<U>>> {
        self.dispatcher.try_lock_for(time)
    }
}

impl Feed {
    /// The registered models, in the order of their registration.
    #[must_use]
    pub fn models(&self) -> &[FeedModel] {
        &self.models
    }

    /// The log that takes the commits.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }
}

impl fmt::Debug for FeedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl<U> Drop for CloseOnDrop<U> {
    fn drop(&mut self) {
        self.0.log.close();
        self.0.snapshots.close();
    }
}

/// Starts the thread that takes commits from the log until it is closed. A thread and no task:
/// permissions and serializers are code of the application, which may take its time.
fn dispatch<U: Send + Sync + 'static>(hub: Arc<Hub<U>>, log: Arc<Log>) -> io::Result<()> {
    let work = move || {
        let mut position = 0;
        let mut filled = Filled::default();
        while let Some(first) = log.next(position, hub.limits.commit_patience) {
            let begun = Instant::now();
            let mut dispatcher = hub.dispatcher();
            let mut next = Some(first);
            while let Some(commit) = next.take() {
                position = dispatcher.dispatch(&commit, &mut filled);
                // What has been committed meanwhile leaves with it, in one write a connection.
                if !filled.is_full() && begun.elapsed() < AT_ONCE {
                    next = log.try_next(position);
                }
            }
            // Under steady writes, a lock that is only let go would be taken again before those who
            // subscribe wake up.
            MutexGuard::unlock_fair(dispatcher);
            filled.flush();
        }
    };
    thread::Builder::new()
        .name("rest-live".into())
        .spawn(work)
        .map(drop)
}

/// Starts the thread that reads snapshots until their queue is closed: databases take their time,
/// and neither the dispatcher nor a session is to wait for them.
fn serve_snapshots<U: Send + Sync + 'static>(hub: Arc<Hub<U>>) -> io::Result<()> {
    let work = move || {
        while let Some(job) = hub.snapshots.next() {
            serve(&hub, job);
        }
    };
    thread::Builder::new()
        .name("rest-live snapshots".into())
        .spawn(work)
        .map(drop)
}
