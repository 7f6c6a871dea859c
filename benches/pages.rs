//! Server time of every page: `cargo bench --bench pages -- [--incidents "1000 10000 100000"] [--rounds 200]`.
//!
//! Fills a store through its own writer, starts the console on it, keeps agents' batches coming in, and asks
//! every page of `PAGES` as a browser that is signed in would. Prints p50 and p99 a page and the memory of the
//! process. Exit 1 if a page is over its limit. `benches/pages.sh` is the way to run it.
#![allow(clippy::disallowed_methods)] // a benchmark reads its arguments, and is not part of the program
#![allow(clippy::unwrap_used)] // whatever cannot be set up ends the run, loudly

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use fengsui::config::inventory;
use fengsui::config::settings::ConsoleSettings;
use fengsui::console::command::{Actor, Command, Role, Scope};
use fengsui::console::service::Service;
use fengsui::console::web::{PAGES, gate};
use fengsui::console::{Console, ConsoleParts, Handle, api};
use fengsui::model::alert::{AlertKey, AlertState};
use fengsui::model::incident::AckKind;
use fengsui::model::wire::{Batch, Envelope, Record, SampleRow, Samples, Stream, SummaryBody, WIRE_VERSION};
use fengsui::model::{Alert, Object, Severity, Summary, Wall};
use fengsui::net::clock::Clock;
use fengsui::probe;
use tower::ServiceExt;

/// The longest that a page may take, at the 99th percentile.
const LIMIT: Duration = Duration::from_millis(50);
/// Assets of the store, whatever the number of incidents.
const ASSETS: usize = 5_000;
/// Links between them.
const LINKS: usize = 50;
/// One incident of so many is still open.
const OPEN: usize = 19;
/// Alerts in one transaction while filling.
const FILL: usize = 250;
/// Rows of samples in a batch, and the pause between batches: 5,000 assets every ten seconds make 500 a second.
const ROWS: usize = 250;
const PAUSE: Duration = Duration::from_millis(500);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut sizes, mut rounds) = (vec![1_000, 10_000, 100_000], 200);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--incidents" => {
                let list = arguments.next().unwrap_or_default();
                sizes = list.split_whitespace().map(|n| n.parse().expect("--incidents takes numbers")).collect();
            }
            "--rounds" => rounds = arguments.next().unwrap_or_default().parse().expect("--rounds takes a number"),
            _ => {} // cargo passes `--bench`
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let over = runtime.block_on(async {
        let mut over = false;
        for size in sizes {
            over |= measure(size, rounds).await;
        }
        over
    });
    std::process::exit(i32::from(over));
}

/// One store of that many incidents; true if a page is over the limit.
async fn measure(incidents: usize, rounds: usize) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let began = clock.mono();
    let handle = start(dir.path(), &clock).await;
    declare(&handle.service).await;
    let ids = fill(&handle.service, incidents).await;
    println!(
        "\n{incidents} incidents, {ASSETS} assets; filled in {:.1} s; {:.1} MB",
        clock.mono().since(began).as_secs_f64(),
        resident()
    );
    let ingested = Arc::new(AtomicU64::new(0));
    let running = Arc::new(AtomicBool::new(true));
    let feed = tokio::spawn(ingest(handle.service.clone(), ingested.clone(), running.clone()));
    let asked = ask_all(&handle.service, &ids, rounds).await;
    running.store(false, Ordering::Relaxed);
    feed.await.unwrap();
    println!("{:<60} {:>6} {:>8} {:>8} {:>8} {:>9}", "page", "status", "p50 ms", "p99 ms", "max ms", "bytes");
    let mut over = false;
    for page in &asked {
        let mark = if page.p99 > LIMIT { "  over" } else { "" };
        over |= page.p99 > LIMIT;
        let ms = |d: Duration| format!("{:.1}", d.as_secs_f64() * 1e3);
        println!(
            "{:<60} {:>6} {:>8} {:>8} {:>8} {:>9}{mark}",
            page.path,
            page.status,
            ms(page.p50),
            ms(page.p99),
            ms(page.max),
            page.bytes
        );
    }
    println!("{} batches came in meanwhile; {:.1} MB", ingested.load(Ordering::Relaxed), resident());
    handle.stop().await;
    over
}

