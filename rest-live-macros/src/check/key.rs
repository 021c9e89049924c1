//! From the names of columns to keys.

use quote::ToTokens;
use syn::{Ident, LitStr};

use crate::attr::{BelongsTo, GroupKey, Subscribable};
use crate::errors::Errors;
use crate::input::{Field, Input};
use crate::model::{Column, Key};
use crate::names::{closest, default_foreign_key, snake_case, unraw};

/// The primary key, as Diesel finds it.
pub(super) fn primary<'a>(
    input: &'a Input,
    fields: &'a [Field],
    errors: &Errors,
) -> Option<Key<'a>> {
    let Some(names) = &input.diesel.primary_key else {
        return default_primary(input, fields, errors);
    };
    let columns = names.iter().map(|name| {
        let column = by_column(fields, &unraw(name));
        if column.is_none() {
            errors.at(name, missing(&unraw(name), name, input, fields));
        }
        column
    });
    all(columns.collect())
}

fn default_primary<'a>(input: &'a Input, fields: &'a [Field], errors: &Errors) -> Option<Key<'a>> {
    let id = by_column(fields, "id");
    if id.is_none() {
        let message = format!(
            "no field `id` on `{}`; name the key's columns with `#[diesel(primary_key(...))]`",
            input.ident
        );
        errors.at(&input.ident, message);
    }
    Some(Key(vec![id?]))
}

/// The key of a registration.
pub(super) fn of<'a>(
    attr: &Subscribable,
    input: &'a Input,
    fields: &'a [Field],
    primary: Option<&Key<'a>>,
    errors: &Errors,
) -> Option<Key<'a>> {
    match &attr.group_key {
        GroupKey::Primary => primary.cloned(),
        GroupKey::Columns(names) => {
            let columns = names
                .iter()
                .map(|name| column(name, input, fields, errors))
                .collect();
            distinct(all(columns)?, names, errors)
        }
    }
}

fn all(columns: Vec<Option<Column<'_>>>) -> Option<Key<'_>> {
    columns.into_iter().collect::<Option<_>>().map(Key)
}

fn distinct<'a>(key: Key<'a>, names: &[LitStr], errors: &Errors) -> Option<Key<'a>> {
    let repeated = (1..key.0.len()).find(|&at| key.0[..at].contains(&key.0[at]));
    let Some(at) = repeated else { return Some(key) };
    errors.at(
        &names[at],
        format!(
            "column `{}` is in this key already; remove it",
            key.0[at].name()
        ),
    );
    None
}

/// The column that a user calls `name`: one of that very name, or the foreign key to a parent of
/// that name.
fn column<'a>(
    name: &LitStr,
    input: &'a Input,
    fields: &'a [Field],
    errors: &Errors,
) -> Option<Column<'a>> {
    let wanted = name.value();
    if let Some(column) = by_column(fields, &wanted) {
        return Some(column);
    }
    let Some((parent, foreign_key)) = foreign_key(&wanted, &input.diesel.belongs_to) else {
        errors.at(name, missing(&wanted, name, input, fields));
        return None;
    };
    let column = by_column(fields, &unraw(&foreign_key));
    if column.is_none() {
        let model = &input.ident;
        errors.at(
            name,
            format!(
                "`{parent}` is the parent by `{foreign_key}`, but `{model}` has no such column"
            ),
        );
    }
    column
}

fn by_column<'a>(fields: &'a [Field], name: &str) -> Option<Column<'a>> {
    fields
        .iter()
        .find(|field| field.has_column(name))
        .and_then(Column::of)
}

/// The model whose name is meant by `name` in snake case, and the column that refers to it.
fn foreign_key<'a>(name: &str, parents: &'a [BelongsTo]) -> Option<(&'a Ident, Ident)> {
    parents.iter().find_map(|parent| {
        let model = &parent.model.segments.last()?.ident;
        let foreign_key = parent
            .foreign_key
            .clone()
            .unwrap_or_else(|| default_foreign_key(model));
        (snake_case(&unraw(model)) == name).then_some((model, foreign_key))
    })
}

/// Why there is no column `name`.
fn missing(name: &str, written: &impl ToTokens, input: &Input, fields: &[Field]) -> String {
    let model = &input.ident;
    // What is written as a string is suggested as a string.
    let quoted = |name: &str| {
        if written.to_token_stream().to_string().starts_with('"') {
            format!("{name:?}")
        } else {
            format!("`{name}`")
        }
    };
    if let Some(field) = fields.iter().find(|field| field.name() == name) {
        return match field.column() {
            Some(column) => format!(
                "`{name}` is a field; name its column, {}",
                quoted(&unraw(column))
            ),
            None if field.diesel.embed => {
                format!("`{name}` is an embedded struct, not a column: it cannot be a key")
            }
            None => format!(
                "`{name}` is computed by a `select_expression`, not a column: it cannot be a key"
            ),
        };
    }
    if name.is_empty() {
        return "expected the name of a column, as in \"id\"".to_owned();
    }
    let columns = fields
        .iter()
        .filter_map(Column::of)
        .map(|column| column.name());
    match closest(name, columns) {
        Some(meant) => format!(
            "no column `{name}` on `{model}`; did you mean {}?",
            quoted(&meant)
        ),
        None => format!("no column `{name}` on `{model}`; a key is the column of a field"),
    }
}
