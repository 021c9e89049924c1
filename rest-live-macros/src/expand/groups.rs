//! The typed constructors: `Task::group().list_id(1)`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Type};

use crate::model::{Column, Key, Model, Table};

pub(super) fn name(model: &Model<'_>) -> Ident {
    format_ident!("__{}Groups", model.ident)
}

pub(super) fn groups(model: &Model<'_>, table: &Table<'_>) -> TokenStream {
    let (name, vis) = (name(model), model.vis);
    let doc = format!(" The groups of [`{}`].", model.ident);
    let constructors = table
        .keys()
        .into_iter()
        .map(|key| constructor(model, table, key));
    quote! {
        #[doc = #doc]
        #[derive(Debug, Default)]
        #vis struct #name;
        impl #name {
            #(#constructors)*
        }
    }
}

fn constructor(model: &Model<'_>, table: &Table<'_>, key: &Key<'_>) -> TokenStream {
    let (ident, vis, name) = (model.ident, model.vis, key.ident());
    let rows = if *key == table.primary_key {
        " The row"
    } else {
        " The rows"
    };
    let doc = format!("{rows} with this {}.", key.describe());
    let columns = key.0.iter().map(Column::name);
    let arguments = key.0.iter().map(argument);
    let value = value(key);
    quote! {
        #[doc = #doc]
        #vis fn #name(self, #(#arguments),*) -> __live::Group<#ident> {
            __live::Group::new(&[#(#columns),*], &#value)
        }
    }
}

fn argument(column: &Column<'_>) -> TokenStream {
    let (name, ty) = (&column.field.ident, &column.field.ty);
    if is_string(ty) {
        quote!(#name: impl ::core::convert::Into<#ty>)
    } else {
        quote!(#name: #ty)
    }
}

fn value(key: &Key<'_>) -> TokenStream {
    let mut values = key.0.iter().map(|column| {
        let (name, ty) = (&column.field.ident, &column.field.ty);
        if is_string(ty) {
            quote!(::core::convert::Into::<#ty>::into(#name))
        } else {
            quote!(#name)
        }
    });
    match (key.0.len(), values.next()) {
        (1, Some(value)) => value,
        (_, first) => {
            let first = first.into_iter();
            quote!((#(#first,)* #(#values),*))
        }
    }
}

fn is_string(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let segments: Vec<_> = path
        .path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    let path: Vec<_> = segments.iter().map(String::as_str).collect();
    matches!(
        path.as_slice(),
        ["String"] | ["std" | "alloc", "string", "String"]
    )
}
