//! One line of text under edit: a caret between graphemes, measured in columns.

use crate::base::text;
use crate::tui::keymap::{Code, Key};
use unicode_segmentation::UnicodeSegmentation;

/// Bytes that one line may hold.
const MAX_BYTES: usize = 16 << 10;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LineEdit {
    text: String,
    /// Byte offset, always between graphemes.
    caret: usize,
}

impl LineEdit {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            caret: text.len(),
            text,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The caret's byte offset.
    pub(crate) fn caret(&self) -> usize {
        self.caret
    }

    /// Columns before the caret.
    #[cfg(test)]
    pub(crate) fn column(&self) -> usize {
        text::width(&self.text[..self.caret])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn set(&mut self, text: &str) {
        *self = Self::new(text);
    }

    /// Puts `with` in the place of the bytes `from..to`, the caret behind it.
    pub(crate) fn replace(&mut self, from: usize, to: usize, with: &str) {
        if self.text.get(from..to).is_some() && self.text.len() + with.len() <= MAX_BYTES {
            self.text.replace_range(from..to, with);
            self.caret = from + with.len();
        }
    }

    /// Types or pastes; line breaks become spaces, other control characters are left out.
    pub(crate) fn insert(&mut self, typed: &str) {
        let clean: String = typed
            .trim_end_matches(['\r', '\n'])
            .chars()
            .map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        self.replace(self.caret, self.caret, &clean);
        // A jamo that joins the syllable before it moves the grapheme's border.
        if !self.text[self.caret..].is_empty() && !self.on_border(self.caret) {
            self.caret = self.next();
        }
    }

    /// True where the key was one of an edit's.
    pub(crate) fn key(&mut self, key: Key) -> bool {
        match (key.code, key.ctrl, key.alt) {
            (Code::Char(c), false, false) => self.insert(c.encode_utf8(&mut [0; 4])),
            (Code::Left, false, _) | (Code::Char('b'), true, _) => self.caret = self.prev(),
            (Code::Right, false, _) | (Code::Char('f'), true, _) => self.caret = self.next(),
            (Code::Left, true, _) | (Code::Char('b'), _, true) => self.caret = self.word_back(),
            (Code::Right, true, _) | (Code::Char('f'), _, true) => self.caret = self.word_on(),
            (Code::Home, ..) | (Code::Char('a'), true, _) => self.caret = 0,
            (Code::End, ..) | (Code::Char('e'), true, _) => self.caret = self.text.len(),
            (Code::Backspace, _, false) | (Code::Char('h'), true, _) => self.cut(self.prev()),
            (Code::Delete, ..) | (Code::Char('d'), true, _) => self.cut(self.next()),
            (Code::Char('w'), true, _) | (Code::Backspace, _, true) => self.cut(self.word_back()),
            (Code::Char('u'), true, _) => self.cut(0),
            (Code::Char('k'), true, _) => self.cut(self.text.len()),
            _ => return false,
        }
        true
    }

    /// Removes what lies between the caret and `other`.
    fn cut(&mut self, other: usize) {
        let (from, to) = (self.caret.min(other), self.caret.max(other));
        self.replace(from, to, "");
    }

    fn on_border(&self, at: usize) -> bool {
        at == self.text.len() || self.text.grapheme_indices(true).any(|(i, _)| i == at)
    }

    fn prev(&self) -> usize {
        let before = &self.text[..self.caret];
        before
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(i, _)| i)
    }

    fn next(&self) -> usize {
        let mut borders = self.text.grapheme_indices(true).map(|(i, _)| i);
        borders.find(|i| *i > self.caret).unwrap_or(self.text.len())
    }

    fn word_back(&self) -> usize {
        let mut words = self.text[..self.caret].unicode_word_indices();
        words.next_back().map_or(0, |(i, _)| i)
    }

    fn word_on(&self) -> usize {
        let words = self.text[self.caret..].unicode_word_indices().next();
        words.map_or(self.text.len(), |(i, w)| self.caret + i + w.len())
    }

    /// The part to show in `columns`, and the caret's column in it: what is left of it scrolls out.
    pub(crate) fn visible(&self, columns: usize) -> (&str, usize) {
        let columns = columns.max(1);
        let mut from = 0;
        while text::width(&self.text[from..self.caret]) >= columns {
            let rest = &self.text[from..];
            from += rest.graphemes(true).next().map_or(1, str::len);
        }
        let shown = text::clip(&self.text[from..], columns);
        (shown, text::width(&self.text[from..self.caret]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    fn keys(edit: &mut LineEdit, codes: &[Code]) {
        for code in codes {
            assert!(edit.key(Key::plain(*code)));
        }
    }

    #[test]
    fn the_caret_moves_by_what_a_person_calls_a_letter() {
        let pieces: String = "한글".nfd().collect();
        for text in ["한글", pieces.as_str()] {
            let mut edit = LineEdit::new(text);
            assert_eq!(edit.column(), 4);
            keys(&mut edit, &[Code::Left]);
            assert_eq!(edit.column(), 2);
            keys(&mut edit, &[Code::Backspace]);
            assert_eq!((edit.column(), text::width(edit.text())), (0, 2));
        }
    }

    #[test]
    fn words_lines_and_pastes() {
        let mut edit = LineEdit::new("rate(up[5m])");
        assert!(edit.key(Key::ctrl('w')));
        assert_eq!(edit.text(), "rate(up[");
        edit.insert("1\u{1b}\n2\r\n");
        assert_eq!(edit.text(), "rate(up[1 2");
        edit.key(Key::ctrl('u'));
        assert!(edit.is_empty());
        assert!(
            !edit.key(Key::plain(Code::Enter)),
            "an edit does not take Enter"
        );
    }

    #[test]
    fn a_long_line_scrolls_under_its_caret() {
        let mut edit = LineEdit::new("abcdef한");
        assert_eq!(edit.visible(5), ("ef한", 4));
        keys(&mut edit, &[Code::Home]);
        assert_eq!(edit.visible(5), ("abcde", 0));
    }
}
