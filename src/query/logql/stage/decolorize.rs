//! `decolorize`: the line without the sequences that colour a terminal.

use std::borrow::Cow;

/// Leaves out `ESC [ .. final` and `ESC ] .. BEL`.
pub(crate) fn plain(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let len = sequence(after);
        if len == 0 {
            out.push('\u{1b}');
        }
        rest = &after[len..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Bytes behind the escape character that belong to it.
fn sequence(after: &str) -> usize {
    match after.as_bytes().first() {
        Some(b'[') => {
            let body = &after.as_bytes()[1..];
            let end = body.iter().position(|b| !(0x20..0x40).contains(b));
            match end {
                Some(end) if (0x40..0x7f).contains(&body[end]) => end + 2,
                _ => 0,
            }
        }
        Some(b']') => after.find('\u{7}').map_or(0, |at| at + 1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_text_stays() {
        for (line, want) in [
            ("\u{1b}[31;1mred\u{1b}[0m 한글", "red 한글"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}x \u{1b}[", "\u{1b}x \u{1b}["),
            ("plain", "plain"),
        ] {
            assert_eq!(plain(line), want);
        }
    }
}
