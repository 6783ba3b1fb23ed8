//! `pipeline_stages`: what each stage may say.

mod keys;
mod measure;
mod path;

pub(crate) use keys::STAGE;
pub use measure::{Action, Limit, Metric, MetricKind};
pub use path::{Json as JsonText, JsonPath};

use crate::base::clock::Duration;
use crate::base::regex::LineRegex;
use crate::config::check::{Check, Names};
use crate::config::fields::Fields;
use crate::config::logs::judge_backslashes;
use crate::config::logs::stages::keys as k;
use crate::config::place::{Node, Value};
use crate::config::shape;
use crate::model::log_entry::LineTest;
use crate::model::matcher::Matcher;
use crate::query::syntax::{self, StageTemplate};
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
    Tenant(Tenant),
    Template(Template),
    Limit(Limit),
    /// Lines of more bytes are cut there, or dropped.
    Longest {
        most: usize,
        cut: bool,
    },
    Metrics(Arc<[Metric]>),
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
    /// Over `.Value`, what a group matched, and what was extracted.
    pub replace: StageTemplate,
}

/// Makes the extracted value `source`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub source: String,
    pub template: StageTemplate,
}

/// What names the tenant of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenant {
    Label(String),
    Source(String),
    Value(String),
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
    filled(item, name, check)?;
    Some(match name {
        "docker" => Stage::Docker,
        "decolorize" => Stage::Decolorize,
        "tenant" => tenant(item.section(name, &k::TENANT)?, check)?,
        "template" => template(item.section(name, &k::TEMPLATE)?, check)?,
        "limit" => measure::limit(item.section(name, &k::LIMIT)?, check)?,
        "metrics" => measure::metrics(item, check),
        "labels" => Stage::Labels(labels(item, name, check)),
        "static_labels" => {
            let all = item.pairs(name).into_iter();
            Stage::StaticLabels(all.map(|(n, v, _)| (n.to_owned(), v.to_owned())).collect())
        }
        "structured_metadata" | "non_indexed_labels" => {
            Stage::StructuredMetadata(labels(item, name, check))
        }
        "labeldrop" => Stage::LabelDrop(item.strings(name)),
        "labelallow" => Stage::LabelAllow(item.strings(name)),
        "cri" => Stage::Cri(item.section(name, &k::CRI).map(cri).unwrap_or_default()),
        "json" => json(item.section(name, &k::JSON)?, check),
        "regex" => regexp(item.section(name, &k::REGEX)?, check)?,
        "logfmt" => {
            let of = item.section(name, &k::LOGFMT)?;
            if of.pairs("mapping").is_empty() {
                let text = "`mapping` is needed here: names and the keys they are taken from";
                check.report.error(of.place_of("mapping"), text);
            }
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
    if of.pairs("expressions").is_empty() {
        let text = "`expressions` are needed here: names and JMESPath expressions";
        check.report.error(of.place_of("expressions"), text);
    }
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
    Some(Stage::Replace(Replace {
        expression: expression(of, "expression", check)?,
        source: source(of),
        replace: templated(of, "replace", check)?,
    }))
}

/// The template of a key; an empty text where nothing is said.
fn templated(of: Fields<'_>, key: &str, check: &mut Check<'_>) -> Option<StageTemplate> {
    match StageTemplate::new(of.text(key).unwrap_or_default()) {
        Ok(template) => Some(template),
        Err(e) => {
            check.report.error(of.value_place(key), e);
            None
        }
    }
}

fn template(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    check.require(of, &["source"]);
    Some(Stage::Template(Template {
        source: of.string("source").filter(|s| !s.is_empty())?,
        template: templated(of, "template", check)?,
    }))
}

fn tenant(of: Fields<'_>, check: &mut Check<'_>) -> Option<Stage> {
    let given = |key| of.string(key).filter(|t| !t.is_empty());
    let all = (given("label"), given("source"), given("value"));
    match all {
        (Some(name), None, None) => Some(Stage::Tenant(Tenant::Label(name))),
        (None, Some(name), None) => Some(Stage::Tenant(Tenant::Source(name))),
        (None, None, Some(value)) => Some(Stage::Tenant(Tenant::Value(value))),
        _ => {
            let text = "one of `label`, `source` and `value` is needed here, and no more";
            check.report.error(of.place(), text);
            None
        }
    }
}

/// Names of labels with what they are made of.
fn labels(of: Fields<'_>, key: &str, check: &mut Check<'_>) -> Vec<(String, String)> {
    for (name, _, place) in of.pairs(key) {
        if !Names::Legacy.label_is_valid(name) {
            let text = format!("{name:?} is not a label name: letters, digits and `_`");
            check.report.error(place, text);
        }
    }
    pairs(of, key)
}

/// Stages that do nothing without what they are about, and what that is.
const NEEDED: &[(&str, &str)] = &[
    ("labels", "names of labels"),
    ("static_labels", "names of labels with their values"),
    ("labeldrop", "a list of labels"),
    ("labelallow", "a list of labels"),
    ("structured_metadata", "names of values"),
    ("non_indexed_labels", "names of values"),
    ("json", "`expressions`"),
    ("regex", "`expression`"),
    ("logfmt", "`mapping`"),
    ("replace", "`expression`"),
    ("multiline", "`firstline`"),
    ("timestamp", "`source` and `format`"),
    ("output", "`source`"),
    ("template", "`source` and `template`"),
    ("tenant", "one of `label`, `source` and `value`"),
    ("match", "`selector`"),
    (
        "drop",
        "one of source, value, expression, older_than, longer_than",
    ),
    ("limit", "`rate` and `burst`"),
    ("metrics", "names of metrics"),
];

/// `None`, reported, where a stage has nothing under its name.
fn filled(item: Fields<'_>, name: &str, check: &mut Check<'_>) -> Option<()> {
    let empty = item.get(name).is_none_or(|node| match &node.value {
        Value::Scalar(one) => one.text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    });
    let needed = NEEDED.iter().find(|(stage, _)| *stage == name);
    if let (true, Some((_, what))) = (empty, needed) {
        let text = format!("a {name} stage needs {what}");
        check.report.error(item.place_of(name), text);
        return None;
    }
    Some(())
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
        longer_than: longer_than(of, check),
        reason: reason(of, "drop_stage"),
    }))
}

/// A size as Promtail reads it: `10000`, `8kb`, `1 MB`, all of 1024.
fn longer_than(of: Fields<'_>, check: &mut Check<'_>) -> Option<u64> {
    let text = of.text("longer_than").filter(|t| !t.is_empty())?;
    let read = || {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let unit = text[end..].trim().to_ascii_lowercase();
        let powers = [
            ["", "b"],
            ["k", "kb"],
            ["m", "mb"],
            ["g", "gb"],
            ["t", "tb"],
            ["p", "pb"],
            ["e", "eb"],
        ];
        let power = powers.iter().position(|names| names.contains(&&*unit))?;
        text[..end]
            .parse::<u64>()
            .ok()?
            .checked_mul(1 << (10 * power))
    };
    let size = read();
    if size.is_none() {
        let said = format!("{text:?} is not a size; write 8kb, 1MB or 10000");
        check.report.error(of.value_place("longer_than"), said);
    }
    size
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
