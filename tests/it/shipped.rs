//! What an operator gets without writing a rule: the shipped probes and rules against real peers, each from the
//! fault to the incident and back. Probes differ from the shipped ones in how often they run, in nothing else.

pub(crate) mod certificates;
mod devices;
mod heard;
mod judged;
mod lines;
mod runbooks;
mod services;

use std::time::Duration;

use serde_json::Value;

use crate::rig::{Daemon, Site, fengsui_in, now, text, wait_for};
use crate::tree::root;

/// Long enough for a loaded machine and the longest `clear_for` of the rules looked at.
const SOON: Duration = Duration::from_secs(60);
/// Rules that look back over a window need its length, too.
const LATER: Duration = Duration::from_secs(200);

/// A shipped probe as it stands, but for its rhythm; `more` are further lines.
pub(crate) fn probe(id: &str, interval: &str, more: &str) -> String {
    let all = std::fs::read_to_string(root().join("probes/core.toml")).unwrap();
    let name = format!("id = \"{id}\"");
    let block = all.split("[[probe]]").find(|block| block.contains(&name)).unwrap();
    let kept = block.lines().filter(|line| !["interval", "timeout", "keep"].iter().any(|key| line.starts_with(key)));
    let kept: Vec<&str> = kept.collect();
    let keep = if interval.ends_with("ms") { "1s" } else { interval };
    format!(
        "[[probe]]{}\ninterval = \"{interval}\"\ntimeout = \"{interval}\"\nkeep = \"{keep}\"\n{more}\n",
        kept.join("\n")
    )
}

/// A shipped rule of a file as it stands, but for how long things must last.
fn rule(file: &str, id: &str, hold: &str) -> String {
    let all = std::fs::read_to_string(root().join("alerts/rules").join(file)).unwrap();
    let name = format!("id = \"{id}\"");
    let block = all.split("[[rule]]").find(|block| block.contains(&name)).unwrap();
    let kept =
        block.lines().filter(|line| !["for", "clear_for"].iter().any(|key| line.starts_with(&format!("{key} ="))));
    let kept: Vec<&str> = kept.filter(|line| !line.starts_with('#')).collect();
    format!("[[rule]]{}\nfor = \"{hold}\"\nclear_for = \"{hold}\"\n", kept.join("\n"))
}

/// A threshold of a shipped rule for this test.
fn threshold(rule: &str, params: &str) -> String {
    format!("[[override]]\nrule = \"{rule}\"\nwhere = 'asset.id != \"\"'\nparams = {{ {params} }}\n")
}

/// Incidents of a problem on an object.
fn of(site: &Site, problem: &str, object: &str) -> Vec<Value> {
    let mut all = site.incidents(problem);
    all.retain(|incident| incident["object"] == object);
    all
}

/// Waits for the one incident of a problem on an object to be in a state.
fn incident(site: &Site, problem: &str, object: &str, state: &str, within: Duration) -> Value {
    wait_for(&format!("one {problem} incident on {object} in state {state}"), within, || {
        let found = of(site, problem, object);
        assert!(found.len() < 2, "more than one {problem} incident on {object}: {found:#?}");
        found.into_iter().find(|incident| incident["state"] == state)
    })
}

/// An incident with its timeline and symptoms.
fn shown(site: &Site, incident: &Value) -> Value {
    site.json(&["incident", "show", incident["id"].as_str().unwrap()]).remove(0)
}

/// What happened to it, in order.
fn kinds(site: &Site, incident: &Value) -> Vec<String> {
    let shown = shown(site, incident);
    let timeline = shown["timeline"].as_array().cloned().unwrap_or_default();
    timeline.iter().map(|entry| entry["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Whether it hangs under the other one as a symptom.
fn hangs_under(symptom: &Value, cause: &Value) -> bool {
    let flags = symptom["flags"].as_array().cloned().unwrap_or_default();
    symptom["cause"] == cause["id"] && flags.contains(&Value::from("topology"))
}

/// The problems of all incidents there have ever been, with their objects; without this host's own, whose disk
/// may well be full.
fn all(site: &Site) -> Vec<String> {
    let all = site.json(&["incident", "list", "--all"]);
    let mut all: Vec<String> = all
        .iter()
        .filter(|i| !i["object"].as_str().is_some_and(|object| object.starts_with("agent:")))
        .map(|i| {
            format!("{} {}", i["problem"].as_str().unwrap_or_default(), i["object"].as_str().unwrap_or_default())
        })
        .collect();
    all.sort();
    all
}

/// Newest values of a family on the objects page whose labels contain `label`.
fn values(up: &Daemon, family: &str, label: &str) -> Vec<f64> {
    let (_, page) = up.get("/metrics/objects");
    let start = format!("{family}{{");
    let lines = page.lines().filter(|line| line.starts_with(&start) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect()
}

/// Sets a secret on the running console.
pub(crate) fn secret(site: &Site, args: &[&str], value: &str) {
    let data = site.arg("data");
    let set = fengsui_in(&[&["secret", "set"], args, &["--data", &data]].concat(), value);
    assert!(set.status.success(), "{}", text(&set.stderr));
}

/// Looks at something again and again for a while; for what must not happen.
fn for_a_while(span: Duration, mut look: impl FnMut()) {
    let start = now();
    while start.elapsed() < span {
        look();
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

/// The objects API, as a viewer sees it.
pub(crate) fn api(site: &Site, up: &Daemon, path: &str) -> Value {
    let made = site.run(&["token", "create", "--role", "viewer"]);
    let token = text(&made.stdout).lines().last().expect("the token is printed last").to_owned();
    let (status, body) = up.get_with(path, &format!("Authorization: Bearer {token}\r\n"));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Told on stdout, for whoever wants figures.
fn took(what: &str, since: std::time::Instant) {
    println!("{what}: {:.2} s", since.elapsed().as_secs_f64());
}
