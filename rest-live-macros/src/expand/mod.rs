//! From the model to the code that describes it. Nothing can fail here any more.
//!
//! Names that the code makes up begin with `__`, for the user's own types and functions are in
//! scope beside them.

mod description;
mod groups;
mod table;
mod types;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Model, Table};
use crate::names::unraw;

pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let krate = &model.krate;
    let impls = match &model.table {
        Some(table) => whole(model, table),
        None => inert(model),
    };
    let subscribable_by = subscribable_by(model);
    quote! {
        const _: () = {
            use #krate::__private as __live;
            #impls
            #subscribable_by
        };
    }
}

fn whole(model: &Model<'_>, table: &Table<'_>) -> TokenStream {
    let groups_type = groups::name(model);
    let groups = groups::groups(model, table);
    let describe = description::describe(model, table);
    let live_model = table::live_model(model, table);
    let save_columns = table::save_columns(model, table);
    let typed_model = types::typed_model(model, table);
    let subscribable = subscribable(model, &quote!(#groups_type), &describe);
    quote! {
        #subscribable
        #live_model
        #save_columns
        #typed_model
        #groups
    }
}

/// What keeps uses of the model from being reported, beside what is wrong with the model itself.
fn inert(model: &Model<'_>) -> TokenStream {
    let describe = quote! {
        fn describe() -> __live::Description<Self> {
            ::core::unreachable!()
        }
    };
    let subscribable = subscribable(model, &quote!(()), &describe);
    let typed_model = types::inert(model);
    quote! {
        #subscribable
        #typed_model
    }
}

fn subscribable(model: &Model<'_>, groups: &TokenStream, describe: &TokenStream) -> TokenStream {
    let ident = model.ident;
    let label = label(model);
    quote! {
        #[automatically_derived]
        impl __live::Subscribable for #ident {
            const LABEL: __live::Label = #label;
            type Groups = #groups;
            #describe
        }
    }
}

fn label(model: &Model<'_>) -> TokenStream {
    let name = unraw(model.ident);
    match model.label {
        Some(label) => quote!(__live::Label::new(#label)),
        None => quote!(__live::Label::in_crate(::core::module_path!(), #name)),
    }
}

fn subscribable_by(model: &Model<'_>) -> TokenStream {
    let ident = model.ident;
    match model.user {
        Some(user) => quote! {
            #[automatically_derived]
            impl __live::SubscribableBy<#user> for #ident {}
        },
        None => quote! {
            #[automatically_derived]
            impl<__User> __live::SubscribableBy<__User> for #ident {}
        },
    }
}
