//! The spans of a trace in the order of the tree, with what each did itself, filtered and folded.

use crate::base::text;
use crate::base::units::{format_nanoseconds, parse_duration_ms};
use crate::model::span::{Span, SpanId, Trace};
use crate::model::span_tree::SpanTree;
use crate::tui::overlay::fuzzy;
use std::collections::HashSet;

pub(in crate::tui::tabs::traces) struct Row<'a> {
    pub(in crate::tui::tabs::traces) span: &'a Span,
    pub(in crate::tui::tabs::traces) depth: usize,
    pub(in crate::tui::tabs::traces) folded: bool,
    pub(in crate::tui::tabs::traces) has_children: bool,
    /// Nanoseconds in which no child of it ran.
    pub(in crate::tui::tabs::traces) own: u64,
    /// The trace's end waited for it.
    pub(in crate::tui::tabs::traces) critical: bool,
    /// See [`SpanTree::skew`].
    pub(in crate::tui::tabs::traces) skew: Option<i64>,
}

/// What is left out of a waterfall.
#[derive(Debug, Default)]
pub(in crate::tui::tabs::traces) struct Kept {
    pub(in crate::tui::tabs::traces) folded: HashSet<(SpanId, bool)>,
    pub(in crate::tui::tabs::traces) terms: Vec<Term>,
    /// Nanoseconds; shorter spans are hidden, but for failed ones and what they hang below.
    pub(in crate::tui::tabs::traces) shortest: u64,
}

/// One word of the filter; all of them must fit.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::tui::tabs::traces) enum Term {
    Error,
    Longer(u64),
    Shorter(u64),
    Has(String),
    HasNot(String),
}

/// Reads a filter: words, `!word`, `error`, `>5ms`, `<1s`.
pub(in crate::tui::tabs::traces) fn terms(typed: &str) -> Result<Vec<Term>, String> {
    let took = |text: &str| {
        nanoseconds(text)
            .ok_or_else(|| format!("{text:?} is not a duration; write 5ms, 200us or 1.5s"))
    };
    let term = |word: &str| {
        Ok(
            match (
                word,
                word.strip_prefix('>'),
                word.strip_prefix('<'),
                word.strip_prefix('!'),
            ) {
                ("error", ..) => Term::Error,
                (_, Some(longer), ..) => Term::Longer(took(longer)?),
                (_, _, Some(shorter), _) => Term::Shorter(took(shorter)?),
                (_, _, _, Some(not)) if !not.is_empty() => Term::HasNot(not.to_owned()),
                _ => Term::Has(word.to_owned()),
            },
        )
    };
    typed.split_whitespace().map(term).collect()
}

/// `200us`, `1.5ms`, `2s`, and what durations are elsewhere.
fn nanoseconds(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 5] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
    ];
    for (unit, scale) in UNITS {
        if let Some(number) = text.strip_suffix(unit)
            && let Ok(number) = number.parse::<f64>()
            && number >= 0.0
        {
            return Some((number * scale) as u64);
        }
    }
    let ms = parse_duration_ms(text).ok()?;
    u64::try_from(ms).ok()?.checked_mul(1_000_000)
}

impl Term {
    fn fits(&self, span: &Span, words: &str) -> bool {
        match self {
            Self::Error => span.is_error(),
            Self::Longer(ns) => span.duration() > *ns,
            Self::Shorter(ns) => span.duration() < *ns,
            Self::Has(word) => fuzzy::contains(word, words),
            Self::HasNot(word) => !fuzzy::contains(word, words),
        }
    }

    fn needs_words(&self) -> bool {
        matches!(self, Self::Has(_) | Self::HasNot(_))
    }
}

/// Every span once; one whose parent has not arrived stands at the left. Gives the number of spans
/// that are hidden as too short.
pub(in crate::tui::tabs::traces) fn rows<'a>(
    trace: &'a Trace,
    kept: &Kept,
) -> (Vec<Row<'a>>, usize) {
    let tree = SpanTree::new(trace);
    let critical = tree.critical();
    let order = tree.downwards();
    let long = long_enough(&tree, &order, kept.shortest);
    let mut out = Vec::new();
    // Deeper than this is inside something folded.
    let mut folded_at: Option<u32> = None;
    let mut hidden = 0;
    for (i, depth) in order {
        if folded_at.is_some_and(|at| depth > at) {
            continue;
        }
        folded_at = None;
        if !long[i as usize] {
            hidden += 1;
            continue;
        }
        let span = tree.span(i);
        let has_children = !tree.children[i as usize].is_empty();
        let folded = has_children && kept.folded.contains(&span.identity());
        if folded {
            folded_at = Some(depth);
        }
        if fits(span, &kept.terms) {
            out.push(Row {
                span,
                depth: depth as usize,
                folded,
                has_children,
                own: tree.own(i),
                critical: critical[i as usize],
                skew: tree.skew(i),
            });
        }
    }
    (out, hidden)
}

/// By span whether it, or something below it, is long enough or has failed.
fn long_enough(tree: &SpanTree<'_>, order: &[(u32, u32)], shortest: u64) -> Vec<bool> {
    let mut out = vec![shortest == 0; tree.parents.len()];
    for (i, _) in order.iter().rev() {
        let span = tree.span(*i);
        let keeps = span.duration() >= shortest || span.is_error();
        if keeps || out[*i as usize] {
            out[*i as usize] = true;
            if let Some(p) = tree.parents[*i as usize] {
                out[p as usize] = true;
            }
        }
    }
    out
}

fn fits(span: &Span, terms: &[Term]) -> bool {
    if terms.is_empty() {
        return true;
    }
    let mut all = String::new();
    if terms.iter().any(Term::needs_words) {
        all = format!("{} {} {}", span.service(), span.name, span.status_message);
        for (name, value) in &span.attributes {
            all.push_str(&format!(" {name}={value}"));
        }
        all = text::nfc(&all).into_owned();
    }
    terms.iter().all(|t| t.fits(span, &all))
}

/// Clocks that disagree, as a sentence.
pub(in crate::tui::tabs::traces) fn said(skew: i64) -> String {
    let by = format_nanoseconds(skew.unsigned_abs());
    if skew < 0 {
        format!(
            "it begins {by} before its parent, which another service sent: their clocks differ; shown as sent"
        )
    } else {
        format!("it begins {by} after its parent ended, which another service sent; shown as sent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_words_durations_and_errors() {
        let wanted = [
            Term::Error,
            Term::Longer(5_000_000),
            Term::Shorter(1_500_000_000),
            Term::HasNot("redis".to_owned()),
            Term::Has("주문".to_owned()),
        ];
        assert_eq!(terms("error >5ms <1.5s !redis 주문").unwrap(), wanted);
        assert_eq!(terms(">200us").unwrap(), [Term::Longer(200_000)]);
        assert_eq!(terms(">1m").unwrap(), [Term::Longer(60_000_000_000)]);
        assert!(terms(">soon").unwrap_err().contains("is not a duration"));
        assert_eq!(terms(" ").unwrap(), []);
    }
}
