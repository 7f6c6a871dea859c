//! The console's side of the batch rule, pure: what to do with a batch, given the watermark of its
//! (agent, stream, epoch). The watermark is the last sequence committed; 0 before the first batch.
//!
//! Every record is taken once and in order. A batch that begins behind the watermark is taken from the
//! record after it; one that begins ahead is refused with the sequence that is due. Within a batch,
//! records are consecutive, and a `gap` record stands for all sequences from its `from` to its own.

use crate::model::wire::{Batch, Envelope, Gap, MAX_BATCH_RECORDS, WIRE_VERSION};

/// Longest epoch, in bytes: a UUID has 36.
const MAX_EPOCH: usize = 64;
/// The last sequence: tables keep them as signed numbers.
const MAX_SEQ: u64 = i64::MAX as u64 - 1;

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Take it without its first `skip` records; the watermark becomes `last_seq`.
    Accept {
        /// Records that were committed before.
        skip: usize,
    },
    /// All of it was committed before: answer 200 with the watermark.
    Duplicate,
    /// Answer 409 with `expected`: this sequence is due.
    Expect(u64),
    /// Answer 400: it contradicts itself, so it can be neither taken nor skipped.
    Malformed(&'static str),
}

/// Judges a batch.
pub fn judge(watermark: u64, batch: &Batch) -> Verdict {
    if let Err(why) = check(batch) {
        return Verdict::Malformed(why);
    }
    let due = watermark.saturating_add(1);
    if batch.last_seq <= watermark {
        return Verdict::Duplicate;
    }
    if batch.first_seq > due {
        return Verdict::Expect(due);
    }
    Verdict::Accept { skip: batch.records.iter().take_while(|record| record.seq <= watermark).count() }
}

/// The first sequence a record covers: its own, or a gap's `from`.
pub fn first_of(record: &Envelope) -> u64 {
    if record.kind != "gap" {
        return record.seq;
    }
    match serde_json::from_value::<Gap>(record.body.clone()) {
        Ok(gap) if gap.to == record.seq && gap.from <= gap.to => gap.from,
        _ => record.seq,
    }
}

fn check(batch: &Batch) -> Result<(), &'static str> {
    if batch.v != WIRE_VERSION {
        return Err("unknown envelope version");
    }
    if batch.records.is_empty() || batch.records.len() > MAX_BATCH_RECORDS {
        return Err("a batch has 1 to 1,000 records");
    }
    if batch.epoch.is_empty() || batch.epoch.len() > MAX_EPOCH {
        return Err("an epoch is 1 to 64 bytes");
    }
    if batch.first_seq == 0 || batch.last_seq > MAX_SEQ {
        return Err("sequences are 1 to 2^63 - 2");
    }
    let mut due = batch.first_seq;
    for record in &batch.records {
        if first_of(record) != due || record.seq < due || record.seq > batch.last_seq {
            return Err("the records are not consecutive");
        }
        due = record.seq + 1; // not over last_seq + 1, which fits
    }
    if due != batch.last_seq + 1 {
        return Err("the records do not end at last_seq");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Wall;
    use crate::model::wire::Stream;

    /// `1 2 5g3` is records 1 and 2 and a gap from 3 to 5.
    fn batch(first: u64, last: u64, records: &str) -> Batch {
        let records = records.split_whitespace().map(|word| match word.split_once('g') {
            None => envelope(word.parse().unwrap(), "alert", serde_json::json!({})),
            Some((seq, from)) => {
                let (seq, from): (u64, u64) = (seq.parse().unwrap(), from.parse().unwrap());
                envelope(seq, "gap", serde_json::json!({"from": from, "to": seq, "cause": "cap_age"}))
            }
        });
        Batch {
            v: WIRE_VERSION,
            stream: Stream::Event,
            epoch: "e".into(),
            first_seq: first,
            last_seq: last,
            sent_at: Wall::default(),
            records: records.collect(),
        }
    }

    fn envelope(seq: u64, kind: &str, body: serde_json::Value) -> Envelope {
        Envelope { seq, at: Wall::default(), kind: kind.to_owned(), body }
    }

    #[test]
    fn every_batch_is_taken_in_part_skipped_or_told_what_is_due() {
        use Verdict::*;
        for (watermark, first, last, records, expected) in [
            (0, 1, 3, "1 2 3", Accept { skip: 0 }),
            (3, 1, 3, "1 2 3", Duplicate),
            (9, 1, 3, "1 2 3", Duplicate),
            (2, 1, 3, "1 2 3", Accept { skip: 2 }),
            (0, 2, 3, "2 3", Expect(1)),
            (5, 8, 8, "8", Expect(6)),
            (0, 1, 6, "1 2 5g3 6", Accept { skip: 0 }),
            (4, 1, 6, "1 2 5g3 6", Accept { skip: 2 }), // the gap goes on beyond the watermark: taken again
            (5, 1, 6, "1 2 5g3 6", Accept { skip: 3 }),
            (0, 1, 9, "9g1", Accept { skip: 0 }),
        ] {
            assert_eq!(judge(watermark, &batch(first, last, records)), expected, "{watermark}: {records}");
        }
    }

    #[test]
    fn a_batch_that_contradicts_itself_is_malformed() {
        for (first, last, records) in [
            (1, 3, "1 3"),
            (1, 3, "1 2"),
            (1, 2, "1 2 3"),
            (1, 2, "2 1"),
            (1, 1, ""),
            (0, 0, "0"),
            (1, 6, "1 5g3 6"),
            (1, 2, "1 1 2"),
        ] {
            let verdict = judge(0, &batch(first, last, records));
            assert!(matches!(verdict, Verdict::Malformed(_)), "{records}: {verdict:?}");
        }
        let mut newer = batch(1, 1, "1");
        newer.v = 99;
        assert!(matches!(judge(0, &newer), Verdict::Malformed(_)));
    }
}
