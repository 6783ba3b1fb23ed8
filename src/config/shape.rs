//! The registry's nouns: a section, its keys, the shape of each value; and the walk that holds a
//! file against them.
//!
//! One [`Key`] is one row: the check, the did-you-mean, `config.example.yaml`'s test and the
//! documentation read the same row. After a walk without errors every value has the shape its row
//! says, so that [`crate::config::fields`] reads without looking back.

use crate::base::regex::Regex;
use crate::base::units::{parse_bytes, parse_duration_ms};
use crate::config::finding::Report;
use crate::config::place::{Entry, Node, Scalar, Value};
use crate::config::suggest::nearest;

/// A named group of keys.
pub struct Section {
    /// As findings call it: `scrape_configs`, `tls_config`.
    pub name: &'static str,
    /// Groups, so that shared blocks (an HTTP client's keys) are written once.
    pub keys: &'static [&'static [Key]],
}

/// One key of a section.
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// As it would be written in the file; empty where there is none.
    pub default: &'static str,
    /// One line of why, for the example file and the documentation.
    pub doc: &'static str,
    pub state: State,
}

/// Whether this program does what the key asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Works,
    /// The original tool has it, this program not yet: accepted, with a warning that names it.
    Later(&'static str),
    /// The original tool has it, here it means nothing: accepted, with the reason.
    Idle(&'static str),
}

/// What a value looks like.
#[derive(Clone, Copy)]
pub enum Shape {
    Text,
    /// Text that is never shown.
    Secret,
    /// One of these words.
    Word(&'static [&'static str]),
    Bool,
    /// A whole number, at least the first, at most the second.
    Int(i64, i64),
    Float,
    Duration,
    Size,
    /// A regular expression in RE2's dialect.
    Regex,
    /// Names to texts: labels, headers.
    Texts,
    /// Names to whatever this shape is.
    Named(&'static Shape),
    List(&'static Shape),
    Section(&'static Section),
    /// A single value or a section: a short form and a long one.
    Either(&'static Shape, &'static Section),
    /// Anything: the check goes no deeper.
    Any,
}

impl Section {
    pub fn all(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().flat_map(|group| group.iter())
    }

    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.all().find(|k| k.name == name)
    }
}

/// A row that works.
pub(crate) const fn key(
    name: &'static str,
    shape: Shape,
    default: &'static str,
    doc: &'static str,
) -> Key {
    let state = State::Works;
    Key {
        name,
        shape,
        default,
        doc,
        state,
    }
}

/// A row of the original tool that this program has not yet.
pub(crate) const fn later(name: &'static str, shape: Shape, feature: &'static str) -> Key {
    Key {
        name,
        shape,
        default: "",
        doc: "",
        state: State::Later(feature),
    }
}

/// A row of the original tool that means nothing here.
pub(crate) const fn idle(name: &'static str, shape: Shape, reason: &'static str) -> Key {
    Key {
        name,
        shape,
        default: "",
        doc: "",
        state: State::Idle(reason),
    }
}

/// A row inside a block that is wholly [`later`] or [`idle`]: only its shape counts.
pub(crate) const fn field(name: &'static str, shape: Shape) -> Key {
    key(name, shape, "", "")
}

/// Holds `node` against `section` and reports what does not fit.
pub(crate) fn check(node: &Node, section: &'static Section, report: &mut Report) {
    walk(node, Shape::Section(section), false, report);
}

/// `quiet`: inside a block that has had its warning; errors are still reported.
fn walk(node: &Node, shape: Shape, quiet: bool, report: &mut Report) {
    if node.is_null() {
        return; // an empty value is the default
    }
    match (shape, &node.value) {
        (Shape::Any, _) => {}
        (Shape::Section(section) | Shape::Either(_, section), Value::Map(_)) => {
            walk_section(node, section, quiet, report);
        }
        (Shape::Either(short, _), Value::Scalar(_)) => walk(node, *short, quiet, report),
        (Shape::List(item), Value::List(items)) => {
            for one in items {
                walk(one, *item, quiet, report);
            }
        }
        (Shape::Texts, Value::Map(entries)) => {
            for entry in entries {
                walk(&entry.value, Shape::Text, quiet, report);
            }
        }
        (Shape::Named(value), Value::Map(entries)) => {
            for entry in entries {
                walk(&entry.value, *value, quiet, report);
            }
        }
        (_, Value::Scalar(scalar)) => {
            if let Err(text) = scalar_fits(scalar, shape) {
                report.error(node.place, text);
            }
        }
        (_, found) => report.error(node.place, mismatch(shape, found)),
    }
}

fn walk_section(node: &Node, section: &'static Section, quiet: bool, report: &mut Report) {
    for entry in node.entries() {
        if report.is_full() {
            return;
        }
        let Some(key) = section.key(&entry.key) else {
            report.error(entry.place, unknown(entry, section));
            continue;
        };
        let mut below = quiet;
        match key.state {
            State::Works => {}
            State::Later(feature) => {
                if !quiet && !entry.value.is_null() {
                    let text = format!("bongsu does not have {feature} yet; this is left out");
                    report.warning(entry.place, text);
                }
                below = true;
            }
            State::Idle(reason) => {
                if !quiet && !entry.value.is_null() {
                    report.warning(entry.place, reason);
                }
                below = true;
            }
        }
        walk(&entry.value, key.shape, below, report);
    }
}

fn unknown(entry: &Entry, section: &'static Section) -> String {
    let names = section.all().map(|k| k.name);
    let place = match section.name {
        "" => String::new(),
        name => format!(" in {name}"),
    };
    match nearest(&entry.key, names) {
        Some(name) => format!("unknown key{place}; did you mean `{name}`?"),
        None => format!("unknown key{place}"),
    }
}

fn mismatch(shape: Shape, found: &Value) -> String {
    let found = match found {
        Value::Scalar(_) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
    };
    let wanted = match shape {
        Shape::Section(_) => "a mapping (`key: value` lines)",
        Shape::Texts | Shape::Named(_) => "a mapping of names to values",
        Shape::List(_) => "a list (`- item` lines, or `[a, b]`)",
        Shape::Either(..) => "a single value or a mapping",
        _ => "a single value",
    };
    format!("{wanted} is needed here, this is {found}")
}

/// The rules by which the Go tools read a scalar into a field of that type.
fn scalar_fits(scalar: &Scalar, shape: Shape) -> Result<(), String> {
    let text = scalar.text.as_str();
    let shown = || {
        if text.is_empty() {
            "an empty text"
        } else {
            text
        }
    };
    match shape {
        Shape::Text | Shape::Secret | Shape::Any => Ok(()),
        Shape::Word(words) => match nearest_word(text, words) {
            Ok(()) => Ok(()),
            Err(hint) => Err(format!("`{}` is not one of {hint}", shown())),
        },
        Shape::Bool => as_bool(scalar)
            .map(|_| ())
            .ok_or_else(|| format!("`{}` is not a yes or no; write true or false", shown())),
        Shape::Int(low, high) => match as_int(scalar) {
            None => Err(format!("`{}` is not a whole number", shown())),
            Some(n) if n < low || n > high => Err(bounds(n, low, high)),
            Some(_) => Ok(()),
        },
        Shape::Float => as_float(scalar)
            .map(|_| ())
            .ok_or_else(|| format!("`{}` is not a number", shown())),
        Shape::Duration if text.is_empty() => Ok(()),
        Shape::Duration => parse_duration_ms(text)
            .map(|_| ())
            .map_err(|e| e.to_string()),
        Shape::Size => parse_bytes(text).map(|_| ()).map_err(|e| e.to_string()),
        Shape::Regex => Regex::anchored(text).map(|_| ()).map_err(|e| e.to_string()),
        Shape::Either(short, _) => scalar_fits(scalar, *short),
        Shape::Texts | Shape::Named(_) | Shape::List(_) | Shape::Section(_) => {
            Err(mismatch(shape, &Value::Scalar(scalar.clone())))
        }
    }
}

fn bounds(n: i64, low: i64, high: i64) -> String {
    if high == i64::MAX {
        format!("{n} is too small; at least {low}")
    } else {
        format!("{n} is out of range; {low} to {high}")
    }
}

fn nearest_word(text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) {
        return Ok(());
    }
    let list = words
        .iter()
        .filter(|w| !w.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    Err(match nearest(text, words.iter().copied()) {
        Some(word) if !word.is_empty() => format!("{list}; did you mean `{word}`?"),
        _ => list,
    })
}

/// YAML 1.1's words, as the Go tools take them where a yes or no is asked for.
pub(crate) fn as_bool(scalar: &Scalar) -> Option<bool> {
    if !scalar.plain {
        return None;
    }
    match scalar.text.as_str() {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "y" | "Y" | "on" | "On" | "ON" => {
            Some(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "n" | "N" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    }
}

/// Decimal, `0x`, `0o`, `0b`, `_` between digits, and floats without a fraction.
pub(crate) fn as_int(scalar: &Scalar) -> Option<i64> {
    if !scalar.plain {
        return None;
    }
    let text = scalar.text.replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let number = match digits.get(..2) {
        Some("0x") => i64::from_str_radix(&digits[2..], 16).ok(),
        Some("0o") => i64::from_str_radix(&digits[2..], 8).ok(),
        Some("0b") => i64::from_str_radix(&digits[2..], 2).ok(),
        _ if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    let whole = || {
        as_float(scalar)
            .filter(|f| f.fract() == 0.0 && f.abs() < 9e15)
            .map(|f| f as i64)
    };
    number
        .map(|n: i64| if negative { -n } else { n })
        .or_else(whole)
}

pub(crate) fn as_float(scalar: &Scalar) -> Option<f64> {
    let text = scalar.text.replace('_', "");
    match text.as_str() {
        _ if !scalar.plain => None,
        ".inf" | ".Inf" | "+.inf" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" => Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" => Some(f64::NAN),
        t if t.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => t.parse().ok(),
        _ => None,
    }
}

/// The yes or no that a value without a row of its own holds.
pub(crate) fn node_bool(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Scalar(s) => as_bool(s),
        Value::List(_) | Value::Map(_) => None,
    }
}
