//! Values over time: curves, areas and stacks in dots finer than cells.
//!
//! The window moves by whole dot columns ([`Window`]), each column shows the lowest and the highest
//! value in it, what was not collected stays empty and is named, and the time cursor reads all
//! series at once. Works from 20x4 cells up; the legend, the axes and the grid give way first.

mod canvas;
mod columns;
mod decor;
mod legend;
#[cfg(test)]
mod tests;

pub(crate) use crate::tui::widget::chart::canvas::dots;
pub(crate) use crate::tui::widget::chart::columns::summary;

use crate::model::sample::Sample;
use crate::model::time::TimeRange;
use crate::model::view::{Mark, MarkKind};
use crate::tui::widget::Look;
use crate::tui::widget::axis::{ValueAxis, ValueSpan, Window};
use crate::tui::widget::chart::canvas::Canvas;
use crate::tui::widget::chart::columns::Column;
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// One series on a chart.
#[derive(Clone, Debug)]
pub(crate) struct Curve<'a> {
    pub(crate) name: &'a str,
    /// In rising time.
    pub(crate) samples: &'a [Sample],
    pub(crate) style: Style,
    /// The area below it is filled.
    pub(crate) filled: bool,
}

/// How the series stand to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Curves,
    /// Each on top of the one before; the first is the lowest.
    Stack,
}

/// What is said about the series beside the plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Legend {
    None,
    /// One row: name and last value, or the value under the cursor.
    #[default]
    Row,
    /// A table below: last, min, mean, max.
    Table,
}

/// A line at a value that matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold<'a> {
    pub(crate) value: f64,
    pub(crate) style: Style,
    pub(crate) name: &'a str,
}

/// Everything a chart shows.
#[derive(Clone, Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) curves: Vec<Curve<'a>>,
    pub(crate) window: Window,
    pub(crate) unit: Unit,
    pub(crate) form: Form,
    pub(crate) legend: Legend,
    /// Powers of ten; values of zero and below stand on the lowest edge.
    pub(crate) log: bool,
    /// Bounds that stand as given. Without them the axis holds zero and all values.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// Milliseconds; samples further apart are not joined.
    pub(crate) gap: i64,
    pub(crate) thresholds: &'a [Threshold<'a>],
    /// Gaps, events and bookmarks.
    pub(crate) marks: &'a [&'a Mark],
    pub(crate) cursor: Option<i64>,
    pub(crate) selection: Option<TimeRange>,
    /// Seconds that local time is ahead of UTC.
    pub(crate) offset: i32,
}

/// Columns that the labels of the value axis take, the blank after them included.
pub(crate) const GUTTER: u16 = 6;

/// Where the parts of a chart stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) plot: Rect,
    /// Zero wide where there is no room for labels.
    pub(crate) gutter: u16,
    pub(crate) time_row: bool,
    /// Rows of the legend: above the plot for one, below it for a table.
    pub(crate) legend: u16,
}

impl Layout {
    /// Depends on the size and the number of series alone, so that questions can be asked before
    /// there is data.
    pub(crate) fn of(area: Rect, legend: Legend, curves: usize) -> Self {
        let gutter = if area.width >= 20 { GUTTER } else { 0 };
        let time_row = area.height >= 6;
        let legend = match legend {
            Legend::None => 0,
            Legend::Row => u16::from(area.height >= 4),
            Legend::Table => {
                let wanted = curves as u16 + 1;
                let room = area.height / 2;
                if area.height < 12 || area.width < 60 {
                    u16::from(area.height >= 4)
                } else {
                    wanted.min(room)
                }
            }
        };
        let above = u16::from(legend == 1);
        let below = if legend > 1 { legend } else { 0 };
        let height = area.height.saturating_sub(legend + u16::from(time_row));
        debug_assert!(above + below == legend, "one place for the legend");
        Self {
            plot: Rect::new(
                area.x + gutter.min(area.width),
                area.y + above,
                area.width.saturating_sub(gutter),
                height,
            ),
            gutter,
            time_row,
            legend,
        }
    }

    /// Dot columns across the plot: what a question's steps should match.
    pub(crate) fn dot_columns(self, look: &Look) -> usize {
        usize::from(self.plot.width) * dots(look.symbols).0
    }
}

