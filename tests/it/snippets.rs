//! The TOML in documents is what the program reads: an example that it refuses is a bug in one of the two.

use fengsui::baseline::{judge, policy};
use fengsui::config::settings::{AgentSettings, ConsoleSettings};
use fengsui::config::{defs, inventory};
use fengsui::probe;
use fengsui::sim::Scenario;

use crate::tree;

/// The `toml` blocks of a document: the line they begin on and their text.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if inside && line.trim() == "```" {
            inside = false;
        } else if inside {
            let block = &mut found.last_mut().unwrap().1;
            block.push_str(line);
            block.push('\n');
        } else if line.trim() == "```toml" {
            inside = true;
            found.push((at + 2, String::new()));
        }
    }
    found
}

/// What a block is, by the tables it has.
fn is_one_of(block: &str, heads: &[&str]) -> bool {
    block.lines().any(|l| heads.iter().any(|h| l.starts_with(h)))
}

const INVENTORY: &[&str] = &["[[region]]", "[[organisation]]", "[[asset]]", "[[agent]]", "[[link]]", "[[system]]"];
const CHECKS: &[&str] = &["[[check]]", "[[level]]"];
const DEFINITIONS: &[&str] = &["[[probe]]", "[[rule]]", "[[override]]", "[[calendar]]", "[[profile]]"];

#[test]
fn every_example_is_read_without_a_complaint() {
    let (mut found, mut seen) = (Vec::new(), 0);
    for document in tree::files("", &[".md"]) {
        let dir = tempfile::tempdir().unwrap();
        let (mut declared, mut defined) = (Vec::new(), Vec::new());
        for (line, block) in blocks(&document.text) {
            seen += 1;
            let place = format!("{}+{line}", document.path);
            let file = dir.path().join(format!("line-{line}.toml"));
            std::fs::write(&file, &block).unwrap();
            if is_one_of(&block, INVENTORY) {
                declared.push((place, block));
            } else if is_one_of(&block, DEFINITIONS) {
                defined.push(file);
            } else if is_one_of(&block, CHECKS) {
                let read = policy::load(std::slice::from_ref(&file));
                found.extend(read.diagnostics.iter().map(|d| format!("{place}: {d}")));
                found.extend(read.policy.checks.values().flat_map(|check| judge::vectors(&read.policy, check)));
            } else if block.contains("[[device]]") {
                let open = |name: &str| {
                    let path = tree::root().join("tests/scenarios").join(name);
                    std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))
                };
                let wrong = Scenario::parse(&place, &block, &open).err().unwrap_or_default();
                found.extend(wrong.iter().map(ToString::to_string));
            } else {
                let read = if block.contains("agent_listen") {
                    ConsoleSettings::read(&file).map(drop)
                } else if block.contains("[console]") {
                    AgentSettings::read(&file).map(drop)
                } else {
                    panic!("{place}: what is this block? teach {} to read it", file!());
                };
                found.extend(read.err().into_iter().flatten().map(|d| format!("{place}: {d}")));
            }
        }
        // A document's blocks are one inventory; its definitions lie over the shipped ones.
        if let Err(wrong) = inventory::parse(&declared) {
            found.extend(wrong.iter().map(ToString::to_string));
        }
        if defined.is_empty() {
            continue;
        }
        let read = defs::load(&defined, probe::catalog());
        found.extend(read.diagnostics.iter().map(|d| format!("{}: {d}", document.path)));
    }
    assert!(seen >= 8, "only {seen} blocks found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn blocks_are_found_with_their_line() {
    assert_eq!(blocks("a\n```toml\nx = 1\n```\n```\ny\n```\n"), [(3, "x = 1\n".to_owned())]);
}
