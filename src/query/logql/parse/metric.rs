//! Everything that yields numbers: literals, aggregations, operators.

use crate::base::regex::Regex;
use crate::query::logql::ast::{
    Aggregate, Binary, Convert, Expr, Group, Grouping, Log, Matching, Metric, Op, RangeAggregate,
    RangeOp, Replace, Unwrap, VectorOp,
};
use crate::query::logql::lex::Kind;
use crate::query::logql::parse::{ParseError, Parsed, Parser, regex_said};
use crate::query::promql::ast::Span;

pub(super) fn is_function(word: &str) -> bool {
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    RangeOp::ALL.iter().any(|(_, name)| is(name))
        || VectorOp::ALL.iter().any(|(_, name)| is(name))
        || [
            "label_replace",
            "vector",
            "ip",
            "bytes",
            "duration",
            "duration_seconds",
        ]
        .iter()
        .any(|name| is(name))
}

/// What the parentheses and the pipeline around a range may hold.
struct LogRange {
    log: Log,
    unwrap: Option<Unwrap>,
    window: Option<(i64, i64)>,
}

impl Parser<'_> {
    /// Operators at least as strong as `least`.
    pub(super) fn expr(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.operand()?;
        loop {
            let token = self.peek();
            let found = Op::ALL.iter().find(|(_, text, _)| match token.kind {
                Kind::Sign => self.word(&token) == *text,
                Kind::Word => self.word(&token).eq_ignore_ascii_case(text),
                _ => false,
            });
            let Some((op, _, strength)) = found.copied() else {
                return Ok(left);
            };
            if strength < least {
                return Ok(left);
            }
            self.at += 1;
            self.part()?;
            let how = self.modifiers()?;
            let next = if op == Op::Pow {
                strength
            } else {
                strength + 1
            };
            let right = self.deeper(|p| p.expr(next))?;
            left = Expr::Metric(binary(op, [left, right], how, token.span)?);
        }
    }

    fn operand(&mut self) -> Parsed<Expr> {
        let token = self.peek();
        match token.kind {
            Kind::Number => Ok(Expr::Metric(Metric::Number(self.number()?))),
            Kind::Sign => match self.word(&token) {
                "{" => self.log().map(Expr::Log),
                "(" => {
                    self.at += 1;
                    let inner = self.deeper(|p| p.expr(0))?;
                    self.expect(")")?;
                    Ok(inner)
                }
                sign @ ("-" | "+") => {
                    self.at += 1;
                    let value = self.number()?;
                    let value = if sign == "-" { -value } else { value };
                    Ok(Expr::Metric(Metric::Number(value)))
                }
                _ => Err(self.unexpected("")),
            },
            Kind::Word => self.called().map(Expr::Metric),
            _ => Err(self.unexpected("")),
        }
    }

    fn called(&mut self) -> Parsed<Metric> {
        let token = self.peek();
        let second = self.peek_second();
        let bracket = second.kind == Kind::Sign && self.word(&second) == "(";
        let clause = second.kind == Kind::Word
            && ["by", "without"]
                .iter()
                .any(|k| self.word(&second).eq_ignore_ascii_case(k));
        let word = self.word(&token);
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        if let Some((op, _)) = RangeOp::ALL.iter().find(|(_, name)| bracket && is(name)) {
            return self.deeper(|p| p.range_aggregate(*op));
        }
        let vector = VectorOp::ALL
            .iter()
            .find(|(_, name)| (bracket || clause) && is(name));
        if let Some((op, _)) = vector {
            return self.deeper(|p| p.aggregate(*op));
        }
        if bracket && is("vector") {
            self.at += 2;
            let value = self.number()?;
            self.expect(")")?;
            return Ok(Metric::Vector(value));
        }
        if bracket && is("label_replace") {
            return self.deeper(Self::replace);
        }
        Err(self.unexpected(""))
    }

    /// A metric expression in brackets; a log query there is an error at what follows it.
    fn metric(&mut self) -> Parsed<Metric> {
        match self.expr(0)? {
            Expr::Metric(metric) => Ok(metric),
            Expr::Log(_) => Err(self.unexpected("")),
        }
    }

    fn range_aggregate(&mut self, op: RangeOp) -> Parsed<Metric> {
        let start = self.advance().span;
        self.expect("(")?;
        let mut param = None;
        if self.peek().kind == Kind::Number {
            param = Some(self.number()?);
            self.expect(",")?;
        } else if !self.is_sign("{") && !self.is_sign("(") {
            return Err(self.unexpected("NUMBER or { or ("));
        }
        let inner = self.log_range()?;
        let Some((range, offset)) = inner.window else {
            return Err(self.unexpected("RANGE"));
        };
        self.expect(")")?;
        let grouping = self.grouping()?;
        let aggregate = RangeAggregate {
            op,
            param,
            log: inner.log,
            unwrap: inner.unwrap,
            range,
            offset,
            grouping,
        };
        check_range(&aggregate, start.to(self.last_span()))?;
        Ok(Metric::Range(Box::new(aggregate)))
    }

    /// Selector, pipeline and unwrap with the window behind any of them.
    fn log_range(&mut self) -> Parsed<LogRange> {
        if self.eat("(") {
            let mut inner = self.deeper(Self::log_range)?;
            self.expect(")")?;
            if inner.window.is_none() {
                inner.window = self.window()?;
            }
            return Ok(inner);
        }
        let start = self.peek().span;
        let matchers = self.selector()?;
        let mut stages = Vec::new();
        let mut window = self.window()?;
        while self.at_stage() {
            stages.push(self.stage()?);
        }
        let log = Log {
            matchers,
            stages,
            span: start.to(self.last_span()),
        };
        let unwrap = if self.at_unwrap() {
            Some(self.unwrap()?)
        } else {
            None
        };
        if window.is_none() {
            window = self.window()?;
        }
        Ok(LogRange {
            log,
            unwrap,
            window,
        })
    }

    /// `[5m]`, `[5m] offset 1h`
    fn window(&mut self) -> Parsed<Option<(i64, i64)>> {
        let Kind::Range(range) = self.peek().kind else {
            return Ok(None);
        };
        self.at += 1;
        if !self.eat_keyword("offset") {
            return Ok(Some((range, 0)));
        }
        let negative = self.eat("-");
        let Kind::Duration(offset) = self.peek().kind else {
            return Err(self.unexpected("DURATION"));
        };
        self.at += 1;
        Ok(Some((range, if negative { -offset } else { offset })))
    }

    fn unwrap(&mut self) -> Parsed<Unwrap> {
        self.at += 2;
        const CONVERSIONS: [(&str, Convert); 3] = [
            ("bytes", Convert::Bytes),
            ("duration", Convert::Duration),
            ("duration_seconds", Convert::DurationSeconds),
        ];
        let found = CONVERSIONS.iter().find(|(name, _)| self.is_call(name));
        let (label, convert) = if let Some((_, convert)) = found {
            self.at += 1;
            self.expect("(")?;
            let label = self.name()?;
            self.expect(")")?;
            (label, *convert)
        } else {
            (self.name()?, Convert::None)
        };
        let mut filters = Vec::new();
        while self.eat("|") {
            self.part()?;
            filters.push(self.label_filter()?);
        }
        Ok(Unwrap {
            label,
            convert,
            filters,
        })
    }

    fn aggregate(&mut self, op: VectorOp) -> Parsed<Metric> {
        let start = self.advance().span;
        let mut grouping = self.grouping()?;
        self.expect("(")?;
        let mut param = None;
        let comma = self.peek_second();
        if self.peek().kind == Kind::Number && comma.kind == Kind::Sign && self.word(&comma) == ","
        {
            param = Some(self.word(&self.peek()));
            self.at += 2;
        }
        let inner = self.metric()?;
        self.expect(")")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let span = start.to(self.last_span());
        let param = vector_param(op, param, span)?;
        if grouping.is_some() {
            match op {
                VectorOp::Sort | VectorOp::SortDesc => {
                    let why = "sort and sort_desc doesn't allow grouping by";
                    return Err(ParseError::new(span, why));
                }
                VectorOp::ApproxTopk => {
                    let why = "grouping not allowed for approx_topk aggregation";
                    return Err(ParseError::new(span, why));
                }
                _ => {}
            }
        }
        Ok(Metric::Aggregate(Box::new(Aggregate {
            op,
            param,
            inner,
            grouping,
        })))
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = match () {
            () if self.eat_keyword("by") => false,
            () if self.eat_keyword("without") => true,
            () => return Ok(None),
        };
        let labels = self.labels()?;
        Ok(Some(Grouping { without, labels }))
    }

    fn labels(&mut self) -> Parsed<Vec<String>> {
        self.expect("(")?;
        let mut out = Vec::new();
        if self.eat(")") {
            return Ok(out);
        }
        loop {
            self.part()?;
            out.push(self.name()?);
            if self.eat(")") {
                return Ok(out);
            }
            self.expect(",")?;
        }
    }

    /// `bool`, `on (..)`, `group_left (..)` behind an operator.
    fn modifiers(&mut self) -> Parsed<(bool, Matching)> {
        let compares = self.eat_keyword("bool");
        let mut matching = Matching::default();
        if self.eat_keyword("on") {
            matching.on = true;
            matching.labels = self.labels()?;
        } else if self.eat_keyword("ignoring") {
            matching.labels = self.labels()?;
        } else {
            return Ok((compares, matching));
        }
        let left = match () {
            () if self.eat_keyword("group_left") => true,
            () if self.eat_keyword("group_right") => false,
            () => return Ok((compares, matching)),
        };
        let include = if self.is_sign("(") && self.is_label_list() {
            self.labels()?
        } else {
            Vec::new()
        };
        matching.group = Some(Group { left, include });
        Ok((compares, matching))
    }

    /// `(a, b)` and not an expression in brackets.
    fn is_label_list(&self) -> bool {
        let mut by = 1;
        loop {
            let token = self.ahead(by);
            match token.kind {
                Kind::Sign if self.word(&token) == ")" => return true,
                Kind::Sign if self.word(&token) == "," => {}
                Kind::Word => {}
                _ => return false,
            }
            by += 1;
        }
    }

    fn replace(&mut self) -> Parsed<Metric> {
        let start = self.advance().span;
        self.expect("(")?;
        let inner = self.metric()?;
        let mut texts = Vec::new();
        for _ in 0..4 {
            self.expect(",")?;
            texts.push(self.string()?);
        }
        self.expect(")")?;
        let span = start.to(self.last_span());
        let regex = Regex::anchored(&texts[3]).map_err(|e| {
            let said = regex_said(&e);
            ParseError::new(span, format!("invalid regex in label_replace: {said}"))
        })?;
        texts.truncate(3);
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap_or_default();
        let (to, with, from) = (next(), next(), next());
        if !is_label_name(&to) {
            let why = format!("invalid destination label name in label_replace: {to}");
            return Err(ParseError::new(span, why));
        }
        Ok(Metric::Replace(Box::new(Replace {
            inner,
            to,
            with,
            from,
            regex,
        })))
    }
}

