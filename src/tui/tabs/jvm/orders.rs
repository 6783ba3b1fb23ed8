//! What the chosen JVM can be asked, and what is said before it is.

use crate::model::action::Action;
use crate::model::jvm::{AttachPolicy, Burden, JvmQuestion};
use crate::model::view::JvmRow;
use crate::tui::cmd::Cmd;
use crate::tui::overlay::{Item, Run};
use crate::tui::panel::jvm::{Row, rows};
use crate::tui::state::State;
use crate::tui::tabs::jvm::{chosen, shown};
use crate::tui::update::run;

/// One item for each question.
pub(super) fn menu(state: &State) -> Vec<Item> {
    let rows = rows(&shown(state, state.ask(state.width)));
    let Some((_, row)) = chosen(state, &rows) else {
        return Vec::new();
    };
    let why_not = why_not(state, row);
    let item = |question: &JvmQuestion| {
        let order = row
            .found
            .map_or(Run::Nothing, |found| order(found, *question));
        let label = format!("{} of {}", question.name(), row.instance);
        Item::new(label, question.about(), order).unless(why_not.clone())
    };
    JvmQuestion::ALL.iter().map(item).collect()
}

/// The key's way to the first of them.
pub(super) fn thread_dump(state: &mut State) -> Vec<Cmd> {
    let ordered = {
        let rows = rows(&shown(state, state.ask(state.width)));
        match chosen(state, &rows) {
            None => Err("no JVM is chosen".to_owned()),
            Some((_, row)) => match (why_not(state, row), row.found) {
                (Some(why), _) => Err(why),
                (None, Some(found)) => Ok(order(found, JvmQuestion::Threads)),
                (None, None) => Err(ELSEWHERE.to_owned()),
            },
        }
    };
    match ordered {
        Ok(order) => run(state, order),
        Err(why) => {
            state.toast(why, true);
            Vec::new()
        }
    }
}

const ELSEWHERE: &str = "this JVM does not run on this server: run bongsu there to ask it";

fn why_not(state: &State, row: &Row<'_>) -> Option<String> {
    let Some(found) = row.found else {
        return Some(ELSEWHERE.to_owned());
    };
    if state.options.read_only {
        Some("this console is read-only (--read-only)".to_owned())
    } else if !state.time.is_live() {
        Some("the screen shows the past; 0 is now".to_owned())
    } else if found.attach == AttachPolicy::Never {
        Some("jvm.attach is `never` in the configuration".to_owned())
    } else {
        None
    }
}

/// Asked first where the configuration says so, and always where it stops the application.
fn order(found: &JvmRow, question: JvmQuestion) -> Run {
    let stops = question.burden() == Burden::Stops;
    let confirm = (stops || found.attach == AttachPolicy::Ask).then(|| {
        let name = crate::base::text::display(&found.instance);
        let head = format!(
            "Ask {name} (pid {}) for its {}?",
            found.pid,
            question.name()
        );
        format!("{head}\n{}", question.about())
    });
    Run::Order {
        action: Action::AskJvm {
            pid: found.pid,
            started: found.started,
            question,
        },
        confirm,
    }
}
