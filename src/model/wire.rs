//! The only serialised forms: what agents send to consoles, and what both keep in spool and journal.
//! Unknown record kinds are parked and acknowledged, unknown fields ignored; consoles upgrade first and
//! accept the two previous minors. Domain types are converted here, so they can change without the wire.

mod alert;
mod finding;
mod log;
mod report;
mod secret;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::alert::{Alert, Severity};
use super::discovery::Progress;
use super::id::*;
use super::observation::Tally;
use super::plan::{Job, Plan};
use super::secret::SecretText;
use super::summary::{Histogram, Summary};
use super::time::Wall;
use super::walk;
use alert::AlertBody;

pub use alert::alert_from_json;
pub use finding::Findings;
pub use log::{Heard, HeardCounts, Log, LogSource, MAX_LOG_ROWS, MAX_UNMAPPED, SEVERITIES};
pub use report::{MAX_PACKED, MAX_REPORT, Packed, Report};

/// Version of the envelope.
pub const WIRE_VERSION: u32 = 1;
/// Most records in a batch.
pub const MAX_BATCH_RECORDS: usize = 1_000;
/// Most bytes of a batch before compression.
pub const MAX_BATCH_BYTES: usize = 1 << 20;
/// Most rows in one samples record, so that a record always fits a batch.
pub const MAX_SAMPLE_ROWS: usize = 500;

macro_rules! as_text {
    ($($name:ty),* $(,)?) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
as_text!(
    RegionId,
    OrganisationId,
    PersonId,
    ZoneId,
    AssetId,
    LinkId,
    SystemId,
    AgentId,
    ProbeId,
    RuleId,
    ProblemId,
    ProfileId,
    CalendarId,
    Object
);

macro_rules! as_word {
    ($($name:ty),* $(,)?) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom(format!("unknown word `{text}`")))
            }
        }
    )*};
}
as_word!(Severity, ObjectKind);

/// Wall time on the wire is whole milliseconds.
impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(self.millis())
    }
}
impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::from_millis(i64::deserialize(d)?))
    }
}

/// The three streams; each has its own sequence and one request in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Alerts, rosters, facts, status: goes first, dropped last.
    Event,
    /// Samples.
    Sample,
    /// Large and patient things.
    Bulk,
}

impl Stream {
    /// In order of urgency.
    pub const ALL: [Self; 3] = [Self::Event, Self::Sample, Self::Bulk];
    /// The word used on the wire and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Sample => "sample",
            Self::Bulk => "bulk",
        }
    }
    /// The stream of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// A batch: key = (agent, stream, epoch, first_seq..last_seq). The agent is the one of the certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Batch {
    /// `WIRE_VERSION`.
    pub v: u32,
    /// Stream.
    pub stream: Stream,
    /// UUIDv7 of the spool's life; a new one begins when a spool is lost.
    pub epoch: Arc<str>,
    /// Sequence of the first record.
    pub first_seq: u64,
    /// Sequence of the last record.
    pub last_seq: u64,
    /// The agent's clock when it sent this.
    pub sent_at: Wall,
    /// Records, ascending, without holes (a gap record stands for dropped ones).
    pub records: Vec<Envelope>,
}

/// The answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAnswer {
    /// Everything up to here is committed.
    pub acked: u64,
    /// On 409: the sequence the console needs next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// On 422: sequences that are malformed and were put aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<u64>,
    /// The console's clock.
    pub now: Wall,
}

/// One record with its sequence. `gap` records cover more than one: see `Gap`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// Sequence; for a gap, its last.
    pub seq: u64,
    /// The agent's clock when it was made.
    pub at: Wall,
    /// Kind, as in `Record::kind`; unknown ones are parked.
    pub kind: String,
    /// Body, by kind.
    pub body: serde_json::Value,
}

/// The known record kinds.
#[derive(Debug, Clone)]
pub enum Record {
    /// An alert was raised, changed or cleared.
    Alert(Alert),
    /// All firing keys.
    Roster(Roster),
    /// Summaries.
    Samples(Samples),
    /// What was found out about an object.
    Facts(Facts),
    /// The agent's own state.
    AgentStatus(AgentStatus),
    /// A job is done.
    JobResult(JobResult),
    /// How far a sweep is and what it found.
    Discovery(Progress),
    /// What a raw walk brought.
    Walk(walk::Progress),
    /// Lines and traps of devices.
    Log(Log),
    /// What a device says of itself.
    Report(Report),
    /// What the policy of graded protection came to on an asset.
    Finding(Findings),
    /// Records that will never come.
    Gap(Gap),
}

