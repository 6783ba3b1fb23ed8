//! The list of alerts: state, severity, name, where, since when, and the states over time.

use crate::base::text;
use crate::model::alert::{AlertState, gravity};
use crate::model::answer::{Series, Value};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::request::Request;
use crate::model::view::{AlertRow, AlertsView, View};
use crate::tui::overlay::fuzzy;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::alerts::{ALERTS, STATES, Which, lists};
use crate::tui::tabs::{Export, list};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::BTreeSet;

/// Cells of the states over time.
const LINE: u16 = 24;
/// Alerts of so many names are asked over time at once.
const MOST_NAMES: usize = 40;

const COLUMNS: &[Column] = &[
    Column::left("state", 9, 0),
    Column::left("severity", 8, 1),
    Column::left("alert", 18, 0).growing(),
    Column::left("where", 18, 1).growing(),
    Column::right("since", 6, 0),
    Column::right("value", 8, 3),
    Column::right("flaps", 5, 4),
    Column::left("over time", LINE, 2),
];

pub(super) fn answer(state: &State) -> Option<&AlertsView> {
    match state.slots.get(ALERTS).and_then(Slot::view) {
        Some(View::Alerts(view)) => Some(view),
        _ => None,
    }
}

/// The alerts that the filter leaves, in the order of the engine.
pub(super) fn rows(state: &State) -> Vec<&AlertRow> {
    let filter = &state.locals.alerts.filter;
    let (words, leave_out) = match filter.strip_prefix('!') {
        Some(words) => (words, true),
        None => (filter.as_str(), false),
    };
    let fits = |row: &&AlertRow| {
        let text = format!("{} {}", state_word(row), row.alert.labels);
        words.is_empty() || fuzzy::contains(words, &text) != leave_out
    };
    let all = answer(state).map_or(&[][..], |view| &view.rows);
    all.iter().filter(fits).collect()
}

pub(crate) fn current(state: &State) -> Option<&AlertRow> {
    (state.locals.alerts.which == Which::Alerts).then_some(())?;
    chosen(state)
}

/// The one that the cursor of the list stands on, whatever list is shown.
pub(super) fn chosen(state: &State) -> Option<&AlertRow> {
    let rows = rows(state);
    let cursor = state.locals.alerts.lists[Which::Alerts as usize];
    rows.get(cursor.at(rows.len())).copied()
}

/// Asks for the states over time of the alerts in sight.
pub(super) fn states(state: &State, _: Rect) -> Option<(SlotId, Request)> {
    let rows = rows(state);
    let names: BTreeSet<&str> = rows.iter().map(|r| r.alert.name()).collect();
    if names.is_empty() {
        return None;
    }
    let names: Vec<String> = names
        .into_iter()
        .take(MOST_NAMES)
        .map(crate::base::regex::escape)
        .collect();
    let expr = format!("ALERTS{{alertname=~{:?}}}", names.join("|"));
    Some((STATES, state.ask(LINE / 2).range(expr)))
}

/// What a person should see first.
pub(crate) fn state_word(row: &AlertRow) -> &'static str {
    let standing = &row.standing;
    match row.alert.state {
        AlertState::Firing if standing.acknowledged.is_some() => "acked",
        AlertState::Firing if !standing.silenced_by.is_empty() => "silenced",
        AlertState::Firing if !standing.inhibited_by.is_empty() => "inhibited",
        AlertState::Firing if !standing.muted_by.is_empty() => "muted",
        AlertState::Firing => "FIRING",
        AlertState::Pending => "pending",
        AlertState::Resolved => "resolved",
    }
}

pub(crate) fn state_style(row: &AlertRow, theme: &Theme) -> Style {
    let quiet = row.standing.acknowledged.is_some() || row.standing.is_muted();
    match row.alert.state {
        AlertState::Firing if quiet => theme.dim,
        AlertState::Firing => theme.bad,
        AlertState::Pending => theme.warn,
        AlertState::Resolved => theme.good,
    }
}

