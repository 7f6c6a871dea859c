//! The snmp probe against a real `snmpd`, the simulator and agents that lie; the simulator against net-snmp's
//! own tools. Where net-snmp is not installed its tests say so, and fail only where CI is set.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fengsui::config::defs;
use fengsui::model::observation::{Cause, Outcome, Row, Value};
use fengsui::model::plan::{SettingValue, Settings, Target, Task};
use fengsui::model::secret::{SnmpAuth, SnmpPrivacy};
use fengsui::model::{AgentId, Object, ProbeId, Secret, SecretText};
use fengsui::net::clock::Clock;
use fengsui::net::serve::Access;
use fengsui::net::snmp::{Columns, Manner, Oid, Session, SnmpError, refuses};
use fengsui::probe::device::Profiles;
use fengsui::probe::{self, Ctx, Prober, Run, Runner};
use fengsui::sim::{Action, DeviceSpec, Kind, Recording, ServiceSpec, Step, World};

use crate::health::parts;
use crate::snmpd::Snmpd;
pub(crate) use crate::snmpd::tool;

pub(crate) const AUTH: &str = "authpass-1";
pub(crate) const PRIVACY: &str = "privpass-1";

pub(crate) fn community(name: &str) -> Secret {
    Secret::SnmpCommunity { v1: false, community: SecretText::new(name) }
}

pub(crate) fn user(auth: &str, privacy: &str) -> Secret {
    Secret::SnmpV3 {
        user: "watch".into(),
        auth: Some((SnmpAuth::Sha256, SecretText::new(auth))),
        privacy: Some((SnmpPrivacy::Aes128, SecretText::new(privacy))),
        context: String::new(),
    }
}

pub(crate) fn cx() -> Ctx {
    let (profiles, marks) = (Arc::new(Profiles::default()), Arc::default());
    profiles.set(defs::load(&[], probe::catalog()).definitions.profiles.clone());
    Ctx { clock: Clock::system(), agent: AgentId::new("test").unwrap(), limits: Arc::default(), profiles, marks }
}

/// A prober of the kind as the agent makes it.
pub(crate) fn prober(
    cx: &Ctx,
    at: SocketAddr,
    secret: Option<&Secret>,
    settings: &[(&str, SettingValue)],
) -> Box<dyn Prober> {
    let mut all: BTreeMap<String, SettingValue> = BTreeMap::from([
        ("max_repetitions".into(), SettingValue::Int(25)),
        ("retries".into(), SettingValue::Int(0)),
        ("interfaces".into(), SettingValue::Bool(true)),
        ("strict_source".into(), SettingValue::Bool(true)),
        ("family".into(), SettingValue::Text("any".into())),
    ]);
    all.extend(settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
    let task = Task {
        instance: "".into(),
        id: "snmp|asset:a|a".into(),
        probe: ProbeId::new("snmp").unwrap(),
        kind: "snmp".into(),
        object: "asset:a".parse().unwrap(),
        target: Target { host: Some(at.ip().to_string()), port: Some(at.port()), url: None },
        settings: Settings(all),
        interval_ms: 30_000,
        timeout_ms: 2_000,
        keep_ms: 60_000,
        secret: Some("a".into()),
        calendar: None,
    };
    let Some(Runner::Each(make)) = probe::kind("snmp").map(|k| &k.runner) else { panic!("snmp is of type Each") };
    make(cx, &Arc::new(task), secret).unwrap()
}

pub(crate) async fn once(cx: &Ctx, prober: &mut Box<dyn Prober>) -> Run {
    let deadline = cx.clock.mono().plus(Duration::from_secs(2));
    let run = prober.run(cx, deadline).await;
    assert!(cx.clock.mono() <= deadline.plus(Duration::from_millis(200)), "a run ends by its deadline");
    run
}

/// A field of the target row, or of the interface of that name.
pub(crate) fn field(run: &Run, interface: Option<&str>, name: &str) -> Value {
    let (table, slot, _) = probe::kind("snmp").unwrap().spec.schema.find(name).unwrap();
    let object: Object = match interface {
        Some(port) => format!("interface:a/{port}").parse().unwrap(),
        None => "asset:a".parse().unwrap(),
    };
    let row: &Row = run.rows.iter().find(|r| r.table == table && r.object == object).unwrap_or_else(|| {
        panic!("no row {object} in {:?}", run.rows.iter().map(|r| r.object.to_string()).collect::<Vec<_>>())
    });
    row.values[slot].clone()
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub(crate) fn recording(name: &str) -> Arc<Recording> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name);
    Arc::new(Recording::parse(name, &std::fs::read(path).unwrap()).unwrap())
}

