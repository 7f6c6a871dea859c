//! Traps and informs of SNMP v1 and v2c as one: which it is by its OID, who wrote it, and its variables as a text that
//! people can search and patterns can read. A v1 trap gets the OID that RFC 3584 gives it. Version 3 is not read here.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use super::snmp::{Body, Head, Kind, Malformed, Message, Oid, TrapV1, Value, Variables, Version, Writer, write};
use super::syslog::MAX_TEXT;
use super::text::{plain, shown};

/// snmpTrapOID.0, 1.3.6.1.6.3.1.1.4.1.0: what happened. Names are here as they are encoded.
const TRAP_OID: &[u8] = &[0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0];
/// sysUpTime.0, 1.3.6.1.2.1.1.3.0, which every notification begins with and nobody searches for.
const UPTIME: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 3, 0];
/// snmpTrapAddress.0, 1.3.6.1.6.3.18.1.3.0 (RFC 3584): whose it is, put there by whoever passed it on.
const ADDRESS: &[u8] = &[0x2b, 6, 1, 6, 3, 18, 1, 3, 0];
/// snmpTrapCommunity.0, 1.3.6.1.6.3.18.1.4.0 (RFC 3584): what a proxy was let in with, which is nobody's to read here.
const COMMUNITY: &[u8] = &[0x2b, 6, 1, 6, 3, 18, 1, 4, 0];
/// snmpTrapEnterprise.0, 1.3.6.1.6.3.1.1.4.3.0.
const ENTERPRISE: &[u8] = &[0x2b, 6, 1, 6, 3, 1, 1, 4, 3, 0];
/// The prefix of the generic traps of v1, 1.3.6.1.6.3.1.1.5: coldStart is its 1.
const GENERIC: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 5];
/// Number of generic traps that have an OID of their own.
const GENERICS: i32 = 6;
/// Variables that are read: the text has a bound anyway.
const MAX_VARIABLES: usize = 64;
/// Bytes that a text has room for from the start: that of a trap of a port.
const USUAL_TEXT: usize = 256;
/// Bytes of a value that go into the text.
const MAX_VALUE: usize = 256;

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub oid: String,
    /// Who wrote it first, as it says itself: an address of v1, or what a relay added.
    pub origin: Option<IpAddr>,
    /// Its variables, `OID=value` with blanks between.
    pub text: String,
    /// What acknowledges it, if it wants to be.
    pub answer: Option<Vec<u8>>,
}

/// Reads a datagram; `None` if it is an SNMP message of another sort.
pub fn read(bytes: &[u8]) -> Result<Option<Notice>, Malformed> {
    let message = Message::read(bytes)?;
    Ok(match message.body {
        Body::TrapV1(trap) => {
            let oid = match trap.generic {
                0..GENERICS => {
                    let arcs: Vec<String> = GENERIC.iter().map(u32::to_string).collect();
                    format!("{}.{}", arcs.join("."), trap.generic + 1)
                }
                _ => format!("{}.0.{}", trap.enterprise, trap.specific),
            };
            let own = Ipv4Addr::from(trap.agent);
            let origin = (!own.is_unspecified()).then_some(IpAddr::V4(own));
            let (_, told, text) = told(trap.variables);
            Some(Notice { oid, origin: told.or(origin), text, answer: None })
        }
        Body::Pdu(pdu) if matches!(pdu.kind, Kind::Trap | Kind::Inform) => {
            let (oid, origin, text) = told(pdu.variables);
            let head = Head {
                version: message.version,
                community: message.community,
                kind: Kind::Response,
                id: pdu.id,
                status: 0,
                index: 0,
            };
            let answer = (pdu.kind == Kind::Inform)
                .then(|| written(&head, |writer| writer.encoded(pdu.variables.as_bytes())))
                .flatten();
            Some(Notice { oid, origin, text, answer })
        }
        Body::Pdu(_) => None,
    })
}

