//! The last day of every link in quarters of an hour, in memory: what lists draw as a strip. Fed on ingest; at start
//! from the roll-ups and the journal, before anything new comes in, so that nothing counts twice. Of each quarter it
//! holds what the probes said that speak for the link then (`engine::witness`).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::chunk::Window;
use super::days::{Layout, Sort};
use super::db;
use super::live::Shared;
use super::roll::{self, FIVE_MINUTES, HOUR, Of, Sources};
use super::series;
use super::types::{SeriesKey, StoreError};
use crate::engine::witness;
use crate::model::wire::Samples;
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

/// What was counted, and how well who counted it speaks for the link.
#[derive(Debug, Clone, Copy, Default)]
struct Spoken {
    rank: u8,
    counts: Quarter,
}

impl Spoken {
    /// Adds counts; of several kinds of probes those of the best stay.
    fn add(&mut self, rank: u8, counts: Quarter) {
        if !self.counts.measured() || rank < self.rank {
            *self = Self { rank, counts };
        } else if rank == self.rank {
            self.counts.add(counts);
        }
    }
}

/// A ring of quarters, each with its number since 1970.
struct Ring(Box<[(i64, Spoken)]>);

impl Ring {
    fn new() -> Self {
        Self(vec![(0, Spoken::default()); QUARTERS + 1].into())
    }

    fn add(&mut self, number: i64, rank: u8, counts: Quarter) {
        let place = usize::try_from(number.rem_euclid(self.0.len() as i64)).unwrap_or(0);
        let Some((held, spoken)) = self.0.get_mut(place) else { return };
        // Older than what the place holds: more than a day ago.
        if *held > number {
            return;
        }
        if *held < number {
            (*held, *spoken) = (number, Spoken::default());
        }
        spoken.add(rank, counts);
    }

    fn at(&self, number: i64) -> Quarter {
        let place = usize::try_from(number.rem_euclid(self.0.len() as i64)).unwrap_or(0);
        self.0
            .get(place)
            .filter(|(held, _)| *held == number)
            .map_or_else(Quarter::default, |(_, spoken)| spoken.counts)
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Strips(HashMap<LinkId, Ring>);

impl Strips {
    /// Takes a summary window that began then.
    pub(super) fn put(&mut self, began: i64, samples: &Samples) {
        for row in &samples.rows {
            let Object::Link(link) = &row.object else { continue };
            let Some(rank) = witness::rank(&row.object, &samples.kind) else { continue };
            let [ok, degraded, failed, _] = row.runs;
            let [sent, lost, ..] = row.packets;
            self.add(link, began, rank, Quarter { answered: ok.saturating_add(degraded), failed, sent, lost });
        }
    }

    fn add(&mut self, link: &LinkId, began: i64, rank: u8, counts: Quarter) {
        if !counts.measured() {
            return;
        }
        if self.0.len() >= MAX_LINKS && !self.0.contains_key(link) {
            return;
        }
        self.0.entry(link.clone()).or_insert_with(Ring::new).add(number(began), rank, counts);
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
                shared.strips_mut().put(began, samples);
            })
        });
        if let Err(error) = read {
            tracing::warn!(%error, file = %path.display(), "strips lack the open hour");
        }
    }
}

/// Counts that a quarter holds.
const FIELDS: [&str; 5] = ["runs_ok", "runs_degraded", "runs_failed", "packets_sent", "packets_lost"];

/// Calls `each` with what windows of an object count, all counts of a window together, and the rank of who counted.
fn spoken(
    layout: &Layout,
    key: &SeriesKey,
    span: (i64, i64),
    width: i64,
    mut each: impl FnMut(i64, u8, Quarter),
) -> Result<(), StoreError> {
    let mut all: BTreeMap<(i64, u8), Quarter> = BTreeMap::new();
    roll::windows(layout, key, &FIELDS, span, width, Sources::Rolled, |of, window| {
        if let Some(rank) = witness::rank(&key.object, &of.kind) {
            all.entry((window.from, rank)).or_default().add(counts(of, window));
        }
    })?;
    all.into_iter().for_each(|((from, rank), counts)| each(from, rank, counts));
    Ok(())
}

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
    let mut all = vec![Spoken::default(); hours];
    let span = (from, from.saturating_add(HOUR.saturating_mul(i64::try_from(hours).unwrap_or(24))));
    spoken(layout, key, span, HOUR, |begin, rank, counts| {
        let at = usize::try_from((begin - from).div_euclid(HOUR)).unwrap_or(usize::MAX);
        if let Some(held) = all.get_mut(at).filter(|_| counts.measured()) {
            held.add(rank, counts);
        }
    })?;
    Ok(all.into_iter().map(|spoken| spoken.counts).collect())
}

fn rolled(shared: &Shared, link: &LinkId, from: Wall, now: Wall) -> Result<(), StoreError> {
    let object = Object::Link(link.clone());
    let key = SeriesKey { object, field: String::new(), instance: String::new(), agent: None, probe: None };
    let span = (from.millis(), now.millis());
    let mut strips = shared.strips_mut();
    spoken(&shared.layout, &key, span, FIVE_MINUTES, |begin, rank, counts| strips.add(link, begin, rank, counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::wire::SampleRow;
    use std::sync::Arc;

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
            strips.add(&link, number * ms + 3, 0, quarter(9, 1));
        }
        let strip = strips.of(&link, now);
        assert_eq!(strip.len(), QUARTERS);
        assert_eq!((strip[0], strip[1], strip[95]), (quarter(0, 0), quarter(9, 1), quarter(18, 2)));
        assert_eq!(strip[95].loss(), Some(0.1));
        // A window of the day before does not take the place of one of today.
        strips.add(&link, 903 * ms, 0, quarter(1, 1));
        assert_eq!(strips.of(&link, now)[95], quarter(18, 2));
        assert_eq!(strips.of(&"other".parse().unwrap(), now)[95].loss(), None);
    }

    #[test]
    fn a_stopped_reflector_is_no_line_down_while_pings_are_answered() {
        let link: LinkId = "l".parse().unwrap();
        let begin = Wall::from_millis(1_000 * QUARTER.as_millis() as i64);
        let row = |[answered, failed]: [u32; 2]| SampleRow {
            object: Object::Link(link.clone()),
            instance: Arc::from(""),
            runs: [answered, 0, failed, 0],
            packets: [answered + failed, failed, 0, 0, 0],
            causes: BTreeMap::new(),
            fields: BTreeMap::new(),
        };
        let said = [("mtu", [0, 1]), ("stamp", [0, 10]), ("icmp", [9, 1]), ("stamp", [0, 10]), ("path", [0, 1])];
        let mut strips = Strips::default();
        for (seconds, (kind, runs)) in (0..).zip(said) {
            let from = begin.plus(Duration::from_secs(seconds));
            let samples = Samples {
                probe: "p".parse().unwrap(),
                kind: Arc::from(kind),
                from,
                to: from.plus(Duration::from_secs(10)),
                rows: vec![row(runs)],
            };
            strips.put(from.millis(), &samples);
        }
        assert_eq!(strips.of(&link, begin)[95], quarter(9, 1));
    }
}
