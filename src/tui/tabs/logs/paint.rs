//! The tab on the screen: bar, levels over time, lines, details, patterns.

use crate::base::text;
use crate::model::answer::{LevelHistogram, LogReply, Series};
use crate::model::labels::Labels;
use crate::model::log_entry::Level;
use crate::model::sample::Sample;
use crate::query::syntax::logql;
use crate::tui::keymap::Act;
use crate::tui::panel::Shown;
use crate::tui::panel::plot;
use crate::tui::state::State;
use crate::tui::tabs::list::{self, Empty};
use crate::tui::tabs::logs::rows::{self, List, Row};
use crate::tui::tabs::logs::{
    LEVELS, MS, Mode, NAME, OLDER, ask, bar, chart, detail, fields, patterns, reply, slot,
};
use crate::tui::theme::Theme;
use crate::tui::widget::chart::{Form, GUTTER, Legend};
use crate::tui::widget::frame::Frame;
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Rows of the histogram with its axis.
const HISTOGRAM: u16 = 6;
/// Columns that the name of a stream takes at most.
pub(super) const STREAM: usize = 18;
/// Columns from which a line has the name of its stream.
const STREAM_FROM: usize = 70;

/// Where the parts stand.
struct Places {
    bar: Rect,
    chart: Rect,
    list: Rect,
    details: Rect,
}

fn places(state: &State, body: Rect) -> Places {
    let local = &state.locals.logs;
    let mut y = body.y;
    let mut take = |height: u16| {
        let height = height.min(body.bottom().saturating_sub(y));
        let place = Rect::new(body.x, y, body.width, height);
        y += height;
        place
    };
    let bar = take(1 + u16::from(local.editing));
    let charted = body.height >= 16 && !local.zoomed;
    let chart = take(if charted { HISTOGRAM } else { 0 });
    let left = body.bottom().saturating_sub(chart.bottom());
    let opened = local.details && local.mode == Mode::Lines;
    let details = match (opened, local.zoomed) {
        (true, true) => left,
        (true, false) => left / 2,
        (false, _) => 0,
    };
    let list = take(left - details);
    Places {
        bar,
        chart,
        list,
        details: take(details),
    }
}

/// The width that the histogram's columns have.
pub(super) fn plot_width(body: Rect) -> u16 {
    body.width.saturating_sub(GUTTER)
}

/// Rows of lines that have room.
pub(super) fn list_height(body: Rect, state: &State) -> usize {
    usize::from(places(state, body).list.height.saturating_sub(2))
}

/// Where lines are wrapped, moves the first row down until the chosen one has room.
pub(super) fn keep_in_sight(state: &mut State) {
    if !state.locals.logs.wrap {
        return;
    }
    let body = crate::tui::view::body(state);
    let (width, visible) = (list_width(body), list_height(body, state));
    let (mut top, at) = {
        let rows = rows::rows(state);
        let local = &state.locals.logs;
        (rows.place(local.top), rows.place(local.at))
    };
    let top = {
        let rows = rows::rows(state);
        let height = |place: usize| row_height(state, &rows, place, width);
        let mut used: usize = (top..=at).map(height).sum();
        while used > visible && top < at {
            used -= height(top);
            top += 1;
        }
        rows.counted(top)
    };
    state.locals.logs.top = top;
}

fn list_width(body: Rect) -> usize {
    usize::from(body.width.saturating_sub(2))
}

pub(super) fn view(state: &State, theme: &Theme, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let look = &Look::of(theme);
    let places = places(state, body);
    let caret = bar::paint::bar(state, places.bar, buf, look);
    if is_metric(state) {
        let below = Rect::new(
            body.x,
            places.bar.bottom(),
            body.width,
            body.bottom().saturating_sub(places.bar.bottom()),
        );
        chart::paint(state, below, buf, look);
    } else {
        paint_of_lines(state, &places, buf, look);
    }
    if let Some(caret) = caret {
        bar::paint::list(state, caret, body, buf, look);
    }
    caret
}

fn is_metric(state: &State) -> bool {
    crate::tui::tabs::logs::composed(state).metric
}

