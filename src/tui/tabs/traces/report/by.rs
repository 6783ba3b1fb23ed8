//! Statistics of spans by the values of any attribute.

use crate::base::units::format_nanoseconds;
use crate::model::trace_report::{GroupRow, ReportPart};
use crate::tui::keymap::Act;
use crate::tui::overlay::Overlay;
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::report::{BY, Open, answer, drill, moved, query_of};
use crate::tui::tabs::traces::{self, endpoints, shown_name};
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, paint as stroke};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const COLUMNS: &[Column] = &[
    Column::left("VALUE", 20, 0).growing(),
    Column::right("TRACES", 7, 5),
    Column::right("SPANS", 7, 1),
    Column::right("ERR", 5, 0),
    Column::right("TOTAL", 8, 2),
    Column::right("OWN", 8, 3),
    Column::right("P50", 8, 6),
    Column::right("P95", 8, 1),
    Column::right("LONGEST", 8, 7),
];
const NONE: &str = "(no such attribute)";

fn rows(state: &State) -> Vec<&GroupRow> {
    let parts = answer(state).map_or(&[][..], |a| &a.parts);
    let found = parts.iter().find_map(|p| match p {
        ReportPart::By(rows) => Some(rows),
        _ => None,
    });
    let mut rows: Vec<&GroupRow> = found.into_iter().flatten().collect();
    let sort = state.locals.traces.report.as_ref().and_then(|o| o.sort);
    if let Some((column, falls)) = sort {
        let number = |r: &GroupRow| match column {
            1 => r.traces,
            2 => r.spans,
            // As parts of a million.
            3 => r.errors * 1_000_000 / r.spans.max(1),
            4 => r.total,
            5 => r.own,
            6 => r.p50,
            7 => r.p95,
            _ => r.longest,
        };
        rows.sort_by(|a, b| {
            let order = if column == 0 {
                a.values.cmp(&b.values)
            } else {
                number(a).cmp(&number(b))
            };
            if falls { order.reverse() } else { order }
        });
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
    let (column, falls) = open.sort.unwrap_or((4, true));
    match act {
        Act::Sort => open.sort = Some(((column + 1) % COLUMNS.len(), column + 1 != COLUMNS.len())),
        Act::SortReverse => open.sort = Some((column, !falls)),
        Act::Open => {
            let kind = open.kind();
            let at = open.rows.at(count);
            let query = rows(state).get(at).map(|r| query_of(&kind, &r.values));
            drill(state, query);
        }
        Act::Filter => {
            let prompt = traces::prompt(state, BY);
            state.overlays.push(Overlay::Prompt(prompt));
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
        offset: list::offset(at, area.height.saturating_sub(2).into(), rows.len()),
        selected: Some(at),
        sort: Some(open.sort.unwrap_or((4, true))),
        header: true,
    };
    let above = Rect {
        height: area.height.saturating_sub(1),
        ..area
    };
    table.paint(buf, above, look, |i, column| {
        let r = rows[i];
        let time = |ns| Entry::new(endpoints::sum(ns), look.dim);
        match column {
            0 => {
                let value = r.values.first().and_then(|v| v.as_deref());
                let style = if value.is_some() { look.text } else { look.dim };
                Entry::new(shown_name(value, NONE), style)
            }
            1 => Entry::new(r.traces.to_string(), look.dim),
            2 => Entry::new(r.spans.to_string(), look.dim),
            3 => endpoints::errors(r.errors, r.spans, look),
            4 => Entry::new(endpoints::sum(r.total), look.text),
            5 => time(r.own),
            6 => time(r.p50),
            7 => Entry::new(format_nanoseconds(r.p95), look.text),
            _ => time(r.longest),
        }
    });
    let key = |act| state.keymap.label(act);
    let hint = format!(
        "{}: another attribute  {}: write one  {}: sort  {}: requests with this value",
        key(Act::ByAttribute),
        key(Act::Filter),
        key(Act::Sort),
        key(Act::Open)
    );
    let y = area.bottom().saturating_sub(1);
    stroke::put(buf, (area.x, y), area.right(), &hint, look.dim);
}

pub(super) fn csv(state: &State) -> String {
    let mut out =
        String::from("value,traces,spans,errors,total_ns,own_ns,p50_ns,p95_ns,longest_ns\r\n");
    for r in rows(state) {
        let value = r
            .values
            .first()
            .and_then(|v| v.as_deref())
            .unwrap_or_default();
        out.push_str(&format!(
            "{},{},{},{},{},{},{},{},{}\r\n",
            list::csv(value),
            r.traces,
            r.spans,
            r.errors,
            r.total,
            r.own,
            r.p50,
            r.p95,
            r.longest
        ));
    }
    out
}
