//! Rule files, Prometheus' form and Kubernetes' PrometheusRule: their shape. Nothing is evaluated
//! yet.
//!
//! Source of the rules between the keys: Prometheus `rulefmt.RuleGroups.Validate`.

use crate::base::template::{Functions, Library};
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::place::{Node, Value};
use crate::config::shape::{self, Section, Shape, field, idle};
use crate::model::labels::METRIC_NAME;
use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) static FILE: Section = Section {
    name: "",
    keys: &[&[field("groups", Shape::List(&Shape::Section(&GROUP)))]],
};

/// A PrometheusRule; what Kubernetes keeps around the groups is not looked at.
static OBJECT: Section = Section {
    name: "",
    keys: &[&[
        field("apiVersion", Shape::Text),
        field("kind", Shape::Text),
        field("metadata", Shape::Any),
        field("spec", Shape::Section(&FILE)),
        field("status", Shape::Any),
    ]],
};

static GROUP: Section = Section {
    name: "groups",
    keys: &[&[
        field("name", Shape::Text),
        field("interval", Shape::Duration),
        field("query_offset", Shape::Duration),
        field("limit", Shape::Int(0, i64::MAX)),
        field("labels", Shape::Texts),
        field("rules", Shape::List(&Shape::Section(&RULE))),
        idle(
            "partial_response_strategy",
            Shape::Text,
            "only Thanos answers in part; this is left out",
        ),
    ]],
};

static RULE: Section = Section {
    name: "rules",
    keys: &[&[
        field("record", Shape::Text),
        field("alert", Shape::Text),
        field("expr", Shape::Text),
        field("for", Shape::Duration),
        field("keep_firing_for", Shape::Duration),
        field("labels", Shape::Texts),
        field("annotations", Shape::Texts),
    ]],
};

/// Holds a rule file against its shape and rules.
pub(crate) fn check(tree: &Node, check: &mut Check<'_>) {
    let object = tree.entry("kind").is_some();
    let root = if object { &OBJECT } else { &FILE };
    shape::check(tree, root, check.report);
    let of = Fields::new(tree, root);
    let of = if object {
        of.section("spec", &FILE)
    } else {
        Some(of)
    };
    let mut names: HashMap<&str, u32> = HashMap::new();
    for node in of.map_or(&[][..], |of| of.items("groups")) {
        if !matches!(node.value, Value::Map(_)) {
            check
                .report
                .error(node.place, "a group is a mapping with `name` and `rules`");
            continue;
        }
        let of = Fields::new(node, &GROUP);
        check.require(of, &["name"]);
        let place = of.value_place("name");
        if let Some(name) = of.text("name")
            && let Some(first) = names.insert(name, place.line)
        {
            let text = format!("another group of this file is named {name:?}, in line {first}");
            check.report.error(place, text);
        }
        labels(of, "labels", check);
        for node in of.items("rules") {
            if matches!(node.value, Value::Map(_)) {
                check_rule(Fields::new(node, &RULE), check);
            } else {
                check.report.error(
                    node.place,
                    "a rule is a mapping with `alert` or `record`, and `expr`",
                );
            }
        }
    }
}

fn check_rule(of: Fields<'_>, check: &mut Check<'_>) {
    let said = |key: &str| of.text(key).filter(|t| !t.is_empty());
    match (said("record"), said("alert")) {
        (Some(_), Some(_)) => {
            let text = "a rule either records or alerts; make two rules of it";
            check.report.error(of.place_of("alert"), text);
        }
        (None, None) => {
            let text = "a rule needs `alert: NAME` or `record: METRIC`";
            check.report.error(of.place(), text);
        }
        (Some(metric), None) => check_record(of, metric, check),
        (None, Some(_)) => {}
    }
    if said("expr").is_none_or(|e| e.trim().is_empty()) {
        check
            .report
            .error(of.place_of("expr"), "a rule needs `expr`, its PromQL query");
    }
    check.query(of, "expr");
    labels(of, "labels", check);
    for (name, _, place) in of.pairs("annotations") {
        check.label_name(name, place);
    }
    for key in ["labels", "annotations"] {
        check_templates(of, key, check);
    }
}

/// The functions that templates of rules may call.
const TEMPLATE_FUNCTIONS: &[&str] = &[
    "args",
    "externalURL",
    "first",
    "graphLink",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "label",
    "match",
    "now",
    "parseDuration",
    "pathPrefix",
    "query",
    "reReplaceAll",
    "safeHtml",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "tmpl",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "value",
];

/// What every template of a rule begins with, as in Prometheus.
const TEMPLATE_VARIABLES: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
     {{$externalURL := .ExternalURL}}{{$value := .Value}}";

fn check_templates(of: Fields<'_>, key: &str, check: &mut Check<'_>) {
    static LIBRARY: LazyLock<Library> =
        LazyLock::new(|| Library::new(Functions::new().with_names(TEMPLATE_FUNCTIONS)));
    for (name, text, place) in of.pairs(key) {
        if !text.contains("{{") {
            continue;
        }
        if let Err(fault) = LIBRARY.text(&format!("{TEMPLATE_VARIABLES}{text}")) {
            let text = format!("the template of {name} does not read: {}", fault.text);
            check.report.error(place, text);
        }
    }
}

fn check_record(of: Fields<'_>, metric: &str, check: &mut Check<'_>) {
    if metric.contains(['{', '}']) {
        let text = "a recorded metric has a name only; its labels stand under `labels`";
        check.report.error(of.value_place("record"), text);
    }
    for key in ["for", "keep_firing_for", "annotations"] {
        let waits = key == "annotations" || of.positive(key).is_some();
        if of.has(key) && waits {
            let text = format!("a recording rule has no `{key}`; leave it out");
            check.report.error(of.place_of(key), text);
        }
    }
}

fn labels(of: Fields<'_>, key: &str, check: &mut Check<'_>) {
    for (name, _, place) in of.pairs(key) {
        check.label_name(name, place);
        if name == METRIC_NAME {
            let text = "the metric's name is not a label to set; `record` names it";
            check.report.error(place, text);
        }
    }
}
