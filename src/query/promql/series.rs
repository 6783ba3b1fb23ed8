//! Series descriptions: `metric{labels} 1 2 _ 0+10x5 {{schema:0 count:1}}`, the language of
//! `.test` scripts and of rule unit tests.

use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::matcher::MatchOp;
use crate::query::promql::ast::Kind;
use crate::query::promql::literal;
use crate::query::promql::parse;

/// One step of a described series.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `_`: no sample.
    Missing,
    /// A number, or the staleness marker for `stale`.
    Value(f64),
    Histogram(Box<Histogram>),
}

/// A native histogram as written between `{{` and `}}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub schema: i32,
    pub sum: f64,
    pub count: f64,
    pub zero_count: f64,
    pub zero_width: f64,
    pub offset: i32,
    pub buckets: Vec<f64>,
    pub negative_offset: i32,
    pub negative_buckets: Vec<f64>,
    pub custom_values: Vec<f64>,
    pub reset_hint: ResetHint,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetHint {
    #[default]
    Unknown,
    Reset,
    NotReset,
    Gauge,
}

/// The most samples one description may stand for.
const MAX_ITEMS: usize = 10_000_000;

/// Splits a description into labels and items.
pub fn parse_series(line: &str) -> Result<(Labels, Vec<Item>), String> {
    let (labels, rest) = parse_labels(line)?;
    Ok((labels, parse_items(rest)?))
}

/// Reads `metric{a="b"}` at the start of the line; returns what follows.
pub fn parse_labels(line: &str) -> Result<(Labels, &str), String> {
    let end = labels_end(line);
    let (head, rest) = line.split_at(end);
    if head.trim() == "{}" || head.trim().is_empty() {
        return Ok((Labels::empty(), rest));
    }
    // A selector of equalities is what a label set looks like.
    let expr = parse::parse_unchecked(head).map_err(|e| e.to_string())?;
    let Kind::Selector(selector) = expr.kind else {
        return Err(format!("{head:?} is not a series"));
    };
    if let Some(other) = selector.matchers.iter().find(|m| m.op != MatchOp::Equal) {
        return Err(format!("{head:?}: {other} does not set a label; write ="));
    }
    let pairs = selector
        .matchers
        .iter()
        .map(|m| (m.name.as_str(), m.value.as_str()));
    Ok((Labels::from_pairs(pairs), rest))
}

