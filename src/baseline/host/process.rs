//! Processes by `/proc` (proc(5)): what runs, under which program's path, for whom, and who owns a socket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::root::{PROC, Unseen};
use super::{Fact, Found, Host, Row, columns, include, listen};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The most open files that are looked at for the owners of sockets, all processes together.
const MAX_OPEN: usize = 200_000;

/// A running program.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    id: u32,
    name: String,
    uid: u32,
}

#[derive(Debug)]
struct Processes {
    names: Vec<String>,
}

/// `name` (the name of a program or a list of them, at most 15 characters as the kernel keeps them).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Processes { names: include::texts(table, "name", "[\"rsyslogd\", \"syslog-ng\"]")? }))
}

impl Fact for Processes {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("name", Type::Text), ("uid", Type::Number)])
    }

    /// A row for each that runs.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push("/proc/*/status".to_owned());
        let all = host.once("processes", running);
        let all = all.as_ref().as_ref().map_err(Clone::clone)?;
        for process in all.iter().filter(|p| self.names.contains(&p.name)) {
            let text = format!("{} {} uid {}", process.id, process.name, process.uid);
            let row = Row::at(&format!("/proc/{}/status", process.id), 1, text).about(process.name.as_str());
            found.rows.push(row.with("name", process.name.as_str()).with("uid", process.uid));
        }
        Ok(())
    }
}

fn ids(host: &Host) -> Result<Vec<u32>, Unseen> {
    host.root.whole(PROC)?;
    let names = host.root.list(PROC)?.ok_or_else(|| Unseen::Missing(PROC.to_owned()))?;
    Ok(names.iter().filter_map(|n| n.parse().ok()).collect())
}

fn running(host: &Host) -> Result<Vec<Process>, Unseen> {
    let mut all = Vec::new();
    for id in ids(host)? {
        // A process may end while it is looked at.
        let Ok(Some(bytes)) = host.root.bytes(&format!("/proc/{id}/status"), 64 * 1024) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let said = |key: &str| text.lines().find_map(|l| l.strip_prefix(key));
        let (Some(name), Some(uid)) = (said("Name:"), said("Uid:")) else { continue };
        let uid = uid.split_whitespace().nth(1).and_then(|u| u.parse().ok());
        all.extend(uid.map(|uid| Process { id, name: name.trim().to_owned(), uid }));
    }
    Ok(all)
}

/// The programs that own sockets, by inode.
pub(super) fn owners(host: &Host, wanted: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    let (mut owners, mut looked) = (BTreeMap::new(), 0);
    for id in ids(host).unwrap_or_default() {
        if owners.len() == wanted.len() || looked > MAX_OPEN {
            break;
        }
        let base = format!("/proc/{id}/fd");
        for open in host.root.list(&base).ok().flatten().unwrap_or_default() {
            looked += 1;
            let link = host.root.target(&format!("{base}/{open}")).ok().flatten();
            let Some(inode) = link.and_then(|l| listen::inode(&l)).filter(|i| wanted.contains(i)) else { continue };
            let program = host.root.target(&format!("/proc/{id}/exe")).ok().flatten();
            owners.entry(inode).or_insert_with(|| program.unwrap_or_default());
        }
    }
    owners
}
