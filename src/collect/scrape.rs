//! Scraping: one task per target, none of which can harm another.
//!
//! [`plan`] makes targets out of what discovery found; [`director`] starts, keeps and ends their
//! loops as configuration and files change; [`target_loop`] is the life of one target; [`fetch`]
//! asks it; [`ingest`] turns the answer into samples, through a [`cache`] that knows each series by
//! its text; [`trial`] scrapes once for a person who wonders whether to add a target, and [`added`]
//! writes it down. Parsing and storing run on the pool for what may block, at most
//! [`INGESTING`] at a time.

pub mod added;
pub(crate) mod cache;
pub mod director;
pub(crate) mod fetch;
pub mod ingest;
pub mod plan;
pub(crate) mod target_loop;
pub(crate) mod trial;

/// Bodies that are parsed at the same time.
pub(crate) const INGESTING: usize = 2;
