//! From envelopes to items, before the writer sees them: what can be said about a record without the tables.

use crate::model::discovery::MAX_ADDRESSES;
use crate::model::finding::Inspection;
use crate::model::id::MAX_NAME;
use crate::model::walk::MAX_ROWS as MAX_WALKED;
use crate::model::wire::{
    Batch, Envelope, Facts, Gap, Heard, Log, MAX_LOG_ROWS, MAX_SAMPLE_ROWS, Record, Report, Samples, Stream,
};
use crate::model::{Alert, Object, Wall};

/// zstd level of journal rows: 3 is the knee of its curve for JSON.
const ZSTD_LEVEL: i32 = 3;
/// Longest field name, in bytes; ours have 30 at most.
const MAX_FIELD: usize = 64;
/// Most fields in a row of samples; the largest SNMP profile has 40.
const MAX_FIELDS: usize = 256;
/// Most pieces of evidence in an alert.
const MAX_EVIDENCE: usize = 16;
/// Longest name or value of a piece of evidence, in bytes; ours have 200.
const MAX_WORDS: usize = 4_096;
/// Most problems that an alert folds into, and lines of limits that are kept of a status.
const MAX_NAMED: usize = 64;
/// Longest text kept of a line of limits, a version, the cause of a gap or the detail of a job, in bytes.
const MAX_LINE: usize = 1_024;
/// The largest severity and facility of syslog (RFC 5424).
const LEAST_SEVERE: u8 = 7;
const LAST_FACILITY: u8 = 23;
/// Longest window of a samples record, in milliseconds: the longest interval of a probe, a week.
const MAX_WINDOW_MS: i64 = 7 * 86_400_000;

/// A record, read.
pub(super) struct Prepared {
    pub(super) seq: u64,
    pub(super) at: Wall,
    pub(super) kind: String,
    pub(super) item: Item,
}

/// What it is.
pub(super) enum Item {
    /// Not what its kind asks for.
    Malformed { body: String, why: String },
    /// Of a kind that this build does not know.
    Unknown { body: String },
    /// Records that will never come.
    Gap(Gap),
    /// Samples.
    Samples(Samples),
    /// Results of graded protection, unpacked.
    Findings(Box<Inspection>),
    /// Anything else.
    Event(Record),
}

impl Item {
    /// The latest time it speaks of, by the agent's clock.
    pub(super) fn latest(&self) -> Option<Wall> {
        match self {
            Self::Samples(samples) => Some(samples.from.max(samples.to)),
            Self::Findings(inspection) => Some(inspection.at),
            Self::Event(Record::Alert(alert)) => Some(alert.since.max(alert.at)),
            Self::Event(Record::Log(log)) => log.rows.iter().map(|row| row.at).max(),
            _ => None,
        }
    }

    /// Its body, for the table of what is put aside.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Malformed { body, .. } | Self::Unknown { body } => body.clone(),
            Self::Gap(gap) => Record::Gap(gap.clone()).text(),
            Self::Samples(samples) => Record::Samples(samples.clone()).text(),
            Self::Findings(inspection) => serde_json::json!(inspection).to_string(),
            Self::Event(record) => record.text(),
        }
    }
}

/// Reads all records of a batch.
pub(super) fn prepare(batch: &Batch) -> Vec<Prepared> {
    batch
        .records
        .iter()
        .map(|envelope| Prepared {
            seq: envelope.seq,
            at: envelope.at,
            kind: envelope.kind.chars().take(MAX_FIELD).collect(),
            item: item(batch.stream, envelope),
        })
        .collect()
}

