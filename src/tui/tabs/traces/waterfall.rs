//! One trace: its spans below each other, each with a bar on the one axis of time.
//!
//! Skewed clocks are shown as they are. The critical path is what the end of the trace waited for:
//! from the end of a span backwards always the child that ended last; the rest is the span's own.

mod rows;

use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::model::answer::Answer;
use crate::model::span::{Span, SpanId, Trace, TraceId};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::overlay::Overlay;
use crate::tui::slot::Slot;
use crate::tui::state::State;
use crate::tui::tabs::list::{self, Empty};
use crate::tui::tabs::traces::requests::ms;
use crate::tui::tabs::traces::{self, OPENED, detail};
use crate::tui::theme::Theme;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rows::{Row, rows};
use std::collections::HashSet;

/// What is remembered of an open trace.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) id: TraceId,
    pub(super) spans: list::Cursor,
    pub(super) folded: HashSet<(SpanId, bool)>,
    pub(super) filter: String,
    pub(super) details: bool,
}

impl Open {
    pub(super) fn new(id: TraceId) -> Self {
        Self {
            id,
            spans: list::Cursor::default(),
            folded: HashSet::new(),
            filter: String::new(),
            details: false,
        }
    }
}

const NAME_WIDTH: u16 = 24;
const COLUMNS: &[Column] = &[
    Column::left("SPAN", NAME_WIDTH, 0).growing(),
    Column::left("SERVICE", 12, 2),
    Column::right("TOOK", 8, 0),
    Column::right("OWN", 8, 3),
];

fn opened(state: &State) -> Option<&Trace> {
    match state.slots.get(OPENED).and_then(Slot::answer) {
        Some(Answer::Trace(Some(trace), _)) => {
            let wanted = state.locals.traces.open.as_ref()?.id;
            (trace.id == wanted).then_some(trace)
        }
        _ => None,
    }
}

fn shown(state: &State) -> Vec<Row<'_>> {
    match (opened(state), &state.locals.traces.open) {
        (Some(trace), Some(open)) => rows(trace, &open.folded, &open.filter),
        _ => Vec::new(),
    }
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let rows = shown(state);
    let count = rows.len();
    let at = state.locals.traces.open.as_ref()?.spans.at(count);
    let chosen = rows.get(at).map(|r| r.span.identity());
    let failed = |i: usize| rows[i].span.is_error();
    let error = list::to_match(act, at, count, failed);
    let slowest = (0..count).max_by_key(|i| rows[*i].own);
    let open = state.locals.traces.open.as_mut()?;
    if open.spans.act(act, count, 10) {
        return Some(Vec::new());
    }
    match act {
        Act::Open => open.details = !open.details,
        Act::Fold => {
            if let Some(id) = chosen
                && !open.folded.remove(&id)
            {
                open.folded.insert(id);
            }
        }
        Act::NextError | Act::PrevError => open.spans.go(error),
        Act::Sort => open.spans.go(slowest.unwrap_or(at)),
        Act::Filter => {
            let prompt = traces::prompt(state, "spans");
            state.overlays.push(Overlay::Prompt(prompt));
        }
        Act::Escape | Act::Back if open.details => open.details = false,
        Act::Escape | Act::Back if !open.filter.is_empty() => open.filter.clear(),
        Act::Escape | Act::Back => state.locals.traces.open = None,
        _ => return None,
    }
    Some(Vec::new())
}

/// When the chosen span began, in nanoseconds since the epoch.
pub(super) fn begun(state: &State) -> Option<u64> {
    let rows = shown(state);
    let at = state.locals.traces.open.as_ref()?.spans.at(rows.len());
    rows.get(at).map(|r| r.span.start)
}

pub(super) fn line(state: &State) -> Option<String> {
    let rows = shown(state);
    let at = state.locals.traces.open.as_ref()?.spans.at(rows.len());
    rows.get(at).map(|r| one_line(r, 0))
}

fn one_line(row: &Row<'_>, start: u64) -> String {
    let span = row.span;
    let offset = format_nanoseconds(span.start.saturating_sub(start));
    format!(
        "{}{} {} +{offset} {}{}",
        "  ".repeat(row.depth.min(40)),
        span.service(),
        span.name,
        format_nanoseconds(span.duration()),
        if span.is_error() { " error" } else { "" }
    )
}

/// All rows as text.
pub(super) fn text(state: &State) -> String {
    let start = opened(state).map_or(0, |t| t.bounds().0);
    let lines = shown(state).into_iter().map(|r| one_line(&r, start));
    lines.map(|l| l + "\n").collect()
}

