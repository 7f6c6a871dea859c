//! What is mounted where and how: `/proc/self/mountinfo` (proc(5)) for now, `/etc/fstab` (fstab(5)) for the next start.

use std::sync::Arc;

use super::include;
use super::root::{PROC, Unseen};
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// What is mounted.
const LIVE: &str = "/proc/self/mountinfo";
const FIRST: &str = "/proc/1/mountinfo";
/// What will be.
const KEPT: &str = "/etc/fstab";

#[derive(Debug)]
struct Mounts {
    points: Vec<String>,
}

/// `point` (a mount point or a list of them).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Mounts { points: include::texts(table, "point", "[\"/tmp\", \"/dev/shm\"]")? }))
}

impl Fact for Mounts {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("point", Type::Text), ("type", Type::Text), ("options", Type::List), ("live", Type::Bool)])
    }

    /// A row for each of the points that is mounted, and for each that fstab mounts.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        host.root.whole(PROC)?;
        // In a sandbox the own mounts are others than those of the host.
        let live_file = if host.root.live() && host.root.exists(FIRST)? { FIRST } else { LIVE };
        let live = if host.root.live() { host.root.text(live_file)? } else { None };
        let kept = host.root.text(KEPT)?;
        found.looked.extend([live_file.to_owned(), KEPT.to_owned()]);
        let live = live.iter().flat_map(|t| mountinfo(t)).map(|m| (live_file, m));
        // Of several mounts over each other the last is the one that is seen.
        let mut seen: Vec<(&str, Mount)> = Vec::new();
        for (file, mount) in live.filter(|(_, m)| self.points.contains(&m.point)) {
            seen.retain(|(_, m)| m.point != mount.point);
            seen.push((file, mount));
        }
        let kept = kept.iter().flat_map(|t| fstab(t)).map(|m| (KEPT, m));
        for (file, mount) in seen.into_iter().chain(kept.filter(|(_, m)| self.points.contains(&m.point))) {
            let row = Row::at(file, mount.line, mount.text).about(mount.point.clone()).with("live", file != KEPT);
            found.rows.push(row.with("point", mount.point).with("type", mount.kind).with("options", mount.options));
        }
        Ok(())
    }
}

/// A mount point.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    /// Where.
    point: String,
    /// File system.
    kind: String,
    /// Options of the mount.
    options: Vec<String>,
    /// Line, from 1.
    line: usize,
    /// The line.
    text: String,
}

/// `\040` and its like as the characters they stand for.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code =
            tail.get(..3).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u8::from_str_radix(d, 8).ok());
        match code.filter(|_| byte == b'\\') {
            Some(code) => {
                bytes.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn options(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

/// The lines of mountinfo: fields 5 and 6 are point and options, the file system follows the `-`.
fn mountinfo(text: &str) -> Vec<Mount> {
    let parse = |(line, number): (&str, usize)| {
        let (left, right) = line.split_once(" - ")?;
        let mut fields = left.split(' ').skip(4);
        let (point, own) = (unescape(fields.next()?), options(fields.next()?));
        Some(Mount {
            point,
            options: own,
            kind: right.split(' ').next()?.to_owned(),
            line: number,
            text: line.to_owned(),
        })
    };
    text.lines().zip(1..).filter_map(parse).collect()
}

/// The lines of fstab.
fn fstab(text: &str) -> Vec<Mount> {
    let parse = |(line, number): (&str, usize)| {
        let mut fields = line.split_whitespace();
        fields.next().filter(|first| !first.starts_with('#'))?;
        let (point, kind) = (unescape(fields.next()?), fields.next()?.to_owned());
        Some(Mount {
            point,
            kind,
            options: options(fields.next().unwrap_or("defaults")),
            line: number,
            text: line.to_owned(),
        })
    };
    text.lines().zip(1..).filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_point_kind_and_options() {
        let live = "36 35 98:0 /mnt1 /my\\040tmp rw,noexec master:1 - ext3 /dev/root rw,errors=continue\nbad\n";
        let all = mountinfo(live);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].point.as_str(), all[0].kind.as_str()), ("/my tmp", "ext3"));
        assert_eq!(all[0].options, ["rw", "noexec"]);
        let all = fstab("# /x\nUUID=1 /tmp tmpfs nodev,nosuid 0 0\n/dev/sda1 / ext4\n");
        assert_eq!(all[0].options, ["nodev", "nosuid"]);
        assert_eq!(all[1].options, ["defaults"]);
        assert_eq!(all[1].line, 3);
        assert!(mountinfo("\\ - \n - \n\\99").is_empty());
    }
}
