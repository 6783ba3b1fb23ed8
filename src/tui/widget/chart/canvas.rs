//! A grid of dots finer than cells, and how dots become characters.

use crate::tui::widget::{Look, Symbols};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// No series owns the dot.
const NONE: u8 = 0xff;
/// The dot belongs to a line, which stands in front of areas.
const LINE: u8 = 0x80;

/// What each series is drawn with where only ASCII may be used.
pub(crate) const ASCII: [char; 8] = ['*', '+', 'o', 'x', '#', '%', '@', '='];
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Bits of a braille cell: column by column, from the lowest dot up.
const BRAILLE: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// Dots per cell, across and up.
pub(crate) fn dots(symbols: Symbols) -> (usize, usize) {
    match symbols {
        Symbols::Braille => (2, 4),
        Symbols::Block => (1, 8),
        Symbols::Dot | Symbols::Ascii => (1, 1),
    }
}

pub(super) struct Canvas {
    symbols: Symbols,
    /// In dots; the origin is the lower left.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Column after column.
    owners: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(area: Rect, symbols: Symbols) -> Self {
        let (dx, dy) = dots(symbols);
        let width = usize::from(area.width) * dx;
        let height = usize::from(area.height) * dy;
        Self {
            symbols,
            width,
            height,
            owners: vec![NONE; width * height],
        }
    }

    /// Fills one dot column from `from` up to `to` (not included).
    pub(super) fn fill(&mut self, column: usize, from: usize, to: usize, series: usize) {
        let to = to.min(self.height);
        if column < self.width && from < to {
            let base = column * self.height;
            self.owners[base + from..base + to].fill(series as u8 & 0x7f);
        }
    }

    /// One dot of a line.
    pub(super) fn line(&mut self, column: usize, row: usize, series: usize) {
        if column < self.width && row < self.height {
            self.owners[column * self.height + row] = series as u8 & 0x7f | LINE;
        }
    }

    /// Paints the cells that hold dots; the others stay as they are.
    pub(super) fn paint(&self, buf: &mut Buffer, area: Rect, styles: &[Style], look: &Look) {
        let (dx, dy) = dots(self.symbols);
        for cx in 0..usize::from(area.width) {
            for cy in 0..usize::from(area.height) {
                let bottom = (usize::from(area.height) - 1 - cy) * dy;
                let column = |x: usize| {
                    let base = (cx * dx + x) * self.height + bottom;
                    &self.owners[base..base + dy]
                };
                let at = (area.x + cx as u16, area.y + cy as u16);
                let painted = match self.symbols {
                    Symbols::Braille => braille(column(0), column(1)),
                    Symbols::Block => block(column(0), styles, look),
                    Symbols::Dot => single(column(0)[0]).map(|s| ('∙', s, None)),
                    Symbols::Ascii => {
                        single(column(0)[0]).map(|s| (ASCII[s % ASCII.len()], s, None))
                    }
                };
                let Some((character, series, behind)) = painted else {
                    continue;
                };
                if let Some(cell) = buf.cell_mut(at) {
                    let style = styles.get(series).copied().unwrap_or_default();
                    cell.set_char(character).set_style(style);
                    if let Some(colour) = behind {
                        cell.set_bg(colour);
                    }
                }
            }
        }
    }
}

type Painted = Option<(char, usize, Option<ratatui::style::Color>)>;

fn single(owner: u8) -> Option<usize> {
    (owner != NONE).then_some(usize::from(owner & 0x7f))
}

/// A line in the cell leaves the areas behind it out, else its shape would be lost.
fn braille(left: &[u8], right: &[u8]) -> Painted {
    let (mut bits, mut line_bits) = (0u32, 0u32);
    let mut line = NONE;
    let mut votes = [0u8; 8];
    for (x, column) in [left, right].into_iter().enumerate() {
        for (y, &owner) in column.iter().enumerate() {
            if owner == NONE {
                continue;
            }
            if owner & LINE != 0 {
                line_bits |= BRAILLE[x][y];
                line = owner & 0x7f;
            }
            bits |= BRAILLE[x][y];
            votes[usize::from(owner & 0x7f) % 8] += 1;
        }
    }
    if bits == 0 {
        return None;
    }
    let (bits, series) = if line == NONE {
        let most = (0..8).max_by_key(|i| votes[*i]).unwrap_or(0);
        // Every owner below eight is its own vote; beyond, colours repeat as well.
        (bits, most)
    } else {
        (line_bits, usize::from(line))
    };
    Some((char::from_u32(0x2800 + bits)?, series, None))
}

/// Eighths from below; where two areas meet, the upper one is the cell's background.
fn block(column: &[u8], styles: &[Style], look: &Look) -> Painted {
    let line = column.iter().position(|o| *o != NONE && o & LINE != 0);
    if let Some(at) = line {
        let series = usize::from(column[at] & 0x7f);
        let owned = |o: &u8| *o != NONE && o & LINE != 0;
        let low = column[..4].iter().any(owned);
        let high = column[4..].iter().any(owned);
        let character = match (low, high) {
            (true, false) if at == 0 && !owned(&column[1]) => '▁',
            (true, false) => '▄',
            (false, true) => '▀',
            _ => '█',
        };
        return Some((character, series, None));
    }
    let lowest = single(column[0])?;
    let length = column.iter().take_while(|o| **o == column[0]).count();
    if !look.colours {
        let filled = column.iter().filter(|o| **o != NONE).count();
        let shade = ['█', '▓', '▒', '░'][lowest % 4];
        let character = if filled < 8 { EIGHTHS[filled] } else { shade };
        return Some((character, lowest, None));
    }
    let behind = column.get(length).and_then(|o| single(*o));
    let behind = behind.and_then(|s| styles.get(s)).and_then(|s| s.fg);
    Some((EIGHTHS[length], lowest, behind))
}

/// Whether a dot of the series is drawn at this column and row, where hues cannot tell series
/// apart: dashes for lines.
pub(super) fn dash(series: usize, column: usize) -> bool {
    match series % 4 {
        0 => true,
        1 => column % 6 < 4,
        2 => column.is_multiple_of(3),
        _ => column % 8 < 5 || column % 8 == 6,
    }
}

/// As [`dash`], for areas: patterns of falling density.
pub(super) fn hatch(series: usize, column: usize, row: usize) -> bool {
    match series % 5 {
        0 => true,
        1 => (column + row).is_multiple_of(2),
        2 => row.is_multiple_of(2),
        3 => column.is_multiple_of(2) && row.is_multiple_of(2),
        _ => (column + row).is_multiple_of(4),
    }
}
