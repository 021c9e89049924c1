//! `describe()`: the keys and the registrations, in their order.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::table::path;
use crate::input::Field;
use crate::model::{Key, Model, Registration, Shape, Table};

pub(super) fn describe(model: &Model<'_>, table: &Table<'_>) -> TokenStream {
    let compose = compose(table);
    let keys = keys(table).into_iter().map(definition);
    let primary_key = name(&table.primary_key);
    let registrations = table
        .registrations
        .iter()
        .map(|registration| self::registration(model, table, registration));
    let adapter = adapter(model, table);
    quote! {
        fn describe() -> __live::Description<Self> {
            #compose
            #(#keys)*
            __live::Description::new(#primary_key())
                #(.register(#registrations))*
                .adapter(#adapter)
        }
    }
}

/// What the database adapter is told: the columns of all keys, and how their values are bound.
fn adapter(model: &Model<'_>, table: &Table<'_>) -> TokenStream {
    let ident = model.ident;
    let columns = table.key_columns().into_iter().map(|column| {
        let (path, name, ty) = (path(table, &column), column.name(), &column.field.ty);
        let bound = match &column.field.diesel.serialize_as {
            Some(other) => {
                quote_spanned!(ty.span()=> ::core::convert::Into::<#other>::into(key))
            }
            None => quote_spanned!(ty.span()=> key),
        };
        quote_spanned!(ty.span()=> .key_column(#path, #name, |key: #ty| #bound))
    });
    let adapter = quote_spanned!(ident.span()=> __live::adapter::<#ident>());
    quote!(#adapter #(#columns)*)
}

/// What makes `a.and(b)` a permission, where an expression needs it.
fn compose(table: &Table<'_>) -> Option<TokenStream> {
    let mut permissions = table
        .registrations
        .iter()
        .filter_map(|registration| registration.check_permission);
    let needed =
        permissions.any(|permission| !matches!(permission, Expr::Path(_) | Expr::Closure(_)));
    needed.then(|| {
        quote! {
            #[allow(unused_imports)]
            use __live::Compose as _;
        }
    })
}

fn keys<'t, 'a>(table: &'t Table<'a>) -> Vec<&'t Key<'a>> {
    let mut keys = table.keys();
    if !keys.contains(&&table.primary_key) {
        keys.insert(0, &table.primary_key);
    }
    keys
}

/// A local name, which a user's expression cannot see.
fn name(key: &Key<'_>) -> Ident {
    let mut name = key.ident();
    name.set_span(Span::mixed_site());
    name
}

fn definition(key: &Key<'_>) -> TokenStream {
    let name = name(key);
    let columns = key.0.iter().enumerate().map(|(at, column)| {
        let (name, field) = (column.name(), &column.field.ident);
        let method = if at == 0 {
            quote!(__live::Key::column)
        } else {
            quote!(.and_column)
        };
        quote_spanned!(column.field.ty.span()=> #method(#name, |row: &Self| &row.#field))
    });
    quote!(let #name = || #(#columns)*;)
}

fn registration(
    model: &Model<'_>,
    table: &Table<'_>,
    registration: &Registration<'_>,
) -> TokenStream {
    let key = name(&registration.key);
    let serialize = serialize(model, table, &registration.shape);
    let permission = registration.check_permission.map(|permission| {
        let user = model
            .user
            .map(|user| quote_spanned!(permission.span()=> ::<#user, _>));
        quote!(.check_permission #user (#permission))
    });
    quote!(__live::Registration::new(#key(), #serialize) #permission)
}

fn serialize(model: &Model<'_>, table: &Table<'_>, shape: &Shape<'_>) -> TokenStream {
    let ident = model.ident;
    match shape {
        Shape::Model => quote_spanned!(ident.span()=> __live::to_json::<#ident>),
        Shape::Serializer(ty) => quote!(|row| __live::to_json_as::<Self, #ty>(row)),
        Shape::Fields(fields) => subset(model, table, fields),
    }
}

/// A struct with some of the fields, in whose shape serde writes the whole: all that an attribute
/// of a field says is said of a field of the same type.
fn subset(model: &Model<'_>, table: &Table<'_>, fields: &[&Field]) -> TokenStream {
    let krate = &model.krate;
    let serde = quote!(#krate::__private::serde)
        .to_string()
        .replace(' ', "");
    let remote = model.ident.to_string();
    let rename_all = table.rename_all;
    let fields = fields.iter().map(
        |Field {
             ident, ty, serde, ..
         }| {
            let attrs = &serde.attrs;
            quote!(#(#attrs)* #ident: #ty)
        },
    );
    quote! {
        |row| {
            #[derive(__live::serde::Serialize)]
            #[serde(crate = #serde, remote = #remote #(, #rename_all)*)]
            struct __Fields { #(#fields),* }
            __live::to_json_with(row, |row, json| __Fields::serialize(row, json))
        }
    }
}