async fn start(dir: &std::path::Path, clock: &Clock) -> Handle {
    let settings = ConsoleSettings {
        definitions: Vec::new(),
        listen: "127.0.0.1:0".parse().unwrap(),
        agent_listen: "127.0.0.1:0".parse().unwrap(),
        ..ConsoleSettings::default()
    };
    let parts =
        ConsoleParts { data: dir.join("data"), settings, catalog: probe::catalog(), clock: clock.clone(), key: None };
    Console::start(parts).await.unwrap()
}

fn admin() -> Actor {
    Actor { name: "local:0".into(), role: Role::Admin, scope: Scope::All }
}

/// A prefecture with its counties, five thousand assets, links and systems.
async fn declare(service: &Service) {
    let mut toml = String::from("[[region]]\nid = \"652900\"\nname = \"阿克苏地区\"\ntier = \"prefecture\"\n");
    for n in 0..10 {
        let id = 652_901 + n;
        writeln!(toml, "[[region]]\nid = \"{id}\"\nname = \"第 {n} 县\"\ntier = \"county\"\nparent = \"652900\"")
            .unwrap();
        writeln!(toml, "[[organisation]]\nid = \"org-{n}\"\nname = \"第 {n} 县信息中心\"\nregion = \"{id}\"")
            .unwrap();
    }
    toml.push_str("[[agent]]\nid = \"tower\"\nname = \"地区探针\"\nzone = \"extranet\"\nregion = \"652900\"\n");
    for n in 0..ASSETS {
        let (county, kind) = (n % 10, ["switch", "router", "host", "firewall"][n % 4]);
        writeln!(
            toml,
            "[[asset]]\nid = \"asset-{n}\"\nname = \"设备 {n}\"\nkind = \"{kind}\"\naddress = \"10.{}.{}.{}\"\nzone = \"extranet\"\nregion = \"{}\"\nowner = \"org-{county}\"\noperator = \"org-{county}\"\nwatch = {{ agents = [\"tower\"], mode = \"first\" }}",
            n / 65_536, n / 256 % 256, n % 256, 652_901 + county
        )
        .unwrap();
    }
    for n in 0..LINKS {
        writeln!(
            toml,
            "[[link]]\nid = \"link-{n}\"\nname = \"骨干链路 {n}\"\na = {{ asset = \"asset-{n}\", interface = \"GE0/0/1\", address = \"10.200.{n}.1\" }}\nb = {{ asset = \"asset-{}\", interface = \"GE0/0/2\", address = \"10.200.{n}.2\" }}\nwatch = [{{ agent = \"tower\", to = \"b\" }}]\ntier = \"backbone\"\ncarrier = {{ name = \"运营商\", circuit = \"0312-{n}\", hotline = \"10000\" }}",
            n + 100
        )
        .unwrap();
        writeln!(toml, "[[system]]\nid = \"system-{n}\"\nname = \"系统 {n}\"\nlevel = {}\nassets = [\"asset-{n}\"]\nowner = \"org-{}\"", n % 4 + 1, n % 10).unwrap();
    }
    let (base_rev, old) = service.store.inventory();
    let diff = inventory::apply(&old, &[("bench".into(), toml)], false).unwrap();
    let command = Command::InventoryApply { inventory: Box::new(diff.merged), summary: Vec::new(), base_rev };
    service.store.command(&admin(), None, command).await.unwrap();
}

/// Rules that raise them, over and over.
const RULES: [(&str, Severity); 6] = [
    ("asset-down", Severity::Critical),
    ("asset-loss", Severity::Minor),
    ("service-down", Severity::Major),
    ("snmp-silent", Severity::Minor),
    ("device-restarted", Severity::Warning),
    ("certificate-expiring", Severity::Warning),
];

