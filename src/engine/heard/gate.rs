//! What is let in: so much of one source a second, and of what is said again within seconds one and a count. Before
//! anything is stored, so that a device that has gone mad costs a row now and then.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use crate::model::Mono;
use crate::model::wire::Heard;

/// A source may have saved up what it may send in so many seconds: a device that restarts says a lot at once.
const BURST_SECONDS: u32 = 10;
/// Sources remembered; when it is full, those that are quiet go, and if none is, new ones are not let in.
const MAX_SOURCES: usize = 20_000;
/// A full table is looked through no more often: forged sources by the thousand must not make each datagram dear.
const SWEEP: Duration = Duration::from_secs(1);
/// What is said again within this time is counted, not kept.
const SAME: Duration = Duration::from_secs(10);
/// Lines remembered to know them again; beyond it lines are kept as they come.
const MAX_HELD: usize = 20_000;
/// Sources named of those that are too loud.
const MAX_NAMED: usize = 3;

struct Source {
    tokens: f64,
    at: Mono,
    left_out: u64,
}

struct Held {
    row: Heard,
    more: u32,
    until: Mono,
}

/// See above.
pub struct Gate {
    rate: u32,
    sources: HashMap<IpAddr, Source>,
    held: HashMap<u64, Held>,
    swept: Option<Mono>,
    left_out: u64,
}

impl Gate {
    /// With so many a second for each source.
    pub fn new(rate: u32) -> Self {
        Self { rate, sources: HashMap::new(), held: HashMap::new(), swept: None, left_out: 0 }
    }

    /// Whether a source may send one more now. Who relays for others has no rate: its lines count for whoever wrote
    /// them.
    pub fn admits(&mut self, from: IpAddr, now: Mono) -> bool {
        let (rate, most) = (f64::from(self.rate), f64::from(self.rate.saturating_mul(BURST_SECONDS)));
        if !self.sources.contains_key(&from) && self.sources.len() >= MAX_SOURCES {
            if self.swept.is_none_or(|at| now.since(at) >= SWEEP) {
                let quiet = Duration::from_secs(u64::from(BURST_SECONDS));
                self.sources.retain(|_, source| now.since(source.at) < quiet);
                self.swept = Some(now);
            }
            if self.sources.len() >= MAX_SOURCES {
                self.left_out += 1;
                return false;
            }
        }
        let source = self.sources.entry(from).or_insert(Source { tokens: most, at: now, left_out: 0 });
        source.tokens = (source.tokens + now.since(source.at).as_secs_f64() * rate).min(most);
        source.at = now;
        if source.tokens < 1.0 {
            source.left_out += 1;
            self.left_out += 1;
            return false;
        }
        source.tokens -= 1.0;
        true
    }

    /// Gives back what is to be kept now; nothing if it only counts towards what was said before.
    pub fn take(&mut self, row: Heard, now: Mono) -> Option<Heard> {
        let key = alike(&row);
        if let Some(held) = self.held.get_mut(&key) {
            held.more = held.more.saturating_add(1);
            held.row.at = row.at;
            return None;
        }
        if self.held.len() < MAX_HELD {
            self.held.insert(key, Held { row: row.clone(), more: 0, until: now.plus(SAME) });
        }
        Some(row)
    }

    /// What was said again, once its time is over: one row each, with the count.
    pub fn due(&mut self, now: Mono) -> Vec<Heard> {
        let over = self.held.extract_if(|_, held| held.until <= now);
        let mut rows: Vec<Heard> =
            over.filter(|(_, held)| held.more > 0).map(|(_, held)| Heard { count: held.more, ..held.row }).collect();
        rows.sort_by_key(|row| row.at);
        rows
    }

    /// How many were not let in since the start, and the loudest of who sent them.
    pub fn left_out(&self) -> (u64, Vec<(IpAddr, u64)>) {
        let mut loud: Vec<(IpAddr, u64)> =
            self.sources.iter().filter(|(_, s)| s.left_out > 0).map(|(from, s)| (*from, s.left_out)).collect();
        loud.sort_by_key(|(from, n)| (std::cmp::Reverse(*n), *from));
        loud.truncate(MAX_NAMED);
        (self.left_out, loud)
    }
}

/// The same for what says the same.
fn alike(row: &Heard) -> u64 {
    let Heard { at: _, source, from, via, asset, host, facility, severity, tag, text, count: _ } = row;
    let mut hasher = DefaultHasher::new();
    (source, from, via, asset, host, facility, severity, tag, text).hash(&mut hasher);
    hasher.finish()
}
