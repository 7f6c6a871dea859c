//! `fengsui inventory`: the declared inventory.

use std::path::PathBuf;

use clap::Subcommand;

use super::reach::Reach;
use super::{Answer, Exit, Format};

/// Options of `inventory`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Print what files would add, change and remove, and apply it in one transaction
    Apply {
        /// TOML files; together they are one inventory
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Remove what the files lack
        #[arg(long)]
        prune: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Print what files would add, change and remove
    Diff {
        /// TOML files; together they are one inventory
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Also what the files lack
        #[arg(long)]
        prune: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Print the declared inventory as TOML
    Export {
        /// How to print: the TOML itself, or one JSON object
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(_args: Args) -> Answer {
    Ok(Exit::Good)
}