fn paint_of_lines(state: &State, places: &Places, buf: &mut Buffer, look: &Look) {
    if places.chart.height > 0 {
        paint_levels(state, places.chart, buf, look);
    }
    match state.locals.logs.mode {
        Mode::Lines => {
            if !places.list.is_empty() {
                paint_lines(state, places.list, buf, look);
            }
            paint_details(state, places.details, buf, look);
        }
        Mode::Patterns => patterns::paint(state, places.list, buf, look),
        Mode::Fields => fields::paint(state, places.list, buf, look),
    }
}

/// Worst levels last, so that they stand on top.
const STACK: [(&str, &[Level]); 4] = [
    ("other", &[Level::Unknown, Level::Trace, Level::Debug]),
    ("info", &[Level::Info]),
    ("warn", &[Level::Warn]),
    ("error", &[Level::Error, Level::Critical, Level::Fatal]),
];

/// One series for each group of levels.
pub(crate) fn stacked(found: &LevelHistogram) -> Vec<Series> {
    let of = |levels: &[Level], name: &str| Series {
        labels: Labels::from_pairs([("level", name)]),
        samples: found
            .counts
            .iter()
            .enumerate()
            .map(|(i, counts)| Sample {
                // The chart has the end of a column for its time.
                t: (found.start + found.step * (i as i64 + 1)).div_euclid(MS),
                v: levels.iter().map(|l| counts[*l as usize]).sum::<u64>() as f64,
            })
            .collect(),
    };
    STACK
        .iter()
        .map(|(name, levels)| of(levels, name))
        .collect()
}

/// The style of a group in [`STACK`].
pub(crate) fn stack_style(look: &Look, group: usize) -> Style {
    [look.faint, look.good, look.warn, look.bad][group.min(3)]
}

fn paint_levels(state: &State, area: Rect, buf: &mut Buffer, look: &Look) {
    let shown = Shown {
        state,
        panel: NAME,
        ask: state.ask(plot_width(area)),
        focused: true,
        zoomed: false,
        chart_only: true,
    };
    let Some(LogReply::Levels(found)) = reply(state, LEVELS) else {
        if let Some(excuse) = shown.error(LEVELS + 1) {
            let said = excuse.to_string();
            paint::put(
                buf,
                (area.x, area.y),
                area.right(),
                &text::display(&said),
                look.bad,
            );
        }
        return;
    };
    let series = stacked(found);
    let marks = state.marks();
    let mut chart = plot::chart(&shown, &marks, Unit::Short);
    chart.form = Form::Stack;
    chart.legend = Legend::Row;
    chart.curves = plot::curves(&series, look, |labels| labels.get("level"));
    for (group, curve) in chart.curves.iter_mut().enumerate() {
        curve.style = stack_style(look, group);
        curve.filled = true;
    }
    chart.paint(buf, area, look);
}

/// Four letters, and how they look.
pub(crate) fn level_tag(level: Level, look: &Look) -> (&'static str, Style) {
    match level {
        Level::Unknown => ("    ", look.dim),
        Level::Trace => ("TRCE", look.faint),
        Level::Debug => ("DEBG", look.faint),
        Level::Info => ("INFO", look.dim),
        Level::Warn => ("WARN", look.warn),
        Level::Error => ("ERRO", look.bad),
        Level::Critical => ("CRIT", look.bad),
        Level::Fatal => ("FATL", look.bad),
    }
}

/// How a stream is called: by its service, its container or its file.
pub(crate) fn stream_name(stream: &Labels) -> String {
    const NAMES: [&str; 8] = [
        "service_name",
        "container",
        "container_name",
        "app",
        "application",
        "unit",
        "job",
        "filename",
    ];
    let named = NAMES.iter().map(|n| stream.get(n)).find(|v| !v.is_empty());
    let name = named.or_else(|| stream.iter().map(|(_, v)| v).next());
    let name = name.unwrap_or_default();
    let file = name.rsplit('/').next().filter(|f| !f.is_empty());
    file.unwrap_or(name).to_owned()
}

/// The text of a row behind time, level and stream.
fn row_text(state: &State, row: &Row<'_>) -> String {
    let mut out = String::new();
    for column in &state.locals.logs.columns {
        let value = detail::field(row.line, column);
        out.push_str(&format!("{} | ", text::display(&value)));
    }
    let plain = logql::plain(&row.line.line);
    let mut parts = plain.lines();
    out.push_str(&text::display(parts.next().unwrap_or_default()));
    let hidden = row.folded.len() + parts.count();
    if hidden > 0 {
        out.push_str(&format!("  +{hidden} lines"));
    }
    out
}

