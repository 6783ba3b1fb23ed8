//! Who is told of what: the tree of routes with what stands at them, what inhibits what, and the
//! week of the time intervals. An alert can be tried at any time, and a template rendered; neither
//! changes anything.

use crate::base::units::format_duration_ms;
use crate::base::{text, units};
use crate::model::action::Action;
use crate::model::view::{CalendarRow, InhibitRow, RouteRow, RoutingView, View};
use crate::tui::cmd::Cmd;
use crate::tui::overlay::{Item, Prompt, PromptKind, Run};
use crate::tui::slot::Slot;
use crate::tui::state::State;
use crate::tui::tabs::alerts::{ROUTING, Which, lists, rows};
use crate::tui::tabs::list;
use crate::tui::theme::Theme;
use crate::tui::time_cursor::parse_when;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The prompts of this list, by their words.
pub(super) const TRY: &str = "try an alert";
pub(super) const TEMPLATE: &str = "try a template";

const DAY: i64 = 86_400_000;

const COLUMNS: &[Column] = &[
    Column::left("route", 26, 0).growing(),
    Column::left("told", 14, 0).growing(),
    Column::right("alerts", 6, 0),
    Column::left("grouped by", 14, 2).growing(),
    Column::right("wait", 5, 3),
    Column::right("every", 5, 3),
    Column::right("again", 6, 2),
    Column::left("mute", 12, 1).growing(),
];

const INHIBIT_COLUMNS: &[Column] = &[
    Column::left("while this fires", 22, 0).growing(),
    Column::left("this is quiet", 22, 0).growing(),
    Column::left("with the same", 14, 1).growing(),
    Column::right("now", 5, 0),
];

fn answer(state: &State) -> Option<&RoutingView> {
    match state.slots.get(ROUTING).and_then(Slot::view) {
        Some(View::Routing(view)) => Some(view),
        _ => None,
    }
}

pub(super) fn count(state: &State) -> usize {
    answer(state).map_or(0, |v| v.routes.len())
}

fn current(state: &State) -> Option<&RouteRow> {
    if state.locals.alerts.which != Which::Routing {
        return None;
    }
    let view = answer(state)?;
    let at = state.locals.alerts.list().at(view.routes.len());
    view.routes.get(at)
}

/// `severity="critical"`; the root and what has no matchers take everything.
fn name(row: &RouteRow) -> String {
    if row.matchers.is_empty() {
        "every alert".to_owned()
    } else {
        row.matchers.join(", ")
    }
}

pub(super) fn menu(state: &State) -> Option<Vec<Item>> {
    if state.locals.alerts.which != Which::Routing {
        return None;
    }
    Some(vec![
        Item::new(
            "try an alert",
            "who would be told of it, now or at a time",
            Run::Prompt(PromptKind::Tab(TRY)),
        ),
        Item::new(
            "try a template",
            "what a text becomes for the chosen alert",
            Run::Prompt(PromptKind::Tab(TEMPLATE)),
        ),
    ])
}

pub(super) fn prompt(state: &State, tag: &'static str) -> Prompt {
    let kind = PromptKind::Tab(tag);
    if tag == TEMPLATE {
        let text =
            "{{ range .Alerts }}{{ .Labels.alertname }}: {{ .Annotations.summary }}{{ end }}";
        let of = rows::chosen(state).map_or("a made-up alert", |row| row.alert.name());
        let hint = format!("as in alertmanager.yml, for {}", text::display(of));
        return Prompt::new(kind, "Try a template", text, &hint);
    }
    // The chosen route's own labels are a good beginning.
    let wanted = current(state).map(|row| {
        let plain = row
            .matchers
            .iter()
            .filter(|m| !m.contains("=~") && !m.contains('!'));
        plain.cloned().collect::<Vec<_>>().join(" ")
    });
    let begin = match wanted.as_deref() {
        None | Some("") => "severity=\"critical\"".to_owned(),
        Some(text) => text.to_owned(),
    };
    let hint = "labels; `at 2026-11-22 03:00` asks for another time";
    Prompt::new(kind, "Try an alert", &begin, hint)
}

