//! Samples one by one: the tokens of open chunks and of the log.
//!
//! Exporters print decimals, so a value is kept as an integer at a decimal scale, and as the
//! difference to the integer before it: most tokens take one to three bytes. What is no short
//! decimal is kept as its 64 bits. Nothing is ever rounded: a form is used only where it reads back
//! to the same bits.

use crate::model::sample::{STALE_BITS, Samples};
use crate::store::disk::bytes::{Reader, put_uvarint, put_varint, unzigzag, zigzag};

/// Largest number of decimal places.
pub(crate) const MAX_SCALE: u8 = 12;
const RAW: u8 = 0xff;
const POW: [f64; 13] = [
    1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
];
/// Integers below this are exact as f64, with room for the error of one multiplication.
const EXACT: f64 = (1u64 << 51) as f64;
const EXACT_INT: i64 = 1 << 53;

/// `v` as an integer with `scale` decimal places, where that reads back to the same bits.
#[inline]
pub(crate) fn to_int(v: f64, scale: u8) -> Option<i64> {
    let pow = POW[usize::from(scale)];
    let i = (v * pow).round_ties_even() as i64;
    let same = (i as f64 / pow).to_bits() == v.to_bits();
    (same && -EXACT_INT < i && i < EXACT_INT).then_some(i)
}

#[inline]
pub(crate) fn from_int(i: i64, scale: u8) -> f64 {
    i as f64 / POW[usize::from(scale)]
}

/// The fewest decimal places at which `v` is exact, with its integer.
pub(crate) fn find_scale(v: f64) -> Option<(u8, i64)> {
    if let Some(i) = to_int(v, 0) {
        return Some((0, i));
    }
    if !v.is_finite() {
        return None;
    }
    // If it is no decimal at the largest scale that is exact, it is none at a smaller one.
    let top = (1..=MAX_SCALE)
        .rev()
        .find(|s| v.abs() * POW[usize::from(*s)] < EXACT)?;
    let mut found = (top, to_int(v, top)?);
    while found.0 > 0 && found.1 % 10 == 0 {
        let less = (found.0 - 1, found.1 / 10);
        if from_int(less.1, less.0).to_bits() != v.to_bits() {
            break;
        }
        found = less;
    }
    Some(found)
}

/// What one value becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Difference to the integer before, at the same scale.
    Delta(i64),
    /// A new integer at a scale.
    Int(u8, i64),
    Raw(u64),
    Stale,
}

/// The value before, as the next token needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    /// The integer at `scale`.
    int: i64,
    scale: u8,
}

impl Default for Last {
    fn default() -> Self {
        Self { int: 0, scale: RAW }
    }
}

impl Last {
    /// The token for `v`, which becomes the value before.
    #[inline]
    pub(crate) fn next(&mut self, v: f64) -> Token {
        if self.scale != RAW
            && let Some(i) = to_int(v, self.scale)
        {
            let delta = i - self.int;
            self.int = i;
            return Token::Delta(delta);
        }
        self.start(v)
    }

    #[cold]
    fn start(&mut self, v: f64) -> Token {
        if v.to_bits() == STALE_BITS {
            return Token::Stale; // the integer before it stands
        }
        if let Some((scale, i)) = find_scale(v) {
            *self = Self { int: i, scale };
            return Token::Int(scale, i);
        }
        self.scale = RAW;
        Token::Raw(v.to_bits())
    }

    /// `v`, which was the argument of the latest [`Last::next`], as a token that needs nothing
    /// before it.
    pub(crate) fn whole(&mut self, v: f64) -> Token {
        if v.to_bits() == STALE_BITS {
            // A reader that starts here does not know the integer before the marker.
            *self = Self::default();
            Token::Stale
        } else if self.scale == RAW {
            Token::Raw(v.to_bits())
        } else {
            Token::Int(self.scale, self.int)
        }
    }

