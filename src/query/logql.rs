//! LogQL: text to tree, tree to text.
//!
//! `parse` reads the whole language. Errors carry Loki's words where its users know them, with the
//! line and column of what is to blame. Start with [`ast`] for the tree.

pub mod ast;
mod lex;
mod literal;
mod parse;
mod print;

pub use ast::Expr;
pub use parse::{MAX_DEPTH, MAX_QUERY, ParseError, parse};
