//! Audit rules: the language of auditctl(8) as rules.d holds it, in the order in which augenrules(8) joins the files.
//! Whether a path or a system call is recorded is asked of all rules together: the first that fits an event decides, so
//! a rule `never` before it voids one that records.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::include::{self, Files};
use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The files that augenrules joins.
const RULES: &str = "/etc/audit/rules.d/*.rules";
/// The file that auditctl loads, where nothing is joined.
const JOINED: &str = "/etc/audit/audit.rules";

#[derive(Debug)]
enum Audit {
    Watch { paths: Vec<String>, access: String },
    Call { calls: Vec<String>, arch: Vec<String>, exit: Option<String> },
    Enabled,
}

/// `watch` (a path or a list of them) with `access` (`wa` unless given), or `call` (a system call or a list of them) with `arch`
/// (`b64` and `b32` unless given) and `exit` (an outcome such as `-EACCES`; any without), or `enabled = true`.
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    if table.has("watch") {
        let access = table.opt_text("access").unwrap_or("wa").to_owned();
        return Some(Arc::new(Audit::Watch { paths: include::texts(table, "watch", "\"/etc/passwd\"")?, access }));
    }
    if table.bool("enabled") == Some(true) {
        return Some(Arc::new(Audit::Enabled));
    }
    let calls = include::texts(table, "call", "[\"chmod\", \"fchmod\"]")?;
    let both = || vec!["b64".to_owned(), "b32".to_owned()];
    let arch = if table.has("arch") { include::texts(table, "arch", "\"b64\"")? } else { both() };
    Some(Arc::new(Audit::Call { calls, arch, exit: table.opt_text("exit").map(str::to_owned) }))
}

impl Fact for Audit {
    fn columns(&self) -> Vec<(String, Type)> {
        match self {
            Self::Enabled => columns(&[("value", Type::Number)]),
            _ => columns(&[("what", Type::Text), ("recorded", Type::Bool)]),
        }
    }

    /// A row for each path, or each system call and architecture; or one for the last `-e`.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let known = host.once("audit", rules);
        found.looked.extend([RULES.to_owned(), JOINED.to_owned()]);
        found.unseen.extend(known.unseen.iter().cloned());
        let place = |file: usize| known.files.get(file).map_or(RULES, String::as_str);
        let mut push = |what: String, rule: Option<&Rule>| {
            // What no rule says may stand in what could not be read.
            if rule.is_none() && !known.unseen.is_empty() {
                return;
            }
            let row = match rule {
                Some(rule) => Row::at(place(rule.file), rule.line, rule.text.as_str()),
                None => Row::at(RULES, 0, format!("- {what}")),
            };
            found.rows.push(row.about(what.as_str()).with("what", what).with("recorded", rule.is_some()));
        };
        match self {
            Self::Watch { paths, access } => {
                paths.iter().for_each(|path| push(path.clone(), known.rules.watches(path, access)));
            }
            Self::Call { calls, arch, exit } => {
                for (call, arch) in calls.iter().flat_map(|c| arch.iter().map(move |a| (c, a))) {
                    push(format!("{call} ({arch})"), known.rules.records(call, arch, exit.as_deref()));
                }
            }
            Self::Enabled => {
                let row = |(value, file, line): (i64, usize, usize)| {
                    Row::at(place(file), line, format!("-e {value}")).with("value", value)
                };
                found.rows.extend(known.rules.enabled.map(row));
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Known {
    files: Vec<String>,
    rules: Rules,
    unseen: Vec<Unseen>,
}

/// All rules: those of rules.d joined in the order of their names; those of audit.rules where rules.d has none, for then
/// nothing joins them.
fn rules(host: &Host) -> Known {
    let mut found = Found::default();
    let mut reader = Files::of(&host.root, &mut found);
    let mut paths = reader.glob(RULES);
    paths.sort_by_cached_key(|path| natural(path));
    let (mut files, mut rules) = (Vec::new(), Rules::default());
    for path in paths.into_iter().chain([JOINED.to_owned()]) {
        if path == JOINED && (!rules.rules.is_empty() || rules.enabled.is_some()) {
            continue;
        }
        if let Some(text) = reader.text(&path) {
            rules.add(&text, files.len(), path != JOINED);
            files.push(path);
        }
    }
    Known { files, rules, unseen: found.unseen }
}

/// A name as `ls -v` sorts it: numbers by their value.
fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(text);
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, left) = tail.split_at(end);
        parts.push((0, head.to_owned()));
        parts.push((digits.parse().unwrap_or(u64::MAX), String::new()));
        rest = left;
    }
    parts
}

