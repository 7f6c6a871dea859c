//! STAMP test packets (RFC 8762, with the session identifier and the padding of RFC 8972), plain and
//! authenticated; by their sizes TWAMP Light's too. It keeps times as the words that stand on the wire, because a
//! reflector gives back what it was sent; `Stamp` says what they mean. Extensions are carried, not understood.

use std::time::Duration;

use ring::hmac;

/// Bytes of a plain packet.
pub const PLAIN: usize = 44;
/// Bytes of a plain packet of TWAMP Light, whose replies end with the TTL. A request below this is not
/// answered: the answer would be longer than the question, and sources can be forged.
pub const LEAST_PLAIN: usize = 41;
/// Bytes of an authenticated packet.
pub const AUTHENTICATED: usize = 112;
/// The largest packet written: with IPv6 and UDP it fits the smallest Ethernet MTU that tunnels leave.
pub const LONGEST: usize = 1400;

/// Bytes under the authentication code, which follows them.
const SIGNED: usize = 96;
/// Bytes of the authentication code: HMAC-SHA-256, cut.
const CODE: usize = 16;
/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
/// Head of an extension: flags, type, length of what follows.
const EXTENSION: usize = 4;
/// The type of an extension that is padding (RFC 8972, section 4.1), and the flag of one that is not recognised.
const PADDING: u8 = 1;
/// See `PADDING`.
const UNRECOGNISED: u8 = 0x80;

/// Where fields stand.
struct Layout {
    stamp: usize,
    estimate: usize,
    ssid: usize,
    received: usize,
    asked_seq: usize,
    asked_stamp: usize,
    asked_estimate: usize,
    ttl: usize,
    length: usize,
    least: usize,
}

static PLAIN_LAYOUT: Layout = Layout {
    stamp: 4,
    estimate: 12,
    ssid: 14,
    received: 16,
    asked_seq: 24,
    asked_stamp: 28,
    asked_estimate: 36,
    ttl: 40,
    length: PLAIN,
    least: LEAST_PLAIN,
};

static SIGNED_LAYOUT: Layout = Layout {
    stamp: 16,
    estimate: 24,
    ssid: 26,
    received: 32,
    asked_seq: 48,
    asked_stamp: 64,
    asked_estimate: 72,
    ttl: 80,
    length: AUTHENTICATED,
    least: AUTHENTICATED,
};

/// The key of the authenticated mode.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Key {
    /// Of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    fn code(&self, packet: &[u8]) -> [u8; CODE] {
        let tag = hmac::sign(&self.0, packet.get(..SIGNED).unwrap_or_default());
        field(tag.as_ref(), 0)
    }

    /// Takes the same time whatever differs.
    fn signed(&self, packet: &[u8]) -> bool {
        let given: [u8; CODE] = field(packet, SIGNED);
        self.code(packet).iter().zip(given).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// Why bytes are no test packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends too early.
    #[error("{length} bytes, where a STAMP packet has at least {least}")]
    Short {
        /// Its length.
        length: usize,
        /// What it should be.
        least: usize,
    },
    /// It was not made with our key, or altered on the way.
    #[error("the authentication code at byte 96 is wrong")]
    Code,
}

/// How the 64 bits of a time are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Seconds since 1900 and their fraction.
    #[default]
    Ntp,
    /// Seconds and nanoseconds (IEEE 1588, cut). Whether leap seconds are in them differs between makers.
    Ptp,
}

/// A time as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp(pub u64);

