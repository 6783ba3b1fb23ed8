//! Tab 6, Traces: every request a dot, the requests in a list, and one of them span by span.
//!
//! The query bar takes words (`error`, `>200ms`, `service=shop`) or TraceQL; the engine's order is
//! exact, so what stands first is the newest, the slowest, or what was asked for. A box drawn in the
//! scatter lists what is inside. Of one trace, of a box or of all that is listed there are a call
//! tree, a flame graph, statistics by any attribute, the map of services, and a comparison.
//!
//! [`scatter`] paints dots, [`boxed`] the box over them, [`endpoints`] the table beside, [`requests`]
//! the list; [`waterfall`] is an open trace and [`report`] what several did together.

mod bar;
mod boxed;
mod detail;
mod endpoints;
mod links;
mod report;
mod requests;
pub(crate) mod scatter;
mod waterfall;

pub(crate) use links::query_of_container;

use crate::base::text;
use crate::model::answer::{Answer, TraceHit};
use crate::model::request::{Request, SpanRequest, TraceOrder, TraceQuery};
use crate::model::span::TraceId;
use crate::model::trace_report::{ReportAnswer, ReportKind, TracePick, TraceReport};
use crate::query::syntax::traceql_of_words;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::line_edit::LineEdit;
use crate::tui::overlay::{Item, Prompt, PromptKind, Run};
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::{Export, Tab, by_name, list, logs};
use crate::tui::theme::Theme;
use crate::tui::time_cursor::Window;
use crate::tui::view;
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

const NAME: &str = "Traces";
/// Requests that are listed at first; more are asked for when the list is gone through.
const LISTED: usize = 200;
const MOST_LISTED: usize = 5_000;
/// Requests that dots, tables and reports are made of: the newest.
const LOOKED_AT: usize = 10_000;
/// From this width on the table of endpoints stands beside the dots.
const WIDE: u16 = 110;

const fn part(part: u16) -> SlotId {
    SlotId { owner: NAME, part }
}
const FOUND: SlotId = part(0);
const OPENED: SlotId = part(1);
const PLOT: SlotId = part(2);
const REPORT: SlotId = part(3);
const AGAINST: SlotId = part(4);
const TAGS: SlotId = part(5);
const VALUES: SlotId = part(6);

pub(crate) const TAB: Tab = Tab {
    digit: Some('6'),
    requests: asked,
    act,
    key: bar::key,
    paste: bar::paste,
    click: boxed::click,
    prompt,
    prompted,
    menu,
    logs: logs_of_chosen,
    line,
    export: |state| Some(export(state)),
    ..Tab::new(
        NAME,
        "requests as dots by time and latency, as a list, and span by span",
        view,
    )
};

/// Which pane has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    Requests,
    Dots,
    Endpoints,
}

#[derive(Debug, Default)]
pub(crate) struct Local {
    bar: bar::Bar,
    /// As it was typed.
    query: String,
    order: TraceOrder,
    list: list::Cursor,
    /// Further requests that are asked for, beyond the first.
    more: usize,
    pane: Pane,
    /// The pane has the whole screen.
    zoomed: bool,
    endpoints: list::Cursor,
    sketch: Option<boxed::Sketch>,
    picked: Option<boxed::Picked>,
    open: Option<waterfall::Open>,
    report: Option<report::Open>,
    /// What the next one is compared with.
    marked: Option<report::Subject>,
}

/// Opens this tab with one trace.
pub(crate) fn show(state: &mut State, id: TraceId) {
    if let Some(here) = by_name(NAME) {
        state.tab = here;
        let local = &mut state.locals.traces;
        (local.report, local.sketch) = (None, None);
        local.open = Some(waterfall::Open::new(id));
    }
}

/// Opens this tab with what a query finds, words or TraceQL, now or around an instant.
pub(crate) fn find(state: &mut State, query: &str, at: Option<i64>) {
    if let Some(here) = by_name(NAME) {
        state.tab = here;
        state.locals.traces.sketch = None;
        take_query(state, query);
        if let Some(at) = at {
            state.time.go_to(at, state.now);
        }
    }
}

/// Opens this tab with the requests that a service had a part in.
pub(crate) fn of_service(state: &mut State, service: &str) {
    find(
        state,
        &format!("{{ resource.service.name = {service:?} }}"),
        None,
    );
}

