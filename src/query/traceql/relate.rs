//! The tree that the spans of a trace make, and which spans are related.

use crate::model::span::{Span, Trace, parents};
use crate::query::traceql::ast::{Form, Tie};
use std::cell::OnceCell;

/// A trace with the places of its spans in its tree.
pub struct Tree<'a> {
    pub trace: &'a Trace,
    /// What few queries ask for is made when they do.
    parents: OnceCell<Vec<Option<u32>>>,
    children: OnceCell<Vec<u32>>,
    nested: OnceCell<Vec<(i64, i64)>>,
    root: Option<u32>,
}

impl<'a> Tree<'a> {
    pub fn new(trace: &'a Trace) -> Self {
        let root = trace.spans.iter().position(|s| s.parent.is_none());
        Self {
            parents: OnceCell::new(),
            children: OnceCell::new(),
            nested: OnceCell::new(),
            root: root.map(|r| r as u32),
            trace,
        }
    }

    /// By span: the index of its parent, where that has arrived.
    pub fn parents(&self) -> &[Option<u32>] {
        self.parents.get_or_init(|| parents(&self.trace.spans))
    }

    /// By span: how many children it has.
    pub fn children(&self) -> &[u32] {
        self.children.get_or_init(|| {
            let mut children = vec![0; self.trace.spans.len()];
            for parent in self.parents().iter().flatten() {
                children[*parent as usize] += 1;
            }
            children
        })
    }

    /// By span: its number on the way down and on the way up, from 1.
    fn nested(&self) -> &[(i64, i64)] {
        self.nested.get_or_init(|| nested(self.parents()))
    }

    pub fn span(&self, index: u32) -> &'a Span {
        &self.trace.spans[index as usize]
    }

    pub fn root(&self) -> Option<&'a Span> {
        self.root.map(|r| self.span(r))
    }

    /// Tempo's nested set: left, right, and the parent's left (-1 for a root).
    pub fn nested_set(&self, index: u32) -> (i64, i64, i64) {
        let nested = self.nested();
        let (left, right) = nested[index as usize];
        let parent = self.parents()[index as usize];
        (left, right, parent.map_or(-1, |p| nested[p as usize].0))
    }

    /// By span: whether one of `from` is what makes it `tie` of that one. Linear in the spans.
    fn marks(&self, tie: Tie, from: &[u32]) -> Vec<bool> {
        let parents = self.parents();
        let mut given = vec![false; parents.len()];
        for i in from {
            given[*i as usize] = true;
        }
        let parent = |i: usize| parents[i].map(|p| p as usize);
        let mut out = vec![false; parents.len()];
        match tie {
            Tie::Child => {
                (0..out.len()).for_each(|i| out[i] = parent(i).is_some_and(|p| given[p]));
            }
            Tie::Parent => {
                let parents = from.iter().filter_map(|i| parent(*i as usize));
                parents.for_each(|p| out[p] = true);
            }
            Tie::Descendant => {
                for i in self.downwards() {
                    out[i] = parent(i).is_some_and(|p| given[p] || out[p]);
                }
            }
            Tie::Ancestor => {
                for i in self.downwards().into_iter().rev() {
                    if let Some(p) = parent(i) {
                        out[p] |= given[i] || out[i];
                    }
                }
            }
            Tie::Sibling => {
                let mut counts = vec![0u32; parents.len()];
                let parents = from.iter().filter_map(|i| parent(*i as usize));
                parents.for_each(|p| counts[p] += 1);
                for (i, mark) in out.iter_mut().enumerate() {
                    let others = parent(i).map_or(0, |p| counts[p] - u32::from(given[i]));
                    *mark = others > 0;
                }
            }
        }
        out
    }

    /// Indices with every parent before its children.
    fn downwards(&self) -> Vec<usize> {
        let nested = self.nested();
        let mut order: Vec<usize> = (0..nested.len()).collect();
        order.sort_by_key(|i| nested[*i].0);
        order
    }

    /// The spans that `lhs tie rhs` gives, sorted.
    pub fn related(&self, tie: Tie, form: Form, lhs: &[u32], rhs: &[u32]) -> Vec<u32> {
        let marks = self.marks(tie, lhs);
        let wanted = form != Form::Not;
        let right = rhs.iter().copied();
        let mut out: Vec<u32> = right.filter(|r| marks[*r as usize] == wanted).collect();
        if form == Form::Union {
            let marks = self.marks(inverse(tie), rhs);
            out.extend(lhs.iter().filter(|l| marks[**l as usize]));
        }
        out.sort_unstable();
        out.dedup();
        out
    }
}

fn inverse(tie: Tie) -> Tie {
    match tie {
        Tie::Child => Tie::Parent,
        Tie::Parent => Tie::Child,
        Tie::Descendant => Tie::Ancestor,
        Tie::Ancestor => Tie::Descendant,
        Tie::Sibling => Tie::Sibling,
    }
}

fn nested(parents: &[Option<u32>]) -> Vec<(i64, i64)> {
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); parents.len()];
    let mut stack: Vec<(u32, bool)> = Vec::new();
    for (i, parent) in parents.iter().enumerate() {
        match parent {
            Some(p) => children[*p as usize].push(i as u32),
            None => stack.push((i as u32, false)),
        }
    }
    stack.reverse();
    let mut out = vec![(0, 0); parents.len()];
    let mut next = 1;
    while let Some((i, leaving)) = stack.pop() {
        let place = &mut out[i as usize];
        if leaving {
            place.1 = next;
        } else {
            place.0 = next;
            stack.push((i, true));
            stack.extend(children[i as usize].iter().rev().map(|c| (*c, false)));
        }
        next += 1;
    }
    out
}
