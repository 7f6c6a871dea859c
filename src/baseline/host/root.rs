//! What lies under a root directory: texts, modes, links and listings, and nothing outside it.
//!
//! Links resolve inside the root, absolute ones too, so that an image cannot point at the machine that looks at it.
//! Every answer is bounded in bytes, entries and links, what stands on a network is not touched, since a dead server
//! would hold the reader for ever, and each text is read once. What could not be seen is an `Unseen` that names the path and the
//! reason, never an empty answer. It opens files for reading and does nothing else.

mod disk;
mod memory;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::Path;
use std::rc::Rc;

pub use memory::Memory;

/// The largest file that is read as text: a package database of a full workstation is below 8 MiB.
pub const MAX_FILE: usize = 8 << 20;
/// All texts of a run together; they are kept until it ends.
pub const MAX_TOTAL: usize = 20 << 20;
/// The most lines of a text.
pub const MAX_LINES: usize = 400_000;
/// The most entries of a directory.
pub const MAX_ENTRIES: usize = 20_000;
/// The most links on the way to one file, as Linux has it (path_resolution(7)).
pub const MAX_LINKS: usize = 40;
/// Where processes are; a sandbox may hide those of others there and nothing else.
pub const PROC: &str = "/proc";
/// The longest path, in bytes (PATH_MAX).
const MAX_PATH: usize = 4_096;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Other,
}

impl Kind {
    /// Its word in expressions.
    pub const fn as_str(self) -> &'static str {
        ["file", "dir", "link", "other"][self as usize]
    }
}

/// What stat(2) says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-uid, set-gid and sticky, such as 0o644.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, seconds since 1970.
    pub modified: i64,
}

/// Why something could not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// No right to look.
    Denied(String),
    /// It ought to be there.
    Missing(String),
    /// Too many bytes, lines, entries, or texts altogether.
    TooLarge(String),
    /// It is on a network filesystem.
    Network(String),
    /// This process was started so that it sees something else there than the host does.
    Hidden(String),
    /// Links in a circle, or too many.
    Links(String),
    /// No regular file or no directory.
    Shape(String),
    /// Only the running system has it, and this root is not the running system's.
    Live(String),
    /// The default of a setting, which depends on a version that is not known.
    Default(String),
    /// A line that nobody can make sense of: path, line.
    Garbled(String, usize),
    /// The kernel said something else: path, what.
    Io(String, String),
}

impl Unseen {
    /// In Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Denied(path) => format!("没有权限读取 {path}"),
            Self::Missing(path) => format!("没有 {path}"),
            Self::TooLarge(path) => format!("{path} 过大"),
            Self::Network(path) => format!("{path} 在网络文件系统上，未读取"),
            Self::Hidden(path) => format!("本进程在沙箱中运行，看不到主机的 {path}"),
            Self::Links(path) => format!("{path} 的符号链接过多或成环"),
            Self::Shape(path) => format!("{path} 不是普通文件或目录"),
            Self::Live(path) => format!("{path} 需要在运行中的系统上核查"),
            Self::Default(name) => format!("{name} 的默认值随版本不同，而版本未知"),
            Self::Garbled(path, line) => format!("{path} 第 {line} 行无法理解"),
            Self::Io(path, what) => format!("无法读取 {path}：{what}"),
        }
    }

    /// Whether it could never be seen here, because the root is no running system.
    pub const fn not_running(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    fn of(path: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied(path.to_owned()),
            io::ErrorKind::FileTooLarge => Self::TooLarge(path.to_owned()),
            io::ErrorKind::InvalidInput => Self::Shape(path.to_owned()),
            _ => Self::Io(path.to_owned(), error.to_string()),
        }
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(path) => write!(f, "no permission to read {path}"),
            Self::Missing(path) => write!(f, "there is no {path}"),
            Self::TooLarge(path) => write!(f, "{path} is too large"),
            Self::Network(path) => write!(f, "{path} is on a network filesystem and was not read"),
            Self::Hidden(path) => write!(f, "the sandbox of this process hides the host's {path}"),
            Self::Links(path) => write!(f, "{path} leads through too many links, or a circle of them"),
            Self::Shape(path) => write!(f, "{path} is no regular file or directory"),
            Self::Live(path) => write!(f, "{path} can be seen on the running system only"),
            Self::Default(name) => write!(f, "the default of {name} depends on the version, which is not known"),
            Self::Garbled(path, line) => write!(f, "{path}:{line} makes no sense"),
            Self::Io(path, what) => write!(f, "cannot read {path}: {what}"),
        }
    }
}

/// Bytes of which any piece may be read.
pub trait Pieces: io::Read + io::Seek {}

