//! What can be wrong with the file.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rest_live_core::Label;
use thiserror::Error;

/// Why there are no types, or other ones than in the file.
///
/// A test that returns it shows its `Debug`, so that is the message as well.
#[derive(Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not what the models make.
    #[error(
        "`{path}` is not what the models make, from line {line} on: \
         `{overwrite}=overwrite cargo test` makes it anew; commit it",
        path = path.display(),
        overwrite = crate::models::OVERWRITE
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// The first line that differs, counted from 1.
        line: usize,
    },
    /// The file cannot be read or written.
    #[error("`{}` cannot be {action}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was to be done: `read` or `written`.
        action: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Two models have one label, or one model was given twice.
    #[error(
        "the label `{label}` is there twice: give one of the two models another with \
         `#[live(label = \"app.Model\")]`, or give the model once"
    )]
    DuplicateLabel {
        /// The label.
        label: Label,
    },
    /// Two types have one name and are different.
    #[error(
        "`{first}` and `{second}` are both called `{name}`: give one of them another name with \
         `#[ts(rename = \"...\")]`"
    )]
    DuplicateName {
        /// The name in TypeScript.
        name: String,
        /// One of the Rust types.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// A type has a name that the file needs for something else.
    #[error(
        "`{rust}` cannot be called `{name}`, which means something else in this file: \
         give it another name with `#[ts(rename = \"...\")]`"
    )]
    ReservedName {
        /// The name in TypeScript.
        name: String,
        /// The Rust type.
        rust: &'static str,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match self {
            Self::File { source, .. } => write!(f, ": {source}"),
            _ => Ok(()),
        }
    }
}
