//! An hour of one series as columns, each compressed by pco: starts and lengths of the windows, counts,
//! extremes, sums, first and newest values, and the histograms beside them. A column that equals the one
//! before it is left out, as with one measurement a window.

use std::borrow::Cow;

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

use super::types::StoreError;
use crate::model::Summary;
use crate::model::summary::Histogram;
use crate::model::wire::{SampleRow, Samples};

/// First byte of a chunk.
const FORMAT: u8 = 1;
/// Length that stands for "the same as the column before".
const SAME: u32 = u32::MAX;
/// zstd level of histograms.
const ZSTD_LEVEL: i32 = 3;
/// Most bytes of histograms in a chunk, unpacked.
const MAX_HISTOGRAMS: usize = 16 << 20;
/// Most points in a chunk: an hour of one window a millisecond would be more than any agent sends.
const MAX_POINTS: usize = 1 << 20;

/// One window of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) summary: Summary,
}

/// The names under which counts of runs and packets stand as series. One that is zero has no window.
const COUNTS: [&str; 9] = [
    "runs_ok",
    "runs_degraded",
    "runs_failed",
    "runs_invalid",
    "packets_sent",
    "packets_lost",
    "packets_late",
    "packets_duplicate",
    "packets_invalid",
];

/// All series of a row: its fields, and its counts that are not zero.
pub(super) fn series_of(row: &SampleRow) -> impl Iterator<Item = (&str, Cow<'_, Summary>)> {
    let fields = row.fields.iter().map(|(name, body)| (name.as_str(), Cow::Borrowed(&body.0)));
    let counts = row.runs.into_iter().chain(row.packets);
    let counts = COUNTS.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    fields.chain(counts.map(|(name, count)| (name, Cow::Owned(Summary::one(f64::from(count))))))
}

/// How many windows a record holds.
pub(super) fn points(samples: &Samples) -> usize {
    samples.rows.iter().map(|row| series_of(row).count()).sum()
}

fn failed(what: impl std::fmt::Display) -> StoreError {
    StoreError::Sql { what: "read a chunk of samples", detail: what.to_string() }
}

/// Packs windows that are in order of time.
pub(super) fn encode(windows: &[Window]) -> Result<Vec<u8>, StoreError> {
    let t0 = windows.first().map_or(0, |w| w.from);
    let mut out = vec![FORMAT];
    out.extend((windows.len() as u32).to_le_bytes());
    out.extend(t0.to_le_bytes());
    let config = ChunkConfig::default();
    let broken = |error: pco::errors::PcoError| StoreError::Sql { what: "pack samples", detail: error.to_string() };
    let mut add = |bytes: Vec<u8>| {
        out.extend((bytes.len() as u32).to_le_bytes());
        out.extend(bytes);
    };
    let starts: Vec<i64> = windows.iter().map(|w| w.from - t0).collect();
    add(simple_compress(&starts, &config).map_err(broken)?);
    let lengths: Vec<i64> = windows.iter().map(|w| w.to - w.from).collect();
    add(simple_compress(&lengths, &config).map_err(broken)?);
    let counts: Vec<u64> = windows.iter().map(|w| w.summary.n).collect();
    add(simple_compress(&counts, &config).map_err(broken)?);
    let columns: [fn(&Summary) -> f64; 5] = [|s| s.min, |s| s.max, |s| s.sum, |s| s.first, |s| s.last];
    let mut before: Vec<f64> = Vec::new();
    for column in columns {
        let values: Vec<f64> = windows.iter().map(|w| column(&w.summary)).collect();
        if values == before {
            out.extend(SAME.to_le_bytes());
        } else {
            let bytes = simple_compress(&values, &config).map_err(broken)?;
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend(bytes);
            before = values;
        }
    }
    if windows.iter().any(|w| w.summary.histogram.is_some()) {
        type Buckets = Vec<(i32, u64)>;
        let all: Vec<Option<Buckets>> =
            windows.iter().map(|w| w.summary.histogram.as_ref().map(|h| h.buckets().collect())).collect();
        let json = serde_json::to_vec(&all).map_err(failed)?;
        out.extend(zstd::bulk::compress(&json, ZSTD_LEVEL).map_err(failed)?);
    }
    Ok(out)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], StoreError> {
        let (head, tail) = self.0.split_at_checked(n).ok_or_else(|| failed("it ends early"))?;
        self.0 = tail;
        Ok(head)
    }
    fn number(&mut self) -> Result<u32, StoreError> {
        let bytes = self.take(4)?;
        bytes.try_into().map(u32::from_le_bytes).map_err(failed)
    }
    /// A column; nothing if it is the same as the one before.
    fn column<T: pco::data_types::Number>(&mut self, n: usize) -> Result<Option<Vec<T>>, StoreError> {
        let length = self.number()?;
        if length == SAME {
            return Ok(None);
        }
        let values: Vec<T> = simple_decompress(self.take(length as usize)?).map_err(failed)?;
        if values.len() == n { Ok(Some(values)) } else { Err(failed("a column has another length than the others")) }
    }
}

