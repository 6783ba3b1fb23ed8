//! Relabelling: Prometheus' eleven ways to change, keep or drop labels.
//!
//! Used on targets before they are scraped ([`trace`] tells what each step made of them) and on
//! series before they are stored. What the rules may say is checked by `config::relabel`. Source
//! of the behaviour: Prometheus `model/relabel`.

use crate::config::relabel::{RelabelAction, RelabelRule};
use crate::model::labels::{Labels, LabelsBuilder};
use md5::{Digest, Md5};

/// Applies the rules in order; `None` where one of them drops the labels.
pub fn apply(rules: &[RelabelRule], mut labels: LabelsBuilder) -> Option<LabelsBuilder> {
    for rule in rules {
        if !step(rule, &mut labels) {
            return None;
        }
    }
    Some(labels)
}

/// What the rules make of one target.
#[derive(Clone, Debug)]
pub struct Trace {
    /// For each step that was taken, the rule in words and the labels after it.
    pub steps: Vec<(String, Labels)>,
    /// `None` where the last step dropped the target.
    pub labels: Option<LabelsBuilder>,
}

/// As [`apply`], with the labels after each step.
pub fn trace(rules: &[RelabelRule], mut labels: LabelsBuilder) -> Trace {
    let mut steps = Vec::with_capacity(rules.len());
    for rule in rules {
        let kept = step(rule, &mut labels);
        steps.push((describe(rule), labels.clone().finish()));
        if !kept {
            return Trace {
                steps,
                labels: None,
            };
        }
    }
    Trace {
        steps,
        labels: Some(labels),
    }
}

/// One rule on labels in place; false where it drops them.
fn step(rule: &RelabelRule, labels: &mut LabelsBuilder) -> bool {
    let joined = || {
        let values: Vec<&str> = rule.source_labels.iter().map(|l| labels.get(l)).collect();
        values.join(&rule.separator)
    };
    match rule.action {
        RelabelAction::Keep => return rule.regex.is_match(&joined()),
        RelabelAction::Drop => return !rule.regex.is_match(&joined()),
        RelabelAction::KeepEqual => return labels.get(&rule.target_label) == joined(),
        RelabelAction::DropEqual => return labels.get(&rule.target_label) != joined(),
        RelabelAction::Replace => replace(rule, &joined(), labels),
        RelabelAction::Lowercase => {
            let value = joined().to_lowercase();
            labels.set(&rule.target_label, &value);
        }
        RelabelAction::Uppercase => {
            let value = joined().to_uppercase();
            labels.set(&rule.target_label, &value);
        }
        RelabelAction::HashMod => {
            let share = md5_tail(&joined()) % rule.modulus.max(1);
            labels.set(&rule.target_label, &share.to_string());
        }
        RelabelAction::LabelMap => label_map(rule, labels),
        RelabelAction::LabelDrop => {
            labels.retain(|name| !rule.regex.is_match(name));
        }
        RelabelAction::LabelKeep => {
            labels.retain(|name| rule.regex.is_match(name));
        }
    }
    true
}

fn replace(rule: &RelabelRule, joined: &str, labels: &mut LabelsBuilder) {
    let Some(target) = rule.regex.expand(joined, &rule.target_label) else {
        return;
    };
    if target.is_empty() {
        return;
    }
    let value = rule
        .regex
        .expand(joined, &rule.replacement)
        .unwrap_or_default();
    // An empty value removes the label.
    labels.set(&target, &value);
}

fn label_map(rule: &RelabelRule, labels: &mut LabelsBuilder) {
    let copies: Vec<(String, String)> = labels
        .iter()
        .filter_map(|(name, value)| {
            let to = rule.regex.expand(name, &rule.replacement)?;
            (!to.is_empty()).then(|| (to, value.to_owned()))
        })
        .collect();
    for (name, value) in copies {
        labels.set(&name, &value);
    }
}

