//! A dot a request: across, when it began; up, how long it took, each line ten times the one below.
//!
//! Cells are filled as more requests fall into them; a cell with a failed one has a shape and a
//! colour of its own, however many good ones are there.

use crate::base::units::format_nanoseconds;
use crate::model::trace_report::{
    Dot, Dots, LEVELS, ReportAnswer, ReportPart, level_of, level_start,
};
use crate::model::view::{Mark, MarkKind};
use crate::tui::widget::{Look, Symbols, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use std::collections::HashMap;

/// Cells left of the plot, for the latencies.
const GUTTER: u16 = 8;
/// Columns of dots that are asked for, for each cell.
pub(crate) const COLUMNS: u16 = 2;
/// Requests from which on a cell is full, and from which on it is bright as well.
const FULL: u32 = 12;
const BRIGHT: u32 = 60;
const DECADE: u16 = LEVELS as u16;

/// The plot inside a frame: right of the latencies, above the times. Empty where it has no room.
pub(crate) fn plot(frame: Rect) -> Rect {
    let inside = frame.inner(Margin::new(1, 1));
    if inside.height < 3 || inside.width < GUTTER + 10 {
        return Rect {
            width: 0,
            height: 0,
            ..inside
        };
    }
    Rect {
        x: inside.x + GUTTER,
        width: inside.width - GUTTER,
        height: inside.height - 1,
        ..inside
    }
}

/// The dots of an answer.
pub(crate) fn dots(answer: Option<&ReportAnswer>) -> Option<&Dots> {
    answer?.parts.iter().find_map(|p| match p {
        ReportPart::Dots(dots) => Some(dots),
        _ => None,
    })
}

/// Good and failed requests.
pub(crate) fn sums(dots: &Dots) -> (u64, u64) {
    let add = |sum: (u64, u64), d: &Dot| (sum.0 + u64::from(d.good), sum.1 + u64::from(d.failed));
    dots.dots.iter().fold((0, 0), add)
}

/// Levels of latency to rows, counted from the bottom; whole powers of ten at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    low: u16,
    high: u16,
    rows: u16,
}

impl Scale {
    pub(crate) fn of(dots: &[Dot], rows: u16) -> Self {
        let low = dots.iter().map(|d| d.level).min().unwrap_or(0);
        let high = dots.iter().map(|d| d.level).max().unwrap_or(0);
        Self {
            low: low / DECADE * DECADE,
            high: (high / DECADE + 1) * DECADE,
            rows: rows.max(1),
        }
    }

    /// The row of a level among `rows` times `parts`.
    fn part(self, level: u16, parts: u16) -> u16 {
        let rows = u32::from(self.rows) * u32::from(parts);
        let inside = u32::from(level.clamp(self.low, self.high - 1) - self.low);
        (inside * rows / u32::from(self.high - self.low)) as u16
    }

    pub(crate) fn row(self, level: u16) -> u16 {
        self.part(level, 1)
    }

    /// The lowest level of a row.
    pub(crate) fn level(self, row: u16) -> u16 {
        let levels = u32::from(self.high - self.low);
        let above = (u32::from(row) * levels).div_ceil(u32::from(self.rows));
        self.low + above as u16
    }
}

/// What falls into one cell.
#[derive(Clone, Copy, Default)]
struct Cell {
    good: u32,
    failed: u32,
    /// Braille's bits.
    bits: u8,
}

/// Bits of braille by column and by row from the bottom.
const BITS: [[u8; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

impl Cell {
    /// Failed ones have a shape of their own: a colour alone says nothing to many.
    fn shape(self, look: &Look) -> char {
        let all = self.good + self.failed;
        let ascii = look.symbols == Symbols::Ascii;
        if self.failed > 0 {
            return match (ascii, self.failed, look.boxes) {
                (true, 0..=3, _) => 'x',
                (true, ..) => 'X',
                (_, 0..=3, true) => '×',
                (_, 0..=3, false) => '✗',
                _ => '✖',
            };
        }
        match (look.symbols, all) {
            (Symbols::Ascii, 1) => '.',
            (Symbols::Ascii, 2..=5) => 'o',
            (Symbols::Ascii, 6..FULL) => 'O',
            (Symbols::Ascii, _) => '@',
            (Symbols::Braille, 0..FULL) => {
                char::from_u32(0x2800 + u32::from(self.bits)).unwrap_or('⠂')
            }
            (Symbols::Braille, _) => '⣿',
            (_, 1) => '⠂',
            (_, 2..FULL) => '⠶',
            _ => '⣿',
        }
    }

    fn style(self, look: &Look) -> Style {
        let style = if self.failed > 0 { look.bad } else { look.good };
        if self.good + self.failed >= BRIGHT {
            style.add_modifier(Modifier::BOLD)
        } else {
            style
        }
    }
}

/// One scatter.
pub(crate) struct Chart<'a> {
    pub(crate) dots: &'a Dots,
    /// Start and duration of the request that is chosen, nanoseconds.
    pub(crate) chosen: Option<(u64, u64)>,
    /// The time cursor, milliseconds since the epoch.
    pub(crate) cursor: Option<i64>,
    /// Events stand on the row of times, as on every other chart.
    pub(crate) marks: &'a [&'a Mark],
    /// How a time is written.
    pub(crate) clock: &'a dyn Fn(i64) -> String,
}

