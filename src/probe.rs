//! One file a probe kind, and the table of them. A kind is a row in `KINDS`: its spec says what it takes
//! and what it observes, its runner how it looks. Nothing outside switches on a kind's name.

mod assertion; // what an HTTP answer must be
mod burst; // what kinds with confirm bursts share; no kind
pub mod config; // a device's configuration, judged against graded protection
pub mod device; // all that a device says of itself, by its profile
pub mod discover; // what answers in a range of addresses; no kind
pub mod dns; // one question to one name server
pub mod echo; // round-trip time and loss by UDP echo
pub mod host; // load, memory, disks and interfaces of the agent's own host
pub mod http; // one HTTP request, its phases apart
pub mod icmp; // round-trip time and loss by ICMP echo
pub mod mtu; // how large a packet gets there in one piece
pub mod path; // the way to a target, hop by hop
pub mod snmp; // what a device says of itself and of its interfaces
pub mod stamp; // delay and loss of each direction by STAMP
pub mod tcp; // whether a port accepts a connection
pub mod tls; // the certificate a server presents
pub mod transaction; // several requests that together are a service
mod variation; // by how much the round trip varies; no kind
pub mod walk; // everything below an OID, for a person; no kind
pub mod way; // DSCP, source and interface of packets; no kind

#[cfg(test)]
pub(crate) mod tests; // what tests of kinds share

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::engine::{ends, twins};
use crate::model::field::{Catalog, KindSchema, KindSpec, SettingDef, SettingType};
use crate::model::id::AgentId;
use crate::model::observation::{Cause, Observation, Outcome, Purpose, Row, Tally, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::{Mono, Wall};
use crate::model::wire::Record;
use crate::net::clock::Clock;
use crate::net::error::{NetError, outcome_of};

/// The longest `detail`, in bytes: a line for a person, not a log.
pub const MAX_DETAIL: usize = 300;

/// Bulk kinds gather what is due into ticks. A wake-up costs as much as ten packets, and finds the cache cold, so that
/// each packet costs the less the more leave together; but what leaves together queues together.
pub const TICK: Duration = Duration::from_millis(10);
/// From so many packets a second on a tick is longer than `TICK`.
const MANY: u64 = 2_000;
/// As long as it takes for so many to be due.
const TOGETHER: u64 = 200;
/// At most this long.
const LONGEST_TICK: Duration = Duration::from_millis(50);

/// The tick for so many packets a second, none of which is to be followed by another of its task within `apart`; a
/// multiple of `TICK`.
pub fn tick(per_second: u64, apart: Duration) -> Duration {
    if per_second < MANY {
        return TICK;
    }
    let gathered = Duration::from_millis(TOGETHER * 1000 / per_second).min(LONGEST_TICK).min(apart / 2);
    let ticks = gathered.as_millis() / TICK.as_millis();
    TICK * u32::try_from(ticks).unwrap_or(1).max(1)
}

/// All probe kinds, one row each.
pub const KINDS: &[Kind] = &[
    Kind { spec: &icmp::SPEC, runner: Runner::Bulk(icmp::start) },
    Kind { spec: &path::SPEC, runner: Runner::Each(path::prober) },
    Kind { spec: &mtu::SPEC, runner: Runner::Each(mtu::prober) },
    Kind { spec: &echo::SPEC, runner: Runner::Each(echo::prober) },
    Kind { spec: &stamp::SPEC, runner: Runner::Each(stamp::prober) },
    Kind { spec: &tcp::SPEC, runner: Runner::Each(tcp::prober) },
    Kind { spec: &http::SPEC, runner: Runner::Each(http::prober) },
    Kind { spec: &tls::SPEC, runner: Runner::Each(tls::prober) },
    Kind { spec: &dns::SPEC, runner: Runner::Each(dns::prober) },
    Kind { spec: &transaction::SPEC, runner: Runner::Each(transaction::prober) },
    Kind { spec: &snmp::SPEC, runner: Runner::Each(snmp::prober) },
    Kind { spec: &device::SPEC, runner: Runner::Each(device::prober) },
    Kind { spec: &config::SPEC, runner: Runner::Each(config::prober) },
    Kind { spec: &host::SPEC, runner: Runner::Each(host::prober) },
    Kind { spec: &ends::SPEC, runner: Runner::Derived },
    Kind { spec: &twins::SPEC, runner: Runner::Derived },
];

/// The setting of every kind that resolves a name.
pub const FAMILY: SettingDef = SettingDef {
    name: "family",
    kind: SettingType::Choice(&["any", "ipv4", "ipv6"]),
    default: Some("'any'"),
    zh: "目标为域名时使用的地址族",
    en: "address family to use when the target is a name",
};

/// The setting of every kind that believes or doubts a certificate.
pub const CA_FILE: SettingDef = SettingDef {
    name: "ca_file",
    kind: SettingType::Text(4096),
    default: None,
    zh: "除系统信任库外，额外信任的 CA 证书文件（PEM）",
    en: "file of CA certificates (PEM) to trust beside the system's",
};

/// A row of `KINDS`.
#[derive(Debug)]
pub struct Kind {
    /// What it takes and what it observes.
    pub spec: &'static KindSpec,
    /// How it looks.
    pub runner: Runner,
}

/// How a kind runs. `Each` or `Bulk`, every planned run ends in exactly one `Run`; those of bursts come beside them.
#[derive(Debug)]
pub enum Runner {
    /// One prober a task; whoever runs it schedules it and gives it a deadline.
    Each(EachFn),
    /// Owns its tasks, their pacing and its sockets.
    Bulk(BulkFn),
    /// Nobody runs it: the console makes its samples of those of other kinds.
    Derived,
}

/// Makes the prober of a task, or says why the task can never run (a setting that fits no target).
pub type EachFn = fn(&Ctx, &Arc<Task>, Option<&Secret>) -> Result<Box<dyn Prober>, String>;

/// Starts a bulk kind; it ends when its `tasks` sender is gone.
pub type BulkFn = fn(&Ctx, BulkChannels) -> tokio::task::JoinHandle<()>;

/// A future that a prober returns.
pub type RunFuture<'a> = Pin<Box<dyn Future<Output = Run> + Send + 'a>>;

/// Looks at one target, again and again; keeps what it needs from one run to the next.
pub trait Prober: Send {
    /// One run, over by `deadline`.
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a>;

    /// The burst that followed the last run, if there was one: told before that run.
    fn burst(&mut self) -> Option<Run> {
        None
    }

    /// What the last run found out beside its observation, if that is news.
    fn news(&mut self) -> Vec<Record> {
        Vec::new()
    }
}

/// What a bulk kind is connected to.
#[derive(Debug)]
pub struct BulkChannels {
    /// The tasks to run from now on.
    pub tasks: watch::Receiver<Arc<[Arc<Task>]>>,
    /// Tasks to run once, now, whatever their phase: some that are asked for together.
    pub now: mpsc::Receiver<Arc<[Arc<Task>]>>,
    /// Where runs go.
    pub out: mpsc::Sender<Ended>,
}

/// A run of a task, with the time it began.
pub type Ended = (Arc<Task>, Wall, Run);

/// What a prober is given of the process.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// Time.
    pub clock: Clock,
    /// Who looks.
    pub agent: AgentId,
    /// What this process cannot do.
    pub limits: Arc<Limits>,
    /// Families of devices.
    pub profiles: Arc<device::Profiles>,
    /// Under which key secrets found in configurations are hashed.
    pub marks: Arc<config::Marks>,
}

