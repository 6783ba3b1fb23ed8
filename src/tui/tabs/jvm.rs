//! Tab 4, JVM: every JVM in a list, and the chosen one in detail, a section at a time.
//!
//! Found on this server or scraped: both are series, so history and rewind are the same code. What
//! a JVM answers when it is asked (thread dumps, histograms, texts) is the last section; an opened
//! answer takes the whole body.

mod details;
mod orders;
mod report;

use crate::model::answer::Answer;
use crate::model::jvm::JvmReportHead;
use crate::model::request::{Request, ViewName};
use crate::model::view::{JvmRow, View};
use crate::query::syntax::logql;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::msg::Mouse;
use crate::tui::overlay::Item;
use crate::tui::panel::jvm::names::{self, How};
use crate::tui::panel::jvm::{Row, cell, list, rows};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Shown};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::jvm::details::{Detail, Heap, SECTIONS, Section, full_collections};
use crate::tui::tabs::list::{self as rows_of, Cursor};
use crate::tui::tabs::zoom::Zoom;
use crate::tui::tabs::{Export, Tab, by_name, containers, logs, traces};
use crate::tui::theme::Theme;
use crate::tui::widget::chart::GUTTER;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, paint, sparkline};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Owner of this tab's slots.
const OWNER: &str = "jvm-tab";
const NAME: &str = "JVM";
/// The questions of the list, and where those of the list's further columns begin.
const LIST_PARTS: usize = 4;
const COMMITTED: usize = 4;
const THREADS: usize = 5;
const CPU: usize = 6;
const STARTED: usize = 7;
const TREND: usize = 8;
const REPORTS: usize = 9;
const FULL: usize = 10;
/// Charts follow.
const CHARTS: usize = 20;
/// The section behind those of the charts.
const ANSWERS: &str = "Answers";

pub(crate) const TAB: Tab = Tab {
    digit: Some('4'),
    requests,
    act,
    click,
    key: report::key,
    paste: report::paste,
    kept: report::kept,
    prompted: report::prompted,
    menu,
    line,
    export,
    logs,
    ..Tab::new(
        NAME,
        "heap, collections, threads, requests and pools of every JVM; what one answers when asked",
        view,
    )
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    /// The chosen instance; the first of the list until a person chooses.
    chosen: Option<String>,
    /// Place in [`SECTIONS`]; behind them stand the answers.
    section: usize,
    /// The first chart of the section that is shown, where not all have room.
    first: usize,
    answer: Cursor,
    /// The list, or the details, alone.
    zoom: Zoom,
    /// The answer that is open.
    open: Option<report::Open>,
}

fn shown<'a>(state: &'a State, ask: Ask<'a>) -> Shown<'a> {
    Shown {
        state,
        panel: OWNER,
        ask,
        focused: true,
        zoomed: false,
        chart_only: true,
    }
}

fn section(state: &State) -> Option<&'static Section> {
    SECTIONS.get(state.locals.jvm.section)
}

/// The list on top, the strip of sections, and what is below.
fn places(zoom: Zoom, rows: usize, body: Rect) -> (Rect, Rect, Rect) {
    let wanted = (rows as u16).saturating_add(3).max(4);
    let height = match zoom {
        Zoom::Both => wanted.min(body.height / 3).max(4).min(body.height),
        Zoom::Upper => body.height,
        Zoom::Lower => 0,
    };
    let list = Rect { height, ..body };
    let rest = body.height - list.height;
    let strip = Rect {
        y: list.bottom(),
        height: rest.min(1),
        ..body
    };
    let below = Rect {
        y: strip.bottom(),
        height: rest - strip.height,
        ..body
    };
    (list, strip, below)
}

