//! Rows of the interface tables while they are walked: numbers as numbers, in the place where they are wanted, and
//! texts only where they are kept.

use crate::codec::snmp::{Value, oid};
use crate::codec::text;
use crate::net::snmp::Sink;

/// Columns of numbers of one row at most.
const WIDTH: usize = 13;

/// The numbers of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reads {
    pub(super) index: u32,
    /// A bit for each column that came.
    came: u16,
    values: [u64; WIDTH],
}

impl Reads {
    pub(super) const fn new(index: u32) -> Self {
        Self { index, came: 0, values: [0; WIDTH] }
    }

    /// A number, if it came.
    pub(super) fn get(&self, column: usize) -> Option<u64> {
        let value = self.values.get(column)?;
        (self.came >> column & 1 == 1).then_some(*value)
    }

    pub(super) fn set(&mut self, column: usize, value: u64) {
        if let Some(place) = self.values.get_mut(column) {
            *place = value;
            self.came |= 1 << column;
        }
    }
}

/// Rows of numbers, by index.
#[derive(Debug, Default)]
pub(super) struct Moving {
    pub(super) rows: Vec<Reads>,
    /// What the first column of the walk is.
    first: usize,
    /// Where the last row was.
    at: usize,
}

impl Moving {
    /// For as many rows as there were before.
    pub(super) fn with_room(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), ..Self::default() }
    }

    /// The columns of the next walk stand behind so many.
    pub(super) const fn behind(&mut self, columns: usize) {
        self.first = columns;
    }
}

/// The place of a row among others, which come in order most of the time: the next one, or the one of a column before.
fn place<T>(rows: &[T], at: usize, index: u32, of: impl Fn(&T) -> u32) -> Result<usize, usize> {
    for near in [at, at + 1] {
        if rows.get(near).is_some_and(|row| of(row) == index) {
            return Ok(near);
        }
    }
    match rows.last() {
        Some(last) if of(last) < index => Err(rows.len()),
        None => Err(0),
        Some(_) => rows.binary_search_by_key(&index, of),
    }
}

/// The index of a row of ifTable.
fn index_of(index: &[u8]) -> Option<u32> {
    let mut arcs = oid::index_arcs(index);
    let first = arcs.next()?;
    arcs.next().is_none().then_some(first)
}

fn number(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Integer(n) => u64::try_from(*n).ok(),
        Value::Counter32(n) | Value::Gauge32(n) | Value::Unsigned32(n) | Value::Ticks(n) => Some(u64::from(*n)),
        Value::Counter64(n) => Some(*n),
        _ => None,
    }
}

impl Sink for Moving {
    fn take(&mut self, column: usize, index: &[u8], value: &Value<'_>) {
        let (Some(index), Some(value)) = (index_of(index), number(value)) else { return };
        let found = place(&self.rows, self.at, index, |row| row.index);
        let (Ok(at) | Err(at)) = found;
        if found.is_err() {
            self.rows.insert(at, Reads::new(index));
        }
        self.at = at;
        if let Some(row) = self.rows.get_mut(at) {
            row.set(self.first + column, value);
        }
    }
}

/// What rarely changes of a row.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Still {
    pub(super) index: u32,
    /// ifName and ifDescr; empty if there is none.
    pub(super) name: String,
    pub(super) descr: String,
    /// ifAlias; empty if there is none.
    pub(super) alias: String,
    /// ifMtu; 0 if there is none.
    pub(super) mtu: u32,
    pub(super) mac: Option<[u8; 6]>,
    /// ifType; 0 if there is none.
    pub(super) kind: u16,
}

impl Still {
    /// What it is known by.
    pub(super) fn called(&self) -> String {
        let named = [&self.name, &self.descr].into_iter().find(|name| !name.is_empty());
        named.cloned().unwrap_or_else(|| self.index.to_string())
    }
}

/// Rows of what rarely changes, by index.
#[derive(Debug, Default)]
pub(super) struct Stills {
    pub(super) rows: Vec<Still>,
    at: usize,
}

impl Sink for Stills {
    fn take(&mut self, column: usize, index: &[u8], value: &Value<'_>) {
        let Some(index) = index_of(index) else { return };
        let found = place(&self.rows, self.at, index, |row| row.index);
        let (Ok(at) | Err(at)) = found;
        if found.is_err() {
            self.rows.insert(at, Still { index, ..Still::default() });
        }
        self.at = at;
        let Some(row) = self.rows.get_mut(at) else { return };
        match (column, value) {
            (0, Value::Octets(bytes)) => row.name = text::decode(bytes),
            (1, Value::Octets(bytes)) => row.descr = text::decode(bytes),
            (2, Value::Octets(bytes)) => row.alias = text::decode(bytes),
            (3, value) => row.mtu = number(value).and_then(|mtu| u32::try_from(mtu).ok()).unwrap_or(0),
            (4, Value::Octets(bytes)) => row.mac = <[u8; 6]>::try_from(*bytes).ok().filter(|mac| *mac != [0; 6]),
            (5, value) => row.kind = number(value).and_then(|kind| u16::try_from(kind).ok()).unwrap_or(0),
            _ => {}
        }
    }
}
