//! Profiles of devices: the shipped ones are free of mistakes, and what they make of recordings that are written by hand
//! is what stands there: names in GB18030, sentinels, lanes, states, ports that moved, tables that were cut.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fengsui::config::defs::profile::ProfileDef;
use fengsui::config::defs::profile::choose::{Chosen, candidates};
use fengsui::config::defs::{self, Loaded};
use fengsui::model::device::{Asking, Class, Device, Fact};
use fengsui::model::plan::PlanProfile;
use fengsui::net::clock::Clock;
use fengsui::net::snmp::{Manner, Oid, Session, Value};
use fengsui::probe;
use fengsui::probe::device::{Answers, Wanted, evaluate, fetch};
use fengsui::sim::Recording;

use crate::snmp::{community, world};

fn shipped() -> Loaded {
    defs::load(&[], probe::catalog())
}

fn arcs(text: &str) -> Vec<u32> {
    text.split('.').map(|arc| arc.parse().unwrap()).collect()
}

fn recording(name: &str) -> Recording {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/profiles").join(name);
    Recording::parse(name, &std::fs::read(path).unwrap()).unwrap()
}

/// All that a recording answers to what a profile asks, without a network.
fn answers(recording: &Recording, wanted: &Wanted) -> Answers {
    let mut answers = Answers::default();
    for oid in &wanted.scalars {
        if let Some(entry) = recording.get(&Oid::from_slice(oid)) {
            answers.scalar(oid.clone(), entry.at(Duration::ZERO));
        }
    }
    for column in &wanted.columns {
        let root = Oid::from_slice(column);
        let mut at = root.clone();
        while let Some((oid, entry)) = recording.after(&at).filter(|(oid, _)| oid.starts_with(&root)) {
            answers.cell(column, &oid.arcs()[column.len()..], entry.at(Duration::ZERO));
            at = oid.clone();
        }
    }
    answers
}

fn chosen<'a>(profiles: &'a [ProfileDef], recording: &Recording) -> Chosen<'a> {
    let value = |oid: &str| recording.get(&Oid::from_slice(&arcs(oid))).map(|entry| entry.at(Duration::ZERO));
    let Some(Value::ObjectIdentifier(object_id)) = value("1.3.6.1.2.1.1.2.0") else { panic!("no sysObjectID") };
    let descr = value("1.3.6.1.2.1.1.1.0").unwrap();
    Chosen::of(profiles, object_id.arcs(), &fengsui::codec::text::decode(descr.as_bytes().unwrap()))
}

/// A device as lines, one a thing: the fields that it has, without those of no interest here.
fn lines(device: &Device, class: &str, without: &[&str]) -> Vec<String> {
    let spec = Class::named(class).unwrap();
    let text = |fact: &Fact| match fact {
        Fact::Text(text) => text.to_string(),
        other => other.number().map(|n| n.to_string()).unwrap_or_default(),
    };
    let line = |facts: &[Fact]| {
        let told = spec.parts.iter().zip(facts).filter(|(part, f)| !f.is_null() && !without.contains(&part.name));
        told.map(|(_, fact)| text(fact)).collect::<Vec<_>>().join(" ")
    };
    device.of(class).iter().map(|thing| line(&thing.facts)).collect()
}

const COUNTERS: &[&str] =
    &["in_octets", "out_octets", "in_errors", "out_errors", "in_discards", "out_discards", "mtu", "mac"];

#[test]
fn shipped_profiles_have_no_mistakes_and_every_family_has_one() {
    let loaded = shipped();
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    let ids: BTreeSet<&str> = loaded.definitions.profiles.iter().map(|profile| profile.id.as_str()).collect();
    for id in [
        "generic",
        "huawei-vrp",
        "h3c-comware",
        "ruijie",
        "zte-zxr10",
        "cisco-ios",
        "cisco-nxos",
        "juniper-junos",
        "mikrotik-routeros",
        "fortinet-fortigate",
        "hillstone-stoneos",
        "linux",
        "ups",
    ] {
        assert!(ids.contains(id), "{id} is missing of {ids:?}");
    }
    for profile in &loaded.definitions.profiles {
        let named = profile.zh != profile.id.as_str() && profile.en != profile.id.as_str();
        assert!(named, "{} has names in both languages", profile.id);
    }
}

