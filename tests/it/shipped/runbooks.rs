//! Every runbook that a rule, an alert for Prometheus or the program itself names is there, in both languages and short enough to be read
//! at night.

use std::collections::BTreeSet;

use fengsui::baseline::due::DUE;
use fengsui::baseline::score::DRIFT;
use fengsui::config::defs;
use fengsui::engine::incident::AGENT_SILENT;
use fengsui::engine::rule::{NO_DATA, PROBE_FAULT};
use fengsui::probe::catalog;

use crate::tree::files;

#[test]
fn every_runbook_that_is_named_exists_in_both_languages() {
    let loaded = defs::load(&[], catalog());
    let mut named: BTreeSet<String> = loaded.definitions.rules.iter().map(|r| r.runbook.clone()).collect();
    named.extend([AGENT_SILENT, NO_DATA, PROBE_FAULT, DRIFT, DUE].map(str::to_owned));
    for file in files("alerts/prometheus", &[".rules.yml"]) {
        let urls = file.text.lines().filter(|line| line.trim().starts_with("runbook_url:"));
        named.extend(
            urls.filter_map(|line| Some(line.split_once("docs/runbooks/")?.1.split_once(".md")?.0.to_owned())),
        );
    }
    let pages = files("docs/runbooks", &[".md"]);
    let there: BTreeSet<String> = pages
        .iter()
        .map(|page| page.path.trim_start_matches("docs/runbooks/").trim_end_matches(".md").to_owned())
        .collect();
    assert_eq!(there, named, "docs/runbooks/NAME.md for each name, and no other");
    for page in pages {
        let (zh, en) = page.text.split_once("\n## English\n").unwrap_or_else(|| panic!("{}: no English", page.path));
        let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(chinese(zh.lines().next().unwrap_or_default()), "{}: Chinese first", page.path);
        for (part, words) in
            [(zh, ["**含义**", "**先看**", "**联系**"]), (en, ["**Means**", "**Look first**", "**Call**"])]
        {
            for word in words {
                assert!(part.contains(word), "{}: {word} is missing", page.path);
            }
            let lines = part.lines().filter(|line| !line.trim().is_empty()).count();
            assert!((6..=20).contains(&lines), "{}: {lines} lines", page.path);
        }
    }
}
