//! Tables of what devices say, and the lines that come of it.

use serde_json::{Value, json};

use super::*;
use crate::config::inventory::parse;
use crate::model::device::report;

const INVENTORY: &str = r#"
[[asset]]
id = "core"
name = "核心"
kind = "switch"
address = "10.0.0.1"
zone = "extranet"

[[asset]]
id = "edge"
name = "接入"
kind = "switch"
address = "10.0.0.2"
zone = "extranet"

[[asset]]
id = "web"
name = "网站主机"
kind = "host"
address = "10.0.0.9"
zone = "extranet"

[[asset]]
id = "far"
name = "县里"
kind = "router"
address = "10.0.9.1"
zone = "extranet"
"#;

const LINK: &str = r#"
[[link]]
id = "LINK"
name = "一条线"
tier = "access"
a = { asset = "core", interface = "A" }
b = { asset = "edge", interface = "B" }
"#;

fn inventory(links: &[(&str, &str, &str)]) -> Inventory {
    let links = links.iter().map(|(id, a, b)| {
        LINK.replace("LINK", id).replace("\"A\"", &format!("\"{a}\"")).replace("\"B\"", &format!("\"{b}\""))
    });
    let text = format!("{INVENTORY}{}", links.collect::<String>());
    parse(&[("i.toml".to_owned(), text)]).unwrap()
}

/// A device: `core` has MAC addresses 02:..:0a:N on its ports, `edge` 02:..:0b:N, in the order of the ports.
fn near(asset: &str, family: u8, ports: &[&str], rest: Value) -> Near {
    let of = |(n, port): (usize, &&str)| {
        let kind = match &port[..2] {
            "Vl" => "l3ipvlan",
            "Et" => "ieee8023adLag",
            _ => "ethernetCsmacd",
        };
        json!({ "name": port, "mac": format!("02:00:00:00:{family:02x}:{n:02x}"), "type": kind })
    };
    let mut object =
        json!({ "device": { "name": asset }, "interfaces": ports.iter().enumerate().map(of).collect::<Vec<_>>() });
    if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
        object.extend(rest);
    }
    Near::of(AssetId::new(asset).unwrap(), &report::read(&object), |_| true)
}

fn lldp(local: &str, port: &str, chassis: &str, name: &str) -> Value {
    json!({ "protocol": "lldp", "local_port": local, "port": port, "chassis": chassis, "name": name })
}

/// Every line as one text: state, ends, evidence, who said so, declared link.
fn lines(inventory: &Inventory, all: &[Near]) -> Vec<String> {
    let mut lines: Vec<String> = compare(inventory, all, join(inventory, all))
        .iter()
        .map(|line| {
            let link = line.link.as_ref().map_or("-", |link| link.as_str());
            let what = match (&line.found, &line.stranger) {
                (Some(f), _) => {
                    let evidence: Vec<&str> = f.evidence.iter().map(|e| e.as_str()).collect();
                    let (by, members) = (f.said_by.len(), f.members.len());
                    let ends = format!("{}:{} {}:{}", f.a.asset, f.a.port, f.b.asset, f.b.port);
                    format!("{ends} {} by {by} of {members}", evidence.join("+"))
                }
                (None, Some(s)) => format!("{}:{} {}", s.by, s.heard.local, s.heard.name),
                (None, None) => String::new(),
            };
            format!("{} {link} {what}", line.state.as_str()).trim_end().to_owned()
        })
        .collect();
    lines.sort();
    lines
}

const CORE: &str = "02:00:00:00:0a:00";
const EDGE: &str = "02:00:00:00:0b:00";

