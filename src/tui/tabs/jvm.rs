//! Tab 4, JVM: every JVM in a list, and the chosen one's heap, collections, threads and allocation.
//!
//! Found on this server or scraped: both are series, so history and rewind are the same code. Spring
//! services that expose no such metrics but run here are read from their own counters.

use crate::model::request::{Request, ViewName};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::panel::jvm::{GC_SHARE, HEAP_MAX, HEAP_USED, Row, cell, rows};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Shown};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::Tab;
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::chart::{Form, GUTTER};
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Table};
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Owner of this tab's slots.
const OWNER: &str = "jvm-tab";
/// Questions of the list, before those of the charts.
const LIST_PARTS: usize = 4;

pub(crate) const TAB: Tab = Tab {
    digit: Some('4'),
    requests,
    act,
    ..Tab::new(
        "JVM",
        "heap, collections, threads and allocation of every JVM",
        view,
    )
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    /// The chosen instance; the first of the list until a person chooses.
    chosen: Option<String>,
}

/// One chart of the chosen JVM.
struct Detail {
    title: &'static str,
    unit: Unit,
    form: Form,
    /// The label that names its curves.
    by: &'static str,
    /// PromQL; `$` stands for the matcher of the instance.
    expr: &'static str,
}

const DETAILS: [Detail; 4] = [
    Detail {
        title: "Heap by pool",
        unit: Unit::Bytes,
        form: Form::Stack,
        by: "pool",
        expr: "sum by (pool) (label_replace(label_replace({__name__=~\"jvm_memory_used_bytes|jvm_memory_pool_used_bytes|jvm_memory_pool_bytes_used\",$,area!=\"nonheap\"}, \"pool\", \"$1\", \"id\", \"(.+)\"), \"pool\", \"$1\", \"jvm_memory_pool_name\", \"(.+)\"))",
    },
    Detail {
        title: "Time in collections",
        unit: Unit::Ratio,
        form: Form::Curves,
        by: "gc",
        expr: "sum by (gc) (rate({__name__=~\"jvm_gc_pause_seconds_sum|jvm_gc_collection_seconds_sum|jvm_gc_duration_seconds_sum\",$}[2m]))",
    },
    Detail {
        title: "Threads",
        unit: Unit::Short,
        form: Form::Curves,
        by: "__name__",
        expr: "{__name__=~\"jvm_threads_(live|daemon|peak)_threads|jvm_threads_(current|daemon|peak)\",$}",
    },
    Detail {
        title: "Allocation",
        unit: Unit::BytesPerSecond,
        form: Form::Curves,
        by: "instance",
        expr: "sum by (instance) (rate({__name__=~\"jvm_gc_memory_allocated_bytes_total|jvm_memory_pool_allocated_bytes_total\",$}[2m]))",
    },
];

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

/// The list on top, and the frames of the charts below it.
fn places(rows: usize, body: Rect) -> (Rect, Vec<Rect>) {
    let wanted = (rows as u16 + 3).max(4);
    let list = Rect {
        height: wanted.min(body.height / 3).max(4).min(body.height),
        ..body
    };
    let below = Rect {
        y: list.bottom(),
        height: body.height - list.height,
        ..body
    };
    let columns: u16 = if body.width >= 100 { 2 } else { 1 };
    let lines = (below.height / 6).clamp(1, DETAILS.len() as u16 / columns);
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
    (
        list,
        (0..lines * columns)
            .map(place)
            .filter(|p| p.height > 2)
            .collect(),
    )
}

/// The instance whose charts are shown, and its place in the list.
fn chosen<'a>(state: &State, rows: &[Row<'a>]) -> Option<(usize, &'a str)> {
    let wanted = state.locals.jvm.chosen.as_deref();
    let at = wanted
        .and_then(|w| rows.iter().position(|r| r.instance == w))
        .unwrap_or(0);
    rows.get(at).map(|r| (at, r.instance))
}

