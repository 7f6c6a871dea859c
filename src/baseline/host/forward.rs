//! Where a host sends its log: rsyslog (`@host`, `@@host`, action omfwd or omrelp), syslog-ng (destinations that a log
//! path uses), journal-upload.

use std::sync::Arc;

use super::include::{self, Files};
use super::root::Unseen;
use super::tree::{self, Broken, Node, Style};
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// Where rsyslog begins.
const RSYSLOG: &str = "/etc/rsyslog.conf";
/// Where syslog-ng begins.
const SYSLOG_NG: &str = "/etc/syslog-ng/syslog-ng.conf";
/// Where journal-upload is told its server, journal-upload.conf(5).
const UPLOAD: &str = "/etc/systemd/journal-upload.conf";

#[derive(Debug)]
struct Forwards;

/// No settings.
pub(super) fn read(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Forwards))
}

impl Fact for Forwards {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("program", Type::Text), ("host", Type::Text), ("protocol", Type::Text), ("encrypted", Type::Bool)])
    }

    /// A row for each destination.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let mut files = Files::of(&host.root, found);
        let mut all = rsyslog(&mut files, RSYSLOG);
        all.extend(syslog_ng(&mut files, SYSLOG_NG).map_err(|b| b.unseen())?);
        all.extend(files.text(UPLOAD).iter().flat_map(|text| upload(text)));
        for target in all {
            let text = format!("{} {} {}", target.program, target.protocol, target.host);
            let mut row = Row::at(&target.file, target.from, text).about(target.host.as_str());
            row.proof.line_to = u32::try_from(target.to).unwrap_or(u32::MAX);
            let row = row.with("program", target.program).with("host", target.host);
            found.rows.push(row.with("protocol", target.protocol).with("encrypted", target.encrypted));
        }
        Ok(())
    }
}

/// The server of journal-upload.
fn upload(text: &str) -> Option<Target> {
    let (url, line) = text.lines().zip(1..).find_map(|(l, line)| Some((l.trim().strip_prefix("URL=")?, line)))?;
    let (protocol, host) = url.split_once("://").unwrap_or(("https", url));
    let (host, protocol) = (host.to_owned(), protocol.to_owned());
    let encrypted = protocol == "https";
    Some(Target {
        program: "journal-upload",
        host,
        protocol,
        encrypted,
        file: UPLOAD.to_owned(),
        from: line,
        to: line,
    })
}

/// How deep includes go.
const MAX_DEPTH: usize = 8;
/// The most destinations.
const MAX_TARGETS: usize = 1024;

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    /// The program that sends.
    program: &'static str,
    /// To whom.
    host: String,
    /// `udp`, `tcp`, `relp`, `https`.
    protocol: String,
    /// Whether what is sent is encrypted, as far as the same statement says.
    encrypted: bool,
    /// File.
    file: String,
    /// First line.
    from: usize,
    /// Last line.
    to: usize,
}

/// The destinations of rsyslog.
fn rsyslog(files: &mut Files<'_>, path: &str) -> Vec<Target> {
    let mut reader = Rsyslog { files, found: Vec::new() };
    reader.file(path, 0);
    reader.found
}

struct Rsyslog<'a, 'f> {
    files: &'a mut Files<'f>,
    found: Vec<Target>,
}

impl Rsyslog<'_, '_> {
    fn file(&mut self, path: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let Some(text) = self.files.text(path) else { return };
        // A statement, the line that it begins on, and how many parentheses in it are not closed.
        let (mut open, mut from, mut within) = (String::new(), 0, 0_isize);
        for (raw, line) in text.lines().zip(1..) {
            if self.files.spent() {
                return;
            }
            if self.found.len() == MAX_TARGETS {
                return self.files.full(path);
            }
            let body = raw.split_once('#').map_or(raw, |(b, _)| if quoted(b) { raw } else { b }).trim();
            if body.is_empty() {
                continue;
            }
            if open.is_empty() {
                from = line;
                if let Some(pattern) = body.strip_prefix("$IncludeConfig") {
                    self.include(pattern.trim(), depth);
                    continue;
                }
            }
            open.push_str(body);
            open.push(' ');
            // A statement in parentheses ends with the last of them, any other with its line.
            let count = |mark: char| isize::try_from(body.matches(mark).count()).unwrap_or(isize::MAX);
            within += count('(') - count(')');
            if within > 0 && open.len() < 64 * 1024 {
                continue;
            }
            within = 0;
            let statement = std::mem::take(&mut open);
            self.statement(&statement, path, from, line, depth);
        }
    }

