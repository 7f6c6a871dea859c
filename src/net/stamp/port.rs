//! The answering end of STAMP: one UDP port that anybody may ask. It gives each request with the kernel's time of its
//! arrival, the address it was sent to and the hops it had left, and sends answers from that very address. Whom to
//! answer, and what, is for others.
#![expect(clippy::disallowed_types, reason = "this is where STAMP's sockets are made")]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::sock::{self, Inbox, Outgoing, Queue, Route};
use crate::net::stamp::HOPS;

/// Receive buffer asked for: what comes within a hundred milliseconds at the rate that all together may have.
const RECEIVE_BUFFER: usize = 2 << 20;
/// The two lower bits of a traffic class are the network's own (ECN), not to be given back.
const DSCP: u8 = 0xfc;

/// A request as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Who asks.
    pub from: SocketAddr,
    /// Which of our addresses was asked, if the kernel says so.
    pub to: Option<IpAddr>,
    /// Hops it had left.
    pub ttl: u8,
    /// When it arrived, since 1970.
    pub at: Duration,
    class: u8,
}

/// A port that is asked.
#[derive(Debug)]
pub struct Port {
    socket: UdpSocket,
    address: SocketAddr,
    inbox: Inbox,
    clock: Clock,
}

impl Port {
    /// Listens; `[::]` takes requests of both families.
    pub fn bind(address: SocketAddr, clock: Clock) -> Result<Self, NetError> {
        let failed = |error: io::Error| NetError::io(format_args!("listen on udp {address}"), &error);
        let socket = listening(address).and_then(|socket| UdpSocket::from_std(socket.into())).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, inbox: Inbox::default(), clock })
    }

    /// Where it listens, with the port that port 0 became.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when there may be something to read.
    pub async fn wait(&self) {
        // An error would mean that the runtime ends. Not ready then until something new comes.
        let _ = self.socket.readable().await;
        let _ = self.socket.try_io(Interest::READABLE, || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into()));
    }

    /// Reads what waits, at most a batch; returns how many. What was asked is in `asked`.
    pub fn receive(&mut self) -> usize {
        // An error here is an ICMP message about an earlier answer: nobody waits for it.
        self.inbox.receive(&SockRef::from(&self.socket), Queue::Data).unwrap_or(0)
    }

    /// What the last call read.
    pub fn asked(&self) -> impl Iterator<Item = Asked<'_>> {
        let now = self.clock.stamp().wall;
        self.inbox.iter().filter_map(move |received| {
            Some(Asked {
                bytes: received.bytes,
                from: received.from?,
                to: received.to,
                ttl: received.ttl.unwrap_or(0),
                at: received.stamp.unwrap_or(now),
                class: received.class.unwrap_or(0),
            })
        })
    }

    /// Answers a request, in its class and from the address it was sent to.
    pub fn answer(&self, asked: &Asked<'_>, bytes: &[u8]) -> io::Result<()> {
        let route = Route { class: asked.class & DSCP, source: asked.to, ..Route::default() };
        let answer = Outgoing { to: asked.from, bytes, route, stamped: false };
        sock::send_many(&SockRef::from(&self.socket), [answer]).map(drop)
    }
}

fn listening(address: SocketAddr) -> io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
        for option in [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVHOPLIMIT, libc::IPV6_RECVTCLASS] {
            sock::set_int(&socket, libc::SOL_IPV6, option, 1)?;
        }
        sock::set_int(&socket, libc::SOL_IPV6, libc::IPV6_UNICAST_HOPS, HOPS.into())?;
    } else {
        sock::set_int(&socket, libc::SOL_IP, libc::IP_PKTINFO, 1)?;
    }
    // On a socket of version 6 these are about requests of version 4.
    sock::set_int(&socket, libc::SOL_IP, libc::IP_RECVTTL, 1)?;
    sock::set_int(&socket, libc::SOL_IP, libc::IP_RECVTOS, 1)?;
    sock::set_int(&socket, libc::SOL_IP, libc::IP_TTL, HOPS.into())?;
    sock::raise_receive_buffer(&socket, RECEIVE_BUFFER)?;
    sock::timestamps_received(&socket)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
