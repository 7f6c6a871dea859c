//! What the system's sockets can do and safe crates do not offer: many datagrams a call, kernel timestamps,
//! the error queue, drop counts, big buffers. The only file of the program that holds `unsafe`; every
//! block passes the kernel pointers into buffers that outlive the call. No protocol knowledge.
#![allow(unsafe_code)] // sendmmsg, recvmmsg, control messages and raw options have no safe binding

mod raw; // addresses and control messages as the kernel lays them out

use std::ffi::CString;
use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use raw::{ADDRESS, ASKING, Control, control_messages, raw_address, take_control};

/// Datagrams a call: a kernel round trip shared by this many costs next to nothing each.
pub const BATCH: usize = 64;
/// Bytes kept of one datagram: the largest echo reply of ours (60 + 8 + 1400), rounded up.
const DATAGRAM: usize = 1536;
/// Bytes of control messages of one datagram: timestamps, drop count and an extended error fit twice.
const CONTROL: usize = 256;

/// `struct icmp_filter` and `struct icmp6_filter` of <linux/icmp.h> and <linux/icmpv6.h>.
const ICMP_FILTER: libc::c_int = 1;
const ICMPV6_FILTER: libc::c_int = 1;

/// A descriptor that the service manager left us; it is ours from then on.
pub fn handed(fd: RawFd) -> OwnedFd {
    // SAFETY: the service manager opened it for this process, which takes each of them once, before anything else.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Sets an option that is an int.
pub fn set_int(socket: &Socket, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    set_bytes(socket.as_raw_fd(), level, name, &value.to_ne_bytes())
}

fn set_bytes(fd: RawFd, level: libc::c_int, name: libc::c_int, value: &[u8]) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: `value` is readable for `len` bytes during the call.
    match unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets a raw ICMP socket receive only these types.
pub fn icmp_filter(socket: &Socket, types: &[u8]) -> io::Result<()> {
    let blocked = types.iter().fold(u32::MAX, |mask, kind| mask & !1u32.checked_shl(u32::from(*kind)).unwrap_or(0));
    set_bytes(socket.as_raw_fd(), libc::SOL_RAW, ICMP_FILTER, &blocked.to_ne_bytes())
}

/// Lets a raw ICMPv6 socket receive only these types.
pub fn icmp6_filter(socket: &Socket, types: &[u8]) -> io::Result<()> {
    let mut blocked = [u32::MAX; 8];
    for kind in types {
        if let Some(word) = blocked.get_mut(usize::from(kind >> 5)) {
            *word &= !(1 << (kind & 31));
        }
    }
    let bytes: Vec<u8> = blocked.iter().flat_map(|word| word.to_ne_bytes()).collect();
    set_bytes(socket.as_raw_fd(), libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &bytes)
}

/// Asks for a receive buffer of `bytes`, past the system's limit where allowed; returns what it got.
pub fn raise_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<usize> {
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    if set_int(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value).is_err() {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.recv_buffer_size()
}

/// Returns when there is something to read. The reactor of the runtime knows the socket for that long only.
pub async fn readable(socket: &Arc<Socket>) -> io::Result<()> {
    // SAFETY: the descriptor is that of the socket which the registration itself holds, so it stays open and the same.
    let watched = unsafe { AsyncFd::register_with_interest(socket.clone(), Interest::READABLE) }?;
    watched.readable().await.map(drop)
}

/// Which datagrams the kernel stamps, by software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// None.
    Off,
    /// What is received, and what is sent; the latter are numbered by send.
    All,
    /// What is received, and what is sent with `Outgoing::stamped`; the latter are numbered by send.
    Asked,
}

/// Turns kernel timestamps on or off; turned on anew, numbers begin anew.
pub fn timestamps(socket: &Socket, which: Stamps) -> io::Result<()> {
    let asked = libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_OPT_ID
        | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    let flags = match which {
        Stamps::Off => 0,
        Stamps::All => asked | libc::SOF_TIMESTAMPING_TX_SOFTWARE,
        Stamps::Asked => asked,
    };
    set_int(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags as libc::c_int)
}

/// Turns kernel timestamps on for what is received only: nothing then waits in the error queue.
pub fn timestamps_received(socket: &Socket) -> io::Result<()> {
    let flags = libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE;
    set_int(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags as libc::c_int)
}

/// Lets no datagram of this socket be cut into pieces on the way, and asks the path each time instead of
/// remembering what it said: what does not fit is lost or complained about.
pub fn never_in_pieces(socket: &Socket, to_v6: bool) -> io::Result<()> {
    if to_v6 {
        set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 1)?;
        set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE)
    } else {
        in_pieces(socket, false)
    }
}

