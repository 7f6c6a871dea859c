//! The asking end of a STAMP session (RFC 8762): one socket, one peer, packets numbered from 1. Both directions carry
//! the kernel's timestamps, so a busy host does not show as a slow line. A reply counts only if it comes from the
//! peer, is signed where a key is used, and gives back the number, the time and the identifier of a request of ours.
//! It has no policy: when to ask, how long to wait and what silence means is for others.
#![expect(clippy::disallowed_types, reason = "this is where STAMP's sockets are made")]

pub mod port; // the answering end

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::codec::icmp::{Version, Why};
use crate::codec::stamp::{self, Estimate, Format, Key, Malformed, Reply, Request, Stamp};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::{self, Clock, Departure};
use crate::net::error::NetError;
use crate::net::sock::{self, Inbox, Notice, Outgoing, Queue, Received, Route, Stamps};

/// Datagrams read a call: a session has few on their way.
const INBOX: usize = 4;
/// Most calls in one drain, so that a flood from the peer cannot keep us from sending.
const MAX_CALLS: usize = 64;
/// Requests remembered, to know a late or doubled reply from a forged one: twenty a run, two hundred runs.
const MAX_REMEMBERED: usize = 4096;
/// Lower bits of the time that a request carries which are chance instead, so that nobody who does not see the
/// request can answer it: four microseconds, about what a program's time of leaving is good for.
const CHANCE: u64 = 0x3fff;
/// What `CHANCE` adds to the error of that time.
const CHANCE_ERROR: Duration = Duration::from_micros(4);
/// Some give the time of a request back through a decimal fraction: two nanoseconds off at most.
const ROUNDING: u64 = 8;
/// Packets leave with the most hops there are, answers too, so that those left at the far side tell the path's length.
pub const HOPS: u8 = 255;

/// How a session asks.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Signs requests; replies must be signed with it too.
    pub key: Option<Key>,
    /// Bytes of a request, as far as it does not need more.
    pub size: usize,
    /// How requests travel; the source is that of the whole session.
    pub route: Route,
}

/// The four times of an exchange, in nanoseconds since 1970, each by the clock of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The request left.
    pub sent: i64,
    /// It reached the far side.
    pub far_received: i64,
    /// The reply left there.
    pub far_sent: i64,
    /// It arrived.
    pub received: i64,
}

/// A request that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its number.
    pub seq: u32,
    /// The far side's number of the reply.
    pub far_seq: u32,
    /// When what happened; unknown if our clock was set in between.
    pub times: Option<Times>,
    /// How good the far side's clock is, as it says.
    pub far: Estimate,
    /// From request to reply as this program saw it: what the kernel's times leave out is in it.
    pub waited: Duration,
    /// Time to live that was left of the request as it arrived, of `HOPS`; 0 from those who do not tell.
    pub left: u8,
    /// After its deadline.
    pub late: bool,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was answered.
    Answered(Answer),
    /// It was answered once more.
    Copied {
        /// Its number.
        seq: u32,
        /// The far side's number of the second reply.
        far_seq: u32,
    },
    /// A node on the way, or the far side's host, said that it cannot be delivered.
    Unreachable {
        /// Its number.
        seq: u32,
        /// In which words.
        error: NetError,
    },
    /// Something came from the peer that answers nothing of ours.
    Strange {
        /// It was signed with another key, or not at all.
        unsigned: bool,
    },
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Unreachable,
    Answered,
}

#[derive(Debug)]
struct Sent {
    stamp: Stamp,
    departure: Departure,
    deadline: Mono,
    state: State,
}

/// A session with one peer.
#[derive(Debug)]
pub struct Session {
    clock: Clock,
    keys: RandomState,
    terms: Terms,
    socket: UdpSocket,
    inbox: Inbox,
    book: Book,
}

/// What was sent in a session, and what it met.
#[derive(Debug)]
struct Book {
    peer: SocketAddr,
    ssid: u16,
    first: u32, // number of the oldest remembered
    sent: VecDeque<Sent>,
    numbers_from: Option<u32>, // our number of what the kernel counts as 0; none where it does not stamp
    drops: u32,
    overflowed: bool,
}

impl Session {
    /// A fresh port of ours, which stays: a reflector counts by it.
    pub fn open(peer: SocketAddr, terms: Terms, clock: Clock) -> Result<Self, NetError> {
        let failed = |error: io::Error| NetError::io(format_args!("udp {peer}"), &error);
        let keys = RandomState::new();
        let socket =
            connected(peer, terms.route.source).and_then(|s| UdpSocket::from_std(s.into())).map_err(failed)?;
        let book = Book {
            peer,
            ssid: (keys.hash_one("session") as u16).max(1),
            first: 1,
            sent: VecDeque::new(),
            numbers_from: None,
            drops: 0,
            overflowed: false,
        };
        let mut session = Self { clock, keys, terms, socket, inbox: Inbox::holding(INBOX), book };
        session.restart_numbers();
        Ok(session)
    }

