//! A number in digits of three rows, for the one value a panel is about.

use crate::base::text;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Rows that a number takes.
pub(crate) const HEIGHT: u16 = 3;

/// Whether this terminal shows half blocks in one column.
pub(crate) fn drawable(look: &Look) -> bool {
    look.boxes && !look.symbols.is_ascii()
}

const fn glyph(c: char) -> Option<[&'static str; 3]> {
    Some(match c {
        '0' => ["█▀█", "█ █", "▀▀▀"],
        '1' => ["▀█ ", " █ ", "▀▀▀"],
        '2' => ["▀▀█", "█▀▀", "▀▀▀"],
        '3' => ["▀▀█", " ▀█", "▀▀▀"],
        '4' => ["█ █", "▀▀█", "  ▀"],
        '5' => ["█▀▀", "▀▀█", "▀▀▀"],
        '6' => ["█▀▀", "█▀█", "▀▀▀"],
        '7' => ["▀▀█", "  █", "  ▀"],
        '8' => ["█▀█", "█▀█", "▀▀▀"],
        '9' => ["█▀█", "▀▀█", "▀▀▀"],
        '.' => [" ", " ", "▀"],
        '-' => ["  ", "▀▀", "  "],
        _ => return None,
    })
}

/// Writes `12.3 GiB` in the middle of `area`: the digits large, the unit beside their last row. Where
/// it has no room it stands in one row.
pub(crate) fn paint(buf: &mut Buffer, area: Rect, shown: &str, style: Style) {
    let digits: Vec<[&str; 3]> = shown.chars().map_while(glyph).collect();
    let unit = &shown[digits.len()..];
    let wide = |g: &[&str; 3]| text::width(g[0]) as u16 + 1;
    let width: u16 = digits.iter().map(wide).sum::<u16>() + text::width(unit) as u16;
    if digits.is_empty() || width > area.width || area.height < HEIGHT {
        let middle = Rect {
            y: area.y + area.height / 2,
            height: 1,
            ..area
        };
        return paint::put_middle(buf, middle, shown, style);
    }
    let mut x = area.x + (area.width - width) / 2;
    for g in &digits {
        for (row, line) in (0..).zip(g) {
            paint::put(buf, (x, area.y + row), area.right(), line, style);
        }
        x += wide(g);
    }
    paint::put(buf, (x, area.y + 2), area.right(), unit, style);
}
