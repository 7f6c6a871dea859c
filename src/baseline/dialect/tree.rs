//! The tree: nodes in the order of their lines, each knowing where its block ends.

use std::collections::HashMap;

use crate::baseline::pattern::head;

/// No parent.
const NONE: u32 = u32::MAX;

/// One command.
#[derive(Debug, Clone)]
pub struct Node {
    /// Line of the file, from 1.
    pub line: u32,
    /// Last line of what belongs to the command itself: a banner's, a key's; `line` for others.
    pub last: u32,
    /// Whether the command was turned into its opposite (`undo`, `no`).
    pub negated: bool,
    /// What stands for the first word, see `pattern::head`: most commands are told apart by it alone.
    pub head: u64,
    parent: u32,
    end: u32,
    from: usize,
    to: usize,
}

/// The commands of one device.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    text: String,
    nodes: Vec<Node>,
    tops: Vec<u32>,
    /// Top commands by their first word.
    index: HashMap<String, Vec<u32>>,
}

impl Tree {
    /// Adds a command below `parent`; its line is `line`.
    pub(super) fn push(&mut self, parent: Option<usize>, body: &str, negated: bool, line: u32) -> usize {
        let at = self.nodes.len();
        let from = self.text.len();
        self.text.push_str(body);
        let parent = parent.map_or(NONE, |p| p as u32);
        let end = at as u32 + 1;
        let word = body.split_ascii_whitespace().next().unwrap_or("");
        self.nodes.push(Node { line, last: line, negated, head: head(word), parent, end, from, to: self.text.len() });
        if parent == NONE {
            self.tops.push(at as u32);
            self.index.entry(word.to_ascii_lowercase()).or_default().push(at as u32);
        }
        at
    }

    /// Says where a command's block ends: before the node `end`.
    pub(super) fn close(&mut self, at: usize, end: usize) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.end = end as u32;
        }
    }

    /// Says that a command reaches to a later line.
    pub(super) fn stretch(&mut self, at: usize, last: u32) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.last = last;
        }
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A command.
    pub fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// The words of a command, without `undo` or `no`.
    pub fn body(&self, at: usize) -> &str {
        let node = &self.nodes[at];
        &self.text[node.from..node.to]
    }

    /// The command that a command stands under.
    pub fn parent(&self, at: usize) -> Option<usize> {
        let parent = self.nodes[at].parent;
        (parent != NONE).then_some(parent as usize)
    }

    /// The top commands.
    pub fn tops(&self) -> impl Iterator<Item = usize> + '_ {
        self.tops.iter().map(|at| *at as usize)
    }

    /// The top commands that begin with a word, in lower case.
    pub fn tops_with(&self, word: &str) -> impl Iterator<Item = usize> + '_ {
        self.index.get(word).map_or(&[][..], Vec::as_slice).iter().map(|at| *at as usize)
    }

    /// First words of the top commands, in lower case, with how many begin with each.
    pub(super) fn first_words(&self) -> impl Iterator<Item = (&str, usize)> + '_ {
        self.index.iter().map(|(word, all)| (word.as_str(), all.len()))
    }

    /// The commands right below a command.
    pub fn children(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes[at].end as usize;
        let mut next = at + 1;
        std::iter::from_fn(move || {
            let here = (next < end).then_some(next)?;
            next = self.nodes[here].end as usize;
            Some(here)
        })
    }
}