    fn include(&mut self, pattern: &str, depth: usize) {
        for path in self.files.glob(&include::from("/etc", pattern)) {
            self.file(&path, depth + 1);
        }
    }

    fn statement(&mut self, statement: &str, path: &str, from: usize, to: usize, depth: usize) {
        let lower = statement.to_ascii_lowercase();
        let said = |name: &str| parameter(statement, &lower, name);
        let push = |found: &mut Vec<Target>, host: String, protocol: &str, encrypted: bool| {
            if !host.is_empty() {
                let (file, protocol) = (path.to_owned(), protocol.to_owned());
                found.push(Target { program: "rsyslog", host, protocol, encrypted, file, from, to });
            }
        };
        if lower.trim_start().starts_with("include") {
            if let Some(pattern) = said("file") {
                self.include(&pattern, depth);
            }
        } else if lower.contains("action") && lower.contains("omfwd") {
            let protocol = said("protocol").unwrap_or_else(|| "udp".to_owned()).to_ascii_lowercase();
            let driven = said("streamdriver").is_some() && said("streamdrivermode").as_deref() == Some("1");
            let encrypted = driven && said("tls").as_deref() != Some("off");
            push(&mut self.found, said("target").unwrap_or_default(), &protocol, encrypted);
        } else if lower.contains("action") && lower.contains("omrelp") {
            push(&mut self.found, said("target").unwrap_or_default(), "relp", said("tls").as_deref() == Some("on"));
        } else if let Some(action) = statement.split_whitespace().nth(1).filter(|_| !statement.starts_with('$')) {
            // `:omrelp:host:port`, `@host`, `@@(o)host:port`.
            if let Some(host) = action.strip_prefix(":omrelp:") {
                push(&mut self.found, host.to_owned(), "relp", false);
            } else if let Some(rest) = action.strip_prefix('@') {
                let (protocol, rest) = rest.strip_prefix('@').map_or(("udp", rest), |r| ("tcp", r));
                let host = rest.strip_prefix('(').and_then(|r| r.split_once(')')).map_or(rest, |(_, h)| h);
                let host = host.split(';').next().unwrap_or_default();
                push(&mut self.found, host.to_owned(), protocol, false);
            }
        }
    }
}

/// Whether a quote is open at the end of a text.
fn quoted(text: &str) -> bool {
    text.matches('"').count() % 2 == 1
}

/// The value of `name="value"`, whatever the case of the name.
fn parameter(statement: &str, lower: &str, name: &str) -> Option<String> {
    let mut start = 0;
    while let Some(at) = lower.get(start..)?.find(name) {
        let begin = start + at;
        start = begin + name.len();
        let alone = lower
            .get(..begin)?
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        let rest = statement.get(start..)?.trim_start();
        if alone && let Some(value) = rest.strip_prefix('=') {
            let value = value.trim_start().strip_prefix('"')?;
            return value.split('"').next().map(str::to_owned);
        }
    }
    None
}

