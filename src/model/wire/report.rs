//! What a device says of itself, as it travels and is kept: the JSON object of `device::report`, compressed. A report
//! unpacks to a bounded text or not at all.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::id::{Object, ProbeId};

/// Most bytes of a report before compression: some 40,000 rows of a MAC table.
pub const MAX_REPORT: usize = 4 << 20;
/// Most bytes of a report compressed, so that its record always fits a batch.
pub const MAX_PACKED: usize = 640 << 10;
/// zstd level: 3 is the knee of its curve for JSON.
const LEVEL: i32 = 3;

/// `report` body: sent when something in it changed apart from what moves, and once a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The device.
    pub object: Object,
    /// Which probe found it out.
    pub probe: ProbeId,
    /// Equal if nothing but what moves is different; see `device::report::fingerprint`.
    pub fingerprint: u64,
    /// The object.
    pub packed: Packed,
}

/// A text, compressed; base64 on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Compresses a text; nothing if it stays larger than a record may be.
    pub fn of(text: &str) -> Option<Self> {
        let bytes = zstd::bulk::compress(text.as_bytes(), LEVEL).ok()?;
        (bytes.len() <= MAX_PACKED).then_some(Self(bytes))
    }

    /// As it was kept.
    pub const fn kept(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To be kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text; nothing if it is none, or longer than a report may be.
    pub fn text(&self) -> Option<String> {
        let mut text = String::new();
        let decoder = zstd::stream::read::Decoder::with_buffer(self.0.as_slice()).ok()?;
        decoder.take(MAX_REPORT as u64 + 1).read_to_string(&mut text).ok()?;
        (text.len() <= MAX_REPORT).then_some(text)
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        if bytes.len() > MAX_PACKED {
            return Err(D::Error::custom("the report is larger than allowed"));
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_and_what_unpacks_to_too_much_does_not() {
        let packed = Packed::of("{\"v\":1,\"device\":{\"name\":\"核心\"}}").unwrap();
        let wire = serde_json::to_string(&packed).unwrap();
        let back: Packed = serde_json::from_str(&wire).unwrap();
        assert_eq!(back.text().as_deref(), Some("{\"v\":1,\"device\":{\"name\":\"核心\"}}"));
        let bomb = Packed::of(&" ".repeat(MAX_REPORT + 1)).unwrap();
        assert_eq!(bomb.text(), None);
        assert_eq!(Packed::kept(b"no zstd".to_vec()).text(), None);
        assert!(serde_json::from_str::<Packed>("\"***\"").is_err());
    }
}