/// The frames of the charts: as many as are readable, two side by side where there is room.
fn frames(count: usize, below: Rect) -> Vec<Rect> {
    let columns: u16 = if below.width >= 100 { 2 } else { 1 };
    let wanted = (count as u16).div_ceil(columns);
    let lines = (below.height / 6).clamp(1, wanted.max(1));
    let place = |i: u16| {
        let (line, column) = (i / columns, i % columns);
        let (top, bottom) = (
            below.height * line / lines,
            below.height * (line + 1) / lines,
        );
        let (left, right) = (
            below.width * column / columns,
            below.width * (column + 1) / columns,
        );
        Rect::new(below.x + left, below.y + top, right - left, bottom - top)
    };
    let all = (0..lines * columns).map(place);
    all.filter(|p| p.height > 2).take(count).collect()
}

/// The charts of this page, with their places in the section and on the screen.
fn visible<'s>(state: &State, section: &'s Section, below: Rect) -> Vec<(usize, &'s Detail, Rect)> {
    let frames = frames(section.charts.len(), below);
    // A page that is not full begins earlier, so that no room is left over.
    let last = section.charts.len().saturating_sub(frames.len());
    let first = state.locals.jvm.first.min(last);
    let charts = section.charts.iter().enumerate().skip(first);
    charts.zip(frames).map(|((i, d), f)| (i, d, f)).collect()
}

/// The row whose detail is shown, and its place in the list.
fn chosen<'a, 'r>(state: &State, rows: &'r [Row<'a>]) -> Option<(usize, &'r Row<'a>)> {
    let wanted = state.locals.jvm.chosen.as_deref();
    let at = wanted
        .and_then(|w| rows.iter().position(|r| r.instance == w))
        .unwrap_or(0);
    rows.get(at).map(|r| (at, r))
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let slot = |(part, request)| (SlotId::new(OWNER, part), request);
    let ask = state.ask(body.width);
    if let Some(open) = &state.locals.jvm.open {
        let mut asked = open.requests();
        asked.push((REPORTS, ask.view(ViewName::JvmReports)));
        return asked.into_iter().map(slot).collect();
    }
    let mut asked: Vec<(usize, Request)> = list(&ask).into_iter().enumerate().collect();
    let instant = |m: &names::Meaning, how| ask.instant(m.by_instance(how));
    asked.extend([
        (COMMITTED, instant(&names::HEAP_COMMITTED, How::Value)),
        (THREADS, instant(&names::THREADS, How::Value)),
        (CPU, instant(&names::CPU_SECONDS, How::Rate)),
        (STARTED, instant(&names::STARTED, How::Value)),
        (REPORTS, ask.view(ViewName::JvmReports)),
    ]);
    let trend = state.ask(TREND_WIDTH / 2);
    asked.push((TREND, trend.range(names::HEAP_USED.by_instance(How::Value))));
    let rows = rows(&shown(state, ask));
    if let Some((_, row)) = chosen(state, &rows)
        && let Some(section) = section(state)
    {
        let only = format!("instance={:?}", row.instance);
        let (_, _, below) = places(state.locals.jvm.zoom, rows.len(), body);
        let wide = |width: u16| state.ask(width.saturating_sub(2 + GUTTER));
        let full = names::GC_FULL.of_one(&only, How::Value);
        asked.push((FULL, wide(below.width).range(full)));
        for (i, detail, frame) in visible(state, section, below) {
            let question = wide(frame.width).range(detail.question(&only));
            asked.push((chart_part(state.locals.jvm.section, i), question));
        }
    }
    asked.into_iter().map(slot).collect()
}

/// Each chart of each section has a slot of its own, so that coming back shows what was there.
fn chart_part(section: usize, chart: usize) -> usize {
    CHARTS + section * 10 + chart
}

