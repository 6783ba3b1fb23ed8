//! Numbers as Prometheus' template functions print them.

/// Go's `%.4g`.
pub(crate) fn four_digits(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if v == 0.0 {
        return if v.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    // Rounded to four digits first, since that decides the exponent.
    let text = format!("{v:.3e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..4).contains(&exponent) {
        let digits = trimmed(digits);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let places = usize::try_from(3 - exponent).unwrap_or(0);
    trimmed(&format!("{v:.places$}")).to_owned()
}

/// Without the zeros that end a fraction.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// `1234567` is `1.235M`.
pub(crate) fn humanize(mut v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return four_digits(v);
    }
    let mut prefix = "";
    if v.abs() >= 1.0 {
        for p in LARGE {
            if v.abs() < 1000.0 {
                break;
            }
            prefix = p;
            v /= 1000.0;
        }
    } else {
        (v, prefix) = small(v);
    }
    format!("{}{prefix}", four_digits(v))
}

/// `1048576` is `1Mi`.
pub(crate) fn humanize_1024(mut v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return four_digits(v);
    }
    let mut prefix = String::new();
    for p in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
        if v.abs() < 1024.0 {
            break;
        }
        prefix = format!("{p}i");
        v /= 1024.0;
    }
    format!("{}{prefix}", four_digits(v))
}

/// Seconds as `1d 2h 3m 4s`, below a second as `12ms`.
pub(crate) fn humanize_duration(mut v: f64) -> String {
    if !v.is_finite() {
        return four_digits(v);
    }
    if v == 0.0 {
        return format!("{}s", four_digits(v));
    }
    if v.abs() < 1.0 {
        let (v, prefix) = small(v);
        return format!("{}{prefix}s", four_digits(v));
    }
    let sign = if v < 0.0 { "-" } else { "" };
    v = v.abs();
    let whole = v as i64;
    let (s, m, h, d) = (
        whole % 60,
        whole / 60 % 60,
        whole / 3600 % 24,
        whole / 86_400,
    );
    match (d, h, m) {
        (0, 0, 0) => format!("{sign}{}s", four_digits(v)),
        (0, 0, _) => format!("{sign}{m}m {s}s"),
        (0, ..) => format!("{sign}{h}h {m}m {s}s"),
        _ => format!("{sign}{d}d {h}h {m}m {s}s"),
    }
}

fn small(mut v: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for p in SMALL {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = p;
        v *= 1000.0;
    }
    (v, prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_go() {
        for (v, want) in [
            (0.0, "0"),
            (1.0, "1"),
            (1234.0, "1234"),
            (12345.0, "1.234e+04"),
            (99999.0, "1e+05"),
            (0.000_123_456, "0.0001235"),
            (0.000_012_345_6, "1.235e-05"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(four_digits(v), want);
        }
    }

    #[test]
    fn people_read_prefixes() {
        for (v, plain, binary) in [
            (1_234_567.0, "1.235M", "1.177Mi"),
            (0.21, "210m", "0.21"),
            (1e24, "1Y", "8.272e+11Ti"),
            (999.0, "999", "999"),
            (-0.000_001, "-1u", "-1e-06"),
        ] {
            assert_eq!(humanize(v), plain);
            if v < 1e20 {
                assert_eq!(humanize_1024(v), binary);
            }
        }
    }

    #[test]
    fn durations_count_down_to_seconds() {
        for (v, want) in [
            (0.0, "0s"),
            (1.0, "1s"),
            (60.0, "1m 0s"),
            (3600.0, "1h 0m 0s"),
            (86_400.0, "1d 0h 0m 0s"),
            (-93_784.0, "-1d 2h 3m 4s"),
            (899.99, "14m 59s"),
            (0.012, "12ms"),
            (59.994, "59.99s"),
        ] {
            assert_eq!(humanize_duration(v), want);
        }
    }
}
