//! What rules on syslog and traps need beside what all rules have.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::id::AssetId;
use crate::model::wire::LogSource;

/// An address from which an asset speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSource {
    /// Address.
    pub address: IpAddr,
    /// Whose.
    pub asset: AssetId,
}

/// How a rule judges what is heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchUse {
    /// Of which source.
    pub source: LogSource,
    /// What raises it: `TAG`, `TAG: REGEX` or `*: REGEX` each.
    pub raise: Vec<String>,
    /// What clears it; only time does if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<String>,
    /// Raised by so many within the time; 1 = by each.
    pub count: u32,
    /// That time, in milliseconds.
    pub within_ms: u64,
    /// The group of the pattern whose text is the alert's instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// A look that overrules what was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<ConfirmUse>,
    /// Milliseconds after which it ends unless it is heard again.
    pub expires_ms: u64,
}

/// Which probe's look overrules, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmUse {
    /// Kind of the probe.
    pub kind: Arc<str>,
    /// Milliseconds after which what it saw counts; 0: the look is made, and overrules nothing.
    pub within_ms: u64,
    /// Milliseconds from one such look at an asset to the next: what reads all of a device is asked for now and then.
    #[serde(default = "at_once")]
    pub every_ms: u64,
}

/// What a confirming look waits after the last one unless it says otherwise.
pub const LOOK_EVERY_MS: u64 = 1_000;

const fn at_once() -> u64 {
    LOOK_EVERY_MS
}
