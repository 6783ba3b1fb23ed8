//! One line of OpenMetrics 1.0.

use crate::model::answer::MetricKind;
use crate::wire::exposition::{
    About, Entry, Exemplar, Format, Meta, Sample, excerpt, guess_series, number, series, text,
};
use memchr::memchr;

/// The line that ends a body.
pub(crate) const END: &[u8] = b"# EOF";

pub(crate) fn read_line<'a>(
    line: &'a [u8],
    known: &mut impl FnMut(&'a [u8]) -> bool,
) -> Result<Entry<'a>, String> {
    match line.first() {
        None => Err("a blank line, which OpenMetrics does not allow".to_owned()),
        Some(b'#') => meta(line).map(Entry::Meta),
        Some(_) => sample(line, known).map(Entry::Sample),
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
        let end = series::scan(line, Format::OpenMetrics)?;
        if end != guess.len() || guess.is_empty() {
            known(&line[..end]);
        }
        end
    };
    let name = &line[..end];
    let rest = behind_blank(&line[end..]).ok_or_else(|| text::not_a_value(name, &line[end..]))?;
    if rest.first() == Some(&b'{') {
        return native(name, rest);
    }
    let (value_text, rest) = word(rest);
    let value = number::float(value_text).ok_or_else(|| text::not_a_value(name, value_text))?;
    let (stamp, exemplar) = tail(rest)?;
    Ok(Sample {
        series: name,
        value,
        timestamp: stamp.map(ms).transpose()?,
        timestamp_text: stamp.unwrap_or_default(),
        exemplar,
        native: None,
    })
}

/// `{count:...}` behind the series, with what may follow a value.
fn native<'a>(series: &'a [u8], rest: &'a [u8]) -> Result<Sample<'a>, String> {
    let close = memchr(b'}', rest)
        .ok_or_else(|| format!("a native histogram that is never closed: {}", excerpt(rest)))?;
    let (histogram, rest) = rest.split_at(close + 1);
    let (stamp, exemplar) = tail(rest)?;
    Ok(Sample {
        series,
        value: f64::NAN,
        timestamp: stamp.map(ms).transpose()?,
        timestamp_text: stamp.unwrap_or_default(),
        exemplar,
        native: Some(histogram),
    })
}

/// What may stand behind a value: ` timestamp`, ` # exemplar`, or both in this order.
fn tail(rest: &[u8]) -> Result<(Option<&[u8]>, Option<Exemplar<'_>>), String> {
    if rest.is_empty() {
        return Ok((None, None));
    }
    let behind = behind_blank(rest).unwrap_or_default();
    if behind.first() == Some(&b'#') {
        return Ok((None, Some(read_exemplar(behind)?)));
    }
    let (stamp, rest) = word(behind);
    if rest.is_empty() {
        return Ok((Some(stamp), None));
    }
    let exemplar = read_exemplar(behind_blank(rest).unwrap_or_default())?;
    Ok((Some(stamp), Some(exemplar)))
}

/// `# {labels} value [timestamp]`.
fn read_exemplar(text: &[u8]) -> Result<Exemplar<'_>, String> {
    let bad = || {
        format!(
            "{} is not an exemplar: write # {{labels}} value",
            excerpt(text)
        )
    };
    let labels = text
        .strip_prefix(b"# ")
        .filter(|t| t.first() == Some(&b'{'))
        .ok_or_else(bad)?;
    let end = series::scan_labels(labels, Format::OpenMetrics)?;
    let (labels, rest) = labels.split_at(end);
    let (value, rest) = word(behind_blank(rest).ok_or_else(bad)?);
    let value = number::float(value).ok_or_else(bad)?;
    let stamp = match rest {
        [] => None,
        rest => Some(behind_blank(rest).ok_or_else(bad)?),
    };
    Ok(Exemplar {
        labels,
        value,
        timestamp: stamp.map(ms).transpose()?,
        timestamp_text: stamp.unwrap_or_default(),
    })
}

fn ms(text: &[u8]) -> Result<i64, String> {
    number::seconds_to_ms(text)
        .ok_or_else(|| format!("{} is not a timestamp in seconds", excerpt(text)))
}

/// What stands behind exactly one blank; `None` where there is no blank.
fn behind_blank(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b" ")
}

/// Up to the next blank, and the rest with it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(memchr(b' ', text).unwrap_or(text.len()))
}

fn meta(line: &[u8]) -> Result<Meta<'_>, String> {
    let bad = || {
        format!(
            "{} is none of HELP, TYPE, UNIT and EOF: OpenMetrics has no comments",
            excerpt(line)
        )
    };
    let (keyword, rest) = word(line.strip_prefix(b"# ").ok_or_else(bad)?);
    if !matches!(keyword, b"HELP" | b"TYPE" | b"UNIT") {
        return Err(bad());
    }
    let rest = behind_blank(rest).unwrap_or_default();
    let end = text::name_end(rest).ok_or_else(|| text::bad_name(keyword, rest))?;
    let (name, rest) = rest.split_at(end);
    let said = behind_blank(rest)
        .ok_or_else(|| format!("nothing stands behind the name: {}", excerpt(line)))?;
    let what = match keyword {
        b"HELP" => About::Help(said),
        b"UNIT" => About::Unit(said),
        _ => About::Kind(kind(said)?),
    };
    let format = Format::OpenMetrics;
    Ok(Meta { name, what, format })
}

fn kind(word: &[u8]) -> Result<MetricKind, String> {
    Ok(match word {
        b"counter" => MetricKind::Counter,
        b"gauge" => MetricKind::Gauge,
        b"histogram" => MetricKind::Histogram,
        b"gaugehistogram" => MetricKind::GaugeHistogram,
        b"summary" => MetricKind::Summary,
        b"info" => MetricKind::Info,
        b"stateset" => MetricKind::StateSet,
        b"unknown" => MetricKind::Unknown,
        other => return Err(format!("{} is not a type of metric", excerpt(other))),
    })
}
