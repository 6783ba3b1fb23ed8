//! Text on its way to a terminal: how wide it is, how it is cut and padded, and what is taken out.
//!
//! Widths are columns of the screen, never bytes or characters: a Hangul syllable takes two, also
//! where it arrives in pieces (NFD). Text from outside passes [`display`] before it is painted,
//! since a log line may carry escape sequences that retitle or rewrite a terminal.

use encoding_rs::EUC_KR;
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

/// What a line of bytes says: UTF-8; else CP949, Korea's older encoding (EUC-KR and more), where all
/// of it reads as such and most of it is Hangul; else UTF-8 with U+FFFD for what is none.
pub fn decode(line: &[u8]) -> Cow<'_, str> {
    let e = match std::str::from_utf8(line) {
        Ok(text) => return Cow::Borrowed(text),
        Err(e) => e,
    };
    // Letters of three bytes before the fault: it is UTF-8, and damaged or cut.
    let before = &line[..e.valid_up_to()];
    let utf8 = before.iter().any(|b| *b >= 0xe0);
    let korean = (!utf8).then(|| korean(line)).flatten();
    korean.map_or_else(|| String::from_utf8_lossy(line), Cow::Owned)
}

fn korean(line: &[u8]) -> Option<String> {
    let whole = |bytes| EUC_KR.decode_without_bom_handling_and_without_replacement(bytes);
    // A line that was cut may end in the middle of a letter.
    let text = whole(line).or_else(|| whole(line.split_last()?.1))?;
    let foreign = text.chars().filter(|c| !c.is_ascii());
    let hangul = |c: &char| matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{3131}'..='\u{318e}');
    let (hangul, other): (Vec<char>, Vec<char>) = foreign.partition(hangul);
    (hangul.len() > other.len()).then(|| text.into_owned())
}

/// The bytes of a text in CP949, where they are not those of UTF-8 and it has every letter.
pub fn in_cp949(text: &str) -> Option<Vec<u8>> {
    if text.is_ascii() {
        return None;
    }
    let (bytes, _, unknown) = EUC_KR.encode(text);
    (!unknown).then(|| bytes.into_owned())
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

    #[test]
    fn lines_in_cp949_are_decoded() {
        let of = |bytes: &[u8]| decode(bytes).into_owned();
        let line = "2026-11-20 주문 실패: 똠방각하 id=5";
        let bytes = in_cp949(line).unwrap();
        assert!(std::str::from_utf8(&bytes).is_err());
        assert_eq!(of(&bytes), line);
        let cut = in_cp949("한글").unwrap();
        assert_eq!(of(&cut[..3]), "한");
        assert_eq!(of(line.as_bytes()), line);
        assert_eq!(of(&line.as_bytes()[..13]), "2026-11-20 \u{fffd}");
        assert_eq!(of(b"caf\xe9 au lait"), "caf\u{fffd} au lait");
        assert_eq!((in_cp949("plain"), in_cp949("\u{1f525}")), (None, None));
    }
}
