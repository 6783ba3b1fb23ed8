//! Strokes that all widgets share: text by display width, clipped to where it may stand.

use crate::base::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Writes `line` from `x`, at most up to `right` (not included), and gives the column after it.
/// Nothing is written outside the buffer.
pub(crate) fn put(buf: &mut Buffer, at: (u16, u16), right: u16, line: &str, style: Style) -> u16 {
    let (x, y) = at;
    let area = buf.area;
    let right = right.min(area.right());
    if x >= right || y < area.y || y >= area.bottom() || x < area.x {
        return x;
    }
    buf.set_stringn(x, y, line, usize::from(right - x), style).0
}

/// Writes `line` so that it ends before `right`; what does not fit is left out from its end.
/// Gives the column where it begins.
pub(crate) fn put_right(
    buf: &mut Buffer,
    at: (u16, u16),
    right: u16,
    line: &str,
    style: Style,
) -> u16 {
    let (left, y) = at;
    let room = usize::from(right.saturating_sub(left));
    let wide = text::width(line).min(room) as u16;
    let start = right.saturating_sub(wide);
    put(buf, (start, y), right, line, style);
    start
}

/// Writes `line` in the middle of the row.
pub(crate) fn put_middle(buf: &mut Buffer, row: Rect, line: &str, style: Style) {
    let wide = text::width(line).min(usize::from(row.width)) as u16;
    let x = row.x + (row.width - wide) / 2;
    put(buf, (x, row.y), row.right(), line, style);
}

/// One character in one cell; outside the buffer it does nothing.
pub(crate) fn dot(buf: &mut Buffer, at: (u16, u16), character: char, style: Style) {
    if let Some(cell) = buf.cell_mut(at) {
        cell.set_char(character).set_style(style);
    }
}

/// Fits a path into `columns`; where it is cut, its end stays, which says more than its beginning.
pub(crate) fn fit_path(path: &str, columns: usize, ellipsis: &str) -> String {
    if text::width(path) <= columns {
        return path.to_owned();
    }
    let room = columns.saturating_sub(text::width(ellipsis));
    let mut from = path.len();
    for (at, _) in path.char_indices().rev() {
        if text::width(&path[at..]) > room {
            break;
        }
        from = at;
    }
    format!("{ellipsis}{}", &path[from..])
}

/// Cuts the text into rows of at most `columns`, at blanks where there are some.
pub(crate) fn wrap(text_in: &str, columns: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    for word in text_in.split_whitespace() {
        let mut rest = word;
        let gap = usize::from(!row.is_empty());
        if text::width(&row) + gap + text::width(rest) > columns && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
        }
        while text::width(rest) > columns {
            let head = text::clip(rest, columns.max(1));
            if head.is_empty() {
                return rows; // one character is wider than the row
            }
            rows.push(head.to_owned());
            rest = &rest[head.len()..];
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(rest);
    }
    if !row.is_empty() {
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_breaks_at_blanks_and_inside_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("한글 한", 4), ["한글", "한"]);
        assert_eq!(wrap("한", 1), Vec::<String>::new());
        assert_eq!(wrap("", 5), Vec::<String>::new());
    }

    #[test]
    fn a_path_keeps_its_end() {
        assert_eq!(fit_path("/var/lib/docker", 9, "…"), "…b/docker");
        assert_eq!(fit_path("/srv/백업", 5, "~"), "~백업");
        assert_eq!(fit_path("/", 5, "~"), "/");
    }

    #[test]
    fn nothing_is_written_outside() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 4, 1));
        put(&mut buf, (3, 0), 9, "한글", Style::new());
        put(&mut buf, (0, 5), 4, "x", Style::new());
        put_right(&mut buf, (0, 0), 3, "abcdef", Style::new());
        assert_eq!(buf, Buffer::with_lines(["abc "]));
    }
}
