//! What serde calls a field in JSON.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitStr, MetaNameValue, Result, Token, parenthesized};

/// What follows `rename` and `rename_all`: `= "name"`, or
/// `(serialize = "name", deserialize = "name")`.
pub(super) struct Renamed {
    /// The name in JSON that is written.
    pub(super) serialize: Option<String>,
    /// Whether it is said for each direction.
    pub(super) is_split: bool,
}

impl Parse for Renamed {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.parse::<Option<Token![=]>>()?.is_some() {
            return Ok(Self {
                serialize: Some(input.parse::<LitStr>()?.value()),
                is_split: false,
            });
        }
        let directions;
        parenthesized!(directions in input);
        let directions = Punctuated::<MetaNameValue, Token![,]>::parse_terminated(&directions)?;
        Ok(Self {
            serialize: directions.iter().find_map(serialize),
            is_split: true,
        })
    }
}

fn serialize(direction: &MetaNameValue) -> Option<String> {
    match &direction.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(name),
            ..
        }) if direction.path.is_ident("serialize") => Some(name.value()),
        _ => None,
    }
}

/// `rename_all` for fields, whose names serde takes for `snake_case`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Case {
    #[default]
    AsItIs,
    Upper,
    Pascal,
    Camel,
    Kebab,
    UpperKebab,
}

impl Case {
    /// As serde spells it. What is no case, serde reports.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::UpperKebab,
            _ => Self::AsItIs,
        }
    }

    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::AsItIs => field.to_owned(),
            Self::Upper => field.to_ascii_uppercase(),
            Self::Pascal => pascal(field),
            Self::Camel => {
                let mut name = pascal(field);
                if let Some(first) = name.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                name
            }
            Self::Kebab => field.replace('_', "-"),
            Self::UpperKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(field: &str) -> String {
    let mut words = field.split('_').map(str::to_owned);
    let mut name = String::new();
    for word in &mut words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn the_name_that_counts_is_the_one_that_is_written() {
        let cases: [(Renamed, _, _); 3] = [
            (parse_quote!(= "x"), Some("x"), false),
            (
                parse_quote!((deserialize = "y", serialize = "x")),
                Some("x"),
                true,
            ),
            (parse_quote!((deserialize = "y")), None, true),
        ];
        for (renamed, name, is_split) in cases {
            assert_eq!(
                (renamed.serialize.as_deref(), renamed.is_split),
                (name, is_split)
            );
        }
    }

    #[test]
    fn fields_are_renamed_as_serde_renames_them() {
        for (case, name) in [
            ("lowercase", "list_id"),
            ("snake_case", "list_id"),
            ("UPPERCASE", "LIST_ID"),
            ("SCREAMING_SNAKE_CASE", "LIST_ID"),
            ("PascalCase", "ListId"),
            ("camelCase", "listId"),
            ("kebab-case", "list-id"),
            ("SCREAMING-KEBAB-CASE", "LIST-ID"),
        ] {
            assert_eq!(Case::named(case).apply("list_id"), name, "{case}");
        }
        assert_eq!(Case::Camel.apply("_a__b_"), "aB");
        assert_eq!(Case::Camel.apply("élan_vital"), "élanVital");
    }
}