pub(crate) async fn world(recording: Arc<Recording>, access: Vec<Secret>) -> (World, SocketAddr) {
    let device = DeviceSpec {
        name: "d".into(),
        address: "127.0.0.1".parse().unwrap(),
        services: vec![ServiceSpec::new(0, Kind::Snmp { recording, access: Access::new(access) })],
    };
    let world = World::start(vec![device], &Clock::system()).await.unwrap();
    let at = world.address("d", "snmp").unwrap();
    (world, at)
}

fn step(action: Action) -> Step {
    Step { device: "d".into(), service: None, action }
}

pub(crate) fn set(what: &str, value: &str) -> Step {
    step(Action::Set { what: what.into(), value: value.into() })
}

#[tokio::test]
async fn a_simulated_switch_is_read_with_rates_and_a_port_that_goes_down_is_seen() {
    let (mut world, at) = world(recording("switch.snmprec"), vec![community("public")]).await;
    let cx = cx();
    let mut prober = prober(&cx, at, Some(&community("public")), &[]);
    let first = once(&cx, &mut prober).await;
    assert_eq!((first.outcome, &first.detail), (Outcome::Ok, &None));
    assert_eq!(field(&first, None, "name"), text("sim-switch-1"));
    assert_eq!(field(&first, None, "location"), text("阿克苏 机房 A 3-12"));
    assert_eq!(field(&first, None, "object_id"), text("1.3.6.1.4.1.99999.1.1"));
    assert_eq!(field(&first, None, "interfaces"), Value::F64(9.0));
    assert!(field(&first, None, "uptime_seconds").number().unwrap() >= 86_400.0);
    let port = Some("GigabitEthernet0/0/1");
    assert_eq!(field(&first, port, "oper"), Value::State(0));
    assert_eq!(field(&first, Some("GigabitEthernet0/0/7"), "admin"), Value::State(1));
    assert_eq!(field(&first, port, "alias"), text("uplink to sim-router-1"));
    assert_eq!(field(&first, port, "mac"), text("02:00:00:5e:10:01"));
    assert_eq!(field(&first, port, "speed_bps"), Value::F64(1e9));
    assert_eq!(field(&first, port, "in_bps"), Value::Null);
    assert_eq!(field(&first, Some("GigabitEthernet0/0/4"), "in_errors"), Value::U64(3));

    cx.clock.sleep(Duration::from_millis(1200)).await; // the rate needs device time to pass
    world.apply(&set("ifOperStatus.1", "2")).await.unwrap(); // from here on the port counts nothing
    let second = once(&cx, &mut prober).await;
    assert_eq!(field(&second, port, "oper"), Value::State(1));
    let bps = field(&second, port, "in_bps").number().unwrap();
    assert!((800_000.0..1_200_000.0).contains(&bps), "125,000 octets a second, read as {bps} bit/s");

    // A cold start: the same port, counters from their beginning, a gap and no spike.
    world.apply(&step(Action::Stop)).await.unwrap();
    world.apply(&step(Action::Start)).await.unwrap();
    let third = once(&cx, &mut prober).await;
    assert_eq!(third.outcome, Outcome::Ok);
    assert_eq!(field(&third, port, "in_bps"), Value::Null);
    world.stop().await;
}

#[tokio::test]
async fn an_old_router_gives_32_bit_counters_and_twins_their_index() {
    let (world, at) = world(recording("router.snmprec"), vec![community("public")]).await;
    let cx = cx();
    for v1 in [false, true] {
        let secret = Secret::SnmpCommunity { v1, community: SecretText::new("public") };
        let run = once(&cx, &mut prober(&cx, at, Some(&secret), &[])).await;
        assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None), "v1 {v1}");
        assert_eq!(field(&run, None, "interfaces"), Value::F64(4.0));
        assert_eq!(field(&run, Some("Serial1/0/0"), "speed_bps"), Value::F64(2_048_000.0));
        assert!(field(&run, Some("Serial1/0/0"), "in_octets").number().unwrap() > 0.0);
        assert_eq!(field(&run, Some("Port#12"), "speed_bps"), Value::F64(1e8));
        assert_eq!(field(&run, None, "contact"), Value::Null);
    }
    drop(world);
}

