//! TraceQL: text to tree, tree to text, tree to traces and to series.
//!
//! Grammar and meaning are those of Tempo's documentation; what it reads but does not evaluate
//! (`parent.`, comparisons between aggregates of pipelines) is refused by name. Start with [`ast`]
//! for the tree, [`eval`] for spans, [`metrics`] for series.

pub mod ast;
mod check;
pub mod eval;
pub(crate) mod lex;
pub mod metrics;
mod parse;
mod print;
pub mod relate;
pub mod report;
pub mod search;
pub mod value;

pub use ast::Query;
pub use parse::{MAX_QUERY, ParseError, parse};
