//! The call tree: every path of calls once, with how often and how long.

use crate::model::trace_report::CallRow;
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::endpoints;
use crate::tui::tabs::traces::report::{
    Open, answer, calls_of, drill, indented, moved, span_query,
};
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, gauge};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const COLUMNS: &[Column] = &[
    Column::left("CALL", 24, 0).growing(),
    Column::right("CALLS", 7, 1),
    Column::right("ERR", 5, 2),
    Column::right("TOTAL", 8, 3),
    Column::right("MEAN", 8, 4),
    Column::right("LONGEST", 8, 6),
    Column::right("OWN", 8, 0),
    Column::left("OWN, OF ALL", 14, 5),
];

/// Places of the rows that are not folded away.
pub(super) fn shown(state: &State) -> Vec<usize> {
    let Some(open) = &state.locals.traces.report else {
        return Vec::new();
    };
    let rows = calls_of(answer(state));
    let mut out = Vec::new();
    let mut folded_at: Option<u32> = None;
    for (i, row) in rows.iter().enumerate() {
        if folded_at.is_some_and(|at| row.depth > at) {
            continue;
        }
        folded_at = open.folded.contains(&i).then_some(row.depth);
        out.push(i);
    }
    out
}

pub(super) fn act(state: &mut State, act: Act) -> bool {
    let shown = shown(state);
    if moved(state, act, shown.len()) {
        return true;
    }
    let Some(open) = &mut state.locals.traces.report else {
        return false;
    };
    let chosen = shown.get(open.rows.at(shown.len())).copied();
    match act {
        Act::Fold => {
            if let Some(row) = chosen
                && !open.folded.remove(&row)
            {
                open.folded.insert(row);
            }
        }
        // To the call that took most itself.
        Act::Sort | Act::Slowest => {
            let rows = calls_of(answer(state));
            let most = (0..shown.len()).max_by_key(|i| rows[shown[*i]].own);
            if let (Some(open), Some(at)) = (&mut state.locals.traces.report, most) {
                open.rows.go(at);
            }
        }
        Act::Open => {
            let rows = calls_of(answer(state));
            let query = chosen.map(|i| span_query(&rows[i].service, &rows[i].name));
            drill(state, query);
        }
        _ => return false,
    }
    true
}

pub(super) fn paint(state: &State, open: &Open, look: &Look, (area, buf): (Rect, &mut Buffer)) {
    let rows = calls_of(answer(state));
    let shown = shown(state);
    let at = open.rows.at(shown.len());
    let all: u64 = rows.iter().map(|r| r.own).sum();
    let table = Table {
        columns: COLUMNS,
        rows: shown.len(),
        offset: list::offset(at, area.height.saturating_sub(1).into(), shown.len()),
        selected: Some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |i, column| {
        let row = &rows[shown[i]];
        let has_children = rows
            .get(shown[i] + 1)
            .is_some_and(|next| next.depth > row.depth);
        let style = if row.errors > 0 { look.bad } else { look.text };
        let time = |ns| Entry::new(endpoints::sum(ns), look.dim);
        match column {
            0 => {
                let sign = match (open.folded.contains(&shown[i]), has_children) {
                    (true, true) => "+",
                    (_, true) => "-",
                    _ => " ",
                };
                Entry::new(indented(row.depth, sign, &row.service, &row.name), style)
            }
            1 => Entry::new(row.calls.to_string(), look.dim),
            2 => endpoints::errors(row.errors, row.calls, look),
            3 => time(row.total),
            4 => time(row.total / row.calls.max(1)),
            5 => time(row.longest),
            6 => Entry::new(endpoints::sum(row.own), look.text),
            _ => {
                let share = row.own as f64 / all.max(1) as f64;
                let bar = gauge::text(share, 8, look);
                let style = if row.critical > 0 {
                    look.warn
                } else {
                    look.good
                };
                Entry::new(format!("{bar} {:>3.0}%", share * 100.0), style)
            }
        }
    });
}

pub(super) fn csv(rows: &[CallRow]) -> String {
    let mut out =
        String::from("depth,service,name,calls,errors,total_ns,own_ns,longest_ns,critical\r\n");
    for r in rows {
        out.push_str(&format!(
            "{},{},{},{},{},{},{},{},{}\r\n",
            r.depth,
            list::csv(&r.service),
            list::csv(&r.name),
            r.calls,
            r.errors,
            r.total,
            r.own,
            r.longest,
            r.critical
        ));
    }
    out
}