fn item(stream: Stream, envelope: &Envelope) -> Item {
    let malformed = |why: String| Item::Malformed { body: envelope.body.to_string(), why };
    match Record::read(&envelope.kind, &envelope.body) {
        Err(error) => malformed(error.to_string()),
        Ok(None) => Item::Unknown { body: envelope.body.to_string() },
        Ok(Some(Record::Gap(mut gap))) => {
            cut(&mut gap.cause);
            Item::Gap(gap)
        }
        Ok(Some(record)) if (record.stream() == Stream::Sample) != (stream == Stream::Sample) => {
            malformed(format!("`{}` does not travel in stream `{}`", envelope.kind, stream.as_str()))
        }
        Ok(Some(Record::Samples(samples))) => match wrong_samples(&samples) {
            Some(why) => malformed(why.to_owned()),
            None => Item::Samples(samples),
        },
        Ok(Some(Record::Alert(alert))) if wrong_alert(&alert) => {
            malformed("the alert is larger than allowed".to_owned())
        }
        Ok(Some(Record::Facts(facts))) if wrong_facts(&facts) => {
            malformed("the facts are larger than allowed, or a field name is not lower snake case".to_owned())
        }
        Ok(Some(Record::Log(log))) if wrong_log(&log) => {
            malformed("what was heard is larger than allowed, or has a severity that is none".to_owned())
        }
        Ok(Some(Record::AgentStatus(mut status))) => {
            // An error of the system may be long; the state of an agent must be seen all the same.
            status.limits.truncate(MAX_NAMED);
            status.limits.iter_mut().chain([&mut status.version, &mut status.hostname]).for_each(cut);
            Item::Event(Record::AgentStatus(status))
        }
        Ok(Some(Record::Discovery(progress))) if progress.found.len() > MAX_ADDRESSES => {
            malformed("it found more than a sweep may look at".to_owned())
        }
        Ok(Some(Record::Walk(progress))) if progress.rows.len() > MAX_WALKED => {
            malformed("it brought more than a walk may".to_owned())
        }
        Ok(Some(Record::Report(report))) if wrong_report(&report) => {
            malformed("the report is of no asset, or unpacks to no object".to_owned())
        }
        Ok(Some(Record::Finding(findings))) => match findings.open() {
            Ok(inspection) => Item::Findings(Box::new(inspection)),
            Err(why) => malformed(why),
        },
        Ok(Some(Record::JobResult(mut result))) => {
            cut(&mut result.detail);
            Item::Event(Record::JobResult(result))
        }
        Ok(Some(record)) => Item::Event(record),
    }
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(MAX_LINE));
}

fn wrong_alert(alert: &Alert) -> bool {
    let long = |(name, value): &(String, String)| name.len() > MAX_FIELD || value.len() > MAX_WORDS;
    alert.key.instance.len() > MAX_NAME
        || alert.evidence.len() > MAX_EVIDENCE
        || alert.evidence.iter().any(long)
        || alert.folds_into.len() > MAX_NAMED
        || alert.category.len().max(alert.runbook.len()) > MAX_NAME
}

fn wrong_facts(facts: &Facts) -> bool {
    facts.instance.len() > MAX_NAME || facts.values.len() > MAX_FIELDS || !facts.values.keys().all(|name| named(name))
}

fn wrong_log(log: &Log) -> bool {
    let wrong = |row: &Heard| {
        row.text.len() > MAX_WORDS
            || row.tag.len().max(row.host.len()) > MAX_NAME
            || row.severity > LEAST_SEVERE
            || row.facility > LAST_FACILITY
    };
    log.rows.len() > MAX_LOG_ROWS || log.rows.iter().any(wrong)
}

/// What is shown later must be an object then.
fn wrong_report(report: &Report) -> bool {
    let object = || {
        serde_json::from_str::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>(&report.packed.text()?).ok()
    };
    !matches!(report.object, Object::Asset(_)) || object().is_none()
}

/// Whether it can be the name of a field.
fn named(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_FIELD
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn wrong_samples(samples: &Samples) -> Option<&'static str> {
    if samples.kind.len() > MAX_FIELD {
        return Some("the name of its kind is too long");
    }
    if samples.rows.len() > MAX_SAMPLE_ROWS {
        return Some("it has too many rows");
    }
    let length = samples.to.millis().saturating_sub(samples.from.millis());
    if !(0..=MAX_WINDOW_MS).contains(&length) {
        return Some("its window ends before it begins, or is longer than a week");
    }
    for row in &samples.rows {
        let causes = row.causes.len() > MAX_NAMED || row.causes.keys().any(|cause| cause.len() > MAX_FIELD);
        if row.instance.len() > MAX_NAME || row.fields.len() > MAX_FIELDS || causes {
            return Some("a row is larger than allowed");
        }
        if !row.fields.keys().all(|name| named(name)) {
            return Some("a field name is not lower snake case");
        }
    }
    None
}

/// A samples record as the journal keeps it.
pub(super) fn pack(samples: &Samples) -> Vec<u8> {
    let json = serde_json::to_vec(samples).expect("samples have string keys only, so they always serialise");
    zstd::bulk::compress(&json, ZSTD_LEVEL).expect("zstd compresses any bytes in memory")
}
