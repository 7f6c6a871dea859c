//! What a window holds, where windows lie, when facts are told.

use super::*;
use crate::config::testing::kind;
use crate::model::Row as Seen;

fn now(ms: u64) -> Now {
    Now { wall: Wall::from_millis(1_700_000_000_000 + ms as i64), mono: Mono::from_origin(Duration::from_millis(ms)) }
}

fn seen(kind_name: &str, object: &str, at: u64, outcome: Outcome, rows: Vec<Seen>) -> Observation {
    Observation {
        instance: "".into(),
        schema: Arc::new(kind(kind_name).schema.clone()),
        agent: "tower".parse().unwrap(),
        probe: "p".parse().unwrap(),
        object: object.parse().unwrap(),
        purpose: Purpose::Measure,
        at: now(at).wall,
        took: Duration::from_millis(5),
        outcome,
        cause: (outcome != Outcome::Ok).then_some(Cause::Timeout),
        detail: None,
        tally: Tally { sent: 1, lost: u32::from(outcome == Outcome::Failed), ..Tally::default() },
        rows,
    }
}

fn ended(s: &mut Summariser, at: u64) -> Vec<Samples> {
    std::iter::from_fn(|| s.ended(now(at))).collect()
}

/// All that is left, ended or not.
fn rest(s: &mut Summariser, at: u64) -> Vec<Samples> {
    s.end_all(now(at).mono);
    let all = ended(s, at);
    assert_eq!((s.held.rows, s.held.bytes, s.waits()), (0, 0, false), "what was handed out is held no more");
    all
}

fn row(table: usize, object: &str, values: Vec<Value>) -> Seen {
    Seen { table, object: object.parse().unwrap(), instance: "".into(), values }
}

#[test]
fn a_window_sums_up_runs_packets_causes_and_measurements() {
    let mut s = Summariser::new();
    for i in 0..10u64 {
        let failed = i == 3;
        let values =
            vec![if failed { Value::Null } else { Value::many(vec![(i + 1) as f64 / 100.0]) }, Value::F64(0.0)];
        let outcome = if failed { Outcome::Failed } else { Outcome::Ok };
        s.push(
            &seen("icmp", "asset:a", 100_000 + i, outcome, vec![row(0, "asset:a", values)]),
            Duration::from_secs(60),
            now(100_000 + i),
        );
    }
    s.push(&seen("icmp", "asset:a", 100_020, Outcome::Invalid, vec![]), Duration::from_secs(60), now(100_020));
    assert!(ended(&mut s, 100_030).is_empty() || s.next_wake().is_none());
    let all = rest(&mut s, 200_000);
    let [samples] = all.as_slice() else { panic!("{all:?}") };
    let [r] = samples.rows.as_slice() else { panic!("{samples:?}") };
    assert_eq!(r.runs, [9, 0, 1, 1]);
    assert_eq!(r.packets, [11, 1, 0, 0, 0]);
    assert_eq!(r.causes, BTreeMap::from([("timeout".to_owned(), 2)]));
    let rtt = &r.fields["rtt_seconds"].0;
    assert_eq!((rtt.n, rtt.min, rtt.max), (9, 0.01, 0.1));
    assert_eq!(rtt.histogram.as_ref().unwrap().count(), 9);
    assert_eq!(r.fields["up"].0.mean(), 0.9);
    assert_eq!(r.fields["duration_seconds"].0.n, 10);
    assert_eq!(samples.to.since(samples.from), Duration::from_secs(60));
}

#[test]
fn windows_lie_on_a_grid_and_lose_nothing_between_them() {
    let mut s = Summariser::new();
    let keep = Duration::from_secs(10);
    let mut all = Vec::new();
    for t in (1_000..101_000).step_by(1_000) {
        let values = vec![Value::many(vec![0.01]), Value::F64(0.0)];
        s.push(&seen("icmp", "asset:a", t, Outcome::Ok, vec![row(0, "asset:a", values)]), keep, now(t));
        if t % 3_000 == 0 {
            all.extend(ended(&mut s, t));
        }
    }
    all.extend(rest(&mut s, 101_000));
    assert_eq!(all.iter().flat_map(|w| &w.rows).map(|r| r.runs[0]).sum::<u32>(), 100);
    assert!(all.windows(2).all(|w| w[0].to == w[1].from), "{all:?}");
}

#[test]
fn a_window_that_is_not_over_ends_when_it_is_ended() {
    let mut s = Summariser::new();
    let day = Duration::from_secs(86_400);
    s.push(&seen("icmp", "asset:a", 1_000, Outcome::Ok, Vec::new()), day, now(1_000));
    let all = rest(&mut s, 5_000);
    assert_eq!(all.iter().map(|window| window.to).collect::<Vec<_>>(), [now(5_000).wall]);
    assert!(all[0].from <= now(1_000).wall);
}