    /// Whom it asks.
    pub const fn peer(&self) -> SocketAddr {
        self.book.peer
    }

    /// The number of the next request.
    pub fn next(&self) -> u32 {
        self.book.next()
    }

    /// Whether datagrams to it were dropped here since this was asked last: what is unanswered may have been answered.
    pub const fn take_overflowed(&mut self) -> bool {
        std::mem::replace(&mut self.book.overflowed, false)
    }

    /// Sends one request; a reply after `deadline` is late. Returns its number.
    pub fn send(&mut self, deadline: Mono) -> Result<u32, NetError> {
        let (seq, peer) = (self.book.next(), self.book.peer);
        let quality = self.clock.quality();
        let estimate =
            Estimate { in_step: quality.in_step, format: Format::Ntp, error: quality.error + CHANCE_ERROR };
        let before = self.clock.stamp();
        let chance = self.keys.hash_one((seq, before.wall)) & CHANCE;
        let stamp = Stamp(Stamp::ntp(before.wall).0 & !CHANCE | chance);
        let request = Request { seq, stamp, estimate: estimate.to_wire(), ssid: self.book.ssid };
        let bytes = stamp::write_request(&request, self.terms.size, self.terms.key.as_ref());
        let route = Route { source: None, ..self.terms.route }; // it is bound to it
        let out = [Outgoing { to: peer, bytes: &bytes, route, stamped: false }];
        if let Err(error) = sock::send_many(&SockRef::from(&self.socket), out) {
            self.restart_numbers(); // the kernel may or may not have counted it
            return Err(NetError::io(format_args!("udp {peer}"), &error));
        }
        self.book.enter(Sent { stamp, departure: Departure { before, left: None }, deadline, state: State::Waiting });
        Ok(seq)
    }

    /// Takes what came in; without any waits for it until `deadline`. False if nothing came.
    pub async fn receive(&mut self, deadline: Mono, events: &mut Vec<Event>) -> bool {
        let clock = self.clock.clone();
        loop {
            self.drain(events);
            if !events.is_empty() {
                return true;
            }
            let both = Interest::READABLE | Interest::ERROR;
            let Some(Ok(_)) = clock.until(deadline, self.socket.ready(both)).await else { return false };
            // Not ready until something new comes, each by itself; what is there already is read above.
            for one in [Interest::READABLE, Interest::ERROR] {
                let _ = self.socket.try_io(one, || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into()));
            }
        }
    }

    /// Takes what came in.
    pub fn drain(&mut self, events: &mut Vec<Event>) {
        // The stamp of a request is there before its reply.
        for queue in [Queue::Errors, Queue::Data] {
            for _ in 0..MAX_CALLS {
                // An error here is one that the error queue tells in full.
                let Ok(n) = self.inbox.receive(&SockRef::from(&self.socket), queue) else { continue };
                let now = self.clock.stamp();
                for received in self.inbox.iter() {
                    match queue {
                        Queue::Errors => self.book.notice(&received, events),
                        Queue::Data => self.book.datagram(&received, now, self.terms.key.as_ref(), events),
                    }
                }
                if n < INBOX {
                    break;
                }
            }
        }
    }

    /// Begins the kernel's numbering of requests anew.
    fn restart_numbers(&mut self) {
        let socket = SockRef::from(&self.socket);
        let begun = sock::timestamps(&socket, Stamps::Off).and_then(|()| sock::timestamps(&socket, Stamps::All));
        self.book.numbers_from = begun.ok().map(|()| self.book.next());
    }
}

impl Book {
    /// The number of the next request.
    fn next(&self) -> u32 {
        self.first.wrapping_add(self.sent.len() as u32)
    }

