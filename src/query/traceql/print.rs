//! Tree to text that reads back to the same tree.

use crate::query::promql::literal;
use crate::query::traceql::ast::{
    Aggregate, Attribute, Body, Expr, Field, Metrics, MetricsFunction, Pipeline, Query, RELATIONS,
    STATISTICS, Scalar, ScalarPipelines, Scope, SecondStage, Spansets, Stage, Static, Statistic,
};
use std::fmt::{self, Display, Formatter};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Spans(p) => write!(f, "{p}")?,
            Body::Metrics(m) => write!(f, "{m}")?,
            Body::Pipelines(p) => write!(f, "{p}")?,
        }
        if !self.hints.is_empty() {
            let hints = self
                .hints
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            write!(f, " with({})", hints.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, stage) in self.stages.iter().enumerate() {
            write!(f, "{}{stage}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spansets(s) => write!(f, "{s}"),
            Self::Scalar { op, lhs, rhs } => write!(f, "{lhs} {} {rhs}", op.sign()),
            Self::By(e) => write!(f, "by({e})"),
            Self::Coalesce => f.write_str("coalesce()"),
            Self::Select(fields) => write!(f, "select({})", listed(fields)),
        }
    }
}

fn listed(fields: &[Field]) -> String {
    let texts = fields.iter().map(ToString::to_string);
    texts.collect::<Vec<_>>().join(", ")
}

impl Display for Spansets {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(None) => f.write_str("{ }"),
            Self::Filter(Some(e)) => write!(f, "{{ {e} }}"),
            Self::Operation { op, lhs, rhs } => {
                let sign = RELATIONS.iter().find(|r| r.1 == *op).map_or("", |r| r.0);
                write!(f, "({lhs} {sign} {rhs})")
            }
            Self::Pipeline(p) => write!(f, "({p})"),
        }
    }
}

impl Display for Scalar {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(value) => write!(f, "{value}"),
            Self::Aggregate(a) => write!(f, "{a}"),
            Self::Binary { op, lhs, rhs } => write!(f, "({lhs} {} {rhs})", op.sign()),
        }
    }
}

impl Display for ScalarPipelines {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipeline(p, a) => write!(f, "({p} | {a})"),
            Self::Scalar(s) => write!(f, "{s}"),
            Self::Binary { op, lhs, rhs } => write!(f, "{lhs} {} {rhs}", op.sign()),
        }
    }
}

fn word(statistic: Statistic) -> &'static str {
    let mut rows = STATISTICS.iter();
    rows.find(|r| r.1 == statistic).map_or("", |r| r.0)
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count()"),
            Self::Of(statistic, e) => write!(f, "{}({e})", word(*statistic)),
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(value) => write!(f, "{value}"),
            Self::Field(field) => write!(f, "{field}"),
            Self::Not(e) => write!(f, "!({e})"),
            Self::Negate(e) => write!(f, "-({e})"),
            Self::Binary { op, lhs, rhs } => {
                let side = |e: &Expr| match e {
                    Self::Binary { .. } => format!("({e})"),
                    e => e.to_string(),
                };
                write!(f, "{} {} {}", side(lhs), op.sign(), side(rhs))
            }
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic(i) => f.write_str(i.word()),
            Self::Attribute(a) => write!(f, "{a}"),
        }
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::Any => "",
            Scope::Span => "span",
            Scope::Resource => "resource",
            Scope::Event => "event",
            Scope::Link => "link",
            Scope::Instrumentation => "instrumentation",
        };
        let parent = match (self.of_parent, scope) {
            (true, "") => "parent",
            (true, _) => "parent.",
            _ => "",
        };
        let plain = |c: char| c.is_alphanumeric() || "._-/:".contains(c);
        if self.name.chars().all(plain) {
            return write!(f, "{parent}{scope}.{}", self.name);
        }
        let name = self.name.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "{parent}{scope}.\"{name}\"")
    }
}

impl Display for Static {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&literal::quote(text)),
            Self::Int(i64::MIN) => f.write_str("minInt"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(v) => write!(f, "{v:?}"),
            Self::Duration(d) => write!(f, "{d}ns"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Status(s) => f.write_str(s.as_str()),
            Self::Kind(k) => f.write_str(k.as_str()),
            Self::Nil => f.write_str("nil"),
        }
    }
}

impl Display for Metrics {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(v) => write!(f, "{v:?}"),
            Self::Pipeline {
                spans,
                function,
                by,
            } => {
                write!(f, "({spans} | {function}")?;
                if !by.is_empty() {
                    write!(f, " by ({})", listed(by))?;
                }
                f.write_str(")")
            }
            Self::Binary { op, lhs, rhs } => write!(f, "({lhs} {} {rhs})", op.sign()),
            Self::Second(m, SecondStage::Top(n)) => write!(f, "({m} | topk({n}))"),
            Self::Second(m, SecondStage::Bottom(n)) => write!(f, "({m} | bottomk({n}))"),
            Self::Second(m, SecondStage::Compare(op, v)) => write!(f, "({m} {} {v:?})", op.sign()),
        }
    }
}

impl Display for MetricsFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate => f.write_str("rate()"),
            Self::CountOverTime => f.write_str("count_over_time()"),
            Self::OverTime(s, field) => write!(f, "{}_over_time({field})", word(*s)),
            Self::Histogram(field) => write!(f, "histogram_over_time({field})"),
            Self::Quantile(field, quantiles) => {
                let quantiles = quantiles.iter().map(|q| format!(", {q:?}"));
                write!(
                    f,
                    "quantile_over_time({field}{})",
                    quantiles.collect::<String>()
                )
            }
            Self::Compare {
                selection,
                top,
                range,
            } => {
                let selection = selection
                    .as_ref()
                    .map_or(String::new(), |e| format!(" {e} "));
                write!(f, "compare({{{selection}}}, {top}")?;
                if *range != (0, 0) {
                    write!(f, ", {}, {}", range.0, range.1)?;
                }
                f.write_str(")")
            }
        }
    }
}