    /// The value of a token that was read.
    #[inline]
    pub(crate) fn read(&mut self, token: Token) -> Option<f64> {
        match token {
            Token::Delta(_) if self.scale == RAW => None,
            Token::Delta(d) => {
                self.int = self.int.wrapping_add(d);
                Some(from_int(self.int, self.scale))
            }
            Token::Int(scale, int) => {
                *self = Self { int, scale };
                Some(from_int(int, scale))
            }
            Token::Raw(bits) => {
                self.scale = RAW;
                Some(f64::from_bits(bits))
            }
            Token::Stale => Some(f64::from_bits(STALE_BITS)),
        }
    }

    pub(crate) fn scale(self) -> u8 {
        if self.scale == RAW { 0 } else { self.scale }
    }
}

const RAW_CODE: u64 = 16;
const STALE_CODE: u64 = 17;
/// Escapes from here on belong to the caller: see [`put_escape`].
pub(crate) const OWN_CODES: u64 = 32;

/// Writes a token. `flag` is one more bit for the caller, 0 or 1.
#[inline]
pub(crate) fn put<const FLAGS: u32>(out: &mut Vec<u8>, token: Token, flag: u64) {
    if let Token::Delta(d) = token {
        put_uvarint(out, ((zigzag(d) << 1) << FLAGS) | flag);
        return;
    }
    let escape = |code: u64| (((code << 1) | 1) << FLAGS) | flag;
    match token {
        Token::Int(scale, i) => {
            put_uvarint(out, escape(u64::from(scale)));
            put_varint(out, i);
        }
        Token::Raw(bits) => {
            put_uvarint(out, escape(RAW_CODE));
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Token::Stale | Token::Delta(_) => put_uvarint(out, escape(STALE_CODE)),
    }
}

/// Writes the number of something that is no value, among tokens without a bit for the caller.
pub(crate) fn put_escape(out: &mut Vec<u8>, code: u64) {
    put_uvarint(out, ((OWN_CODES + code) << 1) | 1);
}

/// A token, or the caller's own escape.
pub(crate) enum Item {
    Value(Token),
    Escape(u64),
}

/// Reads a token without a bit for the caller, or an escape.
#[inline]
pub(crate) fn get_item(r: &mut Reader<'_>) -> Option<Item> {
    let code = r.uvarint()?;
    if code & 1 == 1 && code >> 1 >= OWN_CODES {
        return Some(Item::Escape((code >> 1) - OWN_CODES));
    }
    token_of(code, r).map(Item::Value)
}

/// Reads a token and the caller's bit.
#[inline]
pub(crate) fn get<const FLAGS: u32>(r: &mut Reader<'_>) -> Option<(Token, u64)> {
    let code = r.uvarint()?;
    let flag = code & ((1 << FLAGS) - 1);
    Some((token_of(code >> FLAGS, r)?, flag))
}

#[inline]
fn token_of(code: u64, r: &mut Reader<'_>) -> Option<Token> {
    if code & 1 == 0 {
        return Some(Token::Delta(unzigzag(code >> 1)));
    }
    let token = match code >> 1 {
        RAW_CODE => Token::Raw(r.u64()?),
        STALE_CODE => Token::Stale,
        scale if scale <= u64::from(MAX_SCALE) => Token::Int(scale as u8, r.varint()?),
        _ => return None,
    };
    Some(token)
}

/// Appends samples to a chunk's bytes: a value token whose bit says that the distance in time has
/// changed, and then by how much.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Writer {
    pub(crate) value: Last,
    pub(crate) t: i64,
    pub(crate) step: i64,
}

impl Writer {
    /// Forgets the distance in time, for the first sample of a chunk, whose time is kept apart.
    /// The token after it must need nothing before it: see [`Last::whole`].
    #[inline]
    pub(crate) fn first(&mut self, out: &mut Vec<u8>, t: i64, token: Token) {
        self.t = t;
        self.step = 0;
        put::<1>(out, token, 0);
    }