/// The most rules.
const MAX_RULES: usize = 10_000;

/// A rule that records, or that refuses to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// `exit`, `task`, `user`, `exclude`, `filesystem`.
    list: String,
    /// Whether it records; `never` does not.
    records: bool,
    /// `b32` or `b64`; both without.
    arch: Option<String>,
    /// System calls; empty for all.
    calls: BTreeSet<String>,
    /// The file or directory watched.
    path: Option<String>,
    /// What is watched of it: `r`, `w`, `x`, `a`.
    access: String,
    /// All other conditions: name, operator, value.
    conditions: Vec<(String, String, String)>,
    /// File that it stands in, as an index.
    file: usize,
    /// Line, from 1.
    line: usize,
    /// As it is written.
    text: String,
}

/// A whole set of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rules {
    /// Rules in order.
    rules: Vec<Rule>,
    /// The value of the last `-e`, with file and line: 2 locks the rules until the next start.
    enabled: Option<(i64, usize, usize)>,
}

impl Rules {
    /// Takes a file's lines up, after those of the files before it. Where files are joined, `-D` goes first of all,
    /// augenrules(8), and removes none of them.
    fn add(&mut self, text: &str, file: usize, joined: bool) {
        for (raw, line) in text.lines().zip(1..) {
            let body = raw.trim();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = body.split_whitespace().collect();
            match words.as_slice() {
                ["-D"] if joined => {}
                ["-D"] => self.rules.clear(),
                ["-e", value] => self.enabled = value.parse().ok().map(|v| (v, file, line)).or(self.enabled),
                _ if self.rules.len() < MAX_RULES => self.rules.extend(rule(&words, file, line, body)),
                _ => {}
            }
        }
    }

    /// Whether what is done to a path is recorded; with the rule.
    fn watches(&self, path: &str, access: &str) -> Option<&Rule> {
        let inside = |watched: &str| {
            let watched = watched.trim_end_matches('/');
            path.trim_end_matches('/') == watched
                || path.strip_prefix(watched).is_some_and(|rest| rest.starts_with('/') && !watched.is_empty())
        };
        let fits = |r: &&Rule| {
            r.list == "exit"
                && r.path.as_deref().is_some_and(inside)
                && (!r.records || (r.calls.is_empty() && r.broad() && access.chars().all(|a| r.access.contains(a))))
        };
        self.rules.iter().take_while(|r| !r.silences()).find(fits).filter(|r| r.records)
    }

    /// The rule that records a system call of an architecture, made by people, whatever its outcome; with an outcome
    /// such as `-EACCES`, one that records at least that.
    fn records(&self, call: &str, arch: &str, exit: Option<&str>) -> Option<&Rule> {
        let fits = |r: &&Rule| {
            let outcome = |(n, o, v): &(String, String, String)| match (n.as_str(), exit) {
                ("exit", Some(wanted)) => o == "=" && v == wanted,
                ("success", Some(_)) => o == "=" && matches!(v.as_str(), "0" | "no"),
                _ => false,
            };
            let broad = r.conditions.iter().all(|c| general(c) || outcome(c));
            r.list == "exit"
                && r.path.is_none()
                && r.arch.as_deref().is_none_or(|a| a == arch)
                && (r.calls.contains(call) || r.calls.is_empty() || r.calls.contains("all"))
                && broad
                && (r.records || r.conditions.is_empty())
        };
        self.rules.iter().take_while(|r| !r.silences()).find(fits).filter(|r| r.records && !r.calls.is_empty())
    }
}

/// A condition that leaves nothing out that people do: the key, and that somebody has logged in.
fn general((name, operator, value): &(String, String, String)) -> bool {
    const UNSET: [&str; 3] = ["unset", "-1", "4294967295"];
    match name.as_str() {
        "key" => true,
        "auid" => {
            (operator == "!=" && UNSET.contains(&value.as_str()))
                || (operator == ">=" && value.parse().is_ok_and(|v: u32| v <= 1000))
        }
        _ => false,
    }
}

impl Rule {
    fn broad(&self) -> bool {
        self.conditions.iter().all(general)
    }

    /// Whether it keeps everything from being recorded: `-a never,task`.
    fn silences(&self) -> bool {
        !self.records && self.list == "task" && self.conditions.is_empty()
    }
}

