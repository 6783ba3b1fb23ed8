//! What OpenMetrics 1.0 demands beyond its grammar.
//!
//! Metadata before samples and once only, samples of a group together and in rising time, counters
//! that are neither negative nor NaN, histograms whose buckets rise to `+Inf` and agree with their
//! count. Used when a person tries a new target, never while scraping: there a lesson in style
//! would cost data. Source: OpenMetrics 1.0 "Metric types" and "Text format"; where the document
//! leaves room, its conformance cases decide.

use crate::model::answer::MetricKind;
use crate::wire::exposition::families::{ReadSample, exemplar_labels, name_and_labels, suffixes};
use crate::wire::exposition::{
    About, Entry, Exemplar, Format, Meta, ParseError, Parser, Sample, native, number,
};
use std::collections::HashSet;

/// Code points of an exemplar's labels, names and values together.
const LONGEST_EXEMPLAR: usize = 128;

/// The first thing that OpenMetrics forbids, or nothing.
pub fn check(body: &[u8]) -> Result<(), ParseError> {
    let mut parser = Parser::new(Format::OpenMetrics, body);
    let mut names = HashSet::new();
    let mut family: Option<Family> = None;
    while let Some(entry) = parser.next_entry(|_| false)? {
        let line = parser.line();
        take(entry, &mut family, &mut names).map_err(|what| ParseError { line, what })?;
    }
    Ok(())
}

fn take(
    entry: Entry<'_>,
    family: &mut Option<Family>,
    names: &mut HashSet<String>,
) -> Result<(), String> {
    match entry {
        Entry::Meta(meta) => {
            let name = meta.metric().into_owned();
            if family.as_ref().is_none_or(|f| f.name != name) {
                close(family.replace(Family::new(name)), names)?;
            }
            family.as_mut().map_or(Ok(()), |f| f.describe(&meta))
        }
        Entry::Sample(sample) => {
            let read = read_sample(&sample)?;
            if !family.as_ref().is_some_and(|f| f.allows(&read)) {
                close(family.replace(Family::new(read.name.clone())), names)?;
            }
            family.as_mut().map_or(Ok(()), |f| f.sample(read, &sample))
        }
        Entry::End => close(family.take(), names),
    }
}

fn read_sample(sample: &Sample<'_>) -> Result<ReadSample, String> {
    let (name, labels) = name_and_labels(sample.series)?;
    Ok(ReadSample {
        name,
        labels,
        value: sample.value,
        timestamp: number::float(sample.timestamp_text),
        exemplar: None,
        native: sample.native.map(native::parse).transpose()?,
    })
}

/// The metric that is being read.
#[derive(Default)]
struct Family {
    name: String,
    kind: Option<MetricKind>,
    unit: Option<String>,
    has_help: bool,
    group: Option<Group>,
    seen: HashSet<Vec<(String, String)>>,
    samples: usize,
    histogram: Histogram,
}

/// Samples with the same labels, but for those that make the parts of one metric.
struct Group {
    labels: Vec<(String, String)>,
    timestamp: Option<f64>,
}

