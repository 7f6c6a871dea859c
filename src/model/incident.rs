//! What people handle. Suppression is a set of flags beside the state, never a state.

use std::sync::Arc;

use super::alert::{AlertKey, Severity};
use super::id::{AgentId, ProblemId, RuleId};
use super::time::Wall;

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentState {
    /// 未受理
    Open,
    /// 已受理
    Acked,
    /// 已恢复
    Resolved,
    /// 已关闭
    Closed,
}

impl IncidentState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Acked, Self::Resolved, Self::Closed];
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acked => "acked",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
    /// The Chinese word.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Open => "未受理",
            Self::Acked => "已受理",
            Self::Resolved => "已恢复",
            Self::Closed => "已关闭",
        }
    }
    /// The state of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
    /// Open or acked: the key is taken.
    pub const fn active(self) -> bool {
        matches!(self, Self::Open | Self::Acked)
    }
}

macro_rules! closings {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $zh:literal;)*) => {
        /// Why an incident happened, given when it is closed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CloseCause { $($(#[$doc])* $name,)* }
        impl CloseCause {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The word used in JSON and on the command line.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// The Chinese word.
            pub const fn zh(self) -> &'static str { match self { $(Self::$name => $zh,)* } }
            /// The cause of that word, English or Chinese.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|c| c.as_str() == text || c.zh() == text)
            }
        }
    };
}

closings! {
    /// 光缆中断
    FibreCut = "fibre_cut", "光缆中断";
    /// 设备故障
    DeviceFault = "device_fault", "设备故障";
    /// 停电
    PowerLoss = "power_loss", "停电";
    /// 割接
    PlannedWork = "planned_work", "割接";
    /// 配置变更
    ConfigChange = "config_change", "配置变更";
    /// 攻击
    Attack = "attack", "攻击";
    /// 误报
    FalseAlarm = "false_alarm", "误报";
    /// 其他
    Other = "other", "其他";
}

/// How long an acknowledgement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckKind {
    /// Until the incident resolves, reopens or gets worse.
    UntilChange,
    /// Until that time.
    Until(Wall),
    /// Until a person ends it or it resolves.
    Sticky,
}

/// An acknowledgement (受理).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Who.
    pub by: String,
    /// When.
    pub at: Wall,
    /// What they said.
    pub comment: String,
    /// For how long.
    pub kind: AckKind,
}

/// Why an incident is shown but wakes nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Inside a maintenance window.
    pub maintenance: bool,
    /// A symptom of another incident.
    pub topology: bool,
    /// Changes too often.
    pub flapping: bool,
    /// Silenced by a person.
    pub silence: bool,
    /// One of too many at once.
    pub storm: bool,
    /// No fresh data stands behind it.
    pub stale: bool,
    /// Waits for word of what it hangs on.
    pub held: bool,
    /// It happened while the agent was cut off and was told later (补报).
    pub late: bool,
}

/// One rule of one agent that says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// Agent; the console's own rules stand under its agent id `console`.
    pub agent: AgentId,
    /// Rule.
    pub rule: RuleId,
    /// Still firing?
    pub firing: bool,
    /// Severity.
    pub severity: Severity,
    /// Raised at, corrected by the agent's clock skew.
    pub since: Wall,
    /// Last heard of.
    pub at: Wall,
    /// Flapping.
    pub flapping: bool,
    /// Stale.
    pub stale: bool,
    /// Raised how often.
    pub count: u32,
    /// What it was judged by.
    pub evidence: Vec<(String, String)>,
    /// Problems, on the same object or on what it hangs on, of which this is a symptom.
    pub folds_into: Vec<ProblemId>,
}

/// How the contributions of several agents combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vantage {
    /// One firing agent is enough.
    #[default]
    Any,
    /// All live agents that judge it must fire.
    All,
    /// More than half of them.
    Majority,
}

/// An incident (事件).
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// UUIDv7.
    pub id: Arc<str>,
    /// Key; unique over open and acked ones.
    pub key: AlertKey,
    /// State.
    pub state: IncidentState,
    /// Worst severity so far.
    pub severity: Severity,
    /// When it began.
    pub opened: Wall,
    /// Last change.
    pub updated: Wall,
    /// When it resolved.
    pub resolved: Option<Wall>,
    /// When it was closed.
    pub closed: Option<Wall>,
    /// Acknowledgement.
    pub ack: Option<Ack>,
    /// Who has it.
    pub assignee: Option<String>,
    /// How often it was raised, reopenings included.
    pub count: u32,
    /// Flags.
    pub flags: Flags,
    /// The incident of which this one is a symptom.
    pub cause: Option<Arc<str>>,
    /// The earlier incident of the same key.
    pub previous: Option<Arc<str>>,
    /// Who says so.
    pub contributions: Vec<Contribution>,
    /// Why it happened, once closed.
    pub close_cause: Option<CloseCause>,
    /// Responsible party, once closed.
    pub party: Option<String>,
    /// GB/T 20986-2023 class, or empty.
    pub category: Arc<str>,
    /// Runbook name, or empty.
    pub runbook: Arc<str>,
}

/// What a timeline entry says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineKind {
    /// Raised.
    Opened,
    /// Raised again within the reopen window.
    Reopened,
    /// Severity rose.
    Worse,
    /// Another rule or agent joined.
    Joined,
    /// A rule or agent cleared.
    Left,
    /// Acknowledged.
    Acked,
    /// Acknowledgement ended.
    Unacked,
    /// Assigned.
    Assigned,
    /// Resolved.
    Resolved,
    /// Closed.
    Closed,
    /// Note.
    Note,
    /// Became a symptom.
    Folded,
    /// Is no longer a symptom.
    Unfolded,
    /// A flag changed.
    Flag,
}

impl TimelineKind {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reopened => "reopened",
            Self::Worse => "worse",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Acked => "acked",
            Self::Unacked => "unacked",
            Self::Assigned => "assigned",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Note => "note",
            Self::Folded => "folded",
            Self::Unfolded => "unfolded",
            Self::Flag => "flag",
        }
    }
}

/// One line of an incident's timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineEntry {
    /// Incident.
    pub incident: Arc<str>,
    /// When.
    pub at: Wall,
    /// Who: a user, `local:UID`, or an agent.
    pub actor: String,
    /// What.
    pub kind: TimelineKind,
    /// Words.
    pub text: String,
}
