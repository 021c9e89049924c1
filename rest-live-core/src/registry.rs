//! The registry: the models that are live, checked once when the server is built.

use std::any::{TypeId, type_name};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use crate::change::{ModelId, Row};
use crate::key::KeyFormat;
use crate::model::{Adapter, Description, ErasedPermission, Registration, Subscribable};
use crate::snapshot::{ErasedSource, SnapshotError, SnapshotSource};

/// Why a [`Live`](crate::Live) could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two models have one label, or one model was registered twice.
    #[error(
        "the label `{label}` is taken: `{first}` has it, and so has `{second}`; \
         give one of them another with `#[live(label = \"app.Model\")]`, or register the model once"
    )]
    DuplicateLabel {
        /// The label.
        label: String,
        /// The Rust type that was registered first.
        first: &'static str,
        /// The Rust type that was registered second.
        second: &'static str,
    },
    /// A permission expects another user type than the server authenticates.
    #[error(
        "`{model}` checks permissions of `{permission}`, and this server authenticates `{server}`: \
         let `check_permission` take `&{server}`, or build a `Live::<{permission}>`"
    )]
    UserType {
        /// The Rust type of the model.
        model: &'static str,
        /// The user type of its permission.
        permission: &'static str,
        /// The user type of the server.
        server: &'static str,
    },
    /// A model has no registration, so nobody could ever subscribe to it.
    #[error("`{model}` has no registration: add a `#[subscribable]` to it")]
    NoRegistration {
        /// The Rust type of the model.
        model: &'static str,
    },
    /// A model has a source of snapshots and is not registered.
    #[error(
        "`{model}` has a source of snapshots and is not registered: call `.model::<...>()` for it first"
    )]
    SnapshotsOfNoModel {
        /// The Rust type of the model.
        model: &'static str,
    },
    /// A source of snapshots says that it cannot read.
    #[error("snapshots of `{model}` cannot be read")]
    Snapshots {
        /// The Rust type of the model.
        model: &'static str,
        /// What the source says.
        source: SnapshotError,
    },
    /// Nothing says who may connect.
    #[error(
        "nothing says who the users are: call `.authenticate(...)`, or `.anonymous()` where everybody is alike"
    )]
    NoAuthentication,
    /// What was to be allowed is no origin.
    #[error(
        "`{origin}` is no origin: write it as `https://app.example.com` or `http://localhost:5173`, \
         without a path, a slash at the end or a wildcard"
    )]
    Origin {
        /// What was given.
        origin: String,
    },
    /// Pages of any origin could act with their visitor's cookie.
    #[error(
        "`.allow_any_origin()` would let every page on the web act with its visitor's cookie `{cookie}`: \
         name the pages that may, with `.allow_origin(\"https://...\")`, or know users by a token, \
         with `.authenticate(...)` and `Handshake::bearer`"
    )]
    CookieFromAnyOrigin {
        /// The name of the cookie.
        cookie: String,
    },
    /// A limit with which nothing works.
    #[error(
        "`Limits::{limit}` is zero, with which nothing can work: give it more, or leave it at its default"
    )]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        limit: &'static str,
    },
    /// The thread of the dispatcher, or that of the snapshots, could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// The registered models, by number and by label.
pub(crate) struct Registry<U> {
    models: Vec<Model<U>>,
    labels: HashMap<String, ModelId>,
    may_subscribe: Option<MaySubscribe<U>>,
}

/// A registered model, its row type erased.
pub(crate) struct Model<U> {
    pub(crate) label: String,
    type_name: &'static str,
    type_id: TypeId,
    pub(crate) adapter: Option<Adapter>,
    /// Where its snapshots come from; `None` if it has none.
    pub(crate) snapshots: Option<ErasedSource>,
    pub(crate) properties: Vec<Property<U>>,
    identity: ReadKey,
}

/// One key of a model and the registrations on it.
pub(crate) struct Property<U> {
    names: Vec<&'static str>,
    is_primary_key: bool,
    pub(crate) format: KeyFormat,
    read: ReadKey,
    views: Vec<View<U>>,
}

/// What some users may see of a row.
struct View<U> {
    /// The name of the permission's type: that of the function, for a function.
    permission_name: &'static str,
    permission: Option<Check<U>>,
    serialize: Serialize,
}

/// What a permission says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Yes.
    Passes,
    /// No.
    Refuses,
    /// It panicked, which counts as no.
    Panics,
}

type ReadKey = Box<dyn Fn(&Row) -> Option<Value> + Send + Sync>;
type Serialize = Box<dyn Fn(&Row) -> serde_json::Result<String> + Send + Sync>;
type MaySubscribe<U> = Box<dyn Fn(&U, &str) -> bool + Send + Sync>;
type Check<U> = Box<dyn Fn(&U, &Row) -> bool + Send + Sync>;

