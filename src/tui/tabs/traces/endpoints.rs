//! Rate, errors and latencies by service and request, of what the scatter shows.

use crate::base::units::format_nanoseconds;
use crate::model::trace_report::{GroupRow, ReportAnswer, ReportKind, ReportPart};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::{PLOT, Pane, report, scatter, shown_name, take_query, told};
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const COLUMNS: &[Column] = &[
    Column::left("SERVICE", 10, 1).growing(),
    Column::left("REQUEST", 14, 0).growing(),
    Column::right("/MIN", 5, 2),
    Column::right("ERR", 4, 0),
    Column::right("P50", 7, 3),
    Column::right("P95", 7, 0),
];

/// What is asked for it.
pub(super) fn kind() -> ReportKind {
    ReportKind::By {
        fields: vec!["resource.service.name".to_owned(), "name".to_owned()],
        entries: true,
    }
}

/// The busiest first.
fn rows(state: &State) -> Vec<&GroupRow> {
    let parts = told(state, PLOT).map_or(&[][..], |r| &r.parts);
    let found = parts.iter().find_map(|p| match p {
        ReportPart::By(rows) => Some(rows),
        _ => None,
    });
    let mut rows: Vec<&GroupRow> = found.into_iter().flatten().collect();
    rows.sort_by(|a, b| b.spans.cmp(&a.spans).then_with(|| a.values.cmp(&b.values)));
    rows
}

/// Minutes that an answer is about: where it was cut, only those of the newest traces.
pub(super) fn minutes(answer: &ReportAnswer, (from, to): (u64, u64)) -> f64 {
    let from = if answer.cut { answer.earliest } else { from };
    (to.saturating_sub(from) as f64 / 60e9).max(1.0 / 60.0)
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = rows(state).len();
    let at = state.locals.traces.endpoints.at(count);
    match act {
        Act::Open => {
            let query = rows(state)
                .get(at)
                .map(|r| report::query_of(&kind(), &r.values));
            take_query(state, &query?);
        }
        Act::Escape | Act::Back if !state.locals.traces.zoomed => {
            state.locals.traces.pane = Pane::Requests;
        }
        _ if state.locals.traces.endpoints.act(act, count, 10) => {}
        _ => return None,
    }
    Some(Vec::new())
}

pub(super) fn paint(state: &State, look: &Look, place: Rect, buf: &mut Buffer) {
    let focused = state.locals.traces.pane == Pane::Endpoints;
    let rows = rows(state);
    let frame = Frame {
        title: "Endpoints",
        focused,
        ..Frame::default()
    };
    let inside = frame.paint(buf, place, look);
    let answer = told(state, PLOT);
    let minutes = match (answer, scatter::dots(answer)) {
        (Some(answer), Some(dots)) => minutes(answer, (dots.from, dots.to)),
        _ => 1.0,
    };
    let at = state.locals.traces.endpoints.at(rows.len());
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: list::offset(at, inside.height.saturating_sub(1).into(), rows.len()),
        selected: focused.then_some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| {
        let r = rows[row];
        let name = |at: usize| shown_name(r.values.get(at).and_then(|v| v.as_deref()), "-");
        match column {
            0 => Entry::new(name(0), look.dim),
            1 => Entry::new(name(1), look.text),
            2 => Entry::new(rate(r.spans, minutes), look.dim),
            3 => errors(r.errors, r.spans, look),
            4 => Entry::new(format_nanoseconds(r.p50), look.dim),
            _ => Entry::new(format_nanoseconds(r.p95), look.text),
        }
    });
}

/// Requests a minute, with a digit behind the point where there are few.
pub(super) fn rate(requests: u64, minutes: f64) -> String {
    let rate = requests as f64 / minutes;
    if rate < 99.95 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

/// A sum of durations in few letters, however long.
pub(super) fn sum(ns: u64) -> String {
    match ns as f64 / 1e9 {
        s if s < 120.0 => format_nanoseconds(ns),
        s if s < 7_200.0 => format!("{:.1} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

/// The part that failed.
pub(super) fn errors<'a>(failed: u64, of: u64, look: &Look) -> Entry<'a> {
    match (failed, 100.0 * failed as f64 / of.max(1) as f64) {
        (0, _) => Entry::new("0%", look.dim),
        (_, part) if part < 0.95 => Entry::new(format!("{part:.1}%"), look.bad),
        (_, part) => Entry::new(format!("{part:.0}%"), look.bad),
    }
}