fn row_height(state: &State, rows: &List<'_>, place: usize, width: usize) -> usize {
    if !state.locals.logs.wrap {
        return 1;
    }
    let name = if width < STREAM_FROM {
        0
    } else {
        rows.names + 1
    };
    let columns = text::width(&row_text(state, &rows.rows[place])) + PREFIX + name;
    columns.div_ceil(width.max(1)).max(1)
}

/// Time, level and the blanks behind them.
const PREFIX: usize = 8 + 1 + 4 + 1;

fn paint_lines(state: &State, area: Rect, buf: &mut Buffer, look: &Look) {
    let local = &state.locals.logs;
    let all = rows::rows(state);
    let newer = all.rows.len() - all.before;
    let remark = remark(state, newer);
    let frame = Frame {
        title: "Lines",
        remark: &remark,
        remark_style: if newer > 0 { look.warn } else { look.dim },
        focused: true,
        ..Frame::default()
    };
    let inside = frame.paint(buf, area, look);
    if all.rows.is_empty() {
        let typed = local.editing && !local.edit.is_empty();
        let filtered = typed || local.chips.iter().any(|c| c.on && !local.bare);
        let empty = Empty {
            slot: slot(state, OLDER),
            nothing: "No lines in this stretch of time.",
            way_out: "[ and ] move in time, - takes a longer range; logs: in the configuration, or a Promtail file, says what is read",
            filtered,
        };
        list::why_empty(buf, inside, look, empty);
        return;
    }
    let visible = usize::from(inside.height);
    let top = first_row(state, &all, inside);
    let chosen = rows::place(state, &all);
    let mut y = inside.y;
    for (place, row) in all.rows.iter().enumerate().skip(top).take(visible) {
        if y >= inside.bottom() {
            break;
        }
        let place_of_row = Rect {
            y,
            height: inside.bottom() - y,
            ..inside
        };
        let selected = place == chosen && local.held.is_some();
        y += paint_row(state, (row, all.names), (place_of_row, selected), buf, look);
    }
}

/// Whether the view runs along, what has come since it is held, and how far a search is.
fn remark(state: &State, newer: usize) -> String {
    let local = &state.locals.logs;
    let key = |act| state.keymap.label(act);
    if let Some((until, share)) = ask::searched(state) {
        let clock = state.time.clock(until);
        let esc = key(Act::Escape);
        if local.stopped.is_some() {
            let again = key(Act::Refresh);
            return format!("given up at {clock}, {share} %; {again} goes on");
        }
        return format!("searched back to {clock}, {share} %; {esc} stops");
    }
    if let Some(seek) = &local.seek {
        let way = if seek.forward { "next" } else { "previous" };
        return format!(
            "looking for the {way} {}; {} stops",
            seek.word,
            key(Act::Escape)
        );
    }
    match local.held {
        Some(_) if newer > 0 => {
            let more = if rows::cut_behind(state) { "+" } else { "" };
            format!("held: {newer}{more} new; {} follows", key(Act::Follow))
        }
        Some(_) => "held".to_owned(),
        None if state.time.selection.is_some() => "the marked stretch of time".to_owned(),
        None if state.time.is_live() => "following".to_owned(),
        None => "at the time cursor".to_owned(),
    }
}

/// Where time runs across the levels.
pub(super) fn plot_of_levels(state: &State, body: Rect) -> Option<Rect> {
    let chart = places(state, body).chart;
    let has_room = chart.height > 0 && chart.width > 2 * GUTTER;
    has_room.then(|| Rect {
        x: chart.x + GUTTER,
        width: chart.width - GUTTER,
        ..chart
    })
}

/// The row that is painted at this line of the screen.
pub(super) fn row_at(state: &State, body: Rect, y: u16) -> Option<usize> {
    let list = places(state, body).list;
    let inside = Rect::new(
        list.x + 1,
        list.y + 1,
        list.width.saturating_sub(2),
        list.height.saturating_sub(2),
    );
    if state.locals.logs.mode != Mode::Lines || y < inside.y || y >= inside.bottom() {
        return None;
    }
    let all = rows::rows(state);
    let mut top = inside.y;
    for place in first_row(state, &all, inside)..all.rows.len() {
        let height = row_height(state, &all, place, usize::from(inside.width));
        top = top.saturating_add(height as u16);
        if y < top {
            return Some(place);
        }
    }
    None
}

