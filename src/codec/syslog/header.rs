//! Headers of devices within a line, and the stamps that stand before them. Found by their shape alone.

use std::borrow::Cow;

use super::{Dialect, Line};

/// A header stands in the first part of a line; what looks like one further on is quoted.
const WITHIN: usize = 256;
/// Longest header, in bytes.
const LONGEST: usize = 160;
/// Names of months, as stamps have them.
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A header: what it names, and what stands around it.
pub(super) struct Header<'a> {
    pub(super) before: &'a str,
    dialect: Dialect,
    module: &'a str,
    mnemonic: Cow<'a, str>,
    text: &'a str,
}

impl<'a> Header<'a> {
    /// The first one in a text.
    pub(super) fn find(text: &'a str) -> Option<Self> {
        let head = text.get(..text.floor_char_boundary(WITHIN))?;
        let marked = head.match_indices('%').find_map(|(at, _)| {
            let (before, rest) = text.split_at_checked(at)?;
            let found = match rest.strip_prefix("%%") {
                Some(rest) => slashed(rest.get(2..)?, dialect(rest.get(..2)?)?),
                None => dashed(rest.strip_prefix('%')?),
            };
            found.map(|header| Self { before, ..header })
        });
        marked.or_else(|| bare(text, head))
    }

    /// Into a line.
    pub(super) fn put(self, line: &mut Line) {
        line.dialect = self.dialect;
        line.tag = [self.module, "/", &self.mnemonic].concat();
        line.text = self.text.trim_start().to_owned();
    }
}

/// The two digits after `%%`.
fn dialect(version: &str) -> Option<Dialect> {
    match version {
        "01" => Some(Dialect::Huawei),
        "10" => Some(Dialect::Comware),
        _ => None,
    }
}

/// `MODULE/LEVEL/MNEMONIC(l)[47]:text`
fn slashed(rest: &str, dialect: Dialect) -> Option<Header<'_>> {
    let (module, rest) = rest.split_once('/')?;
    let (level, rest) = rest.split_once('/')?;
    let end = rest.find([':', '(', '['])?;
    let (mnemonic, after) = rest.split_at_checked(end)?;
    let (more, text) = after.split_once(':')?;
    let mnemonic =
        if mnemonic.contains(' ') { Cow::Owned(mnemonic.replace(' ', "_")) } else { Cow::Borrowed(mnemonic) };
    let fits = is_name(module)
        && matches!(level.as_bytes(), [b'0'..=b'8'])
        && is_name(&mnemonic)
        && module.len() + mnemonic.len() + more.len() <= LONGEST;
    // `CID=0x80932717;`: the number of a component; what follows it may be an OID.
    let hex = |c: char| c.is_ascii_hexdigit();
    let after = text.strip_prefix("CID=0x").map(|rest| rest.trim_start_matches(hex));
    let text = after.and_then(|rest| rest.strip_prefix([';', ',', '-'])).unwrap_or(text);
    fits.then_some(Header { before: "", dialect, module, mnemonic, text })
}

/// `FACILITY-SUBFACILITY-3-MNEMONIC:text`
fn dashed(rest: &str) -> Option<Header<'_>> {
    let (head, text) = rest.split_once(':')?;
    let head = head.trim_end();
    let (front, mnemonic) = head.rsplit_once('-')?;
    let (module, level) = front.rsplit_once('-')?;
    let fits = head.len() <= LONGEST
        && matches!(level.as_bytes(), [b'0'..=b'7'])
        && is_name(mnemonic)
        && module.starts_with(|c: char| c.is_ascii_uppercase())
        && module.split('-').all(is_name);
    fits.then_some(Header { before: "", dialect: Dialect::Cisco, module, mnemonic: Cow::Borrowed(mnemonic), text })
}

