//! From a device's lines to its tree. Indentation is measured, never assumed: what follows `#` or `!` begins anew.

use super::gaps::unknown;
use super::lines::{Section, shows_configuration};
use super::{Dialect, Gap, Snapshot, Tree, Version};
use crate::model::finding::{Changed, MAX_NAME, cut};

/// The deepest block; deeper lines hang below the last one. Real configurations have five levels.
const MAX_DEPTH: usize = 16;
/// The longest banner or key, in lines; one that does not end within it is a single line and a gap.
const MAX_OPAQUE: usize = 128;

/// First words of commands that open a block, for command scripts without indentation.
const OPENERS: &[&str] = &[
    "interface",
    "line",
    "user-interface",
    "router",
    "aaa",
    "acl",
    "vlan",
    "local-user",
    "domain",
    "ospf",
    "bgp",
    "wlan-config",
    "wlansec",
    "ac-controller",
    "radius-server",
    "hwtacacs-server",
];

/// Builds one.
pub(super) fn snapshot(file: &str, dialect: Dialect, section: &Section<'_>) -> Snapshot {
    let mut builder = Builder { dialect, flat: flat(section, dialect), ..Builder::new(dialect) };
    let mut at = 0;
    while let Some((number, line)) = section.lines.get(at) {
        let rest = section.lines.get(at + 1..).unwrap_or(&[]);
        match builder.line(*number, line, rest) {
            Some(swallowed) => at += 1 + swallowed,
            None => break,
        }
    }
    builder.finish(file, section)
}

/// A script of commands as they are typed: nothing indented, blocks left by `exit` or `quit`.
fn flat(section: &Section<'_>, dialect: Dialect) -> bool {
    let indented = section.lines.iter().any(|(_, l)| l.starts_with(' '));
    let leave = if dialect.hash() { "quit" } else { "exit" };
    !indented && section.lines.iter().any(|(_, l)| l == leave)
}

struct Builder {
    dialect: Dialect,
    flat: bool,
    /// Whether a script is within a block.
    inside: bool,
    tree: Tree,
    /// Open blocks: indentation and node.
    stack: Vec<(usize, usize)>,
    version: Option<Version>,
    changed: Option<Changed>,
    name: String,
    ended: bool,
    gaps: Vec<Gap>,
}

