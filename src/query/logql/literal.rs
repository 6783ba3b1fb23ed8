//! Numbers, durations and sizes: those of a query, and those of label values, which Go reads.

use crate::base::units;
use crate::query::promql;

/// As Go's `ParseFloat` reads the scanner's numbers: decimal, or hexadecimal with an exponent.
pub(crate) fn number(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("0x") {
        let has_exponent = lower.contains('p');
        return has_exponent
            .then(|| promql::literal::number(text))
            .flatten();
    }
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let value: Option<f64> = plain.then(|| text.parse().ok()).flatten();
    value.filter(|v| v.is_finite())
}

/// A duration of a query in nanoseconds: Prometheus' form, else Go's.
pub(crate) fn duration_ns(text: &str) -> Option<i64> {
    match units::parse_duration_ms(text) {
        Ok(ms) if text != "0" => ms.checked_mul(1_000_000),
        _ => go_duration_ns(text).ok(),
    }
}

const GO_UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Go's `time.ParseDuration`, its errors included: `1.5s`, `-2h3m`.
pub(crate) fn go_duration_ns(text: &str) -> Result<i64, String> {
    let bad = || format!("time: invalid duration {text:?}");
    let (sign, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let value: f64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let len = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        if len == 0 {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let unit = &rest[..len];
        let Some((_, size)) = GO_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("time: unknown unit {unit:?} in duration {text:?}"));
        };
        total += value * size;
        rest = &rest[len..];
    }
    // The largest duration of Go: about 292 years.
    if total > 9.2e18 {
        return Err(bad());
    }
    Ok((sign * total).round() as i64)
}

/// Nanoseconds in a form that [`duration_ns`] reads back.
pub(crate) fn duration_text(ns: i64) -> String {
    if ns % 1_000_000 == 0 {
        units::format_duration_ms(ns / 1_000_000)
    } else {
        format!("{ns}ns")
    }
}

/// Decimal and binary sizes as a query may write them.
const QUERY_SIZES: [(&str, u64); 12] = [
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];

/// A size of a query: a unit must be there, in its own case.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = number(&text[..at])?;
    let (_, size) = QUERY_SIZES.iter().find(|(unit, _)| *unit == &text[at..])?;
    Some((number * *size as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_both_forms() {
        for (text, ns) in [
            ("5m", 300_000_000_000),
            ("1d", 86_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("250ms", 250_000_000),
            ("10us", 10_000),
            ("7ns", 7),
            ("-5m", -300_000_000_000),
        ] {
            assert_eq!(duration_ns(text), Some(ns), "{text}");
            assert_eq!(duration_ns(&duration_text(ns)), Some(ns), "{text}");
        }
        for text in ["", "5", "5x", "m", "1.2.3s"] {
            assert_eq!(duration_ns(text), None, "{text}");
        }
        let missing = go_duration_ns("12").unwrap_err();
        assert_eq!(missing, "time: missing unit in duration \"12\"");
    }

    #[test]
    fn sizes_need_their_own_case() {
        assert_eq!(bytes("1KiB"), Some(1024));
        assert_eq!(bytes("1.5kB"), Some(1500));
        assert_eq!((bytes("1mb"), bytes("1"), bytes("5m")), (None, None, None));
    }
}
