//! Orders on alerts: acknowledging them, and silencing what matchers fit, with a look at what
//! would be muted before it is.

use crate::base::units::parse_duration_ms;
use crate::model::action::{Acknowledge, Action, Silence};
use crate::model::view::{AlertRow, SilenceRow};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::overlay::{Confirm, Item, Overlay, Prompt, PromptKind, Run};
use crate::tui::state::State;
use crate::tui::tabs::alerts::{receivers, rows};
use chrono::{FixedOffset, NaiveDate, NaiveTime, TimeZone};

/// The prompts of this tab, by their words.
pub(super) const NOTE: &str = "acknowledge";
pub(super) const NOTE_GROUP: &str = "acknowledge the group";
pub(super) const SILENCE: &str = "silence";
pub(super) const CHANGE: &str = "change the silence";

/// A silence for which no time is given.
const DEFAULT_MS: i64 = 2 * 3_600_000;

/// Labels that a silence is proposed from: enough to mean this alert, and no more.
const PROPOSED: [&str; 5] = ["alertname", "instance", "job", "name", "mountpoint"];

/// Why nothing is ordered from a rewound screen.
const OF_THEN: &str = "as of then: acts need the present";

fn refused(state: &mut State) -> bool {
    if state.options.read_only {
        state.toast("this console was started with --read-only", true);
        return true;
    }
    if !state.time.is_live() {
        state.toast(OF_THEN, true);
        return true;
    }
    if rows::current(state).is_none() {
        state.toast("no alert is chosen", false);
        return true;
    }
    false
}

/// Asks for a note; on what is acknowledged already, whether to take that back.
pub(super) fn acknowledge(state: &mut State, group: bool) -> Vec<Cmd> {
    if refused(state) {
        return Vec::new();
    }
    let Some(row) = rows::current(state) else {
        return Vec::new();
    };
    if let Some(ack) = &row.standing.acknowledged {
        let lines = vec![
            format!("{} is acknowledged by {}.", row.alert.name(), ack.by),
            "Take that back? Reminders are sent again.".to_owned(),
        ];
        let run = order_of(Action::Acknowledge(Acknowledge {
            alert: row.fingerprint,
            group,
            remove: true,
            ..Acknowledge::default()
        }));
        let title = "Take back?".to_owned();
        state
            .overlays
            .push(Overlay::Confirm(Confirm { title, lines, run }));
        return Vec::new();
    }
    let tag = if group { NOTE_GROUP } else { NOTE };
    let prompt = prompt(state, tag);
    state.overlays.push(Overlay::Prompt(prompt));
    Vec::new()
}

pub(super) fn silence(state: &mut State) -> Vec<Cmd> {
    if refused(state) {
        return Vec::new();
    }
    let prompt = prompt(state, SILENCE);
    state.overlays.push(Overlay::Prompt(prompt));
    Vec::new()
}

pub(super) fn prompt(state: &State, tag: &'static str) -> Prompt {
    let kind = PromptKind::Tab(tag);
    let row = rows::current(state);
    let name = row.map_or("", |r| r.alert.name());
    match tag {
        SILENCE => {
            let text = row.map(proposal).unwrap_or_default();
            let hint =
                "what, how long, why: severity=\"warning\" for 2h: the disk; or until 18:00:";
            Prompt::new(kind, "Silence", &text, hint)
        }
        CHANGE => {
            let text = receivers::silence(state).map(|row| written(state, row));
            let hint = "matchers, `for` how long from now or `until` when, and why";
            Prompt::new(kind, "Change the silence", &text.unwrap_or_default(), hint)
        }
        NOTE_GROUP => {
            let title = format!("Acknowledge the group of {name}");
            Prompt::new(kind, &title, "", "a note; `for 4h: note` ends it by itself")
        }
        _ => {
            let title = format!("Acknowledge {name}");
            Prompt::new(kind, &title, "", "a note; `for 4h: note` ends it by itself")
        }
    }
}

/// A silence as one would write it now.
fn written(state: &State, row: &SilenceRow) -> String {
    let left = (row.ends_at - state.now.max(row.starts_at)).max(60_000) / 60_000 * 60_000;
    let left = crate::base::units::format_duration_ms(left);
    let comment = row.comment.replace('\n', " ");
    format!("{} for {left}: {comment}", row.matchers.join(", "))
}

