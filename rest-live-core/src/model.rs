//! Models: what the derive says about a struct.

use std::any::{Any, type_name};
use std::sync::Arc;

use serde::Serialize;

use crate::key::Key;
use crate::label::Label;
use crate::permission::Permission;

/// A model whose rows clients can subscribe to.
///
/// Derived, not written: `#[derive(Subscribable)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a live model",
    label = "not subscribable",
    note = "add `#[derive(Subscribable)]` and a `#[subscribable]` to `{Self}`"
)]
pub trait Subscribable: Sized + Send + Sync + 'static {
    /// The model's name on the wire.
    const LABEL: Label;

    /// The typed constructors of the model's groups, one a registered key.
    type Groups: Default;

    /// Starts to name a group: `Task::group().list_id(1)`.
    #[must_use]
    fn group() -> Self::Groups {
        Self::Groups::default()
    }

    /// The model's key and registrations.
    fn describe() -> Description<Self>;
}

/// A model that can be registered with a server that authenticates users of type `U`.
///
/// Derived with [`Subscribable`]: for every `U`, with a check when the server is built; or, where
/// `#[live(user = User)]` says which type it is, for that one alone, with a check when compiling.
#[diagnostic::on_unimplemented(
    message = "`{Self}` checks permissions of another user type than `{U}`",
    label = "registered with a server that authenticates `{U}`",
    note = "`#[live(user = ...)]` on `{Self}` and `Live::<{U}>::builder()` must name the same type"
)]
pub trait SubscribableBy<U>: Subscribable {}

/// All that the derive says about a model.
pub struct Description<M> {
    pub(crate) primary_key: Key<M>,
    pub(crate) registrations: Vec<Registration<M>>,
    pub(crate) adapter: Option<Adapter>,
}

/// What a database adapter needs to know about a model. The core only carries it.
pub type Adapter = Arc<dyn Any + Send + Sync>;

impl<M: 'static> Description<M> {
    /// A model with this primary key, not registered for anything yet.
    pub fn new(primary_key: Key<M>) -> Self {
        Self {
            primary_key,
            registrations: Vec::new(),
            adapter: None,
        }
    }

    /// Adds a registration. Of several on the same key, a subscriber gets the first whose
    /// permission passes.
    #[must_use]
    pub fn register(mut self, registration: Registration<M>) -> Self {
        self.registrations.push(registration);
        self
    }

    /// A row as JSON in the shape of each registration, in their order. For the tests of the
    /// derive.
    #[doc(hidden)]
    pub fn to_json(&self, row: &M) -> Vec<serde_json::Result<String>> {
        self.registrations
            .iter()
            .map(|registration| (registration.serialize)(row))
            .collect()
    }

    /// Hands something to the database adapter.
    #[must_use]
    pub fn adapter(mut self, adapter: impl Any + Send + Sync) -> Self {
        self.adapter = Some(Arc::new(adapter));
        self
    }
}

/// One `#[subscribable(...)]`: by which key, for whom, in which shape.
pub struct Registration<M> {
    pub(crate) key: Key<M>,
    pub(crate) permission: Option<ErasedPermission>,
    pub(crate) serialize: fn(&M) -> serde_json::Result<String>,
}

impl<M: 'static> Registration<M> {
    /// A registration for everybody, which writes rows as JSON with `serialize`.
    pub fn new(key: Key<M>, serialize: fn(&M) -> serde_json::Result<String>) -> Self {
        Self {
            key,
            permission: None,
            serialize,
        }
    }

    /// Restricts it to the users and rows that pass. The user type is inferred from the permission.
    #[must_use]
    pub fn check_permission<U: 'static, P: Permission<U, M>>(mut self, permission: P) -> Self {
        self.permission = Some(ErasedPermission::new::<U, M, P>(permission));
        self
    }
}

/// A permission whose user type is known only when the server is built.
pub(crate) struct ErasedPermission {
    user: &'static str,
    pub(crate) name: &'static str,
    permission: Box<dyn Any + Send + Sync>,
}

pub(crate) type BoxedPermission<U, M> = Box<dyn Permission<U, M>>;

impl ErasedPermission {
    fn new<U: 'static, M: 'static, P: Permission<U, M>>(permission: P) -> Self {
        let permission: BoxedPermission<U, M> = Box::new(permission);
        Self {
            user: type_name::<U>(),
            name: type_name::<P>(),
            permission: Box::new(permission),
        }
    }

    /// The permission, if its user type is `U`; otherwise the name of its user type.
    pub(crate) fn downcast<U: 'static, M: 'static>(
        self,
    ) -> Result<BoxedPermission<U, M>, &'static str> {
        self.permission
            .downcast()
            .map(|permission| *permission)
            .map_err(|_| self.user)
    }
}

/// Writes a value as JSON.
///
/// # Errors
///
/// If its `Serialize` does.
pub fn to_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string(value)
}

/// Writes a row as JSON in the shape of `S`, of the key `serializer = S`.
///
/// # Errors
///
/// If `S`'s `Serialize` does.
pub fn to_json_as<'a, M, S: SerializerFor<'a, M>>(row: &'a M) -> serde_json::Result<String> {
    serde_json::to_string(&S::from(row))
}

/// Writes a row as JSON with `serialize`, of the key `fields(...)`.
///
/// # Errors
///
/// If `serialize` does.
pub fn to_json_with<M>(
    row: &M,
    serialize: impl FnOnce(&M, &mut serde_json::Serializer<&mut Vec<u8>>) -> serde_json::Result<()>,
) -> serde_json::Result<String> {
    let mut json = Vec::new();
    serialize(row, &mut serde_json::Serializer::new(&mut json))?;
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

/// A type that gives rows of `M` another shape: it is made `From` a row, and `Serialize`s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot serialize a `{M}`",
    label = "not a serializer for `{M}`",
    note = "implement `From<&{M}>` for `{Self}` and derive `serde::Serialize` on it"
)]
pub trait SerializerFor<'a, M: 'a>: From<&'a M> + Serialize {}

#[diagnostic::do_not_recommend]
impl<'a, M: 'a, S: From<&'a M> + Serialize> SerializerFor<'a, M> for S {}