#[test]
fn two_ends_that_see_each_other_are_one_link_however_often_they_say_so() {
    let core = near(
        "core",
        0x0a,
        &["GE0/0/1"],
        json!({ "neighbours": [
        lldp("GE0/0/1", "GigabitEthernet1/0/1", EDGE, "edge"), lldp("GE0/0/1", "GigabitEthernet1/0/1", EDGE, "edge"),
        { "protocol": "cdp", "local_port": "GE0/0/1", "port": "GigabitEthernet1/0/1", "name": "edge.example" },
    ] }),
    );
    let edge = near("edge", 0x0b, &["Gi1/0/1"], json!({ "neighbours": [lldp("Gi1/0/1", "GE0/0/1", CORE, "core")] }));
    let all = [core, edge];
    let found = "core:GE0/0/1 edge:Gi1/0/1 lldp+cdp by 2 of 0";
    assert_eq!(lines(&inventory(&[]), &all), [format!("extra - {found}")]);
    assert_eq!(lines(&inventory(&[("l", "GE0/0/1", "Gi1/0/1")]), &all), [format!("agrees l {found}")]);
    assert_eq!(lines(&inventory(&[("l", "GE0/0/1", "Gi1/0/2")]), &all), [format!("wrong_port l {found}")]);
    assert_eq!(lines(&inventory(&[("l", "GE0/0/7", "Gi1/0/2")]), &all), [format!("wrong_port l {found}")]);
}

#[test]
fn one_end_is_enough_and_the_other_is_known_by_chassis_address_or_name() {
    for (chassis, address, name) in [
        (EDGE, Value::Null, "?"),
        ("10.0.0.2", Value::Null, ""),
        ("?", json!("10.0.0.2"), ""),
        ("?", Value::Null, "EDGE.lan"),
    ] {
        let mut heard = lldp("GE0/0/1", "eth0", chassis, name);
        heard["address"] = address;
        let all = [
            near("core", 0x0a, &["GE0/0/1"], json!({ "neighbours": [heard] })),
            near("edge", 0x0b, &["Gi1/0/1"], json!({})),
        ];
        let found = "extra - core:GE0/0/1 edge:eth0 lldp by 1 of 0";
        assert_eq!(lines(&inventory(&[]), &all), [found], "{chassis} {name}");
    }
}

#[test]
fn a_neighbour_that_a_cut_look_did_not_reach_is_there_still_unless_another_took_its_port() {
    let kept = |local: &str| {
        let mut row = lldp(local, "Gi1/0/1", EDGE, "edge");
        row["as_of"] = json!("2026-05-01T08:00:00+08:00");
        row
    };
    let told = |neighbours: Value| {
        let core = near("core", 0x0a, &["GE0/0/1", "GE0/0/2"], json!({ "neighbours": neighbours }));
        lines(&inventory(&[]), &[core, near("edge", 0x0b, &["Gi1/0/1"], json!({}))])
    };
    let found = "extra - core:GE0/0/1 edge:Gi1/0/1 lldp by 1 of 0";
    assert_eq!(told(json!([kept("GE0/0/1")])), [found]);
    let other = lldp("GE0/0/1", "eth7", "02:00:00:00:77:00", "new");
    assert_eq!(told(json!([other, kept("GE0/0/1")])), ["stranger - core:GE0/0/1 new"]);
}

#[test]
fn what_one_end_cannot_name_the_other_completes() {
    // The core calls the far port by a number of its own; the edge says what it is.
    let core = near("core", 0x0a, &["GE0/0/1"], json!({ "neighbours": [lldp("GE0/0/1", "513", EDGE, "")] }));
    let edge = near("edge", 0x0b, &["Gi1/0/1"], json!({ "neighbours": [lldp("Gi1/0/1", "GE0/0/1", CORE, "")] }));
    assert_eq!(lines(&inventory(&[]), &[core, edge]), ["extra - core:GE0/0/1 edge:Gi1/0/1 lldp by 2 of 0"]);
}