fn is_label_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Joins two sides; literals on both are computed at once.
fn binary(
    op: Op,
    [left, right]: [Expr; 2],
    (compares, matching): (bool, Matching),
    at: Span,
) -> Parsed<Metric> {
    let side = |expr: Expr, name: &str| match expr {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(log) => {
            let kind = if log.stages.is_empty() {
                "*syntax.MatchersExpr"
            } else {
                "*syntax.PipelineExpr"
            };
            let why = format!(
                "unexpected type for {name} leg of binary operation ({}): {kind}",
                op.as_str()
            );
            Err(ParseError::new(at, why))
        }
    };
    let (left, right) = (side(left, "left")?, side(right, "right")?);
    if op.is_set() {
        for (leg, name) in [(&left, "left"), (&right, "right")] {
            if let Metric::Number(value) = leg {
                let why = format!(
                    "unexpected literal for {name} leg of logical/set binary operation ({}): {value:.6}",
                    op.as_str()
                );
                return Err(ParseError::new(at, why));
            }
        }
    }
    if let (Metric::Number(a), Metric::Number(b)) = (&left, &right) {
        return Ok(Metric::Number(op.apply(*a, *b)));
    }
    Ok(Metric::Binary(Box::new(Binary {
        op,
        left,
        right,
        bool: compares,
        matching,
    })))
}

