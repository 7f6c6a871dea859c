//! A directory of this machine as a root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Kind, Meta, PROC, Pieces, Tree, Unseen};

/// Filesystems on which a dead server holds every reader; autofs mounts one when it is touched.
const NETWORK: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "ceph",
    "lustre",
    "glusterfs",
    "gpfs",
    "beegfs",
    "orangefs",
    "autofs",
];
/// Of filesystems in user space only this one answers by itself: containers have it over files of `/proc`.
const LOCAL_FUSE: &str = "fuse.lxcfs";
/// The mounts of this machine, proc(5).
const MOUNTS: &str = "/proc/self/mountinfo";

#[derive(Debug)]
pub(super) struct Disk {
    base: PathBuf,
}

impl Disk {
    /// Opens a directory, with the mount points below it that are on a network.
    pub(super) fn open(dir: &Path) -> Result<(Self, BTreeSet<String>), Unseen> {
        let name = dir.display().to_string();
        let mounts = foreign(&fs::read_to_string(MOUNTS).unwrap_or_default());
        // Asked before the directory is touched; links on the way to it are the operator's own.
        let absolute = std::path::absolute(dir).map_err(|e| Unseen::of(&name, &e))?;
        if mounts.iter().any(|m| absolute.starts_with(m)) {
            return Err(Unseen::Network(name));
        }
        let base = fs::canonicalize(dir).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Unseen::Missing(name.clone()),
            _ => Unseen::of(&name, &e),
        })?;
        if !base.is_dir() {
            return Err(Unseen::Shape(name));
        }
        let below = |mount: &String| {
            let rest = Path::new(mount).strip_prefix(&base).ok()?;
            Some(format!("/{}", rest.display()))
        };
        let foreign = mounts.iter().filter_map(below).collect();
        Ok((Self { base }, foreign))
    }

    /// Whether it is the running system's own root.
    pub(super) fn is_system(&self) -> bool {
        self.base == Path::new("/")
    }

    fn file(&self, path: &str) -> io::Result<fs::File> {
        // Somebody may put a link or a pipe there between the look and the read: neither leads out nor blocks.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(self.path(path))?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.base.join(path.trim_start_matches('/'))
    }
}

impl Tree for Disk {
    fn stat(&self, path: &str) -> io::Result<Meta> {
        let meta = fs::symlink_metadata(self.path(path))?;
        let kind = match meta.file_type() {
            t if t.is_file() => Kind::File,
            t if t.is_dir() => Kind::Dir,
            t if t.is_symlink() => Kind::Link,
            _ => Kind::Other,
        };
        let (mode, modified) = (meta.mode() & 0o7777, meta.mtime());
        Ok(Meta { kind, mode, uid: meta.uid(), gid: meta.gid(), size: meta.len(), modified })
    }