fn alert(n: usize, total: usize, now: Wall) -> Alert {
    let (problem, severity) = RULES[n / ASSETS % RULES.len()];
    // A month of them, the last a minute ago.
    let step = 30 * 86_400 / total.max(1) as u64;
    let since = now.minus(Duration::from_secs(60 + step * total.saturating_sub(n) as u64));
    Alert {
        key: AlertKey {
            problem: problem.parse().unwrap(),
            object: Object::Asset(format!("asset-{}", n % ASSETS).parse().unwrap()),
            instance: Arc::from(if n / ASSETS >= RULES.len() {
                format!("part {}", n / ASSETS)
            } else {
                String::new()
            }),
        },
        rule: problem.parse().unwrap(),
        probe: None,
        state: AlertState::Firing,
        cleared_by: None,
        severity,
        since,
        at: since.plus(Duration::from_secs(1)),
        count: 1,
        flapping: false,
        stale: false,
        evidence: vec![("fails".into(), "3 (raise_at 3)".into()), ("cause".into(), "timeout".into())],
        // Loss hangs under an outage of the same asset.
        folds_into: if problem == "asset-loss" { vec!["asset-down".parse().unwrap()] } else { Vec::new() },
        category: "DE".into(),
        runbook: problem.into(),
    }
}

/// Fills the store and answers ids of open incidents, one of them with a long time line.
async fn fill(service: &Service, incidents: usize) -> Vec<String> {
    let (store, now) = (&service.store, service.clock.wall());
    let ends = |n: usize| !n.is_multiple_of(OPEN);
    for from in (0..incidents).step_by(FILL) {
        let these: Vec<Alert> = (from..incidents.min(from + FILL)).map(|n| alert(n, incidents, now)).collect();
        let over = (from..incidents.min(from + FILL)).filter(|n| ends(*n)).map(|n| {
            let raised = alert(n, incidents, now);
            Alert { state: AlertState::Cleared, at: raised.since.plus(Duration::from_secs(300)), ..raised }
        });
        let over: Vec<Alert> = over.collect();
        store.judge(these, Vec::new()).await.unwrap();
        store.judge(over, Vec::new()).await.unwrap();
    }
    let mut ids: Vec<String> =
        store.alerts(&Scope::All).await.unwrap().iter().map(|a| a.incident.to_string()).collect();
    ids.sort();
    ids.dedup();
    for id in ids.iter().step_by(10).take(100) {
        let command =
            Command::Ack { id: id.clone(), comment: "已联系运营商".into(), kind: AckKind::UntilChange };
        store.command(&admin(), None, command).await.unwrap();
    }
    if let Some(id) = ids.first() {
        for n in 0..100 {
            let command = Command::Note { id: id.clone(), text: format!("第 {n} 条备注") };
            store.command(&admin(), None, command).await.unwrap();
        }
    }
    ids
}

/// What agents send: samples of many assets, and an alert that comes and goes.
async fn ingest(service: Service, ingested: Arc<AtomicU64>, running: Arc<AtomicBool>) {
    let tower = "tower".parse().unwrap();
    let mut seq = [1_u64, 1];
    let mut at = 0;
    while running.load(Ordering::Relaxed) {
        let now = service.clock.now();
        let rows = (0..ROWS).map(|n| {
            let value = |v: f64| SummaryBody(Summary::one(v));
            SampleRow {
                object: Object::Asset(format!("asset-{}", (at + n) % ASSETS).parse().unwrap()),
                instance: Arc::from(""),
                runs: [1, 0, 0, 0],
                packets: [1, 0, 0, 0, 0],
                causes: BTreeMap::new(),
                fields: [("up", 1.0), ("rtt_seconds", 0.002), ("loss_ratio", 0.0)]
                    .map(|(f, v)| (f.to_owned(), value(v)))
                    .into(),
            }
        });
        let samples = Samples {
            probe: "asset-icmp".parse().unwrap(),
            kind: Arc::from("icmp"),
            from: now.wall.minus(Duration::from_secs(10)),
            to: now.wall,
            rows: rows.collect(),
        };
        at = (at + ROWS) % ASSETS;
        // One after the other goes down and comes back.
        let turn = seq[1].div_ceil(2);
        let raised = Alert { since: now.wall, at: now.wall, ..alert(turn as usize % ASSETS, 1, now.wall) };
        let state = if seq[1].is_multiple_of(2) { AlertState::Cleared } else { AlertState::Firing };
        for (place, record) in
            [Record::Samples(samples), Record::Alert(Alert { state, ..raised })].into_iter().enumerate()
        {
            let n = seq[place];
            seq[place] += 1;
            let batch = Batch {
                v: WIRE_VERSION,
                stream: if place == 0 { Stream::Sample } else { Stream::Event },
                epoch: Arc::from("bench"),
                first_seq: n,
                last_seq: n,
                sent_at: now.wall,
                records: vec![Envelope { seq: n, at: now.wall, kind: record.kind().to_owned(), body: record.body() }],
            };
            service.store.ingest(&tower, batch, now).await.unwrap();
            ingested.fetch_add(1, Ordering::Relaxed);
        }
        service.clock.sleep(PAUSE).await;
    }
}

