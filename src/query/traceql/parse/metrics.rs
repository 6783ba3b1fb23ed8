//! Functions that make series, and what may stand behind them.

use crate::query::traceql::ast::{
    Field, Metrics, MetricsFunction, Op, Pipeline, STATISTICS, SecondStage, Static,
};
use crate::query::traceql::parse::node::{Node, is_order, number};
use crate::query::traceql::parse::{ParseError, Parsed, Parser};

/// Values of each attribute that `compare` tells where it is not said.
const COMPARE_TOP: usize = 10;
const QUANTILES: usize = 32;

impl Parser<'_> {
    /// The function that stands here, with its arguments.
    pub(super) fn metrics_function(&mut self) -> Parsed<Option<MetricsFunction>> {
        let token = self.peek();
        let word = self.word(&token).to_owned();
        let statistic = word.strip_suffix("_over_time");
        let statistic = statistic.and_then(|s| STATISTICS.iter().find(|row| row.0 == s));
        let plain = match word.as_str() {
            "rate" => Some(MetricsFunction::Rate),
            "count_over_time" => Some(MetricsFunction::CountOverTime),
            _ => None,
        };
        let known = ["quantile_over_time", "histogram_over_time", "compare"];
        if plain.is_none() && statistic.is_none() && !known.contains(&word.as_str()) {
            return Ok(None);
        }
        self.at += 1;
        self.expect("(")?;
        let function = match (plain, statistic, word.as_str()) {
            (Some(plain), ..) => plain,
            (_, Some((_, s)), _) => MetricsFunction::OverTime(*s, self.one_field()?),
            (_, _, "quantile_over_time") => {
                let field = self.one_field()?;
                let mut quantiles = Vec::new();
                while self.eat(",") {
                    quantiles.push(self.plain_number()?);
                }
                if quantiles.is_empty() || quantiles.len() > QUANTILES {
                    let why = format!("1 to {QUANTILES} quantiles belong here, such as 0.95");
                    return Err(self.unexpected(&why));
                }
                MetricsFunction::Quantile(field, quantiles)
            }
            (_, _, "histogram_over_time") => MetricsFunction::Histogram(self.one_field()?),
            _ => self.compare()?,
        };
        self.expect(")")?;
        Ok(Some(function))
    }

    fn one_field(&mut self) -> Parsed<Field> {
        match self.field()? {
            Some(field) => Ok(field),
            None => Err(self.unexpected("an attribute or `duration` belongs here")),
        }
    }

    fn plain_number(&mut self) -> Parsed<f64> {
        let at = self.peek().span;
        match self.static_value()? {
            Static::Int(i) => Ok(i as f64),
            Static::Float(v) => Ok(v),
            _ => Err(ParseError::new(at, "a plain number belongs here")),
        }
    }

    fn whole_number(&mut self) -> Parsed<i64> {
        let at = self.peek().span;
        match self.static_value()? {
            Static::Int(i) if i >= 0 => Ok(i),
            _ => Err(ParseError::new(at, "a whole number from 0 belongs here")),
        }
    }

    /// `{selection}[, top[, start, end]]`
    fn compare(&mut self) -> Parsed<MetricsFunction> {
        self.expect("{")?;
        let selection = if self.is_sign("}") {
            None
        } else {
            Some(self.expr(0)?)
        };
        self.expect("}")?;
        let mut top = COMPARE_TOP;
        let mut range = (0, 0);
        if self.eat(",") {
            top = self.whole_number()? as usize;
            if self.eat(",") {
                range.0 = self.whole_number()? as u64;
                self.expect(",")?;
                range.1 = self.whole_number()? as u64;
            }
        }
        Ok(MetricsFunction::Compare {
            selection,
            top,
            range,
        })
    }

    /// What may follow a function: `by (..)`, then comparisons.
    pub(super) fn metrics(
        &mut self,
        spans: Pipeline,
        function: MetricsFunction,
    ) -> Parsed<Metrics> {
        let by = if self.take_word("by") {
            self.fields()?
        } else {
            Vec::new()
        };
        self.comparisons(Metrics::Pipeline {
            spans,
            function,
            by,
        })
    }

    /// `topk(n)` or `bottomk(n)`, then comparisons.
    pub(super) fn second_stage(&mut self, metrics: Metrics) -> Parsed<Metrics> {
        let top = self.take_word("topk");
        if !top && !self.take_word("bottomk") {
            return Err(self.unexpected("behind series only topk(n) and bottomk(n) may stand"));
        }
        self.expect("(")?;
        let n = self.whole_number()?;
        self.expect(")")?;
        let stage = if top {
            SecondStage::Top(n)
        } else {
            SecondStage::Bottom(n)
        };
        self.comparisons(Metrics::Second(Box::new(metrics), stage))
    }

    fn comparisons(&mut self, mut metrics: Metrics) -> Parsed<Metrics> {
        while let Some((op, _)) = self.operator().filter(|(op, _)| is_order(*op)) {
            let at = self.advance().span;
            let said = match self.node(3)? {
                Node::Scalar(scalar) => number(&scalar),
                _ => Err("series are compared with numbers only".to_owned()),
            };
            let limit = said.map_err(|why| ParseError::new(at, why))?;
            metrics = compared(metrics, op, limit);
        }
        Ok(metrics)
    }
}

pub(super) fn compared(metrics: Metrics, op: Op, limit: f64) -> Metrics {
    Metrics::Second(Box::new(metrics), SecondStage::Compare(op, limit))
}