#[test]
fn the_longer_beginning_wins_and_then_the_description() {
    let loaded = shipped();
    let profiles = &loaded.definitions.profiles;
    for (object_id, descr, want) in [
        ("1.3.6.1.4.1.2011.2.23.291", "Huawei Versatile Routing Platform Software", "huawei-vrp"),
        ("1.3.6.1.4.1.2011.2.235", "Hardware management system", "huawei-ibmc"),
        ("1.3.6.1.4.1.2011.6.174.4.1.2.4", "SNMP Card for HUAWEI UPS2000", "huawei-ups"),
        ("1.3.6.1.4.1.2011.10.1.60", "H3C Comware Software", "h3c-comware"),
        ("1.3.6.1.4.1.9.1.617", "Cisco IOS Software, C3560", "cisco-ios"),
        ("1.3.6.1.4.1.9.1.2404", "Cisco Adaptive Security Appliance Version 9.12(2)", "cisco-asa"),
        ("1.3.6.1.4.1.9.12.3.1.3.1163", "Cisco NX-OS(tm) nxos", "cisco-nxos"),
        ("1.3.6.1.4.1.3902.3.100.614", "ZTE Ethernet Switch ZXR10 5250", "zte-zxr10"),
        ("1.3.6.1.4.1.8072.3.2.10", "Linux host", "linux"),
    ] {
        let found = candidates(profiles, &arcs(object_id), descr);
        assert_eq!(found.first().map(|c| c.profile.id.as_str()), Some(want), "{object_id} {descr}");
    }
    let none = Chosen::of(profiles, &arcs("1.3.6.1.4.1.99999.1"), "something else");
    assert_eq!((none.id(), none.own.is_none()), ("generic", true));
}

#[test]
fn a_switch_of_huawei_says_what_its_recording_says() {
    let loaded = shipped();
    let recording = recording("vrp.snmprec");
    let chosen = chosen(&loaded.definitions.profiles, &recording);
    let device = evaluate(&chosen, &answers(&recording, &Wanted::of(&chosen, chosen.tables())));
    let facts: Vec<&str> = ["profile", "vendor", "model", "os", "version", "serial", "name", "location"]
        .into_iter()
        .map(|name| device.fact(name).text().unwrap_or_default())
        .collect();
    let version = "5.170 (S5720 V200R019C00SPC500)";
    assert_eq!(
        facts,
        ["huawei-vrp", "Huawei", "S5720-99X", "VRP", version, "SIM0000001", "sim-vrp-1", "阿克苏 机房"]
    );
    assert_eq!(device.fact("uptime_seconds").number(), Some(3600.0));
    assert_eq!(
        lines(&device, "interfaces", COUNTERS),
        [
            "GigabitEthernet0/0/1 6 到温宿 二楼 ethernetCsmacd up up 1000000000",
            "GigabitEthernet0/0/2 7 ethernetCsmacd up down 1000000000",
            "XGigabitEthernet0/0/1 54 uplink ethernetCsmacd up up 10000000000",
            "Vlanif60 70 管理 propVirtual up up",
        ]
    );
    // Entities without a threshold have no processor; -1 is no size, 8192 MB is one.
    assert_eq!(lines(&device, "cpu", &[]), ["MPU Board 0 0.44", "Slot 1 0"]);
    assert_eq!(lines(&device, "memory", &[]), ["MPU Board 0 0.09 1598029824", "Slot 1 0.54 8589934592"]);
    assert_eq!(
        lines(&device, "sensors", &[]),
        [
            "temperature MPU Board 0 42 °C ok",
            "fan_ratio fan 0.1 30 % ok",
            "fan_ratio fan 0.2 0 % critical",
            "power_supply PWR 1.0 ok",
            "power_supply PWR 2.0 critical",
            "temperature XGigabitEthernet0/0/1 39 °C",
            "temperature GigabitEthernet0/0/1 35 °C",
            "voltage XGigabitEthernet0/0/1 3.299 V",
            "voltage GigabitEthernet0/0/1 3.37 V",
            "current XGigabitEthernet0/0/1 0.005232 A",
            "current GigabitEthernet0/0/1 0.034 A",
            "optical_rx XGigabitEthernet0/0/1 -2.708352103 dBm",
            "optical_rx GigabitEthernet0/0/1 -2.9 dBm critical",
            "optical_tx XGigabitEthernet0/0/1 -2.284125191 dBm",
            "optical_tx GigabitEthernet0/0/1 -1.31 dBm",
            "optical_rx GigabitEthernet0/0/1 lane 1 -2.9 dBm",
            "optical_rx GigabitEthernet0/0/1 lane 2 -3.1 dBm",
            "optical_rx GigabitEthernet0/0/1 lane 3 -40 dBm",
        ]
    );
    assert_eq!(
        lines(&device, "neighbours", &[]),
        ["lldp XGigabitEthernet0/0/1 sim-core-1 10GE1/0/42 02:00:5e:00:ff:01 10.65.0.1"]
    );
    assert_eq!(lines(&device, "vlans", &[]), ["1 VLAN 0001", "60 办公"]);
    assert_eq!(lines(&device, "addresses", &[]), ["10.65.0.2 30 XGigabitEthernet0/0/1", "10.65.60.1 24 Vlanif60"]);
    assert_eq!(
        lines(&device, "bgp_peers", &[]),
        ["10.65.0.1 65001 established 10.65.0.2 4321", "10.65.0.5 65002 idle 10.65.0.2"]
    );
    assert_eq!(lines(&device, "ospf_neighbours", &[]), ["10.65.0.1 10.64.0.1 full"]);
    assert!(device.incomplete.is_empty());
}

