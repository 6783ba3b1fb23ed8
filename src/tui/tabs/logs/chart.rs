//! A query that makes numbers of lines, drawn over the console's window, with a table of its series.

use crate::base::text;
use crate::model::answer::{Answer, LogReply, LogsValue, Series};
use crate::model::log_entry::{LevelSet, NanoRange};
use crate::model::request::LogsQuery;
use crate::query::syntax::logql::Composed;
use crate::tui::panel::{Shown, plot};
use crate::tui::state::State;
use crate::tui::tabs::list::{self, Empty};
use crate::tui::tabs::logs::{METRIC, MS, NAME, slot};
use crate::tui::widget::Look;
use crate::tui::widget::chart::{Curve, Legend};
use crate::tui::widget::frame::Frame;
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// More curves than this are one tangle.
const MOST_CURVES: usize = 24;

/// The question, at the dot columns of a chart of this width.
pub(super) fn query(state: &State, composed: &Composed, width: u16) -> LogsQuery {
    let ask = state.ask(width.max(1));
    let step = ask.window.step.max(1);
    LogsQuery {
        expr: composed.expr.clone(),
        range: NanoRange::new(ask.window.start * MS, ask.window.end * MS),
        step: step * MS,
        instant: false,
        limit: 0,
        newest_first: true,
        interval: 0,
        levels: LevelSet::ALL,
        timeout_ms: None,
    }
}

fn series(state: &State) -> &[Series] {
    match slot(state, METRIC).and_then(|s| s.answer()) {
        Some(Answer::Logs(LogReply::Value(answer))) => match &answer.value {
            LogsValue::Matrix(all) => all,
            _ => &[],
        },
        _ => &[],
    }
}

pub(super) fn paint(state: &State, area: Rect, buf: &mut Buffer, look: &Look) {
    let all = series(state);
    let headline = match all.len() {
        1 => "1 series".to_owned(),
        n => format!("{n} series"),
    };
    let error = slot(state, METRIC).and_then(|s| s.error());
    let remark = error.map(|e| text::display(&e.to_string()).into_owned());
    let frame = Frame {
        title: "Numbers",
        headline: if all.is_empty() { "" } else { &headline },
        headline_style: look.text,
        remark: remark.as_deref().unwrap_or_default(),
        remark_style: look.bad,
        focused: true,
    };
    let inside = frame.paint(buf, area, look);
    if all.is_empty() {
        let empty = Empty {
            slot: slot(state, METRIC),
            nothing: "The query gives no series in this stretch of time.",
            way_out: "[ and ] move in time, - takes a longer range, / changes the query",
            filtered: false,
        };
        return list::why_empty(buf, inside, look, empty);
    }
    let mut sorted: Vec<&Series> = all.iter().collect();
    let newest = |s: &Series| s.samples.last().map_or(f64::NEG_INFINITY, |s| s.v);
    sorted.sort_by(|a, b| newest(b).total_cmp(&newest(a)));
    sorted.truncate(MOST_CURVES);
    let names: Vec<String> = sorted
        .iter()
        .map(|s| text::display(&s.labels.to_string()).into_owned())
        .collect();
    let shown = Shown {
        state,
        panel: NAME,
        ask: state.ask(
            inside
                .width
                .saturating_sub(crate::tui::widget::chart::GUTTER),
        ),
        focused: true,
        zoomed: true,
        chart_only: false,
    };
    let marks = state.marks();
    let mut chart = plot::chart(&shown, &marks, Unit::Short);
    chart.legend = if inside.height >= 14 {
        Legend::Table
    } else {
        Legend::Row
    };
    chart.curves = sorted
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(i, (s, name))| Curve {
            name,
            samples: &s.samples,
            style: look.series(i),
            filled: false,
        })
        .collect();
    chart.paint(buf, inside, look);
}

/// The series with their newest values, as text.
pub(super) fn export(state: &State) -> String {
    let mut out = String::from("series,time,value\n");
    for series in series(state) {
        let name = list::csv(&series.labels.to_string());
        for sample in &series.samples {
            let time = state.time.rfc3339(sample.t);
            out.push_str(&format!("{name},{time},{}\n", sample.v));
        }
    }
    out
}
