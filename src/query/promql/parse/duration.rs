//! Durations in brackets and after `offset`: literals, and arithmetic over them (experimental).

use crate::query::promql::ast::{Duration, DurationExpr, Op, Span};
use crate::query::promql::lex;
use crate::query::promql::literal;
use crate::query::promql::parse::{ParseError, Parsed, Parser};

/// The longest duration: about 292 years, as in Go.
const MAX_SECONDS: f64 = 9.2e9;

impl Parser<'_> {
    /// Up to `]` or `:`.
    pub(crate) fn bracket_duration(&mut self) -> Parsed<Duration> {
        let start = self.peek().span;
        let expr = self.duration_expr(0)?;
        fold(expr, start.to(self.last_span()), true)
    }

    /// After `offset`: a signed literal or call; arithmetic needs parentheses, since `foo offset
    /// 5m - 1` subtracts from foo.
    pub(crate) fn offset_duration(&mut self) -> Parsed<Duration> {
        let start = self.peek().span;
        let expr = self.duration_unary()?;
        fold(expr, start.to(self.last_span()), false)
    }

    fn duration_expr(&mut self, least: u8) -> Parsed<DurationExpr> {
        let mut lhs = self.duration_unary()?;
        loop {
            let token = self.peek();
            let found = Op::ALL
                .iter()
                .find(|(_, text, strength)| {
                    token.kind == lex::Kind::Sign && self.word(&token) == *text && *strength >= 4
                })
                .copied();
            let Some((op, _, strength)) = found else {
                return Ok(lhs);
            };
            if strength < least {
                return Ok(lhs);
            }
            self.at += 1;
            let next = if op == Op::Pow {
                strength
            } else {
                strength + 1
            };
            let rhs = self.deeper(|p| p.duration_expr(next))?;
            lhs = DurationExpr::Binary(op, Box::new(lhs), Box::new(rhs));
        }
    }

    fn duration_unary(&mut self) -> Parsed<DurationExpr> {
        if self.eat("-") {
            let inner = self.deeper(Self::duration_unary)?;
            return Ok(DurationExpr::Minus(Box::new(inner)));
        }
        if self.eat("+") {
            let inner = self.deeper(Self::duration_unary)?;
            return Ok(DurationExpr::Plus(Box::new(inner)));
        }
        self.duration_primary()
    }

    fn duration_primary(&mut self) -> Parsed<DurationExpr> {
        let token = self.peek();
        match token.kind {
            lex::Kind::Number | lex::Kind::Duration => {
                self.at += 1;
                Ok(DurationExpr::Number(self.number(token)?))
            }
            lex::Kind::Sign if self.is_sign("(") => {
                self.at += 1;
                let inner = self.deeper(|p| p.duration_expr(0))?;
                self.expect(")", "duration expression")?;
                Ok(DurationExpr::Paren(Box::new(inner)))
            }
            lex::Kind::Word => self.duration_call(),
            _ => Err(self.unexpected_want("", "number, duration, step(), or range()")),
        }
    }

    fn duration_call(&mut self) -> Parsed<DurationExpr> {
        let token = self.peek();
        let word = self.word(&token).to_ascii_lowercase();
        if literal::number(&word).is_some() {
            let why = "duration out of range";
            return Err(ParseError::new(token.span, why));
        }
        if !["step", "range", "min_of", "max_of"].contains(&word.as_str()) {
            return Err(self.unexpected_want("", "number, duration, step(), or range()"));
        }
        self.at += 1;
        self.expect("(", "duration expression")?;
        let call = match word.as_str() {
            "step" => DurationExpr::Step,
            "range" => DurationExpr::Range,
            _ => {
                let a = Box::new(self.deeper(|p| p.duration_expr(0))?);
                self.expect(",", "duration expression")?;
                let b = Box::new(self.deeper(|p| p.duration_expr(0))?);
                if word == "min_of" {
                    DurationExpr::MinOf(a, b)
                } else {
                    DurationExpr::MaxOf(a, b)
                }
            }
        };
        self.expect(")", "duration expression")?;
        Ok(call)
    }
}

/// Plain literals become milliseconds; arithmetic stays for the evaluator, who knows the step.
fn fold(expr: DurationExpr, span: Span, positive: bool) -> Parsed<Duration> {
    let seconds = match &expr {
        DurationExpr::Number(n) => n.value,
        DurationExpr::Minus(inner) => match inner.as_ref() {
            DurationExpr::Number(n) => -n.value,
            _ => return Ok(Duration::Computed(Box::new(expr))),
        },
        DurationExpr::Plus(inner) => match inner.as_ref() {
            DurationExpr::Number(n) => n.value,
            _ => return Ok(Duration::Computed(Box::new(expr))),
        },
        _ => return Ok(Duration::Computed(Box::new(expr))),
    };
    if !seconds.is_finite() || seconds.abs() > MAX_SECONDS {
        return Err(ParseError::new(span, "duration out of range"));
    }
    if positive && seconds <= 0.0 {
        return Err(ParseError::new(span, "duration must be greater than 0"));
    }
    Ok(Duration::Fixed((seconds * 1000.0).round() as i64))
}
