//! A line for another receiver, such that it can tell who wrote it: the sender's address of a UDP datagram is ours.

use std::fmt::Write as _;
use std::net::IpAddr;

/// The line as RFC 5424 with the address of whoever sent it to us as its host, and in the structured data `origin`
/// (section 7.2.1), where receivers that know it look first. The bytes of the message are left as they are.
pub fn relayed(bytes: &[u8], from: IpAddr, at: &str) -> Vec<u8> {
    let end = bytes.iter().take(5).position(|b| *b == b'>');
    let (priority, message) = match end.and_then(|end| bytes.split_at_checked(end + 1)) {
        Some((head, rest)) if bytes.first() == Some(&b'<') => (std::str::from_utf8(head).unwrap_or("<13>"), rest),
        _ => ("<13>", bytes),
    };
    let mut out = String::with_capacity(96);
    // Writing to a String cannot fail.
    let _ = write!(out, "{priority}1 {at} {from} - - - [origin ip=\"{from}\"] ");
    let mut out = out.into_bytes();
    out.extend_from_slice(message);
    out
}
