//! Files of `key value` or `key = value` lines, with the rule by which their program chooses among several.

use std::sync::Arc;

use super::{Fact, Found, Host, Row, Unseen, columns, files, last_counts, lines, paths};
use crate::baseline::mask::mask_line;
use crate::config::expr::Type;
use crate::config::reader::Table;

/// Which of several lines with the same key counts.
#[derive(Debug, Clone, Copy)]
enum Wins {
    First,
    Last,
    All,
}

#[derive(Debug)]
struct KeyValue {
    files: Vec<String>,
    key: String,
    /// What stands between; a blank if nothing.
    sep: Option<char>,
    wins: Wins,
    comments: String,
    any_case: bool,
}

/// `file` (paths or patterns, read in this order), `key`, `sep` (`space`, `=` or `:`), `wins` (`first`, `last` or `all`), `comments`
/// (marks at the beginning of a line, `#`), `case` (`any`: letters' case does not count in keys).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let sep = |t: &str| match t {
        "space" => Some(None),
        "=" => Some(Some('=')),
        ":" => Some(Some(':')),
        _ => None,
    };
    let wins = |t: &str| match t {
        "first" => Some(Wins::First),
        "last" => Some(Wins::Last),
        "all" => Some(Wins::All),
        _ => None,
    };
    let (files, key) = (paths(table, "file"), table.text("key", "\"PASS_MAX_DAYS\""));
    let (sep, wins) =
        (table.word("sep", &["space", "=", ":"], sep), table.word("wins", &["first", "last", "all"], wins));
    if !table.has("sep") || !table.has("wins") {
        table.missing(if table.has("sep") { "wins" } else { "sep" }, "\"space\", wins = \"last\"");
    }
    let comments = table.opt_text("comments").unwrap_or("#").to_owned();
    let any_case = table.word("case", &["any"], |t| (t == "any").then_some(())).is_some();
    Some(Arc::new(KeyValue { files: files?, key: key?.to_owned(), sep: sep?, wins: wins?, comments, any_case }))
}

impl Fact for KeyValue {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("value", Type::Text), ("number", Type::Number), ("file", Type::Text)])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let mut rows = Vec::new();
        for (path, text) in files(host, &self.files, found) {
            for (number, line) in lines(&text, &self.comments) {
                if let Some(value) = self.value(line) {
                    rows.push(Row::at(&path, number, mask_line(line)).valued(value).with("file", path.as_str()));
                }
            }
        }
        match self.wins {
            Wins::First => {
                rows.reverse();
                found.rows.extend(last_counts(rows));
            }
            Wins::Last => found.rows.extend(last_counts(rows)),
            Wins::All => found.rows.extend(rows),
        }
        Ok(())
    }
}

impl KeyValue {
    /// The value of a line with this key, without quotes around it.
    fn value<'t>(&self, line: &'t str) -> Option<&'t str> {
        let (key, value) = match self.sep {
            Some(sep) => line.split_once(sep).unwrap_or((line, "")),
            None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
        };
        let key = key.trim();
        let same = key == self.key || (self.any_case && key.eq_ignore_ascii_case(&self.key));
        same.then(|| unquoted(value.trim()))
    }
}

/// A value without the quotes around it.
pub(super) fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|v| v.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}
