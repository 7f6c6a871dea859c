//! Statistics over the last seconds of one series: a bounded ring of times and summaries. Measurements that
//! fall within 1/320 of the window are merged, so a window of any length costs the same.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::expr::Stat;
use crate::model::{Histogram, Mono, Summary};

/// Steps a window is cut into: its edge is then wrong by less than half a percent, and a window of five minutes
/// over one measurement a second, the commonest long one, needs no merging (a merged entry takes four times the memory).
pub const STEPS: u32 = 320;
/// Entries a ring can hold: its steps, one that is half gone, and one just begun.
const MAX_ENTRIES: usize = STEPS as usize + 2;

/// The last `span` of one series.
#[derive(Debug, Clone)]
pub struct Ring {
    span: Duration,
    percentiles: bool,
    entries: VecDeque<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// Nanoseconds since the origin.
    at: u64,
    points: Points,
}

/// Most entries are one number; boxing the rest keeps them at 24 bytes.
#[derive(Debug, Clone)]
enum Points {
    One(f64),
    Many(Box<Summary>),
}

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl Ring {
    /// An empty one. `percentiles`: whether `p50` or `p95` will be asked for.
    pub const fn new(span: Duration, percentiles: bool) -> Self {
        Self { span, percentiles, entries: VecDeque::new() }
    }

    /// Takes one measurement.
    pub fn push(&mut self, at: Mono, v: f64) {
        self.add(at, Points::One(v));
    }

    /// Takes the summary of several.
    pub fn push_summary(&mut self, at: Mono, summary: &Summary) {
        let points = if summary.n == 1 { Points::One(summary.last) } else { Points::Many(Box::new(summary.clone())) };
        self.add(at, points);
    }

    fn add(&mut self, at: Mono, points: Points) {
        let at = nanos(at.since_origin());
        let oldest = at.saturating_sub(nanos(self.span));
        while self.entries.front().is_some_and(|e| e.at <= oldest && at > oldest) {
            self.entries.pop_front();
        }
        let step = nanos(self.span / STEPS);
        match self.entries.back_mut() {
            Some(last) if at.saturating_sub(last.at) < step => last.merge(points, self.percentiles),
            _ => self.entries.push_back(Entry { at, points }),
        }
        while self.entries.len() > MAX_ENTRIES {
            self.entries.pop_front(); // only if time went backwards
        }
    }

    /// A statistic over what lies within the span before `now`. Nothing is `None`; only a count of nothing is 0.
    pub fn stat(&self, stat: Stat, now: Mono) -> Option<f64> {
        let now = nanos(now.since_origin());
        let oldest = now.checked_sub(nanos(self.span));
        let live = || self.entries.iter().filter(move |e| oldest.is_none_or(|oldest| e.at > oldest));
        let fold = |start: f64, f: fn(f64, &Entry) -> f64| live().fold(start, f);
        let count = fold(0.0, |n, e| n + e.n());
        if stat == Stat::Count {
            return Some(count);
        }
        if count == 0.0 {
            return None;
        }
        match stat {
            Stat::Count => Some(count),
            Stat::Mean => Some(fold(0.0, |sum, e| sum + e.sum()) / count),
            Stat::Min => Some(fold(f64::INFINITY, |min, e| min.min(e.min()))),
            Stat::Max => Some(fold(f64::NEG_INFINITY, |max, e| max.max(e.max()))),
            Stat::Delta => Some(live().next_back()?.last() - live().next()?.first()),
            Stat::P50 => quantile(live(), 0.50),
            Stat::P95 => quantile(live(), 0.95),
        }
    }

    /// Whether percentiles may be asked of it.
    pub const fn percentiles(&self) -> bool {
        self.percentiles
    }
}

impl Entry {
    fn n(&self) -> f64 {
        match &self.points {
            Points::One(_) => 1.0,
            Points::Many(s) => s.n as f64,
        }
    }
    fn sum(&self) -> f64 {
        match &self.points {
            Points::One(v) => *v,
            Points::Many(s) => s.sum,
        }
    }
    fn min(&self) -> f64 {
        match &self.points {
            Points::One(v) => *v,
            Points::Many(s) => s.min,
        }
    }
    fn max(&self) -> f64 {
        match &self.points {
            Points::One(v) => *v,
            Points::Many(s) => s.max,
        }
    }
    fn first(&self) -> f64 {
        match &self.points {
            Points::One(v) => *v,
            Points::Many(s) => s.first,
        }
    }
    fn last(&self) -> f64 {
        match &self.points {
            Points::One(v) => *v,
            Points::Many(s) => s.last,
        }
    }

