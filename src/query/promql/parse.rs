//! Tokens to tree: precedence climbing, one function per form of the grammar.
//!
//! Bounds: [`MAX_QUERY`] bytes, [`MAX_DEPTH`] levels. Error texts are those of Prometheus where its
//! users know them.

mod binary;
mod duration;
mod selector;

use crate::query::parser;
use crate::query::promql::ast::{Aggregate, Aggregator, Call, Expr, Kind, Number, Sign, Span};
use crate::query::promql::check;
use crate::query::promql::functions;
use crate::query::promql::lex::{self, Token};
use crate::query::promql::literal;

/// Bytes of query that are accepted.
pub const MAX_QUERY: usize = 256 << 10;
/// Levels of nesting that are accepted; the evaluator descends as deep.
pub const MAX_DEPTH: u16 = 100;

/// Why a text is no query, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: parse error: {message}")]
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

/// Reads one expression and checks its types.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let expr = parse_unchecked(text)?;
    check::types(&expr).map_err(|e| e.placed(text))?;
    Ok(expr)
}

/// Reads one expression as the grammar allows it.
pub(crate) fn parse_unchecked(text: &str) -> Result<Expr, ParseError> {
    let parsed = || {
        if text.len() > MAX_QUERY {
            let why = format!(
                "the query has {} bytes; at most {MAX_QUERY} are accepted",
                text.len()
            );
            return Err(ParseError::new(Span::new(0, 0), why));
        }
        let tokens = lex::tokens(text).map_err(|(_, e)| e)?;
        let spoken = |t: &Token| t.kind != lex::Kind::Comment;
        let mut parser = Parser::new(text, tokens.into_iter().filter(spoken).collect());
        if parser.peek().kind == lex::Kind::End {
            return Err(ParseError::new(
                parser.peek().span,
                "no expression found in input",
            ));
        }
        let expr = parser.expr(0)?;
        if parser.peek().kind != lex::Kind::End {
            return Err(parser.unexpected(""));
        }
        Ok(expr)
    };
    parsed().map_err(|e| e.placed(text))
}

pub(crate) type Parser<'t> = parser::Parser<'t, lex::Kind>;

type Parsed<T> = Result<T, ParseError>;