impl Stamp {
    /// Of a time since 1970, in the format of NTP.
    pub fn ntp(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs().wrapping_add(NTP_TO_UNIX) & u64::from(u32::MAX);
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// Nanoseconds since 1970: of all the times that these bits may mean, 136 years apart, the one nearest to
    /// `near`.
    pub fn nanos(self, format: Format, near: Duration) -> i64 {
        let (high, low) = (self.0 >> 32, self.0 & u64::from(u32::MAX));
        let (origin, nanos) = match format {
            Format::Ntp => (NTP_TO_UNIX, (low * 1_000_000_000 + (1 << 31)) >> 32),
            Format::Ptp => (0, low.min(999_999_999)),
        };
        let from = near.as_secs().wrapping_add(origin) as u32;
        let apart = i64::from((high as u32).wrapping_sub(from) as i32);
        let seconds = i64::try_from(near.as_secs()).unwrap_or(0).saturating_add(apart);
        seconds.saturating_mul(1_000_000_000).saturating_add(i64::try_from(nanos).unwrap_or(0))
    }
}

/// How good the clock behind a time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// It is kept in step with UTC from outside.
    pub in_step: bool,
    /// How its times are written.
    pub format: Format,
    /// How far off it may be.
    pub error: Duration,
}

impl Estimate {
    /// As it stands on the wire, the error rounded up: sync bit, format bit, scale (6), multiplier (8), never zero.
    pub fn to_wire(self) -> u16 {
        let mut units = ((self.error.as_nanos() << 32) / 1_000_000_000).max(1);
        let mut scale = 0_u16;
        while units > 255 && scale < 63 {
            units = units.div_ceil(2);
            scale += 1;
        }
        let multiplier = u16::try_from(units.min(255)).unwrap_or(255);
        u16::from(self.in_step) << 15 | u16::from(self.format == Format::Ptp) << 14 | scale << 8 | multiplier
    }

    /// From the wire.
    pub fn of_wire(word: u16) -> Self {
        let nanos = (u128::from(word & 0xff) << (word >> 8 & 0x3f)).saturating_mul(1_000_000_000) >> 32;
        Self {
            in_step: word >> 15 & 1 == 1,
            format: if word >> 14 & 1 == 1 { Format::Ptp } else { Format::Ntp },
            error: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
        }
    }
}

/// What a sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Request {
    /// Number of the packet in its session.
    pub seq: u32,
    /// When it was sent.
    pub stamp: Stamp,
    /// Error estimate of that, as on the wire.
    pub estimate: u16,
    /// Identifier of the session (RFC 8972); 0 from those who have none.
    pub ssid: u16,
}

/// What a reflector says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reply {
    /// Its own number of the packet; a stateless reflector gives the sender's.
    pub seq: u32,
    /// When it was sent.
    pub stamp: Stamp,
    /// Error estimate of its times, as on the wire.
    pub estimate: u16,
    /// The request's identifier; 0 from those who know none.
    pub ssid: u16,
    /// When the request came.
    pub received: Stamp,
    /// Number of the request.
    pub asked_seq: u32,
    /// When the request was sent, as it said itself.
    pub asked_stamp: Stamp,
    /// Error estimate of that.
    pub asked_estimate: u16,
    /// Time to live of the request as it arrived.
    pub ttl: u8,
}

/// Writes a request of `size` bytes, or as many as it needs; what is beyond is padding that says so.
pub fn write_request(request: &Request, size: usize, key: Option<&Key>) -> Vec<u8> {
    let layout = layout(key);
    let mut out = vec![0; size.clamp(layout.length, LONGEST)];
    let padding = out.len() - layout.length;
    if let (Some(value), Some(head)) = (padding.checked_sub(EXTENSION), out.get_mut(layout.length..)) {
        put(head, 0, &[UNRECOGNISED, PADDING]);
        put(head, 2, &u16::try_from(value).unwrap_or(0).to_be_bytes());
    }
    put(&mut out, 0, &request.seq.to_be_bytes());
    put(&mut out, layout.stamp, &request.stamp.0.to_be_bytes());
    put(&mut out, layout.estimate, &request.estimate.to_be_bytes());
    put(&mut out, layout.ssid, &request.ssid.to_be_bytes());
    sign(&mut out, key);
    out
}

