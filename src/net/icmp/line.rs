//! The socket of one family and what was sent through it. Echoes are numbered: the lower half of a number is the
//! sequence number, what is above it chooses one of sixteen identifiers, so that no two remembered echoes
//! share both, and a firewall that has had enough of one identifier meets another. It keeps the kernel's
//! timestamps of requests together with their numbers, and gives up a stamp rather than give it to the wrong one.
//!
//! A stamp costs a sixth of what its echo costs. When many leave together the kernel is therefore asked to stamp the
//! first, every `STRIDE`th and the last of a system call. Those between left in the order in which they were given, one
//! right after the other, so their times are spread evenly between the two stamps around them. That is off by no more
//! than those are apart; where they are further apart than `APART` we were held up between, and those in the middle
//! have no round-trip time at all. Then all are stamped for a while.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::codec::icmp::{self, COOKIE, Echo, Message, Version, Why};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::{Clock, Departure, Stamp};
use crate::net::error::{NetError, cause_of};
use crate::net::icmp::filter::{self, BLOCK};
use crate::net::icmp::{Event, Mode, Request, Way};
use crate::net::sock::{self, BATCH, Inbox, Notice, Outgoing, Queue, Received, Stamps};

/// Receive buffer asked for: replies of 10,000 targets in one burst, at about 800 bytes of kernel memory
/// each.
const RECEIVE_BUFFER: usize = 8 << 20;
/// How long after its deadline an echo is remembered, to know a late or doubled reply from a forged one.
const REMEMBER: Duration = Duration::from_secs(10);
/// Most echoes remembered a socket: 10,000 a second for the time above and a timeout of 3 s; beyond it the oldest is
/// forgotten. Room for more is never made.
const MAX_REMEMBERED: usize = 1 << 17;
/// Numbers that sixteen identifiers and the sequence numbers of each can tell apart; more than are remembered.
const NUMBERS: u32 = ((BLOCK as u32) << 16 | 0xffff) + 1;
/// Most batches read in one drain, so that a flood cannot keep us from sending.
const MAX_BATCHES: usize = 128;
/// Of many echoes that leave together every so manyth is stamped: forty microseconds apart on a slow host.
const STRIDE: usize = 8;
/// Stamps further apart than this say nothing of those between.
const APART: Duration = Duration::from_micros(100);
/// After so many system calls in a row with such gaps, the next so many have all their echoes stamped: behind a queue
/// that shapes what leaves, the gaps are always as wide.
const HELD_UP: u32 = 2;
const ALL_FOR: u32 = 50;
/// Packets of this payload fit everywhere (RFC 791: 576 bytes with headers). Sent as those that must not be cut they
/// look the same, but for their identification, which the kernel then need not find.
const FITS: usize = 548;

/// Where an echo stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Unreachable,
    Answered,
}

/// An echo that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) to: IpAddr,
    pub(super) cookie: u64,
    pub(super) with_cookie: bool,
    pub(super) token: u64,
    pub(super) departure: Departure,
    pub(super) between: bool, // its time of departure comes from the stamps around it
    pub(super) deadline: Mono,
    pub(super) state: State,
}

/// Buffers for what is about to be sent, used again and again.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    packets: Vec<u8>,
    written: Vec<(usize, u64)>, // where each packet ends, and its cookie
}

impl Sent {
    /// Whether `echo` is this one; a quote may lack the cookie, a reply may not.
    pub(super) fn matches(&self, ip: IpAddr, echo: &Echo<'_>, quoted: bool) -> bool {
        let cookie = match echo.cookie() {
            _ if !self.with_cookie => true,
            Some(cookie) => cookie == self.cookie,
            None => quoted,
        };
        cookie && ip.to_canonical() == self.to
    }

    /// Whether it is known when it left: not if it was to be told by its neighbours, and was not.
    const fn departs_known(&self) -> bool {
        !self.between || self.departure.left.is_some()
    }
}