impl Chart<'_> {
    pub(crate) fn paint(&self, buf: &mut Buffer, area: Rect, look: &Look) -> Layout {
        let area = area.intersection(buf.area);
        let layout = Layout::of(area, self.legend, self.curves.len());
        let window = self.window.recut(layout.dot_columns(look));
        if !layout.plot.is_empty() {
            Chart {
                window,
                ..self.clone()
            }
            .paint_in(buf, area, layout, look);
        }
        layout
    }

    fn paint_in(&self, buf: &mut Buffer, area: Rect, layout: Layout, look: &Look) {
        let plot = layout.plot;
        let holes = self.holes();
        let shapes = self.shapes(&holes);
        let axis = self.axis(&shapes, plot.height);
        self.draw(&shapes, &axis, plot, look)
            .paint(buf, plot, &self.styles(), look);
        decor::grid(self, &axis, buf, layout, look);
        decor::thresholds(self, &axis, buf, plot, look);
        decor::gaps(self, buf, plot, look);
        if layout.time_row {
            decor::times(self, buf, layout, look);
        }
        decor::marks(self, buf, layout, look);
        decor::selection(self, buf, plot, look);
        decor::cursor(self, buf, layout, look);
        match layout.legend {
            0 => {}
            1 => legend::row(self, buf, Rect { height: 1, ..area }, look),
            rows => {
                let y = area.bottom() - rows;
                legend::table(
                    self,
                    buf,
                    Rect {
                        y,
                        height: rows,
                        ..area
                    },
                    look,
                );
            }
        }
    }

    fn styles(&self) -> Vec<Style> {
        self.curves.iter().map(|c| c.style).collect()
    }

    fn holes(&self) -> Vec<TimeRange> {
        let gap = |m: &&&Mark| m.kind == MarkKind::Gap && m.until > m.t;
        let range = |m: &&Mark| TimeRange::new(m.t, m.until);
        self.marks.iter().filter(gap).map(range).collect()
    }

    fn shapes(&self, holes: &[TimeRange]) -> Shapes {
        match self.form {
            Form::Stack => {
                let all: Vec<&[Sample]> = self.curves.iter().map(|c| c.samples).collect();
                if all.is_empty() {
                    return Shapes::Curves(Vec::new());
                }
                Shapes::Stack(columns::stack(&all, self.window, holes))
            }
            Form::Curves => {
                // A question's steps may be wider than a dot column.
                let gap = self.gap.max(self.window.column * 2);
                let one = |c: &Curve<'_>| columns::columns(c.samples, self.window, gap, holes);
                Shapes::Curves(self.curves.iter().map(one).collect())
            }
        }
    }

    fn axis(&self, shapes: &Shapes, rows: u16) -> ValueAxis {
        let (mut low, mut high) = shapes.bounds();
        for t in self.thresholds {
            // A threshold far above the data would flatten it.
            if high.is_finite() && t.value <= high * 1.5 {
                high = high.max(t.value);
            }
        }
        if self.log {
            let positive = |c: &Curve<'_>| {
                let inside = columns::inside(c.samples, self.window).iter();
                inside
                    .map(|s| s.v)
                    .filter(|v| *v > 0.0)
                    .fold(f64::INFINITY, f64::min)
            };
            low = self
                .curves
                .iter()
                .map(positive)
                .fold(f64::INFINITY, f64::min);
            let low = self.low.unwrap_or(if low.is_finite() { low } else { 0.0 });
            return ValueAxis::logarithmic(low, self.high.unwrap_or(high), rows, self.unit);
        }
        let span = ValueSpan {
            low: self.low.unwrap_or_else(|| low.min(0.0)),
            high: self.high.unwrap_or(high),
            low_fixed: self.low.is_some() || low >= 0.0,
            high_fixed: self.high.is_some(),
        };
        ValueAxis::linear(span, rows, self.unit)
    }

    fn draw(&self, shapes: &Shapes, axis: &ValueAxis, plot: Rect, look: &Look) -> Canvas {
        let mut canvas = Canvas::new(plot, look.symbols);
        let ink = Ink {
            axis,
            plain: look.colours || look.symbols.is_ascii(),
            phase: self.window.start.div_euclid(self.window.column) as usize,
        };
        match shapes {
            Shapes::Stack(edges) => ink.stack(&mut canvas, edges, self.curves.len(), look),
            Shapes::Curves(all) => {
                // The first series stands in front.
                for (i, columns) in all.iter().enumerate().rev() {
                    if self.curves[i].filled {
                        ink.area(&mut canvas, columns, i);
                    } else {
                        ink.line(&mut canvas, columns, i);
                    }
                }
            }
        }
        canvas
    }
}

/// Series as dot columns.
enum Shapes {
    Curves(Vec<Vec<Option<Column>>>),
    /// Upper edges, as [`columns::stack`] gives them.
    Stack(Vec<f64>),
}