impl<T: io::Read + io::Seek> Pieces for T {}

/// Where paths come from: a disk, or a test's own little world. Paths begin with `/`, have no links in them and none of
/// `.` and `..`; the last part is not followed.
trait Tree: fmt::Debug {
    fn stat(&self, path: &str) -> io::Result<Meta>;
    fn link(&self, path: &str) -> io::Result<String>;
    /// At most `max` bytes; `FileTooLarge` if there are more, `InvalidInput` if it is no regular file.
    fn read(&self, path: &str, max: usize) -> io::Result<Vec<u8>>;
    /// A regular file; `InvalidInput` if it is none.
    fn open(&self, path: &str) -> io::Result<Box<dyn Pieces>>;
    /// At most `max` names; `FileTooLarge` if there are more.
    fn list(&self, path: &str, max: usize) -> io::Result<Vec<String>>;
}

/// Something that may be there, or could not be seen.
pub type Seen<T> = Result<Option<T>, Unseen>;

/// A root directory.
#[derive(Debug)]
pub struct Root {
    tree: Box<dyn Tree>,
    live: bool,
    foreign: BTreeSet<String>,
    hidden: BTreeSet<String>,
    texts: RefCell<HashMap<String, Seen<Rc<str>>>>,
    read: Cell<usize>,
}

impl Root {
    /// The running system (`/`), or a directory that looks like one: an image, a tree of a test.
    pub fn open(dir: &Path) -> Result<Self, Unseen> {
        let (tree, foreign) = disk::Disk::open(dir)?;
        let live = tree.is_system();
        let hidden = if live { disk::hidden() } else { BTreeSet::new() };
        Ok(Self { hidden, ..Self::of(Box::new(tree), live, foreign) })
    }

    /// A little world of files that counts as a running system.
    pub fn memory(files: Memory) -> Self {
        Self::of(Box::new(files), true, BTreeSet::new())
    }

    fn of(tree: Box<dyn Tree>, live: bool, foreign: BTreeSet<String>) -> Self {
        Self { tree, live, foreign, hidden: BTreeSet::new(), texts: RefCell::default(), read: Cell::new(0) }
    }

    /// Whether `/proc` and `/sys` mean something here.
    pub const fn live(&self) -> bool {
        self.live
    }

    /// Something that a path of its own does not show, such as all processes: whether this process may see it.
    pub fn whole(&self, what: &str) -> Result<(), Unseen> {
        if self.hidden.contains(what) { Err(Unseen::Hidden(what.to_owned())) } else { Ok(()) }
    }

    /// What a path is, links followed.
    pub fn meta(&self, path: &str) -> Seen<Meta> {
        self.at(path, true, |real| self.tree.stat(real))
    }

    /// What a path is, a link being a link.
    pub fn own_meta(&self, path: &str) -> Seen<Meta> {
        self.at(path, false, |real| self.tree.stat(real))
    }

    /// What a link says.
    pub fn target(&self, path: &str) -> Seen<String> {
        self.at(path, false, |real| self.tree.link(real))
    }

    /// Whether anything is there.
    pub fn exists(&self, path: &str) -> Result<bool, Unseen> {
        Ok(self.meta(path)?.is_some())
    }

    /// A text, bytes that are no UTF-8 replaced. Read once a run.
    pub fn text(&self, path: &str) -> Seen<Rc<str>> {
        if let Some(known) = self.texts.borrow().get(path) {
            return known.clone();
        }
        let seen = self.bytes(path, MAX_FILE).and_then(|bytes| bytes.map(|b| self.keep(path, &b)).transpose());
        self.texts.borrow_mut().insert(path.to_owned(), seen.clone());
        seen
    }

    fn keep(&self, path: &str, bytes: &[u8]) -> Result<Rc<str>, Unseen> {
        self.read.set(self.read.get() + bytes.len());
        if self.read.get() > MAX_TOTAL || bytes.iter().filter(|b| **b == b'\n').count() > MAX_LINES {
            return Err(Unseen::TooLarge(path.to_owned()));
        }
        Ok(String::from_utf8_lossy(bytes).as_ref().into())
    }

    /// A text that must be there.
    pub fn need(&self, path: &str) -> Result<Rc<str>, Unseen> {
        self.text(path)?.ok_or_else(|| Unseen::Missing(path.to_owned()))
    }

    /// A file's bytes, at most `max` of them; not kept.
    pub fn bytes(&self, path: &str, max: usize) -> Seen<Vec<u8>> {
        self.at(path, true, |real| if real == "/dev/null" { Ok(Vec::new()) } else { self.tree.read(real, max) })
    }

