//! Values of fields, and how they are compared.
//!
//! A missing attribute compares as false, also with `!=` and `!~`. A list matches where any of its
//! elements does; with `!=` and `!~`, where none does.

use crate::base::regex::Regex;
use crate::model::span::{Attribute, SpanKind, SpanStatus};
use crate::query::traceql::ast::{Op, Static};
use std::borrow::Cow;
use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not there.
    Nil,
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Bool(bool),
    Status(SpanStatus),
    Kind(SpanKind),
    List(Vec<Value<'a>>),
    /// Bytes or a map: there, and shown, but equal to nothing.
    Opaque(String),
}

impl<'a> Value<'a> {
    pub fn of_attribute(attribute: &'a Attribute) -> Self {
        match attribute {
            Attribute::Text(text) => Self::Text(Cow::Borrowed(text)),
            Attribute::Bool(b) => Self::Bool(*b),
            Attribute::Int(i) => Self::Int(*i),
            Attribute::Float(v) => Self::Float(*v),
            Attribute::List(items) => Self::List(items.iter().map(Self::of_attribute).collect()),
            Attribute::Bytes(_) | Attribute::Map(_) => Self::Opaque(attribute.to_string()),
        }
    }

    pub fn of_static(value: &'a Static) -> Self {
        match value {
            Static::Text(text) => Self::Text(Cow::Borrowed(text)),
            Static::Int(i) => Self::Int(*i),
            Static::Float(v) => Self::Float(*v),
            Static::Duration(d) => Self::Duration(*d),
            Static::Bool(b) => Self::Bool(*b),
            Static::Status(s) => Self::Status(*s),
            Static::Kind(k) => Self::Kind(*k),
            Static::Nil => Self::Nil,
        }
    }

    pub fn is_nil(&self) -> bool {
        *self == Self::Nil
    }

    /// As a number; durations in nanoseconds.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(i) | Self::Duration(i) => Some(*i as f64),
            Self::Float(v) => Some(*v),
            _ => None,
        }
    }

    /// As an attribute of an answer; nothing for nil.
    pub fn to_attribute(&self) -> Option<Attribute> {
        Some(match self {
            Self::Nil => return None,
            Self::Text(text) => Attribute::text(text),
            Self::Int(i) | Self::Duration(i) => Attribute::Int(*i),
            Self::Float(v) => Attribute::Float(*v),
            Self::Bool(b) => Attribute::Bool(*b),
            Self::Status(s) => Attribute::text(s.as_str()),
            Self::Kind(k) => Attribute::text(k.as_str()),
            Self::Opaque(text) => Attribute::text(text),
            Self::List(items) => {
                Attribute::List(items.iter().filter_map(Self::to_attribute).collect())
            }
        })
    }

    /// As a label's value.
    pub fn to_label(&self) -> String {
        match self {
            Self::Nil => "nil".to_owned(),
            Self::Text(text) => text.clone().into_owned(),
            other => other
                .to_attribute()
                .map(|a| a.to_string())
                .unwrap_or_default(),
        }
    }
}

/// `lhs op rhs` for the comparisons that need no pattern.
pub fn compare(op: Op, lhs: &Value<'_>, rhs: &Value<'_>) -> bool {
    if let Value::List(items) = lhs {
        let one = |op| items.iter().any(|item| compare(op, item, rhs));
        return if op == Op::NotEqual {
            !one(Op::Equal)
        } else {
            one(op)
        };
    }
    if let Value::List(items) = rhs {
        let one = |op| items.iter().any(|item| compare(op, lhs, item));
        return if op == Op::NotEqual {
            !one(Op::Equal)
        } else {
            one(op)
        };
    }
    let Some(order) = order(lhs, rhs) else {
        return false;
    };
    match op {
        Op::Equal => order == Ordering::Equal,
        Op::NotEqual => order != Ordering::Equal,
        Op::Greater => order == Ordering::Greater,
        Op::GreaterEqual => order != Ordering::Less,
        Op::Less => order == Ordering::Less,
        Op::LessEqual => order != Ordering::Greater,
        _ => false,
    }
}

/// `None` where the values do not compare: other types, something missing, NaN.
fn order(lhs: &Value<'_>, rhs: &Value<'_>) -> Option<Ordering> {
    match (lhs, rhs) {
        (Value::Int(a) | Value::Duration(a), Value::Int(b) | Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Status(a), Value::Status(b)) => Some(a.cmp(b)),
        (Value::Kind(a), Value::Kind(b)) => Some(a.cmp(b)),
        (a, b) => a.number()?.partial_cmp(&b.number()?),
    }
}

/// `value =~ pattern`, or `!~` where `wanted` is false.
pub fn matches(value: &Value<'_>, pattern: &Regex, wanted: bool) -> bool {
    match value {
        Value::Text(text) => pattern.is_match(text) == wanted,
        Value::List(items) => items.iter().any(|item| matches(item, pattern, true)) == wanted,
        _ => false,
    }
}

/// Arithmetic of numbers; what is none, and a division of integers by zero, is nil.
pub fn arithmetic(op: Op, lhs: &Value<'_>, rhs: &Value<'_>) -> Value<'static> {
    if let (Value::Int(a), Value::Int(b)) = (lhs, rhs) {
        let whole = match op {
            Op::Add => a.checked_add(*b),
            Op::Subtract => a.checked_sub(*b),
            Op::Multiply => a.checked_mul(*b),
            Op::Divide => a.checked_div(*b),
            Op::Modulo => a.checked_rem(*b),
            _ => u32::try_from(*b).ok().and_then(|b| a.checked_pow(b)),
        };
        if let Some(whole) = whole {
            return Value::Int(whole);
        }
        if matches!(op, Op::Divide | Op::Modulo) {
            return Value::Nil;
        }
    }
    let (Some(a), Some(b)) = (lhs.number(), rhs.number()) else {
        return Value::Nil;
    };
    Value::Float(match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Divide => a / b,
        Op::Modulo => a % b,
        _ => a.powf(b),
    })
}
