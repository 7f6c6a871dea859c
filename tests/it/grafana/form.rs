//! The form of dashboards and rules, without a server: what Grafana takes silently and shows wrong.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{bilingual, boards, list, panels, rule_files};
use crate::rig::text;
use crate::scrape::present;
use crate::tree::{self, root};

/// Panels that come with Grafana; any other is a plugin that an isolated network does not have.
const CORE: &[&str] = &[
    "row",
    "stat",
    "timeseries",
    "table",
    "state-timeline",
    "gauge",
    "bargauge",
    "text",
    "heatmap",
    "status-history",
];
/// Grafana 10 writes this; later ones read it.
const SCHEMA: u64 = 39;

/// What is wrong with a panel, but for its place.
fn faults(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let word = |key: &str| panel[key].as_str().unwrap_or_default();
    if !CORE.contains(&word("type")) {
        found.push(format!("type {} is not a core panel", panel["type"]));
    }
    if !bilingual(word("title")) || !word("title").contains(" / ") {
        found.push("the title is not `zh / en`".into());
    }
    if word("type") == "row" {
        return found;
    }
    if !bilingual(word("description")) {
        found.push("the description is not in both languages".into());
    }
    let defaults = &panel["fieldConfig"]["defaults"];
    if defaults["unit"].as_str().unwrap_or_default().is_empty() {
        found.push("no unit".into());
    }
    // Colour alone tells nothing to those who do not see it: the number stands there, or a mapping gives a word.
    let steps = list(&defaults["thresholds"]["steps"]).count();
    let worded = list(&defaults["mappings"]).next().is_some();
    let figures = word("description").chars().any(|c| c.is_ascii_digit());
    if steps > 1 && !worded && !figures {
        found.push("thresholds that neither a mapping nor the description puts into words".into());
    }
    if word("type") == "state-timeline" && !worded {
        found.push("states without words".into());
    }
    let mut refs = BTreeSet::new();
    for target in list(&panel["targets"]) {
        if !refs.insert(target["refId"].to_string()) || target["refId"].as_str().is_none() {
            found.push(format!("refId {} is missing or there twice", target["refId"]));
        }
        if target["datasource"]["uid"] != "${datasource}" {
            found.push(format!("a fixed data source: {}", target["datasource"]));
        }
        if target["expr"].as_str().is_none_or(str::is_empty) {
            found.push("a target without an expression".into());
        }
    }
    if refs.is_empty() {
        found.push("no target".into());
    }
    found
}

/// Left, top, right, bottom.
fn place(panel: &Value) -> [u64; 4] {
    let at = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(u64::MAX / 4);
    [at("x"), at("y"), at("x") + at("w"), at("y") + at("h")]
}

#[test]
fn dashboards_are_well_formed() {
    let mut found = Vec::new();
    for (uid, board) in boards() {
        let mut say = |what: String| found.push(format!("{uid}: {what}"));
        if !uid.starts_with("fengsui-") || !board["id"].is_null() || board.get("__inputs").is_some() {
            say("a fixed uid `fengsui-…`, id null and no __inputs".into());
        }
        if board["schemaVersion"] != SCHEMA || !board["title"].as_str().is_some_and(bilingual) {
            say("schema 39 and a title in both languages".into());
        }
        let mut ids = BTreeSet::new();
        let all = panels(&board);
        for (at, panel) in all.iter().enumerate() {
            let name = format!("{} {}", panel["id"], panel["title"]);
            if panel["id"].as_u64().is_none_or(|id| id == 0 || !ids.insert(id)) {
                say(format!("{name}: an id that is missing or there twice"));
            }
            for fault in faults(panel) {
                say(format!("{name}: {fault}"));
            }
            let [left, top, right, bottom] = place(panel);
            if right > 24 || left >= right || top >= bottom {
                say(format!("{name}: outside the grid"));
            }
            for other in &all[..at] {
                let [l, t, r, b] = place(other);
                if left < r && l < right && top < b && t < bottom {
                    say(format!("{name}: lies on {}", other["title"]));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The words behind `$` in a text: variables of the board or of Grafana.
fn variables(text: &str) -> BTreeSet<String> {
    let names = text.split('$').skip(1).map(|rest| {
        let rest = rest.trim_start_matches('{');
        rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    });
    names.filter(|name| !name.is_empty() && !name.starts_with("__")).collect()
}

/// The addresses that a board links to.
fn addresses(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("url").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|v| addresses(v, found));
        }
        Value::Array(all) => all.iter().for_each(|v| addresses(v, found)),
        _ => {}
    }
}

#[test]
fn variables_are_declared_and_links_lead_to_dashboards_that_take_them() {
    let all = boards();
    let declared = |board: &Value| -> BTreeSet<String> {
        list(&board["templating"]["list"]).filter_map(|v| v["name"].as_str()).map(str::to_owned).collect()
    };
    let mut found = Vec::new();
    for (uid, board) in &all {
        let has = declared(board);
        for variable in variables(&board.to_string()) {
            if !has.contains(&variable) {
                found.push(format!("{uid}: ${variable} is not declared"));
            }
        }
        if list(&board["templating"]["list"]).any(|v| !v["label"].as_str().is_some_and(bilingual)) {
            found.push(format!("{uid}: a variable's label is not in both languages"));
        }
        let mut links = Vec::new();
        addresses(board, &mut links);
        let others = all.keys().filter(|other| *other != uid);
        for other in others.filter(|other| !links.iter().any(|l| *l == format!("/d/{other}"))) {
            found.push(format!("{uid}: no link to {other}"));
        }
        for link in links {
            let (path, query) = link.split_once('?').unwrap_or((&link, ""));
            let Some(to) = path.strip_prefix("/d/").and_then(|id| all.get(id)) else {
                found.push(format!("{uid}: {link} leads nowhere"));
                continue;
            };
            for name in query.split('&').filter_map(|part| part.strip_prefix("var-")?.split('=').next()) {
                if !declared(to).contains(name) {
                    found.push(format!("{uid}: {link}: there is no variable {name}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn provisioning_is_versioned_and_names_its_folder() {
    let files = tree::files("grafana/provisioning", &[".yaml"]);
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|f| f.text.contains("\napiVersion: 1\n")));
    assert!(files.iter().any(|f| f.text.contains("folder: 烽燧 Fengsui")));
}

#[test]
fn promtool_finds_the_rules_right_and_their_unit_tests_pass() {
    if !present("/usr/bin/promtool", "prometheus") {
        return;
    }
    let run = |args: &[&str]| {
        let said = Command::new("/usr/bin/promtool").args(args).current_dir(root()).output().expect("promtool runs");
        assert!(said.status.success(), "{args:?}: {}{}", text(&said.stdout), text(&said.stderr));
    };
    run(&["check", "config", "--syntax-only", "alerts/prometheus/prometheus.yml"]);
    for file in rule_files() {
        run(&["check", "rules", "--lint-fatal", &file]);
    }
    let tests = tree::files("alerts/prometheus", &["_test.yml"]);
    assert!(tests.len() >= 2);
    for file in &tests {
        run(&["test", "rules", &file.path]);
    }
    // Every alert is seen firing in a unit test.
    let firing: String = tests.iter().map(|f| f.text.as_str()).collect();
    for file in tree::files("alerts/prometheus", &[".rules.yml"]) {
        for name in file.text.lines().filter_map(|l| l.trim().strip_prefix("- alert: ")) {
            assert!(
                firing.contains(&format!("alertname=\"{name}\"")) || firing.contains(&format!("alertname: {name}\n")),
                "{name} is not tested"
            );
        }
    }
}
