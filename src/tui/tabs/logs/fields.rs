//! Labels and fields of the lines that are asked for, each with its most frequent values.
//!
//! Labels are counted over the whole stretch of time, from what the store knows of its streams;
//! fields over the newest lines.

use crate::base::text;
use crate::model::answer::{Field, LogReply};
use crate::model::request::{FieldsQuery, LogRequest, StreamsQuery, StreamsWhat};
use crate::query::syntax::logql::{self, Composed};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::list::{self, Cursor, Empty};
use crate::tui::tabs::logs::{FIELDS, Mode, VOLUMES, ask, keys, reply, slot};
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// Lines whose fields are looked at: what the engine looks at most.
const LINES: usize = 5000;
/// Values that are listed.
const VALUES: usize = 200;

/// What is chosen.
#[derive(Debug, Default)]
pub(super) struct Local {
    name: Cursor,
    value: Cursor,
    /// The values have the keys, not the names.
    in_values: bool,
}

/// A name with what stands under it.
struct Row {
    name: String,
    /// `label`, or what finds the field.
    kind: String,
    values: u64,
    top: Vec<(String, u64)>,
}

pub(super) fn requests(state: &State, composed: &Composed) -> Vec<(usize, LogRequest)> {
    let range = ask::range(state);
    let fields = FieldsQuery {
        expr: composed.expr.clone(),
        range,
        lines: LINES,
        values_of: None,
        limit: 0,
    };
    let volumes = StreamsQuery {
        what: StreamsWhat::Volumes,
        selectors: logql::selector_of(&composed.expr).into_iter().collect(),
        range,
        limit: 0,
    };
    vec![
        (FIELDS, LogRequest::Fields(fields)),
        (VOLUMES, LogRequest::Streams(volumes)),
    ]
}

fn labels(state: &State) -> Vec<Row> {
    let Some(LogReply::Volumes(streams)) = reply(state, VOLUMES) else {
        return Vec::new();
    };
    let mut names: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (labels, totals) in streams {
        for (name, value) in labels {
            *names.entry(name).or_default().entry(value).or_default() += totals.lines;
        }
    }
    let row = |(name, values): (&str, BTreeMap<&str, u64>)| {
        let mut top: Vec<(String, u64)> =
            values.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect();
        top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        top.truncate(VALUES);
        Row {
            name: name.to_owned(),
            kind: "label".to_owned(),
            values: values.len() as u64,
            top,
        }
    };
    names.into_iter().map(row).collect()
}

fn rows(state: &State) -> Vec<Row> {
    let mut out = labels(state);
    let fields = match reply(state, FIELDS) {
        Some(LogReply::Fields(fields, _)) => fields.as_slice(),
        _ => &[],
    };
    let row = |f: &Field| Row {
        name: f.name.clone(),
        kind: match f.parsers.first() {
            Some(parser) => {
                let kind = format!("{:?}", f.kind).to_lowercase();
                format!("{parser} {kind}")
            }
            None => "metadata".to_owned(),
        },
        values: f.cardinality,
        top: f.top.clone(),
    };
    let known: Vec<String> = out.iter().map(|r| r.name.clone()).collect();
    let new = |f: &&Field| !known.contains(&f.name);
    out.extend(fields.iter().filter(new).map(row));
    out
}

pub(super) fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let all = rows(state);
    let at = state.locals.logs.fields.name.at(all.len());
    let values = all.get(at).map_or(0, |r| r.top.len());
    let local = &mut state.locals.logs.fields;
    let moved = if local.in_values {
        local.value.act(act, values, 10)
    } else {
        local.name.act(act, all.len(), 10)
    };
    if moved {
        if !local.in_values {
            local.value = Cursor::default();
        }
        return Some(Vec::new());
    }
    match act {
        Act::NextPane | Act::PrevPane => local.in_values = !local.in_values,
        Act::Open if !local.in_values => local.in_values = values > 0,
        Act::Open | Act::Exclude if local.in_values => {
            let value = local.value.at(values);
            let row = all.get(at)?;
            let (value, _) = row.top.get(value)?;
            let op = if act == Act::Open { "=" } else { "!=" };
            let term = logql::label_term(&row.name, op, value);
            local.in_values = false;
            state.locals.logs.mode = Mode::Lines;
            keys::add(state, &term);
        }
        Act::Escape | Act::Back if local.in_values => local.in_values = false,
        Act::Fields | Act::Escape | Act::Back => state.locals.logs.mode = Mode::Lines,
        _ => return None,
    }
    Some(Vec::new())
}

const NAMES: &[Column] = &[
    Column::left("NAME", 12, 0).growing(),
    Column::left("KIND", 12, 1),
    Column::right("VALUES", 7, 0),
];
const TOP: &[Column] = &[
    Column::right("LINES", 9, 0),
    Column::right("SHARE", 6, 1),
    Column::left("VALUE", 10, 0).growing(),
];

pub(super) fn paint(state: &State, area: Rect, buf: &mut Buffer, look: &Look) {
    let all = rows(state);
    let local = &state.locals.logs.fields;
    let left = Rect {
        width: area.width * 2 / 5,
        ..area
    };
    let right = Rect {
        x: left.right(),
        width: area.width - left.width,
        ..area
    };
    let title = format!("Labels and fields {}", all.len());
    let frame = Frame {
        title: &title,
        focused: !local.in_values,
        ..Frame::default()
    };
    let inside = frame.paint(buf, left, look);
    let at = local.name.at(all.len());
    if all.is_empty() {
        let empty = Empty {
            slot: slot(state, FIELDS),
            nothing: "No lines in this stretch of time.",
            way_out: "[ and ] move in time, - takes a longer range",
            filtered: state.locals.logs.chips.iter().any(|c| c.on),
        };
        list::why_empty(buf, inside, look, empty);
    }
    let table = Table {
        columns: NAMES,
        rows: all.len(),
        offset: list::offset(at, usize::from(inside.height.saturating_sub(1)), all.len()),
        selected: (!all.is_empty()).then_some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| match column {
        0 => Entry::new(text::display(&all[row].name), look.title),
        1 => Entry::new(all[row].kind.clone(), look.dim),
        _ => Entry::new(all[row].values.to_string(), look.text),
    });
    match all.get(at) {
        Some(row) => paint_values(state, row, right, buf, look),
        None => {
            Frame::default().paint(buf, right, look);
        }
    }
}

fn paint_values(state: &State, row: &Row, right: Rect, buf: &mut Buffer, look: &Look) {
    let local = &state.locals.logs.fields;
    let out = state.keymap.label(Act::Exclude);
    let remark = format!("Enter only, {out} without");
    let title = text::display(&row.name);
    let frame = Frame {
        title: &title,
        remark: &remark,
        remark_style: look.dim,
        focused: local.in_values,
        ..Frame::default()
    };
    let inside = frame.paint(buf, right, look);
    let sum: u64 = row.top.iter().map(|(_, n)| n).sum();
    let at = local.value.at(row.top.len());
    let table = Table {
        columns: TOP,
        rows: row.top.len(),
        offset: list::offset(
            at,
            usize::from(inside.height.saturating_sub(1)),
            row.top.len(),
        ),
        selected: local.in_values.then_some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |i, column| {
        let (value, lines) = &row.top[i];
        match column {
            0 => Entry::new(lines.to_string(), look.text),
            1 => Entry::new(format!("{}%", lines * 100 / sum.max(1)), look.dim),
            _ => Entry::new(text::display(value), look.text),
        }
    });
}
