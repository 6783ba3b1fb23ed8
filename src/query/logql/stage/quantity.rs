//! Values of labels as numbers, sizes and durations, with the errors that Go gives.

use crate::query::logql::literal;

/// `strconv.ParseFloat`
pub(crate) fn number(text: &str) -> Result<f64, String> {
    // Rust reads a trailing point and signs as Go does; words for infinity are the same.
    let read = text.parse::<f64>().ok();
    read.or_else(|| literal::number(text))
        .ok_or_else(|| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
}

/// Nanoseconds, as `time.ParseDuration`.
pub(crate) fn duration_ns(text: &str) -> Result<i64, String> {
    literal::go_duration_ns(text)
}

/// A size in any case: `5 MiB`, `3k`, `1,024`. Source: go-humanize `ParseBytes`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .unwrap_or(text.len());
    let value = number(&text[..digits].replace(',', ""))?;
    let unit = text[digits..].trim().to_ascii_lowercase();
    let letter = unit.trim_end_matches('b');
    let (letter, base) = match letter.strip_suffix('i') {
        Some(letter) => (letter, 1024_f64),
        None => (letter, 1000_f64),
    };
    let power = ["", "k", "m", "g", "t", "p", "e"]
        .iter()
        .position(|l| *l == letter)
        .filter(|_| unit.matches('b').count() < 2 && unit != "i" && unit != "ib")
        .ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let size = value * base.powi(power as i32);
    if size >= 1.8e19 {
        return Err(format!("too large: {text}"));
    }
    Ok(size as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_any_case() {
        for (text, want) in [
            ("3 kB", Ok(3000)),
            ("5MiB", Ok(5 << 20)),
            ("1G", Ok(1_000_000_000)),
            ("2ki", Ok(2048)),
            ("1,024", Ok(1024)),
            ("7b", Ok(7)),
            ("", Err("strconv.ParseFloat: parsing \"\": invalid syntax")),
            ("5 apples", Err("unhandled size name: apples")),
        ] {
            assert_eq!(bytes(text), want.map_err(str::to_owned), "{text}");
        }
    }
}
