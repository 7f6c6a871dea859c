//! The interface table of a device: identity by name, states, counters, and rates between two runs.
//!
//! Identity is ifName, else ifDescr (where several have one ifName too), else ifIndex: an index moves when a card is
//! added, a name does not. Names, descriptions and addresses are read again only when the table changed or grew old, to be gentle to the device.
//! A quarter of a million of them fit in memory, so what is kept of one is flat.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Ask;
use super::counter::{self, Between, Reading};
use super::names;
use super::ports::{self, Wanted};
use super::rows::{Moving, Reads, Still, Stills};
use crate::model::id::{AssetId, Object};
use crate::model::observation::Value;
use crate::model::time::Mono;
use crate::net::snmp::{Oid, Walked};
use crate::probe::device::part::fit;

/// Names and aliases older than this are read again even if the device says that nothing changed.
pub(super) const MAX_AGE: Duration = Duration::from_secs(600);
/// ifAdminStatus of a port that is shut.
const ADMIN_DOWN: u64 = 2;
/// Fields of the table that are states and numbers; texts stand behind them.
const NUMBERS: usize = 14;
/// What ifSpeed says when the line is faster than it can.
const SPEED_TOO_HIGH: u64 = u32::MAX as u64;

const IF: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1];
const IFX: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1];

/// Columns read in every run, in walking order.
const MOVING: &[(&[u32], u32)] = &[
    (IF, 7),   // 0 ifAdminStatus
    (IF, 8),   // 1 ifOperStatus
    (IFX, 6),  // 2 ifHCInOctets
    (IFX, 10), // 3 ifHCOutOctets
    (IFX, 15), // 4 ifHighSpeed, Mbit/s
    (IFX, 19), // 5 ifCounterDiscontinuityTime
    (IF, 14),  // 6 ifInErrors
    (IF, 20),  // 7 ifOutErrors
    (IF, 13),  // 8 ifInDiscards
    (IF, 19),  // 9 ifOutDiscards
];
/// Read too where a row lacks the 64-bit columns.
const NARROW: &[(&[u32], u32)] = &[
    (IF, 10), // 10 ifInOctets
    (IF, 16), // 11 ifOutOctets
    (IF, 5),  // 12 ifSpeed, bit/s
];
/// Columns that rarely change, in the order in which `Stills` takes them.
const STILL: &[(&[u32], u32)] = &[
    (IFX, 1),  // ifName
    (IF, 2),   // ifDescr
    (IFX, 18), // ifAlias
    (IF, 4),   // ifMtu
    (IF, 6),   // ifPhysAddress
    (IF, 3),   // ifType
];

fn oids(columns: &[(&[u32], u32)]) -> Vec<Oid> {
    columns.iter().map(|(base, column)| Oid::from_slice(base).child(*column)).collect()
}

/// What is known about the device in this run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    /// Our clock.
    pub(super) at: Mono,
    /// Time since the last run by the device's clock; `None` in the first run and after a restart.
    pub(super) elapsed: Option<Duration>,
    /// ifNumber and ifTableLastChange: the table was rebuilt if they differ.
    pub(super) shape: (Option<u64>, Option<u64>),
    /// The device started a few minutes ago: boards may be missing yet, and averages.
    pub(super) young: bool,
}

/// What is kept from run to run.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By index.
    ports: Vec<Port>,
    read_at: Option<Mono>,
    shape: (Option<u64>, Option<u64>),
    /// How long after the device's own time of the last run its counters were read, on average.
    lag: Duration,
}

impl Memory {
    /// Indexes and names.
    pub(super) fn names(&self) -> impl Iterator<Item = (u32, &Arc<str>)> {
        self.ports.iter().map(|port| (port.index, &port.name))
    }
}

/// One interface.
#[derive(Debug)]
struct Port {
    index: u32,
    /// Octets; 0 = not known.
    mtu: u32,
    name: Arc<str>,
    alias: Option<Arc<str>>,
    mac: Option<[u8; 6]>,
    /// ifType; 0 = not known.
    kind: u16,
    /// It makes no series.
    left_out: bool,
    seen: Option<Seen>,
}

/// Readings of one interface, to compare the next with.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    octets: [Option<Octets>; 2],
    discontinuity: Option<u32>,
    /// Milliseconds of device time between these readings and the run before this one.
    age: u32,
}

