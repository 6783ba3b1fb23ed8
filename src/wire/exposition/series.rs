//! `name{label="value",...}`: where it ends, and what is in it.
//!
//! Names of letters, digits, `_` and (for metrics) `:` stand bare. Any other UTF-8 name is quoted:
//! `{"my.metric","a label"="value"}`. Source: Prometheus' and OpenMetrics' format documents.

use crate::model::labels::{Labels, METRIC_NAME};
use crate::wire::exposition::{Format, excerpt};
use memchr::memchr2;
use std::borrow::Cow;

/// Labels of one series; more are refused.
pub const MOST_LABELS: usize = 512;

/// Names and values.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// One label as it stands in the text.
struct Part<'a> {
    /// `None` for the metric's name.
    name: Option<&'a [u8]>,
    name_is_quoted: bool,
    value: &'a [u8],
    value_is_quoted: bool,
}

/// Where the series that starts `line` ends. The error says what is wrong.
pub fn scan(line: &[u8], format: Format) -> Result<usize, String> {
    walk(line, format, |_| ())
}

/// Where the `{labels}` at the start of `text` end; they need no metric's name.
pub(crate) fn scan_labels(text: &[u8], format: Format) -> Result<usize, String> {
    braces(text, 0, format, true, |_| ())
}

/// The labels of a series, the metric's name among them under `__name__`. Escapes are resolved;
/// order and repetitions are as written. `series` is a text that [`scan`] has accepted.
pub fn read<'a>(series: &'a [u8], out: &mut Pairs<'a>) -> Result<(), String> {
    let text = utf8(series)?;
    out.clear();
    // Text 0.0.4 is the laxer of the two formats, so it reads what either has accepted.
    walk(series, Format::Text, |part| out.push(part.resolve(text))).map(|_| ())
}

/// As [`read`], of `{labels}` without a metric's name: an exemplar's.
pub fn read_labels<'a>(labels: &'a [u8], out: &mut Pairs<'a>) -> Result<(), String> {
    let text = utf8(labels)?;
    out.clear();
    braces(labels, 0, Format::Text, true, |part| {
        out.push(part.resolve(text));
    })
    .map(|_| ())
}

fn utf8(series: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(series).map_err(|_| format!("{} is not UTF-8", excerpt(series)))
}

impl<'a> Part<'a> {
    /// Name and value, unescaped; `text` is what both were cut from.
    fn resolve(self, text: &'a str) -> (Cow<'a, str>, Cow<'a, str>) {
        let piece = |raw: &[u8], quoted: bool| {
            let at = raw.as_ptr() as usize - text.as_ptr() as usize;
            let raw = Cow::Borrowed(&text[at..at + raw.len()]);
            if quoted { unescape(raw) } else { raw }
        };
        let name = self.name.map_or(Cow::Borrowed(METRIC_NAME), |raw| {
            piece(raw, self.name_is_quoted)
        });
        (name, piece(self.value, self.value_is_quoted))
    }
}

/// The labels of a series as the model has them. Repeated names are refused.
pub fn labels(series: &[u8]) -> Result<Labels, String> {
    let mut pairs = Vec::new();
    read(series, &mut pairs)?;
    sort_unique(&mut pairs)?;
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .collect();
    Ok(Labels::from_sorted(&borrowed).unwrap_or_else(|| Labels::from_pairs(borrowed)))
}

/// Sorts by name; refuses a name that comes twice.
pub fn sort_unique(pairs: &mut [(Cow<'_, str>, Cow<'_, str>)]) -> Result<(), String> {
    pairs.sort_unstable();
    match pairs.windows(2).find(|w| w[0].0 == w[1].0) {
        None => Ok(()),
        Some(w) if w[0].0 == METRIC_NAME => Err("the metric's name is given twice".to_owned()),
        Some(w) => Err(format!("the label {:?} is given twice", w[0].0)),
    }
}

fn walk<'a>(
    line: &'a [u8],
    format: Format,
    mut part: impl FnMut(Part<'a>),
) -> Result<usize, String> {
    let name = bare_name(line, true);
    let mut at = name;
    if name > 0 {
        part(Part {
            name: None,
            name_is_quoted: false,
            value: &line[..name],
            value_is_quoted: false,
        });
        if format == Format::Text {
            at += blanks(&line[at..]);
        }
    }
    if line.get(at) != Some(&b'{') {
        return match name {
            0 => Err(format!("expected a metric's name, found {}", excerpt(line))),
            _ => Ok(name),
        };
    }
    braces(line, at, format, name > 0, part)
}

