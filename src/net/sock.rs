//! What the system's sockets can do and safe crates do not offer: many datagrams a call, kernel timestamps,
//! the error queue, drop counts, big buffers. The only file of the program that holds `unsafe`; every
//! block passes the kernel pointers into buffers that outlive the call. No protocol knowledge.
#![allow(unsafe_code)] // sendmmsg, recvmmsg, control messages and raw options have no safe binding

use std::ffi::CString;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

/// Datagrams a call: a kernel round trip shared by this many costs next to nothing each.
pub const BATCH: usize = 64;
/// Bytes kept of one datagram: the largest echo reply of ours (60 + 8 + 1400), rounded up.
const DATAGRAM: usize = 1536;
/// Bytes of control messages of one datagram: timestamps, drop count and an extended error fit twice.
const CONTROL: usize = 256;

/// Bytes of a native word, which lengths of control messages are padded to.
const WORD: usize = size_of::<usize>();
/// Bytes of the header of a control message: length, level, kind.
const HEAD: usize = WORD + 8;

/// `struct icmp_filter` and `struct icmp6_filter` of <linux/icmp.h> and <linux/icmpv6.h>.
const ICMP_FILTER: libc::c_int = 1;
const ICMPV6_FILTER: libc::c_int = 1;
/// SO_EE_ORIGIN_TIMESTAMPING of <linux/errqueue.h>.
const ORIGIN_TIMESTAMPING: u8 = 4;

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

/// Turns kernel timestamps on (sent and received, by software, numbered by send) or off.
pub fn timestamps(socket: &Socket, on: bool) -> io::Result<()> {
    let flags = if on {
        libc::SOF_TIMESTAMPING_SOFTWARE
            | libc::SOF_TIMESTAMPING_RX_SOFTWARE
            | libc::SOF_TIMESTAMPING_TX_SOFTWARE
            | libc::SOF_TIMESTAMPING_OPT_ID
            | libc::SOF_TIMESTAMPING_OPT_TSONLY
    } else {
        0
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
        set_int(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)
    }
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
}

/// Control buffer with the alignment that the kernel's headers need.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

impl Control {
    /// Writes what a route asks for; returns how many bytes that takes.
    fn write(&mut self, to: &SocketAddr, route: &Route) -> usize {
        let mut used = 0;
        let level = if to.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
        // To an address of version 4 a socket of version 6 sends packets of version 4.
        let v4 = to.ip().to_canonical().is_ipv4();
        let (of, class, hops) = match v4 {
            true => (libc::IPPROTO_IP, libc::IP_TOS, libc::IP_TTL),
            false => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, libc::IPV6_HOPLIMIT),
        };
        for (kind, value) in [(class, route.class), (hops, route.hops)] {
            if value != 0 {
                self.put(&mut used, of, kind, &libc::c_int::from(value).to_ne_bytes());
            }
        }
        if route.source.is_none() && route.interface == 0 {
            return used;
        }
        match to {
            SocketAddr::V4(_) => {
                // struct in_pktinfo: interface, source, (when received) destination
                let source =
                    route.source.map_or([0; 4], |ip| if let IpAddr::V4(ip) = ip { ip.octets() } else { [0; 4] });
                let mut info = [0; 12];
                info[..4].copy_from_slice(&route.interface.to_ne_bytes());
                info[4..8].copy_from_slice(&source);
                self.put(&mut used, level, libc::IP_PKTINFO, &info);
            }
            SocketAddr::V6(_) => {
                // struct in6_pktinfo: source, interface
                let source =
                    route.source.map_or([0; 16], |ip| if let IpAddr::V6(ip) = ip { ip.octets() } else { [0; 16] });
                let mut info = [0; 20];
                info[..16].copy_from_slice(&source);
                info[16..].copy_from_slice(&route.interface.to_ne_bytes());
                self.put(&mut used, level, libc::IPV6_PKTINFO, &info);
            }
        }
        used
    }

    /// Appends one control message: header of native words (length, level, kind), data, padding.
    fn put(&mut self, used: &mut usize, level: i32, kind: i32, data: &[u8]) {
        let length = HEAD + data.len();
        let Some(place) = self.0.get_mut(*used..*used + length.next_multiple_of(WORD)) else { return };
        place[..WORD].copy_from_slice(&length.to_ne_bytes());
        place[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        place[WORD + 4..HEAD].copy_from_slice(&kind.to_ne_bytes());
        place[HEAD..length].copy_from_slice(data);
        *used += place.len();
    }
}

