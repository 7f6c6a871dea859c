//! Lines out of a TCP stream (RFC 6587): counted by octets, or ended by a newline or a NUL; which of the two, every
//! line shows by how it begins. A line that is too long is cut, and what follows of it skipped.

use super::MAX_LINE;

/// Digits of a count at most: no line is longer than 99,999 octets.
const COUNT_DIGITS: usize = 5;

/// What has come and is no whole line yet.
#[derive(Debug, Default)]
pub struct Frames {
    held: Vec<u8>,
    /// Octets of a counted line that still come and are not wanted.
    skip: usize,
    /// Skipping to the next newline.
    skip_line: bool,
}

enum Next {
    Line { from: usize, to: usize, end: usize },
    Cut { from: usize, skip: usize },
    CutLine,
    More,
}

impl Frames {
    /// Takes what came, and calls back for every line that is whole.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            bytes = self.skipped(bytes);
            // In pieces, so that what is held has a bound whatever is pushed at once.
            let room = (2 * MAX_LINE).saturating_sub(self.held.len()).min(bytes.len());
            let Some((piece, rest)) = bytes.split_at_checked(room) else { return };
            self.held.extend_from_slice(piece);
            bytes = rest;
            self.cut(&mut each);
        }
    }

    /// The stream ended: the last line may lack its newline.
    pub fn finish(&mut self, each: impl FnOnce(&[u8])) {
        let held = std::mem::take(&mut self.held);
        if !held.trim_ascii().is_empty() && !self.skip_line {
            each(&held);
        }
    }

    fn skipped<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let n = self.skip.min(bytes.len());
        self.skip -= n;
        let mut bytes = bytes.get(n..).unwrap_or_default();
        if self.skip_line {
            let end = bytes.iter().position(|b| ends(*b));
            self.skip_line = end.is_none();
            bytes = end.and_then(|end| bytes.get(end + 1..)).unwrap_or_default();
        }
        bytes
    }

    fn cut(&mut self, each: &mut impl FnMut(&[u8])) {
        let mut begin = 0;
        loop {
            let rest = self.held.get(begin..).unwrap_or_default();
            begin += rest.iter().take_while(|b| ends(**b)).count();
            let rest = self.held.get(begin..).unwrap_or_default();
            match next(rest) {
                Next::Line { from, to, end } => {
                    each(rest.get(from..to).unwrap_or_default());
                    begin += end;
                }
                Next::Cut { from, skip } => {
                    each(rest.get(from..).unwrap_or_default());
                    (begin, self.skip) = (self.held.len(), skip);
                    break;
                }
                Next::CutLine => {
                    each(rest);
                    (begin, self.skip_line) = (self.held.len(), true);
                    break;
                }
                Next::More => break,
            }
        }
        self.held.drain(..begin.min(self.held.len()));
    }
}

const fn ends(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0)
}

fn next(rest: &[u8]) -> Next {
    if let Some((digits, count)) = counted(rest) {
        let from = digits + 1;
        let end = from.saturating_add(count);
        if count <= MAX_LINE {
            return if rest.len() >= end { Next::Line { from, to: end, end } } else { Next::More };
        }
        let has = rest.len().saturating_sub(from);
        return if has >= count {
            Next::Line { from, to: end, end }
        } else if has >= MAX_LINE {
            Next::Cut { from, skip: count - has }
        } else {
            Next::More
        };
    }
    match rest.iter().position(|b| ends(*b)) {
        Some(end) => Next::Line { from: 0, to: end, end: end + 1 },
        None if rest.len() >= MAX_LINE => Next::CutLine,
        None => Next::More,
    }
}

/// `123 <`: how many digits, and the count. A newline-framed line begins with `<`.
fn counted(rest: &[u8]) -> Option<(usize, usize)> {
    let digits = rest.iter().take(COUNT_DIGITS + 1).take_while(|b| b.is_ascii_digit()).count();
    let text = std::str::from_utf8(rest.get(..digits)?).ok()?;
    let follows = rest.get(digits) == Some(&b' ') && rest.get(digits + 1).is_none_or(|b| *b == b'<');
    let count = text.parse().ok().filter(|n| *n > 0)?;
    (digits <= COUNT_DIGITS && !text.starts_with('0') && follows).then_some((digits, count))
}
