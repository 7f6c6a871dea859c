//! Files themselves: whether they are there, what they are, whose, who may do what with them; and lines in them that
//! look so.

use std::sync::Arc;

use super::root::Meta;
use super::{Fact, Found, Host, Row, Unseen, accounts, columns, files, lines, paths};
use crate::baseline::mask::mask_line;
use crate::baseline::pattern::{self, Pattern, Value};
use crate::config::expr::Type;
use crate::config::reader::Table;

#[derive(Debug)]
struct Files {
    paths: Vec<String>,
    /// The bits that it may have at most.
    most: Option<u32>,
}

#[derive(Debug)]
struct Lines {
    paths: Vec<String>,
    patterns: Vec<Pattern>,
    comments: String,
}

/// `path` (paths or patterns), `most` (the widest mode allowed, octal); or with `line` (a token pattern or a list of them) the lines
/// that look so, `comments` being the marks at the beginning of a line that say nothing (`#`).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let paths = paths(table, "path");
    if table.has("line") {
        let patterns = crate::baseline::policy::patterns(table, "line");
        let comments = table.opt_text("comments").unwrap_or("#").to_owned();
        return Some(Arc::new(Lines { paths: paths?, patterns, comments }));
    }
    let most = if table.has("most") { Some(mode(table, "most")?) } else { None };
    Some(Arc::new(Files { paths: paths?, most }))
}

/// A mode, octal.
pub(super) fn mode(table: &Table<'_>, key: &'static str) -> Option<u32> {
    let item = table.item(key)?;
    let text = item.text()?;
    let read = u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o7777);
    if read.is_none() {
        item.fault(format!("`{text}` is no mode"), "write \"0640\"");
    }
    read
}

impl Fact for Files {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("path", Type::Text),
            ("exists", Type::Bool),
            ("kind", Type::Text),
            ("mode", Type::Text),
            ("wider", Type::Bool),
            ("owner", Type::Text),
            ("group", Type::Text),
            ("size", Type::Number),
        ])
    }

    /// A row for each path that is written out, there or not, and for each that a pattern finds.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.extend(self.paths.iter().cloned());
        for pattern in &self.paths {
            for path in host.root.glob(pattern)? {
                match host.root.meta(&path) {
                    Ok(meta) => found.rows.push(self.row(host, &path, meta)),
                    Err(why) => found.unseen.push(why),
                }
            }
        }
        Ok(())
    }
}

impl Files {
    fn row(&self, host: &Host, path: &str, meta: Option<Meta>) -> Row {
        let Some(meta) = meta else {
            return Row::at(path, 0, "-").with("path", path).with("exists", false);
        };
        let names = accounts::names(host);
        let (owner, group) = (names.user(meta.uid), names.group(meta.gid));
        let mode = format!("{:04o}", meta.mode);
        let row = Row::at(path, 0, format!("{} {mode} {owner}:{group}", meta.kind.as_str())).with("exists", true);
        let row = row.with("path", path).with("kind", meta.kind.as_str()).with("mode", mode);
        let row = row.with("owner", owner).with("group", group).with("size", meta.size as f64);
        match self.most {
            Some(most) => row.with("wider", meta.mode & !most != 0),
            None => row,
        }
    }
}

impl Fact for Lines {
    fn columns(&self) -> Vec<(String, Type)> {
        let kind = |kind: &pattern::Kind| if *kind == pattern::Kind::Int { Type::Number } else { Type::Text };
        let captured = self.patterns.iter().flat_map(Pattern::names).map(|(name, k)| (name.clone(), kind(k)));
        captured.chain(columns(&[("path", Type::Text)])).collect()
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        for (path, text) in files(host, &self.paths, found) {
            for (number, line) in lines(&text, &self.comments) {
                let Some(bound) = self.patterns.iter().find_map(|p| p.fit(line)) else { continue };
                let mut row = Row::at(&path, number, mask_line(line)).with("path", path.as_str());
                for (name, value) in bound {
                    row = match value {
                        Value::Number(n) => row.with(name, n),
                        Value::Text(t) | Value::Secret(t) => row.with(name, t),
                    };
                }
                found.rows.push(row);
            }
        }
        Ok(())
    }
}
