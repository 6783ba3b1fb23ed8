//! Tree to text, on one line. What is printed parses to the same tree again.

use crate::base::units;
use crate::model::labels::METRIC_NAME;
use crate::model::matcher::{MatchOp, Matcher};
use crate::query::promql::ast::{
    Aggregate, Aggregator, At, Binary, Duration, DurationExpr, Expr, Extended, Group, Kind,
    Matching, Number, Op, Selector, Sign, When,
};
use crate::query::promql::literal;
use std::fmt;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Number(n) => write!(f, "{n}"),
            Kind::Text(text) => f.write_str(&literal::quote(text)),
            Kind::Selector(s) => {
                head(f, s)?;
                extended(f, s)?;
                write!(f, "{}", s.when)
            }
            Kind::Range(r) => {
                head(f, &r.selector)?;
                write!(f, "[{}]", r.range)?;
                extended(f, &r.selector)?;
                write!(f, "{}", r.selector.when)
            }
            Kind::Subquery(s) => {
                write!(f, "{}[{}:", s.expr, s.range)?;
                if let Some(step) = &s.step {
                    write!(f, "{step}")?;
                }
                write!(f, "]{}", s.when)
            }
            Kind::Unary(sign, expr) => {
                let sign = if *sign == Sign::Minus { "-" } else { "+" };
                write!(f, "{sign}{expr}")
            }
            Kind::Binary(b) => write!(f, "{b}"),
            Kind::Aggregate(a) => write!(f, "{a}"),
            Kind::Call(c) => {
                f.write_str(c.function.name)?;
                list(f, &c.args)
            }
            Kind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    f.write_str("(")?;
    for (i, item) in items.iter().enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(")")
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.duration {
            return write!(
                f,
                "{}",
                Duration::Fixed((self.value * 1000.0).round() as i64)
            );
        }
        if self.value.is_nan() && self.value.is_sign_negative() {
            return f.write_str("-NaN");
        }
        f.write_str(&literal::format_number(self.value))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ms) => f.write_str(&units::format_duration_ms(*ms)),
            Self::Computed(expr) => write!(f, "{expr}"),
        }
    }
}

impl fmt::Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Step => f.write_str("step()"),
            Self::Range => f.write_str("range()"),
            Self::Minus(inner) => write!(f, "-{inner}"),
            Self::Plus(inner) => write!(f, "+{inner}"),
            Self::Paren(inner) => write!(f, "({inner})"),
            Self::Binary(op, a, b) => write!(f, "{a} {} {b}", op.as_str()),
            Self::MinOf(a, b) => write!(f, "min_of({a}, {b})"),
            Self::MaxOf(a, b) => write!(f, "max_of({a}, {b})"),
        }
    }
}

/// `name{matchers}`
fn head(f: &mut fmt::Formatter<'_>, s: &Selector) -> fmt::Result {
    let plain = is_metric_name(&s.name);
    if plain {
        f.write_str(&s.name)?;
    }
    let named = !s.name.is_empty();
    let rest: Vec<&Matcher> = s.matchers.iter().skip(usize::from(named)).collect();
    if plain && rest.is_empty() {
        return Ok(());
    }
    f.write_str("{")?;
    let mut comma = "";
    if named && !plain {
        f.write_str(&literal::quote(&s.name))?;
        comma = ",";
    }
    for m in rest {
        let name = label(&m.name);
        let value = literal::quote(&m.value);
        write!(f, "{comma}{name}{}{value}", m.op.as_str())?;
        comma = ",";
    }
    f.write_str("}")
}

fn extended(f: &mut fmt::Formatter<'_>, s: &Selector) -> fmt::Result {
    match s.extended {
        Some(Extended::Anchored) => f.write_str(" anchored"),
        Some(Extended::Smoothed) => f.write_str(" smoothed"),
        None => Ok(()),
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(At::Time(ms)) => write!(f, " @ {:.3}", ms as f64 / 1000.0)?,
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            None => {}
        }
        match &self.offset {
            Some(offset) => write!(f, " offset {offset}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.lhs, self.op.as_str())?;
        if self.returns_bool {
            f.write_str(" bool")?;
        }
        write!(f, "{} {}", self.matching, self.rhs)
    }
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = match self.group {
            Group::OneToOne => "",
            Group::Left => " group_left",
            Group::Right => " group_right",
        };
        if self.on || !self.labels.is_empty() || !group.is_empty() {
            f.write_str(if self.on { " on " } else { " ignoring " })?;
            labels(f, &self.labels)?;
            f.write_str(group)?;
            if !group.is_empty() {
                f.write_str(" ")?;
                labels(f, &self.include)?;
            }
        }
        let number = |v: f64| literal::format_number(v);
        match (self.fill_left, self.fill_right) {
            (Some(a), Some(b)) if a.to_bits() == b.to_bits() => write!(f, " fill ({})", number(a)),
            (a, b) => {
                if let Some(a) = a {
                    write!(f, " fill_left ({})", number(a))?;
                }
                match b {
                    Some(b) => write!(f, " fill_right ({})", number(b)),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        if self.without || !self.grouping.is_empty() {
            f.write_str(if self.without { " without " } else { " by " })?;
            labels(f, &self.grouping)?;
            f.write_str(" ")?;
        }
        let args: Vec<&Expr> = self.param.iter().chain([&self.expr]).collect();
        list(f, &args)
    }
}

impl fmt::Display for Aggregator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn labels(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    let names: Vec<String> = names.iter().map(|n| label(n)).collect();
    list(f, &names)
}

/// Bare where it can stand bare.
fn label(name: &str) -> String {
    if is_label_name(name) {
        name.to_owned()
    } else {
        literal::quote(name)
    }
}

pub(crate) fn is_label_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A name that may stand before the braces. Numbers' names and words of the grammar may not.
fn is_metric_name(name: &str) -> bool {
    const RESERVED: [&str; 8] = [
        "on",
        "ignoring",
        "bool",
        "group_left",
        "group_right",
        "atan2",
        "inf",
        "nan",
    ];
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        && !RESERVED.iter().any(|r| name.eq_ignore_ascii_case(r))
}

/// A selector as text: what the API's `match[]` and the console's browser build.
pub fn selector_text(matchers: &[Matcher]) -> String {
    let named = matchers
        .iter()
        .find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal && is_metric_name(&m.value));
    let mut out = named.map_or_else(String::new, |m| m.value.clone());
    let rest: Vec<String> = matchers
        .iter()
        .filter(|m| !named.is_some_and(|n| std::ptr::eq(n, *m)))
        .map(|m| {
            format!(
                "{}{}{}",
                label(&m.name),
                m.op.as_str(),
                literal::quote(&m.value)
            )
        })
        .collect();
    if named.is_none() || !rest.is_empty() {
        out.push_str(&format!("{{{}}}", rest.join(",")));
    }
    out
}
