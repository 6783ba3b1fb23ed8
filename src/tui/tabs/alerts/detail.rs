//! One alert, opened: what it says, how it stands, where it comes from, and its expression over
//! time beside the value that it is compared with.

use crate::base::{text, units};
use crate::model::answer::{Answer, LogReply, LogsAnswer, LogsValue, PromAnswer, Series, Value};
use crate::model::labels::METRIC_NAME;
use crate::model::request::{Request, ViewName};
use crate::model::view::{AlertRow, AlertStory, View};
use crate::query::syntax;
use crate::tui::panel::Shown;
use crate::tui::panel::plot::{self, Place};
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::alerts::{NAME, STORY, WATCHED, days, rows};
use crate::tui::tabs::list;
use crate::tui::theme::Theme;
use crate::tui::widget::chart::{GUTTER, Threshold};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Left: words. Right: the chart, where there is room for it.
fn columns(place: Rect) -> (Rect, Option<Rect>) {
    if place.width < 100 {
        return (place, None);
    }
    let left = place.width / 2;
    let words = Rect {
        width: left,
        ..place
    };
    let chart = Rect {
        x: place.x + left,
        width: place.width - left,
        ..place
    };
    (words, Some(chart))
}

pub(super) fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let Some(row) = rows::current(state) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    // What was decided is known of alerts of now.
    if state.time.is_live() {
        let view = ViewName::AlertStory(row.fingerprint);
        out.push((STORY, Request::View { view, at: None }));
    }
    out.extend(days::requests(state, row));
    if let (_, Some(chart)) = columns(body)
        && let Ok((expr, _)) = syntax::watched_by_rule(row.language, &row.expr)
    {
        let cells = chart.width.saturating_sub(2 + GUTTER);
        out.push((WATCHED, state.ask(cells).range_in(row.language, expr)));
    }
    out
}

fn story(state: &State) -> Option<&AlertStory> {
    match state.slots.get(STORY).and_then(Slot::view) {
        Some(View::AlertStory(story)) => Some(story),
        _ => None,
    }
}

pub(super) fn paint(
    state: &State,
    theme: &Theme,
    row: &AlertRow,
    place: Rect,
    buffer: &mut Buffer,
) {
    let look = &Look::of(theme);
    let (words, chart) = columns(place);
    let word = rows::state_word(row);
    let title = text::display(row.alert.name()).into_owned();
    let inner = frame::Frame {
        title: &title,
        headline: word,
        headline_style: rows::state_style(row, theme),
        ..frame::Frame::default()
    }
    .paint(buffer, words, look);
    list::pairs(buffer, inner, theme, &lines(state, theme, row));
    if let Some(area) = chart {
        paint_chart(
            state,
            row,
            Place {
                area,
                buf: buffer,
                look,
            },
        );
    }
}

fn lines(state: &State, theme: &Theme, row: &AlertRow) -> Vec<(String, String, Style)> {
    let mut out: Vec<(String, String, Style)> = Vec::new();
    let mut add = |name: &str, value: String, style: Style| {
        if !value.is_empty() {
            out.push((name.to_owned(), value, style));
        }
    };
    let alert = &row.alert;
    for name in ["summary", "message", "description"] {
        add(name, alert.annotations.get(name).to_owned(), theme.text);
    }
    let first = ["summary", "message", "description"];
    for (name, value) in alert.annotations.iter().filter(|(n, _)| !first.contains(n)) {
        add(name, value.to_owned(), theme.text);
    }
    if row.active_at > 0 {
        let since = state.time.date_clock(row.active_at);
        let before = if state.time.is_live() {
            "ago"
        } else {
            "before then"
        };
        let since = format!("{since} ({} {before})", rows::age(state, row));
        add("since", since, theme.text);
    }
    add("value", rows::short(alert.value), theme.text);
    add("days", days::line(state).unwrap_or_default(), theme.text);
    standing(state, theme, row, &mut add);
    let labels = alert.labels.iter().map(|(n, v)| format!("{n}={v}"));
    add("labels", labels.collect::<Vec<_>>().join("  "), theme.text);
    add("expression", row.expr.clone(), theme.accent);
    if row.for_ms > 0 {
        add("for", units::format_duration_ms(row.for_ms), theme.text);
    }
    let source = format!("{} in {}", row.group, row.file);
    if !row.group.is_empty() {
        add("rule of", source, theme.dim);
    }
    add("source", alert.generator_url.clone(), theme.dim);
    let told = story(state).filter(|s| s.row.fingerprint == row.fingerprint);
    let told = told.filter(|_| state.time.is_live());
    for step in told.map_or(&[][..], |s| &s.steps).iter().rev() {
        let said = format!("{} {}", state.time.clock(step.t), step.said);
        add(&step.stage, said, theme.text);
    }
    out
}

