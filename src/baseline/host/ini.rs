//! Files of `[section]` and `key = value`, as systemd and many others have them: the last of several counts, files in
//! the order given.

use std::sync::Arc;

use super::kv::unquoted;
use super::{Fact, Found, Host, Row, Unseen, columns, files, last_counts, lines, paths};
use crate::baseline::mask::mask_line;
use crate::config::expr::Type;
use crate::config::reader::Table;

#[derive(Debug)]
struct Ini {
    files: Vec<String>,
    section: String,
    key: String,
    /// Every section of that name and every value, not only the last one.
    all: bool,
}

/// `file` (paths or patterns, read in this order), `section` (a pattern with `*`; empty for what stands before the first), `key`,
/// `wins` (`last` unless given, or `all`).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let (files, key) = (paths(table, "file"), table.text("key", "\"Storage\""));
    let section = table.text("section", "\"Journal\"");
    let all = table.word("wins", &["last", "all"], |t| ["last", "all"].iter().position(|w| *w == t)) == Some(1);
    Some(Arc::new(Ini { files: files?, section: section?.to_owned(), key: key?.to_owned(), all }))
}

impl Fact for Ini {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("value", Type::Text), ("number", Type::Number), ("section", Type::Text), ("file", Type::Text)])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let mut rows: Vec<Row> = Vec::new();
        for (path, text) in files(host, &self.files, found) {
            let mut section = "";
            for (number, line) in lines(&text, "#;") {
                if let Some(name) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
                    section = name.trim();
                    continue;
                }
                let Some((key, value)) = line.split_once('=') else { continue };
                if key.trim() != self.key || !super::root::fits(&self.section, section) {
                    continue;
                }
                let row = Row::at(&path, number, mask_line(line)).valued(unquoted(value.trim())).about(section);
                rows.push(row.with("section", section).with("file", path.as_str()));
            }
        }
        if self.all {
            found.rows.extend(rows);
        } else {
            found.rows.extend(last_counts(rows));
        }
        Ok(())
    }
}
