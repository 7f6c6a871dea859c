//! Addresses and control messages as the kernel lays them out, written and read byte by byte.

use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Notice, Outgoing, Received};

/// Bytes of control messages of one datagram that is sent: class, hops, source and interface, and that it is to be
/// stamped.
pub(super) const ASKING: usize = 128;
/// Bytes of the largest address: `struct sockaddr_in6`.
pub(super) const ADDRESS: usize = size_of::<libc::sockaddr_in6>();

/// Bytes of a native word, which lengths of control messages are padded to.
const WORD: usize = size_of::<usize>();
/// Bytes of the header of a control message: length, level, kind.
const HEAD: usize = WORD + 8;
/// SO_EE_ORIGIN_TIMESTAMPING of <linux/errqueue.h>.
const ORIGIN_TIMESTAMPING: u8 = 4;

/// Control buffer with the alignment that the kernel's headers need.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control<const BYTES: usize>(pub(super) [u8; BYTES]);

/// A socket address as the kernel reads it, and how long it is.
pub(super) fn raw_address(of: SocketAddr) -> ([u8; ADDRESS], usize) {
    let mut raw = [0; ADDRESS];
    raw[2..4].copy_from_slice(&of.port().to_be_bytes());
    let (family, length) = match of {
        // struct sockaddr_in: family, port, address, padding
        SocketAddr::V4(of) => {
            raw[4..8].copy_from_slice(&of.ip().octets());
            (libc::AF_INET, size_of::<libc::sockaddr_in>())
        }
        // struct sockaddr_in6: family, port, flow, address, scope
        SocketAddr::V6(of) => {
            raw[4..8].copy_from_slice(&of.flowinfo().to_ne_bytes());
            raw[8..24].copy_from_slice(&of.ip().octets());
            raw[24..28].copy_from_slice(&of.scope_id().to_ne_bytes());
            (libc::AF_INET6, ADDRESS)
        }
    };
    raw[..2].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
    (raw, length)
}

impl Control<ASKING> {
    /// Writes what a datagram asks for; returns how many bytes that takes.
    pub(super) fn write(&mut self, of: &Outgoing<'_>) -> usize {
        let Outgoing { to, route, .. } = of;
        let mut used = 0;
        if of.stamped {
            self.put(
                &mut used,
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPING,
                &libc::SOF_TIMESTAMPING_TX_SOFTWARE.to_ne_bytes(),
            );
        }
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

/// Walks control messages: header of native words (length, level, type), data, padding.
pub(super) fn control_messages(mut rest: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from_ne_bytes(rest.get(..WORD)?.try_into().ok()?);
        let level = i32::from_ne_bytes(rest.get(WORD..WORD + 4)?.try_into().ok()?);
        let kind = i32::from_ne_bytes(rest.get(WORD + 4..HEAD)?.try_into().ok()?);
        let data = rest.get(HEAD..length)?;
        rest = rest.get(length.next_multiple_of(WORD)..).unwrap_or(&[]);
        Some((level, kind, data))
    })
}

pub(super) fn take_control(received: &mut Received<'_>, level: i32, kind: i32, data: &[u8]) {
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
    use crate::net::sock::Route;

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
    fn an_address_is_written_as_the_kernel_reads_it() {
        for text in ["192.0.2.1:7", "[2001:db8::1]:9"] {
            let to: SocketAddr = text.parse().unwrap();
            let (raw, length) = raw_address(to);
            let (family, octets, scope) = match to {
                SocketAddr::V4(of) => (libc::AF_INET, of.ip().octets().to_vec(), vec![0; 8]),
                SocketAddr::V6(of) => (libc::AF_INET6, [vec![0; 4], of.ip().octets().to_vec()].concat(), vec![0; 4]),
            };
            let wanted = [&(family as u16).to_ne_bytes()[..], &to.port().to_be_bytes(), &octets, &scope].concat();
            assert_eq!(&raw[..length], wanted);
        }
    }

    #[test]
    fn a_route_is_written_as_the_kernel_reads_it() {
        let (v4, v6): (SocketAddr, SocketAddr) = ("192.0.2.1:0".parse().unwrap(), "[2001:db8::1]:0".parse().unwrap());
        let told_of = |to: SocketAddr, route: Route, stamped: bool| {
            let mut control = Control([0; ASKING]);
            let used = control.write(&Outgoing { to, bytes: &[], route, stamped });
            let all = control_messages(&control.0[..used]).map(|(level, kind, data)| (level, kind, data.to_vec()));
            all.collect::<Vec<_>>()
        };
        let told = |to, route| told_of(to, route, false);
        assert_eq!(told(v4, Route::default()), []);
        let int = |v: i32| v.to_ne_bytes().to_vec();
        let hops = Route { class: 0xc0, hops: 7, ..Route::default() };
        let of_v6 = [(41, libc::IPV6_TCLASS, int(0xc0)), (41, libc::IPV6_HOPLIMIT, int(7))];
        assert_eq!(told(v4, hops), [(0, libc::IP_TOS, int(0xc0)), (0, libc::IP_TTL, int(7))]);
        assert_eq!(told(v6, hops), of_v6);
        let source = Route { source: Some("192.0.2.9".parse().unwrap()), interface: 3, ..Route::default() };
        let info = [int(3), vec![192, 0, 2, 9], vec![0; 4]].concat();
        assert_eq!(told(v4, source), [(0, libc::IP_PKTINFO, info)]);
        // All that can be asked for fits.
        let all = Route { class: 0xc0, hops: 7, source: Some("2001:db8::9".parse().unwrap()), interface: 3 };
        assert_eq!(told_of(v6, all, true).len(), 4);
        assert_eq!(told_of(v4, Route::default(), true), [(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, int(2))]);
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
