//! The part of BER (X.690) that SNMP uses: one-byte tags, definite lengths, primitive values. It refuses the
//! indefinite form and lengths that reach past what is there, and it borrows everything.

use super::Malformed;

/// Bytes that may say a length: more than four would be a message of 4 GB.
const MAX_LENGTH_BYTES: u8 = 4;

/// Tags of what SNMP is made of.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTETS: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const ADDRESS: u8 = 0x40;
    pub(crate) const COUNTER32: u8 = 0x41;
    pub(crate) const GAUGE32: u8 = 0x42;
    pub(crate) const TICKS: u8 = 0x43;
    pub(crate) const OPAQUE: u8 = 0x44;
    pub(crate) const NSAP: u8 = 0x45;
    pub(crate) const COUNTER64: u8 = 0x46;
    pub(crate) const UNSIGNED32: u8 = 0x47;
    pub(crate) const NO_SUCH_OBJECT: u8 = 0x80;
    pub(crate) const NO_SUCH_INSTANCE: u8 = 0x81;
    pub(crate) const END_OF_MIB_VIEW: u8 = 0x82;
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the datagram.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { rest: bytes, at }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next element: its tag and its content.
    #[inline]
    pub(crate) fn element(&mut self) -> Result<(u8, Reader<'a>), Malformed> {
        let at = self.at;
        let short = Malformed { what: "end of an element", at };
        let (tag, length, head) = match *self.rest {
            [tag, length @ 0..=0x7f, ..] => (tag, usize::from(length), 2),
            [tag, 0x81, length, ..] => (tag, usize::from(length), 3),
            [tag, 0x82, high, low, ..] => (tag, usize::from(high) << 8 | usize::from(low), 4),
            [tag, form, ..] => {
                let (length, head) = self.long(form)?;
                (tag, length, head)
            }
            _ => return Err(short),
        };
        let (_, behind) = self.rest.split_at_checked(head).ok_or(short)?;
        let (content, rest) = behind.split_at_checked(length).ok_or(short)?;
        self.rest = rest;
        self.at = at + head + length;
        Ok((tag, Reader { rest: content, at: at + head }))
    }

    /// Goes into the next element, whatever length it says: into one whose length is wrong. Returns its tag.
    pub(crate) fn enter(&mut self) -> Option<u8> {
        let [tag, form, ..] = *self.rest else { return None };
        let head = match form {
            0..=0x7f => 2,
            _ => 2 + usize::from(form & 0x7f).min(usize::from(MAX_LENGTH_BYTES)),
        };
        self.rest = self.rest.get(head..)?;
        self.at += head;
        Some(tag)
    }

    /// A length in more than two bytes, and how long the head of the element is.
    #[cold]
    fn long(&self, form: u8) -> Result<(usize, usize), Malformed> {
        let bytes = form & 0x7f;
        if bytes == 0 || bytes > MAX_LENGTH_BYTES {
            return Err(Malformed { what: "definite length of at most four bytes", at: self.at + 1 });
        }
        let head = 2 + usize::from(bytes);
        let said = self.rest.get(2..head).ok_or(Malformed { what: "end of a length", at: self.at })?;
        let length = said.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        Ok((usize::try_from(length).unwrap_or(usize::MAX), head))
    }

    /// The content of the next element, which must have this tag.
    #[inline]
    pub(crate) fn need(&mut self, tag: u8, what: &'static str) -> Result<Reader<'a>, Malformed> {
        let at = self.at;
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed { what, at }),
        }
    }

    /// The next element, an INTEGER of 32 bits.
    #[inline]
    pub(crate) fn integer(&mut self, what: &'static str) -> Result<i32, Malformed> {
        let at = self.at;
        let content = self.need(tag::INTEGER, what)?;
        signed(content.rest).and_then(|n| i32::try_from(n).ok()).ok_or(Malformed { what, at })
    }
}

/// A number in two's complement, of at most eight bytes.
#[inline]
pub(crate) fn signed(bytes: &[u8]) -> Option<i64> {
    let first = *bytes.first()?;
    let start = if first & 0x80 == 0 { 0 } else { -1_i64 };
    (bytes.len() <= 8).then(|| bytes.iter().fold(start, |sum, byte| sum << 8 | i64::from(*byte)))
}

/// A number that is never negative, of at most `most` bytes. Agents leave out the zero byte in front that keeps the
/// sign (`ff ff ff ff` for 4294967295), or write more of them than they need: both are taken.
#[inline]
pub(crate) fn unsigned(bytes: &[u8], most: usize) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    let begin = bytes.len().saturating_sub(most);
    let (front, number) = bytes.split_at_checked(begin)?;
    let fits = front.iter().all(|byte| *byte == 0);
    fits.then(|| number.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
}
