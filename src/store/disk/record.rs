//! The frame of one WAL record: `length u32, crc32 u32, type u8, payload`, little-endian.
//!
//! The checksum covers type and payload. A type with [`PACKED`] set holds `raw length u32, zstd
//! frame` in place of the payload. Layout: `docs/format/wal.md`.

use crate::store::disk::bytes::Reader;
use std::borrow::Cow;

pub(crate) const FRAME: usize = 9;
/// Longest payload that is written or believed.
pub(crate) const MAX_PAYLOAD: usize = 64 << 20;
const PACKED: u8 = 0x80;
/// Types are below this, so that a search for the next record passes over most of what is none.
const TYPES: u8 = 16;
/// Shorter payloads are not worth a compressor.
const PACK_FROM: usize = 200;
const LEVEL: i32 = 1;

/// Appends one record.
pub(crate) fn put(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    if payload.len() >= PACK_FROM
        && let Ok(packed) = zstd::bulk::compress(payload, LEVEL)
        && packed.len() + 4 < payload.len()
    {
        put_frame(
            out,
            kind | PACKED,
            &[&(payload.len() as u32).to_le_bytes(), &packed],
        );
        return;
    }
    put_frame(out, kind, &[payload]);
}

pub(crate) fn put_frame(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|p| p.len()).sum();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    out.extend_from_slice(&(len as u32).to_le_bytes());
    for part in parts {
        crc.update(part);
    }
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    out.push(kind);
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front<'a> {
    /// A whole record, and the bytes its frame takes.
    Record {
        kind: u8,
        payload: Cow<'a, [u8]>,
        size: usize,
    },
    /// A plausible frame that needs so many bytes.
    Needs(usize),
    /// No record.
    Bad,
}

/// Reads the record at the front.
pub(crate) fn read(bytes: &[u8]) -> Front<'_> {
    let mut r = Reader::new(bytes);
    let (Some(len), Some(crc), Some(kind)) = (r.u32(), r.u32(), r.u8()) else {
        return Front::Needs(FRAME);
    };
    let len = len as usize;
    if len > MAX_PAYLOAD || kind & !PACKED >= TYPES {
        return Front::Bad;
    }
    let Some(body) = r.bytes(len) else {
        return Front::Needs(FRAME + len);
    };
    if crc32fast::hash(&bytes[FRAME - 1..FRAME + len]) != crc {
        return Front::Bad;
    }
    let Some(payload) = unpack(kind, body) else {
        return Front::Bad;
    };
    Front::Record {
        kind: kind & !PACKED,
        payload,
        size: FRAME + len,
    }
}

fn unpack(kind: u8, body: &[u8]) -> Option<Cow<'_, [u8]>> {
    if kind & PACKED == 0 {
        return Some(Cow::Borrowed(body));
    }
    let mut r = Reader::new(body);
    let len = r.u32()? as usize;
    if len > MAX_PAYLOAD {
        return None;
    }
    let raw = zstd::bulk::decompress(r.rest, len).ok()?;
    (raw.len() == len).then_some(Cow::Owned(raw))
}
