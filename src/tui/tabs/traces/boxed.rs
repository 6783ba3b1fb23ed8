//! A box in the scatter: drawn with keys or with the mouse, it lists the requests inside.

use crate::base::units::format_nanoseconds;
use crate::model::trace_report::{Dots, level_of, level_start};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::msg::{Mouse, MouseKind};
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::scatter::{self, Scale};
use crate::tui::tabs::traces::{self, PLOT, Pane, requests, told};
use crate::tui::time_cursor::Window;
use crate::tui::update::mouse::is_over;
use crate::tui::view;
use crate::tui::widget::{Look, paint as stroke};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Cells that a large step goes.
const FAR: u16 = 8;

/// A box under the hand: cells from the left and from the bottom of the plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sketch {
    anchor: (u16, u16),
    at: (u16, u16),
    /// The picture stands still meanwhile.
    pub(super) window: Window,
    by_mouse: bool,
}

/// What a box holds; starts and durations in nanoseconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picked {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) shortest: u64,
    pub(super) longest: u64,
}

impl Picked {
    /// `12:00:05 to 12:01:00, 100 ms to 1.00 s`
    pub(super) fn words(&self, state: &State) -> String {
        let clock = |ns| state.time.clock(traces::ms(ns));
        format!(
            "{} to {}, {} to {}",
            clock(self.from),
            clock(self.to),
            format_nanoseconds(self.shortest),
            format_nanoseconds(self.longest)
        )
    }
}

/// The plot on the screen with what it shows; `None` where it shows nothing.
fn ground(state: &State) -> Option<(Rect, &Dots, Scale)> {
    let place = traces::layout(state, view::body(state)).dots;
    let plot = scatter::plot(place);
    let dots = scatter::dots(told(state, PLOT))?;
    if plot.is_empty() || dots.dots.is_empty() {
        return None;
    }
    Some((plot, dots, Scale::of(&dots.dots, plot.height)))
}

fn start(state: &mut State, at: (u16, u16), by_mouse: bool) {
    let window = traces::window(state, view::body(state));
    let local = &mut state.locals.traces;
    local.picked = None;
    local.sketch = Some(Sketch {
        anchor: at,
        at,
        window,
        by_mouse,
    });
}

