//! Expressions over one span, with their patterns compiled once.

use crate::base::regex::Regex;
use crate::model::span::{Attribute, Span, find};
use crate::query::traceql::ast::{self, Expr, Field, Intrinsic, Op, Scope, Static};
use crate::query::traceql::parse::{ParseError, Parsed};
use crate::query::traceql::relate::Tree;
use crate::query::traceql::value::{self, Value};
use std::borrow::Cow;

/// An [`Expr`] that can be evaluated again and again.
pub enum Compiled {
    Static(Static),
    Field(Field),
    Not(Box<Compiled>),
    Negate(Box<Compiled>),
    Matches {
        value: Box<Compiled>,
        pattern: Box<Regex>,
        wanted: bool,
    },
    /// `!= nil` and `= nil`
    Exists {
        value: Box<Compiled>,
        wanted: bool,
    },
    Binary {
        op: Op,
        lhs: Box<Compiled>,
        rhs: Box<Compiled>,
    },
}

impl Compiled {
    pub fn new(expr: &Expr) -> Parsed<Self> {
        let boxed = |e: &Expr| Self::new(e).map(Box::new);
        Ok(match expr {
            Expr::Static(value) => Self::Static(value.clone()),
            Expr::Field(field) => Self::Field(field.clone()),
            Expr::Not(e) => Self::Not(boxed(e)?),
            Expr::Negate(e) => Self::Negate(boxed(e)?),
            Expr::Binary { op, lhs, rhs } => match (op, &**lhs, &**rhs) {
                (Op::Matches | Op::NotMatches, _, Expr::Static(Static::Text(text))) => {
                    let pattern =
                        Regex::anchored(text).map_err(|e| ParseError::whole(e.to_string()))?;
                    Self::Matches {
                        value: boxed(lhs)?,
                        pattern: Box::new(pattern),
                        wanted: *op == Op::Matches,
                    }
                }
                (Op::Equal | Op::NotEqual, e, Expr::Static(Static::Nil))
                | (Op::Equal | Op::NotEqual, Expr::Static(Static::Nil), e) => Self::Exists {
                    value: boxed(e)?,
                    wanted: *op == Op::NotEqual,
                },
                _ => Self::Binary {
                    op: *op,
                    lhs: boxed(lhs)?,
                    rhs: boxed(rhs)?,
                },
            },
        })
    }

    pub fn is_true(&self, tree: &Tree<'_>, span: u32) -> bool {
        self.value(tree, span) == Value::Bool(true)
    }

    pub fn value<'a>(&'a self, tree: &'a Tree<'_>, span: u32) -> Value<'a> {
        match self {
            Self::Static(value) => Value::of_static(value),
            Self::Field(field) => self::value(field, tree, span),
            Self::Not(e) => match e.value(tree, span) {
                Value::Bool(b) => Value::Bool(!b),
                _ => Value::Nil,
            },
            Self::Negate(e) => match e.value(tree, span) {
                Value::Int(i) => Value::Int(i.wrapping_neg()),
                Value::Float(v) => Value::Float(-v),
                Value::Duration(d) => Value::Duration(d.wrapping_neg()),
                _ => Value::Nil,
            },
            Self::Matches {
                value,
                pattern,
                wanted,
            } => Value::Bool(value::matches(&value.value(tree, span), pattern, *wanted)),
            Self::Exists { value, wanted } => {
                Value::Bool(value.value(tree, span).is_nil() != *wanted)
            }
            Self::Binary { op, lhs, rhs } => match op {
                Op::And => Value::Bool(lhs.is_true(tree, span) && rhs.is_true(tree, span)),
                Op::Or => Value::Bool(lhs.is_true(tree, span) || rhs.is_true(tree, span)),
                op if op.is_comparison() => {
                    let (l, r) = (lhs.value(tree, span), rhs.value(tree, span));
                    Value::Bool(value::compare(*op, &l, &r))
                }
                op => value::arithmetic(*op, &lhs.value(tree, span), &rhs.value(tree, span)),
            },
        }
    }
}

