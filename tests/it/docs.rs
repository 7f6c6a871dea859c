//! The documents as tests: every path they name exists, every relative link and anchor resolves.
//! A recipe that names a file which is gone is worse than none.

use crate::tree;

/// The folders that a backticked path may begin with; a first segment that is not here is no path of ours.
const OURS: &[&str] =
    &["src", "tests", "docs", "probes", "alerts", "calendars", "systemd", "benches", ".ci", "web", "fuzz", "grafana"];

/// Documents whose every word is checked.
fn documents() -> Vec<tree::File> {
    let documents = tree::files("", &[".md"]);
    assert!(documents.iter().any(|f| f.path == "README.md"));
    documents
}

/// The texts between backticks of a document, with their line; fenced blocks are left out.
fn ticked(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        found.extend(line.split('`').skip(1).step_by(2).map(|t| (number, t)));
    }
    found
}

/// The lines of a document outside fenced blocks, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((at + 1, line))
    })
}

/// The path that a backticked text names, if it looks like one of ours: up to the first placeholder
/// (`src/probe/KIND.rs` names `src/probe`).
fn named_path(text: &str) -> Option<String> {
    if text.contains(|c: char| c.is_whitespace() || "()'\"$=:".contains(c))
        || !OURS.contains(&text.split('/').next()?)
    {
        return None;
    }
    let text = text.contains('/').then(|| text.trim_end_matches('/'))?;
    let placeholder = |s: &str| {
        s.contains(['*', '{', '<', '…']) || s.split('.').next().is_some_and(|n| n.len() > 1 && n == n.to_uppercase())
    };
    let known: Vec<&str> =
        text.split('/').take_while(|s| !placeholder(s) || s.ends_with(".md") && !s.contains('*')).collect();
    Some(known.join("/"))
}

/// The targets of the Markdown links of a document, with their line.
fn links(text: &str) -> Vec<(usize, &str)> {
    prose(text)
        .flat_map(|(n, line)| line.split("](").skip(1).filter_map(move |rest| Some((n, rest.split(')').next()?))))
        .collect()
}

/// The anchors of a document's headings, as code hosts make them.
fn anchors(text: &str) -> Vec<String> {
    prose(text)
        .filter(|(_, l)| l.starts_with('#'))
        .map(|(_, l)| {
            let title = l.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_path_named_in_a_document_exists() {
    let mut found = Vec::new();
    for document in documents() {
        for (line, text) in ticked(&document.text) {
            if let Some(path) = named_path(text)
                && !tree::root().join(&path).exists()
            {
                found.push(format!("{}:{line}: `{text}` names {path}, which does not exist", document.path));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_path_named_in_a_comment_exists() {
    let mut found = Vec::new();
    for source in ["src", "tests"].iter().flat_map(|dir| tree::files(dir, &[".rs"])) {
        let comments = source.text.lines().enumerate().filter(|(_, l)| l.trim_start().starts_with("//"));
        for (at, line) in comments {
            for text in line.split('`').skip(1).step_by(2) {
                if let Some(path) = named_path(text)
                    && !tree::root().join(&path).exists()
                {
                    found.push(format!("{}:{}: `{text}` does not exist", source.path, at + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_relative_link_resolves() {
    let mut found = Vec::new();
    for document in documents() {
        for (line, link) in links(&document.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if path.is_empty() {
                tree::root().join(&document.path)
            } else {
                tree::root().join(&document.path).with_file_name("").join(path)
            };
            if !file.exists() {
                found.push(format!("{}:{line}: link to {link}: no such file", document.path));
            } else if !anchor.is_empty() {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                if !anchors(&text).contains(&anchor.to_owned()) {
                    found.push(format!("{}:{line}: link to {link}: no such heading", document.path));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_looks_like_a_path_is_one() {
    for (text, path) in [
        ("src/model.rs", Some("src/model.rs")),
        ("tests/run", Some("tests/run")),
        ("docs/", Some("docs")),
        ("src/probe/KIND.rs", Some("src/probe")),
        ("probes/*.toml", Some("probes")),
        ("docs/ARCHITECTURE.md", Some("docs/ARCHITECTURE.md")),
        ("cargo run --release -- up", None),
        ("probes", None),
        ("model/wire", None),
        ("std::env", None),
        ("/etc/fengsui/probes", None),
    ] {
        assert_eq!(named_path(text).as_deref(), path, "{text}");
    }
    assert_eq!(links("see [a](b.md#c) and [d](e)\n```\n[x](y)\n```"), [(1, "b.md#c"), (1, "e")]);
    assert_eq!(anchors("# A b: `c`\n## 备份 数据"), ["a-b-c", "备份-数据"]);
    assert_eq!(ticked("a `b` c `d`\n```\n`e`\n```"), [(1, "b"), (1, "d")]);
}

/// The `fengsui` commands in the fenced blocks of a document, each as its words.
fn commands(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let line = line.split(" # ").next().unwrap_or(line).trim();
            let command = ["sudo -u fengsui ", "$ ", ""].iter().find_map(|p| line.strip_prefix(p));
            let command = command.map(|c| c.replacen("cargo run --release --", "fengsui", 1));
            if let Some(command) = command.filter(|c| c.starts_with("fengsui ")) {
                found.push((at + 1, words(&command)));
            }
        }
    }
    found
}

/// A line as a shell would cut it, as far as documents need: blanks and double quotes.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate().flat_map(|(at, part)| {
        let part: Vec<&str> = if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() };
        part.into_iter().map(str::to_owned)
    });
    quoted.collect()
}

#[test]
fn every_command_in_a_document_is_one_the_program_takes() {
    let (mut found, mut seen) = (Vec::new(), 0);
    for document in documents() {
        for (line, words) in commands(&document.text) {
            seen += 1;
            if let Err(error) = fengsui::cli::command().try_get_matches_from(&words) {
                let why = error.to_string();
                found.push(format!("{}:{line}: {}: {}", document.path, words.join(" "), why.lines().next().unwrap()));
            }
        }
    }
    assert!(seen > 20, "only {seen} commands found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn commands_are_found_and_cut_into_words() {
    let text = "`fengsui a`\n```\nfengsui note ID \"a b\"   # why\nls\ncargo run --release -- up\n```";
    let cut: Vec<String> = commands(text).into_iter().map(|(n, w)| format!("{n}: {}", w.join("|"))).collect();
    assert_eq!(cut, ["3: fengsui|note|ID|a b", "5: fengsui|up"]);
}
