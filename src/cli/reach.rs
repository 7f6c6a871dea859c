//! Which console a command talks to: the one that holds DATA, a remote one by `--url`, or none, and then
//! the command opens DATA itself.

use std::path::PathBuf;

use super::{Format, env};

/// Options of every command that reads or changes a console.
#[derive(Debug, Clone, clap::Args)]
pub struct Reach {
    /// Data directory of a console on this machine [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/fengsui, else ~/.local/state/fengsui]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub data: Option<PathBuf>,
    /// URL of a console elsewhere
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub url: Option<String>,
    /// File that holds the API token for --url
    #[arg(long, value_name = "FILE", requires = "url")]
    pub token_file: Option<PathBuf>,
    /// CA certificate (PEM) to trust for --url instead of the system's
    #[arg(long, value_name = "FILE", requires = "url")]
    pub ca: Option<PathBuf>,
}

/// Options of a command that lists what a console has.
#[derive(Debug, clap::Args)]
pub struct Listing {
    /// How to print: table or json (one object a line)
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// DATA: as given, else by the environment.
pub fn data_dir(given: Option<PathBuf>) -> PathBuf {
    // systemd lists several state directories with colons; the first is ours.
    let by_systemd = || env("STATE_DIRECTORY").and_then(|d| d.split(':').next().map(PathBuf::from));
    let by_xdg = || env("XDG_STATE_HOME").map(|d| PathBuf::from(d).join("fengsui"));
    let by_home = || env("HOME").map(|d| PathBuf::from(d).join(".local/state/fengsui"));
    given.or_else(by_systemd).or_else(by_xdg).or_else(by_home).unwrap_or_else(|| PathBuf::from("/var/lib/fengsui"))
}

/// Where an agent's key and certificates are below its data directory.
pub fn identity_dir(data: &std::path::Path) -> PathBuf {
    data.join("identity")
}
