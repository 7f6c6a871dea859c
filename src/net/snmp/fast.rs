//! v1 and v2c for thousands of devices at once: one socket a family, one task that owns it and every device's state.
//! Answers are read where the kernel put them and the next request leaves with the batch, so whoever asked is woken once,
//! at the end. Silence because our own buffer overflowed is told apart from silence of the device.

mod core; // jobs, their timers, what an answer makes of them
mod rehearse; // a walk without a network
mod wheel; // coarse timers
mod work; // what one device is asked

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::snmp::{Oid, Value};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::sync::{mpsc, oneshot};

pub(super) use self::core::HOLD;
pub use self::rehearse::rehearse;

use self::core::{Core, Order};
use self::work::{Once, Work};
use super::table::{Sink, Table, Walked};
use super::{Manner, RECEIVE_BUFFER, RoundTrip, SnmpError};
use crate::codec::snmp::{Kind, Version, write};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::sock::{self, BATCH, Inbox, Outgoing, Queue, Route};

/// The largest UDP payload: an answer of many rows is cut into pieces on the way, and put together by the kernel.
const DATAGRAM: usize = 65_507;
/// Tasks that wait for the engine; more wait at their door.
const ORDERS: usize = 4096;
/// Tasks taken on at once, and batches read at once, so that neither keeps the other waiting.
const ORDERS_AT_ONCE: usize = 256;
const BATCHES_AT_ONCE: usize = 16;
/// When the kernel's send buffer is full, it is tried again after this.
const SEND_AGAIN: Duration = Duration::from_millis(1);
/// What an answer is taken to measure before there was one.
const FIRST_ANSWER: u32 = 1400;
/// What the kernel keeps with each datagram, and counts as part of the buffer.
const KERNEL_OVERHEAD: usize = 832;

/// A device, as the engine knows it.
struct Device {
    peer: SocketAddr,
    version: Version,
    community: Box<[u8]>,
    manner: Manner,
    /// Bytes of its last answer.
    answer: AtomicU32,
    /// Requests that it was sent, and those among them that it had been sent before.
    sent: AtomicU32,
    again: AtomicU32,
    round_trip: RoundTrip,
}

impl Device {
    fn new(peer: SocketAddr, version: Version, community: Box<[u8]>, manner: Manner) -> Self {
        let (answer, sent, again) = (AtomicU32::new(FIRST_ANSWER), AtomicU32::new(0), AtomicU32::new(0));
        Self { peer, version, community, manner, answer, sent, again, round_trip: RoundTrip::default() }
    }

    /// What its next answer will take of the receive buffer.
    fn cost(&self) -> usize {
        (self.answer.load(Relaxed) as usize).next_power_of_two() + KERNEL_OVERHEAD
    }

    fn answered(&self, bytes: usize, after: Option<Duration>) {
        self.answer.store(u32::try_from(bytes).unwrap_or(u32::MAX), Relaxed);
        self.round_trip.note(after);
    }

    /// How long to wait for the answer to one try: each twice as long as the one before, all together as long as tries
    /// of the same length would take.
    fn wait(&self, try_: u32) -> Duration {
        let tries = self.manner.retries.min(16) + 1;
        let all = self.manner.timeout * tries;
        all * (1 << (try_.clamp(1, tries) - 1)) / ((1 << tries) - 1)
    }
}

/// What went over one socket since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Requests.
    pub sent: u64,
    /// Those among them that were sent before.
    pub again: u64,
    /// Answers.
    pub answers: u64,
    /// Answers that could not be decoded.
    pub malformed: u64,
    /// Datagrams that were no answer to a request of ours: late, doubled, of no sense or from somewhere else.
    pub strays: u64,
    /// Datagrams that our own buffer had no room for.
    pub overflows: u64,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    again: AtomicU64,
    answers: AtomicU64,
    malformed: AtomicU64,
    strays: AtomicU64,
    overflows: AtomicU64,
}

#[expect(clippy::disallowed_types, reason = "this is net")]
type Udp = tokio::net::UdpSocket;

/// The way to an engine.
#[derive(Clone)]
struct Line {
    orders: mpsc::Sender<Order>,
    counts: Arc<Counts>,
}

/// The engines of a runtime, one a family; each ends with the last session that uses it.
#[derive(Default)]
pub(super) struct Lines {
    v4: Mutex<Option<Line>>,
    v6: Mutex<Option<Line>>,
}

