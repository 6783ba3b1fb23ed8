//! Numbers, durations and quoted text as Go reads and writes them.

use crate::base::units;

/// A number without sign: decimal, hexadecimal, octal with a leading zero, `Inf`, `NaN`,
/// underscores between digits. Source: Go's `ParseInt(s, 0, 64)`, then `ParseFloat`.
pub fn number(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "inf" => return Some(f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let plain = strip_underscores(text)?;
    let lower = plain.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return hex_number(hex);
    }
    if plain.len() > 1
        && plain.starts_with('0')
        && plain.bytes().all(|b| b.is_ascii_digit())
        && let Ok(octal) = i64::from_str_radix(&plain, 8)
    {
        return Some(octal as f64);
    }
    if !plain
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
    {
        return None;
    }
    plain.parse().ok()
}

/// A number with an optional sign, as values of series descriptions are.
pub fn signed_number(text: &str) -> Option<f64> {
    if let Some(rest) = text.strip_prefix('-') {
        return number(rest).map(|v| -v);
    }
    number(text.strip_prefix('+').unwrap_or(text))
}

fn strip_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        if *b == b'_' {
            let digit = |at: Option<usize>| {
                at.and_then(|a| bytes.get(a))
                    .is_some_and(u8::is_ascii_hexdigit)
            };
            let after_prefix = i == 2 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
            if !(digit(i.checked_sub(1)) || after_prefix) || !digit(Some(i + 1)) {
                return None;
            }
        }
    }
    Some(text.replace('_', ""))
}

/// `1f`, `1.8p3`: what follows `0x`.
fn hex_number(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once('p') {
        Some((m, e)) => (m, e.parse::<i32>().ok()?),
        None if text.contains('.') => return None,
        None => (text, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for c in whole.chars().chain(part.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let shift = exponent - 4 * i32::try_from(part.len()).ok()?;
    Some(value * 2.0_f64.powi(shift))
}

/// A duration without sign in milliseconds.
pub fn duration_ms(text: &str) -> Option<i64> {
    units::parse_duration_ms(text).ok()
}

/// The length of a quoted text at the start of `rest`, quotes included; `None` where it does not
/// end.
pub fn quoted_len(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let quote = *bytes.first()?;
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b if b == quote => return Some(at + 1),
            b'\\' if quote != b'`' => at += 2,
            b'\n' if quote != b'`' => return None,
            _ => at += 1,
        }
    }
    None
}

/// The text between the quotes, escapes resolved as in Go. `Err` says what is wrong.
pub fn unquote(quoted: &str) -> Result<String, String> {
    let bytes = quoted.as_bytes();
    if bytes.len() < 2 || bytes[0] != bytes[bytes.len() - 1] {
        return Err("unterminated quoted string".to_owned());
    }
    let inner = &quoted[1..quoted.len() - 1];
    if bytes[0] == b'`' {
        return Ok(inner.replace('\r', ""));
    }
    let mut out: Vec<u8> = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let used = escape(rest, bytes[0], &mut out)
            .ok_or_else(|| "unknown escape sequence in quoted string".to_owned())?;
        rest = &rest[used..];
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8(out).map_err(|_| format!("the text {quoted} is not valid UTF-8"))
}

/// Resolves one escape after its backslash; returns the bytes it took.
fn escape(rest: &str, quote: u8, out: &mut Vec<u8>) -> Option<usize> {
    let first = *rest.as_bytes().first()?;
    let simple = match first {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        c if c == quote => quote,
        b'x' => {
            out.push(u8::from_str_radix(rest.get(1..3)?, 16).ok()?);
            return Some(3);
        }
        b'0'..=b'7' => {
            out.push(u8::from_str_radix(rest.get(..3)?, 8).ok()?);
            return Some(3);
        }
        b'u' | b'U' => {
            let len = if first == b'u' { 5 } else { 9 };
            let code = u32::from_str_radix(rest.get(1..len)?, 16).ok()?;
            let mut buffer = [0; 4];
            out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes());
            return Some(len);
        }
        _ => return None,
    };
    out.push(simple);
    Some(1)
}

/// In double quotes, so that [`unquote`] gives the same text back.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() && u32::from(c) < 0x80 => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// As Go's `%v` and `FormatFloat(v, 'f', -1, 64)`: the shortest digits that read back, never an
/// exponent, `+Inf`, `-Inf`, `NaN`.
pub fn format_number(v: f64) -> String {
    if v.is_nan() {
        "NaN".to_owned()
    } else if v.is_infinite() {
        if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{v}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_go() {
        for (text, v) in [
            ("1", 1.0),
            ("1_000", 1000.0),
            ("010", 8.0),
            ("09", 9.0),
            ("0x1F", 31.0),
            (".5", 0.5),
            ("2.", 2.0),
            ("12.34e-6", 0.00001234),
            ("1e+3", 1000.0),
            ("0x1p4", 16.0),
        ] {
            assert_eq!(number(text), Some(v), "{text}");
        }
        for text in ["", "1_", "_1", "1__0", "5m", "0x", "1e", "abc", "+1"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert!(number("nan").is_some_and(f64::is_nan));
        assert_eq!(signed_number("-Inf"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn text_reads_back() {
        for text in ["", "a\"b", "tab\t\n", "한글", "\u{85}\u{1}", "back\\slash"] {
            assert_eq!(unquote(&quote(text)), Ok(text.to_owned()));
        }
        assert_eq!(unquote(r"'it\'s'"), Ok("it's".to_owned()));
        assert_eq!(
            unquote(r#""\x41\101\u0041\U00000041""#),
            Ok("AAAA".to_owned())
        );
        assert_eq!(unquote("`a\\n`"), Ok("a\\n".to_owned()));
        assert!(unquote(r#""\q""#).is_err());
        assert!(unquote(r#""\xff""#).is_err());
        assert_eq!(quoted_len(r#""a\"b" c"#), Some(6));
        assert_eq!(quoted_len("\"abc"), None);
    }
}
