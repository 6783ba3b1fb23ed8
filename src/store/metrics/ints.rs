//! A column of integers, packed: of three ways to see it (as it is, as differences, as distances
//! from a straight line) the one that needs the fewest bits, in pieces of 128 of which each has its
//! own lowest value and bit width. A piece can be read without those before it.
//!
//! Layout: `docs/format/metrics.md`. Arithmetic wraps, so every input reads back.

use crate::store::disk::bytes::{Reader, put_uvarint, put_varint};

pub(crate) const PIECE: usize = 128;
/// More in one column are neither written nor believed.
pub(crate) const MAX_LEN: usize = 1 << 16;
const RAW: u8 = 0;
const DELTA: u8 = 1;
const LINE: u8 = 2;
/// Set where every number has the same distance from what the way foretells.
const EVEN: u8 = 4;
/// Set where a common divisor was taken out.
const DIVIDED: u8 = 8;
/// Binary places of a line's slope.
const PLACES: u32 = 16;

/// Reusable memory for [`put`].
#[derive(Default)]
pub(crate) struct Scratch {
    reduced: Vec<i64>,
    best: Vec<i64>,
    other: Vec<i64>,
}

/// Appends the column, its length aside.
pub(crate) fn put(out: &mut Vec<u8>, values: &[i64], scratch: &mut Scratch) {
    let Some(&first) = values.first() else { return };
    if let Some(step) = even_step(values) {
        return put_even(out, first, step);
    }
    let divisor = common_divisor(values, first);
    let reduced = &mut scratch.reduced;
    reduced.clear();
    if divisor > 1 {
        reduced.extend(values.iter().map(|v| v.wrapping_sub(first) / divisor));
    } else {
        reduced.extend(values.iter().map(|v| v.wrapping_sub(first)));
    }

    let slope = slope_of(reduced);
    let (mut way, mut cost) = (RAW, bits(reduced));
    scratch.best.clone_from(reduced);
    for (candidate, slope) in [(DELTA, None), (LINE, slope)] {
        if candidate == LINE && slope.is_none() {
            continue;
        }
        foretell(reduced, slope, &mut scratch.other);
        let bits = bits(&scratch.other);
        if bits < cost {
            (way, cost) = (candidate, bits);
            std::mem::swap(&mut scratch.best, &mut scratch.other);
        }
    }
    let rest = &scratch.best;
    let from = usize::from(way == DELTA);
    let lead = rest.get(from).copied().unwrap_or(0);
    let even = rest[from..].iter().all(|r| *r == lead);
    out.push(way | if even { EVEN } else { 0 } | if divisor > 1 { DIVIDED } else { 0 });
    put_varint(out, first);
    if divisor > 1 {
        put_uvarint(out, divisor as u64);
    }
    if way == LINE {
        put_varint(out, slope.unwrap_or(0));
    }
    if even {
        put_varint(out, lead);
        return;
    }
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    pieces(out, way, reduced, rest);
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

/// The distance from number to number where it is always the same: times, and what never changes,
/// are known without a look at the other ways.
fn even_step(values: &[i64]) -> Option<i64> {
    let [first, second, .., last] = values else {
        return None;
    };
    // Where the whole way fits, every step of it does.
    last.checked_sub(*first)?.checked_abs()?;
    let step = second.checked_sub(*first)?;
    step.checked_abs()?;
    let same = |w: &[i64]| w[1].wrapping_sub(w[0]) == step;
    values.windows(2).all(same).then_some(step)
}

/// What the search below ends with for such a column.
fn put_even(out: &mut Vec<u8>, first: i64, step: i64) {
    let divisor = step.abs();
    let way = if step == 0 { RAW } else { DELTA };
    out.push(way | EVEN | if divisor > 1 { DIVIDED } else { 0 });
    put_varint(out, first);
    if divisor > 1 {
        put_uvarint(out, divisor as u64);
    }
    put_varint(out, step.signum());
}

fn common_divisor(values: &[i64], first: i64) -> i64 {
    let mut divisor = 0i64;
    for v in values {
        let Some(d) = v.checked_sub(first).and_then(i64::checked_abs) else {
            return 1;
        };
        if d == 0 || (divisor != 0 && d % divisor == 0) {
            continue;
        }
        let (mut a, mut b) = (divisor, d);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        divisor = a;
        if divisor == 1 {
            return 1;
        }
    }
    divisor.max(1)
}

/// The slope of the line from the first number (0) to the last; `None` where it might overflow.
fn slope_of(reduced: &[i64]) -> Option<i64> {
    let last = *reduced.last()?;
    let steps = i64::try_from(reduced.len()).ok()? - 1;
    let small = last.unsigned_abs() < 1 << 44;
    (steps > 1 && small).then(|| (last << PLACES) / steps)
}

#[inline]
fn on_line(slope: i64, i: usize) -> i64 {
    slope.wrapping_mul(i as i64) >> PLACES
}

/// Distances from the line, or from the number before where there is none. The first difference is
/// counted as 0: a reader starts from the number itself.
fn foretell(reduced: &[i64], slope: Option<i64>, out: &mut Vec<i64>) {
    out.clear();
    if let Some(slope) = slope {
        let distance = |(i, v): (usize, &i64)| v.wrapping_sub(on_line(slope, i));
        out.extend(reduced.iter().enumerate().map(distance));
    } else {
        out.push(reduced.get(1).copied().unwrap_or(0));
        out.extend(reduced.windows(2).map(|w| w[1].wrapping_sub(w[0])));
    }
}

fn bounds(piece: &[i64]) -> (i64, u32) {
    let low = piece.iter().copied().min().unwrap_or(0);
    let high = piece.iter().copied().max().unwrap_or(0);
    let span = high.wrapping_sub(low) as u64;
    (low, 64 - span.leading_zeros())
}

fn bits(values: &[i64]) -> usize {
    let piece = |p: &[i64]| bounds(p).1 as usize * p.len();
    values.chunks(PIECE).map(piece).sum()
}

fn pieces(out: &mut Vec<u8>, way: u8, reduced: &[i64], rest: &[i64]) {
    let (mut low_before, mut start_before) = (0i64, 0i64);
    for (n, piece) in rest.chunks(PIECE).enumerate() {
        let (low, width) = bounds(piece);
        out.push(width as u8);
        put_varint(out, low.wrapping_sub(low_before));
        low_before = low;
        if way == DELTA {
            // The number before the piece, so that it can be read alone.
            let start = if n == 0 {
                rest[0].wrapping_neg()
            } else {
                reduced[n * PIECE - 1]
            };
            put_varint(out, start.wrapping_sub(start_before));
            start_before = start;
        }
        pack(out, piece, low, width);
    }
}

fn pack(out: &mut Vec<u8>, piece: &[i64], low: i64, width: u32) {
    let (mut word, mut used) = (0u128, 0u32);
    for v in piece {
        word |= u128::from(v.wrapping_sub(low) as u64) << used;
        used += width;
        while used >= 64 {
            out.extend_from_slice(&(word as u64).to_le_bytes());
            word >>= 64;
            used -= 64;
        }
    }
    let bytes = used.div_ceil(8) as usize;
    out.extend_from_slice(&(word as u64).to_le_bytes()[..bytes]);
}

/// A column found in some bytes, not yet unpacked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column<'a> {
    len: usize,
    way: u8,
    first: i64,
    divisor: i64,
    slope: i64,
    /// Every distance, where they are equal.
    even: Option<i64>,
    body: &'a [u8],
}