/// The silence that would mute this alert.
fn proposal(row: &AlertRow) -> String {
    let labels = &row.alert.labels;
    let wanted = PROPOSED.iter().filter(|n| labels.has(n));
    let matchers: Vec<String> = wanted.map(|n| format!("{n}={:?}", labels.get(n))).collect();
    format!("{} for 2h: ", matchers.join(", "))
}

pub(super) fn prompted(
    state: &mut State,
    tag: &'static str,
    text: &str,
) -> Result<Vec<Cmd>, String> {
    if tag == SILENCE || tag == CHANGE {
        let mut silence = read_silence(text, Here::of(state))?;
        if tag == CHANGE {
            let row = receivers::silence(state).ok_or("the silence is gone")?;
            silence.id.clone_from(&row.id);
            // The time is read from now on; a running silence keeps its beginning.
            silence.starts_at = Some(row.starts_at);
            silence.duration_ms += (state.now - row.starts_at).max(0);
        }
        state.locals.alerts.silence = Some(silence.clone());
        let preview = Silence {
            preview: true,
            ..silence
        };
        return Ok(vec![Cmd::Act(Action::Silence(preview))]);
    }
    let row = rows::current(state).ok_or("the alert is gone")?;
    let (for_ms, note) = read_note(text, Here::of(state))?;
    Ok(vec![Cmd::Act(Action::Acknowledge(Acknowledge {
        alert: row.fingerprint,
        group: tag == NOTE_GROUP,
        note,
        until: for_ms.map(|ms| state.now + ms),
        remove: false,
    }))])
}

/// `for 4h: note`, `until 18:00: note`, or a note alone.
fn read_note(text: &str, here: Here) -> Result<(Option<i64>, String), String> {
    let text = text.trim();
    // "until Kim is back" is a note too.
    if let Some(rest) = text.strip_prefix("until ")
        && let Ok((ms, note)) = read_until(rest, here)
    {
        return Ok((Some(ms), note));
    }
    let Some(rest) = text.strip_prefix("for ") else {
        return Ok((None, text.to_owned()));
    };
    let (ms, note) = read_time(rest)?;
    Ok((Some(ms), note))
}

/// When it is, and where: what `until 18:00` is reckoned from.
#[derive(Clone, Copy)]
struct Here {
    now: i64,
    zone: FixedOffset,
}

impl Here {
    fn of(state: &State) -> Self {
        Self {
            now: state.now,
            zone: state.time.zone(),
        }
    }
}

/// How a time is written, for whoever wrote it otherwise.
const TIMES: &str = "write for 30m, 2h, 1d, 1h30m or 2 hours; or until 18:00, until tomorrow 9:00";

/// What plain words for units are short for.
const UNIT_WORDS: [(&str, &str); 5] = [
    ("sec", "s"),
    ("min", "m"),
    ("hour", "h"),
    ("day", "d"),
    ("week", "w"),
];

/// `2h: why` or `2 hours: why`; the colon may be left out.
fn read_time(text: &str) -> Result<(i64, String), String> {
    let text = text.trim();
    let end = |text: &str| text.find([':', ' ']).unwrap_or(text.len());
    let (mut word, mut rest) = text.split_at(end(text));
    let spoken;
    if !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()) {
        let (unit, after) = rest.trim_start().split_at(end(rest.trim_start()));
        let known = UNIT_WORDS.iter().find(|(name, _)| unit.starts_with(name));
        if let Some((_, short)) = known {
            spoken = format!("{word}{short}");
            (word, rest) = (&spoken, after);
        }
    }
    let ms = parse_duration_ms(word)
        .map_err(|_| format!("{word:?} is not how long it lasts; {TIMES}"))?;
    if ms <= 0 {
        return Err("a time above zero is needed: 30m, 2h, 1d".to_owned());
    }
    Ok((ms, reason(rest)))
}

/// What follows the time.
fn reason(rest: &str) -> String {
    rest.trim_start_matches([':', ' ']).trim().to_owned()
}

