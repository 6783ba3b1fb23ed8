//! What tabs with a list share: the chosen row, reasons for being empty, names with values, CSV.

use crate::base::text;
use crate::tui::keymap::Act;
use crate::tui::msg::{Mouse, MouseKind};
use crate::tui::slot::Slot;
use crate::tui::theme::Theme;
use crate::tui::update::mouse::is_over;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The chosen row of a list whose length may change under it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    row: usize,
}

impl Cursor {
    /// The chosen row among `count`.
    pub(crate) fn at(self, count: usize) -> usize {
        self.row.min(count.saturating_sub(1))
    }

    /// To a row.
    pub(crate) fn go(&mut self, row: usize) {
        self.row = row;
    }

    /// Moves; true where the action was a move in a list.
    pub(crate) fn act(&mut self, act: Act, count: usize, page: usize) -> bool {
        let last = count.saturating_sub(1);
        let at = self.at(count);
        self.row = match act {
            Act::Up => at.saturating_sub(1),
            Act::Down => (at + 1).min(last),
            Act::PageUp => at.saturating_sub(page.max(1)),
            Act::PageDown => (at + page.max(1)).min(last),
            Act::Top => 0,
            Act::Bottom => last,
            _ => return false,
        };
        true
    }
}

/// Where the next or previous error leads from row `at`: round the end of the list, and nowhere
/// where no row has one.
pub(crate) fn to_match(
    act: Act,
    at: usize,
    count: usize,
    matches: impl Fn(usize) -> bool,
) -> usize {
    let step = match act {
        Act::NextError => 1,
        Act::PrevError => count.saturating_sub(1),
        _ => return at,
    };
    let after = |turn: usize| (at + turn * step) % count.max(1);
    let mut others = (1..=count).map(after);
    others.find(|row| matches(*row)).unwrap_or(at)
}

/// The first visible row: the chosen one stays in the middle where it can.
pub(crate) fn offset(at: usize, visible: usize, count: usize) -> usize {
    at.saturating_sub(visible / 2)
        .min(count.saturating_sub(visible))
}

/// The row that a press of the mouse means: of a table with a header in a frame, whose chosen row
/// `at` stands in the middle where it can.
pub(crate) fn row_under(mouse: Mouse, framed: Rect, (at, count): (usize, usize)) -> Option<usize> {
    let rows = Rect {
        y: framed.y + 2,
        height: framed.height.saturating_sub(3),
        ..framed
    };
    let pressed = mouse.kind == MouseKind::Press && is_over(mouse, rows);
    let line = usize::from(mouse.row.saturating_sub(rows.y));
    let row = offset(at, usize::from(rows.height), count) + line;
    (pressed && row < count).then_some(row)
}

/// Why a list may have no rows.
pub(crate) struct Empty<'a> {
    pub(crate) slot: Option<&'a Slot>,
    /// Said where the answer is there and has none.
    pub(crate) nothing: &'a str,
    /// What to do about that.
    pub(crate) way_out: &'a str,
    /// A filter hides what there is.
    pub(crate) filtered: bool,
}

/// Says why nothing is here.
pub(crate) fn why_empty(buffer: &mut Buffer, place: Rect, look: &Look, empty: Empty<'_>) {
    let slot = empty.slot;
    if let Some(error) = slot.and_then(Slot::error) {
        let said = error.to_string();
        frame::words(buffer, place, &[(&text::display(&said), look.bad)]);
        return;
    }
    let lines = if slot.is_none_or(|s| s.answer().is_none()) {
        vec![("asking ...", look.dim)]
    } else if empty.filtered {
        vec![("the filter leaves nothing; Esc takes it away", look.text)]
    } else {
        vec![(empty.nothing, look.text), (empty.way_out, look.dim)]
    };
    frame::words(buffer, place, &lines);
}

/// Names on the left, values wrapped on the right.
pub(crate) fn pairs(
    buffer: &mut Buffer,
    place: Rect,
    theme: &Theme,
    lines: &[(String, String, Style)],
) {
    let names = lines
        .iter()
        .map(|(n, ..)| text::width(n))
        .max()
        .unwrap_or(0);
    let indent = (names + 2).min(place.width.into());
    let columns = usize::from(place.width).saturating_sub(indent).max(1);
    let mut y = place.y;
    for (name, value, style) in lines {
        let shown = text::display(value).into_owned();
        let mut rest = shown.as_str();
        let mut first = true;
        while first || !rest.is_empty() {
            if y >= place.bottom() {
                return;
            }
            if first {
                buffer.set_stringn(place.x, y, name, indent, theme.dim);
            }
            let piece = text::clip(rest, columns);
            buffer.set_string(place.x + indent as u16, y, piece, *style);
            rest = &rest[piece.len()..];
            first = false;
            y += 1;
            if piece.is_empty() {
                break;
            }
        }
    }
}

/// A field of CSV, quoted where it must be (RFC 4180).
pub(crate) fn csv(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrinking_list_keeps_the_choice_inside() {
        let mut cursor = Cursor::default();
        assert!(cursor.act(Act::Bottom, 10, 5));
        assert_eq!((cursor.at(10), cursor.at(3), cursor.at(0)), (9, 2, 0));
        assert!(cursor.act(Act::PageUp, 3, 5));
        assert_eq!(cursor.at(3), 0);
        assert!(!cursor.act(Act::Pause, 3, 5));
        assert_eq!(offset(50, 10, 100), 45);
        assert_eq!(offset(99, 10, 100), 90);
    }

    #[test]
    fn the_next_error_is_looked_for_round_the_end() {
        let rows = [false, true, false, true, false];
        let to = |act, at| to_match(act, at, rows.len(), |i: usize| rows[i]);
        assert_eq!((to(Act::NextError, 0), to(Act::NextError, 3)), (1, 1));
        assert_eq!((to(Act::PrevError, 1), to(Act::PrevError, 4)), (3, 3));
        assert_eq!(to(Act::Down, 2), 2);
        assert_eq!(to_match(Act::NextError, 1, 3, |_| false), 1);
        assert_eq!(to_match(Act::NextError, 0, 0, |_| true), 0);
    }

    #[test]
    fn csv_quotes_what_must_be() {
        assert_eq!(csv("a"), "a");
        assert_eq!(csv("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