impl<'a> Column<'a> {
    /// Finds a column of `len` numbers at the front of the bytes and moves behind it.
    pub(crate) fn find(r: &mut Reader<'a>, len: usize) -> Option<Self> {
        if len > MAX_LEN {
            return None;
        }
        let mut column = Self {
            len,
            way: RAW,
            first: 0,
            divisor: 1,
            slope: 0,
            even: Some(0),
            body: &[],
        };
        if len == 0 {
            return Some(column);
        }
        let head = r.u8()?;
        column.way = head & 3;
        column.first = r.varint()?;
        if head & DIVIDED != 0 {
            column.divisor = i64::try_from(r.uvarint()?).ok()?;
        }
        if column.way == LINE {
            column.slope = r.varint()?;
        }
        if head & EVEN != 0 {
            column.even = Some(r.varint()?);
        } else {
            column.even = None;
            let n = r.u32()? as usize;
            column.body = r.bytes(n)?;
        }
        (column.way <= LINE && head < 16).then_some(column)
    }

    /// First number and distance, where the numbers rise evenly.
    pub(crate) fn steps(&self) -> Option<(i64, i64)> {
        let even = self.even?;
        match self.way {
            DELTA => Some((self.first, even.wrapping_mul(self.divisor))),
            _ => None,
        }
    }

    /// Appends the numbers from `from` up to `to` (left out). `None` where the bytes are damaged;
    /// then an unknown part was appended.
    pub(crate) fn read(&self, from: usize, to: usize, out: &mut Vec<i64>) -> Option<()> {
        let to = to.min(self.len);
        if from >= to {
            return Some(());
        }
        let start = out.len();
        out.reserve(to - from);
        if let Some(even) = self.even {
            match self.way {
                DELTA => out.extend((from..to).map(|i| even.wrapping_mul(i as i64))),
                LINE => out.extend((from..to).map(|i| even.wrapping_add(on_line(self.slope, i)))),
                _ => out.extend(std::iter::repeat_n(even, to - from)),
            }
        } else {
            self.read_pieces(from, to, out)?;
        }
        let (first, divisor) = (self.first, self.divisor);
        for v in &mut out[start..] {
            *v = v.wrapping_mul(divisor).wrapping_add(first);
        }
        Some(())
    }

