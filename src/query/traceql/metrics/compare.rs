//! `compare()`: which values of which attributes a selection of spans has more often than the rest.

use crate::model::answer::Series;
use crate::model::span::Attributes;
use crate::model::time::Steps;
use crate::query::traceql::ast::{Field, Intrinsic, MetricsFunction};
use crate::query::traceql::eval::{self, Compiled};
use crate::query::traceql::metrics::{MAX_SERIES, labelled, sample};
use crate::query::traceql::parse::Parsed;
use crate::query::traceql::relate::Tree;
use crate::query::traceql::value::Value;
use std::collections::{BTreeMap, HashMap};

type Counts = BTreeMap<u32, u64>;

pub(super) struct Comparison {
    selection: Option<Compiled>,
    top: usize,
    range: (u64, u64),
    /// By selected or not, attribute and value.
    values: HashMap<(bool, String, String), Counts>,
    /// By selected or not, and attribute: spans that have it.
    totals: HashMap<(bool, String), Counts>,
}

const OF_EVERY_SPAN: [Intrinsic; 5] = [
    Intrinsic::Name,
    Intrinsic::Kind,
    Intrinsic::Status,
    Intrinsic::RootName,
    Intrinsic::RootService,
];

impl Comparison {
    /// `None` where the function is another.
    pub(super) fn new(function: &MetricsFunction) -> Parsed<Option<Self>> {
        let MetricsFunction::Compare {
            selection,
            top,
            range,
        } = function
        else {
            return Ok(None);
        };
        let selection = selection.as_ref().map(Compiled::new).transpose()?;
        Ok(Some(Self {
            selection,
            top: *top,
            range: *range,
            values: HashMap::new(),
            totals: HashMap::new(),
        }))
    }

    pub(super) fn add(&mut self, tree: &Tree<'_>, index: u32, step: u32) {
        let span = tree.span(index);
        let (from, to) = self.range;
        let inside = to == 0 || (from..=to).contains(&span.start);
        let picked = self
            .selection
            .as_ref()
            .is_none_or(|s| s.is_true(tree, index));
        let selected = inside && picked;
        for intrinsic in OF_EVERY_SPAN {
            let field = Field::Intrinsic(intrinsic);
            let value = eval::value(&field, tree, index);
            if !value.is_nil() {
                self.count(
                    selected,
                    intrinsic.word().to_owned(),
                    value.to_label(),
                    step,
                );
            }
        }
        let scoped = [
            ("span", &span.attributes),
            ("resource", &span.resource.attributes),
        ];
        for (scope, attributes) in scoped {
            self.count_all(selected, scope, attributes, step);
        }
    }

    fn count_all(&mut self, selected: bool, scope: &str, attributes: &Attributes, step: u32) {
        for (name, value) in attributes {
            let value = Value::of_attribute(value).to_label();
            self.count(selected, format!("{scope}.{name}"), value, step);
        }
    }

    fn count(&mut self, selected: bool, name: String, value: String, step: u32) {
        let totals = self.totals.entry((selected, name.clone())).or_default();
        *totals.entry(step).or_default() += 1;
        let key = (selected, name, value);
        // Beyond the bound new values count in the totals only.
        if self.values.len() < MAX_SERIES || self.values.contains_key(&key) {
            *self.values.entry(key).or_default().entry(step).or_default() += 1;
        }
    }

    /// The most frequent values of each attribute, and the totals.
    pub(super) fn finish(self, steps: Steps) -> Vec<Series> {
        let kind = |selected: bool| if selected { "selection" } else { "baseline" };
        let samples = |counts: &Counts| {
            let each = counts.iter().map(|(i, n)| sample(steps, *i, *n as f64));
            each.collect::<Vec<_>>()
        };
        let mut groups: HashMap<(bool, String), Vec<(String, Counts)>> = HashMap::new();
        for ((selected, name, value), counts) in self.values {
            groups
                .entry((selected, name))
                .or_default()
                .push((value, counts));
        }
        let mut out = Vec::new();
        for ((selected, name), mut values) in groups {
            values.sort_by_key(|(value, counts)| {
                (
                    std::cmp::Reverse(counts.values().sum::<u64>()),
                    value.clone(),
                )
            });
            for (value, counts) in values.iter().take(self.top) {
                let labels = [("__meta_type", kind(selected)), (&name, value.as_str())];
                out.push(Series {
                    labels: labelled(&labels),
                    samples: samples(counts),
                });
            }
        }
        for ((selected, name), counts) in &self.totals {
            let kind = format!("{}_total", kind(*selected));
            let labels = [("__meta_type", kind.as_str()), (name.as_str(), "nil")];
            out.push(Series {
                labels: labelled(&labels),
                samples: samples(counts),
            });
        }
        out
    }
}