impl Family {
    fn new(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    fn kind(&self) -> MetricKind {
        self.kind.unwrap_or_default()
    }

    fn describe(&mut self, meta: &Meta<'_>) -> Result<(), String> {
        if self.samples > 0 {
            return Err(format!(
                "metadata of {} stands behind its samples",
                self.name
            ));
        }
        let again = match meta.what {
            About::Help(_) => std::mem::replace(&mut self.has_help, true),
            About::Kind(kind) => self.kind.replace(kind).is_some(),
            About::Unit(unit) => self
                .unit
                .replace(String::from_utf8_lossy(unit).into_owned())
                .is_some(),
        };
        if again {
            return Err(format!("the same metadata of {} stands twice", self.name));
        }
        Ok(())
    }

    fn allows(&self, sample: &ReadSample) -> bool {
        let Some(suffix) = sample.name.strip_prefix(&self.name) else {
            return false;
        };
        suffixes(self.kind()).contains(&suffix) || (suffix.is_empty() && sample.native.is_some())
    }

    fn sample(&mut self, read: ReadSample, raw: &Sample<'_>) -> Result<(), String> {
        self.samples += 1;
        let suffix = read.name[self.name.len()..].to_owned();
        if read.native.is_some() {
            return if self.kind() == MetricKind::Histogram && suffix.is_empty() {
                Ok(())
            } else {
                Err(format!("{} is no histogram", read.name))
            };
        }
        check_labels(self.kind(), &self.name, &suffix, &read)?;
        check_value(self.kind(), &suffix, &read)?;
        if let Some(exemplar) = &raw.exemplar {
            check_exemplar(self.kind(), &suffix, exemplar)?;
        }
        self.regroup(&suffix, &read)?;
        if matches!(
            self.kind(),
            MetricKind::Histogram | MetricKind::GaugeHistogram
        ) {
            self.histogram.take(&suffix, &read)?;
        }
        Ok(())
    }

    /// Groups stand together, and time does not go back inside one.
    fn regroup(&mut self, suffix: &str, read: &ReadSample) -> Result<(), String> {
        let labels = group_labels(self.kind(), &self.name, suffix, &read.labels);
        let before = self.group.take();
        if let Some(group) = before.filter(|g| g.labels == labels) {
            if group.timestamp.is_some() != read.timestamp.is_some() {
                return Err(format!("{} has a timestamp on some lines only", read.name));
            }
            if self.kind() != MetricKind::Info && group.timestamp > read.timestamp {
                return Err(format!("the time of {} goes back", read.name));
            }
            if group.timestamp != read.timestamp {
                self.histogram.close()?;
            }
        } else {
            self.histogram.close()?;
            if !self.seen.insert(labels.clone()) {
                return Err(format!("the lines of {} do not stand together", read.name));
            }
        }
        self.group = Some(Group {
            labels,
            timestamp: read.timestamp,
        });
        Ok(())
    }
}

/// Ends a family: its names are taken, its unit fits, its last histogram is whole.
fn close(family: Option<Family>, names: &mut HashSet<String>) -> Result<(), String> {
    let Some(mut family) = family else {
        return Ok(());
    };
    let mut own: HashSet<&str> = suffixes(family.kind()).iter().copied().collect();
    own.insert("");
    for suffix in own {
        let name = format!("{}{suffix}", family.name);
        if names.contains(&name) {
            return Err(format!("the name {name} is used by two metrics"));
        }
        names.insert(name);
    }
    let unit = family.unit.take().unwrap_or_default();
    if !unit.is_empty() {
        if !family.name.ends_with(&format!("_{unit}")) {
            return Err(format!(
                "the name {} does not end with its unit {unit:?}",
                family.name
            ));
        }
        if matches!(family.kind(), MetricKind::Info | MetricKind::StateSet) {
            return Err(format!("{} is of a kind that has no unit", family.name));
        }
    }
    family.histogram.close()
}

fn label<'a>(labels: &'a [(String, String)], name: &str) -> Option<&'a str> {
    labels
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}

/// A bound as `le` and `quantile` carry it: a number, infinity only as `+Inf`.
fn bound(text: &str) -> Option<f64> {
    let value = number::float(text.as_bytes()).filter(|v| !v.is_nan())?;
    (value != f64::INFINITY || text == "+Inf").then_some(value)
}

fn check_labels(
    kind: MetricKind,
    name: &str,
    suffix: &str,
    read: &ReadSample,
) -> Result<(), String> {
    let labels = &read.labels;
    if suffix == "_bucket" && label(labels, "le").and_then(bound).is_none() {
        return Err(format!(
            "{} needs a label le with a number or +Inf",
            read.name
        ));
    }
    if kind == MetricKind::Summary && suffix.is_empty() {
        let quantile = label(labels, "quantile").and_then(bound);
        if !quantile.is_some_and(|q| (0.0..=1.0).contains(&q)) {
            return Err(format!(
                "{} needs a label quantile between 0 and 1",
                read.name
            ));
        }
    }
    if kind == MetricKind::StateSet && label(labels, name).is_none() {
        return Err(format!(
            "the state set {name} needs a label of its own name"
        ));
    }
    Ok(())
}

