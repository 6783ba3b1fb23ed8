//! Rule files, Prometheus' form and Kubernetes' PrometheusRule: what they may say, and their groups
//! as checked values. How they are evaluated is `alert`.
//!
//! Source of the rules between the keys: Prometheus `rulefmt.RuleGroups.Validate`.

use crate::base::clock::Duration;
use crate::base::template::{Functions, Library};
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::place::{Node, Place, Value};
use crate::config::shape::{self, Section, Shape, field, idle};
pub use crate::model::alert::Language;
use crate::model::labels::METRIC_NAME;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Rules that are evaluated one after another, each seeing what those before it recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleGroup {
    pub file: PathBuf,
    pub name: String,
    /// `global.evaluation_interval` where it says none.
    pub interval: Option<Duration>,
    /// `global.rule_query_offset` where it says none.
    pub query_offset: Option<Duration>,
    /// Series or alerts that one rule may make; 0 is no limit.
    pub limit: u64,
    pub language: Language,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The alert's or the metric's.
    pub name: String,
    pub expr: String,
    /// The group's among them; an alert's values are templates. Sorted by name.
    pub labels: Vec<(String, String)>,
    pub kind: RuleKind,
}

impl Rule {
    /// False for a recording rule.
    pub fn alerts(&self) -> bool {
        matches!(self.kind, RuleKind::Alert { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleKind {
    Record,
    Alert {
        /// `for`: how long the expression must hold.
        hold: Duration,
        keep_firing: Duration,
        /// Names to templates, sorted by name.
        annotations: Vec<(String, String)>,
    },
}

/// What the templates of rules may call, beside Go's own functions.
///
/// Source: Prometheus `template.NewTemplateExpander`.
pub const TEMPLATE_FUNCTIONS: &[&str] = &[
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

/// What stands before every template of a rule, so that `$labels` and its like are known.
pub const TEMPLATE_HEAD: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
     {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Tells whether a template would be understood; nothing is called.
fn template_fault(text: &str) -> Option<String> {
    static NAMES: LazyLock<Library> =
        LazyLock::new(|| Library::new(Functions::new().with_names(TEMPLATE_FUNCTIONS)));
    if !text.contains("{{") {
        return None;
    }
    let fault = NAMES.text(&format!("{TEMPLATE_HEAD}{text}")).err()?;
    Some(fault.text)
}

pub(crate) static FILE: Section = Section {
    name: "",
    keys: &[&[field("groups", Shape::List(&Shape::Section(&GROUP)))]],
};

/// A file of Loki's rules, as its tools write it.
static LOKI_FILE: Section = Section {
    name: "",
    keys: &[&[
        idle(
            "namespace",
            Shape::Text,
            "rules of one file belong together already; this is left out",
        ),
        field("groups", Shape::List(&Shape::Section(&GROUP))),
    ]],
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
        field("language", Shape::Word(Language::WORDS)),
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

/// Holds a rule file against its shape and rules; its groups. What had an error is left out. Groups
/// that do not name their language are in `language`.
pub(crate) fn read(tree: &Node, language: Language, check: &mut Check<'_>) -> Vec<RuleGroup> {
    let object = tree.entry("kind").is_some();
    let root = match (object, language) {
        (true, _) => &OBJECT,
        (false, Language::LogQl) => &LOKI_FILE,
        (false, _) => &FILE,
    };
    shape::check(tree, root, check.report);
    let of = Fields::new(tree, root);
    let of = if object {
        of.section("spec", &FILE)
    } else {
        Some(of)
    };
    let mut names: HashMap<&str, u32> = HashMap::new();
    let mut out = Vec::new();
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
        out.push(read_group(of, language, check));
    }
    out
}

fn read_group(of: Fields<'_>, usual: Language, check: &mut Check<'_>) -> RuleGroup {
    let language = of.text("language").and_then(Language::read);
    let language = language.unwrap_or(usual);
    let above = labels(of, "labels", check);
    let mut rules = Vec::new();
    for node in of.items("rules") {
        if matches!(node.value, Value::Map(_)) {
            rules.extend(read_rule(Fields::new(node, &RULE), language, &above, check));
        } else {
            check.report.error(
                node.place,
                "a rule is a mapping with `alert` or `record`, and `expr`",
            );
        }
    }
    RuleGroup {
        file: check.report.file.clone(),
        name: of.string("name").unwrap_or_default(),
        interval: of.positive("interval"),
        query_offset: of.duration("query_offset"),
        limit: of.count("limit").unwrap_or(0),
        language,
        rules,
    }
}

fn read_rule(
    of: Fields<'_>,
    language: Language,
    above: &[(String, String)],
    check: &mut Check<'_>,
) -> Option<Rule> {
    let said = |key: &str| of.text(key).filter(|t| !t.is_empty());
    let name = match (said("record"), said("alert")) {
        (Some(_), Some(_)) => {
            let text = "a rule either records or alerts; make two rules of it";
            check.report.error(of.place_of("alert"), text);
            None
        }
        (None, None) => {
            let text = "a rule needs `alert: NAME` or `record: METRIC`";
            check.report.error(of.place(), text);
            None
        }
        (Some(metric), None) => {
            check_record(of, metric, check);
            Some(metric)
        }
        (None, Some(alert)) => Some(alert),
    };
    if said("expr").is_none_or(|e| e.trim().is_empty()) {
        check
            .report
            .error(of.place_of("expr"), "a rule needs `expr`, its query");
    }
    check.query(of, "expr", language);
    let mut own = labels(of, "labels", check);
    let mut annotations = texts(of, "annotations", check);
    let alerts = said("alert").is_some();
    if alerts {
        for (key, texts) in [("labels", &own), ("annotations", &annotations)] {
            check_templates(of, key, texts, check);
        }
    }
    let inherited = above.iter();
    let inherited = inherited.filter(|(name, _)| !own.iter().any(|(n, _)| n == name));
    let inherited: Vec<_> = inherited.cloned().collect();
    own.extend(inherited);
    own.sort();
    annotations.sort();
    let kind = if alerts {
        RuleKind::Alert {
            hold: of.duration("for").unwrap_or_default(),
            keep_firing: of.duration("keep_firing_for").unwrap_or_default(),
            annotations,
        }
    } else {
        RuleKind::Record
    };
    Some(Rule {
        name: name?.to_owned(),
        expr: of.string("expr")?,
        labels: own,
        kind,
    })
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

fn check_templates(of: Fields<'_>, key: &str, texts: &[(String, String)], check: &mut Check<'_>) {
    for (name, text) in texts {
        if let Some(fault) = template_fault(text) {
            let places = of.pairs(key);
            let place = places.iter().find(|(n, ..)| n == name);
            let place = place.map_or(of.place_of(key), |(_, _, place)| *place);
            let text = format!("the template is not understood: {fault}");
            check.report.error(place, text);
        }
    }
}

fn labels(of: Fields<'_>, key: &str, check: &mut Check<'_>) -> Vec<(String, String)> {
    for (name, _, place) in of.pairs(key) {
        if name == METRIC_NAME {
            let text = "the metric's name is not a label to set; `record` names it";
            check.report.error(place, text);
        }
    }
    texts(of, key, check)
}

/// Names to texts, each name held to be a label's.
fn texts(of: Fields<'_>, key: &str, check: &mut Check<'_>) -> Vec<(String, String)> {
    let pairs: Vec<(&str, &str, Place)> = of.pairs(key);
    for (name, _, place) in &pairs {
        check.label_name(name, *place);
    }
    let owned = |(n, v, _): (&str, &str, Place)| (n.to_owned(), v.to_owned());
    pairs.into_iter().map(owned).collect()
}
