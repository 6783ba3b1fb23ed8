//! `scrape_configs`: the jobs, in Prometheus' form.

use crate::base::clock::Duration;
use crate::config::check::Check;
use crate::config::discovery;
use crate::config::fields::Fields;
use crate::config::global::{self, Global, PROTOCOLS, Scraping};
use crate::config::http::{self, HttpClient};
use crate::config::place::Node;
use crate::config::relabel::{self, RelabelRule};
use crate::config::shape::{Key, Section, Shape, key, later};
use crate::config::targets::{self, FILE_SD, FileSd, GROUP, TargetGroup};
use std::collections::HashMap;

pub(crate) static JOB: Section = Section {
    name: "scrape_configs",
    keys: &[OWN, global::SCRAPING, http::CLIENT, discovery::KINDS],
};

static OWN: &[Key] = &[
    key(
        "job_name",
        Shape::Text,
        "",
        "The job's name; every series of its targets carries it.",
    ),
    key(
        "scrape_interval",
        Shape::Duration,
        "",
        "How often the targets are scraped; global's unless said.",
    ),
    key(
        "scrape_timeout",
        Shape::Duration,
        "",
        "How long a scrape may take; global's unless said.",
    ),
    key(
        "metrics_path",
        Shape::Text,
        "/metrics",
        "The path that is asked.",
    ),
    key(
        "scheme",
        Shape::Word(&["http", "https"]),
        "http",
        "http or https.",
    ),
    key(
        "params",
        Shape::Named(&Shape::List(&Shape::Text)),
        "",
        "Parameters of the URL.",
    ),
    key(
        "honor_labels",
        Shape::Bool,
        "false",
        "Keeps labels of the scraped data where they clash with the target's; else they become exported_NAME.",
    ),
    key(
        "honor_timestamps",
        Shape::Bool,
        "true",
        "Keeps timestamps of the scraped data.",
    ),
    key(
        "track_timestamps_staleness",
        Shape::Bool,
        "false",
        "Marks series with own timestamps as gone, too.",
    ),
    key("enable_compression", Shape::Bool, "true", "Asks for gzip."),
    key(
        "fallback_scrape_protocol",
        Shape::Word(PROTOCOLS),
        "",
        "The format to assume where a target does not name one.",
    ),
    key(
        "static_configs",
        Shape::List(&Shape::Section(&GROUP)),
        "",
        "Targets named here.",
    ),
    key(
        "file_sd_configs",
        Shape::List(&Shape::Section(&FILE_SD)),
        "",
        "Targets named in files of their own.",
    ),
    key(
        "relabel_configs",
        Shape::List(&Shape::Section(&relabel::RULE)),
        "",
        "Steps that change or drop targets before they are scraped.",
    ),
    key(
        "metric_relabel_configs",
        Shape::List(&Shape::Section(&relabel::RULE)),
        "",
        "Steps that change or drop samples before they are stored.",
    ),
    later(
        "scrape_failure_log_file",
        Shape::Text,
        "a log of failed scrapes",
    ),
    later(
        "native_histogram_bucket_limit",
        Shape::Int(0, i64::MAX),
        "native histograms",
    ),
    later(
        "native_histogram_min_bucket_factor",
        Shape::Float,
        "native histograms",
    ),
];

/// One job, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeConfig {
    pub job_name: String,
    pub interval: Duration,
    /// At most the interval.
    pub timeout: Duration,
    pub scheme: Scheme,
    pub metrics_path: String,
    pub params: Vec<(String, Vec<String>)>,
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub track_timestamps_staleness: bool,
    pub enable_compression: bool,
    pub fallback_protocol: Option<ScrapeProtocol>,
    pub scraping: Scraping,
    pub http: HttpClient,
    pub static_configs: Vec<TargetGroup>,
    pub file_sd: Vec<FileSd>,
    pub relabel: Vec<RelabelRule>,
    pub metric_relabel: Vec<RelabelRule>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A format in which targets answer. The protobuf format is not among them yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    OpenMetricsText1_0_0,
    OpenMetricsText0_0_1,
    PrometheusText1_0_0,
    PrometheusText0_0_4,
}

impl ScrapeProtocol {
    /// In the order in which they are asked for where nothing is said.
    pub const ALL: &[Self] = &[
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// As it stands in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
        }
    }

    fn read(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.as_str() == text)
    }
}

/// Bounds of one scrape; 0 is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScrapeLimits {
    pub body_size: u64,
    pub samples: u64,
    pub targets: u64,
    pub labels: u64,
    pub label_name_length: u64,
    pub label_value_length: u64,
    pub keep_dropped_targets: u64,
}

