//! Linux hosts: what their files say, put to the policy's host part.
//!
//! `root` is the only door to files; each kind of fact reads through it and gives rows of named values, each with the
//! lines that prove it. `KINDS` lists them: a closed set, none of which runs a program. `judge` decides over the rows.
//! Contents of files leave as masked lines of those files that a check names, hashes of passwords never.

pub mod judge;
pub mod root;

mod accounts;
mod advisories;
mod age;
mod audit;
mod boot;
mod cert;
mod conf;
mod database;
mod dpkg;
mod file;
mod firewall;
mod forward;
mod include;
mod ini;
mod kv;
mod last_login;
mod lines;
mod listen;
mod logrotate;
mod module;
mod mount;
mod net;
mod os;
mod package;
mod pam;
mod process;
pub(super) mod read;
mod rpmdb;
mod shadow;
mod shell;
mod sshd;
mod sudoers;
mod sysctl;
mod tree;
mod unit;
mod updates;
mod user;
mod version;
mod walk;

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use root::{Root, Unseen};

use super::judge::{Evidence, Verdict};
use super::policy::Quantifier;
use crate::config::expr::{Expr, Type, Val};
use crate::config::reader::Table;

/// A kind of fact: its name is the key in a check, its table the settings.
pub(super) struct Kind {
    /// Name.
    pub(super) name: &'static str,
    /// Reads the settings; mistakes are reported, keys it did not ask for are reported by its caller.
    pub(super) read: fn(&Table<'_>) -> Option<Arc<dyn Fact>>,
}

/// All kinds, one row each.
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "file", read: file::read },
    Kind { name: "kv", read: kv::read },
    Kind { name: "ini", read: ini::read },
    Kind { name: "release", read: os::read },
    Kind { name: "sshd", read: sshd::read },
    Kind { name: "pam", read: pam::read },
    Kind { name: "user", read: user::users },
    Kind { name: "group", read: user::groups },
    Kind { name: "shadow", read: shadow::read },
    Kind { name: "last_login", read: last_login::read },
    Kind { name: "walk", read: walk::read },
    Kind { name: "shell", read: shell::read },
    Kind { name: "sudoers", read: sudoers::read },
    Kind { name: "sysctl", read: sysctl::read },
    Kind { name: "module", read: module::read },
    Kind { name: "mount", read: mount::read },
    Kind { name: "package", read: package::read },
    Kind { name: "updates", read: updates::read },
    Kind { name: "unit", read: unit::read },
    Kind { name: "process", read: process::read },
    Kind { name: "listen", read: listen::read },
    Kind { name: "logrotate", read: logrotate::read },
    Kind { name: "forward", read: forward::read },
    Kind { name: "audit_rules", read: audit::read },
    Kind { name: "firewall", read: firewall::read },
    Kind { name: "interface", read: net::interfaces },
    Kind { name: "default_route", read: net::routes },
    Kind { name: "cmdline", read: boot::cmdline },
    Kind { name: "secure_boot", read: boot::secure_boot },
    Kind { name: "cert", read: cert::read },
    Kind { name: "age", read: age::read },
    Kind { name: "nginx", read: conf::nginx },
    Kind { name: "apache", read: conf::apache },
    Kind { name: "xml", read: conf::xml },
    Kind { name: "mysql", read: database::mysql },
    Kind { name: "postgresql", read: database::postgres },
];

/// A question to a host.
pub trait Fact: fmt::Debug + Send + Sync {
    /// The names that its rows have in expressions. A row may lack one: what depends on it is unknown then.
    fn columns(&self) -> Vec<(String, Type)>;
    /// Collects the rows. What could not be seen is an error, or stands in `found.unseen` if rows beside it are good.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen>;
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Number.
    Number(f64),
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// Texts.
    List(Vec<String>),
}

impl Datum {
    /// As expressions take it.
    pub fn val(&self) -> Val<'_> {
        match self {
            Self::Number(n) => Val::Number(*n),
            Self::Text(t) => Val::Text(t),
            Self::Bool(b) => Val::Bool(*b),
            Self::List(l) => Val::List(l),
        }
    }
}

