//! Subcommands, one file each.

pub(crate) mod alerts;
pub(crate) mod check;
pub(crate) mod console;
pub(crate) mod demo;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod logs;
pub(crate) mod query;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod test_rules;
pub(crate) mod traces;
