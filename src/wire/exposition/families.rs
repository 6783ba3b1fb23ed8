//! A whole body as families: for the preview of a new target, the push gateway, and tests.
//!
//! Families are named as OpenMetrics names them (a counter `a` has samples `a_total`), whichever
//! format they came in. Scraping does not come this way: it needs no families.

use crate::model::answer::MetricKind;
use crate::wire::exposition::{
    About, Entry, Exemplar, Format, Meta, ParseError, Parser, Sample, native, number, series,
};

/// One metric with its samples, in the order they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    pub name: String,
    pub kind: MetricKind,
    pub help: String,
    pub unit: String,
    pub samples: Vec<ReadSample>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadSample {
    pub name: String,
    /// Without the metric's name, sorted; values may be empty.
    pub labels: Vec<(String, String)>,
    pub value: f64,
    /// Seconds since the epoch.
    pub timestamp: Option<f64>,
    pub exemplar: Option<ReadExemplar>,
    pub native: Option<native::Native>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadExemplar {
    pub labels: Vec<(String, String)>,
    pub value: f64,
    /// Seconds since the epoch.
    pub timestamp: Option<f64>,
}

/// Reads a body to its end.
pub fn read(format: Format, body: &[u8]) -> Result<Vec<Read>, ParseError> {
    let mut out: Vec<Read> = Vec::new();
    let mut parser = Parser::new(format, body);
    while let Some(entry) = parser.next_entry(|_| false)? {
        let line = parser.line();
        let at = |what: String| ParseError { line, what };
        match entry {
            Entry::Meta(meta) => describe(family_named(&mut out, &meta.metric()), &meta),
            Entry::Sample(sample) => {
                let sample = read_sample(&sample, format).map_err(at)?;
                family_of(&mut out, &sample).samples.push(sample);
            }
            Entry::End => {}
        }
    }
    if format == Format::Text {
        out.iter_mut().for_each(name_as_openmetrics);
    }
    Ok(out)
}

fn describe(family: &mut Read, meta: &Meta<'_>) {
    match meta.what {
        About::Help(raw) => family.help = meta.help_text(raw).into_owned(),
        About::Kind(kind) => family.kind = kind,
        About::Unit(unit) => family.unit = String::from_utf8_lossy(unit).into_owned(),
    }
}

/// The family that is being read, or a new one if its name differs.
fn family_named<'f>(out: &'f mut Vec<Read>, name: &str) -> &'f mut Read {
    if out.last().is_none_or(|f| f.name != name) {
        let name = name.to_owned();
        out.push(Read {
            name,
            ..Read::default()
        });
    }
    let last = out.len() - 1;
    &mut out[last]
}

fn family_of<'f>(out: &'f mut Vec<Read>, sample: &ReadSample) -> &'f mut Read {
    let name = match out.last() {
        Some(family) if belongs(family, sample) => family.name.clone(),
        _ => sample.name.clone(),
    };
    family_named(out, &name)
}

fn belongs(family: &Read, sample: &ReadSample) -> bool {
    let Some(suffix) = sample.name.strip_prefix(&family.name) else {
        return false;
    };
    suffix.is_empty() || suffixes(family.kind).contains(&suffix)
}

/// What may follow a family's name in the names of its samples.
pub fn suffixes(kind: MetricKind) -> &'static [&'static str] {
    match kind {
        MetricKind::Counter => &["_total", "_created"],
        MetricKind::Summary => &["", "_sum", "_count", "_created"],
        MetricKind::Histogram => &["_count", "_sum", "_bucket", "_created"],
        MetricKind::GaugeHistogram => &["_gcount", "_gsum", "_bucket"],
        MetricKind::Info => &["_info"],
        _ => &[""],
    }
}

fn read_sample(sample: &Sample<'_>, format: Format) -> Result<ReadSample, String> {
    let (name, labels) = name_and_labels(sample.series)?;
    Ok(ReadSample {
        name,
        labels,
        value: sample.value,
        timestamp: seconds(sample.timestamp_text, format),
        exemplar: sample.exemplar.map(|e| read_exemplar(&e)).transpose()?,
        native: sample.native.map(native::parse).transpose()?,
    })
}

fn read_exemplar(exemplar: &Exemplar<'_>) -> Result<ReadExemplar, String> {
    Ok(ReadExemplar {
        labels: exemplar_labels(exemplar.labels)?,
        value: exemplar.value,
        timestamp: seconds(exemplar.timestamp_text, Format::OpenMetrics),
    })
}

/// The name, and the other labels sorted. A repeated label is refused.
pub(crate) fn name_and_labels(text: &[u8]) -> Result<(String, Vec<(String, String)>), String> {
    let mut pairs = Vec::new();
    series::read(text, &mut pairs)?;
    series::sort_unique(&mut pairs)?;
    let mut name = String::new();
    let mut labels = Vec::with_capacity(pairs.len());
    for (label, value) in pairs {
        if label == crate::model::labels::METRIC_NAME {
            name = value.into_owned();
        } else {
            labels.push((label.into_owned(), value.into_owned()));
        }
    }
    Ok((name, labels))
}

/// An exemplar's labels, sorted. A repeated label is refused.
pub(crate) fn exemplar_labels(text: &[u8]) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    series::read_labels(text, &mut pairs)?;
    series::sort_unique(&mut pairs)?;
    Ok(pairs
        .into_iter()
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect())
}

fn seconds(text: &[u8], format: Format) -> Option<f64> {
    let value = number::float(text)?;
    Some(if format == Format::Text {
        value / 1000.0
    } else {
        value
    })
}

fn name_as_openmetrics(family: &mut Read) {
    if family.kind != MetricKind::Counter {
        return;
    }
    if let Some(bare) = family.name.strip_suffix("_total") {
        family.name = bare.to_owned();
    }
    let name = &family.name;
    for sample in family.samples.iter_mut().filter(|s| s.name == *name) {
        sample.name.push_str("_total");
    }
}
