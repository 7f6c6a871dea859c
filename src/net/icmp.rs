//! ICMP echo to thousands of targets over one socket a family: raw with CAP_NET_RAW, else the unprivileged
//! ping socket. Requests and replies are stamped by the kernel, so a busy host does not show as a slow
//! link, and may be read at leisure. A reply counts only if identifier, sequence number, cookie and
//! source are those of a request of ours. It has no timers and no policy: whoever owns it decides when to
//! send and to drain, and what an echo without an answer means.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::codec::icmp::{self, COOKIE, Echo, Message, Version};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::{Clock, Stamp};
use crate::net::error::{NetError, cause_of};
use crate::net::sock::{self, BATCH, Inbox, Notice, Outgoing, Queue, Received};

/// Receive buffer asked for: replies of 10,000 targets in one burst, at about 800 bytes of kernel memory
/// each.
const RECEIVE_BUFFER: usize = 8 << 20;
/// How long after its deadline an echo is remembered, to know a late or doubled reply from a forged one.
const REMEMBER: Duration = Duration::from_secs(10);
/// Most echoes remembered a family: 10,000 a second for the time above; beyond it the oldest is forgotten.
const MAX_REMEMBERED: usize = 1 << 18;
/// Most batches read in one drain, so that a flood cannot keep us from sending.
const MAX_BATCHES: usize = 128;
/// Wall time that moved more than this against monotonic time was set, not slewed (500 ppm at most).
const CLOCK_STEP: Duration = Duration::from_millis(2);

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
    /// Traffic class byte.
    pub class: u8,
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
        /// In which words.
        what: &'static str,
        /// By whom, if known.
        by: Option<IpAddr>,
    },
    /// It did not leave this host.
    NotSent {
        /// Whose.
        token: u64,
        /// Why.
        error: NetError,
    },
}

/// Sends echoes and tells what became of them.
#[derive(Debug)]
pub struct Pinger {
    clock: Clock,
    keys: RandomState,
    inbox: Inbox,
    packets: Vec<u8>,
    v4: Option<Line>,
    v6: Option<Line>,
}

impl Pinger {
    /// Without sockets yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, keys: RandomState::new(), inbox: Inbox::default(), packets: Vec::new(), v4: None, v6: None }
    }

    /// Makes the socket of a family, unless it is there.
    pub fn open(&mut self, version: Version) -> Result<Mode, NetError> {
        let place = match version {
            Version::V4 => &mut self.v4,
            Version::V6 => &mut self.v6,
        };
        if let Some(line) = place {
            return Ok(line.mode);
        }
        let line = Line::open(version, &self.keys)?;
        let mode = line.mode;
        *place = Some(line);
        Ok(mode)
    }

    /// Whether the socket of a family is there.
    pub const fn is_open(&self, version: Version) -> bool {
        match version {
            Version::V4 => self.v4.is_some(),
            Version::V6 => self.v6.is_some(),
        }
    }

    /// Sends; what could not be sent is told at once.
    pub fn send(&mut self, requests: &[Request], events: &mut Vec<Event>) {
        for version in [Version::V4, Version::V6] {
            let line = match version {
                Version::V4 => &mut self.v4,
                Version::V6 => &mut self.v6,
            };
            let of_family: Vec<Request> =
                requests.iter().filter(|r| Version::of(r.to.ip()) == version).copied().collect();
            match line {
                Some(line) => {
                    for batch in of_family.chunks(BATCH) {
                        line.send(batch, &self.clock, &self.keys, &mut self.packets, events);
                    }
                    if line.numbers_from.is_none() {
                        line.read_errors(&mut self.inbox, &self.clock, events);
                        line.restart_numbers();
                    }
                }
                None => events.extend(of_family.iter().map(|r| Event::NotSent {
                    token: r.token,
                    error: NetError::new(Cause::Unsupported, format!("echo {}: no socket for it", r.to.ip())),
                })),
            }
        }
    }

    /// Reads what came in since the last time.
    pub fn drain(&mut self, events: &mut Vec<Event>) {
        for line in [&mut self.v4, &mut self.v6].into_iter().flatten() {
            // The stamp of a request is there before its reply.
            line.read_errors(&mut self.inbox, &self.clock, events);
            line.read_data(&mut self.inbox, &self.clock, events);
            line.forget(self.clock.mono());
        }
    }

    /// Whether the receive buffer of a family overflowed at or after `since`: what is unanswered since then
    /// may have been answered.
    pub fn overflowed(&self, version: Version, since: Mono) -> bool {
        let line = match version {
            Version::V4 => &self.v4,
            Version::V6 => &self.v6,
        };
        line.as_ref().and_then(|l| l.overflow_at).is_some_and(|at| at >= since)
    }
}

