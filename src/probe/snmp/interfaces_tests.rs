//! Tables of readings, run by run: identity, gaps, wraps, cut tables.

use super::*;
use crate::net::snmp::SnmpError;

const SECOND: Duration = Duration::from_secs(1);

fn octets(text: &str) -> Option<Wire> {
    Some(Wire::OctetString(text.as_bytes().to_vec().into()))
}

fn columns(rows: Vec<(u32, Vec<Option<Wire>>)>) -> Columns {
    let mut columns = Columns::new(25);
    columns.rows = rows.into_iter().map(|(index, row)| (vec![index], row)).collect();
    columns
}

/// A 100 Mbit/s port: admin, oper, and octets in both directions.
fn wide(octets: u64) -> Vec<Option<Wire>> {
    let number = |v| Some(Wire::Counter64(v));
    let mut row = vec![None; 13];
    row[0] = Some(Wire::Integer(1));
    row[1] = Some(Wire::Integer(7));
    row[2] = number(octets);
    row[3] = number(octets * 2);
    row[4] = Some(Wire::Gauge32(100));
    row[6] = Some(Wire::Counter32(3));
    row
}

fn narrow(octets: u32) -> Vec<Option<Wire>> {
    let mut row = vec![None; 13];
    row[10] = Some(Wire::Counter32(octets));
    row[12] = Some(Wire::Gauge32(100_000_000));
    row
}

fn named(names: &[(u32, &str)]) -> Memory {
    let mut memory = Memory::default();
    learn(&mut memory, &columns(names.iter().map(|(i, n)| (*i, vec![octets(n)])).collect()), true);
    memory
}

fn moment(elapsed: Option<Duration>) -> Moment {
    Moment { at: Mono::default(), elapsed, shape: (None, None) }
}

fn value<'a>(found: &'a [Interface], name: &str, slot: usize) -> &'a Value {
    found.iter().find(|i| i.name == name).map(|i| &i.values[slot]).unwrap()
}

const IN_OCTETS: usize = 2;
const IN_BPS: usize = 8;
const IN_RATIO: usize = 10;

#[test]
fn a_name_is_ifname_else_ifdescr_else_ifindex_and_twins_carry_their_index() {
    let mut memory = Memory::default();
    let long = "x".repeat(300) + "/7";
    learn(
        &mut memory,
        &columns(vec![
            (1, vec![octets("GE0/1"), octets("Gigabit 1")]),
            (2, vec![octets(""), octets("Gigabit 2\0")]),
            (3, vec![None, octets(" ")]),
            (4, vec![octets("Port"), None]),
            (5, vec![octets("Port"), None]),
            (6, vec![octets(&long), None]),
            (7, vec![Some(Wire::OctetString(vec![b'G', 0xff, 0x07].into())), None]),
        ]),
        true,
    );
    let names: Vec<&str> = memory.still.values().map(|s| s.name.as_str()).collect();
    assert_eq!(names[..5], ["GE0/1", "Gigabit 2", "3", "Port#4", "Port#5"]);
    assert!(names[5].len() == MAX_NAME && names[5].ends_with("/7"));
    assert_eq!(names[6], "G\u{fffd}");
}

#[test]
fn the_first_run_has_counters_but_no_rates_and_the_second_has_both() {
    let mut memory = named(&[(1, "a")]);
    let first = judge(&mut memory, &columns(vec![(1, wide(1_000))]), &moment(None));
    assert_eq!(value(&first, "a", IN_OCTETS), &Value::U64(1_000));
    assert_eq!(value(&first, "a", IN_BPS), &Value::Null);
    assert_eq!(value(&first, "a", 0), &Value::State(0));
    assert_eq!(value(&first, "a", 1), &Value::State(6));
    assert_eq!(value(&first, "a", 5), &Value::Null, "out_errors did not come: not measured, never 0");
    let second = judge(&mut memory, &columns(vec![(1, wide(1_251_000))]), &moment(Some(SECOND)));
    assert_eq!(value(&second, "a", IN_BPS), &Value::F64(10_000_000.0));
    assert_eq!(value(&second, "a", IN_RATIO), &Value::F64(0.1));
}

