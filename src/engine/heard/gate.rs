//! What is let in: so much of one source a second, and of what is said again within seconds one and a count. Before
//! anything is stored, so that a device that has gone mad costs a row now and then.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};

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

/// Small, so that those of a storm stay in the cache.
#[derive(Default)]
struct Held {
    /// What was said again, the last time.
    again: Option<Box<Heard>>,
    more: u32,
}

/// See above.
pub struct Gate {
    rate: u32,
    sources: HashMap<IpAddr, Source>,
    held: HashMap<u64, Held>,
    /// When the time of each is over, in order: all are held equally long.
    over: VecDeque<(Mono, u64)>,
    /// Its keys nobody outside can guess: a line that is made to look like another must not hide it.
    alike: RandomState,
    swept: Option<Mono>,
    left_out: u64,
}

impl Gate {
    /// With so many a second for each source.
    pub fn new(rate: u32) -> Self {
        Self {
            rate,
            sources: HashMap::new(),
            held: HashMap::new(),
            over: VecDeque::new(),
            alike: RandomState::new(),
            swept: None,
            left_out: 0,
        }
    }

    /// Whether a source may send one more now. Who relays for others has no rate: its lines count for whoever wrote
    /// them.
    pub fn admits(&mut self, from: IpAddr, now: Mono) -> bool {
        let (rate, most) = (f64::from(self.rate), f64::from(self.rate.saturating_mul(BURST_SECONDS)));
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&from) && !self.has_room(now) {
            self.left_out += 1;
            return false;
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

    /// Whether a full table has room for one more, those that are quiet gone.
    fn has_room(&mut self, now: Mono) -> bool {
        if self.swept.is_none_or(|at| now.since(at) >= SWEEP) {
            let quiet = Duration::from_secs(u64::from(BURST_SECONDS));
            self.sources.retain(|_, source| now.since(source.at) < quiet);
            self.swept = Some(now);
        }
        self.sources.len() < MAX_SOURCES
    }

    /// Gives back what is to be kept now; nothing if it only counts towards what was said before.
    pub fn take(&mut self, row: Heard, now: Mono) -> Option<Heard> {
        let key = self.alike.hash_one(Said(&row));
        if let Some(held) = self.held.get_mut(&key) {
            held.more = held.more.saturating_add(1);
            held.again = Some(Box::new(row));
            return None;
        }
        if self.held.len() < MAX_HELD {
            self.held.insert(key, Held::default());
            self.over.push_back((now.plus(SAME), key));
        }
        Some(row)
    }

    /// What was said again, once its time is over: one row each, with the count.
    pub fn due(&mut self, now: Mono) -> Vec<Heard> {
        let mut rows = Vec::new();
        while let Some((_, key)) = self.over.pop_front_if(|(until, _)| *until <= now) {
            let Some(Held { again: Some(again), more }) = self.held.remove(&key) else { continue };
            rows.push(Heard { count: more, ..*again });
        }
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

/// A row but for when it came: the same for what says the same. In few pieces, for each has its price; whose it is follows
/// from who wrote it.
struct Said<'r>(&'r Heard);

impl Hash for Said<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Heard { at: _, source, from, via, asset: _, host, facility, severity, tag, text, count: _ } = self.0;
        hasher.write_u128(bits(*from));
        hasher.write_u128(via.map_or(0, bits)); // nothing comes from the address of all zeros
        hasher.write_u32(u32::from_be_bytes([0, *source as u8, *facility, *severity]));
        (host, tag, text).hash(hasher);
    }
}

/// An address as a number, of both families.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}