#[test]
fn a_profile_that_was_sent_reads_back_as_it_was() {
    let loaded = shipped();
    let there = &loaded.definitions.profiles;
    let sent: Vec<PlanProfile> =
        there.iter().map(|def| PlanProfile { id: def.id.clone(), toml: def.toml.clone() }).collect();
    let (back, wrong) = defs::profiles(&sent, probe::catalog());
    assert!(wrong.is_empty(), "{wrong:#?}");
    let shown = |def: &ProfileDef| {
        let names = (&def.id, &def.zh, &def.en, &def.vendor, &def.os, &def.like, &def.without);
        format!("{names:?} {:?} {:?} {:?}", def.matches, def.device, def.tables)
    };
    assert_eq!(back.len(), there.len());
    for (back, there) in back.iter().zip(there) {
        assert_eq!(shown(back), shown(there));
    }
    // One that an agent cannot read costs itself alone; from a console that sends none an agent takes its own.
    let one = PlanProfile { toml: "[[profile]]\nid = \"generic\"\nnovel = 1\n".into(), ..sent[0].clone() };
    let (back, wrong) = defs::profiles(&[&sent[1..], &[one]].concat(), probe::catalog());
    assert_eq!((back.len(), wrong.len()), (there.len() - 1, 1), "{wrong:#?}");
    assert_eq!(defs::profiles(&[], probe::catalog()).0.len(), there.len());
}

/// A generic device with these lines.
fn generic(lines: &str) -> (Loaded, Recording) {
    (shipped(), Recording::parse("made up", lines.as_bytes()).unwrap())
}

#[test]
fn a_port_that_moved_to_another_index_keeps_its_name_and_twins_get_theirs() {
    let device = |eth: u32, other: u32| {
        let (loaded, recording) = generic(&format!(
            "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999\n1.3.6.1.2.1.1.1.0|4|x\n\
             1.3.6.1.2.1.31.1.1.1.1.{eth}|4|ge-1/0/1\n1.3.6.1.2.1.31.1.1.1.1.{other}|4|Port\n\
             1.3.6.1.2.1.31.1.1.1.1.40|4|Port\n1.3.6.1.2.1.4.20.1.2.192.0.2.1|2|{eth}\n\
             1.3.6.1.2.1.4.20.1.2.192.0.2.9|2|40\n"
        ));
        let chosen = chosen(&loaded.definitions.profiles, &recording);
        let device = evaluate(&chosen, &answers(&recording, &Wanted::of(&chosen, chosen.tables())));
        (lines(&device, "interfaces", &["index"]), lines(&device, "addresses", &[]))
    };
    let (before, addresses) = device(1, 2);
    assert_eq!(before, ["ge-1/0/1", "Port#2", "Port#40"]);
    assert_eq!(addresses, ["192.0.2.1 ge-1/0/1", "192.0.2.9 Port#40"]);
    let (after, moved) = device(17, 2);
    assert_eq!(after, ["Port#2", "ge-1/0/1", "Port#40"]);
    assert_eq!(moved, addresses);
}