impl Record {
    /// The word on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Alert(_) => "alert",
            Self::Roster(_) => "roster",
            Self::Samples(_) => "samples",
            Self::Facts(_) => "facts",
            Self::AgentStatus(_) => "agent_status",
            Self::JobResult(_) => "job_result",
            Self::Discovery(_) => "discovery",
            Self::Walk(_) => "walk",
            Self::Log(_) => "log",
            Self::Report(_) => "report",
            Self::Finding(_) => "finding",
            Self::Gap(_) => "gap",
        }
    }

    /// The stream it travels in.
    pub const fn stream(&self) -> Stream {
        match self {
            Self::Samples(_) => Stream::Sample,
            Self::Log(_) | Self::Report(_) | Self::Finding(_) => Stream::Bulk,
            _ => Stream::Event,
        }
    }

    /// Its body.
    pub fn body(&self) -> serde_json::Value {
        serde_json::to_value(Body(self)).expect(ALWAYS)
    }

    /// Its body as the text that is kept and sent, without the values in between.
    pub fn text(&self) -> String {
        serde_json::to_string(&Body(self)).expect(ALWAYS)
    }

    /// Reads a body; `Ok(None)` for a kind this build does not know, `Err` for a malformed body.
    pub fn read(kind: &str, body: &serde_json::Value) -> Result<Option<Self>, serde_json::Error> {
        Ok(Some(match kind {
            "alert" => Self::Alert(AlertBody::deserialize(body)?.into()),
            "roster" => Self::Roster(Roster::deserialize(body)?),
            "samples" => Self::Samples(Samples::deserialize(body)?),
            "facts" => Self::Facts(Facts::deserialize(body)?),
            "agent_status" => Self::AgentStatus(AgentStatus::deserialize(body)?),
            "job_result" => Self::JobResult(JobResult::deserialize(body)?),
            "discovery" => Self::Discovery(Progress::deserialize(body)?),
            "walk" => Self::Walk(walk::Progress::deserialize(body)?),
            "log" => Self::Log(Log::deserialize(body)?),
            "report" => Self::Report(Report::deserialize(body)?),
            "finding" => Self::Finding(Findings::deserialize(body)?),
            "gap" => Self::Gap(Gap::deserialize(body)?),
            _ => return Ok(None),
        }))
    }
}

/// Why a body can be written.
const ALWAYS: &str = "wire types have string keys only, so they always serialise";

/// What is written of a record.
struct Body<'r>(&'r Record);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Record::Alert(a) => AlertBody::from(a).serialize(to),
            Record::Roster(r) => r.serialize(to),
            Record::Samples(s) => s.serialize(to),
            Record::Facts(f) => f.serialize(to),
            Record::AgentStatus(s) => s.serialize(to),
            Record::JobResult(j) => j.serialize(to),
            Record::Discovery(d) => d.serialize(to),
            Record::Walk(w) => w.serialize(to),
            Record::Log(l) => l.serialize(to),
            Record::Report(r) => r.serialize(to),
            Record::Finding(f) => f.serialize(to),
            Record::Gap(g) => g.serialize(to),
        }
    }
}

/// `roster` body: every firing (key, rule). What the console holds beyond it is withdrawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    /// Firing ones.
    pub firing: Vec<RosterEntry>,
    /// Revision of the plan they were judged by.
    pub plan_rev: u64,
}

/// One firing alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RosterEntry {
    /// Problem.
    pub problem: ProblemId,
    /// Object.
    pub object: Object,
    /// Instance.
    #[serde(default)]
    pub instance: Arc<str>,
    /// Rule.
    pub rule: RuleId,
}

/// `samples` body: one summary window of one probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Probe.
    pub probe: ProbeId,
    /// Its kind.
    pub kind: Arc<str>,
    /// Start of the window, the agent's clock.
    pub from: Wall,
    /// End of the window.
    pub to: Wall,
    /// Rows; at most `MAX_SAMPLE_ROWS`.
    pub rows: Vec<SampleRow>,
}

/// One object and instance in a summary window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    /// Object.
    pub object: Object,
    /// Instance.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub instance: Arc<str>,
    /// Runs that ended ok, degraded, failed, invalid; all zero in rows other than the target's.
    #[serde(default)]
    pub runs: [u32; 4],
    /// Packets: sent, lost, late, duplicate, invalid.
    #[serde(default)]
    pub packets: [u32; 5],
    /// Causes of runs that were not ok.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: BTreeMap<String, u32>,
    /// Numeric fields by name, implicit ones (`up`, `duration_seconds`) included.
    #[serde(default)]
    pub fields: BTreeMap<String, SummaryBody>,
}

impl SampleRow {
    /// The packet counts as a tally.
    pub const fn tally(&self) -> Tally {
        let [sent, lost, late, duplicate, invalid] = self.packets;
        Tally { sent, lost, late, duplicate, invalid }
    }
}

/// A `Summary` on the wire: `[n, min, max, sum, first, last]`, then the histogram's buckets if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryBody(pub Summary);

