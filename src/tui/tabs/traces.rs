//! Tab 6, Traces: every request a dot, the requests in a list, and one of them span by span.
//!
//! The query bar takes words (`error`, `>200ms`, `service=shop`) or TraceQL; the engine's order is
//! exact, so what stands first is the newest, the slowest, or what was asked for.

mod detail;
mod requests;
mod scatter;
mod services;
mod waterfall;

use crate::base::text;
use crate::model::answer::{Answer, TraceHit};
use crate::model::request::{Request, SpanRequest, TraceOrder, TraceQuery};
use crate::model::span::TraceId;
use crate::query::syntax::traceql_of_words;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::line_edit::LineEdit;
use crate::tui::overlay::{Item, Overlay, Prompt, PromptKind, Run};
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::{Export, Tab, by_name, list, logs};
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

const NAME: &str = "Traces";
/// Traces that are asked for: more dots than a screen has cells say nothing more.
const LIMIT: usize = 2_000;
const FOUND: SlotId = SlotId {
    owner: NAME,
    part: 0,
};
const OPENED: SlotId = SlotId {
    owner: NAME,
    part: 1,
};

pub(crate) const TAB: Tab = Tab {
    digit: Some('6'),
    requests: asked,
    act,
    prompt,
    prompted,
    menu,
    logs: logs_of_chosen,
    line: |state| match &state.locals.traces.open {
        Some(_) => waterfall::line(state),
        None => requests::chosen(state).map(|hit| hit.id.to_string()),
    },
    export: |state| Some(export(state)),
    ..Tab::new(
        NAME,
        "requests as dots by time and latency, as a list, and span by span",
        view,
    )
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    /// As it was typed.
    query: String,
    order: TraceOrder,
    list: list::Cursor,
    open: Option<waterfall::Open>,
}

/// Opens this tab with one trace.
pub(crate) fn show(state: &mut State, id: TraceId) {
    if let Some(here) = by_name(NAME) {
        state.tab = here;
        state.locals.traces.open = Some(waterfall::Open::new(id));
    }
}

/// Opens this tab with what a query picks around an instant.
pub(crate) fn look(state: &mut State, query: &str, at: i64) {
    if let Some(here) = by_name(NAME) {
        state.tab = here;
        let local = &mut state.locals.traces;
        query.clone_into(&mut local.query);
        local.open = None;
        local.list = list::Cursor::default();
        state.time.go_to(at, state.now);
    }
}

/// The traces that were found; none until an answer is there.
fn found(state: &State) -> &[TraceHit] {
    match state.slots.get(FOUND).and_then(Slot::answer) {
        Some(Answer::Traces(answer)) => &answer.traces,
        _ => &[],
    }
}