impl Parser<'_> {
    fn expect(&mut self, sign: &str, context: &str) -> Parsed<Token> {
        if self.is_sign(sign) {
            return Ok(self.advance());
        }
        Err(self.unexpected_want(context, &format!("{sign:?}")))
    }

    fn unexpected(&self, context: &str) -> ParseError {
        self.unexpected_want(context, "")
    }

    /// `unexpected X in CONTEXT, expected Y`, as Prometheus says it.
    fn unexpected_want(&self, context: &str, want: &str) -> ParseError {
        let token = self.peek();
        let what = match token.kind {
            lex::Kind::End => "end of input".to_owned(),
            lex::Kind::Word | lex::Kind::Colons => format!("identifier {:?}", self.word(&token)),
            lex::Kind::Number => format!("number {:?}", self.word(&token)),
            lex::Kind::Duration => format!("duration {:?}", self.word(&token)),
            lex::Kind::Text => format!("string {}", self.word(&token)),
            lex::Kind::Sign | lex::Kind::Comment => format!("{:?}", self.word(&token)),
        };
        let mut message = format!("unexpected {what}");
        if !context.is_empty() {
            message.push_str(&format!(" in {context}"));
        }
        if !want.is_empty() {
            message.push_str(&format!(", expected {want}"));
        }
        ParseError::new(token.span, message)
    }

    /// A node; refuses what nests too deep.
    fn node(kind: Kind, span: Span) -> Parsed<Expr> {
        let mut expr = Expr {
            kind,
            span,
            depth: 0,
            fixed: false,
        };
        let deepest = expr.children().iter().map(|c| c.depth).max();
        expr.depth = deepest.map_or(1, |d| d + 1);
        if expr.depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        expr.fixed = check::is_fixed(&expr);
        Ok(expr)
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.descend(MAX_DEPTH, too_deep, inner)
    }

    /// One operand: a sign and what it binds, or a primary with its postfix forms.
    fn unary(&mut self) -> Parsed<Expr> {
        let sign = match () {
            () if self.is_sign("-") => Sign::Minus,
            () if self.is_sign("+") => Sign::Plus,
            () => return self.postfix(),
        };
        let start = self.advance().span;
        // A sign binds like `*`: `-2^2` is `-(2^2)`, `-a*b` is `(-a)*b`.
        let expr = self.deeper(|p| p.expr(6))?;
        let span = start.to(expr.span);
        if let Kind::Number(n) = &expr.kind {
            let value = if sign == Sign::Minus {
                -n.value
            } else {
                n.value
            };
            let number = Number {
                value,
                duration: n.duration,
            };
            return Self::node(Kind::Number(number), span);
        }
        Self::node(Kind::Unary(sign, Box::new(expr)), span)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.peek();
        match token.kind {
            lex::Kind::Number | lex::Kind::Duration => {
                self.at += 1;
                let number = self.number(token)?;
                Self::node(Kind::Number(number), token.span)
            }
            lex::Kind::Text => {
                self.at += 1;
                let text = self.unquoted(token)?;
                Self::node(Kind::Text(text), token.span)
            }
            lex::Kind::Colons => self.selector(),
            lex::Kind::Word => self.worded(token),
            lex::Kind::Sign if self.is_sign("(") => {
                self.at += 1;
                let inner = self.deeper(|p| p.expr(0))?;
                let end = self.expect(")", "paren expression")?;
                Self::node(Kind::Paren(Box::new(inner)), token.span.to(end.span))
            }
            lex::Kind::Sign if self.is_sign("{") => self.selector(),
            _ => Err(self.unexpected("")),
        }
    }

    /// A word at the place of an operand: number, aggregation, call or metric.
    fn worded(&mut self, token: Token) -> Parsed<Expr> {
        let word = self.word(&token);
        if let Some(value) = literal::number(word) {
            self.at += 1;
            let number = Number {
                value,
                duration: false,
            };
            return Self::node(Kind::Number(number), token.span);
        }
        let second = self.peek_second();
        let called = second.kind == lex::Kind::Sign && self.word(&second) == "(";
        let clause = second.kind == lex::Kind::Word
            && ["by", "without"]
                .iter()
                .any(|k| self.word(&second).eq_ignore_ascii_case(k));
        if let Some(op) = Aggregator::find(word)
            && (called || clause)
        {
            return self.aggregate(op);
        }
        if called {
            return self.call();
        }
        const NEVER_METRICS: [&str; 6] = [
            "on",
            "ignoring",
            "bool",
            "group_left",
            "group_right",
            "atan2",
        ];
        if NEVER_METRICS.iter().any(|k| word.eq_ignore_ascii_case(k)) {
            return Err(self.unexpected(""));
        }
        self.selector()
    }

    fn number(&self, token: Token) -> Parsed<Number> {
        let word = self.word(&token);
        let read = match token.kind {
            lex::Kind::Duration => literal::duration_ms(word).map(|ms| Number {
                value: ms as f64 / 1000.0,
                duration: true,
            }),
            _ => literal::number(word).map(|value| Number {
                value,
                duration: false,
            }),
        };
        read.ok_or_else(|| ParseError::new(token.span, format!("error parsing number: {word:?}")))
    }

    fn unquoted(&self, token: Token) -> Parsed<String> {
        literal::unquote(self.word(&token)).map_err(|why| ParseError::new(token.span, why))
    }

    fn call(&mut self) -> Parsed<Expr> {
        let name = self.advance();
        let Some(function) = functions::find(self.word(&name)) else {
            let why = functions::unknown(self.word(&name));
            return Err(ParseError::new(name.span, why));
        };
        let args = self.arguments("function call")?;
        let span = name.span.to(self.last_span());
        Self::node(Kind::Call(Call { function, args }), span)
    }

    fn arguments(&mut self, context: &str) -> Parsed<Vec<Expr>> {
        self.expect("(", context)?;
        let mut args = Vec::new();
        if self.eat(")") {
            return Ok(args);
        }
        loop {
            args.push(self.deeper(|p| p.expr(0))?);
            if self.eat(")") {
                return Ok(args);
            }
            self.expect(",", context)?;
            if self.is_sign(")") {
                let why = "trailing commas not allowed in function call args";
                return Err(ParseError::new(self.peek().span, why));
            }
        }
    }

    fn aggregate(&mut self, op: Aggregator) -> Parsed<Expr> {
        let name = self.advance();
        let mut clause = self.grouping_clause()?;
        let mut args = self.arguments("aggregation")?;
        if clause.is_none() {
            clause = self.grouping_clause()?;
        }
        let (without, grouping) = clause.unwrap_or((false, Vec::new()));
        let span = name.span.to(self.last_span());
        let want = 1 + usize::from(op.has_param());
        if args.is_empty() {
            let why = "no arguments for aggregate expression provided";
            return Err(ParseError::new(span, why));
        }
        if args.len() != want {
            let why = format!(
                "wrong number of arguments for aggregate expression provided, expected {want}, got {}",
                args.len()
            );
            return Err(ParseError::new(span, why));
        }
        let Some(expr) = args.pop() else {
            return Err(self.unexpected("aggregation"));
        };
        let aggregate = Aggregate {
            op,
            param: args.pop(),
            expr,
            without,
            grouping,
        };
        Self::node(Kind::Aggregate(Box::new(aggregate)), span)
    }

    /// `by (..)` or `without (..)`; true is without.
    fn grouping_clause(&mut self) -> Parsed<Option<(bool, Vec<String>)>> {
        let without = match () {
            () if self.eat_keyword("by") => false,
            () if self.eat_keyword("without") => true,
            () => return Ok(None),
        };
        Ok(Some((without, self.label_list("grouping opts")?)))
    }

    /// `(a, b, "quoted")`, a trailing comma allowed.
    fn label_list(&mut self, context: &str) -> Parsed<Vec<String>> {
        self.expect("(", context)?;
        let mut labels = Vec::new();
        while !self.eat(")") {
            let token = self.peek();
            match token.kind {
                lex::Kind::Word => labels.push(self.word(&token).to_owned()),
                lex::Kind::Text => labels.push(self.unquoted(token)?),
                _ => return Err(self.unexpected_want(context, "label")),
            }
            self.at += 1;
            if !self.eat(",") && !self.is_sign(")") {
                return Err(self.unexpected_want(context, "\",\" or \")\""));
            }
        }
        Ok(labels)
    }
}

fn too_deep(span: Span) -> ParseError {
    let why = format!("the expression nests deeper than {MAX_DEPTH} levels; split it");
    ParseError::new(span, why)
}

#[cfg(test)]
mod tests;