/// The kept answers of the chosen JVM, the newest first.
fn answers<'a>(state: &'a State, row: Option<&Row<'_>>) -> Vec<&'a JvmReportHead> {
    let slot = state.slots.get(SlotId::new(OWNER, REPORTS));
    let Some(Answer::View(View::JvmReports(heads))) = slot.and_then(|s| s.answer()) else {
        return Vec::new();
    };
    let own = row.map(|r| r.found.map_or(r.instance, |f| f.instance.as_str()));
    let of_it = heads.iter().filter(|h| own == Some(h.instance.as_str()));
    of_it.collect()
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    if state.locals.jvm.open.is_some() {
        return report::act(state, act);
    }
    hold(state);
    if zoom(&mut state.locals.jvm.zoom, act) {
        return Some(Vec::new());
    }
    match act {
        Act::NextPane | Act::PrevPane => {
            let count = SECTIONS.len() + 1;
            let step = if act == Act::NextPane { 1 } else { count - 1 };
            let section = &mut state.locals.jvm.section;
            *section = (*section + step) % count;
            state.locals.jvm.first = 0;
            return Some(Vec::new());
        }
        Act::PageDown | Act::PageUp if section(state).is_some() => {
            turn(state, act == Act::PageDown);
            return Some(Vec::new());
        }
        Act::ThreadDump => return Some(orders::thread_dump(state)),
        Act::ToContainer => {
            match chosen_row(state).filter(|row| !row.container.is_empty()) {
                Some(row) => containers::show_id(state, &row.container),
                None => state.toast("this JVM runs in no container of this server", false),
            }
            return Some(Vec::new());
        }
        Act::ToTraces => {
            match chosen_row(state) {
                Some(row) => traces::of_service(state, &row.application),
                None => state.toast(
                    "what this JVM calls itself in traces is not known here",
                    false,
                ),
            }
            return Some(Vec::new());
        }
        _ => {}
    }
    let (moved, open, count) = {
        let rows = rows(&shown(state, state.ask(state.width)));
        let last = rows.len().checked_sub(1)?;
        let (at, row) = chosen(state, &rows)?;
        let heads = answers(state, Some(row));
        let open = heads.get(state.locals.jvm.answer.at(heads.len()));
        let to = match act {
            Act::Down => (at + 1).min(last),
            Act::Up => at.saturating_sub(1),
            Act::Top => 0,
            Act::Bottom => last,
            _ => at,
        };
        (
            rows[to].instance.to_owned(),
            open.map(|h| (*h).clone()),
            heads.len(),
        )
    };
    let in_answers = section(state).is_none();
    match act {
        Act::Open if in_answers && open.is_some() => {
            state.locals.jvm.open = open.map(|h| report::Open::new(h.t));
        }
        // What a person wants next from a chart is what the JVM is doing.
        Act::Open => state.locals.jvm.section = SECTIONS.len(),
        _ if in_answers => {
            let page = usize::from(state.height / 2);
            return state.locals.jvm.answer.act(act, count, page).then(Vec::new);
        }
        Act::Down | Act::Up | Act::Top | Act::Bottom => state.locals.jvm.chosen = Some(moved),
        _ => return None,
    }
    Some(Vec::new())
}

/// The details alone, the list alone, both; true where it was such a key.
fn zoom(zoom: &mut Zoom, act: Act) -> bool {
    *zoom = match act {
        Act::ZoomPane => zoom.next(Zoom::Lower),
        Act::Escape | Act::Back if *zoom != Zoom::Both => Zoom::Both,
        // What these lead to stands below the list.
        Act::Open | Act::NextPane | Act::PrevPane if *zoom == Zoom::Upper => {
            *zoom = Zoom::Both;
            return false;
        }
        _ => return false,
    };
    true
}

/// A JVM of the list, or an answer of the chosen one.
fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    if state.locals.jvm.open.is_some() {
        return false;
    }
    let (instance, answer) = {
        let rows = rows(&shown(state, state.ask(body.width)));
        let (list, _, below) = places(state.locals.jvm.zoom, rows.len(), body);
        let at = chosen(state, &rows);
        let place = at.map_or(0, |(at, _)| at);
        let row = rows_of::row_under(mouse, list, (place, rows.len()));
        let count = answers(state, at.map(|(_, row)| row)).len();
        let answer = state.locals.jvm.answer.at(count);
        let answer = rows_of::row_under(mouse, below, (answer, count));
        (
            row.map(|row| rows[row].instance.to_owned()),
            answer.filter(|_| section(state).is_none()),
        )
    };
    let hit = instance.is_some() || answer.is_some();
    if let Some(instance) = instance {
        state.locals.jvm.chosen = Some(instance);
        state.locals.jvm.answer.go(0);
    }
    if let Some(row) = answer {
        hold(state);
        state.locals.jvm.answer.go(row);
    }
    hit
}