/// The datagram for another receiver, such that it can tell who wrote it. A v1 trap says so itself, or becomes one of v2c if
/// it does not; to one of v2c the address is added, as a proxy does (RFC 3584 section 3.1), unless it is there already. The
/// community that another proxy was let in with goes no further: what came in v3 leaves in clear. `None` = send it as it is.
pub fn relayed(bytes: &[u8], from: IpAddr) -> Option<Vec<u8>> {
    let IpAddr::V4(from) = from else { return None };
    let message = Message::read(bytes).ok()?;
    let pdu = match message.body {
        Body::Pdu(pdu) => pdu,
        Body::TrapV1(trap) if trap.agent == [0; 4] => return modern(message.community, &trap, from),
        Body::TrapV1(_) => return None,
    };
    let has = |name: &[u8]| pdu.variables.flatten().take(MAX_VARIABLES).any(|one| one.name.as_bytes() == name);
    let (has_address, has_community) = (has(ADDRESS), has(COMMUNITY));
    let head = Head {
        version: Version::V2c,
        community: message.community,
        // A copy wants no answer: whoever sent it has ours.
        kind: Kind::Trap,
        id: pdu.id,
        status: 0,
        index: 0,
    };
    let changes = matches!(pdu.kind, Kind::Trap | Kind::Inform) && (!has_address || has_community);
    let add = |writer: &mut Writer<'_>| {
        if has_community {
            let kept = pdu.variables.flatten().filter(|one| one.name.as_bytes() != COMMUNITY);
            kept.for_each(|one| writer.variable(one.name.as_bytes(), &one.value));
        } else {
            writer.encoded(pdu.variables.as_bytes());
        }
        if !has_address {
            writer.variable(ADDRESS, &Value::Address(from.octets()));
        }
    };
    changes.then(|| written(&head, add)).flatten()
}

/// A trap of v1 as one of v2c (RFC 3584 section 3.1).
fn modern(community: &[u8], trap: &TrapV1<'_>, from: Ipv4Addr) -> Option<Vec<u8>> {
    let head = Head { version: Version::V2c, community, kind: Kind::Trap, id: 0, status: 0, index: 0 };
    let oid: Vec<u32> = match trap.generic {
        0..GENERICS => GENERIC.iter().copied().chain([trap.generic.unsigned_abs() + 1]).collect(),
        _ => trap.enterprise.arcs().chain([0, trap.specific.cast_unsigned()]).collect(),
    };
    let oid = write::name(&oid);
    written(&head, |writer| {
        writer.variable(UPTIME, &Value::Ticks(trap.ticks));
        if let Some(oid) = Oid::read(&oid) {
            writer.variable(TRAP_OID, &Value::Oid(oid));
        }
        writer.encoded(trap.variables.as_bytes());
        writer.variable(ADDRESS, &Value::Address(from.octets()));
        writer.variable(ENTERPRISE, &Value::Oid(trap.enterprise));
    })
}

fn written(head: &Head<'_>, fill: impl FnOnce(&mut Writer<'_>)) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = Writer::begin(head, &mut out);
    fill(&mut writer);
    writer.finish().then_some(out)
}

/// The OID, the address of the origin, and the rest as a text.
fn told(variables: Variables<'_>) -> (String, Option<IpAddr>, String) {
    let (mut oid, mut origin, mut text) = (String::new(), None, String::with_capacity(USUAL_TEXT));
    for variable in variables.map_while(Result::ok).take(MAX_VARIABLES) {
        let name = variable.name.as_bytes();
        match variable.value {
            Value::Oid(what) if name == TRAP_OID => {
                oid.clear();
                what.write(&mut oid);
            }
            Value::Address(ip) if name == ADDRESS => origin = Some(IpAddr::from(ip)),
            _ if name == UPTIME || name == COMMUNITY => {}
            _ if text.len() >= MAX_TEXT => break,
            value => {
                if !text.is_empty() {
                    text.push(' ');
                }
                show(variable.name, &value, &mut text);
            }
        }
    }
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    (oid, origin, text)
}