fn requests(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let ask = state.ask(body.width);
    let rows = rows(&shown(state, ask));
    let mut asked = vec![
        ask.instant(HEAP_USED),
        ask.instant(HEAP_MAX),
        ask.instant(GC_SHARE),
        ask.view(ViewName::Jvms),
    ];
    if let Some((_, instance)) = chosen(state, &rows) {
        let only = format!("instance={instance:?}");
        let (_, charts) = places(rows.len(), body);
        for (detail, place) in DETAILS.iter().zip(charts) {
            let ask = state.ask(place.width.saturating_sub(2 + GUTTER));
            asked.push(
                ask.range(
                    detail
                        .expr
                        .replace("$,", &format!("{only},"))
                        .replace(",$}", &format!(",{only}}}")),
                ),
            );
        }
    }
    let slots = asked.into_iter().enumerate();
    slots
        .map(|(part, request)| (SlotId::new(OWNER, part), request))
        .collect()
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let moved = {
        let rows = rows(&shown(state, state.ask(state.width)));
        let last = rows.len().checked_sub(1)?;
        let (at, _) = chosen(state, &rows)?;
        let to = match act {
            Act::Down => (at + 1).min(last),
            Act::Up => at.saturating_sub(1),
            Act::Top => 0,
            Act::Bottom => last,
            _ => return None,
        };
        rows[to].instance.to_owned()
    };
    state.locals.jvm.chosen = Some(moved);
    Some(Vec::new())
}

const COLUMNS: &[Column] = &[
    Column::left("INSTANCE", 20, 0).growing(),
    Column::right("HEAP", 9, 0),
    Column::right("OF", 9, 1),
    Column::left("", 10, 2),
    Column::right("GC", 7, 0),
];

fn view(state: &State, theme: &Theme, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let look = &Look::of(theme);
    let ask = state.ask(body.width);
    let list_shown = shown(state, ask);
    let rows = rows(&list_shown);
    if rows.is_empty() {
        let why = "No JVM runs on this server, and no scraped target exposes jvm_* metrics.";
        let way = "One that starts here shows up within 15 s; others by scraping them (--config prometheus.yml).";
        plot::empty(
            &list_shown,
            LIST_PARTS,
            why,
            way,
            Place {
                area: body,
                buf,
                look,
            },
        );
        return None;
    }
    let at = chosen(state, &rows);
    let (list, charts) = places(rows.len(), body);
    let frame = Frame {
        title: "JVMs",
        focused: true,
        ..Frame::default()
    };
    let inside = frame.paint(buf, list, look);
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: at.map(|(at, _)| at),
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| {
        cell(&rows[row], column, look)
    });
    let row = at.and_then(|(at, _)| rows.get(at));
    for (i, (detail, place)) in DETAILS.iter().zip(charts).enumerate() {
        paint_detail(
            state,
            (i + LIST_PARTS, detail, row),
            Place {
                area: place,
                buf,
                look,
            },
        );
    }
    None
}

fn paint_detail(
    state: &State,
    (part, detail, row): (usize, &Detail, Option<&Row<'_>>),
    place: Place<'_>,
) {
    let Place { area, buf, look } = place;
    let inside = Frame {
        title: detail.title,
        ..Frame::default()
    }
    .paint(buf, area, look);
    let shown = shown(state, state.ask(inside.width.saturating_sub(GUTTER)));
    let series = shown.matrix(part);
    if series.iter().all(|s| s.samples.is_empty()) {
        let found = row.and_then(|r| r.found);
        let why = found.map_or("No samples in this stretch of time.", |f| {
            if f.why.is_empty() {
                "This JVM does not tell."
            } else {
                f.why.as_str()
            }
        });
        let way = found.map_or(plot::OTHER_TIME, |f| f.way_out.as_str());
        plot::empty(
            &shown,
            1,
            why,
            way,
            Place {
                area: inside,
                buf,
                look,
            },
        );
        return;
    }
    let marks = state.marks();
    let mut chart = plot::chart(&shown, &marks, detail.unit);
    chart.form = detail.form;
    chart.curves = plot::curves(series, look, |labels| labels.get(detail.by));
    chart.paint(buf, inside, look);
}
