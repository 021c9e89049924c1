//! `#[ts(...)]` of ts-rs: only which keys there are, to know what it is told.

use proc_macro2::TokenStream;
use syn::Attribute;

use super::{skip_value, walk};

/// The keys of `#[ts(...)]`, on a struct or a field.
#[derive(Default)]
pub(crate) struct Ts(Vec<String>);

impl Ts {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut ts = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("ts")) {
            walk(attr, |key, input| {
                ts.0.push(key.to_string());
                skip_value(input).map(drop::<TokenStream>)
            });
        }
        ts
    }

    pub(crate) fn says(&self, keys: &[&str]) -> bool {
        self.0.iter().any(|key| keys.contains(&&**key))
    }
}
