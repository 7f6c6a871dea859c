//! What one agent has to do. Only `config::plan::build` makes a plan; the agent writes it down before
//! use and goes on with it when cut off. It is a wire form: see `wire` for how old and new ones meet.

mod heard;
pub(crate) mod known;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alert::Severity;
use super::calendar::Calendar;
use super::detector::DetectorUse;
use super::discovery::{Keys, Wanted};
use super::id::{AgentId, CalendarId, Object, ObjectKind, ProbeId, ProblemId, ProfileId, RuleId};
use super::secret::Secret;

pub use heard::{ConfirmUse, LOOK_EVERY_MS, MatchUse, PlanSource};

/// The plan schema that this build writes. It reads older ones, and of a newer one the parts it knows.
pub const PLAN_SCHEMA: u32 = 1;

/// A parsed value of a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingValue {
    /// Milliseconds.
    DurationMs(u64),
    /// Whole number.
    Int(i64),
    /// Switch.
    Bool(bool),
    /// Text, or the word of a choice.
    Text(String),
    /// Whole numbers.
    IntList(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
    /// Texts by name.
    Map(BTreeMap<String, String>),
    /// Settings of several like parts, in order.
    Tables(Vec<Settings>),
}

/// Settings of a probe: every key its kind declares with a default is there, and has its type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, SettingValue>);

impl Settings {
    /// A duration; `None` if unset.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.0.get(key) {
            Some(SettingValue::DurationMs(ms)) => Some(Duration::from_millis(*ms)),
            _ => None,
        }
    }
    /// A whole number; `None` if unset.
    pub fn int(&self, key: &str) -> Option<i64> {
        match self.0.get(key) {
            Some(SettingValue::Int(v)) => Some(*v),
            _ => None,
        }
    }
    /// A switch; false if unset.
    pub fn bool(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(SettingValue::Bool(true)))
    }
    /// A text; `None` if unset.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(SettingValue::Text(v)) => Some(v),
            _ => None,
        }
    }
    /// Whole numbers; empty if unset.
    pub fn ints(&self, key: &str) -> &[i64] {
        match self.0.get(key) {
            Some(SettingValue::IntList(v)) => v,
            _ => &[],
        }
    }
    /// Texts; empty if unset.
    pub fn texts(&self, key: &str) -> &[String] {
        match self.0.get(key) {
            Some(SettingValue::Texts(v)) => v,
            _ => &[],
        }
    }
    /// Texts by name; none if unset.
    pub fn map(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        let found = match self.0.get(key) {
            Some(SettingValue::Map(v)) => Some(v),
            _ => None,
        };
        found.into_iter().flatten().map(|(name, text)| (name.as_str(), text.as_str()))
    }
    /// Settings of parts; empty if unset.
    pub fn tables(&self, key: &str) -> &[Self] {
        match self.0.get(key) {
            Some(SettingValue::Tables(v)) => v,
            _ => &[],
        }
    }
}

/// Where a task is aimed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Target {
    /// Address or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Port, where the inventory gives one (SNMP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One probe on one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `PROBE|OBJECT|TO`: unique in the plan and stable, so that phase and state survive a new plan.
    pub id: Arc<str>,
    /// Definition.
    pub probe: ProbeId,
    /// Kind, by name.
    pub kind: Arc<str>,
    /// What it is about.
    pub object: Object,
    /// Which part of the object its target is: the port where a probe looks at several of an asset, the end
    /// where one looks at both of a link; else empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub instance: Arc<str>,
    /// Where it is aimed.
    pub target: Target,
    /// Settings of the kind.
    pub settings: Settings,
    /// Milliseconds between runs.
    pub interval_ms: u64,
    /// Milliseconds until a run is given up; less than or equal to the interval.
    pub timeout_ms: u64,
    /// Milliseconds of one summary window; a multiple of nothing, at least the interval.
    pub keep_ms: u64,
    /// Name of its secret in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The calendar of the plan while which is open it runs; always without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarId>,
}

impl Task {
    /// Time between runs.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }
    /// Time until a run is given up.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
    /// Length of a summary window.
    pub fn keep(&self) -> Duration {
        Duration::from_millis(self.keep_ms)
    }
}

/// What an expression may ask about an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attribute {
    /// Number.
    Number(f64),
    /// Text; empty where the inventory has nothing.
    Text(String),
    /// Texts (tags).
    List(Vec<String>),
}

/// An object the agent watches, with the attributes its rules may ask for (`capacity_bps`, not `link.capacity_bps`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanObject {
    /// Object.
    pub object: Object,
    /// Name for people.
    pub name: String,
    /// Attributes by bare name.
    pub attributes: BTreeMap<String, Attribute>,
}

