//! Shares of a whole as bars and strips.

use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A bar of one row; `share` is cut to 0..=1. What is no number is an empty bar.
pub(crate) fn bar(buf: &mut Buffer, row: Rect, share: f64, style: Style, look: &Look) {
    let share = if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    };
    let halves = (share * f64::from(row.width) * 2.0).round() as u16;
    // Something is never shown as nothing.
    let halves = if share > 0.0 { halves.max(1) } else { 0 };
    let ascii = !look.boxes;
    for i in 0..row.width {
        let (character, style) = match (halves.saturating_sub(i * 2), ascii) {
            (0, true) => ('-', look.faint),
            (0, false) => ('─', look.faint),
            (1, true) => ('=', style),
            (1, false) => ('╸', style),
            (_, true) => ('#', style),
            (_, false) => ('━', style),
        };
        paint::dot(buf, (row.x + i, row.y), character, style);
    }
}

/// The same bar as text, for the cell of a table.
pub(crate) fn text(share: f64, width: u16, look: &Look) -> String {
    let share = if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    };
    let full = (share * f64::from(width)).round() as usize;
    let full = if share > 0.0 { full.max(1) } else { 0 };
    let [on, off] = if look.boxes { ["━", " "] } else { ["#", "-"] };
    let rest = usize::from(width).saturating_sub(full);
    format!("{}{}", on.repeat(full), off.repeat(rest))
}

/// A bar of several parts, each with its share of the whole and its style.
pub(crate) fn parts(buf: &mut Buffer, row: Rect, shares: &[(f64, Style)], look: &Look) {
    const LETTERS: [char; 5] = ['#', '=', '+', '.', '~'];
    let mut edge = 0.0;
    let mut x = row.x;
    let ascii = !look.boxes || !look.colours;
    for (i, (share, style)) in shares.iter().enumerate() {
        edge += if share.is_nan() { 0.0 } else { share.max(0.0) };
        let to = row.x + (edge.min(1.0) * f64::from(row.width)).round() as u16;
        while x < to {
            let character = if ascii {
                LETTERS[i % LETTERS.len()]
            } else {
                '━'
            };
            paint::dot(buf, (x, row.y), character, *style);
            x += 1;
        }
    }
    while x < row.right() {
        let character = if look.boxes { '─' } else { '-' };
        paint::dot(buf, (x, row.y), character, look.faint);
        x += 1;
    }
}

/// One cell of a heat strip: height and colour say the same; in ASCII a digit of tenths.
pub(crate) fn heat(share: f64, look: &Look) -> (char, Style) {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if share.is_nan() {
        return ('-', look.faint);
    }
    let share = share.clamp(0.0, 1.0);
    let style = look.level(share, 0.7, 0.9);
    if !look.boxes {
        let tenth = (share * 10.0) as u32;
        return (char::from_digit(tenth.min(9), 10).unwrap_or('9'), style);
    }
    (HEIGHTS[((share * 8.0) as usize).min(7)], style)
}