/// One socket and what was sent through it.
#[derive(Debug)]
pub(super) struct Line {
    version: Version,
    mode: Mode,
    socket: Socket,
    id: u16,                         // raw: the first of its block; ping: of all
    first: u32,                      // number of the oldest remembered
    pub(super) sent: VecDeque<Sent>, // by number
    pub(super) numbered: bool,       // we know how the kernel numbers those that it is to stamp
    can_number: bool,
    asked: VecDeque<u32>, // our numbers of those, in its order
    asked_from: u32,      // its number of the first of them
    stamps_due: usize,    // not come yet
    held_up: (u32, bool), // system calls in a row with a wide gap; the latest has one
    all_for: u32,         // system calls whose echoes are all to be stamped
    whole: bool,          // what is sent may not be cut
    always_whole: bool,
    drops: u32,
    overflow_at: Option<Mono>,
    foreign: u64,
}

impl Line {
    pub(super) fn open(way: Way, keys: &RandomState, flow: Option<u16>) -> Result<Self, NetError> {
        let (version, whole) = way;
        let (domain, protocol, any) = match version {
            Version::V4 => (Domain::IPV4, Protocol::ICMPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            Version::V6 => (Domain::IPV6, Protocol::ICMPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let (mode, socket) = match Socket::new(domain, Type::from(libc::SOCK_RAW), Some(protocol)) {
            Ok(socket) => (Mode::Raw, socket),
            Err(error) if cause_of(&error) == Cause::Permission => {
                match Socket::new(domain, Type::DGRAM, Some(protocol)) {
                    Ok(socket) => (Mode::Ping, socket),
                    Err(error) => return Err(NetError::io("open a raw or ping socket", &error)),
                }
            }
            Err(error) => return Err(NetError::io("open a raw socket", &error)),
        };
        // The identifier of a flow is its own; else a block of them that no other socket of ours is likely to have.
        let wanted = flow.unwrap_or(keys.hash_one(("identifier", whole)) as u16);
        let set_up = || -> io::Result<u16> {
            socket.set_nonblocking(true)?;
            sock::raise_receive_buffer(&socket, RECEIVE_BUFFER)?;
            sock::set_int(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
            if whole {
                sock::never_in_pieces(&socket, version == Version::V6)?;
            }
            match (mode, version) {
                (Mode::Raw, Version::V4) => {} // what it gives has the header
                (Mode::Ping, Version::V4) => sock::set_int(&socket, libc::SOL_IP, libc::IP_RECVTTL, 1)?,
                (_, Version::V6) => sock::set_int(&socket, libc::SOL_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?,
            }
            match (mode, version) {
                (Mode::Raw, Version::V4) => sock::icmp_filter(&socket, &[0, 3, 11, 12])?,
                (Mode::Raw, Version::V6) => sock::icmp6_filter(&socket, &[129, 1, 2, 3, 4])?,
                (Mode::Ping, _) => {
                    // A ping socket's port is its identifier; another process may have the one of the flow.
                    let mine = socket.bind(&SocketAddr::new(any, flow.unwrap_or(0)).into());
                    mine.or_else(|_| socket.bind(&SocketAddr::new(any, 0).into()))?;
                    match version {
                        Version::V4 => sock::set_int(&socket, libc::SOL_IP, libc::IP_RECVERR, 1)?,
                        Version::V6 => sock::set_int(&socket, libc::SOL_IPV6, libc::IPV6_RECVERR, 1)?,
                    }
                    return Ok(socket.local_addr()?.as_socket().map_or(0, |a| a.port()));
                }
            }
            filter::attach(&socket, version, wanted)?;
            Ok(wanted & !BLOCK)
        };
        let id = set_up().map_err(|error| NetError::io("set up the echo socket", &error))?;
        let first = match flow {
            Some(flow) => u32::from(flow & BLOCK) << 16,
            None => keys.hash_one("sequence") as u32,
        };
        let mut line = Self {
            version,
            mode,
            id,
            first,
            sent: VecDeque::new(),
            numbered: false,
            can_number: true,
            asked: VecDeque::new(),
            asked_from: 0,
            stamps_due: 0,
            held_up: (0, false),
            all_for: 0,
            whole,
            always_whole: whole,
            drops: 0,
            overflow_at: None,
            foreign: 0,
            socket,
        };
        line.restart_numbers();
        Ok(line)
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) const fn overflow_at(&self) -> Option<Mono> {
        self.overflow_at
    }

    pub(super) const fn foreign(&self) -> u64 {
        self.foreign
    }

    /// Reads what came in since the last time.
    pub(super) fn drain(&mut self, inbox: &mut Inbox, clock: &Clock, events: &mut Vec<Event>) {
        // The stamp of a request is there before its reply.
        if self.stamps_due > 0 || self.mode == Mode::Ping {
            self.read_errors(inbox, clock, events);
        }
        self.read_data(inbox, clock, events);
        self.forget(clock.mono());
    }

    /// Begins the kernel's numbering anew if it was lost while sending.
    pub(super) fn mend(&mut self, inbox: &mut Inbox, clock: &Clock, events: &mut Vec<Event>) {
        if !self.numbered {
            self.read_errors(inbox, clock, events);
            self.restart_numbers();
        }
    }

    pub(super) fn next(&self) -> u32 {
        self.first.wrapping_add(self.sent.len() as u32)
    }

    /// Identifier and sequence number of an echo.
    pub(super) fn words_of(&self, number: u32) -> (u16, u16) {
        match self.mode {
            Mode::Raw => (self.id | (number >> 16) as u16 & BLOCK, number as u16),
            Mode::Ping => (self.id, number as u16),
        }
    }

    /// The remembered echo of an identifier and sequence number.
    pub(super) fn find(&mut self, id: u16, seq: u16) -> Option<&mut Sent> {
        let at = match self.mode {
            Mode::Raw if id & !BLOCK != self.id => return None,
            Mode::Raw => (u32::from(id & BLOCK) << 16 | u32::from(seq)).wrapping_sub(self.first) % NUMBERS,
            // Only the lower half is there: the newest that has it.
            Mode::Ping => {
                let newest = self.next().wrapping_sub(1);
                let number = newest.wrapping_sub(u32::from((newest as u16).wrapping_sub(seq)));
                number.wrapping_sub(self.first)
            }
        };
        self.sent.get_mut(at as usize)
    }

    /// Begins the kernel's numbering of requests anew, after a send that it may or may not have numbered.
    fn restart_numbers(&mut self) {
        if !self.can_number {
            return;
        }
        let begun =
            sock::timestamps(&self.socket, Stamps::Off).and_then(|()| sock::timestamps(&self.socket, Stamps::Asked));
        self.asked.clear();
        (self.asked_from, self.stamps_due) = (0, 0);
        self.numbered = begun.is_ok();
        if let Err(error) = begun {
            tracing::warn!(%error, "no kernel timestamps: round-trip times include our own delays");
            self.can_number = false;
        }
    }

    /// Sends one batch, of `many` that leave together or all by itself.
    pub(super) fn send(
        &mut self,
        requests: &[Request],
        many: bool,
        clock: &Clock,
        keys: &RandomState,
        outbox: &mut Outbox,
        events: &mut Vec<Event>,
    ) {
        self.cut_none(self.always_whole || requests.iter().all(|request| request.size <= FITS));
        // Requests that fail give their number to the next, so packets are written as they are about to go.
        let mut rest = requests;
        let mut tried_again = false;
        while !rest.is_empty() {
            self.write(rest, keys, outbox);
            let last = rest.len() - 1;
            let all = !many || self.all_for > 0;
            let stamped = |at: usize| all || at.is_multiple_of(STRIDE) || at == last;
            let mut from = 0;
            let out = rest.iter().zip(&outbox.written).enumerate().map(|(at, (request, (to, _)))| {
                let bytes = outbox.packets.get(std::mem::replace(&mut from, *to)..*to).unwrap_or(&[]);
                Outgoing { to: request.to, bytes, route: request.route, stamped: self.can_number && stamped(at) }
            });
            let before = clock.stamp();
            match sock::send_many(&self.socket, out) {
                Ok(n) if n > 0 => {
                    self.count_call();
                    for (at, (request, (_, cookie))) in rest.iter().zip(&outbox.written).take(n).enumerate() {
                        self.enter(request, *cookie, before, stamped(at));
                    }
                    rest = rest.get(n..).unwrap_or(&[]);
                    tried_again = false;
                }
                // A ping socket reports the error of an earlier echo once; the second try tells.
                Err(_) if !tried_again => {
                    tried_again = true;
                    self.numbered = false;
                }
                answer => {
                    let Some((request, others)) = rest.split_first() else { return };
                    let error = answer.err().unwrap_or_else(|| io::Error::from(io::ErrorKind::WouldBlock));
                    events.push(not_sent(request, &error));
                    rest = others;
                    tried_again = false;
                }
            }
        }
    }

    /// One more system call has sent something; the stamps of the one before it have been read.
    fn count_call(&mut self) {
        let (in_a_row, again) = std::mem::take(&mut self.held_up);
        self.all_for = self.all_for.saturating_sub(1);
        match in_a_row + 1 {
            _ if !again => {}
            HELD_UP.. => self.all_for = ALL_FOR,
            one => self.held_up.0 = one,
        }
    }

    /// Whether what is sent from now on must not be cut.
    fn cut_none(&mut self, whole: bool) {
        // Version 6 has no identification.
        if self.whole != whole && self.version == Version::V4 && sock::in_pieces(&self.socket, !whole).is_ok() {
            self.whole = whole;
        }
    }

    fn write(&self, requests: &[Request], keys: &RandomState, outbox: &mut Outbox) {
        outbox.packets.clear();
        outbox.written.clear();
        let mut number = self.next();
        for request in requests {
            let (id, seq) = self.words_of(number);
            let cookie = keys.hash_one((number, request.to.ip()));
            icmp::write_request(self.version, id, seq, cookie, request.size, &mut outbox.packets);
            outbox.written.push((outbox.packets.len(), cookie));
            number = number.wrapping_add(1);
        }
    }

    /// Remembers what the kernel took.
    fn enter(&mut self, request: &Request, cookie: u64, before: Stamp, stamped: bool) {
        if self.sent.len() >= MAX_REMEMBERED {
            self.forget_oldest();
        }
        if stamped && self.numbered {
            self.asked.push_back(self.next());
            self.stamps_due += 1;
        }
        self.sent.push_back(Sent {
            to: request.to.ip().to_canonical(),
            cookie,
            with_cookie: request.size >= COOKIE,
            token: request.token,
            departure: Departure { before, left: None },
            between: !stamped && self.can_number,
            deadline: request.deadline,
            state: State::Waiting,
        });
    }

    /// Reads stamps of what was sent and, on a ping socket, ICMP errors.
    fn read_errors(&mut self, inbox: &mut Inbox, clock: &Clock, events: &mut Vec<Event>) {
        let mut in_step = true;
        self.read(inbox, Queue::Errors, clock, |line, received, now| match received.notice {
            Some(Notice::Sent { number }) => {
                if let Some(stamp) = received.stamp.filter(|_| in_step && line.numbered) {
                    in_step = line.left(number, stamp);
                }
            }
            Some(Notice::Error { kind, code, info, by, origin: 2 | 3, .. }) => {
                let Ok(echo) = icmp::read_request(line.version, received.bytes) else { return };
                let Some(why) = Why::of(line.version, kind, code, info) else { return };
                let to = received.from.map(|from| from.ip());
                line.unreachable(&echo, to, (why, by), (received.stamp, now), events);
            }
            _ => {}
        });
        if !in_step {
            self.numbered = false;
            self.restart_numbers();
        }
    }

    /// The echo of the kernel's `number` left at `stamp`. False if that cannot be: it was not given to it yet.
    fn left(&mut self, number: u32, stamp: Duration) -> bool {
        self.stamps_due = self.stamps_due.saturating_sub(1);
        let at = number.wrapping_sub(self.asked_from) as usize;
        let Some(ours) = self.asked.get(at).copied() else { return true };
        let Some(sent) = self.sent.get_mut(ours.wrapping_sub(self.first) as usize) else { return true };
        if stamp < sent.departure.before.wall {
            return false;
        }
        sent.departure.left = Some(stamp);
        // Stamps come in the order of what was sent, unless it left by several interfaces.
        for (earlier, later) in [(at.checked_sub(1), Some(at)), (Some(at), at.checked_add(1))] {
            let of = |at: Option<usize>| self.asked.get(at?).copied();
            if let (Some(earlier), Some(later)) = (of(earlier), of(later)) {
                self.spread(earlier, later);
            }
        }
        true
    }

    /// Those between two stamped ones left between them.
    fn spread(&mut self, earlier: u32, later: u32) {
        let steps = later.wrapping_sub(earlier);
        let at = earlier.wrapping_sub(self.first) as usize;
        let left = |at: usize| self.sent.get(at)?.departure.left;
        let (Some(began), Some(ended)) = (left(at), left(at + steps as usize)) else { return };
        let apart = ended.saturating_sub(began);
        if steps > 1 && apart > APART {
            self.held_up.1 = true;
            return;
        }
        for (step, sent) in (1..steps).zip(self.sent.range_mut(at + 1..)) {
            sent.departure.left = Some(began + apart * step / steps);
        }
    }

    fn read_data(&mut self, inbox: &mut Inbox, clock: &Clock, events: &mut Vec<Event>) {
        self.read(inbox, Queue::Data, clock, |line, received, now| {
            if let Some(drops) = received.drops.filter(|drops| *drops != line.drops) {
                line.drops = drops;
                line.overflow_at = Some(now.mono);
            }
            let (message, left) = match (line.version, line.mode) {
                (Version::V4, Mode::Raw) => (icmp::read_ipv4(received.bytes), icmp::time_left(received.bytes)),
                (version, _) => (icmp::read(version, received.bytes), received.ttl),
            };
            match (message, received.from) {
                (Ok(Message::Reply(echo)), Some(from)) => match line.find(echo.id, echo.seq) {
                    Some(sent) if sent.matches(from.ip(), &echo, false) => {
                        events.push(reply(sent, received.stamp, now, left));
                        sent.state = State::Answered;
                    }
                    _ => line.foreign += 1,
                },
                (Ok(Message::Error { why, to, echo }), from) => {
                    let by = from.map(|from| from.ip());
                    line.unreachable(&echo, Some(to), (why, by), (received.stamp, now), events);
                }
                // Somebody else's, or malformed.
                _ => line.foreign += 1,
            }
        });
    }

    fn read(
        &mut self,
        inbox: &mut Inbox,
        queue: Queue,
        clock: &Clock,
        mut handle: impl FnMut(&mut Self, &Received<'_>, Stamp),
    ) {
        for _ in 0..MAX_BATCHES {
            let n = match inbox.receive(&self.socket, queue) {
                Ok(n) => n,
                // The pending error of an echo of a ping socket; its details are in the error queue.
                Err(_) => continue,
            };
            if n == 0 {
                return;
            }
            let now = clock.stamp();
            for received in inbox.iter() {
                handle(self, &received, now);
            }
            if n < BATCH {
                return;
            }
        }
    }

    /// An error about an echo: `said` why and by whom, `seen` when by the kernel and when by us.
    fn unreachable(
        &mut self,
        echo: &Echo<'_>,
        to: Option<IpAddr>,
        said: (Why, Option<IpAddr>),
        seen: (Option<Duration>, Stamp),
        events: &mut Vec<Event>,
    ) {
        match self.find(echo.id, echo.seq) {
            Some(sent) if sent.matches(to.unwrap_or(sent.to), echo, true) => {
                if sent.state == State::Waiting {
                    sent.state = State::Unreachable;
                    let rtt = sent.departure.took(seen.0, seen.1).filter(|_| sent.departs_known());
                    events.push(Event::Unreachable { token: sent.token, why: said.0, by: said.1, rtt });
                }
            }
            _ => self.foreign += 1,
        }
    }

    fn forget(&mut self, now: Mono) {
        while self.sent.front().is_some_and(|oldest| oldest.deadline.plus(REMEMBER) <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        self.sent.pop_front();
        if self.asked.front() == Some(&self.first) {
            self.asked.pop_front();
            self.asked_from = self.asked_from.wrapping_add(1);
        }
        self.first = self.first.wrapping_add(1);
    }
}

/// The event of a reply to `sent`, received at `stamp`.
pub(super) fn reply(sent: &Sent, stamp: Option<Duration>, now: Stamp, left: Option<u8>) -> Event {
    if sent.state == State::Answered {
        return Event::Duplicate { token: sent.token };
    }
    let rtt = sent.departure.took(stamp, now);
    let late = match rtt {
        Some(rtt) => sent.departure.before.mono.plus(rtt) > sent.deadline,
        None => now.mono > sent.deadline,
    };
    Event::Reply { token: sent.token, rtt: rtt.filter(|_| sent.departs_known()), late, left }
}

fn not_sent(request: &Request, error: &io::Error) -> Event {
    let (to, token) = (request.to.ip(), request.token);
    let too_big = error.raw_os_error() == Some(libc::EMSGSIZE);
    let error = match error.kind() {
        io::ErrorKind::WouldBlock => NetError::new(Cause::Send, format!("echo {to}: the send buffer is full")),
        _ => NetError::io(format_args!("echo {to}"), error),
    };
    Event::NotSent { token, error, too_big }
}
