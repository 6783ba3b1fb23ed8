//! Storage: what is kept, how much it takes, how far back it reaches.
//!
//! No digit: it is reached by `:` and from Metrics.

use crate::base::text;
use crate::model::request::{Request, ViewName};
use crate::model::view::{StorageView, View};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::msg::Mouse;
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::{Export, Tab, list};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

const NAME: &str = "Storage";

pub(crate) const TAB: Tab = Tab {
    requests,
    act,
    click,
    line: |state| chosen(state).map(|(name, _)| name),
    export: |state| storage(state).map(export),
    ..Tab::new(
        NAME,
        "series by metric and label, blocks, WAL, retention",
        view,
    )
};

const SLOT: SlotId = SlotId {
    owner: NAME,
    part: 0,
};

/// The lists that Tab goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    Metrics,
    Labels,
    Blocks,
}

#[derive(Debug, Default)]
pub(crate) struct Local {
    pane: Pane,
    cursors: [list::Cursor; 3],
    /// The list that has the keys has the whole body.
    zoomed: bool,
}

fn requests(_: &State, _: Rect) -> Vec<(SlotId, Request)> {
    let (view, at) = (ViewName::Storage, None);
    vec![(SLOT, Request::View { view, at })]
}

fn storage(state: &State) -> Option<&StorageView> {
    match state.slots.get(SLOT)?.view()? {
        View::Storage(view) => Some(view),
        _ => None,
    }
}

fn count(state: &State, pane: Pane) -> usize {
    storage(state).map_or(0, |s| match pane {
        Pane::Metrics => s.by_metric.len(),
        Pane::Labels => s.by_label.len(),
        Pane::Blocks => s.blocks.len(),
    })
}

fn chosen(state: &State) -> Option<(String, u64)> {
    let local = &state.locals.storage;
    let at = local.cursors[local.pane as usize].at(count(state, local.pane));
    let storage = storage(state)?;
    match local.pane {
        Pane::Metrics => storage.by_metric.get(at).cloned(),
        Pane::Labels => storage.by_label.get(at).cloned(),
        Pane::Blocks => storage.blocks.get(at).map(|b| (b.name.clone(), b.bytes)),
    }
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let pane = state.locals.storage.pane;
    let count = count(state, pane);
    let local = &mut state.locals.storage;
    if local.cursors[pane as usize].act(act, count, 10) {
        return Some(Vec::new());
    }
    match act {
        Act::ZoomPane => {
            local.zoomed = !local.zoomed;
            return Some(Vec::new());
        }
        Act::Escape | Act::Back if local.zoomed => {
            local.zoomed = false;
            return Some(Vec::new());
        }
        _ => {}
    }
    local.pane = match (act, pane) {
        (Act::NextPane, Pane::Metrics) | (Act::PrevPane, Pane::Blocks) => Pane::Labels,
        (Act::NextPane, Pane::Labels) | (Act::PrevPane, Pane::Metrics) => Pane::Blocks,
        (Act::NextPane, Pane::Blocks) | (Act::PrevPane, Pane::Labels) => Pane::Metrics,
        _ => return None,
    };
    Some(Vec::new())
}

/// A row of the list under the mouse, which has the keys from then on.
fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let found = storage(state).and_then(|storage| {
        let (_, panes) = places(state, storage, body);
        panes.into_iter().find_map(|(pane, place)| {
            let count = count(state, pane);
            let at = state.locals.storage.cursors[pane as usize].at(count);
            list::row_under(mouse, place, (at, count)).map(|row| (pane, row))
        })
    });
    if let Some((pane, row)) = found {
        let local = &mut state.locals.storage;
        local.pane = pane;
        local.cursors[pane as usize].go(row);
    }
    found.is_some()
}

fn export(storage: &StorageView) -> Export {
    let mut out = String::from("kind,name,count\n");
    for (kind, rows) in [("metric", &storage.by_metric), ("label", &storage.by_label)] {
        for (name, count) in rows {
            out.push_str(&format!("{kind},{},{count}\n", list::csv(name)));
        }
    }
    for block in &storage.blocks {
        out.push_str(&format!(
            "block,{},{}\n",
            list::csv(&block.name),
            block.bytes
        ));
    }
    Export {
        kind: "csv",
        text: out,
    }
}

fn view(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(theme);
    let Some(storage) = storage(state) else {
        list::why_empty(
            buffer,
            body,
            &look,
            list::Empty {
                slot: state.slots.get(SLOT),
                nothing: "this backend does not tell about its storage",
                way_out: "only an engine of bongsu's own does",
                filtered: false,
            },
        );
        return None;
    };
    let facts = facts(state, storage, theme);
    let (top, panes) = places(state, storage, body);
    let head = frame::Frame {
        title: NAME,
        remark: &storage.path,
        remark_style: theme.dim,
        ..frame::Frame::default()
    };
    if !top.is_empty() {
        let inner = head.paint(buffer, top, &look);
        list::pairs(buffer, inner, theme, &facts);
    }
    for (pane, place) in panes {
        paint_pane(state, storage, pane, theme, (place, buffer));
    }
    None
}

