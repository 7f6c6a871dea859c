//! What was heard of devices and hosts, as agents send it and consoles keep it: lines of syslog, traps.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::id::AssetId;
use crate::model::time::Wall;

/// Most rows in one record: with the longest texts it still fits a batch.
pub const MAX_LOG_ROWS: usize = 100;

/// Severities of syslog (RFC 5424), from 0.
pub const SEVERITIES: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// What brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// A line of syslog.
    Syslog,
    /// An SNMP trap or inform.
    Trap,
}

impl LogSource {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Syslog, Self::Trap];
    /// The word used in definitions, JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Trap => "trap",
        }
    }
    /// The source of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// Tags that an agent names of those that no rule speaks of: the most frequent ones.
pub const MAX_UNMAPPED: usize = 20;

/// What a collector of an agent heard since it began to listen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HeardCounts {
    /// `syslog` or `trap`; a newer agent may have others.
    pub source: String,
    /// Lines or datagrams that came.
    pub received: u64,
    /// Those that were taken: stored, or counted in a row that says the same.
    pub kept: u64,
    /// Those beyond the rate of their source.
    pub left_out: u64,
    /// Those that could not be taken, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
    /// Kept ones that no rule speaks of.
    pub unmapped: u64,
    /// Their tags (of a trap its OID) by count, the most frequent ones first; at most `MAX_UNMAPPED`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmapped_tags: Vec<(String, u64)>,
}

/// `log` body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Log {
    /// At most `MAX_LOG_ROWS`.
    pub rows: Vec<Heard>,
}

/// One line or trap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// When it came (of several alike, the last), by the agent's clock.
    pub at: Wall,
    /// What brought it.
    pub source: LogSource,
    /// Who wrote it.
    pub from: IpAddr,
    /// The relay that brought it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// Whose address that is; nobody's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// The name the sender gives itself, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Facility of syslog, 0 to 23.
    pub facility: u8,
    /// Severity of syslog, 0 (emergency) to 7 (debug).
    pub severity: u8,
    /// `MODULE/MNEMONIC` of a device, the program of a host, the OID of a trap; or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// The message.
    pub text: String,
    /// How many alike it stands for.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u32,
}

impl Heard {
    /// The word for its severity.
    pub fn severity_word(&self) -> &'static str {
        SEVERITIES.get(usize::from(self.severity)).copied().unwrap_or("debug")
    }
}

const fn one() -> u32 {
    1
}

const fn is_one(count: &u32) -> bool {
    *count == 1
}
