//! Literal packets of net-snmp, what agents of the wild write, packets cut, and properties. Packets mutated by the million
//! are in `tests/it/mutated.rs`, where what they take is counted.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::oid::MAX_ARCS;
use super::*;

/// `snmpgetnext -v2c -c public`, sysDescr, as net-snmp writes it.
const GET_NEXT: &str =
    "3028 020101 0406 7075626c6963 a11b 020465ed91de 020100 020100 300d 300b 06072b060102010101 0500";
/// A response with one of each exception.
const EXCEPTIONS: &str = "3043020101040670 75626c6963a236 020101020100020100 302b
    300d 06092b0601020101630000 8000 300c 06082b06010201010900 8100 300c 06082b06010601010900 8200";
/// A linkDown of v1, enterprise 1.3.6.1.4.1.2011, from 10.1.2.3, by net-snmp.
const TRAP_V1: &str = "3039 020100 0406 7075626c6963 a42c 06072b060104018f5b 40040a010203 020102 020100 43020100
    3011 300f 060a2b06010201020201 0107 020107";
/// A coldStart of v2c, by net-snmp: sysUpTime.0 and snmpTrapOID.0.
const TRAP_V2: &str = "3043 020101 0406 7075626c6963 a736 0204561b3f47 020100 020100 3028
    300d 06082b06010201010300 430100 3017 060a2b06010603010104 0100 06092b06010603010105 01";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |n, digit| n << 4 | *digit as u8)).collect()
}

fn name(arcs: &[u32]) -> Vec<u8> {
    write::name(arcs)
}

fn all<'a>(variables: Variables<'a>) -> Result<Vec<(String, Value<'a>)>, Malformed> {
    variables.map(|v| v.map(|v| (v.name.to_string(), v.value))).collect()
}

fn pdu(bytes: &[u8]) -> Pdu<'_> {
    match Message::read(bytes).unwrap().body {
        Body::Pdu(pdu) => pdu,
        Body::TrapV1(trap) => panic!("{trap:?}"),
    }
}

#[test]
fn whose_a_broken_message_is_can_be_read_whatever_lengths_it_claims() {
    let whole = bytes(EXCEPTIONS);
    let claim = Claim { version: Version::V2c, community: b"public", kind: Kind::Response, id: 1 };
    assert_eq!(Claim::of_broken(&whole), Some(claim));
    for length in [0, 1, 0x42, 0x44, 0x7f] {
        for at in [1, 14] {
            let mut broken = whole.clone();
            broken[at] = length;
            assert!(Message::read(&broken).is_err(), "{at} {length}");
            assert_eq!(Claim::of_broken(&broken), Some(claim), "{at} {length}");
        }
    }
    for end in 0..whole.len() {
        assert_eq!(Claim::of_broken(&whole[..end]), (end >= 18).then_some(claim), "cut at {end}");
    }
    proptest!(|(bytes: Vec<u8>)| {
        let _ = Claim::of_broken(&bytes);
    });
}

#[test]
fn a_request_reads_and_is_written_as_by_net_snmp() {
    let request = bytes(GET_NEXT);
    let message = Message::read(&request).unwrap();
    assert_eq!((message.version, message.community), (Version::V2c, b"public".as_slice()));
    let mut written = Vec::new();
    let id = 0x65ed_91de;
    let head = Head { version: Version::V2c, community: b"public", kind: Kind::GetNext, id, status: 0, index: 0 };
    let mut writer = Writer::begin(&head, &mut written);
    writer.name(&name(&[1, 3, 6, 1, 2, 1, 1, 1]));
    assert!(writer.finish());
    assert_eq!(written, request, "and is written so");
    let pdu = pdu(&request);
    assert_eq!((pdu.kind, pdu.id, pdu.status, pdu.index), (Kind::GetNext, 0x65ed_91de, 0, 0));
    assert_eq!(all(pdu.variables), Ok(vec![("1.3.6.1.2.1.1.1".into(), Value::Null)]));
}

