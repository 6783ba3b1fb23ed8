//! Arguments of template functions as the functions known as sprig read them: whatever is given is
//! made a text, a whole number or a float; what cannot be is empty or zero.

use crate::base::template::value::{Value, shown};
use std::sync::Arc;

/// An argument as text; what is missing is empty.
pub fn said(args: &[Value], at: usize) -> Arc<str> {
    match args.get(at) {
        Some(Value::String(s) | Value::Safe { s, .. }) => s.as_ref().into(),
        Some(other) => shown(other).into(),
        None => "".into(),
    }
}

/// Whole, as sprig casts: what is no number is 0.
pub fn whole(value: &Value) -> i64 {
    match value {
        Value::Int(i) => *i,
        Value::Uint(u) => *u as i64,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::String(s) => s.trim().parse().unwrap_or(0),
        _ => 0,
    }
}

pub fn float(value: &Value) -> f64 {
    match value {
        Value::Float(f) => *f,
        Value::String(s) => s.trim().parse().unwrap_or(0.0),
        other => whole(other) as f64,
    }
}

/// Neither nothing, nor zero, nor empty.
pub fn is_set(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(b) => *b,
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => float(value) != 0.0,
        Value::String(s) | Value::Safe { s, .. } => !s.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
        Value::Function(_) => true,
    }
}

/// A JSON value as templates see it.
pub fn of_json(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Nil,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        Json::String(s) => Value::String(s.as_str().into()),
        Json::Array(all) => Value::List(all.iter().map(of_json).collect()),
        Json::Object(all) => crate::base::template::map(all.iter().map(|(k, v)| (k, of_json(v)))),
    }
}

/// The other way.
pub fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Nil | Value::Function(_) => Json::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::Uint(u) => (*u).into(),
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 1e15 => (*f as i64).into(),
        Value::Float(f) => (*f).into(),
        Value::String(s) | Value::Safe { s, .. } => (&**s).into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let entries = entries.iter().filter(|(k, _)| !k.is_empty());
            Json::Object(entries.map(|(k, v)| (k.to_string(), to_json(v))).collect())
        }
    }
}
