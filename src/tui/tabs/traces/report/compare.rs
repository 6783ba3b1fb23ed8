//! Two traces, or two selections, call by call: which did more, and which took longer.

use crate::base::units::format_nanoseconds;
use crate::model::trace_report::{Compared, compare};
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::report::{
    Open, against, answer, calls_of, drill, indented, moved, span_query,
};
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const COLUMNS: &[Column] = &[
    Column::left("CALL", 24, 0).growing(),
    Column::right("CALLS", 11, 1),
    Column::right("ERRORS", 9, 3),
    Column::right("MEAN", 17, 4),
    Column::right("OWN A TRACE", 17, 2),
    Column::right("SLOWER BY", 10, 0),
];

fn rows(state: &State) -> Vec<Compared> {
    let (Some(before), Some(after)) = (answer(state), against(state)) else {
        return Vec::new();
    };
    let mut rows = compare(
        (calls_of(Some(before)), before.traces),
        (calls_of(Some(after)), after.traces),
    );
    let sort = state.locals.traces.report.as_ref().and_then(|o| o.sort);
    if let Some((_, falls)) = sort {
        rows.sort_by_key(|r| if falls { -r.slower() } else { r.slower() });
    }
    rows
}

pub(super) fn act(state: &mut State, act: Act) -> bool {
    let count = rows(state).len();
    if moved(state, act, count) {
        return true;
    }
    let Some(open) = &mut state.locals.traces.report else {
        return false;
    };
    let last = COLUMNS.len() - 1;
    match act {
        // As a tree, then what became slower first, then what became faster.
        Act::Sort | Act::SortReverse => {
            open.sort = match open.sort {
                None => Some((last, true)),
                Some((_, true)) => Some((last, false)),
                Some(_) => None,
            };
        }
        Act::Open => {
            let at = open.rows.at(count);
            let query = rows(state).get(at).map(|r| span_query(&r.service, &r.name));
            drill(state, query);
        }
        _ => return false,
    }
    true
}

pub(super) fn paint(state: &State, open: &Open, look: &Look, (area, buf): (Rect, &mut Buffer)) {
    let rows = rows(state);
    let at = open.rows.at(rows.len());
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: list::offset(at, area.height.saturating_sub(1).into(), rows.len()),
        selected: Some(at),
        sort: open.sort,
        header: true,
    };
    table.paint(buf, area, look, |i, column| {
        let r = &rows[i];
        let pair = |a: String, b: String| {
            if a == b {
                Entry::new(a, look.dim)
            } else {
                Entry::new(format!("{a} {b}"), look.text)
            }
        };
        let count = |a: u64, b: u64| pair(a.to_string(), b.to_string());
        let time = |a, b| pair(format_nanoseconds(a), format_nanoseconds(b));
        match column {
            0 => {
                let (sign, style) = match (r.before.calls, r.after.calls) {
                    (0, _) => ("+", look.warn),
                    (_, 0) => ("-", look.dim),
                    _ => (" ", look.text),
                };
                let depth = if open.sort.is_some() { 0 } else { r.depth };
                Entry::new(indented(depth, sign, &r.service, &r.name), style)
            }
            1 => count(r.before.calls, r.after.calls),
            2 if r.before.errors == r.after.errors => count(r.before.errors, r.after.errors),
            2 => Entry::new(
                format!("{} {}", r.before.errors, r.after.errors),
                if r.after.errors > r.before.errors {
                    look.bad
                } else {
                    look.good
                },
            ),
            3 => time(r.before.mean, r.after.mean),
            4 => time(r.before.own_per_trace, r.after.own_per_trace),
            _ => slower(r.slower(), look),
        }
    });
}

/// A difference: slower is bad, faster is good; the sign says the same.
fn slower(ns: i64, look: &Look) -> Entry<'static> {
    let size = format_nanoseconds(ns.unsigned_abs());
    match ns {
        0 => Entry::new("0", look.dim),
        n if n > 0 => Entry::new(format!("+{size}"), look.bad),
        _ => Entry::new(format!("-{size}"), look.good),
    }
}

pub(super) fn csv(state: &State) -> String {
    let mut out = String::from(
        "depth,service,name,calls_a,calls_b,errors_a,errors_b,mean_a_ns,mean_b_ns,own_a_ns,own_b_ns,slower_ns\r\n",
    );
    for r in rows(state) {
        out.push_str(&format!(
            "{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            r.depth,
            list::csv(&r.service),
            list::csv(&r.name),
            r.before.calls,
            r.after.calls,
            r.before.errors,
            r.after.errors,
            r.before.mean,
            r.after.mean,
            r.before.own_per_trace,
            r.after.own_per_trace,
            r.slower()
        ));
    }
    out
}
