//! The types of the model's rows and keys, for a language that is left open: what is not of one
//! is a mistake only where types in it are asked for.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::input::Field;
use crate::model::{Model, Shape, Table, same_source};

pub(super) fn typed_model(model: &Model<'_>, table: &Table<'_>) -> TokenStream {
    let ident = model.ident;
    let mut needed = Vec::new();
    let rows: Vec<_> = table
        .shapes()
        .map(|shape| row(model, table, shape, &mut needed))
        .collect();
    let columns: Vec<_> = table
        .key_columns()
        .into_iter()
        .map(|column| {
            let (ty, name) = (&column.field.ty, column.name());
            need(&mut needed, ty.to_token_stream());
            quote!(.column::<#ty>(#name))
        })
        .collect();
    let languages = needed
        .iter()
        .map(|ty| quote_spanned!(ty.span()=> __live::Language<#ty>));
    let unread = table
        .unread
        .iter()
        .map(|key| quote_spanned!(key.span()=> + __live::ReadsSerde<#ident>));
    quote! {
        #[automatically_derived]
        impl<__L> __live::TypedModel<__L> for #ident
        where
            __L: #(#languages)+* #(#unread)*,
        {
            fn types(language: &mut __L) -> __live::Types<'_, __L> {
                __live::Types::new(language) #(#rows)* #(#columns)*
            }
        }
    }
}

pub(super) fn inert(model: &Model<'_>) -> TokenStream {
    let ident = model.ident;
    quote! {
        #[automatically_derived]
        impl<__L> __live::TypedModel<__L> for #ident {
            fn types(_: &mut __L) -> __live::Types<'_, __L> {
                ::core::unreachable!()
            }
        }
    }
}

/// One way in which the rows are seen.
fn row(
    model: &Model<'_>,
    table: &Table<'_>,
    shape: &Shape<'_>,
    needed: &mut Vec<TokenStream>,
) -> TokenStream {
    let ident = model.ident;
    match shape {
        Shape::Model => {
            need(needed, ident.to_token_stream());
            quote!(.row::<#ident>())
        }
        Shape::Serializer(ty) => {
            let ty = with_static(ty.to_token_stream());
            need(needed, ty.clone());
            quote!(.row::<#ty>())
        }
        Shape::Fields(fields) => part(ident, table, fields, needed),
    }
}

fn part(
    ident: &Ident,
    table: &Table<'_>,
    fields: &[&Field],
    needed: &mut Vec<TokenStream>,
) -> TokenStream {
    need(needed, ident.to_token_stream());
    let (flattened, named): (Vec<&Field>, Vec<_>) =
        fields.iter().partition(|field| field.serde.flatten);
    let names = named.into_iter().map(|field| table.name_in_json(field));
    let flattened: Vec<&Type> = flattened.iter().map(|field| &field.ty).collect();
    for ty in &flattened {
        need(needed, ty.to_token_stream());
    }
    quote!(.part::<#ident>(&[#(#names),*]) #(.flatten::<#flattened>())*)
}

fn need(needed: &mut Vec<TokenStream>, ty: TokenStream) {
    if !needed.iter().any(|known| same_source(known, &ty)) {
        needed.push(ty);
    }
}

/// A serializer's type as one that can stand outside of a function: no language has lifetimes.
fn with_static(tokens: TokenStream) -> TokenStream {
    let mut after_quote = false;
    let tokens = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), with_static(group.stream()));
            inner.set_span(group.span());
            inner.into()
        }
        TokenTree::Ident(ident) if after_quote && ident == "_" => {
            after_quote = false;
            Ident::new("static", ident.span()).into()
        }
        token => {
            after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
            token
        }
    });
    tokens.collect()
}