/// Sends up to `BATCH` datagrams; returns how many the kernel took. An error is about the first one.
pub fn send_many(socket: &Socket, out: &[Outgoing<'_>]) -> io::Result<usize> {
    let n = out.len().min(BATCH);
    let mut addresses: Vec<SockAddr> = out.iter().take(n).map(|o| SockAddr::from(o.to)).collect();
    // SAFETY: all-zero bytes are valid values of these plain C structs.
    let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) = unsafe { (zeroed(), zeroed()) };
    let mut controls = [Control([0; CONTROL]); BATCH];
    let parts = vectors.iter_mut().zip(headers.iter_mut()).zip(controls.iter_mut());
    for ((o, address), ((vector, header), control)) in out.iter().zip(addresses.iter_mut()).zip(parts) {
        vector.iov_base = o.bytes.as_ptr().cast_mut().cast();
        vector.iov_len = o.bytes.len();
        let msg = &mut header.msg_hdr;
        msg.msg_name = address.as_ptr().cast_mut().cast();
        msg.msg_namelen = address.len();
        msg.msg_iov = vector;
        msg.msg_iovlen = 1;
        let used = control.write(&o.to, &o.route);
        if used > 0 {
            msg.msg_control = control.0.as_mut_ptr().cast();
            msg.msg_controllen = used as _;
        }
    }
    // SAFETY: the first `n` headers point to addresses, vectors, controls and bytes that live until the
    // call returns; the kernel only reads them.
    let sent = unsafe {
        libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), n as libc::c_uint, libc::MSG_DONTWAIT as _)
    };
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
    controls: Vec<Control>,
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

/// Walks control messages: header of native words (length, level, type), data, padding.
fn control_messages(mut rest: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from_ne_bytes(rest.get(..WORD)?.try_into().ok()?);
        let level = i32::from_ne_bytes(rest.get(WORD..WORD + 4)?.try_into().ok()?);
        let kind = i32::from_ne_bytes(rest.get(WORD + 4..HEAD)?.try_into().ok()?);
        let data = rest.get(HEAD..length)?;
        rest = rest.get(length.next_multiple_of(WORD)..).unwrap_or(&[]);
        Some((level, kind, data))
    })
}

fn take_control(received: &mut Received<'_>, level: i32, kind: i32, data: &[u8]) {
    let word = |at: usize| Some(u32::from_ne_bytes(data.get(at..at + 4)?.try_into().ok()?));
    match (level, kind) {
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => received.stamp = timespec(data),
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => received.drops = word(0),
        // struct in_pktinfo: interface, our address, the address in the header.
        (libc::SOL_IP, libc::IP_PKTINFO) => {
            received.to = data.get(4..8).and_then(|ip| Some(IpAddr::from(<[u8; 4]>::try_from(ip).ok()?)));
        }
        (libc::SOL_IPV6, libc::IPV6_PKTINFO) => {
            received.to = data.get(..16).and_then(|ip| Some(IpAddr::from(<[u8; 16]>::try_from(ip).ok()?)));
        }
        (libc::SOL_IP, libc::IP_TTL) | (libc::SOL_IPV6, libc::IPV6_HOPLIMIT) => {
            received.ttl = word(0).map(|ttl| ttl as u8);
        }
        (libc::SOL_IP, libc::IP_TOS) => received.class = data.first().copied(),
        (libc::SOL_IPV6, libc::IPV6_TCLASS) => received.class = word(0).map(|class| class as u8),
        (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR) => {
            // struct sock_extended_err: errno u32, origin u8, type u8, code u8, pad u8, info u32, data u32
            let byte = |at: usize| data.get(at).copied();
            let (Some(errno), Some(origin), Some(kind), Some(code), Some(number)) =
                (word(0), byte(4), byte(5), byte(6), word(12))
            else {
                return;
            };
            received.notice = Some(if origin == ORIGIN_TIMESTAMPING {
                Notice::Sent { number }
            } else {
                let info = word(8).unwrap_or(0);
                Notice::Error { errno: errno as i32, origin, kind, code, info, by: offender(data) }
            });
        }
        _ => {}
    }
}

