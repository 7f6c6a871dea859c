//! `fengsui agent`: an agent alone.

use std::path::PathBuf;

use super::{Answer, Exit};

/// Options of `agent`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; prevails over the settings file
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Inventory files of a stand-alone agent, which has no console
    #[arg(long, value_name = "FILE")]
    pub inventory: Vec<PathBuf>,
    /// Directories of definitions that overlay the shipped ones (stand-alone agent) [default: /etc/fengsui]
    #[arg(long, value_name = "DIR")]
    pub definitions: Vec<PathBuf>,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    tracing::info!(?args, "agent");
    Ok(Exit::Good)
}