/// The chosen JVM, where it runs on this server.
fn chosen_row(state: &State) -> Option<JvmRow> {
    let rows = rows(&shown(state, state.ask(state.width)));
    let (_, row) = chosen(state, &rows)?;
    row.found.cloned()
}

/// Opens this tab at a JVM, by the instance of its series.
pub(crate) fn show(state: &mut State, instance: String) {
    if let Some(here) = by_name(NAME) {
        state.tab = here;
        (state.locals.jvm.chosen, state.locals.jvm.open) = (Some(instance), None);
    }
}

/// The logs of the chosen JVM: its container's, else the files that it has open.
fn logs(state: &State) -> Option<logs::Opening> {
    let row = chosen_row(state)?;
    let files: Vec<&str> = row.logs.iter().map(String::as_str).collect();
    let query = if !row.container_name.is_empty() {
        logql::label_query("container", &[row.container_name.as_str()])
    } else if !files.is_empty() {
        logql::label_query("filename", &files)
    } else {
        return None;
    };
    Some(logs::Opening { query, at: None })
}

/// The list is sorted by how full heaps are, which changes: from the first key on, the row that a
/// person looks at stays chosen.
fn hold(state: &mut State) {
    if state.locals.jvm.chosen.is_none() {
        let rows = rows(&shown(state, state.ask(state.width)));
        let row = chosen(state, &rows).map(|(_, row)| row.instance.to_owned());
        state.locals.jvm.chosen = row;
    }
}

/// The next charts of the section, where not all have room; behind the last come the first.
fn turn(state: &mut State, forward: bool) {
    let Some(section) = section(state) else {
        return;
    };
    let rows = rows(&shown(state, state.ask(state.width))).len();
    let body = crate::tui::view::body(state);
    let (_, _, below) = places(state.locals.jvm.zoom, rows, body);
    let count = section.charts.len();
    let visible = frames(count, below).len().max(1);
    let pages = count.div_ceil(visible);
    let page = state.locals.jvm.first / visible;
    let next = if forward { page + 1 } else { page + pages - 1 };
    state.locals.jvm.first = next % pages * visible;
}

fn menu(state: &State) -> Vec<Item> {
    match &state.locals.jvm.open {
        Some(_) => report::menu(state),
        None => orders::menu(state),
    }
}

fn line(state: &State) -> Option<String> {
    if state.locals.jvm.open.is_some() {
        return report::line(state);
    }
    let rows = rows(&shown(state, state.ask(state.width)));
    let (_, row) = chosen(state, &rows)?;
    let pid = row
        .found
        .map_or_else(String::new, |f| format!(" pid {}", f.pid));
    Some(format!("{}{pid}", row.instance))
}

fn export(state: &State) -> Option<Export> {
    report::export(state)
}

/// Cells; one for each of the window's columns, of which a cell of a chart has two.
const TREND_WIDTH: u16 = 12;
const COLUMNS: &[Column] = &[
    Column::left("INSTANCE", 20, 0).growing(),
    Column::right("HEAP", 9, 0),
    Column::right("OF", 9, 1),
    Column::left("", 10, 2),
    Column::right("GC", 7, 0),
    Column::right("COMMITTED", 9, 6),
    Column::left("TREND", TREND_WIDTH, 5),
    Column::right("THREADS", 7, 3),
    Column::right("CPU", 7, 2),
    Column::right("UPTIME", 7, 4),
    Column::right("PID", 7, 3),
    Column::left("CONTAINER", 12, 7),
    Column::left("MACHINE", 14, 8),
];

