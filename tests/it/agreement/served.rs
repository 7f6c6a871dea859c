//! The same over a network: the simulator serves what was recorded, the engine asks for it as an agent does, and the
//! profile reads what came. In the order of their names all recordings must agree with LibreNMS as they do without a
//! network; in the order in which they stand a walk must end, and say by what.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;

use fengsui::model::device::report;
use fengsui::model::observation::Outcome;
use fengsui::model::wire::Record;
use fengsui::net::clock::Clock;
use fengsui::net::serve::{self, Service};
use fengsui::net::snmp::{Manner, Session};
use fengsui::probe::device::fetch::{self, Identity};
use fengsui::sim::crowd::{Template, Vices};
use serde_json::{Value, json};

use super::*;
use crate::device::prober_as;
use crate::rig::{self, wait_for};
use crate::snmp::{community, cx};

/// What a poll may take here: a debug build on a machine with other things to do.
const WITHIN: Duration = Duration::from_secs(300);
/// Recordings at once: the large ones take a hundred megabytes each.
const AT_ONCE: usize = 3;
/// Bytes of an answer: a frame of Ethernet.
const ANSWER: usize = 1_472;

/// Lines as a device has them that sorts: of those with one name the last.
fn sorted(lines: Vec<(Oid, Entry)>) -> Vec<(Oid, Entry)> {
    lines.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn out_of_order(lines: &[(Oid, Entry)]) -> usize {
    lines.windows(2).filter(|pair| pair[0].0 >= pair[1].0).count()
}

/// A device that answers each line with the next.
async fn served(lines: Vec<(Oid, Entry)>) -> (Service, SocketAddr) {
    let at = Ipv4Addr::new(127, 79, 0, 1);
    let template = Template::new(lines, "public", at, 1, Vices::new(1, ANSWER), Clock::system());
    let service = serve::crowd(0, true, Duration::ZERO, Box::new(template)).await.unwrap();
    let at = SocketAddr::new(at.into(), service.address().port());
    (service, at)
}

async fn session(at: SocketAddr) -> Session {
    // Long tries: on a busy machine a late answer is no lost one.
    let manner = Manner { timeout: Duration::from_secs(4), retries: 2, strict_source: true };
    Session::open(at, &community("public"), manner).await.unwrap()
}

/// All of a device by its profile, in as many requests.
async fn polled<'a>(profiles: &'a [ProfileDef], session: &Session) -> (Chosen<'a>, Device, u32) {
    let clock = Clock::system();
    let deadline = clock.mono().plus(WITHIN);
    let told = Identity::of(session, &clock, deadline).await.unwrap_or_default(); // a recording may lack both
    let chosen = told.chosen(profiles);
    let wanted = Wanted::of(&chosen, chosen.tables());
    let mut answers = fetch::fetch(session, &wanted, 25, &clock, deadline).await.unwrap();
    fetch::vlans(session, &chosen, &mut answers, 25, &clock, deadline).await;
    let device = evaluate(&chosen, &answers);
    (chosen, device, session.exchanged().requests)
}