/// What was measured of one page.
struct Asked {
    path: String,
    status: u16,
    p50: Duration,
    p99: Duration,
    max: Duration,
    bytes: usize,
}

/// Lists with the filters and orders that cost most, beside the plain pages.
const MORE: &[&str] = &[
    "/incidents?state=all",
    "/incidents?state=all&symptoms=1&sort=-severity",
    "/incidents?state=all&sort=-updated",
    "/incidents?state=all&sort=object",
    "/incidents?state=all&q=%E6%B2%A1%E6%9C%89%E8%BF%99%E4%B8%AA",
    "/incidents?state=ended&region=652905&q=4999",
    "/incidents?region=652905",
    "/incidents?sort=-severity&rows=500",
    "/assets?q=4999",
    "/assets?region=652905&sort=-name",
];

async fn ask_all(service: &Service, ids: &[String], rounds: usize) -> Vec<Asked> {
    let router = gate::with_pages(api::router(service.clone()), service);
    let link = service.store.link_create(&admin()).await.unwrap();
    let session = service.store.sign_in_link(link.expose(), "127.0.0.1", "bench").await.unwrap();
    let cookie = format!("fengsui={}", session.token.expose());
    let mut paths: Vec<String> = Vec::new();
    for page in PAGES.iter().filter(|p| p.method == "GET" && !matches!(p.path, "/signin" | "/welcome" | "/prefer")) {
        let of = |id: &str| {
            page.path
                .split('/')
                .map(|part| if part.starts_with('{') { id } else { part })
                .collect::<Vec<_>>()
                .join("/")
        };
        let id = match page.path.split('/').nth(1) {
            Some("incidents") => ids.first().map_or("none", String::as_str),
            Some("assets") => "asset-7",
            Some("links") => "link-7",
            Some("agents") => "tower",
            Some("runbooks") => "asset-down",
            _ => "none",
        };
        paths.push(of(id));
    }
    paths.extend(MORE.iter().map(|p| (*p).to_owned()));
    let mut all = Vec::new();
    for path in paths {
        all.push(ask(service, &router, &cookie, path, rounds).await);
    }
    all
}

async fn ask(service: &Service, router: &Router, cookie: &str, path: String, rounds: usize) -> Asked {
    let mut times = Vec::with_capacity(rounds);
    let (mut status, mut bytes) = (0, 0);
    for _ in 0..rounds {
        let request =
            Request::get(&path).header("cookie", cookie).header("accept", "text/html").body(Body::empty()).unwrap();
        let began = service.clock.mono();
        let answer = router.clone().oneshot(request).await.unwrap();
        status = answer.status().as_u16();
        bytes = axum::body::to_bytes(answer.into_body(), 64 << 20).await.unwrap().len();
        times.push(service.clock.mono().since(began));
    }
    times.sort();
    let at = |share: f64| {
        times.get(((times.len() as f64 * share) as usize).min(times.len() - 1)).copied().unwrap_or_default()
    };
    Asked { path, status, p50: at(0.5), p99: at(0.99), max: at(1.0), bytes }
}

/// Resident memory of this process, in MB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).map_or(0.0, |kb| kb / 1024.0)
}
