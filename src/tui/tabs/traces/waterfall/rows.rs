//! The spans of a trace in the order of the tree, with what each did itself.

use crate::base::text;
use crate::model::span::{Span, SpanId, Trace};
use crate::tui::overlay::fuzzy;
use std::collections::{HashMap, HashSet};

pub(in crate::tui::tabs::traces) struct Row<'a> {
    pub(in crate::tui::tabs::traces) span: &'a Span,
    pub(in crate::tui::tabs::traces) depth: usize,
    pub(in crate::tui::tabs::traces) folded: bool,
    pub(in crate::tui::tabs::traces) has_children: bool,
    /// Nanoseconds in which no child of it ran.
    pub(in crate::tui::tabs::traces) own: u64,
    /// The trace's end waited for it.
    pub(in crate::tui::tabs::traces) critical: bool,
}

/// Every span once; one whose parent has not arrived stands at the left.
pub(in crate::tui::tabs::traces) fn rows<'a>(
    trace: &'a Trace,
    folded: &HashSet<(SpanId, bool)>,
    filter: &str,
) -> Vec<Row<'a>> {
    let parents = parents(&trace.spans);
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (i, parent) in parents.iter().enumerate() {
        children.entry(*parent).or_default().push(i);
    }
    let critical = critical(&trace.spans, &children);
    let mut out = Vec::new();
    let roots = children.get(&None).cloned().unwrap_or_default();
    let mut stack: Vec<(usize, usize)> = roots.into_iter().rev().map(|i| (i, 0)).collect();
    while let Some((i, depth)) = stack.pop() {
        let span = &trace.spans[i];
        let below = children.get(&Some(i)).map_or(&[][..], Vec::as_slice);
        let is_folded = folded.contains(&span.identity());
        if fits(span, filter) {
            out.push(Row {
                span,
                depth,
                folded: is_folded && !below.is_empty(),
                has_children: !below.is_empty(),
                own: own(span, below.iter().map(|c| &trace.spans[*c])),
                critical: critical.contains(&i),
            });
        }
        if !is_folded {
            stack.extend(below.iter().rev().map(|c| (*c, depth + 1)));
        }
    }
    out
}

/// By span the place of its parent. A server's half of a shared span hangs below the client's; a
/// circle is cut.
fn parents(spans: &[Span]) -> Vec<Option<usize>> {
    let mut own: HashMap<SpanId, usize> = HashMap::new();
    let mut shared: HashMap<SpanId, usize> = HashMap::new();
    for (i, span) in spans.iter().enumerate() {
        let half = if span.shared { &mut shared } else { &mut own };
        half.entry(span.id).or_insert(i);
    }
    let mut out: Vec<Option<usize>> = Vec::with_capacity(spans.len());
    for (i, span) in spans.iter().enumerate() {
        let client = own.get(&span.id).copied().filter(|_| span.shared);
        let above = span
            .parent
            .and_then(|p| shared.get(&p).or_else(|| own.get(&p)).copied());
        out.push(client.or(above).filter(|p| *p != i));
    }
    for start in 0..out.len() {
        let mut seen = HashSet::from([start]);
        let mut at = start;
        while let Some(up) = out[at] {
            if !seen.insert(up) {
                out[at] = None;
                break;
            }
            at = up;
        }
    }
    out
}

/// Its duration without what its children cover.
fn own<'a>(span: &Span, children: impl Iterator<Item = &'a Span>) -> u64 {
    let inside = |t: u64| t.clamp(span.start, span.end.max(span.start));
    let mut covered: Vec<(u64, u64)> = children.map(|c| (inside(c.start), inside(c.end))).collect();
    covered.sort_unstable();
    let (mut sum, mut until) = (0, span.start);
    for (from, to) in covered {
        let from = from.max(until);
        if to > from {
            sum += to - from;
            until = to;
        }
    }
    span.duration().saturating_sub(sum)
}

/// From the end of a span backwards: the child that ended last before, and so on, each gone into.
fn critical(spans: &[Span], children: &HashMap<Option<usize>, Vec<usize>>) -> HashSet<usize> {
    let mut out = HashSet::new();
    let roots = children.get(&None).map_or(&[][..], Vec::as_slice);
    let longest = roots.iter().copied().max_by_key(|i| spans[*i].duration());
    let mut stack: Vec<usize> = longest.into_iter().collect();
    while let Some(i) = stack.pop() {
        out.insert(i);
        let mut at = spans[i].end;
        let mut below: Vec<usize> = children.get(&Some(i)).cloned().unwrap_or_default();
        below.sort_by_key(|c| std::cmp::Reverse(spans[*c].end));
        for c in below {
            // What ended after the parent ran on its own.
            if spans[c].end <= at && spans[c].end > spans[i].start {
                stack.push(c);
                at = spans[c].start;
            }
        }
    }
    out
}

fn fits(span: &Span, filter: &str) -> bool {
    if filter.is_empty() {
        return true;
    }
    let mut all = format!("{} {} {}", span.service(), span.name, span.status_message);
    for (name, value) in &span.attributes {
        all.push_str(&format!(" {name}={value}"));
    }
    let all = text::nfc(&all);
    match filter.strip_prefix('!') {
        Some(word) => !fuzzy::contains(word, &all),
        None => fuzzy::contains(filter, &all),
    }
}
