//! Recordings of the demo's devices: what an SNMP agent of that role would say, with counters that move in the
//! rhythm of a working day.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::network::{Network, Node, Port};
use super::places::PLACES;
use crate::model::Wall;
use crate::net::snmp::{Oid, Value};
use crate::sim::recording::{Entry, Recording, Tag, Wave};

const SYSTEM: &[u32] = &[1, 3, 6, 1, 2, 1, 1];
const IF: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1];
const IFX: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1];
/// lldpRemTable and lldpLocPortTable (LLDP-MIB, IEEE 802.1AB).
const LLDP_REMOTE: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 4, 1, 1];
const LLDP_LOCAL: &[u32] = &[1, 0, 8802, 1, 1, 2, 1, 3, 7, 1];
/// LldpChassisIdSubtype macAddress, LldpPortIdSubtype interfaceName.
const BY_MAC: i32 = 4;
const BY_NAME: i32 = 5;
/// ipAddrTable and ipNetToMediaTable (RFC 4293 keeps them).
const IP_ADDRESS: &[u32] = &[1, 3, 6, 1, 2, 1, 4, 20, 1];
const IP_TO_MEDIA: &[u32] = &[1, 3, 6, 1, 2, 1, 4, 22, 1];
/// dynamic.
const LEARNT: i32 = 3;
const DAY: f64 = 86_400.0;
/// When a working day is busiest, seconds of the day in UTC: half past eleven in Beijing.
const BUSIEST: f64 = 3.5 * 3600.0;
/// ethernetCsmacd, softwareLoopback and propVirtual (IANAifType-MIB).
const ETHERNET: i32 = 6;
const LOOPBACK: i32 = 24;
const VIRTUAL: i32 = 53;

fn oid(base: &[u32], rest: &[u32]) -> Oid {
    Oid::from([base, rest].concat())
}

fn text(text: &str) -> Entry {
    Entry::Fixed(Value::OctetString(text.as_bytes().to_vec().into()))
}

/// The recording of a node.
pub(super) fn recording(node: &Node, now: Wall, random: &mut fastrand::Rng) -> Recording {
    let mut all = Recording::default();
    let place = PLACES.get(node.place);
    let fixed = Entry::Fixed;
    let days = 20 + random.u64(..400);
    let uptime = Entry::Moving {
        tag: Tag::TimeTicks,
        start: days * 8_640_000 + random.u64(..8_640_000),
        rate: 100.0,
        waves: Vec::new(),
    };
    if let Some(make) = node.make {
        all.put(oid(SYSTEM, &[1, 0]), text(make.describes));
        all.put(oid(SYSTEM, &[2, 0]), fixed(Value::ObjectIdentifier(make.object_id())));
        make.tell(node, &mut all, random);
    }
    all.put(oid(SYSTEM, &[3, 0]), uptime);
    all.put(oid(SYSTEM, &[4, 0]), text(place.map_or("", |place| place.person)));
    all.put(oid(SYSTEM, &[5, 0]), text(&node.id.to_uppercase()));
    all.put(oid(SYSTEM, &[6, 0]), text(&node.cabinet));
    let count = i32::try_from(node.ports.len()).unwrap_or(i32::MAX);
    all.put(oid(&[1, 3, 6, 1, 2, 1, 2], &[1, 0]), fixed(Value::Integer(count)));
    all.put(oid(&[1, 3, 6, 1, 2, 1, 31, 1], &[5, 0]), fixed(Value::TimeTicks(0)));
    for port in &node.ports {
        rows(&mut all, node, port, now, random);
    }
    all
}

/// Who is at the other end of its cables, by LLDP; lines of carriers let none through.
pub(super) fn neighbours(all: &mut Recording, network: &Network, at: usize) {
    for cable in network.cables.iter().filter(|cable| cable.carrier.is_none()) {
        let [a, b] = &cable.ends;
        for (here, there) in [(a, b), (b, a)] {
            let (Some((_, port)), Some((other, far))) = (here.port.filter(|(node, _)| *node == at), there.port)
            else {
                continue;
            };
            let Some(other) = network.nodes.get(other) else { continue };
            let far_name = other.ports.iter().find(|port| port.index == far).map_or("", |port| port.name.as_str());
            let number = |n: i32| Entry::Fixed(Value::Integer(n));
            let mut row = |column: u32, entry: Entry| all.put(oid(LLDP_REMOTE, &[column, 0, port, 1]), entry);
            row(4, number(BY_MAC));
            row(5, Entry::Fixed(Value::OctetString(mac(other, far).into())));
            row(6, number(BY_NAME));
            row(7, text(far_name));
            row(9, text(&other.id.to_uppercase()));
            let own = network.nodes.get(at).and_then(|node| node.ports.iter().find(|own| own.index == port));
            all.put(oid(LLDP_LOCAL, &[3, port]), text(own.map_or("", |own| own.name.as_str())));
        }
    }
}

