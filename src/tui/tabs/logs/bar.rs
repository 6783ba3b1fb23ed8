//! The query bar: words, chips, completion. What is typed is asked at once.

use crate::model::answer::LogReply;
use crate::model::log_entry::Level;
use crate::query::syntax::logql::read;
use crate::tui::cmd::Cmd;
use crate::tui::keymap::{Code, Key};
use crate::tui::state::State;
use crate::tui::tabs::logs::{Chip, VALUES, keys, label_names, reply};

/// Candidates under the bar.
const OFFERED: usize = 12;

pub(super) fn begin(state: &mut State) {
    keys::hold(state);
    state.locals.logs.editing = true;
    state.locals.logs.recall.rest();
}

pub(super) fn key(state: &mut State, key: Key) -> Option<Vec<Cmd>> {
    if !state.locals.logs.editing {
        return None;
    }
    let offered = offer(state);
    let local = &mut state.locals.logs;
    match key.code {
        Code::Esc => {
            local.edit.set("");
            local.editing = false;
        }
        Code::Up | Code::Down => {
            let (now, back) = (local.edit.text().to_owned(), key.code == Code::Up);
            if let Some(text) = local.recall.step(&state.slots, &now, back) {
                local.edit.set(&text);
            }
        }
        Code::Enter => {
            let asked = local.edit.text().trim().to_owned();
            let kept = local.recall.note(&asked, state.options.read_only);
            let terms = read(local.edit.text());
            let chips = terms.into_iter().map(|term| Chip { term, on: true });
            local.chips.extend(chips);
            local.bare = false;
            local.edit.set("");
            local.editing = false;
            keys::along(state);
            return Some(kept);
        }
        Code::Tab => {
            if let Some(first) = offered.first() {
                let from = word_start(local.edit.text(), local.edit.caret());
                let caret = local.edit.caret();
                local.edit.replace(from, caret, first);
            }
        }
        Code::Backspace if local.edit.is_empty() => {
            // What was a chip is text again.
            if let Some(chip) = local.chips.pop() {
                local.edit.set(&chip.term.text);
            }
        }
        _ => {
            local.edit.key(key);
        }
    }
    Some(Vec::new())
}

pub(super) fn paste(state: &mut State, text: &str) -> bool {
    let local = &mut state.locals.logs;
    if local.editing {
        local.edit.insert(text);
    }
    local.editing
}

fn word_start(text: &str, caret: usize) -> usize {
    let before = &text[..caret];
    before.rfind(char::is_whitespace).map_or(0, |at| at + 1)
}

/// The word at the caret.
fn word(state: &State) -> &str {
    let edit = &state.locals.logs.edit;
    &edit.text()[word_start(edit.text(), edit.caret())..edit.caret()]
}

/// The label whose values are wanted: the caret stands behind `name=`.
pub(super) fn value_wanted(state: &State) -> Option<String> {
    if !state.locals.logs.editing {
        return None;
    }
    let (name, _) = word(state).split_once('=')?;
    label_names(state).iter().find(|n| *n == name).cloned()
}

/// What may stand at the caret; the first is taken by Tab.
pub(super) fn offer(state: &State) -> Vec<String> {
    let local = &state.locals.logs;
    let word = word(state);
    if !local.editing || word.starts_with('{') {
        return Vec::new();
    }
    let all: Vec<String> = if let Some((name, _)) = word.split_once('=') {
        let values = match reply(state, VALUES) {
            Some(LogReply::Names(values, _)) if value_wanted(state).is_some() => values,
            _ => return Vec::new(),
        };
        values.iter().map(|v| format!("{name}={v}")).collect()
    } else {
        let levels = Level::ALL.iter().skip(1).rev();
        let levels = levels.map(|l| format!("level:{}", l.as_str()));
        let names = label_names(state).iter().map(|n| format!("{n}="));
        names.chain(levels).collect()
    };
    let fits = all.into_iter().filter(|c| c.starts_with(word) && c != word);
    fits.take(OFFERED).collect()
}
