//! Rows of graded protection: when assets were looked at, what came of it, and the states of their configurations.

use crate::model::finding::{Finding, Origin, Part, Verdict, Weight};
use crate::model::{AssetId, Wall};

/// When an asset was looked at by the policy of graded protection, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedRow {
    /// The asset.
    pub asset: AssetId,
    /// When its text was taken.
    pub at: Wall,
    /// Who handed it over: `agent:ID`, `user:NAME`, `local:UID`.
    pub source: String,
    /// Where the text came from.
    pub origin: Origin,
    /// Command language, or `linux`.
    pub os: String,
    /// Version of the software.
    pub version: String,
    /// Profile it was judged by.
    pub profile: String,
    /// Digest of the policy.
    pub policy: String,
    /// SHA-256 of the masked text; empty if there is no one text.
    pub sha256: String,
    /// Whether it was whole.
    pub complete: bool,
}

/// The newest result of a check on an asset.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    /// The asset.
    pub asset: AssetId,
    /// The check.
    pub check: String,
    /// The item of GB/T 28448 that it serves; empty if none.
    pub item: String,
    /// What was found.
    pub result: Verdict,
    /// How bad a failure is.
    pub severity: Weight,
    /// 1 general, 2 important, 3 key.
    pub weight: u8,
    /// Whether a failure may be a major hazard.
    pub major: bool,
    /// The block that decided.
    pub block: String,
    /// Fingerprint of the evidence; see `baseline::score::pin`.
    pub pin: String,
    /// When the check was first put to the asset.
    pub first: Wall,
    /// When last.
    pub last: Wall,
    /// Since when it is so.
    pub changed: Wall,
    /// Since when it is an incident, if it is.
    pub raised: Option<Wall>,
    /// Sentences and evidence, if they were asked for.
    pub finding: Option<Finding>,
}

/// A result that became another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// The check.
    pub check: String,
    /// When.
    pub at: Wall,
    /// What it was.
    pub before: Verdict,
    /// What it is.
    pub after: Verdict,
    /// `configuration`, `policy` (another policy or profile), `look` (the text said the same).
    pub cause: String,
    /// Who changed the configuration, by its own words; `unknown` if nobody says so.
    pub by: String,
}

/// A state of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Number.
    pub id: i64,
    /// Of this asset.
    pub asset: AssetId,
    /// Running or startup.
    pub part: Part,
    /// When it was seen first.
    pub at: Wall,
    /// When it was seen last.
    pub seen: Wall,
    /// SHA-256 of the masked text.
    pub sha256: String,
    /// Command language.
    pub os: String,
    /// Version of the software.
    pub version: String,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it was whole.
    pub complete: bool,
    /// Who changed it last, by its own words; empty if it does not say.
    pub by: String,
    /// When, as the device writes it.
    pub by_at: String,
    /// Keyed hashes of its secrets, JSON.
    pub hashes: String,
}
