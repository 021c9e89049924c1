//! The TypeScript types of live models, in the one file that the client's types come from.
//!
//! ```text
//! model  #[derive(TS)]         ts-rs              its type, as serde writes it
//!        #[derive(Subscribable)]                  which parts of it are seen, by which keys
//!   -> Models                  models.rs          what is to be told to the client
//!   -> TypeScript              typescript.rs      what has to be declared for that
//!   -> text                    text.rs            what is in the file
//!   -> file                    file.rs            the file on the disk
//! ```

#![warn(missing_docs)]

mod models;

mod typescript;

mod text;

mod file;

mod error;

pub use self::error::Error;
pub use self::models::Models;
pub use self::typescript::TypeScript;
