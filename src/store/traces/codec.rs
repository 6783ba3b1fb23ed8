//! Many spans as two pieces of bytes: the texts, each once, and everything else in four columns.
//!
//! A batch in the log, a batch in the head and a group of a block are all this. What is alike stands
//! together (identifiers, shapes, times, values), which is what makes it pack well. Layout:
//! `docs/format/traces.md`. Nothing read is trusted: lengths, indices and depth are bounded.

mod look;
mod read;
mod write;

pub(crate) use look::may_hold;
pub(crate) use read::{decode, texts};
pub(crate) use write::{encode, encode_refs};

/// Spans as bytes, not yet packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// The distinct texts.
    pub(crate) texts: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// Lists in lists that are written or believed.
const MAX_DEPTH: u32 = 16;

/// Tags of values.
mod tag {
    pub(super) const TEXT: u64 = 0;
    pub(super) const TRUE: u64 = 1;
    pub(super) const FALSE: u64 = 2;
    pub(super) const INT: u64 = 3;
    pub(super) const FLOAT: u64 = 4;
    pub(super) const BYTES: u64 = 5;
    pub(super) const LIST: u64 = 6;
    pub(super) const MAP: u64 = 7;
}

/// How the parent of a span is told.
mod parent {
    pub(super) const NONE: u64 = 0;
    /// Its identifier follows: it is not among the spans of its trace here.
    pub(super) const ELSEWHERE: u64 = 1;
    /// From here on: 2 plus its place among the spans of its trace.
    pub(super) const HERE: u64 = 2;
}

#[cfg(test)]
mod tests;
