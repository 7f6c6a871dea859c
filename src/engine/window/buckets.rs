//! A long window in parts of equal length. Its edge is that of a part: what is younger than the window always counts, what is
//! older may count up to a 24th of the window longer. Values are exact.

use std::time::Duration;

use super::Asked;
use crate::config::expr::Stat;

/// Windows at least so long are kept in parts.
const LONG: Duration = Duration::from_secs(3600);
/// Parts of a window: of a day, its hours.
const PARTS: u64 = 24;
/// Parts held: those of the window, the one that is half gone and the one just begun.
#[cfg(test)]
pub(super) const MAX: usize = PARTS as usize + 2;

/// The parts of a window in which something was measured.
#[derive(Debug, Clone)]
pub(super) enum Buckets {
    /// Only the greatest is asked for.
    Greatest(Vec<Peak>),
    /// Only the smallest is.
    Smallest(Vec<Peak>),
    /// Several of greatest, smallest, mean and count.
    Sums(Vec<Part>),
}

/// The extreme of a part; the extremes of later ones are all less so, else this one would never be asked for again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peak {
    /// Which part, counted from the origin of time.
    slot: u32,
    value: f64,
}

/// What was measured in a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    slot: u32,
    n: u32,
    sum: f64,
    min: f64,
    max: f64,
}

fn width(span: u64) -> u64 {
    (span / PARTS).max(1)
}

fn slot(at: u64, span: u64) -> u32 {
    u32::try_from(at / width(span)).unwrap_or(u32::MAX)
}

/// Whether something in the part may be younger than `oldest`.
fn lives(slot: u32, oldest: Option<u64>, span: u64) -> bool {
    oldest.is_none_or(|oldest| (u64::from(slot) + 1).saturating_mul(width(span)) > oldest)
}

/// Appends without room for more: it is one of hundreds of thousands.
fn append<T>(all: &mut Vec<T>, one: T) {
    if all.len() == all.capacity() {
        all.reserve_exact(1);
    }
    all.push(one);
}

impl Buckets {
    /// Empty ones, if the window is long and all that is asked can be made of parts.
    pub(super) fn for_long(span: Duration, asked: Asked) -> Option<Self> {
        if span < LONG {
            return None;
        }
        if asked.only(&[Stat::Max]) {
            Some(Self::Greatest(Vec::new()))
        } else if asked.only(&[Stat::Min]) {
            Some(Self::Smallest(Vec::new()))
        } else {
            let sums = asked.only(&[Stat::Mean, Stat::Min, Stat::Max, Stat::Count]);
            sums.then(|| Self::Sums(Vec::new()))
        }
    }

    /// Takes what was measured at a time, nanoseconds since the origin.
    pub(super) fn add(&mut self, at: u64, span: u64, n: u32, sum: f64, min: f64, max: f64) {
        let (now, oldest) = (slot(at, span), Some(at.saturating_sub(span)));
        match self {
            Self::Greatest(peaks) => peak(peaks, now, oldest, span, max, |old, new| old <= new),
            Self::Smallest(peaks) => peak(peaks, now, oldest, span, min, |old, new| old >= new),
            Self::Sums(parts) => {
                parts.retain(|part| lives(part.slot, oldest, span));
                match parts.last_mut().filter(|part| part.slot >= now) {
                    Some(part) => {
                        part.n = part.n.saturating_add(n);
                        (part.sum, part.min, part.max) = (part.sum + sum, part.min.min(min), part.max.max(max));
                    }
                    None => append(parts, Part { slot: now, n, sum, min, max }),
                }
            }
        }
    }

    /// A statistic over the parts of which something may be younger than `oldest`.
    pub(super) fn stat(&self, stat: Stat, oldest: Option<u64>, span: u64) -> Option<f64> {
        let parts = match self {
            Self::Greatest(peaks) | Self::Smallest(peaks) => {
                let asked = matches!((self, stat), (Self::Greatest(_), Stat::Max) | (Self::Smallest(_), Stat::Min));
                return peaks.iter().find(|peak| asked && lives(peak.slot, oldest, span)).map(|peak| peak.value);
            }
            Self::Sums(parts) => parts,
        };
        let live = || parts.iter().filter(|part| lives(part.slot, oldest, span));
        let count = live().map(|part| f64::from(part.n)).sum::<f64>();
        match stat {
            Stat::Count => Some(count),
            Stat::Mean => (count > 0.0).then(|| live().map(|part| part.sum).sum::<f64>() / count),
            Stat::Min => live().map(|part| part.min).reduce(f64::min),
            Stat::Max => live().map(|part| part.max).reduce(f64::max),
            Stat::P50 | Stat::P95 | Stat::Delta => None,
        }
    }

    /// Whether both keep the same.
    pub(super) const fn is_like(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Greatest(_), Self::Greatest(_))
                | (Self::Smallest(_), Self::Smallest(_))
                | (Self::Sums(_), Self::Sums(_))
        )
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Greatest(peaks) | Self::Smallest(peaks) => peaks.len(),
            Self::Sums(parts) => parts.len(),
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Greatest(peaks) | Self::Smallest(peaks) => peaks.capacity() * size_of::<Peak>(),
            Self::Sums(parts) => parts.capacity() * size_of::<Part>(),
        }
    }
}

/// Takes a value into peaks that are each more extreme than those after them.
fn peak(
    peaks: &mut Vec<Peak>,
    slot: u32,
    oldest: Option<u64>,
    span: u64,
    value: f64,
    passes: impl Fn(f64, f64) -> bool,
) {
    peaks.retain(|peak| lives(peak.slot, oldest, span));
    // Time that went backwards counts as now.
    let slot = peaks.last().map_or(slot, |last| last.slot.max(slot));
    while peaks.pop_if(|last| passes(last.value, value)).is_some() {}
    if peaks.last().is_none_or(|last| last.slot < slot) {
        append(peaks, Peak { slot, value });
    }
}
