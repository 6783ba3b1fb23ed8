//! Samples of one series from several places, put into one rising column.

use crate::model::sample::Samples;
use crate::model::time::TimeRange;

/// Drops what stands behind position `at` and outside the range; it rises.
pub(crate) fn clip(out: &mut Samples, at: usize, range: TimeRange) {
    let part = &out.times[at..];
    let from = part.partition_point(|t| *t < range.start);
    let to = part.partition_point(|t| *t <= range.end).max(from);
    out.times.truncate(at + to);
    out.values.truncate(at + to);
    if from > 0 {
        out.times.drain(at..at + from);
        out.values.drain(at..at + from);
    }
}

/// Drops what stands behind position `at` and inside the range; it rises.
pub(crate) fn remove(out: &mut Samples, at: usize, range: TimeRange) {
    let part = &out.times[at..];
    let from = at + part.partition_point(|t| *t < range.start);
    let to = at + part.partition_point(|t| *t <= range.end);
    if from < to {
        out.times.drain(from..to);
        out.values.drain(from..to);
    }
}

/// Merges the rising parts `start..at` and `at..` of a column; at equal times the first part stands.
pub(crate) fn join(out: &mut Samples, start: usize, at: usize) {
    if at == start || at == out.len() || out.times[at - 1] < out.times[at] {
        return;
    }
    // What lies before the second part needs no move.
    let start = start + out.times[start..at].partition_point(|t| *t < out.times[at]);
    let second = Samples {
        times: out.times.split_off(at),
        values: out.values.split_off(at),
    };
    let first = Samples {
        times: out.times.split_off(start),
        values: out.values.split_off(start),
    };
    let (mut i, mut j) = (0, 0);
    while i < first.len() && j < second.len() {
        if first.times[i] <= second.times[j] {
            j += usize::from(first.times[i] == second.times[j]);
            out.push(first.times[i], first.values[i]);
            i += 1;
        } else {
            out.push(second.times[j], second.values[j]);
            j += 1;
        }
    }
    for (part, from) in [(first, i), (second, j)] {
        out.times.extend_from_slice(&part.times[from..]);
        out.values.extend_from_slice(&part.values[from..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn joined_parts_are_as_a_map(
            before in 0usize..3,
            a in prop::collection::btree_map(0i64..60, 0i32..9, 0..30),
            b in prop::collection::btree_map(0i64..60, 10i32..19, 0..30),
        ) {
            let mut out = Samples::default();
            for _ in 0..before {
                out.push(99, 0.5);
            }
            let fill = |out: &mut Samples, m: &BTreeMap<i64, i32>| {
                for (t, v) in m { out.push(*t, f64::from(*v)); }
            };
            fill(&mut out, &a);
            let at = out.len();
            fill(&mut out, &b);
            join(&mut out, before, at);
            let mut want = b;
            want.extend(a);
            let got: Vec<_> = out.iter().skip(before).map(|s| (s.t, s.v)).collect();
            let want: Vec<_> = want.iter().map(|(t, v)| (*t, f64::from(*v))).collect();
            prop_assert_eq!(got, want);
        }
    }
}
