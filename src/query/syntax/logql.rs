//! The same of LogQL.

use crate::query::logql;
use crate::query::syntax::Fault;

impl From<logql::ParseError> for Fault {
    fn from(e: logql::ParseError) -> Self {
        Self {
            message: e.message,
            span: e.span,
            line: e.line,
            column: e.column,
        }
    }
}

/// The query on one line; the error has Loki's form and words.
pub fn format(text: &str) -> Result<String, logql::ParseError> {
    Ok(logql::parse(text)?.to_string())
}
