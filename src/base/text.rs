//! Text on its way to a terminal: how wide it is, how it is cut and padded, and what is taken out.
//!
//! Widths are columns of the screen, never bytes or characters: a Hangul syllable takes two, also
//! where it arrives in pieces (NFD). Text from outside passes [`display`] before it is painted,
//! since a log line may carry escape sequences that retitle or rewrite a terminal.

use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns a tab character moves to a multiple of.
const TAB: usize = 8;

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    UnicodeWidthStr::width(text)
}

/// The longest prefix of whole graphemes within `columns`.
pub fn clip(text: &str, columns: usize) -> &str {
    if text.is_ascii() {
        return &text[..text.len().min(columns)];
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += width(grapheme);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Fits `text` into `columns`; where it is cut, `ellipsis` stands for what is missing.
pub fn fit<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mark = clip(ellipsis, columns);
    let kept = clip(text, columns - width(mark));
    Cow::Owned(format!("{kept}{mark}"))
}

/// Exactly `columns` wide, the text to the left.
pub fn left(text: &str, columns: usize, ellipsis: &str) -> String {
    let fitted = fit(text, columns, ellipsis);
    let gap = columns - width(&fitted);
    format!("{fitted}{}", " ".repeat(gap))
}

/// Exactly `columns` wide, the text to the right.
pub fn right(text: &str, columns: usize, ellipsis: &str) -> String {
    let fitted = fit(text, columns, ellipsis);
    let gap = columns - width(&fitted);
    format!("{}{fitted}", " ".repeat(gap))
}

/// The lines of at most so many columns that a text for people becomes, broken at blanks; a longer
/// word is cut. Indents of the first line stay. At least one line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let text = display(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for (n, word) in text.split(' ').enumerate() {
        if n > 0 && width(&line) + 1 + width(word) > columns && !line.trim().is_empty() {
            lines.push(std::mem::take(&mut line));
        } else if n > 0 {
            line.push(' ');
        }
        let mut word = word;
        while width(&line) + width(word) > columns {
            let head = clip(word, columns.saturating_sub(width(&line)));
            if head.is_empty() && line.is_empty() {
                break; // wider than a line
            }
            line.push_str(head);
            word = &word[head.len()..];
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Safe and composed: [`sanitise`] after [`nfc`].
pub fn display(text: &str) -> Cow<'_, str> {
    match nfc(text) {
        Cow::Borrowed(same) => sanitise(same),
        Cow::Owned(composed) => Cow::Owned(sanitise(&composed).into_owned()),
    }
}

/// The composed form (NFC): terminals differ in what they make of Hangul in pieces.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

/// Makes visible what a terminal would obey: C0 and DEL become their control pictures (U+2400 and
/// on), C1, bidirectional controls and line separators become `<202e>`; a tab becomes spaces.
pub fn sanitise(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\t' => {
                let column = width(&out);
                out.extend(std::iter::repeat_n(' ', TAB - column % TAB));
            }
            '\u{7f}' => out.push('\u{2421}'),
            c if u32::from(c) < 0x20 => {
                out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('?'));
            }
            c if is_control(c) => out.push_str(&format!("<{:04x}>", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
        )
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hangul_takes_two_columns_composed_or_in_pieces() {
        let pieces: String = "한글".nfd().collect();
        assert_ne!(pieces, "한글");
        assert_eq!((width("한글"), width(&pieces), width("a한b")), (4, 4, 4));
        assert_eq!(nfc(&pieces), "한글");
    }

    #[test]
    fn texts_break_at_blanks_and_long_words_are_cut() {
        for (text, columns, want) in [
            (
                "add it? It is scraped",
                12,
                &["add it? It", "is scraped"][..],
            ),
            ("abcdefgh ij", 4, &["abcd", "efgh", "ij"]),
            ("  temp_c 한글", 9, &["  temp_c", "한글"]),
            ("한글한글", 5, &["한글", "한글"]),
            ("한", 1, &["한"]),
            ("", 9, &[""]),
        ] {
            assert_eq!(wrap(text, columns), want, "{text}");
        }
    }

    #[test]
    fn a_cut_never_halves_a_character() {
        for (text, columns, want) in [
            ("한글한글", 5, "한글"),
            ("한글", 1, ""),
            ("abc", 2, "ab"),
            ("e\u{301}x", 1, "e\u{301}"),
            ("abc", 9, "abc"),
        ] {
            assert_eq!(clip(text, columns), want, "{text} {columns}");
        }
        assert_eq!(fit("한글한글", 6, "~"), "한글~");
        assert_eq!(fit("abc", 0, "~"), "");
        assert_eq!(left("한", 4, "~"), "한  ");
        assert_eq!(right("한글", 3, "~"), "한~");
        assert_eq!(right("7", 3, "~"), "  7");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(sanitise("plain 한글"), "plain 한글");
        assert_eq!(sanitise("\u{1b}]52;c;x\u{7}"), "\u{241b}]52;c;x\u{2407}");
        assert_eq!(sanitise("a\tb"), "a       b");
        assert_eq!(
            sanitise("\u{9b}1m\u{202e}x\u{7f}"),
            "<009b>1m<202e>x\u{2421}"
        );
        assert!(!display("\r\n\u{85}").chars().any(char::is_control));
    }
}
