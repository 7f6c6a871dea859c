//! Ports on which others speak unasked: syslog and traps. Datagrams with who sent them, streams by connection, and
//! copies on to other receivers. Ports are bound here or come from the service manager. What is said, and who is
//! believed, is for others.
#![expect(clippy::disallowed_types, reason = "this is where listening ports are made")]

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::net::error::NetError;
use crate::net::listen::{Transport, bind_error};
use crate::net::sock::{self, Inbox, Queue};
use crate::net::stop::Stop;

/// Receive buffer asked for: half a second of 20,000 datagrams a second, as the kernel accounts for them.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Connections of one port: a thousand devices that speak TCP are more than a prefecture has.
const MAX_CONNECTIONS: usize = 1_024;
/// A connection that says nothing for so long is closed: its device is gone, and comes back when it is not.
const IDLE: Duration = Duration::from_secs(3_600);
/// Pause after a failed accept, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes read of a stream at once.
const READ: usize = 16 << 10;

/// A UDP port.
#[derive(Debug)]
pub struct Udp {
    socket: Arc<Socket>,
    address: SocketAddr,
}

impl Udp {
    /// Binds it; `[::]` hears both families. The error names who holds the port.
    pub fn bind(address: SocketAddr) -> Result<Self, NetError> {
        let bound = socket(address, Type::DGRAM, Protocol::UDP).and_then(Self::over);
        bound.map_err(|error| bind_error(Transport::Udp, address, &error))
    }

    fn over(socket: Socket) -> io::Result<Self> {
        sock::raise_receive_buffer(&socket, RECEIVE_BUFFER)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self { address, socket: Arc::new(socket) })
    }

    /// Where it is, with the port that port 0 became.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when there may be something to read. The reactor knows the port for that long only: a port that it
    /// knows wakes it with each datagram, whether somebody waits or not, and that costs more than reading them.
    pub async fn ready(&self) {
        if let Err(error) = sock::readable(&self.socket).await {
            tracing::warn!(address = %self.address, %error, "cannot wait for a port");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }

    /// Answers somebody; whoever asked for it asks again if it is lost.
    pub fn answer(&self, bytes: &[u8], to: SocketAddr) {
        let _ = self.socket.send_to(bytes, &to.into());
    }

    /// Reads datagrams that wait, as many as `into` holds, and cut to its size; how many came.
    pub fn receive(&self, into: &mut Inbox) -> usize {
        into.receive(&self.socket, Queue::Data).unwrap_or(0)
    }
}

/// A TCP port.
#[derive(Debug)]
pub struct Tcp {
    listener: TcpListener,
    address: SocketAddr,
}

impl Tcp {
    /// Binds it; `[::]` hears both families. The error names who holds the port.
    pub fn bind(address: SocketAddr) -> Result<Self, NetError> {
        let bound = socket(address, Type::STREAM, Protocol::TCP).and_then(|socket| {
            socket.listen(128)?;
            Self::over(socket)
        });
        bound.map_err(|error| bind_error(Transport::Tcp, address, &error))
    }

    fn over(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok(Self { address: listener.local_addr()?, listener })
    }

    /// Where it is, with the port that port 0 became.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the stop; `talk` hears what each connection says.
    pub async fn accept<F, T>(self, stop: Stop, talk: F)
    where
        F: Fn(Talk) -> T,
        T: Future<Output = ()> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut running = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.stopped() => return, // what still talks is dropped with the set
                Some(_) = running.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match (accepted, slots.clone().try_acquire_owned()) {
                (Ok((stream, from)), Ok(slot)) => {
                    let talking = talk(Talk { stream, from });
                    running.spawn(async move {
                        let _slot = slot;
                        talking.await;
                    });
                }
                (Ok((_, from)), Err(_)) => tracing::debug!(%from, "too many connections; this one is refused"),
                (Err(error), _) => {
                    tracing::warn!(address = %self.address, %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A connection that talks to us.
#[derive(Debug)]
pub struct Talk {
    stream: TcpStream,
    from: SocketAddr,
}

impl Talk {
    /// Who is at its other end.
    pub const fn from(&self) -> SocketAddr {
        self.from
    }

    /// What came next; nothing when it has ended, broke off, or was silent for too long.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; READ];
        let n = tokio::time::timeout(IDLE, self.stream.read(&mut bytes)).await.ok()?.ok().filter(|n| *n > 0)?;
        bytes.truncate(n);
        Some(bytes)
    }
}

/// A port that the service manager has bound for us.
#[derive(Debug)]
pub enum Handed {
    /// UDP.
    Udp(Udp),
    /// TCP.
    Tcp(Tcp),
}

impl Handed {
    /// Takes over a descriptor; an error if it is no socket, or one of another kind.
    pub fn take(fd: OwnedFd) -> Result<Self, NetError> {
        let socket = Socket::from(fd);
        let taken = match socket.r#type() {
            Ok(Type::DGRAM) => Udp::over(socket).map(Self::Udp),
            Ok(Type::STREAM) => Tcp::over(socket).map(Self::Tcp),
            Ok(_) => Err(io::ErrorKind::Unsupported.into()),
            Err(error) => Err(error),
        };
        taken.map_err(|error| NetError::io("a socket of the service manager", &error))
    }
}

/// Another receiver that gets copies by UDP.
#[derive(Debug)]
pub struct Copies {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Copies {
    /// Opens a port of ours to send from.
    pub fn open(to: SocketAddr) -> Result<Self, NetError> {
        let own = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let opened = socket(SocketAddr::new(own, 0), Type::DGRAM, Protocol::UDP).and_then(|socket| {
            socket.set_nonblocking(true)?;
            UdpSocket::from_std(socket.into())
        });
        let failed = |error| NetError::io(format_args!("copies to {to}"), &error);
        Ok(Self { socket: opened.map_err(failed)?, to })
    }

    /// Sends one; false if it could not leave now. Nobody waits for a copy.
    pub fn send(&self, bytes: &[u8]) -> bool {
        self.socket.try_send_to(bytes, self.to).is_ok()
    }
}

fn socket(address: SocketAddr, sort: Type, protocol: Protocol) -> io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, sort, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    if sort == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}
