//! From a probe on a node to an incident in the console's database, with the real binary on loopback.

use std::time::Duration;

use serde_json::Value;

use crate::rig::{Daemon, Service, Site, fengsui_in, now, text, wait_for};

/// Long enough for a loaded machine; conditions usually hold within a second or two.
const SOON: Duration = Duration::from_secs(30);

/// Definitions that look at TCP services twice a second, so that tests need not wait.
pub(crate) const FAST: &str = r#"
[[probe]]
id = "service-tcp"
kind = "tcp"
on = "asset"
where = 'asset.tcp_ports > 0.0'
interval = "500ms"
timeout = "400ms"
keep = "1s"

[[rule]]
id = "service-tcp-down"
problem = "oa-down"
on = "asset"
probe = "service-tcp"
raise = 'fails >= 3.0'
clear = 'up == 1.0'
severity = "major"
"#;

/// An inventory of TCP services on this machine.
pub(crate) fn services(of: &[(&str, u16)]) -> String {
    let assets = of.iter().map(|(id, port)| {
        format!(
            "[[asset]]\nid = \"{id}\"\nname = \"{id}\"\nkind = \"service\"\naddress = \"127.0.0.1\"\nzone = \"extranet\"\ntcp = [{port}]\n\n"
        )
    });
    assets.collect()
}

/// What happened to an incident, without the comings and goings of single contributions.
fn timeline(site: &Site, id: &str) -> Vec<String> {
    let shown = site.json(&["incident", "show", id]);
    let timeline = shown[0]["timeline"].as_array().cloned().unwrap_or_default();
    let kinds = timeline.iter().map(|entry| entry["kind"].as_str().unwrap_or_default().to_owned());
    kinds.filter(|kind| !matches!(&**kind, "joined" | "left")).collect()
}

fn id(incident: &Value) -> String {
    incident["id"].as_str().expect("an incident has an id").to_owned()
}

#[test]
fn a_device_stops_is_acknowledged_returns_and_its_incident_resolves() {
    let site = Site::new();
    let mut service = Service::start();
    site.write("inventory.toml", &services(&[("oa", service.port())]));
    site.write("definitions/probes/fast.toml", FAST);
    let up = site.up();
    wait_for("the first observation of the service", SOON, || {
        let (_, metrics) = up.get("/metrics/objects");
        metrics.contains("fengsui_tcp_connect_seconds{").then_some(())
    });

    let stopped = now();
    service.stop();
    let incident = site.incident("oa-down", "open", SOON);
    let took = stopped.elapsed();
    assert!(
        took < Duration::from_millis(3 * 500 + 2000),
        "interval x 3 + 2 s, a command line call included: {took:?}"
    );
    assert_eq!(incident["object"], "asset:oa");
    assert_eq!(incident["severity"], "major");

    let acked = site.run(&["incident", "ack", &id(&incident), "--comment", "on it"]);
    assert!(acked.status.success(), "{}", text(&acked.stderr));
    assert_eq!(site.incident("oa-down", "acked", SOON)["id"], incident["id"]);

    service.restart();
    let resolved = site.incident("oa-down", "resolved", SOON);
    assert_eq!(resolved["id"], incident["id"]);
    assert_eq!(timeline(&site, &id(&incident)), ["opened", "acked", "resolved"]);

    let early = site.run(&["incident", "close", &id(&incident), "--cause", "power_loss", "--party", "供电局"]);
    assert!(early.status.success(), "{}", text(&early.stderr));
    assert_eq!(site.incident("oa-down", "closed", SOON)["id"], incident["id"]);
    let audit = site.run(&["incident", "ack", &id(&incident)]);
    assert_eq!(audit.status.code(), Some(1), "a closed incident cannot be acknowledged");
}

#[test]
fn two_rules_on_one_problem_make_one_incident() {
    let site = Site::new();
    let mut service = Service::start();
    site.write("inventory.toml", &services(&[("oa", service.port())]));
    let second =
        FAST.split("[[rule]]").nth(1).expect("it has a rule").replace("service-tcp-down", "service-tcp-shaky");
    let second = second.replace("fails >= 3.0", "fails >= 4.0").replace("major", "critical");
    site.write("definitions/probes/fast.toml", &format!("{FAST}\n[[rule]]{second}"));
    let _up = site.up();
    service.stop();
    let incident = wait_for("both rules to stand under one incident", SOON, || {
        let found = site.incidents("oa-down");
        assert!(found.len() < 2, "{found:#?}");
        found.into_iter().find(|i| i["contributions"].as_array().is_some_and(|all| all.len() == 2))
    });
    assert_eq!(incident["severity"], "critical", "the worst of them");
    service.restart();
    site.incident("oa-down", "resolved", SOON);
    let kinds = timeline(&site, &id(&incident));
    assert_eq!(kinds.iter().filter(|kind| *kind == "opened").count(), 1, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "resolved").count(), 1, "{kinds:?}");
}

