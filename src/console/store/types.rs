//! What the store answers: plain rows for the API, the metrics page and the command line, and its errors,
//! each of which says what was attempted on what, and the remedy.

mod account;
mod graded;
mod heard;
mod series;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use account::*;
pub use graded::*;
pub use heard::*;
pub use series::*;

use crate::console::command::{Role, Scope};
use crate::model::alert::AlertKey;
use crate::model::discovery::Wanted;
use crate::model::incident::{Contribution, Flags, Incident, IncidentState};
use crate::model::wire::{AgentStatus, BatchAnswer, Packed};
use crate::model::{AgentId, AssetId, Object, ProbeId, RegionId, Severity, Wall, ZoneId};

/// Why the store could not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the directory.
    #[error(
        "data directory {dir} is held by process {holder}: stop it, give this one another --data, or let commands go through {dir}/admin.sock"
    )]
    Held {
        /// Directory.
        dir: String,
        /// Process id of the holder, or `unknown`.
        holder: String,
    },
    /// Written by a newer version.
    #[error(
        "data directory was written by a newer fengsui (schema {found}, this build knows {known}): install that version or restore a backup ({file})"
    )]
    Newer {
        /// File.
        file: String,
        /// Its schema.
        found: i64,
        /// What this build knows.
        known: i64,
    },
    /// Damaged.
    #[error(
        "{file} is damaged ({detail}): restore the newest copy from {backup}, or move the file away to begin without it"
    )]
    Corrupt {
        /// File.
        file: String,
        /// What SQLite said.
        detail: String,
        /// Where backups are.
        backup: String,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {file}: {detail}; check its owner, mode and free space")]
    File {
        /// What was attempted.
        what: &'static str,
        /// On which file.
        file: String,
        /// Why not.
        detail: String,
    },
    /// SQLite refused.
    #[error("cannot {what}: {detail}")]
    Sql {
        /// What was attempted.
        what: &'static str,
        /// What SQLite said.
        detail: String,
    },
    /// The key does not open a secret, or a file of the CA is not what it should be.
    #[error("{0}")]
    Key(String),
    /// A cursor or a range that this store did not hand out.
    #[error("{0}")]
    Request(String),
    /// The queue to the writer is full.
    #[error("the store is busy: {0} changes wait to be written; try again in a second")]
    Busy(usize),
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

/// What `Store::open` needs.
#[derive(Debug, Clone)]
pub struct StoreParts {
    /// The data directory; made if it is not there.
    pub dir: PathBuf,
    /// Clock.
    pub clock: crate::net::clock::Clock,
    /// The sealing key, 32 bytes, where the caller has one from the system's credentials; else `DIR/key` is used.
    pub key: Option<SealingKey>,
    /// Time zone that says when a day begins.
    pub timezone: String,
    /// Days for which raw samples are kept.
    pub raw_days: u32,
    /// Days for which roll-ups are kept.
    pub roll_days: u32,
    /// Days for which logs are kept; the law asks for 180 at least.
    pub log_days: u32,
    /// States of a configuration that are kept of each asset.
    pub snapshots: u32,
    /// An agent that asked nothing for so long is silent. Agents poll all the time and report every 60 s.
    pub silent_after: Duration,
    /// Host names and addresses of the server certificate, beside `localhost` and the loopback addresses.
    pub names: Vec<String>,
    /// What accounts and sessions obey.
    pub accounts: AccountRules,
}

impl StoreParts {
    /// With the usual settings.
    pub fn new(dir: impl Into<PathBuf>, clock: &crate::net::clock::Clock) -> Self {
        Self {
            dir: dir.into(),
            clock: clock.clone(),
            key: None,
            timezone: "Asia/Shanghai".to_owned(),
            raw_days: 30,
            roll_days: 1_826,
            log_days: 180,
            snapshots: 50,
            silent_after: Duration::from_secs(30),
            names: Vec::new(),
            accounts: AccountRules::default(),
        }
    }
}

/// 32 bytes that seal secrets; prints `***`.
#[derive(Clone)]
pub struct SealingKey(pub [u8; 32]);

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Why a batch was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// 409: records before it are missing.
    #[error("records before {first} are missing: the next one needed is {expected}")]
    Sequence {
        /// First of the batch.
        first: u64,
        /// Needed next.
        expected: u64,
        /// The answer to give.
        answer: BatchAnswer,
    },
    /// 422: these records are malformed and were put aside; all others are committed.
    #[error("{} records are malformed and were put aside", .0.refused.len())]
    Malformed(BatchAnswer),
    /// 400: the envelope contradicts itself, nothing was taken.
    #[error("the batch contradicts itself: {0}")]
    Envelope(String),
    /// 403: unknown or revoked agent.
    #[error("agent `{0}` is not enrolled here or was revoked")]
    Unknown(AgentId),
    /// 503: no plan was built for this agent yet, so nothing says which objects are its own.
    #[error("no plan was built for agent `{0}` yet; try again in a second")]
    NoPlan(AgentId),
    /// 503: the store failed or is busy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a client certificate is not let through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This console did not issue it (or forgot it with an older data directory).
    #[error("certificate {0} was not issued by this console: enrol again")]
    Unknown(String),
    /// Revoked.
    #[error("certificate {serial} of agent `{agent}` was revoked ({reason}): enrol again with a new token")]
    Revoked {
        /// Serial.
        serial: String,
        /// Agent.
        agent: AgentId,
        /// Why.
        reason: String,
    },
}