/// The traces that were found; none until an answer is there.
fn found(state: &State) -> &[TraceHit] {
    match state.slots.get(FOUND).and_then(Slot::answer) {
        Some(Answer::Traces(answer)) => &answer.traces,
        _ => &[],
    }
}

/// What was told of several traces in this slot.
fn told(state: &State, slot: SlotId) -> Option<&ReportAnswer> {
    match state.slots.get(slot)?.answer()? {
        Answer::Report(report) => Some(report),
        _ => None,
    }
}

/// Where what stands in the main view.
#[derive(Clone, Copy, Debug)]
struct Layout {
    bar: Rect,
    /// With their borders.
    dots: Rect,
    endpoints: Rect,
    list: Rect,
}

fn layout(state: &State, body: Rect) -> Layout {
    let row = |y: u16, height: u16| Rect {
        y: body.y + y,
        height: height.min(body.height.saturating_sub(y)),
        ..body
    };
    let upper = (body.height * 9 / 20).clamp(body.height.min(7), 26);
    let top = row(1, upper);
    let side = if body.width >= WIDE {
        (body.width * 2 / 5).min(90)
    } else {
        0
    };
    let dots = Rect {
        width: top.width - side,
        ..top
    };
    let beside = Rect {
        x: dots.right(),
        width: side,
        ..top
    };
    if state.locals.traces.zoomed {
        return zoomed(state.locals.traces.pane, row(0, 1), row(1, body.height));
    }
    // Where there is no room for both, the one with the keys is shown.
    let alone = side == 0 && state.locals.traces.pane == Pane::Endpoints;
    let (dots, endpoints) = match (alone, side) {
        (true, _) => (Rect { width: 0, ..top }, top),
        (_, 0) => (top, Rect { width: 0, ..top }),
        _ => (dots, beside),
    };
    Layout {
        bar: row(0, 1),
        dots,
        endpoints,
        list: row(1 + upper, body.height),
    }
}

/// One pane alone.
fn zoomed(pane: Pane, bar: Rect, all: Rect) -> Layout {
    let none = Rect {
        width: 0,
        height: 0,
        ..all
    };
    let only = |wanted| if pane == wanted { all } else { none };
    Layout {
        bar,
        dots: only(Pane::Dots),
        endpoints: only(Pane::Endpoints),
        list: only(Pane::Requests),
    }
}

fn ns(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000)
}

fn ms(ns: u64) -> i64 {
    (ns / 1_000_000) as i64
}

/// The stretch of time that is looked at; it stands while a box is drawn.
fn window(state: &State, body: Rect) -> Window {
    let frozen = state.locals.traces.sketch.as_ref().map(|s| s.window);
    let plot = scatter::plot(layout(state, body).dots);
    frozen.unwrap_or_else(|| state.ask(plot.width.max(20)).window)
}

/// The query as TraceQL; the bar takes only what reads, so this is always one.
fn query(state: &State) -> String {
    traceql_of_words(&state.locals.traces.query).unwrap_or_default()
}

/// The search for what is listed.
fn search(state: &State, body: Rect, limit: usize) -> TraceQuery {
    let local = &state.locals.traces;
    let window = window(state, body);
    let picked = local.picked;
    // With a time cursor the list is that of its instant.
    let to = match state.time.cursor {
        Some(at) if picked.is_none() => at.min(window.end),
        _ => window.end,
    };
    TraceQuery {
        query: query(state),
        from: picked.map_or(ns(window.start), |p| p.from),
        to: picked.map_or(ns(to), |p| p.to),
        limit,
        per_set: 0,
        order: local.order,
        shortest: picked.map(|p| p.shortest),
        longest: picked.map(|p| p.longest),
    }
}

fn asked(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let local = &state.locals.traces;
    let span = |request| Request::Spans(request);
    let mut out = bar::asked(state, body);
    if let Some(report) = &local.report {
        out.extend(report.asked());
        return out;
    }
    if let Some(open) = &local.open {
        if waterfall::may_grow(state) {
            out.push((OPENED, span(SpanRequest::Trace { id: open.id })));
        }
        return out;
    }
    let limit = (LISTED + local.more).min(MOST_LISTED);
    let listed = search(state, body, limit);
    out.push((FOUND, span(SpanRequest::Search(listed))));
    out.push((PLOT, span(SpanRequest::Report(plot(state, body)))));
    out
}