fn check_value(kind: MetricKind, suffix: &str, read: &ReadSample) -> Result<(), String> {
    let (name, value) = (&read.name, read.value);
    let is = |suffixes: &[&str]| suffixes.contains(&suffix);
    if is(&["_bucket", "_count", "_gcount"]) && value.fract() != 0.0 {
        return Err(format!("{name} counts, so {value} must be a whole number"));
    }
    if value.is_nan() && is(&["_total", "_sum", "_count", "_bucket", "_gcount", "_gsum"]) {
        return Err(format!("{name} may not be NaN"));
    }
    let counts = is(&["_total", "_sum", "_count", "_bucket", "_gcount"]);
    let is_quantile = kind == MetricKind::Summary && suffix.is_empty();
    if value < 0.0 && (counts || is_quantile) {
        return Err(format!("{name} may not be negative"));
    }
    match kind {
        MetricKind::StateSet if value != 0.0 && value != 1.0 => {
            Err(format!("the state {name} may only be 0 or 1, not {value}"))
        }
        MetricKind::Info if value != 1.0 => Err(format!("{name} may only be 1, not {value}")),
        _ => Ok(()),
    }
}

fn check_exemplar(kind: MetricKind, suffix: &str, exemplar: &Exemplar<'_>) -> Result<(), String> {
    let histogram = matches!(kind, MetricKind::Histogram | MetricKind::GaugeHistogram);
    let fits =
        (histogram && suffix == "_bucket") || (kind == MetricKind::Counter && suffix == "_total");
    if !fits {
        return Err("only buckets and counters may have exemplars".to_owned());
    }
    let labels = exemplar_labels(exemplar.labels)?;
    let length: usize = labels
        .iter()
        .map(|(n, v)| n.chars().count() + v.chars().count())
        .sum();
    if length > LONGEST_EXEMPLAR {
        return Err(format!(
            "the exemplar's labels have {length} characters; at most {LONGEST_EXEMPLAR}"
        ));
    }
    Ok(())
}

/// The labels that all samples of one group share.
fn group_labels(
    kind: MetricKind,
    name: &str,
    suffix: &str,
    labels: &[(String, String)],
) -> Vec<(String, String)> {
    let own = match (kind, suffix) {
        (MetricKind::Info, _) => return Vec::new(),
        (MetricKind::Summary, "") => "quantile",
        (MetricKind::StateSet, _) => name,
        (MetricKind::Histogram | MetricKind::GaugeHistogram, "_bucket") => "le",
        _ => return labels.to_vec(),
    };
    labels.iter().filter(|(n, _)| n != own).cloned().collect()
}

/// The lines of one histogram at one time.
#[derive(Default)]
struct Histogram {
    open: bool,
    last_bound: Option<f64>,
    last_count: f64,
    count: Option<f64>,
    has_sum: bool,
    has_negative_buckets: bool,
    has_negative_gsum: bool,
}

impl Histogram {
    fn take(&mut self, suffix: &str, read: &ReadSample) -> Result<(), String> {
        self.open = true;
        match suffix {
            "_bucket" => {
                let le = label(&read.labels, "le")
                    .and_then(bound)
                    .unwrap_or_default();
                if self.last_bound.is_some_and(|b| le <= b) {
                    return Err(format!("the buckets of {} are out of order", read.name));
                }
                if read.value < self.last_count {
                    return Err(format!("the counts of {} fall", read.name));
                }
                self.has_negative_buckets |= le < 0.0;
                self.last_bound = Some(le);
                self.last_count = read.value;
            }
            "_count" | "_gcount" => self.count = Some(read.value),
            "_sum" | "_gsum" => {
                self.has_sum = true;
                self.has_negative_gsum |= suffix == "_gsum" && read.value < 0.0;
                if suffix == "_sum" && self.has_negative_buckets {
                    return Err("a histogram with negative buckets has no _sum".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let this = std::mem::take(self);
        let say = |what: &str| Err(format!("the histogram before this line {what}"));
        if !this.open {
            return Ok(());
        }
        if this.last_bound != Some(f64::INFINITY) {
            return say("has no bucket with le=\"+Inf\"");
        }
        if this.count.is_some_and(|c| c != this.last_count) {
            return say("has a count that differs from its +Inf bucket");
        }
        if this.has_sum != this.count.is_some() {
            return say("has only one of sum and count");
        }
        if this.has_negative_gsum && !this.has_negative_buckets {
            return say("has a negative sum without negative buckets");
        }
        Ok(())
    }
}