#[test]
fn two_links_between_a_pair_are_two_and_one_of_them_may_be_undeclared() {
    let core = near(
        "core",
        0x0a,
        &["GE0/0/1", "GE0/0/2"],
        json!({ "neighbours": [
        lldp("GE0/0/1", "Gi1/0/1", EDGE, ""), lldp("GE0/0/2", "Gi1/0/2", EDGE, ""),
    ] }),
    );
    let edge =
        near("edge", 0x0b, &["Gi1/0/1", "Gi1/0/2"], json!({ "neighbours": [lldp("Gi1/0/2", "GE0/0/2", CORE, "")] }));
    assert_eq!(
        lines(&inventory(&[("one", "GE0/0/1", "Gi1/0/1")]), &[core, edge]),
        ["agrees one core:GE0/0/1 edge:Gi1/0/1 lldp by 1 of 0", "extra - core:GE0/0/2 edge:Gi1/0/2 lldp by 2 of 0",]
    );
}

#[test]
fn the_cables_of_an_aggregate_are_the_link_that_is_declared_on_it() {
    let cables = |here: [&str; 2], there: [&str; 2], chassis: &str| {
        json!([lldp(here[0], there[0], chassis, ""), lldp(here[1], there[1], chassis, "")])
    };
    let (a, b) = (["GE0/0/1", "GE0/0/2"], ["Gi1/0/1", "Gi1/0/2"]);
    let core = json!({ "neighbours": cables(a, b, EDGE) });
    let edge = json!({ "neighbours": cables(b, a, CORE) });
    let core_ports = ["GE0/0/1", "GE0/0/2", "Eth-Trunk1"];
    let all = [
        near("core", 0x0a, &core_ports, core.clone()),
        near("edge", 0x0b, &["Gi1/0/1", "Gi1/0/2", "Eth-Trunk7"], edge.clone()),
    ];
    let bundle = "core:Eth-Trunk1 edge:Eth-Trunk7 lldp by 2 of 2";
    assert_eq!(lines(&inventory(&[("l", "Eth-Trunk1", "Eth-Trunk7")]), &all), [format!("agrees l {bundle}")]);
    assert_eq!(lines(&inventory(&[]), &all).len(), 2, "two cables, of which nobody knows that they are one");
    // With an address on it the aggregate shows itself.
    let with = |mut of: Value, address: &str, port: &str| {
        of["addresses"] = json!([{ "address": address, "prefix_length": 30, "interface": port }]);
        of
    };
    let all = [
        near("core", 0x0a, &core_ports, with(core, "10.1.0.1", "Eth-Trunk1")),
        near("edge", 0x0b, &["Gi1/0/1", "Gi1/0/2", "Eth-Trunk7"], with(edge, "10.1.0.2", "Eth-Trunk7")),
    ];
    let bundle = "core:Eth-Trunk1 edge:Eth-Trunk7 lldp+subnet by 2 of 2";
    assert_eq!(lines(&inventory(&[]), &all), [format!("extra - {bundle}")]);
    assert_eq!(lines(&inventory(&[("l", "GE0/0/2", "Gi1/0/2")]), &all), [format!("agrees l {bundle}")]);
}

#[test]
fn an_aggregate_takes_no_cable_that_is_declared_and_a_second_one_is_not_called_missing() {
    let of = |(here, there): (&str, &str)| lldp(here, there, EDGE, "");
    let cables = [("GE0/0/1", "Gi1/0/1"), ("GE0/0/2", "Gi1/0/2"), ("GE0/0/3", "Gi1/0/3")];
    let core = near(
        "core",
        0x0a,
        &["GE0/0/1", "GE0/0/2", "GE0/0/3", "Eth-Trunk1", "Eth-Trunk2"],
        json!({ "neighbours": cables.map(of) }),
    );
    let edge = near("edge", 0x0b, &["Gi1/0/1", "Gi1/0/2", "Gi1/0/3", "Eth-Trunk7", "Eth-Trunk8"], json!({}));
    let trunks = [("t1", "Eth-Trunk1", "Eth-Trunk7"), ("t2", "Eth-Trunk2", "Eth-Trunk8")];
    let all = [core, edge];
    assert_eq!(
        lines(&inventory(&trunks), &all),
        ["agrees t1 core:Eth-Trunk1 edge:Eth-Trunk7 lldp by 1 of 3", "unseen t2"]
    );
    // The third cable is declared by itself, with a wrong port at one end.
    assert_eq!(
        lines(&inventory(&[trunks[0], ("c", "GE0/0/3", "Gi1/0/9")]), &all),
        [
            "agrees t1 core:Eth-Trunk1 edge:Eth-Trunk7 lldp by 1 of 2",
            "wrong_port c core:GE0/0/3 edge:Gi1/0/3 lldp by 1 of 0"
        ]
    );
}

