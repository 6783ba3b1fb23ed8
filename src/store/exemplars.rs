//! The ring of exemplars: the newest observations that lead to a trace, in memory.
//!
//! One ring for all series: what comes in pushes the oldest of all out. It does not outlive the
//! process, and holds `storage.exemplars.max_exemplars` of them; a label set of an exemplar is at
//! most 128 characters, so its size in bytes is bounded too. Rules of what is taken are those of
//! Prometheus: rising time within a series, the same observation once.

use crate::model::exemplar::{Exemplar, ExemplarSeries};
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::store::read::Ask;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

pub(crate) struct Exemplars {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Rising in time within each series; none is empty.
    series: HashMap<Labels, VecDeque<Exemplar>>,
    /// Whose exemplar came when, the oldest first.
    order: VecDeque<Labels>,
    bytes: usize,
}

impl Exemplars {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::default(),
        }
    }

    /// Takes what is newer than its series' newest; what is too long or was told before is left out.
    pub(crate) fn add(&self, batch: impl IntoIterator<Item = (Labels, Exemplar)>) {
        if self.most == 0 {
            return;
        }
        let mut state = self.state.lock();
        for (labels, exemplar) in batch {
            let newest = state.series.get(&labels).and_then(VecDeque::back);
            let is_new = newest.is_none_or(|n| {
                n.t < exemplar.t && (&n.labels, n.value) != (&exemplar.labels, exemplar.value)
            });
            if !is_new || exemplar.is_too_long() {
                continue;
            }
            state.bytes += weight(&labels, &exemplar);
            state
                .series
                .entry(labels.clone())
                .or_default()
                .push_back(exemplar);
            state.order.push_back(labels);
            while state.order.len() > self.most {
                state.drop_oldest();
            }
        }
    }

    /// Those of the range, of every series that satisfies one of the selectors; series in the order
    /// of their labels. Where there are more than the limit, the newest are told and `true` stands
    /// beside them.
    pub(crate) fn find(&self, ask: &Ask<'_>) -> (Vec<ExemplarSeries>, bool) {
        let matches = |labels: &Labels| {
            let satisfied = |all: &Vec<Matcher>| all.iter().all(|m| m.matches_labels(labels));
            ask.selectors.iter().any(satisfied)
        };
        let mut found: Vec<ExemplarSeries> = {
            let state = self.state.lock();
            let series = state.series.iter().filter(|(labels, _)| matches(labels));
            let clipped = series.map(|(labels, all)| {
                let within = |e: &&Exemplar| ask.range.start <= e.t && e.t <= ask.range.end;
                ExemplarSeries {
                    labels: labels.clone(),
                    exemplars: all.iter().filter(within).cloned().collect(),
                }
            });
            clipped.filter(|s| !s.exemplars.is_empty()).collect()
        };
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        let cut = cut(&mut found, ask.limit);
        (found, cut)
    }

    /// Bytes it holds, about.
    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl State {
    fn drop_oldest(&mut self) {
        let Some(labels) = self.order.pop_front() else {
            return;
        };
        let Some(all) = self.series.get_mut(&labels) else {
            return;
        };
        if let Some(old) = all.pop_front() {
            self.bytes -= weight(&labels, &old);
        }
        if all.is_empty() {
            self.series.remove(&labels);
        }
    }
}

/// Labels of a series are shared by its exemplars; they count for each, which is on the safe side.
fn weight(series: &Labels, exemplar: &Exemplar) -> usize {
    series.as_packed().len() + exemplar.labels.as_packed().len() + 2 * size_of::<Exemplar>()
}

fn cut(found: &mut Vec<ExemplarSeries>, limit: usize) -> bool {
    let mut times: Vec<i64> = found
        .iter()
        .flat_map(|s| s.exemplars.iter().map(|e| e.t))
        .collect();
    if limit == 0 || times.len() <= limit {
        return false;
    }
    times.sort_unstable();
    let oldest = times[times.len() - limit];
    let mut room = limit;
    for series in found.iter_mut() {
        series.exemplars.retain(|e| {
            let stays = e.t >= oldest && room > 0;
            room -= usize::from(stays);
            stays
        });
    }
    found.retain(|s| !s.exemplars.is_empty());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::{SpanId, TraceId};
    use crate::model::time::TimeRange;

    fn series(le: &str) -> Labels {
        Labels::from_pairs([("__name__", "latency_bucket"), ("le", le)])
    }

    fn one(le: &str, n: u8, t: i64) -> (Labels, Exemplar) {
        let exemplar = Exemplar::of_span(TraceId([n; 16]), SpanId([n; 8]), f64::from(n), t);
        (series(le), exemplar)
    }

    fn times(ring: &Exemplars, le: &str, range: (i64, i64), limit: usize) -> Vec<i64> {
        let selectors = [vec![Matcher::equal("le", le)]];
        let (found, _) = ring.find(&Ask {
            selectors: &selectors,
            range: TimeRange::new(range.0, range.1),
            limit,
        });
        let each = found.iter().flat_map(|s| s.exemplars.iter());
        each.map(|e| e.t).collect()
    }

    #[test]
    fn rising_once_each_and_short() {
        let ring = Exemplars::new(100);
        let mut long = one("1", 9, 90);
        long.1.labels = Labels::from_pairs([("trace_id", "x".repeat(129))]);
        ring.add([
            one("1", 1, 10),
            one("1", 2, 10),
            one("1", 2, 9),
            one("1", 1, 20),
            one("1", 2, 30),
            long,
        ]);
        assert_eq!(times(&ring, "1", (0, 100), 0), [10, 30]);
        assert_eq!(times(&ring, "1", (11, 30), 0), [30]);
        assert_eq!(times(&ring, "2", (0, 100), 0), [0; 0]);
    }

    #[test]
    fn the_oldest_of_all_series_give_way() {
        let ring = Exemplars::new(3);
        ring.add([
            one("1", 1, 10),
            one("2", 2, 11),
            one("1", 3, 12),
            one("2", 4, 13),
        ]);
        assert_eq!(times(&ring, "1", (0, 100), 0), [12]);
        assert_eq!(times(&ring, "2", (0, 100), 0), [11, 13]);
        assert_eq!(times(&ring, "2", (0, 100), 1), [13]);
        ring.add((20..90).map(|t| one("3", t as u8, t)));
        assert_eq!(times(&ring, "1", (0, 100), 0), [0; 0]);
        assert_eq!(ring.state.lock().series.len(), 1);
        let (labels, exemplar) = one("3", 1, 1);
        assert_eq!(ring.bytes(), 3 * weight(&labels, &exemplar));
    }

    #[test]
    fn none_are_kept_where_none_may_be() {
        let ring = Exemplars::new(0);
        ring.add([one("1", 1, 10)]);
        assert_eq!(ring.bytes(), 0);
    }
}
