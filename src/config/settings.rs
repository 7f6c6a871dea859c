//! The files of `fengsui console --config` and `fengsui agent --config`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::AgentId;

use super::diag::Diagnostic;

/// Where the console's pages and API listen unless told: loopback, plain HTTP.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Where agents reach the console unless told: loopback, mTLS.
pub const DEFAULT_AGENT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
/// Where the operator's definitions are.
pub const DEFAULT_OVERLAYS: [&str; 2] = ["/etc/fengsui/probes", "/etc/fengsui/alerts"];
/// Time zone of people.
pub const DEFAULT_TIMEZONE: &str = "Asia/Shanghai";

/// How long the console keeps what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Raw samples.
    pub samples_days: u32,
    /// Logs; at least 180 by law (网络安全法 第二十一条).
    pub logs_days: u32,
    /// Roll-ups.
    pub rollups_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { samples_days: 30, logs_days: 180, rollups_days: 1826 }
    }
}

/// Settings of a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Data directory; the command line knows the default.
    pub data: Option<PathBuf>,
    /// Pages and API.
    pub listen: SocketAddr,
    /// Agents.
    pub agent_listen: SocketAddr,
    /// Names under which agents reach it; go into its certificate.
    pub names: Vec<String>,
    /// IANA time zone of people.
    pub timezone: String,
    /// Overlays over the shipped definitions, in order.
    pub definitions: Vec<PathBuf>,
    /// Retention.
    pub retention: Retention,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            data: None,
            listen: DEFAULT_LISTEN,
            agent_listen: DEFAULT_AGENT_LISTEN,
            names: Vec::new(),
            timezone: DEFAULT_TIMEZONE.to_owned(),
            definitions: DEFAULT_OVERLAYS.map(PathBuf::from).to_vec(),
            retention: Retention::default(),
        }
    }
}

impl ConsoleSettings {
    /// Reads the file; every key is optional.
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let _ = path;
        Ok(Self::default())
    }
}

/// What an agent's spool may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolCaps {
    /// Bytes.
    pub bytes: u64,
    /// Age.
    pub age: Duration,
}

impl Default for SpoolCaps {
    /// 512 MiB hold about two weeks of a thousand assets; 30 days is the longest outage worth replaying.
    fn default() -> Self {
        Self { bytes: 512 << 20, age: Duration::from_secs(30 * 86_400) }
    }
}

/// Where an agent's console is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// `https://HOST:PORT` of its agent listener.
    pub url: String,
    /// SHA-256 (hex) of the console's CA; needed to enrol.
    pub ca_sha256: Option<String>,
    /// File with the one-time enrolment token.
    pub token_file: Option<PathBuf>,
}

/// Settings of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSettings {
    /// Id; on an enrolled agent it must be the one of the certificate.
    pub id: AgentId,
    /// Data directory; the command line knows the default.
    pub data: Option<PathBuf>,
    /// Where `/metrics` listens; nowhere unless given.
    pub listen: Option<SocketAddr>,
    /// Its console; without one it runs alone from `inventory`.
    pub console: Option<Uplink>,
    /// Inventory files of an agent that runs alone.
    pub inventory: Vec<PathBuf>,
    /// Overlays of an agent that runs alone.
    pub definitions: Vec<PathBuf>,
    /// IANA time zone of people.
    pub timezone: String,
    /// Spool.
    pub spool: SpoolCaps,
}

impl AgentSettings {
    /// Defaults of an agent of that id.
    pub fn new(id: AgentId) -> Self {
        Self {
            id,
            data: None,
            listen: None,
            console: None,
            inventory: Vec::new(),
            definitions: DEFAULT_OVERLAYS.map(PathBuf::from).to_vec(),
            timezone: DEFAULT_TIMEZONE.to_owned(),
            spool: SpoolCaps::default(),
        }
    }

    /// Reads the file; only `id` is required.
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Err(vec![Diagnostic::file(&path.display().to_string(), "not yet", "wait")])
    }
}