fn view(state: &State, theme: &Theme, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let look = &Look::of(theme);
    if let Some(open) = &state.locals.jvm.open {
        let place = Place {
            area: body,
            buf,
            look,
        };
        return report::view(state, open, place);
    }
    let ask = state.ask(body.width);
    let list_shown = shown(state, ask);
    let rows = rows(&list_shown);
    let place = Place {
        area: body,
        buf,
        look,
    };
    if rows.is_empty() {
        let why = "No JVM runs on this server, and no scraped target exposes jvm_* metrics.";
        let way = "One that starts here shows up within 15 s; others by scraping them (--config prometheus.yml).";
        plot::empty(&list_shown, LIST_PARTS, why, way, place);
        return None;
    }
    let at = chosen(state, &rows);
    let (list, strip, below) = places(state.locals.jvm.zoom, rows.len(), body);
    paint_list(
        &list_shown,
        &rows,
        Place {
            area: list,
            ..place
        },
    );
    paint_strip(
        state,
        at.map(|(_, row)| row),
        below,
        Place {
            area: strip,
            buf,
            look,
        },
    );
    let place = Place {
        area: below,
        buf,
        look,
    };
    match (section(state), at) {
        (Some(section), Some((_, row))) => paint_section(state, section, row, place),
        (_, at) => {
            let heads = answers(state, at.map(|(_, row)| row));
            report::paint_list(state, &heads, place);
        }
    }
    None
}

fn paint_list(shown: &Shown<'_>, rows: &[Row<'_>], place: Place<'_>) {
    let Place { area, buf, look } = place;
    if area.is_empty() {
        return;
    }
    let frame = Frame {
        title: "JVMs",
        focused: section(shown.state).is_some(),
        ..Frame::default()
    };
    let inside = frame.paint(buf, area, look);
    let selected = chosen(shown.state, rows).map(|(at, _)| at);
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: first_row(shown.state, rows, inside),
        selected,
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| match column {
        0..=4 => cell(&rows[row], column, look),
        _ => further(shown, &rows[row], column, look),
    });
}