fn asked(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let local = &state.locals.traces;
    let window = state.time.window(state.now, body.width);
    // A prompt takes only what reads, so that this is always a query.
    let query = traceql_of_words(&local.query).unwrap_or_default();
    let ns = |ms: i64| u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000);
    let search = SpanRequest::Search(TraceQuery {
        query,
        from: ns(window.start),
        to: ns(window.end),
        limit: LIMIT,
        per_set: 0,
        order: local.order,
        shortest: None,
        longest: None,
    });
    let mut out = vec![(FOUND, Request::Spans(search))];
    if let Some(open) = &local.open {
        out.push((OPENED, Request::Spans(SpanRequest::Trace { id: open.id })));
    }
    out
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    if state.locals.traces.open.is_some() {
        return waterfall::act(state, act);
    }
    let count = found(state).len();
    let page = usize::from(state.height / 3);
    if state.locals.traces.list.act(act, count, page) {
        return Some(Vec::new());
    }
    let chosen = requests::chosen(state).map(|hit| hit.id);
    let at = state.locals.traces.list.at(count);
    let error = list::to_match(act, at, count, |i| found(state)[i].errors > 0);
    let local = &mut state.locals.traces;
    match act {
        Act::NextError | Act::PrevError => local.list.go(error),
        Act::Open => local.open = chosen.map(waterfall::Open::new),
        Act::Sort => {
            local.order = requests::next(local.order);
            local.list = list::Cursor::default();
        }
        Act::Escape | Act::Back if !local.query.is_empty() => local.query.clear(),
        Act::Filter => {
            let prompt = prompt(state, "query");
            state.overlays.push(Overlay::Prompt(prompt));
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn prompt(state: &State, tag: &'static str) -> Prompt {
    let local = &state.locals.traces;
    let typed = match (tag, &local.open) {
        ("spans", Some(open)) => open.filter.clone(),
        _ => local.query.clone(),
    };
    let (title, hint) = if tag == "spans" {
        (
            "Filter spans",
            "words that must stand in name, service or attributes; !word leaves out",
        )
    } else {
        (
            "Find traces",
            "words, service=shop, >200ms, error, or TraceQL: { .a = 1 }",
        )
    };
    Prompt {
        edit: LineEdit::new(typed),
        ..Prompt::new(PromptKind::Tab(tag), title, hint, "")
    }
}

fn prompted(state: &mut State, tag: &'static str, typed: &str) -> Result<Vec<Cmd>, String> {
    let local = &mut state.locals.traces;
    if let ("spans", Some(open)) = (tag, &mut local.open) {
        typed.trim().clone_into(&mut open.filter);
        return Ok(Vec::new());
    }
    traceql_of_words(typed).map_err(|fault| fault.to_string())?;
    typed.trim().clone_into(&mut local.query);
    local.list = list::Cursor::default();
    Ok(Vec::new())
}

/// The lines that name the trace that is open or chosen.
fn logs_of_chosen(state: &State) -> Option<logs::Opening> {
    let (id, begun) = match &state.locals.traces.open {
        Some(open) => (open.id, waterfall::begun(state)?),
        None => requests::chosen(state).map(|hit| (hit.id, hit.start))?,
    };
    let at = i64::try_from(begun / 1_000_000).ok()?;
    Some(logs::Opening::of_trace(id, at))
}

fn menu(state: &State) -> Vec<Item> {
    let chosen = match &state.locals.traces.open {
        Some(open) => Some(open.id),
        None => requests::chosen(state).map(|hit| hit.id),
    };
    let Some(id) = chosen else {
        return Vec::new();
    };
    let id = id.to_string();
    let command = format!("bongsu trace {id}");
    let mut items = Vec::new();
    if let Some(to) = logs_of_chosen(state) {
        let keys = state.keymap.label(Act::Logs);
        let said = "the lines that name it, around this time";
        items.push(Item::new("logs of this trace", said, Run::Logs(to)).keys(keys));
    }
    items.extend([
        Item::new("copy the trace's id", id.clone(), Run::Copy(id)),
        Item::new(
            "copy the command that shows it",
            command.clone(),
            Run::Copy(command),
        ),
    ]);
    items
}

fn export(state: &State) -> Export {
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
    if state.locals.traces.open.is_some() {
        waterfall::view(state, look, theme, body, buf);
        return None;
    }
    let hits = found(state);
    let upper = (body.height * 2 / 5).clamp(body.height.min(6), 18);
    let (top, below) = (
        Rect {
            height: upper,
            ..body
        },
        Rect {
            y: body.y + upper,
            height: body.height - upper,
            ..body
        },
    );
    let side = if body.width >= 110 && !hits.is_empty() {
        body.width / 3
    } else {
        0
    };
    let dots = Rect {
        width: top.width - side,
        ..top
    };
    let errors = hits.iter().filter(|h| h.errors > 0).count();
    let headline = format!("{} traces, {errors} with errors", hits.len());
    let asked = match state.locals.traces.query.as_str() {
        "" => String::new(),
        query => text::display(query).into_owned(),
    };
    let frame = Frame {
        title: "Latency",
        headline: if hits.is_empty() { "" } else { &headline },
        headline_style: if errors > 0 { look.warn } else { look.text },
        remark: &asked,
        remark_style: look.mark,
        ..Frame::default()
    };
    let inside = frame.paint(buf, dots, look);
    if hits.is_empty() {
        requests::why_none(state, look, inside, buf);
    } else {
        let window = state.time.window(state.now, body.width);
        scatter::paint(state, hits, window, look, (inside, buf));
    }
    if side > 0 {
        let place = Rect {
            x: dots.right(),
            width: side,
            ..top
        };
        services::paint(hits, state.time.range, look, place, buf);
    }
    requests::paint(state, look, below, buf);
    None
}