#[test]
fn a_link_is_declared_by_a_shorter_name_of_its_port() {
    let core = near(
        "core",
        0x0a,
        &["XGigabitEthernet0/0/1"],
        json!({ "neighbours": [
        lldp("XGigabitEthernet0/0/1", "Ten-GigabitEthernet1/0/1", EDGE, "")
    ] }),
    );
    let edge = near("edge", 0x0b, &["Ten-GigabitEthernet1/0/1"], json!({}));
    let found = "core:XGigabitEthernet0/0/1 edge:Ten-GigabitEthernet1/0/1 lldp by 1 of 0";
    assert_eq!(lines(&inventory(&[("l", "XGE0/0/1", "XGE1/0/1")]), &[core, edge]), [format!("agrees l {found}")]);
}

fn addressed(asset: &str, family: u8, address: &str, length: u8, port: &str) -> Near {
    near(
        asset,
        family,
        &[port],
        json!({ "addresses": [{ "address": address, "prefix_length": length, "interface": port }] }),
    )
}

#[test]
fn a_network_for_two_is_a_line_and_one_for_more_is_none() {
    for (a, b, length, line) in [
        ("10.1.0.1", "10.1.0.2", 30, true),
        ("10.1.0.0", "10.1.0.1", 31, true),
        ("fd00::1", "fd00::2", 126, true),
        ("10.1.0.1", "10.1.0.2", 29, false),
        ("10.1.0.1", "10.1.0.5", 30, false),
        ("127.0.0.1", "127.0.0.2", 30, false),
        ("10.1.0.1", "10.1.0.1", 30, false),
    ] {
        let all = [addressed("core", 0x0a, a, length, "GE0/0/1"), addressed("far", 0x0c, b, length, "GE0/0/9")];
        let found = lines(&inventory(&[]), &all);
        let wanted = line.then_some("extra - core:GE0/0/1 far:GE0/0/9 subnet by 2 of 0");
        assert_eq!(found, Vec::from_iter(wanted), "{a} {b} /{length}");
    }
    // The same network in three places is somebody's habit, not a line.
    let all = [
        addressed("core", 0x0a, "1.1.1.1", 30, "GE0/0/1"),
        addressed("far", 0x0c, "1.1.1.2", 30, "GE0/0/9"),
        addressed("edge", 0x0b, "1.1.1.1", 30, "GE0/0/1"),
    ];
    assert!(lines(&inventory(&[]), &all).is_empty());
}

#[test]
fn an_address_on_a_vlan_interface_says_nothing_of_the_cable() {
    let all =
        [addressed("core", 0x0a, "10.1.0.1", 30, "Vlanif100"), addressed("edge", 0x0b, "10.1.0.2", 30, "Vlanif100")];
    let found = "core:Vlanif100 edge:Vlanif100 subnet by 2 of 0";
    assert_eq!(lines(&inventory(&[("l", "GE0/0/1", "Gi1/0/1")]), &all), [format!("agrees l {found}")]);
    assert_eq!(lines(&inventory(&[]), &all), [format!("extra - {found}")]);
}

