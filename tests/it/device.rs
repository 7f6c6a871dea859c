//! The probe `device` against the simulator: what a bridge says of its neighbours, ARP and MAC tables, and when that is
//! news.

use std::sync::Arc;
use std::time::Duration;

use fengsui::config::kinds::settings_of;
use fengsui::model::device::{Device, report};
use fengsui::model::observation::{Cause, Outcome, Value};
use fengsui::model::plan::{Target, Task};
use fengsui::model::wire::{Record, Report};
use fengsui::model::{ProbeId, Secret};
use fengsui::net::clock::Clock;
use fengsui::net::snmp::{Columns, Manner, Oid, Session};
use fengsui::probe::{self, Ctx, Prober, Run, Runner};
use fengsui::sim::{Action, Recording, Step};

use crate::snmp::{AUTH, PRIVACY, community, cx, user, world};

/// A made-up bridge: two ports of which the bridge numbers are not the ifIndexes, a neighbour by LLDP, one by no name; two
/// entries of the old ARP table, of which the new one repeats one and adds one of IPv6; MAC tables that overlap.
const BRIDGE: &str = "\
1.0.8802.1.1.2.1.3.7.1.3.1|4|Gi1/0/1
1.0.8802.1.1.2.1.4.1.1.4.0.1.1|2|4
1.0.8802.1.1.2.1.4.1.1.5.0.1.1|4x|020000000b01
1.0.8802.1.1.2.1.4.1.1.6.0.1.1|2|5
1.0.8802.1.1.2.1.4.1.1.7.0.1.1|4|GigabitEthernet0/0/24
1.0.8802.1.1.2.1.4.1.1.9.0.1.1|4|core-1
1.3.6.1.2.1.1.1.0|4|made-up bridge
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.7
1.3.6.1.2.1.1.3.0|67|100
1.3.6.1.2.1.1.5.0|4|edge-1
1.3.6.1.2.1.2.2.1.2.101|4|Gi1/0/1
1.3.6.1.2.1.2.2.1.2.102|4|Gi1/0/2
1.3.6.1.2.1.2.2.1.2.500|4|Vlan10
1.3.6.1.2.1.2.2.1.3.101|2|6
1.3.6.1.2.1.2.2.1.3.102|2|6
1.3.6.1.2.1.2.2.1.3.500|2|136
1.3.6.1.2.1.2.2.1.6.101|4x|020000000a01
1.3.6.1.2.1.2.2.1.6.102|4x|020000000a02
1.3.6.1.2.1.2.2.1.10.101|65|1000
1.3.6.1.2.1.4.22.1.2.500.10.0.10.7|4x|020000001107
1.3.6.1.2.1.4.22.1.2.500.10.0.10.8|4x|020000001108
1.3.6.1.2.1.4.22.1.2.500.10.0.10.9|4x|020000001109
1.3.6.1.2.1.4.22.1.4.500.10.0.10.7|2|3
1.3.6.1.2.1.4.22.1.4.500.10.0.10.8|2|4
1.3.6.1.2.1.4.22.1.4.500.10.0.10.9|2|2
1.3.6.1.2.1.4.35.1.4.500.1.4.10.0.10.7|4x|020000001107
1.3.6.1.2.1.4.35.1.4.500.2.16.253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7|4x|020000001107
1.3.6.1.2.1.4.35.1.6.500.1.4.10.0.10.7|2|3
1.3.6.1.2.1.4.35.1.6.500.2.16.253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7|2|3
1.3.6.1.2.1.17.1.4.1.2.1|2|101
1.3.6.1.2.1.17.1.4.1.2.2|2|102
1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.7|2|2
1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.8|2|2
1.3.6.1.2.1.17.4.3.1.3.2.0.0.0.17.7|2|3
1.3.6.1.2.1.17.4.3.1.3.2.0.0.0.17.8|2|2
1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.32|2|0
1.3.6.1.2.1.17.4.3.1.3.2.0.0.0.17.32|2|4
1.3.6.1.2.1.17.7.1.2.2.1.2.10.2.0.0.0.17.7|2|2
1.3.6.1.2.1.17.7.1.2.2.1.3.10.2.0.0.0.17.7|2|3
";

pub(crate) fn prober(cx: &Ctx, at: std::net::SocketAddr) -> Box<dyn Prober> {
    prober_as(cx, at, &community("public"), Duration::from_secs(3))
}

/// A prober of the kind as the agent makes it, for a device that takes so long.
pub(crate) fn prober_as(cx: &Ctx, at: std::net::SocketAddr, secret: &Secret, within: Duration) -> Box<dyn Prober> {
    let kind = probe::kind("device").unwrap();
    let Runner::Each(make) = &kind.runner else { panic!("device is of type Each") };
    let task = Task {
        instance: "".into(),
        id: "asset-device|asset:a|a".into(),
        probe: ProbeId::new("asset-device").unwrap(),
        kind: "device".into(),
        object: "asset:a".parse().unwrap(),
        target: Target { host: Some(at.ip().to_string()), port: Some(at.port()), url: None },
        settings: settings_of(kind.spec),
        interval_ms: 600_000,
        timeout_ms: within.as_millis() as u64,
        keep_ms: 600_000,
        secret: Some("a".into()),
        calendar: None,
    };
    make(cx, &Arc::new(task), Some(secret)).unwrap()
}