fn rule(words: &[&str], file: usize, line: usize, text: &str) -> Option<Rule> {
    let mut rule = Rule {
        list: String::new(),
        records: true,
        arch: None,
        calls: BTreeSet::new(),
        path: None,
        access: String::new(),
        conditions: Vec::new(),
        file,
        line,
        text: text.to_owned(),
    };
    let mut words = words.iter().copied();
    while let Some(option) = words.next() {
        let value = words.next().unwrap_or_default();
        match option {
            "-w" => {
                rule.list = "exit".to_owned();
                rule.path = Some(value.to_owned());
            }
            "-p" => rule.access = value.to_owned(),
            "-k" => rule.conditions.push(("key".into(), "=".into(), value.to_owned())),
            "-a" | "-A" => {
                let (left, right) = value.split_once(',')?;
                let (action, list) = if matches!(left, "always" | "never") { (left, right) } else { (right, left) };
                rule.records = action == "always";
                rule.list = list.to_owned();
            }
            "-S" => rule.calls.extend(value.split(',').map(str::to_owned)),
            "-F" | "-C" => {
                let (name, operator, value) = condition(value)?;
                match (name, operator) {
                    ("arch", "=") => rule.arch = Some(value.to_owned()),
                    ("path" | "dir", "=") => rule.path = Some(value.to_owned()),
                    ("perm", "=") => rule.access = value.to_owned(),
                    _ => rule.conditions.push((name.to_owned(), operator.to_owned(), value.to_owned())),
                }
            }
            _ => return None,
        }
    }
    if rule.access.is_empty() {
        rule.access = "rwxa".to_owned();
    }
    (!rule.list.is_empty()).then_some(rule)
}

fn condition(text: &str) -> Option<(&str, &str, &str)> {
    const OPERATORS: [&str; 8] = ["!=", ">=", "<=", "&=", "=", ">", "<", "&"];
    let at = text.find(['!', '>', '<', '=', '&'])?;
    let (name, rest) = text.split_at(at);
    let operator = OPERATORS.into_iter().find(|o| rest.starts_with(o))?;
    Some((name.trim(), operator, rest.get(operator.len()..)?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Rules {
        let mut rules = Rules::default();
        rules.add(text, 0, false);
        rules
    }

    #[test]
    fn watches_cover_what_is_below_them() {
        let rules = of("-D\n-b 8192\n-w /etc/passwd -p wa -k identity\n-w /etc/sudoers.d/ -p rwxa\n\
                        -a always,exit -F path=/etc/group -F perm=wa -F key=i\n-w /etc/shadow -p r\n\
                        -a always,exit -F arch=b64 -F dir=/etc/selinux -F perm=wa -F auid>=1000 -F auid!=unset\n");
        assert_eq!(rules.watches("/etc/passwd", "wa").map(|r| r.line), Some(3));
        assert_eq!(rules.watches("/etc/sudoers.d/x", "wa").map(|r| r.line), Some(4));
        assert_eq!(rules.watches("/etc/sudoers.d", "wa").map(|r| r.line), Some(4));
        assert!(rules.watches("/etc/group", "wa").is_some());
        assert!(rules.watches("/etc/selinux/", "wa").is_some());
        assert_eq!(rules.watches("/etc/shadow", "wa"), None);
        assert_eq!(rules.watches("/etc/passwd-", "wa"), None);
        assert!(of("-a never,task\n-w /etc/passwd -p wa").watches("/etc/passwd", "wa").is_none());
        assert!(of("-a exit,never -F path=/etc/passwd\n-w /etc/passwd").watches("/etc/passwd", "wa").is_none());
        assert!(of("-w /etc/passwd -p wa\n-D").watches("/etc/passwd", "wa").is_none());
    }

    #[test]
    fn calls_are_recorded_where_nothing_narrows_the_rule() {
        let rules = of(
            "-a always,exit -F arch=b64 -S chmod,fchmod -S fchmodat -F auid>=1000 -F auid!=4294967295 -k perm_mod\n\
                        -a exit,always -F arch=b32 -S chmod -F uid=0\n\
                        -a always,exit -F arch=b64 -S open -F exit=-EACCES -F auid>=1000\n-e 1\n-e 2\n# -e 0\n",
        );
        assert!(rules.records("fchmodat", "b64", None).is_some());
        assert!(rules.records("chmod", "b32", None).is_none());
        assert!(rules.records("open", "b64", None).is_none());
        assert!(rules.records("open", "b64", Some("-EACCES")).is_some());
        assert!(rules.records("open", "b64", Some("-EPERM")).is_none());
        assert_eq!(rules.enabled, Some((2, 0, 5)));
        assert!(of("-a always,exit -S all -S").rules.len() <= 1);
    }
}
