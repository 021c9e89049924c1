//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::scenario::Scenario;

/// Compares live servers under load: each in a process and on a core of its own.
#[derive(Debug, Parser)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Run(Scenario),
    /// The server half, which the other starts.
    #[command(hide = true)]
    Serve { core: usize, spec: String },
}

/// What all scenarios can be told.
#[derive(Debug, Clone, Args)]
pub struct Setting {
    /// Subscribers; several numbers for one after the other. Each scenario has its own default
    #[arg(long, value_delimiter = ',')]
    pub subscribers: Vec<usize>,
    /// How long each measurement takes
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
    /// Threads that write, where a database is written to
    #[arg(long, default_value_t = 2)]
    pub writers: usize,
    /// How often each variant is measured; the medians are reported
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// The core of the server
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// The core of the subscribers
    #[arg(long, default_value_t = 1)]
    pub load_core: usize,
}

impl Setting {
    pub fn subscribers_or(&self, default: &[usize]) -> Vec<usize> {
        if self.subscribers.is_empty() {
            default.to_vec()
        } else {
            self.subscribers.clone()
        }
    }
}