/// `IFNET/6/IF_PVCUP:OID 1.3...`: traps that Huawei writes down as lines.
fn bare<'a>(text: &'a str, head: &str) -> Option<Header<'a>> {
    let starts = std::iter::once(0).chain(head.match_indices(' ').map(|(at, _)| at + 1));
    starts.into_iter().find_map(|at| {
        let (before, rest) = text.split_at_checked(at)?;
        let word = rest.split(' ').next()?;
        let fits = word.starts_with(|c: char| c.is_ascii_uppercase()) && word.matches('/').count() >= 2;
        let header = slashed(rest, Dialect::Huawei).filter(|_| fits)?;
        // Old devices write blanks in names, but then capitals only.
        let capitals = !header.mnemonic.bytes().any(|b| b.is_ascii_lowercase());
        (capitals || word.contains(&*header.mnemonic)).then_some(Header { before, ..header })
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What follows a stamp, a number or a running time at the beginning of a text; `None` if there is none.
pub(super) fn after_time(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([' ', ':']);
    let bare = text.trim_start_matches(['*', '.', ' ']);
    numbered(text).or_else(|| iso(bare)).or_else(|| dated(bare)).or_else(|| running(text))
}

/// `1347642: `
fn numbered(text: &str) -> Option<&str> {
    let (number, rest) = text.split_once(':')?;
    let plain = !number.is_empty() && number.len() <= 12 && number.bytes().all(|b| b.is_ascii_digit());
    (plain && rest.starts_with(' ')).then_some(rest)
}

/// `2026-11-28T09:30:00.123+08:00`, `2026-11-28 09:30:00`
fn iso(text: &str) -> Option<&str> {
    let (day, rest) = text.split_at_checked(10)?;
    let shape =
        day.bytes().enumerate().all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    let rest = rest.strip_prefix(['T', ' ']).filter(|_| shape)?;
    after_clock(rest)
}

/// `Mmm dd [yyyy] hh:mm:ss [yyyy]`, `yyyy Mmm dd hh:mm:ss`
fn dated(text: &str) -> Option<&str> {
    let text = year(text).unwrap_or(text);
    let (month, rest) = text.split_at_checked(3)?;
    let rest = rest.strip_prefix(' ').filter(|_| MONTHS.contains(&month))?.trim_start();
    let (day, rest) = rest.split_once(' ')?;
    let is_day = (1..=2).contains(&day.len()) && day.bytes().all(|b| b.is_ascii_digit());
    let rest = Some(rest.trim_start()).filter(|_| is_day)?;
    let rest = after_clock(year(rest).unwrap_or(rest))?;
    Some(year(rest.trim_start()).unwrap_or(rest))
}

/// Past a year of four digits.
fn year(text: &str) -> Option<&str> {
    let (year, rest) = text.split_at_checked(4)?;
    let rest = rest.strip_prefix(' ')?;
    let plausible = year.bytes().all(|b| b.is_ascii_digit()) && (year.starts_with("19") || year.starts_with("20"));
    plausible.then(|| rest.trim_start())
}

/// Past `hh:mm:ss`, what is glued to it, and the name of a zone.
fn after_clock(text: &str) -> Option<&str> {
    let end = text.find(' ').unwrap_or(text.len());
    let (clock, rest) = text.split_at_checked(end)?;
    let mut parts = clock.splitn(3, ':');
    let two = |part: Option<&str>| {
        part.is_some_and(|p| (1..=2).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    if !(two(parts.next()) && two(parts.next()) && parts.next()?.starts_with(|c: char| c.is_ascii_digit())) {
        return None;
    }
    let rest = rest.trim_start();
    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let letters = word.trim_end_matches(':');
    let zone = (2..=5).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_alphabetic());
    let names_zone = zone && (word.ends_with(':') || letters == "DST") || word == ":";
    Some(if names_zone { after } else { rest })
}

/// `00:00:46: `, `1w2d: `: time since the start.
fn running(text: &str) -> Option<&str> {
    let (word, rest) = text.split_once(' ')?;
    let time = word.strip_suffix(':')?;
    let counts = time.starts_with(|c: char| c.is_ascii_digit())
        && time.len() <= 16
        && time.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'y' | b'w' | b'd' | b'h'))
        && time.bytes().any(|b| !b.is_ascii_digit());
    counts.then_some(rest)
}
