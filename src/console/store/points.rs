//! Points of series for charts: windows of whatever width, merged into at most so many steps. A step over roll-ups is
//! a whole number of their windows and begins where one of them does, so that no window is cut.

use std::collections::BTreeMap;

use super::chunk::Window;
use super::days::Layout;
use super::roll::{self, DAY, FIVE_MINUTES, HOUR, Sources};
use super::types::{Point, Quantiles, SeriesKey, Smoke, StoreError};
use crate::engine::witness;
use crate::model::summary::Histogram;
use crate::model::{Summary, Wall};

/// Points in one answer.
const MAX_POINTS: usize = 10_000;

/// Steps of equal width between two times.
#[derive(Debug, Clone, Copy)]
struct Steps {
    from: i64,
    to: i64,
    /// Where the first step begins, at `from` or a little before.
    origin: i64,
    width: i64,
}

impl Steps {
    fn new(layout: &Layout, from: Wall, to: Wall, most: usize) -> Result<Self, StoreError> {
        if from >= to {
            return Err(StoreError::Request(format!(
                "{from} is not before {to}; give a range from earlier to later"
            )));
        }
        let most = i64::try_from(most.clamp(1, MAX_POINTS)).unwrap_or(1);
        let whole = |span: i64, step: i64| span / step + i64::from(span % step != 0);
        let begins = layout.begins(layout.day(from)).millis();
        let (from, to) = (from.millis(), to.millis());
        let width = whole(to.saturating_sub(from), most).max(1);
        // Roll-ups are merged whole.
        let (origin, width) = match width {
            width if width < FIVE_MINUTES => (from, width),
            width if width < HOUR => {
                (from.div_euclid(FIVE_MINUTES) * FIVE_MINUTES, whole(width, FIVE_MINUTES) * FIVE_MINUTES)
            }
            width if whole(width, HOUR) * HOUR < DAY => (from.div_euclid(HOUR) * HOUR, whole(width, HOUR) * HOUR),
            width => (begins, whole(width, DAY) * DAY),
        };
        Ok(Self { from, to, origin, width })
    }

    /// The step of a time. A day of 23 or 25 hours is a day.
    fn at(&self, layout: &Layout, time: i64) -> i64 {
        if self.width < DAY {
            return time.saturating_sub(self.origin).div_euclid(self.width);
        }
        let begins = layout.begins(layout.day(Wall::from_millis(time))).millis();
        (begins.saturating_sub(self.origin) + DAY / 2).div_euclid(DAY).div_euclid(self.width / DAY)
    }
}

/// Windows of a step, merged.
struct Merged {
    first_at: i64,
    last_at: i64,
    summary: Summary,
}

type Points = BTreeMap<i64, Merged>;

fn add(points: &mut Points, slot: i64, window: &Window) {
    let s = &window.summary;
    match points.entry(slot) {
        std::collections::btree_map::Entry::Vacant(free) => {
            free.insert(Merged { first_at: window.from, last_at: window.from, summary: s.clone() });
        }
        std::collections::btree_map::Entry::Occupied(mut held) => {
            let held = held.get_mut();
            let last = if window.from >= held.last_at { s.last } else { held.summary.last };
            held.summary.merge(s);
            held.summary.last = last;
            held.first_at = held.first_at.min(window.from);
            held.last_at = held.last_at.max(window.from);
        }
    }
}

/// Quantiles of what a summary holds, never beyond its extremes.
pub(super) fn quantiles(summary: &Summary) -> Option<Quantiles> {
    let histogram: &Histogram = summary.histogram.as_ref()?;
    let at = |q: f64| Some(histogram.quantile(q)?.clamp(summary.min, summary.max));
    Some(Quantiles { p5: at(0.05)?, p25: at(0.25)?, p50: at(0.5)?, p75: at(0.75)?, p95: at(0.95)?, p99: at(0.99)? })
}

