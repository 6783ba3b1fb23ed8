//! Relabelling rules: what they may say. How they are applied is `collect::relabel`.
//!
//! Source of the rules between the keys: Prometheus `relabel.Config.Validate`.

use crate::base::regex::Regex;
use crate::config::check::{Check, Names};
use crate::config::fields::Fields;
use crate::config::place::Node;
use crate::config::shape::{Section, Shape, key};
use std::sync::LazyLock;

pub(crate) static RULE: Section = Section {
    name: "relabel_configs",
    keys: &[&[
        key(
            "source_labels",
            Shape::List(&Shape::Text),
            "",
            "Labels whose values are joined and matched.",
        ),
        key(
            "separator",
            Shape::Text,
            ";",
            "What stands between the joined values.",
        ),
        key(
            "regex",
            Shape::Regex,
            "(.*)",
            "Matched against the whole joined text.",
        ),
        key(
            "modulus",
            Shape::Int(0, i64::MAX),
            "",
            "For hashmod: the number of shares.",
        ),
        key(
            "target_label",
            Shape::Text,
            "",
            "The label that is written.",
        ),
        key(
            "replacement",
            Shape::Text,
            "$1",
            "What is written, groups of the regex filled in.",
        ),
        key(
            "action",
            Shape::Text,
            "replace",
            "replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase or uppercase.",
        ),
    ]],
};

