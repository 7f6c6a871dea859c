//! The interface table of a device: identity by name, states, counters, and rates between two runs.
//!
//! Identity is ifName, else ifDescr, else ifIndex: an index moves when a card is added, a name does not. Names,
//! descriptions and addresses are read again only when the table changed or grew old, to be gentle to the device.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::counter::{self, Between, Reading};
use crate::codec::text;
use crate::model::id::MAX_NAME;
use crate::model::observation::Value;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::snmp::{Columns, Oid, Session, Value as Wire};

/// Names and aliases older than this are read again even if the device says that nothing changed.
const MAX_AGE: Duration = Duration::from_secs(600);
/// What ifSpeed says when the line is faster than it can.
const SPEED_TOO_HIGH: u64 = u32::MAX as u64;

/// ifType of a loopback.
const SOFTWARE_LOOPBACK: u64 = 24;

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
/// Columns that rarely change.
const STILL: &[(&[u32], u32)] = &[
    (IFX, 1),  // 0 ifName
    (IF, 2),   // 1 ifDescr
    (IFX, 18), // 2 ifAlias
    (IF, 4),   // 3 ifMtu
    (IF, 6),   // 4 ifPhysAddress
    (IF, 3),   // 5 ifType
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
}

/// What is kept from run to run.
#[derive(Debug, Default)]
pub(super) struct Memory {
    still: BTreeMap<u32, Still>,
    read_at: Option<Mono>,
    shape: (Option<u64>, Option<u64>),
    seen: HashMap<u32, Seen>,
}

#[derive(Debug, Clone, PartialEq)]
struct Still {
    name: String,
    alias: Value,
    mtu: Value,
    mac: Value,
    /// A loopback: the speed it names is made up (net-snmp says 10 Mbit/s), and traffic beyond it is real.
    loopback: bool,
}

/// Readings of one interface, to compare the next with.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    name: String,
    discontinuity: Option<u64>,
    octets: [Option<Octets>; 2],
    /// Device time between these readings and the run before this one.
    age: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Octets {
    reading: Reading,
    /// What the wraps of a 32-bit counter add up to.
    wraps: u64,
}

/// One interface, in the order of the fields of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) values: Vec<Value>,
}

/// What came of the table.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) interfaces: Vec<Interface>,
    /// What is missing and why; empty if nothing is.
    pub(super) shortfalls: Vec<String>,
    /// Repetitions that the device bore.
    pub(super) repetitions: u32,
}

/// Reads the table.
pub(super) async fn read(
    session: &Session,
    memory: &mut Memory,
    moment: &Moment,
    repetitions: u32,
    clock: &Clock,
    deadline: Mono,
) -> Found {
    let mut shortfalls = Vec::new();
    let mut moving = Columns::new(repetitions);
    session.walk_columns(&oids(MOVING), &mut moving, clock, deadline).await;
    let narrow =
        moving.rows.values().any(|row| cell(row, 2).is_none() || cell(row, 3).is_none() || speed(row).is_none());
    if narrow && moving.error.is_none() {
        session.walk_columns(&oids(NARROW), &mut moving, clock, deadline).await;
    }
    let mut repetitions = moving.repetitions;
    let known = moving.rows.keys().all(|index| index_of(index).is_none_or(|i| memory.still.contains_key(&i)));
    let fresh = memory.read_at.is_some_and(|at| moment.at.since(at) < MAX_AGE);
    let same = memory.shape == moment.shape && moment.elapsed.is_some();
    if !(known && fresh && same) && moving.error.is_none() {
        let mut still = Columns::new(repetitions);
        session.walk_columns(&oids(STILL), &mut still, clock, deadline).await;
        repetitions = still.repetitions;
        let whole = still.whole();
        learn(memory, &still, whole);
        memory.shape = moment.shape;
        memory.read_at = whole.then_some(moment.at);
        tell(&mut shortfalls, &still);
    }
    tell(&mut shortfalls, &moving);
    let interfaces = judge(memory, &moving, moment);
    Found { interfaces, shortfalls, repetitions }
}

