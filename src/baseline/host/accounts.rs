//! The accounts of a host: passwd(5) and group(5), and the names behind numbers.

use std::rc::Rc;

use super::root::Unseen;
use super::{Host, lines};

/// Accounts.
pub(super) const PASSWD: &str = "/etc/passwd";
/// Groups.
pub(super) const GROUP: &str = "/etc/group";

/// A line of `/etc/passwd`, passwd(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    /// What stands where the hash was once: `x` if it is in the shadow file.
    pub(super) password: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
    pub(super) shell: String,
    pub(super) line: usize,
}

/// Shells that let nobody in: nologin(8), false(1), and programs that accounts of the system have instead of one.
const NO_SHELLS: &[&str] = &["nologin", "false", "sync", "shutdown", "halt"];

impl User {
    /// Whether the account has a shell. An empty one is `/bin/sh`, passwd(5).
    pub(super) fn logs_in(&self) -> bool {
        !NO_SHELLS.contains(&self.shell.rsplit('/').next().unwrap_or(""))
    }

    /// Where the password is: `shadow`, `locked`, `empty`, or `here` if the hash stands in a file that all may read.
    pub(super) fn kept(&self) -> &'static str {
        match self.password.as_str() {
            "x" => "shadow",
            "" => "empty",
            text if text.starts_with(['*', '!']) => "locked",
            _ => "here",
        }
    }
}

/// The first number that people get: UID_MIN of login.defs(5), 1000 unless given.
pub(super) fn first_uid(host: &Host) -> u32 {
    let text = host.root.text("/etc/login.defs").ok().flatten().unwrap_or_default();
    let of = |(_, line): (usize, &str)| {
        let (key, value) = line.split_once(char::is_whitespace)?;
        (key == "UID_MIN").then(|| value.trim().parse().ok()).flatten()
    };
    lines(&text, "#").filter_map(of).last().unwrap_or(1_000)
}

/// A line of `/etc/group`, group(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
    pub(super) line: usize,
}

/// The entries of a file, and the lines that have another form than its manual says.
pub(super) type Entries<T> = Rc<Result<(Vec<T>, Vec<usize>), Unseen>>;

/// All accounts.
pub(super) fn users(host: &Host) -> Entries<User> {
    host.once("users", |host| Ok(parsed(&host.root.need(PASSWD)?, user)))
}

/// All groups.
pub(super) fn groups(host: &Host) -> Entries<Group> {
    host.once("groups", |host| Ok(parsed(&host.root.need(GROUP)?, group)))
}

fn parsed<T>(text: &str, one: fn(usize, &[&str]) -> Option<T>) -> (Vec<T>, Vec<usize>) {
    let (mut all, mut odd) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#')) {
        let fields: Vec<&str> = line.split(':').collect();
        match one(at + 1, &fields) {
            Some(value) => all.push(value),
            None => odd.push(at + 1),
        }
    }
    (all, odd)
}

fn user(line: usize, fields: &[&str]) -> Option<User> {
    let [name, password, uid, gid, _, home, shell] = fields else { return None };
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    let own = |text: &str| text.to_owned();
    Some(User { name: own(name), password: own(password), uid, gid, home: own(home), shell: own(shell), line })
}

fn group(line: usize, fields: &[&str]) -> Option<Group> {
    let [name, _, gid, members] = fields else { return None };
    let members = members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
    Some(Group { name: (*name).to_owned(), gid: gid.parse().ok()?, members, line })
}

/// Names by number.
#[derive(Debug)]
pub(super) struct Names(Entries<User>, Entries<Group>);

/// The names of a host's accounts and groups.
pub(super) fn names(host: &Host) -> Names {
    Names(users(host), groups(host))
}

impl Names {
    /// The first account of that number; the number itself without one.
    pub(super) fn user(&self, uid: u32) -> String {
        let known = self.0.as_ref().as_ref().ok().and_then(|(all, _)| all.iter().find(|u| u.uid == uid));
        known.map_or_else(|| number(uid), |u| u.name.clone())
    }

    /// The first group of that number; the number itself without one.
    pub(super) fn group(&self, gid: u32) -> String {
        let known = self.1.as_ref().as_ref().ok().and_then(|(all, _)| all.iter().find(|g| g.gid == gid));
        known.map_or_else(|| number(gid), |g| g.name.clone())
    }
}

fn number(id: u32) -> String {
    if id == 0 { "root".to_owned() } else { id.to_string() }
}
