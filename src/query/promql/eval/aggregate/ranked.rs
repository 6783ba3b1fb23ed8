//! Aggregations that choose series: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use crate::model::labels::Labels;
use crate::model::time::Steps;
use crate::query::promql::ast::{Aggregate, Aggregator};
use crate::query::promql::eval::aggregate::Groups;
use crate::query::promql::eval::limits::{Run, fault};
use crate::query::promql::eval::{ABSENT, Done, ROW_COST, Row, Sink, is_present};
use crate::query::promql::literal;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A candidate; the greatest of a heap is the first to go.
struct Candidate {
    v: f64,
    row: u32,
    top: bool,
}

impl Candidate {
    /// Less is better: larger for `topk`, NaN last, earlier series first.
    fn rank(&self, other: &Self) -> Ordering {
        let by_value = match (self.v.is_nan(), other.v.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if self.top => other.v.total_cmp(&self.v),
            (false, false) => self.v.total_cmp(&other.v),
        };
        by_value.then(self.row.cmp(&other.row))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank(other)
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// What the heap of one group and step costs before anything is in it, in samples of eight bytes.
const HEAP_COST: usize = 3;

impl Run<'_> {
    /// How many series to choose at each step.
    fn counts(&self, a: &Aggregate, grid: Steps) -> Done<Vec<usize>> {
        let span = a.param.as_ref().map_or(a.expr.span, |p| p.span);
        let read = |k: &f64| {
            if k.is_nan() {
                return Err(fault(span, "Parameter value is NaN"));
            }
            if *k >= 9.223_372_036_854_776e18 || *k <= -9.223_372_036_854_776e18 {
                let shown = literal::format_number(*k);
                let why = format!("Scalar value {shown} overflows int64");
                return Err(fault(span, why));
            }
            Ok(if *k < 1.0 { 0 } else { *k as usize })
        };
        self.parameter(a, grid)?.iter().map(read).collect()
    }

    /// Keeps only the chosen values: k of them per group and step.
    pub(crate) fn ranked_rows(&self, a: &Aggregate, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let counts = self.counts(a, grid)?;
        let mut groups = Groups::new(a);
        let mut heaps: Vec<BinaryHeap<Candidate>> = Vec::new();
        let mut names: Vec<(Labels, bool)> = Vec::new();
        let mut held = 0;
        self.rows(&a.expr, grid, &mut |row| {
            let group = groups.of(row.labels, row.drop_name);
            if heaps.len() == group * n {
                self.hold(n * HEAP_COST + ROW_COST)?;
                held += n * HEAP_COST + ROW_COST;
                heaps.resize_with((group + 1) * n, BinaryHeap::new);
            }
            // Only series that are chosen at some step are remembered.
            let number = names.len() as u32;
            let mut chosen = false;
            for (step, v) in row.values.iter().enumerate() {
                if !is_present(*v) || counts[step] == 0 {
                    continue;
                }
                let candidate = Candidate {
                    v: *v,
                    row: number,
                    top: a.op == Aggregator::Topk,
                };
                let heap = &mut heaps[group * n + step];
                if heap.len() < counts[step] {
                    self.hold(2)?;
                    held += 2;
                    chosen = true;
                    // The usual growth would begin with room for four.
                    if heap.is_empty() {
                        heap.reserve_exact(counts[step].min(4));
                    }
                    heap.push(candidate);
                } else if let Some(mut worst) = heap.peek_mut()
                    && candidate < *worst
                {
                    *worst = candidate;
                    chosen = true;
                }
            }
            if chosen {
                names.push((row.labels.clone(), row.drop_name));
            }
            Ok(())
        })?;
        let done = Self::emit_ranked(&heaps, &names, n, sink);
        self.release(held);
        done
    }

    /// Series by series; in an instant vector the best of each group first.
    fn emit_ranked(
        heaps: &[BinaryHeap<Candidate>],
        names: &[(Labels, bool)],
        n: usize,
        sink: Sink<'_>,
    ) -> Done {
        if n == 1 {
            for heap in heaps {
                let mut best: Vec<&Candidate> = heap.iter().collect();
                best.sort_unstable();
                for c in best {
                    let (labels, drop_name) = &names[c.row as usize];
                    sink(Row {
                        labels,
                        drop_name: *drop_name,
                        values: &mut [c.v],
                    })?;
                }
            }
            return Ok(());
        }
        let mut points: Vec<(u32, u32, f64)> = Vec::new();
        for (i, heap) in heaps.iter().enumerate() {
            points.extend(heap.iter().map(|c| (c.row, (i % n) as u32, c.v)));
        }
        points.sort_unstable_by_key(|(row, step, _)| (*row, *step));
        let mut values = vec![ABSENT; n];
        for series in points.chunk_by(|a, b| a.0 == b.0) {
            values.fill(ABSENT);
            for (_, step, v) in series {
                values[*step as usize] = *v;
            }
            let (labels, drop_name) = &names[series[0].0 as usize];
            sink(Row {
                labels,
                drop_name: *drop_name,
                values: &mut values,
            })?;
        }
        Ok(())
    }

    /// The first k series of each group that are present at a step.
    pub(crate) fn limited_rows(&self, a: &Aggregate, grid: Steps, sink: Sink<'_>) -> Done {
        let n = grid.count();
        let counts = self.counts(a, grid)?;
        let mut groups = Groups::new(a);
        let mut taken: Vec<usize> = Vec::new();
        let mut held = 0;
        let done = self.rows(&a.expr, grid, &mut |row| {
            let group = groups.of(row.labels, row.drop_name);
            if taken.len() == group * n {
                self.hold(n + ROW_COST)?;
                held += n + ROW_COST;
                taken.resize((group + 1) * n, 0);
            }
            for (step, v) in row.values.iter_mut().enumerate() {
                let used = &mut taken[group * n + step];
                if is_present(*v) && *used < counts[step] {
                    *used += 1;
                } else {
                    *v = ABSENT;
                }
            }
            sink(row)
        });
        self.release(held);
        done
    }

    /// A share of the series, the same ones whenever it is asked: chosen by a hash of the labels,
    /// so that a ratio r and r - 1 complete each other.
    pub(crate) fn ratio_rows(&self, a: &Aggregate, grid: Steps, sink: Sink<'_>) -> Done {
        let span = a.param.as_ref().map_or(a.expr.span, |p| p.span);
        let ratios = self.parameter(a, grid)?;
        for r in &ratios {
            if r.is_nan() {
                return Err(fault(span, "Ratio value is NaN"));
            }
            if !(-1.0..=1.0).contains(r) {
                let shown = literal::format_number(*r);
                let capped = if *r > 1.0 { "1" } else { "-1" };
                self.warn(
                    span,
                    &format!(
                        "ratio value should be between -1 and 1, got {shown}, capping to {capped}"
                    ),
                );
            }
        }
        self.rows(&a.expr, grid, &mut |row| {
            let place = row.labels.fingerprint() as f64 / u64::MAX as f64;
            for (v, r) in row.values.iter_mut().zip(&ratios) {
                let chosen = if *r >= 0.0 {
                    place < *r
                } else {
                    place >= 1.0 + r
                };
                if !chosen {
                    *v = ABSENT;
                }
            }
            sink(row)
        })
    }
}
