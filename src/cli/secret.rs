//! `fengsui secret`: named secrets. Values come from stdin or a file, never from argv, which others can read.

use std::path::PathBuf;

use clap::Subcommand;

use super::reach::Reach;
use super::{Answer, Exit, Format};

/// Options of `secret`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Set a secret; its value is read from stdin or --file
    ///
    /// snmp-v1, snmp-v2c: the community. snmp-v3: the authentication key, and on a second line the privacy key
    /// (both absent for a user without authentication). login: the password. token: the token.
    Set {
        /// Name
        name: String,
        /// Type: snmp-v1, snmp-v2c, snmp-v3, login, token
        #[arg(long = "type", value_name = "TYPE", default_value = "snmp-v2c")]
        kind: String,
        /// User name (snmp-v3, login)
        #[arg(long)]
        user: Option<String>,
        /// Authentication protocol (snmp-v3): md5, sha1, sha224, sha256, sha384, sha512
        #[arg(long, value_name = "PROTOCOL")]
        auth: Option<String>,
        /// Privacy protocol (snmp-v3): des, aes128, aes192, aes256
        #[arg(long, value_name = "PROTOCOL", requires = "auth")]
        privacy: Option<String>,
        /// Context name (snmp-v3)
        #[arg(long, default_value = "")]
        context: String,
        /// Read the value from this file instead of stdin
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// List names and types, never values
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Remove a secret
    Remove {
        /// Name
        name: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Seal all secrets again under a new key
    Rotate {
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(_args: Args) -> Answer {
    Ok(Exit::Good)
}
