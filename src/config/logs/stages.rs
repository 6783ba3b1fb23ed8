//! `pipeline_stages`: what each stage may say.

mod keys;
mod path;

pub(crate) use keys::STAGE;
pub use path::JsonPath;

use crate::base::clock::Duration;
use crate::base::regex::LineRegex;
use crate::base::units::parse_bytes;
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::logs::judge_backslashes;
use crate::config::logs::stages::keys as k;
use crate::config::place::{Node, Value};
use crate::config::shape;
use crate::model::log_entry::LineTest;
use crate::model::matcher::Matcher;
use crate::query::syntax;
use chrono_tz::Tz;
use std::sync::Arc;

/// One stage, checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Json(Json),
    Regex(Regexp),
    Logfmt(Extract),
    Replace(Replace),
    Decolorize,
    Docker,
    Cri(Cri),
    Multiline(Multiline),
    Timestamp(Timestamp),
    Output(String),
    /// Label, and the extracted value it is made of.
    Labels(Vec<(String, String)>),
    StaticLabels(Vec<(String, String)>),
    LabelDrop(Vec<String>),
    LabelAllow(Vec<String>),
    StructuredMetadata(Vec<(String, String)>),
    Pack(Pack),
    Tenant,
    Drop(Drop),
    Match(Match),
    /// The share that is kept, from 0 to 1.
    Sampling(f64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Json {
    pub expressions: Vec<(String, JsonPath)>,
    pub source: Option<String>,
    pub drop_malformed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Regexp {
    pub expression: LineRegex,
    pub source: Option<String>,
}

/// Names, and the keys whose values they get.
#[derive(Clone, Debug, PartialEq)]
pub struct Extract {
    pub mapping: Vec<(String, String)>,
    pub source: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Replace {
    pub expression: LineRegex,
    pub source: Option<String>,
    pub replace: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cri {
    pub max_partial_lines: usize,
    /// Bytes; 0 is no limit.
    pub max_partial_line_size: usize,
    pub truncate: bool,
}

impl Default for Cri {
    fn default() -> Self {
        Self {
            max_partial_lines: 100,
            max_partial_line_size: 0,
            truncate: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Multiline {
    pub firstline: LineRegex,
    pub max_wait: Duration,
    pub max_lines: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Timestamp {
    pub source: String,
    /// The first that reads is taken.
    pub formats: Vec<Layout>,
    pub location: Option<Tz>,
    /// What cannot be read leaves the time as it is; else it follows the last that was known.
    pub skip: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    Unix,
    UnixMs,
    UnixUs,
    UnixNs,
    Go(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    pub labels: Vec<String>,
    pub ingest_timestamp: bool,
}

/// All conditions that are given must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    pub source: Vec<String>,
    pub separator: String,
    pub value: Option<String>,
    pub expression: Option<LineRegex>,
    pub older_than: Option<Duration>,
    /// Bytes.
    pub longer_than: Option<u64>,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub matchers: Vec<Matcher>,
    pub tests: Vec<LineTest>,
    pub stages: Arc<[Stage]>,
    pub drop: bool,
    pub reason: String,
}

/// Go's names of layouts.
const LAYOUTS: &[(&str, &str)] = &[
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", "2006-01-02T15:04:05Z07:00"),
    ("RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"),
];

/// The stages under `key`, in order. One that has an error is left out.
pub(crate) fn read(of: Fields<'_>, key: &str, check: &mut Check<'_>) -> Vec<Stage> {
    let mut out = Vec::new();
    for item in of.sections(key, &STAGE) {
        let written: Vec<&str> = k::NAMES
            .iter()
            .copied()
            .filter(|n| item.has(n) || item.written(n))
            .collect();
        match written.as_slice() {
            [name] => out.extend(one(item, name, check)),
            [] => {}
            many => {
                let text = format!("one stage for each `-`; here are {}", many.join(" and "));
                check.report.error(item.place(), text);
            }
        }
    }
    out
}

fn one(item: Fields<'_>, name: &str, check: &mut Check<'_>) -> Option<Stage> {
    let names = || pairs(item, name);
    Some(match name {
        "docker" => Stage::Docker,
        "decolorize" => Stage::Decolorize,
        "tenant" => Stage::Tenant,
        "labels" => Stage::Labels(names()),
        "static_labels" => {
            let all = item.pairs(name).into_iter();
            Stage::StaticLabels(all.map(|(n, v, _)| (n.to_owned(), v.to_owned())).collect())
        }
        "structured_metadata" => Stage::StructuredMetadata(names()),
        "labeldrop" => Stage::LabelDrop(item.strings(name)),
        "labelallow" => Stage::LabelAllow(item.strings(name)),
        "cri" => Stage::Cri(item.section(name, &k::CRI).map(cri).unwrap_or_default()),
        "json" => json(item.section(name, &k::JSON)?, check),
        "regex" => regexp(item.section(name, &k::REGEX)?, check)?,
        "logfmt" => {
            let of = item.section(name, &k::LOGFMT)?;
            Stage::Logfmt(Extract {
                mapping: pairs(of, "mapping"),
                source: source(of),
            })
        }
        "replace" => replace(item.section(name, &k::REPLACE)?, check)?,
        "multiline" => multiline(item.section(name, &k::MULTILINE)?, check)?,
        "timestamp" => timestamp(item.section(name, &k::TIMESTAMP)?, check)?,
        "output" => {
            let of = item.section(name, &k::OUTPUT)?;
            check.require(of, &["source"]);
            Stage::Output(of.string("source")?)
        }
        "pack" => {
            let of = item.section(name, &k::PACK)?;
            Stage::Pack(Pack {
                labels: of.strings("labels"),
                ingest_timestamp: of.bool("ingest_timestamp").unwrap_or(true),
            })
        }
        "drop" => drop_stage(item.section(name, &k::DROP)?, check)?,
        "match" => match_stage(item.section(name, &k::MATCH)?, check)?,
        "sampling" => {
            let of = item.section(name, &k::SAMPLING)?;
            let rate = of.float("rate").unwrap_or(1.0);
            if !(0.0..=1.0).contains(&rate) {
                check
                    .report
                    .error(of.value_place("rate"), "a rate lies between 0 and 1");
            }
            Stage::Sampling(rate)
        }
        _ => return None,
    })
}

/// Names with what they are made of; without a value, a name is its own.
fn pairs(of: Fields<'_>, key: &str) -> Vec<(String, String)> {
    let all = of.pairs(key).into_iter();
    let own = |(name, from, _): (&str, &str, _)| {
        let from = if from.is_empty() { name } else { from };
        (name.to_owned(), from.to_owned())
    };
    all.map(own).collect()
}

fn source(of: Fields<'_>) -> Option<String> {
    of.string("source").filter(|s| !s.is_empty())
}

fn cri(of: Fields<'_>) -> Cri {
    let count = |key, or: usize| of.count(key).map_or(or, |n| n as usize);
    Cri {
        max_partial_lines: count("max_partial_lines", 100).max(1),
        max_partial_line_size: count("max_partial_line_size", 0),
        truncate: of.bool("max_partial_line_size_truncate").unwrap_or(false),
    }
}

fn json(of: Fields<'_>, check: &mut Check<'_>) -> Stage {
    let mut expressions = Vec::new();
    let places = of.pairs("expressions");
    for ((name, path), (_, _, place)) in pairs(of, "expressions").into_iter().zip(places) {
        match JsonPath::parse(&path) {
            Ok(path) => expressions.push((name, path)),
            Err(e) => check.report.error(place, e),
        }
    }
    Stage::Json(Json {
        expressions,
        source: source(of),
        drop_malformed: of.bool("drop_malformed").unwrap_or(false),
    })
}

/// A needed regular expression.
fn expression(of: Fields<'_>, key: &str, check: &mut Check<'_>) -> Option<LineRegex> {
    check.require(of, &[key]);
    let text = of.text(key).filter(|t| !t.is_empty())?;
    match LineRegex::new(text) {
        Ok(regex) => Some(regex),
        Err(e) => {
            check.report.error(of.value_place(key), e.to_string());
            None
        }
    }
}

fn regexp(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    let expression = expression(of, "expression", check)?;
    if expression
        .compiled()
        .capture_names()
        .flatten()
        .next()
        .is_none()
    {
        let text = "no group has a name, so nothing is extracted; write (?P<name>...)";
        check.report.error(of.value_place("expression"), text);
    }
    Some(Stage::Regex(Regexp {
        expression,
        source: source(of),
    }))
}

fn replace(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    let replace = of.string("replace").unwrap_or_default();
    if replace.contains("{{") {
        let text = "bongsu does not have templates in this stage yet; the text is put as it is";
        check.report.warning(of.value_place("replace"), text);
    }
    Some(Stage::Replace(Replace {
        expression: expression(of, "expression", check)?,
        source: source(of),
        replace,
    }))
}

fn multiline(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    let firstline = expression(of, "firstline", check)?;
    judge_backslashes(
        firstline.as_str(),
        of.value_place("firstline"),
        check.report,
    );
    Some(Stage::Multiline(Multiline {
        firstline,
        max_wait: of
            .positive("max_wait_time")
            .unwrap_or(Duration::from_secs(3)),
        max_lines: of
            .count("max_lines")
            .filter(|n| *n > 0)
            .map_or(128, |n| n as usize),
    }))
}

fn timestamp(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    check.require(of, &["source", "format"]);
    let mut formats = vec![layout(of.text("format")?)];
    formats.extend(
        of.texts("fallback_formats")
            .into_iter()
            .map(|(f, _)| layout(f)),
    );
    let location = of
        .text("location")
        .filter(|l| !l.is_empty())
        .and_then(|name| {
            let zone = name.parse().ok();
            if zone.is_none() {
                let text =
                    format!("{name:?} is not a time zone; write Asia/Seoul, or leave it out");
                check.report.error(of.value_place("location"), text);
            }
            zone
        });
    Some(Stage::Timestamp(Timestamp {
        source: of.string("source")?,
        formats,
        location,
        skip: of.text("action_on_failure") == Some("skip"),
    }))
}

fn layout(name: &str) -> Layout {
    match name {
        "Unix" => Layout::Unix,
        "UnixMs" => Layout::UnixMs,
        "UnixUs" => Layout::UnixUs,
        "UnixNs" => Layout::UnixNs,
        _ => {
            let known = LAYOUTS.iter().find(|(n, _)| *n == name);
            Layout::Go(known.map_or(name, |(_, layout)| layout).to_owned())
        }
    }
}

fn drop_stage(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    let source = match of.get("source").map(|n| &n.value) {
        Some(Value::List(items)) => items
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect(),
        Some(Value::Scalar(one)) if !one.text.is_empty() => vec![one.text.clone()],
        _ => Vec::new(),
    };
    let conditions = ["source", "value", "expression", "older_than", "longer_than"];
    if !conditions.iter().any(|k| of.has(k)) {
        let text = format!("a drop stage needs one of {}", conditions.join(", "));
        check.report.error(of.place(), text);
        return None;
    }
    if of.has("value") && of.has("expression") {
        check.report.error(
            of.place_of("value"),
            "`value` and `expression` cannot both be given",
        );
    }
    if of.has("value") && source.is_empty() {
        check.report.error(
            of.place_of("value"),
            "`value` is held against `source`, which is not given",
        );
    }
    let expression = if of.has("expression") {
        Some(expression(of, "expression", check)?)
    } else {
        None
    };
    Some(Stage::Drop(Drop {
        source,
        separator: of.string("separator").unwrap_or_else(|| ";".to_owned()),
        value: of.string("value"),
        expression,
        older_than: of.duration("older_than"),
        longer_than: of.text("longer_than").and_then(|t| parse_bytes(t).ok()),
        reason: reason(of, "drop_stage"),
    }))
}

fn reason(of: Fields<'_>, or: &str) -> String {
    let given = of.string("drop_counter_reason").filter(|r| !r.is_empty());
    given.unwrap_or_else(|| or.to_owned())
}

fn match_stage(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    check.require(of, &["selector"]);
    let selector = of.text("selector").filter(|s| !s.is_empty())?;
    let (matchers, tests) = match syntax::log_selector(selector) {
        Ok(read) => read,
        Err(fault) => {
            check.report.error(of.value_place("selector"), fault);
            return None;
        }
    };
    let drop = of.text("action") == Some("drop");
    // Stages hold stages: the registry's rows are walked once and for all, so these are held
    // against theirs here.
    for item in of.items("stages") {
        shape::check(item, &STAGE, check.report);
    }
    let stages = read(of, "stages", check);
    if drop && !stages.is_empty() {
        check.report.error(
            of.place_of("stages"),
            "what is dropped goes through no stages",
        );
    }
    if !drop && !of.has("stages") {
        check
            .report
            .error(of.place(), "`stages` are needed here, or `action: drop`");
    }
    Some(Stage::Match(Match {
        matchers,
        tests,
        stages: stages.into(),
        drop,
        reason: reason(of, "match_stage"),
    }))
}
