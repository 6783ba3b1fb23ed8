//! Tokens to tree.
//!
//! What stands between pipes may be spansets, a number or series; which, is known when it has been
//! read. So one function reads a [`node::Node`] of any of them, and the operators say what may be
//! combined. Bounds: [`MAX_QUERY`] bytes, [`MAX_DEPTH`] levels.

mod expr;
mod metrics;
mod node;

use crate::query::parser;
use crate::query::promql::ast::Span;
use crate::query::traceql::ast::{Body, Query, Static};
use crate::query::traceql::check;
use crate::query::traceql::lex::{self, Kind};

/// Bytes of query that are accepted.
pub const MAX_QUERY: usize = 128 << 10;
/// Levels of nesting that are accepted; the evaluator descends as deep.
const MAX_DEPTH: u16 = 100;

/// Why a text is no query, or none that is answered, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ParseError {
    pub message: String,
    pub span: Span,
    /// Both from 1; columns in characters.
    pub line: usize,
    pub column: usize,
    /// The text is a query, but of a kind that is not evaluated.
    pub unsupported: bool,
}

impl ParseError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span,
            line: 1,
            column: span.start + 1,
            unsupported: false,
        }
    }

    /// A fault of the whole query.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self::new(Span::new(0, 0), message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self {
            unsupported: true,
            ..Self::whole(message)
        }
    }

    fn placed(mut self, text: &str) -> Self {
        (self.line, self.column) = self.span.place(text);
        self
    }
}

pub(crate) type Parsed<T> = Result<T, ParseError>;

/// Reads a query and checks its types.
pub fn parse(text: &str) -> Result<Query, ParseError> {
    let read = || {
        if text.len() > MAX_QUERY {
            let len = text.len();
            return Err(ParseError::whole(format!(
                "the query has {len} bytes; at most {MAX_QUERY} are accepted"
            )));
        }
        let mut parser = Parser::new(text, lex::tokens(text)?);
        let query = parser.query()?;
        check::query(&query)?;
        Ok(query)
    };
    read().map_err(|e: ParseError| e.placed(text))
}

pub(crate) type Parser<'t> = parser::Parser<'t, Kind>;

impl Parser<'_> {
    fn query(&mut self) -> Parsed<Query> {
        let start = self.peek().span;
        let node = self.pipeline()?;
        let body = match node {
            node::Node::Spans(pipeline) => Body::Spans(pipeline),
            node::Node::Metrics(metrics) => Body::Metrics(metrics),
            node::Node::Pipelines(p) if node::is_comparison(&p) => Body::Pipelines(p),
            _ => {
                return Err(ParseError::new(
                    start,
                    "a number is no query: compare it, as in `{ } | count() > 2`",
                ));
            }
        };
        let hints = self.hints()?;
        if self.peek().kind != Kind::End {
            return Err(self.unexpected("the query could end here"));
        }
        Ok(Query { body, hints })
    }

    /// `with(name=value, ...)`
    fn hints(&mut self) -> Parsed<Vec<(String, Static)>> {
        let mut hints = Vec::new();
        if !self.take_word("with") {
            return Ok(hints);
        }
        self.expect("(")?;
        loop {
            let token = self.advance();
            let name = self.word(&token).to_owned();
            if token.kind != Kind::Word {
                return Err(ParseError::new(
                    token.span,
                    "the name of a hint belongs here",
                ));
            }
            self.expect("=")?;
            hints.push((name, self.static_value()?));
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(hints)
    }

    fn is_word(&self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Word && self.word(&token) == word
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.step_if(found)
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.eat(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{sign}` belongs here")))
    }

    fn unexpected(&self, instead: &str) -> ParseError {
        let token = self.peek();
        let what = match token.kind {
            Kind::End => "the end of the query".to_owned(),
            _ => format!("{:?}", self.word(&token)),
        };
        ParseError::new(token.span, format!("unexpected {what}: {instead}"))
    }

    /// Runs `read` one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let refuse = |span| {
            let why = format!("the query is nested deeper than {MAX_DEPTH} levels");
            ParseError::new(span, why)
        };
        self.descend(MAX_DEPTH, refuse, read)
    }
}