#[test]
fn twins_of_one_name_go_by_their_description_where_that_tells_them_apart() {
    let (loaded, recording) = generic(
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999\n1.3.6.1.2.1.1.1.0|4|x\n\
         1.3.6.1.2.1.31.1.1.1.1.1|4|lan\n1.3.6.1.2.1.31.1.1.1.1.2|4|lan\n1.3.6.1.2.1.31.1.1.1.1.3|4|wan\n\
         1.3.6.1.2.1.31.1.1.1.1.4|4|p\n1.3.6.1.2.1.31.1.1.1.1.5|4|p\n1.3.6.1.2.1.2.2.1.2.1|4|Slot 1 lan\n\
         1.3.6.1.2.1.2.2.1.2.2|4|wan\n1.3.6.1.2.1.2.2.1.2.4|4|same\n1.3.6.1.2.1.2.2.1.2.5|4|same\n",
    );
    let chosen = chosen(&loaded.definitions.profiles, &recording);
    let device = evaluate(&chosen, &answers(&recording, &Wanted::of(&chosen, chosen.tables())));
    // The second would take the name of the third; the last two are alike in everything but their index.
    assert_eq!(lines(&device, "interfaces", &["index"]), ["Slot 1 lan", "lan#2", "wan", "p#4", "p#5"]);
}

#[test]
fn a_member_says_its_aggregate_by_what_it_carries_for_else_by_what_stands_above_it() {
    let port = |index: u32, name: &str, kind: u32| {
        format!("1.3.6.1.2.1.2.2.1.2.{index}|4|{name}\n1.3.6.1.2.1.2.2.1.3.{index}|2|{kind}\n")
    };
    let ports = port(1, "GE1", 6)
        + &port(2, "GE2", 6)
        + &port(3, "GE3", 6)
        + &port(4, "GE4", 6)
        + &port(5, "GE5", 6)
        + &port(20, "BAGG2", 161)
        + &port(30, "Vlan30", 53)
        + &port(40, "Port-channel4", 53)
        + &port(50, "BAGG5", 161);
    let lag = |column: u32, index: u32, of: u32| format!("1.2.840.10006.300.43.1.2.1.1.{column}.{index}|2|{of}\n");
    let stack = |above: u32, below: u32| format!("1.3.6.1.2.1.31.1.2.1.3.{above}.{below}|2|1\n");
    let (loaded, recording) = generic(&format!(
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999\n1.3.6.1.2.1.1.1.0|4|x\n{ports}{}{}{}{}{}{}{}{}",
        // Attached; chosen but not attached; of itself; of an index that no interface has.
        lag(13, 1, 20),
        lag(13, 2, 0) + &lag(12, 2, 20),
        lag(13, 3, 3),
        lag(13, 4, 1_879_081_088),
        // Above: an aggregate; a VLAN interface; what IOS calls its aggregates; above itself another interface.
        stack(50, 5),
        stack(30, 3),
        stack(40, 4),
        stack(30, 50),
    ));
    let chosen = chosen(&loaded.definitions.profiles, &recording);
    let device = evaluate(&chosen, &answers(&recording, &Wanted::of(&chosen, chosen.tables())));
    assert_eq!(
        lines(&device, "interfaces", &["index", "type"]),
        [
            "GE1 BAGG2",
            "GE2 BAGG2",
            "GE3",
            "GE4 Port-channel4",
            "GE5 BAGG5",
            "BAGG2",
            "Vlan30",
            "Port-channel4",
            "BAGG5"
        ]
    );
}

/// A device of this sysObjectID with these lines.
fn made(object_id: &str, lines: &str) -> Device {
    let (loaded, recording) = generic(&format!("1.3.6.1.2.1.1.2.0|6|{object_id}\n1.3.6.1.2.1.1.1.0|4|x\n{lines}"));
    let chosen = chosen(&loaded.definitions.profiles, &recording);
    evaluate(&chosen, &answers(&recording, &Wanted::of(&chosen, chosen.tables())))
}

/// fd00::1 as an index.
const V6: &str = "253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1";