/// What this process cannot do and why, by topic: shown at start, in status and in metrics.
#[derive(Debug, Default)]
pub struct Limits(Mutex<BTreeMap<&'static str, String>>);

impl Limits {
    /// Says that `topic` (such as `icmp-v6`) is limited, and how to mend it. True if that is news.
    pub fn set(&self, topic: &'static str, text: impl Into<String>) -> bool {
        let text = text.into();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(topic, text.clone()) != Some(text)
    }

    /// Says that `topic` is limited no more.
    pub fn clear(&self, topic: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(topic);
    }

    /// All limits, by topic.
    pub fn list(&self) -> Vec<(&'static str, String)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(topic, text)| (*topic, text.clone())).collect()
    }
}

/// What one run found.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What for.
    pub purpose: Purpose,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not ok.
    pub cause: Option<Cause>,
    /// Words for a person; no secret.
    pub detail: Option<String>,
    /// Counts of requests.
    pub tally: Tally,
    /// What was measured.
    pub rows: Vec<Row>,
    /// How long it took.
    pub took: Duration,
}

impl Run {
    /// Answered in full: one request, one answer.
    pub fn ok(rows: Vec<Row>, took: Duration) -> Self {
        let tally = Tally { sent: 1, ..Tally::default() };
        Self { purpose: Purpose::Measure, outcome: Outcome::Ok, cause: None, detail: None, tally, rows, took }
    }

