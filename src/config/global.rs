//! `global`: what jobs and rules take where they say nothing themselves.

use crate::base::clock::Duration;
use crate::config::check::{Check, Names};
use crate::config::fields::Fields;
use crate::config::scrape::{ScrapeLimits, ScrapeProtocol, read_protocols};
use crate::config::shape::{Key, Section, Shape, key, later};
use crate::model::labels::Labels;
use std::path::Path;

pub(crate) static GLOBAL: Section = Section {
    name: "global",
    keys: &[
        &[
            key(
                "scrape_interval",
                Shape::Duration,
                "1m",
                "How often targets are scraped; this server itself too, every 15s where this is not given.",
            ),
            key(
                "scrape_timeout",
                Shape::Duration,
                "10s",
                "How long a scrape may take; never above the interval.",
            ),
            key(
                "evaluation_interval",
                Shape::Duration,
                "1m",
                "How often rules are evaluated whose group says nothing.",
            ),
            key(
                "external_labels",
                Shape::Texts,
                "",
                "Labels that tell this server's series from others' where they are federated, and its alerts where they are told.",
            ),
            key(
                "rule_query_offset",
                Shape::Duration,
                "0s",
                "How far back rules look whose group says nothing, for data that comes late.",
            ),
            later("query_log_file", Shape::Text, "a log of queries"),
            later(
                "scrape_failure_log_file",
                Shape::Text,
                "a log of failed scrapes",
            ),
        ],
        SCRAPING,
    ],
};

/// Keys that `global` sets for all jobs and a job for itself.
pub(crate) static SCRAPING: &[Key] = &[
    key(
        "scrape_protocols",
        Shape::List(&Shape::Word(PROTOCOLS)),
        "[OpenMetricsText1.0.0, OpenMetricsText0.0.1, PrometheusText1.0.0, PrometheusText0.0.4]",
        "Formats that are asked for, the best first.",
    ),
    key(
        "body_size_limit",
        Shape::Size,
        "0",
        "A scrape with more bytes fails; 0 is no limit of its own.",
    ),
    key(
        "sample_limit",
        Shape::Int(0, i64::MAX),
        "0",
        "A scrape with more samples fails; 0 is no limit.",
    ),
    key(
        "target_limit",
        Shape::Int(0, i64::MAX),
        "0",
        "A job with more targets fails; 0 is no limit.",
    ),
    key(
        "label_limit",
        Shape::Int(0, i64::MAX),
        "0",
        "A scrape with a series of more labels fails; 0 is no limit.",
    ),
    key(
        "label_name_length_limit",
        Shape::Int(0, i64::MAX),
        "0",
        "A scrape with a longer label name fails; 0 is no limit.",
    ),
    key(
        "label_value_length_limit",
        Shape::Int(0, i64::MAX),
        "0",
        "A scrape with a longer label value fails; 0 is no limit.",
    ),
    later(
        "keep_dropped_targets",
        Shape::Int(0, i64::MAX),
        "a bound on the dropped targets it shows",
    ),
    later(
        "metric_name_validation_scheme",
        Shape::Word(&["", "legacy", "utf8"]),
        "names held to the old scheme in scrapes",
    ),
    later(
        "metric_name_escaping_scheme",
        Shape::Word(ESCAPING),
        "a choice of escaping",
    ),
    key(
        "extra_scrape_metrics",
        Shape::Bool,
        "false",
        "Also stores scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes.",
    ),
    later("scrape_native_histograms", Shape::Bool, "native histograms"),
    later(
        "always_scrape_classic_histograms",
        Shape::Bool,
        "native histograms",
    ),
    later(
        "convert_classic_histograms_to_nhcb",
        Shape::Bool,
        "native histograms",
    ),
];

pub(crate) const PROTOCOLS: &[&str] = &[
    "PrometheusProto",
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
];

const ESCAPING: &[&str] = &["", "allow-utf-8", "underscores", "dots", "values"];

#[derive(Clone, Debug, PartialEq)]
pub struct Global {
    pub scrape_interval: Duration,
    /// Said in a file, or by default.
    pub scrape_interval_given: bool,
    pub scrape_timeout: Duration,
    pub evaluation_interval: Duration,
    pub rule_query_offset: Duration,
    pub external_labels: Labels,
    pub scraping: Scraping,
}

/// What [`SCRAPING`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct Scraping {
    pub protocols: Vec<ScrapeProtocol>,
    pub limits: ScrapeLimits,
    pub names: Names,
    pub escaping: Escaping,
    pub extra_scrape_metrics: bool,
}

/// How targets are asked to write names beyond letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Escaping {
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    /// As it stands in an Accept header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    fn read(text: &str) -> Option<Self> {
        let all = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];
        all.into_iter().find(|e| e.as_str() == text)
    }
}

impl Default for Global {
    fn default() -> Self {
        Self {
            scrape_interval: Duration::from_mins(1),
            scrape_interval_given: false,
            scrape_timeout: Duration::from_secs(10),
            evaluation_interval: Duration::from_mins(1),
            rule_query_offset: Duration::ZERO,
            external_labels: Labels::empty(),
            scraping: Scraping::default(),
        }
    }
}

