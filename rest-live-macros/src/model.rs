//! The model: what is left of an input when nothing is wrong with it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::{Expr, Ident, LitStr, Path, Type, Visibility};

use crate::attr::{Case, Subscribable};
use crate::input::Field;
use crate::names::unraw;

pub(crate) struct Model<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    /// Where the user has rest-live.
    pub(crate) krate: Path,
    /// `None` for the default.
    pub(crate) label: Option<&'a LitStr>,
    /// `None` if it is left to be inferred.
    pub(crate) user: Option<&'a Type>,
    /// `None` if the input was too wrong to say more than the above.
    pub(crate) table: Option<Table<'a>>,
}

pub(crate) struct Table<'a> {
    pub(crate) path: Path,
    pub(crate) primary_key: Key<'a>,
    pub(crate) fields: &'a [Field],
    pub(crate) rename_all: &'a [TokenStream],
    /// What `rename_all` does to names.
    pub(crate) case: Case,
    /// Keys of `#[serde(...)]` that change the JSON and that ts-rs knows nothing of.
    pub(crate) unread: Vec<&'a Ident>,
    pub(crate) registrations: Vec<Registration<'a>>,
}

/// A field that is a column.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a> {
    pub(crate) field: &'a Field,
    pub(crate) ident: &'a Ident,
}

#[derive(Clone)]
pub(crate) struct Key<'a>(pub(crate) Vec<Column<'a>>);

pub(crate) struct Registration<'a> {
    pub(crate) attr: &'a Subscribable,
    pub(crate) key: Key<'a>,
    pub(crate) check_permission: Option<&'a Expr>,
    pub(crate) shape: Shape<'a>,
}

/// The JSON of a row.
pub(crate) enum Shape<'a> {
    /// As the model serializes itself.
    Model,
    Serializer(&'a Type),
    Fields(Vec<&'a Field>),
}

impl<'a> Table<'a> {
    /// Every key that a registration has, once.
    pub(crate) fn keys(&self) -> Vec<&Key<'a>> {
        let mut keys: Vec<&Key<'a>> = Vec::new();
        for registration in &self.registrations {
            if !keys.contains(&&registration.key) {
                keys.push(&registration.key);
            }
        }
        keys
    }

    /// Every shape of the JSON, once.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &Shape<'a>> {
        let registrations = self.registrations.iter().enumerate();
        registrations.filter_map(|(at, registration)| {
            let mut earlier = self.registrations[..at].iter();
            let shape = &registration.shape;
            (!earlier.any(|earlier| earlier.shape == *shape)).then_some(shape)
        })
    }

    /// What serde calls a field.
    pub(crate) fn name_in_json(&self, field: &Field) -> String {
        let renamed = field.serde.rename.clone();
        renamed.unwrap_or_else(|| self.case.apply(&field.name()))
    }

    /// Every column that such a key has, once.
    pub(crate) fn key_columns(&self) -> Vec<Column<'a>> {
        let mut columns: Vec<Column<'a>> = Vec::new();
        for column in self.keys().into_iter().flat_map(|key| &key.0) {
            if !columns.contains(column) {
                columns.push(*column);
            }
        }
        columns
    }
}

impl<'a> Column<'a> {
    pub(crate) fn of(field: &'a Field) -> Option<Self> {
        Some(Self {
            field,
            ident: field.column()?,
        })
    }

    /// Its name on the wire.
    pub(crate) fn name(&self) -> String {
        unraw(self.ident)
    }
}

impl PartialEq for Column<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.ident == other.ident
    }
}

impl Key<'_> {
    /// What its constructor is called: `list_id`, `list_id_and_done`.
    pub(crate) fn ident(&self) -> Ident {
        match self.0.as_slice() {
            [column] => column.field.ident.clone(),
            columns => {
                let names: Vec<_> = columns.iter().map(|column| column.field.name()).collect();
                let span = columns
                    .first()
                    .map_or_else(Span::call_site, |column| column.field.ident.span());
                format_ident!("{}", names.join("_and_"), span = span)
            }
        }
    }

    /// Its columns, for a sentence.
    pub(crate) fn describe(&self) -> String {
        let names: Vec<_> = self
            .0
            .iter()
            .map(|column| format!("`{}`", column.name()))
            .collect();
        names.join(" and ")
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl PartialEq for Shape<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Model, Self::Model) => true,
            (Self::Serializer(a), Self::Serializer(b)) => same_source(a, b),
            (Self::Fields(a), Self::Fields(b)) => names(a).eq(names(b)),
            _ => false,
        }
    }
}

fn names<'a>(fields: &'a [&Field]) -> impl Iterator<Item = &'a Ident> {
    fields.iter().map(|field| &field.ident)
}

/// Whether two pieces of the input are spelt alike.
pub(crate) fn same_source(a: &impl ToTokens, b: &impl ToTokens) -> bool {
    a.to_token_stream().to_string() == b.to_token_stream().to_string()
}
