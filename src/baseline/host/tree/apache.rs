//! Apache httpd: a directive a line, `\` continues it, `<Section args>` to `</Section>` nests, `Include` brings in other
//! files. What `<IfModule>`, `<IfDefine>` and `<IfVersion>` hold is kept, for whether they apply is not known here.

use super::{Broken, Growing, MAX_INCLUDES, Node, Tree};
use crate::baseline::host::include::{self, Files};

/// Reads a file and what it includes; relative includes are from `base`, the ServerRoot. `None` if it is not there.
pub(in crate::baseline::host) fn apache(
    files: &mut Files<'_>,
    path: &str,
    base: &str,
) -> Result<Option<Tree>, Broken> {
    let mut reader = Reader { files, base, growing: Growing::default() };
    if !reader.file(path, 0)? {
        return Ok(None);
    }
    Ok(Some(reader.growing.tree))
}

struct Reader<'a, 'f> {
    files: &'a mut Files<'f>,
    base: &'a str,
    growing: Growing,
}

impl Reader<'_, '_> {
    fn file(&mut self, path: &str, depth: usize) -> Result<bool, Broken> {
        let Some(text) = self.files.text(path) else { return Ok(false) };
        let Some(file) = self.growing.file(path) else {
            let last = self.growing.tree.files.len() - 1;
            return Err(self.growing.broken(last, 1, "more files than any configuration that is real"));
        };
        let outside = self.growing.open.len();
        let (mut joined, mut first, mut last) = (String::new(), 1, 1);
        for (raw, line) in text.lines().zip(1..) {
            last = line;
            if joined.is_empty() {
                first = line;
            }
            if let Some(part) = raw.strip_suffix('\\') {
                joined.push_str(part);
                continue;
            }
            joined.push_str(raw);
            let whole = std::mem::take(&mut joined);
            let body = whole.trim();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            if let Some(name) = body.strip_prefix("</") {
                let name = name.trim_end_matches('>').trim();
                let fits = self.growing.open.last().is_some_and(|b| b.name.eq_ignore_ascii_case(name));
                if !fits || self.growing.open.len() <= outside {
                    return Err(self.growing.broken(file, first, "a section is closed that is not open"));
                }
                self.growing.end();
            } else if let Some(section) = body.strip_prefix('<') {
                self.growing.begin(node(section.strip_suffix('>').unwrap_or(section), file, first))?;
            } else {
                let node = node(body, file, first);
                match node.name.to_ascii_lowercase().as_str() {
                    "include" | "includeoptional" => self.include(&node, depth)?,
                    _ => self.growing.leaf(node)?,
                }
            }
        }
        if self.growing.open.len() > outside {
            return Err(self.growing.broken(file, last, "a section is not closed"));
        }
        Ok(true)
    }

    fn include(&mut self, node: &Node, depth: usize) -> Result<(), Broken> {
        if depth >= MAX_INCLUDES {
            return Err(self.growing.broken(node.file, node.line, "includes nest too deep, or go round in a circle"));
        }
        let Some(pattern) = node.args.first() else { return Ok(()) };
        let path = include::from(self.base, pattern);
        // A directory stands for all the files in it.
        let pattern = if self.files.names(&path).is_some() { format!("{path}/*") } else { path };
        for path in self.files.glob(&pattern) {
            self.file(&path, depth + 1)?;
        }
        Ok(())
    }
}

fn node(body: &str, file: usize, line: u32) -> Node {
    let (mut words, mut word, mut quote, mut quoted) = (Vec::new(), String::new(), None, false);
    for c in body.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if (c == '"' || c == '\'') && word.is_empty() => (quote, quoted) = (Some(c), true),
            None if c.is_whitespace() => {
                if !word.is_empty() || quoted {
                    words.push(std::mem::take(&mut word));
                }
                quoted = false;
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() || quoted {
        words.push(word);
    }
    let name = if words.is_empty() { String::new() } else { words.remove(0) };
    Node { name, args: words, children: Vec::new(), file, line }
}