#[test]
fn a_record_has_at_most_500_rows() {
    let mut s = Summariser::new();
    let rows = (0..1_200)
        .map(|i| row(1, &format!("interface:a/eth{i}"), vec![Value::State(0), Value::State(1), Value::U64(i)]))
        .collect();
    let facts = s.push(&seen("snmp", "asset:a", 0, Outcome::Ok, rows), Duration::from_secs(60), now(0));
    assert_eq!(facts.len(), 1_200);
    let sizes: Vec<usize> = rest(&mut s, 1).iter().map(|w| w.rows.len()).collect();
    assert_eq!(sizes, [500, 500, 201]);
}

#[test]
fn facts_are_told_when_they_change_and_once_a_day() {
    let mut s = Summariser::new();
    let port = |oper: u8| vec![row(1, "interface:a/eth0", vec![Value::State(0), Value::State(oper), Value::U64(1)])];
    let day = 24 * 3_600_000;
    // (time, state of the port, facts expected)
    let table = [(0, 0, 1), (1_000, 0, 0), (2_000, 1, 1), (3_000, 1, 0), (3_000 + day, 1, 1), (4_000 + day, 1, 0)];
    for (t, oper, expected) in table {
        let facts = s.push(&seen("snmp", "asset:a", t, Outcome::Ok, port(oper)), Duration::from_secs(60), now(t));
        assert_eq!(facts.len(), expected, "at {t}");
        if let Some(facts) = facts.first() {
            assert_eq!(facts.values["oper"], ["up", "down"][usize::from(oper)]);
        }
        ended(&mut s, t);
    }
}

/// A run of a switch with so many ports.
fn switch(name: &str, ports: u64, at: u64) -> Observation {
    let object = format!("asset:{name}");
    let port = |i: u64| {
        let values = vec![Value::State(0), Value::State(0), Value::U64(i), Value::F64(0.1), Value::F64(0.2)];
        row(1, &format!("interface:{name}/eth{i}"), values)
    };
    seen("snmp", &object, at, Outcome::Ok, (0..ports).map(port).collect())
}

fn task(kind: &str) -> Task {
    Task {
        instance: "".into(),
        id: "t".into(),
        probe: "p".parse().unwrap(),
        kind: kind.into(),
        object: "asset:a".parse().unwrap(),
        target: Default::default(),
        settings: Default::default(),
        interval_ms: 60_000,
        timeout_ms: 1_000,
        keep_ms: 60_000,
        secret: None,
        calendar: None,
    }
}

#[test]
fn five_thousand_devices_with_their_ports_find_room_within_the_bound_of_memory() {
    let specs = crate::config::testing::CATALOG;
    assert_eq!(room(&[task("icmp"), task("snmp")], specs), LEAST_ROOM);
    let plan: Vec<Task> = (0..5_000).map(|_| task("snmp")).chain((0..5_000).map(|_| task("icmp"))).collect();
    let rows = room(&plan, specs);
    assert_eq!(rows, 5_000 * ROWS_A_TARGET + 5_000);
    let mut s = Summariser::new();
    s.set_room(rows);
    for device in 0..5_000 {
        s.push(&switch(&format!("d{device}"), 48, 0), Duration::from_secs(60), now(0));
    }
    assert_eq!((s.dropped(), s.held.rows), (0, 5_000 * 49));
    assert!(s.held.bytes < MAX_BYTES / 2, "{} MiB", s.held.bytes >> 20);
    s.end_all(now(60_000).mono);
    let (mut records, mut ports) = (0, 0);
    while let Some(samples) = s.ended(now(1)) {
        records += 1;
        ports += samples.rows.iter().filter(|row| row.fields.contains_key("in_octets")).count();
    }
    assert_eq!((records, ports, s.held.bytes), (490, 240_000, 0));
}

#[test]
fn what_finds_no_room_is_counted_and_the_rest_goes_on() {
    let mut s = Summariser::new();
    s.set_room(10);
    s.push(&switch("a", 12, 0), Duration::from_secs(60), now(0));
    assert_eq!(s.held.rows, 10);
    assert_eq!(s.dropped(), 3 + 2, "three ports have no row, two of them nothing that is remembered of them");
    s.set_room(100);
    s.held.most = s.held.bytes + 10;
    s.push(&switch("b", 1, 1_000), Duration::from_secs(60), now(1_000));
    assert_eq!(s.held.rows, 10, "there is room, and no memory");
    assert_eq!(s.dropped(), 5 + 2);
    s.push(&switch("a", 1, 2_000), Duration::from_secs(60), now(2_000));
    let port = rest(&mut s, 3_000).remove(0).rows.into_iter().nth(1).unwrap();
    assert_eq!(port.fields["in_octets"].0.n, 2);
}
