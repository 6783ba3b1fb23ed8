//! What stands around and behind the curves: grid, labels, gaps, marks, selection, cursor.

use crate::base::text;
use crate::model::time::TimeRange;
use crate::model::view::MarkKind;
use crate::tui::widget::axis::{ValueAxis, clock, time_ticks, zone};
use crate::tui::widget::chart::{Chart, Layout};
use crate::tui::widget::paint;
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, Symbols};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The cell column of a time, cut to the plot.
fn cell_of(chart: &Chart<'_>, plot: Rect, t: i64) -> Option<u16> {
    let column = chart.window.column_of(t)?;
    Some(plot.x + (column * usize::from(plot.width) / chart.window.columns) as u16)
}

/// The row in which a value's dot stands.
fn row_of(axis: &ValueAxis, plot: Rect, value: f64) -> u16 {
    let (rows, place) = (f64::from(plot.height), axis.place(value));
    let up = (place * (rows * 4.0 - 1.0)).round() as u16 / 4;
    plot.bottom() - 1 - up.min(plot.height - 1)
}

/// Labels of the value axis, and a faint line at each of them where nothing else stands.
pub(super) fn grid(
    chart: &Chart<'_>,
    axis: &ValueAxis,
    buf: &mut Buffer,
    layout: Layout,
    look: &Look,
) {
    let plot = layout.plot;
    let mut taken: Vec<u16> = Vec::new();
    let count = axis.ticks.len();
    // The two ends first: between them only what has room.
    let order = [0, count.saturating_sub(1)]
        .into_iter()
        .chain(1..count.saturating_sub(1));
    for i in order.filter(|i| *i < count) {
        let y = row_of(axis, plot, axis.ticks[i]);
        if taken.contains(&y) {
            continue;
        }
        taken.push(y);
        if layout.gutter > 0 {
            let left = plot.x - layout.gutter;
            paint::put_right(buf, (left, y), plot.x - 1, &axis.labels[i], look.dim);
        }
        let line = match look.symbols {
            Symbols::Ascii => ('.', 4),
            Symbols::Dot => ('∙', 6),
            _ => ('╌', 1),
        };
        // The lowest line is the edge of the plot itself.
        if plot.height >= 5 && y + 1 < plot.bottom() {
            across(buf, plot, y, line, look);
        }
    }
    let _ = chart;
}

fn across(buf: &mut Buffer, plot: Rect, y: u16, line: (char, u16), look: &Look) {
    for x in (plot.x..plot.right()).step_by(usize::from(line.1)) {
        if let Some(cell) = buf.cell_mut((x, y)).filter(|c| c.symbol() == " ") {
            cell.set_char(line.0).set_style(look.faint);
        }
    }
}

pub(super) fn thresholds(
    chart: &Chart<'_>,
    axis: &ValueAxis,
    buf: &mut Buffer,
    plot: Rect,
    look: &Look,
) {
    for t in chart
        .thresholds
        .iter()
        .filter(|t| t.value <= axis.high && t.value >= axis.low)
    {
        let y = row_of(axis, plot, t.value);
        let line = if look.symbols.is_ascii() { '-' } else { '╌' };
        for x in plot.x..plot.right() {
            let free = |c: &&mut ratatui::buffer::Cell| matches!(c.symbol(), " " | "╌" | "." | "∙");
            if let Some(cell) = buf.cell_mut((x, y)).filter(free) {
                cell.set_char(line).set_style(t.style);
            }
        }
        if plot.width >= 24 && !t.name.is_empty() {
            paint::put_right(buf, (plot.x, y), plot.right(), t.name, t.style);
        }
    }
}

/// Round local times below the plot, the zone at its end where nothing else stands.
pub(super) fn times(chart: &Chart<'_>, buf: &mut Buffer, layout: Layout, look: &Look) {
    let plot = layout.plot;
    let y = plot.bottom();
    let mut free_from = plot.x.saturating_sub(layout.gutter);
    for (t, label) in time_ticks(chart.window.range(), plot.width, chart.offset) {
        let Some(x) = cell_of(chart, plot, t) else {
            continue;
        };
        let wide = label.len() as u16;
        let start = x.saturating_sub(wide / 2);
        if start < free_from || start + wide > plot.right() {
            continue;
        }
        paint::put(buf, (start, y), plot.right(), &label, look.dim);
        free_from = start + wide + 1;
    }
    let zone = zone(chart.offset);
    if plot.right().saturating_sub(free_from) > zone.len() as u16 {
        paint::put_right(buf, (free_from, y), plot.right(), &zone, look.faint);
    }
}