fn severity_style(severity: &str, theme: &Theme) -> Style {
    match gravity(severity) {
        0 | 1 => theme.bad,
        2 => theme.warn,
        3 => theme.text,
        _ => theme.dim,
    }
}

/// The labels that tell where, without those that every row shows elsewhere.
pub(crate) fn place(labels: &Labels) -> String {
    let shown = |n: &str| !["alertname", "severity"].contains(&n);
    let first = ["instance", "name", "job"];
    let rest = labels
        .iter()
        .filter(|(n, _)| shown(n) && !first.contains(n));
    let named = first
        .iter()
        .map(|n| labels.get(n))
        .filter(|v| !v.is_empty());
    let mut parts: Vec<String> = named.map(str::to_owned).collect();
    parts.extend(rest.map(|(n, v)| format!("{n}={v}")));
    parts.join(" ")
}

/// Counts by state, as words.
fn chips(view: &AlertsView, live: bool) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for row in &view.rows {
        let word = state_word(row);
        match counts.iter_mut().find(|(w, _)| *w == word) {
            Some((_, n)) => *n += 1,
            None => counts.push((word, 1)),
        }
    }
    let mut parts: Vec<String> = counts
        .iter()
        .map(|(w, n)| format!("{n} {}", w.to_lowercase()))
        .collect();
    if view.left_out > 0 {
        parts.push(format!("and {} more", view.left_out));
    }
    if parts.is_empty() {
        let said = if live {
            "nothing fires"
        } else {
            "nothing fired then"
        };
        return said.to_owned();
    }
    parts.join("  ")
}

pub(super) fn paint(state: &State, theme: &Theme, place: Rect, buffer: &mut Buffer) {
    let look = &Look::of(theme);
    let view = answer(state);
    let live = state.time.is_live();
    let headline = view.map(|v| chips(v, live)).unwrap_or_default();
    let remark = lists(state);
    let bad = view.is_some_and(|v| v.counts.firing > 0);
    let inner = frame::Frame {
        title: "Alerts",
        headline: &headline,
        headline_style: if bad { theme.bad } else { theme.good },
        remark: &remark,
        remark_style: theme.dim,
        focused: true,
    }
    .paint(buffer, place, look);
    let rows = rows(state);
    if rows.is_empty() {
        let (nothing, way_out) = match state.slots.get(ALERTS).and_then(Slot::view) {
            Some(View::Nothing { why }) => (why.as_str(), ""),
            _ if !live => ("nothing fired then, and nothing was about to", ""),
            _ => (
                "nothing fires, and nothing is about to",
                "Tab shows the rules that watch; rule_files in the configuration adds to them",
            ),
        };
        let empty = list::Empty {
            slot: state.slots.get(ALERTS),
            nothing,
            way_out,
            filtered: !state.locals.alerts.filter.is_empty(),
        };
        list::why_empty(buffer, inner, look, empty);
        return;
    }
    let over = over_time(state);
    let at = state.locals.alerts.list().at(rows.len());
    let visible = usize::from(inner.height.saturating_sub(1));
    Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: list::offset(at, visible, rows.len()),
        selected: Some(at),
        sort: None,
        header: true,
    }
    .paint(buffer, inner, look, |row, column| {
        entry(state, theme, (rows[row], over), column)
    });
}

fn entry<'a>(
    state: &State,
    theme: &Theme,
    (row, over): (&'a AlertRow, &[Series]),
    column: usize,
) -> Entry<'a> {
    let alert = &row.alert;
    let severity = alert.labels.get("severity");
    match column {
        0 => Entry::new(state_word(row), state_style(row, theme)),
        1 => Entry::new(text::display(severity), severity_style(severity, theme)),
        2 => Entry::new(text::display(alert.name()), theme.text),
        3 => Entry::new(
            text::display(&self::place(&alert.labels)).into_owned(),
            theme.dim,
        ),
        4 => Entry::new(age(state, row), theme.text),
        5 => Entry::new(short(alert.value), theme.dim),
        6 => match flaps(row, over) {
            0 | 1 => Entry::new("", theme.dim),
            n => Entry::new(n.to_string(), theme.warn),
        },
        _ => Entry::new(
            line(state, row, over, !Look::of(theme).boxes),
            state_style(row, theme),
        ),
    }
}

