//! Which four-byte pieces occur in some lines: a filter that may say "perhaps", and "no" only where
//! it is so.
//!
//! `|=` looks for any part of a line, so words will not do: every piece of neighbouring bytes
//! counts, in lower case. A piece has four bytes, unless all of them are hexadecimal digits: there
//! are only 65,536 of those, and every one is soon there wherever identifiers are logged. Of digits
//! a piece has eight. One in four is noted, chosen by its last four bytes, so that a needle of a
//! dozen bytes still has some. What was measured: `docs/decisions/050-gram-filter.md`.
//!
//! Taking lines in is most of what storing them costs, so it goes over 64 bytes at once, without
//! branches: which bytes are digits and which pieces are noted are bits of a word each.

use crate::model::log_entry::{LineMatch, LineTest};

/// Bits of a filter while it is built. It is folded while few of them are set.
const BITS: usize = 1 << 18;
const SMALLEST: usize = 1 << 9;
const GRAM: usize = 4;
/// Bytes that are taken in at once, and those before them that their pieces reach back to.
const CHUNK: usize = 64;
const BACK: usize = 8;

/// Bytes in lower case, each with the ones before it.
struct Window {
    lower: [u8; BACK + CHUNK],
    /// For each byte 1 where it is a hexadecimal digit, and 1 where a piece that ends here is noted.
    digits: [u8; CHUNK],
    noted: [u8; CHUNK],
}

