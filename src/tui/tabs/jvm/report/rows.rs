//! The rows of an open answer, whatever its kind: what stands in their cells, and below them.

use crate::base::text;
use crate::model::jvm::{ClassRow, Histogram, Thread};
use crate::tui::tabs::jvm::report::threads::{Became, Change, Held, own_frame};
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry};
use crate::tui::widget::unit::Unit;
use ratatui::style::Style;
use std::collections::HashMap;

pub(super) enum Rows<'a> {
    Groups(Vec<Vec<&'a Thread>>),
    Threads(Vec<&'a Thread>),
    Locks(Vec<Held<'a>>),
    Changes(Vec<Change<'a>>),
    Classes(Vec<ClassLine<'a>>),
    Text(Vec<&'a str>),
}

/// A class, and what it was in the other histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ClassLine<'a> {
    pub(super) name: &'a str,
    pub(super) bytes: u64,
    pub(super) instances: u64,
    /// Share of all bytes.
    pub(super) share: f64,
    /// Bytes and instances that came since; `None` where nothing is compared.
    pub(super) grown: Option<(i64, i64)>,
}

/// Columns by which each kind can be sorted, with whether it falls at first.
pub(super) const THREAD_SORTS: &[(usize, bool)] = &[(2, true), (3, true), (1, false), (0, false)];
pub(super) const CLASS_SORTS: &[(usize, bool)] =
    &[(1, true), (3, true), (4, true), (5, true), (0, false)];

const GROUPS: &[Column] = &[
    Column::right("COUNT", 6, 0),
    Column::left("STATE", 13, 0),
    Column::right("CPU", 7, 1),
    Column::left("WHERE", 24, 0).growing(),
    Column::left("THREADS", 30, 2),
];
const THREADS: &[Column] = &[
    Column::left("THREAD", 20, 0).growing(),
    Column::left("STATE", 13, 0),
    Column::right("CPU", 7, 0),
    Column::right("IN ALL", 8, 2),
    Column::right("NATIVE", 7, 3),
    Column::left("WHERE", 40, 1),
];
const LOCKS: &[Column] = &[
    Column::left("LOCK", 24, 0).growing(),
    Column::left("ADDRESS", 18, 2),
    Column::left("HELD BY", 24, 0),
    Column::right("WAITING", 7, 0),
];
const CHANGES: &[Column] = &[
    Column::left("", 6, 0),
    Column::left("THREAD", 20, 0).growing(),
    Column::left("BEFORE", 13, 1),
    Column::left("NOW", 13, 0),
    Column::right("CPU", 7, 0),
    Column::left("WHERE", 40, 2),
];
const CLASSES: &[Column] = &[
    Column::left("CLASS", 24, 0).growing(),
    Column::right("BYTES", 9, 0),
    Column::right("SHARE", 7, 2),
    Column::right("OBJECTS", 11, 1),
    Column::right("+ BYTES", 10, 0),
    Column::right("+ OBJECTS", 11, 1),
];
const TEXT: &[Column] = &[Column::left("", 20, 0).growing()];

impl<'a> Rows<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Groups(rows) => rows.len(),
            Self::Threads(rows) => rows.len(),
            Self::Locks(rows) => rows.len(),
            Self::Changes(rows) => rows.len(),
            Self::Classes(rows) => rows.len(),
            Self::Text(rows) => rows.len(),
        }
    }

    pub(super) fn columns(&self) -> &'static [Column] {
        match self {
            Self::Groups(_) => GROUPS,
            Self::Threads(_) => THREADS,
            Self::Locks(_) => LOCKS,
            Self::Changes(_) => CHANGES,
            // Without another histogram nothing has grown.
            Self::Classes(rows) if rows.first().is_none_or(|r| r.grown.is_none()) => &CLASSES[..4],
            Self::Classes(_) => CLASSES,
            Self::Text(_) => TEXT,
        }
    }

    pub(super) fn cell(&self, row: usize, column: usize, look: &Look) -> Entry<'a> {
        match self {
            Self::Groups(rows) => group(&rows[row], column, look),
            Self::Threads(rows) => thread(rows[row], column, look),
            Self::Locks(rows) => held(&rows[row], column, look),
            Self::Changes(rows) => change(&rows[row], column, look),
            Self::Classes(rows) => class(&rows[row], column, look),
            Self::Text(rows) => Entry::new(text::display(rows[row]), look.text),
        }
    }

    /// What stands below the chosen row: stacks. None where the rows say all.
    pub(super) fn below(&self, row: usize, look: &Look) -> Option<Vec<(String, Style)>> {
        let mut out = Vec::new();
        match self {
            Self::Groups(rows) => {
                let group = rows.get(row)?;
                let names: Vec<&str> = group.iter().map(|t| t.name.as_str()).collect();
                out.push((names.join(", "), look.title));
                out.extend(frames(group.first()?, look));
            }
            Self::Threads(rows) => out.extend(whole(rows.get(row)?, look)),
            Self::Locks(rows) => {
                let held = rows.get(row)?;
                for waiter in &held.waiters {
                    out.push((format!("waits: {}", waiter.name), look.warn));
                }
                match held.holder {
                    Some(holder) => {
                        out.push((format!("holds: {}", holder.name), look.title));
                        out.extend(frames(holder, look));
                    }
                    None => out.push((UNKNOWN_HOLDER.to_owned(), look.dim)),
                }
            }
            Self::Changes(rows) => {
                let change = rows.get(row)?;
                out.extend(whole(change.thread()?, look));
                if let (Some(before), Became::Moved) = (change.before, change.became) {
                    out.push(("before:".to_owned(), look.title));
                    out.extend(frames(before, look));
                }
            }
            Self::Classes(_) | Self::Text(_) => return None,
        }
        Some(out)
    }
}

