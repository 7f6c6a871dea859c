//! Each expression against a real Prometheus that scrapes a real console with its agent, with the shipped scrape
//! configuration and a token of role `metrics`. It must find something, or stand in `HEALTHY` with the reason; and
//! what stands there must at least name metrics that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fengsui::net::clock::Clock;
use fengsui::net::serve::Access;
use fengsui::sim::{DeviceSpec, Kind, Recording, ServiceSpec, World};
use rcgen::{CertificateParams, Issuer, KeyPair};
use serde_json::Value;

use super::{boards, list, panels, rule_files};
use crate::acceptance::free_port;
use crate::rig::{Daemon, Site, text, wait_for};
use crate::scrape::present;
use crate::shipped::{certificates, probe, secret};
use crate::tree::root;

const SOON: Duration = Duration::from_secs(90);
/// The assets of the site, each good for other panels: a switch, three websites, a port that is closed.
const ASSETS: &[&str] = &["switch", "plain", "secure", "wrong", "closed"];

/// Alerts that find nothing while all is well, and why the site does not do it to itself.
const HEALTHY: &[(&str, &str)] = &[
    ("FengsuiConsoleAbsent", "the console would have to be gone"),
    ("FengsuiObjectsAbsent", "the agent would have to be gone"),
    ("FengsuiDefinitionsRejected", "the definitions are right"),
    ("FengsuiIngestRefused", "a peer would have to send rubbish"),
    ("FengsuiIngestBusy", "the console keeps up"),
    ("FengsuiCommitSlow", "the disk is fast enough"),
    ("FengsuiStoreQueueLong", "the console keeps up"),
    ("FengsuiStoreLogLarge", "the log is cut at 64 MiB"),
    ("FengsuiConsoleErrors", "no answer with 5xx"),
    ("FengsuiSeriesDropped", "far fewer than 200,000 series"),
    ("FengsuiRecordsAside", "a peer would have to send rubbish"),
    ("FengsuiAgentSilent", "the agent runs"),
    ("FengsuiAgentSpoolFilling", "nothing waits on loopback"),
    ("FengsuiAgentSpoolDropped", "nothing waits on loopback"),
    ("FengsuiAgentSkipsRuns", "runs end before the next"),
    ("FengsuiAgentLimited", "depends on what this machine allows"),
    ("FengsuiAgentClockSkew", "both have one clock"),
    ("FengsuiAgentCertificateExpiring", "it is new"),
    ("FengsuiHostDiskFull", "depends on this machine"),
    ("FengsuiHostMemory", "depends on this machine"),
    ("FengsuiHostCpu", "depends on this machine"),
    ("FengsuiLinkDown", "the kernel answers for all of 127/8"),
    ("FengsuiLinkLoss", "the kernel answers for all of 127/8"),
    ("FengsuiAssetLoss", "the kernel answers for all of 127/8"),
    ("FengsuiIncidentWaiting", "counts on an incident that may not be critical yet"),
    ("FengsuiSiteSlow", "the site is on loopback"),
    ("FengsuiCertificateExpiring", "the certificate is in its last week: the urgent one says so"),
    ("FengsuiCertificateExpired", "it has four days left"),
    ("FengsuiSnmpSilent", "the switch answers"),
    ("FengsuiAssetDown", "everything answers in some way"),
    ("FengsuiDeviceRestarted", "the recording is up for a day"),
    ("FengsuiPortDown", "the recording's ports stay as they are"),
    ("FengsuiPortErrors", "the recording has none"),
    ("FengsuiPortCongested", "the recording is not that busy"),
];