fn tell(shortfalls: &mut Vec<String>, columns: &Columns) {
    shortfalls.extend(columns.shortfalls.iter().cloned());
    shortfalls.extend(
        columns.error.iter().map(|error| format!("interfaces cut after {} rows: {error}", columns.rows.len())),
    );
}

fn learn(memory: &mut Memory, still: &Columns, whole: bool) {
    if whole {
        memory.still.clear(); // an interface that is gone must not lend its name
    }
    let mut read: Vec<(u32, Still)> = Vec::with_capacity(still.rows.len());
    for (index, row) in &still.rows {
        let Some(index) = index_of(index) else { continue };
        let text = |at| cell(row, at).and_then(Wire::as_bytes).map(text::decode).unwrap_or_default();
        let name = [text(0), text(1)].into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| index.to_string());
        let alias = text(2);
        read.push((
            index,
            Still {
                name: fit(name),
                alias: if alias.is_empty() { Value::Null } else { Value::Text(alias.into()) },
                mtu: cell(row, 3).and_then(Wire::as_u64).map_or(Value::Null, |mtu| Value::gauge(mtu as f64)),
                mac: cell(row, 4)
                    .and_then(Wire::as_bytes)
                    .and_then(mac)
                    .map_or(Value::Null, |mac| Value::Text(mac.into())),
                loopback: cell(row, 5).and_then(Wire::as_u64) == Some(SOFTWARE_LOOPBACK),
            },
        ));
    }
    let mut count: HashMap<String, u32> = HashMap::new();
    for (_, still) in &read {
        *count.entry(still.name.clone()).or_default() += 1;
    }
    for (index, mut still) in read {
        if count.get(&still.name).is_some_and(|n| *n > 1) {
            still.name = fit(format!("{}#{index}", still.name));
        }
        memory.still.insert(index, still);
    }
}

/// At most `MAX_NAME` bytes; what is cut is the front, because vendors put the port last.
fn fit(name: String) -> String {
    let from = (0..=name.len()).find(|at| name.len() - at <= MAX_NAME && name.is_char_boundary(*at)).unwrap_or(0);
    name.get(from..).unwrap_or_default().to_owned()
}

fn mac(bytes: &[u8]) -> Option<String> {
    let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    (bytes.len() == 6).then(|| hex.join(":"))
}

fn judge(memory: &mut Memory, moving: &Columns, moment: &Moment) -> Vec<Interface> {
    let mut seen = HashMap::with_capacity(moving.rows.len());
    let mut interfaces = Vec::with_capacity(moving.rows.len());
    for (index, row) in &moving.rows {
        let Some(index) = index_of(index) else { continue };
        let Some(still) = memory.still.get(&index) else { continue }; // its name was not read: no identity, no row
        let before = memory.seen.remove(&index).filter(|before| before.name == still.name);
        let (interface, now) = one(still, row, before, moment);
        interfaces.push(interface);
        seen.insert(index, now);
    }
    if !moving.whole() {
        // Rows that did not come keep their readings; the next run compares over the longer time.
        for (index, mut before) in memory.seen.drain() {
            if let Some(elapsed) = moment.elapsed {
                before.age += elapsed;
                seen.entry(index).or_insert(before);
            }
        }
    }
    memory.seen = seen;
    interfaces
}

