//! The escapes inside quotes, as JSON and logfmt write them.

/// A quoted text without its quotes, its escapes resolved: those of JSON (RFC 8259, section 7), and
/// `\'`. `None` where a backslash stands before anything else.
pub fn unescape(inner: &str) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + code.len_utf8()..];
        match code {
            '"' | '\\' | '/' | '\'' => out.push(code),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let (c, used) = unicode(rest)?;
                out.push(c);
                rest = &rest[used..];
            }
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Behind `\u`: four digits, or two halves of a pair; a lone half is the replacement character.
fn unicode(rest: &str) -> Option<(char, usize)> {
    let hex = |text: &str, at: usize| u32::from_str_radix(text.get(at..at + 4)?, 16).ok();
    let first = hex(rest, 0)?;
    if (0xd800..0xdc00).contains(&first)
        && rest.get(4..6) == Some("\\u")
        && let Some(second) = hex(rest, 6).filter(|s| (0xdc00..0xe000).contains(s))
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((char::from_u32(code)?, 10));
    }
    Some((
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        4,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (text, want) in [
            ("plain", Some("plain")),
            (r#"a \\ \"b\" \'c\' \/"#, Some("a \\ \"b\" 'c' /")),
            (r"\b\f\n\r\t", Some("\u{8}\u{c}\n\r\t")),
            (r"\uc138\ubaa8", Some("세모")),
            (r"\ud83d\ude00!", Some("😀!")),
            (r"\ud83d alone", Some("\u{fffd} alone")),
            (r"\u12", None),
            (r"\x", None),
            ("\\", None),
        ] {
            assert_eq!(unescape(text).as_deref(), want, "{text}");
        }
    }
}
