//! ICMP echo to thousands of targets over one socket a family: raw with CAP_NET_RAW, else the unprivileged
//! ping socket. Requests and replies are stamped by the kernel, so a busy host does not show as a slow
//! link, and may be read at leisure. A reply counts only if identifier, sequence number, cookie and
//! source are those of a request of ours; all else that a raw socket sees is thrown away by the kernel. It
//! has no timers and no policy: whoever owns it decides when to send and to drain, and what an echo without
//! an answer means.

mod filter; // what the kernel throws away for us
mod line; // one socket, and what was sent through it

use std::hash::RandomState;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::codec::icmp::{Version, Why};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::icmp::line::{Line, Outbox};
use crate::net::sock::{BATCH, Inbox, Route};

/// How a socket was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A raw socket, with CAP_NET_RAW.
    Raw,
    /// An unprivileged ping socket (`net.ipv4.ping_group_range`).
    Ping,
}

/// An echo to send.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// To whom; the port is 0.
    pub to: SocketAddr,
    /// Bytes of payload.
    pub size: usize,
    /// How it travels.
    pub route: Route,
    /// Never cut into pieces: what does not fit is lost or complained about.
    pub whole: bool,
    /// A reply after this is late.
    pub deadline: Mono,
    /// Comes back with its events.
    pub token: u64,
}

/// What became of an echo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was answered.
    Reply {
        /// Whose.
        token: u64,
        /// How long it took; unknown if the clock was set in between.
        rtt: Option<Duration>,
        /// After its deadline.
        late: bool,
        /// Time to live, or hop limit, that was left of the answer.
        left: Option<u8>,
    },
    /// It was answered once more.
    Duplicate {
        /// Whose.
        token: u64,
    },
    /// A node on the way, or the target, said that it cannot be delivered.
    Unreachable {
        /// Whose.
        token: u64,
        /// Why not.
        why: Why,
        /// By whom, if known.
        by: Option<IpAddr>,
        /// How long that took; unknown if the clock was set in between.
        rtt: Option<Duration>,
    },
    /// It did not leave this host.
    NotSent {
        /// Whose.
        token: u64,
        /// Why.
        error: NetError,
        /// It is larger than the interface takes, and must not be cut.
        too_big: bool,
    },
}

impl Event {
    /// Whose.
    pub const fn token(&self) -> u64 {
        match self {
            Self::Reply { token, .. }
            | Self::Duplicate { token }
            | Self::Unreachable { token, .. }
            | Self::NotSent { token, .. } => *token,
        }
    }
}

/// Up to so many requests that leave together are all stamped by the kernel; of more, those between two stamps of one
/// system call get theirs from their neighbours (`line`).
const FEW: usize = 32;

/// Most requests that room is kept for.
const ROOM: usize = 1024;

/// Which socket a request takes: its version, and whether it may be cut into pieces.
type Way = (Version, bool);
const WAYS: [Way; 4] = [(Version::V4, false), (Version::V4, true), (Version::V6, false), (Version::V6, true)];

/// Sends echoes and tells what became of them.
#[derive(Debug)]
pub struct Pinger {
    clock: Clock,
    keys: RandomState,
    flow: Option<u16>,
    inbox: Inbox,
    outbox: Outbox,
    batch: Vec<Request>,
    /// In the order of `WAYS`.
    lines: [Option<Line>; WAYS.len()],
}

impl Pinger {
    /// Without sockets yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            keys: RandomState::new(),
            flow: None,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            batch: Vec::new(),
            lines: [None, None, None, None],
        }
    }

    /// The same, but all its echoes (up to 65,536) bear one identifier: together with the checksum, which is the
    /// same for all of one size, that makes them one flow to routers that share load between paths.
    pub fn of_flow(clock: Clock, identifier: u16) -> Self {
        Self { flow: Some(identifier), ..Self::new(clock) }
    }

    /// Makes the socket of a family, unless it is there.
    pub fn open(&mut self, version: Version) -> Result<Mode, NetError> {
        self.open_way((version, false))
    }

    /// Makes the socket for echoes that are never cut into pieces.
    pub fn open_whole(&mut self, version: Version) -> Result<Mode, NetError> {
        self.open_way((version, true))
    }

    fn open_way(&mut self, way: Way) -> Result<Mode, NetError> {
        let (keys, flow) = (&self.keys, self.flow);
        let Some(place) = self.lines.get_mut(place_of(way)) else {
            return Err(NetError::new(Cause::Internal, "no place for this socket"));
        };
        if let Some(line) = place {
            return Ok(line.mode());
        }
        let line = Line::open(way, keys, flow)?;
        let mode = line.mode();
        *place = Some(line);
        Ok(mode)
    }

    /// Whether the socket of a family is there.
    pub fn is_open(&self, version: Version) -> bool {
        self.line((version, false)).is_some()
    }

    fn line(&self, way: Way) -> Option<&Line> {
        self.lines.get(place_of(way)).and_then(Option::as_ref)
    }

    /// Sends; what could not be sent is told at once. The socket for echoes that must not be cut is made when the
    /// first such comes.
    pub fn send(&mut self, requests: &[Request], events: &mut Vec<Event>) {
        let mut batch = std::mem::take(&mut self.batch);
        for way in WAYS {
            batch.clear();
            batch.extend(requests.iter().filter(|r| (Version::of(r.to.ip()), r.whole) == way));
            if batch.is_empty() {
                continue;
            }
            let opened = if way.1 { self.open_way(way).map(drop) } else { Ok(()) };
            let line = self.lines.get_mut(place_of(way)).and_then(Option::as_mut);
            let Some(line) = line else {
                events.extend(batch.iter().map(|r| Event::NotSent {
                    token: r.token,
                    error: opened.clone().err().unwrap_or_else(|| no_socket(r.to.ip())),
                    too_big: false,
                }));
                continue;
            };
            let many = batch.len() > FEW;
            for part in batch.chunks(BATCH) {
                line.send(part, many, &self.clock, &self.keys, &mut self.outbox, events);
                if many {
                    // Stamps of what was sent, and answers from near by: read later they would have left the cache.
                    line.drain(&mut self.inbox, &self.clock, events);
                }
            }
            line.mend(&mut self.inbox, &self.clock, events);
        }
        batch.clear();
        batch.shrink_to(ROOM);
        self.batch = batch;
    }

    /// Reads what came in since the last time.
    pub fn drain(&mut self, events: &mut Vec<Event>) {
        for line in self.lines.iter_mut().flatten() {
            line.drain(&mut self.inbox, &self.clock, events);
        }
    }

    /// Whether a receive buffer of a family overflowed at or after `since`: what is unanswered since then may have
    /// been answered.
    pub fn overflowed(&self, version: Version, since: Mono) -> bool {
        [false, true].into_iter().filter_map(|whole| self.line((version, whole))?.overflow_at()).any(|at| at >= since)
    }

    /// Messages read that were no answer to a request of ours: what the kernel's filter let through nevertheless.
    pub fn foreign(&self) -> u64 {
        self.lines.iter().flatten().map(Line::foreign).sum()
    }
}

fn place_of(way: Way) -> usize {
    WAYS.iter().position(|w| *w == way).unwrap_or(WAYS.len())
}

fn no_socket(to: IpAddr) -> NetError {
    NetError::new(Cause::Unsupported, format!("echo {to}: no socket for it"))
}

#[cfg(test)]
mod tests;