/// The facts on top, and the lists.
fn places(state: &State, storage: &StorageView, body: Rect) -> (Rect, [(Pane, Rect); 3]) {
    let local = &state.locals.storage;
    let none = Rect { height: 0, ..body };
    if local.zoomed {
        let of = |pane: Pane| (pane, if pane == local.pane { body } else { none });
        return (none, [Pane::Metrics, Pane::Labels, Pane::Blocks].map(of));
    }
    let facts = FACTS + storage.problems.len() as u16;
    let height = (facts + 2).min(body.height / 2);
    let top = Rect { height, ..body };
    let rest = Rect::new(body.x, body.y + height, body.width, body.height - height);
    let blocks = if storage.blocks.is_empty() {
        0
    } else {
        rest.height / 3
    };
    let upper = rest.height - blocks;
    let half = rest.width / 2;
    let metrics = Rect::new(rest.x, rest.y, half, upper);
    let labels = Rect::new(rest.x + half, rest.y, rest.width - half, upper);
    let blocks = Rect::new(rest.x, rest.y + upper, rest.width, blocks);
    let panes = [
        (Pane::Metrics, metrics),
        (Pane::Labels, labels),
        (Pane::Blocks, blocks),
    ];
    (top, panes)
}

/// Facts that are always told; each problem is one more.
const FACTS: u16 = 6;

fn facts(state: &State, s: &StorageView, theme: &Theme) -> Vec<(String, String, Style)> {
    let bytes = |n: u64| Unit::Bytes.show(n as f64);
    let reaches = match s.reaches_back_to {
        0 => "nothing is stored yet".to_owned(),
        t => state.time.date_clock(t),
    };
    let churn = format!(
        "{} created, {} removed since the start",
        s.series_created, s.series_removed
    );
    let head = match s.head_min_t {
        0 => format!("{} samples, {}", s.head_samples, bytes(s.head_bytes)),
        t => format!(
            "{} samples, {}, since {}",
            s.head_samples,
            bytes(s.head_bytes),
            state.time.date_clock(t)
        ),
    };
    let disk = format!(
        "{} (WAL {}, {} blocks {}); {} free",
        bytes(s.disk_bytes),
        bytes(s.wal_bytes),
        s.blocks.len(),
        bytes(s.blocks.iter().map(|b| b.bytes).sum()),
        bytes(s.free_bytes)
    );
    let logs = format!(
        "{} lines, {} streams, {} ({} of text); kept {}",
        s.logs.lines,
        s.logs.streams,
        bytes(s.logs.disk_bytes),
        bytes(s.logs.raw_bytes),
        s.logs.retention
    );
    let all: [(&str, String); FACTS as usize] = [
        ("reaches back to", reaches),
        ("retention", s.retention.clone()),
        ("series", format!("{}; {churn}", s.series)),
        ("head", head),
        ("disk", disk),
        ("logs", logs),
    ];
    let all = all.map(|(name, value)| (name.to_owned(), value, theme.text));
    let mut out: Vec<(String, String, Style)> = all.into();
    for problem in &s.problems {
        out.push(("problem".to_owned(), problem.clone(), theme.bad));
    }
    out
}

const COUNTED: &[Column] = &[
    Column::left("name", 20, 0).growing(),
    Column::right("series", 10, 0),
    Column::right("share", 7, 1),
];

const BLOCKS: &[Column] = &[
    Column::left("block", 20, 0).growing(),
    Column::left("from", 19, 0),
    Column::left("to", 19, 1),
    Column::right("series", 10, 2),
    Column::right("samples", 12, 2),
    Column::right("size", 10, 0),
    Column::right("B/sample", 9, 3),
];

fn paint_pane(
    state: &State,
    storage: &StorageView,
    pane: Pane,
    theme: &Theme,
    (place, buffer): (Rect, &mut Buffer),
) {
    if place.height < 3 {
        return;
    }
    let look = Look::of(theme);
    let local = &state.locals.storage;
    let title = match pane {
        Pane::Metrics => "Series by metric",
        Pane::Labels => "Series by label",
        Pane::Blocks => "Blocks",
    };
    let focused = local.pane == pane;
    let inner = frame::Frame {
        title,
        focused,
        ..frame::Frame::default()
    }
    .paint(buffer, place, &look);
    let rows = count(state, pane);
    let at = local.cursors[pane as usize].at(rows);
    let table = Table {
        columns: if pane == Pane::Blocks {
            BLOCKS
        } else {
            COUNTED
        },
        rows,
        offset: list::offset(at, usize::from(inner.height.saturating_sub(1)), rows),
        selected: focused.then_some(at),
        sort: None,
        header: true,
    };
    let counted = match pane {
        Pane::Labels => &storage.by_label,
        _ => &storage.by_metric,
    };
    table.paint(buffer, inner, &look, |row, column| match (pane, column) {
        (Pane::Blocks, column) => block_entry(state, storage, row, column, theme),
        (_, 0) => Entry::new(text::display(&counted[row].0), theme.text),
        (_, 1) => Entry::new(counted[row].1.to_string(), theme.text),
        _ => {
            let share = counted[row].1 as f64 / storage.series.max(1) as f64;
            Entry::new(Unit::Ratio.tight(share), theme.dim)
        }
    });
}

fn block_entry<'a>(
    state: &State,
    storage: &'a StorageView,
    row: usize,
    column: usize,
    theme: &Theme,
) -> Entry<'a> {
    let block = &storage.blocks[row];
    match column {
        0 => Entry::new(text::display(&block.name), theme.text),
        1 => Entry::new(state.time.date_clock(block.min_t), theme.text),
        2 => Entry::new(state.time.date_clock(block.max_t), theme.dim),
        3 => Entry::new(block.series.to_string(), theme.text),
        4 => Entry::new(block.samples.to_string(), theme.text),
        5 => Entry::new(Unit::Bytes.tight(block.bytes as f64), theme.text),
        _ => {
            let each = block.bytes as f64 / block.samples.max(1) as f64;
            Entry::new(format!("{each:.2}"), theme.dim)
        }
    }
}
