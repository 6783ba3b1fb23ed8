//! Exemplars of the chosen query: marks on the chart, each of which leads to its trace.

use crate::base::text;
use crate::model::answer::Answer;
use crate::model::exemplar::Exemplar;
use crate::model::request::Request;
use crate::model::span::TraceId;
use crate::model::time::TimeRange;
use crate::model::view::{Mark, MarkKind};
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, Run};
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::metrics::{NAME, paint};
use crate::tui::tabs::traces;
use ratatui::layout::Rect;

/// Behind the parts of queries and of names.
const SLOT: SlotId = SlotId {
    owner: NAME,
    part: 900,
};
const MOST: usize = 200;
/// Items of the menu.
const LISTED: usize = 8;

/// What is asked for the chart of the chosen query.
pub(super) fn requests(state: &State, body: Rect) -> Option<(SlotId, Request)> {
    let local = &state.locals.metrics;
    let query = local.queries.get(local.at)?;
    if local.table || query.ran.is_empty() {
        return None;
    }
    let window = state.ask(paint::plot_width(body)).window;
    let request = Request::Exemplars {
        expr: query.ran.clone(),
        range: TimeRange::new(window.start, window.end),
        limit: MOST,
    };
    Some((SLOT, request))
}

/// Those that lead to a trace.
fn found(state: &State) -> Vec<(&Exemplar, TraceId)> {
    let local = &state.locals.metrics;
    let ran = local.queries.get(local.at).map(|q| q.ran.as_str());
    let slot = state.slots.get(SLOT).filter(|s| {
        matches!(s.settled(), Some(Request::Exemplars { expr, .. }) if Some(expr.as_str()) == ran)
    });
    let Some(Answer::Exemplars(series, _)) = slot.and_then(Slot::answer) else {
        return Vec::new();
    };
    let all = series.iter().flat_map(|s| &s.exemplars);
    all.filter_map(|e| Some((e, e.trace()?))).collect()
}

pub(super) fn marks(state: &State) -> Vec<Mark> {
    let mark = |(e, id): (&Exemplar, TraceId)| Mark {
        t: e.t,
        until: e.t,
        kind: MarkKind::Exemplar,
        text: id.to_string(),
    };
    found(state).into_iter().map(mark).collect()
}

/// The nearest to the time cursor, else the newest.
fn nearest(state: &State) -> Option<TraceId> {
    let all = found(state).into_iter();
    let at = state.time.cursor.unwrap_or(i64::MAX);
    all.min_by_key(|(e, _)| e.t.abs_diff(at)).map(|(_, id)| id)
}

/// Opens the trace behind the mark that is nearest.
pub(super) fn follow(state: &mut State) {
    match nearest(state) {
        Some(id) => traces::show(state, id),
        None => state.toast(
            "no exemplar of this query leads to a trace in this time",
            false,
        ),
    }
}

/// The newest of them, to choose from.
pub(super) fn menu(state: &State) -> Vec<Item> {
    let mut all = found(state);
    all.sort_by_key(|(e, _)| std::cmp::Reverse(e.t));
    let item = |(e, id): &(&Exemplar, TraceId)| {
        let when = state.time.clock(e.t);
        let label = format!("the trace behind {} at {when}", e.value);
        Item::new(text::display(&label), id.to_string(), Run::Trace(*id))
    };
    let mut items: Vec<Item> = all.iter().take(LISTED).map(item).collect();
    if let Some(first) = items.first_mut() {
        let key = state.keymap.label(Act::TraceOfExemplar);
        if state.time.cursor.is_none() {
            *first = first.clone().keys(key);
        }
    }
    items
}
