//! Datagrams that were cut and mutated, by the million, through all that reads what others send: no panic, no more taken
//! from the heap than its bounds allow, and a walk that never gets the same row twice. `fuzz/` goes on for as long as it
//! is let.

use fengsui::codec::snmp::{Body, Head, Kind, Message, Oid, Value, Version, Writer, oid, version_of, write};
use fengsui::codec::syslog::{self, Frames};
use fengsui::codec::trap;
use fengsui::model::time::Mono;
use fengsui::net::snmp::{Engine, Sink, rehearse};

use crate::allocations::{self, Taken};
use crate::snmp::{AUTH, PRIVACY, user};

/// A linkDown of v1, enterprise 1.3.6.1.4.1.2011, from 10.1.2.3, by net-snmp.
const TRAP_V1: &[u8] = b"\x30\x39\x02\x01\x00\x04\x06public\xa4\x2c\x06\x07\x2b\x06\x01\x04\x01\x8f\x5b\x40\x04\x0a\x01\x02\
    \x03\x02\x01\x02\x02\x01\x00\x43\x02\x01\x00\x30\x11\x30\x0f\x06\x0a\x2b\x06\x01\x02\x01\x02\x02\x01\x01\x07\x02\x01\x07";

fn message(kind: Kind, variables: &[(&[u32], Value<'_>)]) -> Vec<u8> {
    let head = Head { version: Version::V2c, community: b"public", kind, id: 7, status: 0, index: 0 };
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    variables.iter().for_each(|(name, value)| writer.variable(&write::name(name), value));
    assert!(writer.finish());
    out
}

/// A request, answers of one and of many types, notifications of all sorts.
fn messages() -> Vec<Vec<u8>> {
    let down = write::name(&[1, 3, 6, 1, 6, 3, 1, 1, 5, 3]);
    let long = [0xe7; 300];
    let told: Vec<(&[u32], Value<'_>)> = vec![
        (&[1, 3, 6, 1, 2, 1, 1, 3, 0], Value::Ticks(500)),
        (&[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0], Value::Oid(Oid::read(&down).unwrap())),
        (&[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, 3], Value::Octets("GE0/0/1 上联".as_bytes())),
        (&[1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 3], Value::Octets(&long)),
        (&[1, 3, 6, 1, 2, 1, 2, 2, 1, 10, 3], Value::Counter32(u32::MAX)),
        (&[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 3], Value::Counter64(u64::MAX)),
        (&[1, 3, 6, 1, 6, 3, 18, 1, 3, 0], Value::Address([10, 1, 2, 3])),
        (&[1, 3, 6, 1, 4, 1, 2011, 4_294_967_295], Value::Integer(-1)),
        (&[1, 3, 9], Value::Opaque(&[])),
        (&[1, 3, 9, 1], Value::NoSuchInstance),
    ];
    let row = |index: u32| -> Vec<(Vec<u32>, Value<'_>)> {
        (1..5).map(|column| (vec![1, 3, 6, 1, 2, 1, 2, 2, 1, column, index], Value::Gauge32(index))).collect()
    };
    let rows: Vec<(Vec<u32>, Value<'_>)> = (1..12).flat_map(row).collect();
    let rows: Vec<(&[u32], Value<'_>)> = rows.iter().map(|(name, value)| (name.as_slice(), *value)).collect();
    vec![
        message(Kind::GetBulk, &told[..1]),
        message(Kind::Response, &told),
        message(Kind::Response, &rows),
        message(Kind::Trap, &told),
        message(Kind::Inform, &told),
        TRAP_V1.to_vec(),
    ]
}

/// One of them, cut and mutated.
fn mutated(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut message = random.choice(seeds).unwrap().clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..message.len());
        match random.u8(..6) {
            0 => message[at] = random.u8(..),
            1 => message[at] ^= 1 << random.u8(..8),
            2 if random.u8(..4) == 0 => message.truncate(at.max(1)),
            2 | 3 => message.insert(at, random.u8(..)),
            4 => message[at] = message[at].wrapping_add(1),
            _ => message[at] = *random.choice(&[0, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff]).unwrap(),
        }
    }
    message
}

/// Everything that can be read of a datagram; how many variables came.
fn read_all(bytes: &[u8]) -> Option<usize> {
    let _ = version_of(bytes);
    let variables = match Message::read(bytes).ok()?.body {
        Body::Pdu(pdu) => pdu.variables,
        Body::TrapV1(trap) => trap.variables,
    };
    let mut count = 0;
    for variable in variables {
        let variable = variable.ok()?;
        assert!(variable.name.arcs().count() <= oid::MAX_ARCS);
        count += 1;
    }
    Some(count)
}

#[test]
fn a_million_datagrams_through_the_decoder_take_nothing_from_the_heap() {
    const MUTATIONS: usize = 1_000_000;
    let (mut random, seeds) = (fastrand::Rng::with_seed(5), messages());
    let mut good = 0;
    for _ in 0..MUTATIONS {
        let message = mutated(&seeds, &mut random);
        let (count, taken) = allocations::of(|| read_all(&message));
        assert_eq!(taken, Taken::default(), "{message:02x?}");
        if let Some(count) = count {
            assert!(count <= message.len() / 4);
            good += 1;
        }
    }
    assert!(good > MUTATIONS / 20, "too few are read at all to say anything: {good}");
}

#[test]
fn what_is_heard_takes_no_more_than_its_bounds() {
    /// Texts of `MAX_TEXT` with the last value that overran them, as often as a growing text is moved.
    const TEXTS: usize = 32 << 10;
    let (mut random, seeds) = (fastrand::Rng::with_seed(6), messages());
    let from = "10.9.9.9".parse().unwrap();
    let mut heard = 0;
    for _ in 0..100_000 {
        let message = mutated(&seeds, &mut random);
        let (notice, taken) = allocations::of(|| (trap::read(&message), trap::relayed(&message, from)).0);
        // What goes back or on is the datagram once more, with a few bytes in front, as a vector grows.
        assert!(taken.bytes <= TEXTS + 8 * message.len(), "{taken:?} for {} bytes", message.len());
        if let Ok(Some(notice)) = notice {
            assert!(notice.text.len() <= syslog::MAX_TEXT && notice.oid.len() <= 12 * oid::MAX_ARCS);
            heard += 1;
        }
    }
    assert!(heard > 5_000, "too few are heard at all to say anything: {heard}");
    let line = "<187>Nov 28 2026 10:00:00 SW-1 %%01IFNET/4/IF_STATE(l)[7]:Interface GigabitEthernet0/0/1 上联 has turned into DOWN state.\n";
    let five = "<34>1 2026-11-28T10:00:00.003Z host su 77 ID47 [origin ip=\"10.1.1.1\"][x@9 a=\"]\\\"\"] BOM'su root' failed";
    let lines: Vec<Vec<u8>> = [line, five, "%LINK-3-UPDOWN: Interface", "71 <13>framed by its length"]
        .map(|l| l.as_bytes().to_vec())
        .to_vec();
    for _ in 0..100_000 {
        let line = mutated(&lines, &mut random);
        let (read, taken) =
            allocations::of(|| (syslog::read(&line), syslog::relayed(&line, from, "2026-11-28T10:00:00Z")).0);
        assert!(
            read.text.len() <= syslog::MAX_TEXT
                && read.host.len() <= syslog::MAX_WORD
                && read.tag.len() <= syslog::MAX_WORD
        );
        assert!(taken.bytes <= TEXTS + 16 * line.len(), "{taken:?} for {} bytes", line.len());
    }
    // A stream of them, in pieces.
    let mut frames = Frames::default();
    for _ in 0..20_000 {
        let piece = mutated(&lines, &mut random);
        let (_, taken) = allocations::of(|| frames.push(&piece, |line| assert!(line.len() <= 2 * syslog::MAX_LINE)));
        assert!(taken.largest <= 4 * syslog::MAX_LINE, "{taken:?}");
    }
}

#[test]
fn the_engine_of_notifications_opens_nothing_that_was_mutated_and_holds_little() {
    use ::snmp::MessageSize;
    use ::snmp::message::V3Message;
    let mut engine = Engine::new(vec![0x80, 0, 0x1f, 0x88, 4, 1, 2, 3, 4], 3, Mono::default()).unwrap();
    assert_eq!(engine.know(&[user(AUTH, PRIVACY)]), None);
    let question = V3Message::discovery_request(1, MessageSize::new(65_507).unwrap()).unwrap().encode().unwrap();
    let (seeds, mut random) = ([question.to_vec()], fastrand::Rng::with_seed(7));
    for _ in 0..50_000 {
        let message = mutated(&seeds, &mut random);
        let (opened, taken) = allocations::of(|| engine.open(&message, false, Mono::default()));
        assert!(!matches!(opened, fengsui::net::snmp::Opened::Notice { .. }), "{message:02x?}");
        assert!(taken.largest <= 64 << 10, "{taken:?}");
    }
    assert!(engine.clocks().is_none_or(|clocks| clocks.is_empty()), "nobody is believed who was not authenticated");
}

/// Rows, each of which must be behind the last of its column.
struct Growing {
    columns: Vec<Vec<u8>>,
    last: Vec<Vec<u8>>,
}

impl Sink for Growing {
    fn take(&mut self, column: usize, index: &[u8], _: &Value<'_>) {
        let name = [self.columns[column].as_slice(), index].concat();
        let last = &mut self.last[column];
        assert!(last.is_empty() || oid::order(last, &name).is_lt(), "{last:02x?} {name:02x?}");
        *last = name;
    }
}

#[test]
fn a_walk_of_mutated_answers_gets_no_row_twice_and_ends() {
    let columns: Vec<::snmp::Oid> =
        (1..9).map(|c| ::snmp::Oid::from_slice(&[1, 3, 6, 1, 2, 1, 2, 2, 1, c])).collect();
    let encoded: Vec<Vec<u8>> = columns.iter().map(|column| write::name(column.arcs())).collect();
    let (mut random, seeds) = (fastrand::Rng::with_seed(8), messages());
    let mut rows = 0;
    for at in 0..20_000 {
        let version = if at % 4 == 0 { Version::V1 } else { Version::V2c };
        let answers: Vec<Vec<u8>> = (0..random.usize(1..20))
            .map(|_| if random.bool() { seeds[2].clone() } else { mutated(&seeds, &mut random) })
            .collect();
        let sink = Growing { columns: encoded.clone(), last: vec![Vec::new(); columns.len()] };
        let all: usize = answers.iter().map(Vec::len).sum();
        let mut requests = 0;
        let walk = || rehearse(&columns, version, sink, answers.iter().map(Vec::as_slice), |_| requests += 1);
        let (walked, taken) = allocations::of(walk);
        assert!(walked.packets as usize <= answers.len() && walked.packets == requests, "{walked:?}");
        assert!(walked.shortfalls.len() <= columns.len() + 1, "{walked:?}");
        assert!(taken.bytes <= 64 * (all + 1024), "{taken:?} for {all} bytes");
        rows += walked.variables;
    }
    assert!(rows > 20_000, "too few come at all to say anything: {rows}");
}
