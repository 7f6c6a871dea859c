//! ICMP echo, version 4 and 6: builds requests; reads replies, and the errors that quote a request of ours.
//! Everything else on the wire is `Other`. It does not verify the checksum of what comes in: the kernel did.

use std::net::IpAddr;

use pnet::packet::Packet;
use pnet::packet::icmp::echo_request::MutableEchoRequestPacket;
use pnet::packet::icmp::{self, IcmpPacket, IcmpTypes, echo_reply::EchoReplyPacket};
use pnet::packet::icmpv6::{Icmpv6Packet, Icmpv6Types};
use pnet::packet::ip::IpNextHeaderProtocols;
use pnet::packet::ipv4::Ipv4Packet;
use pnet::packet::ipv6::Ipv6Packet;

/// Bytes of the header of an echo message, both versions.
pub const HEADER: usize = 8;
/// Bytes of payload that carry the cookie.
pub const COOKIE: usize = 8;

/// Of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// ICMP (RFC 792).
    V4,
    /// ICMPv6 (RFC 4443).
    V6,
}

impl Version {
    /// The one for an address.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// What identifies an echo, request or reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Identifier.
    pub id: u16,
    /// Sequence number.
    pub seq: u16,
    /// Payload; a quote may have cut it short.
    pub payload: &'a [u8],
}

impl Echo<'_> {
    /// The cookie, if that many bytes are there.
    pub fn cookie(&self) -> Option<u64> {
        Some(u64::from_be_bytes(self.payload.get(..COOKIE)?.try_into().ok()?))
    }
}

/// A message that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A reply to an echo request.
    Reply(Echo<'a>),
    /// An error about an echo request to `to`.
    Error {
        /// What went wrong.
        why: Why,
        /// Where the quoted request was going.
        to: IpAddr,
        /// The quoted request.
        echo: Echo<'a>,
    },
    /// Nothing that concerns echo.
    Other,
}

/// What a node on the way, or the target, says of a packet that it did not pass on or take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nobody listens on that port: it arrived.
    Port,
    /// It cannot be delivered, in these words.
    Unreachable(&'static str),
    /// It is too big for what comes next, which takes so many bytes (0 = not told).
    TooBig(u32),
    /// Its time to live, or hop limit, ran out here.
    Exceeded,
    /// Its header is wrong.
    Parameter,
}

impl Why {
    /// Of an ICMP type and code (RFC 792, 1122, 1191, 1812, 4443); `mtu` is what came with it. `None`: no error.
    pub const fn of(version: Version, kind: u8, code: u8, mtu: u32) -> Option<Self> {
        Some(match (version, kind, code) {
            (Version::V4, 3, 3) | (Version::V6, 1, 4) => Self::Port,
            (Version::V4, 3, 4) | (Version::V6, 2, _) => Self::TooBig(mtu),
            (Version::V4, 3, _) => Self::Unreachable(words_v4(code)),
            (Version::V6, 1, _) => Self::Unreachable(words_v6(code)),
            (Version::V4, 11, _) | (Version::V6, 3, _) => Self::Exceeded,
            (Version::V4, 12, _) | (Version::V6, 4, _) => Self::Parameter,
            _ => return None,
        })
    }

    /// For a person.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Port => "port unreachable",
            Self::Unreachable(words) => words,
            Self::TooBig(_) => "packet too big for the path",
            Self::Exceeded => "time to live exceeded on the way",
            Self::Parameter => "parameter problem",
        }
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// What was expected.
    pub what: &'static str,
    /// Where.
    pub at: usize,
}

/// Appends an echo request of `size` payload bytes to `out`. The cookie stands at the start of the payload, if
/// it fits; behind it a word that makes the checksum of all requests of a size the same, because routers that
/// share load between paths choose by the first bytes of a message, and all of a flow must take one path. The
/// checksum of version 6 is left to the kernel, which alone knows the source address.
pub fn write_request(version: Version, id: u16, seq: u16, cookie: u64, size: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + HEADER, 0);
    if size >= COOKIE {
        out.extend_from_slice(&cookie.to_be_bytes());
        if size >= COOKIE + 2 {
            out.extend_from_slice(&levelling(id, seq, cookie).to_be_bytes());
            out.extend((COOKIE + 2..size).map(|at| at as u8));
        } else {
            out.resize(start + HEADER + size, 0);
        }
    } else {
        out.resize(start + HEADER + size, 0);
    }
    let Some(bytes) = out.get_mut(start..) else { return };
    // The layout is the same in both versions; only the type differs.
    let Some(mut packet) = MutableEchoRequestPacket::new(bytes) else { return };
    packet.set_identifier(id);
    packet.set_sequence_number(seq);
    match version {
        Version::V4 => {
            packet.set_icmp_type(IcmpTypes::EchoRequest);
            let sum = IcmpPacket::new(packet.packet()).map_or(0, |p| icmp::checksum(&p));
            packet.set_checksum(sum);
        }
        Version::V6 => packet.set_icmp_type(icmp::IcmpType(Icmpv6Types::EchoRequest.0)),
    }
}