fn one(still: &Still, row: &[Option<Wire>], before: Option<Seen>, moment: &Moment) -> (Interface, Seen) {
    let number = |at| cell(row, at).and_then(Wire::as_u64);
    let count = |at| number(at).map_or(Value::Null, Value::U64);
    let state = |at, most: u64| match number(at) {
        Some(code) if (1..=most).contains(&code) => Value::State((code - 1) as u8),
        _ => Value::Null,
    };
    let speed = speed(row).filter(|_| !still.loopback);
    let discontinuity = number(5);
    let elapsed = moment.elapsed.map(|elapsed| elapsed + before.as_ref().map_or(Duration::ZERO, |b| b.age));
    let broken = before.as_ref().is_none_or(|b| b.discontinuity != discontinuity);
    let mut octets = [None; 2];
    let mut rates = [Value::Null, Value::Null];
    let mut ratios = [Value::Null, Value::Null];
    let mut too_close = false;
    for (way, (wide, narrow)) in [(2, 10), (3, 11)].into_iter().enumerate() {
        let reading = match (cell(row, wide).and_then(Wire::as_u64), cell(row, narrow).and_then(Wire::as_u32)) {
            (Some(v), _) => Reading::C64(v),
            (None, Some(v)) => Reading::C32(v),
            (None, None) => continue,
        };
        let old = before.as_ref().and_then(|b| b.octets.get(way).copied().flatten());
        let mut wraps = old.map_or(0, |old| old.wraps);
        if let (Some(old), Some(elapsed)) = (old, elapsed) {
            too_close |= elapsed < counter::MIN_ELAPSED;
            let between = Between { elapsed, restarted: broken, speed };
            let grown = counter::growth(old.reading, reading, &between);
            match (grown, old.reading, reading) {
                (Some(_), Reading::C32(a), Reading::C32(b)) if b < a => wraps += 1 << 32,
                (None, _, _) if !too_close => wraps = 0,
                _ => {}
            }
            if let (Some(grown), Some(rate), Some(ratio)) = (grown, rates.get_mut(way), ratios.get_mut(way)) {
                let bps = counter::rate(grown, elapsed).min(speed.unwrap_or(f64::INFINITY));
                *rate = Value::gauge(bps);
                *ratio = speed.map_or(Value::Null, |speed| Value::gauge(bps / speed));
            }
        }
        if let Some(place) = octets.get_mut(way) {
            *place = Some(Octets { reading, wraps });
        }
    }
    let total = |octets: Option<Octets>| match octets {
        Some(Octets { reading: Reading::C64(v), .. }) => Value::U64(v),
        Some(Octets { reading: Reading::C32(v), wraps }) => Value::U64(wraps + u64::from(v)),
        None => Value::Null,
    };
    let [in_octets, out_octets] = octets;
    let [in_bps, out_bps] = rates;
    let [in_ratio, out_ratio] = ratios;
    let values = vec![
        state(0, 3),
        state(1, 7),
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
        still.mtu.clone(),
        still.alias.clone(),
        still.mac.clone(),
    ];
    let now = match (before, elapsed) {
        // Too close to say anything: the older reading stays the one to compare with.
        (Some(before), Some(elapsed)) if too_close && !broken => Seen { age: elapsed, ..before },
        _ => Seen { name: still.name.clone(), discontinuity, octets, age: Duration::ZERO },
    };
    (Interface { name: still.name.clone(), values }, now)
}

/// Bits a second: ifHighSpeed, or ifSpeed where that says more.
fn speed(row: &[Option<Wire>]) -> Option<f64> {
    let high = cell(row, 4).and_then(Wire::as_u64).filter(|mbit| *mbit > 0).map(|mbit| mbit as f64 * 1e6);
    let low = cell(row, 12).and_then(Wire::as_u64).filter(|bit| *bit > 0 && *bit < SPEED_TOO_HIGH);
    high.or(low.map(|bit| bit as f64))
}

fn cell(row: &[Option<Wire>], at: usize) -> Option<&Wire> {
    row.get(at).and_then(Option::as_ref)
}

fn index_of(index: &[u32]) -> Option<u32> {
    match index {
        [index] => Some(*index),
        _ => None, // no row of ifTable
    }
}

#[cfg(test)]
#[path = "interfaces_tests.rs"]
mod tests;