/// Dots and endpoints of the window, whatever box is chosen in it.
fn plot(state: &State, body: Rect) -> TraceReport {
    let window = window(state, body);
    let width = scatter::plot(layout(state, body).dots).width.max(1);
    let of = TraceQuery {
        query: query(state),
        from: ns(window.start),
        to: ns(window.end),
        limit: LOOKED_AT,
        per_set: 0,
        order: TraceOrder::Newest,
        shortest: None,
        longest: None,
    };
    TraceReport {
        parts: vec![
            ReportKind::Dots {
                from: of.from,
                to: of.to,
                columns: width * scatter::COLUMNS,
            },
            endpoints::kind(),
        ],
        of: TracePick::Found(of),
    }
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    if state.locals.traces.report.is_some() {
        return report::act(state, act);
    }
    if report::begin(state, act) || links::follow(state, act) {
        return Some(Vec::new());
    }
    if state.locals.traces.open.is_some() {
        return waterfall::act(state, act);
    }
    if state.locals.traces.sketch.is_some() {
        return boxed::act(state, act);
    }
    if state.locals.traces.pane == Pane::Endpoints
        && let Some(cmds) = endpoints::act(state, act)
    {
        return Some(cmds);
    }
    let count = found(state).len();
    let page = usize::from(layout(state, view::body(state)).list.height).saturating_sub(3);
    let chosen = requests::chosen(state).map(|hit| hit.id);
    let at = state.locals.traces.list.at(count);
    let error = list::to_match(act, at, count, |i| found(state)[i].errors > 0);
    let local = &mut state.locals.traces;
    if local.list.act(act, count, page) {
        // Near the end of what is known, more is asked for.
        if local.list.at(count) + page >= count && count >= LISTED + local.more {
            local.more = (local.more + LISTED).min(MOST_LISTED);
        }
        return Some(Vec::new());
    }
    match act {
        Act::NextError | Act::PrevError => local.list.go(error),
        Act::Open => local.open = chosen.map(waterfall::Open::new),
        Act::Sort => {
            local.order = requests::next(local.order);
            local.list = list::Cursor::default();
        }
        Act::Mark => boxed::begin(state),
        Act::ZoomPane => local.zoomed = !local.zoomed,
        Act::NextPane | Act::PrevPane => {
            local.pane = match (local.pane, act == Act::NextPane) {
                (Pane::Requests, true) | (Pane::Endpoints, false) => Pane::Dots,
                (Pane::Dots, true) | (Pane::Requests, false) => Pane::Endpoints,
                (Pane::Endpoints, true) | (Pane::Dots, false) => Pane::Requests,
            };
        }
        Act::Escape | Act::Back if local.zoomed => local.zoomed = false,
        Act::Escape | Act::Back if local.picked.is_some() => local.picked = None,
        Act::Escape | Act::Back if !local.query.is_empty() => local.query.clear(),
        Act::Filter => bar::begin(state),
        _ => return None,
    }
    Some(Vec::new())
}

/// Takes a query as if it had been typed: the list of what it finds.
fn take_query(state: &mut State, text: &str) {
    let local = &mut state.locals.traces;
    text.trim().clone_into(&mut local.query);
    (local.open, local.report, local.picked) = (None, None, None);
    (local.list, local.more) = (list::Cursor::default(), 0);
    (local.pane, local.zoomed) = (Pane::Requests, false);
    local.bar.remember(text);
}

fn prompt(state: &State, tag: &'static str) -> Prompt {
    let local = &state.locals.traces;
    let typed = match &local.open {
        Some(open) if tag == waterfall::FILTER => open.filter.clone(),
        _ => String::new(),
    };
    let (title, hint) = if tag == waterfall::FILTER {
        (
            "Filter spans",
            "words in name, service, attributes; !word leaves out; error  >5ms  <1s",
        )
    } else {
        (
            "Group spans by",
            "name, service, http.route, or a field as in TraceQL",
        )
    };
    Prompt {
        edit: LineEdit::new(typed),
        ..Prompt::new(PromptKind::Tab(tag), title, "", hint)
    }
}

fn prompted(state: &mut State, tag: &'static str, typed: &str) -> Result<Vec<Cmd>, String> {
    match tag {
        waterfall::FILTER => {
            if let Some(open) = &mut state.locals.traces.open {
                open.filter_by(typed)?;
            }
        }
        "open" => {
            let id = TraceId::parse(typed).ok_or_else(|| format!("{typed:?} is no trace id"))?;
            show(state, id);
        }
        "query" => {
            traceql_of_words(typed).map_err(|fault| fault.to_string())?;
            take_query(state, typed);
        }
        _ => report::prompted(state, tag, typed),
    }
    Ok(Vec::new())
}

