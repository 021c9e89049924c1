//! `#[subscribable(...)]`: one registration.

use syn::parse::ParseStream;
use syn::{Attribute, Expr, Ident, LitStr, Path, Result, Token, Type, parenthesized};

use super::{at_end_of_value, literal, live, set, text, unknown, value, walk};
use crate::errors::Errors;

pub(super) const NAME: &str = "subscribable";
pub(super) const KEYS: &[&str] = &["group_key", "check_permission", "serializer", "fields"];

pub(crate) struct Subscribable {
    /// The word `subscribable`, for what is wrong with the registration as a whole.
    pub(crate) name: Path,
    pub(crate) group_key: GroupKey,
    pub(crate) check_permission: Option<Expr>,
    pub(crate) serializer: Option<Type>,
    pub(crate) fields: Option<Fields>,
    /// Something in it could not be read, which was reported: it may be meant otherwise than it
    /// looks.
    pub(crate) flawed: bool,
}

/// By which columns, as they were written.
pub(crate) enum GroupKey {
    Primary,
    Columns(Vec<LitStr>),
}

/// `fields("id", "text")`.
pub(crate) struct Fields {
    pub(crate) key: Ident,
    pub(crate) names: Vec<LitStr>,
}

impl Subscribable {
    pub(crate) fn read_all(attrs: &[Attribute], errors: &Errors) -> Vec<Self> {
        let attrs = attrs.iter().filter(|attr| attr.path().is_ident(NAME));
        attrs.map(|attr| Self::read(attr, errors)).collect()
    }

    fn read(attr: &Attribute, errors: &Errors) -> Self {
        let mut group_key = None;
        let mut this = Self {
            name: attr.path().clone(),
            group_key: GroupKey::Primary,
            check_permission: None,
            serializer: None,
            fields: None,
            flawed: false,
        };
        let mistakes = walk(attr, |key, input| match &*key.to_string() {
            "group_key" => set(&mut group_key, key, columns(key, input)?),
            "check_permission" => set(&mut this.check_permission, key, value(key, input)?),
            "serializer" => set(&mut this.serializer, key, value(key, input)?),
            "fields" => set(
                &mut this.fields,
                key,
                Fields {
                    key: key.clone(),
                    names: list(key, input)?,
                },
            ),
            _ => Err(unknown(key, KEYS, NAME, (live::NAME, live::KEYS))),
        });
        this.group_key = group_key.map_or(GroupKey::Primary, GroupKey::Columns);
        this.flawed = !mistakes.is_empty();
        errors.extend(mistakes);
        this
    }
}

/// Reads `= "column"` or `("column", "column")`.
fn columns(key: &Ident, input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    if input.peek(Token![=]) {
        text(key, input).map(|column| vec![column])
    } else {
        list(key, input)
    }
}

/// Reads `("name", "name")`.
fn list(key: &Ident, input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new_spanned(
            key,
            format!("expected a list, as in `{key}(\"...\", \"...\")`"),
        ));
    }
    let content;
    parenthesized!(content in input);
    let mut names = Vec::new();
    let mut mistakes: Option<syn::Error> = None;
    while !content.is_empty() {
        match literal(&content, |written| format!("{key}({written})")) {
            Ok(name) => names.push(name),
            Err(mistake) => match &mut mistakes {
                Some(mistakes) => mistakes.combine(mistake),
                None => mistakes = Some(mistake),
            },
        }
        at_end_of_value(&content)?;
        content.parse::<Option<Token![,]>>()?;
    }
    match mistakes {
        Some(mistakes) => Err(mistakes),
        None if names.is_empty() => {
            let message = format!("`{key}` is empty; name at least one, as in `{key}(\"...\")`");
            Err(syn::Error::new_spanned(key, message))
        }
        None => Ok(names),
    }
}
