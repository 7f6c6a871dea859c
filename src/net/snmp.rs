//! Asking SNMP agents, v1, v2c and v3: get, get-bulk, and several columns of a table at once.
//!
//! One socket a family serves all devices, because a socket a device costs a descriptor and a buffer each. Versions 1 and
//! 2c go through an engine of our own, which reads answers where they lie; version 3 through the library. A cut table is
//! data: what came is kept, beside why the rest did not. It refuses to walk for ever: an OID that does not grow ends its
//! column, rows and packets are capped, each with its name.

mod appetite; // how many rows a device is asked for
mod convert; // values as they stand on the wire, and values to keep
mod engine; // notifications of v3, and the engine they are sent to
mod fast; // v1 and v2c
mod knock; // whether anybody is there
mod shown; // values as people read them
mod table; // a walk of several columns, step by step
mod user; // v3
mod walk;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use ::snmp::ErrorStatus;
pub use ::snmp::{Oid, Value};

pub use self::convert::encode;
pub use self::engine::{Engine, Opened, PeerClock};
pub use self::fast::{Traffic, rehearse};
pub use self::knock::{knock, refuses};
pub use self::shown::shown;
pub(super) use self::user::{auth_of, privacy_of};
pub use self::walk::{Columns, MAX_ROWS, Sink, Walked};

use self::appetite::Appetite;
use self::fast::{Lines, Peer};
use self::table::Table;
use self::user::{Asked, Users};
use super::clock::Clock;
use super::error::NetError;
use crate::codec::snmp::{Kind, Malformed};
use crate::model::Secret;
use crate::model::device::Asking;
use crate::model::observation::Cause;
use crate::model::time::Mono;

/// The kernel's default of 208 KiB overflows when hundreds of devices answer at once.
const RECEIVE_BUFFER: usize = 4 << 20;
/// OIDs in one GET: the fixed part of a device fits, and the reply stays within a frame or two.
const MAX_GET: usize = 32;
/// Devices whose appetite is kept while nobody asks them.
const MAX_KNOWN: usize = 20_000;

/// Why an agent gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnmpError {
    /// Nothing came in time.
    #[error("snmp {peer}: no answer in time")]
    Timeout {
        /// Agent.
        peer: SocketAddr,
    },
    /// The device said that nobody listens on the port.
    #[error("snmp {peer}: port unreachable, no agent listens there")]
    Refused {
        /// Agent.
        peer: SocketAddr,
    },
    /// SNMPv3: user, key or time refused.
    #[error("snmp {peer}: {why}")]
    Auth {
        /// Agent.
        peer: SocketAddr,
        /// The report, and what to look at.
        why: String,
    },
    /// The agent answered with an error status.
    #[error("snmp {peer}: the agent answered {status}")]
    Status {
        /// Agent.
        peer: SocketAddr,
        /// Status.
        status: ErrorStatus,
        /// Which variable, from 1; 0 = none.
        index: u32,
    },
    /// The agent broke the protocol.
    #[error("snmp {peer}: {why}")]
    Protocol {
        /// Agent.
        peer: SocketAddr,
        /// How.
        why: String,
    },
    /// An answer came, and could not be read.
    #[error("snmp {peer}: an answer could not be decoded: {why}")]
    Malformed {
        /// Agent.
        peer: SocketAddr,
        /// What is wrong with it, and where.
        why: Malformed,
    },
    /// The network or this host.
    #[error("{0}")]
    Net(NetError),
}

impl SnmpError {
    /// Why, in one word.
    pub const fn cause(&self) -> Cause {
        match self {
            Self::Timeout { .. } => Cause::Timeout,
            Self::Refused { .. } => Cause::Refused,
            Self::Auth { .. } => Cause::Auth,
            Self::Status { status: ErrorStatus::AuthorizationError | ErrorStatus::NoAccess, .. } => Cause::Auth,
            Self::Status { .. } | Self::Protocol { .. } | Self::Malformed { .. } => Cause::Protocol,
            Self::Net(error) => error.cause,
        }
    }
}