/// Where the data of a rule comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSource {
    /// Any probe of this kind.
    Kind(Arc<str>),
    /// This probe only.
    Probe {
        /// Probe.
        probe: ProbeId,
        /// Its kind.
        kind: Arc<str>,
    },
}

impl RuleSource {
    /// The kind of what it looks at.
    pub const fn kind(&self) -> &Arc<str> {
        let (Self::Kind(kind) | Self::Probe { kind, .. }) = self;
        kind
    }
}

/// Where a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAt {
    /// On the agent.
    Agent,
    /// On the console, over what all agents send.
    Console,
}

/// Objects of a rule that share parameter values and calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleCase {
    /// Parameters: the rule's own with overrides applied.
    pub params: BTreeMap<String, f64>,
    /// The calendar of the plan while which is open it raises; always without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarId>,
    /// The objects. For a rule on interfaces an asset stands for all its interfaces.
    pub objects: Vec<Object>,
}

/// A rule, with `where` already evaluated into cases. Expressions passed the checker when it was built;
/// the agent compiles them again, and skips and reports a rule it cannot compile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRule {
    /// Id.
    pub id: RuleId,
    /// Problem it raises.
    pub problem: ProblemId,
    /// Kind of object it judges.
    pub on: ObjectKind,
    /// Its data.
    pub source: RuleSource,
    /// Where it runs.
    pub at: RuleAt,
    /// Window of `w.`; 0 if it asks for none.
    pub window_ms: u64,
    /// CEL, boolean; empty where a detector judges, which an older agent refuses by name.
    pub raise: String,
    /// CEL, boolean; the negation of `raise` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<String>,
    /// What judges instead of expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<DetectorUse>,
    /// How long `raise` must hold.
    pub for_ms: u64,
    /// How long `clear` must hold.
    pub clear_for_ms: u64,
    /// After so many intervals without a valid run the alert is stale and `no-data` is raised; 0 = never.
    pub no_data: u32,
    /// Problems, on the same object or on what it hangs on, that explain this one.
    #[serde(default)]
    pub folds_into: Vec<ProblemId>,
    /// Severity.
    pub severity: Severity,
    /// GB/T 20986-2023 class, or empty.
    #[serde(default)]
    pub category: String,
    /// Runbook name, or empty.
    #[serde(default)]
    pub runbook: String,
    /// Title in Chinese.
    #[serde(default)]
    pub zh: String,
    /// Title in English.
    #[serde(default)]
    pub en: String,
    /// What raises and clears it instead, where it judges what is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hears: Option<MatchUse>,
    /// What it applies to here.
    pub cases: Vec<RuleCase>,
}

/// A family of devices, as it was defined: text that passed the checker when the plan was built; the agent reads it
/// again, and skips and reports one that it cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanProfile {
    /// Id.
    pub id: ProfileId,
    /// A document of TOML with the one `[[profile]]`.
    pub toml: Arc<str>,
}

/// Everything one agent has to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "known::PlanBody")]
pub struct Plan {
    /// See `PLAN_SCHEMA`.
    pub schema: u32,
    /// Grows with every change on the console.
    pub rev: u64,
    /// SHA-256 (hex) of everything else; equal digests mean equal work.
    pub digest: String,
    /// For whom.
    pub agent: AgentId,
    /// Objects.
    pub objects: Vec<PlanObject>,
    /// Tasks.
    pub tasks: Vec<Task>,
    /// Rules.
    pub rules: Vec<PlanRule>,
    /// From which addresses its assets speak (syslog, traps); an address of two of them is not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<PlanSource>,
    /// Calendars that tasks and rules name, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<Arc<Calendar>>,
    /// Families of devices by id, if a task reads devices by them; from a console that sends none, an agent takes its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<PlanProfile>,
    /// Secrets by name; only those the tasks need.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// Parts that were left out when it was read because this build does not know them, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
}

/// A job of the closed set that `desired` may carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Run all tasks of an object now.
    ProbeNow {
        /// Job id; the result names it.
        id: String,
        /// The object.
        object: Object,
        /// How many runs.
        count: u32,
        /// Milliseconds between them.
        spacing_ms: u64,
    },
    /// Send a roster now.
    Roster {
        /// Job id.
        id: String,
    },
    /// Look which addresses answer, and what they are.
    Discover {
        /// Job id.
        id: String,
        /// What to look at.
        wanted: Wanted,
        /// Values of the secrets it names; put in when the job is handed out.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        keys: Keys,
    },
    /// Read everything that a device has below an OID, with the secret of the tasks on it.
    Walk {
        /// Job id.
        id: String,
        /// The device.
        object: Object,
        /// OID, dotted.
        oid: String,
    },
    /// One of a newer console; it is answered with a refusal.
    #[serde(skip)]
    Unknown {
        /// Job id.
        id: String,
    },
}