/// One step of relabelling.
#[derive(Clone, Debug, PartialEq)]
pub struct RelabelRule {
    pub action: RelabelAction,
    pub source_labels: Vec<String>,
    pub separator: String,
    /// Anchored at both ends.
    pub regex: Regex,
    /// Above zero for `hashmod`.
    pub modulus: u64,
    pub target_label: String,
    pub replacement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelabelAction {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

/// Every action under the name it has in the file. Case does not count.
pub const ACTIONS: &[(&str, RelabelAction)] = &[
    ("replace", RelabelAction::Replace),
    ("keep", RelabelAction::Keep),
    ("drop", RelabelAction::Drop),
    ("keepequal", RelabelAction::KeepEqual),
    ("dropequal", RelabelAction::DropEqual),
    ("hashmod", RelabelAction::HashMod),
    ("labelmap", RelabelAction::LabelMap),
    ("labeldrop", RelabelAction::LabelDrop),
    ("labelkeep", RelabelAction::LabelKeep),
    ("lowercase", RelabelAction::Lowercase),
    ("uppercase", RelabelAction::Uppercase),
];

impl RelabelRule {
    /// Whether this step can change the address that is dialled.
    pub fn may_write(&self, label: &str) -> bool {
        match self.action {
            RelabelAction::Keep
            | RelabelAction::Drop
            | RelabelAction::KeepEqual
            | RelabelAction::DropEqual
            | RelabelAction::LabelDrop
            | RelabelAction::LabelKeep => false,
            RelabelAction::LabelMap => true,
            RelabelAction::Replace
            | RelabelAction::HashMod
            | RelabelAction::Lowercase
            | RelabelAction::Uppercase => {
                self.target_label == label || self.target_label.contains('$')
            }
        }
    }
}

/// The rules of the list under `key`.
pub(crate) fn read_list(of: Fields<'_>, key: &str, check: &mut Check<'_>) -> Vec<RelabelRule> {
    let mut rules = Vec::new();
    for node in of.items(key) {
        if node.is_null() {
            check.report.error(
                node.place,
                "this step is empty; remove the `-` or say what it does",
            );
        } else if node.text().is_none() {
            rules.extend(read(node, check));
        }
    }
    rules
}

/// `None` where the rule has an error.
fn read(node: &Node, check: &mut Check<'_>) -> Option<RelabelRule> {
    let of = Fields::new(node, &RULE);
    let action = read_action(of, check)?;
    let source_labels = of.texts("source_labels");
    for (name, place) in &source_labels {
        check.label_name(name, *place);
    }
    let rule = RelabelRule {
        action,
        source_labels: source_labels
            .into_iter()
            .map(|(n, _)| n.to_owned())
            .collect(),
        separator: of.string("separator").unwrap_or_else(|| ";".to_owned()),
        regex: of.regex("regex").or_else(|| Regex::anchored("(.*)").ok())?,
        modulus: of.count("modulus").unwrap_or(0),
        target_label: of.string("target_label").unwrap_or_default(),
        replacement: of.string("replacement").unwrap_or_else(|| "$1".to_owned()),
    };
    check_rule(&rule, of, check);
    Some(rule)
}

fn read_action(of: Fields<'_>, check: &mut Check<'_>) -> Option<RelabelAction> {
    let text = of.text("action").unwrap_or_default().to_lowercase();
    if text.is_empty() && of.written("action") {
        let text = "an empty action does nothing; leave the key out for `replace`";
        check.report.error(of.place_of("action"), text);
        return None;
    }
    if text.is_empty() {
        return Some(RelabelAction::Replace);
    }
    let words: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
    check.word(&text, of.value_place("action"), &words);
    ACTIONS.iter().find(|(n, _)| *n == text).map(|(_, a)| *a)
}

fn check_rule(rule: &RelabelRule, of: Fields<'_>, check: &mut Check<'_>) {
    use RelabelAction as A;
    let name = of.text("action").unwrap_or("replace").to_lowercase();
    if rule.action == A::HashMod && rule.modulus == 0 {
        let text = "`hashmod` needs `modulus`, the number of shares";
        check.report.error(of.place_of("modulus"), text);
    }
    let writes = matches!(
        rule.action,
        A::Replace | A::HashMod | A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual
    );
    if writes && rule.target_label.is_empty() {
        let text = format!("`{name}` needs `target_label`");
        check.report.error(of.place_of("target_label"), text);
    } else if writes && !target_is_valid(rule, check.names) {
        let text = format!("{:?} is not a label name", rule.target_label);
        check.report.error(of.value_place("target_label"), text);
    }
    if rule.action == A::LabelMap && !template_is_valid(&rule.replacement, check.names) {
        let text = format!("{:?} makes no label name", rule.replacement);
        check.report.error(of.value_place("replacement"), text);
    }
    let unused: &[&str] = match rule.action {
        A::Lowercase | A::Uppercase => &["replacement"],
        A::KeepEqual | A::DropEqual => &["regex", "modulus", "separator", "replacement"],
        A::LabelDrop | A::LabelKeep => &[
            "source_labels",
            "target_label",
            "modulus",
            "separator",
            "replacement",
        ],
        _ => &[],
    };
    for key in unused.iter().filter(|k| differs_from_default(of, k)) {
        let text = format!("`{name}` does not use `{key}`; leave it out");
        check.report.error(of.place_of(key), text);
    }
}

/// Saying the default is not using it.
fn differs_from_default(of: Fields<'_>, key: &str) -> bool {
    if key == "source_labels" {
        return !of.items(key).is_empty();
    }
    let default = match RULE.key(key).map_or("", |k| k.default) {
        "" if key == "modulus" => "0",
        default => default,
    };
    of.text(key).is_some_and(|text| text != default)
}

fn target_is_valid(rule: &RelabelRule, names: Names) -> bool {
    if rule.action == RelabelAction::Replace {
        template_is_valid(&rule.target_label, names)
    } else {
        names.label_is_valid(&rule.target_label)
    }
}

/// A label name in which `$1`, `${1}`, `${name}` may stand.
fn template_is_valid(text: &str, names: Names) -> bool {
    static LEGACY: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::anchored(r"(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+").ok());
    match names {
        Names::Utf8 => !text.is_empty(),
        Names::Legacy => LEGACY.as_ref().is_none_or(|r| r.is_match(text)),
    }
}