#[test]
fn peers_of_vpns_and_of_ipv6_are_told_and_each_once() {
    // Huawei: one peer in two families, one of IPv6; BGP4-MIB has the first, too, and one of its own.
    let hw = "1.3.6.1.4.1.2011.5.25.177.1.1.2.1";
    let one = |family: &str, peer: &str, state: u8, number: u32| {
        format!(
            "{hw}.2.0.{family}.{peer}|66|{number}\n{hw}.5.0.{family}.{peer}|2|{state}\n{hw}.7.0.{family}.{peer}|66|4321\n"
        )
    };
    let v6 = format!("2.16.{V6}");
    let bgp4 = "1.3.6.1.2.1.15.3.1";
    let standard = format!(
        "{bgp4}.2.10.0.0.1|2|6\n{bgp4}.5.10.0.0.1|64|10.0.0.2\n{bgp4}.9.10.0.0.1|2|65001\n\
         {bgp4}.2.10.0.0.9|2|1\n{bgp4}.9.10.0.0.9|2|65009\n"
    );
    let first = one("1.1", "1.4.10.0.0.1", 6, 65001) + &one("1.128", "1.4.10.0.0.1", 6, 65001);
    let device = made("1.3.6.1.4.1.2011.2.23.999", &(first + &one("2.1", &v6, 3, 65002) + &standard));
    assert_eq!(
        lines(&device, "bgp_peers", &[]),
        ["10.0.0.1 65001 established 10.0.0.2 4321", "fd00::1 65002 active", "10.0.0.9 65009 idle"]
    );
    let cisco = "1.3.6.1.4.1.9.9.187.1.2.5.1";
    let device = made(
        "1.3.6.1.4.1.9.1.617",
        &format!(
            "{cisco}.3.1.4.10.0.0.1|2|6\n{cisco}.6.1.4.10.0.0.1|4x|0a000002\n{cisco}.11.1.4.10.0.0.1|66|65001\n\
             {cisco}.19.1.4.10.0.0.1|66|7\n{cisco}.3.{v6}|2|1\n{cisco}.11.{v6}|66|0\n{standard}"
        ),
    );
    assert_eq!(
        lines(&device, "bgp_peers", &[]),
        ["10.0.0.1 65001 established 10.0.0.2 7", "fd00::1 idle", "10.0.0.9 65009 idle"]
    );
    let device = made(
        "1.3.6.1.4.1.25506.1.578",
        &format!("1.3.6.1.4.1.25506.2.183.1.1.1.3.{V6}|2|6\n{bgp4}.2.10.0.0.9|2|1\n"),
    );
    assert_eq!(lines(&device, "bgp_peers", &[]), ["fd00::1 established", "10.0.0.9 idle"]);
}

#[test]
fn a_module_of_h3c_is_held_to_its_own_limits() {
    // Alarms at -11.9 and 1 dBm, warnings at -9.91 and -1 dBm, as tenths of a microwatt.
    let limits = [(34, 12_589), (35, 646), (36, 7_943), (37, 1_021)];
    for (dbm, wanted) in [
        (-254, "optical_rx GE1 -2.54 dBm ok"),
        (-1_000, "optical_rx GE1 -10 dBm warning"),
        (-1_250, "optical_rx GE1 -12.5 dBm critical"),
        (-50, "optical_rx GE1 -0.5 dBm warning"),
        (150, "optical_rx GE1 1.5 dBm critical"),
    ] {
        let optics = "1.3.6.1.4.1.25506.2.70.1.1.1";
        let mut text = format!("1.3.6.1.2.1.31.1.1.1.1.1|4|GE1\n{optics}.12.1|2|{dbm}\n");
        limits.iter().for_each(|(column, limit)| text += &format!("{optics}.{column}.1|2|{limit}\n"));
        assert_eq!(lines(&made("1.3.6.1.4.1.25506.1.578", &text), "sensors", &[]), [wanted]);
    }
}

