//! The query bar: words or TraceQL, with completion, faults underlined as one types, and history.

use crate::base::text;
use crate::model::answer::Answer;
use crate::model::request::{Request, SpanRequest};
use crate::model::time::TimeRange;
use crate::query::syntax::{
    Fault, TraceWant, ValueForm, complete_traces, fault_of_words, traceql_intrinsics, traceql_type,
};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Code, Key};
use crate::tui::line_edit::LineEdit;
use crate::tui::overlay::fuzzy;
use crate::tui::overlay::paint::edit_line;
use crate::tui::slot::{Slot, SlotId};
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::{self, TAGS, VALUES, report};
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::{Clear, Widget};

/// Rows of the list under the caret.
const SHOWN: usize = 8;
const MOST_OFFERED: usize = 100;
/// Queries that are remembered.
const HISTORY: usize = 50;
const COMPARISONS: &[&str] = &["=", "!=", "=~", "!~", ">", ">=", "<", "<="];
const JUNCTIONS: &[&str] = &["&&", "||", "}"];
const STAGES: &[&str] = &[
    "count() > ",
    "avg(duration) > ",
    "max(duration) > ",
    "min(duration) > ",
    "sum(duration) > ",
    "by(",
    "select(",
    "coalesce()",
];
const WORDS: &[&str] = &["error", "service=", "name=", "status=", "kind="];
const SIGN: &str = " / ";

#[derive(Debug, Default)]
pub(super) struct Bar {
    edit: LineEdit,
    pub(super) editing: bool,
    history: Vec<String>,
    /// Place in the history while it is gone through.
    recall: Option<usize>,
    chosen: usize,
    /// Esc has closed the list, until the next letter.
    closed: bool,
}

impl Bar {
    pub(super) fn remember(&mut self, query: &str) {
        let query = query.trim();
        if query.is_empty() {
            return;
        }
        self.history.retain(|h| h != query);
        self.history.push(query.to_owned());
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
    }

    fn typed(&mut self) {
        (self.chosen, self.closed, self.recall) = (0, false, None);
    }
}

/// The candidates at the caret, best first, and which bytes they replace.
#[derive(Default)]
struct Offer {
    from: usize,
    to: usize,
    rows: Vec<String>,
    chosen: usize,
}

pub(super) fn begin(state: &mut State) {
    let local = &mut state.locals.traces;
    local.bar.edit.set(&local.query);
    local.bar.typed();
    local.bar.closed = true;
    local.bar.editing = true;
}

pub(super) fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    if !state.locals.traces.bar.editing {
        return None;
    }
    let offer = offer(state);
    let open = !offer.rows.is_empty();
    let bar = &mut state.locals.traces.bar;
    match (key.code, key.ctrl) {
        (Code::Esc, _) if open => bar.closed = true,
        (Code::Esc, _) => bar.editing = false,
        (Code::Enter, _) => submit(state),
        (Code::Tab, _) if open => accept(bar, &offer),
        (Code::Tab, _) => bar.typed(),
        (Code::Down, _) if open => bar.chosen = (offer.chosen + 1).min(offer.rows.len() - 1),
        (Code::Up, _) if open && offer.chosen > 0 => bar.chosen = offer.chosen - 1,
        (Code::Up, _) | (Code::Char('p'), true) => recall(bar, true),
        (Code::Down, _) | (Code::Char('n'), true) => recall(bar, false),
        _ => {
            bar.edit.key(key);
            bar.typed();
        }
    }
    Some(Vec::new())
}

pub(super) fn paste(state: &mut State, text: &str) -> bool {
    let bar = &mut state.locals.traces.bar;
    if bar.editing {
        bar.edit.insert(text);
        bar.typed();
    }
    bar.editing
}

/// What does not read stays in the bar, underlined.
fn submit(state: &mut State) {
    let typed = state.locals.traces.bar.edit.text().to_owned();
    if fault_of_words(&typed).is_none() {
        state.locals.traces.bar.editing = false;
        traces::take_query(state, &typed);
    } else {
        state.locals.traces.bar.closed = true;
    }
}

fn accept(bar: &mut Bar, offer: &Offer) {
    if let Some(row) = offer.rows.get(offer.chosen) {
        bar.edit.replace(offer.from, offer.to, row);
        bar.typed();
        // What goes on at once, such as `service=`, shows its list.
        bar.closed = !row.ends_with('=');
    }
}