/// Reads a request. With a key only what it signed is one.
pub fn read_request(bytes: &[u8], key: Option<&Key>) -> Result<Request, Malformed> {
    let layout = checked(bytes, key)?;
    Ok(Request {
        seq: word(bytes, 0),
        stamp: Stamp(u64::from_be_bytes(field(bytes, layout.stamp))),
        estimate: u16::from_be_bytes(field(bytes, layout.estimate)),
        ssid: u16::from_be_bytes(field(bytes, layout.ssid)),
    })
}

/// Writes the reply to a request, as long as the request was: neither direction is favoured, and nobody is sent
/// more than he asked for. Padding goes back marked as recognised, other extensions as they came.
pub fn write_reply(reply: &Reply, asked: &[u8], key: Option<&Key>) -> Vec<u8> {
    let layout = layout(key);
    let mut out = asked.to_vec();
    if let Some(own) = out.get_mut(..layout.length.min(asked.len())) {
        own.fill(0);
    }
    recognise(out.get_mut(layout.length..).unwrap_or_default());
    put(&mut out, 0, &reply.seq.to_be_bytes());
    put(&mut out, layout.stamp, &reply.stamp.0.to_be_bytes());
    put(&mut out, layout.estimate, &reply.estimate.to_be_bytes());
    put(&mut out, layout.ssid, &reply.ssid.to_be_bytes());
    put(&mut out, layout.received, &reply.received.0.to_be_bytes());
    put(&mut out, layout.asked_seq, &reply.asked_seq.to_be_bytes());
    put(&mut out, layout.asked_stamp, &reply.asked_stamp.0.to_be_bytes());
    put(&mut out, layout.asked_estimate, &reply.asked_estimate.to_be_bytes());
    put(&mut out, layout.ttl, &[reply.ttl]);
    sign(&mut out, key);
    out
}

/// Reads a reply. With a key only what it signed is one.
pub fn read_reply(bytes: &[u8], key: Option<&Key>) -> Result<Reply, Malformed> {
    let layout = checked(bytes, key)?;
    let [ttl] = field(bytes, layout.ttl);
    Ok(Reply {
        seq: word(bytes, 0),
        stamp: Stamp(u64::from_be_bytes(field(bytes, layout.stamp))),
        estimate: u16::from_be_bytes(field(bytes, layout.estimate)),
        ssid: u16::from_be_bytes(field(bytes, layout.ssid)),
        received: Stamp(u64::from_be_bytes(field(bytes, layout.received))),
        asked_seq: word(bytes, layout.asked_seq),
        asked_stamp: Stamp(u64::from_be_bytes(field(bytes, layout.asked_stamp))),
        asked_estimate: u16::from_be_bytes(field(bytes, layout.asked_estimate)),
        ttl,
    })
}

const fn layout(key: Option<&Key>) -> &'static Layout {
    if key.is_some() { &SIGNED_LAYOUT } else { &PLAIN_LAYOUT }
}

fn checked(bytes: &[u8], key: Option<&Key>) -> Result<&'static Layout, Malformed> {
    let layout = layout(key);
    if bytes.len() < layout.least {
        return Err(Malformed::Short { length: bytes.len(), least: layout.least });
    }
    if key.is_some_and(|key| !key.signed(bytes)) {
        return Err(Malformed::Code);
    }
    Ok(layout)
}

fn sign(packet: &mut [u8], key: Option<&Key>) {
    if let Some(key) = key {
        let code = key.code(packet);
        put(packet, SIGNED, &code);
    }
}

/// Takes the mark off extensions that are padding; ends at the first that is cut.
fn recognise(mut rest: &mut [u8]) {
    while let Some([flags, kind, high, low]) = rest.first_chunk_mut() {
        let length = EXTENSION + usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == PADDING && *flags == UNRECOGNISED {
            *flags = 0;
        }
        rest = std::mem::take(&mut rest).get_mut(length..).unwrap_or_default();
    }
}

/// The bytes at a place; zeros where the packet has ended.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(field(bytes, at))
}

/// Writes what fits.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests;
