//! A judgement of a rule and its state on an object. Records of it carry the whole state, so that one
//! of them is enough to know where things stand.

use std::fmt;
use std::sync::Arc;

use super::id::{Object, ProbeId, ProblemId, RuleId};
use super::time::Wall;

/// How bad it is; ordered, critical the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 信息
    Info,
    /// 提示
    Warning,
    /// 次要
    Minor,
    /// 重要
    Major,
    /// 紧急
    Critical,
}

impl Severity {
    /// From worst to least.
    pub const ALL: [Self; 5] = [Self::Critical, Self::Major, Self::Minor, Self::Warning, Self::Info];

    /// The word used in files, JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
    /// The Chinese word.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Critical => "紧急",
            Self::Major => "重要",
            Self::Minor => "次要",
            Self::Warning => "提示",
            Self::Info => "信息",
        }
    }
    /// The severity of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// What makes two alerts the same matter: `problem|object|instance`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    /// What is wrong.
    pub problem: ProblemId,
    /// With what.
    pub object: Object,
    /// With which part of it; empty for the whole. At most 255 bytes.
    pub instance: Arc<str>,
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}|{}", self.problem, self.object, self.instance)
    }
}

/// Where an alert stands. A pending one is not sent anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// The condition holds, `for` has not passed.
    Pending,
    /// Raised.
    Firing,
    /// No longer so.
    Cleared,
}

impl AlertState {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Cleared => "cleared",
        }
    }
}

/// Why an alert ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClearReason {
    /// Its clear condition held.
    Condition,
    /// Its rule, probe or object left the plan, or its console no longer finds it on the roster.
    Withdrawn,
    /// Nothing refreshed it within `expires`.
    Expired,
}

impl ClearReason {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

/// The whole state of one rule on one object and instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Identity.
    pub key: AlertKey,
    /// Which rule says so.
    pub rule: RuleId,
    /// Which probe's data it judged, if one.
    pub probe: Option<ProbeId>,
    /// State; never `Pending` in a record.
    pub state: AlertState,
    /// Why it ended, when cleared.
    pub cleared_by: Option<ClearReason>,
    /// Severity.
    pub severity: Severity,
    /// When it was raised.
    pub since: Wall,
    /// When this record was made.
    pub at: Wall,
    /// How often it was raised since it last stayed clear.
    pub count: u32,
    /// It changes too often to report each change.
    pub flapping: bool,
    /// No fresh data stands behind it.
    pub stale: bool,
    /// The values it was judged by, for a person: name and text with unit; at most 16.
    pub evidence: Vec<(String, String)>,
    /// Problems, on the same object or on what it hangs on, of which this one is a symptom.
    pub folds_into: Vec<ProblemId>,
    /// GB/T 20986-2023 class, or empty.
    pub category: Arc<str>,
    /// Runbook name, or empty.
    pub runbook: Arc<str>,
}