    /// A file to read pieces of, for one that is too large to keep; its reader bounds them.
    pub fn open_file(&self, path: &str) -> Seen<Box<dyn Pieces>> {
        self.at(path, true, |real| self.tree.open(real))
    }

    /// The names in a directory, sorted.
    pub fn list(&self, path: &str) -> Seen<Vec<String>> {
        let mut names = self.at(path, true, |real| self.tree.list(real, MAX_ENTRIES))?;
        if let Some(names) = &mut names {
            names.sort_unstable();
        }
        Ok(names)
    }

    /// The names in a directory, sorted, with what each is, a link being a link.
    pub fn entries(&self, path: &str) -> Seen<Vec<(String, Meta)>> {
        let Some(real) = self.resolve(path, true)? else { return Ok(None) };
        let Some(names) = self.list(&real)? else { return Ok(None) };
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            let own = format!("{}/{name}", real.trim_end_matches('/'));
            // Nothing on a network is touched.
            if self.foreign.contains(&own) {
                continue;
            }
            match self.tree.stat(&own) {
                Ok(meta) => all.push((name, meta)),
                Err(e) if gone(&e) => {}
                Err(e) => return Err(Unseen::of(path, &e)),
            }
        }
        Ok(Some(all))
    }

    /// The paths that a pattern names, sorted, `*` and `?` standing for parts of a name as glob(7) has it: a name
    /// that begins with a dot only where the pattern does. A path without either is itself, there or not.
    pub fn glob(&self, pattern: &str) -> Result<Vec<String>, Unseen> {
        if !pattern.contains(['*', '?']) {
            return Ok(vec![pattern.to_owned()]);
        }
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|p| !p.is_empty()) {
            let mut next = Vec::new();
            for dir in &found {
                if !part.contains(['*', '?']) {
                    next.push(format!("{dir}/{part}"));
                    continue;
                }
                let base = if dir.is_empty() { "/" } else { dir };
                let names = match self.list(base) {
                    Err(Unseen::Shape(_)) => None,
                    other => other?,
                };
                let fits = |name: &&String| (!name.starts_with('.') || part.starts_with('.')) && fits(part, name);
                next.extend(names.unwrap_or_default().iter().filter(fits).map(|n| format!("{dir}/{n}")));
                if next.len() > MAX_ENTRIES {
                    return Err(Unseen::TooLarge(pattern.to_owned()));
                }
            }
            found = next;
        }
        let mut there = Vec::new();
        for path in found {
            if self.own_meta(&path)?.is_some() {
                there.push(path);
            }
        }
        Ok(there)
    }

    fn at<T>(&self, path: &str, follow: bool, ask: impl FnOnce(&str) -> io::Result<T>) -> Seen<T> {
        let Some(real) = self.resolve(path, follow)? else { return Ok(None) };
        match ask(&real) {
            Ok(value) => Ok(Some(value)),
            Err(e) if gone(&e) => Ok(None),
            Err(e) => Err(Unseen::of(path, &e)),
        }
    }

    /// The path without links; nothing if it leads nowhere.
    fn resolve(&self, path: &str, follow: bool) -> Seen<String> {
        let parts = |text: &str| text.split('/').rev().map(str::to_owned).collect::<Vec<_>>();
        if path.len() > MAX_PATH {
            return Err(Unseen::TooLarge(path.chars().take(80).collect()));
        }
        let (mut left, mut real, mut links) = (parts(path), String::new(), 0);
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    real.truncate(real.rfind('/').unwrap_or(0));
                    continue;
                }
                "proc" | "sys" if real.is_empty() && !self.live => return Err(Unseen::Live(path.to_owned())),
                _ => {}
            }
            let next = format!("{real}/{part}");
            if self.foreign.contains(&next) {
                return Err(Unseen::Network(path.to_owned()));
            }
            if next != PROC {
                self.whole(&next)?;
            }
            let meta = match self.tree.stat(&next) {
                Ok(meta) => meta,
                Err(e) if gone(&e) => return Ok(None),
                Err(e) => return Err(Unseen::of(path, &e)),
            };
            if meta.kind != Kind::Link || (!follow && left.iter().all(String::is_empty)) {
                real = next;
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Unseen::Links(path.to_owned()));
            }
            let target = self.tree.link(&next).map_err(|e| Unseen::of(path, &e))?;
            if target.starts_with('/') {
                real.clear();
            }
            left.extend(parts(&target));
        }
        Ok(Some(if real.is_empty() { "/".to_owned() } else { real }))
    }
}

/// Whether an error says that nothing is there.
fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a name fits a pattern of `*` and `?`; at worst the lengths multiplied, never more.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while let Some(c) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(want) if *want == '?' || want == c => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests;