impl Merged {
    fn point(&self) -> Point {
        let s = &self.summary;
        Point {
            t: Wall::from_millis(self.first_at),
            n: s.n,
            min: s.min,
            max: s.max,
            mean: s.mean(),
            last: s.last,
            quantiles: quantiles(s),
        }
    }
}

/// See `Store::series`.
pub(super) fn read(
    layout: &Layout,
    key: &SeriesKey,
    from: Wall,
    to: Wall,
    max_points: usize,
) -> Result<Vec<Point>, StoreError> {
    let steps = Steps::new(layout, from, to, max_points)?;
    let mut points = Points::new();
    roll::windows(layout, key, &[&key.field], (steps.from, steps.to), steps.width, Sources::All, |_, window| {
        add(&mut points, steps.at(layout, window.from), window);
    })?;
    Ok(points.values().map(Merged::point).collect())
}

/// See `Store::smoke`.
pub(super) fn smoke(
    layout: &Layout,
    key: &SeriesKey,
    from: Wall,
    to: Wall,
    max_points: usize,
) -> Result<Vec<Smoke>, StoreError> {
    let steps = Steps::new(layout, from, to, max_points)?;
    let fields = [key.field.as_str(), "packets_sent", "packets_lost", "runs_ok", "runs_degraded", "runs_failed"];
    // By how well they say whether the object is there; last what says nothing of it, for who asks for that.
    let mut by_rank: BTreeMap<u8, [Points; 6]> = BTreeMap::new();
    roll::windows(layout, key, &fields, (steps.from, steps.to), steps.width, Sources::All, |of, window| {
        let all = by_rank.entry(witness::rank(&key.object, &of.kind).unwrap_or(u8::MAX)).or_default();
        if let Some((_, points)) = fields.iter().zip(all).find(|(field, _)| ***field == *of.field) {
            add(points, steps.at(layout, window.from), window);
        }
    })?;
    let best = by_rank.into_iter().min_by_key(|(rank, [values, ..])| (values.is_empty(), *rank));
    let all = best.map(|(_, all)| all).unwrap_or_default();
    let [values, sent, lost, ok, degraded, failed] = &all;
    let count = |points: &Points, slot: i64| points.get(&slot).map_or(0, |merged| merged.summary.sum.max(0.0) as u64);
    let mut slots: Vec<i64> = all.iter().flat_map(|points| points.keys().copied()).collect();
    slots.sort_unstable();
    slots.dedup();
    Ok(slots
        .into_iter()
        .map(|slot| Smoke {
            from: Wall::from_millis((steps.origin + slot * steps.width).max(steps.from)),
            to: Wall::from_millis((steps.origin + (slot + 1) * steps.width).min(steps.to)),
            values: values.get(&slot).map(Merged::point),
            sent: count(sent, slot),
            lost: count(lost, slot),
            answered: count(ok, slot) + count(degraded, slot),
            failed: count(failed, slot),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_over_roll_ups_hold_whole_windows() {
        let layout = Layout::new(std::path::Path::new("/nowhere"), "Asia/Shanghai").unwrap();
        let from = Wall::parse("2026-03-03T10:02:00+08:00").unwrap();
        for (hours, most, minutes, origin) in [
            (1, 360, None, "2026-03-03T10:02:00+08:00"),
            (24, 200, Some(10), "2026-03-03T10:00:00+08:00"),
            (24 * 30, 400, Some(120), "2026-03-03T10:00:00+08:00"),
            (24 * 730, 400, Some(2 * 1_440), "2026-03-03T00:00:00+08:00"),
        ] {
            let steps =
                Steps::new(&layout, from, from.plus(std::time::Duration::from_secs(hours * 3_600)), most).unwrap();
            assert_eq!(Wall::from_millis(steps.origin), Wall::parse(origin).unwrap(), "{hours}");
            assert_eq!((steps.width >= FIVE_MINUTES).then_some(steps.width / 60_000), minutes, "{hours}");
        }
    }
}
