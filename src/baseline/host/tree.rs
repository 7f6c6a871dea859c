//! Configurations that nest: blocks in braces (nginx, nft, syslog-ng), sections in angle brackets (Apache httpd) and XML
//! (Tomcat, zones of firewalld), all read into one tree. A directive that a block does not set is inherited from the
//! block around it, which is what `effective` answers for each block of a kind.

mod apache;
mod braces;
mod xml;

pub(super) use apache::apache;
pub(super) use braces::{Style, braces};
pub(super) use xml::xml;

use super::root::Unseen;

/// The deepest nesting.
const MAX_DEPTH: usize = 32;
/// The most directives of a configuration with all that it includes.
const MAX_NODES: usize = 200_000;
/// How deep includes go.
const MAX_INCLUDES: usize = 8;
/// The most files of a configuration.
const MAX_FILES: usize = 1024;

/// A directive, a block, an element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Node {
    /// Its name: first word, section, element.
    pub(super) name: String,
    /// What follows the name; attributes are `NAME=VALUE`.
    pub(super) args: Vec<String>,
    /// What stands within.
    pub(super) children: Vec<Node>,
    /// Which of the tree's files it stands in.
    pub(super) file: usize,
    /// Line, from 1.
    pub(super) line: u32,
}

impl Node {
    /// An attribute's value, whatever the case of its name.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.args.iter().find_map(|a| a.split_once('=').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    }
}

/// What makes a configuration unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub(super) struct Broken {
    /// File.
    pub(super) file: String,
    /// Line.
    pub(super) line: u32,
    /// What is wrong.
    pub(super) what: &'static str,
}

impl Broken {
    /// As something that could not be seen.
    pub(super) fn unseen(&self) -> Unseen {
        Unseen::Io(self.file.clone(), format!("line {}: {}", self.line, self.what))
    }
}

/// A whole configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    /// The files that it was read from.
    pub(super) files: Vec<String>,
    /// What stands at the top.
    pub(super) top: Vec<Node>,
}

/// What holds at one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found<'a> {
    /// The blocks that lead there, outermost first.
    pub(super) path: Vec<&'a Node>,
    /// The directives that decide; none where the default does.
    pub(super) decide: Vec<&'a Node>,
}

impl Tree {
    /// What decides a directive in each block of a kind: its own, else those of the nearest block around it. Blocks that
    /// only group (`transparent`) count as their surroundings. Without a kind, what stands at the top, or in transparent
    /// blocks there. Names compare without case.
    pub(super) fn effective<'a>(
        &'a self,
        within: Option<&str>,
        directive: &str,
        transparent: &[&str],
    ) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        let inherited = own(&self.top, directive, transparent);
        match within {
            None => found.push(Found { path: Vec::new(), decide: inherited }),
            Some(kind) => {
                let looked = Looked { kind, directive, transparent };
                looked.blocks(&self.top, &mut Vec::new(), &inherited, &mut found);
            }
        }
        found
    }

    /// All nodes of a name, wherever they stand, with the blocks that lead there.
    pub(super) fn named<'a>(&'a self, name: &str) -> Vec<Found<'a>> {
        fn walk<'a>(all: &'a [Node], name: &str, path: &mut Vec<&'a Node>, found: &mut Vec<Found<'a>>) {
            for node in all {
                if node.name.eq_ignore_ascii_case(name) {
                    found.push(Found { path: path.clone(), decide: vec![node] });
                }
                path.push(node);
                walk(&node.children, name, path, found);
                path.pop();
            }
        }
        let mut found = Vec::new();
        walk(&self.top, name, &mut Vec::new(), &mut found);
        found
    }
}

struct Looked<'b> {
    kind: &'b str,
    directive: &'b str,
    transparent: &'b [&'b str],
}

impl Looked<'_> {
    fn blocks<'a>(
        &self,
        all: &'a [Node],
        path: &mut Vec<&'a Node>,
        inherited: &[&'a Node],
        found: &mut Vec<Found<'a>>,
    ) {
        for node in all.iter().filter(|n| !n.children.is_empty() || n.name.eq_ignore_ascii_case(self.kind)) {
            let grouping = self.transparent.iter().any(|t| node.name.eq_ignore_ascii_case(t));
            let here = if grouping { Vec::new() } else { own(&node.children, self.directive, self.transparent) };
            let here = if here.is_empty() { inherited } else { &here };
            path.push(node);
            if node.name.eq_ignore_ascii_case(self.kind) {
                found.push(Found { path: path.clone(), decide: here.to_vec() });
            }
            self.blocks(&node.children, path, here, found);
            path.pop();
        }
    }
}

/// The directives of a block itself, with those in blocks that only group.
fn own<'a>(all: &'a [Node], directive: &str, transparent: &[&str]) -> Vec<&'a Node> {
    let mut found = Vec::new();
    for node in all {
        if node.name.eq_ignore_ascii_case(directive) {
            found.push(node);
        } else if transparent.iter().any(|t| node.name.eq_ignore_ascii_case(t)) {
            found.extend(own(&node.children, directive, transparent));
        }
    }
    found
}

/// A tree that grows: blocks that are open, and how much of everything was used.
#[derive(Default)]
struct Growing {
    tree: Tree,
    open: Vec<Node>,
    nodes: usize,
}

impl Growing {
    /// Begins a file.
    fn file(&mut self, path: &str) -> Result<usize, Broken> {
        let file = self.tree.files.len();
        if file >= MAX_FILES {
            return Err(self.broken(file - 1, 1, "more files than any configuration that is real"));
        }
        self.tree.files.push(path.to_owned());
        Ok(file)
    }

    /// What a directive includes, if it says; `depth`: how deep the file with it was included.
    fn included<'n>(&self, node: &'n Node, depth: usize) -> Result<Option<&'n str>, Broken> {
        if depth >= MAX_INCLUDES {
            return Err(self.broken(node.file, node.line, "includes nest too deep, or go round in a circle"));
        }
        Ok(node.args.first().map(String::as_str))
    }

    fn broken(&self, file: usize, line: u32, what: &'static str) -> Broken {
        Broken { file: self.tree.files.get(file).cloned().unwrap_or_default(), line, what }
    }

    fn count(&mut self, node: &Node) -> Result<(), Broken> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.broken(node.file, node.line, "more directives than any configuration that is real"));
        }
        Ok(())
    }

    fn leaf(&mut self, node: Node) -> Result<(), Broken> {
        self.count(&node)?;
        self.siblings().push(node);
        Ok(())
    }

    fn begin(&mut self, node: Node) -> Result<(), Broken> {
        self.count(&node)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(self.broken(node.file, node.line, "blocks nest deeper than any configuration that is real"));
        }
        self.open.push(node);
        Ok(())
    }

    /// Ends the innermost block; `None` if none is open.
    fn end(&mut self) -> Option<()> {
        let node = self.open.pop()?;
        self.siblings().push(node);
        Some(())
    }

    fn siblings(&mut self) -> &mut Vec<Node> {
        self.open.last_mut().map_or(&mut self.tree.top, |b| &mut b.children)
    }
}

#[cfg(test)]
mod tests;
