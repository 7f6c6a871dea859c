//! `fengsui console`: the console alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Answer, Exit};

/// Options of `console`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; prevails over the settings file
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of pages and API; prevails over the settings file
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address for agents (mTLS); prevails over the settings file
    #[arg(long, value_name = "ADDR")]
    pub agent_listen: Option<SocketAddr>,
    /// Directories of definitions that overlay the shipped ones [default: /etc/fengsui]
    #[arg(long, value_name = "DIR")]
    pub definitions: Vec<PathBuf>,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    tracing::info!(?args, "console");
    Ok(Exit::Good)
}
