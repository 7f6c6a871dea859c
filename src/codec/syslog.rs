//! Lines of syslog: RFC 5424, and RFC 3164 as devices really write it, with the headers of Huawei, Comware, and of
//! Cisco and those who write like it. Every sequence of bytes is a line: what cannot be told stays empty, nothing is
//! refused, nothing panics, and no field is longer than its bound. What a line means is for rules.

mod frame;
mod header;
mod write;

use std::borrow::Cow;
use std::net::IpAddr;

use super::text;
use header::Header;

pub use frame::Frames;
pub use write::relayed;

/// Longest line that is looked at, in bytes; RFC 5424 asks for 2,048 at least, devices cut at 1,024.
pub const MAX_LINE: usize = 8 << 10;
/// Longest text kept of a line, in bytes.
pub const MAX_TEXT: usize = 4 << 10;
/// Longest host and tag, in bytes; RFC 5424 allows 255 and 48.
pub const MAX_WORD: usize = 128;
/// Priority of a line without one: user, notice (RFC 3164 section 4.3.3).
const NO_PRIORITY: u8 = 13;
/// Words before a device's header that may be parts of its name.
const MAX_WORDS: usize = 24;

/// Who writes so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// No device that is known here.
    Plain,
    /// Huawei VRP: `%%01SSH/4/SSH_FAIL(l)[47]:`.
    Huawei,
    /// H3C Comware and what HP makes of it: `%%10IFNET/3/LINK_UPDOWN(l):`.
    Comware,
    /// Cisco, Ruijie and others: `%LINK-3-UPDOWN:`.
    Cisco,
}

impl Dialect {
    /// The word for people and tests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Huawei => "huawei",
            Self::Comware => "comware",
            Self::Cisco => "cisco",
        }
    }
}

/// A line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Facility, 0 to 23.
    pub facility: u8,
    /// Severity, 0 (emergency) to 7 (debug), as its priority says.
    pub severity: u8,
    /// The name the sender gives itself; empty if none.
    pub host: String,
    /// `MODULE/MNEMONIC` of a device, the program of a host; empty if none.
    pub tag: String,
    /// Whose header it has.
    pub dialect: Dialect,
    /// The address of who wrote it first, if a relay left it in the line.
    pub origin: Option<IpAddr>,
    /// The message.
    pub text: String,
}

/// Reads a line.
pub fn read(bytes: &[u8]) -> Line {
    let text = decode(bytes);
    let (priority, rest) = priority(&text);
    let mut line = Line {
        facility: priority >> 3,
        severity: priority & 7,
        host: String::new(),
        tag: String::new(),
        dialect: Dialect::Plain,
        origin: None,
        text: String::new(),
    };
    match rest.strip_prefix("1 ").and_then(|rest| modern(rest, &mut line)) {
        Some(message) => body(message, &mut line),
        None => old(rest, &mut line),
    }
    for (part, most) in [(&mut line.host, MAX_WORD), (&mut line.tag, MAX_WORD), (&mut line.text, MAX_TEXT)] {
        part.truncate(part.floor_char_boundary(most));
    }
    line
}

/// A line as text, as far as it is looked at.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.get(..MAX_LINE).unwrap_or(bytes);
    text::shown(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// `<PRI>` and what follows.
fn priority(text: &str) -> (u8, &str) {
    let read = || {
        let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
        let plain = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        let value: u8 = number.parse().ok().filter(|value| plain && *value <= 191)?;
        Some((value, rest))
    };
    read().unwrap_or((NO_PRIORITY, text))
}

/// RFC 5424 after the version; gives the message.
fn modern<'a>(rest: &'a str, line: &mut Line) -> Option<&'a str> {
    let mut rest = rest;
    let mut word = || {
        let (word, after) = rest.split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (time, host, app, _process, _message) = (word()?, word()?, word()?, word()?, word()?);
    if time != "-" && !time.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value = |word: &str| if word == "-" { String::new() } else { word.to_owned() };
    let message = structured(rest, line)?;
    (line.host, line.tag) = (value(host), value(app));
    Some(message.trim_start().trim_start_matches('\u{feff}'))
}

/// Structured data; takes the address of the origin (RFC 5424 section 7.2.1) and gives what follows.
fn structured<'a>(rest: &'a str, line: &mut Line) -> Option<&'a str> {
    if let Some(rest) = rest.strip_prefix('-') {
        return Some(rest);
    }
    let mut rest = rest;
    while let Some(inside) = rest.strip_prefix('[') {
        let (mut quoted, mut escaped) = (false, false);
        let end = inside.find(|c| match c {
            _ if escaped => {
                escaped = false;
                false
            }
            '\\' if quoted => {
                escaped = true;
                false
            }
            '"' => {
                quoted = !quoted;
                false
            }
            _ => c == ']' && !quoted,
        })?;
        let (element, after) = inside.split_at_checked(end)?;
        if element.starts_with("origin ") && line.origin.is_none() {
            let ip = element.split_once("ip=\"").and_then(|(_, rest)| rest.split_once('"'));
            line.origin = ip.and_then(|(ip, _)| ip.parse().ok());
        }
        rest = after.strip_prefix(']')?;
    }
    Some(rest)
}

/// The message of RFC 5424: devices put their old header there.
fn body(message: &str, line: &mut Line) {
    match Header::find(message) {
        Some(header) => header.put(line),
        None => line.text = message.to_owned(),
    }
}

/// RFC 3164 and what is taken for it.
fn old(rest: &str, line: &mut Line) {
    if let Some(header) = Header::find(rest) {
        names(header.before, line);
        return header.put(line);
    }
    let timed = header::after_time(rest);
    let text = timed.unwrap_or(rest);
    let (first, after) = text.split_once(' ').unwrap_or((text, ""));
    let program = |word: &str| word.ends_with(':') || (word.contains('[') && word.contains("]:"));
    let (host, said) = if timed.is_none() || program(first) { ("", text) } else { (first, after.trim_start()) };
    line.host = host.to_owned();
    line.origin = host.parse().ok();
    // A second stamp: a relay put its own line around it.
    let said = header::after_time(said).unwrap_or(said);
    match said.split_once(' ').filter(|(word, _)| program(word) && word.len() <= MAX_WORD) {
        Some((word, text)) => {
            line.tag = word.split(['[', ':']).next().unwrap_or_default().to_owned();
            line.text = text.trim_start().to_owned();
        }
        None => line.text = said.to_owned(),
    }
}

/// What stands before a device's header: stamps, numbers, and names; the last name is the device's own, an address
/// among them was put there by a relay.
fn names(before: &str, line: &mut Line) {
    let mut rest = before;
    let mut name = String::new();
    for _ in 0..MAX_WORDS {
        rest = rest.trim_start_matches([' ', ':']);
        if rest.is_empty() {
            break;
        }
        if let Some(after) = header::after_time(rest) {
            keep(&mut name, line);
            rest = after;
            continue;
        }
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word.trim_end_matches(':'));
        rest = after;
    }
    keep(&mut name, line);
}

fn keep(name: &mut String, line: &mut Line) {
    if name.is_empty() {
        return;
    }
    let name = std::mem::take(name);
    if let (None, Ok(address)) = (line.origin, name.parse()) {
        line.origin = Some(address);
    }
    line.host = name;
}

#[cfg(test)]
mod tests;
