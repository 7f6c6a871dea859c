//! A little world of files, for the tests that checks carry.

use std::collections::BTreeMap;
use std::io;

use super::{Kind, Meta, Pieces, Tree};

#[derive(Debug, Clone)]
enum Node {
    File(Vec<u8>),
    Link(String),
    Dir,
}

/// Files, links and directories by path.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    nodes: BTreeMap<String, Node>,
    /// Mode, owner, group.
    modes: BTreeMap<String, (u32, u32, u32)>,
    modified: BTreeMap<String, i64>,
}

impl Memory {
    /// Puts a file there; its directories come by themselves.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.put(path, Node::File(content.into()));
        self
    }

    /// Puts a link there.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.put(path, Node::Link(target.to_owned()));
        self
    }

    /// Puts an empty directory there.
    #[must_use]
    pub fn dir(mut self, path: &str) -> Self {
        self.put(path, Node::Dir);
        self
    }

    /// Gives a path a mode, an owner and a group; 0644 (directories 0755) of root otherwise.
    #[must_use]
    pub fn mode(mut self, path: &str, mode: u32, uid: u32, gid: u32) -> Self {
        self.modes.insert(path.to_owned(), (mode, uid, gid));
        self
    }

    /// Gives a path the second (since 1970) of its last change; 0 otherwise.
    #[must_use]
    pub fn modified(mut self, path: &str, second: i64) -> Self {
        self.modified.insert(path.to_owned(), second);
        self
    }

    /// Whether a file, link or directory is there.
    pub fn has(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
    }

    fn put(&mut self, path: &str, node: Node) {
        let mut above = path;
        while let Some(at) = above.rfind('/') {
            above = above.get(..at).unwrap_or("");
            let name = if above.is_empty() { "/" } else { above };
            self.nodes.entry(name.to_owned()).or_insert(Node::Dir);
        }
        self.nodes.insert(path.to_owned(), node);
    }

    fn node(&self, path: &str) -> io::Result<&Node> {
        self.nodes.get(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Tree for Memory {
    fn stat(&self, path: &str) -> io::Result<Meta> {
        let (kind, size, usual) = match self.node(path)? {
            Node::File(content) => (Kind::File, content.len(), 0o644),
            Node::Link(target) => (Kind::Link, target.len(), 0o777),
            Node::Dir => (Kind::Dir, 0, 0o755),
        };
        let (mode, uid, gid) = self.modes.get(path).copied().unwrap_or((usual, 0, 0));
        let modified = self.modified.get(path).copied().unwrap_or(0);
        Ok(Meta { kind, mode, uid, gid, size: size as u64, modified })
    }

    fn link(&self, path: &str) -> io::Result<String> {
        match self.node(path)? {
            Node::Link(target) => Ok(target.clone()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn read(&self, path: &str, max: usize) -> io::Result<Vec<u8>> {
        match self.node(path)? {
            Node::File(content) if content.len() > max => Err(io::ErrorKind::FileTooLarge.into()),
            Node::File(content) => Ok(content.clone()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Pieces>> {
        Ok(Box::new(io::Cursor::new(self.read(path, usize::MAX)?)))
    }

    fn list(&self, path: &str, _: usize) -> io::Result<Vec<String>> {
        let Node::Dir = self.node(path)? else { return Err(io::ErrorKind::InvalidInput.into()) };
        let head = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let names = self.nodes.keys().filter_map(|p| p.strip_prefix(&head));
        Ok(names.filter(|n| !n.is_empty() && !n.contains('/')).map(str::to_owned).collect())
    }
}