/// The trace that is open or chosen.
fn chosen_trace(state: &State) -> Option<TraceId> {
    match &state.locals.traces.open {
        Some(open) => Some(open.id),
        None => requests::chosen(state).map(|hit| hit.id),
    }
}

fn line(state: &State) -> Option<String> {
    if state.locals.traces.report.is_some() {
        return report::line(state);
    }
    match &state.locals.traces.open {
        Some(_) => waterfall::line(state),
        None => chosen_trace(state).map(|id| id.to_string()),
    }
}

/// The lines that name the trace that is open or chosen.
fn logs_of_chosen(state: &State) -> Option<logs::Opening> {
    let local = &state.locals.traces;
    if local.report.is_some() {
        return None;
    }
    let (id, begun) = match &local.open {
        Some(open) => (open.id, waterfall::begun(state)?),
        None => requests::chosen(state).map(|hit| (hit.id, hit.start))?,
    };
    Some(logs::Opening::of_trace(id, ms(begun)))
}

fn menu(state: &State) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some(to) = logs_of_chosen(state) {
        let keys = state.keymap.label(Act::Logs);
        let said = "the lines that name it, around this time";
        items.push(Item::new("logs of this trace", said, Run::Logs(to)).keys(keys));
    }
    items.extend(links::menu(state));
    items.extend(report::menu(state));
    if state.locals.traces.open.is_some() {
        items.extend(waterfall::menu(state));
    }
    if let Some(id) = chosen_trace(state) {
        let id = id.to_string();
        let command = format!("bongsu trace {id}");
        items.extend([
            Item::new("copy the trace's id", id.clone(), Run::Copy(id)),
            Item::new(
                "copy the command that shows it",
                command.clone(),
                Run::Copy(command),
            ),
        ]);
    }
    items
}

fn export(state: &State) -> Export {
    if state.locals.traces.report.is_some() {
        return report::export(state);
    }
    if state.locals.traces.open.is_some() {
        return Export {
            kind: "txt",
            text: waterfall::text(state),
        };
    }
    Export {
        kind: "csv",
        text: requests::csv(state),
    }
}

fn view(state: &State, theme: &Theme, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let look = &Look::of(theme);
    let local = &state.locals.traces;
    if local.report.is_some() {
        report::view(state, look, body, buf);
        return None;
    }
    if local.open.is_some() {
        waterfall::view(state, look, body, buf);
        return None;
    }
    let places = layout(state, body);
    if places.dots.width > 0 {
        dots(state, look, places.dots, buf);
    }
    if places.endpoints.width > 0 {
        endpoints::paint(state, look, places.endpoints, buf);
    }
    if places.list.height > 0 {
        requests::paint(state, look, places.list, buf);
    }
    bar::paint(state, theme, (places.bar, body), buf)
}

/// The scatter with its border.
fn dots(state: &State, look: &Look, place: Rect, buf: &mut Buffer) {
    let plot = scatter::dots(told(state, PLOT));
    let (good, failed) = plot.map_or((0, 0), scatter::sums);
    let all = good + failed;
    let cut = told(state, PLOT).is_some_and(|r| r.cut);
    let headline = match (all, cut) {
        (0, _) => String::new(),
        (n, true) => format!("the newest {n} requests, {failed} failed"),
        (1, _) => format!("1 request, {failed} failed"),
        (n, _) => format!("{n} requests, {failed} failed"),
    };
    let frame = Frame {
        title: "Latency",
        headline: &headline,
        headline_style: if failed > 0 { look.warn } else { look.dim },
        focused: state.locals.traces.pane == Pane::Dots,
        ..Frame::default()
    };
    let inside = frame.paint(buf, place, look);
    match plot {
        Some(plot) if all > 0 => {
            let chosen = requests::chosen(state).map(|h| (h.start, h.duration));
            let marks = state.marks();
            let chart = scatter::Chart {
                dots: plot,
                chosen,
                cursor: state.time.cursor,
                marks: &marks,
                clock: &|t| state.time.clock(t),
            };
            chart.paint(look, inside, buf);
            boxed::paint(state, look, place, buf);
        }
        _ => requests::why_none(state, PLOT, look, (inside, buf)),
    }
}

/// A name as it may stand on a screen, or what to say where there is none.
fn shown_name(name: Option<&str>, or: &str) -> String {
    text::display(name.unwrap_or(or)).into_owned()
}
