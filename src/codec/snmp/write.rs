//! Writes messages forwards into a buffer that is used again: lengths are given two bytes and filled in at the end, so
//! nothing is measured beforehand. What turns out short moves up, since there are agents that know only the shortest form.

use super::ber::tag;
use super::{Kind, Value, Version, oid};

/// What stands in front of the variables of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// Version.
    pub version: Version,
    /// Community.
    pub community: &'a [u8],
    /// What kind of message.
    pub kind: Kind,
    /// Comes back with the answer.
    pub id: i32,
    /// Error status; of a GETBULK the number of variables that are asked for once.
    pub status: i32,
    /// Error index; of a GETBULK how many rows.
    pub index: i32,
}

/// A message that is being written.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
    begin: usize,
    pdu: usize,
    list: usize,
}

/// Bytes of the head of a sequence, as written here.
const SEQUENCE_HEAD: usize = 4;

impl<'o> Writer<'o> {
    /// Appends the head of a message to `out`.
    pub fn begin(head: &Head<'_>, out: &'o mut Vec<u8>) -> Self {
        let begin = out.len();
        open(tag::SEQUENCE, out);
        integer(tag::INTEGER, i64::from(head.version.number()), out);
        octets(tag::OCTETS, head.community, out);
        let pdu = out.len();
        open(head.kind.tag(), out);
        for number in [head.id, head.status, head.index] {
            integer(tag::INTEGER, i64::from(number), out);
        }
        let list = out.len();
        open(tag::SEQUENCE, out);
        Self { out, begin, pdu, list }
    }

    /// Bytes so far.
    pub const fn len(&self) -> usize {
        self.out.len() - self.begin
    }

    /// Never: a message has a head.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Appends a variable that is asked for: a name without a value. `name` is encoded.
    pub fn name(&mut self, name: &[u8]) {
        self.variable(name, &Value::Null);
    }

    /// Appends a variable; `name` is encoded.
    pub fn variable(&mut self, name: &[u8], value: &Value<'_>) {
        variable(name, value, self.out);
    }

    /// Appends variables that are encoded already.
    pub fn encoded(&mut self, variables: &[u8]) {
        self.out.extend_from_slice(variables);
    }

    /// Fills in the lengths. False if the message is longer than its lengths can say; it is taken back then.
    pub fn finish(self) -> bool {
        // From the innermost outwards, because each that shrinks makes those around it shorter.
        let fits = [self.list, self.pdu, self.begin].into_iter().all(|at| fill(at, self.out));
        if !fits {
            self.out.truncate(self.begin);
        }
        fits
    }
}

/// Fills in the length of the sequence at `at`, which goes to the end. False if it is too long.
fn fill(at: usize, out: &mut Vec<u8>) -> bool {
    let content = at + SEQUENCE_HEAD;
    let length = out.len().saturating_sub(content);
    let (bytes, used) = length_bytes(length);
    let Some(place) = out.get_mut(at + 1..content).filter(|place| used <= place.len()) else { return false };
    for (place, byte) in place.iter_mut().zip(bytes) {
        *place = byte;
    }
    if at + 1 + used < content {
        out.copy_within(content.., at + 1 + used);
        out.truncate(at + 1 + used + length);
    }
    true
}

/// Appends one variable with its value.
pub fn variable(name: &[u8], value: &Value<'_>, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&[tag::SEQUENCE, 0]);
    octets(tag::OID, name, out);
    write_value(value, out);
    close(begin, out);
}

fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Integer(n) => integer(tag::INTEGER, *n, out),
        Value::Octets(bytes) => octets(tag::OCTETS, bytes, out),
        Value::Null => out.extend_from_slice(&[tag::NULL, 0]),
        Value::Oid(oid) => octets(tag::OID, oid.as_bytes(), out),
        Value::Address(address) => octets(tag::ADDRESS, address, out),
        Value::Counter32(n) => integer(tag::COUNTER32, i64::from(*n), out),
        Value::Gauge32(n) => integer(tag::GAUGE32, i64::from(*n), out),
        Value::Unsigned32(n) => integer(tag::UNSIGNED32, i64::from(*n), out),
        Value::Ticks(n) => integer(tag::TICKS, i64::from(*n), out),
        Value::Counter64(n) => match i64::try_from(*n) {
            Ok(n) => integer(tag::COUNTER64, n, out),
            Err(_) => {
                out.extend_from_slice(&[tag::COUNTER64, 9, 0]);
                out.extend_from_slice(&n.to_be_bytes());
            }
        },
        Value::Opaque(bytes) => octets(tag::OPAQUE, bytes, out),
        Value::Nsap(bytes) => octets(tag::NSAP, bytes, out),
        Value::NoSuchObject => out.extend_from_slice(&[tag::NO_SUCH_OBJECT, 0]),
        Value::NoSuchInstance => out.extend_from_slice(&[tag::NO_SUCH_INSTANCE, 0]),
        Value::EndOfMibView => out.extend_from_slice(&[tag::END_OF_MIB_VIEW, 0]),
        Value::Other { tag, bytes } => octets(*tag, bytes, out),
    }
}

/// The name of parts, encoded.
pub fn name(arcs: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(arcs.len() + 4);
    oid::write(arcs, &mut bytes);
    bytes
}

/// Begins an element whose length takes two bytes and is filled in later.
fn open(tag: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[tag, 0x82, 0, 0]);
}

/// Fills in the length of an element that was begun with one byte for it, at `begin`; moves its content if that is not
/// enough.
fn close(begin: usize, out: &mut Vec<u8>) {
    let length = out.len() - begin - 2;
    let long = length_bytes(length);
    if let Some(place) = out.get_mut(begin + 1) {
        *place = long.0.first().copied().unwrap_or(0);
    }
    if let Some(more) = long.0.get(1..long.1).filter(|more| !more.is_empty()) {
        out.splice(begin + 2..begin + 2, more.iter().copied());
    }
}

fn octets(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    let (length, used) = length_bytes(bytes.len());
    out.push(tag);
    out.extend_from_slice(length.get(..used).unwrap_or_default());
    out.extend_from_slice(bytes);
}

/// A length in the fewest bytes, and how many they are.
const fn length_bytes(length: usize) -> ([u8; 4], usize) {
    let [.., high, middle, low] = length.to_be_bytes();
    match length {
        0..0x80 => ([low, 0, 0, 0], 1),
        0x80..0x100 => ([0x81, low, 0, 0], 2),
        0x100..0x1_0000 => ([0x82, middle, low, 0], 3),
        _ => ([0x83, high, middle, low], 4),
    }
}

/// A number in the fewest bytes.
fn integer(tag: u8, number: i64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let spare = if number < 0 { number.leading_ones() } else { number.leading_zeros() };
    // One bit of what is left must say the sign.
    let skip = ((spare - 1) / 8).min(7) as usize;
    let content = bytes.get(skip..).unwrap_or_default();
    out.extend_from_slice(&[tag, content.len() as u8]);
    out.extend_from_slice(content);
}
