//! The query bar: words or LogQL, chips, completion, what was asked before. What is typed is asked
//! at once, as long as it can be. The Overview's panel of logs has the same bar.

pub(super) mod paint;

use crate::model::answer::LogReply;
use crate::query::syntax::logql::{self, Want, read};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Code, Key};
use crate::tui::overlay::fuzzy;
use crate::tui::state::State;
use crate::tui::tabs::logs::link::{self, Opening};
use crate::tui::tabs::logs::{Chip, LABELS, VALUES, detail, keys, label_names, reply, rows};

/// Rows of the list under the bar.
pub(super) const SHOWN: usize = 8;
/// Candidates at most.
const OFFERED: usize = 200;

/// What is remembered while a query is typed.
#[derive(Debug, Default)]
pub(super) struct Bar {
    /// The newest text that can be asked: it is shown while a longer one is typed.
    pub(super) good: String,
    chosen: usize,
    /// Esc has closed the list, until the next letter.
    closed: bool,
    /// It is the bar of the Overview's panel.
    pub(super) in_panel: bool,
}

/// One row of the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) text: String,
    pub(super) detail: String,
    /// What belongs behind it, unless it stands there.
    tail: &'static str,
}

/// The candidates at the caret, best first, and which bytes they replace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Offer {
    pub(super) from: usize,
    to: usize,
    pub(super) rows: Vec<Candidate>,
    pub(super) chosen: usize,
}

pub(super) fn begin(state: &mut State) {
    keys::hold(state);
    let local = &mut state.locals.logs;
    (local.editing, local.bar.in_panel) = (true, false);
    local.recall.rest();
    changed(state);
}

/// Opens the bar inside the Overview's panel.
pub(crate) fn begin_in_panel(state: &mut State) {
    let local = &mut state.locals.logs;
    (local.editing, local.bar.in_panel) = (true, true);
    local.recall.rest();
    changed(state);
}

/// True while the Overview's panel has the bar.
pub(crate) fn in_panel(state: &State) -> bool {
    state.locals.logs.editing && state.locals.logs.bar.in_panel
}

/// Keys for the bar inside the Overview's panel.
pub(crate) fn key_in_panel(state: &mut State, typed: Key) -> Option<Vec<Cmd>> {
    if in_panel(state) {
        key(state, typed)
    } else {
        None
    }
}

pub(crate) fn paste_in_panel(state: &mut State, text: &str) -> bool {
    in_panel(state) && paste(state, text)
}

pub(super) fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    if !state.locals.logs.editing {
        return None;
    }
    let offer = offer(state);
    let open = !offer.rows.is_empty();
    let local = &mut state.locals.logs;
    match (key.code, key.ctrl) {
        (Code::Esc, _) if open => local.bar.closed = true,
        (Code::Esc, _) => leave(state),
        (Code::Enter, _) => return Some(enter(state)),
        (Code::Tab, _) if open => accept(state, &offer),
        (Code::Tab, _) => local.bar.closed = false,
        (Code::Down, _) if open => {
            local.bar.chosen = (offer.chosen + 1).min(offer.rows.len() - 1);
        }
        (Code::Up, _) if open && offer.chosen > 0 => local.bar.chosen = offer.chosen - 1,
        (Code::Up, _) | (Code::Char('p'), true) => recall(state, true),
        (Code::Down, _) | (Code::Char('n'), true) => recall(state, false),
        (Code::Backspace, _) if local.edit.is_empty() => {
            // What was a chip is text again.
            if let Some(chip) = local.chips.pop() {
                local.edit.set(&chip.term.text);
                changed(state);
            }
        }
        _ => {
            local.edit.key(key);
            changed(state);
        }
    }
    Some(Vec::new())
}

pub(super) fn paste(state: &mut State, text: &str) -> bool {
    let local = &mut state.locals.logs;
    if local.editing {
        local.edit.insert(text);
        changed(state);
    }
    state.locals.logs.editing
}

/// The text is another one: what can be asked of it is asked.
fn changed(state: &mut State) {
    let local = &mut state.locals.logs;
    (local.bar.chosen, local.bar.closed) = (0, false);
    local.stopped = None;
    if logql::fault(local.edit.text()).is_none() {
        local.edit.text().clone_into(&mut local.bar.good);
    }
}

fn leave(state: &mut State) {
    let local = &mut state.locals.logs;
    local.edit.set("");
    local.bar.good.clear();
    (local.editing, local.bar.in_panel) = (false, false);
}

/// Keeps the filter. What cannot be asked stays in the bar, with the reason.
fn enter(state: &mut State) -> Vec<Cmd> {
    let local = &mut state.locals.logs;
    let text = local.edit.text().trim().to_owned();
    if logql::fault(&text).is_some() {
        local.bar.closed = true;
        return Vec::new();
    }
    for term in read(&text) {
        // There is one query; other filters stand beside it.
        if term.is_query() {
            local.chips.retain(|c| !c.term.is_query());
        }
        local.chips.push(Chip { term, on: true });
    }
    local.bare = false;
    let kept = local.recall.note(&text, state.options.read_only);
    let from_panel = local.bar.in_panel;
    leave(state);
    if from_panel {
        link::open(state, Opening::default());
    } else {
        keys::along(state);
    }
    kept
}

