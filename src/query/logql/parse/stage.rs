//! What stands behind a selector: filters, parsers, formatters.

use crate::query::logql::ast::{
    Compare, Extract, Format, FormatFrom, LabelFilter, LineFilter, LineOp, Logfmt, Needle, Pick,
    Placed, Quantity, Stage,
};
use crate::query::logql::lex::Kind;
use crate::query::logql::literal;
use crate::query::logql::parse::{ParseError, Parsed, Parser};

impl Parser<'_> {
    fn line_op(&self) -> Option<LineOp> {
        let found = LineOp::ALL.iter().find(|(_, sign)| self.is_sign(sign));
        found.map(|(op, _)| *op)
    }

    /// True where a stage other than `unwrap` begins.
    pub(super) fn at_stage(&self) -> bool {
        self.line_op().is_some() || (self.is_sign("|") && !self.at_unwrap())
    }

    pub(super) fn at_unwrap(&self) -> bool {
        let second = self.peek_second();
        self.is_sign("|") && self.word(&second).eq_ignore_ascii_case("unwrap")
    }

    pub(super) fn stage(&mut self) -> Parsed<Placed> {
        self.part()?;
        let start = self.peek().span;
        let stage = if let Some(op) = self.line_op() {
            Stage::Line(self.line_filter(op)?)
        } else {
            self.expect("|")?;
            self.piped()?
        };
        Ok(Placed {
            stage,
            span: start.to(self.last_span()),
        })
    }

    fn line_filter(&mut self, op: LineOp) -> Parsed<LineFilter> {
        self.at += 1;
        let mut needles = vec![self.needle()?];
        while self.eat_keyword("or") {
            self.part()?;
            needles.push(self.needle()?);
        }
        Ok(LineFilter { op, needles })
    }

    fn needle(&mut self) -> Parsed<Needle> {
        if self.is_call("ip") {
            return Ok(Needle::Ip(self.ip()?));
        }
        self.string().map(Needle::Text)
    }

    /// `ip("...")`
    fn ip(&mut self) -> Parsed<String> {
        self.at += 1;
        self.expect("(")?;
        let pattern = self.string()?;
        self.expect(")")?;
        Ok(pattern)
    }

    fn piped(&mut self) -> Parsed<Stage> {
        // A label may be called like a stage: a comparison behind it tells.
        let token = self.peek();
        let word = self.word(&token).to_ascii_lowercase();
        let second = self.peek_second();
        let compared = second.kind == Kind::Sign
            && (Compare::ALL
                .iter()
                .any(|(_, sign)| self.word(&second) == *sign)
                || ["=~"].contains(&self.word(&second)));
        if token.kind != Kind::Word || compared {
            return Ok(Stage::Label(self.label_filter()?));
        }
        self.at += 1;
        Ok(match word.as_str() {
            "json" => Stage::Json(self.extracts(false)?),
            "logfmt" => Stage::Logfmt(self.logfmt()?),
            "regexp" => Stage::Regexp(self.string()?),
            "pattern" => Stage::Pattern(self.string()?),
            "unpack" => Stage::Unpack,
            "line_format" => Stage::LineFormat(self.string()?),
            "label_format" => Stage::LabelFormat(self.formats()?),
            "decolorize" => Stage::Decolorize,
            "drop" => Stage::Drop(self.picks()?),
            "keep" => Stage::Keep(self.picks()?),
            _ => {
                self.at -= 1;
                Stage::Label(self.label_filter()?)
            }
        })
    }

    fn logfmt(&mut self) -> Parsed<Logfmt> {
        let mut stage = Logfmt::default();
        while self.peek().kind == Kind::Flag {
            match self.word(&self.peek()) {
                "--strict" => stage.strict = true,
                _ => stage.keep_empty = true,
            }
            self.at += 1;
        }
        stage.extract = self.extracts(false)?;
        Ok(stage)
    }

    /// `a, b="path"`; may be absent unless `needed`.
    fn extracts(&mut self, needed: bool) -> Parsed<Vec<Extract>> {
        let mut out = Vec::new();
        if !needed && self.peek().kind != Kind::Word {
            return Ok(out);
        }
        // `or`, `and` behind a stage belong to what is around it.
        if !needed && ["or", "and", "unless"].iter().any(|k| self.is_keyword(k)) {
            return Ok(out);
        }
        loop {
            self.part()?;
            let name = self.name()?;
            let path = if self.eat("=") {
                self.string()?
            } else {
                name.clone()
            };
            out.push(Extract { name, path });
            if !self.eat(",") {
                return Ok(out);
            }
        }
    }

    fn formats(&mut self) -> Parsed<Vec<Format>> {
        let mut out: Vec<Format> = Vec::new();
        loop {
            self.part()?;
            let at = self.peek().span;
            let to = self.name()?;
            self.expect("=")?;
            let from = if self.peek().kind == Kind::Text {
                FormatFrom::Template(self.string()?)
            } else {
                FormatFrom::Label(self.name()?)
            };
            if to == "__error__" {
                return Err(ParseError::new(at, format!("{to} cannot be formatted")));
            }
            if out.iter().any(|f| f.to == to) {
                let why =
                    format!("multiple label name '{to}' not allowed in a single format operation");
                return Err(ParseError::new(at, why));
            }
            out.push(Format { to, from });
            if !self.eat(",") {
                return Ok(out);
            }
        }
    }

    fn picks(&mut self) -> Parsed<Vec<Pick>> {
        let mut out = Vec::new();
        loop {
            self.part()?;
            let name = self.name()?;
            let matched = ["=", "!=", "=~", "!~"].iter().any(|s| self.is_sign(s))
                && self.peek_second().kind == Kind::Text;
            out.push(if matched {
                Pick::Match(self.matcher(name)?)
            } else {
                Pick::Name(name)
            });
            if !self.eat(",") {
                return Ok(out);
            }
        }
    }

    /// `or` binds weaker than `and`, a comma, or standing side by side.
    pub(super) fn label_filter(&mut self) -> Parsed<LabelFilter> {
        let mut left = self.label_and()?;
        while self.eat_keyword("or") {
            self.part()?;
            let right = self.label_and()?;
            left = LabelFilter::Or(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn label_and(&mut self) -> Parsed<LabelFilter> {
        let mut left = self.label_unit()?;
        loop {
            let joined = self.eat(",") || self.eat_keyword("and");
            let beside = (self.peek().kind == Kind::Word || self.is_sign("("))
                && !["or", "and", "unless"].iter().any(|k| self.is_keyword(k));
            if !joined && !beside {
                return Ok(left);
            }
            self.part()?;
            let right = self.label_unit()?;
            left = LabelFilter::And(Box::new(left), Box::new(right));
        }
    }

    fn label_unit(&mut self) -> Parsed<LabelFilter> {
        if self.eat("(") {
            let inner = self.deeper(Self::label_filter)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.name()?;
        let second = self.peek_second();
        let equality = ["=", "!="].iter().find(|s| self.is_sign(s)).copied();
        if let Some(sign) = equality
            && second.kind == Kind::Word
            && self.word(&second).eq_ignore_ascii_case("ip")
        {
            self.at += 1;
            if !self.is_call("ip") {
                return Err(self.unexpected("STRING"));
            }
            let pattern = self.ip()?;
            let negative = sign == "!=";
            return Ok(LabelFilter::Ip {
                name,
                negative,
                pattern,
            });
        }
        let texts = ["=", "!=", "=~", "!~"].iter().any(|s| self.is_sign(s));
        let regex = self.is_sign("=~") || self.is_sign("!~");
        if regex && second.kind != Kind::Text {
            self.at += 1;
            return Err(self.unexpected("STRING"));
        }
        if texts && second.kind == Kind::Text {
            return self.matcher(name).map(LabelFilter::Match);
        }
        let op = Compare::ALL.iter().find(|(_, sign)| self.is_sign(sign));
        let Some((op, _)) = op else {
            return Err(self.unexpected(""));
        };
        self.at += 1;
        let with = self.quantity()?;
        Ok(LabelFilter::Compare {
            name,
            op: *op,
            with,
        })
    }

    fn quantity(&mut self) -> Parsed<Quantity> {
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        let token = self.peek();
        let read = match token.kind {
            Kind::Duration(ns) => Quantity::Duration(if negative { -ns } else { ns }),
            Kind::Bytes(size) if !negative => Quantity::Bytes(size),
            Kind::Number => {
                let value = self.number()?;
                return Ok(Quantity::Number(if negative { -value } else { value }));
            }
            _ => return Err(self.unexpected("")),
        };
        self.at += 1;
        Ok(read)
    }

    pub(super) fn number(&mut self) -> Parsed<f64> {
        let token = self.peek();
        if token.kind != Kind::Number {
            return Err(self.unexpected("NUMBER"));
        }
        self.at += 1;
        literal::number(self.word(&token)).ok_or_else(|| {
            let why = format!(
                "unable to parse literal as a float: {:?}",
                self.word(&token)
            );
            ParseError::new(token.span, why)
        })
    }
}
