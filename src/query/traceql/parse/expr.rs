//! Expressions over one span, and the values in them.

use crate::model::span::{SpanKind, SpanStatus};
use crate::query::traceql::ast::{
    Expr, Field, Intrinsic, NOT_BINDS, OPERATORS, Op, POWER_BINDS, Static,
};
use crate::query::traceql::lex::Kind;
use crate::query::traceql::parse::{ParseError, Parsed, Parser};

impl Parser<'_> {
    /// Operators that bind at least as tightly as `least`.
    pub(super) fn expr(&mut self, least: u8) -> Parsed<Expr> {
        self.deeper(|p| {
            let mut lhs = p.prefix()?;
            while let Some((op, binds)) = p.operator().filter(|(_, binds)| *binds >= least) {
                p.at += 1;
                // Only the power binds to the right.
                let next = if binds == POWER_BINDS {
                    binds
                } else {
                    binds + 1
                };
                let rhs = p.expr(next)?;
                lhs = Expr::Binary {
                    op,
                    lhs: Box::new(lhs),
                    rhs: Box::new(rhs),
                };
            }
            Ok(lhs)
        })
    }

    pub(super) fn operator(&self) -> Option<(Op, u8)> {
        let token = self.peek();
        if token.kind != Kind::Sign {
            return None;
        }
        let sign = self.word(&token);
        let mut rows = OPERATORS.iter();
        rows.find(|r| r.0 == sign).map(|r| (r.1, r.2))
    }

    fn prefix(&mut self) -> Parsed<Expr> {
        if self.eat("!") {
            return Ok(Expr::Not(Box::new(self.expr(NOT_BINDS + 1)?)));
        }
        if self.eat("-") {
            let inner = self.deeper(Self::prefix)?;
            return Ok(match inner {
                Expr::Static(value) if negated(&value).is_some() => {
                    Expr::Static(negated(&value).unwrap_or(value))
                }
                inner => Expr::Negate(Box::new(inner)),
            });
        }
        if self.eat("(") {
            let inner = self.expr(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.field()? {
            Some(field) => Ok(Expr::Field(field)),
            None => self.static_value().map(Expr::Static),
        }
    }

    /// An attribute or an intrinsic, where one stands here.
    pub(super) fn field(&mut self) -> Parsed<Option<Field>> {
        let token = self.peek();
        let field = match &token.kind {
            Kind::Attribute(attribute) => Field::Attribute(attribute.clone()),
            Kind::Word => match Intrinsic::find(self.word(&token)) {
                Some(intrinsic) => Field::Intrinsic(intrinsic),
                None => return Ok(None),
            },
            Kind::Scoped => {
                let found = Intrinsic::find(self.word(&token));
                let why = || format!("{:?} is no intrinsic field", self.word(&token));
                Field::Intrinsic(found.ok_or_else(|| ParseError::new(token.span, why()))?)
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(field))
    }

    pub(super) fn fields(&mut self) -> Parsed<Vec<Field>> {
        self.expect("(")?;
        let mut fields = Vec::new();
        loop {
            match self.field()? {
                Some(field) => fields.push(field),
                None => return Err(self.unexpected("an attribute belongs here, such as `.a`")),
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(fields)
    }

    pub(super) fn static_value(&mut self) -> Parsed<Static> {
        let negative = self.eat("-");
        let token = self.peek();
        let value = match &token.kind {
            Kind::Int(i) => Some(Static::Int(*i)),
            Kind::Float(v) => Some(Static::Float(*v)),
            Kind::Duration(d) => Some(Static::Duration(*d)),
            Kind::Text(text) => Some(Static::Text(text.clone())),
            Kind::Word => word(self.word(&token)),
            _ => None,
        };
        let value = match value {
            Some(value) if negative => negated(&value),
            value => value,
        };
        match value {
            Some(value) => {
                self.at += 1;
                Ok(value)
            }
            None => Err(self.unexpected(
                "a value or a field belongs here; attributes begin with a dot, as in `.http.url`",
            )),
        }
    }
}

fn word(word: &str) -> Option<Static> {
    let status = SpanStatus::ALL.iter().find(|s| s.as_str() == word);
    let kind = SpanKind::ALL.iter().find(|k| k.as_str() == word);
    match (word, status, kind) {
        (_, Some(status), _) => Some(Static::Status(*status)),
        (_, _, Some(kind)) => Some(Static::Kind(*kind)),
        ("true", ..) => Some(Static::Bool(true)),
        ("false", ..) => Some(Static::Bool(false)),
        ("nil", ..) => Some(Static::Nil),
        ("minInt", ..) => Some(Static::Int(i64::MIN)),
        ("maxInt", ..) => Some(Static::Int(i64::MAX)),
        _ => None,
    }
}

fn negated(value: &Static) -> Option<Static> {
    match value {
        Static::Int(i) => Some(Static::Int(i.checked_neg()?)),
        Static::Float(v) => Some(Static::Float(-v)),
        Static::Duration(d) => Some(Static::Duration(-d)),
        _ => None,
    }
}