/// Where the labels end: after the closing brace, or at the first blank where none opens.
fn labels_end(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mut at = 0;
    let mut inside = false;
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' | b'`' => match literal::quoted_len(&line[at..]) {
                Some(len) => at += len,
                None => return line.len(),
            },
            b'{' if !inside => {
                inside = true;
                at += 1;
            }
            b'}' if inside => return at + 1,
            b' ' | b'\t' if !inside => {
                // `metric {a="b"}`: a blank may stand before the brace, `{{` starts a histogram.
                let rest = line[at..].trim_start();
                if rest.starts_with('{') && !rest.starts_with("{{") {
                    at = line.len() - rest.len();
                } else {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    line.len()
}

/// Reads blank-separated items; `axN` and `a+bxN` are unrolled.
pub fn parse_items(text: &str) -> Result<Vec<Item>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = item_end(rest);
        push_item(&rest[..end], &mut out)?;
        rest = rest[end..].trim_start();
    }
    Ok(out)
}

/// Blanks inside `{{ }}` do not end an item.
fn item_end(text: &str) -> usize {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("{{") {
            at += rest.find("}}").map_or(rest.len(), |i| i + 2);
        } else if rest.starts_with(char::is_whitespace) {
            return at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn push_item(item: &str, out: &mut Vec<Item>) -> Result<(), String> {
    let bad = || format!("{item:?} is not a sample");
    let bound = |n: usize, have: usize| {
        if n.saturating_add(have) > MAX_ITEMS {
            Err(format!("{item:?}: more than {MAX_ITEMS} samples"))
        } else {
            Ok(n)
        }
    };
    if item == "_" {
        out.push(Item::Missing);
        return Ok(());
    }
    if let Some(times) = item.strip_prefix("_x") {
        let n = bound(times.parse().map_err(|_| bad())?, out.len())?;
        out.extend(std::iter::repeat_n(Item::Missing, n));
        return Ok(());
    }
    if item == "stale" {
        out.push(Item::Value(crate::model::sample::stale_marker()));
        return Ok(());
    }
    if item.starts_with("{{") {
        return push_histogram(item, out).map_err(|why| format!("{item:?}: {why}"));
    }
    let (body, times) = match item.rsplit_once('x') {
        Some((body, n)) if !body.is_empty() => (body, Some(n.parse::<usize>().map_err(|_| bad())?)),
        _ => (item, None),
    };
    let Some(times) = times else {
        out.push(Item::Value(value(body).ok_or_else(bad)?));
        return Ok(());
    };
    bound(times, out.len())?;
    let (first, delta) = split_delta(body);
    let mut v = value(first).ok_or_else(bad)?;
    let delta = match delta {
        Some(d) => value(d).ok_or_else(bad)?,
        None => 0.0,
    };
    for _ in 0..=times {
        out.push(Item::Value(v));
        v += delta;
    }
    Ok(())
}

/// A signed number or duration (in seconds).
fn value(text: &str) -> Option<f64> {
    if let Some(v) = literal::signed_number(text) {
        return Some(v);
    }
    let (sign, bare) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    literal::duration_ms(bare).map(|ms| sign * ms as f64 / 1000.0)
}

/// `1+2` to `1` and `+2`; the signs of a leading number or an exponent do not split.
fn split_delta(body: &str) -> (&str, Option<&str>) {
    let bytes = body.as_bytes();
    for at in 1..bytes.len() {
        let after_exponent = matches!(bytes[at - 1], b'e' | b'E')
            && bytes[..at - 1]
                .iter()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-'));
        let doubled = matches!(bytes[at - 1], b'+' | b'-');
        if matches!(bytes[at], b'+' | b'-') && !after_exponent && !doubled {
            // `1+-2`: the delta is `-2`.
            let delta = &body[at..];
            let delta = match delta.as_bytes().get(1) {
                Some(b'+' | b'-') => &delta[1..],
                _ => delta,
            };
            return (&body[..at], Some(delta));
        }
    }
    (body, None)
}

fn push_histogram(item: &str, out: &mut Vec<Item>) -> Result<(), String> {
    let first_end = item.find("}}").ok_or("}} is missing")? + 2;
    let first = parse_histogram(&item[..first_end])?;
    let rest = &item[first_end..];
    if rest.is_empty() {
        out.push(Item::Histogram(Box::new(first)));
        return Ok(());
    }
    if let Some(n) = rest.strip_prefix('x') {
        let n: usize = n.parse().map_err(|_| "the count after x is no number")?;
        if n.saturating_add(out.len()) > MAX_ITEMS {
            return Err(format!("more than {MAX_ITEMS} samples"));
        }
        let one = Item::Histogram(Box::new(first));
        out.extend(std::iter::repeat_n(one, n + 1));
        return Ok(());
    }
    let minus = rest.starts_with('-');
    let body = rest
        .strip_prefix(['+', '-'])
        .ok_or("after }} stands +, - or x")?;
    let (delta, n) = body
        .rsplit_once('x')
        .ok_or("the count after x is missing")?;
    let n: usize = n.parse().map_err(|_| "the count after x is no number")?;
    if n.saturating_add(out.len()) > MAX_ITEMS {
        return Err(format!("more than {MAX_ITEMS} samples"));
    }
    let delta = parse_histogram(delta)?;
    let mut now = first;
    for _ in 0..=n {
        out.push(Item::Histogram(Box::new(now.clone())));
        now.add(&delta, if minus { -1.0 } else { 1.0 });
    }
    Ok(())
}

/// Reads `{{schema:1 sum:2 buckets:[1 2]}}`.
pub fn parse_histogram(text: &str) -> Result<Histogram, String> {
    let mut rest = text
        .strip_prefix("{{")
        .and_then(|t| t.strip_suffix("}}"))
        .ok_or("a histogram stands between {{ and }}")?
        .trim();
    let mut h = Histogram::default();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or("a key needs a colon")?;
        let after = after.trim_start();
        let (word, next) = if let Some(list) = after.strip_prefix('[') {
            list.split_once(']').ok_or("] is missing")?
        } else {
            after.split_at(after.find(char::is_whitespace).unwrap_or(after.len()))
        };
        set_histogram_key(&mut h, key.trim(), word)?;
        rest = next.trim_start();
    }
    Ok(h)
}

fn set_histogram_key(h: &mut Histogram, key: &str, word: &str) -> Result<(), String> {
    let number = || value(word).ok_or_else(|| format!("{word:?} is not a number"));
    let whole = || {
        word.parse::<i32>()
            .map_err(|_| format!("{word:?} is not a whole number"))
    };
    let many = || -> Result<Vec<f64>, String> {
        word.split_whitespace()
            .map(|w| value(w).ok_or_else(|| format!("{w:?} is not a number")))
            .collect()
    };
    match key {
        "schema" => {
            h.schema = whole()?;
            if h.schema != -53 && !(-4..=8).contains(&h.schema) {
                return Err(format!("there is no schema {}", h.schema));
            }
        }
        "sum" => h.sum = number()?,
        "count" => h.count = number()?,
        "z_bucket" => h.zero_count = number()?,
        "z_bucket_w" => h.zero_width = number()?,
        "offset" => h.offset = whole()?,
        "n_offset" => h.negative_offset = whole()?,
        "buckets" => h.buckets = many()?,
        "n_buckets" => h.negative_buckets = many()?,
        "custom_values" => h.custom_values = many()?,
        "counter_reset_hint" => {
            h.reset_hint = match word {
                "unknown" => ResetHint::Unknown,
                "reset" => ResetHint::Reset,
                "not_reset" => ResetHint::NotReset,
                "gauge" => ResetHint::Gauge,
                _ => return Err(format!("{word:?} is not a reset hint")),
            }
        }
        _ => return Err(format!("a histogram has no key {key:?}")),
    }
    Ok(())
}

impl Histogram {
    /// Adds `times` the other, bucket by bucket; both must have the same schema.
    fn add(&mut self, other: &Self, times: f64) {
        self.sum += times * other.sum;
        self.count += times * other.count;
        self.zero_count += times * other.zero_count;
        add_buckets(
            (&mut self.offset, &mut self.buckets),
            (other.offset, &other.buckets),
            times,
        );
        add_buckets(
            (&mut self.negative_offset, &mut self.negative_buckets),
            (other.negative_offset, &other.negative_buckets),
            times,
        );
    }
}

fn add_buckets(to: (&mut i32, &mut Vec<f64>), from: (i32, &[f64]), times: f64) {
    let (offset, buckets) = to;
    if from.1.is_empty() {
        return;
    }
    if buckets.is_empty() {
        *offset = from.0;
    }
    while *offset > from.0 {
        buckets.insert(0, 0.0);
        *offset -= 1;
    }
    for (i, v) in from.1.iter().enumerate() {
        let at = (from.0 - *offset) as usize + i;
        if at >= buckets.len() {
            buckets.resize(at + 1, 0.0);
        }
        buckets[at] += times * v;
    }
}

/// The metric's name of a described series, for messages.
pub fn name_of(labels: &Labels) -> &str {
    labels.get(METRIC_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<f64> {
        let read = |i| match i {
            Item::Value(v) => v,
            other => panic!("{other:?}"),
        };
        parse_items(text).unwrap().into_iter().map(read).collect()
    }

    #[test]
    fn items_unroll() {
        assert_eq!(values("1 2.5 -3"), [1.0, 2.5, -3.0]);
        assert_eq!(values("0+10x3"), [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(values("1-1x2"), [1.0, 0.0, -1.0]);
        assert_eq!(values("1+-2x1"), [1.0, -1.0]);
        assert_eq!(values("7x2"), [7.0, 7.0, 7.0]);
        assert_eq!(values("1e2+1e+1x1"), [100.0, 110.0]);
        assert_eq!(
            values("1e-1 Inf -Inf"),
            [0.1, f64::INFINITY, f64::NEG_INFINITY]
        );
        assert_eq!(values("5m"), [300.0]);
        // No hexadecimal here: this is zero, three times.
        assert_eq!(values("0x2"), [0.0; 3]);
        assert_eq!(parse_items("_x2 _").unwrap(), vec![Item::Missing; 3]);
        for bad in [
            "a",
            "1x",
            "x3",
            "1+x2",
            "{{schema:1",
            "1x99999999999",
            "{{a:1}}",
        ] {
            assert!(parse_items(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn histograms_read_and_grow() {
        let items = parse_items(
            "{{schema:1 sum:2 count:3 buckets:[1 2] offset:1}}+{{count:1 buckets:[5]}}x1",
        );
        let items = items.unwrap();
        assert_eq!(items.len(), 2);
        let Item::Histogram(second) = &items[1] else {
            panic!()
        };
        assert_eq!((second.count, second.offset), (4.0, 0));
        assert_eq!(second.buckets, [5.0, 1.0, 2.0]);
        assert_eq!(parse_items("{{}}x2 1").unwrap().len(), 4);
    }

    #[test]
    fn labels_come_first() {
        let (labels, items) = parse_series(r#"m{a="x y", b='}'} 1 2"#).unwrap();
        assert_eq!((labels.get("a"), labels.get("b")), ("x y", "}"));
        assert_eq!(items.len(), 2);
        assert_eq!(parse_series("{} 1").unwrap().0, Labels::empty());
        assert_eq!(name_of(&parse_series("m {{count:1}}").unwrap().0), "m");
        assert_eq!(
            parse_series(r#"{"a.b", c="d"} 1"#).unwrap().0.metric_name(),
            "a.b"
        );
        assert!(parse_series(r#"m{a!="x"} 1"#).is_err());
    }
}
