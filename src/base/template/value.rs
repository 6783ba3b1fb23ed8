//! The data of a template.
//!
//! A map with the key [`TYPE`] is a structure: its fields are those it has, and asking for another
//! is an error. Any other map gives the empty text for a key it lacks, as Go's `map[string]string`
//! does under `missingkey=zero`. Times and durations are Go's own types, with their methods; they
//! are carried as the text Go prints for them, under a content kind that no template makes.

use crate::base::template::time;
use chrono::{DateTime, FixedOffset};
use gotmpl::SafeKind;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use gotmpl::Value;

/// The key that makes a map a structure; its value is the type's name.
pub(super) const TYPE: &str = "";
pub(super) const TIME: SafeKind = SafeKind::Srcset;
pub(super) const DURATION: SafeKind = SafeKind::JsStr;

/// A map from text to values.
pub fn map<K: AsRef<str>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
    let entries = entries.into_iter();
    let entries: BTreeMap<Arc<str>, Value> = entries
        .map(|(k, v)| (Arc::from(k.as_ref()), v.into()))
        .collect();
    Value::Map(Arc::new(entries))
}

/// A map whose missing keys are nothing rather than the empty text: Go's `map[string]any`.
pub fn open_map<K: AsRef<str>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
    let entries = entries.into_iter();
    let entries = entries.map(|(k, v)| (Arc::from(k.as_ref()), v.into()));
    let open = (Arc::from(TYPE), Value::Nil);
    Value::Map(Arc::new(entries.chain([open]).collect()))
}

/// Whether a key that a map lacks is nothing.
pub(super) fn is_open(map: &BTreeMap<Arc<str>, Value>) -> bool {
    matches!(map.get(TYPE), Some(Value::Nil))
}

/// A value with exactly these fields.
pub fn structure<const N: usize>(name: &str, fields: [(&str, Value); N]) -> Value {
    let name = (TYPE, Value::String(Arc::from(name)));
    map(fields.into_iter().chain([name]))
}

pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

/// Go's `time.Time`; `zone` is its abbreviation.
pub fn time(at: DateTime<FixedOffset>, zone: &str) -> Value {
    Value::Safe {
        kind: TIME,
        s: time::show(at, zone).into(),
    }
}

/// Go's `time.Duration`, of nanoseconds.
pub fn duration(nanos: i64) -> Value {
    Value::Safe {
        kind: DURATION,
        s: time::show_duration(nanos).into(),
    }
}

/// A text that HTML takes as it is: markup, or an address.
pub fn trusted(text: &str, markup: bool) -> Value {
    let kind = if markup {
        SafeKind::Html
    } else {
        SafeKind::Url
    };
    Value::Safe {
        kind,
        s: text.into(),
    }
}

/// The name of a structure's type.
pub(super) fn type_of(value: &Value) -> Option<&str> {
    match value {
        Value::Map(map) => map.get(TYPE)?.as_str(),
        _ => None,
    }
}

/// The value as Go's `%v` prints it, structures without their names of fields.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Float(f) => float(*f),
        Value::Nil => "<no value>".to_owned(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(entries) => {
            let structure = entries.contains_key(TYPE) && !is_open(entries);
            let entries = entries.iter().filter(|(k, _)| &***k != TYPE);
            let entries: Vec<String> = entries
                .map(|(k, v)| {
                    let name = if structure {
                        String::new()
                    } else {
                        format!("{k}:")
                    };
                    name + &shown(v)
                })
                .collect();
            let all = entries.join(" ");
            if structure {
                format!("{{{all}}}")
            } else {
                format!("map[{all}]")
            }
        }
        other => other.to_string(),
    }
}

/// Go's `%v` of a float64: the shortest digits, with an exponent below 1e-4 and from 1e6.
fn float(f: f64) -> String {
    if f.is_nan() {
        return "NaN".to_owned();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = f.abs();
    if f == 0.0 || (1e-4..1e6).contains(&size) {
        return format!("{f}");
    }
    let text = format!("{f:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}