pub(super) fn prompted(state: &State, tag: &'static str, text: &str) -> Result<Vec<Cmd>, String> {
    if tag == TEMPLATE {
        let alert = rows::chosen(state).map(|row| row.fingerprint);
        let text = text.to_owned();
        return Ok(vec![Cmd::Act(Action::TryTemplate { alert, text })]);
    }
    let (labels, at) = match text.rsplit_once(" at ") {
        Some((labels, at)) => {
            let read = parse_when(at.trim(), state.now, state.time.zone())?;
            (labels, Some(read))
        }
        None => (text, None),
    };
    let labels = pairs(labels)?;
    if labels.is_empty() {
        return Err("write labels: severity=critical job=node".to_owned());
    }
    Ok(vec![Cmd::Act(Action::TryRoute { labels, at })])
}

/// `a="b c" d=e`, with commas or without.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',', '{']);
    while !rest.is_empty() && rest != "}" {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("{rest:?} is not label=value"))?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            quoted
                .split_once('"')
                .ok_or_else(|| format!("a quote is missing after {name}="))?
        } else {
            let end = after.find([' ', ',', '}']).unwrap_or(after.len());
            after.split_at(end)
        };
        out.push((name.trim().to_owned(), value.to_owned()));
        rest = after.trim_start_matches([' ', ',', '}']);
    }
    Ok(out)
}

pub(super) fn paint(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) {
    let look = &Look::of(theme);
    let Some(view) = answer(state).filter(|v| !v.routes.is_empty()) else {
        let inner = heading(state, theme, body, buffer, "");
        let empty = list::Empty {
            slot: state.slots.get(ROUTING),
            nothing: "nobody is told of alerts",
            way_out: "write route and receivers under alertmanager:, or include an alertmanager.yml",
            filtered: false,
        };
        return list::why_empty(buffer, inner, look, empty);
    };
    let (top, inhibit, calendar) = places(view, body);
    let headline = format!(
        "{} alerts",
        view.routes.iter().map(|r| r.alerts).sum::<u64>()
    );
    let inner = heading(state, theme, top, buffer, &headline);
    let at = state.locals.alerts.list().at(view.routes.len());
    let visible = usize::from(inner.height.saturating_sub(1));
    Table {
        columns: COLUMNS,
        rows: view.routes.len(),
        offset: list::offset(at, visible, view.routes.len()),
        selected: Some(at),
        sort: None,
        header: true,
    }
    .paint(buffer, inner, look, |row, column| {
        entry(theme, &view.routes[row], column)
    });
    paint_inhibit(&view.inhibit, theme, inhibit, buffer);
    paint_calendar(state, theme, view, calendar, buffer);
}

/// The tree, the inhibitions, and the calendar.
fn places(view: &RoutingView, body: Rect) -> (Rect, Rect, Rect) {
    let third = (body.height / 3).max(4);
    let wanted = |rows: usize| match rows {
        0 => 0,
        n => (n as u16).saturating_add(3).min(third),
    };
    let calendar = match view.calendar.len() {
        0 => 0,
        n => wanted(n + 1),
    };
    let inhibit = wanted(view.inhibit.len());
    let height = body.height.saturating_sub(calendar + inhibit);
    let tree = Rect { height, ..body };
    let inhibit = Rect::new(body.x, tree.bottom(), body.width, inhibit);
    let calendar = Rect::new(body.x, inhibit.bottom(), body.width, calendar);
    (tree, inhibit, calendar)
}

/// Where the tree stands.
pub(super) fn tree_place(state: &State, body: Rect) -> Rect {
    answer(state).map_or(body, |view| places(view, body).0)
}

fn heading(state: &State, theme: &Theme, place: Rect, buffer: &mut Buffer, headline: &str) -> Rect {
    let remark = lists(state);
    frame::Frame {
        title: "Routing",
        headline,
        headline_style: theme.text,
        remark: &remark,
        remark_style: theme.dim,
        focused: true,
    }
    .paint(buffer, place, &Look::of(theme))
}