/// A counter of octets. A narrow one is the lower half of its total, the upper half is what its wraps add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Octets {
    total: u64,
    wide: bool,
}

impl Octets {
    const fn reading(self) -> Reading {
        if self.wide { Reading::C64(self.total) } else { Reading::C32(self.total as u32) }
    }
}

/// One interface, its values in the order of the fields of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interface {
    pub(super) name: Arc<str>,
    pub(super) values: Vec<Value>,
}

/// What came of the table.
#[derive(Debug)]
pub(super) struct Found {
    /// Those that make series.
    pub(super) interfaces: Vec<Interface>,
    /// How many do not.
    pub(super) left_out: usize,
    /// What is missing and why; empty if nothing is.
    pub(super) shortfalls: Vec<String>,
}

/// Reads the table.
pub(super) async fn read(
    ask: &Ask<'_>,
    memory: &mut Memory,
    asset: &AssetId,
    wanted: &Wanted,
    moment: &Moment,
) -> Found {
    let Ask { session, repetitions, clock, deadline } = *ask;
    if moment.elapsed.is_none() {
        memory.read_at = None; // whatever comes of this run, names of before a restart are none any more
    }
    let mut shortfalls = Vec::new();
    let began = clock.mono();
    let empty = Moving::with_room(memory.ports.len());
    let walked = Walked::new(repetitions);
    let (moving, mut walked) = session.scan(&oids(MOVING), empty, walked, clock, deadline).await;
    let mut moving = moving.unwrap_or_default();
    if moving.rows.iter().any(is_narrow) && walked.error.is_none() {
        moving.behind(MOVING.len());
        let (both, so_far) = session.scan(&oids(NARROW), moving, walked, clock, deadline).await;
        (moving, walked) = (both.unwrap_or_default(), so_far);
    }
    // Counters are read a while after the time of the device was: longer when others ask it, too.
    let lag = began.since(moment.at) + clock.mono().since(began) / 2;
    let elapsed = moment.elapsed.map(|elapsed| (elapsed + lag).saturating_sub(memory.lag));
    memory.lag = lag;
    let known = moving.rows.iter().all(|row| place(&memory.ports, row.index).is_ok());
    let fresh = memory.read_at.is_some_and(|at| moment.at.since(at) < MAX_AGE);
    let same = memory.shape == moment.shape && moment.elapsed.is_some();
    if !(known && fresh && same) && walked.error.is_none() {
        let still = Walked::new(repetitions);
        let (stills, still) = session.scan(&oids(STILL), Stills::default(), still, clock, deadline).await;
        learn(memory, asset, wanted, stills.unwrap_or_default().rows, still.whole());
        memory.shape = moment.shape;
        memory.read_at = still.whole().then_some(moment.at);
        tell(&mut shortfalls, &still, memory.ports.len());
    }
    tell(&mut shortfalls, &walked, moving.rows.len());
    let (interfaces, left_out) = judge(memory, wanted, &moving.rows, walked.whole(), &Moment { elapsed, ..*moment });
    Found { interfaces, left_out, shortfalls }
}

fn tell(shortfalls: &mut Vec<String>, walked: &Walked, rows: usize) {
    shortfalls.extend(walked.shortfalls.iter().cloned());
    shortfalls.extend(walked.error.iter().map(|error| format!("interfaces cut after {rows} rows: {error}")));
}

/// The place of an index.
fn place(ports: &[Port], index: u32) -> Result<usize, usize> {
    ports.binary_search_by_key(&index, |port| port.index)
}

