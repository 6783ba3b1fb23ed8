//! PromQL: text to tree, tree to text, tree to answer.
//!
//! `parse` reads the whole language of Prometheus 3, experimental forms included; what is read
//! but not evaluated is refused by name when the query is run. Start with [`ast`] for the tree and
//! [`eval`] for the way a query is answered.

pub mod ast;
mod check;
pub mod eval;
pub mod functions;
pub mod known;
pub(crate) mod lex;
pub mod literal;
mod parse;
mod print;
pub mod series;

pub use ast::{Expr, Span};
pub use check::experimental;
pub use parse::{MAX_DEPTH, MAX_QUERY, ParseError, parse};
pub use print::selector_text;
