//! A closed chunk: samples of one series in two packed columns.
//!
//! `count uvarint, times, kind u8, exceptions, values`. Values are integers at a decimal scale
//! (kind 0..=12), with the few that are none as exceptions; or the bits of the floats (kind 255).

use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::disk::bytes::{Reader, put_uvarint};
use crate::store::metrics::ints::{self, Column, Scratch};
use crate::store::metrics::stream::{MAX_SCALE, find_scale, from_int, to_int};

const BITS: u8 = 255;
/// Packs chunks; keeps its memory from one to the next.
#[derive(Default)]
pub(crate) struct Packer {
    scratch: Scratch,
    ints: Vec<i64>,
    exceptions: Vec<(usize, u64)>,
}

impl Packer {
    /// Appends a chunk to `out`. `hint` is a scale to try first.
    pub(crate) fn put(&mut self, out: &mut Vec<u8>, times: &[i64], values: &[f64], hint: u8) {
        put_uvarint(out, times.len() as u64);
        ints::put(out, times, &mut self.scratch);
        if let Some(scale) = self.scale_all(values, hint.min(MAX_SCALE)) {
            out.push(scale);
            put_uvarint(out, self.exceptions.len() as u64);
            for (i, bits) in &self.exceptions {
                put_uvarint(out, *i as u64);
                out.extend_from_slice(&bits.to_le_bytes());
            }
        } else {
            out.push(BITS);
            self.ints.clear();
            let bits = values.iter().map(|v| v.to_bits() as i64);
            self.ints.extend(bits);
        }
        ints::put(out, &self.ints, &mut self.scratch);
    }

    /// Fills `ints` and `exceptions`; `None` where the values are no decimals.
    fn scale_all(&mut self, values: &[f64], hint: u8) -> Option<u8> {
        let most = values.len() / 16 + 1;
        let mut scale = hint;
        // A scale that was raised is raised again at most twelve times.
        'again: loop {
            self.ints.clear();
            self.exceptions.clear();
            let mut before = None;
            for (i, &v) in values.iter().enumerate() {
                if let Some(int) = to_int(v, scale) {
                    before = Some(int);
                    self.ints.push(int);
                    continue;
                }
                if let Some((needs, _)) = find_scale(v)
                    && needs > scale
                {
                    scale = needs;
                    continue 'again;
                }
                if self.exceptions.len() >= most {
                    return None;
                }
                self.exceptions.push((i, v.to_bits()));
                self.ints.push(before.unwrap_or(0));
            }
            return Some(scale);
        }
    }
}

/// Appends the samples of the range to `out`; `None` where the bytes are damaged, and then `out` is
/// as it was.
pub(crate) fn read(
    bytes: &[u8],
    range: TimeRange,
    out: &mut Samples,
    spare: &mut Vec<i64>,
) -> Option<()> {
    let start = out.len();
    let done = try_read(bytes, range, out, spare);
    if done.is_none() || out.times.len() != out.values.len() {
        out.times.truncate(start);
        out.values.truncate(start);
        return None;
    }
    done
}

fn try_read(bytes: &[u8], range: TimeRange, out: &mut Samples, spare: &mut Vec<i64>) -> Option<()> {
    let mut r = Reader::new(bytes);
    let len = usize::try_from(r.uvarint()?).ok()?;
    let times = Column::find(&mut r, len)?;
    let start = out.times.len();
    let (from, to) = if let Some((first, step)) = times.steps().filter(|(_, step)| *step > 0) {
        let span = even_span(first, step, len, range);
        times.read(span.0, span.1, &mut out.times)?;
        span
    } else {
        times.read(0, len, &mut out.times)?;
        let read = &out.times[start..];
        let from = read.partition_point(|t| *t < range.start);
        let to = read.partition_point(|t| *t <= range.end);
        out.times.truncate(start + to);
        out.times.drain(start..start + from.min(to));
        (from, to)
    };
    let kind = r.u8()?;
    let mut exceptions = Reader::new(&[]);
    let mut count = 0;
    if kind != BITS {
        count = r.uvarint()?;
        exceptions = r;
        for _ in 0..count {
            r.uvarint()?;
            r.u64()?;
        }
    }
    let values = Column::find(&mut r, len)?;
    spare.clear();
    values.read(from, to, spare)?;
    let at = out.values.len();
    match kind {
        BITS => out
            .values
            .extend(spare.iter().map(|b| f64::from_bits(*b as u64))),
        0 => out.values.extend(spare.iter().map(|i| *i as f64)),
        scale if scale <= MAX_SCALE => {
            out.values.extend(spare.iter().map(|i| from_int(*i, scale)));
        }
        _ => return None,
    }
    for _ in 0..count {
        let i = usize::try_from(exceptions.uvarint()?).ok()?;
        let bits = exceptions.u64()?;
        if (from..to).contains(&i) {
            out.values[at + i - from] = f64::from_bits(bits);
        }
    }
    Some(())
}

