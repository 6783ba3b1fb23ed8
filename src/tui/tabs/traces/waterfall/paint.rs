//! The waterfall on the screen: names on the left, bars on one axis of time, details below.

use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::model::span::{Span, Trace};
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::list::{self, Empty};
use crate::tui::tabs::traces::waterfall::rows::Row;
use crate::tui::tabs::traces::waterfall::{Open, SHORT, opened, shown};
use crate::tui::tabs::traces::{OPENED, detail, ms};
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const NAME_WIDTH: u16 = 24;
const COLUMNS: &[Column] = &[
    Column::left("SPAN", NAME_WIDTH, 0).growing(),
    Column::left("SERVICE", 12, 2),
    Column::right("TOOK", 8, 0),
    Column::right("OWN", 8, 3),
];
/// Indentation ends here at the latest; a number says how deep deeper spans stand.
const DEEPEST: usize = 20;

pub(in crate::tui::tabs::traces) fn view(state: &State, look: &Look, body: Rect, buf: &mut Buffer) {
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
    let (rows, hidden) = shown(state);
    let at = open.spans.at(rows.len());
    let below = if open.details { body.height / 2 } else { 0 };
    let upper = Rect {
        height: body.height - below,
        ..body
    };
    let root = trace.root();
    let title = root.map_or_else(
        || "root span not yet received".to_owned(),
        |r| text::display(&r.name).into_owned(),
    );
    let headline = headline(state, trace);
    let remark = remark(state, open, (rows.len(), hidden));
    let frame = Frame {
        title: &title,
        headline: &headline,
        headline_style: if trace.errors() > 0 {
            look.warn
        } else {
            look.dim
        },
        remark: &remark,
        remark_style: look.mark,
        focused: !open.in_details,
    };
    let inside = frame.paint(buf, upper, look);
    if rows.is_empty() {
        let empty = Empty {
            slot: state.slots.get(OPENED),
            nothing: "",
            way_out: "",
            filtered: true,
        };
        list::why_empty(buf, inside, look, empty);
    }
    bars(trace, &rows, at, look, (inside, buf));
    if open.details
        && let Some(row) = rows.get(at)
    {
        let place = Rect {
            y: upper.bottom(),
            height: below,
            ..body
        };
        detail::paint(state, (row.span, row.skew), open, look, (place, buf));
    }
}

impl Open {
    pub(in crate::tui::tabs::traces) fn in_details(&self) -> bool {
        self.in_details
    }
}

fn headline(state: &State, trace: &Trace) -> String {
    let (spans, errors) = (trace.spans.len(), trace.errors());
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    format!(
        "{} from {}, {spans} span{}, {errors} error{}",
        format_nanoseconds(trace.duration()),
        state.time.date_clock(ms(trace.bounds().0)),
        plural(spans),
        plural(errors)
    )
}

/// What is left out, and how to have it back; else how to leave something out.
fn remark(state: &State, open: &Open, (shown, hidden): (usize, usize)) -> String {
    let mut said = Vec::new();
    if !open.filter.is_empty() {
        said.push(format!("{shown} fit {}", text::display(&open.filter)));
    }
    let key = state.keymap.label(Act::HideShort);
    match SHORT[open.short].1 {
        "" if said.is_empty() && shown > 40 => said.push(format!("{key}: hide short spans")),
        "" => {}
        part => said.push(format!("{hidden} below {part} hidden, {key}: more")),
    }
    said.join("  ")
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
    let deepest = usize::from(left / 6).clamp(4, DEEPEST);
    let first = table.paint(buf, names, look, |i, column| {
        let row = &rows[i];
        let span = row.span;
        let style = if span.is_error() { look.bad } else { look.text };
        match column {
            0 => Entry::new(name(row, deepest, look), style),
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

fn name(row: &Row<'_>, deepest: usize, look: &Look) -> String {
    let fold = match (row.folded, row.has_children) {
        (true, _) => "+",
        (_, true) => "-",
        _ => " ",
    };
    let failed = match (row.span.is_error(), look.boxes) {
        (true, true) => "✗ ",
        (true, false) => "! ",
        _ => "",
    };
    // A clock that differs.
    let skewed = if row.skew.is_some() { "~ " } else { "" };
    let depth = if row.depth > deepest {
        format!("{} ", row.depth)
    } else {
        String::new()
    };
    let indent = " ".repeat(row.depth.min(deepest));
    let shown = text::display(&row.span.name);
    format!("{indent}{depth}{fold} {failed}{skewed}{shown}")
}

/// The times above the bars.
fn axis(trace: &Trace, plot: Rect, look: &Look, buf: &mut Buffer) {
    let whole = trace.duration();
    let y = plot.y - 1;
    paint::put(buf, (plot.x, y), plot.right(), "0", look.dim);
    let half = format_nanoseconds(whole / 2);
    let middle = (plot.x + plot.width / 2, y);
    paint::put(buf, middle, plot.right(), &half, look.dim);
    let end = format_nanoseconds(whole);
    paint::put_right(buf, (plot.x, y), plot.right(), &end, look.dim);
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
pub(in crate::tui::tabs::traces) fn title(span: &Span) -> String {
    let service = match span.service() {
        "" => String::new(),
        service => format!("{service} "),
    };
    text::display(&format!("{service}{}", span.name)).into_owned()
}
