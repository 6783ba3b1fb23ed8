//! The tree that the spans of a trace make: who called whom, what each did itself, and what the end
//! of the trace waited for.
//!
//! Times are taken as they were sent: a clock that runs wrong shows, it is not put right.

use crate::model::span::{Span, SpanId, SpanKind, Trace};
use std::collections::HashMap;

/// A trace with its tree. Indices are those of [`Trace::spans`].
pub struct SpanTree<'a> {
    pub trace: &'a Trace,
    /// `None` for roots, and for spans whose parent has not arrived.
    pub parents: Vec<Option<u32>>,
    /// In rising start.
    pub children: Vec<Vec<u32>>,
    /// Spans without a parent here, in rising start.
    pub roots: Vec<u32>,
}

impl<'a> SpanTree<'a> {
    /// Linear in the spans.
    pub fn new(trace: &'a Trace) -> Self {
        let parents = parents(&trace.spans);
        let mut children = vec![Vec::new(); parents.len()];
        let mut roots = Vec::new();
        for (i, parent) in parents.iter().enumerate() {
            match parent {
                Some(p) => children[*p as usize].push(i as u32),
                None => roots.push(i as u32),
            }
        }
        Self {
            trace,
            parents,
            children,
            roots,
        }
    }

    pub fn span(&self, index: u32) -> &'a Span {
        &self.trace.spans[index as usize]
    }

    /// Every span with its depth, parents before their children.
    pub fn downwards(&self) -> Vec<(u32, u32)> {
        let mut out = Vec::with_capacity(self.parents.len());
        let mut stack: Vec<(u32, u32)> = self.roots.iter().rev().map(|r| (*r, 0)).collect();
        while let Some((i, depth)) = stack.pop() {
            out.push((i, depth));
            let below = self.children[i as usize].iter().rev();
            stack.extend(below.map(|c| (*c, depth + 1)));
        }
        out
    }

    /// Nanoseconds of a span in which none of its children ran.
    pub fn own(&self, index: u32) -> u64 {
        let span = self.span(index);
        let inside = |t: u64| t.clamp(span.start, span.end.max(span.start));
        let mut covered: Vec<(u64, u64)> = self.children[index as usize]
            .iter()
            .map(|c| self.span(*c))
            .map(|c| (inside(c.start), inside(c.end)))
            .collect();
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

    /// By span whether the end of the trace waited for it: from the end of the longest root
    /// backwards, always the child that ended last before. A child that outlives its parent counts
    /// up to the parent's end, but for consumers of messages: nobody waits for those.
    pub fn critical(&self) -> Vec<bool> {
        let mut out = vec![false; self.parents.len()];
        let longest = self.roots.iter().max_by_key(|r| {
            let span = self.span(**r);
            (span.duration(), std::cmp::Reverse(span.start))
        });
        let mut stack: Vec<(u32, u64)> = longest
            .map(|r| (*r, self.span(*r).end))
            .into_iter()
            .collect();
        while let Some((i, until)) = stack.pop() {
            out[i as usize] = true;
            let span = self.span(i);
            let mut below: Vec<&u32> = self.children[i as usize].iter().collect();
            below.sort_by_key(|c| std::cmp::Reverse(self.span(**c).end));
            let mut at = until;
            for c in below {
                let child = self.span(*c);
                let late = child.end > span.end;
                if late && (child.kind == SpanKind::Consumer || child.start >= span.end) {
                    continue;
                }
                let end = child.end.min(span.end).min(until);
                if end <= at && end > span.start && child.start < at {
                    stack.push((*c, end));
                    at = child.start;
                }
            }
        }
        out
    }

    /// How far a span begins before its parent or ends after it, where both come from different
    /// services: their clocks, or the work, do not agree. Negative: it begins that much before.
    /// Consumers of messages may outlive those who sent them.
    pub fn skew(&self, index: u32) -> Option<i64> {
        let span = self.span(index);
        let parent = self.span(self.parents[index as usize]?);
        if span.service() == parent.service() {
            return None;
        }
        if span.start < parent.start {
            return Some(-i64::try_from(parent.start - span.start).unwrap_or(i64::MAX));
        }
        let beyond = span.kind != SpanKind::Consumer && span.start > parent.end;
        beyond.then(|| i64::try_from(span.start - parent.end).unwrap_or(i64::MAX))
    }
}

/// By span the index of its parent. A span that its server shares (Zipkin) hangs below the client's
/// half of the same id, and the children of both below the server's. A circle is cut where it closes.
pub fn parents(spans: &[Span]) -> Vec<Option<u32>> {
    let mut own: HashMap<SpanId, u32> = HashMap::new();
    let mut shared: HashMap<SpanId, u32> = HashMap::new();
    for (i, span) in spans.iter().enumerate() {
        let half = if span.shared { &mut shared } else { &mut own };
        half.entry(span.id).or_insert(i as u32);
    }
    let above = |i: usize| {
        let span = &spans[i];
        if span.shared
            && let Some(client) = own.get(&span.id)
        {
            return Some(*client);
        }
        let parent = span.parent?;
        let found = shared.get(&parent).or_else(|| own.get(&parent)).copied();
        found.filter(|p| *p as usize != i)
    };
    let mut out: Vec<Option<u32>> = (0..spans.len()).map(above).collect();
    cut_circles(&mut out);
    out
}

fn cut_circles(parents: &mut [Option<u32>]) {
    // 0: not seen, 1: on the way up now, 2: leads to a root.
    let mut seen = vec![0u8; parents.len()];
    for start in 0..parents.len() {
        let mut path = Vec::new();
        let mut at = start;
        while seen[at] == 0 {
            seen[at] = 1;
            path.push(at);
            match parents[at] {
                Some(up) if seen[up as usize] == 1 => parents[at] = None,
                Some(up) => at = up as usize,
                None => break,
            }
        }
        for i in path {
            seen[i] = 2;
        }
    }
}

#[cfg(test)]
mod tests;