/// Nobody answers for `public@VLAN` here, and a table may have more rows than are read of one: both are said, and what
/// came agrees.
fn is_known_cut(reason: &str) -> bool {
    reason.contains("VLAN") || reason.contains("rows")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_served_by_the_simulator_agree_as_well_and_the_prober_reports_the_same() {
    let Some(bench) = Bench::set_up() else { return };
    let bench = Arc::new(bench);
    let cx = Arc::new(cx());
    let mut left = recordings(&bench.fixtures).into_iter();
    let (mut running, mut verdict, mut odd) = (tokio::task::JoinSet::new(), Verdict::default(), Vec::new());
    loop {
        while running.len() < AT_ONCE
            && let Some(path) = left.next()
        {
            let (bench, cx) = (bench.clone(), cx.clone());
            running.spawn(async move {
                let all = lines(&path);
                let (asked, all) = (answered(&all, &bench.asked), sorted(all));
                let (_service, at) = served(all).await;
                let began = cx.clock.mono();
                let (_, device, requests) = polled(&bench.profiles, &session(at).await).await;
                println!(
                    "{}: {requests} requests in {:.1} s",
                    name_of(&path),
                    cx.clock.mono().since(began).as_secs_f64()
                );
                let mut prober = prober_as(&cx, at, &community("public"), WITHIN);
                let run = prober.run(&cx, cx.clock.mono().plus(WITHIN)).await;
                (path, asked, device, run, prober.news())
            });
        }
        let Some(done) = running.join_next().await else { break };
        let (path, asked, device, run, news) = done.unwrap();
        let name = name_of(&path);
        for cut in &device.incomplete {
            println!("{name} {}: {}", cut.class, cut.reason);
            if !is_known_cut(&cut.reason) {
                odd.push(format!("{name}: {cut:?}"));
            }
        }
        let told = news.iter().find_map(|news| match news {
            Record::Report(report) => Some(report.fingerprint),
            _ => None,
        });
        let outcome = if device.incomplete.is_empty() { Outcome::Ok } else { Outcome::Degraded };
        if run.outcome != outcome || told != Some(report::fingerprint(&device)) {
            odd.push(format!("{name}: the prober found another device, {:?} {:?}", run.outcome, run.detail));
        }
        let (chosen, _) = played(&bench.profiles, &asked);
        let before = verdict.differences.len();
        verdict.hold(&bench.fixtures, &path, &asked, &chosen, &device);
        // Of a table that is known to be cut not all is there.
        let new = verdict.differences.split_off(before);
        let is_cut = |line: &String| {
            device
                .incomplete
                .iter()
                .any(|cut| line.starts_with(&format!("{name} {} ", cut.class)) && line.ends_with("not among ours"))
        };
        verdict.differences.extend(new.into_iter().filter(|line| !is_cut(line)));
    }
    verdict.pronounce();
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_of_recordings_out_of_order_ends_and_says_why() {
    let Some(bench) = Bench::set_up() else { return };
    let clock = Clock::system();
    for path in recordings(&bench.fixtures) {
        let (name, all) = (name_of(&path), lines(&path));
        let (count, jumps) = (all.len(), out_of_order(&all));
        if jumps == 0 {
            continue;
        }
        let (_service, at) = served(all).await;
        let session = session(at).await;
        let mut walked = 0;
        let root = Oid::from_slice(&[1]);
        let mut told = |_: &Oid, _: &Wire| {
            walked += 1;
            std::ops::ControlFlow::Continue(())
        };
        let walk = session.walk(&root, 25, &mut told);
        let ended = clock.until(clock.mono().plus(WITHIN), walk).await.expect("a walk that ends");
        let ended = ended.expect_err("it cannot get to the end").to_string();
        assert!(ended.contains("do not grow") && walked < count, "{name}: {ended}");
        let (_, device, requests) = polled(&bench.profiles, &session).await;
        let cut: BTreeSet<&str> = device.incomplete.iter().map(|cut| cut.class).collect();
        for cut in &device.incomplete {
            assert!(cut.reason.contains("do not grow") || is_known_cut(&cut.reason), "{name}: {cut:?}");
        }
        println!(
            "{name}: {count} lines, {jumps} go back; {walked} walked: {ended}; cut of {requests} requests: {cut:?}"
        );
    }
}

/// A core router with more than half a million variables, from one program to another.
#[test]
fn the_largest_recording_is_polled_in_seconds_and_in_little_memory() {
    let Some(bench) = Bench::set_up() else { return };
    /// The poller: what is read of this router is held three times over, as it came, by tables, and as it is printed.
    const MOST_KIB: u64 = 200 * 1024;
    let path = recordings(&bench.fixtures).into_iter().max_by_key(|path| text_of(path).len()).unwrap();
    let all = lines(&path);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("largest.snmprec");
    let text: Vec<u8> = all.iter().flat_map(|(oid, entry)| written(oid, entry)).collect();
    std::fs::write(&file, text).unwrap();
    let mut simulator = rig::command()
        .args([
            "simulate",
            file.to_str().unwrap(),
            "--listen",
            "127.79.1.1:0",
            "--community",
            "public",
            "--devices",
            "1",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(simulator.stdout.take().unwrap()), &mut line).unwrap();
    let at = line.strip_prefix("udp ").and_then(|line| line.split(' ').next()).unwrap().to_owned();
    let out = dir.path().join("device.json");
    let began = rig::now();
    let mut poller = rig::command()
        .args(["snmp", "poll", &at, "--community", "public", "--format", "json", "--within", "300s"])
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut kib = 0;
    let ended = wait_for("the poll to end", WITHIN, || {
        kib = kib.max(most_resident(poller.id()));
        poller.try_wait().unwrap()
    });
    let took = began.elapsed();
    let _ = simulator.kill();
    let _ = simulator.wait();
    let device: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let rows = |class: &str| device[class].as_array().map_or(0, Vec::len);
    println!(
        "{}: {} variables; polled in {:.1} s, {kib} KiB: {} interfaces, {} ARP entries; {}",
        name_of(&path),
        all.len(),
        took.as_secs_f64(),
        rows("interfaces"),
        rows("arp"),
        device["incomplete"]
    );
    assert!(matches!(ended.code(), Some(0 | 3)), "{ended:?}");
    assert_eq!(device["device"]["vendor"], "Ruijie");
    assert!(kib > 0 && kib <= MOST_KIB, "{kib} KiB");
}

/// A variable as a line of a recording.
fn written(oid: &Oid, entry: &Entry) -> Vec<u8> {
    let (tag, text) = match entry.at(Duration::ZERO) {
        Wire::Integer(n) => ("2", n.to_string()),
        Wire::ObjectIdentifier(oid) => ("6", oid.to_string()),
        Wire::IpAddress(octets) => ("64", Ipv4Addr::from(octets).to_string()),
        Wire::Counter32(n) => ("65", n.to_string()),
        Wire::Gauge32(n) => ("66", n.to_string()),
        Wire::TimeTicks(n) => ("67", n.to_string()),
        Wire::Counter64(n) => ("70", n.to_string()),
        other => ("4x", other.as_bytes().unwrap_or_default().iter().map(|b| format!("{b:02x}")).collect()),
    };
    format!("{oid}|{tag}|{text}\n").into_bytes()
}

/// The most memory that a process had resident so far, in KiB.
fn most_resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A made-up switch of two ports with a processor, a VLAN, an address and a neighbour.
const SWITCH: &str = "\
1.0.8802.1.1.2.1.3.7.1.3.1|4|GE0/0/1
1.0.8802.1.1.2.1.4.1.1.4.0.1.1|2|4
1.0.8802.1.1.2.1.4.1.1.5.0.1.1|4x|020000000b01
1.0.8802.1.1.2.1.4.1.1.7.0.1.1|4|GE0/0/24
1.0.8802.1.1.2.1.4.1.1.9.0.1.1|4|core-1
1.3.6.1.2.1.1.1.0|4|made-up switch
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.7
1.3.6.1.2.1.1.5.0|4|edge-1
1.3.6.1.2.1.2.2.1.2.1|4|GigabitEthernet0/0/1
1.3.6.1.2.1.2.2.1.2.2|4|GigabitEthernet0/0/2
1.3.6.1.2.1.2.2.1.3.1|2|6
1.3.6.1.2.1.2.2.1.3.2|2|6
1.3.6.1.2.1.2.2.1.4.1|2|1500
1.3.6.1.2.1.2.2.1.4.2|2|9216
1.3.6.1.2.1.2.2.1.5.1|66|1000000000
1.3.6.1.2.1.2.2.1.5.2|66|100000000
1.3.6.1.2.1.2.2.1.6.1|4x|020000000a01
1.3.6.1.2.1.2.2.1.6.2|4x|020000000a02
1.3.6.1.2.1.2.2.1.7.1|2|1
1.3.6.1.2.1.2.2.1.7.2|2|1
1.3.6.1.2.1.2.2.1.8.1|2|1
1.3.6.1.2.1.2.2.1.8.2|2|2
1.3.6.1.2.1.4.20.1.1.10.0.10.2|64|10.0.10.2
1.3.6.1.2.1.4.20.1.2.10.0.10.2|2|1
1.3.6.1.2.1.4.20.1.3.10.0.10.2|64|255.255.255.0
1.3.6.1.2.1.17.7.1.4.3.1.1.10|4|office
1.3.6.1.2.1.25.3.3.1.2.1|2|37
1.3.6.1.2.1.31.1.1.1.1.1|4|GE0/0/1
1.3.6.1.2.1.31.1.1.1.1.2|4|GE0/0/2
";

#[tokio::test]
async fn a_switch_made_up_here_agrees_over_the_network_and_a_wrong_value_does_not() {
    let profiles = defs::load(&[], probe::catalog()).definitions.profiles.clone();
    let all = recording::lines("switch", SWITCH.as_bytes()).unwrap();
    let (_service, at) = served(sorted(all)).await;
    let (chosen, device, _) = polled(&profiles, &session(at).await).await;
    let port = |index: u32, oper: &str, speed: u64, mtu: u32| {
        json!({
            "ifIndex": index, "ifName": format!("GE0/0/{index}"), "ifAdminStatus": "up", "ifOperStatus": oper,
            "ifType": "ethernetCsmacd", "ifPhysAddress": format!("020000000a0{index}"), "ifSpeed": speed, "ifMtu": mtu,
        })
    };
    let mut expected = json!({
        "ports": { "poller": { "ports": [port(1, "up", 1_000_000_000, 1_500), port(2, "down", 100_000_000, 9_216)] } },
        "processors": { "discovery": { "processors": [{ "processor_oid": ".1.3.6.1.2.1.25.3.3.1.2.1", "processor_usage": 37 }] } },
        "vlans": { "discovery": { "vlans": [{ "vlan_vlan": 10 }] } },
        "ipv4-addresses": { "discovery": { "ipv4_addresses": [{ "ipv4_address": "10.0.10.2", "ipv4_prefixlen": 24 }] } },
        "discovery-protocols": { "discovery": { "links": [
            { "protocol": "lldp", "ifName": "GE0/0/1", "remote_hostname": "core-1", "remote_port": "GE0/0/24" },
        ] } },
    });
    let (tallies, differences) = compare::compare("switch", &chosen, &device, &expected);
    assert_eq!(differences, Vec::<String>::new());
    let same: Vec<(&str, usize)> = tallies.iter().map(|(class, tally)| (*class, tally.same)).collect();
    assert_eq!(same, [("addresses", 1), ("cpu", 1), ("interfaces", 2), ("neighbours", 1), ("vlans", 1)]);
    expected["ports"]["poller"]["ports"][1]["ifMtu"] = json!(1_500);
    let (_, differences) = compare::compare("switch", &chosen, &device, &expected);
    assert_eq!(differences, ["switch interfaces ifIndex 2: mtu: ours Some(9216.0), theirs Some(1500.0)"]);
}

#[tokio::test]
async fn a_switch_made_up_here_that_does_not_sort_is_read_as_far_as_it_goes() {
    let profiles = defs::load(&[], probe::catalog()).definitions.profiles.clone();
    let mut all = recording::lines("switch", SWITCH.as_bytes()).unwrap();
    // The names of ports stand before what was read of them: behind the last the column of descriptions begins again.
    let names = all.split_off(all.len() - 2);
    let at = all.iter().position(|(oid, _)| oid.to_string() == "1.3.6.1.2.1.2.2.1.3.1").unwrap();
    all.splice(at..at, names);
    let (_service, at) = served(all).await;
    let (_, device, requests) = polled(&profiles, &session(at).await).await;
    assert_eq!(device.of("interfaces").len(), 2, "{:?}", device.incomplete);
    let cut: Vec<&str> =
        device.incomplete.iter().filter(|cut| cut.class == "interfaces").map(|cut| cut.reason.as_str()).collect();
    assert!(cut.iter().any(|why| why.contains("the agent's OIDs do not grow at 1.3.6.1.2.1.2.2.1.3.1")), "{cut:?}");
    assert!(requests < 100, "{requests}");
}
