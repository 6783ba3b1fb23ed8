//! The paths of calls of many traces, laid over each other.

use crate::model::trace_report::CallRow;
use crate::query::traceql::report::Seen;
use std::collections::HashMap;

/// Paths that are told apart; further ones below a path count together.
const MOST_PATHS: usize = 5_000;
/// What such calls are called.
const MORE: &str = "(more)";

#[derive(Default)]
pub(super) struct Calls {
    nodes: Vec<Node>,
    /// By the place of the parent (0 for none, else one more), service, name.
    places: HashMap<(u32, u32, u32), u32>,
    words: HashMap<String, u32>,
}

struct Node {
    parent: Option<u32>,
    is_more: bool,
    row: CallRow,
}

impl Calls {
    fn word(&mut self, text: &str) -> u32 {
        if let Some(known) = self.words.get(text) {
            return *known;
        }
        let next = self.words.len() as u32;
        self.words.insert(text.to_owned(), next);
        next
    }

    /// The place of a call below a parent.
    fn place(&mut self, parent: Option<u32>, service: &str, name: &str) -> u32 {
        if let Some(p) = parent
            && self.nodes[p as usize].is_more
        {
            return p;
        }
        let above = parent.map_or(0, |p| p + 1);
        let key = (above, self.word(service), self.word(name));
        if let Some(known) = self.places.get(&key) {
            return *known;
        }
        let is_more = self.places.len() >= MOST_PATHS;
        let key = if is_more {
            (above, u32::MAX, u32::MAX)
        } else {
            key
        };
        if let Some(known) = self.places.get(&key) {
            return *known;
        }
        let at = self.nodes.len() as u32;
        let depth = parent.map_or(0, |p| self.nodes[p as usize].row.depth + 1);
        let (service, name) = if is_more { ("", MORE) } else { (service, name) };
        self.nodes.push(Node {
            parent,
            is_more,
            row: CallRow {
                depth,
                service: service.to_owned(),
                name: name.to_owned(),
                ..CallRow::default()
            },
        });
        self.places.insert(key, at);
        at
    }

    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        let tree = seen.tree;
        let mut places = vec![0u32; tree.parents.len()];
        for (i, _) in tree.downwards() {
            let span = tree.span(i);
            let parent = tree.parents[i as usize].map(|p| places[p as usize]);
            let at = self.place(parent, span.service(), &span.name);
            places[i as usize] = at;
            let row = &mut self.nodes[at as usize].row;
            row.calls += 1;
            row.errors += u64::from(span.is_error());
            row.total = row.total.saturating_add(span.duration());
            row.own = row.own.saturating_add(seen.own[i as usize]);
            row.longest = row.longest.max(span.duration());
            row.critical += u64::from(seen.critical[i as usize]);
        }
    }

    /// Parents before their children, brothers in the order in which they were first met.
    pub(super) fn finish(mut self) -> Vec<CallRow> {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut stack = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            match node.parent {
                Some(p) => children[p as usize].push(i),
                None => stack.push(i),
            }
        }
        // A parent always stands before its children.
        for i in (0..self.nodes.len()).rev() {
            let below: u64 = children[i].iter().map(|c| self.nodes[*c].row.weight).sum();
            let row = &mut self.nodes[i].row;
            row.weight = row.own.saturating_add(below);
        }
        stack.reverse();
        let mut out = Vec::with_capacity(self.nodes.len());
        while let Some(i) = stack.pop() {
            out.push(std::mem::take(&mut self.nodes[i].row));
            stack.extend(children[i].iter().rev());
        }
        out
    }
}
