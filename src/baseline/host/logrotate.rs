//! How long logs are kept: logrotate.conf(5). A block's own settings override the global ones, later ones override
//! earlier, scripts are skipped. How many days a log is kept is the count of rotations times their period.

use std::sync::Arc;

use super::include::{self, Files};
use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// Where logrotate begins.
const CONF: &str = "/etc/logrotate.conf";

#[derive(Debug)]
struct Logs {
    logs: Vec<String>,
}

/// `log` (a log file or a list of them).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Logs { logs: include::texts(table, "log", "[\"/var/log/syslog\", \"/var/log/messages\"]")? }))
}

impl Fact for Logs {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("log", Type::Text), ("days", Type::Number), ("rotate", Type::Number)])
    }

    /// A row for each log that is rotated; `days` is missing where sizes decide, and -1 where nothing is removed.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let all = blocks(&mut Files::of(&host.root, found), CONF);
        for log in &self.logs {
            let named = |b: &&Block| b.logs.iter().any(|p| p == log || super::root::fits(p, log));
            for block in all.iter().filter(named) {
                let text = format!("{log}: rotate {}", block.keep.rotate);
                let mut row = Row::at(&block.file, block.from, text).about(log.as_str()).with("log", log.as_str());
                row.proof.line_to = u32::try_from(block.to).unwrap_or(u32::MAX);
                row = row.with("rotate", block.keep.rotate);
                if let Some(days) = block.keep.days() {
                    row = row.with("days", if days.is_finite() { days } else { -1.0 });
                }
                found.rows.push(row);
            }
        }
        Ok(())
    }
}

/// How deep includes go.
const MAX_DEPTH: usize = 4;
/// The most blocks.
const MAX_BLOCKS: usize = 4096;
/// Endings of files that an included directory's files may not have.
const TABOO: [&str; 16] = [
    ",v",
    ".cfsaved",
    ".disabled",
    ".dpkg-bak",
    ".dpkg-del",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".rpmnew",
    ".rpmorig",
    ".rpmsave",
    ".swp",
    ".ucf-dist",
    ".ucf-new",
    ".ucf-old",
    "~",
];

/// How often logs are rotated.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Period {
    /// So many days.
    Days(f64),
    /// When they have grown to a size, however long that takes.
    Size,
}

/// What holds for logs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Keep {
    /// Rotated logs that are kept; -1 for all.
    rotate: i64,
    /// How often; `None` where nothing says it.
    period: Option<Period>,
    /// Days after which rotated logs are removed in any case.
    maxage: Option<i64>,
}

impl Keep {
    /// Days that a line is kept at least: infinite where all are kept, `None` where only sizes decide.
    fn days(&self) -> Option<f64> {
        let kept = match (self.rotate, self.period) {
            (-1, _) => f64::INFINITY,
            (_, Some(Period::Size)) => return None,
            (count, Some(Period::Days(days))) => count as f64 * days,
            (_, None) => return None,
        };
        Some(self.maxage.map_or(kept, |age| kept.min(age as f64)))
    }
}

/// Logs and what holds for them.
#[derive(Debug, Clone, PartialEq)]
struct Block {
    /// Paths and patterns.
    logs: Vec<String>,
    /// What holds.
    keep: Keep,
    /// File that it stands in.
    file: String,
    /// First line.
    from: usize,
    /// Last line.
    to: usize,
}

/// All blocks that a configuration comes to.
fn blocks(files: &mut Files<'_>, path: &str) -> Vec<Block> {
    let mut reader = Reader { files, global: Keep { rotate: 0, period: None, maxage: None }, blocks: Vec::new() };
    reader.file(path, 0);
    reader.blocks
}

struct Reader<'a, 'f> {
    files: &'a mut Files<'f>,
    global: Keep,
    blocks: Vec<Block>,
}