impl Lines {
    /// A device to ask.
    pub(super) fn peer(
        &self,
        peer: SocketAddr,
        v1: bool,
        community: &str,
        manner: Manner,
    ) -> Result<Peer, SnmpError> {
        let place = if peer.is_ipv4() { &self.v4 } else { &self.v6 };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        let line = match &*place {
            Some(line) if !line.orders.is_closed() => line.clone(),
            _ => place.insert(Line::open(peer)?).clone(),
        };
        let version = if v1 { Version::V1 } else { Version::V2c };
        let device = Device::new(peer, version, community.as_bytes().into(), manner);
        Ok(Peer { device: Arc::new(device), line })
    }
}

impl Line {
    /// Opens a socket for addresses like `peer`, with the task that owns it.
    fn open(peer: SocketAddr) -> Result<Self, SnmpError> {
        let v4 = peer.is_ipv4();
        let clock = Clock::system();
        let open = || -> io::Result<(Udp, usize)> {
            let socket = Socket::new(if v4 { Domain::IPV4 } else { Domain::IPV6 }, Type::DGRAM, None)?;
            socket.set_nonblocking(true)?;
            let buffer = sock::raise_receive_buffer(&socket, RECEIVE_BUFFER)?;
            sock::set_int(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
            let any = if v4 { [0; 4].into() } else { [0_u16; 8].into() };
            socket.bind(&SocketAddr::new(any, 0).into())?;
            Ok((Udp::from_std(socket.into())?, buffer))
        };
        let (socket, buffer) =
            open().map_err(|error| SnmpError::Net(NetError::io("open a socket for snmp", &error)))?;
        let (orders, queue) = mpsc::channel(ORDERS);
        let counts = Arc::new(Counts::default());
        let core = Core::new(buffer, counts.clone(), clock.mono());
        let driver = Driver { core, clock, inbox: Inbox::of(BATCH, DATAGRAM), drops: 0, sending: Vec::new() };
        tokio::spawn(driver.run(socket, queue));
        Ok(Self { orders, counts })
    }
}

/// One device, and the engine that asks it.
pub(super) struct Peer {
    device: Arc<Device>,
    line: Line,
}

impl Peer {
    /// What went over the engine's socket.
    pub(super) fn traffic(&self) -> Traffic {
        let Counts { sent, again, answers, malformed, strays, overflows } = &*self.line.counts;
        let [sent, again, answers, malformed, strays, overflows] =
            [sent, again, answers, malformed, strays, overflows].map(|count| count.load(Relaxed));
        Traffic { sent, again, answers, malformed, strays, overflows }
    }

    /// Requests that went to this device, and those among them that had gone before.
    pub(super) fn sent(&self) -> (u32, u32) {
        (self.device.sent.load(Relaxed), self.device.again.load(Relaxed))
    }

    /// From the last request to its answer; none if it had to be sent again.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.device.round_trip.last()
    }

    /// One request and its answer.
    pub(super) async fn ask(
        &self,
        kind: Kind,
        oids: &[Oid],
        repetitions: u32,
    ) -> Result<Vec<(Oid, Value)>, SnmpError> {
        let names = oids.iter().map(|oid| write::name(oid.arcs())).collect();
        let once = Once { kind, names, repetitions, answer: None };
        match self.order(Work::Once(once), None).await {
            Some(Work::Once(Once { answer: Some(answer), .. })) => answer,
            _ => Err(self.broken()),
        }
    }

    /// A walk; it ends by `deadline`. The sink is gone only if the engine is.
    pub(super) async fn walk(&self, table: Table, deadline: Mono) -> (Option<Box<dyn Sink>>, Walked) {
        let wanted = table.walked.wanted;
        match self.order(Work::Table(Box::new(table)), Some(deadline)).await {
            Some(Work::Table(table)) => (Some(table.sink), table.walked),
            _ => (None, Walked { error: Some(self.broken()), ..Walked::new(wanted) }),
        }
    }

    /// The same device asked with the community of one VLAN.
    pub(super) fn of_vlan(&self, vlan: u32) -> Self {
        let community = [&*self.device.community, format!("@{vlan}").as_bytes()].concat();
        let Device { peer, version, manner, .. } = *self.device;
        Self { device: Arc::new(Device::new(peer, version, community.into(), manner)), line: self.line.clone() }
    }