impl From<SnmpError> for NetError {
    fn from(error: SnmpError) -> Self {
        Self::new(error.cause(), error.to_string())
    }
}

/// How a session asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// How long one try waits on average: the first waits less, each that follows twice as long as the one before.
    pub timeout: Duration,
    /// How often a request is sent again.
    pub retries: u32,
    /// Whether an answer must come from the address that was asked; multi-homed devices may answer from another.
    pub strict_source: bool,
}

/// How long the last request to a device took, in microseconds; 0 = none yet, or it was sent more than once and nobody knows
/// which of them was answered.
#[derive(Debug, Default)]
struct RoundTrip(AtomicU32);

impl RoundTrip {
    fn note(&self, took: Option<Duration>) {
        let micros = took.map_or(0, |took| u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1));
        self.0.store(micros, Relaxed);
    }

    fn last(&self) -> Option<Duration> {
        let micros = self.0.load(Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros.into()))
    }
}

/// What one runtime shares: sockets, and hashed keys.
#[derive(Default)]
struct Shared {
    lines: Lines,
    users: Users,
    /// By device: what is learnt outlives a session, and is of use to all who ask it.
    appetites: Mutex<HashMap<SocketAddr, Arc<Appetite>>>,
}

impl Shared {
    /// The one of this runtime. Sockets belong to the runtime that made them, so there is one a runtime;
    /// they close with the last session.
    fn here() -> Arc<Self> {
        static ALL: Mutex<Vec<(tokio::runtime::Id, Weak<Shared>)>> = Mutex::new(Vec::new());
        let id = tokio::runtime::Handle::current().id();
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, shared)| shared.strong_count() > 0);
        if let Some(shared) = all.iter().find(|(at, _)| *at == id).and_then(|(_, shared)| shared.upgrade()) {
            return shared;
        }
        let shared = Arc::new(Self::default());
        all.push((id, Arc::downgrade(&shared)));
        shared
    }

    fn appetite(&self, peer: SocketAddr) -> Arc<Appetite> {
        let mut all = self.appetites.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_KNOWN && !all.contains_key(&peer) {
            all.retain(|_, appetite| Arc::strong_count(appetite) > 1);
        }
        all.entry(peer).or_default().clone()
    }
}

/// One agent, asked again and again. It has one request at a time to answer, whatever the number of its sessions: they take
/// turns.
pub struct Session {
    way: Way,
    peer: SocketAddr,
    v1: bool,
    asking: Asking,
    /// Variables that came, and of v3 the requests for them.
    variables: AtomicU64,
    asked: AtomicU32,
    appetite: Arc<Appetite>,
    _shared: Arc<Shared>,
}

/// What went to one agent and came from it since its session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exchanged {
    /// Requests.
    pub requests: u32,
    /// Those among them that were sent before; of v3 they are not known.
    pub again: u32,
    /// Variables that came.
    pub variables: u64,
}

