//! What traps and lines of syslog cost an agent that keeps them: `benches/heard.sh`.
//!
//! An agent listens on loopback with the shipped rules and no probes; another process sends it 20,000 datagrams a second
//! from 500 addresses of its assets, no two alike, one in a hundred such that a rule raises an alert. What the agent's
//! spool holds afterwards is counted. Prints the CPU of the agent's process for each and its limit. Exit 1 if a limit is
//! missed, 3 if it could not be run.
#![allow(clippy::disallowed_methods)] // a benchmark reads the clock and its arguments by itself
#![allow(clippy::disallowed_types)] // the other process plays the devices
#![allow(clippy::unwrap_used)] // whatever cannot be set up ends the run, loudly

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use fengsui::agent::{Agent, Parts};
use fengsui::codec::snmp::{Head, Kind, Oid, Value, Version, Writer, write};
use fengsui::collect::{self, SOURCE_RATE, Terms};
use fengsui::config::{defs, inventory, plan};
use fengsui::model::AgentId;
use fengsui::model::plan::Plan;
use fengsui::model::wire::{Record, Stream};
use fengsui::net::clock::Clock;
use fengsui::probe;
use fengsui::relay::spool::{Caps, Spool};

/// Datagrams a second, and for how long.
const RATE: u64 = 20_000;
const SECONDS: u64 = 10;
/// CPU for each, in microseconds, at most.
const MOST_MICROS: f64 = 8.0;
/// Assets, and addresses of each.
const ASSETS: u8 = 50;
const ADDRESSES: u8 = 10;
/// One in so many is what a rule wants.
const MAPPED: u64 = 100;
/// How long the agent may take to write down the last of them.
const DRAIN: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [to, sort] = &args[..] {
        send(to.parse().unwrap(), sort);
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut missed = false;
    for kind in collect::KINDS {
        missed |= runtime.block_on(part(kind));
    }
    ExitCode::from(u8::from(missed))
}

/// One sort of datagrams; true if a limit was missed.
async fn part(kind: &'static collect::Kind) -> bool {
    let dir = std::env::temp_dir().join(format!("fengsui-heard-{}-{}", std::process::id(), kind.name));
    let to = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // free again, and nobody else's by then
    let clock = Clock::system();
    let plan = plan_of();
    let parts = Parts {
        agent: plan.agent.clone(),
        dir: dir.clone(),
        caps: Caps { bytes: 1 << 30, ..Caps::default() },
        clock: clock.clone(),
        identity: None,
        plan: Some(plan),
        reflector: None,
        collectors: vec![(kind, Terms { listen: vec![to], rate: SOURCE_RATE, ..Terms::default() })],
    };
    let agent = Agent::start(parts).await.unwrap();
    tokio::time::sleep(DRAIN).await;
    let before = cpu();
    let sender = move || {
        let sort = kind.name;
        Command::new(std::env::current_exe().unwrap()).args([&to.to_string(), sort]).output().unwrap()
    };
    let sent = tokio::task::spawn_blocking(sender).await.unwrap();
    tokio::time::sleep(DRAIN).await;
    let spent = cpu().saturating_sub(before);
    let alerts = agent.firing().len();
    agent.stop().await;
    let sent = String::from_utf8(sent.stdout).unwrap();
    let (sent, took) = sent.trim().split_once(' ').unwrap();
    let sent: u64 = sent.parse().unwrap();
    let kept = kept(&dir, clock).await;
    let _ = std::fs::remove_dir_all(&dir);
    let micros = spent.as_secs_f64() * 1e6 / sent as f64;
    println!("{}: {sent} sent in {took} s, {kept} kept, {alerts} alerts", kind.noun);
    limit(micros, MOST_MICROS, &format!("microseconds of CPU for each of {}", kind.noun))
        | limit((sent - kept) as f64, 0.0, &format!("lost of {}", kind.noun))
}

fn limit(value: f64, most: f64, what: &str) -> bool {
    let missed = value > most;
    println!("{} {what}: {value:.2} (at most {most})", if missed { "missed " } else { "ok     " });
    missed
}