#[tokio::test]
async fn neighbours_of_a_real_router_are_read_with_what_they_mean_to_traffic() {
    let (mut world, at) = world(recording("frr.snmprec"), vec![community("public")]).await;
    let cx = cx();
    let settings = [("neighbours", SettingValue::Bool(true)), ("interfaces", SettingValue::Bool(false))];
    for v1 in [true, false] {
        let secret = Secret::SnmpCommunity { v1, community: SecretText::new("public") };
        let mut prober = prober(&cx, at, Some(&secret), &settings);
        let mut told = async || -> Vec<String> {
            let run = once(&cx, &mut prober).await;
            assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None), "v1 {v1}");
            let shown = |row: &Row| format!("{} {:?}", row.instance, &row.values[..2]);
            let rows = run.rows.iter().filter(|row| row.table == 2);
            let mut all: Vec<String> = rows.map(shown).collect();
            all.sort();
            all
        };
        let peers = [
            "bgp/10.1.0.2 [State(0), State(13)]",
            "bgp/10.1.0.3 [State(3), State(8)]",
            "bgp/10.1.0.9 [State(1), State(10)]",
        ];
        assert_eq!(told().await[..3], peers, "established, shut, active");
        assert_eq!(told().await[3..], ["ospf/10.1.0.2 [State(0), State(7)]"], "full");
        if !v1 {
            world.apply(&set("1.3.6.1.2.1.14.10.1.6.10.1.0.2.0", "1")).await.unwrap();
            assert_eq!(told().await[3..], ["ospf/10.1.0.2 [State(1), State(0)]"], "down");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn peers_of_ipv6_and_of_vpns_are_neighbours_too() {
    // Of HUAWEI-BGP-VPN-MIB: VRF, AFI, SAFI, type of the address, its length and itself; remote AS (2) and state (5).
    let own = "1.3.6.1.4.1.2011.5.25.177.1.1.2.1";
    let v6 = "0.2.1.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9";
    let mut lines = String::from("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2011.2.224.60\n1.3.6.1.2.1.1.3.0|67|100\n");
    for (column, value) in [(2, 6), (3, 2), (9, 65_001)] {
        lines += &format!("1.3.6.1.2.1.15.3.1.{column}.10.1.0.2|2|{value}\n");
    }
    for (index, number, state) in
        [("0.1.1.1.4.10.1.0.2", 65_001, 6), ("3.1.1.1.4.10.9.0.2", 65_009, 6), (v6, 4_200_000_001_u32, 6)]
    {
        lines += &format!("{own}.2.{index}|66|{number}\n{own}.5.{index}|2|{state}\n");
    }
    let recording = Arc::new(Recording::parse("core", lines.as_bytes()).unwrap());
    let (mut world, at) = world(recording, vec![community("public")]).await;
    let cx = cx();
    let settings = [("neighbours", SettingValue::Bool(true)), ("interfaces", SettingValue::Bool(false))];
    let mut prober = prober(&cx, at, Some(&community("public")), &settings);
    let mut told = async || -> Vec<String> {
        let run = once(&cx, &mut prober).await;
        assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None));
        let rows = run.rows.iter().filter(|row| row.table == 2);
        let text = |row: &Row| if let Value::Text(text) = &row.values[3] { text.to_string() } else { String::new() };
        let shown = |row: &Row| format!("{} {} {:?} {:?}", row.instance, text(row), row.values[0], row.values[4]);
        rows.map(shown).collect()
    };
    let known = "bgp/10.1.0.2 65001 State(0) State(1)";
    let v6_up = "bgp/2001:db8::9 4200000001 State(0) State(1)";
    assert_eq!(told().await, [known, v6_up, "bgp/10.9.0.2 65009 State(0) State(1)"]);
    world.apply(&set(&format!("{own}.5.3.1.1.1.4.10.9.0.2"), "3")).await.unwrap();
    assert_eq!(told().await, [known, v6_up, "bgp/10.9.0.2 65009 State(1) State(1)"], "it was up, and is not");
    world.stop().await;
}