impl From<f64> for Datum {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<u32> for Datum {
    fn from(value: u32) -> Self {
        Self::Number(f64::from(value))
    }
}

impl From<i64> for Datum {
    fn from(value: i64) -> Self {
        Self::Number(value as f64)
    }
}

impl From<bool> for Datum {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Datum {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Datum {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<String>> for Datum {
    fn from(value: Vec<String>) -> Self {
        Self::List(value)
    }
}

/// One thing that was found, with what proves it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Values by name.
    pub values: Vec<(String, Datum)>,
    /// Where it stands.
    pub proof: Evidence,
    /// What it is about, such as a `Match` block or an account; empty if nothing.
    pub block: String,
    /// Whether nothing is written and the program's own default stands here.
    pub unwritten: bool,
    /// The same setting where it is written but does not count, because another place comes first or last.
    pub rivals: Vec<Row>,
}

impl Row {
    /// A row that a line proves. The text is shown: hide secrets (`mask::mask_line`).
    pub fn at(file: &str, line: usize, text: impl Into<String>) -> Self {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let proof = Evidence { file: file.to_owned(), line_from: line, line_to: line, text: text.into() };
        Self { values: Vec::new(), proof, block: String::new(), unwritten: false, rivals: Vec::new() }
    }

    /// The same beside others of its setting, which do not count. What is there to be overridden is no rival: files that a
    /// distribution ships below `/usr`, and a main file whose own directory of drop-ins the row stands in.
    #[must_use]
    fn beside(mut self, others: Vec<Self>) -> Self {
        let dir = self.proof.file.rsplit_once('/').map_or("", |(dir, _)| dir);
        let meant = |file: &str| {
            file.starts_with("/usr/") || file.starts_with("/lib/") || dir.strip_suffix(".d") == Some(file)
        };
        self.rivals = others.into_iter().filter(|other| !meant(&other.proof.file)).collect();
        self
    }

    /// The same as a default that nothing writes down.
    #[must_use]
    pub fn by_default(mut self) -> Self {
        self.unwritten = true;
        self
    }

    /// The same with a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Datum>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// The same about something.
    #[must_use]
    pub fn about(mut self, block: impl Into<String>) -> Self {
        self.block = block.into();
        self
    }

    /// The same with `value` and, if it is one, `number`.
    #[must_use]
    pub fn valued(self, value: &str) -> Self {
        let row = self.with("value", value);
        match value.parse::<i64>() {
            Ok(number) => row.with("number", number),
            Err(_) => row,
        }
    }
}

/// Of several rows of one setting the last one, beside the others.
fn last_counts(mut rows: Vec<Row>) -> Option<Row> {
    let last = rows.pop()?;
    Some(last.beside(rows))
}

/// What a question brought.
#[derive(Debug, Default)]
pub struct Found {
    /// The rows.
    pub rows: Vec<Row>,
    /// Where it looked, for a verdict that rests on absence.
    pub looked: Vec<String>,
    /// What it could not see.
    pub unseen: Vec<Unseen>,
}

/// A test on facts.
#[derive(Debug, Clone)]
pub enum Test {
    /// One question.
    Ask(Box<Ask>),
    /// Every one must hold.
    All(Vec<Test>),
    /// One must.
    Any(Vec<Test>),
}

/// A question and what its rows must say.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The question.
    pub fact: Arc<dyn Fact>,
    /// Which rows.
    pub filter: Option<Expr>,
    /// When a row is good; it is if it is there, unless given.
    pub assert: Option<Expr>,
    /// When it is at least half good.
    pub partial: Option<Expr>,
    /// What it is when it is not good.
    pub otherwise: Verdict,
    /// What it is when it is good by a default that nothing writes down.
    pub unwritten: Verdict,
    /// Which rows decide.
    pub quantifier: Quantifier,
    /// What no row means.
    pub default: Fallback,
}

/// What holds without a row.
#[derive(Debug, Clone)]
pub enum Fallback {
    /// A verdict.
    Verdict(Verdict),
    /// The values in force then, judged like those of a row.
    Values(Vec<(String, Datum)>),
}

/// What a check means on some hosts.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Which hosts.
    pub os: Vec<Family>,
    /// Only where one of these paths is; not applicable elsewhere.
    pub applies: Vec<String>,
    /// The test.
    pub test: Test,
    /// The definition's own words for it, for `explain`.
    pub asks: Vec<String>,
    /// Where its facts come from.
    pub source: String,
    /// What to do to mend it.
    pub fix: String,
    /// Small hosts that prove it.
    pub vectors: Vec<Vector>,
}

/// A small host and what must come of it.
#[derive(Debug, Clone)]
pub struct Vector {
    /// Its files.
    pub files: root::Memory,
    /// The verdict.
    pub expect: Verdict,
    /// Line of its definition.
    pub line: usize,
}

/// A family of distributions, as policies name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Any Linux.
    Linux,
    /// Packages of dpkg: Debian, Ubuntu, UOS and Kylin of desktops.
    Deb,
    /// Packages of rpm: CentOS, openEuler, Kylin of servers.
    Rpm,
}

