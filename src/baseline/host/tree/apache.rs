//! Apache httpd: a directive a line, `\` continues it, `<Section args>` to `</Section>` nests, `Include` brings in other
//! files. What `<IfModule>`, `<IfDefine>` and `<IfVersion>` hold is kept, for whether they apply is not known here.

use super::{Broken, Growing, Node, Tree};
use crate::baseline::host::include::{self, Files};
use crate::baseline::host::lines::joined;

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
        let file = self.growing.file(path)?;
        let outside = self.growing.open.len();
        for (line, text) in joined(&text, |line| line, "") {
            let first = u32::try_from(line).unwrap_or(u32::MAX);
            let body = text.trim();
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
            let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
            return Err(self.growing.broken(file, last, "a section is not closed"));
        }
        Ok(true)
    }

    fn include(&mut self, node: &Node, depth: usize) -> Result<(), Broken> {
        let Some(pattern) = self.growing.included(node, depth)? else { return Ok(()) };
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