/// How an agent is asked.
enum Way {
    /// v1 and v2c.
    Fast(Peer),
    /// v3.
    User(Box<Asked>),
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Session {
    /// Ready to ask; nothing is sent yet.
    pub async fn open(peer: SocketAddr, secret: &Secret, manner: Manner) -> Result<Self, SnmpError> {
        let shared = Shared::here();
        let (way, v1) = match secret {
            Secret::SnmpCommunity { v1, community } => {
                (Way::Fast(shared.lines.peer(peer, *v1, community.expose(), manner)?), *v1)
            }
            secret => (Way::User(Box::new(shared.users.device(peer, secret, manner).await?)), false),
        };
        Ok(Self::new(way, peer, v1, shared))
    }

    fn new(way: Way, peer: SocketAddr, v1: bool, shared: Arc<Shared>) -> Self {
        Self {
            way,
            peer,
            v1,
            asking: Asking::default(),
            variables: AtomicU64::new(0),
            asked: AtomicU32::new(0),
            appetite: shared.appetite(peer),
            _shared: shared,
        }
    }

    /// The same agent asked about one VLAN, as bridges want it whose BRIDGE-MIB there is once a VLAN: by a community of its
    /// own, `NAME@VLAN`, or of v3 in a context of its own, `vlan-VLAN`.
    pub async fn of_vlan(&self, vlan: u32) -> Result<Self, SnmpError> {
        let way = match &self.way {
            Way::Fast(peer) => Way::Fast(peer.of_vlan(vlan)),
            Way::User(device) => Way::User(Box::new(self._shared.users.of_vlan(device, vlan).await?)),
        };
        Ok(Self { asking: self.asking, ..Self::new(way, self.peer, self.v1, self._shared.clone()) })
    }

    /// From here on tables are asked for as the device wants it.
    pub const fn ask_as(&mut self, asking: Asking) {
        self.asking = asking;
    }

    /// Rows that one request for what stands behind others asks for; none with GETNEXT.
    fn rows(&self, wanted: u32) -> Option<u32> {
        let next = self.v1 || self.asking.bulk == Some(false);
        (!next).then(|| self.asking.repetitions.map_or(wanted, |rows| rows.min(wanted)))
    }

    /// The agent's address.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What went over the socket that this session shares with others of its runtime, v1 and v2c only.
    pub fn traffic(&self) -> Option<Traffic> {
        match &self.way {
            Way::Fast(peer) => Some(peer.traffic()),
            Way::User(_) => None,
        }
    }

    /// From the last request to its answer; none if it had to be sent again.
    pub fn round_trip(&self) -> Option<Duration> {
        match &self.way {
            Way::Fast(peer) => peer.round_trip(),
            Way::User(device) => device.round_trip(),
        }
    }

    /// What went to this agent and came from it.
    pub fn exchanged(&self) -> Exchanged {
        let (requests, again) = match &self.way {
            Way::Fast(peer) => peer.sent(),
            Way::User(_) => (self.asked.load(Relaxed), 0),
        };
        Exchanged { requests, again, variables: self.variables.load(Relaxed) }
    }

    fn came(&self, requests: u32, variables: u64) {
        self.asked.fetch_add(requests, Relaxed);
        self.variables.fetch_add(variables, Relaxed);
    }

    /// The values of exactly these OIDs, as far as the agent has them: what it lacks is not in the answer.
    pub async fn get(&self, oids: &[Oid]) -> Result<BTreeMap<Oid, Value>, SnmpError> {
        let mut found = self.look_up(oids).await?;
        found.retain(|_, value| !value.is_exception());
        Ok(found)
    }

    /// The same with what it says of those that it lacks: noSuchObject or noSuchInstance (RFC 3416), of v1 nothing.
    pub async fn look_up(&self, oids: &[Oid]) -> Result<BTreeMap<Oid, Value>, SnmpError> {
        let mut wanted = oids.to_vec();
        loop {
            match self.get_once(&wanted).await {
                Ok(answer) => {
                    return Ok(answer.into_iter().filter(|(oid, _)| wanted.contains(oid)).collect());
                }
                // v1 refuses the whole request for one missing variable: ask again without it.
                Err((first, SnmpError::Status { status: ErrorStatus::NoSuchName, index, .. }))
                    if self.v1 && index > 0 && wanted.len() >= first + index as usize =>
                {
                    wanted.remove(first + index as usize - 1);
                }
                Err((_, other)) => return Err(other),
            }
        }
    }

    /// The same of an agent that refuses a whole request for one variable that it cannot read, or for its size: each half is
    /// asked for by itself. What is refused alone is named, with why.
    pub async fn get_in_parts(
        &self,
        oids: &[Oid],
    ) -> Result<(BTreeMap<Oid, Value>, Vec<(Oid, SnmpError)>), SnmpError> {
        let (mut found, mut refused) = (BTreeMap::new(), Vec::new());
        let mut left = vec![oids];
        while let Some(oids) = left.pop() {
            match (self.get(oids).await, oids) {
                (Ok(values), _) => found.extend(values),
                (Err(error @ SnmpError::Status { .. }), [oid]) => refused.push((oid.clone(), error)),
                (Err(SnmpError::Status { .. }), [_, _, ..]) => {
                    let (one, other) = oids.split_at(oids.len() / 2);
                    left.extend([other, one]);
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok((found, refused))
    }

    /// The answer to one GET of all of them, in as many requests as it takes; an error comes with the place of the
    /// first OID of the request that it is about.
    async fn get_once(&self, oids: &[Oid]) -> Result<Vec<(Oid, Value)>, (usize, SnmpError)> {
        let mut all = Vec::with_capacity(oids.len());
        for (at, part) in oids.chunks(MAX_GET).enumerate() {
            let answer = match &self.way {
                Way::Fast(peer) => peer.ask(Kind::Get, part, 0).await,
                Way::User(device) => device.in_turn(&self.appetite.turn, Box::pin(device.get(part))).await,
            };
            self.came(1, answer.as_ref().map_or(0, |found| found.len() as u64));
            all.extend(answer.map_err(|error| (at * MAX_GET, error))?);
        }
        Ok(all)
    }

    /// One GETBULK (of v1, and of devices that want none, one GETNEXT): variables row by row, in the order of `oids`.
    pub async fn get_bulk(&self, oids: &[Oid], repetitions: u32) -> Result<Vec<(Oid, Value)>, SnmpError> {
        let answer = match (&self.way, self.rows(repetitions)) {
            (Way::Fast(peer), None) => peer.ask(Kind::GetNext, oids, 0).await,
            (Way::Fast(peer), Some(rows)) => peer.ask(Kind::GetBulk, oids, rows).await,
            (Way::User(device), rows) => {
                device.in_turn(&self.appetite.turn, Box::pin(device.behind(oids, rows))).await
            }
        };
        self.came(1, answer.as_ref().map_or(0, |found| found.len() as u64));
        answer
    }

    /// Walks a table; the columns are encoded. The sink is gone only if the engine broke. How many rows a request asks for is
    /// what the device bore last time, or had room for.
    async fn walk_table(
        &self,
        columns: Vec<Vec<u8>>,
        sink: Box<dyn Sink>,
        mut walked: Walked,
        clock: &Clock,
        deadline: Mono,
    ) -> (Option<Box<dyn Sink>>, Walked) {
        let (packets, variables) = (walked.packets, walked.variables);
        let width = u32::try_from(columns.len()).unwrap_or(u32::MAX);
        let rows = self.rows(walked.wanted);
        walked.wanted = rows.unwrap_or(walked.wanted);
        (walked.worn, walked.roomy, walked.repetitions) = (false, 0, self.appetite.rows(walked.wanted, width));
        let mut table = Table::new(columns, sink, walked, self.v1, self.asking);
        let (sink, walked) = match &self.way {
            Way::Fast(peer) => peer.walk(table, deadline).await,
            Way::User(device) => {
                Box::pin(device.walk(&mut table, &self.appetite.turn, clock, deadline)).await;
                (Some(table.sink), table.walked)
            }
        };
        self.came(walked.packets.saturating_sub(packets), walked.variables.saturating_sub(variables));
        if rows.is_some() {
            self.appetite.learn(&walked);
        }
        (sink, walked)
    }
}

impl SnmpError {
    /// Whether a smaller request may fare better.
    const fn is_burden(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::Malformed { .. }
                | Self::Status { status: ErrorStatus::TooBig | ErrorStatus::GenErr, .. }
        )
    }
}