/// Walks `{...}` that opens at `open`; gives the place behind the closing brace.
fn braces<'a>(
    line: &'a [u8],
    open: usize,
    format: Format,
    mut named: bool,
    mut part: impl FnMut(Part<'a>),
) -> Result<usize, String> {
    let skip = |at: usize| at + blanks(&line[at..]);
    let lax = |at: usize| if format == Format::Text { skip(at) } else { at };
    let mut at = lax(open + 1);
    let mut count = 0;
    // Old client libraries wrote a comma behind the last label, even an only one.
    if format == Format::Text && line.get(at) == Some(&b',') {
        at = lax(at + 1);
        if line.get(at) != Some(&b'}') {
            return Err(format!(
                "a comma without a label before it, at {}",
                excerpt(&line[at..])
            ));
        }
    }
    loop {
        if line.get(at) == Some(&b'}') {
            return match (count > 0 || format == Format::Text || at == open + 1, named) {
                (true, true) => Ok(at + 1),
                (true, false) => Err("a series without a metric's name".to_owned()),
                (false, _) => Err("a comma without a label behind it".to_owned()),
            };
        }
        let (value, next) = label(line, at, format, named)?;
        named |= value.name.is_none();
        part(value);
        count += 1;
        if count > MOST_LABELS {
            return Err(format!("more than {MOST_LABELS} labels"));
        }
        at = lax(next);
        match line.get(at) {
            Some(b'}') => {}
            Some(b',') => {
                at = skip(at + 1);
                if format == Format::OpenMetrics && line.get(at) == Some(&b'}') {
                    return Err("a comma without a label behind it".to_owned());
                }
            }
            _ => {
                return Err(format!(
                    "expected a comma or a closing brace, found {}",
                    excerpt(&line[at..])
                ));
            }
        }
    }
}

/// One `name="value"`, or the quoted name of the metric.
fn label(line: &[u8], at: usize, format: Format, named: bool) -> Result<(Part<'_>, usize), String> {
    let lax = |at: usize| {
        if format == Format::Text {
            at + blanks(&line[at..])
        } else {
            at
        }
    };
    let quoted_name = line.get(at) == Some(&b'"');
    let (name, end) = if quoted_name {
        quoted(line, at)?
    } else {
        let len = bare_name(&line[at..], false);
        if len == 0 {
            return Err(format!(
                "expected a label's name, found {}",
                excerpt(&line[at..])
            ));
        }
        (&line[at..at + len], at + len)
    };
    let equals = lax(end);
    if line.get(equals) != Some(&b'=') {
        if quoted_name && !named && !name.is_empty() {
            let whole = Part {
                name: None,
                name_is_quoted: false,
                value: name,
                value_is_quoted: true,
            };
            return Ok((whole, end));
        }
        return Err(format!("expected \"=\" behind the label {}", excerpt(name)));
    }
    if name.is_empty() {
        return Err("a label without a name".to_owned());
    }
    let start = lax(equals + 1);
    if line.get(start) != Some(&b'"') {
        return Err(format!(
            "the value of the label {} does not stand in quotes",
            excerpt(name)
        ));
    }
    let (value, end) = quoted(line, start)?;
    let name = Some(name);
    Ok((
        Part {
            name,
            name_is_quoted: quoted_name,
            value,
            value_is_quoted: true,
        },
        end,
    ))
}

/// What stands between the quotes that open at `at`, and the place behind them.
fn quoted(line: &[u8], at: usize) -> Result<(&[u8], usize), String> {
    let start = at + 1;
    let mut from = start;
    while let Some(found) = memchr2(b'"', b'\\', &line[from.min(line.len())..]) {
        let place = from + found;
        if line[place] == b'"' {
            return Ok((&line[start..place], place + 1));
        }
        from = place + 2;
    }
    Err(format!(
        "a quote that is never closed: {}",
        excerpt(&line[at..])
    ))
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const COLON: u8 = 4;

/// What each byte may be in a bare name.
const CLASSES: [u8; 256] = {
    let mut out = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        out[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            b'0'..=b'9' => DIGIT,
            b':' => COLON,
            _ => 0,
        };
        byte += 1;
    }
    out
};