const UNKNOWN_HOLDER: &str = "Nobody is shown to hold it: a condition, or a lock of java.util.concurrent, whose owner a dump with lock owners tells (. asks for one).";

fn whole(thread: &Thread, look: &Look) -> Vec<(String, Style)> {
    let number = thread.number.map_or_else(String::new, |n| format!(" #{n}"));
    let daemon = if thread.daemon { " daemon" } else { "" };
    let mut out = vec![(format!("{}{number}{daemon}", thread.name), look.title)];
    out.extend(frames(thread, look));
    out
}

fn frames(thread: &Thread, look: &Look) -> Vec<(String, Style)> {
    let lock = |word: &str, lock: &crate::model::jvm::Lock| {
        format!("{word} <{}> {}", lock.address, lock.class)
    };
    let mut out = Vec::new();
    if let Some(waits) = &thread.waits_for {
        out.push((lock("waits for", waits), look.warn));
    }
    out.extend(
        thread
            .holds
            .iter()
            .map(|held| (lock("holds", held), look.mark)),
    );
    let own = own_frame(thread);
    out.extend(thread.frames.iter().map(|frame| {
        let style = if frame == own { look.text } else { look.dim };
        (format!("  {frame}"), style)
    }));
    if out.is_empty() {
        out.push(("no Java stack".to_owned(), look.dim));
    }
    out
}

fn state_style(state: &str, look: &Look) -> Style {
    match state {
        "RUNNABLE" => look.good,
        "BLOCKED" => look.bad,
        _ => look.dim,
    }
}

fn share(v: Option<f64>, look: &Look) -> Entry<'static> {
    match v {
        Some(v) => Entry::new(Unit::Ratio.show(v), look.level(v, 0.5, 0.9)),
        None => Entry::new("-", look.faint),
    }
}

fn group<'a>(group: &[&'a Thread], column: usize, look: &Look) -> Entry<'a> {
    let first = group[0];
    match column {
        0 => Entry::new(group.len().to_string(), look.text),
        1 => Entry::new(text::display(&first.state), state_style(&first.state, look)),
        2 => {
            let all = group.iter().filter_map(|t| t.cpu).reduce(|a, b| a + b);
            share(all, look)
        }
        3 => Entry::new(text::display(own_frame(first)), look.text),
        _ => {
            let names: Vec<&str> = group.iter().take(5).map(|t| t.name.as_str()).collect();
            Entry::new(text::display(&names.join(", ")).into_owned(), look.dim)
        }
    }
}

fn thread<'a>(thread: &'a Thread, column: usize, look: &Look) -> Entry<'a> {
    match column {
        0 => Entry::new(text::display(&thread.name), look.text),
        1 => Entry::new(
            text::display(&thread.state),
            state_style(&thread.state, look),
        ),
        2 => share(thread.cpu, look),
        3 => {
            let all = thread.cpu_ms.map(|ms| Unit::Seconds.show(ms / 1000.0));
            Entry::new(all.unwrap_or_else(|| "-".to_owned()), look.dim)
        }
        4 => {
            let id = thread
                .native_id
                .map_or_else(|| "-".to_owned(), |n| n.to_string());
            Entry::new(id, look.dim)
        }
        _ => Entry::new(text::display(own_frame(thread)), look.dim),
    }
}

fn held<'a>(held: &Held<'a>, column: usize, look: &Look) -> Entry<'a> {
    let style = if held.deadlocked { look.bad } else { look.text };
    match column {
        0 if held.deadlocked => Entry::new(
            format!("DEADLOCK {}", text::display(&held.lock.class)),
            style,
        ),
        0 => Entry::new(text::display(&held.lock.class), style),
        1 => Entry::new(text::display(&held.lock.address), look.dim),
        2 => {
            let name = held.holder.map_or("-", |t| t.name.as_str());
            Entry::new(text::display(name), style)
        }
        _ => Entry::new(held.waiters.len().to_string(), look.text),
    }
}

