//! The syntax of the attributes, ours and those of others that we read.
//!
//! An attribute is walked key by key; after a mistake in one, the walk goes on with the next.

mod diesel;
mod live;
mod rename;
mod serde;
mod subscribable;
mod ts;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, Ident, LitStr, Meta, Result, Token};

pub(crate) use self::diesel::{BelongsTo, DieselField, DieselModel};
pub(crate) use self::live::Live;
pub(crate) use self::rename::Case;
pub(crate) use self::serde::{SerdeField, SerdeModel};
pub(crate) use self::subscribable::{GroupKey, Subscribable};
pub(crate) use self::ts::Ts;
use crate::names::{closest, is_identifier};

/// Hands every key of `#[name(key, key = value, key(...))]` to `read`, with what follows it.
fn walk(
    attr: &Attribute,
    mut read: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) -> Vec<syn::Error> {
    let mut errors = Vec::new();
    let list = match &attr.meta {
        Meta::Path(_) => return errors,
        Meta::List(list) => list,
        Meta::NameValue(pair) => {
            let name = pair.path.to_token_stream();
            return vec![syn::Error::new_spanned(
                pair,
                format!("expected parentheses, as in `#[{name}(...)]`"),
            )];
        }
    };
    let walked = list.parse_args_with(|input: ParseStream<'_>| {
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            let read = read(&key, input).and_then(|()| at_end_of_value(input));
            if let Err(error) = read {
                errors.push(error);
                skip_value(input)?;
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    });
    errors.extend(walked.err());
    errors
}

fn at_end_of_value(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        Ok(())
    } else {
        Err(input.error("expected `,`"))
    }
}

/// Skips to the next comma, or behind the expression that starts here: a closure has commas of its
/// own.
fn skip_value(input: ParseStream<'_>) -> Result<TokenStream> {
    let mut skipped = TokenStream::new();
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?.to_tokens(&mut skipped);
        if input.fork().parse::<Expr>().is_ok() {
            input.parse::<Expr>()?.to_tokens(&mut skipped);
        }
    }
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?.to_tokens(&mut skipped);
    }
    Ok(skipped)
}

/// Reads `= value`.
fn value<T: Parse>(key: &Ident, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new_spanned(
            key,
            format!("expected a value, as in `{key} = ...`"),
        ));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// Reads `= "text"`, and of anything else says how to write it.
fn text(key: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new_spanned(
            key,
            format!("expected a value, as in `{key} = \"...\"`"),
        ));
    }
    input.parse::<Token![=]>()?;
    literal(input, |written| format!("{key} = {written}"))
}

/// Reads a string literal. `example` puts one into its place in the attribute.
fn literal(input: ParseStream<'_>, example: impl Fn(&str) -> String) -> Result<LitStr> {
    if input.peek(LitStr) {
        return input.parse();
    }
    let found: Expr = input.parse()?;
    let written = match found.to_token_stream().to_string() {
        name if is_identifier(&name) => format!("{name:?}"),
        _ => "\"...\"".to_owned(),
    };
    let message = format!("expected a string literal, as in `{}`", example(&written));
    Err(syn::Error::new_spanned(found, message))
}

/// Sets what may be given once.
fn set<T>(slot: &mut Option<T>, key: &Ident, value: T) -> Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new_spanned(
            key,
            format!("`{key}` is given twice; remove one"),
        ));
    }
    *slot = Some(value);
    Ok(())
}

/// A key that is not of this attribute: it belongs in `other`, is misspelt, or is none at all.
fn unknown(key: &Ident, keys: &[&str], here: &str, (other, others): (&str, &[&str])) -> syn::Error {
    let name = key.to_string();
    let message = if others.contains(&&*name) {
        format!("`{key}` belongs in `#[{other}({key} = ...)]`")
    } else if let Some(meant) = closest(&name, keys.iter().copied()) {
        format!("unknown key `{key}` in `#[{here}(...)]`; did you mean `{meant}`?")
    } else {
        let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        format!(
            "unknown key `{key}` in `#[{here}(...)]`; it takes {}",
            keys.join(", ")
        )
    };
    syn::Error::new_spanned(key, message)
}
