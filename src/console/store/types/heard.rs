//! What devices said, as it is asked for and as it is given.

use crate::model::wire::{Heard, LogSource};
use crate::model::{AgentId, AssetId, Wall};

/// Which of what was heard; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Words; Chinese of any length, the beginning of others. All of them, anywhere.
    pub words: String,
    /// Of this asset.
    pub asset: Option<AssetId>,
    /// Of senders that are no asset's.
    pub unknown: bool,
    /// From this address.
    pub sender: Option<std::net::IpAddr>,
    /// Brought by this.
    pub source: Option<LogSource>,
    /// At least so bad: severity of syslog at most this.
    pub severity: Option<u8>,
    /// With this tag.
    pub tag: Option<String>,
    /// Not before this.
    pub from: Option<Wall>,
    /// Before this.
    pub to: Option<Wall>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Grows with time.
    pub id: i64,
    /// Which agent heard it.
    pub agent: AgentId,
    /// When the console got it.
    pub received: Wall,
    /// What was heard; its time is corrected.
    pub heard: Heard,
}
