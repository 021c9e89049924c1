//! `#[live(...)]`: what holds for the model as a whole.

use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitStr, Path, Result, Type};

use super::{set, subscribable, text, unknown, value, walk};
use crate::errors::Errors;

pub(super) const NAME: &str = "live";
pub(super) const KEYS: &[&str] = &["label", "user", "crate"];

#[derive(Default)]
pub(crate) struct Live {
    pub(crate) label: Option<LitStr>,
    pub(crate) user: Option<Type>,
    pub(crate) krate: Option<Path>,
}

impl Live {
    pub(crate) fn read(attrs: &[Attribute], errors: &Errors) -> Self {
        let mut live = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident(NAME)) {
            errors.extend(walk(attr, |key, input| match &*key.to_string() {
                "label" => set(&mut live.label, key, text(key, input)?),
                "user" => set(&mut live.user, key, value(key, input)?),
                "crate" => set(&mut live.krate, key, value::<PathModStyle>(key, input)?.0),
                _ => Err(unknown(
                    key,
                    KEYS,
                    NAME,
                    (subscribable::NAME, subscribable::KEYS),
                )),
            }));
        }
        live
    }
}

/// A path that may start with `crate`, `self` or `super`, and has no generics.
struct PathModStyle(Path);

impl Parse for PathModStyle {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return Err(
                input.error("expected a path without quotes, as in `crate = my_crate::rest_live`")
            );
        }
        input.call(Path::parse_mod_style).map(Self)
    }
}