    /// Ended by `error`: failed or, if it was our own fault, invalid.
    pub fn error(error: NetError, rows: Vec<Row>, took: Duration) -> Self {
        let outcome = outcome_of(error.cause);
        let tally = match (outcome, error.cause) {
            (Outcome::Invalid, _) => Tally { invalid: 1, ..Tally::default() },
            (_, Cause::Timeout | Cause::Unreachable) => Tally { sent: 1, lost: 1, ..Tally::default() },
            _ => Tally { sent: 1, ..Tally::default() },
        };
        let (cause, detail) = (Some(error.cause), Some(error.detail));
        Self { purpose: Purpose::Measure, outcome, cause, detail, tally, rows, took }
    }

    /// Did not run, by our own fault.
    pub fn invalid(cause: Cause, detail: impl Into<String>) -> Self {
        Self {
            purpose: Purpose::Measure,
            outcome: Outcome::Invalid,
            cause: Some(cause),
            detail: Some(detail.into()),
            tally: Tally { invalid: 1, ..Tally::default() },
            rows: Vec::new(),
            took: Duration::ZERO,
        }
    }
}

/// The row of table 0 about the task's object, from named values; a name not given is `Null`.
pub fn target_row(schema: &KindSchema, task: &Task, named: impl IntoIterator<Item = (&'static str, Value)>) -> Row {
    let fields = schema.tables.first().map_or(&[][..], |t| &t.fields);
    let mut values = vec![Value::Null; fields.len()];
    for (name, value) in named {
        let slot = fields.iter().position(|f| f.name == name);
        debug_assert!(slot.is_some(), "{} declares no field {name}", schema.kind);
        if let Some(place) = slot.and_then(|s| values.get_mut(s)) {
            *place = value;
        }
    }
    Row { table: 0, object: task.object.clone(), instance: task.instance.clone(), values }
}

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.spec.name == name)
}

/// The specs of all kinds, for the layers that may not import this one.
pub fn catalog() -> Catalog {
    const CATALOG: [&KindSpec; KINDS.len()] = {
        let mut all = [KINDS[0].spec; KINDS.len()];
        let mut at = 0;
        while at < KINDS.len() {
            all[at] = KINDS[at].spec;
            at += 1;
        }
        all
    };
    &CATALOG
}

/// The observation of a run that began at `began`.
pub fn observation(cx: &Ctx, task: &Task, schema: &Arc<KindSchema>, began: Wall, run: Run) -> Observation {
    Observation {
        schema: schema.clone(),
        agent: cx.agent.clone(),
        probe: task.probe.clone(),
        object: task.object.clone(),
        instance: task.instance.clone(),
        purpose: run.purpose,
        at: began,
        took: run.took,
        outcome: run.outcome,
        cause: run.cause,
        detail: run.detail.map(|text| Arc::from(cut(&text, MAX_DETAIL))),
        tally: run.tally,
        rows: run.rows,
    }
}

/// At most `max` bytes of `text`, whole characters.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or("")
}