fn learn(memory: &mut Memory, asset: &AssetId, wanted: &Wanted, read: Vec<Still>, whole: bool) {
    let mut before = std::mem::take(&mut memory.ports);
    // Readings go with the name: a port that moved to another index goes on there, and no other inherits them.
    let mut seen: HashMap<Arc<str>, Seen> =
        before.iter().filter_map(|port| Some((port.name.clone(), port.seen?))).collect();
    let (mut count, mut described): (HashMap<String, u32>, HashMap<String, u32>) = Default::default();
    let named: Vec<(String, Still)> = read.into_iter().map(|still| (fit(still.called()), still)).collect();
    for (name, still) in &named {
        *count.entry(name.clone()).or_default() += 1;
        *described.entry(fit(still.descr.clone())).or_default() += 1;
    }
    let mut fresh = Vec::with_capacity(named.len());
    for (mut name, still) in named {
        if count.get(&name).is_some_and(|n| *n > 1) {
            let alone = |d: &String| !d.is_empty() && described.get(d) == Some(&1) && !count.contains_key(d);
            name = Some(fit(still.descr.clone()))
                .filter(alone)
                .unwrap_or_else(|| fit(format!("{name}#{}", still.index)));
        }
        // A name that cannot be one of an interface makes no row.
        let Ok(Object::Interface { name, .. }) = Object::interface(asset.clone(), &name) else { continue };
        let name = names::one(name);
        let Still { index, alias, mtu, mac, kind, .. } = still;
        let alias = (!alias.is_empty()).then(|| Arc::from(alias));
        let left_out = !wanted.takes(&name, kind);
        fresh.push(Port { index, mtu, seen: seen.remove(&name), name, alias, mac, kind, left_out });
    }
    // An interface that is gone must not lend its name; one that was not reached this time keeps it.
    if !whole {
        let taken: HashSet<(Option<u32>, &str)> =
            fresh.iter().flat_map(|port| [(Some(port.index), ""), (None, &*port.name)]).collect();
        before.retain(|old| !taken.contains(&(Some(old.index), "")) && !taken.contains(&(None, &*old.name)));
        fresh.append(&mut before);
    }
    fresh.sort_by_key(|port| port.index);
    fresh.shrink_to_fit();
    memory.ports = fresh;
}

fn mac(bytes: [u8; 6]) -> Value {
    // By hand: each port is told in each run, and formatting would cost as much as all else about it.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
    let mut text = [b':'; 17];
    for (place, octet) in text.chunks_mut(3).zip(bytes) {
        if let [high, low, ..] = place {
            (*high, *low) = (digit(octet >> 4), digit(octet & 15));
        }
    }
    std::str::from_utf8(&text).map_or(Value::Null, |text| Value::Text(text.into()))
}

/// What came of the ports that make series, and how many make none.
fn judge(
    memory: &mut Memory,
    wanted: &Wanted,
    rows: &[Reads],
    whole: bool,
    moment: &Moment,
) -> (Vec<Interface>, usize) {
    let mut interfaces = Vec::with_capacity(rows.len());
    let mut left_out = 0;
    let mut rows = rows.iter().peekable();
    for port in &mut memory.ports {
        while rows.next_if(|row| row.index < port.index).is_some() {
            // Its name was not read: no identity, no row.
        }
        match rows.next_if(|row| row.index == port.index) {
            Some(_) if port.left_out => left_out += 1,
            // That it is shut is told all the same: whoever waits for it to come back would wait in vain.
            Some(row) if wanted.state_of_shut && row.get(0) == Some(ADMIN_DOWN) => interfaces.push(shut(port, row)),
            Some(row) => interfaces.push(one(port, row, moment)),
            None if whole => port.seen = None,
            // A row that did not come keeps its readings; the next run compares over the longer time.
            None => {
                port.seen = port.seen.zip(moment.elapsed).map(|(seen, elapsed)| Seen {
                    age: millis(Duration::from_millis(seen.age.into()) + elapsed),
                    ..seen
                });
            }
        }
    }
    (interfaces, left_out)
}

/// A port of which no more than its state is wanted.
fn shut(port: &mut Port, row: &Reads) -> Interface {
    port.seen = None;
    let mut values = vec![Value::Null; NUMBERS];
    for (value, state) in values.iter_mut().zip(states(row)) {
        *value = state;
    }
    values.extend(texts(port));
    Interface { name: port.name.clone(), values }
}

/// ifAdminStatus and ifOperStatus.
fn states(row: &Reads) -> [Value; 2] {
    [(0, 3), (1, 7)].map(|(at, most)| match row.get(at) {
        Some(code) if (1..=most).contains(&code) => Value::State((code - 1) as u8),
        _ => Value::Null,
    })
}