impl Family {
    /// Its words, in order.
    pub const WORDS: [&'static str; 3] = ["linux", "linux-deb", "linux-rpm"];
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        Self::WORDS[self as usize]
    }
    /// The family of a word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Linux, Self::Deb, Self::Rpm].into_iter().find(|f| f.as_str() == text)
    }
}

/// A host being looked at.
#[derive(Debug)]
pub struct Host {
    /// Its files.
    pub root: Root,
    /// Its distribution.
    pub os: os::Os,
    /// Days since 1970, for ages.
    pub today: i64,
    known: RefCell<HashMap<String, Rc<dyn Any>>>,
}

impl Host {
    /// The host whose files these are, looked at on a day (days since 1970).
    pub fn new(root: Root, today: i64) -> Self {
        let os = os::Os::of(&root);
        Self { root, os, today, known: RefCell::default() }
    }

    /// What it calls itself: `/etc/hostname`, hostname(5), else what the kernel says; empty if nothing.
    pub fn name(&self) -> String {
        let of = |path| self.root.text(path).ok().flatten();
        let text = of("/etc/hostname").or_else(|| of("/proc/sys/kernel/hostname")).unwrap_or_default();
        text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')).unwrap_or("").to_owned()
    }

    /// Something that several checks ask for, made once a run. One name is of one type.
    pub fn once<T: 'static>(&self, name: &str, make: impl FnOnce(&Self) -> T) -> Rc<T> {
        let known = self.known.borrow().get(name).cloned();
        if let Some(known) = known.and_then(|k| k.downcast::<T>().ok()) {
            return known;
        }
        let made = Rc::new(make(self));
        self.known.borrow_mut().insert(name.to_owned(), Rc::clone(&made) as Rc<dyn Any>);
        made
    }
}

/// The lines of a text that say something, with their numbers from 1: blank ones and those that begin with a comment
/// mark are left out.
fn lines<'t>(text: &'t str, comments: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(move |(_, line)| line.chars().next().is_some_and(|c| !comments.contains(c)))
}

/// The files that a setting names, a path or pattern or a list of them, in that order. Those that are not there are
/// left out; all are noted as looked at.
fn files(host: &Host, patterns: &[String], found: &mut Found) -> Vec<(String, Rc<str>)> {
    let mut all = Vec::new();
    for pattern in patterns {
        let paths = host.root.glob(pattern).unwrap_or_else(|why| {
            found.unseen.push(why);
            Vec::new()
        });
        found.looked.push(pattern.clone());
        for path in paths {
            match host.root.text(&path) {
                Ok(Some(text)) => all.push((path, text)),
                Ok(None) => {}
                // A directory that a pattern fits is no file of the program.
                Err(Unseen::Shape(_)) if *pattern != path => {}
                Err(why) => found.unseen.push(why),
            }
        }
    }
    all
}

/// A path or a list of them; each begins with `/`.
fn paths(table: &Table<'_>, key: &'static str) -> Option<Vec<String>> {
    let Some(item) = table.item(key) else {
        table.missing(key, "\"/etc/login.defs\"");
        return None;
    };
    let items = if item.is_text() { vec![item] } else { table.texts(key) };
    let mut all = Vec::new();
    for item in items {
        let path = item.text()?;
        if !path.starts_with('/') {
            item.fault(format!("`{path}` is no path from the root"), "write \"/etc/login.defs\"");
            return None;
        }
        all.push(path.to_owned());
    }
    Some(all)
}

/// Columns of these names.
fn columns(all: &[(&str, Type)]) -> Vec<(String, Type)> {
    all.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect()
}

#[cfg(test)]
mod tests;
