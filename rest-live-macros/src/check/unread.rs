//! Attributes of serde that ts-rs does not read, and that nothing says to it. They are no mistake
//! until somebody wants types of the model.

use syn::Ident;

use crate::input::{Field, Input};
use crate::model::{Registration, Shape};

pub(super) fn of<'a>(
    input: &'a Input,
    fields: &'a [Field],
    registrations: &[Registration<'a>],
) -> Vec<&'a Ident> {
    if input.ts.says(&["type", "as"]) {
        return Vec::new();
    }
    let mut unread = Vec::new();
    let mut shown = shown(fields, registrations).peekable();
    if shown.peek().is_some() {
        let split = input.serde.split.as_ref();
        unread.extend(split.filter(|_| !input.ts.says(&["rename_all"])));
        unread.extend(&input.serde.reshaped);
    }
    unread.extend(shown.filter_map(|field| of_field(input, field)));
    unread
}

/// The fields that somebody sees as the model itself shows them.
fn shown<'a>(
    fields: &'a [Field],
    registrations: &[Registration<'a>],
) -> impl Iterator<Item = &'a Field> {
    fields.iter().filter(move |field| {
        registrations
            .iter()
            .any(|registration| match &registration.shape {
                Shape::Model => true,
                Shape::Serializer(_) => false,
                Shape::Fields(chosen) => chosen.iter().any(|chosen| std::ptr::eq(*chosen, *field)),
            })
    })
}

fn of_field<'a>(input: &'a Input, field: &'a Field) -> Option<&'a Ident> {
    let (serde, ts) = (&field.serde, &field.ts);
    if ts.says(&["skip"]) {
        return None;
    }
    // Where one attribute is split, ts-rs reads nothing in it, so neither the default beside it.
    let is_optional = ts.says(&["optional"])
        || input.ts.says(&["optional_fields"])
        || (serde.default && serde.split.is_none());
    let unread = [
        (&serde.split, ts.says(&["rename"])),
        (&serde.skipped_if, is_optional),
        (
            &serde.skipped,
            is_optional || serde.skipped.as_ref().is_some_and(|key| key == "skip"),
        ),
        (&serde.serialize_with, ts.says(&["type", "as"])),
    ];
    unread
        .into_iter()
        .find_map(|(key, is_said)| key.as_ref().filter(|_| !is_said))
}
