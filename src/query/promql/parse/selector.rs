//! Selectors, and the postfix forms: brackets, `offset`, `@`, `anchored`, `smoothed`.

use crate::model::labels::METRIC_NAME;
use crate::model::matcher::{MatchOp, Matcher};
use crate::query::promql::ast::{
    At, Expr, Extended, Kind, RangeSelector, Selector, Span, Subquery, When,
};
use crate::query::promql::lex;
use crate::query::promql::literal;
use crate::query::promql::parse::{ParseError, Parsed, Parser};

/// Regular expressions of one query: each may take a mebibyte once it is compiled.
const MAX_REGEXES: u32 = 100;

impl Parser<'_> {
    /// `name`, `name{..}` or `{..}`.
    pub(crate) fn selector(&mut self) -> Parsed<Expr> {
        let start = self.peek().span;
        let mut selector = Selector {
            name: String::new(),
            matchers: Vec::new(),
            when: When::default(),
            extended: None,
        };
        if !self.is_sign("{") {
            let name = self.advance();
            self.word(&name).clone_into(&mut selector.name);
            selector
                .matchers
                .push(Matcher::equal(METRIC_NAME, selector.name.as_str()));
        }
        if self.eat("{") {
            while !self.eat("}") {
                self.matcher(&mut selector)?;
                if !self.eat(",") && !self.is_sign("}") {
                    return Err(self.unexpected_want("label matching", "\",\" or \"}\""));
                }
            }
        }
        let span = start.to(self.last_span());
        Self::node(Kind::Selector(selector), span)
    }

    /// `label op "value"`, or a quoted metric name alone.
    fn matcher(&mut self, selector: &mut Selector) -> Parsed<()> {
        let token = self.peek();
        let name = match token.kind {
            lex::Kind::Word => self.word(&token).to_owned(),
            lex::Kind::Text => self.unquoted(token)?,
            _ => return Err(self.unexpected_want("label matching", "identifier or \"}\"")),
        };
        self.at += 1;
        if token.kind == lex::Kind::Text && (self.is_sign(",") || self.is_sign("}")) {
            if !selector.name.is_empty() {
                let why = format!(
                    "metric name must not be set twice: {:?} or {name:?}",
                    selector.name
                );
                return Err(ParseError::new(token.span, why));
            }
            selector
                .matchers
                .insert(0, Matcher::equal(METRIC_NAME, name.as_str()));
            selector.name = name;
            return Ok(());
        }
        let op = match self.word(&self.peek()) {
            "=" => MatchOp::Equal,
            "!=" => MatchOp::NotEqual,
            "=~" => MatchOp::Regex,
            "!~" => MatchOp::NotRegex,
            _ => return Err(self.unexpected_want("label matching", "label matching operator")),
        };
        self.at += 1;
        let value_token = self.peek();
        if value_token.kind != lex::Kind::Text {
            return Err(self.unexpected_want("label matching", "string"));
        }
        self.at += 1;
        let value = self.unquoted(value_token)?;
        let is_regex = matches!(op, MatchOp::Regex | MatchOp::NotRegex);
        if is_regex && !self.count_part(MAX_REGEXES) {
            let why = format!("more than {MAX_REGEXES} regular expressions in one query");
            return Err(ParseError::new(value_token.span, why));
        }
        let matcher = Matcher::new(name, op, value)
            .map_err(|e| ParseError::new(token.span.to(value_token.span), e.to_string()))?;
        selector.matchers.push(matcher);
        Ok(())
    }

    /// A primary and what follows it.
    pub(crate) fn postfix(&mut self) -> Parsed<Expr> {
        let mut expr = self.primary()?;
        loop {
            let token = self.peek();
            if self.is_sign("[") {
                expr = self.bracket(expr)?;
            } else if self.is_sign("@") {
                self.at += 1;
                let at = self.at_time()?;
                expr = self.set_at(expr, at, token.span)?;
            } else if self.is_keyword("offset") {
                self.at += 1;
                let offset = self.offset_duration()?;
                let span = token.span;
                let end = self.last_span();
                let when = when_of(&mut expr).ok_or_else(|| not_preceded("offset", span))?;
                if when.offset.replace(offset).is_some() {
                    return Err(ParseError::new(
                        span,
                        "offset may not be set multiple times",
                    ));
                }
                expr = Self::node(expr.kind, expr.span.to(end))?;
            } else if self.is_keyword("anchored") || self.is_keyword("smoothed") {
                self.at += 1;
                expr = self.extend(expr, token.span)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn extend(&mut self, mut expr: Expr, span: Span) -> Parsed<Expr> {
        let word = self.text[span.start..span.end].to_ascii_lowercase();
        let extended = if word == "anchored" {
            Extended::Anchored
        } else {
            Extended::Smoothed
        };
        let selector = match &mut expr.kind {
            Kind::Selector(s) => s,
            Kind::Range(r) => &mut r.selector,
            _ => {
                let why = format!("{word} modifier must be preceded by a selector");
                return Err(ParseError::new(span, why));
            }
        };
        if selector.extended.replace(extended).is_some() {
            let why = "anchored and smoothed may not be set multiple times";
            return Err(ParseError::new(span, why));
        }
        Self::node(expr.kind, expr.span.to(span))
    }

    fn set_at(&mut self, mut expr: Expr, at: At, span: Span) -> Parsed<Expr> {
        let when = when_of(&mut expr).ok_or_else(|| not_preceded("@", span))?;
        if when.at.replace(at).is_some() {
            let why = "@ <timestamp> may not be set multiple times";
            return Err(ParseError::new(span, why));
        }
        let end = self.last_span();
        Self::node(expr.kind, expr.span.to(end))
    }

    /// `1234.5`, `start()`, `end()`.
    fn at_time(&mut self) -> Parsed<At> {
        let token = self.peek();
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.eat_keyword(word) {
                self.expect("(", "@ modifier")?;
                self.expect(")", "@ modifier")?;
                return Ok(at);
            }
        }
        let seconds = self.signed_number()?.value;
        if !seconds.is_finite() || seconds.abs() * 1000.0 >= 9.2e18 {
            let shown = literal::format_number(seconds);
            let why = format!("timestamp out of bounds for @ modifier: {shown}");
            return Err(ParseError::new(token.span, why));
        }
        Ok(At::Time((seconds * 1000.0).round() as i64))
    }

    /// `[range]` after a selector, `[range:step]` after anything.
    fn bracket(&mut self, expr: Expr) -> Parsed<Expr> {
        let open = self.advance().span;
        let range = self.bracket_duration()?;
        if self.eat(":") {
            let step = if self.is_sign("]") {
                None
            } else {
                Some(self.bracket_duration()?)
            };
            let end = self.expect("]", "subquery selector")?.span;
            let span = expr.span.to(end);
            let subquery = Subquery {
                expr,
                range,
                step,
                when: When::default(),
            };
            return Self::node(Kind::Subquery(Box::new(subquery)), span);
        }
        let end = self.expect("]", "subquery or range selector")?.span;
        let (inner, span) = (expr.span, expr.span.to(end));
        let Kind::Selector(selector) = expr.kind else {
            let why = "ranges only allowed for vector selectors";
            return Err(ParseError::new(open.to(end), why));
        };
        if selector.when.offset.is_some() {
            let why = "no offset modifiers allowed before range";
            return Err(ParseError::new(open.to(end), why));
        }
        if selector.when.at.is_some() {
            let why = "no @ modifiers allowed before range";
            return Err(ParseError::new(open.to(end), why));
        }
        let range = RangeSelector {
            selector,
            inner,
            range,
        };
        Self::node(Kind::Range(range), span)
    }
}

fn when_of(expr: &mut Expr) -> Option<&mut When> {
    match &mut expr.kind {
        Kind::Selector(s) => Some(&mut s.when),
        Kind::Range(r) => Some(&mut r.selector.when),
        Kind::Subquery(s) => Some(&mut s.when),
        _ => None,
    }
}

fn not_preceded(word: &str, span: Span) -> ParseError {
    let why = format!(
        "{word} modifier must be preceded by an instant vector selector or range vector selector or a subquery"
    );
    ParseError::new(span, why)
}