#[tokio::test]
async fn silence_is_a_timeout_a_closed_port_is_refused_and_no_secret_is_our_own_fault() {
    let (mut world, at) = world(recording("switch.snmprec"), vec![community("public")]).await;
    let cx = cx();
    let mut good = prober(&cx, at, Some(&community("public")), &[]);
    assert_eq!(once(&cx, &mut good).await.outcome, Outcome::Ok);
    let wrong = once(&cx, &mut prober(&cx, at, Some(&community("wrong")), &[])).await;
    assert_eq!((wrong.outcome, wrong.cause), (Outcome::Failed, Some(Cause::Timeout)));
    world.apply(&step(Action::Silence)).await.unwrap();
    let silent = once(&cx, &mut good).await;
    assert_eq!((silent.outcome, silent.cause), (Outcome::Failed, Some(Cause::Timeout)));
    assert!(silent.rows.is_empty());
    world.apply(&step(Action::Stop)).await.unwrap();
    let stopped = once(&cx, &mut good).await;
    assert_eq!((stopped.outcome, stopped.cause), (Outcome::Failed, Some(Cause::Refused)));
    world.apply(&step(Action::Start)).await.unwrap();
    assert_eq!(once(&cx, &mut good).await.outcome, Outcome::Ok);
    let none = once(&cx, &mut prober(&cx, at, None, &[])).await;
    assert_eq!((none.outcome, none.cause), (Outcome::Invalid, Some(Cause::NoSecret)));
}

#[tokio::test]
async fn v3_reads_what_v2c_reads_a_wrong_key_is_auth_and_a_restarted_engine_is_found_again() {
    let (mut world, at) = world(recording("switch.snmprec"), vec![user(AUTH, PRIVACY)]).await;
    let cx = cx();
    let mut good = prober(&cx, at, Some(&user(AUTH, PRIVACY)), &[]);
    let run = once(&cx, &mut good).await;
    assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None));
    assert_eq!(field(&run, None, "interfaces"), Value::F64(9.0));
    let wrong = once(&cx, &mut prober(&cx, at, Some(&user("not-the-key", PRIVACY)), &[])).await;
    assert_eq!((wrong.outcome, wrong.cause), (Outcome::Failed, Some(Cause::Auth)), "{:?}", wrong.detail);
    world.apply(&step(Action::Stop)).await.unwrap();
    world.apply(&step(Action::Start)).await.unwrap();
    let again = once(&cx, &mut good).await;
    assert_eq!((again.outcome, &again.detail), (Outcome::Ok, &None));
}

#[tokio::test]
async fn many_rows_come_whatever_the_repetitions() {
    let mut lines = String::from("1.3.6.1.2.1.1.3.0|67|100\n1.3.6.1.2.1.2.1.0|2|300\n");
    for i in 1..=300 {
        lines += &format!("1.3.6.1.2.1.31.1.1.1.1.{i}|4|p{i}\n1.3.6.1.2.1.2.2.1.8.{i}|2|1\n");
    }
    let recording = Arc::new(Recording::parse("many", lines.as_bytes()).unwrap());
    let (world, at) = world(recording, vec![community("public")]).await;
    let cx = cx();
    for repetitions in [1, 7, 200] {
        let settings = [("max_repetitions", SettingValue::Int(repetitions))];
        let run = once(&cx, &mut prober(&cx, at, Some(&community("public")), &settings)).await;
        assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None));
        assert_eq!(field(&run, None, "interfaces"), Value::F64(300.0));
        assert_eq!(field(&run, Some("p300"), "oper"), Value::State(0));
        assert_eq!(field(&run, Some("p300"), "in_octets"), Value::Null);
    }
    drop(world);
}

// ---- agents that lie

