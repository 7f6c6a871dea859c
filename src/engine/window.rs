//! Statistics over the last seconds of one series: a bounded ring of times and summaries. Measurements that
//! fall within 1/320 of the window are merged, so a window of any length costs the same.
//!
//! Hundreds of thousands of optical modules have a window of a day each. Of one that is long, and of which nothing is asked but
//! what can be made of parts (greatest, smallest, mean, count), whole parts of the day are kept instead (`buckets`).

mod buckets;

use std::collections::VecDeque;
use std::time::Duration;

use self::buckets::Buckets;

use crate::config::expr::Stat;
use crate::model::{Histogram, Mono, Summary};

/// Steps a window is cut into: its edge is then wrong by less than half a percent, and a window of five minutes
/// over one measurement a second, the commonest long one, needs no merging (a merged entry takes four times the memory).
pub const STEPS: u32 = 320;
/// Entries a ring can hold: its steps, one that is half gone, and one just begun.
const MAX_ENTRIES: usize = STEPS as usize + 2;

/// What is asked of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked(u8);

impl Asked {
    /// These.
    pub fn of(stats: &[Stat]) -> Self {
        Self(stats.iter().fold(0, |all, stat| all | 1 << *stat as u8))
    }
    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Something, and nothing but these.
    fn only(self, stats: &[Stat]) -> bool {
        self.0 != 0 && self.0 & !Self::of(stats).0 == 0
    }
    fn any(self, stats: &[Stat]) -> bool {
        self.0 & Self::of(stats).0 != 0
    }
}

/// The last `span` of one series.
#[derive(Debug, Clone)]
pub struct Ring {
    span: Duration,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    /// Every measurement, or nearly so.
    Each(Each),
    Parts(Buckets),
}

/// Measurements with their times.
#[derive(Debug, Clone)]
struct Each {
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
    /// An empty one, of which these will be asked.
    pub fn new(span: Duration, asked: Asked) -> Self {
        let percentiles = asked.any(&[Stat::P50, Stat::P95]);
        let kept = match Buckets::for_long(span, asked) {
            Some(buckets) => Kept::Parts(buckets),
            None => Kept::Each(Each { percentiles, entries: VecDeque::new() }),
        };
        Self { span, kept }
    }

    /// Takes one measurement.
    pub fn push(&mut self, at: Mono, v: f64) {
        let at = nanos(at.since_origin());
        match &mut self.kept {
            Kept::Each(each) => each.add(at, nanos(self.span), Points::One(v)),
            Kept::Parts(buckets) => buckets.add(at, nanos(self.span), 1, v, v, v),
        }
    }

    /// Takes the summary of several.
    pub fn push_summary(&mut self, at: Mono, summary: &Summary) {
        let at = nanos(at.since_origin());
        match &mut self.kept {
            Kept::Each(each) => {
                let one = summary.n == 1;
                let points = if one { Points::One(summary.last) } else { Points::Many(Box::new(summary.clone())) };
                each.add(at, nanos(self.span), points);
            }
            Kept::Parts(buckets) => {
                let n = u32::try_from(summary.n).unwrap_or(u32::MAX);
                buckets.add(at, nanos(self.span), n, summary.sum, summary.min, summary.max);
            }
        }
    }

    /// A statistic over what lies within the span before `now`, of those that the ring is for. Nothing is `None`; only a count
    /// of nothing is 0.
    pub fn stat(&self, stat: Stat, now: Mono) -> Option<f64> {
        let now = nanos(now.since_origin());
        let oldest = now.checked_sub(nanos(self.span));
        match &self.kept {
            Kept::Each(each) => each.stat(stat, oldest),
            Kept::Parts(buckets) => buckets.stat(stat, oldest, nanos(self.span)),
        }
    }

    /// Whether one may go on where the other was.
    pub const fn is_like(&self, other: &Self) -> bool {
        match (&self.kept, &other.kept) {
            (Kept::Each(a), Kept::Each(b)) => a.percentiles == b.percentiles,
            (Kept::Parts(a), Kept::Parts(b)) => a.is_like(b),
            _ => false,
        }
    }

    /// Bytes that it holds beside itself.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        match &self.kept {
            Kept::Each(each) => {
                let boxed = each.entries.iter().filter(|e| matches!(e.points, Points::Many(_))).count();
                each.entries.capacity() * size_of::<Entry>() + boxed * size_of::<Summary>()
            }
            Kept::Parts(buckets) => buckets.bytes(),
        }
    }
}

impl Each {
    fn add(&mut self, at: u64, span: u64, points: Points) {
        let oldest = at.saturating_sub(span);
        while self.entries.front().is_some_and(|e| e.at <= oldest && at > oldest) {
            self.entries.pop_front();
        }
        let step = span / u64::from(STEPS);
        match self.entries.back_mut() {
            Some(last) if at.saturating_sub(last.at) < step => last.merge(points, self.percentiles),
            _ => self.entries.push_back(Entry { at, points }),
        }
        while self.entries.len() > MAX_ENTRIES {
            self.entries.pop_front(); // only if time went backwards
        }
    }

    fn stat(&self, stat: Stat, oldest: Option<u64>) -> Option<f64> {
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
mod tests;
