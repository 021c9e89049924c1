//! Of the registrations on one key, a subscriber gets the first whose permission passes: one behind
//! another that always decides first is a mistake.

use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::attr::{GroupKey, Subscribable};
use crate::errors::Errors;
use crate::model::{Registration, same_source};

/// The registrations that can be reached; the others are reported.
pub(super) fn reachable<'a>(
    registrations: Vec<Registration<'a>>,
    errors: &Errors,
) -> Vec<Registration<'a>> {
    let mut reachable: Vec<Registration<'a>> = Vec::new();
    for later in registrations {
        match reachable.iter().find_map(|earlier| shadow(earlier, &later)) {
            Some(message) => report(later.attr, &message, errors),
            None => reachable.push(later),
        }
    }
    reachable
}

/// Why `later` is never asked, if `earlier` always decides first.
fn shadow(earlier: &Registration<'_>, later: &Registration<'_>) -> Option<String> {
    if earlier.key != later.key || earlier.attr.flawed || later.attr.flawed {
        return None;
    }
    let same_permission = match (earlier.check_permission, later.check_permission) {
        (None, None) => true,
        (Some(earlier), Some(later)) => same_source(earlier, later),
        _ => false,
    };
    let key = later.key.describe();
    if same_permission && earlier.shape == later.shape {
        Some(format!(
            "this registration on {key} is there already; remove it"
        ))
    } else if earlier.check_permission.is_none() {
        Some(format!(
            "never reached: an earlier registration on {key} lets everybody in; \
             move this one above it, or give that one a `check_permission`"
        ))
    } else if same_permission {
        Some(format!(
            "never reached: an earlier registration on {key} has the same `check_permission`; change one of the two"
        ))
    } else {
        None
    }
}

fn report(attr: &Subscribable, message: &str, errors: &Errors) {
    match &attr.group_key {
        GroupKey::Columns(names) => {
            let names = names.iter().map(ToTokens::to_token_stream);
            errors.at(names.collect::<TokenStream>(), message);
        }
        GroupKey::Primary => errors.at(&attr.name, message),
    }
}
