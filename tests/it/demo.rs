//! `up --demo`, the real binary, its troubles in a hurry: each makes the incident it should, with its symptoms
//! below it, and is over again.

use std::time::Duration;

use serde_json::Value;

use crate::rig::{Daemon, fengsui, text, wait_for};

/// Longer than a whole round of troubles at `PACE`, on a busy machine.
const ROUND: Duration = Duration::from_secs(300);
const PACE: &str = "5";

struct Demo {
    daemon: Option<Daemon>,
    dir: tempfile::TempDir,
}

impl Demo {
    fn args(&self, net: u8) -> Vec<String> {
        let data = self.dir.path().join("data").display().to_string();
        let net = net.to_string();
        let words = ["up", "--demo", "--demo-net", &net, "--demo-pace", PACE, "--data", &data];
        let listen = ["--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"];
        words.iter().chain(&listen).map(|word| (*word).to_owned()).collect()
    }

    fn incidents(&self) -> Vec<Value> {
        let data = self.dir.path().join("data").display().to_string();
        let out = fengsui(&["incident", "list", "--all", "--format", "json", "--data", &data]);
        text(&out.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for an incident that somebody else is not the cause of.
    fn incident(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, ROUND, || self.incidents().into_iter().find(|i| i["cause"].is_null() && wanted(i)))
    }
}

fn is(incident: &Value, problem: &str, object: &str, state: &str) -> bool {
    let on = incident["object"].as_str().unwrap_or_default();
    incident["problem"] == problem && on.starts_with(object) && incident["state"] == state
}

#[test]
fn troubles_come_as_one_incident_each_with_their_symptoms_below_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = Demo { daemon: None, dir };
    // Another demo may hold the addresses; which ones are free is tried out.
    let first = 66 + u8::try_from(std::process::id() % 90).unwrap_or_default();
    for net in first..first + 90 {
        let args = demo.args(net);
        let mut words: Vec<&str> = args.iter().map(String::as_str).collect();
        let probe = fengsui(&["probe", "echo", &format!("127.{net}.101.1:17007"), "--count", "1"]);
        if probe.status.code() == Some(0) {
            continue;
        }
        let log = demo.dir.path().join("log");
        demo.daemon = Some(Daemon::start(&words, &log));
        // A second one on the same addresses is told so, at once.
        let other = demo.dir.path().join("other").display().to_string();
        let at = words.iter().position(|word| *word == "--data").unwrap();
        words[at + 1] = &other;
        let refused = fengsui(&words);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains("perhaps another demo is running"), "{}", text(&refused.stderr));
        break;
    }
    let log = demo.daemon.as_ref().expect("some addresses are free").output();
    assert!(log.contains("demo: a simulated prefecture"), "{log}");

    // A backbone line first: one incident, by both its echo and its ports, and the rest below it.
    let line = demo.incident("a backbone line down", |i| is(i, "link-down", "link:aks-", "open"));
    let county = line["object"].as_str().unwrap().trim_start_matches("link:aks-").to_owned();
    let below = wait_for("the symptoms below it", ROUND, || {
        let all = demo.incidents();
        let mine: Vec<String> = all
            .iter()
            .filter(|i| i["cause"] == line["id"])
            .map(|i| format!("{} {}", i["problem"].as_str().unwrap(), i["object"].as_str().unwrap()))
            .collect();
        let wanted = [
            "port-down interface:aks-core-1/".to_owned(),
            format!("snmp-silent asset:{county}-core-1"),
            format!("snmp-silent asset:{county}-access-1"),
            format!("link-down link:{county}-core-fw"),
        ];
        wanted.iter().all(|w| mine.iter().any(|m| m.starts_with(w))).then_some(mine)
    });
    let show = |id: &Value| {
        let data = demo.dir.path().join("data").display().to_string();
        let out = fengsui(&["incident", "show", id.as_str().unwrap(), "--format", "json", "--data", &data]);
        text(&out.stdout)
    };
    for rule in ["link-echo-down", "link-ends-down"] {
        wait_for(rule, ROUND, || show(&line["id"]).contains(rule).then_some(()));
    }
    demo.incident("the line is back", |i| i["id"] == line["id"] && i["state"] == "resolved");

    // The others, in whatever order this seed has them.
    for problem in ["snmp-silent", "site-down", "certificate-expiring"] {
        let open =
            demo.incident(problem, |i| is(i, problem, "asset:", "open") || is(i, problem, "asset:", "resolved"));
        demo.incident(&format!("{problem} is over"), |i| i["id"] == open["id"] && i["state"] == "resolved");
    }
    // Nothing of the demo was concluded from ICMP, and of a whole county no second incident woke anybody.
    let all = demo.incidents();
    assert!(all.iter().all(|i| i["problem"] != "asset-down"), "{all:#?}");
    assert!(below.len() >= 4);
}