#[test]
fn who_stands_alone_behind_a_port_is_linked_to_it() {
    let behind = |port: &str, macs: &[&str]| {
        let of = |mac: &&str| json!({ "mac": mac, "port": port, "status": "learned" });
        json!({
            "macs": macs.iter().map(of).collect::<Vec<_>>(),
            "arp": [{ "address": "10.0.0.9", "mac": "02:00:00:00:0f:09", "interface": "Vlanif1" }],
        })
    };
    let host = "02:00:00:00:0f:09";
    let edge = |rest: Value| [near("edge", 0x0b, &["Gi1/0/1", "Gi1/0/2"], rest)];
    assert_eq!(
        lines(&inventory(&[]), &edge(behind("Gi1/0/2", &[host]))),
        ["extra - edge:Gi1/0/2 web: mac by 1 of 0"]
    );
    // With another address beside it, or many, nobody knows who is at the other end of the cable.
    for others in [&[host, "02:00:00:00:0f:0a"][..], &[host, "02:aa:00:00:00:01"]] {
        assert!(lines(&inventory(&[]), &edge(behind("Gi1/0/2", others))).is_empty());
    }
    // A port with a neighbour leads there.
    let mut both = behind("Gi1/0/2", &[host]);
    both["neighbours"] = json!([lldp("Gi1/0/2", "x", "02:dd:00:00:00:01", "phone")]);
    assert_eq!(lines(&inventory(&[]), &edge(both)), ["stranger - edge:Gi1/0/2 phone"]);
}

#[test]
fn a_device_that_is_known_by_nothing_of_its_own_is_a_stranger() {
    // The same address twice, and a name that two have, tell nobody apart.
    let mut core =
        near("core", 0x0a, &["GE0/0/1"], json!({ "neighbours": [lldp("GE0/0/1", "1", "02:00:00:00:0b:00", "")] }));
    core.name = "edge".into();
    let twin = near("far", 0x0b, &["GE0/0/1"], json!({}));
    let edge = near("edge", 0x0b, &["GE0/0/1"], json!({}));
    assert_eq!(lines(&inventory(&[]), &[core, twin, edge]), ["stranger - core:GE0/0/1"]);
}

#[test]
fn missing_is_only_what_should_have_shown() {
    let quiet = near("core", 0x0a, &["GE0/0/1"], json!({}));
    let edge = near(
        "edge",
        0x0b,
        &["Gi1/0/1"],
        json!({ "neighbours": [lldp("Gi1/0/9", "1", "02:dd:00:00:00:01", "phone")] }),
    );
    let link = inventory(&[("l", "GE0/0/1", "Gi1/0/1")]);
    let phone = "stranger - edge:Gi1/0/9 phone";
    // One end tells of no neighbours at all: it may not speak of them.
    assert_eq!(lines(&link, &[quiet, edge.clone()]), [phone, "unseen l"]);
    assert_eq!(lines(&link, &[]), ["unseen l"]);
    let core = near("core", 0x0a, &["GE0/0/1"], json!({ "neighbours": [lldp("GE0/0/1", "GE0/0/9", "", "far")] }));
    // The declared port leads elsewhere.
    let led = "extra - core:GE0/0/1 far:GE0/0/9 lldp by 1 of 0";
    assert_eq!(lines(&link, std::slice::from_ref(&core)), [led, "missing l"]);
    // Both see neighbours, and not each other.
    let other = inventory(&[("l", "GE0/0/5", "Gi1/0/5")]);
    assert_eq!(lines(&other, &[core.clone(), edge.clone()]), [led, "missing l", phone]);
    // What was cut from a table may have been this.
    assert_eq!(lines(&other, &[Near { cut: true, ..core }, edge]), [led, phone, "unseen l"]);
}

#[test]
fn a_line_keeps_its_id_and_can_be_adopted_when_both_ports_are_known() {
    let core = near("core", 0x0a, &["GE0/0/1"], json!({ "neighbours": [lldp("GE0/0/1", "Gi1/0/1", EDGE, "")] }));
    let edge = near("edge", 0x0b, &["Gi1/0/1"], json!({ "neighbours": [lldp("Gi1/0/1", "GE0/0/1", CORE, "")] }));
    let inventory = inventory(&[]);
    let one = |all: &[Near]| compare(&inventory, all, join(&inventory, all)).remove(0);
    let (alone, both) = (one(std::slice::from_ref(&core)), one(&[core, edge]));
    assert_ne!(alone.state, State::Agrees);
    assert!(both.adoptable() && both.id().len() == 16);
    assert!(alone.stranger.is_some(), "its chassis is known by its own report only");
}