fn entry<'a>(theme: &Theme, row: &'a RouteRow, column: usize) -> Entry<'a> {
    match column {
        0 => {
            let indent = "  ".repeat(usize::from(row.depth.min(12)));
            let on = if row.continues { ", then on" } else { "" };
            let said = format!("{indent}{}{on}", text::display(&name(row)));
            Entry::new(said, theme.text)
        }
        1 if row.ways.is_empty() => {
            let said = format!("{} (nobody)", text::display(&row.receiver));
            Entry::new(said, theme.dim)
        }
        1 => {
            let said = format!("{}: {}", text::display(&row.receiver), row.ways.join(", "));
            Entry::new(said, theme.accent)
        }
        2 if row.alerts > 0 => Entry::new(row.alerts.to_string(), theme.bad),
        2 => Entry::new("", theme.dim),
        3 if row.group_by.is_empty() => Entry::new("all together", theme.dim),
        3 => Entry::new(
            text::display(&row.group_by.join(", ")).into_owned(),
            theme.dim,
        ),
        4 => Entry::new(units::format_duration_ms(row.wait), theme.dim),
        5 => Entry::new(units::format_duration_ms(row.interval), theme.dim),
        6 => Entry::new(units::format_duration_ms(row.repeat), theme.dim),
        _ => mute(theme, row),
    }
}

fn mute<'a>(theme: &Theme, row: &RouteRow) -> Entry<'a> {
    if !row.muted_by.is_empty() {
        let said = format!("NOW by {}", row.muted_by.join(", "));
        return Entry::new(text::display(&said).into_owned(), theme.warn);
    }
    let mut said = Vec::new();
    if !row.mute.is_empty() {
        said.push(format!("in {}", row.mute.join(", ")));
    }
    if !row.active.is_empty() {
        said.push(format!("outside {}", row.active.join(", ")));
    }
    Entry::new(text::display(&said.join("; ")).into_owned(), theme.dim)
}

fn paint_inhibit(rules: &[InhibitRow], theme: &Theme, place: Rect, buffer: &mut Buffer) {
    if place.height < 3 {
        return;
    }
    let look = &Look::of(theme);
    let quiet: u64 = rules.iter().map(|r| r.quiet).sum();
    let headline = match quiet {
        0 => String::new(),
        1 => "one alert is quiet now".to_owned(),
        n => format!("{n} alerts are quiet now"),
    };
    let inner = frame::Frame {
        title: "Inhibition",
        headline: &headline,
        headline_style: theme.warn,
        ..frame::Frame::default()
    }
    .paint(buffer, place, look);
    Table {
        columns: INHIBIT_COLUMNS,
        rows: rules.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: true,
    }
    .paint(buffer, inner, look, |row, column| {
        let row = &rules[row];
        let words = |list: &[String]| text::display(&list.join(", ")).into_owned();
        match column {
            0 => Entry::new(words(&row.source), theme.text),
            1 => Entry::new(words(&row.target), theme.text),
            2 => Entry::new(words(&row.equal), theme.dim),
            _ if row.quiet > 0 => Entry::new(row.quiet.to_string(), theme.warn),
            _ => Entry::new("", theme.dim),
        }
    });
}

