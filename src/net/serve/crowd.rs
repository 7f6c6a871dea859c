//! Thousands of devices behind one socket: each datagram is told with the address it was sent to, and is answered from
//! there. A load target: batches in, batches out, answers held back as if the way were long. It refuses to know what is
//! answered, and datagrams from outside this machine where its addresses are loopback ones.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::Interest;

use super::{ServeError, Service};
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::sock::{self, BATCH, Inbox, Outgoing, Queue, Route};

/// Requests are small, but thousands come at once.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Answers that the kernel has no room for wait this long.
const SEND_AGAIN: Duration = Duration::from_millis(1);
/// Answers that are held back at most: 10,000 devices with one each, and as many doubled. Beyond it they are lost.
const MAX_HELD: usize = 20_000;

/// What the devices answer.
pub trait Crowd: Send + 'static {
    /// Answers a datagram that was sent to `at`.
    fn answer(&mut self, request: &[u8], at: IpAddr, out: &mut Answers<'_>);
}

/// Where answers to one datagram are put.
#[derive(Debug)]
pub struct Answers<'a> {
    to: SocketAddr,
    at: IpAddr,
    bytes: &'a mut Vec<u8>,
    ends: &'a mut Vec<(SocketAddr, IpAddr, usize)>,
}

impl Answers<'_> {
    /// Where to append the bytes of the next answer.
    pub const fn buffer(&mut self) -> &mut Vec<u8> {
        self.bytes
    }

    /// What was appended since the last is an answer, from the address that was asked or from another of this machine.
    pub fn send(&mut self, from: Option<IpAddr>) {
        self.ends.push((self.to, from.unwrap_or(self.at), self.bytes.len()));
    }
}

#[expect(clippy::disallowed_types, reason = "this is net")]
type Udp = tokio::net::UdpSocket;

/// Serves every IPv4 address of this machine at a port; with `loopback` only those of 127.0.0.0/8. Answers are held back
/// for `delay`.
pub async fn crowd(port: u16, loopback: bool, delay: Duration, crowd: Box<dyn Crowd>) -> Result<Service, ServeError> {
    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
    let open = || -> io::Result<Udp> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        sock::raise_receive_buffer(&socket, RECEIVE_BUFFER)?;
        sock::set_int(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        if loopback {
            socket.bind_device(Some(b"lo"))?;
        }
        socket.bind(&any.into())?;
        Udp::from_std(socket.into())
    };
    let bind = |source| ServeError::Bind { kind: "udp", address: any, source };
    let socket = open().map_err(bind)?;
    let address = socket.local_addr().map_err(bind)?;
    let line =
        Line { crowd, delay, held: VecDeque::new(), bytes: Vec::new(), ends: Vec::new(), clock: Clock::system() };
    Ok(Service { address, task: tokio::spawn(line.run(socket)) })
}

/// An answer that waits.
struct Held {
    due: Mono,
    to: SocketAddr,
    from: IpAddr,
    bytes: Vec<u8>,
}

struct Line {
    crowd: Box<dyn Crowd>,
    delay: Duration,
    /// In the order in which they are due.
    held: VecDeque<Held>,
    bytes: Vec<u8>,
    ends: Vec<(SocketAddr, IpAddr, usize)>,
    clock: Clock,
}

impl Line {
    async fn run(mut self, socket: Udp) {
        let mut inbox = Inbox::default();
        loop {
            let due = self.held.front().map(|held| held.due);
            tokio::select! {
                readable = socket.readable() => {
                    if readable.is_err() {
                        return; // the runtime ends
                    }
                    let read = || match self.receive(&SockRef::from(&socket), &mut inbox) {
                        true => Err(io::ErrorKind::WouldBlock.into()), // nothing is left, so wait for more
                        false => Ok(()),
                    };
                    let _ = socket.try_io(Interest::READABLE, read); // it has nothing else to say
                }
                () = self.clock.sleep_until(due.unwrap_or_default()), if due.is_some() => {}
            }
            if self.release(&SockRef::from(&socket)) {
                self.clock.sleep(SEND_AGAIN).await;
            }
        }
    }

    /// Reads and answers one batch; true if nothing is left to read.
    fn receive(&mut self, socket: &Socket, inbox: &mut Inbox) -> bool {
        let Ok(count) = inbox.receive(socket, Queue::Data) else { return false };
        self.bytes.clear();
        self.ends.clear();
        for received in inbox.iter() {
            let (Some(to), Some(at)) = (received.from, received.to) else { continue };
            let mut out = Answers { to, at, bytes: &mut self.bytes, ends: &mut self.ends };
            self.crowd.answer(received.bytes, at, &mut out);
        }
        let mut from = 0;
        let mut out = Vec::with_capacity(self.ends.len());
        for (to, source, end) in &self.ends {
            out.push((*to, *source, self.bytes.get(from..*end).unwrap_or_default()));
            from = *end;
        }
        let sent = if self.delay.is_zero() && self.held.is_empty() { send(socket, &out) } else { 0 };
        let due = self.clock.mono().plus(self.delay);
        let room = MAX_HELD.saturating_sub(self.held.len());
        let late = out.iter().skip(sent).take(room);
        self.held.extend(late.map(|(to, from, bytes)| Held { due, to: *to, from: *from, bytes: bytes.to_vec() }));
        count < BATCH
    }

    /// Sends what is due; true if the kernel takes no more for now.
    fn release(&mut self, socket: &Socket) -> bool {
        let now = self.clock.mono();
        loop {
            let due = self.held.iter().take_while(|held| held.due <= now).take(BATCH);
            let batch: Vec<_> = due.map(|held| (held.to, held.from, held.bytes.as_slice())).collect();
            if batch.is_empty() {
                return false;
            }
            let sent = send(socket, &batch);
            if sent == 0 {
                return true;
            }
            self.held.drain(..sent);
        }
    }
}

/// Sends answers; returns how many are done with. One that cannot be sent at all is lost, as on a real way.
fn send(socket: &Socket, answers: &[(SocketAddr, IpAddr, &[u8])]) -> usize {
    let mut done = 0;
    while let Some(rest) = answers.get(done..).filter(|rest| !rest.is_empty()) {
        let out = rest.iter().map(|(to, from, bytes)| Outgoing {
            to: *to,
            bytes,
            route: Route { source: Some(*from), ..Route::default() },
            stamped: false,
        });
        match sock::send_many(socket, out) {
            Ok(0) => break,
            Ok(sent) => done += sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => done += 1,
        }
    }
    done
}
