//! `fengsui up`: console and agent in one process.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Answer, Exit};

/// Options of `up`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Data directory [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/fengsui, else ~/.local/state/fengsui]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of pages and API: plain HTTP on loopback, HTTPS elsewhere [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address for agents (mTLS) [default: a free port on loopback]
    #[arg(long, value_name = "ADDR")]
    pub agent_listen: Option<SocketAddr>,
    /// Inventory files to apply at the start
    #[arg(long, value_name = "FILE")]
    pub inventory: Vec<PathBuf>,
    /// Settings file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directories of definitions that overlay the shipped ones [default: /etc/fengsui]
    #[arg(long, value_name = "DIR")]
    pub definitions: Vec<PathBuf>,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    tracing::info!(?args, "up");
    Ok(Exit::Good)
}