/// Through what was asked before; the newest is last.
fn recall(bar: &mut Bar, back: bool) {
    let place = match (bar.recall, back) {
        (None, true) => bar.history.len().checked_sub(1),
        (None, false) => None,
        (Some(at), true) => Some(at.saturating_sub(1)),
        (Some(at), false) => Some(at + 1).filter(|at| *at < bar.history.len()),
    };
    if place.is_some() || bar.recall.is_some() {
        let text = place.map_or("", |at| bar.history[at].as_str()).to_owned();
        bar.edit.set(&text);
    }
    bar.recall = place;
    bar.closed = true;
}

/// Names of attributes while one types or groups, and values of the one that is compared.
pub(super) fn asked(state: &State, body: Rect) -> Vec<(SlotId, Request)> {
    let bar = &state.locals.traces.bar;
    if !bar.editing && !report::wants_tags(state) {
        return Vec::new();
    }
    let window = traces::window(state, body);
    // Whole minutes, so that typing asks once.
    let minute = 60_000;
    let range = TimeRange::new(
        window.start / minute * minute,
        (window.end / minute + 1) * minute,
    );
    let mut out = vec![(TAGS, Request::Spans(SpanRequest::Tags { range }))];
    let want = complete_traces(bar.edit.text(), bar.edit.caret()).want;
    if bar.editing
        && let TraceWant::Value { field, .. } = want
    {
        let values = SpanRequest::TagValues { tag: field, range };
        out.push((VALUES, Request::Spans(values)));
    }
    out
}