/// The number of a view in its property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ViewId(pub(crate) usize);

impl<U: 'static> Registry<U> {
    pub(crate) fn new() -> Self {
        Self {
            models: Vec::new(),
            labels: HashMap::new(),
            may_subscribe: None,
        }
    }

    /// Says who may know of a model at all.
    pub(crate) fn ask_before_subscribing(
        &mut self,
        may_subscribe: impl Fn(&U, &str) -> bool + Send + Sync + 'static,
    ) {
        self.may_subscribe = Some(Box::new(may_subscribe));
    }

    pub(crate) fn register<M: Subscribable>(&mut self) -> Result<(), BuildError> {
        let model = Model::new::<M>()?;
        if let Some(first) = self
            .labels
            .insert(model.label.clone(), ModelId(self.models.len()))
        {
            let (label, second) = (model.label, model.type_name);
            return Err(BuildError::DuplicateLabel {
                label,
                first: self.models[first.0].type_name,
                second,
            });
        }
        self.models.push(model);
        Ok(())
    }

    /// Says where the snapshots of a registered model come from.
    pub(crate) fn read_snapshots_from<M: Subscribable>(
        &mut self,
        source: impl SnapshotSource<M>,
    ) -> Result<(), BuildError> {
        let id = TypeId::of::<M>();
        let mut models = self.models.iter_mut();
        let Some(model) = models.find(|model| model.type_id == id) else {
            let model = type_name::<M>();
            return Err(BuildError::SnapshotsOfNoModel { model });
        };
        source.check().map_err(|source| BuildError::Snapshots {
            model: type_name::<M>(),
            source,
        })?;
        model.snapshots = Some(Box::new(move |group, each| {
            source.read(group, &mut |row: M| each(Arc::new(row)))
        }));
        Ok(())
    }
}

impl<U> Registry<U> {
    pub(crate) fn by_label(&self, label: &str) -> Option<(ModelId, &Model<U>)> {
        let id = *self.labels.get(label)?;
        Some((id, self.model(id)))
    }

    /// Whether `user` may subscribe to a model; `None` is one that there is not.
    ///
    /// Where there is none the application is asked all the same, about another, so that the time
    /// that the answer takes does not tell.
    pub(crate) fn may_subscribe(&self, user: &U, model: Option<&Model<U>>) -> bool {
        let asked = model.or_else(|| self.models.first());
        let says_yes = match (&self.may_subscribe, asked) {
            (Some(may_subscribe), Some(asked)) => guard("call of `may_subscribe`", || {
                may_subscribe(user, &asked.label)
            })
            .unwrap_or(false),
            _ => true,
        };
        model.is_some() && says_yes
    }

    pub(crate) fn model(&self, id: ModelId) -> &Model<U> {
        &self.models[id.0]
    }

    pub(crate) fn has_snapshots(&self) -> bool {
        self.models.iter().any(|model| model.snapshots.is_some())
    }

    pub(crate) fn models(&self) -> impl Iterator<Item = (ModelId, &Model<U>)> {
        self.models
            .iter()
            .enumerate()
            .map(|(number, model)| (ModelId(number), model))
    }
}

impl<U: 'static> Model<U> {
    fn new<M: Subscribable>() -> Result<Self, BuildError> {
        let type_name = type_name::<M>();
        let Description {
            primary_key,
            registrations,
            adapter,
        } = M::describe();
        if registrations.is_empty() {
            return Err(BuildError::NoRegistration { model: type_name });
        }
        let primary = primary_key.names();
        let mut properties: Vec<Property<U>> = Vec::new();
        for registration in registrations {
            let Registration {
                key,
                permission,
                serialize,
            } = registration;
            let permission_name = permission
                .as_ref()
                .map_or("no permission needed", |permission| permission.name);
            let permission = match permission
                .map(ErasedPermission::downcast::<U, M>)
                .transpose()
            {
                Ok(permission) => permission.map(|permission| -> Check<U> {
                    Box::new(move |user, row| {
                        typed(row).is_some_and(|row| permission.check(user, row))
                    })
                }),
                Err(permission) => {
                    let server = std::any::type_name::<U>();
                    return Err(BuildError::UserType {
                        model: type_name,
                        permission,
                        server,
                    });
                }
            };
            let serialize: Serialize = Box::new(move |row| match typed(row) {
                Some(row) => serialize(row),
                None => Err(serde::ser::Error::custom("a row of another model")),
            });
            let view = View {
                permission_name,
                permission,
                serialize,
            };
            let names = key.names();
            match properties
                .iter_mut()
                .find(|property| property.names == names)
            {
                Some(property) => property.views.push(view),
                None => properties.push(Property {
                    is_primary_key: names == primary,
                    names,
                    format: key.wire(),
                    read: reader::<M>(move |row| key.read(row)),
                    views: vec![view],
                }),
            }
        }
        let identity = reader::<M>(move |row| primary_key.read(row));
        Ok(Self {
            label: M::LABEL.to_string(),
            type_name,
            type_id: TypeId::of::<M>(),
            adapter,
            snapshots: None,
            properties,
            identity,
        })
    }
}