/// Who complained: a socket address behind `struct sock_extended_err`.
fn offender(data: &[u8]) -> Option<IpAddr> {
    let family = u16::from_ne_bytes(data.get(16..18)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET => Some(IpAddr::from(<[u8; 4]>::try_from(data.get(20..24)?).ok()?)),
        libc::AF_INET6 => Some(IpAddr::from(<[u8; 16]>::try_from(data.get(24..40)?).ok()?).to_canonical()),
        _ => None,
    }
}

/// The first of the kernel's three timespecs: by software, zero if there is none.
fn timespec(data: &[u8]) -> Option<Duration> {
    const WORD: usize = size_of::<libc::c_long>();
    let seconds = libc::c_long::from_ne_bytes(data.get(..WORD)?.try_into().ok()?);
    let nanos = libc::c_long::from_ne_bytes(data.get(WORD..2 * WORD)?.try_into().ok()?);
    let stamp = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?);
    (!stamp.is_zero()).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_are_walked_whatever_their_lengths_say() {
        let mut bytes = Vec::new();
        for (length, kind) in [(20usize, libc::SO_RXQ_OVFL), (16, 7), (1000, 9)] {
            bytes.extend(length.to_ne_bytes());
            bytes.extend(libc::SOL_SOCKET.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(vec![5u8; length.saturating_sub(16).min(8).next_multiple_of(8)]);
        }
        let kinds: Vec<(i32, usize)> = control_messages(&bytes).map(|(_, k, d)| (k, d.len())).collect();
        assert_eq!(kinds, [(libc::SO_RXQ_OVFL, 4), (7, 0)]);
        assert_eq!(control_messages(&0usize.to_ne_bytes().repeat(4)).count(), 0);
    }
    #[test]
    fn a_route_is_written_as_the_kernel_reads_it() {
        let (v4, v6): (SocketAddr, SocketAddr) = ("192.0.2.1:0".parse().unwrap(), "[2001:db8::1]:0".parse().unwrap());
        let told = |to: SocketAddr, route: Route| {
            let mut control = Control([0; CONTROL]);
            let used = control.write(&to, &route);
            let all = control_messages(&control.0[..used]).map(|(level, kind, data)| (level, kind, data.to_vec()));
            all.collect::<Vec<_>>()
        };
        assert_eq!(told(v4, Route::default()), []);
        let int = |v: i32| v.to_ne_bytes().to_vec();
        let hops = Route { class: 0xc0, hops: 7, ..Route::default() };
        let of_v6 = [(41, libc::IPV6_TCLASS, int(0xc0)), (41, libc::IPV6_HOPLIMIT, int(7))];
        assert_eq!(told(v4, hops), [(0, libc::IP_TOS, int(0xc0)), (0, libc::IP_TTL, int(7))]);
        assert_eq!(told(v6, hops), of_v6);
        let source = Route { source: Some("192.0.2.9".parse().unwrap()), interface: 3, ..Route::default() };
        let info = [int(3), vec![192, 0, 2, 9], vec![0; 4]].concat();
        assert_eq!(told(v4, source), [(0, libc::IP_PKTINFO, info)]);
        // An address of the other version is none.
        let info = [vec![0; 16], int(3)].concat();
        assert_eq!(told(v6, source), [(41, libc::IPV6_PKTINFO, info)]);
    }

    #[test]
    fn who_complained_stands_behind_the_error() {
        let mut data = vec![0; 16];
        data.extend((libc::AF_INET as u16).to_ne_bytes());
        data.extend([0, 0, 198, 51, 100, 7]);
        assert_eq!(offender(&data), Some("198.51.100.7".parse().unwrap()));
        assert_eq!(offender(&data[..20]), None);
        assert_eq!(offender(&[0; 48]), None);
    }
}