/// Stopped when dropped.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// With the shipped configuration: only addresses, files and the rhythm are this test's.
    fn start(site: &Site, up: &Daemon) -> Self {
        let made = site.run(&["token", "create", "--role", "metrics"]);
        let token = text(&made.stdout).lines().last().expect("the token is printed last").to_owned();
        let token = site.write("token", &token);
        let rules: Vec<String> = rule_files().iter().map(|f| format!("\n  - {f}")).collect();
        let shipped = std::fs::read_to_string(root().join("alerts/prometheus/prometheus.yml")).unwrap();
        let mut config = shipped.clone();
        for (from, to) in [
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
            ("/etc/prometheus/fengsui/token", &token),
            ("console.example:8080", &up.http.to_string()),
            ("\n  - /etc/prometheus/fengsui/*.rules.yml", &rules.concat()),
        ] {
            assert!(config.contains(from), "alerts/prometheus/prometheus.yml lacks `{from}`");
            config = config.replace(from, to);
        }
        let config = site.write("prometheus.yml", &config);
        let port = free_port();
        let child = Command::new("/usr/bin/prometheus")
            .args([
                format!("--config.file={config}"),
                format!("--storage.tsdb.path={}", site.arg("tsdb")),
                format!("--web.listen-address=127.0.0.1:{port}"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus runs");
        Self { child, port }
    }

    fn get(&self, path: &str, query: Option<&str>) -> Option<Value> {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--max-time", "5", "-G"]);
        if let Some(query) = query {
            curl.arg("--data-urlencode").arg(format!("query={query}"));
        }
        let got = curl.arg(format!("http://127.0.0.1:{}/api/v1/{path}", self.port)).output().ok()?;
        let answer: Value = serde_json::from_slice(&got.stdout).ok()?;
        assert_eq!(answer["status"], "success", "{path} {query:?}: {answer}");
        Some(answer["data"].clone())
    }

    /// How many series an expression finds that have a number.
    fn finds(&self, expression: &str) -> usize {
        let data = self.get("query", Some(expression)).unwrap_or_default();
        let number = |v: &&Value| v["value"][1].as_str().is_some_and(|v| v != "NaN");
        list(&data["result"]).filter(number).count()
    }
}

/// A switch, three websites, a closed port, a link and this host, watched every second or two.
async fn site() -> (World, Site, Daemon) {
    let recording = root().join("tests/recordings/switch.snmprec");
    let recording = Arc::new(Recording::parse("switch", &std::fs::read(recording).unwrap()).unwrap());
    let snmp = Kind::Snmp { recording, access: Access::community("public") };
    let http = Kind::Http { status: 200, body: "ok".into(), delay: Duration::ZERO };
    let device = |name: &str, kind| DeviceSpec {
        name: name.into(),
        address: "127.0.0.1".parse().unwrap(),
        services: vec![ServiceSpec::new(0, kind)],
    };
    let world = World::start(vec![device("switch", snmp), device("plain", http)], &Clock::system()).await.unwrap();
    let port = |name: &str, kind: &str| world.address(name, kind).unwrap().port();

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let (secure, wrong) =
        (certificates::serve(&issuer, "localhost", 4), certificates::serve(&issuer, "other.test", 300));

    let site = Site::new();
    let ca = site.write("ca.pem", &authority.pem());
    let trusting = format!("settings = {{ ca_file = '{ca}' }}");
    let asset = |id: &str, kind: &str, more: &str| {
        format!(
            "[[asset]]\nid = \"{id}\"\nname = \"{id}\"\nkind = \"{kind}\"\nregion = \"652900\"\nzone = \"extranet\"\n{more}\n"
        )
    };
    let (snmp, plain) = (port("switch", "snmp"), port("plain", "http"));
    site.write(
        "inventory.toml",
        &[
            "[[region]]\nid = \"652900\"\nname = \"阿克苏\"\ntier = \"prefecture\"\n".to_owned(),
            asset(
                "switch",
                "switch",
                &format!("address = \"127.0.0.1\"\nsnmp = {{ port = {snmp}, secret = \"switch\" }}"),
            ),
            asset("plain", "website", &format!("website = {{ url = \"http://127.0.0.1:{plain}/\" }}")),
            asset("secure", "website", &format!("website = {{ url = \"https://localhost:{secure}/\" }}")),
            asset("wrong", "website", &format!("website = {{ url = \"https://localhost:{wrong}/\" }}")),
            asset("closed", "host", &format!("address = \"127.0.0.1\"\ntcp = [{}, {plain}]", free_port())),
            "[[link]]\nid = \"line\"\nname = \"line\"\ntier = \"backbone\"\n\
             a = { asset = \"switch\", interface = \"GigabitEthernet0/0/1\", address = \"127.0.0.1\" }\n\
             b = { peer = \"far\", address = \"127.0.0.2\" }\n"
                .to_owned(),
        ]
        .concat(),
    );
    let fast = [("asset-icmp", ""), ("asset-tcp", ""), ("asset-snmp", ""), ("agent-host", "")]
        .map(|(id, more)| probe(id, "1s", more));
    let web = [("website-tls", &*trusting), ("website-http", &*trusting)].map(|(id, more)| probe(id, "2s", more));
    site.write("definitions/probes/fast.toml", &[fast.concat(), web.concat()].concat());
    let up = site.up();
    secret(&site, &["switch"], "public\n");
    (world, site, up)
}

/// Grafana's own variables and the board's, as this site has them.
fn filled(expression: &str, asset: &str) -> String {
    let mut out = expression.to_owned();
    for (name, value) in [
        ("$__rate_interval", "10s"),
        ("$__range", "1m"),
        ("$region", ".*"),
        ("$link", ".*"),
        ("$agent", ".*"),
        ("$interface", ".*"),
        ("$asset", asset),
    ] {
        out = out.replace(name, value);
    }
    assert!(!out.contains('$'), "a variable that this test does not know: {out}");
    out
}

/// What the dashboards ask, named by board and panel.
fn of_boards() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (uid, board) in boards() {
        for panel in panels(&board) {
            for target in list(&panel["targets"]) {
                let name =
                    format!("{uid} {} {}", panel["title"].as_str().unwrap(), target["refId"].as_str().unwrap());
                all.insert(name, target["expr"].as_str().unwrap().to_owned());
            }
        }
        for variable in list(&board["templating"]["list"]).filter(|v| v["type"] == "query") {
            let query = variable["query"]["query"].as_str().unwrap();
            let inner = query.strip_prefix("label_values(").and_then(|q| q.strip_suffix(')'));
            let (series, label) = inner.and_then(|q| q.rsplit_once(", ")).unwrap_or_else(|| panic!("{query}"));
            let ask = format!("count by ({label}) ({series}{{{label}!=\"\"}})").replace("}{", ", ");
            all.insert(format!("{uid} ${}", variable["name"].as_str().unwrap()), ask);
        }
    }
    assert!(all.len() > 60, "{}", all.len());
    all
}

/// The metrics that an expression names.
fn metrics(expression: &str) -> BTreeSet<String> {
    let bare: String = expression.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    let words = bare.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.filter(|w| w.contains("fengsui_") || w.contains("fengsui:")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expression_finds_something_in_a_real_prometheus() {
    if !present("/usr/bin/prometheus", "prometheus") {
        return;
    }
    let (world, site, up) = site().await;
    let prometheus = Prometheus::start(&site, &up);
    wait_for("Prometheus to scrape both pages", SOON, || {
        let ready =
            Command::new("curl").args(["-sf", &format!("http://127.0.0.1:{}/-/ready", prometheus.port)]).output();
        ready.is_ok_and(|r| r.status.success()).then_some(())?;
        (prometheus.finds("up == 1") == 2).then_some(())
    });

    let mut waiting = of_boards();
    let rules = wait_for("the rules to be evaluated", SOON, || {
        let rules = prometheus.get("rules", None)?;
        let all: Vec<Value> = list(&rules["groups"]).flat_map(|g| list(&g["rules"])).cloned().collect();
        all.iter().all(|r| r["health"] == "ok").then_some(all)
    });
    assert!(rules.len() > 40, "{}", rules.len());
    let mut healthy: BTreeMap<&str, String> = BTreeMap::new();
    for rule in &rules {
        let (name, query) = (rule["name"].as_str().unwrap(), rule["query"].as_str().unwrap().to_owned());
        match HEALTHY.iter().find(|(alert, _)| *alert == name) {
            Some((alert, _)) => drop(healthy.insert(alert, query)),
            None => drop(waiting.insert(format!("rule {name}"), query)),
        }
    }
    assert_eq!(healthy.len(), HEALTHY.len(), "every alert that is listed is there: {:?}", healthy.keys());
    for (name, query) in &healthy {
        for metric in metrics(query) {
            waiting.insert(format!("{metric} of {name}"), metric);
        }
    }

    wait_for_all(&prometheus, waiting);
    drop(up);
    world.stop().await;
}

/// Asks until each expression found something; tells which never did.
fn wait_for_all(prometheus: &Prometheus, mut waiting: BTreeMap<String, String>) {
    let start = crate::rig::now();
    loop {
        waiting.retain(|_, expression| !ASSETS.iter().any(|asset| prometheus.finds(&filled(expression, asset)) > 0));
        if waiting.is_empty() {
            return;
        }
        assert!(start.elapsed() < SOON, "nothing found by:\n{waiting:#?}");
        std::thread::park_timeout(Duration::from_millis(500));
    }
}
