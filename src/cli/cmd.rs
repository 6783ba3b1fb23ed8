//! Subcommands, one file each.

pub(crate) mod console;
pub(crate) mod query;
pub(crate) mod serve;
pub(crate) mod status;
