//! What was asked before in a query bar: Up and Down go through it, the newest first. The engine
//! keeps it beyond this console ([`Action::KeepQuery`]) and tells it to the next one.

use crate::model::action::Action;
use crate::model::answer::Answer;
use crate::model::query::{KeptQuery, Language};
use crate::model::view::View;
use crate::tui::cmd::Cmd;
use crate::tui::slot::Slots;
use crate::tui::state::QUERIES;

/// Queries that one console remembers by itself.
const MOST: usize = 100;

#[derive(Debug)]
pub(crate) struct Recall {
    language: Language,
    /// Asked in this console, the newest last.
    asked: Vec<String>,
    /// How many steps back; 0 is what was being written.
    back: usize,
    draft: String,
}

impl Recall {
    pub(crate) fn new(language: Language) -> Self {
        Self {
            language,
            asked: Vec::new(),
            back: 0,
            draft: String::new(),
        }
    }

    /// The next step back begins at the newest.
    pub(crate) fn rest(&mut self) {
        self.back = 0;
    }

    /// Notes what was asked; the orders keep it for later consoles.
    pub(crate) fn note(&mut self, text: &str, read_only: bool) -> Vec<Cmd> {
        self.rest();
        let newest = self.asked.last().map(String::as_str);
        if text.is_empty() || newest == Some(text) {
            return Vec::new();
        }
        self.asked.retain(|a| a != text);
        self.asked.push(text.to_owned());
        if self.asked.len() > MOST {
            self.asked.remove(0);
        }
        if read_only {
            return Vec::new();
        }
        vec![Cmd::Act(Action::KeepQuery(KeptQuery {
            language: self.language,
            text: text.to_owned(),
        }))]
    }

    /// One step back or on; what the bar is to say then. `now` is what it says; `None` at an end.
    pub(crate) fn step(&mut self, slots: &Slots, now: &str, back: bool) -> Option<String> {
        let kept = told(slots).iter().filter(|k| k.language == self.language);
        let kept = kept.map(|k| &k.text).filter(|k| !self.asked.contains(k));
        let all: Vec<&String> = kept.chain(&self.asked).collect();
        if self.back == 0 {
            now.clone_into(&mut self.draft);
        }
        let to = if back {
            self.back + 1
        } else {
            self.back.checked_sub(1)?
        };
        if to > all.len() {
            return None;
        }
        self.back = to;
        Some(match to {
            0 => self.draft.clone(),
            n => all[all.len() - n].clone(),
        })
    }
}

/// What the engine kept, the oldest first.
fn told(slots: &Slots) -> &[KeptQuery] {
    match slots.get(QUERIES).and_then(|s| s.answer()) {
        Some(Answer::View(View::Queries(kept))) => kept,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_back_and_on_return_to_what_was_being_written() {
        let slots = Slots::default();
        let mut recall = Recall::new(Language::PromQl);
        assert_eq!(recall.step(&slots, "", true), None);
        assert_eq!(recall.note("up", false).len(), 1);
        assert_eq!(recall.note("up", false).len(), 0);
        assert_eq!(recall.note("down", true).len(), 0);
        let mut step = |now: &str, back| recall.step(&slots, now, back);
        assert_eq!(step("half", true).as_deref(), Some("down"));
        assert_eq!(step("down", true).as_deref(), Some("up"));
        assert_eq!(step("up", true), None);
        assert_eq!(step("up", false).as_deref(), Some("down"));
        assert_eq!(step("down", false).as_deref(), Some("half"));
        assert_eq!(step("half", false), None);
    }
}
