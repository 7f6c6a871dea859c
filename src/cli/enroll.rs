//! `fengsui enroll`: how an agent comes to its certificate, and how it loses it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::reach::Reach;
use super::text::parse_duration;
use super::{Answer, Exit, Format};

/// Options of `enroll`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// On the console: make a one-time token for an agent; printed alone on the last line of stdout
    Token {
        /// Agent
        agent: String,
        /// Region it is bound to
        #[arg(long)]
        region: Option<String>,
        /// Stops working after so long
        #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "24h")]
        expires: Duration,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// On the agent's node: fetch a certificate with a token; the token is read from stdin or --token-file
    Join {
        /// Agent
        agent: String,
        /// The console's address for agents, such as https://10.65.0.2:8443
        #[arg(long, value_name = "URL")]
        console: String,
        /// SHA-256 fingerprint of the console's CA, as `enroll token` printed it
        #[arg(long, value_name = "HEX")]
        ca_fingerprint: String,
        /// File that holds the token
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// The agent's data directory
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// List agents: declared, enrolled, last heard
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Revoke an agent's certificates
    Revoke {
        /// Agent
        agent: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(_args: Args) -> Answer {
    Ok(Exit::Good)
}
