//! `fengsui token`: API tokens.

use std::time::Duration;

use clap::Subcommand;

use super::reach::Reach;
use super::text::parse_duration;
use super::{Answer, Exit, Format};

/// Options of `token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Make a token; it is printed once, alone on the last line of stdout
    Create {
        /// Name [default: the role and a number]
        #[arg(long)]
        name: Option<String>,
        /// Role: admin, operator, viewer, metrics
        #[arg(long)]
        role: String,
        /// Only these regions and those below them
        #[arg(long, value_name = "REGION")]
        region: Vec<String>,
        /// Stops working after so long, such as 90d [default: never]
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// List tokens, never their values
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Revoke a token
    Revoke {
        /// Name
        name: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(_args: Args) -> Answer {
    Ok(Exit::Good)
}