/// Reads what a raw version 4 socket gives: an IP packet.
pub fn read_ipv4(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    read(Version::V4, ipv4_payload(bytes, 0)?.1)
}

/// Time to live that is left of an IPv4 packet.
pub fn time_left(packet: &[u8]) -> Option<u8> {
    const TIME_TO_LIVE: usize = 8;
    packet.get(TIME_TO_LIVE).copied()
}

/// Reads an ICMP message without an IP header.
pub fn read(version: Version, bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    match version {
        Version::V4 => {
            let packet = IcmpPacket::new(bytes).ok_or(Malformed { what: "an ICMP header", at: 0 })?;
            let (kind, code) = (packet.get_icmp_type(), packet.get_icmp_code());
            match Why::of(version, kind.0, code.0, u32::from(word(bytes, 6))) {
                Some(why) => quoted_ipv4(bytes, why),
                None if kind == IcmpTypes::EchoReply => Ok(Message::Reply(echo(bytes, 0)?)),
                None => Ok(Message::Other),
            }
        }
        Version::V6 => {
            let packet = Icmpv6Packet::new(bytes).ok_or(Malformed { what: "an ICMPv6 header", at: 0 })?;
            let (kind, code) = (packet.get_icmpv6_type(), packet.get_icmpv6_code());
            let mtu = u32::from(word(bytes, 4)) << 16 | u32::from(word(bytes, 6));
            match Why::of(version, kind.0, code.0, mtu) {
                Some(why) => quoted_ipv6(bytes, why),
                None if kind == Icmpv6Types::EchoReply => Ok(Message::Reply(echo(bytes, 0)?)),
                None => Ok(Message::Other),
            }
        }
    }
}

/// Reads an echo request of ours that an error of the kernel's error queue gives back.
pub fn read_request(version: Version, bytes: &[u8]) -> Result<Echo<'_>, Malformed> {
    request(version, bytes, 0)
}

/// What an ICMP destination unreachable means (RFC 792, 1122, 1812).
const fn words_v4(code: u8) -> &'static str {
    match code {
        0 | 6 | 11 => "network unreachable",
        1 | 7 | 12 => "host unreachable",
        2 => "protocol unreachable",
        5 => "source route failed",
        9 | 10 | 13 => "administratively prohibited",
        _ => "unreachable",
    }
}

/// What an ICMPv6 destination unreachable means (RFC 4443).
const fn words_v6(code: u8) -> &'static str {
    match code {
        0 => "no route",
        1 | 5 | 6 => "administratively prohibited",
        2 => "beyond scope of the source address",
        3 => "address unreachable",
        _ => "unreachable",
    }
}

/// What has to be added so that identifier, sequence number and cookie sum up to the same whatever they are.
fn levelling(id: u16, seq: u16, cookie: u64) -> u16 {
    let mut sum = u32::from(id) + u32::from(seq);
    sum += (0..4).map(|at| (cookie >> (16 * at)) as u16).map(u32::from).sum::<u32>();
    sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// Two bytes, zero where there are none.
fn word(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_be_bytes)
}

/// The echo in `bytes`, which stand at `at` of the whole.
fn echo(bytes: &[u8], at: usize) -> Result<Echo<'_>, Malformed> {
    let packet = EchoReplyPacket::new(bytes).ok_or(Malformed { what: "an echo header", at })?;
    let payload = bytes.get(HEADER..).unwrap_or(&[]);
    Ok(Echo { id: packet.get_identifier(), seq: packet.get_sequence_number(), payload })
}

fn request(version: Version, bytes: &[u8], at: usize) -> Result<Echo<'_>, Malformed> {
    let wanted = match version {
        Version::V4 => IcmpTypes::EchoRequest.0,
        Version::V6 => Icmpv6Types::EchoRequest.0,
    };
    match bytes.first() {
        Some(kind) if *kind == wanted => echo(bytes, at),
        _ => Err(Malformed { what: "a quoted echo request", at }),
    }
}