/// The first visible row: the chosen one is always among them.
fn first_row(state: &State, rows: &[Row<'_>], inside: Rect) -> usize {
    let at = chosen(state, rows).map_or(0, |(at, _)| at);
    rows_of::offset(at, usize::from(inside.height.saturating_sub(1)), rows.len())
}

/// The columns that only the tab has.
fn further<'a>(shown: &Shown<'_>, row: &Row<'a>, column: usize, look: &Look) -> Entry<'a> {
    let value = |part: usize| {
        let mut points = shown.vector(part).iter();
        let point = points.find(|p| p.labels.get("instance") == row.instance);
        point.map(|p| p.sample.v)
    };
    let number = |v: Option<f64>, unit: Unit| {
        let text = v.map_or_else(|| "-".to_owned(), |v| unit.show(v));
        Entry::new(text, look.dim)
    };
    match column {
        5 => number(value(COMMITTED), Unit::Bytes),
        6 => {
            let mut series = shown.matrix(TREND).iter();
            let own = series.find(|s| s.labels.get("instance") == row.instance);
            let samples = own.map_or(&[][..], |s| &s.samples);
            let marks = shown.state.marks();
            let narrow = Shown {
                ask: shown.state.ask(TREND_WIDTH / 2),
                ..*shown
            };
            let window = plot::chart(&narrow, &marks, Unit::Bytes).window;
            Entry::new(sparkline::line(samples, window, None, look), look.series[0])
        }
        7 => number(value(THREADS), Unit::Short),
        8 => number(value(CPU), Unit::Ratio),
        9 => {
            let began = row.found.map(|f| f.began_at).filter(|t| *t > 0);
            let began = began.or_else(|| value(STARTED).map(|s| (s * 1000.0) as i64));
            let age = began.map(|t| (shown.ask.at - t).max(0) / 1000 * 1000);
            let text = age.map_or_else(|| "-".to_owned(), uptime);
            Entry::new(text, look.dim)
        }
        10 => {
            let pid = row
                .found
                .map_or_else(|| "-".to_owned(), |f| f.pid.to_string());
            Entry::new(pid, look.dim)
        }
        11 => {
            let name = row.found.map_or("", |f| {
                let short = f.container.get(..12).unwrap_or(&f.container);
                Some(f.container_name.as_str())
                    .filter(|name| !name.is_empty())
                    .unwrap_or(short)
            });
            Entry::new(crate::base::text::display(name), look.dim)
        }
        _ => Entry::new(row.found.map_or("", |f| f.machine.as_str()), look.dim),
    }
}

/// The two largest units: `3d4h`, `12m5s`.
fn uptime(ms: i64) -> String {
    let s = ms / 1000;
    let (d, h, m) = (s / 86_400, s / 3600 % 24, s / 60 % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        (0, 0, _) => format!("{m}m{}s", s % 60),
        (0, ..) => format!("{h}h{m}m"),
        _ => format!("{d}d{h}h"),
    }
}

/// The names of the sections, and what should be known of the chosen JVM's numbers.
fn paint_strip(state: &State, row: Option<&Row<'_>>, below: Rect, place: Place<'_>) {
    let Place { area, buf, look } = place;
    if area.is_empty() {
        return;
    }
    let names = SECTIONS.iter().map(|s| s.name).chain([ANSWERS]);
    let mut x = area.x + 1;
    for (i, name) in names.enumerate() {
        let style = if i == state.locals.jvm.section {
            look.focus
        } else {
            look.dim
        };
        x = paint::put(buf, (x, area.y), area.right(), name, style) + 2;
    }
    if let Some(section) = section(state) {
        let (all, seen) = (
            section.charts.len(),
            frames(section.charts.len(), below).len(),
        );
        if seen < all {
            let more = format!("PgDn: {} more", all - seen);
            x = paint::put(buf, (x, area.y), area.right(), &more, look.faint) + 2;
        }
    }
    let remark = row.and_then(|r| r.found).map_or("", |f| f.remark.as_str());
    // Without the list beside them, the details say whose they are.
    let (said, style) = match row {
        Some(row) if state.locals.jvm.zoom == Zoom::Lower => (row.instance, look.title),
        _ => (remark, look.faint),
    };
    let room = usize::from(area.right().saturating_sub(x + 2));
    if room > 20 {
        let said = crate::base::text::display(said);
        let said = crate::base::text::fit(&said, room, look.symbols.ellipsis());
        paint::put_right(buf, (x, area.y), area.right() - 1, &said, style);
    }
}

fn paint_section(state: &State, section: &Section, row: &Row<'_>, place: Place<'_>) {
    let Place { area, buf, look } = place;
    if area.is_empty() {
        return;
    }
    let list = shown(state, state.ask(area.width));
    let at = state.locals.jvm.section;
    let part = |i: usize| chart_part(at, i);
    let charts = visible(state, section, area);
    let settled = charts.iter().all(|(i, ..)| list.answer(part(*i)).is_some());
    if settled
        && !charts
            .iter()
            .any(|(i, ..)| Detail::has_samples(&list, part(*i)))
    {
        let problem = row.found.filter(|f| !f.why.is_empty());
        let why = problem.map_or(section.why_empty, |f| f.why.as_str());
        let way = problem.map_or(section.way_out, |f| f.way_out.as_str());
        let inside = Frame {
            title: section.name,
            ..Frame::default()
        }
        .paint(buf, area, look);
        let place = Place {
            area: inside,
            buf,
            look,
        };
        return plot::empty(&list, 1, why, way, place);
    }
    let heap = Heap {
        full: full_collections(&list, FULL),
        still: row.found.is_some_and(|f| !f.remark.is_empty()),
    };
    for (i, detail, frame) in charts {
        let ask = state.ask(frame.width.saturating_sub(2 + GUTTER));
        let place = Place {
            area: frame,
            buf,
            look,
        };
        detail.paint(&shown(state, ask), part(i), &heap, place);
    }
}