/// Length of the bare name at the start of `text`; metrics may hold colons.
fn bare_name(text: &[u8], colons: bool) -> usize {
    let first = if colons { LETTER | COLON } else { LETTER };
    if text
        .first()
        .is_none_or(|b| CLASSES[usize::from(*b)] & first == 0)
    {
        return 0;
    }
    let fits = first | DIGIT;
    text.iter()
        .position(|b| CLASSES[usize::from(*b)] & fits == 0)
        .unwrap_or(text.len())
}

/// Length of the metric's bare name at the start of `text`; 0 where there is none.
pub(crate) fn scan_bare(text: &[u8]) -> usize {
    bare_name(text, true)
}

/// Length of the quoted name at the start of `text`.
pub(crate) fn scan_quoted(text: &[u8]) -> Option<usize> {
    quoted(text, 0).ok().map(|(_, end)| end)
}

/// True for a name that needs no quotes.
pub fn is_bare(name: &str, colons: bool) -> bool {
    !name.is_empty() && bare_name(name.as_bytes(), colons) == name.len()
}

pub(crate) fn blanks(text: &[u8]) -> usize {
    text.iter()
        .position(|b| !matches!(b, b' ' | b'\t'))
        .unwrap_or(text.len())
}

/// Resolves `\\`, `\"` and `\n`; a backslash before anything else stands for itself.
pub fn unescape(text: Cow<'_, str>) -> Cow<'_, str> {
    resolve(text, |c| matches!(c, '\\' | '"' | 'n'))
}

/// As [`unescape`]; text 0.0.4 knows no escaped quote in a HELP line.
pub fn unescape_help(text: Cow<'_, str>, format: Format) -> Cow<'_, str> {
    resolve(text, |c| {
        c == '\\' || c == 'n' || (c == '"' && format == Format::OpenMetrics)
    })
}

fn resolve(text: Cow<'_, str>, known: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let next = chars.clone().next();
        match next {
            Some(escaped) if c == '\\' && known(escaped) => {
                out.push(if escaped == 'n' { '\n' } else { escaped });
                chars.next();
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        assert_eq!(
            scan(text.as_bytes(), Format::Text),
            Ok(text.len()),
            "{text}"
        );
        assert_eq!(labels(text.as_bytes()).unwrap().to_string(), want);
    }

    #[test]
    fn series_read() {
        check("up", "up");
        check("job:up:sum{}", "job:up:sum");
        check("up{b=\"2\",a=\"1\"}", "up{a=\"1\", b=\"2\"}");
        check("up{a=\"1\",}", "up{a=\"1\"}");
        check("up{,}", "up");
        check("up { a = \"x}{\" , }", "up{a=\"x}{\"}");
        check(
            "{\"my.metric\",\"a b\"=\"c\\nd\"}",
            "my.metric{a b=\"c\\nd\"}",
        );
        check("a{b=\"\\\\\\\"\\x\"}", "a{b=\"\\\\\\\"\\\\x\"}");
        check("a{b=\"한글\"}", "a{b=\"한글\"}");
    }

    #[test]
    fn openmetrics_is_narrower() {
        for text in [
            "a{b=\"1\",}",
            "a{ b=\"1\"}",
            "a{b =\"1\"}",
            "a{,}",
            "{b=\"1\"}",
            "a{\"c\"}",
        ] {
            assert!(
                scan(text.as_bytes(), Format::OpenMetrics).is_err(),
                "{text}"
            );
        }
        assert_eq!(scan(b"{\"a.b\", le=\"1\"} 1", Format::OpenMetrics), Ok(15));
    }

    #[test]
    fn faults_are_named() {
        for (text, want) in [
            (
                "a{1=\"1\"}",
                "expected a label's name, found \"1=\\\"1\\\"}\"",
            ),
            (
                "a{a=1}",
                "the value of the label \"a\" does not stand in quotes",
            ),
            ("a{a=\"1}", "a quote that is never closed: \"\\\"1}\""),
            (
                "a{a=\"1\"b=\"2\"}",
                "expected a comma or a closing brace, found \"b=\\\"2\\\"}\"",
            ),
            ("0a", "expected a metric's name, found \"0a\""),
            ("{}", "a series without a metric's name"),
        ] {
            assert_eq!(scan(text.as_bytes(), Format::Text), Err(want.to_owned()));
        }
        assert!(labels(b"a{b=\"1\",b=\"2\"}").is_err());
    }
}