#[test]
fn a_rule_that_is_taken_away_withdraws_its_incident_and_a_bad_file_changes_nothing() {
    let site = Site::new();
    let mut service = Service::start();
    site.write("inventory.toml", &services(&[("oa", service.port())]));
    site.write("definitions/probes/fast.toml", FAST);
    let up = site.up();
    service.stop();
    site.incident("oa-down", "open", SOON);

    site.write("definitions/probes/fast.toml", &FAST.replace("fails >= 3.0", "failz >= 3.0"));
    wait_for("the bad file to be reported", SOON, || {
        let (_, metrics) = up.get("/metrics");
        metrics.contains("fengsui_config_last_reload_successful 0").then_some(())
    });
    assert!(up.output().contains("failz"), "the log names what is wrong: {}", up.output());
    assert_eq!(site.incidents("oa-down").len(), 1);
    site.incident("oa-down", "open", SOON);

    let without = FAST.replace("id = \"service-tcp-down\"\n", "id = \"service-tcp-down\"\ndisabled = true\n");
    site.write("definitions/probes/fast.toml", &without);
    let resolved = site.incident("oa-down", "resolved", SOON);
    let shown = site.json(&["incident", "show", &id(&resolved)]);
    let entries = shown[0]["timeline"].as_array().expect("an incident has a timeline");
    let end = entries.iter().find(|entry| entry["kind"] == "resolved").expect("it says how it ended");
    assert_eq!(
        end["text"], "withdrawn",
        "the service is still down, so nothing but the rule's end resolves it: {end}"
    );
    service.restart();
}

/// A console and an agent of their own, enrolled over loopback.
pub(crate) struct Pair {
    pub(crate) site: Site,
    pub(crate) console: Daemon,
    pub(crate) agent: Daemon,
    agents_port: u16,
}

