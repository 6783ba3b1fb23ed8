//! Typing a query: completion as one types, history, running.

use crate::query::syntax::{self, Completion, Want};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Code, Key};
use crate::tui::overlay::fuzzy;
use crate::tui::state::State;
use crate::tui::tabs::metrics::{self, names};

/// Rows of the list under the caret.
pub(crate) const SHOWN: usize = 8;
/// Candidates that are scored at most; a store may know a million names.
const MOST_CANDIDATES: usize = 50_000;

/// What is remembered of the list under the caret; the rows are made anew from the answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Menu {
    chosen: usize,
    /// Esc has closed it, until the next letter.
    closed: bool,
}

/// One row of the list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) text: String,
    pub(crate) detail: String,
    /// What belongs behind it, unless it stands there: `(`, a closing quote.
    pub(crate) tail: &'static str,
}

/// The candidates at the caret, best first, and which bytes of the query they replace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offer {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) rows: Vec<Candidate>,
    pub(crate) chosen: usize,
}

pub(crate) fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    if !state.locals.metrics.editing {
        return None;
    }
    let offer = offer(state);
    let open = !offer.rows.is_empty();
    let local = &mut state.locals.metrics;
    match (key.code, key.ctrl) {
        (Code::Esc, _) if open => local.menu.closed = true,
        (Code::Esc, _) => local.editing = false,
        (Code::Enter, _) => return Some(metrics::run(state)),
        (Code::Tab, _) if open => accept(state, &offer),
        (Code::Tab, _) => local.menu = Menu::default(),
        (Code::Down, _) if open => {
            local.menu.chosen = (offer.chosen + 1).min(offer.rows.len() - 1);
        }
        (Code::Up, _) if open && offer.chosen > 0 => local.menu.chosen = offer.chosen - 1,
        (Code::Up, _) | (Code::Char('p'), true) => recall(state, true),
        (Code::Down, _) | (Code::Char('n'), true) => recall(state, false),
        _ => {
            local.query().edit.key(key);
            local.menu = Menu::default();
        }
    }
    Some(Vec::new())
}

pub(crate) fn paste(state: &mut State, text: &str) -> bool {
    let local = &mut state.locals.metrics;
    if local.editing {
        local.query().edit.insert(text);
        local.menu = Menu::default();
    }
    local.editing
}

fn accept(state: &mut State, offer: &Offer) {
    let Some(row) = offer.rows.get(offer.chosen) else {
        return;
    };
    let local = &mut state.locals.metrics;
    let edit = &mut local.query().edit;
    let rest = edit.text()[offer.to..].to_owned();
    let tail = if rest.starts_with(row.tail) {
        ""
    } else {
        row.tail
    };
    edit.replace(offer.from, offer.to, &format!("{}{tail}", row.text));
    local.menu = Menu {
        chosen: 0,
        closed: true,
    };
}

/// Through what was asked before.
fn recall(state: &mut State, back: bool) {
    let local = &mut state.locals.metrics;
    let now = local.query().edit.text().to_owned();
    if let Some(text) = local.recall.step(&state.slots, &now, back) {
        local.query().edit.set(&text);
    }
    local.menu.closed = true;
}

/// What may stand at the caret of the query under edit.
pub(crate) fn want(state: &State) -> Option<Completion> {
    let local = &state.locals.metrics;
    let query = local.queries.get(local.at)?;
    let (text, caret) = (query.edit.text(), query.edit.caret());
    local.editing.then(|| syntax::complete(text, caret))
}

/// The list under the caret; no rows where there is nothing to offer.
pub(crate) fn offer(state: &State) -> Offer {
    let local = &state.locals.metrics;
    let Some(completion) = want(state).filter(|_| !local.menu.closed) else {
        return Offer::default();
    };
    let text = local.queries[local.at].edit.text();
    let caret = local.queries[local.at].edit.caret();
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let tail = text[caret..].find(|c| !is_word(c));
    let (from, to) = (
        completion.replace.start,
        caret + tail.unwrap_or(text.len() - caret),
    );
    let typed = completion.prefix.as_str();
    // Without a letter a list of everything would only stand in the way.
    let names_only = |w: &Want| matches!(w, Want::LabelName { .. } | Want::LabelValue { .. });
    if typed.is_empty() && !completion.wants.iter().all(names_only) {
        return Offer::default();
    }
    let all = completion
        .wants
        .iter()
        .flat_map(|want| names::candidates(state, want));
    let mut scored: Vec<(i32, Candidate)> = all
        .take(MOST_CANDIDATES)
        .filter_map(|c| {
            let score = if typed.is_empty() {
                Some(0)
            } else {
                fuzzy::score(typed, &c.text)
            };
            Some((score?, c))
        })
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.text.cmp(&b.1.text)));
    let rows: Vec<Candidate> = scored.into_iter().map(|(_, c)| c).take(100).collect();
    // What stands there complete already needs no list.
    if rows.len() == 1 && rows[0].text == text[from..to] {
        return Offer::default();
    }
    Offer {
        chosen: local.menu.chosen.min(rows.len().saturating_sub(1)),
        from,
        to,
        rows,
    }
}
