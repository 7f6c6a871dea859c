//! `fengsui simulate`: serves recordings as SNMP agents until Ctrl-C: one address a file, or one file at thousands of
//! addresses, with faults.

mod crowd;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::snmp::{Who, read_bounded, shown};
use super::text::pick;
use super::{Answer, Exit, Failure, block_on, print, say};
use crate::net::clock::Clock;
use crate::net::serve::Access;
use crate::sim::recording::{BadLine, MAX_BYTES};
use crate::sim::{DeviceSpec, Kind, Recording, ServiceSpec, World};

/// Recordings served at most: each takes a socket, and the usual limit of open files is 1024.
const MAX_FILES: usize = 900;

/// Options of `simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recording (.snmprec), or a directory of them, served in order of their names
    #[arg(value_name = "DIR|FILE")]
    pub path: PathBuf,
    /// First address and how far to count, such as 127.1.0.1/24:1161; without :PORT it is 161
    #[arg(long, value_name = "ADDR/LEN[:PORT]", value_parser = Range::parse)]
    pub listen: Range,
    /// Who may ask.
    #[command(flatten)]
    pub who: Who,
    /// One recording at many addresses.
    #[command(flatten)]
    pub many: crowd::Many,
}

/// Addresses to serve on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    last: IpAddr,
    port: u16,
}

impl Range {
    /// Reads `127.1.0.1/24:1161`, `127.1.0.1`, `[::1]:1161`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` does not read ADDR/LEN[:PORT], such as 127.1.0.1/24:1161");
        let (net, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((net, "")) => (net, None),
            Some((net, rest)) => (net, Some(rest.strip_prefix(':').ok_or_else(bad)?)),
            None => text.split_once(':').map_or((text, None), |(net, port)| (net, Some(port))),
        };
        let port = port.map_or(Ok(161), |port| port.parse().map_err(|_| bad()))?;
        if let Ok(one) = net.parse() {
            return Ok(Self { first: one, last: one, port });
        }
        let net: ipnet::IpNet = net.parse().map_err(|_| bad())?;
        let mut hosts = net.hosts();
        let begin = hosts.next().ok_or_else(bad)?;
        Ok(Self { first: net.addr().max(begin), last: hosts.last().unwrap_or(begin), port })
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let next = |at: IpAddr| match at {
            IpAddr::V4(at) => u32::from(at).checked_add(1).map(|n| IpAddr::from(n.to_be_bytes())),
            IpAddr::V6(at) => u128::from(at).checked_add(1).map(|n| IpAddr::from(n.to_be_bytes())),
        };
        let last = self.last;
        std::iter::successors(Some(self.first), move |at| next(*at)).take_while(move |at| *at <= last)
    }
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let secrets = args.who.secrets()?;
    if args.many.devices.is_some() {
        return crowd::run(&args, secrets);
    }
    let files = files(&args.path)?;
    let mut addresses = args.listen.addresses();
    let mut devices = Vec::with_capacity(files.len());
    let mut bad = Vec::new();
    for file in &files {
        let Some(address) = addresses.next() else {
            let room = args.listen.addresses().count();
            return Err(Failure::usage(pick(
                format!("--listen 只有 {room} 个地址，而录制文件有 {} 个：请给更大的网段", files.len()),
                format!("--listen has {room} addresses for {} recordings: give a wider network", files.len()),
            )));
        };
        match read(file, Recording::parse) {
            Err(lines) => bad.extend(lines),
            Ok(recording) => {
                let kind = Kind::Snmp { recording: Arc::new(recording), access: Access::new(secrets.clone()) };
                devices.push(DeviceSpec {
                    name: shown(file),
                    address,
                    services: vec![ServiceSpec::new(args.listen.port, kind)],
                });
            }
        }
    }
    if !bad.is_empty() {
        return Err(Failure::usage(bad.join("\n")));
    }
    block_on(2, serve(devices))?
}

/// What `read` makes of a recording, or what is wrong with it, line by line.
fn read<T>(file: &Path, read: fn(&str, &[u8]) -> Result<T, Vec<BadLine>>) -> Result<T, Vec<String>> {
    let name = shown(file);
    let bytes = read_bounded(file, MAX_BYTES).map_err(|why| vec![format!("{name}: {why}")])?;
    read(&name, &bytes).map_err(|lines| lines.iter().map(ToString::to_string).collect())
}

async fn serve(devices: Vec<DeviceSpec>) -> Answer {
    let world = World::start(devices, &Clock::system()).await.map_err(|error| Failure::unseen(error.to_string()))?;
    for (device, _, address, _) in world.services() {
        print(&format!("{} -> {device}", shown_address(address)));
    }
    answering().await?;
    world.stop().await;
    Ok(Exit::Good)
}

/// Says so, and returns on Ctrl-C.
async fn answering() -> Result<(), Failure> {
    say(pick("正在应答；按 Ctrl-C 结束", "answering; Ctrl-C ends it"));
    wait_for_interrupt().await
}

fn shown_address(address: SocketAddr) -> String {
    format!("udp {address}")
}

/// Returns on Ctrl-C.
pub(super) async fn wait_for_interrupt() -> Result<(), Failure> {
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| Failure::unseen(format!("{}: {error}", pick("无法等待 Ctrl-C", "cannot wait for Ctrl-C"))))
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::usage(format!(
            "{}: {error}; {}",
            shown(path),
            pick("请给出录制文件或其目录", "give a recording or a directory of them")
        ))
    };
    if !std::fs::metadata(path).map_err(cannot)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|e| e == "snmprec") {
            files.push(file);
        }
    }
    files.sort();
    match files.len() {
        0 => Err(Failure::usage(format!(
            "{}: {}",
            shown(path),
            pick("其中没有 .snmprec 文件", "it has no .snmprec file")
        ))),
        1..=MAX_FILES => Ok(files),
        many => Err(Failure::usage(pick(
            format!("{}: {many} 个录制文件超过上限 {MAX_FILES}", shown(path)),
            format!("{}: {many} recordings are more than {MAX_FILES}", shown(path)),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_begins_at_its_address_and_ends_with_its_network() {
        let list = |text: &str| {
            let range = Range::parse(text).unwrap();
            let all: Vec<String> = range.addresses().map(|a| a.to_string()).collect();
            (all.len(), all.first().cloned().unwrap(), all.last().cloned().unwrap(), range.port)
        };
        assert_eq!(list("127.1.0.1/24:1161"), (254, "127.1.0.1".into(), "127.1.0.254".into(), 1161));
        assert_eq!(list("127.0.0.0/30"), (2, "127.0.0.1".into(), "127.0.0.2".into(), 161));
        assert_eq!(list("127.1.0.250/24:1161").0, 5);
        assert_eq!(list("127.0.0.1:1161"), (1, "127.0.0.1".into(), "127.0.0.1".into(), 1161));
        assert_eq!(list("[::1]:1161"), (1, "::1".into(), "::1".into(), 1161));
        for text in ["", "here", "127.0.0.1/33", "127.0.0.1:x", "[::1]x"] {
            assert!(Range::parse(text).is_err(), "{text}");
        }
    }
}
