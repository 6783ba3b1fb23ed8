//! Ways into this tab and out of it: the logs of an instant or of what is chosen elsewhere, the way
//! back, and the trace that a line names.

use crate::model::answer::LogLine;
use crate::model::span::TraceId;
use crate::query::syntax::logql::{self, read};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::logs::{Chip, MS, NAME, detail, keys, rows};
use crate::tui::tabs::{TABS, by_name, traces};

/// Where a link leads.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Opening {
    /// Words or LogQL, as the bar takes them. They take the place of the filters that are there;
    /// empty keeps those.
    pub(crate) query: String,
    /// Milliseconds since the epoch: the lines before and after it are shown. `None` is where the
    /// console looks.
    pub(crate) at: Option<i64>,
}

impl Opening {
    /// The lines that name this trace, around this time (milliseconds since the epoch).
    pub(crate) fn of_trace(id: TraceId, at: i64) -> Self {
        Self {
            query: logql::trace_term(&id.to_string()),
            at: Some(at),
        }
    }
}

/// Where a link came from, and what stood here before.
#[derive(Debug)]
pub(super) struct From {
    tab: usize,
    chips: Vec<Chip>,
    bare: bool,
}

/// Opens this tab at a place. The same key leads back.
pub(crate) fn open(state: &mut State, to: Opening) {
    let Some(here) = by_name(NAME) else {
        return;
    };
    let tab = state.tab;
    let at = to.at.or(state.time.instant());
    let local = &mut state.locals.logs;
    if tab != here {
        local.from = Some(From {
            tab,
            chips: local.chips.clone(),
            bare: local.bare,
        });
    }
    local.mode = crate::tui::tabs::logs::Mode::Lines;
    local.editing = false;
    local.edit.set("");
    if !to.query.is_empty() {
        let terms = read(&to.query).into_iter();
        local.chips = terms.map(|term| Chip { term, on: true }).collect();
        local.bare = false;
    }
    state.tab = here;
    keys::along(state);
    // A marked stretch of time says itself what is to be read.
    if let Some(at) = at.filter(|_| to.at.is_some() || state.time.selection.is_none()) {
        hold_at(state, at);
    }
}

/// Holds the view in the middle of the lines around an instant.
pub(super) fn hold_at(state: &mut State, at: i64) {
    keys::hold_before(state, (at + 1) * MS);
}

/// From any tab to the logs of what it is about, and from here back.
pub(crate) fn there_and_back(state: &mut State) -> Vec<Cmd> {
    if TABS[state.tab].name != NAME {
        let to = (TABS[state.tab].logs)(state).unwrap_or_default();
        open(state, to);
        return Vec::new();
    }
    let key = state.keymap.label(Act::Logs);
    match state.locals.logs.from.take() {
        Some(from) => {
            let local = &mut state.locals.logs;
            (local.chips, local.bare) = (from.chips, from.bare);
            state.tab = from.tab;
            keys::along(state);
        }
        None => state.toast(
            format!("{key} leads here from any other tab, and back"),
            false,
        ),
    }
    Vec::new()
}

/// The trace that the chosen line names, in the tab of traces.
pub(super) fn to_trace(state: &mut State) {
    let found = rows::chosen(state).map(|row| (trace_of(row.line), row.line.t.div_euclid(MS)));
    match found {
        Some((Some(id), at)) => {
            keys::pin(state);
            state.time.go_to(at, state.now);
            traces::show(state, id);
        }
        Some((None, _)) => {
            let said = "this line names no trace: a field trace_id or 32 hexadecimal digits would";
            state.toast(said, false);
        }
        None => state.toast("no line is chosen", false),
    }
}

/// The trace that a line names: in a field called so, else as a word of 32 hexadecimal digits.
pub(super) fn trace_of(line: &LogLine) -> Option<TraceId> {
    let named = detail::fields(line).into_iter().find_map(|(name, value)| {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let is_trace = plain.to_ascii_lowercase().ends_with("traceid");
        let long = value.len() >= 16;
        TraceId::parse(&value).filter(|_| is_trace && long)
    });
    let is_id = |word: &&str| word.len() == 32 && word.bytes().any(|b| b != b'0');
    named.or_else(|| {
        let plain = logql::plain(&line.line);
        let mut words = plain.split(|c: char| !c.is_ascii_hexdigit());
        words.find(is_id).and_then(TraceId::parse)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::Labels;
    use crate::model::log_entry::Level;

    #[test]
    fn a_line_names_its_trace() {
        const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (text, want) in [
            (format!("{{\"trace_id\":\"{ID}\",\"a\":1}}"), Some(ID)),
            (format!("{{\"trace\":{{\"id\":\"{ID}\"}}}}"), Some(ID)),
            (format!("level=info traceId={ID} msg=x"), Some(ID)),
            (
                format!("[shop,{ID},00f067aa0ba902b7] order placed"),
                Some(ID),
            ),
            (
                "msg=x traceID=a3ce929d0e0e4736".to_owned(),
                Some("0000000000000000a3ce929d0e0e4736"),
            ),
            ("no trace 12345678".to_owned(), None),
            (format!("zeroes {:032}", 0), None),
            (format!("longer {ID}ab"), None),
        ] {
            let line = LogLine {
                t: 0,
                line: text.clone(),
                stream: Labels::empty(),
                metadata: Labels::empty(),
                parsed: Labels::empty(),
                level: Level::Info,
            };
            let found = trace_of(&line).map(|id| id.to_string());
            assert_eq!(found.as_deref(), want, "{text}");
        }
        let line = LogLine {
            t: 0,
            line: "paid".to_owned(),
            stream: Labels::empty(),
            metadata: Labels::from_pairs([("trace_id", ID)]),
            parsed: Labels::empty(),
            level: Level::Info,
        };
        assert_eq!(
            trace_of(&line).map(|id| id.to_string()).as_deref(),
            Some(ID)
        );
    }
}