/// A number in few cells.
pub(super) fn short(v: f64) -> String {
    if v.is_nan() {
        return String::new();
    }
    crate::tui::widget::unit::Unit::Short.tight(v)
}

/// How long it has been in its state, as of what is shown.
pub(crate) fn age(state: &State, row: &AlertRow) -> String {
    let since = match row.alert.state {
        AlertState::Resolved => row.alert.ends_at,
        _ => row.active_at,
    };
    if since == 0 {
        return "?".to_owned();
    }
    let now = state.time.instant().unwrap_or(state.tick);
    match (now - since).max(0) / 1000 {
        s if s < 100 => format!("{s}s"),
        s if s < 6000 => format!("{}m", s / 60),
        s if s < 360_000 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

fn over_time(state: &State) -> &[Series] {
    match state.slots.get(STATES).and_then(Slot::value) {
        Some(Value::Matrix(series)) => series,
        _ => &[],
    }
}

/// The series `ALERTS` of an alert, those of one state.
fn series_of<'a>(
    row: &'a AlertRow,
    over: &'a [Series],
    wanted: &'a str,
) -> impl Iterator<Item = &'a Series> {
    over.iter().filter(move |s| {
        s.labels.get("alertstate") == wanted
            && s.labels
                .iter()
                .filter(|(n, _)| *n != METRIC_NAME && *n != "alertstate")
                .all(|(n, v)| row.alert.labels.get(n) == v)
    })
}

/// How often it began to fire within the shown stretch of time.
fn flaps(row: &AlertRow, over: &[Series]) -> usize {
    let gap = |s: &Series| s.samples.windows(2).map(|w| w[1].t - w[0].t).min();
    let begun = series_of(row, over, "firing").map(|s| {
        let step = gap(s).unwrap_or(i64::MAX);
        let breaks = s.samples.windows(2).filter(|w| w[1].t - w[0].t > step);
        breaks.count() + usize::from(!s.samples.is_empty())
    });
    begun.sum()
}

/// One cell for each part of the shown stretch of time: firing, pending, neither.
fn line(state: &State, row: &AlertRow, over: &[Series], ascii: bool) -> String {
    let ask = state.ask(LINE / 2);
    let (start, cells) = (ask.window.start, i64::from(LINE));
    let span = (ask.newest - start).max(1);
    let mut out = vec![0u8; usize::from(LINE)];
    for (wanted, mark) in [("pending", 1u8), ("firing", 2)] {
        for series in series_of(row, over, wanted) {
            for sample in &series.samples {
                let at = (sample.t - start) * cells / span;
                let at = at.clamp(0, cells - 1) as usize;
                out[at] = out[at].max(mark);
            }
        }
    }
    let shown = |mark: &u8| match (mark, ascii) {
        (2, false) => '█',
        (1, false) => '▒',
        (2, true) => '#',
        (1, true) => '-',
        (_, false) => '·',
        (_, true) => '.',
    };
    out.iter().map(shown).collect()
}

pub(super) fn export(state: &State) -> Export {
    let mut out = String::from("state,severity,alert,labels,since,value,summary\n");
    for row in rows(state) {
        let alert = &row.alert;
        let fields = [
            state_word(row),
            alert.labels.get("severity"),
            alert.name(),
            &alert.labels.to_string(),
            &state.time.rfc3339(row.active_at),
            &alert.value.to_string(),
            alert.annotations.get("summary"),
        ];
        out.push_str(&fields.map(list::csv).join(","));
        out.push('\n');
    }
    Export {
        kind: "csv",
        text: out,
    }
}
