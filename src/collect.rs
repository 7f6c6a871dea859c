//! What is heard rather than asked for: one file a passive source and a row of `KINDS`. A collector owns its ports, says
//! whose each thing is, lets in so much of each source and one of what is said twice, looks for what rules want, copies
//! on what others want as well, and hands the rest to whoever runs it. It stores nothing and tells nobody.

mod desk;
mod ports;
pub mod syslog; // lines, over UDP and TCP
#[cfg(test)]
mod testing;
pub mod trap; // traps and informs of SNMP

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::{mpsc, watch};

use crate::engine::heard::{Hit, Matcher};
use crate::model::wire::{Heard, HeardCounts};
use crate::model::{Secret, SecretText};
use crate::net::clock::Clock;
use crate::net::hear::Udp;
use crate::net::snmp::PeerClock;
use crate::net::stop::Stop;

use desk::Desk;

pub use ports::{Ports, run, serve};

/// Lines or traps a second of one source unless told: a busy firewall at its usual; more for ten seconds.
pub const SOURCE_RATE: u32 = 200;

/// A row of `KINDS`.
#[derive(Debug)]
pub struct Kind {
    /// Name: topic of what it cannot do, name of the socket unit's descriptor, table of the settings.
    pub name: &'static str,
    /// What it hears, in words.
    pub noun: &'static str,
    /// Whether it is spoken over TCP too.
    pub streams: bool,
    /// Whether it has an engine of SNMP v3 (`Terms::engine`).
    pub engine: bool,
    /// Takes in one line or datagram.
    take: fn(&mut Desk<'_>, &Said<'_>),
}

/// All passive sources.
pub const KINDS: &[&Kind] = &[&syslog::KIND, &trap::KIND];

/// What came.
struct Said<'a> {
    from: SocketAddr,
    bytes: &'a [u8],
    /// The port it came by, for an answer.
    port: Option<&'a Udp>,
}

/// How a collector listens.
#[derive(Debug, Default)]
pub struct Terms {
    /// Where it binds ports of its own.
    pub listen: Vec<SocketAddr>,
    /// Ports that the service manager has bound; instead of its own.
    pub handed: Vec<OwnedFd>,
    /// What one source may send a second.
    pub rate: u32,
    /// Who is believed when it says whose it brings.
    pub relays: Vec<IpNet>,
    /// Who gets copies.
    pub copies: Vec<CopyTo>,
    /// Community of what came in SNMP v3 and is copied on, in v2c.
    pub opened: Option<SecretText>,
    /// Whose clock of SNMP v3 may be another than before our start: devices that were replaced, or lost their boots.
    pub new_clocks: Vec<IpNet>,
    /// The engine of SNMP v3 that is spoken to; without it v3 is not taken.
    pub engine: Option<EngineTerms>,
}

/// An engine of SNMP v3.
#[derive(Debug)]
pub struct EngineTerms {
    /// Its id (RFC 3411 section 5), the same as long as it lives.
    pub id: Vec<u8>,
    /// How often it has started, from 1; it never starts twice with the same number.
    pub boots: u32,
    /// The clocks of other engines as they were before this start.
    pub clocks: Vec<PeerClock>,
    /// Its users.
    pub users: watch::Receiver<Arc<[Secret]>>,
}

/// Another receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTo {
    /// Its UDP port.
    pub to: SocketAddr,
    /// How it is written for it.
    pub form: Form,
}

/// How a copy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// With the address of whoever wrote it: RFC 5424 for lines, snmpTrapAddress for traps.
    #[default]
    Relayed,
    /// Byte by byte; the receiver sees us as its source.
    Original,
}

/// What a collector is connected to.
pub struct Wires {
    /// Time.
    pub clock: Clock,
    /// Patterns and addresses of the plan in use.
    pub matcher: watch::Receiver<Arc<Matcher>>,
    /// Where it puts what it heard; it waits when that is full, and the kernel keeps what comes meanwhile.
    pub out: mpsc::Sender<Parcel>,
    /// Where it says what it cannot do; nothing = all is well.
    pub trouble: Box<dyn Fn(&'static str, Option<String>) + Send + Sync>,
    /// When it ends.
    pub stop: Stop,
}

/// What was heard within a moment.
#[derive(Debug, Default)]
pub struct Parcel {
    /// What is to be kept.
    pub rows: Vec<Heard>,
    /// Rules that it fits, in order.
    pub hits: Vec<Hit>,
    /// The clocks of engines of SNMP v3, if one moved: to be kept over a restart.
    pub clocks: Option<Vec<PeerClock>>,
    /// How much the collector heard so far, now and then.
    pub counts: Option<HeardCounts>,
}

/// Whether an address is one of those.
fn among(nets: &[IpNet], address: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(&address))
}
