//! What a single text of an inventory may be, wherever it was written: a TOML file, a spreadsheet, a sweep.
//! Each answers with the remedy when the text is not one.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest free text (names, places): what fits a table cell.
pub(in crate::config) const MAX_TEXT: usize = 200;
/// Longest host name (RFC 1035) and longest URL.
const MAX_HOST: usize = 253;
const MAX_URL: usize = 2_000;
/// Most entries of a list in one item (ports, tags, agents): more is a mistake of a generator.
pub(in crate::config) const MAX_LIST: usize = 256;

/// An IP address or a host name; else the remedy.
pub(in crate::config) fn host(text: &str) -> Result<(), &'static str> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%');
    if text.is_empty() || text.len() > MAX_HOST || !text.bytes().all(good) || text.starts_with(['-', '.']) {
        return Err("write an IP address or a host name, without port or mask");
    }
    if text.contains(':') && text.split('%').next().is_none_or(|v6| v6.parse::<Ipv6Addr>().is_err()) {
        return Err("write an IPv6 address without brackets, or a host without port");
    }
    let dotted = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if dotted && text.parse::<Ipv4Addr>().is_err() {
        return Err("an IPv4 address has four numbers of 0 to 255");
    }
    Ok(())
}

/// What is wrong with a URL.
pub(in crate::config) enum BadUrl {
    /// It is none of a website.
    Form,
    /// It carries a user or a password.
    Credentials,
}

/// An http or https URL with a host and without credentials.
pub(in crate::config) fn url(text: &str) -> Result<(), BadUrl> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|r| r.split(['/', '?', '#']).next()).unwrap_or("");
    let clean = text.len() <= MAX_URL && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if host.is_empty() || host.starts_with(':') || !clean {
        return Err(BadUrl::Form);
    }
    if host.contains('@') { Err(BadUrl::Credentials) } else { Ok(()) }
}

/// A 政府网站标识码.
pub(in crate::config) fn site_code(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A free text of one line.
pub(in crate::config) fn free(text: &str) -> bool {
    text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control)
}