/// A device of which the first ports are members of its last, an aggregate.
fn bundled(asset: &str, family: u8, ports: &[&str], members: usize, rest: Value) -> Near {
    let mut near = near(asset, family, ports, rest);
    let of: Arc<str> = Arc::from(ports[ports.len() - 1]);
    near.ports.iter_mut().take(members).for_each(|port| port.aggregate = Some(of.clone()));
    near
}

const CORE_PORTS: [&str; 4] = ["GE0/0/1", "GE0/0/2", "GE0/0/3", "Eth-Trunk1"];
const EDGE_PORTS: [&str; 4] = ["Gi1/0/1", "Gi1/0/2", "Gi1/0/3", "Eth-Trunk7"];

/// The core, whose first two ports are of its aggregate, and which hears the edge on those ports.
fn core_hears(cables: &[(&str, &str)]) -> Near {
    let heard: Vec<Value> = cables.iter().map(|(here, there)| lldp(here, there, EDGE, "")).collect();
    bundled("core", 0x0a, &CORE_PORTS, 2, json!({ "neighbours": heard }))
}

const BOTH: [(&str, &str); 2] = [("GE0/0/1", "Gi1/0/1"), ("GE0/0/2", "Gi1/0/2")];

#[test]
fn cables_of_one_aggregate_are_one_link_however_it_is_declared() {
    let whole = "core:Eth-Trunk1 edge:Eth-Trunk7 lldp by 1 of 2";
    let all = [core_hears(&BOTH), bundled("edge", 0x0b, &EDGE_PORTS, 2, json!({}))];
    assert_eq!(lines(&inventory(&[]), &all), [format!("extra - {whole}")]);
    for (a, b) in [("Eth-Trunk1", "Eth-Trunk7"), ("GE0/0/2", "Gi1/0/2"), ("Eth-Trunk1", "Gi1/0/1")] {
        assert_eq!(lines(&inventory(&[("l", a, b)]), &all), [format!("agrees l {whole}")], "{a} {b}");
    }
    // Each cable by itself; the aggregate and one of its cables beside it.
    let one = |link: &str, n: u8| format!("agrees {link} core:GE0/0/{n} edge:Gi1/0/{n} lldp by 1 of 0");
    assert_eq!(
        lines(&inventory(&[("l", "GE0/0/1", "Gi1/0/1"), ("m", "GE0/0/2", "Gi1/0/2")]), &all),
        [one("l", 1), one("m", 2)]
    );
    assert_eq!(
        lines(&inventory(&[("l", "GE0/0/1", "Gi1/0/1"), ("t", "Eth-Trunk1", "Eth-Trunk7")]), &all),
        [one("l", 1), "agrees t core:Eth-Trunk1 edge:Eth-Trunk7 lldp by 1 of 1".to_owned()]
    );
    // A cable on other ports than declared is corrected to the cable.
    assert_eq!(
        lines(&inventory(&[("l", "GE0/0/1", "Gi1/0/9")]), &all),
        ["wrong_port l core:GE0/0/1 edge:Gi1/0/1 lldp by 1 of 0"]
    );
}

