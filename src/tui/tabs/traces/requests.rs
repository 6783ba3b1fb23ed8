//! The list of traces: one row a request.

use crate::base::units::format_nanoseconds;
use crate::model::answer::TraceHit;
use crate::model::request::TraceOrder;
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::list::{self, Empty};
use crate::tui::tabs::traces::{FOUND, Pane, found, ms, shown_name};
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const COLUMNS: &[Column] = &[
    Column::left("TIME", 12, 0),
    Column::right("TOOK", 8, 0),
    Column::left("SERVICE", 14, 1),
    Column::left("REQUEST", 20, 0).growing(),
    Column::right("SPANS", 6, 3),
    Column::right("ERRORS", 6, 2),
    Column::left("TRACE", 16, 4),
];

/// What stands where the root has not arrived.
const NO_ROOT: &str = "root span not yet received";

pub(super) fn chosen(state: &State) -> Option<&TraceHit> {
    let hits = found(state);
    hits.get(state.locals.traces.list.at(hits.len()))
}

pub(super) fn next(order: TraceOrder) -> TraceOrder {
    match order {
        TraceOrder::Newest => TraceOrder::Slowest,
        TraceOrder::Slowest => TraceOrder::Spans,
        TraceOrder::Spans => TraceOrder::Errors,
        TraceOrder::Errors => TraceOrder::Newest,
    }
}

fn first(order: TraceOrder) -> &'static str {
    match order {
        TraceOrder::Newest => "newest first",
        TraceOrder::Slowest => "slowest first",
        TraceOrder::Spans => "most spans first",
        TraceOrder::Errors => "most errors first",
    }
}

pub(super) fn paint(state: &State, look: &Look, place: Rect, buf: &mut Buffer) {
    let hits = found(state);
    let local = &state.locals.traces;
    let boxed = local
        .picked
        .map(|p| format!("in the box: {}", p.words(state)));
    let up_to = state
        .time
        .cursor
        .map(|t| format!("up to {}", state.time.clock(t)));
    let failed = state.slots.get(FOUND).and_then(|s| s.error());
    let failed = failed.map(|e| shown_name(Some(&e.to_string()), ""));
    let remark_style = if failed.is_some() {
        look.bad
    } else {
        look.mark
    };
    let remark = failed.or(boxed).or(up_to).unwrap_or_default();
    let frame = Frame {
        title: "Requests",
        headline: first(local.order),
        headline_style: look.dim,
        remark: &remark,
        remark_style,
        focused: local.pane == Pane::Requests,
    };
    let inside = frame.paint(buf, place, look);
    if hits.is_empty() {
        if local.picked.is_some() {
            why_none(state, FOUND, look, (inside, buf));
        }
        return;
    }
    let at = local.list.at(hits.len());
    let table = Table {
        columns: COLUMNS,
        rows: hits.len(),
        offset: list::offset(at, inside.height.saturating_sub(1).into(), hits.len()),
        selected: Some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| {
        let hit = &hits[row];
        let failed = hit.errors > 0;
        let word = |t: &Option<String>, or: &str| {
            let shown = shown_name(t.as_deref(), or);
            Entry::new(shown, if t.is_some() { look.text } else { look.dim })
        };
        match column {
            0 => Entry::new(state.time.clock(ms(hit.start)), look.dim),
            1 => Entry::new(
                format_nanoseconds(hit.duration),
                if failed { look.bad } else { look.text },
            ),
            2 => word(&hit.root_service, "-"),
            3 => word(&hit.root_name, NO_ROOT),
            4 => Entry::new(hit.spans.to_string(), look.dim),
            5 if failed => Entry::new(hit.errors.to_string(), look.bad),
            5 => Entry::new("", look.dim),
            _ => Entry::new(hit.id.to_string(), look.dim),
        }
    });
}

/// Why no dot is here, and what to type for the first.
pub(super) fn why_none(
    state: &State,
    slot: SlotId,
    look: &Look,
    (place, buf): (Rect, &mut Buffer),
) {
    let local = &state.locals.traces;
    let empty = Empty {
        slot: state.slots.get(slot),
        nothing: "No request in this time. Applications send spans to 127.0.0.1:4317 (OTLP gRPC), :4318 (OTLP HTTP) or :9411 (Zipkin).",
        way_out: "In a container 127.0.0.1 is the container itself. This line in the configuration listens for containers:   traces: {otlp_grpc: containers:4317, otlp_http: containers:4318}",
        filtered: !local.query.is_empty() || local.picked.is_some(),
    };
    list::why_empty(buf, place, look, empty);
}

pub(super) fn csv(state: &State) -> String {
    let mut out = String::from("trace,start,duration_ns,service,request,spans,errors\r\n");
    for hit in found(state) {
        let name = |t: &Option<String>| list::csv(t.as_deref().unwrap_or_default());
        out.push_str(&format!(
            "{},{},{},{},{},{},{}\r\n",
            hit.id,
            state.time.rfc3339(ms(hit.start)),
            hit.duration,
            name(&hit.root_service),
            name(&hit.root_name),
            hit.spans,
            hit.errors
        ));
    }
    out
}