/// While running along, as many of the newest rows as have room.
fn first_row(state: &State, all: &List<'_>, inside: Rect) -> usize {
    let local = &state.locals.logs;
    if all.rows.is_empty() {
        return 0;
    }
    if local.held.is_some() {
        return all.place(local.top);
    }
    let mut room = usize::from(inside.height);
    let mut top = all.rows.len();
    while top > 0 {
        let height = row_height(state, all, top - 1, usize::from(inside.width));
        if height > room {
            break;
        }
        room -= height;
        top -= 1;
    }
    top.min(all.rows.len() - 1)
}

/// `names` are the columns for the name of the stream. Gives the rows it took.
fn paint_row(
    state: &State,
    (row, names): (&Row<'_>, usize),
    (area, selected): (Rect, bool),
    buf: &mut Buffer,
    look: &Look,
) -> u16 {
    let line = row.line;
    let right = area.right();
    let clock = state.time.clock(line.t.div_euclid(MS));
    let (tag, style) = level_tag(line.level, look);
    let mut x = paint::put(buf, (area.x, area.y), right, &clock, look.dim);
    let marked = state.bookmark_times().binary_search(&line.t.div_euclid(MS));
    paint::put(
        buf,
        (x, area.y),
        right,
        if marked.is_ok() { "*" } else { " " },
        look.mark,
    );
    x = paint::put(buf, (x + 1, area.y), right, tag, style) + 1;
    if usize::from(area.width) >= STREAM_FROM {
        let name = stream_name(&line.stream);
        let shown = text::left(&text::display(&name), names, look.symbols.ellipsis());
        x = paint::put(buf, (x, area.y), right, &shown, look.title) + 1;
    }
    let said = row_text(state, row);
    let body = match line.level {
        Level::Error | Level::Critical | Level::Fatal => look.bad,
        Level::Warn => look.warn,
        _ => look.text,
    };
    let mut taken = 1;
    if state.locals.logs.wrap {
        let mut rest = said.as_str();
        let mut from = x;
        loop {
            let room = usize::from(right.saturating_sub(from));
            let head = text::clip(rest, room.max(1));
            paint::put(buf, (from, area.y + taken - 1), right, head, body);
            rest = &rest[head.len()..];
            if rest.is_empty() || head.is_empty() || taken >= area.height {
                break;
            }
            from = area.x + 2;
            taken += 1;
        }
    } else {
        let room = usize::from(right.saturating_sub(x));
        let cut = text::fit(&said, room, look.symbols.ellipsis());
        paint::put(buf, (x, area.y), right, &cut, body);
    }
    if selected {
        let whole = Rect {
            height: taken,
            ..area
        };
        buf.set_style(whole, look.selected);
    }
    taken
}

fn paint_details(state: &State, area: Rect, buf: &mut Buffer, look: &Look) {
    if area.height < 3 {
        return;
    }
    let key = state.keymap.label(Act::Menu);
    let remark = format!("{key} filters, columns, copies");
    let frame = Frame {
        title: "Line",
        remark: &remark,
        remark_style: look.dim,
        ..Frame::default()
    };
    let inside = frame.paint(buf, area, look);
    let Some(row) = rows::chosen(state) else {
        return;
    };
    let mut y = inside.y;
    let mut put = |said: &str, style: Style| {
        if y < inside.bottom() {
            paint::put(buf, (inside.x, y), inside.right(), said, style);
            y += 1;
        }
    };
    let t = row.line.t.div_euclid(MS);
    put(&state.time.rfc3339(t), look.dim);
    let labels = row.line.labels();
    let labels: Vec<String> = labels
        .iter()
        .map(|(n, v)| format!("{n}={}", text::display(v)))
        .collect();
    for line in paint::wrap(&labels.join("  "), usize::from(inside.width)) {
        put(&line, look.title);
    }
    let folded = row.folded.iter().map(|line| line.line.as_str());
    let whole = std::iter::once(row.line.line.as_str()).chain(folded);
    for part in whole.flat_map(|line| detail::pretty(&logql::plain(line))) {
        let mut rest = part.as_str();
        loop {
            let head = text::clip(rest, usize::from(inside.width).max(1));
            put(head, look.text);
            rest = &rest[head.len()..];
            if rest.is_empty() || head.is_empty() {
                break;
            }
        }
    }
}