/// Marks on the lowest row what was not collected, and says so where the words have room.
pub(super) fn gaps(chart: &Chart<'_>, buf: &mut Buffer, plot: Rect, look: &Look) {
    let shade = if look.symbols.is_ascii() { ':' } else { '░' };
    for gap in chart.marks.iter().filter(|m| m.kind == MarkKind::Gap) {
        let Some(columns) = cells(chart, plot, TimeRange::new(gap.t, gap.until)) else {
            continue;
        };
        for x in columns.0..=columns.1 {
            let at = (x, plot.bottom() - 1);
            if let Some(cell) = buf.cell_mut(at).filter(|c| c.symbol() == " ") {
                cell.set_char(shade).set_style(look.faint);
            }
        }
        let room = usize::from(columns.1 - columns.0 + 1);
        let length = Unit::Seconds.show((gap.until - gap.t) as f64 / 1000.0);
        let long = format!(" {} {length} ", gap.text);
        let words = [long, format!(" {} ", gap.text), " gap ".to_owned()];
        if let Some(words) = words.iter().find(|w| text::width(w) <= room) {
            let row = Rect::new(columns.0, plot.y + plot.height / 2, room as u16, 1);
            paint::put_middle(buf, row, words, look.faint);
        }
    }
}

/// First and last cell of a stretch of time that shows in the window.
fn cells(chart: &Chart<'_>, plot: Rect, range: TimeRange) -> Option<(u16, u16)> {
    let window = chart.window.range();
    let start = range.start.max(window.start + 1);
    let end = range.end.min(window.end);
    if start > end {
        return None;
    }
    Some((cell_of(chart, plot, start)?, cell_of(chart, plot, end)?))
}

/// Events on the row of times, bookmarks on the upper edge.
pub(super) fn marks(chart: &Chart<'_>, buf: &mut Buffer, layout: Layout, look: &Look) {
    let plot = layout.plot;
    let ascii = look.symbols.is_ascii();
    for mark in chart.marks {
        let Some(x) = cell_of(chart, plot, mark.t) else {
            continue;
        };
        match mark.kind {
            MarkKind::Gap => {}
            MarkKind::Event => {
                let y = if layout.time_row {
                    plot.bottom()
                } else {
                    plot.bottom() - 1
                };
                paint::dot(buf, (x, y), if ascii { '^' } else { '▴' }, look.mark);
            }
            MarkKind::Exemplar => {
                let at = (x, plot.bottom() - 1);
                paint::dot(buf, at, if ascii { 'o' } else { '◉' }, look.mark);
            }
            MarkKind::Bookmark => {
                paint::dot(buf, (x, plot.y), if ascii { 'v' } else { '▾' }, look.mark);
            }
        }
    }
}

pub(super) fn selection(chart: &Chart<'_>, buf: &mut Buffer, plot: Rect, look: &Look) {
    let Some((from, to)) = chart.selection.and_then(|r| cells(chart, plot, r)) else {
        return;
    };
    buf.set_style(
        Rect::new(from, plot.y, to - from + 1, plot.height),
        look.selected,
    );
}

/// A line through the plot and its time on the row of times.
pub(super) fn cursor(chart: &Chart<'_>, buf: &mut Buffer, layout: Layout, look: &Look) {
    let plot = layout.plot;
    let Some((t, x)) = chart
        .cursor
        .and_then(|t| Some((t, cell_of(chart, plot, t)?)))
    else {
        return;
    };
    for y in plot.y..plot.bottom() {
        let Some(cell) = buf.cell_mut((x, y)) else {
            continue;
        };
        if matches!(cell.symbol(), " " | "╌" | "." | "∙" | "░" | ":") {
            cell.set_char(if look.boxes { '│' } else { '|' });
            cell.set_style(look.mark);
        } else {
            cell.set_style(look.cursor);
        }
    }
    if layout.time_row && plot.width >= 8 {
        let label = clock(t, chart.offset);
        let half = label.len() as u16 / 2;
        let last = plot.right().saturating_sub(label.len() as u16);
        let start = x.saturating_sub(half).clamp(plot.x.min(last), last);
        paint::put(
            buf,
            (start, plot.bottom()),
            plot.right(),
            &label,
            look.cursor,
        );
    }
}
