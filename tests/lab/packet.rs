//! Sockets that see whole frames, and waiting on many of them to the microsecond.
#![allow(unsafe_code)] // link-layer addresses and ppoll have no safe binding in the crates at hand

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use fengsui::net::sock;
use socket2::{Domain, SockAddr, Socket, Type};

/// PACKET_IGNORE_OUTGOING of <linux/if_packet.h>: what we put on the wire ourselves does not come back.
const IGNORE_OUTGOING: libc::c_int = 23;
/// A second of frames at 100 Mbit/s.
const RECEIVE_BUFFER: usize = 16 << 20;

/// Opens a socket for all that arrives at an interface of this namespace.
pub(crate) fn open(interface: &str) -> io::Result<Socket> {
    let index: i32 = std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex"))?
        .trim()
        .parse()
        .map_err(|_| io::Error::other(format!("{interface} has no index")))?;
    // Without a protocol it receives nothing before it is bound.
    let socket = Socket::new(Domain::PACKET, Type::from(libc::SOCK_RAW), None)?;
    socket.set_nonblocking(true)?;
    sock::set_int(&socket, libc::SOL_PACKET, IGNORE_OUTGOING, 1)?;
    sock::raise_receive_buffer(&socket, RECEIVE_BUFFER)?;
    // SAFETY: the storage is larger than a link-layer address, all of whose bytes are plain integers; the
    // length says how much of it is one.
    let (_, address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let link = storage.cast::<libc::sockaddr_ll>();
            (*link).sll_family = libc::AF_PACKET as libc::sa_family_t;
            (*link).sll_protocol = (libc::ETH_P_ALL as u16).to_be();
            (*link).sll_ifindex = index;
            *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            Ok(())
        })
    }?;
    socket.bind(&address)?;
    Ok(socket)
}

/// Waits until something can be read, for so long at most; without a time until then. Says which of them are ready.
pub(crate) fn wait(of: &[&dyn AsRawFd], at_most: Option<Duration>) -> io::Result<Vec<bool>> {
    let poll = |fd: &&dyn AsRawFd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut fds: Vec<libc::pollfd> = of.iter().map(poll).collect();
    let time =
        at_most.map(|d| libc::timespec { tv_sec: d.as_secs() as libc::time_t, tv_nsec: d.subsec_nanos().into() });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both point to values that outlive the call; the count is that of the list.
    let n = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, time, std::ptr::null()) };
    match n {
        0.. => Ok(fds.iter().map(|fd| fd.revents != 0).collect()),
        _ => Err(io::Error::last_os_error()),
    }
}