/// Unpacks windows.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Window>, StoreError> {
    let mut bytes = Bytes(bytes);
    if bytes.take(1)? != [FORMAT] {
        return Err(failed("it is of a newer format"));
    }
    let n = bytes.number()? as usize;
    if n > MAX_POINTS {
        return Err(failed("it claims too many points"));
    }
    let t0 = bytes.take(8)?.try_into().map(i64::from_le_bytes).map_err(failed)?;
    let missing = || failed("a column is missing");
    let starts: Vec<i64> = bytes.column(n)?.ok_or_else(missing)?;
    let lengths: Vec<i64> = bytes.column(n)?.ok_or_else(missing)?;
    let counts: Vec<u64> = bytes.column(n)?.ok_or_else(missing)?;
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(5);
    for _ in 0..5 {
        let column = match bytes.column(n)? {
            Some(column) => column,
            None => columns.last().cloned().ok_or_else(missing)?,
        };
        columns.push(column);
    }
    let mut histograms: Vec<Option<Vec<(i32, u64)>>> = if bytes.0.is_empty() {
        vec![None; n]
    } else {
        let json = zstd::bulk::decompress(bytes.0, MAX_HISTOGRAMS).map_err(failed)?;
        serde_json::from_slice(&json).map_err(failed)?
    };
    histograms.resize(n, None);
    let mut columns = columns.into_iter().map(Vec::into_iter);
    let mut next = || columns.next().ok_or_else(missing);
    let (min, max, sum, first, last) = (next()?, next()?, next()?, next()?, next()?);
    let values = min.zip(max).zip(sum).zip(first.zip(last)).zip(histograms);
    let times = starts.into_iter().zip(lengths).zip(counts);
    Ok(times
        .zip(values)
        .map(|(((start, length), n), ((((min, max), sum), (first, last)), buckets))| {
            let histogram = buckets.map(|buckets| {
                let mut histogram = Histogram::default();
                for (bucket, n) in buckets {
                    histogram.add_bucket(bucket, n);
                }
                Box::new(histogram)
            });
            let from = t0.saturating_add(start);
            Window {
                from,
                to: from.saturating_add(length),
                summary: Summary { n, min, max, sum, first, last, histogram },
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn windows(values: &[Vec<f64>]) -> Vec<Window> {
        values
            .iter()
            .enumerate()
            .filter_map(|(at, values)| {
                let mut summary = Summary::many(values)?;
                if values.len() < 3 {
                    summary.histogram = None;
                }
                let from = 1_700_000_000_000 + at as i64 * 10_000;
                Some(Window { from, to: from + 10_000, summary })
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_chunk_reads_back_as_it_was(values in prop::collection::vec(prop::collection::vec(-1e9f64..1e9, 1..5), 1..50)) {
            let windows = windows(&values);
            prop_assert_eq!(decode(&encode(&windows).unwrap()).unwrap(), windows);
        }

        #[test]
        fn a_damaged_chunk_is_an_error_and_never_a_panic(at in 0usize..200, flip in 1u8..=255, cut in 0usize..200) {
            let windows = windows(&[vec![1.0, 2.0, 3.0], vec![4.0], vec![5.0, 6.0]]);
            let mut bytes = encode(&windows).unwrap();
            bytes.truncate(bytes.len().saturating_sub(cut % bytes.len()));
            let length = bytes.len();
            if let Some(byte) = bytes.get_mut(at % length.max(1)) {
                *byte ^= flip;
            }
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn an_hour_of_steady_values_takes_few_bytes() {
        let values: Vec<Vec<f64>> = (0..360).map(|at| vec![0.012 + f64::from(at % 7) * 0.001]).collect();
        let size = encode(&windows(&values)).unwrap().len();
        assert!(size < 1_000, "{size} bytes for 360 windows");
    }
}
