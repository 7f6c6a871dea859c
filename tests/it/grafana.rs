//! Dashboards, recording rules and alerts for Prometheus: their form, and that each expression in them finds
//! something in a real Prometheus that scrapes a real console. A panel on a metric that nobody exposes is worse
//! than none: it looks healthy.

mod form;
mod live;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::tree::{self, root};

/// The dashboards by uid.
fn boards() -> BTreeMap<String, Value> {
    let files = tree::files("grafana/dashboards", &[".json"]);
    assert_eq!(files.len(), 4, "overview, link, device, agent");
    let parsed = files.iter().map(|file| {
        let board: Value = serde_json::from_str(&file.text).unwrap_or_else(|e| panic!("{}: {e}", file.path));
        (board["uid"].as_str().unwrap_or_default().to_owned(), board)
    });
    parsed.collect()
}

/// The panels of a dashboard, with those inside closed rows.
fn panels(board: &Value) -> Vec<&Value> {
    let top = board["panels"].as_array().map(Vec::as_slice).unwrap_or_default();
    top.iter().flat_map(|panel| std::iter::once(panel).chain(list(&panel["panels"]))).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// Files of alert and recording rules, from the top of the repository.
fn rule_files() -> Vec<String> {
    let files = tree::files("alerts/prometheus", &[".rules.yml"]);
    assert!(files.len() >= 3, "recording, console, objects");
    files.iter().map(|f| root().join(&f.path).to_string_lossy().into_owned()).collect()
}

/// Whether a text has words in Chinese and in English.
fn bilingual(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) && text.chars().any(|c| c.is_ascii_alphabetic())
}