/// Lets datagrams of version 4 of this socket be cut into pieces where they do not fit, or never.
pub fn in_pieces(socket: &Socket, may_be: bool) -> io::Result<()> {
    let how = if may_be { libc::IP_PMTUDISC_WANT } else { libc::IP_PMTUDISC_PROBE };
    set_int(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, how)
}

/// The kernel's number of an interface of this host.
pub fn interface(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is a C string that lives until the call returns.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index > 0).then_some(index)
}

/// Whether an address is one of this host: packets from any other would fail as if the network were at fault.
pub fn is_ours(ip: IpAddr) -> bool {
    let domain = if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let bound = Socket::new(domain, Type::DGRAM, None).and_then(|s| s.bind(&SocketAddr::new(ip, 0).into()));
    !bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

/// How a datagram travels, where that is not left to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Route {
    /// Traffic class byte (DSCP in the upper six bits).
    pub class: u8,
    /// Time to live, or hop limit; 0 = as the system has it.
    pub hops: u8,
    /// An address of this host.
    pub source: Option<IpAddr>,
    /// Number of the interface to leave by; 0 = as routed.
    pub interface: u32,
}

/// A datagram to send.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// To whom.
    pub to: SocketAddr,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// How.
    pub route: Route,
    /// To be stamped when it leaves; only of meaning to a socket with `Stamps::Asked`.
    pub stamped: bool,
}

/// Sends up to `BATCH` datagrams; returns how many the kernel took. An error is about the first one.
pub fn send_many<'a>(socket: &Socket, out: impl IntoIterator<Item = Outgoing<'a>>) -> io::Result<usize> {
    // SAFETY: all-zero bytes are valid values of these plain C structs.
    let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) = unsafe { (zeroed(), zeroed()) };
    let mut addresses = [([0; ADDRESS], 0); BATCH];
    let mut controls = [Control([0; ASKING]); BATCH];
    let parts = vectors.iter_mut().zip(&mut headers).zip(&mut addresses).zip(&mut controls);
    let mut n = 0;
    for ((((vector, header), address), control), of) in parts.zip(out) {
        n += 1;
        vector.iov_base = of.bytes.as_ptr().cast_mut().cast();
        vector.iov_len = of.bytes.len();
        let msg = &mut header.msg_hdr;
        *address = raw_address(of.to);
        msg.msg_name = address.0.as_mut_ptr().cast();
        msg.msg_namelen = address.1 as libc::socklen_t;
        msg.msg_iov = vector;
        msg.msg_iovlen = 1;
        let used = control.write(&of);
        if used > 0 {
            msg.msg_control = control.0.as_mut_ptr().cast();
            msg.msg_controllen = used as _;
        }
    }
    // SAFETY: the first `n` headers point to addresses, vectors and controls of this frame and to bytes that the
    // caller lends; all live until the call returns, and the kernel only reads them.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), n, libc::MSG_DONTWAIT as _) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}

/// What the kernel knows of the system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discipline {
    /// A time service keeps it in step with UTC.
    pub in_step: bool,
    /// How far off that service takes it to be; zero where it does not say.
    pub estimated: Duration,
    /// How far off it is at most.
    pub most: Duration,
}

/// Asks the kernel about the system's clock; needs no privilege.
pub fn discipline() -> io::Result<Discipline> {
    // SAFETY: all-zero bytes are a valid value of this plain C struct; no mode bit is set, so the call only reads.
    let mut state: libc::timex = unsafe { zeroed() };
    // SAFETY: the kernel writes into `state`, which lives until the call returns.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    let micros = |error: libc::c_long| Duration::from_micros(u64::try_from(error).unwrap_or(0));
    Ok(Discipline {
        in_step: answer != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0,
        estimated: micros(state.esterror),
        most: micros(state.maxerror),
    })
}

/// Which queue of a socket to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Datagrams.
    Data,
    /// Timestamps of what was sent, and errors.
    Errors,
}

/// What stands in the error queue about a datagram that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It left; it was the `number`th since timestamps were turned on.
    Sent {
        /// Counted from 0.
        number: u32,
    },
    /// It met an error.
    Error {
        /// errno.
        errno: i32,
        /// SO_EE_ORIGIN_*: 2 ICMP, 3 ICMPv6.
        origin: u8,
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
        /// What comes with it: of a packet that was too big, the size that fits.
        info: u32,
        /// Who complained, if known.
        by: Option<IpAddr>,
    },
}

