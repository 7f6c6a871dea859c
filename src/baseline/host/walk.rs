//! What stands out in directories: programs that run as somebody else, directories in which everybody may replace
//! everybody's files, files that nobody owns. Walks are bounded in entries and depth, follow no links, and leave out
//! what stands on a network.

use std::collections::VecDeque;
use std::sync::Arc;

use super::root::{Kind, Meta, Unseen};
use super::{Fact, Found, Host, Row, accounts, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The most entries below one path, unless a check says more: what takes some tens of milliseconds.
const MOST: i64 = 20_000;
/// The most that a check may say.
const MOST_EVER: i64 = 5_000_000;
/// How deep, unless a check says otherwise.
const DEPTH: i64 = 3;
/// The most rows of one path; more is no other verdict.
const MAX_ROWS: usize = 200;

/// inode(7): S_ISUID, S_ISGID, S_ISVTX and the right of others to write.
const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;

#[derive(Debug)]
struct Walk {
    below: Vec<String>,
    depth: usize,
    most: usize,
}

/// `below` (paths or patterns), `depth` (3 unless given), `most` (entries below each, 20,000 unless given).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let below = super::paths(table, "below");
    let bounded = |key, least, most| table.has(key).then(|| table.int(key, least, most)).flatten();
    let (depth, most) = (bounded("depth", 1, 64).unwrap_or(DEPTH), bounded("most", 1, MOST_EVER).unwrap_or(MOST));
    let whole = |number: i64| usize::try_from(number).unwrap_or_default();
    Some(Arc::new(Walk { below: below?, depth: whole(depth), most: whole(most) }))
}

impl Fact for Walk {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("path", Type::Text),
            ("kind", Type::Text),
            ("mode", Type::Text),
            ("owner", Type::Text),
            ("group", Type::Text),
            ("special", Type::Bool),
            ("open", Type::Bool),
            ("unowned", Type::Bool),
        ])
    }

    /// A row for each file with a set-uid or set-gid bit (`special`), each directory that all may write without a sticky
    /// bit (`open`), and each entry whose owner or group is no account of the host (`unowned`).
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let known = Known::of(host)?;
        for pattern in &self.below {
            found.looked.push(pattern.clone());
            for path in host.root.glob(pattern)? {
                // Several questions ask for the same walk.
                let name = format!("walk {} {} {path}", self.depth, self.most);
                let seen = host.once(&name, |host| {
                    let mut found = Found::default();
                    self.below(host, &known, path, &mut found);
                    found
                });
                found.rows.extend(seen.rows.iter().cloned());
                found.unseen.extend(seen.unseen.iter().cloned());
            }
        }
        Ok(())
    }
}

/// The numbers of accounts and groups.
struct Known {
    users: Vec<u32>,
    groups: Vec<u32>,
}

impl Known {
    fn of(host: &Host) -> Result<Self, Unseen> {
        let (users, groups) = (accounts::users(host), accounts::groups(host));
        let users = users.as_ref().as_ref().map_err(Clone::clone)?;
        let groups = groups.as_ref().as_ref().map_err(Clone::clone)?;
        let mut known = Self {
            users: users.0.iter().map(|u| u.uid).chain([0]).collect(),
            groups: groups.0.iter().map(|g| g.gid).chain([0]).collect(),
        };
        known.users.sort_unstable();
        known.groups.sort_unstable();
        Ok(known)
    }

    fn owns(&self, meta: Meta) -> bool {
        self.users.binary_search(&meta.uid).is_ok() && self.groups.binary_search(&meta.gid).is_ok()
    }
}