/// What a field of a span holds; nil where it is missing.
pub(crate) fn value<'a>(field: &'a Field, tree: &'a Tree<'_>, index: u32) -> Value<'a> {
    match field {
        Field::Intrinsic(i) => intrinsic(*i, tree, index),
        Field::Attribute(a) => attribute(a, tree.span(index)),
    }
}

fn attribute<'a>(asked: &ast::Attribute, span: &'a Span) -> Value<'a> {
    let name = asked.name.as_str();
    let one = |found: Option<&'a Attribute>| found.map_or(Value::Nil, Value::of_attribute);
    let own = || find(&span.attributes, name);
    let resource = || find(&span.resource.attributes, name);
    match asked.scope {
        Scope::Any => one(own().or_else(resource)),
        Scope::Span => one(own()),
        Scope::Resource => one(resource()),
        Scope::Instrumentation => one(find(&span.scope.attributes, name)),
        Scope::Event => many(span.events.iter().filter_map(|e| find(&e.attributes, name))),
        Scope::Link => many(span.links.iter().filter_map(|l| find(&l.attributes, name))),
    }
}

fn many<'a>(found: impl Iterator<Item = &'a Attribute>) -> Value<'a> {
    list(found.map(Value::of_attribute))
}

/// Nil where there are none, else a list of all.
fn list<'a>(values: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    let values: Vec<_> = values.collect();
    if values.is_empty() {
        return Value::Nil;
    }
    Value::List(values)
}

fn intrinsic<'a>(asked: Intrinsic, tree: &'a Tree<'_>, index: u32) -> Value<'a> {
    let span = tree.span(index);
    let text = |t: &'a str| Value::Text(Cow::Borrowed(t));
    let shown = |id: String| Value::Text(Cow::Owned(id));
    let root = |of: fn(&'a Span) -> &'a str| tree.root().map_or(Value::Nil, |r| text(of(r)));
    match asked {
        Intrinsic::Duration => Value::Duration(nanoseconds(span.duration())),
        Intrinsic::Name => text(&span.name),
        Intrinsic::Status => Value::Status(span.status),
        Intrinsic::StatusMessage => text(&span.status_message),
        Intrinsic::Kind => Value::Kind(span.kind),
        Intrinsic::ChildCount => Value::Int(i64::from(tree.children()[index as usize])),
        Intrinsic::SpanId => shown(span.id.to_string()),
        Intrinsic::ParentId => shown(span.parent.map(|p| p.to_string()).unwrap_or_default()),
        Intrinsic::Parent => Value::Nil,
        Intrinsic::TraceDuration => Value::Duration(nanoseconds(tree.trace.duration())),
        Intrinsic::RootName => root(|r| &r.name),
        Intrinsic::RootService => root(Span::service),
        Intrinsic::TraceId => shown(span.trace.to_string()),
        Intrinsic::NestedLeft => Value::Int(tree.nested_set(index).0),
        Intrinsic::NestedRight => Value::Int(tree.nested_set(index).1),
        Intrinsic::NestedParent => Value::Int(tree.nested_set(index).2),
        Intrinsic::EventName => list(span.events.iter().map(|e| text(&e.name))),
        Intrinsic::EventTime => {
            let since = |time: u64| nanoseconds(time.saturating_sub(span.start));
            list(span.events.iter().map(|e| Value::Duration(since(e.time))))
        }
        Intrinsic::LinkTrace => list(span.links.iter().map(|l| shown(l.trace.to_string()))),
        Intrinsic::LinkSpan => list(span.links.iter().map(|l| shown(l.span.to_string()))),
        Intrinsic::ScopeName => text(&span.scope.name),
        Intrinsic::ScopeVersion => text(&span.scope.version),
    }
}

fn nanoseconds(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
