//! Which four-byte pieces occur in some lines: a filter that may say "perhaps", and "no" only where
//! it is so.
//!
//! `|=` looks for any part of a line, so words will not do: every piece of neighbouring bytes
//! counts, in lower case. A piece has four bytes, unless all of them are hexadecimal digits: there
//! are only 65,536 of those, and every one is soon there wherever identifiers are logged. Of digits
//! a piece has eight. One in four is noted, chosen by its hash, so that a needle of a dozen bytes
//! still has some. What was measured: `docs/decisions/050-gram-filter.md`.

use crate::model::log_entry::{LineMatch, LineTest};

/// Bits of a filter while it is built. It is folded while few of them are set.
const BITS: usize = 1 << 18;
const SMALLEST: usize = 1 << 9;
const GRAM: usize = 4;
const DIGITS: usize = 8;

/// Hands on the hashes of the pieces that are noted.
#[inline]
fn pieces(bytes: &[u8], mut each: impl FnMut(u32)) {
    let mut window = 0u64;
    let mut digits = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let byte = byte.to_ascii_lowercase();
        window = window << 8 | u64::from(byte);
        digits = if byte.is_ascii_hexdigit() {
            digits + 1
        } else {
            0
        };
        let piece = if digits >= DIGITS {
            window
        } else if digits < GRAM && i + 1 >= GRAM {
            window & 0xffff_ffff
        } else {
            continue;
        };
        let hash = piece.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The upper bits of a product are the good ones: two choose, those below say where.
        if hash >> 62 == 0 {
            each((hash >> 44) as u32);
        }
    }
}

#[derive(Clone)]
pub(crate) struct Grams {
    words: Vec<u64>,
}

impl Grams {
    pub(crate) fn new() -> Self {
        Self {
            words: vec![0; BITS / 64],
        }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        pieces(bytes, |hash| {
            let bit = hash as usize % BITS;
            self.words[bit / 64] |= 1 << (bit % 64);
        });
    }

    /// Adds all of another filter that was not folded yet.
    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, more) in self.words.iter_mut().zip(&other.words) {
            *mine |= more;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.words.resize(BITS / 64, 0);
    }

    /// The filter as it is written: folded as far as it stays useful.
    pub(crate) fn fold(&self) -> Vec<u8> {
        let mut words = self.words.clone();
        loop {
            let set: usize = words.iter().map(|w| w.count_ones() as usize).sum();
            let bits = words.len() * 64;
            if bits <= SMALLEST || set * 5 > bits {
                return words.iter().flat_map(|w| w.to_le_bytes()).collect();
            }
            let upper = words.split_off(words.len() / 2);
            for (low, high) in words.iter_mut().zip(upper) {
                *low |= high;
            }
        }
    }
}

/// The pieces that a question needs, prepared to be looked up in many filters.
pub(crate) struct Wanted(Vec<u32>);

impl Wanted {
    /// `None` where the filter can say nothing about these tests.
    pub(crate) fn of(tests: &[LineTest]) -> Option<Self> {
        let mut all = Vec::new();
        for test in tests.iter().filter(|t| !t.negated) {
            match test.any.as_slice() {
                [LineMatch::Contains(needle)] => pieces(needle, |hash| all.push(hash)),
                [LineMatch::Regex(regex)] => {
                    for required in regex.required() {
                        pieces(&required.literal, |hash| all.push(hash));
                    }
                }
                _ => {}
            }
        }
        all.sort_unstable();
        all.dedup();
        (!all.is_empty()).then_some(Self(all))
    }

    /// False only where no line of those that made the filter passes. A filter of no length that
    /// is written says nothing.
    pub(crate) fn perhaps(&self, filter: &[u8]) -> bool {
        let bits = filter.len() * 8;
        if bits == 0 || !bits.is_power_of_two() || bits > BITS {
            return true;
        }
        self.0.iter().all(|hash| {
            let bit = *hash as usize % BITS % bits;
            filter[bit / 8] & 1 << (bit % 8) != 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(
            lines in proptest::collection::vec("[a-dA-D0-3 x]{0,40}", 1..20),
            pick in (0usize..20, 0usize..40, 0usize..40),
        ) {
            let mut grams = Grams::new();
            for line in &lines {
                grams.add(line.as_bytes());
            }
            let folded = grams.fold();
            let line = &lines[pick.0 % lines.len()];
            let (a, b) = (pick.1.min(line.len()), pick.2.min(line.len()));
            let needle = &line[a.min(b)..a.max(b)];
            if let Some(wanted) = Wanted::of(&[LineTest::contains(needle)]) {
                prop_assert!(wanted.perhaps(&folded), "{needle:?} in {line:?}");
            }
        }
    }

    #[test]
    fn what_is_not_there_is_mostly_denied() {
        let mut grams = Grams::new();
        for i in 0..20_000u64 {
            let id = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            grams.add(format!("request traceId={id:016x} took {} ms", i % 97).as_bytes());
        }
        let folded = grams.fold();
        let there = (0..200u64).filter(|i| {
            let id = (i + 1_000_000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let test = LineTest::contains(format!("{id:016x}"));
            Wanted::of(&[test]).is_none_or(|w| w.perhaps(&folded))
        });
        let there = there.count();
        assert!(there < 40, "{there}");
    }
}