/// Answers datagrams with whatever `lie` makes of them.
async fn liar(lie: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> fengsui::net::serve::Service {
    fengsui::net::serve::udp("127.0.0.1:0".parse().unwrap(), Arc::new(lie)).await.unwrap()
}

pub(crate) async fn session(at: SocketAddr) -> Session {
    let manner = Manner { timeout: Duration::from_millis(300), retries: 0, strict_source: true };
    Session::open(at, &community("public"), manner).await.unwrap()
}

/// Turns a request into its response, in place: GETBULK and GET become Response, values stay NULL.
fn echoed(request: &[u8]) -> Option<Vec<u8>> {
    let mut answer = request.to_vec();
    let tag = answer.iter().position(|b| matches!(b, 0xa0 | 0xa1 | 0xa5))?;
    answer[tag] = 0xa2;
    // request-id follows as 02 LEN ...; then error-status and error-index (or the bulk fields): zero them.
    let mut at = tag + 2;
    at += 2 + usize::from(answer[at + 1]);
    for _ in 0..2 {
        let len = usize::from(answer[at + 1]);
        answer[at + 2..at + 2 + len].fill(0);
        at += 2 + len;
    }
    Some(answer)
}

async fn walk(at: SocketAddr) -> Columns {
    let clock = Clock::system();
    let mut columns = Columns::new(4);
    let column = Oid::from_slice(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 2]);
    let deadline = clock.mono().plus(Duration::from_millis(1500));
    session(at).await.walk_columns(&[column], &mut columns, &clock, deadline).await;
    columns
}

#[tokio::test]
async fn an_oid_that_does_not_grow_ends_its_column_by_name() {
    let liar = liar(echoed).await;
    let columns = walk(liar.address()).await;
    assert_eq!(columns.packets, 1);
    assert!(columns.shortfalls[0].contains("do not grow"), "{:?}", columns.shortfalls);
}

#[tokio::test]
async fn a_cut_answer_is_not_an_answer() {
    let liar = liar(|request| {
        echoed(request).map(|mut a| {
            a.truncate(a.len() - 7);
            a
        })
    })
    .await;
    let columns = walk(liar.address()).await;
    assert!(columns.rows.is_empty());
    assert!(
        columns.error.as_ref().is_some_and(|e| matches!(e.cause(), Cause::Timeout | Cause::Protocol)),
        "{columns:?}"
    );
}

#[tokio::test]
async fn an_answer_to_another_request_is_not_ours() {
    let liar = liar(|request| {
        echoed(request).map(|mut a| {
            let tag = a.iter().position(|b| *b == 0xa2).unwrap();
            a[tag + 4] ^= 0x55; // the request-id
            a
        })
    })
    .await;
    let columns = walk(liar.address()).await;
    assert!(matches!(columns.error, Some(SnmpError::Timeout { .. })), "{columns:?}");
    assert_eq!(columns.repetitions, 1, "a timeout halves what is asked for");
}

#[tokio::test]
async fn a_table_cut_by_silence_is_degraded_and_keeps_what_came() {
    // Answers the fixed part and the first rows from a recording, then falls silent.
    let (world, at) = world(recording("switch.snmprec"), vec![community("public")]).await;
    let upstream = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    upstream.connect(at).unwrap();
    upstream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let count = std::sync::atomic::AtomicU32::new(0);
    let relay = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let front = relay.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        relay.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
        let mut buffer = [0; 65_535];
        while let Ok((len, from)) = relay.recv_from(&mut buffer) {
            if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 3 {
                continue; // from here on it says nothing
            }
            upstream.send(&buffer[..len]).unwrap();
            let len = upstream.recv(&mut buffer).unwrap();
            relay.send_to(&buffer[..len], from).unwrap();
        }
    });
    let cx = cx();
    let settings = [("max_repetitions", SettingValue::Int(5))];
    let mut prober = prober(&cx, front, Some(&community("public")), &settings);
    let run = once(&cx, &mut prober).await;
    assert_eq!((run.outcome, run.cause), (Outcome::Degraded, Some(Cause::Partial)));
    assert_eq!(field(&run, None, "name"), text("sim-switch-1"));
    assert_eq!(field(&run, None, "interfaces"), Value::F64(9.0), "ifNumber, not the rows that came");
    assert!(run.detail.unwrap().contains("cut after"));
    drop(world);
    thread.join().unwrap();
}

#[tokio::test]
async fn only_a_closed_port_refuses() {
    let clock = Clock::system();
    let held = liar(|_| None).await;
    let at = held.address();
    assert!(!refuses(at, &clock).await);
    held.stop().await;
    assert!(refuses(at, &clock).await);
}

// ---- net-snmp