impl Pair {
    /// Starts both, with `inventory` applied and `FAST` definitions.
    pub(crate) fn start(inventory: &str) -> Self {
        let site = Site::new();
        site.write("definitions/probes/fast.toml", FAST);
        let tower = "[[agent]]\nid = \"tower\"\nzone = \"extranet\"\n\n";
        let file = site.write("inventory.toml", &format!("{tower}{inventory}"));
        let port = free_port();
        let console = Self::console(&site, port);
        let applied = site.run(&["inventory", "apply", &file]);
        assert!(applied.status.success(), "{}", text(&applied.stderr));

        let made = site.run(&["enroll", "token", "tower"]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let token = text(&made.stdout).lines().last().expect("the token is printed last").to_owned();
        let told = format!("{}{}", text(&made.stdout), text(&made.stderr));
        let fingerprint = told
            .split(|c: char| !c.is_ascii_hexdigit())
            .find(|word| word.len() == 64)
            .unwrap_or_else(|| panic!("no fingerprint in: {told}"));
        let (url, tower) = (format!("https://127.0.0.1:{port}"), site.arg("tower"));
        let join = ["enroll", "join", "tower", "--console", &url, "--ca-fingerprint", fingerprint, "--data", &tower];
        let joined = fengsui_in(&join, &token);
        assert!(joined.status.success(), "{}", text(&joined.stderr));
        let again = fengsui_in(&join, &token);
        assert_eq!(again.status.code(), Some(3), "a token works once: {}", text(&again.stderr));

        let agent = Self::agent(&site, port);
        Self { site, console, agent, agents_port: port }
    }

    fn console(site: &Site, port: u16) -> Daemon {
        let (data, definitions) = (site.arg("data"), site.arg("definitions"));
        let agents = format!("127.0.0.1:{port}");
        let args = ["console", "--data", &data, "--listen", "127.0.0.1:0", "--agent-listen", &agents];
        Daemon::start(&[&args[..], &["--definitions", &definitions]].concat(), &site.path("console.log"))
    }

    fn agent(site: &Site, port: u16) -> Daemon {
        let data = site.arg("tower");
        let settings = format!("id = \"tower\"\n\n[console]\nurl = \"https://127.0.0.1:{port}\"\n");
        let file = site.write("agent.toml", &settings);
        Daemon::start(&["agent", "--config", &file, "--data", &data], &site.path("agent.log"))
    }

    pub(crate) fn restart_console(&mut self) {
        self.console.kill();
        self.console = Self::console(&self.site, self.agents_port);
    }

    pub(crate) fn restart_agent(&mut self) {
        self.agent.kill();
        self.agent = Self::agent(&self.site, self.agents_port);
    }

    /// Waits until the agent carries out a plan.
    pub(crate) fn settled(&self) {
        wait_for("the agent to carry out its plan", SOON, || {
            let agents = self.site.json(&["enroll", "list"]);
            agents
                .iter()
                .any(|a| a["id"] == "tower" && a["status"]["tasks"].as_u64().is_some_and(|n| n > 0))
                .then_some(())
        });
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

#[test]
fn cut_off_an_agent_judges_on_and_delivers_everything_once() {
    let (mut oa, mut portal) = (Service::start(), Service::start());
    let mut pair = Pair::start(&services(&[("oa", oa.port()), ("portal", portal.port())]));
    pair.settled();
    pair.console.kill();

    oa.stop();
    portal.stop();
    let judged = |agent: &Daemon, state: &str, object: &str| {
        let (state, object) = (state.to_owned(), object.to_owned());
        wait_for(&format!("the agent to judge {object} {state}"), SOON, || {
            let log = agent.output();
            log.lines().any(|l| l.contains("oa-down|") && l.contains(&object) && l.contains(&state)).then_some(())
        });
    };
    judged(&pair.agent, "firing", "asset:oa");
    judged(&pair.agent, "firing", "asset:portal");
    oa.restart();
    judged(&pair.agent, "cleared", "asset:oa");

    pair.restart_console();
    let both = wait_for("both incidents to arrive", SOON, || {
        let found = pair.site.incidents("oa-down");
        assert!(found.len() < 3, "{found:#?}");
        let state = |object: &str| found.iter().find(|i| i["object"] == object).map(|i| i["state"].clone());
        (state("asset:oa") == Some("resolved".into()) && state("asset:portal") == Some("open".into()))
            .then_some(found)
    });
    for incident in &both {
        let kinds = timeline(&pair.site, &id(incident));
        assert_eq!(kinds.iter().filter(|kind| *kind == "opened").count(), 1, "{kinds:?}");
    }
    portal.restart();
    wait_for("the second to resolve", SOON, || {
        pair.site.incidents("oa-down").iter().all(|i| i["state"] == "resolved").then_some(())
    });
    let log = pair.agent.output();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn an_agent_that_falls_silent_is_one_incident() {
    let mut pair = Pair::start("");
    wait_for("the agent to be heard", SOON, || {
        let agents = pair.site.json(&["enroll", "list"]);
        agents.iter().any(|a| a["id"] == "tower" && !a["last_heard"].is_null()).then_some(())
    });
    pair.agent.kill();
    let silent = pair.site.incident("agent-silent", "open", Duration::from_secs(90));
    assert_eq!(silent["object"], "agent:tower");
    pair.restart_agent();
    pair.site.incident("agent-silent", "resolved", SOON);
}

#[test]
fn it_drains_and_ends_within_five_seconds_of_a_signal() {
    let site = Site::new();
    let mut up = site.up();
    let (status, took) = up.stop();
    assert_eq!(status.code(), Some(0), "{}", up.output());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn health_and_metrics_answer_on_loopback() {
    let site = Site::new();
    let up = site.up();
    assert_eq!(up.get("/healthz").0, 200);
    wait_for("it to be ready", SOON, || (up.get("/readyz").0 == 200).then_some(()));
    wait_for("this machine's own load in the metrics", SOON, || {
        let (status, body) = up.get("/metrics/objects");
        (status == 200 && body.contains("fengsui_host_load1")).then_some(())
    });
    let (status, _) = up.get("/api/v1/incidents");
    assert_eq!(status, 401, "the API wants a token even on loopback");
    let made = site.run(&["token", "create", "--role", "operator"]);
    let token = text(&made.stdout).lines().last().expect("the token is printed last").to_owned();
    let (status, body) = up.get_with("/api/v1/incidents", &format!("Authorization: Bearer {token}\r\n"));
    assert_eq!(status, 200, "{body}");
    assert!(serde_json::from_str::<Value>(&body).is_ok_and(|v| v["items"].is_array()), "{body}");
}