impl Reader<'_, '_> {
    fn file(&mut self, path: &str, depth: usize) {
        let Some(text) = self.files.text(path) else { return };
        let mut open: Option<(Block, Keep)> = None;
        let mut heads: Vec<String> = Vec::new();
        let (mut script, mut first) = (false, 0);
        for (raw, line) in text.lines().zip(1..) {
            if self.files.spent() {
                return;
            }
            let mut rest = raw.trim();
            if script {
                script = rest != "endscript";
                continue;
            }
            if rest.is_empty() || rest.starts_with('#') {
                continue;
            }
            if open.is_none() && (rest.starts_with(['/', '"', '\'', '~', '{']) || !heads.is_empty()) {
                if heads.is_empty() {
                    first = line;
                }
                let (head, body) = rest.split_once('{').map_or((rest, None), |(h, b)| (h, Some(b)));
                heads.extend(words(head));
                let Some(body) = body else { continue };
                let block = Block {
                    logs: std::mem::take(&mut heads),
                    keep: self.global,
                    file: path.to_owned(),
                    from: first,
                    to: line,
                };
                open = Some((block, self.global));
                rest = body.trim();
            }
            if let Some((mut block, mut keep)) = open.take() {
                let (body, closed) = rest.split_once('}').map_or((rest, false), |(b, _)| (b, true));
                script = set(&mut keep, body.trim());
                block.to = line;
                if closed {
                    block.keep = keep;
                    if self.blocks.len() == MAX_BLOCKS {
                        return self.files.full(path);
                    }
                    self.blocks.push(block);
                } else {
                    open = Some((block, keep));
                }
                continue;
            }
            match rest.split_once(|c: char| c.is_whitespace() || c == '=') {
                Some(("include", what)) if depth < MAX_DEPTH => self.include(what.trim(), depth + 1),
                _ => {
                    let mut global = self.global;
                    script = set(&mut global, rest);
                    self.global = global;
                }
            }
        }
    }

    fn include(&mut self, path: &str, depth: usize) {
        let Some(names) = self.files.names(path) else { return self.file(path, depth) };
        for name in names {
            if !TABOO.iter().any(|end| name.ends_with(end)) && !name.starts_with('.') {
                self.file(&format!("{}/{name}", path.trim_end_matches('/')), depth);
            }
        }
    }
}

/// Takes a directive up; says whether a script begins.
fn set(keep: &mut Keep, body: &str) -> bool {
    let mut parts = body.split(|c: char| c.is_whitespace() || c == '=').filter(|p| !p.is_empty());
    let (word, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match word {
        "rotate" => keep.rotate = value.parse().unwrap_or(keep.rotate),
        "maxage" => keep.maxage = value.parse().ok(),
        "hourly" => keep.period = Some(Period::Days(1.0 / 24.0)),
        "daily" => keep.period = Some(Period::Days(1.0)),
        "weekly" => keep.period = Some(Period::Days(7.0)),
        "monthly" => keep.period = Some(Period::Days(30.0)),
        "yearly" | "annually" => keep.period = Some(Period::Days(365.0)),
        "size" | "maxsize" => keep.period = Some(Period::Size),
        "prerotate" | "postrotate" | "firstaction" | "lastaction" | "preremove" => return true,
        _ => {}
    }
    false
}

/// Paths, quoted where they hold blanks.
fn words(text: &str) -> Vec<String> {
    let (mut all, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => all.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty())),
            _ => word.push(c),
        }
    }
    all.extend(Some(word).filter(|w| !w.is_empty()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::host::include::made;

    #[test]
    fn blocks_override_what_is_global_and_scripts_are_skipped() {
        let root = made::root(&[
            ("/etc/logrotate.conf", "weekly\nrotate 4\ninclude /etc/logrotate.d\nrotate = 9\n/var/log/late {\n}\n"),
            (
                "/etc/logrotate.d/a",
                "/var/log/syslog\n/var/log/auth.log\n{\n rotate 26\n postrotate\n rotate 1\n endscript\n}\n",
            ),
            ("/etc/logrotate.d/b", "\"/var/log/b c\" /var/log/d { monthly\nmaxage 100 }\n/var/log/e {size 1M}"),
            ("/etc/logrotate.d/c.rpmsave", "/var/log/never { }\n"),
        ]);
        let all = blocks(&mut Files::of(&root, &mut Found::default()), "/etc/logrotate.conf");
        let short: Vec<_> = all.iter().map(|b| (b.logs.join(" "), b.keep.days(), b.from, b.to)).collect();
        assert_eq!(
            short,
            [
                ("/var/log/syslog /var/log/auth.log".to_owned(), Some(182.0), 1, 8),
                ("/var/log/b c /var/log/d".to_owned(), Some(100.0), 1, 2),
                ("/var/log/e".to_owned(), None, 3, 3),
                ("/var/log/late".to_owned(), Some(63.0), 5, 6),
            ]
        );
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let root = made::root(&[("/a", "include /a\ninclude /a\n/x {\n}\n")]);
        assert_eq!(blocks(&mut Files::of(&root, &mut Found::default()), "/a").len(), 31);
    }
}
