//! Series and their samples.
//!
//! A sample lives in three places one after the other: as a token of a series' open chunk
//! ([`stream`]) and of the log ([`journal`]), in a closed chunk of the head ([`chunk`]), and in a
//! block. Start with [`head`].

pub(crate) mod block;
pub(crate) mod blocks;
pub(crate) mod chunk;
pub(crate) mod head;
pub(crate) mod ints;
pub(crate) mod journal;
pub(crate) mod matching;
pub(crate) mod merge;
pub(crate) mod stream;
pub(crate) mod symbols;
pub(crate) mod tsdb;
