//! `ui.keys`: the console's actions by name, how a key is written, and what a change takes away.
//!
//! The console has the table itself; a test of it holds [`ACTIONS`] and [`written`] equal to it.

use crate::config::check::Check;
use crate::config::place::Place;
use crate::config::suggest::nearest;
use std::collections::HashMap;

/// Every action: its name, the tab that it belongs to (nothing: all of them), its keys.
#[rustfmt::skip]
pub(crate) const ACTIONS: &[(&str, &str, &str)] = &[
    ("help", "", "? F1"),
    ("palette", "", ": Ctrl-P"),
    ("back", "", "q"),
    ("actions", "", "."),
    ("escape", "", "Esc"),
    ("quit", "", "Ctrl-C"),
    ("detach", "", "D"),
    ("suspend", "", "Ctrl-Z"),
    ("repaint", "", "Ctrl-L"),
    ("refresh", "", "r F5 Ctrl-R"),
    ("tab-1", "", "1"),
    ("tab-2", "", "2"),
    ("tab-3", "", "3"),
    ("tab-4", "", "4"),
    ("tab-5", "", "5"),
    ("tab-6", "", "6"),
    ("tab-7", "", "7"),
    ("tab-8", "", "8"),
    ("next-pane", "", "Tab"),
    ("previous-pane", "", "Shift-Tab"),
    ("up", "", "k Up"),
    ("down", "", "j Down"),
    ("page-up", "", "PgUp Ctrl-U"),
    ("page-down", "", "PgDn Ctrl-D"),
    ("top", "", "g Home"),
    ("bottom", "", "G End"),
    ("open", "", "Enter"),
    ("zoom-pane", "", "z"),
    ("filter", "", "/"),
    ("sort", "", "s"),
    ("sort-reverse", "", "S"),
    ("pause", "", "Space"),
    ("mark", "", "v"),
    ("go-to-time", "", "t"),
    ("range", "", "R"),
    ("zoom-in", "", "+ ="),
    ("zoom-out", "", "-"),
    ("pan-back", "", "["),
    ("pan-forward", "", "]"),
    ("cursor-left", "", "h Left"),
    ("cursor-right", "", "l Right"),
    ("now", "", "0 `"),
    ("bookmark", "", "m"),
    ("next-bookmark", "", "u"),
    ("previous-bookmark", "", "U"),
    ("bookmarks", "", "'"),
    ("logs", "", "L"),
    ("time-zone", "", "Z"),
    ("instances", "", "i"),
    ("theme", "", ""),
    ("blind", "", "B"),
    ("mouse", "", "M F2"),
    ("copy", "", "y"),
    ("copy-view", "", "Y"),
    ("host-tree", "Host", "T"),
    ("container-shell", "Containers", "e"),
    ("copy-command", "Containers", "c"),
    ("container-jvm", "Containers", "o"),
    ("save", "", "Ctrl-S"),
    ("thread-dump", "JVM", "d"),
    ("jvm-container", "JVM", "o"),
    ("jvm-traces", "JVM", "O"),
    ("compare-answers", "JVM", "c"),
    ("acknowledge", "Alerts", "a"),
    ("acknowledge-group", "Alerts", "A"),
    ("silence", "Alerts", "x"),
    ("next-failed", "Traces", "e"),
    ("previous-failed", "Traces", "E"),
    ("draw-box", "Traces", "v"),
    ("call-tree", "Traces", "c"),
    ("flame-graph", "Traces", "F"),
    ("by-attribute", "Traces", "a"),
    ("service-map", "Traces", "p"),
    ("compare-traces", "Traces", "x"),
    ("host-of-span", "Traces", "H"),
    ("container-of-span", "Traces", "C"),
    ("fold-span", "Traces", "f"),
    ("hide-short-spans", "Traces", "d"),
    ("slowest-span", "Traces", "w"),
    ("span-stacks", "Traces", "o"),
    ("edit-query", "Metrics", "e"),
    ("browse-metrics", "Metrics", "b"),
    ("chart-or-table", "Metrics", "c"),
    ("add-query", "Metrics", "a"),
    ("trace-of-exemplar", "Metrics", "O"),
    ("remove-query", "Metrics", "X"),
    ("follow-logs", "Logs", "f"),
    ("next-error", "Logs", "e"),
    ("previous-error", "Logs", "E"),
    ("next-warning", "Logs", "w"),
    ("previous-warning", "Logs", "W"),
    ("log-context", "Logs", "c"),
    ("all-filters", "Logs", "x"),
    ("log-filters", "Logs", "X"),
    ("log-columns", "Logs", "C"),
    ("copy-field", "Logs", "F"),
    ("log-patterns", "Logs", "p"),
    ("log-fields", "Logs", "a"),
    ("exclude-chosen", "Logs", "d"),
    ("saved-queries", "Logs", "b"),
    ("at-this-time", "Logs", "T"),
    ("trace-of-line", "Logs", "O"),
    ("wrap-lines", "Logs", "\\"),
    ("fold-traces", "Logs", "o"),
];

