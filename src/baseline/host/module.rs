//! Kernel modules: which are loaded (`/proc/modules`) and which modprobe refuses (modprobe.d(5)). `blacklist` only stops
//! a module from being loaded by its aliases; what stops it altogether is `install MODULE` with a program that does nothing.

use std::sync::Arc;

use super::include::{self, Files};
use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns};
use crate::baseline::host::lines::joined;
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The directories of modprobe's, most important first.
const DIRECTORIES: [&str; 5] =
    ["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];
/// What is loaded.
const LOADED: &str = "/proc/modules";

#[derive(Debug)]
struct Modules {
    names: Vec<String>,
}

/// `name` (a module or a list of them).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let names = include::texts(table, "name", "[\"cramfs\", \"udf\"]")?;
    Some(Arc::new(Modules { names: names.iter().map(|n| plain(n)).collect() }))
}

impl Fact for Modules {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("module", Type::Text),
            ("refused", Type::Bool),
            ("blacklisted", Type::Bool),
            ("loaded", Type::Bool),
        ])
    }

    /// A row for each module. Whether it is loaded is known on a running system only.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let mut named = std::collections::BTreeMap::new();
        let mut files = Files::of(&host.root, found);
        for directory in DIRECTORIES {
            for name in files.names(directory).unwrap_or_default().into_iter().filter(|n| n.ends_with(".conf")) {
                named.entry(name.clone()).or_insert_with(|| format!("{directory}/{name}"));
            }
        }
        let texts: Vec<_> = named.into_values().filter_map(|path| Some((files.text(&path)?, path))).collect();
        let all: Vec<(&str, Rule)> =
            texts.iter().flat_map(|(t, p)| rules(t).into_iter().map(|r| (p.as_str(), r))).collect();
        // What no line says may stand in what could not be read.
        let whole = found.unseen.is_empty();
        let live = if host.root.live() { host.root.text(LOADED)? } else { None };
        found.looked.extend(DIRECTORIES.iter().map(|d| format!("{d}/*.conf")));
        for name in &self.names {
            let says = |saying| all.iter().find(|(_, r)| r.module == *name && r.saying == saying);
            let (refused, blacklisted) = (says(Saying::Refused), says(Saying::Blacklisted));
            let at = live.as_ref().and_then(|text| loaded(text).position(|m| m == name).map(|at| at + 1));
            let row = match (at, refused.or(blacklisted)) {
                (Some(line), _) => Row::at(LOADED, line, name.as_str()),
                (None, Some((file, rule))) => Row::at(file, rule.line, rule.text.as_str()),
                (None, None) if !whole => continue,
                (None, None) => Row::at(&format!("{}/*.conf", DIRECTORIES[0]), 0, format!("- {name}")),
            };
            let row = row.about(name.as_str()).with("module", name.as_str()).with("loaded", at.is_some());
            found.rows.push(row.with("refused", refused.is_some()).with("blacklisted", blacklisted.is_some()));
        }
        Ok(())
    }
}

/// What a line of modprobe's says of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saying {
    /// `install MODULE /bin/true` or `/bin/false`.
    Refused,
    /// `blacklist MODULE`.
    Blacklisted,
}

/// A line that keeps a module out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// Module, with `_`.
    module: String,
    /// What is said.
    saying: Saying,
    /// First line, from 1.
    line: usize,
    /// The line.
    text: String,
}

/// A module's name as the kernel writes it: modprobe takes `-` and `_` for the same.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// The lines of one file that keep modules out; `\` at the end continues a line.
fn rules(text: &str) -> Vec<Rule> {
    const NOTHING: [&str; 4] = ["/bin/true", "/bin/false", "/usr/bin/true", "/usr/bin/false"];
    let mut all = Vec::new();
    for (line, joined) in joined(text, |line| line, "") {
        let words: Vec<&str> = joined.split_whitespace().collect();
        let saying = match words.as_slice() {
            ["blacklist", _, ..] => Some(Saying::Blacklisted),
            ["install", _, program] if NOTHING.contains(program) => Some(Saying::Refused),
            _ => None,
        };
        if let (Some(saying), Some(module)) = (saying, words.get(1)) {
            all.push(Rule { module: plain(module), saying, line, text: words.join(" ") });
        }
    }
    all
}

/// The modules that `/proc/modules` lists.
fn loaded(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn install_refuses_and_blacklist_only_hides() {
        let text = "# install cramfs /bin/false\ninstall usb-storage \\\n /bin/false\nblacklist dccp\n\
                    install sctp /sbin/modprobe --ignore-install sctp\n";
        let all = rules(text);
        let short: Vec<_> = all.iter().map(|r| (r.module.as_str(), r.saying, r.line)).collect();
        assert_eq!(short, [("usb_storage", Saying::Refused, 2), ("dccp", Saying::Blacklisted, 4)]);
        assert_eq!(loaded("nf_tables 1 2 - Live 0x0\nudf 1\n").collect::<Vec<_>>(), ["nf_tables", "udf"]);
    }
}