/// Where an echo stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Unreachable,
    Answered,
}

/// An echo that was sent.
#[derive(Debug)]
struct Sent {
    to: IpAddr,
    cookie: u64,
    with_cookie: bool,
    token: u64,
    before: Stamp,
    left: Option<Duration>, // when the kernel handed it to the device
    deadline: Mono,
    state: State,
}

impl Sent {
    /// Whether `echo` is this one; a quote may lack the cookie, a reply may not.
    fn matches(&self, ip: IpAddr, echo: &Echo<'_>, quoted: bool) -> bool {
        let cookie = match echo.cookie() {
            _ if !self.with_cookie => true,
            Some(cookie) => cookie == self.cookie,
            None => quoted,
        };
        cookie && ip.to_canonical() == self.to
    }
}

/// The socket of one family and what was sent through it. Echoes are numbered; identifier and sequence number
/// are the number's halves, so that no two remembered ones share them.
#[derive(Debug)]
struct Line {
    version: Version,
    mode: Mode,
    socket: Socket,
    id: u16,                   // raw: of number 0; ping: of all
    first: u32,                // number of the oldest remembered
    sent: VecDeque<Sent>,      // by number
    numbers_from: Option<u32>, // our number of the kernel's number 0; none while we do not know
    can_number: bool,
    drops: u32,
    overflow_at: Option<Mono>,
}

