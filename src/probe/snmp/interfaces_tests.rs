//! Tables of readings, run by run: identity, gaps, wraps, cut tables.

use super::*;
use crate::codec::snmp::{Value as Wire, write};
use crate::model::id::MAX_NAME;
use crate::net::snmp::Sink;

const SECOND: Duration = Duration::from_secs(1);

fn reads(index: u32, values: &[(usize, u64)]) -> Reads {
    let mut row = Reads::new(index);
    values.iter().for_each(|(column, value)| row.set(*column, *value));
    row
}

/// A 100 Mbit/s port: admin, oper, and octets in both directions.
fn wide(index: u32, octets: u64) -> Reads {
    reads(index, &[(0, 1), (1, 7), (2, octets), (3, octets * 2), (4, 100), (6, 3)])
}

fn narrow(octets: u32) -> Reads {
    reads(1, &[(10, octets.into()), (12, 100_000_000)])
}

fn asset() -> AssetId {
    AssetId::new("a").unwrap()
}

fn all() -> Wanted {
    Wanted::default()
}

fn seen(memory: &mut Memory, rows: &[Reads], whole: bool, moment: &Moment) -> Vec<Interface> {
    judge(memory, &all(), rows, whole, moment).0
}

fn still(index: u32, name: &str) -> Still {
    Still { index, name: name.into(), ..Still::default() }
}

fn named(names: &[(u32, &str)]) -> Memory {
    let mut memory = Memory::default();
    rename(&mut memory, names, true);
    memory
}

fn rename(memory: &mut Memory, names: &[(u32, &str)], whole: bool) {
    learn(memory, &asset(), &all(), names.iter().map(|(index, name)| still(*index, name)).collect(), whole);
}

fn names(memory: &Memory) -> Vec<&str> {
    memory.ports.iter().map(|port| &*port.name).collect()
}

fn moment(elapsed: Option<Duration>) -> Moment {
    Moment { at: Mono::default(), elapsed, shape: (None, None), young: false }
}

fn value<'a>(found: &'a [Interface], name: &str, slot: usize) -> &'a Value {
    found.iter().find(|i| &*i.name == name).map(|i| &i.values[slot]).unwrap()
}

const IN_OCTETS: usize = 2;
const IN_BPS: usize = 8;
const IN_RATIO: usize = 10;

#[test]
fn rows_come_column_by_column_in_any_order_and_find_their_place() {
    let mut moving = Moving::default();
    let mut take = |column, index: &[u32], value| {
        let mut encoded = write::name(&[&[1, 3], index].concat());
        moving.take(column, &encoded.split_off(1), &value);
    };
    for index in [3, 7, 200] {
        take(0, &[index], Wire::Integer(1));
        take(2, &[index], Wire::Counter64(u64::MAX));
    }
    take(1, &[7], Wire::Gauge32(2));
    take(1, &[5], Wire::Integer(2));
    take(0, &[3], Wire::Integer(-1));
    take(0, &[3, 1], Wire::Integer(1));
    take(0, &[9], Wire::Octets(b"1"));
    moving.behind(10);
    moving.take(0, &[7], &Wire::Counter32(9));
    let indexes: Vec<u32> = moving.rows.iter().map(|row| row.index).collect();
    assert_eq!(indexes, [3, 5, 7, 200]);
    let seven = &moving.rows[2];
    let got: Vec<Option<u64>> = [0, 1, 2, 3, 10].iter().map(|at| seven.get(*at)).collect();
    assert_eq!(got, [Some(1), Some(2), Some(u64::MAX), None, Some(9)]);
    assert_eq!(moving.rows[0].get(0), Some(1), "what is no number changes nothing");
}

#[test]
fn a_name_is_ifname_else_ifdescr_else_ifindex_and_twins_carry_their_index() {
    let mut stills = Stills::default();
    let long = "x".repeat(300) + "/7";
    for (column, index, bytes) in [
        (0, 1, "GE0/1".as_bytes()),
        (0, 2, b""),
        (0, 4, b"Port"),
        (0, 5, b"Port"),
        (0, 6, long.as_bytes()),
        (0, 7, b"G\xff\x07"),
        (1, 1, b"Gigabit 1"),
        (1, 2, b"Gigabit 2\0"),
        (1, 3, b" "),
        (2, 2, b"\xb0\xa2\xbf\xcb\xcb\xd5"),
        (4, 2, &[2, 0, 0x5e, 0, 0, 1]),
        (4, 3, &[2, 0, 0x5e]),
    ] {
        stills.take(column, &[index], &Wire::Octets(bytes));
    }
    stills.take(3, &[2], &Wire::Integer(1500));
    stills.take(5, &[2], &Wire::Integer(24));
    let mut memory = Memory::default();
    learn(&mut memory, &asset(), &all(), stills.rows, true);
    let names = names(&memory);
    assert_eq!(names[..5], ["GE0/1", "Gigabit 2", "3", "Port#4", "Port#5"]);
    assert!(names[5].len() == MAX_NAME && names[5].ends_with("/7"));
    assert_eq!(names[6], "G\u{fffd}");
    let two = &memory.ports[1];
    assert_eq!((two.alias.as_deref(), two.mtu, two.kind), (Some("阿克苏"), 1500, 24));
    assert_eq!(two.mac.map(mac), Some(Value::Text("02:00:5e:00:00:01".into())));
    assert_eq!(memory.ports[2].mac, None);
}