impl Chart<'_> {
    /// Paints inside a border.
    pub(crate) fn paint(&self, look: &Look, inside: Rect, buf: &mut Buffer) {
        let plot = plot(Rect {
            x: inside.x.saturating_sub(1),
            y: inside.y.saturating_sub(1),
            width: inside.width + 2,
            height: inside.height + 2,
        });
        if plot.is_empty() {
            return;
        }
        let scale = Scale::of(&self.dots.dots, plot.height);
        ticks(scale, plot, look, buf);
        let across = |column: u16| plot.x + self.cell_column(column, plot.width);
        if let Some(column) = self
            .cursor
            .and_then(|t| self.dots.column_of(nanoseconds(t)))
        {
            for y in plot.y..plot.bottom() {
                let line = if look.boxes { '│' } else { '|' };
                paint::dot(buf, (across(column), y), line, look.cursor);
            }
        }
        for ((x, row), cell) in self.cells(scale, plot.width) {
            let at = (plot.x + x, plot.bottom() - 1 - row);
            paint::dot(buf, at, cell.shape(look), cell.style(look));
        }
        if let Some((start, took)) = self.chosen
            && let Some(column) = self.dots.column_of(start)
        {
            let y = plot.bottom() - 1 - scale.row(level_of(took));
            if let Some(cell) = buf.cell_mut((across(column), y)) {
                cell.set_style(look.selected);
            }
        }
        let y = plot.bottom();
        let time = |ns: u64| (self.clock)((ns / 1_000_000) as i64);
        paint::put(
            buf,
            (plot.x, y),
            plot.right(),
            &time(self.dots.from),
            look.dim,
        );
        let end = time(self.dots.to);
        paint::put_right(buf, (plot.x, y), plot.right(), &end, look.dim);
        for mark in self.marks.iter().filter(|m| m.kind == MarkKind::Event) {
            if let Some(column) = self.dots.column_of(nanoseconds(mark.t)) {
                let sign = if look.symbols.is_ascii() { '^' } else { '▴' };
                paint::dot(buf, (across(column), y), sign, look.mark);
            }
        }
    }

    /// The cell, counted from the left, of a column of dots.
    fn cell_column(&self, column: u16, width: u16) -> u16 {
        cell_of(column, self.dots.columns, width)
    }

    fn cells(&self, scale: Scale, width: u16) -> HashMap<(u16, u16), Cell> {
        let mut cells: HashMap<(u16, u16), Cell> = HashMap::new();
        for dot in &self.dots.dots {
            let x = self.cell_column(dot.column, width);
            let cell = cells.entry((x, scale.row(dot.level))).or_default();
            cell.good = cell.good.saturating_add(dot.good);
            cell.failed = cell.failed.saturating_add(dot.failed);
            let within = usize::from(scale.part(dot.level, 4) % 4);
            cell.bits |= BITS[usize::from(dot.column % COLUMNS)][within];
        }
        cells
    }
}

/// The cell of a column of dots in a plot of that width.
pub(crate) fn cell_of(column: u16, columns: u16, width: u16) -> u16 {
    let at = u32::from(column) * u32::from(width) / u32::from(columns.max(1));
    (at as u16).min(width.saturating_sub(1))
}

/// The first column of dots of a cell; that behind the last cell is behind the last column.
pub(crate) fn column_of(cell: u16, columns: u16, width: u16) -> u16 {
    (u32::from(cell) * u32::from(columns)).div_ceil(u32::from(width.max(1))) as u16
}

fn nanoseconds(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000)
}

/// A latency at each power of ten.
fn ticks(scale: Scale, plot: Rect, look: &Look, buf: &mut Buffer) {
    let mut level = scale.low;
    while level < scale.high {
        let y = plot.bottom() - 1 - scale.row(level);
        let ns = level_start(level).max(1_000);
        let label = format_nanoseconds(ns).replace(".00", "").replace(".0", "");
        paint::put_right(buf, (plot.x - GUTTER, y), plot.x - 1, &label, look.dim);
        level += DECADE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_levels_belong_to_each_other() {
        let dot = |level| Dot {
            column: 0,
            level,
            good: 1,
            failed: 0,
        };
        for rows in [3, 7, 20, 64] {
            let scale = Scale::of(&[dot(50), dot(90)], rows);
            assert_eq!((scale.low, scale.high), (48, 96));
            for row in 0..rows {
                let level = scale.level(row);
                if level < scale.high && scale.row(level) == row {
                    assert!(level == scale.low || scale.row(level - 1) < row);
                }
            }
            assert_eq!(scale.level(rows), scale.high);
        }
    }

    #[test]
    fn cells_and_columns_belong_to_each_other() {
        for (columns, width) in [(140u16, 70u16), (10, 70), (141, 70)] {
            for column in 0..columns {
                let cell = cell_of(column, columns, width);
                assert!(column_of(cell, columns, width) <= column);
                assert!(column < column_of(cell + 1, columns, width));
            }
        }
    }
}
