//! Maintenance windows (维护窗口): announced work on objects. Data is collected all the same; incidents carry a flag,
//! availability is told with and without it.

use std::sync::Arc;

use super::id::{Object, ProblemId};
use super::time::Wall;

/// How often a window comes again, at the same local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Each day.
    Day,
    /// Each week.
    Week,
}

impl Every {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Day, Self::Week];
    /// The word used in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
        }
    }
    /// Of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|every| every.as_str() == text)
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Who.
    pub by: String,
    /// When.
    pub at: Wall,
}

/// What is announced: work on objects, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What is done; not empty.
    pub title: String,
    /// On what, with all that belongs to it: a region's assets and links, an asset's ports, a link's ends.
    pub objects: Vec<Object>,
    /// Only for these problems; for all if empty.
    pub problems: Vec<ProblemId>,
    /// Begin, of the first time if it comes again.
    pub from: Wall,
    /// End, of the first time if it comes again.
    pub to: Wall,
    /// How often it comes again.
    pub every: Option<Every>,
    /// It comes again until then.
    pub until: Option<Wall>,
}

/// A window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// UUIDv7.
    pub id: Arc<str>,
    /// What is done, on what, when.
    pub work: Work,
    /// Who announced it.
    pub created: Mark,
    /// It covers so much that it counts only once a second person agreed.
    pub needs_second: bool,
    /// The second person.
    pub approved: Option<Mark>,
    /// Who ended it before its time, or called it off.
    pub ended: Option<Mark>,
}

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Waits for a second person.
    Waiting,
    /// Open now.
    Running,
    /// To come, for the first time or again.
    Planned,
    /// Over.
    Over,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Planned, Self::Over];
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Planned => "planned",
            Self::Over => "over",
        }
    }
    /// The Chinese word.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Waiting => "待复核",
            Self::Running => "进行中",
            Self::Planned => "未开始",
            Self::Over => "已结束",
        }
    }
    /// Of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}
