//! A dot a request: across, when it began; up, how long it took, each line ten times the one below.

use crate::base::units::format_nanoseconds;
use crate::model::answer::TraceHit;
use crate::tui::state::State;
use crate::tui::tabs::traces::requests::{self, ms};
use crate::tui::time_cursor::Window;
use crate::tui::widget::{Look, Symbols, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::HashMap;

/// Cells left of the plot, for the latencies.
const GUTTER: u16 = 8;

/// What falls into one cell.
#[derive(Clone, Copy, Default)]
struct Cell {
    good: u32,
    failed: u32,
}

impl Cell {
    /// Failed ones have a shape of their own: a colour alone says nothing to many.
    fn shape(self, ascii: bool) -> char {
        match (self.good + self.failed, self.failed > 0, ascii) {
            (_, true, true) => 'x',
            (0..=3, true, false) => '×',
            (_, true, false) => '✖',
            (1, _, true) => '.',
            (2..=5, _, true) => 'o',
            (_, _, true) => 'O',
            (1, ..) => '·',
            (2..=5, ..) => '•',
            _ => '●',
        }
    }
}

/// Latency to row, on a scale of logarithms.
struct Scale {
    low: f64,
    high: f64,
    rows: u16,
}

impl Scale {
    fn of(hits: &[TraceHit], rows: u16) -> Self {
        let log = |ns: u64| (ns.max(1_000) as f64).log10();
        let logs = hits.iter().map(|h| log(h.duration));
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for l in logs {
            low = low.min(l);
            high = high.max(l);
        }
        let (low, mut high) = (low.floor(), high.ceil());
        if high <= low {
            high = low + 1.0;
        }
        Self { low, high, rows }
    }

    /// Rows from the bottom.
    fn row(&self, ns: u64) -> u16 {
        let log = (ns.max(1_000) as f64).log10();
        let part = ((log - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        (part * f64::from(self.rows.saturating_sub(1))).round() as u16
    }
}

pub(super) fn paint(
    state: &State,
    hits: &[TraceHit],
    window: Window,
    look: &Look,
    (area, buf): (Rect, &mut Buffer),
) {
    if area.height < 3 || area.width < GUTTER + 10 {
        return;
    }
    let plot = Rect {
        x: area.x + GUTTER,
        width: area.width - GUTTER,
        height: area.height - 1,
        ..area
    };
    let scale = Scale::of(hits, plot.height);
    ticks(&scale, plot, look, buf);
    let column = |t: i64| {
        let span = (window.end - window.start).max(1) as f64;
        let part = (t - window.start) as f64 / span;
        (0.0..=1.0)
            .contains(&part)
            .then(|| plot.x + (part * f64::from(plot.width - 1)).round() as u16)
    };
    if let Some(x) = state.time.cursor.and_then(column) {
        for y in plot.y..plot.bottom() {
            paint::dot(buf, (x, y), if look.boxes { '│' } else { '|' }, look.cursor);
        }
    }
    let mut cells: HashMap<(u16, u16), Cell> = HashMap::new();
    let place = |hit: &TraceHit| {
        let x = column(ms(hit.start))?;
        Some((x, plot.bottom() - 1 - scale.row(hit.duration)))
    };
    for hit in hits {
        if let Some(at) = place(hit) {
            let cell = cells.entry(at).or_default();
            if hit.errors > 0 {
                cell.failed += 1;
            } else {
                cell.good += 1;
            }
        }
    }
    let ascii = look.symbols == Symbols::Ascii;
    for (at, cell) in cells {
        let style = if cell.failed > 0 { look.bad } else { look.good };
        paint::dot(buf, at, cell.shape(ascii), style);
    }
    if let Some((x, y)) = requests::chosen(state).and_then(place)
        && let Some(cell) = buf.cell_mut((x, y))
    {
        cell.set_style(look.selected);
    }
    times(state, window, plot, look, buf);
}

/// A latency at each power of ten.
fn ticks(scale: &Scale, plot: Rect, look: &Look, buf: &mut Buffer) {
    let mut power = scale.low;
    while power <= scale.high + 0.01 {
        let ns = 10f64.powf(power) as u64;
        let y = plot.bottom() - 1 - scale.row(ns);
        let label = format_nanoseconds(ns).replace(".00", "").replace(".0", "");
        paint::put_right(buf, (plot.x - GUTTER, y), plot.x - 1, &label, look.dim);
        power += 1.0;
    }
}

fn times(state: &State, window: Window, plot: Rect, look: &Look, buf: &mut Buffer) {
    let y = plot.bottom();
    let (start, end) = (state.time.clock(window.start), state.time.clock(window.end));
    paint::put(buf, (plot.x, y), plot.right(), &start, look.dim);
    paint::put_right(buf, (plot.x, y), plot.right(), &end, look.dim);
}
