//! A record as it lies in the spool: JSON, compressed when that pays.

use std::io::Read;

use crate::model::Wall;
use crate::model::wire::{MAX_BATCH_BYTES, Stream};

use super::Append;
use super::db::GapCause;

/// Bodies below this do not get smaller.
const PACK_FROM: usize = 512;
/// Fast; the batch is compressed again, and better, as a whole.
const PACK_LEVEL: i32 = 1;
/// Room for the envelope and the batch around the largest record.
const ENVELOPE_ROOM: usize = 4 << 10;

/// A record that has no sequence yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stream: Stream,
    pub(super) at: Wall,
    pub(super) kind: String,
    pub(super) body: Vec<u8>,
    pub(super) packed: bool,
    /// Length of the body unpacked.
    pub(super) raw: usize,
}

/// Packs bodies; made once, for its tables are larger than most of them.
pub(super) struct Packer(Option<zstd::bulk::Compressor<'static>>);

impl Packer {
    pub(super) fn new() -> Self {
        Self(zstd::bulk::Compressor::new(PACK_LEVEL).ok())
    }

    fn pack(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        self.0.as_mut()?.compress(body).ok()
    }
}

impl Row {
    /// Of a record. One that no batch could carry becomes a gap: it would block its stream for ever.
    pub(super) fn of(append: &Append, packer: &mut Packer) -> Self {
        let (stream, kind) = (append.record.stream(), append.record.kind());
        let body = append.record.text().into_bytes();
        let raw = body.len();
        if raw > MAX_BATCH_BYTES - ENVELOPE_ROOM {
            tracing::error!(kind, bytes = raw, "a record is too large for any batch and was dropped");
            let cause = GapCause::Refused.as_str().as_bytes().to_vec();
            return Self { stream, at: append.at, kind: "gap".to_owned(), body: cause, packed: false, raw: 0 };
        }
        let packed = (raw >= PACK_FROM).then(|| packer.pack(&body)).flatten();
        let (body, packed) = packed.map_or((body, false), |packed| (packed, true));
        Self { stream, at: append.at, kind: kind.to_owned(), body, packed, raw }
    }

    /// Whether the record itself was given up.
    pub(super) fn is_gap(&self) -> bool {
        self.kind == "gap"
    }
}

/// The body of a row; `None` if the bytes are damaged.
pub(super) fn unpack(body: &[u8], packed: bool, raw: usize) -> Option<serde_json::Value> {
    if !packed {
        return serde_json::from_slice(body).ok();
    }
    if raw > MAX_BATCH_BYTES {
        return None;
    }
    let mut text = Vec::with_capacity(raw);
    zstd::stream::read::Decoder::with_buffer(body).ok()?.take(MAX_BATCH_BYTES as u64).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