impl Default for Scraping {
    fn default() -> Self {
        Self {
            protocols: ScrapeProtocol::ALL.to_vec(),
            limits: ScrapeLimits::default(),
            names: Names::Utf8,
            escaping: Escaping::AllowUtf8,
            extra_scrape_metrics: false,
        }
    }
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Global {
    let default = Global::default();
    let given = of.positive("scrape_interval");
    let scrape_interval = given.unwrap_or(default.scrape_interval);
    let timeout = of.positive("scrape_timeout");
    if timeout.is_some_and(|t| t > scrape_interval) {
        let text = "the timeout is longer than `scrape_interval`; make it at most as long";
        check.report.error(of.place_of("scrape_timeout"), text);
    }
    let scraping = read_scraping(of, &default.scraping, check);
    check.names = scraping.names;
    Global {
        scrape_interval,
        scrape_interval_given: given.is_some(),
        scrape_timeout: timeout.unwrap_or(default.scrape_timeout.min(scrape_interval)),
        evaluation_interval: of
            .positive("evaluation_interval")
            .unwrap_or(default.evaluation_interval),
        rule_query_offset: of.duration("rule_query_offset").unwrap_or_default(),
        external_labels: read_external_labels(of, check),
        scraping,
    }
}

pub(crate) fn read_scraping(of: Fields<'_>, above: &Scraping, check: &mut Check<'_>) -> Scraping {
    let names = match of.text("metric_name_validation_scheme") {
        Some("legacy") => Names::Legacy,
        Some("utf8") => Names::Utf8,
        _ => above.names,
    };
    let said = of
        .text("metric_name_escaping_scheme")
        .and_then(Escaping::read);
    let escaping = match (said, names) {
        (Some(Escaping::AllowUtf8), Names::Legacy) => {
            let text =
                "`allow-utf-8` and `metric_name_validation_scheme: legacy` contradict each other";
            check
                .report
                .error(of.value_place("metric_name_escaping_scheme"), text);
            Escaping::Underscores
        }
        (Some(escaping), _) => escaping,
        (None, Names::Legacy) if above.escaping == Escaping::AllowUtf8 => Escaping::Underscores,
        (None, _) => above.escaping,
    };
    let limit = |key: &str, above: u64| of.count(key).filter(|n| *n > 0).unwrap_or(above);
    let up = &above.limits;
    Scraping {
        limits: ScrapeLimits {
            body_size: of
                .bytes("body_size_limit")
                .filter(|n| *n > 0)
                .unwrap_or(up.body_size),
            samples: limit("sample_limit", up.samples),
            targets: limit("target_limit", up.targets),
            labels: limit("label_limit", up.labels),
            label_name_length: limit("label_name_length_limit", up.label_name_length),
            label_value_length: limit("label_value_length_limit", up.label_value_length),
            keep_dropped_targets: limit("keep_dropped_targets", up.keep_dropped_targets),
        },
        protocols: read_protocols(of, check).unwrap_or_else(|| above.protocols.clone()),
        names,
        escaping,
        extra_scrape_metrics: of
            .bool("extra_scrape_metrics")
            .unwrap_or(above.extra_scrape_metrics),
    }
}

fn read_external_labels(of: Fields<'_>, check: &mut Check<'_>) -> Labels {
    let mut pairs = Vec::new();
    for (name, value, place) in of.pairs("external_labels") {
        check.label_name(name, place);
        let (value, missing) = expand(value, |n| check.files.variable(n));
        for name in missing {
            let text = format!("the environment has no {name}; it is taken as empty");
            check.report.warning(place, text);
        }
        pairs.push((name.to_owned(), value));
    }
    Labels::from_pairs(pairs)
}

/// `$NAME` and `${NAME}` from the environment, `$$` for one `$`. Also the names it does not have.
///
/// Source: Prometheus 3 expands external labels by Go's `os.Expand`.
fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> (String, Vec<String>) {
    let (mut out, mut missing, mut rest) = (String::new(), Vec::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        if let Some(after) = tail.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = tail.strip_prefix('{').and_then(|t| t.split_once('}'));
        let (name, after) = braced.unwrap_or_else(|| {
            let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            tail.split_at(end.unwrap_or(tail.len()))
        });
        if name.is_empty() {
            out.push('$');
        } else {
            match variable(name) {
                Some(value) => out.push_str(&value),
                None => missing.push(name.to_owned()),
            }
        }
        rest = after;
    }
    out.push_str(rest);
    (out, missing)
}

/// Where relative paths of a section are taken from: kept by the readers that need it later.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let env = |n: &str| (n == "HOST").then(|| "web1".to_owned());
        for (text, want, missing) in [
            ("plain", "plain", 0),
            ("$HOST", "web1", 0),
            ("a-${HOST}-b", "a-web1-b", 0),
            ("$$HOST", "$HOST", 0),
            ("${NONE}x", "x", 1),
            ("cost $ 5", "cost $ 5", 0),
        ] {
            let (got, names) = expand(text, env);
            assert_eq!((got.as_str(), names.len()), (want, missing), "{text}");
        }
    }
}