    fn enter(&mut self, sent: Sent) {
        self.sent.push_back(sent);
        if self.sent.len() > MAX_REMEMBERED {
            self.sent.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    fn find(&mut self, seq: u32) -> Option<&mut Sent> {
        self.sent.get_mut(seq.wrapping_sub(self.first) as usize)
    }

    fn notice(&mut self, received: &Received<'_>, events: &mut Vec<Event>) {
        match received.notice {
            Some(Notice::Sent { number }) => {
                let (Some(base), Some(stamp)) = (self.numbers_from, received.stamp) else { return };
                if let Some(sent) = self.find(base.wrapping_add(number))
                    && stamp >= sent.departure.before.wall
                {
                    sent.departure.left = Some(stamp);
                }
            }
            Some(Notice::Error { kind, code, info, origin: 2 | 3, by, .. }) => {
                let why = Why::of(Version::of(self.peer.ip()), kind, code, info);
                let Some((cause, what)) = why.map(|why| (cause_of(why), why.words())) else { return };
                // A router need not quote more than the UDP header: then it is about one of those on their way.
                let quoted = received.bytes.first_chunk().map(|seq| u32::from_be_bytes(*seq));
                let oldest = || {
                    let at = self.sent.iter().position(|sent| sent.state == State::Waiting)?;
                    Some(self.first.wrapping_add(at as u32))
                };
                let Some(seq) = quoted.or_else(oldest) else { return };
                let peer = self.peer;
                if let Some(sent) = self.find(seq)
                    && sent.state == State::Waiting
                {
                    sent.state = State::Unreachable;
                    let by = by.filter(|by| *by != peer.ip()).map(|by| format!(", says {by}")).unwrap_or_default();
                    events
                        .push(Event::Unreachable { seq, error: NetError::new(cause, format!("{peer}: {what}{by}")) });
                }
            }
            _ => {}
        }
    }

    fn datagram(&mut self, received: &Received<'_>, now: clock::Stamp, key: Option<&Key>, events: &mut Vec<Event>) {
        if let Some(drops) = received.drops.filter(|drops| *drops != self.drops) {
            self.drops = drops;
            self.overflowed = true;
        }
        let ssid = self.ssid;
        let reply = match stamp::read_reply(received.bytes, key) {
            Ok(reply) => reply,
            Err(Malformed::Code) => return events.push(Event::Strange { unsigned: true }),
            Err(Malformed::Short { .. }) => return events.push(Event::Strange { unsigned: key.is_some() }),
        };
        let seq = reply.asked_seq;
        // Those who know nothing of identifiers leave zero there.
        let ours = |sent: &&mut Sent| {
            sent.stamp.0.abs_diff(reply.asked_stamp.0) <= ROUNDING && [ssid, 0].contains(&reply.ssid)
        };
        let Some(sent) = self.find(seq).filter(ours) else {
            return events.push(Event::Strange { unsigned: false });
        };
        if sent.state == State::Answered {
            return events.push(Event::Copied { seq, far_seq: reply.seq });
        }
        sent.state = State::Answered;
        events.push(Event::Answered(answer(sent, &reply, received.stamp, now)));
    }
}

/// The answer to `sent`, which the kernel got at `at` and we at `now`.
fn answer(sent: &Sent, reply: &Reply, at: Option<Duration>, now: clock::Stamp) -> Answer {
    let far = Estimate::of_wire(reply.estimate);
    let Departure { before, left } = sent.departure;
    let waited = now.mono.since(before.mono);
    let took = sent.departure.took(at, now);
    let nanos = |wall: Duration| i64::try_from(wall.as_nanos()).unwrap_or(i64::MAX);
    let times = took.is_some().then(|| Times {
        sent: nanos(left.unwrap_or(before.wall)),
        far_received: reply.received.nanos(far.format, now.wall),
        far_sent: reply.stamp.nanos(far.format, now.wall),
        received: nanos(at.unwrap_or(now.wall)),
    });
    let late = before.mono.plus(took.unwrap_or(waited)) > sent.deadline;
    Answer { seq: reply.asked_seq, far_seq: reply.seq, times, far, waited, left: reply.ttl, late }
}

/// A port that refuses is a reflector that is gone; all else is the network's.
const fn cause_of(why: Why) -> Cause {
    if matches!(why, Why::Port) { Cause::Refused } else { Cause::Unreachable }
}

fn connected(peer: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
    let (domain, any) = match peer {
        SocketAddr::V4(_) => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        SocketAddr::V6(_) => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    match peer {
        SocketAddr::V4(_) => {
            sock::set_int(&socket, libc::SOL_IP, libc::IP_RECVERR, 1)?;
            sock::set_int(&socket, libc::SOL_IP, libc::IP_TTL, HOPS.into())?;
        }
        SocketAddr::V6(_) => {
            sock::set_int(&socket, libc::SOL_IPV6, libc::IPV6_RECVERR, 1)?;
            sock::set_int(&socket, libc::SOL_IPV6, libc::IPV6_UNICAST_HOPS, HOPS.into())?;
        }
    }
    sock::set_int(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
    socket.bind(&SocketAddr::new(source.unwrap_or(any), 0).into())?;
    socket.connect(&peer.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
