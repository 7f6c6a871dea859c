//! What the files that a shell reads when it starts set: assignments of a variable, and a command with one argument, such as
//! `umask`. Conditions are not followed: each place counts, since some user meets it.

use std::sync::Arc;

use super::kv::unquoted;
use super::{Fact, Found, Host, Row, Unseen, columns, files, lines, paths};
use crate::baseline::mask::mask_line;
use crate::config::expr::Type;
use crate::config::reader::Table;

/// Words that may stand before a command or an assignment, bash(1).
const BEFORE: &[&str] = &[
    "export", "readonly", "declare", "typeset", "local", "set", "then", "else", "do", "if", "elif", "while", "{", "!",
];

#[derive(Debug)]
struct Shell {
    files: Vec<String>,
    name: String,
    /// Whether `name` is a command, not a variable.
    command: bool,
}

/// `file` (paths or patterns), and `name` (a variable) or `command`.
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let files = paths(table, "file");
    let command = table.opt_text("command").map(str::to_owned);
    let is_command = command.is_some();
    let name = if is_command { command } else { table.text("name", "\"TMOUT\"").map(str::to_owned) };
    Some(Arc::new(Shell { files: files?, name: name?, command: is_command }))
}

impl Fact for Shell {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("value", Type::Text), ("number", Type::Number), ("file", Type::Text)])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        for (path, text) in files(host, &self.files, found) {
            for (number, line) in lines(&text, "#") {
                for value in line.split([';', '&', '|']).filter_map(|part| self.value(part)) {
                    let row = Row::at(&path, number, mask_line(line)).valued(unquoted(value));
                    found.rows.push(row.with("file", path.as_str()));
                }
            }
        }
        Ok(())
    }
}

impl Shell {
    /// What one command of a line gives.
    fn value<'t>(&self, part: &'t str) -> Option<&'t str> {
        let words = part.split_whitespace().take_while(|word| !word.starts_with('#'));
        let mut words = words.skip_while(|word| BEFORE.contains(word) || word.starts_with('-'));
        if self.command {
            return (words.next()? == self.name).then(|| words.next()).flatten();
        }
        // Assignments stand one after the other; the first word that is none is a command.
        words.map_while(|word| word.split_once('=')).find(|(name, _)| *name == self.name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_and_commands_are_found_where_they_stand() {
        let of = |name: &str, command: bool, part: &'static str| {
            Shell { files: Vec::new(), name: name.to_owned(), command }.value(part)
        };
        assert_eq!(of("TMOUT", false, "readonly TMOUT=600"), Some("600"));
        assert_eq!(of("TMOUT", false, "typeset -xr A=1 TMOUT=\"600\""), Some("\"600\""));
        assert_eq!(of("TMOUT", false, "echo TMOUT=600"), None);
        assert_eq!(of("TMOUT", false, "export TMOUT"), None);
        assert_eq!(of("umask", true, " then umask 027 # x"), Some("027"));
        assert_eq!(of("umask", true, "umask"), None);
        assert_eq!(of("umask", true, "echo umask 0"), None);
    }
}