fn change<'a>(change: &Change<'a>, column: usize, look: &Look) -> Entry<'a> {
    let (word, style) = match change.became {
        Became::Stuck => ("stuck", look.bad),
        Became::New => ("new", look.good),
        Became::Gone => ("gone", look.warn),
        Became::Moved => ("moved", look.dim),
    };
    let state = |t: Option<&'a Thread>| {
        let state = t.map_or("-", |t| t.state.as_str());
        Entry::new(text::display(state), state_style(state, look))
    };
    let Some(thread) = change.thread() else {
        return Entry::default();
    };
    match column {
        0 => Entry::new(word, style),
        1 => Entry::new(text::display(&thread.name), look.text),
        2 => state(change.before),
        3 => state(change.now),
        4 => share(change.cpu(), look),
        _ => Entry::new(text::display(own_frame(thread)), look.dim),
    }
}

fn class<'a>(class: &ClassLine<'a>, column: usize, look: &Look) -> Entry<'a> {
    let grown = |v: Option<i64>, unit: Unit| match v {
        None | Some(0) => Entry::new("0", look.faint),
        Some(v) if v > 0 => Entry::new(format!("+{}", unit.show(v as f64)), look.warn),
        Some(v) => Entry::new(
            format!("-{}", unit.show(v.unsigned_abs() as f64)),
            look.good,
        ),
    };
    match column {
        0 => Entry::new(text::display(class.name), look.text),
        1 => Entry::new(Unit::Bytes.show(class.bytes as f64), look.text),
        2 => Entry::new(Unit::Ratio.show(class.share), look.dim),
        3 => Entry::new(class.instances.to_string(), look.dim),
        4 => grown(class.grown.map(|g| g.0), Unit::Bytes),
        _ => grown(class.grown.map(|g| g.1), Unit::Short),
    }
}

/// The classes that the filter leaves, against an earlier histogram where there is one, sorted by
/// the column of [`CLASS_SORTS`].
pub(super) fn classes<'a>(
    now: &'a Histogram,
    before: Option<&'a Histogram>,
    filter: &str,
    (column, falls): (usize, bool),
) -> Vec<ClassLine<'a>> {
    let words = filter.to_lowercase();
    let fits = |name: &str| {
        let name = name.to_lowercase();
        words.split_whitespace().all(|w| match w.strip_prefix('!') {
            Some(out) => out.is_empty() || !name.contains(out),
            None => name.contains(w),
        })
    };
    let mut old: HashMap<&str, &ClassRow> = HashMap::new();
    old.extend(
        before
            .into_iter()
            .flat_map(|b| &b.classes)
            .map(|c| (c.name.as_str(), c)),
    );
    let total = now.bytes.max(1) as f64;
    let difference = |a: u64, b: u64| i64::try_from(i128::from(a) - i128::from(b)).unwrap_or(0);
    let mut out = Vec::new();
    for class in &now.classes {
        let earlier = old.remove(class.name.as_str());
        let (bytes, instances) = earlier.map_or((0, 0), |e| (e.bytes, e.instances));
        out.push(ClassLine {
            name: &class.name,
            bytes: class.bytes,
            instances: class.instances,
            share: class.bytes as f64 / total,
            grown: before.map(|_| {
                (
                    difference(class.bytes, bytes),
                    difference(class.instances, instances),
                )
            }),
        });
    }
    // What is gone has shrunk to nothing.
    out.extend(old.into_values().map(|class| ClassLine {
        name: &class.name,
        bytes: 0,
        instances: 0,
        share: 0.0,
        grown: Some((difference(0, class.bytes), difference(0, class.instances))),
    }));
    out.retain(|c| fits(c.name));
    out.sort_by(|a, b| {
        let order = match column {
            0 => a.name.cmp(b.name),
            3 => a.instances.cmp(&b.instances),
            4 => a.grown.cmp(&b.grown),
            5 => a.grown.map(|g| g.1).cmp(&b.grown.map(|g| g.1)),
            _ => a.bytes.cmp(&b.bytes),
        };
        let order = if falls { order.reverse() } else { order };
        order.then_with(|| a.name.cmp(b.name))
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_histograms_show_what_grew_and_what_went() {
        let histogram = |rows: &[(&str, u64, u64)]| Histogram {
            classes: rows
                .iter()
                .map(|(name, instances, bytes)| ClassRow {
                    name: (*name).to_owned(),
                    instances: *instances,
                    bytes: *bytes,
                })
                .collect(),
            instances: 0,
            bytes: rows.iter().map(|r| r.2).sum(),
        };
        let before = histogram(&[("byte[]", 10, 1000), ("Old", 3, 30)]);
        let now = histogram(&[("byte[]", 5, 400), ("Leak", 50, 600)]);
        let lines = classes(&now, Some(&before), "", (4, true));
        let told: Vec<(&str, Option<(i64, i64)>)> =
            lines.iter().map(|l| (l.name, l.grown)).collect();
        assert_eq!(
            told,
            [
                ("Leak", Some((600, 50))),
                ("Old", Some((-30, -3))),
                ("byte[]", Some((-600, -5)))
            ]
        );
        let alone = classes(&now, None, "!leak", (1, true));
        assert_eq!(
            (alone.len(), alone[0].grown, alone[0].share),
            (1, None, 0.4)
        );
    }
}
