//! Traces by UDP datagrams: who complains comes back through the error queue (IP_RECVERR), for which no privilege
//! is needed. A complaint that quotes our payload names its packet; one that quotes less, as old routers do, can
//! only be about the one packet that waits, so from then on there must be no more than one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::codec::icmp::{Version, Why};
use crate::net::clock::{Clock, Departure, Stamp};
use crate::net::error::NetError;
use crate::net::sock::{self, Inbox, Notice, Outgoing, Queue, Received, Route, Stamps};
use crate::net::trace::{Answer, Said, said};

/// Where traces go by custom: nobody listens there, and firewalls that let traces through let this through.
const PORT: u16 = 33434;
/// Most batches read in one drain; a trace has no hundred packets under way.
const MAX_BATCHES: usize = 8;

#[derive(Debug)]
struct Sent {
    token: u32,
    departure: Departure,
    waiting: bool,
}

/// One socket, and what was sent through it.
#[derive(Debug)]
pub(super) struct Udp {
    clock: Clock,
    socket: Socket,
    version: Version,
    to: SocketAddr,
    route: Route,
    cookie: u64,
    sent: Vec<Sent>,
    numbered: bool,
    short_quotes: bool,
    inbox: Option<Box<Inbox>>, // lent while it is read
}

impl Udp {
    pub(super) fn open(clock: Clock, to: IpAddr, flow: u16, route: Route) -> Result<Self, NetError> {
        let version = Version::of(to);
        let (domain, any) = match version {
            Version::V4 => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            Version::V6 => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let made = || -> io::Result<Socket> {
            let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            // Another trace, or another program, may have the port of the flow.
            let mine = socket.bind(&SocketAddr::new(any, flow.max(1024)).into());
            mine.or_else(|_| socket.bind(&SocketAddr::new(any, 0).into()))?;
            match version {
                Version::V4 => sock::set_int(&socket, libc::SOL_IP, libc::IP_RECVERR, 1)?,
                Version::V6 => sock::set_int(&socket, libc::SOL_IPV6, libc::IPV6_RECVERR, 1)?,
            }
            Ok(socket)
        };
        let socket = made().map_err(|error| NetError::io("set up a socket for traces", &error))?;
        let numbered = sock::timestamps(&socket, Stamps::All).is_ok();
        Ok(Self {
            clock,
            socket,
            version,
            to: SocketAddr::new(to, PORT),
            route,
            cookie: fastrand::u64(..),
            sent: Vec::new(),
            numbered,
            short_quotes: false,
            inbox: Some(Box::default()),
        })
    }

    pub(super) const fn short_quotes(&self) -> bool {
        self.short_quotes
    }

    pub(super) fn send(&mut self, hops: u8, token: u32, answers: &mut Vec<Answer>) {
        let number = self.sent.len() as u32;
        // Number and its complement: the checksum stays the same.
        let mut payload = [0; 16];
        payload[..8].copy_from_slice(&self.cookie.to_be_bytes());
        payload[8..12].copy_from_slice(&number.to_be_bytes());
        payload[12..].copy_from_slice(&(!number).to_be_bytes());
        let out = || [Outgoing { to: self.to, bytes: &payload, route: Route { hops, ..self.route }, stamped: false }];
        let before = self.clock.stamp();
        // A complaint about an earlier packet is reported once in place of sending; its details are in the queue.
        let mut went = sock::send_many(&self.socket, out());
        if went.is_err() {
            self.numbered = false;
            went = sock::send_many(&self.socket, out());
        }
        let sent = Sent { token, departure: Departure { before, left: None }, waiting: went.is_ok() };
        self.sent.push(sent);
        if let Err(error) = went {
            let error = NetError::io(format_args!("udp {}", self.to), &error);
            answers.push(Answer { token, by: None, rtt: None, what: Said::NotSent(error) });
        }
    }

    pub(super) fn drain(&mut self, answers: &mut Vec<Answer>) {
        let Some(mut inbox) = self.inbox.take() else { return };
        for _ in 0..MAX_BATCHES {
            match inbox.receive(&self.socket, Queue::Errors) {
                Ok(0) => break,
                Ok(_) => {
                    let now = self.clock.stamp();
                    for received in inbox.iter() {
                        self.take(&received, now, answers);
                    }
                }
                Err(_) => {}
            }
        }
        self.inbox = Some(inbox);
    }

    fn take(&mut self, received: &Received<'_>, now: Stamp, answers: &mut Vec<Answer>) {
        match received.notice {
            Some(Notice::Sent { number }) if self.numbered => {
                let Some(sent) = self.sent.get_mut(number as usize) else { return };
                let plausible = |stamp: &Duration| *stamp >= sent.departure.before.wall;
                sent.departure.left = received.stamp.filter(plausible);
            }
            Some(Notice::Error { kind, code, info, by, origin: 2 | 3, .. }) => {
                let Some(why) = Why::of(self.version, kind, code, info) else { return };
                let Some(sent) = self.about(received.bytes) else { return };
                sent.waiting = false;
                let rtt = sent.departure.took(received.stamp, now);
                answers.push(Answer { token: sent.token, by, rtt, what: said(why) });
            }
            _ => {}
        }
    }

    /// The packet that still waits and is meant, by as much of its payload as came back.
    fn about(&mut self, quote: &[u8]) -> Option<&mut Sent> {
        let word = |at: usize| quote.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
        let at = match word(8) {
            Some(number) if quote.get(..8) == Some(&self.cookie.to_be_bytes()) => number as usize,
            Some(_) => return None,
            None => {
                self.short_quotes = true;
                let mut waiting = self.sent.iter().enumerate().filter(|(_, sent)| sent.waiting);
                let only = waiting.next().map(|(at, _)| at);
                only.filter(|_| waiting.next().is_none())?
            }
        };
        self.sent.get_mut(at).filter(|sent| sent.waiting)
    }

    /// Nobody answers an earlier packet any more.
    pub(super) fn give_up(&mut self) {
        self.sent.iter_mut().for_each(|sent| sent.waiting = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_quote_names_its_packet_and_a_short_one_only_the_one_that_waits() {
        let to = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut udp = Udp::open(Clock::system(), to, 0, Route::default()).unwrap();
        let mut answers = Vec::new();
        for token in [7, 8] {
            udp.send(1, token, &mut answers);
        }
        let quote = |number: u32, cookie: u64| [&cookie.to_be_bytes()[..], &number.to_be_bytes()[..]].concat();
        let cookie = udp.cookie;
        assert_eq!(udp.about(&quote(1, cookie)).map(|sent| sent.token), Some(8));
        assert_eq!(udp.about(&quote(1, cookie ^ 1)).map(|sent| sent.token), None);
        assert_eq!(udp.about(&quote(9, cookie)).map(|sent| sent.token), None);
        assert!(!udp.short_quotes());
        assert_eq!(udp.about(&[]).map(|sent| sent.token), None, "two wait");
        assert!(udp.short_quotes());
        udp.give_up();
        udp.send(1, 9, &mut answers);
        assert_eq!(udp.about(&[]).map(|sent| sent.token), Some(9));
        assert_eq!(udp.about(&quote(0, cookie)).map(|sent| sent.token), None, "nobody waits for it any more");
    }
}
