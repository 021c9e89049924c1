//! All mistakes of one input, collected, so that a user mends them in one go.

use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Collects errors. Each stands on the tokens to change: one without a place cannot be added.
pub(crate) struct Errors {
    /// `None` once they are handed out.
    collected: RefCell<Option<Vec<syn::Error>>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self {
            collected: RefCell::new(Some(Vec::new())),
        }
    }

    /// Adds an error on `tokens`.
    pub(crate) fn at(&self, tokens: impl ToTokens, message: impl Display) {
        self.extend([syn::Error::new_spanned(tokens, message)]);
    }

    pub(crate) fn extend(&self, errors: impl IntoIterator<Item = syn::Error>) {
        if let Some(collected) = self.collected.borrow_mut().as_mut() {
            collected.extend(errors);
        }
    }

    /// What makes the compiler report them, in the order in which they were found.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        let collected = self.collected.take().unwrap_or_default();
        collected.iter().map(syn::Error::to_compile_error).collect()
    }

    #[cfg(test)]
    pub(crate) fn into_messages(self) -> String {
        let collected = self.collected.take().unwrap_or_default();
        collected
            .into_iter()
            .flatten()
            .map(|error| format!("{error}\n"))
            .collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        if !thread::panicking() && self.collected.borrow().is_some() {
            panic!("forgot to report the errors");
        }
    }
}
