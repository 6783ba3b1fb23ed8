//! Types, and what is read but not evaluated. The rules are those of Tempo's validation.

use crate::base::regex::Regex;
use crate::query::traceql::ast::{
    Aggregate, Attribute, Body, Expr, Field, Intrinsic, Metrics, MetricsFunction, Op, Pipeline,
    Query, Scalar, Scope, SecondStage, Spansets, Stage, Static, Type,
};
use crate::query::traceql::parse::{ParseError, Parsed};

pub(super) fn query(query: &Query) -> Parsed<()> {
    match &query.body {
        Body::Spans(p) => pipeline(p),
        Body::Metrics(m) => metrics(m),
        Body::Pipelines(_) => Err(ParseError::unsupported(
            "comparing aggregates of whole pipelines is not supported; compare with a number, as in `{ } | count() > 2`",
        )),
    }
}

fn fail<T>(why: impl Into<String>) -> Parsed<T> {
    Err(ParseError::whole(why))
}

fn pipeline(p: &Pipeline) -> Parsed<()> {
    p.stages.iter().try_for_each(|stage| match stage {
        Stage::Spansets(s) => spansets(s),
        Stage::Scalar { lhs, rhs, .. } => scalar_filter(lhs, rhs),
        Stage::By(e) => {
            expr(e)?;
            if speaks_of_span(e) {
                return Ok(());
            }
            fail("by() groups by something of the span: name an attribute or an intrinsic field")
        }
        Stage::Coalesce => Ok(()),
        Stage::Select(fields) => fields.iter().try_for_each(field),
    })
}

fn spansets(s: &Spansets) -> Parsed<()> {
    match s {
        Spansets::Filter(None) => Ok(()),
        Spansets::Filter(Some(e)) => filter(e),
        Spansets::Operation { lhs, rhs, .. } => {
            spansets(lhs)?;
            spansets(rhs)
        }
        Spansets::Pipeline(p) => pipeline(p),
    }
}

fn filter(e: &Expr) -> Parsed<()> {
    match expr(e)? {
        Type::Bool | Type::Unknown => Ok(()),
        _ => fail("what stands in braces must be true or false, as in `{ status = error }`"),
    }
}

/// One aggregate on the left, a number on the right.
fn scalar_filter(lhs: &Scalar, rhs: &Scalar) -> Parsed<()> {
    let (left, right) = (scalar(lhs)?, scalar(rhs)?);
    if !(left.is_numeric() || left == Type::Unknown)
        || !(right.is_numeric() || right == Type::Unknown)
    {
        return fail("only numbers can be compared behind an aggregate");
    }
    match (lhs, rhs) {
        (Scalar::Aggregate(_), other) if is_number(other) => Ok(()),
        _ => Err(ParseError::unsupported(
            "one aggregate is compared with a number, as in `max(duration) > 1s`; arithmetic and comparison between aggregates are not supported",
        )),
    }
}

fn is_number(s: &Scalar) -> bool {
    match s {
        Scalar::Static(_) => true,
        Scalar::Aggregate(_) => false,
        Scalar::Binary { lhs, rhs, .. } => is_number(lhs) && is_number(rhs),
    }
}

fn scalar(s: &Scalar) -> Parsed<Type> {
    match s {
        Scalar::Static(value) => Ok(static_type(value)),
        Scalar::Aggregate(a) => aggregate(a),
        Scalar::Binary { lhs, rhs, .. } => {
            let (l, r) = (scalar(lhs)?, scalar(rhs)?);
            Ok(wider(l, r))
        }
    }
}

fn aggregate(a: &Aggregate) -> Parsed<Type> {
    let Aggregate::Of(_, e) = a else {
        return Ok(Type::Int);
    };
    let inner = expr(e)?;
    if !(inner.is_numeric() || inner == Type::Unknown) {
        return fail("min, max, avg and sum take a number of the span, such as `duration`");
    }
    if !speaks_of_span(e) {
        return fail("min, max, avg and sum take something of the span, such as `duration`");
    }
    Ok(inner)
}

fn speaks_of_span(e: &Expr) -> bool {
    match e {
        Expr::Static(_) => false,
        Expr::Field(_) => true,
        Expr::Not(inner) | Expr::Negate(inner) => speaks_of_span(inner),
        Expr::Binary { lhs, rhs, .. } => speaks_of_span(lhs) || speaks_of_span(rhs),
    }
}

fn static_type(value: &Static) -> Type {
    match value {
        Static::Text(_) => Type::Text,
        Static::Int(_) => Type::Int,
        Static::Float(_) => Type::Float,
        Static::Duration(_) => Type::Duration,
        Static::Bool(_) => Type::Bool,
        Static::Status(_) => Type::Status,
        Static::Kind(_) => Type::Kind,
        Static::Nil => Type::Nil,
    }
}

/// Numbers mix freely; an attribute may be anything.
fn mixes(a: Type, b: Type) -> bool {
    a == b || a == Type::Unknown || b == Type::Unknown || (a.is_numeric() && b.is_numeric())
}

fn wider(a: Type, b: Type) -> Type {
    match (a, b) {
        (Type::Unknown, other) | (other, Type::Unknown) => other,
        (Type::Duration, _) | (_, Type::Duration) => Type::Duration,
        (Type::Float, _) | (_, Type::Float) => Type::Float,
        (a, _) => a,
    }
}

