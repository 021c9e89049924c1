//! The model's table: how to find a row in it, and what to save of a row.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::input::Field;
use crate::model::{Column, Model, Table};

pub(super) fn live_model(model: &Model<'_>, table: &Table<'_>) -> TokenStream {
    let (ident, path) = (model.ident, &table.path);
    let (ty, predicate) = by_key(table);
    quote! {
        #[automatically_derived]
        impl __live::LiveModel for #ident {
            type Table = #path::table;
            type ByKey = __live::Filter<#path::table, #ty>;
            fn by_key(&self) -> Self::ByKey {
                __live::filter(#path::table, #predicate)
            }
        }
    }
}

/// The type and the value of `id = self.id AND ...`.
fn by_key(table: &Table<'_>) -> (TokenStream, TokenStream) {
    let columns = table.primary_key.0.iter().map(|column| {
        let path = path(table, column);
        let Field {
            ident, ty, diesel, ..
        } = column.field;
        let cloned = quote_spanned!(ty.span()=> ::core::clone::Clone::clone(&self.#ident));
        match &diesel.serialize_as {
            Some(other) => (
                quote!(__live::Eq<#path, #other>),
                quote!(__live::eq(#path, ::core::convert::Into::<#other>::into(#cloned))),
            ),
            None => (
                quote!(__live::Eq<#path, #ty>),
                quote!(__live::eq(#path, #cloned)),
            ),
        }
    });
    let both = |(a_ty, a): (TokenStream, TokenStream), (b_ty, b): (TokenStream, TokenStream)| {
        (
            quote!(__live::And<#a_ty, #b_ty>),
            quote!(__live::BoolExpressionMethods::and(#a, #b)),
        )
    };
    columns.reduce(both).unwrap_or_default()
}

pub(super) fn save_columns(model: &Model<'_>, table: &Table<'_>) -> Option<TokenStream> {
    let ident = model.ident;
    let saved = table.fields.iter().filter_map(|field| saved(table, field));
    let (types, values): (Vec<_>, Vec<_>) = saved.unzip();
    (!types.is_empty()).then(|| {
        quote! {
            #[automatically_derived]
            impl __live::SaveColumns for #ident {
                type Columns<'a> = (#(#types,)*);
                fn columns(&self) -> Self::Columns<'_> {
                    (#(#values,)*)
                }
            }
        }
    })
}

/// The type and the value that set one column, if `save` writes it.
fn saved(table: &Table<'_>, field: &Field) -> Option<(TokenStream, TokenStream)> {
    let Field {
        ident, ty, diesel, ..
    } = field;
    if diesel.skip_update || diesel.select_expression {
        return None;
    }
    if diesel.embed {
        return Some((quote!(&'a #ty), quote!(&self.#ident)));
    }
    let column = Column::of(field).filter(|column| !table.primary_key.0.contains(column))?;
    let path = path(table, &column);
    Some(match &diesel.serialize_as {
        Some(other) => {
            let cloned = quote_spanned!(ty.span()=> ::core::clone::Clone::clone(&self.#ident));
            (
                quote!(__live::Eq<#path, #other>),
                quote!(__live::eq(#path, ::core::convert::Into::<#other>::into(#cloned))),
            )
        }
        None => (
            quote!(__live::Eq<#path, &'a #ty>),
            quote!(__live::eq(#path, &self.#ident)),
        ),
    })
}

/// The column in Diesel's table.
pub(super) fn path(table: &Table<'_>, column: &Column<'_>) -> TokenStream {
    let (table, column) = (&table.path, column.ident);
    quote!(#table::#column)
}
