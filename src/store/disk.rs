//! What every kind of data shares on the disk: the write-ahead log, its records, the directory.

pub(crate) mod bytes;
pub(crate) mod cache;
pub(crate) mod record;
pub(crate) mod sealed;
pub(crate) mod wal;