impl Builder {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            flat: false,
            inside: false,
            tree: Tree::default(),
            stack: Vec::new(),
            version: None,
            changed: None,
            name: String::new(),
            ended: false,
            gaps: Vec::new(),
        }
    }

    /// Takes one line; says how many after it belong to it, or nothing at the end of the configuration.
    fn line(&mut self, number: u32, line: &str, rest: &[(u32, std::borrow::Cow<'_, str>)]) -> Option<usize> {
        let body = line.trim_start();
        let mut indent = line.len() - body.len();
        if self.separator(body, indent) || self.noise(number, body) {
            return Some(0);
        }
        if indent == 0 && body == self.dialect.end() {
            self.ended = true;
            return None;
        }
        if self.flat {
            if matches!(body, "exit" | "quit") {
                self.inside = false;
                return Some(0);
            }
            let first = body.split_ascii_whitespace().next().unwrap_or("");
            let opens = OPENERS.contains(&first);
            indent = usize::from(self.inside && !opens);
            self.inside |= opens;
        }
        self.unwind(indent);
        let parent = self.stack.last().map(|(_, at)| *at);
        let negated = body.split_once(' ').is_some_and(|(first, _)| first == self.dialect.negation());
        let words = if negated { body.split_once(' ').map_or(body, |(_, w)| w.trim_start()) } else { body };
        let at = self.tree.push(parent, words, negated, number);
        if self.stack.len() < MAX_DEPTH {
            self.stack.push((indent, at));
        }
        if parent.is_none() && !negated {
            self.head(words);
        }
        Some(self.opaque(at, number, words, rest))
    }

    /// Whether it is a separator or a comment.
    fn separator(&mut self, body: &str, indent: usize) -> bool {
        let mark = if self.dialect.hash() { '#' } else { '!' };
        if let Some(rest) = body.strip_prefix("!Software Version ") {
            self.version = self.version.take().or_else(|| Version::parse(rest));
        }
        self.changed = self.changed.take().or_else(|| changed(body));
        if body.len() == 1 && body.starts_with(mark) {
            self.unwind(indent);
            self.inside = false;
            return true;
        }
        body.starts_with(['#', '!'])
    }

    /// Closes the blocks that a line of this indentation is not in.
    fn unwind(&mut self, indent: usize) {
        while let Some((open, at)) = self.stack.last().copied() {
            if open < indent {
                break;
            }
            self.tree.close(at, self.tree.len());
            self.stack.pop();
        }
    }

    /// Whether a line is what a console says in between.
    fn noise(&mut self, number: u32, body: &str) -> bool {
        if body.contains("-- More --") || body.contains("--More--") {
            self.gaps.push(Gap::Pager(number));
            return true;
        }
        let refused = ["% Unrecognized", "% Invalid", "% Incomplete", "% Ambiguous", "% Authorization", "Error:"];
        if refused.iter().any(|sign| body.starts_with(sign)) {
            self.gaps.push(Gap::Refused(number));
            return true;
        }
        if let Some(version) = body.strip_prefix("[V") {
            self.version = self.version.take().or_else(|| Version::parse(version));
            return true;
        }
        body == "^"
            || body.starts_with(['%', '*'])
            || is_log(body)
            || shows_configuration(body)
            || ["Building configuration", "Current configuration", "Using ", "Info:", "Warning:"]
                .iter()
                .any(|sign| body.starts_with(sign))
    }

    /// Takes name and version.
    fn head(&mut self, words: &str) {
        let mut split = words.splitn(2, ' ');
        match (split.next(), split.next()) {
            (Some("sysname" | "hostname"), Some(name)) if self.name.is_empty() => self.name = name.trim().to_owned(),
            (Some("version"), Some(version)) if self.version.is_none() => self.version = Version::parse(version),
            _ => {}
        }
    }

    /// How many of the lines that follow are the text of a banner, a key or a certificate.
    fn opaque(&mut self, at: usize, number: u32, words: &str, rest: &[(u32, std::borrow::Cow<'_, str>)]) -> usize {
        let Some(end) = End::of(words) else { return 0 };
        match rest.iter().take(MAX_OPAQUE).position(|(_, line)| end.found(line)) {
            Some(last) => {
                self.tree.stretch(at, rest.get(last).map_or(number, |(n, _)| *n));
                last + 1
            }
            None => {
                self.gaps.push(Gap::Unclosed(number));
                0
            }
        }
    }

    fn finish(mut self, file: &str, section: &Section<'_>) -> Snapshot {
        self.unwind(0);
        if !self.ended {
            self.gaps.insert(0, Gap::End(self.dialect));
        }
        let comware = matches!(self.dialect, Dialect::Comware | Dialect::Comware5);
        if self.version.is_none() && (comware || self.name.is_empty()) {
            self.gaps.push(Gap::Head);
        }
        self.gaps.extend(section.unprivileged.filter(|_| !self.dialect.hash()).map(Gap::Privilege));
        self.gaps.extend(unknown(&self.tree, self.dialect));
        let Self { dialect, tree, version, changed, name, gaps, .. } = self;
        Snapshot { file: file.to_owned(), name, dialect, version, changed, tree, gaps }
    }
}

/// Where a text that is not configuration ends.
enum End<'a> {
    /// With a line that holds this.
    Holds(&'a str),
    /// With this line.
    Is(&'static str),
    /// With a line that begins so.
    Begins(&'static str),
}

impl<'a> End<'a> {
    /// Of a command, if a text follows it.
    fn of(words: &'a str) -> Option<Self> {
        let first = words.split_ascii_whitespace().next()?;
        match first {
            "banner" | "header" => Self::of_banner(words),
            "public-key-code" if words.ends_with("begin") => Some(Self::Is("public-key-code end")),
            "certificate" => Some(Self::Is("quit")),
            "key-string" if words == "key-string" => Some(Self::Is("quit")),
            "-----BEGIN" => Some(Self::Begins("-----END")),
            _ => None,
        }
    }

    /// `banner login ^C`, `header motd %`, `header login information "`: the character that begins the text ends it.
    fn of_banner(words: &'a str) -> Option<Self> {
        let mut rest = words.split_once(' ')?.1.trim_start();
        for word in
            ["exec", "incoming", "login", "motd", "slip-ppp", "legal", "shell", "prompt-timeout", "information"]
        {
            rest = rest.strip_prefix(word).map_or(rest, str::trim_start);
        }
        let mark = if rest.starts_with("^C") { rest.get(..2)? } else { rest.get(..rest.chars().next()?.len_utf8())? };
        let text = rest.get(mark.len()..)?;
        let closed = text.contains(mark) || mark.chars().all(char::is_alphanumeric);
        (!closed).then_some(Self::Holds(mark))
    }

    fn found(&self, line: &str) -> bool {
        match self {
            Self::Holds(mark) => line.contains(mark),
            Self::Is(whole) => line.trim() == *whole,
            Self::Begins(start) => line.trim_start().starts_with(start),
        }
    }
}

/// What Cisco writes at the head: `! Last configuration change at 09:37:40 CEST Tue Aug 20 2024 by oxidized`.
fn changed(body: &str) -> Option<Changed> {
    let rest = body.strip_prefix("! Last configuration change at ")?;
    let (at, by) = rest.split_once(" by ").unwrap_or((rest, ""));
    Some(Changed { by: cut(by.trim(), MAX_NAME), at: cut(at.trim(), MAX_NAME) })
}

/// A line of the device's log: it begins with a date, which no command does.
fn is_log(body: &str) -> bool {
    const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = body.split_ascii_whitespace();
    let month = words.next().is_some_and(|w| MONTHS.contains(&w));
    month && words.next().is_some_and(|w| w.parse::<u8>().is_ok()) && body.contains('%')
}