/// The jobs of `node`'s list, names checked against those of `seen` (name to where it stands).
pub(crate) fn read_jobs(
    of: Fields<'_>,
    global: &Global,
    seen: &mut HashMap<String, String>,
    check: &mut Check<'_>,
) -> Vec<ScrapeConfig> {
    let mut jobs = Vec::new();
    for node in of.items("scrape_configs") {
        if node.is_null() {
            let text = "this job is empty; remove the `-` or name it";
            check.report.error(node.place, text);
            continue;
        }
        let names = check.names;
        let job = read_job(node, global, check);
        check.names = names;
        let of = Fields::new(node, &JOB);
        if job.job_name.is_empty() {
            let text = "a job needs a name: `job_name: ..`";
            check.report.error(of.place_of("job_name"), text);
        } else if let Some(first) = seen.get(&job.job_name) {
            let text = format!("another job is named {:?}: {first}", job.job_name);
            check.report.error(of.value_place("job_name"), text);
        } else {
            let line = of.value_place("job_name").line;
            let place = format!("{}:{line}", check.report.file.display());
            seen.insert(job.job_name.clone(), place);
        }
        jobs.push(job);
    }
    jobs
}

fn read_job(node: &Node, global: &Global, check: &mut Check<'_>) -> ScrapeConfig {
    let of = Fields::new(node, &JOB);
    let scraping = global::read_scraping(of, &global.scraping, check);
    check.names = scraping.names;
    let (interval, timeout) = read_times(of, global, check);
    let relabel = relabel::read_list(of, "relabel_configs", check);
    let judged = !relabel.iter().any(|rule| rule.may_write("__address__"));
    discovery::check_kinds(of, check);
    let params = of.get("params").map_or(&[][..], Node::entries).iter();
    let values = |node: &Node| {
        let items = node.items().iter();
        items.filter_map(|i| i.text()).map(str::to_owned).collect()
    };
    ScrapeConfig {
        job_name: of.string("job_name").unwrap_or_default(),
        interval,
        timeout,
        scheme: match of.text("scheme") {
            Some("https") => Scheme::Https,
            _ => Scheme::Http,
        },
        metrics_path: of
            .string("metrics_path")
            .unwrap_or_else(|| "/metrics".to_owned()),
        params: params.map(|e| (e.key.clone(), values(&e.value))).collect(),
        honor_labels: of.bool("honor_labels").unwrap_or(false),
        honor_timestamps: of.bool("honor_timestamps").unwrap_or(true),
        track_timestamps_staleness: of.bool("track_timestamps_staleness").unwrap_or(false),
        enable_compression: of.bool("enable_compression").unwrap_or(true),
        fallback_protocol: of
            .text("fallback_scrape_protocol")
            .and_then(ScrapeProtocol::read),
        scraping,
        http: http::read(of, check),
        static_configs: targets::read_static(of, judged, check),
        file_sd: targets::read_file_sd(of, check),
        metric_relabel: relabel::read_list(of, "metric_relabel_configs", check),
        relabel,
    }
}

fn read_times(of: Fields<'_>, global: &Global, check: &mut Check<'_>) -> (Duration, Duration) {
    let interval = of
        .positive("scrape_interval")
        .unwrap_or(global.scrape_interval);
    let timeout = of.positive("scrape_timeout");
    if timeout.is_some_and(|t| t > interval) {
        let text = "the timeout is longer than the job's interval; make it at most as long";
        check.report.error(of.place_of("scrape_timeout"), text);
    }
    let timeout = timeout.unwrap_or(global.scrape_timeout).min(interval);
    (interval, timeout)
}

/// `None` where nothing is said.
pub(crate) fn read_protocols(of: Fields<'_>, check: &mut Check<'_>) -> Option<Vec<ScrapeProtocol>> {
    of.get("scrape_protocols")?;
    let names = of.texts("scrape_protocols");
    if names.is_empty() {
        let text = "names no format; leave the key out for the default";
        check.report.error(of.place_of("scrape_protocols"), text);
    }
    let mut out = Vec::new();
    for (i, (name, place)) in names.iter().enumerate() {
        if names[..i].iter().any(|(n, _)| n == name) {
            check.report.error(*place, format!("{name} is named twice"));
        }
        if *name == "PrometheusProto" {
            let text =
                "bongsu does not have the protobuf format yet; the text formats are asked for";
            check.report.warning(*place, text);
        }
        out.extend(ScrapeProtocol::read(name));
    }
    Some(if out.is_empty() {
        ScrapeProtocol::ALL.to_vec()
    } else {
        out
    })
}