impl Line {
    fn open(version: Version, keys: &RandomState) -> Result<Self, NetError> {
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
        let set_up = || -> io::Result<u16> {
            socket.set_nonblocking(true)?;
            sock::raise_receive_buffer(&socket, RECEIVE_BUFFER)?;
            sock::set_int(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
            match (mode, version) {
                (Mode::Raw, Version::V4) => sock::icmp_filter(&socket, &[0, 3, 11, 12])?,
                (Mode::Raw, Version::V6) => sock::icmp6_filter(&socket, &[129, 1, 2, 3, 4])?,
                (Mode::Ping, _) => {
                    socket.bind(&SocketAddr::new(any, 0).into())?;
                    match version {
                        Version::V4 => sock::set_int(&socket, libc::SOL_IP, libc::IP_RECVERR, 1)?,
                        Version::V6 => sock::set_int(&socket, libc::SOL_IPV6, libc::IPV6_RECVERR, 1)?,
                    }
                    return Ok(socket.local_addr()?.as_socket().map_or(0, |a| a.port()));
                }
            }
            Ok(keys.hash_one("identifier") as u16)
        };
        let id = set_up().map_err(|error| NetError::io("set up the echo socket", &error))?;
        let mut line = Self {
            version,
            mode,
            id,
            first: keys.hash_one("sequence") as u32,
            sent: VecDeque::new(),
            numbers_from: None,
            can_number: true,
            drops: 0,
            overflow_at: None,
            socket,
        };
        line.restart_numbers();
        Ok(line)
    }

    fn next(&self) -> u32 {
        self.first.wrapping_add(self.sent.len() as u32)
    }

    /// Identifier and sequence number of an echo.
    fn words_of(&self, number: u32) -> (u16, u16) {
        match self.mode {
            Mode::Raw => (self.id.wrapping_add((number >> 16) as u16), number as u16),
            Mode::Ping => (self.id, number as u16),
        }
    }

    /// The remembered echo of an identifier and sequence number.
    fn find(&mut self, id: u16, seq: u16) -> Option<&mut Sent> {
        let number = match self.mode {
            Mode::Raw => u32::from(id.wrapping_sub(self.id)) << 16 | u32::from(seq),
            // Only the lower half is there: the newest that has it.
            Mode::Ping => {
                let newest = self.next().wrapping_sub(1);
                newest.wrapping_sub(u32::from((newest as u16).wrapping_sub(seq)))
            }
        };
        self.sent.get_mut(number.wrapping_sub(self.first) as usize)
    }

    /// Begins the kernel's numbering of requests anew, after a send that it may or may not have numbered.
    fn restart_numbers(&mut self) {
        if !self.can_number {
            return;
        }
        let begun = sock::timestamps(&self.socket, false).and_then(|()| sock::timestamps(&self.socket, true));
        self.numbers_from = match begun {
            Ok(()) => Some(self.next()),
            Err(error) => {
                tracing::warn!(%error, "no kernel timestamps: round-trip times include our own delays");
                self.can_number = false;
                None
            }
        };
    }

    /// Sends one batch.
    fn send(
        &mut self,
        requests: &[Request],
        clock: &Clock,
        keys: &RandomState,
        packets: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) {
        packets.clear();
        // Requests that fail give their number to the next, so packets are written as they are about to go.
        let mut rest = requests;
        let mut tried_again = false;
        while !rest.is_empty() {
            packets.clear();
            let mut written: Vec<(usize, u64)> = Vec::with_capacity(rest.len());
            let mut number = self.next();
            for request in rest {
                let (id, seq) = self.words_of(number);
                let cookie = keys.hash_one((number, request.to.ip()));
                icmp::write_request(self.version, id, seq, cookie, request.size, packets);
                written.push((packets.len(), cookie));
                number = number.wrapping_add(1);
            }
            let mut from = 0;
            let mut out = Vec::with_capacity(rest.len());
            for (request, (to, _)) in rest.iter().zip(&written) {
                let bytes = packets.get(from..*to).unwrap_or(&[]);
                out.push(Outgoing { to: request.to, bytes, class: request.class });
                from = *to;
            }
            let before = clock.stamp();
            match sock::send_many(&self.socket, &out) {
                Ok(n) if n > 0 => {
                    for (request, (_, cookie)) in rest.iter().zip(&written).take(n) {
                        self.sent.push_back(Sent {
                            to: request.to.ip().to_canonical(),
                            cookie: *cookie,
                            with_cookie: request.size >= COOKIE,
                            token: request.token,
                            before,
                            left: None,
                            deadline: request.deadline,
                            state: State::Waiting,
                        });
                    }
                    rest = rest.get(n..).unwrap_or(&[]);
                    tried_again = false;
                }
                // A ping socket reports the error of an earlier echo once; the second try tells.
                Err(_) if !tried_again => {
                    tried_again = true;
                    self.numbers_from = None;
                }
                answer => {
                    let Some((request, others)) = rest.split_first() else { return };
                    let error = answer.err().unwrap_or_else(|| io::Error::from(io::ErrorKind::WouldBlock));
                    events.push(Event::NotSent { token: request.token, error: not_sent(request.to.ip(), &error) });
                    rest = others;
                    tried_again = false;
                }
            }
        }
    }

    /// Reads stamps of what was sent and, on a ping socket, ICMP errors.
    fn read_errors(&mut self, inbox: &mut Inbox, clock: &Clock, events: &mut Vec<Event>) {
        let mut out_of_step = false;
        self.read(inbox, Queue::Errors, clock, |line, received, _| match received.notice {
            Some(Notice::Sent { number }) => {
                let (Some(base), Some(stamp)) = (line.numbers_from, received.stamp) else { return };
                let at = base.wrapping_add(number).wrapping_sub(line.first) as usize;
                if let Some(sent) = line.sent.get_mut(at) {
                    out_of_step |= stamp < sent.before.wall;
                    sent.left = (!out_of_step).then_some(stamp);
                }
            }
            Some(Notice::Error { kind, code, origin: 2 | 3, .. }) => {
                let Ok(echo) = icmp::read_request(line.version, received.bytes) else { return };
                let what = match (line.version, kind) {
                    (Version::V4, 3) => icmp::words_v4(code),
                    (Version::V6, 1) => icmp::words_v6(code),
                    (Version::V4, 11) | (Version::V6, 3) => "time to live exceeded on the way",
                    (Version::V6, 2) => "packet too big for the path",
                    _ => "unreachable",
                };
                let to = received.from.map(|from| from.ip());
                line.unreachable(&echo, to, what, None, events);
            }
            _ => {}
        });
        if out_of_step {
            self.numbers_from = None;
            self.restart_numbers();
        }
    }

    fn read_data(&mut self, inbox: &mut Inbox, clock: &Clock, events: &mut Vec<Event>) {
        self.read(inbox, Queue::Data, clock, |line, received, now| {
            if let Some(drops) = received.drops.filter(|drops| *drops != line.drops) {
                line.drops = drops;
                line.overflow_at = Some(now.mono);
            }
            let message = match (line.version, line.mode) {
                (Version::V4, Mode::Raw) => icmp::read_ipv4(received.bytes),
                (version, _) => icmp::read(version, received.bytes),
            };
            match (message, received.from) {
                (Ok(Message::Reply(echo)), Some(from)) => {
                    let Some(sent) = line.find(echo.id, echo.seq) else { return };
                    if !sent.matches(from.ip(), &echo, false) {
                        return;
                    }
                    events.push(reply(sent, received.stamp, now));
                    sent.state = State::Answered;
                }
                (Ok(Message::Error { what, to, echo }), from) => {
                    line.unreachable(&echo, Some(to), what, from.map(|f| f.ip()), events);
                }
                // Somebody else's, or malformed: a raw socket sees all that the host receives.
                _ => {}
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

    fn unreachable(
        &mut self,
        echo: &Echo<'_>,
        to: Option<IpAddr>,
        what: &'static str,
        by: Option<IpAddr>,
        events: &mut Vec<Event>,
    ) {
        let Some(sent) = self.find(echo.id, echo.seq) else { return };
        if sent.state == State::Waiting && sent.matches(to.unwrap_or(sent.to), echo, true) {
            sent.state = State::Unreachable;
            events.push(Event::Unreachable { token: sent.token, what, by });
        }
    }

    fn forget(&mut self, now: Mono) {
        while let Some(oldest) = self.sent.front()
            && (self.sent.len() > MAX_REMEMBERED || oldest.deadline.plus(REMEMBER) <= now)
        {
            self.sent.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }
}

/// The event of a reply to `sent`, received at `stamp`.
fn reply(sent: &Sent, stamp: Option<Duration>, now: Stamp) -> Event {
    if sent.state == State::Answered {
        return Event::Duplicate { token: sent.token };
    }
    let offset = |s: Stamp| s.wall.saturating_sub(s.mono.since_origin());
    let stepped = offset(now).abs_diff(offset(sent.before)) > CLOCK_STEP + now.mono.since(sent.before.mono) / 1000;
    let took = stamp.unwrap_or(now.wall).checked_sub(sent.left.unwrap_or(sent.before.wall));
    let rtt = if stepped { None } else { took };
    let late = match rtt {
        Some(rtt) => sent.before.mono.plus(rtt) > sent.deadline,
        None => now.mono > sent.deadline,
    };
    Event::Reply { token: sent.token, rtt, late }
}

fn not_sent(to: IpAddr, error: &io::Error) -> NetError {
    match error.kind() {
        io::ErrorKind::WouldBlock => NetError::new(Cause::Send, format!("echo {to}: the send buffer is full")),
        _ => NetError::io(format_args!("echo {to}"), error),
    }
}

#[cfg(test)]
mod tests;
