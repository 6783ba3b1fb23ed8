//! Tree to text, on one line. What is printed parses to the same tree again.

use crate::model::matcher::Matcher;
use crate::query::logql::ast::{
    Aggregate, Binary, Convert, Expr, Extract, FormatFrom, Grouping, LabelFilter, Log, Matching,
    Metric, Needle, Op, Pick, Quantity, RangeAggregate, Stage, Unwrap,
};
use crate::query::logql::literal::duration_text;
use crate::query::promql::literal::{format_number, quote};
use std::fmt::{self, Display, Formatter};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => Display::fmt(log, f),
            Self::Metric(metric) => Display::fmt(metric, f),
        }
    }
}

impl Display for Log {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        comma(f, &self.matchers, matcher)?;
        f.write_str("}")?;
        for placed in &self.stages {
            write!(f, " {}", placed.stage)?;
        }
        Ok(())
    }
}

fn comma<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    mut each: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        each(f, item)?;
    }
    Ok(())
}

fn matcher(f: &mut Formatter<'_>, m: &Matcher) -> fmt::Result {
    write!(f, "{}{}{}", m.name, m.op.as_str(), quote(&m.value))
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(filter) => {
                write!(f, "{} ", filter.op.as_str())?;
                for (i, needle) in filter.needles.iter().enumerate() {
                    let or = if i > 0 { " or " } else { "" };
                    match needle {
                        Needle::Text(text) => write!(f, "{or}{}", quote(text))?,
                        Needle::Ip(pattern) => write!(f, "{or}ip({})", quote(pattern))?,
                    }
                }
                Ok(())
            }
            Self::Json(all) => {
                f.write_str("| json")?;
                extracts(f, all)
            }
            Self::Logfmt(stage) => {
                f.write_str("| logfmt")?;
                if stage.strict {
                    f.write_str(" --strict")?;
                }
                if stage.keep_empty {
                    f.write_str(" --keep-empty")?;
                }
                extracts(f, &stage.extract)
            }
            Self::Regexp(text) => write!(f, "| regexp {}", quote(text)),
            Self::Pattern(text) => write!(f, "| pattern {}", quote(text)),
            Self::Unpack => f.write_str("| unpack"),
            Self::Label(filter) => write!(f, "| {filter}"),
            Self::LineFormat(text) => write!(f, "| line_format {}", quote(text)),
            Self::LabelFormat(all) => {
                f.write_str("| label_format ")?;
                comma(f, all, |f, format| match &format.from {
                    FormatFrom::Label(from) => write!(f, "{}={from}", format.to),
                    FormatFrom::Template(text) => write!(f, "{}={}", format.to, quote(text)),
                })
            }
            Self::Decolorize => f.write_str("| decolorize"),
            Self::Drop(all) => {
                f.write_str("| drop ")?;
                picks(f, all)
            }
            Self::Keep(all) => {
                f.write_str("| keep ")?;
                picks(f, all)
            }
        }
    }
}

fn extracts(f: &mut Formatter<'_>, all: &[Extract]) -> fmt::Result {
    if !all.is_empty() {
        f.write_str(" ")?;
    }
    comma(f, all, |f, e| {
        if e.name == e.path {
            return f.write_str(&e.name);
        }
        write!(f, "{}={}", e.name, quote(&e.path))
    })
}

fn picks(f: &mut Formatter<'_>, all: &[Pick]) -> fmt::Result {
    comma(f, all, |f, pick| match pick {
        Pick::Name(name) => f.write_str(name),
        Pick::Match(m) => matcher(f, m),
    })
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match(m) => matcher(f, m),
            Self::Compare { name, op, with } => {
                write!(f, "{name}{}", op.as_str())?;
                match with {
                    Quantity::Number(v) => f.write_str(&format_number(*v)),
                    Quantity::Duration(ns) => f.write_str(&duration_text(*ns)),
                    Quantity::Bytes(size) => write!(f, "{size}B"),
                }
            }
            Self::Ip {
                name,
                negative,
                pattern,
            } => {
                let op = if *negative { "!=" } else { "=" };
                write!(f, "{name}{op}ip({})", quote(pattern))
            }
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
        }
    }
}

impl Display for Metric {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => f.write_str(&constant(*value)),
            Self::Vector(value) => write!(f, "vector({})", format_number(*value)),
            Self::Range(a) => Display::fmt(a, f),
            Self::Aggregate(a) => Display::fmt(a, f),
            Self::Binary(b) => Display::fmt(b, f),
            Self::Replace(r) => {
                let texts = [&r.to, &r.with, &r.from].map(|t| quote(t)).join(", ");
                let regex = quote(r.regex.as_str());
                write!(f, "label_replace({}, {texts}, {regex})", r.inner)
            }
        }
    }
}

/// The language has no word for what is not finite, but can compute it.
fn constant(value: f64) -> String {
    match value {
        v if v.is_nan() => "(0 / 0)".to_owned(),
        f64::INFINITY => "(2 ^ 1024)".to_owned(),
        f64::NEG_INFINITY => "(-2 ^ 1025)".to_owned(),
        v => format_number(v),
    }
}

impl Display for RangeAggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.as_str())?;
        if let Some(param) = self.param {
            write!(f, "{}, ", format_number(param))?;
        }
        write!(f, "{}", self.log)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, " [{}]", duration_text(self.range))?;
        if self.offset != 0 {
            write!(f, " offset {}", duration_text(self.offset))?;
        }
        f.write_str(")")?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping}")?;
        }
        Ok(())
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let label = &self.label;
        match self.convert {
            Convert::None => write!(f, "| unwrap {label}")?,
            Convert::Bytes => write!(f, "| unwrap bytes({label})")?,
            Convert::Duration => write!(f, "| unwrap duration({label})")?,
            Convert::DurationSeconds => write!(f, "| unwrap duration_seconds({label})")?,
        }
        for filter in &self.filters {
            write!(f, " | {filter}")?;
        }
        Ok(())
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.without { "without" } else { "by" };
        write!(f, "{word} ({})", self.labels.join(", "))
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping} ")?;
        }
        f.write_str("(")?;
        if self.op.has_param() {
            write!(f, "{}, ", self.param)?;
        }
        write!(f, "{})", self.inner)
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        leg(f, &self.left)?;
        write!(f, " {}", self.op.as_str())?;
        if self.bool {
            f.write_str(" bool")?;
        }
        write!(f, "{} ", self.matching)?;
        leg(f, &self.right)
    }
}

/// Brackets keep the tree whatever the strengths are.
fn leg(f: &mut Formatter<'_>, side: &Metric) -> fmt::Result {
    match side {
        Metric::Binary(_) => write!(f, "({side})"),
        _ => write!(f, "{side}"),
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.on && self.labels.is_empty() && self.group.is_none() {
            return Ok(());
        }
        let word = if self.on { "on" } else { "ignoring" };
        write!(f, " {word} ({})", self.labels.join(", "))?;
        if let Some(group) = &self.group {
            let word = if group.left {
                "group_left"
            } else {
                "group_right"
            };
            write!(f, " {word} ({})", group.include.join(", "))?;
        }
        Ok(())
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