/// The last eight bytes of the MD5 sum, the highest first.
fn md5_tail(text: &str) -> u64 {
    let sum = Md5::digest(text.as_bytes());
    sum.iter()
        .skip(8)
        .fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// A rule in one line, as the Targets tab shows it: `replace [__address__] "(.*)" -> instance`.
pub fn describe(rule: &RelabelRule) -> String {
    let words: &[(&str, RelabelAction)] = crate::config::relabel::ACTIONS;
    let name = words
        .iter()
        .find(|(_, action)| *action == rule.action)
        .map_or("replace", |(name, _)| name);
    let from = match rule.source_labels.as_slice() {
        [] => String::new(),
        some => format!(" [{}]", some.join(", ")),
    };
    let regex = rule.regex.as_str();
    let target = &rule.target_label;
    match rule.action {
        RelabelAction::Replace if regex == "(.*)" && rule.replacement == "$1" => {
            format!("{name}{from} -> {target}")
        }
        RelabelAction::Replace => {
            format!("{name}{from} {regex:?} -> {target}={:?}", rule.replacement)
        }
        RelabelAction::LabelMap => format!("{name} {regex:?} -> {:?}", rule.replacement),
        RelabelAction::HashMod => format!("{name}{from} mod {} -> {target}", rule.modulus),
        RelabelAction::KeepEqual | RelabelAction::DropEqual => format!("{name}{from} = {target}"),
        RelabelAction::Lowercase | RelabelAction::Uppercase => format!("{name}{from} -> {target}"),
        _ => format!("{name}{from} {regex:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::regex::Regex;

    fn rule(action: RelabelAction) -> RelabelRule {
        RelabelRule {
            action,
            source_labels: Vec::new(),
            separator: ";".into(),
            regex: Regex::anchored("(.*)").unwrap(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".into(),
        }
    }

    fn from(action: RelabelAction, sources: &[&str], target: &str) -> RelabelRule {
        RelabelRule {
            source_labels: sources.iter().map(|s| (*s).to_owned()).collect(),
            target_label: target.into(),
            ..rule(action)
        }
    }

    fn matching(mut rule: RelabelRule, regex: &str, replacement: &str) -> RelabelRule {
        rule.regex = Regex::anchored(regex).unwrap();
        rule.replacement = replacement.into();
        rule
    }

    /// `a=foo, b=bar, c=baz` after the rules; `-` where they were dropped.
    fn check(rules: &[RelabelRule], want: &str) {
        let labels = Labels::from_pairs([("a", "foo"), ("b", "bar"), ("c", "baz")]);
        let found = apply(rules, labels.edit()).map(|l| l.finish().to_string());
        assert_eq!(found.as_deref().unwrap_or("-"), want, "{rules:?}");
        let traced = trace(rules, labels.edit())
            .labels
            .map(|l| l.finish().to_string());
        assert_eq!(traced, found);
    }

    use RelabelAction as A;

    #[test]
    fn replaces() {
        let all = "{a=\"foo\", b=\"bar\", c=\"baz\"}";
        check(
            &[matching(
                from(A::Replace, &["a"], "d"),
                "f(.*)",
                "ch${1}-ch${1}",
            )],
            "{a=\"foo\", b=\"bar\", c=\"baz\", d=\"choo-choo\"}",
        );
        check(
            &[matching(
                from(A::Replace, &["a", "b"], "a"),
                "f(.*);(.*)r",
                "b${1}${2}m",
            )],
            "{a=\"boobam\", b=\"bar\", c=\"baz\"}",
        );
        // No match: nothing happens. The whole value must match.
        check(&[matching(from(A::Replace, &["a"], "b"), "o", "x")], all);
        // An empty result removes the label.
        check(
            &[matching(from(A::Replace, &["a"], "a"), "(f).*", "$2")],
            "{b=\"bar\", c=\"baz\"}",
        );
        // Groups in the target's name.
        check(
            &[matching(from(A::Replace, &["a"], "x_$1"), "(f).*", "y")],
            "{a=\"foo\", b=\"bar\", c=\"baz\", x_f=\"y\"}",
        );
        // No source at all: a fixed value.
        check(
            &[matching(from(A::Replace, &[], "d"), "(.*)", "fixed")],
            "{a=\"foo\", b=\"bar\", c=\"baz\", d=\"fixed\"}",
        );
    }

    #[test]
    fn keeps_and_drops() {
        let all = "{a=\"foo\", b=\"bar\", c=\"baz\"}";
        check(&[matching(from(A::Drop, &["a"], ""), ".*o.*", "")], "-");
        check(&[matching(from(A::Drop, &["a"], ""), "o", "")], all);
        check(&[matching(from(A::Keep, &["a"], ""), "f|foo", "")], all);
        check(
            &[matching(from(A::Keep, &["a", "b"], ""), "foo;bar", "")],
            all,
        );
        check(&[matching(from(A::Keep, &["a"], ""), "no-match", "")], "-");
        check(&[from(A::KeepEqual, &["a"], "a")], all);
        check(&[from(A::KeepEqual, &["a"], "b")], "-");
        check(&[from(A::DropEqual, &["a"], "a")], "-");
        check(&[from(A::DropEqual, &["a"], "b")], all);
    }

    #[test]
    fn maps_hashes_and_cases() {
        check(
            &[matching(rule(A::LabelMap), "(b.*|c)", "my_$1")],
            "{a=\"foo\", b=\"bar\", c=\"baz\", my_b=\"bar\", my_c=\"baz\"}",
        );
        check(&[matching(rule(A::LabelDrop), "(b|c)", "")], "{a=\"foo\"}");
        check(
            &[matching(rule(A::LabelKeep), "(b|c)", "")],
            "{b=\"bar\", c=\"baz\"}",
        );
        check(
            &[from(A::Uppercase, &["a"], "a")],
            "{a=\"FOO\", b=\"bar\", c=\"baz\"}",
        );
        let mut hash = from(A::HashMod, &["c"], "d");
        hash.modulus = 1000;
        // echo -n baz | md5sum: 73feffa4b7f6bb68e44cf984c85f6e88
        let want = 0xe44c_f984_c85f_6e88_u64 % 1000;
        check(
            &[hash],
            &format!("{{a=\"foo\", b=\"bar\", c=\"baz\", d=\"{want}\"}}"),
        );
    }

    #[test]
    fn the_trace_tells_every_step() {
        let rules = [
            from(A::Replace, &["a"], "d"),
            matching(from(A::Drop, &["d"], ""), "foo", ""),
            from(A::Replace, &["a"], "never"),
        ];
        let labels = Labels::from_pairs([("a", "foo")]);
        let found = trace(&rules, labels.edit());
        assert_eq!(found.labels.map(LabelsBuilder::finish), None);
        let steps: Vec<String> = found
            .steps
            .iter()
            .map(|(r, l)| format!("{r}: {l}"))
            .collect();
        assert_eq!(
            steps,
            [
                "replace [a] -> d: {a=\"foo\", d=\"foo\"}",
                "drop [d] \"foo\": {a=\"foo\", d=\"foo\"}"
            ]
        );
    }
}
