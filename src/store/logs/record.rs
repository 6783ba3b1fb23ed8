//! What the log of lines says: labels of streams, lines, positions of sources, what went into blocks.
//!
//! A payload is a row of items, and is one commit: its lines, the positions they were read up to,
//! and the length of the part file that holds the blocks written with it. Layout:
//! `docs/format/wal.md`.

use crate::model::labels::Labels;
use crate::store::disk::bytes::{Reader, put_text, put_uvarint};
use crate::store::logs::buffer::Buffer;

/// The record type.
pub(crate) const COMMIT: u8 = 1;

const DEFINE: u64 = 0;
const LINES: u64 = 1;
const CUT: u64 = 2;
const POSITION: u64 = 3;
const FORGET: u64 = 4;
const PART: u64 = 5;

/// One item of a commit.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    /// The stream's number in this log has these labels.
    Define {
        stream: u32,
        labels: Labels,
    },
    /// Lines of a stream; `first` numbers the first of them within the stream.
    Lines {
        stream: u32,
        first: u64,
        lines: Buffer,
    },
    /// The lines of a stream with smaller numbers are in blocks.
    Cut {
        stream: u32,
        before: u64,
    },
    Position {
        source: &'a str,
        at: &'a [u8],
    },
    Forget {
        source: &'a str,
    },
    /// The part file of that number is valid up to that length.
    Part {
        number: u32,
        bytes: u64,
    },
}

pub(crate) fn put_define(out: &mut Vec<u8>, stream: u32, labels: &Labels) {
    put_uvarint(out, DEFINE);
    put_uvarint(out, u64::from(stream));
    put_text(out, labels.as_packed());
}

pub(crate) fn put_lines(out: &mut Vec<u8>, stream: u32, first: u64, lines: &Buffer, from: usize) {
    put_uvarint(out, LINES);
    put_uvarint(out, u64::from(stream));
    put_uvarint(out, first);
    lines.put_columns(from, out);
    out.extend_from_slice(&lines.bytes[lines.start(from)..]);
}

pub(crate) fn put_cut(out: &mut Vec<u8>, stream: u32, before: u64) {
    put_uvarint(out, CUT);
    put_uvarint(out, u64::from(stream));
    put_uvarint(out, before);
}

pub(crate) fn put_position(out: &mut Vec<u8>, source: &str, at: Option<&[u8]>) {
    put_uvarint(out, if at.is_some() { POSITION } else { FORGET });
    put_text(out, source);
    if let Some(at) = at {
        put_uvarint(out, at.len() as u64);
        out.extend_from_slice(at);
    }
}

pub(crate) fn put_part(out: &mut Vec<u8>, number: u32, bytes: u64) {
    put_uvarint(out, PART);
    put_uvarint(out, u64::from(number));
    put_uvarint(out, bytes);
}

/// Hands on the items of a payload. `None` where it does not read to its end; what was read before
/// was handed on.
pub(crate) fn read(payload: &[u8], each: &mut dyn FnMut(Item<'_>)) -> Option<()> {
    let mut r = Reader::new(payload);
    while !r.is_empty() {
        let kind = r.uvarint()?;
        each(match kind {
            DEFINE => Item::Define {
                stream: number(&mut r)?,
                labels: Labels::from_packed(r.text()?)?,
            },
            LINES => {
                let (stream, first) = (number(&mut r)?, r.uvarint()?);
                let mut lines = Buffer::default();
                lines.read_columns(&mut r)?;
                let bytes = lines.ends.last().copied().unwrap_or(0);
                lines.bytes.extend_from_slice(r.bytes(bytes as usize)?);
                Item::Lines {
                    stream,
                    first,
                    lines,
                }
            }
            CUT => Item::Cut {
                stream: number(&mut r)?,
                before: r.uvarint()?,
            },
            POSITION => {
                let source = r.text()?;
                let len = usize::try_from(r.uvarint()?).ok()?;
                let at = r.bytes(len)?;
                Item::Position { source, at }
            }
            FORGET => Item::Forget { source: r.text()? },
            PART => Item::Part {
                number: number(&mut r)?,
                bytes: r.uvarint()?,
            },
            _ => return None,
        });
    }
    Some(())
}

fn number(r: &mut Reader<'_>) -> Option<u32> {
    u32::try_from(r.uvarint()?).ok()
}