fn show(name: Oid<'_>, value: &Value<'_>, out: &mut String) {
    name.write(out);
    out.push('=');
    let mut digits = itoa::Buffer::new();
    match value {
        Value::Integer(n) => out.push_str(digits.format(*n)),
        Value::Counter32(n) | Value::Gauge32(n) | Value::Unsigned32(n) | Value::Ticks(n) => {
            out.push_str(digits.format(*n));
        }
        Value::Counter64(n) => out.push_str(digits.format(*n)),
        Value::Oid(oid) => oid.write(out),
        Value::Address(ip) => drop(write!(out, "{}", Ipv4Addr::from(*ip))),
        Value::Octets(bytes) | Value::Opaque(bytes) | Value::Nsap(bytes) | Value::Other { bytes, .. } => {
            octets(bytes, out);
        }
        Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => out.push('-'),
    }
}

/// Text if it reads as one, else the bytes in hexadecimal.
fn octets(bytes: &[u8], out: &mut String) {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    let bytes = bytes.get(..end.min(MAX_VALUE)).unwrap_or_default();
    if let Some(plain) = plain(bytes) {
        return out.push_str(plain.trim());
    }
    let printable = bytes.iter().all(|b| !b.is_ascii_control() || matches!(b, b'\t' | b'\n' | b'\r'));
    let text = if printable { shown(bytes) } else { Cow::default() };
    if printable && !text.contains('\u{fffd}') {
        out.push_str(&text);
        return;
    }
    for (byte, at) in bytes.iter().zip(0..) {
        let _ = write!(out, "{}{byte:02x}", if at == 0 { "" } else { ":" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK_DOWN: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 5, 3];
    const NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, 3];

    fn v2(kind: Kind) -> Vec<u8> {
        let head = Head { version: Version::V2c, community: b"public", kind, id: 77, status: 0, index: 0 };
        let oid = write::name(LINK_DOWN);
        let fill = |writer: &mut Writer<'_>| {
            writer.variable(UPTIME, &Value::Ticks(5));
            writer.variable(TRAP_OID, &Value::Oid(Oid::read(&oid).unwrap()));
            writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 3]), &Value::Integer(3));
            writer.variable(&write::name(NAME), &Value::Octets("GE0/0/1 上联".as_bytes()));
            writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 3]), &Value::Octets(&[0, 0x1b, 0x2c]));
        };
        written(&head, fill).unwrap()
    }

    const TEXT: &str = "1.3.6.1.2.1.2.2.1.1.3=3 1.3.6.1.2.1.31.1.1.1.1.3=GE0/0/1 上联 1.3.6.1.2.1.2.2.1.6.3=00:1b:2c";

    #[test]
    fn a_trap_is_its_oid_and_a_text() {
        let read = read(&v2(Kind::Trap)).unwrap().unwrap();
        let want = Notice { oid: "1.3.6.1.6.3.1.1.5.3".into(), origin: None, text: TEXT.into(), answer: None };
        assert_eq!(read, want);
        assert_eq!(super::read(&v2(Kind::Get)).unwrap(), None);
        assert!(super::read(b"\x30\x03\x02\x01\x03").is_err());
    }

    #[test]
    fn an_inform_is_acknowledged_with_what_it_said() {
        let answer = read(&v2(Kind::Inform)).unwrap().unwrap().answer.unwrap();
        assert_eq!(answer, v2(Kind::Response));
    }

    #[test]
    fn a_trap_of_v1_gets_the_oid_of_v2() {
        // Captured from `snmptrap -v 1 -c public HOST 1.3.6.1.4.1.2011 10.1.1.1 6 17 5`.
        let trap = |generic: u8| {
            let mut bytes = vec![0x30, 0x25, 2, 1, 0, 4, 6];
            bytes.extend(b"public");
            bytes.extend([
                0xa4, 0x18, 6, 7, 0x2b, 6, 1, 4, 1, 0x8f, 0x5b, 0x40, 4, 10, 1, 1, 1, 2, 1, generic, 2, 1, 17,
            ]);
            bytes.extend([0x43, 1, 5, 0x30, 0]);
            bytes[1] = u8::try_from(bytes.len() - 2).unwrap();
            bytes[14] = u8::try_from(bytes.len() - 15).unwrap();
            bytes
        };
        let origin = Some("10.1.1.1".parse().unwrap());
        for (generic, oid) in [(6, "1.3.6.1.4.1.2011.0.17"), (2, "1.3.6.1.6.3.1.1.5.3"), (0, "1.3.6.1.6.3.1.1.5.1")] {
            let read = read(&trap(generic)).unwrap().unwrap();
            assert_eq!((read.oid.as_str(), read.origin), (oid, origin));
        }
        let from: IpAddr = "10.9.9.9".parse().unwrap();
        assert_eq!(relayed(&trap(6), from), None);
        // One that does not say who wrote it goes on as one of v2c that does.
        for (generic, oid) in [(6, "1.3.6.1.4.1.2011.0.17"), (2, "1.3.6.1.6.3.1.1.5.3")] {
            let mut nameless = trap(generic);
            let at = nameless.windows(6).position(|w| w == [0x40, 4, 10, 1, 1, 1]).unwrap();
            nameless[at + 2..at + 6].fill(0);
            let copy = read(&relayed(&nameless, from).unwrap()).unwrap().unwrap();
            assert_eq!((copy.oid.as_str(), copy.origin), (oid, Some(from)));
            assert_eq!(copy.text, "1.3.6.1.6.3.1.1.4.3.0=1.3.6.1.4.1.2011");
        }
    }

    #[test]
    fn what_a_proxy_adds_is_whose_it_is_and_its_community_is_not_told() {
        let head = Head { version: Version::V2c, community: b"c", kind: Kind::Trap, id: 1, status: 0, index: 0 };
        let oid = write::name(LINK_DOWN);
        let fill = |writer: &mut Writer<'_>| {
            writer.variable(UPTIME, &Value::Ticks(5));
            writer.variable(TRAP_OID, &Value::Oid(Oid::read(&oid).unwrap()));
            writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 3]), &Value::Integer(3));
            writer.variable(&write::name(&[1, 3, 6, 1, 6, 3, 18, 1, 3, 0]), &Value::Address([10, 9, 9, 9]));
            writer.variable(&write::name(&[1, 3, 6, 1, 6, 3, 18, 1, 4, 0]), &Value::Octets(b"hunter2"));
            writer.variable(ENTERPRISE, &Value::Oid(Oid::read(&oid).unwrap()));
        };
        let bytes = written(&head, fill).unwrap();
        let copy = relayed(&bytes, "10.7.7.7".parse().unwrap()).unwrap();
        assert!(!copy.windows(7).any(|w| w == b"hunter2"), "nor does it go further");
        for bytes in [bytes, copy] {
            let read = read(&bytes).unwrap().unwrap();
            assert_eq!(read.origin, Some("10.9.9.9".parse().unwrap()));
            assert_eq!(read.text, "1.3.6.1.2.1.2.2.1.1.3=3 1.3.6.1.6.3.1.1.4.3.0=1.3.6.1.6.3.1.1.5.3");
        }
    }

    #[test]
    fn a_copy_says_whose_it_is_and_only_once() {
        let from: IpAddr = "10.9.9.9".parse().unwrap();
        for kind in [Kind::Trap, Kind::Inform] {
            let copy = relayed(&v2(kind), from).unwrap();
            let read = read(&copy).unwrap().unwrap();
            assert_eq!((read.origin, read.text.as_str(), &read.answer), (Some(from), TEXT, &None));
            assert_eq!(relayed(&copy, "10.8.8.8".parse().unwrap()), None);
        }
        assert_eq!(relayed(&v2(Kind::Trap), "2001:db8::1".parse().unwrap()), None);
    }

    #[test]
    fn no_prefix_and_no_mutation_panics_and_texts_are_bounded() {
        let whole = v2(Kind::Inform);
        for end in 0..whole.len() {
            let _ = read(&whole[..end]);
            let _ = relayed(&whole[..end], IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = usize::try_from(seed >> 40).unwrap() % bytes.len();
                bytes[at] = (seed >> 33) as u8;
            }
            if let Ok(Some(notice)) = read(&bytes) {
                assert!(notice.text.len() <= MAX_TEXT);
            }
        }
    }
}