/// Which of evenly spaced times lie in the range, as `from..to`.
fn even_span(first: i64, step: i64, len: usize, range: TimeRange) -> (usize, usize) {
    let before = |t: i128| -> usize {
        // How many times are below t.
        let distance = t - i128::from(first);
        if distance <= 0 {
            return 0;
        }
        let n = (distance + i128::from(step) - 1) / i128::from(step);
        usize::try_from(n).unwrap_or(len).min(len)
    };
    let from = before(i128::from(range.start));
    let to = before(i128::from(range.end) + 1);
    (from, to.max(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::stale_marker;
    use proptest::prelude::*;

    fn round_trip(samples: &[(i64, f64)]) -> usize {
        let times: Vec<i64> = samples.iter().map(|s| s.0).collect();
        let values: Vec<f64> = samples.iter().map(|s| s.1).collect();
        let mut bytes = Vec::new();
        Packer::default().put(&mut bytes, &times, &values, 0);
        let edges = [
            i64::MIN,
            times[0],
            times[times.len() / 2] + 1,
            times[times.len() - 1],
            i64::MAX,
        ];
        for start in edges {
            for end in edges {
                let range = TimeRange::new(start, end);
                let mut out = Samples::default();
                read(&bytes, range, &mut out, &mut Vec::new()).unwrap();
                let got: Vec<_> = out.iter().map(|s| (s.t, s.v.to_bits())).collect();
                let want: Vec<_> = samples
                    .iter()
                    .filter(|s| range.contains(s.0))
                    .map(|s| (s.0, s.1.to_bits()))
                    .collect();
                assert_eq!(got, want, "{range:?}");
            }
        }
        bytes.len()
    }

    #[test]
    fn exporters_values_pack_small() {
        let at = |i: i64| 1_795_132_800_000 + i * 15_000;
        let cpu: Vec<_> = (0..2000)
            .map(|i| (at(i), (52345.67 + i as f64 * 0.31 * 100.0).round() / 100.0))
            .collect();
        assert!(round_trip(&cpu) < 2100);
        let mut gauge: Vec<_> = (0..120)
            .map(|i| (at(i) + i % 3, (i % 7) as f64 * 0.125))
            .collect();
        gauge[119].1 = stale_marker();
        gauge[50].1 = f64::NAN;
        assert!(round_trip(&gauge) < 160);
        assert!(round_trip(&[(5, 1.0)]) < 14);
    }

    proptest! {
        #[test]
        fn any_samples_read_back(
            samples in prop::collection::btree_map(-1000i64..100_000, any::<u64>().prop_map(f64::from_bits), 1..300)
        ) {
            round_trip(&samples.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn any_decimals_read_back(
            first in 0i64..1_000_000, step in 1i64..60_000,
            values in prop::collection::vec((-99999i64..99999, 0i32..8), 1..300)
        ) {
            let samples: Vec<_> = values
                .iter()
                .enumerate()
                .map(|(i, (v, s))| (first + i as i64 * step, *v as f64 / 10f64.powi(*s)))
                .collect();
            round_trip(&samples);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut out = Samples::default();
            let _ = read(&bytes, TimeRange::new(0, 1000), &mut out, &mut Vec::new());
            prop_assert_eq!(out.times.len(), out.values.len());
        }
    }
}