    #[inline]
    pub(crate) fn more(&mut self, out: &mut Vec<u8>, t: i64, token: Token) {
        let step = t.wrapping_sub(self.t);
        let change = step.wrapping_sub(self.step);
        self.t = t;
        self.step = step;
        put::<1>(out, token, u64::from(change != 0));
        if change != 0 {
            put_varint(out, change);
        }
    }
}

/// Reads what a [`Writer`] wrote; `None` where the bytes are damaged.
pub(crate) fn read(bytes: &[u8], first_t: i64, out: &mut Samples) -> Option<()> {
    let mut r = Reader::new(bytes);
    let mut value = Last::default();
    let (mut t, mut step) = (first_t, 0i64);
    while !r.is_empty() {
        let (token, changed) = get::<1>(&mut r)?;
        if changed != 0 {
            step = step.wrapping_add(r.varint()?);
        }
        t = t.wrapping_add(step);
        out.push(t, value.read(token)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::stale_marker;
    use proptest::prelude::*;

    fn round_trip(samples: &[(i64, f64)]) {
        let mut w = Writer::default();
        let mut bytes = Vec::new();
        for (i, &(t, v)) in samples.iter().enumerate() {
            let token = w.value.next(v);
            if i == 0 {
                let token = w.value.whole(v);
                w.first(&mut bytes, t, token);
            } else {
                w.more(&mut bytes, t, token);
            }
        }
        let mut out = Samples::default();
        read(&bytes, samples.first().map_or(0, |s| s.0), &mut out).unwrap();
        let bits: Vec<_> = out.iter().map(|s| (s.t, s.v.to_bits())).collect();
        let want: Vec<_> = samples.iter().map(|s| (s.0, s.1.to_bits())).collect();
        assert_eq!(bits, want);
    }

    #[test]
    fn every_kind_of_value_reads_back() {
        let values = [
            0.0,
            -0.0,
            1.0,
            1.5,
            0.1,
            1e-9,
            1e300,
            f64::NAN,
            f64::INFINITY,
            5e-324,
            123456.789,
            stale_marker(),
            7.0,
            9e15,
            -9.1e15,
            0.30000000000000004,
            3.0,
            f64::MAX,
            1e12,
            0.001,
        ];
        let times = [0, 15, 30, 46, 60, 1 << 40];
        for a in values {
            for b in values {
                for c in values {
                    round_trip(&[(times[0], a), (times[1], b), (times[2], c), (times[5], a)]);
                }
            }
        }
    }

    #[test]
    fn a_chunk_that_begins_with_a_marker_needs_nothing_before_it() {
        let mut w = Writer::default();
        w.value.next(2.5);
        let mut bytes = Vec::new();
        w.value.next(stale_marker());
        let token = w.value.whole(stale_marker());
        w.first(&mut bytes, 5, token);
        let token = w.value.next(2.5);
        w.more(&mut bytes, 6, token);
        let mut out = Samples::default();
        read(&bytes, 5, &mut out).unwrap();
        assert_eq!((out.times[1], out.values[1]), (6, 2.5));
    }

    #[test]
    fn decimals_find_their_scale() {
        assert_eq!(find_scale(123.45), Some((2, 12345)));
        assert_eq!(find_scale(1e6), Some((0, 1_000_000)));
        assert_eq!(find_scale(0.1 + 0.2), None);
        assert_eq!(find_scale(1_790_000_000.123), Some((3, 1_790_000_000_123)));
    }

    proptest! {
        #[test]
        fn any_samples_read_back(
            samples in prop::collection::vec((any::<i64>(), any::<u64>().prop_map(f64::from_bits)), 1..40)
        ) {
            round_trip(&samples);
        }

        #[test]
        fn any_decimals_read_back(
            samples in prop::collection::vec((0i64..1000, -99999i64..99999, 0i32..6), 1..200)
        ) {
            let samples: Vec<_> = samples
                .iter()
                .map(|(t, i, s)| (*t, *i as f64 / 10f64.powi(*s)))
                .collect();
            round_trip(&samples);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, 0, &mut Samples::default());
        }
    }
}