/// Why an enrolment or a renewal was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EnrollError {
    /// 403: the token is unknown.
    #[error("the enrolment token is not known here: make one with `fengsui enroll token`")]
    UnknownToken,
    /// 403: the token is too old.
    #[error("the enrolment token expired at {0}: make a new one with `fengsui enroll token`")]
    Expired(Wall),
    /// 409: the token was used.
    #[error("the enrolment token was used at {0}: make a new one with `fengsui enroll token`")]
    Used(Wall),
    /// 409: the agent has a certificate, and the token is older than it.
    #[error("agent `{0}` is enrolled already: a new token, made after that enrolment, approves its replacement")]
    Enrolled(AgentId),
    /// 400: the signing request is not usable.
    #[error("the signing request is not usable: {0}")]
    Request(String),
    /// 403: the certificate may not renew.
    #[error(transparent)]
    Certificate(#[from] Refusal),
    /// 503: the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An agent as the console knows it.
#[derive(Debug, Clone)]
pub struct AgentRow {
    /// Id.
    pub id: AgentId,
    /// Declared in the inventory.
    pub declared: bool,
    /// When it enrolled last.
    pub enrolled: Option<Wall>,
    /// When it asked or sent something last.
    pub last_heard: Option<Wall>,
    /// False once it was not heard of for `silent_after`.
    pub alive: bool,
    /// Console clock minus its clock, smoothed.
    pub skew_ms: Option<i64>,
    /// Its last own report.
    pub status: Option<AgentStatus>,
    /// When that came.
    pub status_at: Option<Wall>,
    /// Why it was revoked.
    pub revoked: Option<String>,
    /// When its newest certificate expires.
    pub certificate_expires: Option<Wall>,
    /// Sequences that never came, by stream and epoch, newest last; at most 20.
    pub gaps: Vec<GapRow>,
}

/// Records of an agent that will never come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRow {
    /// Stream.
    pub stream: String,
    /// Epoch.
    pub epoch: String,
    /// First.
    pub first: u64,
    /// Last.
    pub last: u64,
    /// Why.
    pub cause: String,
    /// When the console learned of it.
    pub received: Wall,
}

/// The newest value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    /// Object.
    pub object: Object,
    /// Instance, or empty.
    pub instance: Arc<str>,
    /// Who measured.
    pub agent: AgentId,
    /// Definition.
    pub probe: ProbeId,
    /// Its kind.
    pub kind: Arc<str>,
    /// Field.
    pub field: Arc<str>,
    /// Newest value.
    pub value: f64,
    /// End of the window it stands in, corrected.
    pub at: Wall,
}

/// A firing alert with the incident it belongs to.
#[derive(Debug, Clone)]
pub struct FiringAlert {
    /// Incident.
    pub incident: Arc<str>,
    /// State of the incident.
    pub state: IncidentState,
    /// Key.
    pub key: AlertKey,
    /// Who says so.
    pub contribution: Contribution,
}

/// An incident in short: what lists of objects and the overview need of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// Id.
    pub id: Arc<str>,
    /// Key.
    pub key: AlertKey,
    /// State.
    pub state: IncidentState,
    /// Worst severity so far.
    pub severity: Severity,
    /// When it began.
    pub opened: Wall,
    /// When it resolved.
    pub resolved: Option<Wall>,
    /// Flags.
    pub flags: Flags,
    /// Who has it.
    pub assignee: Option<String>,
    /// The incident of which this one is a symptom.
    pub cause: Option<Arc<str>>,
}

/// Something an agent found out about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Object.
    pub object: Object,
    /// Instance, or empty.
    pub instance: String,
    /// Which probe.
    pub probe: ProbeId,
    /// Field.
    pub field: String,
    /// Text.
    pub value: String,
    /// Who found it.
    pub agent: AgentId,
    /// When.
    pub at: Wall,
}

/// What a device said of itself last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// Device.
    pub asset: AssetId,
    /// Which probe.
    pub probe: ProbeId,
    /// Who asked it.
    pub agent: AgentId,
    /// When.
    pub at: Wall,
    /// When something in it was different from before, apart from what moves at every look.
    pub changed: Wall,
    /// The object, see `model::device::report`.
    pub packed: Packed,
}

