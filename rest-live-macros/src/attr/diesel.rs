//! `#[diesel(...)]`: the table, its key, and what is not a plain column. What is wrong in it,
//! Diesel reports.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Path, Result, Token, Type, parenthesized};

use super::{skip_value, value, walk};

/// `#[diesel(...)]` on a struct.
#[derive(Default)]
pub(crate) struct DieselModel {
    pub(crate) table: Option<Path>,
    pub(crate) primary_key: Option<Vec<Ident>>,
    pub(crate) belongs_to: Vec<BelongsTo>,
}

/// `belongs_to(Model, foreign_key = column)`.
pub(crate) struct BelongsTo {
    pub(crate) model: Path,
    pub(crate) foreign_key: Option<Ident>,
}

/// `#[diesel(...)]` on a field.
#[derive(Default)]
pub(crate) struct DieselField {
    pub(crate) column_name: Option<Ident>,
    pub(crate) serialize_as: Option<Type>,
    pub(crate) embed: bool,
    pub(crate) skip_update: bool,
    pub(crate) select_expression: bool,
}

impl DieselModel {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut model = Self::default();
        each(attrs, |key, input| {
            match &*key.to_string() {
                "table_name" => model.table = Some(value::<Unquoted<Path>>(key, input)?.0),
                "primary_key" => model.primary_key = Some(names(input)?),
                "belongs_to" => model.belongs_to.push(parent(input)?),
                _ => drop(skip_value(input)?),
            }
            Ok(())
        });
        model
    }
}

impl DieselField {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut field = Self::default();
        each(attrs, |key, input| {
            match &*key.to_string() {
                "column_name" => field.column_name = Some(value::<Column>(key, input)?.0),
                "serialize_as" => field.serialize_as = Some(value::<Unquoted<Type>>(key, input)?.0),
                "embed" => field.embed = true,
                "skip_update" => field.skip_update = true,
                "select_expression" => {
                    field.select_expression = true;
                    skip_value(input)?;
                }
                _ => drop(skip_value(input)?),
            }
            Ok(())
        });
        field
    }
}

fn each(attrs: &[Attribute], mut read: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("diesel")) {
        walk(attr, &mut read);
    }
}

fn names(input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let content;
    parenthesized!(content in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated(&content)?;
    Ok(names.into_iter().collect())
}

fn parent(input: ParseStream<'_>) -> Result<BelongsTo> {
    let content;
    parenthesized!(content in input);
    let mut parent = BelongsTo {
        model: content.parse()?,
        foreign_key: None,
    };
    while content.parse::<Option<Token![,]>>()?.is_some() && !content.is_empty() {
        let key: Ident = content.parse()?;
        if key == "foreign_key" {
            parent.foreign_key = Some(value::<Column>(&key, &content)?.0);
        }
    }
    Ok(parent)
}

/// Something that may be written as a string, as it was in older versions of Diesel.
struct Unquoted<T>(T);

impl<T: Parse> Parse for Unquoted<T> {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            input.parse::<LitStr>()?.parse()
        } else {
            input.parse()
        }
        .map(Self)
    }
}

/// A column, `kind` or `"kind"`; a keyword in quotes is the raw identifier.
struct Column(Ident);

impl Parse for Column {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(LitStr) {
            return input.parse().map(Self);
        }
        let name: LitStr = input.parse()?;
        let ident = name.parse::<Ident>().or_else(|_| {
            let keyword = name.parse_with(Ident::parse_any)?;
            Ok::<_, syn::Error>(Ident::new_raw(&keyword.to_string(), name.span()))
        });
        ident.map(Self)
    }
}