/// What a tool of net-snmp prints, line by line.
fn ask(tool: &Path, at: SocketAddr, credentials: &[&str], oids: &[&str]) -> Vec<String> {
    let output = Command::new(tool)
        .args(["-M", "", "-m", "", "-On", "-t", "2", "-r", "1"])
        .args(credentials)
        .arg(at.to_string())
        .args(oids)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}{text}", String::from_utf8_lossy(&output.stderr));
    let value = |line: &&str| line.starts_with(".1.") && !line.contains("No more variables"); // not the rest of a long one
    text.lines().filter(value).map(str::to_owned).collect()
}

const V2C: &[&str] = &["-v2c", "-c", "public"];
const V3: &[&str] =
    &["-v3", "-u", "watch", "-l", "authPriv", "-a", "SHA-256", "-A", AUTH, "-x", "AES", "-X", PRIVACY];

#[tokio::test]
async fn a_real_snmpd_says_the_same_to_the_probe_and_to_snmpget() {
    let (Some(snmpd), Some(get), Some(walk)) = (tool("snmpd"), tool("snmpget"), tool("snmpwalk")) else { return };
    let mut snmpd = Snmpd::new(&snmpd, "rouser watch priv\n");
    snmpd.start().await;
    let cx = cx();
    let described = ask(&get, snmpd.at, V2C, &["1.3.6.1.2.1.1.1.0"]).concat();
    let described = described.split_once("STRING: ").unwrap().1.trim_matches('"').to_owned();
    let names = ask(&walk, snmpd.at, V2C, &["1.3.6.1.2.1.31.1.1.1.1"]);
    let statuses = ask(&walk, snmpd.at, V2C, &["1.3.6.1.2.1.2.2.1.8"]);
    // It says how busy its processors are when it has run for a minute, and that is not waited for.
    let loads = ask(&walk, snmpd.at, V2C, &["1.3.6.1.2.1.25.3.3.1.2"]);
    let processors = loads.iter().filter(|line| line.contains("INTEGER")).count();
    let memory = ask(&get, snmpd.at, V2C, &["1.3.6.1.4.1.2021.4.5.0"]).concat();
    let memory = memory.split_once("INTEGER: ").and_then(|(_, size)| size.split(' ').next()).unwrap();
    let memory: f64 = memory.parse().unwrap();
    for secret in [community("public"), user(AUTH, PRIVACY)] {
        let mut prober = prober(&cx, snmpd.at, Some(&secret), &[("health", SettingValue::Bool(true))]);
        once(&cx, &mut prober).await;
        let run = once(&cx, &mut prober).await;
        assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None), "{}", secret.kind());
        assert_eq!(field(&run, None, "profile"), text("linux"));
        assert_eq!(parts(&run, "cpu_ratio").len(), processors, "{:?}", parts(&run, "cpu_ratio"));
        assert_eq!(parts(&run, "memory_size_bytes"), [format!("Physical memory {:.2}", memory * 1024.0)]);
        let used: f64 = parts(&run, "memory_used_ratio")[0].rsplit(' ').next().unwrap().parse().unwrap();
        assert!((0.01..=1.0).contains(&used), "{used}");
        assert_eq!(field(&run, None, "name"), text("real-agent"));
        assert_eq!(field(&run, None, "location"), text("somewhere"));
        assert_eq!(field(&run, None, "description"), text(&described));
        assert!(field(&run, None, "uptime_seconds").number().unwrap() < 60.0);
        assert_eq!(field(&run, None, "interfaces").number().unwrap() as usize, names.len());
        for (name, status) in names.iter().zip(&statuses) {
            let name = name.split_once("STRING: ").unwrap().1.trim_matches('"');
            let status: f64 = status.rsplit(' ').next().unwrap().parse().unwrap();
            assert_eq!(field(&run, Some(name), "oper").number(), Some(status - 1.0), "{name}");
            assert!(matches!(field(&run, Some(name), "in_octets"), Value::U64(_)), "{name}");
        }
    }
    let wrong = once(&cx, &mut prober(&cx, snmpd.at, Some(&user("not-the-key", PRIVACY)), &[])).await;
    assert_eq!((wrong.outcome, wrong.cause), (Outcome::Failed, Some(Cause::Auth)), "{:?}", wrong.detail);
    let wrong = once(&cx, &mut prober(&cx, snmpd.at, Some(&user(AUTH, "not-the-key")), &[])).await;
    assert_eq!(wrong.outcome, Outcome::Failed, "{:?}", wrong.detail);
    let mut good = prober(&cx, snmpd.at, Some(&community("public")), &[]);
    assert_eq!(once(&cx, &mut good).await.outcome, Outcome::Ok);
    drop(snmpd);
    let gone = once(&cx, &mut good).await;
    assert_eq!((gone.outcome, gone.cause), (Outcome::Failed, Some(Cause::Refused)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn net_snmp_reads_the_simulator_as_it_was_recorded() {
    let (Some(get), Some(walk), Some(bulk)) = (tool("snmpget"), tool("snmpwalk"), tool("snmpbulkwalk")) else {
        return;
    };
    let recording = recording("switch.snmprec");
    let lines = recording.len();
    let (world, at) = world(recording, vec![community("public"), user(AUTH, PRIVACY)]).await;
    let name = &["1.3.6.1.2.1.1.5.0"];
    for credentials in [V2C, V3] {
        assert_eq!(ask(&get, at, credentials, name), [".1.3.6.1.2.1.1.5.0 = STRING: \"sim-switch-1\""]);
        assert_eq!(ask(&bulk, at, credentials, &["1.3.6"]).len(), lines);
    }
    assert_eq!(ask(&walk, at, V2C, &["1.3.6"]).len(), lines);
    let v1 = &["-v1", "-c", "public"];
    let narrow = ask(&walk, at, v1, &["1.3.6"]);
    assert!(narrow.len() < lines && !narrow.iter().any(|l| l.contains("Counter64")), "v1 has no Counter64");
    drop(world);
}

#[tokio::test]
async fn small_services_answer_change_fall_silent_and_stop() {
    use std::io::{Read, Write};
    let device = DeviceSpec {
        name: "d".into(),
        address: "127.0.0.1".parse().unwrap(),
        services: vec![
            ServiceSpec::new(0, Kind::Http { status: 200, body: "ok".into(), delay: Duration::ZERO }),
            ServiceSpec::new(0, Kind::Tcp { banner: "hello\n".into() }),
            ServiceSpec::new(0, Kind::UdpEcho),
        ],
    };
    let mut world = World::start(vec![device], &Clock::system()).await.unwrap();
    let at = |world: &World, service: &str| world.address("d", service).unwrap();
    let http = |at: SocketAddr| {
        tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(at)?;
            stream.set_read_timeout(Some(Duration::from_millis(300)))?;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: d\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text).map(|_| text)
        })
    };
    let web = at(&world, "http");
    assert!(http(web).await.unwrap().unwrap().starts_with("HTTP/1.1 200 "));
    let change = Step { service: Some("http".into()), ..set("status", "503") };
    world.apply(&change).await.unwrap();
    let answer = http(web).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nok"), "{answer}");
    let tcp = at(&world, "tcp");
    let greeting = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(tcp).unwrap();
        let mut text = [0; 6];
        stream.read_exact(&mut text).unwrap();
        text
    });
    assert_eq!(&greeting.await.unwrap(), b"hello\n");
    let echo = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    echo.connect(at(&world, "udp_echo")).await.unwrap();
    echo.send(b"ping").await.unwrap();
    let mut text = [0; 8];
    assert_eq!(echo.recv(&mut text).await.unwrap(), 4);

    world.apply(&step(Action::Silence)).await.unwrap();
    assert!(http(web).await.unwrap().is_err(), "it holds its port and says nothing");
    world.apply(&step(Action::Stop)).await.unwrap();
    assert_eq!(http(web).await.unwrap().unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    world.apply(&step(Action::Start)).await.unwrap();
    assert!(http(web).await.unwrap().is_ok());

    let bad = Step { device: "x".into(), ..step(Action::Stop) };
    assert_eq!(world.apply(&bad).await.unwrap_err().to_string(), "no device `x` in this world; it has d");
    let bad = set("colour", "red");
    let said = world.apply(&bad).await.unwrap_err().to_string();
    assert_eq!(
        said,
        "device `d`, service `http`: an http service has no `colour`; it has `status`, `body` and `delay`"
    );
    world.stop().await;
}