/// The destinations of syslog-ng that a log path uses.
fn syslog_ng(files: &mut Files<'_>, path: &str) -> Result<Vec<Target>, Broken> {
    const NETWORK: [&str; 7] = ["network", "syslog", "tcp", "tcp6", "udp", "udp6", "syslog-ng"];
    let base = path.rsplit_once('/').map_or("", |(b, _)| b);
    let Some(tree) = tree::braces(files, path, base, Style::SYSLOG_NG)? else { return Ok(Vec::new()) };
    let logs = || tree.top.iter().filter(|n| n.name == "log").flat_map(|n| &n.children);
    let used = |name: &String| logs().any(|n| n.name == "destination" && n.args.contains(name));
    let mut found = Vec::new();
    for block in tree.top.iter().filter(|n| n.name == "destination" && n.args.first().is_some_and(used)) {
        for node in block.children.iter().filter(|n| NETWORK.contains(&n.name.as_str())) {
            let Some(host) = node.args.get(1).filter(|h| *h != ")") else { continue };
            let protocol = if node.name.starts_with("udp") { "udp".to_owned() } else { transport(node) };
            found.push(Target {
                program: "syslog-ng",
                host: host.clone(),
                encrypted: protocol == "tls" || node.args.iter().any(|a| a == "tls"),
                protocol,
                file: tree.files.get(node.file).cloned().unwrap_or_default(),
                from: node.line as usize,
                to: node.line as usize,
            });
        }
    }
    Ok(found)
}

/// What `transport(...)` says; TCP without it.
fn transport(node: &Node) -> String {
    let at = node.args.iter().position(|a| a == "transport");
    at.and_then(|i| node.args.get(i + 2)).cloned().unwrap_or_else(|| "tcp".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::host::include::made;

    #[test]
    fn rsyslog_says_it_in_three_ways() {
        let root = made::root(&[
            (
                "/etc/rsyslog.conf",
                "# *.* @@never:514\n$IncludeConfig /etc/rsyslog.d/*.conf\n*.*  @10.0.0.1\n*.* /var/log/x\nauth.* @@(o)log.example:6514;fmt # x\n$ActionFileDefaultTemplate x\n",
            ),
            (
                "/etc/rsyslog.d/1.conf",
                "action(type=\"omfwd\"\n  Target=\"10.1.1.1\" # one\n  port=\"514\" protocol=\"tcp\"\n  StreamDriver=\"gtls\" StreamDriverMode=\"1\")\ninclude(file=\"/etc/extra.conf\")\n",
            ),
            (
                "/etc/extra.conf",
                "*.* action(type=\"omrelp\" target=\"r\" tls=\"on\")\ninclude(file=\"/etc/rsyslog.conf\")\n",
            ),
        ]);
        let all = rsyslog(&mut Files::of(&root, &mut Found::default()), "/etc/rsyslog.conf");
        let short: Vec<_> =
            all.iter().map(|t| (t.host.as_str(), t.protocol.as_str(), t.encrypted, t.from, t.to)).collect();
        assert!(short.contains(&("10.1.1.1", "tcp", true, 1, 4)), "{short:?}");
        assert!(short.contains(&("r", "relp", true, 1, 1)));
        assert!(short.contains(&("10.0.0.1", "udp", false, 3, 3)));
        assert!(short.contains(&("log.example:6514", "tcp", false, 5, 5)));
        assert!(all.iter().all(|t| !t.host.contains("never")));
    }

    #[test]
    fn syslog_ng_counts_what_a_log_path_uses() {
        let text = "@version: 4.3\n@include \"scl.conf\"\nsource s_src { system(); internal(); };\n\
            destination d_net { network(\"10.0.0.9\" port(514) transport(\"tls\")); };\n\
            destination d_unused { udp(\"10.0.0.8\" port(514)); };\n\
            log { source(s_src); filter(f); destination(d_net); };\n";
        let all = syslog_ng(
            &mut Files::of(&made::root(&[("/etc/syslog-ng/syslog-ng.conf", text)]), &mut Found::default()),
            "/etc/syslog-ng/syslog-ng.conf",
        )
        .unwrap();
        assert_eq!(
            all.iter().map(|t| (t.host.as_str(), t.encrypted, t.from)).collect::<Vec<_>>(),
            [("10.0.0.9", true, 4)]
        );
    }
}
