//! The load program: compares live servers under load. See `benches/README.md`.
//!
//! The server is this same program as a child process, pinned to a core of its own; the
//! subscribers are here, pinned to another.

#![allow(
    unreachable_pub,
    unnameable_types,
    reason = "in a program, `pub` is for its other modules"
)]
#![allow(clippy::print_stdout, reason = "the report is what it is run for")]

use std::error::Error;

use clap::Parser;

use self::options::{Command, Options};

mod client;
mod control;
mod drive;
mod machine;
mod options;
mod report;
mod scenario;
mod server;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    match Options::parse().command {
        Command::Serve { core, spec } => {
            machine::pin(core)?;
            machine::raise_open_files();
            server::serve(&serde_json::from_str(&spec)?)
        }
        Command::Run(scenario) => {
            machine::pin(scenario.setting().load_core)?;
            machine::raise_open_files();
            scenario.run()?.print();
            Ok(())
        }
    }
}