impl Serialize for SummaryBody {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let v = &self.0;
        let plain = (v.n, v.min, v.max, v.sum, v.first, v.last);
        match &v.histogram {
            None => plain.serialize(s),
            Some(h) => (v.n, v.min, v.max, v.sum, v.first, v.last, h.buckets().collect::<Vec<_>>()).serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for SummaryBody {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> serde::de::Visitor<'de> for Visit {
            type Value = SummaryBody;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[n, min, max, sum, first, last] and perhaps buckets")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let missing = || A::Error::custom("a summary has at least six numbers");
                let n: u64 = seq.next_element()?.ok_or_else(missing)?;
                let mut five = [0f64; 5];
                for slot in &mut five {
                    *slot = seq.next_element()?.ok_or_else(missing)?;
                }
                let [min, max, sum, first, last] = five;
                let buckets: Option<Vec<(i32, u64)>> = seq.next_element()?;
                if n == 0 || five.iter().any(|v| !v.is_finite()) {
                    return Err(A::Error::custom("a summary counts at least one finite measurement"));
                }
                let histogram = buckets.map(|buckets| {
                    let mut h = Histogram::default();
                    for (bucket, n) in buckets {
                        h.add_bucket(bucket, n);
                    }
                    Box::new(h)
                });
                Ok(SummaryBody(Summary { n, min, max, sum, first, last, histogram }))
            }
        }
        d.deserialize_seq(Visit)
    }
}

/// `facts` body: texts and states of an object, sent when they change and once a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Object.
    pub object: Object,
    /// Instance.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub instance: Arc<str>,
    /// Which probe found them.
    pub probe: ProbeId,
    /// Field name to text.
    pub values: BTreeMap<String, String>,
}

/// `agent_status` body: sent every 60 s and when something in it changes for the worse.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Program version.
    pub version: String,
    /// Host name.
    pub hostname: String,
    /// Seconds since start.
    pub uptime_seconds: u64,
    /// Plan in use.
    pub plan_rev: u64,
    /// Tasks running.
    pub tasks: u64,
    /// Records waiting in the spool.
    pub spool_records: u64,
    /// Bytes of them.
    pub spool_bytes: u64,
    /// Records dropped since start.
    pub spool_dropped: u64,
    /// Runs skipped because the one before had not ended.
    pub skipped_runs: u64,
    /// What it cannot do and why (no CAP_NET_RAW, no IPv6, a rule it does not understand ...).
    #[serde(default)]
    pub limits: Vec<String>,
    /// Parts of the plan that it cannot carry out; `limits` names them.
    #[serde(default)]
    pub plan_problems: u64,
    /// What it heard, by source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<HeardCounts>,
}

/// `job_result` body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResult {
    /// Job.
    pub id: String,
    /// Done, or why not.
    pub ok: bool,
    /// Words.
    #[serde(default)]
    pub detail: String,
}

/// `gap` body: records `from..=to` of this stream will never come. Counts as delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
    /// `cap_bytes`, `cap_age`, `not_held` or `refused`.
    pub cause: String,
}

/// The answer to `GET /ingest/v1/desired`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Desired {
    /// The plan, if it differs from the revision asked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Jobs not yet answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "super::plan::known::jobs")]
    pub jobs: Vec<Job>,
    /// The console's clock.
    pub now: Wall,
}

/// `POST /ingest/v1/enroll`: the one request without a client certificate.
#[derive(Clone, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// One-time token.
    pub token: SecretText,
    /// Certificate signing request, PEM.
    pub csr: String,
}

/// The answer to an enrolment or a renewal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrollAnswer {
    /// Whose certificate it is.
    pub agent: AgentId,
    /// Certificate chain, PEM.
    pub certificate: String,
    /// CA certificate, PEM.
    pub ca: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unknown_kind_is_not_an_error_but_a_malformed_body_is() {
        assert!(Record::read("hologram", &serde_json::json!({})).unwrap().is_none());
        assert!(Record::read("gap", &serde_json::json!({"from": "x"})).is_err());
        let gap = serde_json::json!({"from": 1, "to": 2, "cause": "cap_age", "later": true});
        assert!(matches!(Record::read("gap", &gap).unwrap(), Some(Record::Gap(_))));
    }

    /// Without serde_json's `float_roundtrip` this number came back as its neighbour.
    #[test]
    fn a_number_comes_back_as_the_very_one() {
        let body = SummaryBody(Summary::many(&[966_775.172_494_282_5]).unwrap());
        let json = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<SummaryBody>(&json).unwrap(), body);
    }

    proptest! {
        #[test]
        fn a_summary_survives_the_wire(v in prop::collection::vec(1e-6f64..1e6, 1..40)) {
            let body = SummaryBody(Summary::many(&v).unwrap());
            let json = serde_json::to_string(&body).unwrap();
            prop_assert_eq!(serde_json::from_str::<SummaryBody>(&json).unwrap(), body);
        }
    }
}
