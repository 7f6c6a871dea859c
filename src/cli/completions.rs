//! `fengsui completions SHELL`: from the same definitions as the command line itself.

use clap_complete::Shell;

use super::{Answer, Exit};

/// Options of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Shell: bash, elvish, fish, powershell, zsh
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "fengsui", &mut script);
    super::print(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Good)
}