/// Moves the low bits of eight bytes together.
#[inline]
fn gather(flags: &[u8; CHUNK]) -> u64 {
    let mut bits = 0;
    for (i, eight) in flags.chunks_exact(8).enumerate() {
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        let packed = u64::from_le_bytes(word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= packed << (8 * i);
    }
    bits
}

impl Window {
    fn new() -> Self {
        Self {
            lower: [0; BACK + CHUNK],
            digits: [0; CHUNK],
            noted: [0; CHUNK],
        }
    }

    /// Takes the next bytes; those behind the last stay what they were.
    fn take(&mut self, bytes: &[u8]) {
        self.lower.copy_within(CHUNK.., 0);
        for (to, from) in self.lower[BACK..].iter_mut().zip(bytes) {
            *to = from.to_ascii_lowercase();
        }
    }

    /// Judges all bytes, in loops that a compiler turns into vectors.
    fn judge(&mut self) {
        let here: &[u8] = &self.lower[BACK..];
        for (flag, byte) in self.digits.iter_mut().zip(here) {
            let digit = byte.wrapping_sub(b'0') < 10;
            let letter = byte.wrapping_sub(b'a') < 6;
            *flag = u8::from(digit | letter);
        }
        let back = |n: usize| &self.lower[BACK - n..BACK - n + CHUNK];
        let (a, b, c) = (back(1), back(2), back(3));
        for i in 0..CHUNK {
            let three = a[i].wrapping_mul(2).wrapping_add(a[i]);
            let five = b[i].wrapping_mul(4).wrapping_add(b[i]);
            let seven = c[i].wrapping_mul(8).wrapping_sub(c[i]);
            let mix = here[i]
                .wrapping_add(three)
                .wrapping_add(five)
                .wrapping_add(seven);
            self.noted[i] = u8::from((mix ^ mix >> 3) << 6 == 0);
        }
    }
}

/// Hands on the hashes of the pieces that are noted.
#[inline]
fn pieces(bytes: &[u8], mut each: impl FnMut(u32)) {
    let mut window = Window::new();
    // Digits among the bytes before, the nearest highest; and the first byte that ends a piece.
    let mut before = 0u64;
    let mut first = GRAM - 1;
    for chunk in bytes.chunks(CHUNK) {
        window.take(chunk);
        window.judge();
        let digits = gather(&window.digits);
        let run = u128::from(digits) << BACK | u128::from(before);
        let two = run & run << 1;
        let four = two & two << 2;
        let eight = ((four & four << 4) >> BACK) as u64;
        let four = (four >> BACK) as u64;
        let there = u64::MAX >> (CHUNK - chunk.len());
        let mut ends = gather(&window.noted) & there & (eight | !four) & u64::MAX << first;
        while ends != 0 {
            let i = ends.trailing_zeros() as usize;
            ends &= ends - 1;
            let mut word = [0; 8];
            word.copy_from_slice(&window.lower[i + 1..=i + BACK]);
            let long = (eight >> i & 1).wrapping_neg();
            let piece = u64::from_be_bytes(word) & (long | 0xffff_ffff);
            let hash = piece.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            // The upper bits of a product are the good ones.
            each((hash >> 44) as u32);
        }
        before = digits >> (CHUNK - BACK);
        first = 0;
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

/// The pieces that a question needs, prepared to be looked up in many filters: of each test, of one
/// of its alternatives, all.
pub(crate) struct Wanted(Vec<Vec<Vec<u32>>>);

impl Wanted {
    /// `None` where the filter can say nothing about these tests.
    pub(crate) fn of(tests: &[LineTest]) -> Option<Self> {
        let alternative = |m: &LineMatch| {
            let mut all = Vec::new();
            match m {
                LineMatch::Contains(needle) => pieces(needle, |hash| all.push(hash)),
                LineMatch::Regex(regex) => {
                    for required in regex.required() {
                        pieces(&required.literal, |hash| all.push(hash));
                    }
                }
            }
            all.sort_unstable();
            all.dedup();
            all
        };
        let positive = tests.iter().filter(|t| !t.negated);
        let mut all: Vec<Vec<Vec<u32>>> = positive
            .map(|t| t.any.iter().map(alternative).collect())
            .collect();
        // Where one alternative needs nothing, so does the test.
        all.retain(|any| any.iter().all(|pieces| !pieces.is_empty()));
        (!all.is_empty()).then_some(Self(all))
    }

    /// False only where no line of those that made the filter passes. A filter of no length that
    /// is written says nothing.
    pub(crate) fn perhaps(&self, filter: &[u8]) -> bool {
        let bits = filter.len() * 8;
        if bits == 0 || !bits.is_power_of_two() || bits > BITS {
            return true;
        }
        let set = |hash: &u32| {
            let bit = *hash as usize % BITS % bits;
            filter[bit / 8] & 1 << (bit % 8) != 0
        };
        let holds = |any: &Vec<Vec<u32>>| any.iter().any(|pieces| pieces.iter().all(set));
        self.0.iter().all(holds)
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
            let mut test = LineTest::contains(needle);
            if let Some(wanted) = Wanted::of(&[test.clone()]) {
                prop_assert!(wanted.perhaps(&folded), "{needle:?} in {line:?}");
            }
            test.any.insert(0, LineMatch::Contains(b"nothing of the kind".to_vec()));
            if let Some(wanted) = Wanted::of(&[test]) {
                prop_assert!(wanted.perhaps(&folded), "{needle:?} in {line:?}");
            }
        }
    }

    /// The rule of `docs/format/logs.md`, byte by byte.
    fn plainly(bytes: &[u8]) -> Vec<u32> {
        let lower = bytes.to_ascii_lowercase();
        let mut out = Vec::new();
        for end in GRAM..=lower.len() {
            let digits = lower[..end].iter().rev();
            let run = digits.take_while(|b| b.is_ascii_hexdigit()).count();
            let len = match run {
                8.. => 8,
                0..4 => 4,
                _ => continue,
            };
            let last: Vec<u32> = lower[end - 4..end].iter().map(|b| u32::from(*b)).collect();
            let mix = (last[3] + 3 * last[2] + 5 * last[1] + 7 * last[0]) & 0xff;
            if !(mix ^ mix >> 3).is_multiple_of(4) {
                continue;
            }
            let of = |sum: u64, b: &u8| sum << 8 | u64::from(*b);
            let piece = lower[end - len..end].iter().fold(0, of);
            let hash = piece.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            out.push((hash >> 44) as u32);
        }
        out
    }

    proptest! {
        #[test]
        fn many_bytes_at_once_are_as_one_by_one(
            text in proptest::collection::vec("[a-zA-Z=/ ]{0,9}|[0-9a-fA-F]{1,40}|\\PC{0,4}", 0..40),
        ) {
            let text = text.concat();
            let mut found = Vec::new();
            pieces(text.as_bytes(), |hash| found.push(hash));
            prop_assert_eq!(found, plainly(text.as_bytes()));
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