#[test]
fn what_a_device_lacks_is_a_value_and_what_follows_is_read() {
    let answer = bytes(EXCEPTIONS);
    let values: Vec<Value<'_>> = all(pdu(&answer).variables).unwrap().into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [Value::NoSuchObject, Value::NoSuchInstance, Value::EndOfMibView]);
    assert!(values.iter().all(Value::is_exception));
}

#[test]
fn notifications_of_both_versions_are_read() {
    let first = bytes(TRAP_V1);
    let Body::TrapV1(trap) = Message::read(&first).unwrap().body else { panic!("a v1 trap") };
    assert_eq!((trap.enterprise.to_string().as_str(), trap.agent), ("1.3.6.1.4.1.2011", [10, 1, 2, 3]));
    assert_eq!((trap.generic, trap.specific, trap.ticks), (2, 0, 256));
    assert_eq!(all(trap.variables), Ok(vec![("1.3.6.1.2.1.2.2.1.1.7".into(), Value::Integer(7))]));
    let second = bytes(TRAP_V2);
    let pdu = pdu(&second);
    assert_eq!((pdu.kind, pdu.id), (Kind::Trap, 0x561b_3f47));
    let cold_start = name(&[1, 3, 6, 1, 6, 3, 1, 1, 5, 1]);
    let told = all(pdu.variables).unwrap();
    assert_eq!(told[0], ("1.3.6.1.2.1.1.3.0".into(), Value::Ticks(0)));
    assert_eq!(told[1], ("1.3.6.1.6.3.1.1.4.1.0".into(), Value::Oid(Oid::read(&cold_start).unwrap())));
}

#[test]
fn an_inform_is_acknowledged_with_its_own_variables() {
    let told = bytes(&TRAP_V2.replace("a736", "a636"));
    let inform = pdu(&told);
    assert_eq!(inform.kind, Kind::Inform);
    let head = Head {
        version: Version::V2c,
        community: b"public",
        kind: Kind::Response,
        id: inform.id,
        status: 0,
        index: 0,
    };
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    writer.encoded(inform.variables.as_bytes());
    assert!(writer.finish());
    let answer = pdu(&out);
    assert_eq!((answer.kind, answer.id), (Kind::Response, inform.id));
    assert_eq!(all(answer.variables), all(inform.variables));
}

#[test]
fn other_versions_and_kinds_are_named() {
    let refused = |bytes: &[u8]| Message::read(bytes).unwrap_err().to_string();
    let mut three = bytes(GET_NEXT);
    three[4] = 3;
    assert_eq!(version_of(&three), Ok(3));
    assert_eq!(refused(&three), "no version 1 or 2c at byte 2");
    assert_eq!(refused(&bytes(&GET_NEXT.replace("a11b", "a91b"))), "no known kind of message at byte 13");
    assert_eq!(refused(&[0x30, 0x80, 0, 0]), "no definite length of at most four bytes at byte 1");
    assert_eq!(refused(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2]), "no end of an element at byte 0");
    assert_eq!(refused(&[]), "no end of an element at byte 0");
}

/// The value that content under a tag reads as.
fn value(tag: u8, content: &[u8]) -> Value<'_> {
    Value::read(tag, content)
}

#[test]
fn numbers_are_read_as_real_agents_write_them() {
    assert_eq!(value(0x42, &[0xff, 0xff, 0xff, 0xff]), Value::Gauge32(u32::MAX)); // without the zero in front
    assert_eq!(value(0x41, &[0, 0xff, 0xff, 0xff, 0xff]), Value::Counter32(u32::MAX));
    assert_eq!(value(0x47, &[0, 0, 0, 0, 0, 0, 7]), Value::Unsigned32(7));
    assert_eq!(value(0x46, &[0, 0x80, 0, 0, 0, 0, 0, 0, 0]), Value::Counter64(1 << 63));
    assert_eq!(value(0x46, &[0xff; 8]), Value::Counter64(u64::MAX));
    assert_eq!(value(0x02, &[0x80]), Value::Integer(-128));
    assert_eq!(value(0x02, &[0, 0xff, 0xff, 0xff, 0xff]), Value::Integer(i64::from(u32::MAX)));
    assert_eq!(value(0x45, &[1, 2]), Value::Nsap(&[1, 2]));
}

