//! The builder: what a `Live` is made of, before it is.

use std::fmt;

use crate::limits::Limits;
use crate::live::Live;
use crate::model::SubscribableBy;
use crate::registry::{BuildError, Registry};
#[cfg(feature = "server")]
use crate::server::{Admission, Authentication, Handshake, Refusal};
use crate::snapshot::SnapshotSource;

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
        let registry = self.registry?;
        #[cfg(feature = "server")]
        if self.admission.authentication.is_none() {
            return Err(BuildError::NoAuthentication);
        }
        Live::start(
            registry,
            self.limits,
            #[cfg(feature = "server")]
            self.admission,
        )
        .map_err(BuildError::Thread)
    }
}
