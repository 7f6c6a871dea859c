//! Traps and informs as net-snmp sends them, to an agent: every version, who is believed, and the engine of v3 over a
//! restart. Where net-snmp is not installed these tests say so, and fail only where CI is set.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fengsui::agent::{Agent, Parts};
use fengsui::collect::{SOURCE_RATE, Terms, trap};
use fengsui::model::plan::{Plan, PlanSource};
use fengsui::model::secret::{SnmpAuth, SnmpPrivacy};
use fengsui::model::wire::{Heard, Record, Stream};
use fengsui::model::{AgentId, Secret, SecretText};
use fengsui::net::clock::Clock;
use fengsui::relay::spool::{Caps, Spool};

use crate::snmp::tool;

const AUTH: &str = "authpass-1";
const PRIVACY: &str = "privpass-1";
/// An inform that is not acknowledged is given up after this, in seconds.
const GIVE_UP: &str = "1";

fn plan() -> Plan {
    let user = Secret::SnmpV3 {
        user: "watch".into(),
        auth: Some((SnmpAuth::Sha256, SecretText::new(AUTH))),
        privacy: Some((SnmpPrivacy::Aes128, SecretText::new(PRIVACY))),
        context: String::new(),
    };
    Plan {
        schema: 1,
        rev: 1,
        digest: String::new(),
        agent: AgentId::new("tower").unwrap(),
        objects: Vec::new(),
        tasks: Vec::new(),
        rules: Vec::new(),
        sources: vec![PlanSource { address: "127.0.0.1".parse().unwrap(), asset: "core-1".parse().unwrap() }],
        calendars: Vec::new(),
        profiles: Vec::new(),
        secrets: BTreeMap::from([("core".to_owned(), user)]),
        skipped: Vec::new(),
    }
}

async fn start(dir: &Path) -> (Agent, SocketAddr) {
    // Free again at once, and nobody else's by then.
    let at = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let terms = Terms { listen: vec![at], rate: SOURCE_RATE, ..Terms::default() };
    let parts = Parts {
        agent: AgentId::new("tower").unwrap(),
        dir: dir.to_owned(),
        caps: Caps::default(),
        clock: Clock::system(),
        identity: None,
        plan: Some(plan()),
        reflector: None,
        collectors: vec![(&trap::KIND, terms)],
    };
    let agent = Agent::start(parts).await.unwrap();
    // Who speaks before it listens is not heard; from then on a question is answered.
    for _ in 0..200 {
        if engine_of(at).is_some() {
            return (agent, at);
        }
        Clock::system().sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not listen on {at}");
}

/// Id and boots of the engine that answers there (RFC 3414 section 4).
fn engine_of(at: SocketAddr) -> Option<(Vec<u8>, u32)> {
    use ::snmp::message::{RawV3Message, V3Message};
    use ::snmp::v3::UsmSecurityParams;
    use ::snmp::{DecodeConfig, MessageSize};
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(at).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let question = V3Message::discovery_request(1, MessageSize::new(65_507).unwrap()).unwrap().encode().unwrap();
    socket.send(&question).ok()?;
    let mut bytes = vec![0; 2_048];
    let n = socket.recv(&mut bytes).ok()?;
    bytes.truncate(n);
    let answer = RawV3Message::decode(bytes.into(), DecodeConfig::default()).unwrap().value;
    let told = UsmSecurityParams::decode(answer.security_params().clone(), DecodeConfig::default()).unwrap().value;
    Some((told.engine_id().to_vec(), told.engine_boots()))
}

/// Runs a tool of net-snmp; whether it was content.
fn run(tool: &Path, dir: &Path, to: SocketAddr, options: &[&str], what: &[&str]) -> bool {
    let output = Command::new(tool)
        .args(["-M", "", "-m", "", "-t", GIVE_UP, "-r", "1"])
        .args(options)
        .arg(to.to_string())
        .args(what)
        .env("SNMP_PERSISTENT_DIR", dir)
        .output()
        .unwrap();
    output.status.success()
}

/// What the agent wrote down of traps: tag, text, how often.
pub(crate) async fn kept(dir: &Path) -> Vec<String> {
    let (spool, _) = Spool::open(&dir.join("spool.db"), Caps::default(), Clock::system()).unwrap();
    let batch = spool.next_batch(Stream::Bulk, 1000, 1 << 20).await.unwrap();
    spool.close().await;
    let records = batch.map(|batch| batch.records).unwrap_or_default();
    let rows = records.iter().filter_map(|e| match Record::read(&e.kind, &e.body) {
        Ok(Some(Record::Log(log))) => Some(log.rows),
        _ => None,
    });
    let asset = |row: &Heard| row.asset.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let show = |row: Heard| format!("{} {} {}", asset(&row), row.tag, row.text);
    rows.flatten().map(show).collect()
}

const DOWN: &str = "1.3.6.1.6.3.1.1.5.3";

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_net_snmp_is_heard_and_only_known_users_are_believed() {
    let (Some(snmptrap), Some(snmpinform)) = (tool("snmptrap"), tool("snmpinform")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("agent");
    let (agent, at) = start(&state).await;
    let port = |name: &'static str| ["1.3.6.1.2.1.2.2.1.2.7", "s", name];
    let v3 = |auth| ["-v3", "-u", "watch", "-l", "authPriv", "-a", "SHA-256", "-A", auth, "-x", "AES", "-X", PRIVACY];
    let said = |tool: &Path, options: &[&str], name| {
        let what = [&["", DOWN][..], &port(name)].concat();
        run(tool, dir.path(), at, options, &what)
    };
    let v1 = ["1.3.6.1.4.1.2011", "10.1.1.1", "6", "17", "5"];
    assert!(run(&snmptrap, dir.path(), at, &["-v1", "-c", "public"], &[&v1[..], &port("v1")].concat()));
    assert!(said(&snmptrap, &["-v2c", "-c", "public"], "v2c"));
    assert!(said(&snmpinform, &["-v2c", "-c", "public"], "v2c inform"), "it is acknowledged");
    let own = [&["-e", "0x80001f8804ab12cd34"][..], &v3(AUTH)].concat();
    assert!(said(&snmptrap, &own, "v3"));
    assert!(said(&snmpinform, &v3(AUTH), "v3 inform"), "the engine is found, and it is acknowledged");
    assert!(!said(&snmpinform, &v3("otherpass-1"), "v3 forged"), "another password is refused");
    let own = [&["-e", "0x80001f8804ab12cd34"][..], &v3("otherpass-1")].concat();
    assert!(said(&snmptrap, &own, "v3 forged"));
    // What was let in before the stop is written down; a last one shows that the ones before were read.
    assert!(said(&snmpinform, &["-v2c", "-c", "public"], "last"));
    agent.stop().await;
    let row = |tag: &str, name: &str| format!("core-1 {tag} 1.3.6.1.2.1.2.2.1.2.7={name}");
    let mut want = vec![row("1.3.6.1.4.1.2011.0.17", "v1")];
    want.extend(["v2c", "v2c inform", "v3", "v3 inform", "last"].map(|name| row(DOWN, name)));
    assert_eq!(kept(&state).await, want);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_its_id_and_counts_its_starts() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (agent, at) = start(dir.path()).await;
        seen.push(engine_of(at).unwrap());
        agent.stop().await;
    }
    let (ids, boots): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(boots, [1, 2, 3]);
}