pub(super) fn view(state: &State, look: &Look, theme: &Theme, body: Rect, buf: &mut Buffer) {
    let Some(open) = &state.locals.traces.open else {
        return;
    };
    let Some(trace) = opened(state) else {
        let empty = Empty {
            slot: state.slots.get(OPENED),
            nothing: "This trace is not kept any more.",
            way_out: "Esc goes back to the list.",
            filtered: false,
        };
        return list::why_empty(buf, body, look, empty);
    };
    let rows = shown(state);
    let at = open.spans.at(rows.len());
    let below = if open.details { body.height * 2 / 5 } else { 0 };
    let upper = Rect {
        height: body.height - below,
        ..body
    };
    let (start, _) = trace.bounds();
    let root = trace.root();
    let title = root.map_or_else(
        || "Trace".to_owned(),
        |r| text::display(&r.name).into_owned(),
    );
    let headline = format!(
        "{} from {}, {} spans, {} errors",
        format_nanoseconds(trace.duration()),
        state.time.date_clock(ms(start)),
        trace.spans.len(),
        trace.errors()
    );
    let filter = text::display(&open.filter);
    let frame = Frame {
        title: &title,
        headline: &headline,
        headline_style: if trace.errors() > 0 {
            look.warn
        } else {
            look.dim
        },
        remark: &filter,
        remark_style: look.mark,
        focused: true,
    };
    let inside = frame.paint(buf, upper, look);
    bars(trace, &rows, at, look, (inside, buf));
    if open.details
        && let Some(row) = rows.get(at)
    {
        let place = Rect {
            y: upper.bottom(),
            height: below,
            ..body
        };
        detail::paint(state, row.span, (look, theme), place, buf);
    }
}

/// The table on the left, the bars on the right half.
fn bars(trace: &Trace, rows: &[Row<'_>], at: usize, look: &Look, (area, buf): (Rect, &mut Buffer)) {
    let left = (area.width / 2).max(area.width.min(NAME_WIDTH));
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: list::offset(at, area.height.saturating_sub(1).into(), rows.len()),
        selected: Some(at),
        sort: None,
        header: true,
    };
    let names = Rect {
        width: left,
        ..area
    };
    let first = table.paint(buf, names, look, |i, column| {
        let row = &rows[i];
        let span = row.span;
        let style = if span.is_error() { look.bad } else { look.text };
        match column {
            0 => {
                let fold = match (row.folded, row.has_children) {
                    (true, _) => "+",
                    (_, true) => "-",
                    _ => " ",
                };
                let name = text::display(&span.name);
                let mark = if span.is_error() {
                    look_cross(look)
                } else {
                    ""
                };
                Entry::new(
                    format!("{}{fold} {mark}{name}", " ".repeat(row.depth.min(20))),
                    style,
                )
            }
            1 => Entry::new(text::display(span.service()).into_owned(), look.dim),
            2 => Entry::new(format_nanoseconds(span.duration()), style),
            _ => Entry::new(format_nanoseconds(row.own), look.dim),
        }
    });
    let plot = Rect {
        x: area.x + left + 1,
        y: area.y + 1,
        width: (area.width - left).saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    if plot.width < 8 {
        return;
    }
    axis(trace, plot, look, buf);
    for (y, row) in rows.iter().skip(first).take(plot.height.into()).enumerate() {
        let line = Rect {
            y: plot.y + y as u16,
            height: 1,
            ..plot
        };
        bar(trace, row, look, line, buf);
    }
}

fn look_cross(look: &Look) -> &'static str {
    if look.boxes { "✗ " } else { "! " }
}

/// The times above the bars.
fn axis(trace: &Trace, plot: Rect, look: &Look, buf: &mut Buffer) {
    let whole = trace.duration();
    let y = plot.y - 1;
    paint::put(buf, (plot.x, y), plot.right(), "0", look.dim);
    let half = format_nanoseconds(whole / 2);
    paint::put(
        buf,
        (plot.x + plot.width / 2, y),
        plot.right(),
        &half,
        look.dim,
    );
    paint::put_right(
        buf,
        (plot.x, y),
        plot.right(),
        &format_nanoseconds(whole),
        look.dim,
    );
}

fn bar(trace: &Trace, row: &Row<'_>, look: &Look, line: Rect, buf: &mut Buffer) {
    let (start, end) = trace.bounds();
    let whole = (end - start).max(1) as f64;
    let at = |t: u64| {
        let part = t.saturating_sub(start) as f64 / whole;
        (part.min(1.0) * f64::from(line.width - 1)).round() as u16
    };
    let (from, to) = (at(row.span.start), at(row.span.end.max(row.span.start)));
    let style = match (row.span.is_error(), row.critical) {
        (true, _) => look.bad,
        (_, true) => look.warn,
        _ => look.good,
    };
    let character = match (look.boxes, row.critical) {
        (true, true) => '━',
        (true, false) => '─',
        (false, true) => '=',
        (false, false) => '-',
    };
    for x in from..=to {
        paint::dot(buf, (line.x + x, line.y), character, style);
    }
}

/// A span as the detail's title says it.
pub(super) fn title(span: &Span) -> String {
    let service = match span.service() {
        "" => String::new(),
        service => format!("{service} "),
    };
    text::display(&format!("{service}{}", span.name)).into_owned()
}
