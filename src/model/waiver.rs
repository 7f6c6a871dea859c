//! What people say beside the machine in graded protection: waivers (例外, dated and approved; they never hide a
//! finding) and answers (人工核查) where a machine cannot decide, or decided wrongly.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::finding::Verdict;
use super::id::AssetId;
use super::time::Wall;

/// The longest that a waiver may stand: a year.
pub const MAX_LIFE: Duration = Duration::from_secs(366 * 86_400);
/// Longest text of a waiver or an answer, in bytes.
pub const MAX_SAID: usize = 2_048;

/// What a waiver is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reach {
    /// One asset.
    Asset(AssetId),
    /// All assets with this label.
    Tag(String),
    /// All assets of systems of this protection level.
    Level(u8),
    /// All.
    All,
}

/// A waiver as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plea {
    /// The check, such as `D17`.
    pub check: String,
    /// For what.
    pub reach: Reach,
    /// Only where this block decided; everywhere if empty.
    pub block: String,
    /// Why.
    pub reason: String,
    /// What is done instead (补偿措施); may be empty.
    pub compensating: String,
    /// Number of the paper; may be empty.
    pub ticket: String,
    /// When it ends.
    pub expires: Wall,
    /// Void once the evidence has another fingerprint than this; see `baseline::score::pin`. Only of one asset.
    pub pin: Option<String>,
}

/// A waiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Id, UUIDv7.
    pub id: String,
    /// What was asked for.
    pub plea: Plea,
    /// Who agreed: a security administrator.
    pub approver: String,
    /// When.
    pub created: Wall,
    /// Taken back: when and by whom.
    pub revoked: Option<(Wall, String)>,
}

impl Waiver {
    /// Whether it stands at a time; its evidence is another question.
    pub fn stands(&self, now: Wall) -> bool {
        self.revoked.is_none() && now < self.plea.expires
    }
}

/// What a person found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// About this asset.
    pub asset: AssetId,
    /// To this item of GB/T 28448 (`L3-CES1-04`), or to this check (`D17`).
    pub target: String,
    /// What it is.
    pub result: Verdict,
    /// What was seen, for the record sheet.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Wall,
}