/// The names of attributes in use, each with its scope as TraceQL writes it.
pub(super) fn tags(state: &State) -> Vec<(&'static str, &str)> {
    match state.slots.get(TAGS).and_then(Slot::answer) {
        Some(Answer::Tags(tags, _)) => {
            let all = tags.iter();
            all.flat_map(|(scope, names)| names.iter().map(|n| (scope.as_str(), n.as_str())))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn candidates(state: &State, want: &TraceWant) -> Vec<String> {
    let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
    match want {
        TraceWant::Nothing => Vec::new(),
        TraceWant::Word => {
            let mut out: Vec<String> = owned(WORDS);
            out.extend(tags(state).iter().map(|(_, name)| format!("{name}=")));
            out
        }
        TraceWant::Field => {
            let intrinsics = traceql_intrinsics().into_iter().map(str::to_owned);
            let tags = tags(state);
            let named = tags.iter().map(|(scope, name)| format!("{scope}.{name}"));
            intrinsics.chain(named).collect()
        }
        TraceWant::Comparison => owned(COMPARISONS),
        TraceWant::Junction => owned(JUNCTIONS),
        TraceWant::Stage => owned(STAGES),
        TraceWant::Value { field, form } => values(state, field, *form),
    }
}

fn values(state: &State, field: &str, form: ValueForm) -> Vec<String> {
    let slot = state.slots.get(VALUES);
    let fits = |r: &Request| matches!(r, Request::Spans(SpanRequest::TagValues { tag, .. }) if tag == field);
    let known = slot.filter(|s| s.settled().is_some_and(fits));
    let Some(Answer::TagValues(values, _)) = known.and_then(Slot::answer) else {
        return Vec::new();
    };
    let written = |v: &crate::model::span::Attribute| {
        let plain = v.to_string();
        match form {
            ValueForm::Bare if plain.contains(char::is_whitespace) => None,
            ValueForm::Bare => Some(plain),
            ValueForm::Inside => Some(format!("{}\"", escaped(&plain))),
            ValueForm::Quoted if traceql_type(v, field) == "string" => Some(report::quoted(&plain)),
            ValueForm::Quoted => Some(plain),
        }
    };
    values.iter().filter_map(written).collect()
}

fn escaped(value: &str) -> String {
    let quoted = report::quoted(value);
    quoted[1..quoted.len() - 1].to_owned()
}

fn offer(state: &State) -> Offer {
    let bar = &state.locals.traces.bar;
    if !bar.editing || bar.closed {
        return Offer::default();
    }
    let found = complete_traces(bar.edit.text(), bar.edit.caret());
    let typed = found.prefix.as_str();
    // Without a letter a list of every word would only stand in the way.
    if typed.is_empty() && matches!(found.want, TraceWant::Word) {
        return Offer::default();
    }
    let mut scored: Vec<(i32, String)> = candidates(state, &found.want)
        .into_iter()
        .filter_map(|c| {
            let bare = c.trim_matches('"');
            let score = if typed.is_empty() {
                Some(0)
            } else {
                fuzzy::score(typed, bare)
            };
            Some((score?, c))
        })
        .collect();
    if !typed.is_empty() {
        scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    }
    let rows: Vec<String> = scored
        .into_iter()
        .map(|(_, c)| c)
        .take(MOST_OFFERED)
        .collect();
    if rows.len() == 1 && rows[0] == typed {
        return Offer::default();
    }
    Offer {
        from: found.replace.start,
        to: found.replace.end,
        chosen: bar.chosen.min(rows.len().saturating_sub(1)),
        rows,
    }
}

/// Paints the bar; gives the caret's place where it has the keys.
pub(super) fn paint(
    state: &State,
    theme: &Theme,
    (row, body): (Rect, Rect),
    buf: &mut Buffer,
) -> Option<Position> {
    let local = &state.locals.traces;
    if row.height == 0 {
        return None;
    }
    buf.set_string(row.x, row.y, SIGN, theme.key);
    let place = Rect {
        x: row.x + SIGN.len() as u16,
        width: row.width.saturating_sub(SIGN.len() as u16 + 1),
        ..row
    };
    if !local.bar.editing {
        let (said, style) = if local.query.is_empty() {
            let said = "find: words, service=shop, >200ms, error, or { TraceQL }".to_owned();
            (said, theme.dim)
        } else {
            (text::display(&local.query).into_owned(), theme.accent)
        };
        let said = text::fit(&said, place.width.into(), theme.symbols.ellipsis).into_owned();
        buf.set_string(place.x, place.y, said, style);
        return None;
    }
    let at = edit_line(&local.bar.edit, theme, place, buf);
    let fault = fault_of_words(local.bar.edit.text());
    if let Some(fault) = &fault {
        underline(&local.bar.edit, fault, theme, place, buf);
    }
    let offer = offer(state);
    if !offer.rows.is_empty() {
        paint_offer(&offer, theme, at, body, buf);
    } else if let Some(fault) = fault.filter(|_| !local.bar.edit.is_empty()) {
        let line = Rect {
            y: row.y + 1,
            ..place
        };
        Clear.render(line, buf);
        let said = text::display(&fault.message).into_owned();
        let said = text::fit(&said, line.width.into(), theme.symbols.ellipsis).into_owned();
        buf.set_string(line.x, line.y, said, theme.bad);
    }
    Some(at)
}

/// Underlines what is wrong; at the end of the text the blank behind it.
fn underline(edit: &LineEdit, fault: &Fault, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let (shown, _) = edit.visible(place.width.into());
    let scrolled = edit.text().find(shown).unwrap_or(0);
    let column = |at: usize| {
        let at = at.clamp(scrolled, scrolled + shown.len()) - scrolled;
        text::width(shown.get(..at).unwrap_or(shown)) as u16
    };
    let (from, to) = (column(fault.span.start), column(fault.span.end));
    let width = (to - from).max(1).min(place.width.saturating_sub(from));
    let wrong = theme.bad.add_modifier(Modifier::UNDERLINED);
    buf.set_style(Rect::new(place.x + from, place.y, width, 1), wrong);
}

fn paint_offer(offer: &Offer, theme: &Theme, at: Position, body: Rect, buf: &mut Buffer) {
    let room = usize::from(body.bottom().saturating_sub(at.y + 1));
    let count = offer.rows.len().min(SHOWN).min(room);
    let widest = offer.rows.iter().map(|r| text::width(r)).max().unwrap_or(0);
    let width = (widest.min(60) as u16 + 2).min(body.width);
    let typed = offer.to.saturating_sub(offer.from) as u16;
    let x = at.x.saturating_sub(typed + 1).min(body.right() - width);
    let place = Rect::new(x, at.y + 1, width, count as u16);
    Clear.render(place, buf);
    let first = list::offset(offer.chosen, count, offer.rows.len());
    for ((n, row), line) in offer.rows.iter().enumerate().skip(first).zip(place.rows()) {
        let label = format!(" {}", text::display(row));
        let label = text::left(&label, line.width.into(), theme.symbols.ellipsis);
        let style = if n == offer.chosen {
            theme.selected
        } else {
            theme.tab
        };
        buf.set_string(line.x, line.y, label, style);
    }
}