fn quoted_ipv4(bytes: &[u8], why: Why) -> Result<Message<'_>, Malformed> {
    let quote = bytes.get(HEADER..).unwrap_or(&[]);
    let (header, inner) = ipv4_payload(quote, HEADER)?;
    if header.get_next_level_protocol() != IpNextHeaderProtocols::Icmp {
        return Ok(Message::Other);
    }
    match request(Version::V4, inner, HEADER + quote.len() - inner.len()) {
        Ok(echo) => Ok(Message::Error { why, to: IpAddr::V4(header.get_destination()), echo }),
        Err(_) if inner.len() >= HEADER => Ok(Message::Other),
        Err(malformed) => Err(malformed),
    }
}

fn quoted_ipv6(bytes: &[u8], why: Why) -> Result<Message<'_>, Malformed> {
    let quote = bytes.get(HEADER..).unwrap_or(&[]);
    let header = Ipv6Packet::new(quote).ok_or(Malformed { what: "a quoted IPv6 header", at: HEADER })?;
    if header.get_next_header() != IpNextHeaderProtocols::Icmpv6 {
        return Ok(Message::Other);
    }
    let at = HEADER + Ipv6Packet::minimum_packet_size();
    let inner = bytes.get(at..).unwrap_or(&[]);
    match request(Version::V6, inner, at) {
        Ok(echo) => Ok(Message::Error { why, to: IpAddr::V6(header.get_destination()), echo }),
        Err(_) if inner.len() >= HEADER => Ok(Message::Other),
        Err(malformed) => Err(malformed),
    }
}