impl<U> Model<U> {
    /// The property that a client names: by its column or columns; the primary key also by `pk`,
    /// `id` or nothing.
    pub(crate) fn property(&self, names: Option<&[String]>) -> Option<usize> {
        let named = names.and_then(|names| {
            self.properties
                .iter()
                .position(|property| property.names == names)
        });
        named.or_else(|| match names {
            None => self.primary_key(),
            Some([name]) if name == "pk" || name == "id" => self.primary_key(),
            Some(_) => None,
        })
    }

    fn primary_key(&self) -> Option<usize> {
        self.properties
            .iter()
            .position(|property| property.is_primary_key)
    }

    /// The primary key of a row, as JSON.
    pub(crate) fn primary_key_of(&self, row: &Row) -> Option<Value> {
        (self.identity)(row)
    }

    /// Whether two images are of one row: a row whose primary key changed is another one.
    pub(crate) fn is_same_row(&self, old: &Row, new: &Row) -> bool {
        (self.identity)(old) == (self.identity)(new)
    }
}

impl<U> Property<U> {
    /// The value of this key in a row. `None`, and a word in the log, if the key cannot be written
    /// as JSON.
    pub(crate) fn value(&self, row: &Row) -> Option<Value> {
        (self.read)(row)
    }

    /// Its columns.
    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Its name on the wire, as JSON: the column, or the list of a composite key's columns.
    pub(crate) fn wire_name(&self) -> Value {
        match self.names.as_slice() {
            [name] => Value::from(*name),
            names => Value::from(names),
        }
    }

    /// What `user` may see of `row`: the first view whose permission passes.
    pub(crate) fn view(&self, user: &U, row: &Row) -> Option<ViewId> {
        let passes = |view: &View<U>| match &view.permission {
            None => true,
            Some(permission) => guard("permission", || permission(user, row)).unwrap_or(false),
        };
        self.views.iter().position(passes).map(ViewId)
    }

    /// What every permission says of `row`, by the names of the permissions.
    pub(crate) fn verdicts(&self, user: &U, row: &Row) -> Vec<(&'static str, Verdict)> {
        let verdict = |view: &View<U>| match &view.permission {
            None => Verdict::Passes,
            Some(permission) => match guard("permission", || permission(user, row)) {
                Some(true) => Verdict::Passes,
                Some(false) => Verdict::Refuses,
                None => Verdict::Panics,
            },
        };
        self.views
            .iter()
            .map(|view| (view.permission_name, verdict(view)))
            .collect()
    }

    /// A row as JSON, as it looks in a view. `None`, and a word in the log, if the serializer
    /// fails.
    pub(crate) fn instance(&self, view: ViewId, row: &Row) -> Option<String> {
        guard("serializer", || (self.views[view.0].serialize)(row))?
            .inspect_err(|error| tracing::error!(%error, "a row could not be serialized; it counts as not visible"))
            .ok()
    }
}

/// Calls code of the application. A panic is logged and is `None`.
pub(crate) fn guard<T>(what: &str, call: impl FnOnce() -> T) -> Option<T> {
    // What the call touches is not used again if it panics: its result is gone, and users and rows
    // are read only.
    catch_unwind(AssertUnwindSafe(call))
        .inspect_err(|_| tracing::error!("a {what} panicked; it counts as \"no\""))
        .ok()
}

fn typed<M: Subscribable>(row: &Row) -> Option<&M> {
    let row = row.downcast_ref::<M>();
    debug_assert!(
        row.is_some(),
        "an adapter handed a row of another model than {}",
        type_name::<M>()
    );
    row
}

fn reader<M: Subscribable>(
    read: impl Fn(&M) -> serde_json::Result<Value> + Send + Sync + 'static,
) -> ReadKey {
    Box::new(move |row| {
        guard("key's serializer", || {
            read(typed(row)?)
                .map_err(|error| tracing::error!(%error, "a key is no JSON"))
                .ok()
        })?
    })
}