/// `18:00: why`, `tomorrow 9:00: why`, `2026-12-01 08:00 why`; milliseconds from now on.
fn read_until(text: &str, here: Here) -> Result<(i64, String), String> {
    let text = text.trim();
    let no = || format!("{text:?} does not begin with a time; {TIMES}");
    let (day, rest) = match text.split_once(' ') {
        Some((day, rest)) if !day.contains(':') => (Some(day), rest.trim_start()),
        _ => (None, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':');
    let (clock, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let time = NaiveTime::parse_from_str(clock.trim_end_matches(':'), "%H:%M");
    let time = time.map_err(|_| no())?;
    let today = here.zone.timestamp_millis_opt(here.now).single();
    let today = today.ok_or_else(no)?.date_naive();
    let date = match day {
        None | Some("today") => today,
        Some("tomorrow") => today.succ_opt().ok_or_else(no)?,
        Some(date) => NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| no())?,
    };
    let at = date.and_time(time).and_local_timezone(here.zone).single();
    let mut at = at.ok_or_else(no)?.timestamp_millis();
    if day.is_none() && at <= here.now {
        // A bare clock that is over was meant of tomorrow.
        at += 24 * 3_600_000;
    }
    if at <= here.now {
        let until = &text[..text.len() - rest.len()];
        return Err(format!(
            "{} is over already; {TIMES}",
            until.trim_end_matches(':')
        ));
    }
    Ok((at - here.now, reason(rest)))
}

/// Reads matchers, how long or until when, and why.
fn read_silence(text: &str, here: Here) -> Result<Silence, String> {
    let (matchers, rest) = split_outside_quotes(text);
    let (duration_ms, comment) = match rest {
        Some(("until", rest)) => read_until(rest, here)?,
        Some((_, rest)) => read_time(rest)?,
        None => (DEFAULT_MS, String::new()),
    };
    if matchers.is_empty() {
        return Err(
            "write what is to be muted: alertname=\"DiskFull\", instance=~\"web.*\"".into(),
        );
    }
    if comment.is_empty() {
        return Err("say why, after a colon: others will read it".to_owned());
    }
    Ok(Silence {
        matchers,
        duration_ms,
        comment,
        ..Silence::default()
    })
}

/// The matchers, split at commas and blanks; then the word `for` or `until`, and what follows it.
fn split_outside_quotes(text: &str) -> (Vec<String>, Option<(&'static str, &str)>) {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        let after = |word| {
            text[at..]
                .strip_prefix(' ')?
                .strip_prefix(word)?
                .strip_prefix(' ')
        };
        let found = ["for", "until"]
            .into_iter()
            .find_map(|w| Some((w, after(w)?)));
        if let Some(found) = found.filter(|_| !quoted) {
            parts.retain(|p| !p.is_empty());
            return (parts, Some(found));
        }
        let last = parts.len() - 1;
        match c {
            '"' if !escaped => {
                quoted = !quoted;
                parts[last].push(c);
            }
            ',' | ' ' | '{' | '}' if !quoted => parts.push(String::new()),
            c => parts[last].push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    parts.retain(|p| !p.is_empty());
    (parts, None)
}

/// What a silence would mute; only `y` makes it.
pub(super) fn preview(state: &mut State, lines: &[String]) -> bool {
    let Some(silence) = state.locals.alerts.silence.take() else {
        return false;
    };
    let room = usize::from(state.height.saturating_sub(10)).max(4);
    let mut shown: Vec<String> = lines.iter().take(room).cloned().collect();
    if lines.len() > room {
        shown.push(format!("and {} more lines", lines.len() - room));
    }
    shown.push(String::new());
    let time = crate::base::units::format_duration_ms(silence.duration_ms);
    shown.push(format!("{} for {time}?", silence.matchers.join(", ")));
    // The question says it where everything would be muted: the answer is to that.
    let run = order_of(Action::Silence(Silence {
        even_all: true,
        ..silence
    }));
    let title = "Make this silence?".to_owned();
    state.overlays.push(Overlay::Confirm(Confirm {
        title,
        lines: shown,
        run,
    }));
    true
}

fn order_of(action: Action) -> Run {
    Run::Order {
        action,
        confirm: None,
    }
}

pub(super) fn menu(state: &State) -> Vec<Item> {
    if let Some(items) = receivers::menu(state) {
        return items;
    }
    let Some(row) = rows::current(state) else {
        return Vec::new();
    };
    let item = |label: &str, detail: &str, act: Act| {
        let then = (!state.time.is_live()).then(|| OF_THEN.to_owned());
        Item::new(label, detail, Run::Act(act))
            .keys(state.keymap.label(act))
            .unless(then)
    };
    let acknowledged = row.standing.acknowledged.is_some();
    let word = if acknowledged {
        "take the acknowledgement back"
    } else {
        "acknowledge"
    };
    vec![
        item(word, "no reminders until it is over", Act::Acknowledge),
        item(
            "acknowledge its group",
            "every alert that is told together with it",
            Act::AcknowledgeGroup,
        ),
        item(
            "silence",
            "mute what matchers fit, for a time",
            Act::Silence,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_are_read_as_they_are_spoken() {
        let read_silence = |text: &str| read_silence(text, HERE);
        let silence = read_silence(
            "alertname=\"Disk full for you\", instance=~\"web, .*\" for 90m: new disk",
        )
        .unwrap();
        assert_eq!(
            silence.matchers,
            ["alertname=\"Disk full for you\"", "instance=~\"web, .*\""]
        );
        assert_eq!(silence.duration_ms, 90 * 60_000);
        assert_eq!(silence.comment, "new disk");
        assert!(read_silence("a=\"b\" for 2h:").is_err());
        assert!(read_silence("a=\"b\" for soon: x").is_err());
        assert!(read_silence(" for 2h: x").is_err());
    }

    /// 2026-11-21 12:00 in Seoul.
    const HERE: Here = Here {
        now: 1_795_230_000_000,
        zone: FixedOffset::east_opt(9 * 3600).unwrap(),
    };

    #[test]
    fn times_are_understood_as_they_are_spoken() {
        let minute = 60_000;
        for (time, minutes) in [
            ("for 30m", 30),
            ("for 2h", 120),
            ("for 90m", 90),
            ("for 1d", 1440),
            ("for 1h30m", 90),
            ("for 2 hours", 120),
            ("for 45 min", 45),
            ("for 1 day", 1440),
            ("until 18:00", 360),
            ("until 9:30", 1290),
            ("until today 13:00", 60),
            ("until tomorrow 09:00", 1260),
            ("until 2026-11-23 12:00", 2880),
        ] {
            for colon in [":", ""] {
                let text = format!("a=\"until 9:00 for x\" {time}{colon} why not");
                let silence = read_silence(&text, HERE).unwrap();
                assert_eq!(silence.duration_ms, minutes * minute, "{text}");
                assert_eq!(silence.comment, "why not", "{text}");
                assert_eq!(silence.matchers, ["a=\"until 9:00 for x\""]);
            }
        }
        for text in [
            "for a while: x",
            "until lunch: x",
            "until 25:00: x",
            "for 2 moons: x",
        ] {
            let said = read_silence(&format!("a=\"b\" {text}"), HERE).unwrap_err();
            assert!(said.contains("until tomorrow 9:00"), "{said}");
        }
        let said = read_silence("a=\"b\" until today 11:00: x", HERE).unwrap_err();
        assert!(said.starts_with("today 11:00 is over already"), "{said}");
    }

    #[test]
    fn notes_may_end_by_themselves() {
        let read_note = |text: &str| read_note(text, HERE);
        assert_eq!(
            read_note("until 18:00: at lunch"),
            Ok((Some(6 * 3_600_000), "at lunch".to_owned()))
        );
        let note = "until Kim is back";
        assert_eq!(read_note(note), Ok((None, note.to_owned())));
        assert_eq!(read_note("on it"), Ok((None, "on it".to_owned())));
        let four = 4 * 3_600_000;
        assert_eq!(
            read_note("for 4h: on it"),
            Ok((Some(four), "on it".to_owned()))
        );
        assert!(read_note("for 0s: x").is_err());
    }
}