/// Who is told, and why nobody is.
fn standing(
    state: &State,
    theme: &Theme,
    row: &AlertRow,
    add: &mut impl FnMut(&str, String, Style),
) {
    let standing = &row.standing;
    if let Some(ack) = &standing.acknowledged {
        let until = ack
            .until
            .map(|t| format!(", until {}", state.time.date_clock(t)));
        let note = if ack.note.is_empty() {
            String::new()
        } else {
            format!(": {}", ack.note)
        };
        let said = format!(
            "by {} at {}{}{note}",
            ack.by,
            state.time.date_clock(ack.at),
            until.unwrap_or_default()
        );
        add("acknowledged", said, theme.good);
    }
    add("silenced by", standing.silenced_by.join(", "), theme.warn);
    add("inhibited by", standing.inhibited_by.join(", "), theme.warn);
    add("muted by", standing.muted_by.join(", "), theme.warn);
    add("told to", standing.receivers.join(", "), theme.text);
    if standing.last_sent > 0 {
        add(
            "last told",
            state.time.date_clock(standing.last_sent),
            theme.text,
        );
    }
    if standing.next_reminder > 0 {
        let at = state.time.date_clock(standing.next_reminder);
        add("next reminder", at, theme.text);
    }
}

/// The series of the expression that belong to this alert.
fn curves_of<'a>(state: &'a State, row: &AlertRow) -> Vec<&'a Series> {
    let all = match state.slots.get(WATCHED).and_then(Slot::answer) {
        Some(
            Answer::Prom(PromAnswer {
                value: Value::Matrix(all),
                ..
            })
            | Answer::SpanSeries(
                PromAnswer {
                    value: Value::Matrix(all),
                    ..
                },
                _,
            ),
        ) => all,
        Some(Answer::Logs(LogReply::Value(LogsAnswer {
            value: LogsValue::Matrix(all),
            ..
        }))) => all,
        _ => return Vec::new(),
    };
    let belongs = |s: &&Series| {
        let labels = s.labels.iter().filter(|(n, _)| *n != METRIC_NAME);
        let mut labels = labels;
        labels.all(|(n, v)| {
            let own = row.alert.labels.get(n);
            own == v || own.is_empty()
        })
    };
    all.iter().filter(belongs).collect()
}

fn paint_chart(state: &State, row: &AlertRow, place: Place<'_>) {
    let Place { area, buf, look } = place;
    let watched = syntax::watched_by_rule(row.language, &row.expr);
    let title = watched.as_ref().map_or("", |(expr, _)| expr.as_str());
    let inside = frame::Frame {
        title,
        ..frame::Frame::default()
    }
    .paint(buf, area, look);
    let shown = Shown {
        state,
        panel: NAME,
        ask: state.ask(inside.width.saturating_sub(GUTTER)),
        focused: false,
        zoomed: false,
        chart_only: true,
    };
    let series = curves_of(state, row);
    if series.iter().all(|s| s.samples.is_empty()) {
        let slot = state.slots.get(WATCHED);
        let said = match slot.and_then(Slot::error) {
            Some(error) => error.to_string(),
            None if slot.is_none_or(|s| s.answer().is_none()) => "asking ...".to_owned(),
            None => "its expression has no values in this stretch of time".to_owned(),
        };
        frame::words(buf, inside, &[(&said, look.dim)]);
        return;
    }
    let limit = watched.ok().and_then(|(_, limit)| limit);
    let thresholds: Vec<Threshold<'_>> = limit
        .map(|value| Threshold {
            value,
            style: look.bad,
            name: "limit",
        })
        .into_iter()
        .collect();
    let marks = state.marks();
    let mut chart = plot::chart(&shown, &marks, Unit::Short);
    chart.curves = plot::curves(series, look, |labels| labels.get("instance"));
    chart.thresholds = &thresholds;
    chart.paint(buf, inside, look);
}