#[test]
fn after_a_restart_or_a_discontinuity_there_is_a_gap_and_then_rates_again() {
    let mut memory = named(&[(1, "a")]);
    let with = |octets, discontinuity| {
        let mut row = wide(octets);
        row[5] = Some(Wire::TimeTicks(discontinuity));
        columns(vec![(1, row)])
    };
    for (octets, discontinuity, elapsed, want) in [
        (1_000_000, 0, None, None),
        (2_250_000, 0, Some(SECOND), Some(10_000_000.0)),
        (1_000, 0, None, None), // the device restarted
        (1_251_000, 0, Some(SECOND), Some(10_000_000.0)),
        (2_501_000, 99, Some(SECOND), None), // the counter did, the device not
        (3_751_000, 99, Some(SECOND), Some(10_000_000.0)),
        (5, 99, Some(SECOND), None), // and this one did not say so
        (1_250_005, 99, Some(SECOND), Some(10_000_000.0)),
    ] {
        let found = judge(&mut memory, &with(octets, discontinuity), &moment(elapsed));
        assert_eq!(value(&found, "a", IN_BPS).number(), want, "{octets} {discontinuity}");
    }
}

#[test]
fn a_32_bit_counter_that_wraps_goes_on_growing() {
    let mut memory = named(&[(1, "a")]);
    let mut totals = Vec::new();
    for (octets, elapsed) in [(u32::MAX - 999, None), (1_000, Some(SECOND)), (3_000, Some(SECOND))] {
        let found = judge(&mut memory, &columns(vec![(1, narrow(octets))]), &moment(elapsed));
        totals.push(value(&found, "a", IN_OCTETS).number().unwrap());
    }
    assert_eq!(totals, [4_294_966_296.0, 4_294_968_296.0, 4_294_970_296.0]);
}

#[test]
fn a_row_that_did_not_come_is_no_row_and_is_compared_over_the_longer_time_later() {
    let mut memory = named(&[(1, "a"), (2, "b")]);
    let both = |octets| columns(vec![(1, wide(octets)), (2, wide(octets))]);
    judge(&mut memory, &both(0), &moment(None));
    let mut cut = columns(vec![(1, wide(1_250_000))]);
    cut.error = Some(SnmpError::Timeout { peer: ([127, 0, 0, 1], 161).into() });
    let found = judge(&mut memory, &cut, &moment(Some(SECOND)));
    assert_eq!(found.len(), 1);
    let found = judge(&mut memory, &both(2_500_000), &moment(Some(SECOND)));
    assert_eq!(value(&found, "a", IN_BPS), &Value::F64(10_000_000.0));
    assert_eq!(value(&found, "b", IN_BPS), &Value::F64(10_000_000.0));
}

#[test]
fn a_run_too_close_after_another_says_nothing_and_spoils_nothing() {
    let mut memory = named(&[(1, "a")]);
    let tenth = Duration::from_millis(100);
    judge(&mut memory, &columns(vec![(1, wide(0))]), &moment(None));
    let close = judge(&mut memory, &columns(vec![(1, wide(500_000))]), &moment(Some(tenth)));
    assert_eq!(value(&close, "a", IN_BPS), &Value::Null);
    let later = judge(&mut memory, &columns(vec![(1, wide(1_375_000))]), &moment(Some(SECOND)));
    assert_eq!(value(&later, "a", IN_BPS), &Value::F64(10_000_000.0));
}

#[test]
fn an_index_that_got_another_name_is_another_interface() {
    let mut memory = named(&[(1, "a")]);
    judge(&mut memory, &columns(vec![(1, wide(0))]), &moment(None));
    learn(&mut memory, &columns(vec![(1, vec![octets("b")])]), true);
    let found = judge(&mut memory, &columns(vec![(1, wide(1_250_000))]), &moment(Some(SECOND)));
    assert_eq!(value(&found, "b", IN_BPS), &Value::Null);
}