impl Walk {
    /// Nearest first, so that a walk that is cut has seen what is near.
    fn below(&self, host: &Host, known: &Known, path: String, found: &mut Found) {
        // A link such as /bin is its target's, which is walked by its own name.
        match host.root.own_meta(&path) {
            Ok(Some(meta)) if meta.kind == Kind::Dir => self.entry(host, known, &path, meta, found),
            Ok(_) => return,
            Err(why) => return found.unseen.push(why),
        }
        let (mut open, mut seen, start) = (VecDeque::from([(path.clone(), 0)]), 0, found.rows.len());
        while let Some((dir, depth)) = open.pop_front() {
            let entries = match host.root.entries(&dir) {
                Ok(entries) => entries.unwrap_or_default(),
                Err(Unseen::Network(_)) => continue,
                Err(why) => {
                    found.unseen.push(why);
                    continue;
                }
            };
            for (name, meta) in entries {
                seen += 1;
                if seen > self.most || found.rows.len() - start > MAX_ROWS {
                    return found.unseen.push(Unseen::TooLarge(path));
                }
                let path = format!("{dir}/{name}");
                self.entry(host, known, &path, meta, found);
                if meta.kind == Kind::Dir && depth + 1 < self.depth {
                    open.push_back((path, depth + 1));
                }
            }
        }
    }

    fn entry(&self, host: &Host, known: &Known, path: &str, meta: Meta, found: &mut Found) {
        let special = meta.kind == Kind::File && meta.mode & (SET_UID | SET_GID) != 0;
        let open = meta.kind == Kind::Dir && meta.mode & OTHERS_WRITE != 0 && meta.mode & STICKY == 0;
        let unowned = !known.owns(meta);
        if !special && !open && !unowned {
            return;
        }
        let names = accounts::names(host);
        let (owner, group) = (names.user(meta.uid), names.group(meta.gid));
        let (kind, mode) = (meta.kind.as_str(), format!("{:04o}", meta.mode));
        let row = Row::at(path, 0, format!("{kind} {mode} {owner}:{group}")).about(path);
        let row = row.with("path", path).with("kind", kind).with("mode", mode).with("owner", owner);
        let row = row.with("group", group).with("special", special).with("open", open);
        found.rows.push(row.with("unowned", unowned));
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::{Memory, Root};
    use super::*;

    fn rows(walk: &Walk, files: Memory) -> (Vec<String>, usize) {
        let files = files.file("/etc/passwd", "root:x:0:0::/:/bin/sh\nu:x:1000:1000::/:/bin/sh\n");
        let host = Host::new(Root::memory(files.file("/etc/group", "root:x:0:\nu:x:1000:\n")), 0);
        let mut found = Found::default();
        walk.gather(&host, &mut found).unwrap();
        let said = |row: &Row| format!("{} {}", row.proof.file, row.proof.text);
        (found.rows.iter().map(said).collect(), found.unseen.len())
    }

    #[test]
    fn only_what_stands_out_is_a_row_and_links_are_not_followed() {
        let walk = Walk { below: vec!["/srv".to_owned(), "/bin".to_owned()], depth: 2, most: 100 };
        let files = Memory::default()
            .file("/srv/a/su", "")
            .mode("/srv/a/su", 0o4755, 0, 0)
            .file("/srv/a/plain", "")
            .mode("/srv/a/plain", 0o777, 1000, 1000)
            .file("/srv/left", "")
            .mode("/srv/left", 0o644, 1234, 0)
            .dir("/srv/open")
            .mode("/srv/open", 0o777, 0, 0)
            .dir("/srv/tmp")
            .mode("/srv/tmp", 0o1777, 0, 0)
            .file("/srv/a/b/deep", "")
            .mode("/srv/a/b/deep", 0o4755, 0, 0)
            .dir("/srv/shared")
            .mode("/srv/shared", 0o2775, 0, 1000)
            .link("/bin", "/srv/a")
            .link("/srv/loop", "/srv");
        let want = ["/srv/left file 0644 1234:root", "/srv/open dir 0777 root:root", "/srv/a/su file 4755 root:root"];
        assert_eq!(rows(&walk, files), (want.map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn a_walk_ends_with_its_entries_and_says_so() {
        let walk = Walk { below: vec!["/srv".to_owned()], depth: 9, most: 50 };
        let files = (0..60).fold(Memory::default(), |all, n| all.file(&format!("/srv/{n}/x"), ""));
        assert_eq!(rows(&walk, files), (Vec::new(), 1));
    }
}
