//! The last day of every link in quarters of an hour, in memory: what lists draw as a strip. Fed on ingest; at start
//! from the roll-ups and the journal, before anything new comes in, so that nothing counts twice.

use std::collections::HashMap;
use std::time::Duration;

use super::chunk::Window;
use super::days::{Layout, Sort};
use super::db;
use super::live::Shared;
use super::roll::{self, FIVE_MINUTES, HOUR, Of, Sources};
use super::series;
use super::types::{SeriesKey, StoreError};
use crate::model::wire::SampleRow;
use crate::model::{LinkId, Object, Wall};

/// A quarter of an hour.
pub const QUARTER: Duration = Duration::from_secs(900);
/// Quarters of a day.
pub const QUARTERS: usize = 96;
/// Links held; about 1.6 KB each.
const MAX_LINKS: usize = 20_000;
/// How long filling it may hold the start; links that have no time left begin empty.
const FILL_WITHIN: Duration = Duration::from_secs(3);

/// What was counted in a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quarter {
    /// Runs that were answered, at least partly.
    pub answered: u32,
    /// Runs that were not.
    pub failed: u32,
    /// Packets sent.
    pub sent: u32,
    /// Of them without answer.
    pub lost: u32,
}

impl Quarter {
    /// Adds another's counts.
    pub const fn add(&mut self, other: Self) {
        self.answered = self.answered.saturating_add(other.answered);
        self.failed = self.failed.saturating_add(other.failed);
        self.sent = self.sent.saturating_add(other.sent);
        self.lost = self.lost.saturating_add(other.lost);
    }
    /// Whether anything was measured.
    pub const fn measured(self) -> bool {
        self.answered > 0 || self.failed > 0
    }
    /// Part of the packets that were lost, else of the runs that failed.
    pub fn loss(self) -> Option<f64> {
        let share = |part: u32, all: u32| (all > 0).then(|| f64::from(part) / f64::from(all));
        share(self.lost, self.sent).or_else(|| self.failed_share())
    }
    /// Part of the runs that failed.
    pub fn failed_share(self) -> Option<f64> {
        let all = self.answered.saturating_add(self.failed);
        (all > 0).then(|| f64::from(self.failed) / f64::from(all))
    }
}

const fn number(at: i64) -> i64 {
    at.div_euclid(QUARTER.as_millis() as i64)
}

/// A ring of quarters, each with its number since 1970.
struct Ring(Box<[(i64, Quarter)]>);

impl Ring {
    fn new() -> Self {
        Self(vec![(0, Quarter::default()); QUARTERS + 1].into())
    }

    fn add(&mut self, number: i64, counts: Quarter) {
        let place = usize::try_from(number.rem_euclid(self.0.len() as i64)).unwrap_or(0);
        let Some((held, quarter)) = self.0.get_mut(place) else { return };
        // Older than what the place holds: more than a day ago.
        if *held > number {
            return;
        }
        if *held < number {
            (*held, *quarter) = (number, Quarter::default());
        }
        quarter.add(counts);
    }

