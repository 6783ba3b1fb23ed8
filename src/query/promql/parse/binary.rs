//! Binary operators with their modifiers.

use crate::query::promql::ast::{Binary, Expr, Group, Kind, Matching, Number, Op};
use crate::query::promql::lex;
use crate::query::promql::literal;
use crate::query::promql::parse::{ParseError, Parsed, Parser};

impl Parser<'_> {
    /// An expression whose operators bind at least as tight as `least`.
    pub(crate) fn expr(&mut self, least: u8) -> Parsed<Expr> {
        let mut lhs = self.unary()?;
        while let Some((op, strength)) = self.operator() {
            if strength < least {
                break;
            }
            self.at += 1;
            let (returns_bool, matching) = self.modifiers()?;
            // `^` groups to the right, all others to the left.
            let next = if op == Op::Pow {
                strength
            } else {
                strength + 1
            };
            let rhs = self.deeper(|p| p.expr(next))?;
            let span = lhs.span.to(rhs.span);
            let binary = Binary {
                op,
                lhs,
                rhs,
                returns_bool,
                matching,
            };
            lhs = Self::node(Kind::Binary(Box::new(binary)), span)?;
        }
        Ok(lhs)
    }

    fn operator(&self) -> Option<(Op, u8)> {
        let token = self.peek();
        if !matches!(token.kind, lex::Kind::Sign | lex::Kind::Word) {
            return None;
        }
        let word = self.word(&token);
        Op::ALL
            .iter()
            .find(|(_, text, _)| word.eq_ignore_ascii_case(text))
            .map(|(op, _, strength)| (*op, *strength))
    }

    /// `bool`, `on (..)`, `group_left (..)`, `fill (..)`: what stands between operator and operand.
    fn modifiers(&mut self) -> Parsed<(bool, Matching)> {
        let returns_bool = self.eat_keyword("bool");
        let mut matching = Matching::default();
        let on = self.is_keyword("on");
        if on || self.is_keyword("ignoring") {
            self.at += 1;
            matching.on = on;
            matching.labels = self.label_list("grouping opts")?;
            let left = self.is_keyword("group_left");
            if left || self.is_keyword("group_right") {
                self.at += 1;
                matching.group = if left { Group::Left } else { Group::Right };
                if self.is_sign("(") {
                    matching.include = self.label_list("grouping opts")?;
                }
            }
        }
        self.fills(&mut matching)?;
        Ok((returns_bool, matching))
    }

    fn fills(&mut self, matching: &mut Matching) -> Parsed<()> {
        loop {
            let token = self.peek();
            let second = self.peek_second();
            let opens = second.kind == lex::Kind::Sign && self.word(&second) == "(";
            let word = self.word(&token).to_ascii_lowercase();
            if token.kind != lex::Kind::Word || !opens {
                return Ok(());
            }
            let (left, right) = match word.as_str() {
                "fill" => (true, true),
                "fill_left" => (true, false),
                "fill_right" => (false, true),
                _ => return Ok(()),
            };
            if (left && matching.fill_left.is_some()) || (right && matching.fill_right.is_some()) {
                let why = format!("{word} modifier must not be given twice");
                return Err(ParseError::new(token.span, why));
            }
            self.at += 2;
            let value = self.signed_number()?.value;
            self.expect(")", "fill modifier")?;
            if left {
                matching.fill_left = Some(value);
            }
            if right {
                matching.fill_right = Some(value);
            }
        }
    }

    /// A number or duration with an optional sign.
    pub(crate) fn signed_number(&mut self) -> Parsed<Number> {
        let minus = self.is_sign("-");
        if minus || self.is_sign("+") {
            self.at += 1;
        }
        let token = self.peek();
        let number = match token.kind {
            lex::Kind::Number | lex::Kind::Duration => self.number(token)?,
            lex::Kind::Word => match literal::number(self.word(&token)) {
                Some(value) => Number {
                    value,
                    duration: false,
                },
                None => return Err(self.unexpected_want("", "number")),
            },
            _ => return Err(self.unexpected_want("", "number")),
        };
        self.at += 1;
        Ok(Number {
            value: if minus { -number.value } else { number.value },
            duration: number.duration,
        })
    }
}
