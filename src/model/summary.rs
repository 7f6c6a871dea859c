//! Mergeable summaries: what leaves the agent is one of these a series and window.
//! The histogram is log-linear (32 sub-buckets an octave, HDR's layout), so merging is exact and a
//! percentile is off by at most 1/64 of its value.

use std::collections::BTreeMap;

/// Sub-buckets an octave: 32 bounds the error of a bucket's middle at 1.6 %.
const SUB: f64 = 32.0;
/// The most buckets a histogram keeps; 2,048 span 64 octaves, more than any duration has.
pub const MAX_BUCKETS: usize = 2048;

/// Counts by logarithmic bucket; values at or below zero stand in one bucket of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    buckets: BTreeMap<i32, u64>,
}

/// The bucket of values that are not positive.
const ZERO: i32 = i32::MIN;

fn bucket(v: f64) -> i32 {
    if v <= 0.0 || !v.is_finite() {
        return ZERO;
    }
    // An f64 is its exponent (11 bits, 1023 for 1.0) before its fraction, whose first five bits number the 32 parts.
    let octaves = (v.to_bits() >> 47) as i32 - (1023 << 5);
    octaves.clamp(-512 << 5, (512 << 5) - 1)
}

fn middle(bucket: i32) -> f64 {
    if bucket == ZERO {
        return 0.0;
    }
    let exponent = bucket.div_euclid(SUB as i32);
    let within = f64::from(bucket.rem_euclid(SUB as i32));
    f64::from(exponent).exp2() * (1.0 + (within + 0.5) / SUB)
}

impl Histogram {
    /// Adds one measurement.
    pub fn add(&mut self, v: f64) {
        self.add_bucket(bucket(v), 1);
    }

    /// Adds the same measurement `n` times.
    pub fn add_times(&mut self, v: f64, n: u64) {
        self.add_bucket(bucket(v), n);
    }

    /// Adds `n` to a bucket by number (as read from the wire); beyond `MAX_BUCKETS` the nearest takes it.
    pub fn add_bucket(&mut self, bucket: i32, n: u64) {
        let full = self.buckets.len() >= MAX_BUCKETS && !self.buckets.contains_key(&bucket);
        let at = if full {
            self.buckets.range(..bucket).next_back().or(self.buckets.iter().next()).map_or(bucket, |(b, _)| *b)
        } else {
            bucket
        };
        let count = self.buckets.entry(at).or_default();
        *count = count.saturating_add(n);
    }

    /// Adds another histogram; exact.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, n) in &other.buckets {
            self.add_bucket(*bucket, *n);
        }
    }

    /// How many measurements.
    pub fn count(&self) -> u64 {
        self.buckets.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The `q` quantile, 0 to 1; nothing if it is empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0u64;
        for (bucket, n) in &self.buckets {
            seen = seen.saturating_add(*n);
            if seen >= rank {
                return Some(middle(*bucket));
            }
        }
        None
    }

    /// Bucket numbers and counts, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        self.buckets.iter().map(|(b, n)| (*b, *n))
    }
}

/// Count, extremes, sum and last value of a series over a window; with a histogram where the field has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How many measurements; at least 1.
    pub n: u64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Sum, for the mean.
    pub sum: f64,
    /// First, for `delta` of counters.
    pub first: f64,
    /// Newest.
    pub last: f64,
    /// Distribution, for fields of type histogram.
    pub histogram: Option<Box<Histogram>>,
}

impl Summary {
    /// Of one measurement.
    pub const fn one(v: f64) -> Self {
        Self { n: 1, min: v, max: v, sum: v, first: v, last: v, histogram: None }
    }

    /// Of several, with their distribution; nothing if there are none.
    pub fn many(values: &[f64]) -> Option<Self> {
        let (first, rest) = values.split_first()?;
        let mut all = Self::one(*first);
        let mut histogram = Histogram::default();
        histogram.add(*first);
        for v in rest {
            all.merge(&Self::one(*v));
            histogram.add(*v);
        }
        all.histogram = Some(Box::new(histogram));
        Some(all)
    }

    /// Adds a later summary.
    pub fn merge(&mut self, later: &Self) {
        self.n = self.n.saturating_add(later.n);
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.sum += later.sum;
        self.last = later.last;
        match (&mut self.histogram, &later.histogram) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, Some(theirs)) => self.histogram = Some(theirs.clone()),
            (_, None) => {}
        }
    }

    /// Arithmetic mean.
    pub fn mean(&self) -> f64 {
        self.sum / self.n as f64
    }

    /// Last minus first.
    pub fn delta(&self) -> f64 {
        self.last - self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_are_the_parts_of_octaves_and_stay_where_stored_ones_are() {
        for (v, wanted) in [
            (1.0, 0),
            (1.03, 0),
            (1.04, 1),
            (1.999, 31),
            (2.0, 32),
            (0.5, -32),
            (0.000_25, -384),
            (3600.0, 376),
            (1e-320, -512 * 32),
            (1e300, 511 * 32 + 31),
            (0.0, ZERO),
            (-1.0, ZERO),
            (f64::NAN, ZERO),
        ] {
            assert_eq!(bucket(v), wanted, "{v}");
        }
    }

    proptest! {
        #[test]
        fn merging_equals_adding_all(a in prop::collection::vec(1e-6f64..1e3, 1..50), b in prop::collection::vec(1e-6f64..1e3, 1..50)) {
            let mut merged = Summary::many(&a).unwrap();
            merged.merge(&Summary::many(&b).unwrap());
            let all = Summary::many(&[a, b].concat()).unwrap();
            prop_assert_eq!(merged.n, all.n);
            prop_assert_eq!(merged.histogram, all.histogram);
            prop_assert!((merged.sum - all.sum).abs() < 1e-6);
        }

        #[test]
        fn a_quantile_is_within_two_percent(mut v in prop::collection::vec(1e-6f64..1e3, 1..200), q in 0.0f64..1.0) {
            let h = Summary::many(&v).unwrap().histogram.unwrap();
            v.sort_by(f64::total_cmp);
            let rank = ((q * v.len() as f64).ceil().max(1.0) as usize) - 1;
            let got = h.quantile(q).unwrap();
            prop_assert!((got / v[rank] - 1.0).abs() < 0.02, "{} for {}", got, v[rank]);
        }
    }
}