    fn at(&self, number: i64) -> Quarter {
        let place = usize::try_from(number.rem_euclid(self.0.len() as i64)).unwrap_or(0);
        self.0.get(place).filter(|(held, _)| *held == number).map_or_else(Quarter::default, |(_, quarter)| *quarter)
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Strips(HashMap<LinkId, Ring>);

impl Strips {
    /// Takes a row of a summary window that began then.
    pub(super) fn put(&mut self, began: i64, row: &SampleRow) {
        let Object::Link(link) = &row.object else { return };
        let [ok, degraded, failed, _] = row.runs;
        let [sent, lost, ..] = row.packets;
        let counts = Quarter { answered: ok.saturating_add(degraded), failed, sent, lost };
        if counts != Quarter::default() {
            self.add(link, began, counts);
        }
    }

    fn add(&mut self, link: &LinkId, began: i64, counts: Quarter) {
        if self.0.len() >= MAX_LINKS && !self.0.contains_key(link) {
            return;
        }
        self.0.entry(link.clone()).or_insert_with(Ring::new).add(number(began), counts);
    }

    /// The quarters up to now, oldest first.
    pub(super) fn of(&self, link: &LinkId, now: Wall) -> Vec<Quarter> {
        let last = number(now.millis());
        let first = last + 1 - QUARTERS as i64;
        let ring = self.0.get(link);
        (first..=last).map(|number| ring.map_or_else(Quarter::default, |ring| ring.at(number))).collect()
    }

    /// Forgets links that are gone.
    pub(super) fn prune(&mut self, known: impl Fn(&LinkId) -> bool) {
        self.0.retain(|link, _| known(link));
    }
}

/// Fills it from what is stored.
pub(super) fn warm(shared: &Shared, now: Wall) {
    let from = now.minus(Duration::from_secs(86_400));
    let deadline = shared.clock.mono().plus(FILL_WITHIN);
    let links: Vec<LinkId> = shared.live().inventory.links.keys().cloned().collect();
    for link in links {
        if shared.clock.mono() > deadline {
            tracing::warn!("strips of some links begin empty: there are too many to read at the start");
            break;
        }
        if let Err(error) = rolled(shared, &link, from, now) {
            tracing::warn!(%error, %link, "the strip of a link begins empty");
        }
    }
    let mut days = vec![shared.layout.day(from), shared.layout.day(now)];
    days.dedup();
    for day in days {
        let path = shared.layout.path(Sort::Raw, day);
        if !path.exists() {
            continue;
        }
        let read = db::open_reader(&path).and_then(|conn| {
            series::each_record(&conn, (from.millis(), now.millis()), "\"link:", |began, samples| {
                let mut strips = shared.strips_mut();
                samples.rows.iter().for_each(|row| strips.put(began, row));
            })
        });
        if let Err(error) = read {
            tracing::warn!(%error, file = %path.display(), "strips lack the open hour");
        }
    }
}

/// Counts that a quarter holds.
const FIELDS: [&str; 5] = ["runs_ok", "runs_degraded", "runs_failed", "packets_sent", "packets_lost"];

/// What a rolled window counts.
fn counts(of: &Of, window: &Window) -> Quarter {
    let n = window.summary.sum.clamp(0.0, f64::from(u32::MAX)) as u32;
    let mut counts = Quarter::default();
    match &*of.field {
        "runs_failed" => counts.failed = n,
        "packets_sent" => counts.sent = n,
        "packets_lost" => counts.lost = n,
        _ => counts.answered = n,
    }
    counts
}

/// See `Store::hours`.
pub(super) fn hours(layout: &Layout, key: &SeriesKey, from: Wall, hours: usize) -> Result<Vec<Quarter>, StoreError> {
    let from = from.millis().div_euclid(HOUR) * HOUR;
    let mut all = vec![Quarter::default(); hours];
    let span = (from, from.saturating_add(HOUR.saturating_mul(i64::try_from(hours).unwrap_or(24))));
    roll::windows(layout, key, &FIELDS, span, HOUR, Sources::Rolled, |of, window| {
        let at = usize::try_from((window.from - from).div_euclid(HOUR)).unwrap_or(usize::MAX);
        if let Some(held) = all.get_mut(at) {
            held.add(counts(of, window));
        }
    })?;
    Ok(all)
}

fn rolled(shared: &Shared, link: &LinkId, from: Wall, now: Wall) -> Result<(), StoreError> {
    let object = Object::Link(link.clone());
    let key = SeriesKey { object, field: String::new(), instance: String::new(), agent: None, probe: None };
    let span = (from.millis(), now.millis());
    let mut strips = shared.strips_mut();
    roll::windows(&shared.layout, &key, &FIELDS, span, FIVE_MINUTES, Sources::Rolled, |of, window| {
        strips.add(link, window.from, counts(of, window));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarter(answered: u32, failed: u32) -> Quarter {
        Quarter { answered, failed, sent: answered + failed, lost: failed }
    }

    #[test]
    fn a_strip_is_the_last_day_and_forgets_what_is_older() {
        let link: LinkId = "l".parse().unwrap();
        let mut strips = Strips::default();
        let ms = QUARTER.as_millis() as i64;
        let now = Wall::from_millis(1_000 * ms + 5);
        for number in [903, 904, 906, 1_000, 1_000] {
            strips.add(&link, number * ms + 3, quarter(9, 1));
        }
        let strip = strips.of(&link, now);
        assert_eq!(strip.len(), QUARTERS);
        assert_eq!((strip[0], strip[1], strip[95]), (quarter(0, 0), quarter(9, 1), quarter(18, 2)));
        assert_eq!(strip[95].loss(), Some(0.1));
        // A window of the day before does not take the place of one of today.
        strips.add(&link, 903 * ms, quarter(1, 1));
        assert_eq!(strips.of(&link, now)[95], quarter(18, 2));
        assert_eq!(strips.of(&"other".parse().unwrap(), now)[95].loss(), None);
    }
}