/// A line of names of days, then a line for each interval: filled where it holds.
fn paint_calendar(
    state: &State,
    theme: &Theme,
    view: &RoutingView,
    place: Rect,
    buffer: &mut Buffer,
) {
    if place.height < 3 {
        return;
    }
    let look = &Look::of(theme);
    let inner = frame::Frame {
        title: "Time intervals, this week",
        ..frame::Frame::default()
    }
    .paint(buffer, place, look);
    let longest = view.calendar.iter().map(|r| text::width(&r.name)).max();
    let names = (longest.unwrap_or(0) as u16 + 2).clamp(8, inner.width / 3);
    let cells = inner.width.saturating_sub(names + 1);
    if cells < 14 || inner.height < 2 {
        return;
    }
    let from = view.calendar_from;
    let span = view.calendar_step * view.calendar.first().map_or(0, |r| r.cells.len() as i64);
    let x_of = |t: i64| ((t - from) * i64::from(cells) / span.max(1)) as u16;
    let offset = i64::from(state.time.zone().local_minus_utc()) * 1000;
    let mut day = ((from + offset).div_euclid(DAY) + 1) * DAY - offset;
    while day < from + span {
        let x = inner.x + names + x_of(day);
        let room = (inner.x + inner.width).saturating_sub(x);
        let label = state.time.weekday(day);
        buffer.set_stringn(x, inner.y, label, usize::from(room), theme.dim);
        day += DAY;
    }
    let rows = view
        .calendar
        .iter()
        .zip(inner.y + 1..inner.y + inner.height);
    for (row, y) in rows {
        let style = if row.inside_now {
            theme.warn
        } else {
            theme.text
        };
        let name = text::display(&row.name).into_owned();
        buffer.set_stringn(inner.x, y, name, usize::from(names - 1), style);
        let line = week(row, cells, !look.boxes);
        buffer.set_stringn(inner.x + names, y, line, usize::from(cells), style);
    }
}

/// The cells of a week, so many of them: full where the interval holds for most of the stretch.
fn week(row: &CalendarRow, cells: u16, ascii: bool) -> String {
    let all: Vec<bool> = row.cells.bytes().map(|b| b == b'1').collect();
    let part = |i: usize| {
        let from = i * all.len() / usize::from(cells);
        let to = ((i + 1) * all.len() / usize::from(cells)).max(from + 1);
        let part = all.get(from..to.min(all.len())).unwrap_or_default();
        let inside = part.iter().filter(|is| **is).count();
        match (inside * 2 >= part.len().max(1) && inside > 0, ascii) {
            (true, false) => '█',
            (true, true) => '#',
            (false, false) => '·',
            (false, true) => '.',
        }
    };
    (0..usize::from(cells)).map(part).collect()
}

/// What opens below the tree: the chosen route in full.
pub(super) fn paint_detail(state: &State, theme: &Theme, place: Rect, buffer: &mut Buffer) {
    let Some(row) = current(state) else {
        return;
    };
    let title = text::display(&name(row)).into_owned();
    let inner = frame::Frame {
        title: &title,
        headline: &row.receiver,
        headline_style: theme.accent,
        ..frame::Frame::default()
    }
    .paint(buffer, place, &Look::of(theme));
    let first = format!(
        "after {}, then every {} where something is new, again after {}",
        format_duration_ms(row.wait),
        format_duration_ms(row.interval),
        format_duration_ms(row.repeat)
    );
    let lines = [
        ("told", row.ways.join(", ")),
        ("when", first),
        (
            "groups now",
            format!("{} with {} alerts that fire", row.groups, row.alerts),
        ),
        ("mute in", row.mute.join(", ")),
        ("mute outside of", row.active.join(", ")),
        ("mute now by", row.muted_by.join(", ")),
        (
            "goes on",
            if row.continues {
                "to the next route as well"
            } else {
                ""
            }
            .to_owned(),
        ),
    ];
    let lines: Vec<_> = lines
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value, theme.text))
        .collect();
    list::pairs(buffer, inner, theme, &lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_matchers_write_them() {
        let read = |text: &str| pairs(text).unwrap();
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(read("a=b c=d"), [pair("a", "b"), pair("c", "d")]);
        assert_eq!(
            read("{severity=\"a b\", 지역=\"서울\"}"),
            [pair("severity", "a b"), pair("지역", "서울")]
        );
        assert!(pairs("a").is_err() && pairs("a=\"b").is_err());
    }

    #[test]
    fn a_week_is_drawn_in_any_number_of_cells() {
        let row = CalendarRow {
            cells: "1".repeat(48) + &"0".repeat(288),
            ..CalendarRow::default()
        };
        assert_eq!(week(&row, 7, true), "#......");
        assert_eq!(week(&row, 14, false), "██············");
        assert_eq!(week(&row, 336, true).matches('#').count(), 48);
    }
}