#[test]
fn twins_are_told_apart_by_what_describes_them_if_that_does() {
    let read = |rows: &[(u32, &str, &str)]| {
        let mut memory = Memory::default();
        let still =
            |(index, name, descr): &(u32, &str, &str)| Still { descr: (*descr).into(), ..still(*index, name) };
        learn(&mut memory, &asset(), &all(), rows.iter().map(still).collect(), true);
        memory.ports.iter().map(|port| port.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(read(&[(1, "eth", "slot 1"), (2, "eth", "slot 2"), (3, "lo", "slot")]), ["slot 1", "slot 2", "lo"]);
    assert_eq!(read(&[(1, "eth", "nic"), (2, "eth", "nic"), (3, "eth", "")]), ["eth#1", "eth#2", "eth#3"]);
    assert_eq!(read(&[(1, "eth", "lo"), (2, "eth", "x"), (3, "lo", "y")]), ["eth#1", "x", "lo"]);
}

#[test]
fn one_copy_of_a_name_serves_all_devices() {
    let (one, other) = (named(&[(1, "GigabitEthernet0/0/1")]), named(&[(9, "GigabitEthernet0/0/1")]));
    assert!(Arc::ptr_eq(&one.ports[0].name, &other.ports[0].name));
    assert!(size_of::<Port>() <= 112, "{} bytes a port", size_of::<Port>());
}

#[test]
fn the_first_run_has_counters_but_no_rates_and_the_second_has_both() {
    let mut memory = named(&[(1, "a")]);
    let first = seen(&mut memory, &[wide(1, 1_000)], true, &moment(None));
    assert_eq!(value(&first, "a", IN_OCTETS), &Value::U64(1_000));
    assert_eq!(value(&first, "a", IN_BPS), &Value::Null);
    assert_eq!(value(&first, "a", 0), &Value::State(0));
    assert_eq!(value(&first, "a", 1), &Value::State(6));
    assert_eq!(value(&first, "a", 5), &Value::Null, "out_errors did not come: not measured, never 0");
    let second = seen(&mut memory, &[wide(1, 1_251_000)], true, &moment(Some(SECOND)));
    assert_eq!(value(&second, "a", IN_BPS), &Value::F64(10_000_000.0));
    assert_eq!(value(&second, "a", IN_RATIO), &Value::F64(0.1));
}

#[test]
fn after_a_restart_or_a_discontinuity_there_is_a_gap_and_then_rates_again() {
    let mut memory = named(&[(1, "a")]);
    let with = |octets, discontinuity| {
        let mut row = wide(1, octets);
        row.set(5, discontinuity);
        [row]
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
        let found = seen(&mut memory, &with(octets, discontinuity), true, &moment(elapsed));
        assert_eq!(value(&found, "a", IN_BPS).number(), want, "{octets} {discontinuity}");
    }
}

#[test]
fn a_32_bit_counter_that_wraps_goes_on_growing() {
    let mut memory = named(&[(1, "a")]);
    let mut totals = Vec::new();
    for (octets, elapsed) in [(u32::MAX - 999, None), (1_000, Some(SECOND)), (3_000, Some(SECOND))] {
        let found = seen(&mut memory, &[narrow(octets)], true, &moment(elapsed));
        totals.push(value(&found, "a", IN_OCTETS).number().unwrap());
    }
    assert_eq!(totals, [4_294_966_296.0, 4_294_968_296.0, 4_294_970_296.0]);
}

#[test]
fn a_row_that_did_not_come_is_no_row_and_is_compared_over_the_longer_time_later() {
    let mut memory = named(&[(1, "a"), (2, "b")]);
    let both = |octets| [wide(1, octets), wide(2, octets)];
    seen(&mut memory, &both(0), true, &moment(None));
    let found = seen(&mut memory, &[wide(1, 1_250_000)], false, &moment(Some(SECOND)));
    assert_eq!(found.len(), 1);
    let found = seen(&mut memory, &both(2_500_000), true, &moment(Some(SECOND)));
    assert_eq!(value(&found, "a", IN_BPS), &Value::F64(10_000_000.0));
    assert_eq!(value(&found, "b", IN_BPS), &Value::F64(10_000_000.0));
}

#[test]
fn a_run_too_close_after_another_says_nothing_and_spoils_nothing() {
    let mut memory = named(&[(1, "a")]);
    let tenth = Duration::from_millis(100);
    seen(&mut memory, &[wide(1, 0)], true, &moment(None));
    let close = seen(&mut memory, &[wide(1, 500_000)], true, &moment(Some(tenth)));
    assert_eq!(value(&close, "a", IN_BPS), &Value::Null);
    let later = seen(&mut memory, &[wide(1, 1_375_000)], true, &moment(Some(SECOND)));
    assert_eq!(value(&later, "a", IN_BPS), &Value::F64(10_000_000.0));
}

#[test]
fn an_index_that_got_another_name_is_another_interface_and_a_name_that_moved_is_the_same() {
    let mut memory = named(&[(1, "a"), (2, "b")]);
    seen(&mut memory, &[wide(1, 0), wide(2, 0)], true, &moment(None));
    rename(&mut memory, &[(1, "c"), (2, "a"), (3, "b")], true);
    let rows = [wide(1, 1_250_000), wide(2, 1_250_000), wide(3, 2_500_000)];
    let found = seen(&mut memory, &rows, true, &moment(Some(SECOND)));
    let rates: Vec<Option<f64>> = ["c", "a", "b"].iter().map(|name| value(&found, name, IN_BPS).number()).collect();
    assert_eq!(rates, [None, Some(10_000_000.0), Some(20_000_000.0)]);
}

#[test]
fn names_that_were_not_reached_stay_and_names_that_are_gone_do_not() {
    let mut memory = named(&[(1, "a"), (2, "b"), (3, "c")]);
    rename(&mut memory, &[(1, "a"), (2, "d")], false);
    assert_eq!(names(&memory), ["a", "d", "c"]);
    rename(&mut memory, &[(2, "a")], true);
    assert_eq!(names(&memory), ["a"]);
    assert_eq!(seen(&mut memory, &[wide(1, 0), wide(2, 0), wide(9, 0)], true, &moment(None)).len(), 1);
}

#[test]
fn a_port_left_out_makes_no_series_keeps_its_name_and_a_shut_one_tells_its_state() {
    let task = crate::config::kinds::parse_set(&super::super::SPEC, &["shut_ports_state_only=true"]).unwrap();
    let wanted = Wanted::of(&task).unwrap();
    let mut memory = Memory::default();
    let read = vec![
        Still { kind: 6, alias: "到乌什".into(), ..still(1, "GE0/0/1") },
        Still { kind: 1, ..still(2, "NULL0") },
        Still { kind: 24, ..still(3, "LoopBack0") },
        Still { kind: 6, ..still(4, "GE0/0/2") },
        Still { kind: 246, ..still(7, "PW1") },
    ];
    learn(&mut memory, &asset(), &wanted, read, true);
    assert_eq!(memory.names().count(), 5, "what sensors, neighbours and traps name by index is known");
    let rows = [wide(1, 9), wide(2, 9), wide(3, 9), reads(4, &[(0, 2), (1, 2), (2, 9)]), wide(7, 9)];
    let (found, left_out) = judge(&mut memory, &wanted, &rows, true, &moment(None));
    let names: Vec<&str> = found.iter().map(|port| &*port.name).collect();
    assert_eq!((names, left_out), (vec!["GE0/0/1", "GE0/0/2", "PW1"], 2));
    let fields = &super::super::SPEC.schema.tables[1].fields;
    assert!(found.iter().all(|port| port.values.len() == fields.len()));
    let shut: Vec<(&str, &Value)> = fields.iter().map(|field| &*field.name).zip(&found[1].values).collect();
    let told: Vec<_> = shut.into_iter().filter(|(_, value)| **value != Value::Null).collect();
    let (state, text) = (Value::State(1), |text: &str| Value::Text(text.into()));
    assert_eq!(told, [("admin", &state), ("oper", &state), ("type", &text("ethernetCsmacd")), ("index", &text("4"))]);
    assert_eq!(found[2].values[16..], [text("246"), text("7")]);
}