#[test]
fn a_cable_beside_the_aggregate_is_none_of_it() {
    let cables = [BOTH[0], BOTH[1], ("GE0/0/3", "Gi1/0/3")];
    let all = [core_hears(&cables), bundled("edge", 0x0b, &EDGE_PORTS, 2, json!({}))];
    let third = "core:GE0/0/3 edge:Gi1/0/3 lldp by 1 of 0";
    assert_eq!(
        lines(&inventory(&[("l", "Eth-Trunk1", "Eth-Trunk7")]), &all),
        ["agrees l core:Eth-Trunk1 edge:Eth-Trunk7 lldp by 1 of 2".to_owned(), format!("extra - {third}")]
    );
    // What the far end does not say is taken from the declaration, or stays open.
    let plain = [core_hears(&cables), near("edge", 0x0b, &EDGE_PORTS, json!({}))];
    assert_eq!(
        lines(&inventory(&[]), &plain),
        ["extra - core:Eth-Trunk1 edge: lldp by 1 of 2".to_owned(), format!("extra - {third}")]
    );
    assert_eq!(
        lines(&inventory(&[("l", "Eth-Trunk1", "Eth-Trunk7"), ("c", "GE0/0/3", "Gi1/0/3")]), &plain),
        [format!("agrees c {third}"), "agrees l core:Eth-Trunk1 edge: lldp by 1 of 2".to_owned()]
    );
    // One cable only, and the aggregate is named at its far end by the declaration.
    let single = [core_hears(&BOTH[..1]), near("edge", 0x0b, &EDGE_PORTS, json!({}))];
    assert_eq!(
        lines(&inventory(&[("l", "Eth-Trunk1", "Eth-Trunk7")]), &single),
        ["agrees l core:Eth-Trunk1 edge:Eth-Trunk7 lldp by 1 of 1"]
    );
}

#[test]
fn an_aggregate_that_shows_by_its_address_carries_for_members_that_are_declared() {
    let addressed = |asset: &str, family: u8, ports: &[&str], address: &str| {
        let port = ports[ports.len() - 1];
        let rest = json!({ "addresses": [{ "address": address, "prefix_length": 30, "interface": port }] });
        bundled(asset, family, ports, 2, rest)
    };
    let mut all =
        [addressed("core", 0x0a, &CORE_PORTS, "10.1.0.1"), addressed("edge", 0x0b, &EDGE_PORTS, "10.1.0.2")];
    let both = [("l", "GE0/0/1", "Gi1/0/1"), ("m", "GE0/0/2", "Gi1/0/2")];
    let whole = "core:Eth-Trunk1 edge:Eth-Trunk7 subnet by 2 of 0";
    assert_eq!(lines(&inventory(&both[..1]), &all), [format!("agrees l {whole}")]);
    assert_eq!(
        lines(&inventory(&both), &all),
        [format!("agrees l {whole}"), "agrees m core:GE0/0/2 edge:Gi1/0/2 subnet by 2 of 0".to_owned()]
    );
    // With the cables seen, too, all is one line.
    all[0].neighbours = core_hears(&BOTH).neighbours;
    assert_eq!(lines(&inventory(&[]), &all), ["extra - core:Eth-Trunk1 edge:Eth-Trunk7 lldp+subnet by 2 of 2"]);
}

#[test]
fn a_member_that_does_not_carry_is_named_and_so_is_one_that_only_the_other_end_has() {
    let lost = |all: &[Near]| -> Vec<String> {
        let inventory = inventory(&[("l", "Eth-Trunk1", "Eth-Trunk7")]);
        let lines = compare(&inventory, all, join(&inventory, all));
        assert_eq!((lines.len(), lines[0].state), (1, State::Agrees));
        let lost = &lines[0].found.as_ref().unwrap().lost;
        lost.iter().map(|(asset, port)| format!("{asset}:{port}")).collect()
    };
    let edge = |members| bundled("edge", 0x0b, &EDGE_PORTS, members, json!({}));
    assert!(lost(&[core_hears(&BOTH), edge(2)]).is_empty());
    assert_eq!(lost(&[core_hears(&BOTH), edge(1)]), ["edge:Gi1/0/2"], "up, and in no aggregate there");
    // A cable that is pulled is heard of no more; both devices still have its ports as members.
    let mut all = [core_hears(&BOTH[..1]), edge(2)];
    all[0].ports[1].down = true;
    all[1].ports[1].down = true;
    assert_eq!(lost(&all), ["core:GE0/0/2", "edge:Gi1/0/2"]);
}
