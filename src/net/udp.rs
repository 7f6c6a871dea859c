//! UDP conversations with one peer: datagrams out, the peer's datagrams back, and its refusals. What another
//! address sends never gets here; what an answer means is for others.
#![expect(clippy::disallowed_types, reason = "this is where UDP conversations are made")]

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;

/// Sends one datagram from an address of ours, of the family of `to`. Whether anybody took it is not known.
pub async fn tell(own: IpAddr, to: SocketAddr, bytes: &[u8]) -> Result<(), NetError> {
    let failed = |error: std::io::Error| NetError::io(format_args!("udp {to}"), &error);
    let socket = UdpSocket::bind(SocketAddr::new(own, 0)).await.map_err(failed)?;
    socket.send_to(bytes, to).await.map(drop).map_err(failed)
}

/// A socket that speaks with one peer only.
#[derive(Debug)]
pub struct Peer {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Peer {
    /// A fresh port of ours, so that answers to an earlier conversation find nobody.
    pub async fn open(address: SocketAddr) -> Result<Self, NetError> {
        let any = SocketAddr::new(if address.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() }, 0);
        let failed = |error: std::io::Error| NetError::io(format_args!("udp {address}"), &error);
        let socket = UdpSocket::bind(any).await.map_err(failed)?;
        socket.connect(address).await.map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Sends one datagram. An error may be an earlier one's refusal, which came back meanwhile.
    pub async fn send(&self, bytes: &[u8]) -> Result<(), NetError> {
        self.socket.send(bytes).await.map(drop).map_err(|error| self.failed(&error))
    }

    /// The next datagram, cut to `into`; `None` at the deadline.
    pub async fn receive(&self, into: &mut [u8], deadline: Mono, clock: &Clock) -> Option<Result<usize, NetError>> {
        Some(clock.until(deadline, self.socket.recv(into)).await?.map_err(|error| self.failed(&error)))
    }

    fn failed(&self, error: &std::io::Error) -> NetError {
        NetError::io(format_args!("udp {}", self.address), error)
    }
}
