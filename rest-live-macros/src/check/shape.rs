//! The JSON of a registration's rows.

use syn::LitStr;

use crate::attr::Subscribable;
use crate::errors::Errors;
use crate::input::{Field, Input};
use crate::model::Shape;
use crate::names::closest;

pub(super) fn of<'a>(
    attr: &'a Subscribable,
    input: &'a Input,
    fields: &'a [Field],
    errors: &Errors,
) -> Option<Shape<'a>> {
    let Some(chosen) = &attr.fields else {
        return Some(
            attr.serializer
                .as_ref()
                .map_or(Shape::Model, Shape::Serializer),
        );
    };
    if attr.serializer.is_some() {
        errors.at(
            &chosen.key,
            "`fields` and `serializer` exclude each other; remove one",
        );
    }
    if let Some(key) = &input.serde.reshaped {
        let message = format!(
            "`#[serde({key})]` gives `{}` another shape, which has no fields to choose; use `serializer = Type`",
            input.ident
        );
        errors.at(&chosen.key, message);
        return None;
    }
    subset(&chosen.names, input, fields, errors).map(Shape::Fields)
}

fn subset<'a>(
    names: &[LitStr],
    input: &Input,
    fields: &'a [Field],
    errors: &Errors,
) -> Option<Vec<&'a Field>> {
    let chosen = names.iter().enumerate().map(|(at, name)| {
        let field = field(name, input, fields).and_then(|field| {
            let repeated = names[..at]
                .iter()
                .any(|earlier| earlier.value() == name.value());
            if repeated {
                Err(format!(
                    "field `{}` is in this list already; remove it",
                    name.value()
                ))
            } else {
                Ok(field)
            }
        });
        field.map_err(|message| errors.at(name, message)).ok()
    });
    // All of them first, for all of their errors.
    let chosen: Vec<_> = chosen.collect();
    chosen.into_iter().collect()
}

/// The field called `name`, if it is in the model's own JSON.
fn field<'a>(name: &LitStr, input: &Input, fields: &'a [Field]) -> Result<&'a Field, String> {
    let model = &input.ident;
    let wanted = name.value();
    let Some(field) = fields.iter().find(|field| field.name() == wanted) else {
        return Err(match closest(&wanted, fields.iter().map(Field::name)) {
            Some(meant) => format!("no field `{wanted}` on `{model}`; did you mean {meant:?}?"),
            None => format!("no field `{wanted}` on `{model}`"),
        });
    };
    match &field.serde.skipped {
        Some(key) => Err(format!(
            "`#[serde({key})]` keeps `{wanted}` out of the JSON of `{model}`; remove one of the two"
        )),
        None => Ok(field),
    }
}