#[test]
fn a_bad_value_costs_only_itself() {
    assert_eq!(value(0x02, &[]), Value::Other { tag: 2, bytes: &[] });
    assert_eq!(value(0x41, &[1, 0, 0, 0, 0]), Value::Other { tag: 0x41, bytes: &[1, 0, 0, 0, 0] });
    assert_eq!(value(0x40, &[0; 16]), Value::Other { tag: 0x40, bytes: &[0; 16] });
    assert_eq!(value(0x06, &[0x2b, 0x86]), Value::Other { tag: 6, bytes: &[0x2b, 0x86] });
    assert_eq!(value(0x5f, &[9]), Value::Other { tag: 0x5f, bytes: &[9] });
    let mut out = Vec::new();
    let head = Head { version: Version::V2c, community: b"", kind: Kind::Response, id: 1, status: 0, index: 0 };
    let mut writer = Writer::begin(&head, &mut out);
    writer.variable(&name(&[1, 3, 1]), &Value::Other { tag: 0x5f, bytes: &[9] });
    writer.variable(&name(&[1, 3, 2]), &Value::Integer(2));
    assert!(writer.finish());
    assert_eq!(all(pdu(&out).variables).unwrap()[1], ("1.3.2".into(), Value::Integer(2)));
}

#[test]
fn names_that_are_badly_written_are_none() {
    for bad in [
        &[][..],
        &[0x2b, 0x80, 1],                         // longer than it need be
        &[0x2b, 0x86],                            // no end
        &[0x2b, 0x90, 0x80, 0x80, 0x80, 0],       // 2^32
        &[0x2b, 0x81, 0x80, 0x80, 0x80, 0x80, 0], // 2^35
        &[0x90, 0x80, 0x80, 0x80, 0x50],          // 2.4294967296
        &[1; MAX_ARCS],
    ] {
        assert_eq!(Oid::read(bad), None, "{bad:02x?}");
    }
    let longest = [1; MAX_ARCS - 1];
    assert_eq!(Oid::read(&longest).unwrap().arcs().count(), MAX_ARCS);
    for text in ["0.0", "1.3.6.1.4.1.4294967295.127.128", "2.4294967295", "2.999.3", "1.39", "0.39"] {
        let arcs: Vec<u32> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
        let bytes = name(&arcs);
        assert_eq!(Oid::read(&bytes).map(|oid| oid.to_string()).as_deref(), Some(text));
    }
}

#[test]
fn a_message_that_is_too_long_is_not_written() {
    let mut out = vec![7];
    let head = Head { version: Version::V1, community: b"c", kind: Kind::Get, id: 1, status: 0, index: 0 };
    let mut writer = Writer::begin(&head, &mut out);
    writer.variable(&name(&[1, 3]), &Value::Octets(&[0; 70_000]));
    assert!(writer.len() > 70_000 && !writer.is_empty());
    assert!(!writer.finish());
    assert_eq!(out, [7]);
}

/// The messages that are cut.
fn messages() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [GET_NEXT, EXCEPTIONS, TRAP_V1, TRAP_V2].iter().map(|hex| bytes(hex)).collect();
    let mut long = Vec::new();
    let head = Head { version: Version::V2c, community: b"public", kind: Kind::Response, id: 9, status: 0, index: 0 };
    let mut writer = Writer::begin(&head, &mut long);
    for (at, value) in samples().iter().enumerate() {
        writer.variable(&name(&[1, 3, 6, 1, 2, 1, at as u32 * 1000]), value);
    }
    assert!(writer.finish());
    all.push(long);
    all
}

