//! Going through traces, those that start later first, past what cannot match.

use crate::base::cancel::Cancel;
use crate::model::span::{Trace, TraceId};
use crate::store::read::{Need, Number, ReadError, SelectTraces, TraceSource, Visited};
use crate::store::traces::block::{Block, Index, Row};
use crate::store::traces::head::{Head, Walk};
use crate::store::traces::log::Traces;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Something that is read at once.
enum Unit {
    Group(Arc<Block>, Arc<Index>, usize),
    Head(Arc<Head>),
    Live,
}

impl TraceSource for Traces {
    fn trace(
        &self,
        id: TraceId,
        cancel: &Cancel,
    ) -> Result<(Option<Trace>, Vec<String>), ReadError> {
        cancel.check()?;
        let mut warnings = self.blocks.missing();
        let trace = self.whole(id, &mut warnings);
        Ok((trace, warnings))
    }

    fn visit(
        &self,
        select: &SelectTraces<'_>,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> Result<Visited, ReadError> {
        let mut visit = Visit {
            traces: self,
            select,
            texts: texts(select.needs),
            numbers: numbers(select.needs),
            mixed: HashSet::new(),
            split: HashSet::new(),
            done: HashSet::new(),
            visited: Visited {
                warnings: self.blocks.missing(),
                ..Visited::default()
            },
        };
        let units = visit.units();
        for (i, (_, unit)) in units.iter().enumerate() {
            cancel.check()?;
            let later = units.get(i + 1).map_or(0, |(last, _)| *last);
            if visit.unit(unit, later, cancel, each)?.is_break() {
                break;
            }
        }
        Ok(visit.visited)
    }
}

