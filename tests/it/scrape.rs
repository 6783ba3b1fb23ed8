//! Scraping, against servers of this process: good ones, and every kind of bad one.

mod bad_targets;
pub(crate) mod list;
mod server;
mod targets;