    fn link(&self, path: &str) -> io::Result<String> {
        Ok(fs::read_link(self.path(path))?.to_string_lossy().into_owned())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Pieces>> {
        Ok(Box::new(self.file(path)?))
    }

    fn read(&self, path: &str, max: usize) -> io::Result<Vec<u8>> {
        let file = self.file(path)?;
        let mut bytes = Vec::new();
        file.take(max as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    fn list(&self, path: &str, max: usize) -> io::Result<Vec<String>> {
        if !fs::symlink_metadata(self.path(path))?.is_dir() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(path))? {
            if names.len() == max {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }
}

/// What systemd.exec(5) may put something else in the place of; all of it is doubted where there is nothing to compare with.
const REPLACED: &[&str] = &[PROC, "/dev", "/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// The places where this process sees something else than the first process of the system does: its own `/tmp`, empty
/// homes, few devices. `/proc` stands for the processes of others.
pub(super) fn hidden() -> BTreeSet<String> {
    let own = fs::read_to_string(MOUNTS).unwrap_or_default();
    match fs::read_to_string("/proc/1/mountinfo") {
        Ok(first) => replaced(&own, &first),
        Err(_) => REPLACED.iter().map(|place| (*place).to_owned()).collect(),
    }
}

/// Mount points that show another file system, or another directory of it, than they do in `first`.
fn replaced(own: &str, first: &str) -> BTreeSet<String> {
    let first: Vec<(&str, &str, String)> = first.lines().filter_map(mount).collect();
    let shows = |place: &str| {
        let within = |point: &str| place == point || point == "/" || place.starts_with(&format!("{point}/"));
        let (device, root, point) = first.iter().filter(|(.., point)| within(point)).max_by_key(|m| m.2.len())?;
        let rest = place.strip_prefix(point.trim_end_matches('/'))?;
        Some((*device, format!("{}{rest}", root.trim_end_matches('/')).trim_end_matches('/').to_owned()))
    };
    // Of several mounts over each other the last is the one that is seen.
    let own: BTreeMap<String, (&str, &str)> =
        own.lines().filter_map(mount).map(|(device, root, point)| (point, (device, root))).collect();
    let other = |(place, (device, root)): &(String, (&str, &str))| {
        let kernel = ["/proc", "/sys"].iter().any(|top| place == top || place.starts_with(&format!("{top}/")));
        !kernel && shows(place) != Some((device, root.trim_end_matches('/').to_owned()))
    };
    own.into_iter().filter(other).map(|(place, _)| place).collect()
}

/// Device, directory and place of a mount, out of a line of mountinfo, proc(5).
fn mount(line: &str) -> Option<(&str, &str, String)> {
    let mut fields = line.split(' ').skip(2);
    Some((fields.next()?, fields.next()?, unescape(fields.next()?)))
}

/// Mount points on a network, out of mountinfo, proc(5): the fifth field is the place, the type stands after ` - `.
fn foreign(mountinfo: &str) -> Vec<String> {
    let one = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let (place, kind) = (left.split(' ').nth(4)?, right.split(' ').next()?);
        let network = NETWORK.contains(&kind) || (kind.starts_with("fuse") && kind != LOCAL_FUSE);
        network.then(|| unescape(place))
    };
    mountinfo.lines().filter_map(one).collect()
}

/// `\040` is a blank, and so on.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        match part.get(..3).and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(code) => {
                out.push(char::from(code));
                out.push_str(part.get(3..).unwrap_or(""));
            }
            None => {
                out.push('\\');
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_hides_what_it_replaces_and_not_what_it_only_protects() {
        let first = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:5 / /dev rw - devtmpfs udev rw\n24 22 8:2 / /home rw - ext4 /dev/sda2 rw\n\
            25 22 0:20 / /proc rw - proc proc rw\n26 22 0:30 / /run rw - tmpfs tmpfs rw\n";
        let own = "90 1 8:1 / / ro - ext4 /dev/sda1 rw\n91 90 0:66 / /dev rw - tmpfs tmpfs rw\n92 90 0:30 / /run ro - tmpfs tmpfs rw\n\
            93 92 0:30 /systemd/inaccessible/dir /home ro - tmpfs tmpfs rw\n94 90 0:77 / /proc ro - proc proc rw\n\
            95 90 8:1 /tmp/systemd-private-x/tmp /tmp rw - ext4 /dev/sda1 rw\n96 90 8:1 /var/lib/f /var/lib/f rw - ext4 /dev/sda1 rw\n\
            97 92 0:30 /lock /run/lock ro - tmpfs tmpfs rw\n";
        assert_eq!(replaced(own, first).into_iter().collect::<Vec<_>>(), ["/dev", "/home", "/tmp"]);
        assert!(replaced(first, first).is_empty());
    }

    #[test]
    fn mounts_on_a_network_are_known() {
        let text = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:40 / /srv/a\\040b rw,relatime shared:1 - nfs4 host:/x rw\n\
            41 22 0:41 / /mnt/u rw - fuse.sshfs u@h: rw\n42 22 0:42 / /proc/cpuinfo rw - fuse.lxcfs lxcfs rw\n";
        assert_eq!(foreign(text), ["/srv/a b", "/mnt/u"]);
    }
}
