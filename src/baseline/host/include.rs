//! A configuration with what it includes: files are read below the root only, and what could not be seen is noted where
//! the question's other findings stand.

use std::rc::Rc;

use super::Found;
use super::root::{Root, Unseen};
use crate::config::reader::Table;

/// What a question may read, in bytes, the same file as often as it is included: circles of includes that multiply end here.
const MAX_READ: usize = 20 << 20;
/// What a file counts for at least, which bounds their number to some thousands.
const LEAST: usize = 4 << 10;

/// The files that a question reads.
#[derive(Debug)]
pub(super) struct Files<'a> {
    root: &'a Root,
    found: &'a mut Found,
    /// What it may still read.
    left: usize,
}

impl<'a> Files<'a> {
    /// Those of a host, for a question that finds so much.
    pub(super) fn of(root: &'a Root, found: &'a mut Found) -> Self {
        Self { root, found, left: MAX_READ }
    }

    /// Whether nothing more may be read, which has been noted.
    pub(super) const fn spent(&self) -> bool {
        self.left == 0
    }

    /// Notes that a bound of a reader's own was reached: what it knows is not all.
    pub(super) fn full(&mut self, path: &str) {
        self.left = 0;
        let why = Unseen::TooLarge(path.to_owned());
        if !self.found.unseen.contains(&why) {
            self.found.unseen.push(why);
        }
    }

    /// A file's text; nothing if it is not there, or cannot be seen.
    pub(super) fn text(&mut self, path: &str) -> Option<Rc<str>> {
        if self.spent() {
            return None;
        }
        if self.found.looked.iter().all(|l| l != path) {
            self.found.looked.push(path.to_owned());
        }
        let seen = self.root.text(path);
        let text = self.seen(seen)?;
        let cost = text.len().max(LEAST);
        if cost > self.left {
            self.full(path);
            return None;
        }
        self.left -= cost;
        Some(text)
    }

    /// The names in a directory, sorted; nothing if it is none.
    pub(super) fn names(&mut self, path: &str) -> Option<Vec<String>> {
        if self.spent() {
            return None;
        }
        match self.root.list(path) {
            Err(Unseen::Shape(_)) => None,
            other => self.seen(other),
        }
    }

    /// The paths that a pattern names.
    pub(super) fn glob(&mut self, pattern: &str) -> Vec<String> {
        if self.spent() {
            return Vec::new();
        }
        let paths = self.root.glob(pattern).map(Some);
        self.seen(paths).unwrap_or_default()
    }

    /// Where a link leads; nothing if it is none.
    pub(super) fn link(&mut self, path: &str) -> Option<String> {
        self.root.target(path).ok().flatten()
    }

    fn seen<T>(&mut self, seen: Result<Option<T>, Unseen>) -> Option<T> {
        seen.unwrap_or_else(|why| {
            self.found.unseen.push(why);
            None
        })
    }
}

/// A path as a configuration names it, from a directory of its own.
pub(super) fn from(base: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", base.trim_end_matches('/')) }
}

/// A setting that is a text or a list of them.
pub(super) fn texts(table: &Table<'_>, key: &'static str, example: &str) -> Option<Vec<String>> {
    let Some(item) = table.item(key) else {
        table.missing(key, example);
        return None;
    };
    let items = if item.is_text() { vec![item] } else { table.texts(key) };
    items.iter().map(|item| item.text().map(str::to_owned)).collect()
}

#[cfg(test)]
pub(super) mod made {
    //! Hosts that a test makes.

    use crate::baseline::host::root::{Memory, Root};

    /// A root with these texts.
    pub(in crate::baseline::host) fn root(texts: &[(&str, &str)]) -> Root {
        Root::memory(texts.iter().fold(Memory::default(), |all, (path, text)| all.file(path, *text)))
    }
}
