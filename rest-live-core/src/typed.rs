//! Models in the types of another language: what a client that is written in it has to know.

use crate::label::Label;
use crate::model::Subscribable;

/// A language in which the rows and keys of type `T` have a type.
///
/// The derive asks for it, with the language left open: so what it writes compiles whether or not
/// anybody knows a language.
#[diagnostic::on_unimplemented(
    message = "`{T}` has no type in {Self}",
    label = "this model has a `{T}` in its rows or keys",
    note = "for TypeScript, derive `ts_rs::TS` on `{T}`",
    note = "types of other crates have one by a feature of `ts-rs`, such as `uuid-impl` or `chrono-impl`; an `Option` has one if what is in it has"
)]
pub trait Language<T: ?Sized> {
    /// What `T` is called in it. Notes what has to be declared for that.
    fn name(&mut self) -> String;
}

/// A language whose types of the model `M` are what serde writes.
///
/// There is none for a model with `#[serde(...)]` attributes that no language reads.
#[diagnostic::on_unimplemented(
    message = "`ts_rs::TS` does not read a `#[serde(...)]` attribute of `{M}`, so its type would not be that of the JSON",
    label = "the JSON of `{M}` is another",
    note = "say on the same field, or on `{M}`, what the attribute does: `#[ts(optional)]` for `skip_serializing_if`, `#[ts(skip)]` for `skip_serializing`, `#[ts(rename = \"...\")]` or `#[ts(rename_all = \"...\")]` for one with `serialize = \"...\"`, `#[ts(type = \"...\")]` for `serialize_with`, `into` and `transparent`"
)]
pub trait ReadsSerde<M: ?Sized> {}

/// A model whose rows and keys have types in the language `L`.
///
/// Derived with [`Subscribable`], for each language that has all of these types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a live model",
    label = "not subscribable",
    note = "add `#[derive(Subscribable)]` and a `#[subscribable]` to `{Self}`"
)]
pub trait TypedModel<L>: Subscribable {
    /// The types of its rows, and of the columns of its keys.
    fn types(language: &mut L) -> Types<'_, L>;
}

/// What the derive says of a model's types.
pub struct Types<'l, L> {
    language: &'l mut L,
    rows: Vec<RowType>,
    columns: Vec<(&'static str, String)>,
}

impl<'l, L> Types<'l, L> {
    /// A model of which nothing is said yet.
    pub fn new(language: &'l mut L) -> Self {
        Self {
            language,
            rows: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// Some see its rows as a `T`.
    #[must_use]
    pub fn row<T: ?Sized>(mut self) -> Self
    where
        L: Language<T>,
    {
        let whole = self.language.name();
        self.rows.push(RowType::Whole(whole));
        self
    }

    /// Some see these properties of a `T`.
    #[must_use]
    pub fn part<T: ?Sized>(mut self, properties: &[&'static str]) -> Self
    where
        L: Language<T>,
    {
        self.rows.push(RowType::Part {
            of: self.language.name(),
            properties: properties.to_vec(),
            flattened: Vec::new(),
        });
        self
    }

    /// And with the part that was said last, all that is in a `T`.
    #[must_use]
    pub fn flatten<T: ?Sized>(mut self) -> Self
    where
        L: Language<T>,
    {
        let name = self.language.name();
        if let Some(RowType::Part { flattened, .. }) = self.rows.last_mut() {
            flattened.push(name);
        }
        self
    }

    /// The values of this column, which is in a key, are a `T`.
    #[must_use]
    pub fn column<T: ?Sized>(mut self, name: &'static str) -> Self
    where
        L: Language<T>,
    {
        let ty = self.language.name();
        self.columns.push((name, ty));
        self
    }

    fn column_type(&self, name: &str) -> String {
        let column = self.columns.iter().find(|(column, _)| *column == name);
        let (_, ty) = column.expect("the derive says the type of every column of a key");
        ty.clone()
    }
}

/// A model as a client sees it, in the words of a language.
#[derive(Debug)]
pub struct ModelTypes {
    /// Its name on the wire.
    pub label: Label,
    /// The ways in which its rows are seen.
    pub rows: Vec<RowType>,
    /// The keys by which one can subscribe, each once.
    pub groups: Vec<GroupType>,
}

/// One way in which a model's rows are seen.
#[derive(Debug)]
pub enum RowType {
    /// Of this type.
    Whole(String),
    /// A part of a type.
    Part {
        /// The type.
        of: String,
        /// The properties that are seen.
        properties: Vec<&'static str>,
        /// Types whose properties are seen as well.
        flattened: Vec<String>,
    },
}

/// One key of a model.
#[derive(Debug)]
pub struct GroupType {
    /// Its columns, with the types of their values.
    pub columns: Vec<(&'static str, String)>,
    /// Whether it is the primary key, which has other names too.
    pub is_primary_key: bool,
}

impl ModelTypes {
    /// Puts `M` into the words of a language.
    pub fn of<M: TypedModel<L>, L>(language: &mut L) -> Self {
        let types = M::types(language);
        let description = M::describe();
        let primary_key = description.primary_key.names();
        let mut keys: Vec<Vec<&'static str>> = Vec::new();
        for registration in &description.registrations {
            let key = registration.key.names();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let groups = keys.into_iter().map(|key| GroupType {
            is_primary_key: key == primary_key,
            columns: key
                .into_iter()
                .map(|name| (name, types.column_type(name)))
                .collect(),
        });
        Self {
            label: M::LABEL,
            groups: groups.collect(),
            rows: types.rows,
        }
    }
}
