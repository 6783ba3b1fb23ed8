//! Queries that were given a name: kept by the engine, for every console of it.

use crate::base::text;
use crate::model::action::Action;
use crate::model::request::{Request, ViewName};
use crate::model::view::{SavedQuery, View};
use crate::query::syntax::logql::read;
use crate::tui::cmd::Cmd;
use crate::tui::overlay::{Item, List, ListKind, Overlay, Prompt, PromptKind, Run};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::logs::{Chip, SAVED, id, keys, slot};

/// The prompt for a name, and the item that takes a query up.
pub(super) const NAME: &str = "log-save";
pub(super) const TAKE: &str = "log-take";
/// How old the list may be.
const KEEP_MS: i64 = 2_000;

/// The list, now and then: another console may have saved something.
pub(super) fn request(state: &State) -> Option<(SlotId, Request)> {
    let known = slot(state, SAVED);
    let age = known.map_or(i64::MAX, |s| state.now - s.answered_at());
    let view = ViewName::SavedQueries;
    (age > KEEP_MS).then_some((id(SAVED), Request::View { view, at: None }))
}

fn all(state: &State) -> &[SavedQuery] {
    match slot(state, SAVED).and_then(|s| s.view()) {
        Some(View::SavedQueries(all)) => all,
        _ => &[],
    }
}

/// The filters as one text, a line each.
fn current(state: &State) -> String {
    let chips = state.locals.logs.chips.iter();
    let texts: Vec<&str> = chips.map(|c| c.term.text.as_str()).collect();
    texts.join("\n")
}

pub(super) fn open(state: &mut State) {
    let mut items = Vec::new();
    let current = current(state);
    if !current.is_empty() {
        let shown = text::display(&current.replace('\n', "  ")).into_owned();
        let run = Run::Prompt(PromptKind::Tab(NAME));
        items.push(Item::new(
            "save the filters of now under a name",
            shown,
            run,
        ));
    }
    for saved in all(state) {
        let shown = text::display(&saved.query.replace('\n', "  ")).into_owned();
        let run = Run::Give {
            tag: TAKE,
            text: saved.query.clone(),
        };
        let remove = Run::Order {
            action: Action::SaveQuery {
                name: saved.name.clone(),
                query: String::new(),
                remove: true,
            },
            confirm: Some(format!("Remove the saved query {}?\n{shown}", saved.name)),
        };
        items.push(Item::new(text::display(&saved.name), shown, run).or_delete(remove));
    }
    let title = "Saved queries (Enter takes one up, x removes)";
    let list = List::new(ListKind::Menu, title, items);
    let list = list.or_say("nothing is saved yet; / makes filters, and this key saves them");
    state.overlays.push(Overlay::List(list));
}

pub(super) fn prompt(state: &State) -> Prompt {
    let shown = text::display(&current(state).replace('\n', "  ")).into_owned();
    Prompt::new(
        PromptKind::Tab(NAME),
        "Save the filters under a name",
        "",
        &shown,
    )
}

/// Saves under a name, or takes up what was saved.
pub(super) fn prompted(
    state: &mut State,
    tag: &'static str,
    typed: &str,
) -> Result<Vec<Cmd>, String> {
    if tag == TAKE {
        keys::pin(state);
        let terms = typed.lines().flat_map(read);
        let chips: Vec<Chip> = terms.map(|term| Chip { term, on: true }).collect();
        let local = &mut state.locals.logs;
        (local.chips, local.bare) = (chips, false);
        return Ok(Vec::new());
    }
    let name = typed.trim();
    if name.is_empty() {
        return Err("a name is needed".to_owned());
    }
    if state.options.read_only {
        return Err("this console was started with --read-only".to_owned());
    }
    let query = current(state);
    Ok(vec![Cmd::Act(Action::SaveQuery {
        name: name.to_owned(),
        query,
        remove: false,
    })])
}
