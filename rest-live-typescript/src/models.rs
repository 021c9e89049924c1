//! The models whose types are wanted, and the file that holds them.

use std::env;
use std::path::Path;

use rest_live_core::{ModelTypes, TypedModel};

use crate::error::Error;
use crate::typescript::TypeScript;
use crate::{file, text};

/// The environment variable that lets [`Models::check`] write.
pub(crate) const OVERWRITE: &str = "REST_LIVE_TYPESCRIPT";

/// The models of an application, as types for its pages.
#[must_use = "nothing is written before `check` or `write`"]
pub struct Models {
    typescript: TypeScript,
    models: Vec<ModelTypes>,
}

impl Models {
    /// No models yet.
    pub fn new() -> Self {
        Self {
            typescript: TypeScript::new(),
            models: Vec::new(),
        }
    }

    /// Adds a model: the same that the server's `Live` has.
    ///
    /// The model, its serializers, the types of its keys, and whatever they are made of, have to be
    /// `ts_rs::TS`. It is a compile error if one is not.
    pub fn model<M: TypedModel<TypeScript>>(mut self) -> Self {
        let model = ModelTypes::of::<M, _>(&mut self.typescript);
        self.models.push(model);
        self
    }

    /// Fails unless the file is what the models make; for a test. With `REST_LIVE_TYPESCRIPT=overwrite`
    /// in the environment it makes the file instead.
    ///
    /// A path is relative to the working directory, which in a test is that of the package.
    ///
    /// # Errors
    ///
    /// If the file is another or is not there, if it cannot be read, or if two models or two types
    /// have one name.
    pub fn check(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let text = self.generate()?;
        if env::var_os(OVERWRITE).is_some_and(|value| value == "overwrite") {
            file::write(path.as_ref(), &text)
        } else {
            file::check(path.as_ref(), &text)
        }
    }

    /// Writes the file, unless it is right already; for a step of a build.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or if two models or two types have one name.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.generate()?)
    }

    /// What is in the file. It is the same for the same models, in whatever order.
    ///
    /// # Errors
    ///
    /// If two models or two types have one name.
    pub fn generate(&self) -> Result<String, Error> {
        let mut models: Vec<&ModelTypes> = self.models.iter().collect();
        models.sort_by_key(|model| model.label);
        let twice = models
            .windows(2)
            .find(|pair| pair[0].label == pair[1].label);
        if let Some(pair) = twice {
            let label = pair[0].label;
            return Err(Error::DuplicateLabel { label });
        }
        match self.typescript.conflict() {
            Some(error) => Err(error),
            None => Ok(text::file(self.typescript.declarations(), &models)),
        }
    }
}

impl Default for Models {
    fn default() -> Self {
        Self::new()
    }
}
