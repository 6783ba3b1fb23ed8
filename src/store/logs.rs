//! Streams and their lines.
//!
//! A line lives in two places one after the other: in a buffer of its stream in the head
//! ([`buffer`]), with its bytes in the log ([`record`]) as soon as they are committed, and in a
//! block. Start with [`logdb`].

pub(crate) mod arrivals;
pub(crate) mod block;
pub(crate) mod buffer;
pub(crate) mod gram;
pub(crate) mod head;
pub(crate) mod logdb;
pub(crate) mod merge;
pub(crate) mod part;
pub(crate) mod record;
pub(crate) mod select;
pub(crate) mod shrink;