/// A box begins at the chosen request, else in the middle.
pub(super) fn begin(state: &mut State) {
    let local = &mut state.locals.traces;
    if local.pane != Pane::Dots {
        (local.pane, local.zoomed) = (Pane::Dots, false);
    }
    let Some((plot, dots, scale)) = ground(state) else {
        state.toast("there are no dots to draw a box around", false);
        return;
    };
    let of_chosen = requests::chosen(state).and_then(|hit| {
        let column = dots.column_of(hit.start)?;
        let x = scatter::cell_of(column, dots.columns, plot.width);
        Some((x, scale.row(level_of(hit.duration))))
    });
    let middle = (plot.width / 2, plot.height / 2);
    start(state, of_chosen.unwrap_or(middle), false);
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let Some((plot, ..)) = ground(state) else {
        state.locals.traces.sketch = None;
        return None;
    };
    let (right, top) = (plot.width - 1, plot.height - 1);
    let sketch = state.locals.traces.sketch.as_mut()?;
    let (x, y) = &mut sketch.at;
    match act {
        Act::CursorLeft => *x = x.saturating_sub(1),
        Act::CursorRight => *x = (*x + 1).min(right),
        Act::Up => *y = (*y + 1).min(top),
        Act::Down => *y = y.saturating_sub(1),
        Act::PanBack => *x = x.saturating_sub(FAR),
        Act::PanForward => *x = (*x + FAR).min(right),
        Act::PageUp | Act::Top => *y = top,
        Act::PageDown | Act::Bottom => *y = 0,
        // The other corner is where the box stands now.
        Act::Mark => sketch.anchor = sketch.at,
        Act::Open => take(state),
        Act::Escape | Act::Back => {
            let local = &mut state.locals.traces;
            (local.sketch, local.pane) = (None, Pane::Requests);
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Lists what is inside.
fn take(state: &mut State) {
    let inside = held(state).map(|(picked, _)| picked);
    let local = &mut state.locals.traces;
    local.sketch = None;
    local.picked = inside;
    (local.list, local.more) = (list::Cursor::default(), 0);
    (local.pane, local.zoomed) = (Pane::Requests, false);
}

/// What the box holds: its bounds, and good and failed requests in it.
fn held(state: &State) -> Option<(Picked, (u64, u64))> {
    let (plot, dots, scale) = ground(state)?;
    let sketch = state.locals.traces.sketch?;
    let (left, right, low, high) = corners(sketch, plot);
    let columns = |cell| scatter::column_of(cell, dots.columns, plot.width);
    let (first, behind) = (columns(left), columns(right + 1));
    let (bottom, above) = (scale.level(low), scale.level(high + 1));
    let picked = Picked {
        from: dots.column_start(first),
        to: dots.column_start(behind).saturating_sub(1),
        shortest: level_start(bottom),
        longest: level_start(above).saturating_sub(1),
    };
    let is_in = |d: &&crate::model::trace_report::Dot| {
        (first..behind).contains(&d.column) && (bottom..above).contains(&d.level)
    };
    let sum = dots.dots.iter().filter(is_in).fold((0, 0), |sum, d| {
        (sum.0 + u64::from(d.good), sum.1 + u64::from(d.failed))
    });
    Some((picked, sum))
}

/// Left, right, bottom and top cell.
fn corners(sketch: Sketch, plot: Rect) -> (u16, u16, u16, u16) {
    let x = |x: u16| x.min(plot.width - 1);
    let y = |y: u16| y.min(plot.height - 1);
    let (ax, ay) = (x(sketch.anchor.0), y(sketch.anchor.1));
    let (bx, by) = (x(sketch.at.0), y(sketch.at.1));
    (ax.min(bx), ax.max(bx), ay.min(by), ay.max(by))
}

/// The cells of a box that was taken, where it is still in sight.
fn cells_of(picked: Picked, plot: Rect, dots: &Dots, scale: Scale) -> Option<Rect> {
    if picked.to < dots.from || picked.from > dots.to {
        return None;
    }
    let cell = |ns: u64| {
        let column = dots.column_of(ns.clamp(dots.from, dots.to)).unwrap_or(0);
        scatter::cell_of(column, dots.columns, plot.width)
    };
    let (left, right) = (cell(picked.from), cell(picked.to));
    let (low, high) = (
        scale.row(level_of(picked.shortest)),
        scale.row(level_of(picked.longest)),
    );
    let y = plot.bottom() - 1 - high;
    Some(Rect::new(
        plot.x + left,
        y,
        right - left + 1,
        high - low + 1,
    ))
}

/// The box, and how to go on, inside the chart.
pub(super) fn paint(state: &State, look: &Look, frame: Rect, buf: &mut Buffer) {
    let Some((_, dots, scale)) = ground(state) else {
        return;
    };
    let plot = scatter::plot(frame);
    let key = |act| state.keymap.label(act);
    let local = &state.locals.traces;
    let cells = match (local.sketch, local.picked) {
        (Some(sketch), _) => {
            let (left, right, low, high) = corners(sketch, plot);
            let y = plot.bottom() - 1 - high;
            Some(Rect::new(
                plot.x + left,
                y,
                right - left + 1,
                high - low + 1,
            ))
        }
        (None, Some(picked)) => cells_of(picked, plot, dots, scale),
        (None, None) => None,
    };
    if let Some(cells) = cells {
        buf.set_style(cells.intersection(plot), look.selected);
    }
    let hint = match (local.sketch, held(state)) {
        (Some(_), Some((_, (good, failed)))) => format!(
            " h j k l: the corner  {}: lists {} ({failed} failed)  {}: away ",
            key(Act::Open),
            good + failed,
            key(Act::Escape)
        ),
        _ if local.picked.is_some() => format!(" {}: the box away ", key(Act::Escape)),
        _ => format!(" {}: draw a box around dots ", key(Act::Mark)),
    };
    let style = if local.sketch.is_some() {
        look.mark
    } else {
        look.dim
    };
    stroke::put_right(buf, (plot.x, plot.y), plot.right(), &hint, style);
}

/// A press and a drag draw a box, letting go lists it; a click chooses the request nearest to it.
pub(super) fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let local = &state.locals.traces;
    if local.open.is_some() || local.report.is_some() {
        return false;
    }
    let Some((plot, ..)) = ground(state) else {
        return false;
    };
    let drawing = local.sketch.is_some_and(|s| s.by_mouse);
    let x = mouse.column.clamp(plot.x, plot.right() - 1) - plot.x;
    let y = plot.bottom() - 1 - mouse.row.clamp(plot.y, plot.bottom() - 1);
    match mouse.kind {
        MouseKind::Press if is_over(mouse, plot) => start(state, (x, y), true),
        MouseKind::Press => return row_under(state, body, mouse),
        MouseKind::Drag if drawing => {
            if let Some(sketch) = &mut state.locals.traces.sketch {
                sketch.at = (x, y);
            }
        }
        MouseKind::Release if drawing => {
            let one = local.sketch.is_some_and(|s| s.anchor == s.at);
            if one {
                choose_near(state);
            } else {
                take(state);
            }
        }
        _ => return false,
    }
    true
}

/// The request of the list that stands in the cell that was clicked.
fn choose_near(state: &mut State) {
    let inside = held(state).map(|(picked, _)| picked);
    state.locals.traces.sketch = None;
    let Some(inside) = inside else {
        return;
    };
    let is_in = |start: u64, took: u64| {
        (inside.from..=inside.to).contains(&start)
            && (inside.shortest..=inside.longest).contains(&took)
    };
    let hits = traces::found(state);
    let at = hits.iter().position(|h| is_in(h.start, h.duration));
    if let Some(at) = at {
        state.locals.traces.list.go(at);
    }
}

/// A click on a row of the list chooses it.
fn row_under(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let place = traces::layout(state, body).list;
    let rows = Rect {
        y: place.y + 2,
        height: place.height.saturating_sub(3),
        ..place
    };
    if !is_over(mouse, rows) {
        return false;
    }
    let count = traces::found(state).len();
    let local = &mut state.locals.traces;
    let first = list::offset(local.list.at(count), rows.height.into(), count);
    let row = first + usize::from(mouse.row - rows.y);
    if row < count {
        local.list.go(row);
        local.pane = Pane::Requests;
    }
    row < count
}
