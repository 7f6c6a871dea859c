//! Who listens: `/proc/net/{tcp,tcp6,udp,udp6}` (proc(5)) and, through the sockets' inodes, the program that owns each.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::process;
use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The tables, their word, and whether they are of UDP.
const TABLES: [(&str, &str, bool); 4] = [
    ("/proc/net/tcp", "tcp", false),
    ("/proc/net/tcp6", "tcp", false),
    ("/proc/net/udp", "udp", true),
    ("/proc/net/udp6", "udp", true),
];

#[derive(Debug)]
struct Listeners;

/// No settings.
pub(super) fn read(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Listeners))
}

impl Fact for Listeners {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("socket", Type::Text),
            ("address", Type::Text),
            ("port", Type::Number),
            ("local", Type::Bool),
            ("program", Type::Text),
        ])
    }

    /// A row for each socket; `program` is the path of the owner's, empty where it could not be seen.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.extend(TABLES.iter().map(|(path, ..)| (*path).to_owned()));
        let rows = host.once("listeners", listeners);
        found.rows.extend(rows.as_ref().as_ref().map_err(Clone::clone)?.iter().cloned());
        Ok(())
    }
}

fn listeners(host: &Host) -> Result<Vec<Row>, Unseen> {
    let mut all = Vec::new();
    for (path, word, udp) in TABLES {
        // The kernel may have no IPv6.
        if let Some(text) = host.root.text(path)? {
            all.extend(sockets(&text, udp).into_iter().map(|s| (path, word, s)));
        }
    }
    if all.is_empty() && !host.root.exists(TABLES[0].0)? {
        return Err(Unseen::Missing(TABLES[0].0.to_owned()));
    }
    let wanted = all.iter().map(|(_, _, s)| s.inode).collect();
    let owners: BTreeMap<u64, String> = process::owners(host, &wanted);
    let rows = all.into_iter().map(|(path, word, socket)| {
        let program = owners.get(&socket.inode).cloned().unwrap_or_default();
        let (name, local) = (format!("{word}/{}", socket.port), socket.is_local());
        let text = format!("{word} {}:{} {program}", socket.address, socket.port);
        let row = Row::at(path, socket.line, text).about(name.as_str()).with("socket", name).with("local", local);
        let row = row.with("address", socket.address.to_string()).with("port", f64::from(socket.port));
        row.with("program", program)
    });
    Ok(rows.collect())
}

/// The most sockets of one table that are looked at.
const MAX_SOCKETS: usize = 65_536;

/// A socket that waits for others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Socket {
    /// Address that it is bound to.
    address: IpAddr,
    /// Port.
    port: u16,
    /// Inode, by which its owner is found.
    inode: u64,
    /// Line, from 1.
    line: usize,
}

impl Socket {
    /// Whether only this host reaches it.
    fn is_local(&self) -> bool {
        match self.address {
            IpAddr::V4(a) => a.is_loopback(),
            IpAddr::V6(a) => a.is_loopback() || a.to_ipv4_mapped().is_some_and(|a| a.is_loopback()),
        }
    }
}

/// The sockets of a table of the kernel's that wait: TCP in state LISTEN (0A), UDP that is bound without a peer (07).
fn sockets(text: &str, udp: bool) -> Vec<Socket> {
    let state = if udp { "07" } else { "0A" };
    let parse = |(line, number): (&str, usize)| {
        let mut fields = line.split_whitespace();
        let (local, remote) = (fields.nth(1)?, fields.next()?);
        if fields.next()? != state || (udp && !remote.ends_with(":0000")) {
            return None;
        }
        let (address, port) = local.split_once(':')?;
        let inode = fields.nth(5)?.parse().ok()?;
        Some(Socket { address: ip(address)?, port: u16::from_str_radix(port, 16).ok()?, inode, line: number })
    };
    text.lines().zip(1..).skip(1).take(MAX_SOCKETS).filter_map(parse).collect()
}

/// An address as the kernel prints it: words of 32 bits in the machine's own byte order.
fn ip(hex: &str) -> Option<IpAddr> {
    if !hex.is_ascii() {
        return None;
    }
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for (i, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(i * 8)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// The inode that a link of `/proc/PID/fd` names: `socket:[123]`.
pub(super) fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_told_from_others() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21 1 0 100\n\
            1: 00000000:0017 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1 0 100\n\
            2: 0100007F:0016 0100007F:8888 01 00000000:00000000 00:00000000 00000000     0        0 23 1 0 100\nx\n";
        let all = sockets(text, false);
        assert_eq!(
            all.iter().map(|s| (s.port, s.inode, s.is_local())).collect::<Vec<_>>(),
            [(22, 21, true), (23, 22, false)]
        );
        let six = "h\n 0: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 0:0 0:0 0 0 0 9 2 0\n";
        let all = sockets(six, true);
        assert_eq!((all[0].address.to_string().as_str(), all[0].is_local()), ("::1", true));
        assert_eq!(inode("socket:[77]"), Some(77));
        assert_eq!(inode("pipe:[77]"), None);
    }
}