/// A datagram or notice that was read.
#[derive(Debug)]
pub struct Received<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// From whom; for a notice, to whom the datagram was going.
    pub from: Option<SocketAddr>,
    /// When the kernel handled it, by the system's wall clock, since the epoch.
    pub stamp: Option<Duration>,
    /// How many datagrams this socket has dropped since it was made, if any.
    pub drops: Option<u32>,
    /// To which address of this host; where the socket asks for it, as the following.
    pub to: Option<IpAddr>,
    /// Time to live or hop limit that was left.
    pub ttl: Option<u8>,
    /// Traffic class byte.
    pub class: Option<u8>,
    /// What the error queue says.
    pub notice: Option<Notice>,
}

/// Buffers for one call of `recvmmsg`, used again and again.
pub struct Inbox {
    bytes: Vec<u8>,
    size: usize, // of one datagram
    names: Vec<SockAddrStorage>,
    controls: Vec<Control<CONTROL>>,
    lengths: Vec<(usize, usize, libc::socklen_t)>, // of bytes, control and name, as the kernel filled them
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} read)", self.lengths.len())
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::holding(BATCH)
    }
}

impl Inbox {
    /// For so many datagrams a call, at most `BATCH`.
    pub fn holding(datagrams: usize) -> Self {
        Self::of(datagrams, DATAGRAM)
    }

    /// The same, of at most `size` bytes each. Memory is taken as datagrams come that need it.
    pub fn of(datagrams: usize, size: usize) -> Self {
        let (datagrams, size) = (datagrams.clamp(1, BATCH), size.max(1));
        Self {
            bytes: vec![0; datagrams * size],
            size,
            names: (0..datagrams).map(|_| SockAddrStorage::zeroed()).collect(),
            controls: vec![Control([0; CONTROL]); datagrams],
            lengths: Vec::with_capacity(datagrams),
        }
    }

    /// Reads what waits in a queue, at most as many as it holds, without waiting; returns how many.
    pub fn receive(&mut self, socket: &Socket, queue: Queue) -> io::Result<usize> {
        self.lengths.clear();
        // SAFETY: all-zero bytes are valid values of these plain C structs.
        let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (zeroed(), zeroed()) };
        let buffers = self.bytes.chunks_exact_mut(self.size).zip(&mut self.names).zip(&mut self.controls);
        for ((vector, header), ((bytes, name), control)) in vectors.iter_mut().zip(&mut headers).zip(buffers) {
            vector.iov_base = bytes.as_mut_ptr().cast();
            vector.iov_len = bytes.len();
            let msg = &mut header.msg_hdr;
            msg.msg_name = std::ptr::from_mut(name).cast();
            msg.msg_namelen = name.size_of();
            msg.msg_iov = vector;
            msg.msg_iovlen = 1;
            msg.msg_control = control.0.as_mut_ptr().cast();
            msg.msg_controllen = CONTROL as _;
        }
        let flags = match queue {
            Queue::Data => libc::MSG_DONTWAIT,
            Queue::Errors => libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE,
        };
        // SAFETY: the headers point to buffers of `self`, which live until the call returns and which
        // nobody else touches; each length given is the size of its buffer.
        let n = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                self.names.len() as libc::c_uint,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        if n < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(0) } else { Err(error) };
        }
        for header in headers.iter().take(n as usize) {
            let length = (header.msg_len as usize).min(self.size);
            let control = header.msg_hdr.msg_controllen.min(CONTROL);
            self.lengths.push((length, control, header.msg_hdr.msg_namelen));
        }
        Ok(self.lengths.len())
    }

    /// What the last call read.
    pub fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        let buffers = self.bytes.chunks_exact(self.size).zip(&self.names).zip(&self.controls);
        self.lengths.iter().zip(buffers).map(|(lengths, ((bytes, name), control))| {
            let (length, control_length, name_length) = *lengths;
            let mut received = Received {
                bytes: bytes.get(..length).unwrap_or(&[]),
                from: address(name, name_length),
                stamp: None,
                drops: None,
                to: None,
                ttl: None,
                class: None,
                notice: None,
            };
            for (level, kind, data) in control_messages(control.0.get(..control_length).unwrap_or(&[])) {
                take_control(&mut received, level, kind, data);
            }
            received
        })
    }
}

fn address(name: &SockAddrStorage, length: libc::socklen_t) -> Option<SocketAddr> {
    if length == 0 || length > name.size_of() {
        return None;
    }
    // SAFETY: the kernel wrote `length` bytes of an address there; a zeroed rest is a valid one too.
    unsafe { SockAddr::new(std::ptr::read(name), length) }.as_socket()
}