fn accept(state: &mut State, offer: &Offer) {
    let Some(row) = offer.rows.get(offer.chosen) else {
        return;
    };
    let edit = &mut state.locals.logs.edit;
    let rest = &edit.text()[offer.to..];
    let tail = if rest.starts_with(row.tail) {
        ""
    } else {
        row.tail
    };
    edit.replace(offer.from, offer.to, &format!("{}{tail}", row.text));
    changed(state);
}

/// Through what was asked before.
fn recall(state: &mut State, back: bool) {
    let local = &mut state.locals.logs;
    let now = local.edit.text().to_owned();
    if let Some(text) = local.recall.step(&state.slots, &now, back) {
        local.edit.set(&text);
    }
    changed(state);
    state.locals.logs.bar.closed = true;
}

/// The label whose values are wanted at the caret, if streams have it.
pub(super) fn value_wanted(state: &State) -> Option<String> {
    let local = &state.locals.logs;
    if !local.editing {
        return None;
    }
    let completion = logql::complete(local.edit.text(), local.edit.caret());
    let label = completion.wants.into_iter().find_map(|want| match want {
        Want::Value { label, .. } => Some(label),
        _ => None,
    })?;
    label_names(state).contains(&label).then_some(label)
}

fn candidates(state: &State, want: &Want) -> Vec<Candidate> {
    let plain = |text: String, detail: &str, tail| Candidate {
        text,
        detail: detail.to_owned(),
        tail,
    };
    match want {
        Want::Label { tail } => {
            let names = label_names(state).iter();
            let mut out: Vec<Candidate> = names.map(|n| plain(n.clone(), "label", tail)).collect();
            // A selector knows the labels of streams alone.
            if *tail != "=\"" {
                let row = rows::chosen(state);
                let fields = row.map(|row| detail::fields(row.line)).unwrap_or_default();
                let fields = fields.into_iter().map(|(n, _)| plain(n, "field", tail));
                out.extend(fields.filter(|f| !label_names(state).contains(&f.text)));
            }
            out
        }
        Want::Value { label, quoted } => {
            let tail = if *quoted { "\"" } else { "" };
            match reply(state, VALUES) {
                Some(LogReply::Names(values, _)) if value_wanted(state).as_ref() == Some(label) => {
                    let values = values.iter().filter(|v| *quoted || !v.contains(' '));
                    values.map(|v| plain(v.clone(), "value", tail)).collect()
                }
                _ => Vec::new(),
            }
        }
        Want::Words(words) => {
            let words = words.iter();
            words
                .map(|(w, said)| plain((*w).to_owned(), said, ""))
                .collect()
        }
        Want::Functions => {
            let names = Want::functions().into_iter();
            names
                .map(|n| plain(n.to_owned(), "function", "("))
                .collect()
        }
    }
}

/// What may stand at the caret; the chosen one is taken by Tab.
pub(super) fn offer(state: &State) -> Offer {
    let local = &state.locals.logs;
    if !local.editing || local.bar.closed {
        return Offer::default();
    }
    let (text, caret) = (local.edit.text(), local.edit.caret());
    let completion = logql::complete(text, caret);
    let typed = completion.prefix.as_str();
    // Without a letter a list of everything would only stand in the way.
    let few = |w: &Want| !matches!(w, Want::Functions);
    let in_words = completion.wants.contains(&Want::Functions) || text.trim().is_empty();
    if typed.is_empty() && (in_words || !completion.wants.iter().all(few)) {
        return Offer::default();
    }
    let all = completion.wants.iter().flat_map(|w| candidates(state, w));
    let scored = all.filter_map(|c| {
        let score = if typed.is_empty() {
            Some(0)
        } else {
            let begins = c.text.starts_with(typed);
            fuzzy::score(typed, &c.text).map(|s| s + i32::from(begins) * 1000)
        };
        Some((score?, c))
    });
    let mut scored: Vec<(i32, Candidate)> = scored.collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let rows: Vec<Candidate> = scored.into_iter().map(|(_, c)| c).take(OFFERED).collect();
    // What stands there complete already needs no list; a word that is typed needs one only where
    // it begins like something that is known.
    let begins = rows.first().is_some_and(|c| c.text.starts_with(typed));
    let complete = rows.len() == 1 && rows[0].text == typed && rows[0].tail.is_empty();
    if complete || !begins {
        return Offer::default();
    }
    Offer {
        chosen: local.bar.chosen.min(rows.len().saturating_sub(1)),
        from: completion.replace.start,
        to: completion.replace.end,
        rows,
    }
}

/// Names are asked again whenever a query is begun.
pub(super) fn wants_names(state: &State) -> bool {
    let known = reply(state, LABELS).is_some();
    !known || (state.locals.logs.editing && state.locals.logs.edit.is_empty())
}