fn plan_of() -> Plan {
    let mut text = String::new();
    for n in 0..ASSETS {
        let also: Vec<String> = (2..=ADDRESSES).map(|last| format!("\"{}\"", address(n, last))).collect();
        text.push_str(&format!(
            "[[asset]]\nid = \"switch-{n}\"\nkind = \"switch\"\nzone = \"extranet\"\nimportance = 3\naddress = \"{}\"\nalso = [{}]\n",
            address(n, 1),
            also.join(", ")
        ));
    }
    let inventory = inventory::parse(&[("bench.toml".to_owned(), text)]).unwrap();
    let loaded = defs::load(&[], probe::catalog());
    let agent = AgentId::new("bench").unwrap();
    let none = BTreeSet::new();
    let built = plan::build(&inventory, &loaded.definitions, probe::catalog(), &agent, 1, &|_| None, &none);
    Plan { tasks: Vec::new(), ..built.plan }
}

const fn address(asset: u8, last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 21, asset, last)
}

/// How many a spool holds, those that were alike counted.
async fn kept(dir: &Path, clock: Clock) -> u64 {
    let (spool, _) = Spool::open(&dir.join("spool.db"), Caps::default(), clock).unwrap();
    let mut kept = 0;
    while let Some(batch) = spool.next_batch(Stream::Bulk, 500, 16 << 20).await.unwrap() {
        for envelope in &batch.records {
            if let Ok(Some(Record::Log(log))) = Record::read(&envelope.kind, &envelope.body) {
                kept += log.rows.iter().map(|row| u64::from(row.count)).sum::<u64>();
            }
        }
        spool.acked(Stream::Bulk, &batch.epoch, batch.last_seq).await.unwrap();
    }
    spool.close().await;
    kept
}

/// CPU of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let of = stat.rsplit_once(") ").unwrap().1; // a name may hold blanks
    let ticks: u64 = of.split(' ').skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10) // USER_HZ is 100 on every Linux of ours
}

/// Plays the devices; prints how many left, and how long it took.
fn send(to: SocketAddr, sort: &str) {
    let from = (0..ASSETS).flat_map(|n| (1..=ADDRESSES).map(move |last| address(n, last)));
    let from: Vec<UdpSocket> = from.map(|address| UdpSocket::bind((address, 0)).unwrap()).collect();
    let began = Instant::now();
    let (mut bytes, mut sent, mut left) = (Vec::new(), 0, 0);
    while sent < RATE * SECONDS {
        let due = (began.elapsed().as_micros() as u64 * RATE / 1_000_000).min(RATE * SECONDS);
        for n in sent..due {
            bytes.clear();
            if sort == "trap" {
                trap(n, &mut bytes)
            } else {
                line(n, &mut bytes)
            }
            left += u64::from(from[n as usize % from.len()].send_to(&bytes, to).is_ok());
        }
        sent = due;
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{left} {:.2}", began.elapsed().as_secs_f64());
}

/// linkDown as switches write it, or another that no rule knows, with six variables.
fn trap(n: u64, out: &mut Vec<u8>) {
    let oid = if n.is_multiple_of(MAPPED) {
        vec![1, 3, 6, 1, 6, 3, 1, 1, 5, 3]
    } else {
        vec![1, 3, 6, 1, 4, 1, 99_999, 0, 7]
    };
    let (port, oid) = (n as u32 % 48 + 1, write::name(&oid));
    let head =
        Head { version: Version::V2c, community: b"public", kind: Kind::Trap, id: n as i32, status: 0, index: 0 };
    let mut writer = Writer::begin(&head, out);
    writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 1, 3, 0]), &Value::Ticks(n as u32));
    writer.variable(&write::name(&[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0]), &Value::Oid(Oid::read(&oid).unwrap()));
    writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 1, port]), &Value::Integer(i64::from(port)));
    let name = format!("GigabitEthernet0/0/{port}");
    writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 2, port]), &Value::Octets(name.as_bytes()));
    writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 8, port]), &Value::Integer(2));
    writer.variable(&write::name(&[1, 3, 6, 1, 4, 1, 99_999, 1, 1]), &Value::Counter64(n));
    assert!(writer.finish(), "six variables fit");
}

fn line(n: u64, out: &mut Vec<u8>) {
    let port = n % 48 + 1;
    let text = match n % MAPPED {
        0 => format!(
            "<187>Nov 28 2026 10:00:00 SW-1 %%01IFNET/4/IF_STATE(l)[{n}]:Interface GigabitEthernet0/0/{port} has turned into DOWN state."
        ),
        _ => format!(
            "<190>Nov 28 2026 10:00:00 SW-1 %%01SHELL/6/CMD(l)[{n}]:Recorded command information. (Task=VT0, IP=10.65.0.9, User=li, Command=\"display interface {n}\")"
        ),
    };
    out.extend_from_slice(text.as_bytes());
}