fn expr(e: &Expr) -> Parsed<Type> {
    match e {
        Expr::Static(value) => Ok(static_type(value)),
        Expr::Field(f) => {
            field(f)?;
            Ok(field_type(f))
        }
        Expr::Not(inner) => match expr(inner)? {
            t @ (Type::Bool | Type::Unknown) => Ok(if t == Type::Unknown { Type::Bool } else { t }),
            _ => fail("`!` negates what is true or false"),
        },
        Expr::Negate(inner) => match expr(inner)? {
            t if t.is_numeric() || t == Type::Unknown => Ok(t),
            _ => fail("`-` negates numbers"),
        },
        Expr::Binary { op, lhs, rhs } => binary(*op, lhs, rhs),
    }
}

fn binary(op: Op, lhs: &Expr, rhs: &Expr) -> Parsed<Type> {
    let (l, r) = (expr(lhs)?, expr(rhs)?);
    let sign = op.sign();
    if l == Type::Nil || r == Type::Nil {
        return nil(op, lhs, rhs);
    }
    if !mixes(l, r) {
        return fail(format!("`{sign}` stands between values of different types"));
    }
    let allowed = |t: Type| {
        t == Type::Unknown
            || match op {
                Op::And | Op::Or => t == Type::Bool,
                Op::Equal | Op::NotEqual => true,
                Op::Matches | Op::NotMatches => t == Type::Text,
                Op::Greater | Op::GreaterEqual | Op::Less | Op::LessEqual => {
                    t.is_numeric() || t == Type::Text
                }
                _ => t.is_numeric(),
            }
    };
    if !allowed(l) || !allowed(r) {
        return fail(format!("`{sign}` does not take values of this type"));
    }
    if matches!(op, Op::Matches | Op::NotMatches) {
        pattern(rhs)?;
    }
    Ok(if op.is_arithmetic() {
        wider(l, r)
    } else {
        Type::Bool
    })
}

/// `!= nil` asks whether something is there, `= nil` whether an attribute is missing. What every
/// span has is never missing.
fn nil(op: Op, lhs: &Expr, rhs: &Expr) -> Parsed<Type> {
    match (op, lhs, rhs) {
        (Op::NotEqual, Expr::Field(_), Expr::Static(Static::Nil))
        | (Op::NotEqual, Expr::Static(Static::Nil), Expr::Field(_)) => Ok(Type::Bool),
        (Op::Equal, Expr::Field(f), Expr::Static(Static::Nil))
        | (Op::Equal, Expr::Static(Static::Nil), Expr::Field(f)) => match f {
            Field::Attribute(a) if !(a.scope == Scope::Resource && a.name == "service.name") => {
                Ok(Type::Bool)
            }
            _ => fail("every span has this field: it is never nil"),
        },
        _ => fail("nil is only compared with = and !=, and with a field"),
    }
}

fn pattern(rhs: &Expr) -> Parsed<()> {
    let Expr::Static(Static::Text(text)) = rhs else {
        return fail("behind =~ and !~ stands a quoted regular expression");
    };
    match Regex::anchored(text) {
        Ok(_) => Ok(()),
        Err(e) => fail(e.to_string()),
    }
}

fn field(f: &Field) -> Parsed<()> {
    let of_parent = match f {
        Field::Intrinsic(i) => *i == Intrinsic::Parent,
        Field::Attribute(Attribute { of_parent, .. }) => *of_parent,
    };
    if of_parent {
        return Err(ParseError::unsupported(
            "`parent` is not supported; relate spans instead, as in `{ .a = 1 } > { .b = 2 }`",
        ));
    }
    Ok(())
}

fn field_type(f: &Field) -> Type {
    match f {
        Field::Intrinsic(i) => i.kind(),
        Field::Attribute(_) => Type::Unknown,
    }
}

fn metrics(m: &Metrics) -> Parsed<()> {
    match m {
        Metrics::Number(_) => Ok(()),
        Metrics::Pipeline {
            spans,
            function,
            by,
        } => {
            pipeline(spans)?;
            by.iter().try_for_each(field)?;
            metrics_function(function)
        }
        Metrics::Binary { lhs, rhs, .. } => {
            metrics(lhs)?;
            metrics(rhs)?;
            if compares(lhs) || compares(rhs) {
                return fail("compare() cannot be combined with other series");
            }
            Ok(())
        }
        Metrics::Second(inner, stage) => {
            metrics(inner)?;
            if compares(inner) {
                return fail("nothing may stand behind compare()");
            }
            match stage {
                SecondStage::Top(0) | SecondStage::Bottom(0) => {
                    fail("topk and bottomk take a number from 1")
                }
                _ => Ok(()),
            }
        }
    }
}

fn metrics_function(function: &MetricsFunction) -> Parsed<()> {
    match function {
        MetricsFunction::Rate | MetricsFunction::CountOverTime => Ok(()),
        MetricsFunction::OverTime(_, f) | MetricsFunction::Histogram(f) => numeric(f),
        MetricsFunction::Quantile(f, quantiles) => {
            if quantiles.iter().any(|q| !(0.0..=1.0).contains(q)) {
                return fail("quantiles are between 0 and 1");
            }
            numeric(f)
        }
        MetricsFunction::Compare {
            selection, range, ..
        } => {
            if range.0 > range.1 {
                return fail("compare() ends before it starts");
            }
            selection.as_ref().map_or(Ok(()), filter)
        }
    }
}

fn numeric(f: &Field) -> Parsed<()> {
    field(f)?;
    let t = field_type(f);
    if t.is_numeric() || t == Type::Unknown {
        return Ok(());
    }
    fail("this function takes a number of the span, such as `duration`")
}

fn compares(m: &Metrics) -> bool {
    match m {
        Metrics::Number(_) => false,
        Metrics::Pipeline { function, .. } => matches!(function, MetricsFunction::Compare { .. }),
        Metrics::Binary { lhs, rhs, .. } => compares(lhs) || compares(rhs),
        Metrics::Second(inner, _) => compares(inner),
    }
}
