//! Native histograms in OpenMetrics' text form: `{count:24,sum:100,schema:0,...}`.
//!
//! Both spellings are read: deltas of integer counts (`positive_deltas`) and absolute counts
//! (`positive_buckets`). Source: the OpenMetrics proposal that client_python implements.

use crate::wire::exposition::{excerpt, number};

/// Buckets and spans of one side; more are refused.
const MOST_ITEMS: usize = 10_000;

/// A native histogram as written; absent keys are zero or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Native {
    pub count: f64,
    pub sum: f64,
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: f64,
    pub positive: Side,
    pub negative: Side,
}

/// The buckets above or below zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// Distance to the end of the span before (for the first: the index), and length.
    pub spans: Vec<(i32, u32)>,
    /// Each bucket's count less the one before.
    pub deltas: Vec<i64>,
    /// Counts, where they were written in this form.
    pub buckets: Vec<f64>,
}

/// Reads `{key:value,...}`. The error says what is wrong.
pub fn parse(text: &[u8]) -> Result<Native, String> {
    let bad = || format!("{} is not a native histogram", excerpt(text));
    let [b'{', inner @ .., b'}'] = text else {
        return Err(bad());
    };
    let mut out = Native::default();
    for field in fields(inner) {
        let colon = field.iter().position(|b| *b == b':').ok_or_else(bad)?;
        let (key, value) = (&field[..colon], &field[colon + 1..]);
        let float = || number::float(value).ok_or_else(bad);
        match key {
            b"count" => out.count = float()?,
            b"sum" => out.sum = float()?,
            b"schema" => {
                let schema = number::integer(value).and_then(|s| i32::try_from(s).ok());
                out.schema = schema.ok_or_else(bad)?;
            }
            b"zero_threshold" => out.zero_threshold = float()?,
            b"zero_count" => out.zero_count = float()?,
            b"positive_spans" => out.positive.spans = list(value, span).ok_or_else(bad)?,
            b"negative_spans" => out.negative.spans = list(value, span).ok_or_else(bad)?,
            b"positive_deltas" => {
                out.positive.deltas = list(value, number::integer).ok_or_else(bad)?;
            }
            b"negative_deltas" => {
                out.negative.deltas = list(value, number::integer).ok_or_else(bad)?;
            }
            b"positive_buckets" => {
                out.positive.buckets = list(value, number::float).ok_or_else(bad)?;
            }
            b"negative_buckets" => {
                out.negative.buckets = list(value, number::float).ok_or_else(bad)?;
            }
            other => {
                return Err(format!(
                    "{} is no key of a native histogram",
                    excerpt(other)
                ));
            }
        }
    }
    Ok(out)
}

/// Cuts at commas that stand in no brackets.
fn fields(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut depth = 0u32;
    let cut = move |b: &u8| {
        match b {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *b == b',' && depth == 0
    };
    text.split(cut).filter(|f| !f.is_empty())
}

fn list<T>(text: &[u8], item: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<T>> {
    let [b'[', inner @ .., b']'] = text else {
        return None;
    };
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let out: Vec<T> = inner
        .split(|b| *b == b',')
        .map(item)
        .take(MOST_ITEMS)
        .collect::<Option<_>>()?;
    (out.len() < MOST_ITEMS).then_some(out)
}

/// `offset:length`.
fn span(text: &[u8]) -> Option<(i32, u32)> {
    let colon = text.iter().position(|b| *b == b':')?;
    let offset = i32::try_from(number::integer(&text[..colon])?).ok()?;
    let length = u32::try_from(number::integer(&text[colon + 1..])?).ok()?;
    Some((offset, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_spellings() {
        let text = b"{count:24,sum:100,schema:0,zero_threshold:0.001,zero_count:4,positive_spans:[0:2,1:2],positive_deltas:[2,1,-3,3],negative_buckets:[1,2.5]}";
        let native = parse(text).unwrap();
        assert_eq!(
            (native.count, native.sum, native.zero_threshold),
            (24.0, 100.0, 0.001)
        );
        assert_eq!(native.positive.spans, [(0, 2), (1, 2)]);
        assert_eq!(native.positive.deltas, [2, 1, -3, 3]);
        assert_eq!(native.negative.buckets, [1.0, 2.5]);
        assert_eq!(parse(b"{}"), Ok(Native::default()));
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "{",
            "{count}",
            "{count:x}",
            "{positive_spans:[1]}",
            "{meh:1}",
            "{schema:1.5}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
