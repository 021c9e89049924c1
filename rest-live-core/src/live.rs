//! `Live`: the registered models, the log, and the dispatcher at work.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use crate::change::{Commit, ModelId};
use crate::dispatcher::{Dispatcher, Filled, GroupId, MemberId};
use crate::explain::{Explanation, explain};
use crate::limits::Limits;
use crate::log::{Cursor, Epoch, Log, Retention};
use crate::model::{Adapter, SubscribableBy};
use crate::registry::{BuildError, Registry};
#[cfg(feature = "server")]
use crate::server::{Admission, Authentication, Handshake, Refusal};
use crate::snapshot::{SnapshotSource, Snapshots, serve};

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
    dispatcher: Mutex<Dispatcher<U>>,
    pub(crate) snapshots: Snapshots<U>,
    log: Arc<Log>,
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

struct CloseOnDrop<U>(Arc<Hub<U>>);

impl<U: Send + Sync + 'static> Live<U> {
    /// Starts to register models.
    pub fn builder() -> Builder<U> {
        Builder {
            registry: Ok(Registry::new()),
            limits: Limits::default(),
            #[cfg(feature = "server")]
            admission: Admission::default(),
        }
    }

    /// Why `user` is told what it is told of the change at `cursor`, which any event of the
    /// extended form carries, and of the others of its commit. `None` if the log does not hold
    /// it (any more).
    ///
    /// It asks the permissions and serializers again, about the rows as they were.
    #[must_use]
    pub fn explain(&self, user: &U, cursor: &str) -> Option<Vec<Explanation>> {
        let log = self.feed.log();
        let cursor: Cursor = cursor
            .parse()
            .ok()
            .filter(|cursor: &Cursor| cursor.epoch == log.epoch)?;
        let commit = log
            .since(cursor.position.checked_sub(1)?)?
            .into_iter()
            .next()?;
        Some(self.hub.explain(user, &commit, log.epoch, |_| None))
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
        let dispatcher = Mutex::new(Dispatcher::new(Arc::clone(&registry), Arc::clone(&log)));
        Self {
            registry,
            limits,
            dispatcher,
            snapshots: Snapshots::default(),
            log,
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
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
        epoch: Epoch,
        is_subscribed: impl Fn(&GroupId) -> Option<bool>,
    ) -> Vec<Explanation> {
        explain(
            &self.registry,
            commit,
            user,
            |position| Cursor { epoch, position },
            is_subscribed,
        )
    }

    pub(crate) fn dispatcher(&self) -> MutexGuard<'_, Dispatcher<U>> {
        self.dispatcher.lock()
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

/// Registers models and says who the users are. Made by [`Live::builder`].
#[must_use = "nothing is live before `build`"]
pub struct Builder<U> {
    /// Or the first mistake.
    registry: Result<Registry<U>, BuildError>,
    limits: Limits,
    #[cfg(feature = "server")]
    admission: Admission<U>,
}

impl<U> fmt::Debug for Builder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<U: Send + Sync + 'static> Builder<U> {
    /// Registers a model.
    pub fn model<M: SubscribableBy<U>>(mut self) -> Self {
        self.registry = self
            .registry
            .and_then(|mut registry| registry.register::<M>().map(|()| registry));
        self
    }

    /// Lets clients begin with a snapshot of the rows of a model, which is registered already, and
    /// says where it is read from.
    ///
    /// ```ignore
    /// let pool = Pool::new(ConnectionManager::<SqliteConnection>::new("todolist.db"))?;
    /// let builder = builder.model::<Task>().snapshots::<Task>(SqliteSnapshots::new(pool));
    /// ```
    ///
    /// Snapshots have a thread of their own, which reads one after the other.
    pub fn snapshots<M: SubscribableBy<U>>(mut self, source: impl SnapshotSource<M>) -> Self {
        self.registry = self
            .registry
            .and_then(|mut registry| registry.read_snapshots_from::<M>(source).map(|()| registry));
        self
    }

    /// Changes what a client may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Says who connects: a function of the upgrade request that gives the user, or refuses.
    ///
    /// ```
    /// use rest_live_core::{Handshake, Live, Refusal};
    ///
    /// struct User { name: String }
    ///
    /// let live = Live::<User>::builder().authenticate(|handshake: Handshake| async move {
    ///     match handshake.cookie("session") {
    ///         Some(name) => Ok(User { name: name.to_owned() }),
    ///         None => Err(Refusal::unauthorized("log in first")),
    ///     }
    /// });
    /// ```
    #[cfg(feature = "server")]
    pub fn authenticate<F, R>(mut self, authenticate: F) -> Self
    where
        F: Fn(Handshake) -> R + Send + Sync + 'static,
        R: Future<Output = Result<U, Refusal>> + Send + 'static,
    {
        let authentication: Authentication<U> =
            Box::new(move |handshake| Box::pin(authenticate(handshake)));
        self.admission.authentication = Some(authentication);
        self
    }

    /// Lets everybody in, as the default user.
    #[cfg(feature = "server")]
    pub fn anonymous(self) -> Self
    where
        U: Default,
    {
        self.authenticate(|_| async { Ok(U::default()) })
    }

    /// Lets pages of another origin connect, besides those of the server's own host: `https://app.example.com`.
    ///
    /// A browser sends cookies along with a socket that any page opens. So a page of a foreign
    /// origin is refused, unless it is named here.
    #[cfg(feature = "server")]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.admission.origins.allow(origin.into());
        self
    }

    /// Lets pages of every origin connect. Only for servers that do not know their users by a
    /// cookie.
    #[cfg(feature = "server")]
    pub fn allow_any_origin(mut self) -> Self {
        self.admission.origins.allow_any();
        self
    }

    /// Checks it all, and starts the dispatcher's thread and, if there are any, the snapshots'.
    ///
    /// # Errors
    ///
    /// The first mistake in what was registered; the error says what to change.
    pub fn build(self) -> Result<Live<U>, BuildError> {
        let registry = Arc::new(self.registry?);
        #[cfg(feature = "server")]
        if self.admission.authentication.is_none() {
            return Err(BuildError::NoAuthentication);
        }
        let limits = self.limits;
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
        let hub = Arc::new(Hub::new(registry, limits, Arc::clone(&log)));
        let alive = Arc::new(CloseOnDrop(Arc::clone(&hub)));
        dispatch(Arc::clone(&hub), log).map_err(BuildError::Thread)?;
        if hub.registry.has_snapshots() {
            serve_snapshots(Arc::clone(&hub)).map_err(BuildError::Thread)?;
        }
        Ok(Live {
            hub,
            feed,
            _alive: alive,
            #[cfg(feature = "server")]
            admission: Arc::new(self.admission),
        })
    }
}

/// Starts the thread that takes commits from the log until it is closed. A thread and no task:
/// permissions and serializers are code of the application, which may take its time.
fn dispatch<U: Send + Sync + 'static>(hub: Arc<Hub<U>>, log: Arc<Log>) -> std::io::Result<()> {
    let work = move || {
        let mut position = 0;
        let mut filled = Filled::default();
        while let Some(first) = log.next(position, hub.limits.commit_patience) {
            let dispatcher = hub.dispatcher();
            let mut next = Some(first);
            while let Some(commit) = next.take() {
                position = dispatcher.dispatch(&commit, &mut filled);
                // What has been committed meanwhile leaves with it, in one write a connection.
                if !filled.is_full() {
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
fn serve_snapshots<U: Send + Sync + 'static>(hub: Arc<Hub<U>>) -> std::io::Result<()> {
    let work = move || {
        while let Some(job) = hub.snapshots.next() {
            serve(&hub, &job);
        }
    };
    thread::Builder::new()
        .name("rest-live snapshots".into())
        .spawn(work)
        .map(drop)
}