#[test]
fn firewalls_tell_their_sessions_and_switches_of_the_same_system_none() {
    let h3c = "1.3.6.1.4.1.25506.2.149.1.1.1";
    for (object_id, text, wanted) in [
        (
            "1.3.6.1.4.1.25506.1.578",
            format!("{h3c}.4.1.0.0|66|0\n{h3c}.12.1.0.0|70|0\n{h3c}.4.1.1.0|66|4711\n{h3c}.12.1.1.0|70|99999\n"),
            &["sessions slot 1.1.0 4711"][..],
        ),
        (
            "1.3.6.1.4.1.28557.1.126",
            "1.3.6.1.4.1.28557.2.2.1.7.0|66|812\n1.3.6.1.4.1.28557.2.27.1.2.1.3.1|2|3\n\
             1.3.6.1.4.1.28557.2.27.1.2.1.2.1|4|PS0\n1.3.6.1.4.1.28557.2.26.1.2.1.3.1|2|0\n\
             1.3.6.1.4.1.28557.2.26.1.2.1.5.1|2|3\n1.3.6.1.4.1.28557.2.26.1.2.1.3.2|2|1\n\
             1.3.6.1.4.1.28557.2.26.1.2.1.5.2|2|0\n"
                .to_owned(),
            &["power_supply PS0 critical", "fan fan 2 ok", "sessions sessions 812"],
        ),
        ("1.3.6.1.4.1.9.1.617", "1.3.6.1.4.1.9.9.491.1.1.1.6.0|66|77\n".to_owned(), &["sessions connections 77"]),
        (
            "1.3.6.1.4.1.9.1.2404",
            "1.3.6.1.4.1.9.9.147.1.2.2.2.1.5.40.6|66|7756\n1.3.6.1.4.1.9.9.491.1.1.1.6.0|66|77\n".to_owned(),
            &["sessions connections 7756"],
        ),
    ] {
        assert_eq!(lines(&made(object_id, &text), "sensors", &[]), wanted, "{object_id}");
    }
}

#[test]
fn the_engine_tells_how_long_only_where_it_is_ahead_and_no_time_of_day() {
    for (ticks, engine, wanted) in [
        (Some(360_000), Some(3_600), Some(3_600.0)),
        // Beyond 497 days; an engine that began anew; one that says the time of day; one of the two alone.
        (Some(360_000), Some(42_953_272), Some(42_953_272.0)),
        (Some(360_000), Some(976), Some(3_600.0)),
        (Some(360_000), Some(1_548_438_243), Some(3_600.0)),
        (None, Some(7_200), Some(7_200.0)),
        (Some(360_000), None, Some(3_600.0)),
        (None, None, None),
    ] {
        let line = |oid: &str, tag: u8, value: Option<u32>| {
            value.map_or_else(String::new, |value| format!("{oid}|{tag}|{value}\n"))
        };
        let text = line("1.3.6.1.2.1.1.3.0", 67, ticks) + &line("1.3.6.1.6.3.10.2.1.3.0", 2, engine);
        let told = made("1.3.6.1.4.1.99999", &text).fact("uptime_seconds").number();
        assert_eq!(told, wanted, "{ticks:?} {engine:?}");
    }
}

#[test]
fn makers_of_this_country_say_how_busy_they_are_in_their_own_ways() {
    let told = |object_id: &str, lines_: &str| {
        let device = made(object_id, lines_);
        let serial = device.fact("serial").text().unwrap_or_default().to_owned();
        let classes = ["cpu", "memory", "sensors"].map(|class| lines(&device, class, &[]).join(", "));
        [vec![serial], classes.to_vec()].concat().join(" | ")
    };
    let venus = "1.3.6.1.4.1.15227.1.3.1.1";
    assert_eq!(
        told(
            "1.3.6.1.4.1.15227.1.3.1",
            &format!(
                "{venus}.1.0|4|cpu-usage: 1.5%\n{venus}.2.0|4|memory-usage: 25%\n{venus}.3.0|4|session-num: 45\n\
                 {venus}.6.0|4|memory-total: 1000kB\n{venus}.7.0|4|memory-free: 750kB\n"
            )
        ),
        " | CPU 0.015 | Memory 0.25 1024000 768000 | sessions sessions 45"
    );
    let dp = "1.3.6.1.4.1.31648.3";
    assert_eq!(
        told(
            "1.3.6.1.4.1.31648.1.99",
            &format!(
                "{dp}.14.0|4|DP1\n{dp}.10.0|2|2048\n{dp}.15.3.0|2|5\n{dp}.15.4.0|2|37\n{dp}.15.5.0|2|29\n\
                 {dp}.15.9.0|66|313404\n"
            )
        ),
        "DP1 | CPU 0.05 | Memory 0.29 2147483648 | temperature CPU 37 °C, sessions sessions 313404"
    );
    assert_eq!(told("1.3.6.1.4.1.35047", "1.3.6.1.4.1.35047.1.3.0|2|6\n"), " | system 0.06 |  | ");
    let easy = "1.3.6.1.4.1.3902.15.2.30.1";
    assert_eq!(
        told(
            "1.3.6.1.4.1.3902.3.100.614",
            &format!("{easy}.3.0|4|10.1\n{easy}.5.0|4|82.5\n{easy}.30.0|4|41.9 Watt\n{easy}.36.0|4|Z1\n")
        ),
        "Z1 | CPU 0.101 | Memory 0.825 | power device 41.9 W"
    );
}