/// One of each type.
fn samples() -> Vec<Value<'static>> {
    vec![
        Value::Integer(-1),
        Value::Integer(i64::MIN),
        Value::Octets(&[0x55; 300]),
        Value::Octets(&[0xaa; 130]),
        Value::Null,
        Value::Oid(Oid::read(&[0x2b, 6, 1]).unwrap()),
        Value::Address([10, 0, 0, 1]),
        Value::Counter32(u32::MAX),
        Value::Gauge32(0),
        Value::Unsigned32(128),
        Value::Ticks(255),
        Value::Counter64(u64::MAX),
        Value::Counter64(1 << 63 >> 1),
        Value::Opaque(&[]),
        Value::Nsap(&[1]),
        Value::NoSuchObject,
        Value::NoSuchInstance,
        Value::EndOfMibView,
        Value::Other { tag: 0x5f, bytes: &[1, 2] },
    ]
}

/// Everything that can be read of a datagram; how many variables came.
fn read_all(bytes: &[u8]) -> Result<usize, Malformed> {
    let variables = match Message::read(bytes)?.body {
        Body::Pdu(pdu) => pdu.variables,
        Body::TrapV1(trap) => trap.variables,
    };
    let mut count = 0;
    for variable in variables {
        let variable = variable?;
        assert!(variable.name.arcs().count() <= MAX_ARCS && variable.name.to_string().len() < 12 * MAX_ARCS);
        assert!(variable.name.cmp(&variable.name) == Ordering::Equal);
        count += 1;
    }
    Ok(count)
}

#[test]
fn a_message_cut_anywhere_is_none() {
    for message in messages() {
        assert!(read_all(&message).unwrap() > 0);
        for end in 0..message.len() {
            assert!(read_all(&message[..end]).is_err(), "{end} of {}", message.len());
        }
        let padded = [message.as_slice(), &[0; 9]].concat();
        assert_eq!(read_all(&padded), read_all(&message));
    }
}

fn arcs() -> impl Strategy<Value = Vec<u32>> {
    let arc = prop_oneof![0_u32..3, 120_u32..132, 16_380_u32..16_390, any::<u32>()];
    (0_u32..3, 0_u32..40, prop::collection::vec(arc, 0..6)).prop_map(|(first, second, mut rest)| {
        rest.splice(0..0, [first, second]);
        rest
    })
}

proptest! {
    #[test]
    fn identifiers_compare_encoded_as_they_do_by_their_parts(a in arcs(), b in arcs()) {
        let (left, right) = (name(&a), name(&b));
        let (left, right) = (Oid::read(&left).unwrap(), Oid::read(&right).unwrap());
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert_eq!(left.arcs().collect::<Vec<_>>(), a.clone());
        let behind = left.behind(right.as_bytes());
        prop_assert_eq!(behind.map(|index| oid::index_arcs(index).collect::<Vec<_>>()), a.strip_prefix(b.as_slice()).map(<[u32]>::to_vec));
    }

    #[test]
    fn what_is_written_reads_back(id: i32, status: i32, index: i32, numbers in prop::collection::vec(any::<u64>(), 0..20), community in prop::collection::vec(any::<u8>(), 0..200)) {
        let head = Head { version: Version::V2c, community: &community, kind: Kind::Response, id, status, index };
        let mut out = Vec::new();
        let mut writer = Writer::begin(&head, &mut out);
        let mut want = Vec::new();
        for n in &numbers {
            let name = name(&[1, 3, *n as u32]);
            let octets = vec![7; (*n % 300) as usize];
            for value in [Value::Integer(*n as i64), Value::Counter64(*n), Value::Ticks(*n as u32), Value::Octets(&octets)] {
                writer.variable(&name, &value);
                want.push(format!("1.3.{} {value:?}", *n as u32));
            }
        }
        prop_assert!(writer.finish());
        let message = Message::read(&out).unwrap();
        prop_assert_eq!(message.community, community.as_slice());
        let read = pdu(&out);
        prop_assert_eq!((read.id, read.status, read.index), (id, status, index));
        let got: Vec<String> = all(read.variables).unwrap().iter().map(|(name, value)| format!("{name} {value:?}")).collect();
        prop_assert_eq!(got, want);
    }
}
