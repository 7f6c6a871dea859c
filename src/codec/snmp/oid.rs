//! Object identifiers as they stand on the wire. Comparing, looking for a prefix and taking what follows it need no
//! decoding, and asking for what comes after one is a copy of its bytes.
//!
//! Every part is written in the fewest bytes (X.690, 8.19.2) and fits 32 bits; what is not so written is refused, since
//! two writings of one identifier would defeat the comparison that ends a walk.

use std::cmp::Ordering;
use std::fmt;

/// Parts of one identifier at most (RFC 2578, 3.5).
pub const MAX_ARCS: usize = 128;
/// Its bytes at most: no part takes more than five.
pub const MAX_BYTES: usize = MAX_ARCS * 5;
/// The most that the first number, which holds two parts, can be: 2.4294967295.
const MAX_FIRST: u64 = 80 + u32::MAX as u64;

/// An identifier, encoded and known to be well written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Oid<'a>(&'a [u8]);

impl<'a> Oid<'a> {
    /// Of the content of an OBJECT IDENTIFIER; `None` if that is not one.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        // Parts of one byte each: nothing in them can be wrong.
        if bytes.iter().fold(0, |all, byte| all | byte) < 0x80 {
            return (!bytes.is_empty() && bytes.len() < MAX_ARCS).then_some(Self(bytes));
        }
        let (mut value, mut arcs) = (0_u64, 0);
        for byte in bytes {
            if value == 0 && *byte == 0x80 {
                return None; // a part that is longer than it need be
            }
            value = value << 7 | u64::from(byte & 0x7f);
            if value > if arcs == 0 { MAX_FIRST } else { u64::from(u32::MAX) } {
                return None;
            }
            if byte & 0x80 == 0 {
                (value, arcs) = (0, arcs + 1);
            }
        }
        let whole = bytes.last().is_some_and(|byte| byte & 0x80 == 0);
        (whole && arcs < MAX_ARCS).then_some(Self(bytes))
    }

    /// The encoded content.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// What follows `prefix`, encoded; `None` if this does not begin with it.
    #[inline]
    pub fn behind(self, prefix: &[u8]) -> Option<&'a [u8]> {
        // The last byte of a prefix ends a part, so the bytes of another cannot begin with it by chance.
        self.0.strip_prefix(prefix)
    }

    /// Writes it for people, straight into a text: `{}` asks the text through a pointer for each part.
    pub fn write(self, out: &mut String) {
        let mut numbers = Numbers(self.0);
        let Some(first) = numbers.next() else { return };
        let [root, second] = split(first);
        out.reserve(self.0.len() * 4); // a dot and three digits for each byte: more than it takes
        out.push(char::from(b'0' + root as u8));
        let mut digits = itoa::Buffer::new();
        let mut push = |arc: u64| {
            out.push('.');
            match arc {
                0..10 => out.push(char::from(b'0' + arc as u8)),
                _ => out.push_str(digits.format(arc)),
            }
        };
        push(second);
        numbers.for_each(push);
    }

    /// Its parts.
    pub fn arcs(self) -> impl Iterator<Item = u32> + 'a {
        let mut numbers = Numbers(self.0);
        let first = numbers.next().map(split);
        first.into_iter().flatten().chain(numbers).map(|arc| arc as u32)
    }
}

/// The two parts that the first number holds.
const fn split(first: u64) -> [u64; 2] {
    match first {
        0..40 => [0, first],
        40..80 => [1, first - 40],
        _ => [2, first - 80],
    }
}

/// The parts of what follows a prefix.
pub fn index_arcs(index: &[u8]) -> impl Iterator<Item = u32> + '_ {
    Numbers(index).map(|arc| arc as u32)
}

impl Ord for Oid<'_> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.0, other.0)
    }
}

impl PartialOrd for Oid<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Orders two encoded identifiers by their parts. Of two parts the one in more bytes is the larger; of two in equally
/// many the bytes decide, because a byte that goes on is larger than one that ends.
pub fn order(a: &[u8], b: &[u8]) -> Ordering {
    let Some(differ) = a.iter().zip(b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let goes_on = |byte: &u8| byte & 0x80 != 0;
    let length = |of: &[u8]| of.get(differ..).unwrap_or_default().iter().take_while(|byte| goes_on(byte)).count();
    length(a).cmp(&length(b)).then_with(|| a.get(differ).cmp(&b.get(differ)))
}

/// Appends an identifier, encoded. One part alone is written as if a zero followed it.
pub fn write(arcs: &[u32], out: &mut Vec<u8>) {
    let (first, rest) = match arcs {
        [] => return,
        [first] => (u64::from(*first) * 40, arcs.get(1..).unwrap_or_default()),
        [first, second, rest @ ..] => (u64::from(*first) * 40 + u64::from(*second), rest),
    };
    write_number(first, out);
    for arc in rest {
        write_number(u64::from(*arc), out);
    }
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    let bytes = (64 - (number | 1).leading_zeros()).div_ceil(7);
    for left in (0..bytes).rev() {
        let more = if left > 0 { 0x80 } else { 0 };
        out.push((number >> (7 * left)) as u8 & 0x7f | more);
    }
}

/// The numbers of an encoded identifier, or of a part of one.
struct Numbers<'a>(&'a [u8]);

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            value = value << 7 | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
