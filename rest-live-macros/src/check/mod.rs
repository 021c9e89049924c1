//! Judges an input: what is right becomes the model, what is wrong an error.
//!
//! A mistake costs the registration that it stands in, no more: the compiler goes on to check the
//! types of the others.

mod key;
mod order;
mod shape;
mod unread;

use syn::{LitStr, Path, parse_quote};

use crate::attr::Subscribable;
use crate::errors::Errors;
use crate::input::{Field, Input};
use crate::model::{Key, Model, Registration, Table};
use crate::names::{default_table, is_identifier};

pub(crate) fn check<'a>(input: &'a Input, errors: &Errors) -> Model<'a> {
    if input.registrations.is_empty() {
        let message = format!(
            "`{}` has no `#[subscribable]`: add one, and clients can subscribe to its rows by primary key",
            input.ident
        );
        errors.at(&input.ident, message);
    }
    Model {
        ident: &input.ident,
        vis: &input.vis,
        krate: input
            .live
            .krate
            .clone()
            .unwrap_or_else(|| parse_quote!(::rest_live)),
        label: input
            .live
            .label
            .as_ref()
            .filter(|label| is_label(label, errors)),
        user: input.live.user.as_ref(),
        table: input
            .fields
            .as_ref()
            .and_then(|fields| table(input, fields, errors)),
    }
}

fn is_label(label: &LitStr, errors: &Errors) -> bool {
    let text = label.value();
    let parts: Vec<_> = text.split('.').collect();
    let message = match parts.as_slice() {
        [app, model] if is_identifier(app) && is_identifier(model) => return true,
        [_, _] => "both parts of a label are identifiers, as in \"app.Model\"",
        _ => "a label has exactly one dot, as in \"app.Model\"",
    };
    errors.at(label, message);
    false
}

fn table<'a>(input: &'a Input, fields: &'a [Field], errors: &Errors) -> Option<Table<'a>> {
    let primary_key = key::primary(input, fields, errors);
    let registrations = input.registrations.iter().filter_map(|attr| {
        let key = key::of(attr, input, fields, primary_key.as_ref(), errors);
        registration(attr, key, input, fields, errors)
    });
    let registrations = order::reachable(registrations.collect(), errors);
    let unread = unread::of(input, fields, &registrations);
    Some(Table {
        path: input
            .diesel
            .table
            .clone()
            .unwrap_or_else(|| Path::from(default_table(&input.ident))),
        primary_key: primary_key?,
        fields,
        rename_all: &input.serde.rename_all,
        case: input.serde.case,
        unread,
        registrations,
    })
}

/// One registration, if its key and its shape are right.
fn registration<'a>(
    attr: &'a Subscribable,
    key: Option<Key<'a>>,
    input: &'a Input,
    fields: &'a [Field],
    errors: &Errors,
) -> Option<Registration<'a>> {
    let shape = shape::of(attr, input, fields, errors);
    Some(Registration {
        attr,
        key: key?,
        check_permission: attr.check_permission.as_ref(),
        shape: shape?,
    })
}
