//! One line of text 0.0.4.

use crate::model::answer::MetricKind;
use crate::wire::exposition::{
    About, Entry, Format, Meta, Sample, excerpt, guess_series, number, series,
};

/// `None` for a comment or a blank line.
pub(crate) fn read_line<'a>(
    line: &'a [u8],
    known: &mut impl FnMut(&'a [u8]) -> bool,
) -> Result<Option<Entry<'a>>, String> {
    let line = match line {
        [rest @ .., b'\r'] => rest,
        line => line,
    };
    let line = &line[series::blanks(line)..];
    match line.first() {
        None => Ok(None),
        Some(b'#') => Ok(comment(&line[1..])?.map(Entry::Meta)),
        Some(_) => sample(line, known).map(|s| Some(Entry::Sample(s))),
    }
}

fn sample<'a>(
    line: &'a [u8],
    known: &mut impl FnMut(&'a [u8]) -> bool,
) -> Result<Sample<'a>, String> {
    let guess = guess_series(line);
    let end = if !guess.is_empty() && known(guess) {
        guess.len()
    } else {
        let end = series::scan(line, Format::Text)?;
        if end != guess.len() || guess.is_empty() {
            known(&line[..end]);
        }
        end
    };
    let (text, rest) = word(&line[end..]);
    let value = number::float(text).ok_or_else(|| not_a_value(&line[..end], text))?;
    let (stamp, rest) = word(rest);
    let timestamp = if stamp.is_empty() {
        None
    } else {
        Some(
            number::integer(stamp)
                .ok_or_else(|| format!("{} is not a timestamp in milliseconds", excerpt(stamp)))?,
        )
    };
    if !rest[series::blanks(rest)..].is_empty() {
        return Err(format!("{} stands behind the sample", excerpt(rest)));
    }
    Ok(Sample {
        series: &line[..end],
        value,
        timestamp,
        timestamp_text: stamp,
        exemplar: None,
        native: None,
    })
}

/// Why what stands behind `series` is no value.
#[cold]
pub(crate) fn not_a_value(series: &[u8], text: &[u8]) -> String {
    match text {
        [] => format!("no value behind {}", excerpt(series)),
        text => format!("{} is not a value", excerpt(text)),
    }
}

/// The next word and what follows it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = &text[series::blanks(text)..];
    let end = text
        .iter()
        .position(|b| matches!(b, b' ' | b'\t'))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// What stands behind `#`: `HELP name text`, `TYPE name kind`, or words for people.
fn comment(text: &[u8]) -> Result<Option<Meta<'_>>, String> {
    let (keyword, rest) = word(text);
    if !matches!(keyword, b"HELP" | b"TYPE")
        || text.first().is_none_or(|b| !b.is_ascii_whitespace())
    {
        return Ok(None);
    }
    let rest = &rest[series::blanks(rest)..];
    let end = name_end(rest).ok_or_else(|| bad_name(keyword, rest))?;
    let (name, rest) = rest.split_at(end);
    let rest = &rest[series::blanks(rest)..];
    let what = if keyword == b"HELP" {
        About::Help(rest)
    } else {
        About::Kind(kind(word(rest).0)?)
    };
    let format = Format::Text;
    Ok(Some(Meta { name, what, format }))
}

#[cold]
pub(crate) fn bad_name(keyword: &[u8], rest: &[u8]) -> String {
    let keyword = String::from_utf8_lossy(keyword);
    format!(
        "expected a metric's name behind {keyword}, found {}",
        excerpt(rest)
    )
}

/// Where the bare or quoted name at the start of `text` ends.
pub(crate) fn name_end(text: &[u8]) -> Option<usize> {
    let end = match text.first()? {
        b'"' => series::scan_quoted(text)?,
        _ => series::scan_bare(text),
    };
    let cut = text.get(end).is_none_or(|b| matches!(b, b' ' | b'\t'));
    (end > 0 && cut).then_some(end)
}

fn kind(word: &[u8]) -> Result<MetricKind, String> {
    Ok(match word {
        b"counter" => MetricKind::Counter,
        b"gauge" => MetricKind::Gauge,
        b"histogram" => MetricKind::Histogram,
        b"summary" => MetricKind::Summary,
        b"untyped" | b"unknown" => MetricKind::Unknown,
        other => return Err(format!("{} is not a type of metric", excerpt(other))),
    })
}
