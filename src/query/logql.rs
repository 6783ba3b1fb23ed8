//! LogQL: text to tree, tree to text, tree to answer.
//!
//! `parse` reads the whole language; [`check`] builds its stages as well. Errors carry Loki's words
//! where its users know them, with the line and column of what is to blame. Start with [`ast`] for
//! the tree, with [`eval`] for the way a query is answered, and with `stage` for what happens to a
//! line.

mod ask;
pub mod ast;
pub mod eval;
mod lex;
mod literal;
mod parse;
mod print;
mod stage;
pub mod words;

pub use ast::Expr;
pub use eval::check;
pub use parse::{MAX_DEPTH, MAX_QUERY, ParseError, parse};
pub(crate) use stage::{add_functions, fields, fits_one, plain};
