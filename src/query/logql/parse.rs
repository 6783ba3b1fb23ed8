//! Tokens to tree: precedence climbing, one function for each form of the grammar.
//!
//! Bounds: [`MAX_QUERY`] bytes, [`MAX_DEPTH`] levels, the latter also for chains of operators.
//! Error texts are those of Loki where its users know them.

mod metric;
mod stage;

use crate::base::regex::RegexError;
use crate::model::matcher::{MatchOp, Matcher};
use crate::query::logql::ast::{EVERY, Expr, Log};
use crate::query::logql::lex::{self, Kind};
use crate::query::parser;
use crate::query::promql::ast::Span;
use crate::query::promql::literal::unquote;

/// Bytes of query that are accepted.
pub const MAX_QUERY: usize = 128 << 10;
/// Levels of nesting that are accepted; the evaluator descends as deep.
pub const MAX_DEPTH: u16 = 100;
/// Operators, stages and filters in one query.
const MAX_PARTS: u32 = 1000;

/// Why a text is no query, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parse error at line {line}, col {column}: {message}")]
pub struct ParseError {
    pub message: String,
    pub span: Span,
    /// Both from 1; columns in characters.
    pub line: usize,
    pub column: usize,
}

impl ParseError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span,
            line: 1,
            column: span.start + 1,
        }
    }

    pub(crate) fn placed(mut self, text: &str) -> Self {
        (self.line, self.column) = self.span.place(text);
        self
    }
}

/// Reads one query and checks what the grammar alone does not say.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let parsed = || {
        if text.len() > MAX_QUERY {
            let why = format!(
                "the query has {} bytes; at most {MAX_QUERY} are accepted",
                text.len()
            );
            return Err(ParseError::new(Span::new(0, 0), why));
        }
        let mut parser = Parser::new(text, lex::tokens(text)?);
        let expr = parser.expr(0)?;
        if parser.peek().kind != Kind::End {
            return Err(parser.unexpected(""));
        }
        Ok(expr)
    };
    parsed().map_err(|e| e.placed(text))
}

type Parser<'t> = parser::Parser<'t, Kind>;

type Parsed<T> = Result<T, ParseError>;

impl Parser<'_> {
    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.eat(sign) {
            return Ok(());
        }
        Err(self.unexpected(sign))
    }

    /// The keyword with an opening bracket behind it.
    fn is_call(&self, keyword: &str) -> bool {
        let second = self.peek_second();
        self.is_keyword(keyword) && second.kind == Kind::Sign && self.word(&second) == "("
    }

    /// `syntax error: unexpected X, expecting Y`, in the words of Loki's grammar.
    fn unexpected(&self, want: &str) -> ParseError {
        let token = self.peek();
        let word = self.word(&token);
        let called = self.peek_second().kind == Kind::Sign && self.word(&self.peek_second()) == "(";
        let what = match token.kind {
            Kind::End => "$end",
            Kind::Word if is_reserved(word, called) => word,
            Kind::Word => "IDENTIFIER",
            Kind::Text => "STRING",
            Kind::Number => "NUMBER",
            Kind::Duration(_) => "DURATION",
            Kind::Bytes(_) => "BYTES",
            Kind::Range(_) => "RANGE",
            Kind::Flag => "PARSER_FLAG",
            Kind::Sign => word,
        };
        let mut message = format!("syntax error: unexpected {what}");
        if !want.is_empty() {
            message.push_str(&format!(", expecting {want}"));
        }
        ParseError::new(token.span, message)
    }

    /// Counts what a hostile query could repeat without end.
    fn part(&mut self) -> Parsed<()> {
        if !self.count_part(MAX_PARTS) {
            let why = format!("the query has more than {MAX_PARTS} parts; split it");
            return Err(ParseError::new(self.peek().span, why));
        }
        Ok(())
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let refuse = |span| {
            let why = format!("the expression nests deeper than {MAX_DEPTH} levels; split it");
            ParseError::new(span, why)
        };
        self.descend(MAX_DEPTH, refuse, inner)
    }

    fn name(&mut self) -> Parsed<String> {
        let token = self.peek();
        if token.kind != Kind::Word {
            return Err(self.unexpected("IDENTIFIER"));
        }
        self.at += 1;
        Ok(self.word(&token).to_owned())
    }

    fn string(&mut self) -> Parsed<String> {
        let token = self.peek();
        if token.kind != Kind::Text {
            return Err(self.unexpected("STRING"));
        }
        self.at += 1;
        unquote(self.word(&token)).map_err(|why| ParseError::new(token.span, why))
    }

    /// `selector [pipeline]`
    fn log(&mut self) -> Parsed<Log> {
        let start = self.peek().span;
        let matchers = self.selector()?;
        let mut stages = Vec::new();
        while self.at_stage() {
            stages.push(self.stage()?);
        }
        Ok(Log {
            matchers,
            stages,
            span: start.to(self.last_span()),
        })
    }

    fn selector(&mut self) -> Parsed<Vec<Matcher>> {
        let start = self.peek().span;
        self.expect("{")?;
        let mut matchers = Vec::new();
        if !self.eat("}") {
            loop {
                self.part()?;
                let name = self.name()?;
                matchers.push(self.matcher(name)?);
                if self.eat("}") {
                    break;
                }
                if !self.eat(",") {
                    return Err(self.unexpected("} or ,"));
                }
            }
        }
        let every = matchers.iter().any(|m| m.name == EVERY);
        if !every && matchers.iter().all(Matcher::accepts_empty) {
            let why = "queries require at least one regexp or equality matcher that does not have \
                       an empty-compatible value. For instance, app=~\".*\" does not meet this \
                       requirement, but app=~\".+\" will";
            return Err(ParseError::new(start.to(self.last_span()), why));
        }
        Ok(matchers)
    }

    /// `op "value"` behind a name.
    fn matcher(&mut self, name: String) -> Parsed<Matcher> {
        let op = match () {
            () if self.eat("=") => MatchOp::Equal,
            () if self.eat("!=") => MatchOp::NotEqual,
            () if self.eat("=~") => MatchOp::Regex,
            () if self.eat("!~") => MatchOp::NotRegex,
            () => return Err(self.unexpected("= or != or =~ or !~")),
        };
        let at = self.peek().span;
        let value = self.string()?;
        Matcher::new(name, op, value).map_err(|e| ParseError::new(at, regex_said(&e)))
    }
}

/// In the words of Go's regexp package, as far as they are known.
pub(crate) fn regex_said(e: &RegexError) -> String {
    match e {
        RegexError::Bad { why, .. } => format!("error parsing regexp: {why}"),
        RegexError::TooLong { .. } => e.to_string(),
    }
}

/// Keywords have names of their own in error texts; those of functions only before a bracket.
fn is_reserved(word: &str, called: bool) -> bool {
    const ALWAYS: [&str; 22] = [
        "by",
        "without",
        "bool",
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "offset",
        "json",
        "logfmt",
        "regexp",
        "pattern",
        "unpack",
        "unwrap",
        "line_format",
        "label_format",
        "decolorize",
        "drop",
        "keep",
    ];
    let is = |name: &&str| word.eq_ignore_ascii_case(name);
    ALWAYS.iter().any(is) || (called && metric::is_function(word))
}