    fn read_pieces(&self, from: usize, to: usize, out: &mut Vec<i64>) -> Option<()> {
        let mut r = Reader::new(self.body);
        let (mut low, mut start) = (0i64, 0i64);
        let mut buf = [0i64; PIECE];
        let mut at = 0;
        while at < to {
            let n = PIECE.min(self.len - at);
            let width = u32::from(r.u8()?);
            low = low.wrapping_add(r.varint()?);
            if self.way == DELTA {
                start = start.wrapping_add(r.varint()?);
            }
            if width > 64 {
                return None;
            }
            let packed = r.bytes((n * width as usize).div_ceil(8))?;
            if at + n > from {
                let buf = &mut buf[..n];
                unpack(packed, low, width, buf);
                match self.way {
                    DELTA => {
                        let mut v = start;
                        for d in buf.iter_mut() {
                            v = v.wrapping_add(*d);
                            *d = v;
                        }
                    }
                    LINE => {
                        for (i, v) in buf.iter_mut().enumerate() {
                            *v = v.wrapping_add(on_line(self.slope, at + i));
                        }
                    }
                    _ => {}
                }
                out.extend_from_slice(&buf[from.saturating_sub(at)..n.min(to - at)]);
            }
            at += n;
        }
        Some(())
    }
}

fn unpack(packed: &[u8], low: i64, width: u32, out: &mut [i64]) {
    if width == 0 {
        out.fill(low);
        return;
    }
    // Eight bytes more than a piece can have, so that whole words can be read.
    let mut bytes = [0u8; PIECE * 8 + 16];
    bytes[..packed.len()].copy_from_slice(packed);
    let word = |at: usize| -> u64 {
        let Some(chunk) = bytes[at..].first_chunk::<8>() else {
            return 0;
        };
        u64::from_le_bytes(*chunk)
    };
    if width <= 56 {
        let mask = (1u64 << width) - 1;
        let mut bit = 0usize;
        for v in out {
            let u = (word(bit >> 3) >> (bit & 7)) & mask;
            *v = low.wrapping_add(u as i64);
            bit += width as usize;
        }
        return;
    }
    let mask = u64::MAX >> (64 - width);
    for (i, v) in out.iter_mut().enumerate() {
        let bit = i * width as usize;
        let wide = u128::from(word(bit >> 3)) | u128::from(word((bit >> 3) + 8)) << 64;
        let u = (wide >> (bit & 7)) as u64 & mask;
        *v = low.wrapping_add(u as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[i64]) -> usize {
        let mut bytes = Vec::new();
        put(&mut bytes, values, &mut Scratch::default());
        let mut r = Reader::new(&bytes);
        let column = Column::find(&mut r, values.len()).unwrap();
        assert!(r.is_empty());
        let mut out = Vec::new();
        column.read(0, values.len(), &mut out).unwrap();
        assert_eq!(out, values);
        for (from, to) in [(0, 1), (1, 130), (127, 129), (128, 300), (250, 251), (5, 3)] {
            let mut part = Vec::new();
            column.read(from, to, &mut part).unwrap();
            let to = to.min(values.len());
            assert_eq!(part, values.get(from..to).unwrap_or_default());
        }
        if let Some((first, step)) = column.steps() {
            assert_eq!(
                values[values.len() - 1],
                first.wrapping_add(step.wrapping_mul(values.len() as i64 - 1))
            );
        }
        bytes.len()
    }

    #[test]
    fn regular_columns_take_next_to_nothing() {
        let times: Vec<i64> = (0..2000).map(|i| 1_795_132_800_000 + i * 15_000).collect();
        assert!(round_trip(&times) < 16);
        assert!(round_trip(&[42; 2000]) < 6);
        let pages: Vec<i64> = (0..2000).map(|i| 4096 * (i * 7919 % 13)).collect();
        assert!(round_trip(&pages) < 2000 * 4 / 8 + 80);
    }

    #[test]
    fn edges_read_back() {
        round_trip(&[]);
        round_trip(&[i64::MIN]);
        round_trip(&[i64::MAX, i64::MIN, 0, -1, 1, i64::MAX]);
        let wild: Vec<i64> = (0..400)
            .map(|i: i64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15u64 as i64))
            .collect();
        round_trip(&wild);
    }

    proptest! {
        #[test]
        fn any_column_reads_back(values in prop::collection::vec(any::<i64>(), 0..300)) {
            round_trip(&values);
        }

        #[test]
        fn any_walk_reads_back(
            start in -1_000_000i64..1_000_000, steps in prop::collection::vec(-5i64..100, 1..600),
            factor in prop::sample::select(vec![1i64, 10, 4096, -3])
        ) {
            let mut at = start;
            let walk: Vec<i64> = steps.iter().map(|s| { at += s * factor; at }).collect();
            round_trip(&walk);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 0usize..500) {
            if let Some(column) = Column::find(&mut Reader::new(&bytes), len) {
                let _ = column.read(0, len, &mut Vec::new());
            }
        }
    }
}