impl Shapes {
    fn bounds(&self) -> (f64, f64) {
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        match self {
            Self::Stack(edges) => edges
                .iter()
                .filter(|v| !v.is_nan())
                .fold((0.0, f64::NEG_INFINITY), |(l, h), v| (l, h.max(*v))),
            Self::Curves(all) => all
                .iter()
                .flatten()
                .flatten()
                .fold(start, |(l, h), c| (l.min(c.min), h.max(c.max))),
        }
    }
}

/// Draws shapes as dots.
struct Ink<'a> {
    axis: &'a ValueAxis,
    /// Colours or letters tell series apart; else patterns do.
    plain: bool,
    /// The absolute number of the first column, so that patterns travel with the data.
    phase: usize,
}

impl Ink<'_> {
    fn row(&self, canvas: &Canvas, value: f64) -> usize {
        (self.axis.place(value) * (canvas.height - 1) as f64).round() as usize
    }

    fn line(&self, canvas: &mut Canvas, columns: &[Option<Column>], series: usize) {
        let mut before: Option<(usize, f64)> = None;
        for (x, column) in columns.iter().enumerate() {
            let Some(c) = column else { continue };
            if let Some((from, value)) = before.filter(|_| c.joined) {
                self.join(canvas, (from, value), (x, c.first), series);
            }
            let (low, high) = (self.row(canvas, c.min), self.row(canvas, c.max));
            for y in low..=high {
                self.dot(canvas, (x, y), series, low < high);
            }
            before = Some((x, c.last));
        }
    }

    /// A straight stretch between two columns; steep ones keep every dot.
    fn join(&self, canvas: &mut Canvas, from: (usize, f64), to: (usize, f64), series: usize) {
        let (y0, y1) = (
            self.row(canvas, from.1) as f64,
            self.row(canvas, to.1) as f64,
        );
        let across = (to.0 - from.0).max(1);
        let mut last = y0;
        for step in 1..=across {
            let y = y0 + (y1 - y0) * step as f64 / across as f64;
            let (a, b) = (last.min(y).round() as usize, last.max(y).round() as usize);
            // The dots of the rise are shared between the two columns it lies between.
            let middle = usize::midpoint(a, b);
            for row in a..=b {
                let near_end = (row > middle) == (y > last);
                let x = from.0 + step - usize::from(!near_end);
                self.dot(canvas, (x, row), series, b - a > 1);
            }
            last = y;
        }
    }

    fn dot(&self, canvas: &mut Canvas, (x, y): (usize, usize), series: usize, steep: bool) {
        if self.plain || steep || canvas::dash(series, self.phase + x) {
            canvas.line(x, y, series);
        }
    }

    /// Filled from the lowest edge; a value of zero still shows one dot, so that it is no gap.
    fn area(&self, canvas: &mut Canvas, columns: &[Option<Column>], series: usize) {
        let mut before: Option<(usize, f64)> = None;
        for (x, column) in columns.iter().enumerate() {
            let Some(c) = column else { continue };
            if let Some((from, value)) = before.filter(|_| c.joined) {
                for between in from + 1..x {
                    let share = (between - from) as f64 / (x - from) as f64;
                    let v = value + (c.first - value) * share;
                    let top = self.row(canvas, v) + 1;
                    canvas.fill(between, 0, top, series);
                }
            }
            let top = self.row(canvas, c.max) + 1;
            canvas.fill(x, 0, top, series);
            before = Some((x, c.last));
        }
    }

    fn stack(&self, canvas: &mut Canvas, edges: &[f64], layers: usize, look: &Look) {
        let mut last: Option<usize> = None;
        let height = canvas.height as f64;
        for x in 0..canvas.width {
            let here = &edges[x * layers..(x + 1) * layers];
            // Steps wider than a dot column: hold the value over a few columns, not over a gap.
            let from = if here[layers - 1].is_nan() {
                last.filter(|l| x - l <= 2)
            } else {
                last = Some(x);
                last
            };
            let Some(from) = from else { continue };
            let here = &edges[from * layers..(from + 1) * layers];
            let mut low = 0;
            for (i, edge) in here.iter().enumerate() {
                let high = (self.axis.place(*edge) * height).round() as usize;
                if self.plain || look.symbols != crate::tui::widget::Symbols::Braille {
                    canvas.fill(x, low, high, i);
                } else {
                    for y in (low..high).filter(|y| canvas::hatch(i, self.phase + x, *y)) {
                        canvas.fill(x, y, y + 1, i);
                    }
                }
                low = high.max(low);
            }
        }
    }
}