/// What is told of it in words.
fn texts(port: &Port) -> [Value; 4] {
    [
        port.alias.clone().map_or(Value::Null, Value::Text),
        port.mac.map_or(Value::Null, mac),
        ports::kind(port.kind).map_or(Value::Null, Value::Text),
        Value::Text(ports::index(port.index)),
    ]
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn one(port: &mut Port, row: &Reads, moment: &Moment) -> Interface {
    let before = port.seen;
    let count = |at| row.get(at).map_or(Value::Null, Value::U64);
    // The speed that a loopback names is made up (net-snmp says 10 Mbit/s), and traffic beyond it is real.
    let speed = speed(row).filter(|_| port.kind != ports::SOFTWARE_LOOPBACK);
    let discontinuity = row.get(5).and_then(|ticks| u32::try_from(ticks).ok());
    let age = before.map_or(Duration::ZERO, |b| Duration::from_millis(b.age.into()));
    let elapsed = moment.elapsed.map(|elapsed| elapsed + age);
    let broken = before.is_none_or(|b| b.discontinuity != discontinuity);
    let mut octets = [None; 2];
    let mut rates = [Value::Null, Value::Null];
    let mut ratios = [Value::Null, Value::Null];
    let mut too_close = false;
    let places = octets.iter_mut().zip(&mut rates).zip(&mut ratios);
    for (way, ((octets, rate), ratio)) in places.enumerate() {
        let narrow = || row.get(way + 10).and_then(|value| u32::try_from(value).ok());
        let mut now = match (row.get(way + 2), narrow()) {
            (Some(total), _) => Octets { total, wide: true },
            (None, Some(value)) => Octets { total: value.into(), wide: false },
            (None, None) => continue,
        };
        let old = before.and_then(|b| b.octets.get(way).copied().flatten());
        if let (Some(old), Some(elapsed)) = (old, elapsed) {
            too_close |= elapsed < counter::MIN_ELAPSED;
            let between = Between { elapsed, restarted: broken, speed };
            let grown = counter::growth(old.reading(), now.reading(), &between);
            if !now.wide {
                let wraps = if old.wide { 0 } else { old.total >> 32 };
                let wrapped = grown.is_some() && now.total < old.total & u64::from(u32::MAX);
                let wraps = if grown.is_none() && !too_close { 0 } else { wraps + u64::from(wrapped) };
                now.total |= wraps << 32;
            }
            if let Some(grown) = grown {
                let bps = counter::rate(grown, elapsed).min(speed.unwrap_or(f64::INFINITY));
                *rate = Value::gauge(bps);
                *ratio = speed.map_or(Value::Null, |speed| Value::gauge(bps / speed));
            }
        }
        *octets = Some(now);
    }
    let total = |octets: Option<Octets>| octets.map_or(Value::Null, |octets| Value::U64(octets.total));
    let [in_octets, out_octets] = octets;
    let [in_bps, out_bps] = rates;
    let [in_ratio, out_ratio] = ratios;
    let [admin, oper] = states(row);
    let [alias, mac, kind, index] = texts(port);
    let values = vec![
        admin,
        oper,
        total(in_octets),
        total(out_octets),
        count(6),
        count(7),
        count(8),
        count(9),
        in_bps,
        out_bps,
        in_ratio,
        out_ratio,
        speed.map_or(Value::Null, Value::gauge),
        if port.mtu == 0 { Value::Null } else { Value::gauge(port.mtu.into()) },
        alias,
        mac,
        kind,
        index,
    ];
    port.seen = match (before, elapsed) {
        // Too close to say anything: the older reading stays the one to compare with.
        (Some(before), Some(elapsed)) if too_close && !broken => Some(Seen { age: millis(elapsed), ..before }),
        _ => Some(Seen { octets, discontinuity, age: 0 }),
    };
    Interface { name: port.name.clone(), values }
}

/// A row that lacks what only newer agents say.
fn is_narrow(row: &Reads) -> bool {
    row.get(2).is_none() || row.get(3).is_none() || speed(row).is_none()
}

/// Bits a second: ifHighSpeed, or ifSpeed where that says more.
fn speed(row: &Reads) -> Option<f64> {
    let high = row.get(4).filter(|mbit| *mbit > 0).map(|mbit| mbit as f64 * 1e6);
    let low = row.get(12).filter(|bit| *bit > 0 && *bit < SPEED_TOO_HIGH);
    high.or(low.map(|bit| bit as f64))
}

#[cfg(test)]
#[path = "interfaces_tests.rs"]
mod tests;