fn texts(needs: &[Need]) -> Vec<&str> {
    let texts = needs.iter().filter_map(|n| match n {
        Need::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn numbers(needs: &[Need]) -> Vec<&Number> {
    let numbers = needs.iter().filter_map(|n| match n {
        Need::Number(number) => Some(number),
        _ => None,
    });
    numbers.collect()
}

struct Visit<'a> {
    traces: &'a Traces,
    select: &'a SelectTraces<'a>,
    texts: Vec<&'a str>,
    numbers: Vec<&'a Number>,
    /// Groups, by block, with traces of several places: what is needed may stand in another.
    mixed: HashSet<(u64, u32)>,
    /// Traces of several places, and those of them that were handed out already.
    split: HashSet<TraceId>,
    done: HashSet<TraceId>,
    visited: Visited,
}

impl Visit<'_> {
    /// What may hold matching traces, the latest first.
    fn units(&mut self) -> Vec<(u64, Unit)> {
        let mut units = Vec::new();
        {
            let heads = self.traces.head.read();
            self.split.extend(heads.live.late());
            if let Some((frozen, _)) = &heads.frozen {
                self.split.extend(frozen.late());
                self.split.extend(heads.live.also_in(frozen));
            }
            if heads.live.len() > 0 {
                units.push((u64::MAX, Unit::Live));
            }
            if let Some((frozen, _)) = &heads.frozen {
                units.push((u64::MAX, Unit::Head(Arc::clone(frozen))));
            }
        }
        let blocks = self.traces.blocks.list();
        let mut indexes = Vec::new();
        for block in blocks.iter() {
            match block.index() {
                Ok(index) => indexes.push((block, index)),
                Err(e) => {
                    let said = self.traces.blocks.doubted(block, &e);
                    self.visited.warnings.push(said);
                }
            }
        }
        let split = indexes.iter().flat_map(|(_, index)| &index.split);
        self.split.extend(split.copied());
        if !self.select.needs.is_empty() {
            self.mixed = mixed(&indexes);
        }
        for (block, index) in &indexes {
            for (i, row) in index.rows.iter().enumerate() {
                if self.may_match(block, i, row) {
                    let unit = Unit::Group(Arc::clone(block), Arc::clone(index), i);
                    units.push((row.last, unit));
                }
            }
        }
        units.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
        units
    }

    fn may_match(&self, block: &Block, i: usize, row: &Row) -> bool {
        let in_time = row.last >= self.select.from && row.first <= self.select.to;
        let has = |need: &Need| match need {
            Need::Text(_) | Need::Number(_) => true,
            Need::Error => row.has_error,
            Need::Duration(d) => row.longest >= *d,
        };
        in_time
            && (self.mixed.contains(&(block.key, i as u32)) || self.select.needs.iter().all(has))
    }

    fn unit(
        &mut self,
        unit: &Unit,
        later: u64,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        match unit {
            Unit::Group(block, index, i) => Ok(self.group((block, index, *i), later, each)),
            Unit::Head(head) => self.head(head, later, cancel, each),
            Unit::Live => self.live(later, cancel, each),
        }
    }

    fn group(
        &mut self,
        (block, index, i): (&Arc<Block>, &Index, usize),
        later: u64,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let row = &index.rows[i];
        self.visited.bytes += row.raw_bytes();
        let mixed = self.mixed.contains(&(block.key, i as u32));
        let (texts, numbers): (&[&str], &[&Number]) = if mixed {
            (&[], &[])
        } else {
            (&self.texts, &self.numbers)
        };
        let mut group = match block.group(row, texts, numbers) {
            Ok(group) => group,
            Err(e) => {
                let said = self.traces.blocks.doubted(block, &e);
                self.visited.warnings.push(said);
                return ControlFlow::Continue(());
            }
        };
        group.sort_by_key(|t| std::cmp::Reverse(t.bounds().0));
        group
            .into_iter()
            .try_for_each(|trace| self.hand_out(trace, later, each))
    }

    /// Reads in pieces, so that writers are not kept waiting by a long search.
    fn live(
        &mut self,
        later: u64,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let order = {
            let heads = self.traces.head.read();
            self.candidates(&heads.live)
        };
        for piece in order.chunks(512) {
            cancel.check()?;
            let traces: Vec<Trace> = {
                let heads = self.traces.head.read();
                let mut walk = Walk::new(&heads.live);
                piece.iter().filter_map(|id| walk.trace(*id)).collect()
            };
            for trace in traces {
                if self.hand_out(trace, later, each).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The traces of a head that may match. Of those that stand elsewhere too, all.
    fn candidates(&self, head: &Head) -> Vec<TraceId> {
        let batches: Vec<_> = self.texts.iter().map(|t| head.batches_with(t)).collect();
        let whole = |id: &TraceId| head.slot(*id).is_some_and(|s| !s.late);
        let order = head.by_start().into_iter().map(|(_, id)| id);
        let may = |id: &TraceId| !whole(id) || batches.iter().all(|b| head.is_in(*id, b));
        order.filter(may).collect()
    }

    fn head(
        &mut self,
        head: &Head,
        later: u64,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let mut walk = Walk::new(head);
        for id in self.candidates(head) {
            cancel.check()?;
            if let Some(trace) = walk.trace(id)
                && self.hand_out(trace, later, each).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Puts a trace together where it stands in several places, and hands it out once.
    fn hand_out(
        &mut self,
        trace: Trace,
        later: u64,
        each: &mut dyn FnMut(&Trace, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let met = trace.bounds().0;
        let trace = if self.split.contains(&trace.id) {
            if !self.done.insert(trace.id) {
                return ControlFlow::Continue(());
            }
            let whole = self.traces.whole(trace.id, &mut self.visited.warnings);
            whole.unwrap_or(trace)
        } else {
            trace
        };
        let start = trace.bounds().0;
        if start < self.select.from || start > self.select.to {
            return ControlFlow::Continue(());
        }
        self.visited.traces += 1;
        self.visited.spans += trace.spans.len() as u64;
        each(&trace, met.max(later))
    }
}

fn mixed(indexes: &[(&Arc<Block>, Arc<Index>)]) -> HashSet<(u64, u32)> {
    let mut out = HashSet::new();
    for id in indexes.iter().flat_map(|(_, index)| &index.split) {
        for (block, _) in indexes {
            if let Ok(Some(group)) = block.find(*id) {
                out.insert((block.key, group));
            }
        }
    }
    out
}
