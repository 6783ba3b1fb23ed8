//! Numbers as the exposition formats write them, read without detours.

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// A value as Go's `ParseFloat` reads it, without hexadecimal forms and underscores: decimal with
/// or without exponent, `Inf`, `Infinity`, `NaN` in any case. `None` for everything else, numbers
/// beyond the range of a double included.
///
/// Up to 19 digits whose value and power of ten a double holds exactly are computed here (one
/// rounding, hence the nearest double: Clinger's fast path); the rest is left to the library.
pub fn float(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mut mantissa, mut at) = (0u64, 0);
    while let Some(digit) = digit_at(digits, at) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
        at += 1;
    }
    let mut count = at;
    let mut power = 0i32;
    if digits.get(at) == Some(&b'.') {
        at += 1;
        while let Some(digit) = digit_at(digits, at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
            at += 1;
            power -= 1;
        }
        count += power.unsigned_abs() as usize;
    }
    if count == 0 {
        return special(text);
    }
    if matches!(digits.get(at), Some(b'e' | b'E')) {
        let (exponent, end) = exponent(digits, at + 1)?;
        power = power.saturating_add(exponent);
        at = end;
    }
    if at != digits.len() {
        return None;
    }
    if count > 19 || mantissa > 1 << 53 || power.unsigned_abs() > 22 {
        return slow(text);
    }
    let scale = EXACT_POWERS[power.unsigned_abs() as usize];
    let value = if power < 0 {
        mantissa as f64 / scale
    } else {
        mantissa as f64 * scale
    };
    Some(if negative { -value } else { value })
}

#[inline]
fn digit_at(text: &[u8], at: usize) -> Option<u64> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// The exponent that starts at `at`, and where it ends.
fn exponent(text: &[u8], at: usize) -> Option<(i32, usize)> {
    let (negative, start) = match text.get(at)? {
        b'-' => (true, at + 1),
        b'+' => (false, at + 1),
        _ => (false, at),
    };
    let (mut value, mut end) = (0i32, start);
    while let Some(digit) = digit_at(text, end) {
        value = value.saturating_mul(10).saturating_add(digit as i32);
        end += 1;
    }
    let value = if negative { -value } else { value };
    (end > start).then_some((value, end))
}

#[cold]
fn special(text: &[u8]) -> Option<f64> {
    let is = |rest: &[u8], word: &str| rest.eq_ignore_ascii_case(word.as_bytes());
    if is(text, "nan") {
        return Some(f64::NAN);
    }
    let (sign, rest) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        rest => (1.0, rest),
    };
    (is(rest, "inf") || is(rest, "infinity")).then_some(sign * f64::INFINITY)
}

/// `text` is known to be decimal.
#[cold]
fn slow(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// A whole number with an optional sign.
pub fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for at in 0..digits.len() {
        let digit = digit_at(digits, at)? as i64;
        value = value.checked_mul(10)?.checked_sub(digit)?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// Seconds as OpenMetrics writes timestamps, as the nearest millisecond. Neither `NaN` nor `Inf`.
pub fn seconds_to_ms(text: &[u8]) -> Option<i64> {
    if text.len() <= 15
        && let Some(whole) = integer(text)
    {
        return whole.checked_mul(1000);
    }
    let seconds = float(text).filter(|s| s.is_finite())?;
    Some((seconds * 1000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_the_nearest_double() {
        for text in [
            "0",
            "-0",
            "1",
            "+1",
            "1.5",
            ".5",
            "5.",
            "1e3",
            "1E-3",
            "2.478268416e+09",
            "1e22",
            "9007199254740993",
            "0.1",
            "123456789012345678",
            "12345678901234567890123",
            "1e-320",
            "0.013300656000000001",
            "1.7976931348623157e308",
            "0000000000000000000000000000001.2e-1",
            "5e-324",
            "3.14159265358979323846",
            "1e23",
        ] {
            let want: f64 = text.parse().unwrap();
            assert_eq!(
                float(text.as_bytes()).map(f64::to_bits),
                Some(want.to_bits()),
                "{text}"
            );
        }
        assert_eq!(float(b"+Inf"), Some(f64::INFINITY));
        assert_eq!(float(b"-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(float(b"INFINITY"), Some(f64::INFINITY));
        assert!(float(b"NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", "-", "+", ".", "e5", "1e", "1e+", "1_000", "0x1p-3", "0x1", "1z", "--1", "+nan",
            "1.1.1", "1e999", "infi", "1 ",
        ] {
            assert_eq!(float(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn timestamps() {
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"9223372036854775808"), None);
        assert_eq!(integer(b"1.5"), None);
        assert_eq!(seconds_to_ms(b"1520879607.789"), Some(1520879607789));
        assert_eq!(seconds_to_ms(b"000"), Some(0));
        assert_eq!(seconds_to_ms(b"NaN"), None);
    }

    proptest::proptest! {
        #[test]
        fn every_double_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            proptest::prop_assume!(value.is_finite());
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:.3}")] {
                let want: f64 = text.parse().unwrap();
                proptest::prop_assert_eq!(float(text.as_bytes()).map(f64::to_bits), Some(want.to_bits()));
            }
        }

        #[test]
        fn short_decimals_read_back(mantissa in 0u64..100_000_000_000, power in -30i32..30) {
            let text = format!("{mantissa}e{power}");
            let want: f64 = text.parse().unwrap();
            proptest::prop_assert_eq!(float(text.as_bytes()), Some(want));
        }
    }
}
