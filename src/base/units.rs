//! Durations as Prometheus writes them, bytes, and short numbers for people.

/// A duration in milliseconds, parsed from Prometheus' form: `1h30m`, units `y w d h m s ms` in
/// falling order, each at most once; `0` needs no unit.
///
/// Source: prometheus/common `model.ParseDuration`.
pub fn parse_duration_ms(text: &str) -> Result<i64, UnitError> {
    let bad = || UnitError::Duration(text.to_owned());
    match text {
        "" => return Err(bad()),
        "0" => return Ok(0),
        _ => {}
    }
    let mut rest = text;
    let mut total: i64 = 0;
    let mut last = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: i64 = rest[..digits].parse().map_err(|_| bad())?;
        let tail = &rest[digits..];
        let len = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let place = UNITS
            .iter()
            .position(|(name, _)| *name == &tail[..len])
            .ok_or_else(bad)?;
        if place < last {
            return Err(bad());
        }
        last = place + 1;
        let part = number.checked_mul(UNITS[place].1).ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = &tail[len..];
    }
    Ok(total)
}

/// Prometheus' units in falling order, in milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Prints milliseconds in the form [`parse_duration_ms`] reads back: `90000` is `1m30s`.
///
/// As Prometheus does, years, weeks and days are used only where nothing remains.
pub fn format_duration_ms(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    let mut rest = ms.unsigned_abs();
    if ms < 0 {
        out.push('-');
    }
    for (name, size) in UNITS {
        let size = size.unsigned_abs();
        let exact_only = matches!(name, "y" | "w" | "d");
        if rest < size || (exact_only && !rest.is_multiple_of(size)) {
            continue;
        }
        out.push_str(&format!("{}{name}", rest / size));
        rest %= size;
    }
    out
}

/// Nanoseconds as a person reads a latency: three digits and a unit, `1.24 s`, `87.0 ms`, `420 µs`.
pub fn format_nanoseconds(ns: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    if ns >= 120_000_000_000 {
        return format_duration_ms((ns / 1_000_000_000) as i64 * 1000);
    }
    let value = ns as f64;
    let unit = UNITS.iter().rev().find(|(_, scale)| value >= *scale);
    let (unit, scale) = unit.copied().unwrap_or(UNITS[0]);
    let value = value / scale;
    let digits = match value {
        v if scale == 1.0 || v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}")
}

/// A size in bytes: `512MB`, `1.5GiB`, `0`. As in Prometheus, `KB` and `KiB` both mean 1024.
///
/// Source: alecthomas/units `ParseBase2Bytes`.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let bad = || UnitError::Bytes(text.to_owned());
    if text.is_empty() || text == "0" {
        return Ok(0);
    }
    let at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(bad)?;
    let number: f64 = text[..at].trim_end().parse().map_err(|_| bad())?;
    let unit = text[at..].trim_end_matches('B').trim_end_matches('i');
    let power = ["", "K", "M", "G", "T", "P", "E"]
        .iter()
        .position(|u| u.eq_ignore_ascii_case(unit))
        .ok_or_else(bad)?;
    let bytes = number * 1024f64.powi(power as i32);
    if !(0.0..1.8e19).contains(&bytes) || !text.ends_with('B') {
        return Err(bad());
    }
    Ok(bytes as u64)
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("{0:?} is not a duration; write 5s, 1m or 1h30m")]
    Duration(String),
    #[error("{0:?} is not a size; write 512MB or 2GB")]
    Bytes(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for (text, ms) in [
            ("5s", 5_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("1ms", 1),
        ] {
            assert_eq!(parse_duration_ms(text), Ok(ms));
            assert_eq!(format_duration_ms(ms), text);
        }
        assert_eq!(parse_duration_ms("1d12h"), Ok(36 * 3_600_000));
        assert_eq!(format_duration_ms(36 * 3_600_000), "36h");
    }

    #[test]
    fn sizes_read() {
        for (text, bytes) in [
            ("0", 0),
            ("512B", 512),
            ("1KB", 1024),
            ("1KiB", 1024),
            ("1.5GB", 3 << 29),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["1", "-1GB", "GB", "1XB", "1K", "1e999GB", "nanB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "5x",
            "s",
            "1s1m",
            "1m1m",
            "-5s",
            "99999999999999999y",
            "1.5s",
        ] {
            assert!(parse_duration_ms(text).is_err(), "{text}");
        }
    }
}
