//! Lines by their shape: how often, since when, and new in this hour.

use crate::base::text;
use crate::model::answer::{LogPattern, LogReply};
use crate::model::request::LevelsQuery;
use crate::query::syntax::logql::{self, Composed};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, Run};
use crate::tui::state::State;
use crate::tui::tabs::list::{self, Empty};
use crate::tui::tabs::logs::paint::level_tag;
use crate::tui::tabs::logs::{EARLIER, MS, Mode, PATTERNS, keys, lists, reply, slot};
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::HashSet;

const HOUR_MS: i64 = 3_600_000;
/// How long before the shown stretch of time a shape may have been seen for it not to be new.
const EARLIER_MS: i64 = 24 * HOUR_MS;

/// The shapes of the day before: what is not among them is new.
pub(super) fn earlier(
    state: &State,
    composed: &Composed,
    shown: &LevelsQuery,
) -> Option<LevelsQuery> {
    // The beginning of what is shown, in whole minutes: asked once a minute at most.
    let end = shown.start.div_euclid(60_000 * MS) * 60_000 * MS;
    let known = slot(state, PATTERNS)?.answer().is_some();
    known.then(|| LevelsQuery {
        expr: composed.expr.clone(),
        levels: composed.levels,
        start: end - EARLIER_MS * MS,
        step: EARLIER_MS * MS,
        count: 1,
    })
}

/// Which of the shapes were seen for the first time within the last hour: not in what is shown of
/// the time before it, and not in the day before that. `None` while that is not known.
fn new_ones(state: &State) -> Option<Vec<bool>> {
    let Some(LogReply::Patterns(before, _)) = reply(state, EARLIER) else {
        return None;
    };
    let now = state.time.instant().unwrap_or(state.tick);
    let since = (now - HOUR_MS) * MS;
    let names: HashSet<&str> = before.iter().map(|b| b.pattern.as_str()).collect();
    let late = |p: &LogPattern| p.first >= since && !names.contains(p.pattern.as_str());
    let all = patterns(state);
    if !all.iter().any(late) {
        return Some(vec![false; all.len()]);
    }
    // The same shape may have been learnt with other words in it.
    let known = logql::fits_one(names.iter().copied());
    let is_new = |p: &LogPattern| late(p) && !known(&p.sample);
    Some(all.iter().map(is_new).collect())
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = patterns(state).len();
    let last = count.saturating_sub(1);
    let at = state.locals.logs.pattern.min(last);
    let local = &mut state.locals.logs;
    match act {
        Act::Up => local.pattern = at.saturating_sub(1),
        Act::Down => local.pattern = (at + 1).min(last),
        Act::PageUp => local.pattern = at.saturating_sub(10),
        Act::PageDown => local.pattern = (at + 10).min(last),
        Act::Top => local.pattern = 0,
        Act::Bottom => local.pattern = last,
        Act::Patterns | Act::Escape | Act::Back => local.mode = Mode::Lines,
        Act::Open => drill(state, at, false),
        Act::Exclude => drill(state, at, true),
        _ => return None,
    }
    Some(Vec::new())
}

/// Only the lines of a pattern, or all but those.
fn drill(state: &mut State, at: usize, not: bool) {
    let chosen = patterns(state).get(at).map(|p| p.pattern.clone());
    let Some(pattern) = chosen else {
        return;
    };
    if !not {
        state.locals.logs.mode = Mode::Lines;
    }
    keys::add(state, &logql::pattern_term(&pattern, not));
}

pub(super) fn menu(state: &State) -> Vec<Item> {
    let Some(pattern) = patterns(state).get(state.locals.logs.pattern) else {
        return Vec::new();
    };
    let mut items = Vec::new();
    for (label, not, act) in [
        ("only this pattern", false, Act::Open),
        ("without this pattern", true, Act::Exclude),
    ] {
        let text = logql::pattern_term(&pattern.pattern, not);
        let run = Run::Give {
            tag: lists::ADD,
            text,
        };
        let keys = state.keymap.label(act);
        let shown = text::display(&pattern.pattern);
        items.push(Item::new(label, shown, run).keys(keys));
    }
    let copy = Run::Copy(pattern.pattern.clone());
    let shown = text::display(&pattern.pattern);
    items.push(Item::new("copy the pattern", shown, copy));
    items
}

fn patterns(state: &State) -> &[LogPattern] {
    match reply(state, PATTERNS) {
        Some(LogReply::Patterns(all, _)) => all,
        _ => &[],
    }
}

const COLUMNS: &[Column] = &[
    Column::right("LINES", 9, 0),
    Column::left("LVL", 4, 1),
    Column::left("NEW", 3, 1),
    Column::left("FIRST", 8, 3),
    Column::left("LAST", 8, 2),
    Column::left("", 12, 4),
    Column::left("PATTERN", 20, 0).growing(),
];

pub(super) fn paint(state: &State, area: Rect, buf: &mut Buffer, look: &Look) {
    let all = patterns(state);
    let new = new_ones(state);
    let count = new.iter().flatten().filter(|n| **n).count();
    let title = format!("Patterns {}", all.len());
    let headline = match (&new, count) {
        (None, _) | (_, 0) => String::new(),
        (_, n) => format!("{n} new in this hour"),
    };
    let out = state.keymap.label(Act::Exclude);
    let remark = format!("Enter shows its lines, {out} leaves them out");
    let frame = Frame {
        title: &title,
        headline: &headline,
        headline_style: look.warn,
        remark: &remark,
        remark_style: look.dim,
        focused: true,
    };
    let inside = frame.paint(buf, area, look);
    if all.is_empty() {
        let empty = Empty {
            slot: slot(state, PATTERNS),
            nothing: "No lines in this stretch of time.",
            way_out: "[ and ] move in time, - takes a longer range",
            filtered: !state.locals.logs.chips.is_empty(),
        };
        list::why_empty(buf, inside, look, empty);
        return;
    }
    let at = state.locals.logs.pattern.min(all.len() - 1);
    let table = Table {
        columns: COLUMNS,
        rows: all.len(),
        offset: list::offset(at, usize::from(inside.height.saturating_sub(1)), all.len()),
        selected: Some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| {
        let pattern = &all[row];
        let (tag, style) = level_tag(pattern.level, look);
        let clock = |t: i64| state.time.clock(t.div_euclid(MS));
        match column {
            0 => Entry::new(pattern.lines.to_string(), look.text),
            1 => Entry::new(tag, style),
            2 => {
                let is_new = new.as_ref().is_some_and(|n| n.get(row) == Some(&true));
                Entry::new(if is_new { "new" } else { "" }, look.warn)
            }
            3 => Entry::new(clock(pattern.first), look.dim),
            4 => Entry::new(clock(pattern.last), look.dim),
            5 => Entry::new(trend(&pattern.counts, look), look.good),
            _ => Entry::new(text::display(&pattern.pattern), look.text),
        }
    });
}

/// The counts of a pattern as a row of bars.
fn trend(counts: &[u64], look: &Look) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const LOW: [char; 4] = ['.', ':', '|', '#'];
    let bars: &[char] = if look.boxes { &BARS } else { &LOW };
    let parts = 12.min(counts.len().max(1));
    let sum = |i: usize| {
        let (from, to) = (counts.len() * i / parts, counts.len() * (i + 1) / parts);
        counts[from..to].iter().sum::<u64>()
    };
    let sums: Vec<u64> = (0..parts).map(sum).collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let bar = |n: &u64| match n {
        0 => ' ',
        n => bars[((n * bars.len() as u64).div_ceil(most) as usize).clamp(1, bars.len()) - 1],
    };
    sums.iter().map(bar).collect()
}
