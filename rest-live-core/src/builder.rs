//! The builder: what a `Live` is made of, before it is.

use std::fmt;

use crate::limits::Limits;
use crate::live::Live;
use crate::model::SubscribableBy;
use crate::registry::{BuildError, Registry};
#[cfg(feature = "server")]
use crate::server::AdmissionBuilder;
use crate::snapshot::SnapshotSource;

/// Registers models and says who the users are. Made by [`Live::builder`].
#[must_use = "nothing is live before `build`"]
pub struct Builder<U> {
    /// Or the first mistake.
    registry: Result<Registry<U>, BuildError>,
    limits: Limits,
    #[cfg(feature = "server")]
    pub(crate) admission: AdmissionBuilder<U>,
}

impl<U> fmt::Debug for Builder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<U: Send + Sync + 'static> Live<U> {
    /// Starts to register models.
    pub fn builder() -> Builder<U> {
        Builder {
            registry: Ok(Registry::new()),
            limits: Limits::default(),
            #[cfg(feature = "server")]
            admission: AdmissionBuilder::default(),
        }
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

    /// Says who may subscribe to a model at all: a function of the user and the model's label. To
    /// whom it says no, the model is one that does not exist.
    ///
    /// ```
    /// # use rest_live_core::Live;
    /// struct User { is_staff: bool }
    ///
    /// # let builder = Live::<User>::builder();
    /// let builder = builder.may_subscribe(|user, label| user.is_staff || !label.starts_with("audit."));
    /// ```
    ///
    /// It is asked with every subscription, on the connection's task: let it answer from what it
    /// is given. If it panics, that is a no. Which rows a subscriber may see, permissions say.
    pub fn may_subscribe(
        mut self,
        may_subscribe: impl Fn(&U, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        if let Ok(registry) = &mut self.registry {
            registry.ask_before_subscribing(may_subscribe);
        }
        self
    }

    /// Changes what a client may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Checks it all, and starts the dispatcher's thread and, if there are any, the snapshots'.
    ///
    /// # Errors
    ///
    /// The first mistake in what was registered; the error says what to change.
    pub fn build(self) -> Result<Live<U>, BuildError> {
        let registry = self.registry?;
        self.limits.check()?;
        Live::start(
            registry,
            self.limits,
            #[cfg(feature = "server")]
            self.admission.build(&self.limits)?,
        )
        .map_err(BuildError::Thread)
    }
}