    /// Has the engine do it.
    async fn order(&self, work: Work, end: Option<Mono>) -> Option<Work> {
        let (done, ended) = oneshot::channel();
        self.line.orders.send(Order { device: self.device.clone(), work, end, done }).await.ok()?;
        ended.await.ok()
    }

    fn broken(&self) -> SnmpError {
        SnmpError::Net(NetError::new(Cause::Internal, format!("snmp {}: the engine ended", self.device.peer)))
    }
}

/// Owns the jobs of a socket.
struct Driver {
    core: Core,
    clock: Clock,
    inbox: Inbox,
    /// Datagrams that the kernel dropped so far.
    drops: u32,
    sending: Vec<u32>,
}

impl Driver {
    /// Until the last session is gone.
    async fn run(mut self, socket: Udp, mut queue: mpsc::Receiver<Order>) {
        let mut orders = Vec::with_capacity(ORDERS_AT_ONCE);
        loop {
            let stuck = self.send(&SockRef::from(&socket));
            let now = self.clock.mono();
            let next = if stuck { Some(now.plus(SEND_AGAIN)) } else { self.core.next() };
            tokio::select! {
                readable = socket.readable() => {
                    if readable.is_err() {
                        return; // the runtime ends
                    }
                    let read = || match self.receive(&SockRef::from(&socket)) {
                        true => Err(io::ErrorKind::WouldBlock.into()), // nothing is left, so wait for more
                        false => Ok(()),
                    };
                    let _ = socket.try_io(Interest::READABLE, read); // it has nothing else to say
                }
                taken = queue.recv_many(&mut orders, ORDERS_AT_ONCE) => {
                    if taken == 0 {
                        return;
                    }
                    let now = self.clock.mono();
                    orders.drain(..).for_each(|order| self.core.submit(order, now));
                }
                () = self.clock.sleep_until(next.unwrap_or(now)), if next.is_some() => {}
            }
            self.core.tick(self.clock.mono());
        }
    }

    /// Sends what may leave; true if the kernel takes no more for now.
    fn send(&mut self, socket: &Socket) -> bool {
        let mut sending = std::mem::take(&mut self.sending);
        let mut stuck = false;
        while !stuck && self.core.is_waiting() {
            self.core.sending(BATCH, &mut sending);
            if sending.is_empty() {
                break;
            }
            stuck = self.send_batch(socket, &sending);
        }
        self.sending = sending;
        stuck
    }

    fn send_batch(&mut self, socket: &Socket, batch: &[u32]) -> bool {
        let mut rest = batch;
        while !rest.is_empty() {
            let out = rest.iter().filter_map(|at| self.core.outgoing(*at)).map(|(to, bytes)| Outgoing {
                to,
                bytes,
                route: Route::default(),
                stamped: false,
            });
            let answer = sock::send_many(socket, out);
            let now = self.clock.mono();
            match answer {
                Ok(n) if n > 0 => {
                    let (gone, left) = rest.split_at(n.min(rest.len()));
                    gone.iter().for_each(|at| self.core.sent(*at, now));
                    rest = left;
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    let Some((first, left)) = rest.split_first() else { return false };
                    let to = self.core.outgoing(*first).map(|(to, _)| to.to_string()).unwrap_or_default();
                    self.core.unsent(*first, Some(NetError::io(format_args!("snmp {to}"), &error)));
                    rest = left;
                }
                _ => {
                    rest.iter().rev().for_each(|at| self.core.unsent(*at, None));
                    return true;
                }
            }
        }
        false
    }

    /// Reads what came in; false if something is left, to be read after what the answers ask for was sent.
    fn receive(&mut self, socket: &Socket) -> bool {
        for _ in 0..BATCHES_AT_ONCE {
            let count = match self.inbox.receive(socket, Queue::Data) {
                Ok(count) => count,
                // The pending error of an earlier datagram; reading again gives what waits behind it.
                Err(_) => continue,
            };
            self.core.at(self.clock.mono());
            for received in self.inbox.iter() {
                if let Some(drops) = received.drops.filter(|drops| *drops != self.drops) {
                    self.core.overflowed(drops.wrapping_sub(self.drops), self.clock.mono());
                    self.drops = drops;
                }
                if let Some(from) = received.from {
                    self.core.datagram(from, received.bytes);
                }
            }
            if count < BATCH {
                return true;
            }
            self.send(socket);
        }
        false
    }
}

#[cfg(test)]
mod tests;