/// Keys that are no single character, as they are written; reading ignores case.
pub(crate) const NAMES: &[&str] = &[
    "Enter",
    "Esc",
    "Tab",
    "Shift-Tab",
    "Backspace",
    "Del",
    "Up",
    "Down",
    "Left",
    "Right",
    "Home",
    "End",
    "PgUp",
    "PgDn",
    "Space",
];

/// One key in the one way it is written: `ctrl-p` is `Ctrl-P`. `None` where it is no key.
pub(crate) fn written(text: &str) -> Option<String> {
    let (mut rest, mut ctrl, mut alt) = (text, false, false);
    loop {
        if let Some(tail) = strip(rest, "ctrl-").or_else(|| strip(rest, "c-")) {
            (ctrl, rest) = (true, tail);
        } else if let Some(tail) = strip(rest, "alt-") {
            (alt, rest) = (true, tail);
        } else {
            break;
        }
    }
    let mut chars = rest.chars();
    let name = match (chars.next(), chars.next()) {
        (Some(' '), None) => "Space".to_owned(),
        (Some(c), None) if ctrl => c.to_ascii_uppercase().to_string(),
        (Some(c), None) if !c.is_control() => c.to_string(),
        _ => named(rest)?,
    };
    let prefix = |on: bool, word: &'static str| if on { word } else { "" };
    Some(format!(
        "{}{}{name}",
        prefix(ctrl, "Ctrl-"),
        prefix(alt, "Alt-")
    ))
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    let tail = &text[prefix.len()..];
    (head.eq_ignore_ascii_case(prefix) && !tail.is_empty()).then_some(tail)
}

fn named(text: &str) -> Option<String> {
    if let Some(number) = strip(text, "f") {
        let n: u8 = number.parse().ok()?;
        return (1..=12).contains(&n).then(|| format!("F{n}"));
    }
    let same = |name: &&&str| name.eq_ignore_ascii_case(text);
    NAMES.iter().find(same).map(|name| (*name).to_owned())
}

/// Everything here is a warning: a slip in what only the console reads must not keep the engine from
/// its start.
pub(crate) fn check(pairs: &[(&str, &str, Place)], check: &mut Check<'_>) {
    let mut owners: HashMap<(&str, String), &str> = HashMap::new();
    for (name, keys, place) in pairs {
        let Some((_, tab, _)) = ACTIONS.iter().find(|(n, ..)| n == name) else {
            let names = ACTIONS.iter().map(|(n, ..)| *n);
            let hint = match nearest(name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "the help (`?`) names them all".to_owned(),
            };
            let text = format!("no action of the console is called `{name}`; {hint}");
            check.report.warning(*place, text);
            continue;
        };
        for word in keys.split_whitespace() {
            let Some(key) = written(word) else {
                let text =
                    format!("{word:?} is no key; write q, Ctrl-P, F1, Space, PgUp or Shift-Tab");
                check.report.warning(*place, text);
                continue;
            };
            match owners.get(&(*tab, key.clone())) {
                Some(other) if other != name => {
                    let text =
                        format!("{key} is the key of `{other}` already; one of both needs another");
                    check.report.warning(*place, text);
                }
                _ => {
                    owners.insert((*tab, key), *name);
                }
            }
        }
    }
    lost(pairs, &owners, check);
}

/// What actions that stand nowhere in the file lose by it.
fn lost(
    pairs: &[(&str, &str, Place)],
    owners: &HashMap<(&str, String), &str>,
    check: &mut Check<'_>,
) {
    for (name, tab, keys) in ACTIONS {
        if pairs.iter().any(|(n, ..)| n == name) {
            continue;
        }
        for key in keys.split_whitespace() {
            let owner = owners.get(&(*tab, key.to_owned()));
            let place = owner.and_then(|owner| pairs.iter().find(|(n, ..)| n == owner));
            if let Some((_, _, place)) = place {
                let text = format!(
                    "{key} was the key of `{name}`, which has lost it; give that one another"
                );
                check.report.warning(*place, text);
            }
        }
    }
}