/// One row of the audit table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Number, without holes.
    pub seq: u64,
    /// When.
    pub at: Wall,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub target: String,
    /// State before, JSON or empty.
    pub before: String,
    /// State after, JSON or empty.
    pub after: String,
    /// Reason given.
    pub reason: String,
    /// `ok`, or why it was refused.
    pub result: String,
}

/// The words that stand in the audit table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditWords {
    /// Actors.
    pub actors: Vec<String>,
    /// Actions.
    pub actions: Vec<String>,
}

/// What `Store::audit_verify` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Rows read.
    pub rows: u64,
    /// The first row whose hash or number is not what it must be.
    pub broken_at: Option<u64>,
    /// Hash of the last row, hex.
    pub head: String,
}

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Name.
    pub name: String,
    /// Type: `snmp-v2c`, `login` ...
    pub kind: String,
    /// Generation of the key that seals it.
    pub generation: u64,
    /// When it was set.
    pub updated: Wall,
    /// By whom.
    pub updater: String,
}

/// An API token without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Scope.
    pub scope: Scope,
    /// When it was made.
    pub created: Wall,
    /// By whom.
    pub creator: String,
    /// When it stops working.
    pub expires: Option<Wall>,
    /// When it was used last, within a minute.
    pub used: Option<Wall>,
    /// When it was revoked.
    pub revoked: Option<Wall>,
}

/// An enrolment token without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollTokenRow {
    /// Bound to this agent.
    pub agent: AgentId,
    /// And this region.
    pub region: Option<RegionId>,
    /// When it was made.
    pub created: Wall,
    /// By whom.
    pub creator: String,
    /// When it stops working.
    pub expires: Wall,
    /// When it was used.
    pub used: Option<Wall>,
}

/// How many incidents stand in a state with a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncidentCount {
    /// State.
    pub state: IncidentState,
    /// Severity.
    pub severity: Severity,
    /// How many.
    pub n: u64,
}

/// A row of the inbox.
#[derive(Debug, Clone)]
pub struct InboxRow {
    /// The incident.
    pub incident: Incident,
    /// How many incidents are symptoms of it.
    pub symptoms: u64,
}

/// How many open or acknowledged incidents stand with a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// State.
    pub state: IncidentState,
    /// Severity.
    pub severity: Severity,
    /// Causes, or else symptoms.
    pub cause: bool,
    /// How many.
    pub n: u64,
}

/// Counters of the store since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Transactions committed.
    pub commits: u64,
    /// Changes waiting for the writer.
    pub queued: u64,
    /// Batches committed.
    pub batches: u64,
    /// Records committed.
    pub records: u64,
    /// Batches that had been committed before.
    pub duplicates: u64,
    /// Records about objects that are not the agent's.
    pub unassigned: u64,
    /// Records put aside (malformed, or too far in the future).
    pub aside: u64,
    /// Records of unknown kinds, kept in the log file.
    pub parked: u64,
    /// Series in the latest-value cache.
    pub series: u64,
    /// Series that did not fit into it.
    pub series_dropped: u64,
    /// Hours turned from journal into chunks.
    pub hours_closed: u64,
    /// Bytes of core.db's write-ahead log.
    pub wal_bytes: u64,
}

/// A raw walk that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct WalkRow {
    /// Id; also that of its job.
    pub id: String,
    /// Who reads.
    pub agent: AgentId,
    /// The device.
    pub asset: AssetId,
    /// Who asked.
    pub actor: String,
    /// When.
    pub created: Wall,
    /// Below which OID, dotted.
    pub oid: String,
    /// Rows that came.
    pub rows: u64,
    /// When the agent told of it last.
    pub heard: Option<Wall>,
    /// When it ended.
    pub ended: Option<Wall>,
    /// Whether no error ended it.
    pub ok: Option<bool>,
    /// Words of its end.
    pub detail: String,
}

/// A sweep that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscoveryRow {
    /// Id; also that of its job.
    pub id: String,
    /// Who looks.
    pub agent: AgentId,
    /// Who asked.
    pub actor: String,
    /// When.
    pub created: Wall,
    /// For what.
    pub wanted: Wanted,
    /// The zone the addresses are in.
    pub zone: ZoneId,
    /// The region that what is found belongs to, if it is known.
    pub region: Option<RegionId>,
    /// Addresses looked at.
    pub looked: u64,
    /// Addresses in all.
    pub total: u64,
    /// When the agent told of it last.
    pub heard: Option<Wall>,
    /// When it ended.
    pub ended: Option<Wall>,
    /// Whether it looked at all of them.
    pub ok: Option<bool>,
    /// Words of its end.
    pub detail: String,
    /// Addresses that answered.
    pub found: u64,
}