    fn merge(&mut self, later: Points, percentiles: bool) {
        let mut all = self.points.summary(percentiles);
        all.merge(&later.summary(percentiles));
        self.points = Points::Many(Box::new(all));
    }
}

impl Points {
    fn summary(&self, percentiles: bool) -> Summary {
        let mut summary = match self {
            Self::One(v) => Summary::one(*v),
            Self::Many(s) => (**s).clone(),
        };
        if percentiles && summary.histogram.is_none() {
            let mut histogram = Histogram::default();
            self.spread(&mut histogram);
            summary.histogram = Some(Box::new(histogram));
        }
        summary
    }

    /// Adds its measurements; those whose distribution is lost all count as their mean.
    fn spread(&self, into: &mut Histogram) {
        match self {
            Self::One(v) => into.add(*v),
            Self::Many(s) => match &s.histogram {
                Some(h) => into.merge(h),
                None => into.add_times(s.mean(), s.n),
            },
        }
    }
}

/// Exact while all entries are single numbers, within 2 % otherwise.
fn quantile<'a>(live: impl Iterator<Item = &'a Entry> + Clone, q: f64) -> Option<f64> {
    let mut numbers = [0f64; MAX_ENTRIES];
    let mut n = 0;
    for entry in live.clone() {
        let Points::One(v) = entry.points else {
            let mut all = Histogram::default();
            live.for_each(|e| e.points.spread(&mut all));
            return all.quantile(q);
        };
        *numbers.get_mut(n)? = v;
        n += 1;
    }
    let numbers = numbers.get_mut(..n)?;
    let rank = ((q * n as f64).ceil().max(1.0) as usize).min(n).checked_sub(1)?;
    let (_, v, _) = numbers.select_nth_unstable_by(rank, f64::total_cmp);
    Some(*v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn s(seconds: f64) -> Mono {
        Mono::from_origin(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn each_statistic_sees_the_span_and_nothing_older() {
        let mut ring = Ring::new(Duration::from_secs(10), true);
        for t in 0..30 {
            ring.push(s(f64::from(t)), f64::from(t));
        }
        // (now, stat, expected); at 29 the window holds 20..=29
        let table = [
            (29.0, Stat::Mean, Some(24.5)),
            (29.0, Stat::Min, Some(20.0)),
            (29.0, Stat::Max, Some(29.0)),
            (29.0, Stat::P50, Some(24.0)),
            (29.0, Stat::P95, Some(29.0)),
            (29.0, Stat::Count, Some(10.0)),
            (29.0, Stat::Delta, Some(9.0)),
            (35.0, Stat::Min, Some(26.0)),
            (60.0, Stat::Mean, None),
            (60.0, Stat::Count, Some(0.0)),
        ];
        for (now, stat, expected) in table {
            assert_eq!(ring.stat(stat, s(now)), expected, "{stat:?} at {now}");
        }
    }

    #[test]
    fn a_window_just_begun_counts_from_its_first_measurement() {
        let mut ring = Ring::new(Duration::from_secs(60), false);
        ring.push(s(0.0), 1.0);
        assert_eq!(ring.stat(Stat::Mean, s(0.0)), Some(1.0));
    }

    proptest! {
        #[test]
        fn a_ring_stays_bounded_and_close_to_the_truth(
            values in prop::collection::vec((1u64..2_000, 0.001f64..1.0), 1..2_000),
        ) {
            let span = Duration::from_secs(300);
            let mut ring = Ring::new(span, true);
            let mut all = Vec::new();
            let mut now = 0;
            for (step, v) in values {
                now += step;
                let at = Mono::from_origin(Duration::from_millis(now));
                ring.push(at, v);
                all.push((now, v));
                prop_assert!(ring.entries.len() <= MAX_ENTRIES);
            }
            let at = Mono::from_origin(Duration::from_millis(now));
            let edge = |slack: u64| all.iter().filter(|(t, _)| t + 300_000 > now + slack).count() as f64;
            let count = ring.stat(Stat::Count, at).unwrap();
            prop_assert!(count <= edge(0) && count >= edge(1_300), "{} {} {}", count, edge(0), edge(1_300));
            prop_assert_eq!(ring.stat(Stat::Count, at.plus(span)), Some(0.0));
        }
    }
}
