//! From envelopes to items, before the writer sees them: what can be said about a record without the tables.

use crate::model::id::MAX_NAME;
use crate::model::wire::{Batch, Envelope, Gap, MAX_SAMPLE_ROWS, Record, Samples, Stream};
use crate::model::{Alert, Wall};

/// zstd level of journal rows: 3 is the knee of its curve for JSON.
const ZSTD_LEVEL: i32 = 3;
/// Longest field name, in bytes; ours have 30 at most.
const MAX_FIELD: usize = 64;
/// Most fields in a row of samples; the largest SNMP profile has 40.
const MAX_FIELDS: usize = 256;
/// Most pieces of evidence in an alert.
const MAX_EVIDENCE: usize = 16;
/// Longest window of a samples record, in milliseconds.
const MAX_WINDOW_MS: i64 = 3_600_000;

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
    /// Anything else.
    Event(Record),
}

impl Item {
    /// Its body, for the table of what is put aside.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Malformed { body, .. } | Self::Unknown { body } => body.clone(),
            Self::Gap(gap) => Record::Gap(gap.clone()).body().to_string(),
            Self::Samples(samples) => Record::Samples(samples.clone()).body().to_string(),
            Self::Event(record) => record.body().to_string(),
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
        Ok(Some(Record::Gap(gap))) => Item::Gap(gap),
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
        Ok(Some(record)) => Item::Event(record),
    }
}

fn wrong_alert(alert: &Alert) -> bool {
    alert.key.instance.len() > MAX_NAME || alert.evidence.len() > MAX_EVIDENCE
}

fn wrong_samples(samples: &Samples) -> Option<&'static str> {
    if samples.rows.len() > MAX_SAMPLE_ROWS {
        return Some("it has too many rows");
    }
    let length = samples.to.millis().saturating_sub(samples.from.millis());
    if !(0..=MAX_WINDOW_MS).contains(&length) {
        return Some("its window ends before it begins, or is longer than an hour");
    }
    for row in &samples.rows {
        if row.instance.len() > MAX_NAME || row.fields.len() > MAX_FIELDS {
            return Some("a row is larger than allowed");
        }
        let fine = |name: &str| {
            !name.is_empty()
                && name.len() <= MAX_FIELD
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !row.fields.keys().all(|name| fine(name)) {
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
