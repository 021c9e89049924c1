//! `#[serde(...)]`: what `fields(...)` must repeat so that its rows are a subset of the model's own
//! JSON.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Ident};

use super::{skip_value, walk};

/// `#[serde(...)]` on a struct.
#[derive(Default)]
pub(crate) struct SerdeModel {
    /// `rename_all = "..."` and its like, to repeat.
    pub(crate) rename_all: Vec<TokenStream>,
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
}

impl SerdeModel {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut model = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            walk(attr, |key, input| {
                let value = skip_value(input)?;
                match &*key.to_string() {
                    "rename_all" => model.rename_all.push(quote!(#key #value)),
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
                skip_value(input)?;
                if key == "skip" || key == "skip_serializing" {
                    field.skipped = Some(key.clone());
                }
                Ok(())
            });
            field.attrs.push(attr.clone());
        }
        field
    }
}
