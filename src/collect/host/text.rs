//! The few forms in which the kernel writes its numbers.

/// A decimal number, or a hexadecimal one after `0x`.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|n| n as f64),
        None => text.parse().ok(),
    }
}

/// Digits to the base 16 without `0x`.
pub(crate) fn hex(text: &str) -> Option<f64> {
    u64::from_str_radix(text, 16).ok().map(|n| n as f64)
}

/// The `n`th word as a number.
pub(crate) fn nth(line: &str, n: usize) -> Option<f64> {
    line.split_ascii_whitespace().nth(n)?.parse().ok()
}

/// A name as metrics may carry it: lower case, `_` for what is no letter, digit or colon, none at
/// the ends.
pub(crate) fn clean(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let kept = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ':' || c == '_';
    let clean: String = lower
        .chars()
        .map(|c| if kept(c) { c } else { '_' })
        .collect();
    clean.trim_matches('_').to_owned()
}

/// Decodes `\040` and its like, as /proc/mounts writes blanks in paths.
pub(crate) fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let octal = bytes.get(i + 1..i + 4).filter(|_| bytes[i] == b'\\');
        let value = octal
            .and_then(|o| std::str::from_utf8(o).ok())
            .and_then(|o| u8::from_str_radix(o, 8).ok());
        if let Some(byte) = value {
            out.push(byte);
            i += 4;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A list of numbers and ranges: `0-3,8`.
pub(crate) fn ranges(text: &str) -> Vec<u32> {
    let mut out = Vec::new();
    for part in text.trim().split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (Ok(low), Ok(high)) = (low.parse::<u32>(), high.parse::<u32>()) else {
            continue;
        };
        out.extend((low..=high).take(8192));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_numbers_and_names() {
        assert_eq!(
            (number("0x1003"), number(" 12 "), number("N/A")),
            (Some(4099.0), Some(12.0), None)
        );
        assert_eq!(clean("Core 0 (PECI)\n"), "core_0__peci");
        assert_eq!(unescape(r"/mnt/two\040words\134x\9"), r"/mnt/two words\x\9");
        assert_eq!(ranges("0-2,5\n"), [0, 1, 2, 5]);
        assert!(ranges("x,4-1").is_empty());
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".*", wild in any::<Vec<u8>>()) {
            let wild = String::from_utf8_lossy(&wild);
            for t in [text.as_str(), &wild] {
                let _ = (number(t), hex(t), nth(t, 2), clean(t), unescape(t));
                prop_assert!(ranges(t).len() <= 8192 * (t.len() + 1));
            }
        }
    }
}