pub(crate) async fn once(cx: &Ctx, prober: &mut Box<dyn Prober>) -> (Run, Option<Report>) {
    let deadline = cx.clock.mono().plus(Duration::from_secs(30));
    let run = prober.run(cx, deadline).await;
    let news = prober.news().pop().map(|record| match record {
        Record::Report(report) => report,
        other => panic!("no report: {}", other.kind()),
    });
    (run, news)
}

pub(crate) fn device(report: &Report) -> Device {
    report::read(&serde_json::from_str(&report.packed.text().unwrap()).unwrap())
}

/// The things of a class as JSON, without what is null.
pub(crate) fn told(device: &Device, class: &str) -> Vec<String> {
    let object = report::object(device);
    let rows = object[class].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let row = row.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
            row.map(|(key, value)| format!("{key}={}", value.as_str().map_or(value.to_string(), str::to_owned)))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

fn field(run: &Run, name: &str) -> Value {
    let (table, slot, _) = probe::kind("device").unwrap().spec.schema.find(name).unwrap();
    run.rows.iter().find(|row| row.table == table).unwrap().values[slot].clone()
}

#[tokio::test]
async fn a_bridge_tells_of_its_neighbours_and_of_who_stands_behind_its_ports() {
    let recording = Arc::new(Recording::parse("bridge", BRIDGE.as_bytes()).unwrap());
    let (mut world, at) = world(recording, vec![community("public")]).await;
    let cx = cx();
    let mut prober = prober(&cx, at);
    let (run, report) = once(&cx, &mut prober).await;
    assert_eq!((run.outcome, run.detail.as_deref()), (Outcome::Ok, None));
    assert_eq!(field(&run, "neighbour_count"), Value::gauge(1.0));
    assert_eq!(field(&run, "mac_count"), Value::gauge(2.0));
    assert_eq!(field(&run, "profile"), Value::Text("generic".into()));
    let found = device(&report.expect("the first report is news"));
    assert_eq!(
        told(&found, "neighbours"),
        ["protocol=lldp local_port=Gi1/0/1 name=core-1 port=GigabitEthernet0/0/24 chassis=02:00:00:00:0b:01"]
    );
    assert_eq!(
        told(&found, "arp"),
        [
            "address=10.0.10.7 mac=02:00:00:00:11:07 interface=Vlan10 type=dynamic",
            "address=10.0.10.8 mac=02:00:00:00:11:08 interface=Vlan10 type=static",
            "address=fd00::7 mac=02:00:00:00:11:07 interface=Vlan10 type=dynamic",
        ]
    );
    assert_eq!(
        told(&found, "macs"),
        ["mac=02:00:00:00:11:07 port=Gi1/0/2 fdb=10 status=learned", "mac=02:00:00:00:11:20 status=self",]
    );
    assert_eq!(told(&found, "interfaces")[0], "name=Gi1/0/1 index=101 type=ethernetCsmacd mac=02:00:00:00:0a:01");

    // Nothing changed but what moves: no news. Then another name: news.
    let set = |what: &str, value: &str| Step {
        device: "d".into(),
        service: None,
        action: Action::Set { what: what.into(), value: value.into() },
    };
    world.apply(&set("1.3.6.1.2.1.1.3.0", "90000")).await.unwrap();
    assert!(once(&cx, &mut prober).await.1.is_none());
    world.apply(&set("1.3.6.1.2.1.1.5.0", "edge-2")).await.unwrap();
    let news = once(&cx, &mut prober).await.1.expect("another name is news");
    assert_eq!(device(&news).fact("name").text(), Some("edge-2"));
    // A device that falls silent fails, and what was known of it is not overwritten by nothing.
    world.apply(&Step { device: "d".into(), service: None, action: Action::Stop }).await.unwrap();
    let (run, report) = once(&cx, &mut prober).await;
    assert_eq!((run.outcome, report), (Outcome::Failed, None));
    assert!(matches!(run.cause, Some(Cause::Timeout | Cause::Refused)), "{run:?}");
}

/// A made-up Catalyst: VLANs 1, 10 and 20 (and 1002, which is none of Ethernet); BRIDGE-MIB of VLAN 1 behind the plain
/// community.
const CATALYST: &str = "\
1.3.6.1.2.1.1.1.0|4|Cisco IOS Software, C3560 Software, Version 12.2(55)SE
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.617
1.3.6.1.2.1.1.3.0|67|100
1.3.6.1.2.1.2.2.1.2.10101|4|GigabitEthernet0/1
1.3.6.1.2.1.2.2.1.2.10102|4|GigabitEthernet0/2
1.3.6.1.2.1.17.1.4.1.2.1|2|10101
1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.1|2|1
1.3.6.1.2.1.17.4.3.1.3.2.0.0.0.17.1|2|3
1.3.6.1.4.1.9.9.46.1.3.1.1.3.1.1|2|1
1.3.6.1.4.1.9.9.46.1.3.1.1.3.1.10|2|1
1.3.6.1.4.1.9.9.46.1.3.1.1.3.1.20|2|1
1.3.6.1.4.1.9.9.46.1.3.1.1.3.1.1002|2|2
1.3.6.1.4.1.9.9.46.1.3.1.1.4.1.1|4|default
1.3.6.1.4.1.9.9.46.1.3.1.1.4.1.10|4|offices
1.3.6.1.4.1.9.9.46.1.3.1.1.4.1.20|4|cameras
1.3.6.1.4.1.9.9.46.1.3.1.1.4.1.1002|4|fddi-default
";
/// Its BRIDGE-MIB of VLAN 10: port 1 is another port there.
const VLAN_10: &str = "\
1.3.6.1.2.1.17.1.4.1.2.1|2|10102
1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.7|2|1
1.3.6.1.2.1.17.4.3.1.3.2.0.0.0.17.7|2|3
";

/// Answers as the agent behind the community of a request does; nothing to a community that nobody has. It waits for that
/// agent, which may be a task of the same worker: the worker gives its tasks away first, else both wait for the other.
async fn by_community(agents: Vec<(&'static str, std::net::SocketAddr)>) -> fengsui::net::serve::Service {
    let answer = move |request: &[u8]| {
        let message = fengsui::codec::snmp::Message::read(request).ok()?;
        let (_, at) = agents.iter().find(|(name, _)| name.as_bytes() == message.community)?;
        tokio::task::block_in_place(|| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").ok()?;
            socket.set_read_timeout(Some(Duration::from_millis(900))).ok()?;
            socket.send_to(request, at).ok()?;
            let mut answer = vec![0; 65_507];
            let (len, _) = socket.recv_from(&mut answer).ok()?;
            answer.truncate(len);
            Some(answer)
        })
    };
    fengsui::net::serve::udp("127.0.0.1:0".parse().unwrap(), Arc::new(answer)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_with_a_mac_table_a_vlan_is_asked_for_each_and_one_that_is_silent_is_named() {
    let recording = |name: &str, lines: &str| Arc::new(Recording::parse(name, lines.as_bytes()).unwrap());
    let (_all, plain) =
        world(recording("catalyst", CATALYST), vec![community("public"), community("public@1")]).await;
    let (_ten, ten) = world(recording("vlan-10", VLAN_10), vec![community("public@10")]).await;
    let (_no, empty) = world(recording("vlan-20", "1.3.6.1.2.1.1.3.0|67|100\n"), vec![community("public@20")]).await;
    let everybody = vec![("public", plain), ("public@1", plain), ("public@10", ten), ("public@20", empty)];
    let at = by_community(everybody.clone()).await;
    let cx = cx();
    let (run, report) = once(&cx, &mut prober(&cx, at.address())).await;
    assert_eq!((run.outcome, run.detail.as_deref()), (Outcome::Ok, None));
    let found = device(&report.unwrap());
    let macs = [
        "mac=02:00:00:00:11:01 port=GigabitEthernet0/1 fdb=1 status=learned",
        "mac=02:00:00:00:11:07 port=GigabitEthernet0/2 fdb=10 status=learned",
    ];
    assert_eq!(told(&found, "macs"), macs);
    assert_eq!(told(&found, "vlans").len(), 4, "its list of VLANs is as it was");

    // Nobody answers for VLAN 20: what the others say is there, and that something is missing, too.
    let at = by_community(everybody[..3].to_vec()).await;
    let (run, report) = once(&cx, &mut prober(&cx, at.address())).await;
    assert_eq!((run.outcome, run.cause), (Outcome::Degraded, Some(Cause::Partial)));
    assert!(run.detail.as_deref().is_some_and(|why| why.contains("VLAN 20")), "{run:?}");
    assert_eq!(told(&device(&report.unwrap()), "macs"), macs);
}

#[tokio::test]
async fn more_rows_are_asked_for_where_answers_are_small_and_that_is_remembered() {
    let lines: String = (1..=1_000).map(|i| format!("1.3.6.1.2.1.2.2.1.8.{i}|2|1\n")).collect();
    let recording = Arc::new(Recording::parse("long", lines.as_bytes()).unwrap());
    let (world, at) = world(recording, vec![community("public"), user(AUTH, PRIVACY)]).await;
    let clock = Clock::system();
    for secret in [community("public"), user(AUTH, PRIVACY)] {
        let manner = Manner { timeout: Duration::from_secs(1), retries: 1, strict_source: true };
        let session = Session::open(at, &secret, manner).await.unwrap();
        let mut packets = Vec::new();
        for _ in 0..2 {
            let mut columns = Columns::new(5);
            let column = Oid::from_slice(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 8]);
            session.walk_columns(&[column], &mut columns, &clock, clock.mono().plus(Duration::from_secs(5))).await;
            assert_eq!((columns.rows.len(), columns.whole()), (1_000, true), "{:?}", columns.error);
            packets.push(columns.packets);
        }
        assert!(packets[0] < 40 && packets[1] < packets[0], "5 rows a request would be 200 requests: {packets:?}");
    }
    drop(world);
}
