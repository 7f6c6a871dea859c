//! One mistake a file in `tests/bad`: the text people read is fixed here, beside the mistake. A file's name says what
//! it is: `inventory-*`, `console-*`, `agent-*`, all else definitions. Nothing writes the `.err` files: whoever changes
//! a text writes it by hand, and so has read it.

use fengsui::config::settings::{AgentSettings, ConsoleSettings};
use fengsui::config::{Diagnostic, defs, inventory};
use fengsui::probe;

use crate::tree;

/// Reads as the program would.
fn diagnostics(name: &str, text: &str) -> Vec<Diagnostic> {
    let texts = [(name.to_owned(), text.to_owned())];
    match name.split('-').next() {
        Some("inventory") => inventory::parse(&texts).err().unwrap_or_default(),
        Some("console") => ConsoleSettings::parse(name, text).err().unwrap_or_default(),
        Some("agent") => AgentSettings::parse(name, text).err().unwrap_or_default(),
        _ => defs::parse(&texts, probe::catalog()).diagnostics,
    }
}

#[test]
fn every_mistake_is_told_in_exactly_these_words() {
    let directory = tree::root().join("tests/bad");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let lines: Vec<String> =
            diagnostics(&name, &std::fs::read_to_string(&path).unwrap()).iter().map(|d| format!("{d}\n")).collect();
        let expected = std::fs::read_to_string(path.with_extension("err")).unwrap_or_default();
        if lines.concat() != expected || lines.is_empty() {
            wrong.push(format!("{name}\nexpected:\n{expected}got:\n{}", lines.concat()));
        }
    }
    assert!(count >= 20, "{count} files in {}", directory.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