/// Header and payload of the IPv4 packet in `bytes`, which stand at `at` of the whole.
fn ipv4_payload(bytes: &[u8], at: usize) -> Result<(Ipv4Packet<'_>, &[u8]), Malformed> {
    let header = Ipv4Packet::new(bytes).ok_or(Malformed { what: "an IPv4 header", at })?;
    let words = usize::from(header.get_header_length());
    if header.get_version() != 4 || words < 5 {
        return Err(Malformed { what: "an IPv4 header", at });
    }
    let payload = bytes.get(words * 4..).ok_or(Malformed { what: "the rest of an IPv4 header", at })?;
    Ok((header, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IPv4 header, echo reply id 0x1234 seq 7, eight bytes of payload.
    const REPLY_V4: &str = "4500002400004000400100007f0000027f000001 0000beef12340007 0102030405060708";
    /// From a router: host unreachable, quoting an echo request to 198.51.100.9 with id 0x1234 seq 7.
    const UNREACHABLE_V4: &str = "450000400000400040010000c0000201c0000202 0301000000000000 \
        4500002400004000400100000a000001c6336409 0800abcd12340007 0102030405060708";
    /// ICMPv6 reply.
    const REPLY_V6: &str = "8100beef12340007 0102030405060708";
    /// ICMPv6: address unreachable, quoting a request to 2001:db8::9.
    const UNREACHABLE_V6: &str = "0103000000000000 6000000000103a40 20010db8000000000000000000000001 \
        20010db8000000000000000000000009 8000abcd12340007 0102030405060708";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
    }

    fn told(message: Result<Message<'_>, Malformed>) -> String {
        match message {
            Ok(Message::Reply(e)) => format!("reply {:x} {} {:x?}", e.id, e.seq, e.cookie()),
            Ok(Message::Error { why, to, echo: e }) => {
                let mtu = if let Why::TooBig(mtu) = why { format!(" ({mtu})") } else { String::new() };
                format!("{}{mtu}: {to} {:x} {} {:x?}", why.words(), e.id, e.seq, e.cookie())
            }
            Ok(Message::Other) => "other".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn literal_packets_read_as_what_they_are() {
        let v4 = |hex: &str| told(read_ipv4(&bytes(hex)));
        let v6 = |hex: &str| told(read(Version::V6, &bytes(hex)));
        assert_eq!(v4(REPLY_V4), "reply 1234 7 Some(102030405060708)");
        assert_eq!(v4(UNREACHABLE_V4), "host unreachable: 198.51.100.9 1234 7 Some(102030405060708)");
        assert_eq!(v6(REPLY_V6), "reply 1234 7 Some(102030405060708)");
        assert_eq!(v6(UNREACHABLE_V6), "address unreachable: 2001:db8::9 1234 7 Some(102030405060708)");
        let too_big = UNREACHABLE_V4.replace(" 0301000000000000", " 0304000000000514");
        assert_eq!(v4(&too_big), "packet too big for the path (1300): 198.51.100.9 1234 7 Some(102030405060708)");
        let too_big = UNREACHABLE_V6.replace("0103000000000000", "0200000000000500");
        assert_eq!(v6(&too_big), "packet too big for the path (1280): 2001:db8::9 1234 7 Some(102030405060708)");
        let exceeded = UNREACHABLE_V4.replace(" 0301", " 0b00");
        assert_eq!(v4(&exceeded), "time to live exceeded on the way: 198.51.100.9 1234 7 Some(102030405060708)");
        // What RFC 792 asks a router for is the IP header and eight bytes, no more.
        let cut = UNREACHABLE_V4.replace("0102030405060708", "");
        assert_eq!(v4(&cut), "host unreachable: 198.51.100.9 1234 7 None");
        // Our own request seen on loopback, and an error about somebody's UDP.
        assert_eq!(v4(&REPLY_V4.replace(" 0000beef", " 0800beef")), "other");
        assert_eq!(v4(&UNREACHABLE_V4.replace("400100000a", "401100000a")), "other");
        // IPv4 options move the ICMP header.
        let options = REPLY_V4.replace("4500", "4600").replace("7f000001 ", "7f000001 01010101 ");
        assert_eq!(v4(&options), "reply 1234 7 Some(102030405060708)");
    }

    #[test]
    fn malformed_packets_say_what_is_missing_and_where() {
        assert_eq!(told(read_ipv4(&[])), "an IPv4 header at byte 0");
        assert_eq!(
            told(read_ipv4(&bytes("4f00002400004000400100007f0000027f000001 0000"))),
            "the rest of an IPv4 header at byte 0"
        );
        assert_eq!(told(read(Version::V6, &bytes("8100beef12"))), "an echo header at byte 0");
        assert_eq!(told(read(Version::V6, &bytes("0103000000000000 6000"))), "a quoted IPv6 header at byte 8");
        let short = &bytes(UNREACHABLE_V4)[..52];
        assert_eq!(told(read_ipv4(short)), "an echo header at byte 28");
    }

    #[test]
    fn a_request_reads_back_and_its_checksum_is_right() {
        for (version, size) in
            [(Version::V4, 56), (Version::V6, 1400), (Version::V4, 8), (Version::V6, 0), (Version::V4, 7)]
        {
            let mut out = vec![0xff; 3];
            write_request(version, 0xabcd, 65535, 0x0102_0304_0506_0708, size, &mut out);
            let request = &out[3..];
            assert_eq!(request.len(), HEADER + size);
            let echo = read_request(version, request).unwrap();
            assert_eq!((echo.id, echo.seq), (0xabcd, 65535));
            assert_eq!(echo.cookie(), (size >= COOKIE).then_some(0x0102_0304_0506_0708));
            if version == Version::V4 {
                let packet = IcmpPacket::new(request).unwrap();
                assert_eq!(packet.get_checksum(), icmp::checksum(&packet));
            }
        }
    }

    #[test]
    fn requests_of_a_size_have_one_checksum_so_that_they_take_one_path() {
        let mut random = fastrand::Rng::with_seed(11);
        for size in [10, 11, 56, 1400] {
            let sums: std::collections::BTreeSet<u16> = (0..500)
                .map(|_| {
                    let mut out = Vec::new();
                    write_request(Version::V4, random.u16(..), random.u16(..), random.u64(..), size, &mut out);
                    word(&out, 2)
                })
                .collect();
            assert_eq!(sums.len(), 1, "{size}: {sums:?}");
        }
    }

    #[test]
    fn no_truncation_and_no_mutation_panics() {
        let mut random = fastrand::Rng::with_seed(7);
        for hex in [REPLY_V4, UNREACHABLE_V4, REPLY_V6, UNREACHABLE_V6] {
            let whole = bytes(hex);
            for end in 0..=whole.len() {
                let _ =
                    (read_ipv4(&whole[..end]), read(Version::V4, &whole[..end]), read(Version::V6, &whole[..end]));
            }
            for _ in 0..20_000 {
                let mut mutated = whole.clone();
                for _ in 0..random.usize(1..4) {
                    let at = random.usize(..mutated.len());
                    mutated[at] = random.u8(..);
                }
                mutated.truncate(random.usize(..=mutated.len()));
                let _ = (read_ipv4(&mutated), read(Version::V4, &mutated), read(Version::V6, &mutated));
                let _ = (read_request(Version::V4, &mutated), read_request(Version::V6, &mutated));
            }
        }
    }
}