/// The addresses of its lines' ends, one /30 each, and who answers at the others: 10.x, since nobody routes 127.0.0.0/8.
pub(super) fn addresses(all: &mut Recording, network: &Network, at: usize) {
    for cable in network.cables.iter().filter(|cable| cable.carrier.is_some()) {
        let [a, b] = &cable.ends;
        for (here, there) in [(a, b), (b, a)] {
            let Some((_, port)) = here.port.filter(|(node, _)| *node == at) else { continue };
            let [own, far] = [here.address, there.address].map(routed);
            let [o1, o2, o3, o4] = own.octets().map(u32::from);
            let mut row =
                |column: u32, value: Value| all.put(oid(IP_ADDRESS, &[column, o1, o2, o3, o4]), Entry::Fixed(value));
            row(1, Value::IpAddress(own.octets()));
            row(2, Value::Integer(i32::try_from(port).unwrap_or_default()));
            row(3, Value::IpAddress([255, 255, 255, 252]));
            let neighbour = there.port.and_then(|(node, port)| Some((network.nodes.get(node)?, port)));
            let Some((other, far_port)) = neighbour else { continue };
            let [f1, f2, f3, f4] = far.octets().map(u32::from);
            let mut row = |column: u32, value: Value| {
                all.put(oid(IP_TO_MEDIA, &[column, port, f1, f2, f3, f4]), Entry::Fixed(value));
            };
            row(1, Value::Integer(i32::try_from(port).unwrap_or_default()));
            row(2, Value::OctetString(mac(other, far_port).into()));
            row(3, Value::IpAddress(far.octets()));
            row(4, Value::Integer(LEARNT));
        }
    }
}

/// The address that a device calls its own, of the one that it answers at.
fn routed(address: Ipv4Addr) -> Ipv4Addr {
    let [_, second, third, fourth] = address.octets();
    Ipv4Addr::new(10, second, third, fourth)
}

/// The address of a port, of its node's and its index.
fn mac(node: &Node, index: u32) -> Vec<u8> {
    let octet = |at: usize| node.address.octets().get(at).copied().unwrap_or_default();
    vec![0x02, 0x65, 0x29, octet(2), octet(3), u8::try_from(index).unwrap_or(u8::MAX)]
}

fn rows(all: &mut Recording, node: &Node, port: &Port, now: Wall, random: &mut fastrand::Rng) {
    let n = port.index;
    let status = |up: bool| Entry::Fixed(Value::Integer(if up { 1 } else { 2 }));
    let mac = mac(node, n);
    let loopback = port.name == "lo";
    let narrow = u32::try_from(u64::from(port.mbps) * 1_000_000).unwrap_or(u32::MAX);
    let mut row = |base: &[u32], column: u32, entry: Entry| all.put(oid(base, &[column, n]), entry);
    row(IF, 1, Entry::Fixed(Value::Integer(i32::try_from(n).unwrap_or_default())));
    row(IF, 2, text(&port.name));
    let made_of = match port.name.as_str() {
        "lo" => LOOPBACK,
        name if name.starts_with("Vlanif") => VIRTUAL,
        _ => ETHERNET,
    };
    row(IF, 3, Entry::Fixed(Value::Integer(made_of)));
    row(IF, 4, Entry::Fixed(Value::Integer(1500)));
    row(IF, 5, Entry::Fixed(Value::Gauge32(narrow)));
    row(IF, 6, Entry::Fixed(Value::OctetString(if loopback { Vec::new() } else { mac }.into())));
    row(IF, 7, status(port.enabled));
    row(IF, 8, status(port.up));
    row(IFX, 1, text(&port.name));
    row(IFX, 15, Entry::Fixed(Value::Gauge32(port.mbps)));
    row(IFX, 18, text(&port.alias));
    row(IFX, 19, Entry::Fixed(Value::TimeTicks(0)));
    let waves = rhythm(now, random);
    // What it has counted in some months.
    let age = f64::from(random.u32(2_000_000..20_000_000));
    for (column, rate) in [(6, port.rates[0]), (10, port.rates[1])] {
        let start = (rate * age) as u64;
        row(IFX, column, Entry::Moving { tag: Tag::Counter64, start, rate, waves: waves.clone() });
    }
    for (column, rate) in [(13, 0.0), (14, port.errors), (19, 0.0), (20, 0.0)] {
        let start = (rate * age) as u64 % u64::from(u32::MAX);
        row(IF, column, Entry::Moving { tag: Tag::Counter32, start, rate, waves: Vec::new() });
    }
}

/// Day and night, a quarter of an hour, a minute or two: the same for both directions of a port.
fn rhythm(now: Wall, random: &mut fastrand::Rng) -> Vec<Wave> {
    let of_day = Duration::from_millis(u64::try_from(now.millis()).unwrap_or_default()).as_secs_f64() % DAY;
    let shift = 1800.0 * (random.f64() - 0.5);
    let day = Wave { depth: 0.42, period: DAY, phase: (of_day - BUSIEST + DAY / 4.0 + shift).rem_euclid(DAY) };
    let mut swing = |depth: f64, least: f64| {
        let period = least * (1.0 + random.f64());
        Wave { depth, period, phase: period * random.f64() }
    };
    vec![day, swing(0.2, 700.0), swing(0.16, 90.0), swing(0.1, 31.0)]
}
