//! `#[serde(...)]`: what `fields(...)` must repeat so that its rows are a subset of the model's own
//! JSON, and what it calls them there.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Ident};

use super::rename::{Case, Renamed};
use super::{skip_value, walk};

/// `#[serde(...)]` on a struct.
#[derive(Default)]
pub(crate) struct SerdeModel {
    /// `rename_all = "..."` and its like, to repeat.
    pub(crate) rename_all: Vec<TokenStream>,
    /// What that does to the fields' names.
    pub(crate) case: Case,
    /// `rename_all(serialize = "...")`.
    pub(crate) split: Option<Ident>,
    /// What gives the whole struct another shape, so that its fields say nothing about its JSON.
    pub(crate) reshaped: Option<Ident>,
}

/// `#[serde(...)]` on a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    /// To repeat, word for word.
    pub(crate) attrs: Vec<Attribute>,
    /// What keeps it out of the JSON.
    pub(crate) skipped: Option<Ident>,
    /// What keeps it out of some rows' JSON.
    pub(crate) skipped_if: Option<Ident>,
    pub(crate) rename: Option<String>,
    /// `rename(serialize = "...")`.
    pub(crate) split: Option<Ident>,
    pub(crate) flatten: bool,
    pub(crate) default: bool,
    /// `serialize_with = ...`.
    pub(crate) serialize_with: Option<Ident>,
}

impl SerdeModel {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut model = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            walk(attr, |key, input| {
                let value = skip_value(input)?;
                match &*key.to_string() {
                    "rename_all" => {
                        model.rename_all.push(quote!(#key #value));
                        let Renamed {
                            serialize,
                            is_split,
                        } = syn::parse2(value)?;
                        model.split = is_split.then(|| key.clone());
                        model.case = serialize.as_deref().map(Case::named).unwrap_or_default();
                    }
                    "into" | "transparent" | "remote" => model.reshaped = Some(key.clone()),
                    _ => {}
                }
                Ok(())
            });
        }
        model
    }
}

impl SerdeField {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut field = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            walk(attr, |key, input| {
                let value = skip_value(input)?;
                field.note(key, value)
            });
            field.attrs.push(attr.clone());
        }
        field
    }

    fn note(&mut self, key: &Ident, value: TokenStream) -> syn::Result<()> {
        match &*key.to_string() {
            "skip" | "skip_serializing" => self.skipped = Some(key.clone()),
            "skip_serializing_if" => self.skipped_if = Some(key.clone()),
            "serialize_with" => self.serialize_with = Some(key.clone()),
            "flatten" => self.flatten = true,
            "default" => self.default = true,
            "rename" => {
                let renamed: Renamed = syn::parse2(value)?;
                self.split = renamed.is_split.then(|| key.clone());
                self.rename = renamed.serialize;
            }
            _ => {}
        }
        Ok(())
    }
}