#[test]
fn a_switch_of_huawei_says_the_vlan_of_an_address_and_who_is_in_its_stack() {
    let port = "1.3.6.1.2.1.31.1.1.1.1.6|4|GE0/0/1\n1.3.6.1.2.1.17.1.4.1.2.1|2|6\n";
    let own = "1.3.6.1.4.1.2011.5.25.42.2.1.3.1.4.2.0.94.0.0.1.30.1.48|2|6\n";
    let plain = "1.3.6.1.2.1.17.4.3.1.2.2.0.94.0.0.1|2|1\n1.3.6.1.2.1.17.4.3.1.2.2.0.94.0.0.2|2|1\n\
                 1.3.6.1.2.1.17.4.3.1.3.2.0.94.0.0.1|2|3\n1.3.6.1.2.1.17.4.3.1.3.2.0.94.0.0.2|2|3\n";
    let stack = "1.3.6.1.4.1.2011.5.25.183.1.20.1.3.0|2|1\n1.3.6.1.4.1.2011.5.25.183.1.20.1.3.1|2|3\n";
    let device = made("1.3.6.1.4.1.2011.2.23.999", &[port, own, plain, stack].concat());
    assert_eq!(
        lines(&device, "macs", &[]),
        ["02:00:5e:00:00:01 GE0/0/1 30 learned", "02:00:5e:00:00:02 GE0/0/1 learned"]
    );
    assert_eq!(lines(&device, "sensors", &[]), ["board stack member 0 ok", "board stack member 1 ok"]);
}

#[test]
fn makers_tell_members_of_aggregates_in_tables_of_their_own() {
    let port = |index: u32, name: &str| {
        format!("1.3.6.1.2.1.31.1.1.1.1.{index}|4|{name}\n1.3.6.1.2.1.2.2.1.8.{index}|2|1\n")
    };
    let ports = port(6, "GE1") + &port(7, "GE2") + &port(60, "Trunk1");
    let hw = "1.3.6.1.4.1.2011.5.25.41.1";
    let rj = "1.3.6.1.4.1.4881.1.1.10.2.7.1";
    for (object_id, text) in [
        ("1.3.6.1.4.1.2011.2.23.999", format!("{hw}.3.3.1.4.0|2|60\n{hw}.4.1.1.2.0.6|2|1\n")),
        ("1.3.6.1.4.1.4881.1.1.10.1.150", format!("{rj}.6.1.2.1|2|60\n{rj}.7.1.2.6|2|1\n{rj}.7.1.2.7|2|0\n")),
    ] {
        let device = made(object_id, &(ports.clone() + &text));
        // The rest of the table is the generic one's.
        assert_eq!(lines(&device, "interfaces", &["index"]), ["GE1 up Trunk1", "GE2 up", "Trunk1 up"], "{object_id}");
    }
}