fn check_range(a: &RangeAggregate, span: Span) -> Parsed<()> {
    let name = a.op.as_str();
    let fault = |why: String| Err(ParseError::new(span, why));
    match (a.op, a.param) {
        (RangeOp::Quantile, None) => {
            return fault(format!("parameter required for operation {name}"));
        }
        (RangeOp::Quantile, Some(_)) | (_, None) => {}
        (_, Some(param)) => {
            return fault(format!(
                "parameter {param} not supported for operation {name}"
            ));
        }
    }
    let (without, with) = a.op.takes_unwrap();
    if a.unwrap.is_none() && !without {
        return fault(format!("invalid aggregation {name} without unwrap"));
    }
    if a.unwrap.is_some() && !with {
        return fault(format!("invalid aggregation {name} with unwrap"));
    }
    if a.grouping.is_some() && !a.op.takes_grouping() {
        return fault(format!("grouping not allowed for {name} aggregation"));
    }
    Ok(())
}

fn vector_param(op: VectorOp, param: Option<&str>, span: Span) -> Parsed<usize> {
    let name = op.as_str();
    let fault = |why: String| Err(ParseError::new(span, why));
    match (op.has_param(), param) {
        (false, None) => Ok(0),
        (false, Some(text)) => fault(format!(
            "unsupported parameter for operation {name}({text},"
        )),
        (true, None) => fault(format!("parameter required for operation {name}")),
        (true, Some(text)) => match text.parse::<usize>() {
            Ok(0) => fault(format!(
                "invalid parameter (must be greater than 0) {name}({text},"
            )),
            Ok(k) => Ok(k),
            Err(_) => fault(format!("invalid parameter {name}({text},")),
        },
    }
}
