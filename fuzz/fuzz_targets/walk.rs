//! A walk that gets any answers: whatever they hold, no column gets a row twice or one that is not behind the last, every
//! answer is asked for once, and what is written down of it is bounded by what came.
//!
//! The input is read as a list of answers, each behind its length: as it is, or (so that more than one in a million is read)
//! as rows, of which each byte says the column, the index and what stands there.
#![no_main]

mod counted;

use fengsui::codec::snmp::{Head, Kind, Message, Value, Version, Writer, oid, write};
use fengsui::net::snmp::{Oid, Sink, rehearse};

const TABLE: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 2, 1];
const COLUMNS: u32 = 8;
/// Answers of one walk.
const MOST: usize = 64;

struct Growing {
    columns: Vec<Vec<u8>>,
    last: Vec<Vec<u8>>,
}

impl Sink for Growing {
    fn take(&mut self, column: usize, index: &[u8], _: &Value<'_>) {
        let name = [self.columns[column].as_slice(), index].concat();
        let last = &mut self.last[column];
        assert!(last.is_empty() || oid::order(last, &name).is_lt(), "a row came twice");
        *last = name;
    }
}

fn column(number: u32) -> Oid {
    Oid::from_slice(&TABLE).child(number)
}

/// Rows by bytes, two each: the column and how far on, then what.
fn rows(version: Version, bytes: &[u8]) -> Vec<u8> {
    let status = if bytes.first() == Some(&0xff) { 2 + i32::from(bytes.len() as u8 % 4) } else { 0 };
    let index = i32::from(bytes.get(1).copied().unwrap_or(0)) - 2;
    let head = Head { version, community: b"", kind: Kind::Response, id: 1, status, index };
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    let mut at = 0_u32;
    for pair in bytes.chunks_exact(2) {
        let (place, what) = (pair[0], pair[1]);
        at = at.wrapping_add(u32::from(place >> 3)).wrapping_sub(2);
        let name = write::name(column(u32::from(place & 7) + 1).child(at).arcs());
        let value = match what % 8 {
            0 => Value::EndOfMibView,
            1 => Value::NoSuchInstance,
            2 => Value::Octets(bytes),
            3 => Value::Counter64(u64::from(what) << 56),
            _ => Value::Integer(i64::from(what)),
        };
        writer.variable(&name, &value);
    }
    if writer.finish() { out } else { Vec::new() }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let version = if first & 1 == 0 { Version::V2c } else { Version::V1 };
    let mut answers: Vec<Vec<u8>> = Vec::new();
    while let Some((length, behind)) = rest.split_first()
        && answers.len() < MOST
    {
        let (bytes, behind) = behind.split_at((usize::from(*length) * 4).min(behind.len()));
        rest = behind;
        answers.push(if length & 1 == 0 { bytes.to_vec() } else { rows(version, bytes) });
    }
    let columns: Vec<Oid> = (1..=u32::from(first >> 4) % COLUMNS + 1).map(column).collect();
    let names: Vec<Vec<u8>> = columns.iter().map(|column| write::name(column.arcs())).collect();
    let sink = Growing { last: vec![Vec::new(); names.len()], columns: names };
    let all: usize = answers.iter().map(Vec::len).sum();
    let mut requests = 0;
    let walked = counted::within(64 * (all + 4096), || {
        rehearse(&columns, version, sink, answers.iter().map(Vec::as_slice), |request| {
            requests += 1;
            assert!(Message::read(request).is_ok(), "a request that cannot be read");
        })
    });
    assert!(walked.packets == requests && requests as usize <= answers.len());
    assert!(walked.shortfalls.len() <= columns.len() + 1);
});