#[test]
fn what_was_cut_is_kept_and_flagged_and_a_sentinel_that_no_profile_knows_is_none() {
    let (loaded, recording) = generic(
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999\n1.3.6.1.2.1.1.1.0|4|x\n\
         1.3.6.1.2.1.99.1.1.1.1.1|2|8\n1.3.6.1.2.1.99.1.1.1.2.1|2|8\n1.3.6.1.2.1.99.1.1.1.3.1|2|1\n\
         1.3.6.1.2.1.99.1.1.1.4.1|2|365000\n1.3.6.1.2.1.99.1.1.1.1.2|2|8\n1.3.6.1.2.1.99.1.1.1.2.2|2|9\n\
         1.3.6.1.2.1.99.1.1.1.3.2|2|0\n1.3.6.1.2.1.99.1.1.1.4.2|2|-866597556\n1.3.6.1.2.1.99.1.1.1.1.3|2|8\n\
         1.3.6.1.2.1.99.1.1.1.2.3|2|9\n1.3.6.1.2.1.99.1.1.1.3.3|2|0\n1.3.6.1.2.1.99.1.1.1.4.3|2|30\n\
         1.3.6.1.2.1.99.1.1.1.5.3|2|2\n",
    );
    let chosen = chosen(&loaded.definitions.profiles, &recording);
    let mut answers = answers(&recording, &Wanted::of(&chosen, chosen.tables()));
    answers.cut(arcs("1.3.6.1.2.1.99.1.1.1.4").into(), "cut after 3 rows".into());
    let device = evaluate(&chosen, &answers);
    assert_eq!(lines(&device, "sensors", &[]), ["temperature sensor 1 36.5 °C"]);
    let cut: Vec<(&str, &str)> = device.incomplete.iter().map(|i| (i.class, i.reason.as_str())).collect();
    assert_eq!(cut, [("sensors", "cut after 3 rows")]);
}

#[test]
fn how_devices_want_to_be_asked_is_said_by_the_more_particular_profile() {
    let text = "[[profile]]\nid = \"acme\"\nmatch = [{ object_id = \"1.3.6.1.4.1.99999\" }]\nrepetitions = 10\nnonincreasing = true\n\
                [[profile]]\nid = \"acme-2\"\nlike = \"acme\"\nmatch = [{ object_id = \"1.3.6.1.4.1.99999.2\" }]\nnonincreasing = false\n";
    let loaded = defs::parse(&[("a.toml".into(), text.into())], probe::catalog());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let asking = |object_id: &str| Chosen::of(&loaded.definitions.profiles, &arcs(object_id), "").asking();
    let acme = Asking { repetitions: Some(10), bulk: None, nonincreasing: Some(true) };
    assert_eq!(asking("1.3.6.1.4.1.99999.1"), acme);
    assert_eq!(asking("1.3.6.1.4.1.99999.2"), Asking { nonincreasing: Some(false), ..acme });
    assert_eq!(asking("1.3.6.1.4.1.99998"), Asking::default());
    // Agents are sent it with the rest.
    let sent = &loaded.definitions.profiles.iter().find(|p| p.id.as_str() == "acme").unwrap().toml;
    assert!(sent.contains("repetitions = 10") && sent.contains("nonincreasing = true"), "{sent}");
}

#[tokio::test]
async fn over_the_network_a_device_says_what_its_recording_says_and_silence_is_told() {
    let loaded = shipped();
    let recording = Arc::new(recording("vrp.snmprec"));
    let chosen = chosen(&loaded.definitions.profiles, &recording);
    let wanted = Wanted::of(&chosen, chosen.tables());
    let (world, at) = world(recording.clone(), vec![community("public")]).await;
    let manner = Manner { timeout: Duration::from_secs(2), retries: 1, strict_source: true };
    let clock = Clock::system();
    let session = Session::open(at, &community("public"), manner).await.unwrap();
    let deadline = clock.mono().plus(Duration::from_secs(30));
    let heard = fetch::fetch(&session, &wanted, 25, &clock, deadline).await.unwrap();
    let heard = evaluate(&chosen, &heard);
    let read = evaluate(&chosen, &answers(&recording, &wanted));
    assert!(heard.incomplete.is_empty(), "{:?}", heard.incomplete);
    for class in ["cpu", "memory", "sensors", "neighbours", "vlans", "addresses", "bgp_peers", "ospf_neighbours"] {
        assert_eq!(lines(&heard, class, &[]), lines(&read, class, &[]), "{class}");
    }
    assert_eq!(lines(&heard, "interfaces", COUNTERS), lines(&read, "interfaces", COUNTERS));
    let over = fetch::fetch(&session, &wanted, 25, &clock, clock.mono()).await;
    assert!(over.is_err(), "no time at all is no answer at all");
    drop(world);
}
