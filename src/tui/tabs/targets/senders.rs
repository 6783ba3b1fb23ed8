//! Below the targets: who pushes here instead of being scraped.

use crate::base::text;
use crate::model::request::{Request, ViewName};
use crate::model::view::{SenderRow, View};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::targets::age;
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SLOT: SlotId = SlotId {
    owner: "senders",
    part: 0,
};

const COLUMNS: &[Column] = &[
    Column::left("from", 15, 0).growing(),
    Column::left("by", 13, 2),
    Column::right("last", 7, 0),
    Column::right("pushes", 8, 2),
    Column::right("samples", 9, 1),
    Column::right("refused", 8, 1),
    Column::left("error or sender", 20, 0).growing(),
];

pub(super) fn request() -> (SlotId, Request) {
    let view = ViewName::Senders;
    (SLOT, Request::View { view, at: None })
}

fn rows(state: &State) -> &[SenderRow] {
    match state.slots.get(SLOT).and_then(|s| s.view()) {
        Some(View::Senders(rows)) => rows,
        _ => &[],
    }
}

/// Rows that it wants of `height`; none where nobody pushes.
pub(super) fn height(state: &State, height: u16) -> u16 {
    match rows(state).len() {
        0 => 0,
        n => (n as u16 + 3).min(height / 3),
    }
}

pub(super) fn view(state: &State, theme: &Theme, place: Rect, buffer: &mut Buffer) {
    let rows = rows(state);
    let refusing = rows.iter().filter(|r| !r.error.is_empty()).count();
    let headline = match refusing {
        0 => rows.len().to_string(),
        n => format!("{n} of {} refused", rows.len()),
    };
    let look = &Look::of(theme);
    let inner = frame::Frame {
        title: "Who pushes",
        headline: &headline,
        headline_style: if refusing > 0 { theme.bad } else { theme.text },
        ..frame::Frame::default()
    }
    .paint(buffer, place, look);
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: inner.height >= 2,
    };
    table.paint(buffer, inner, look, |n, column| {
        let row = &rows[n];
        let count = |n: u64| Unit::Short.show(n as f64);
        match column {
            0 => Entry::new(text::display(&row.address), theme.text),
            1 => Entry::new(row.kind.as_str(), theme.text),
            2 => Entry::new(age(state, row.last_push), theme.text),
            3 => Entry::new(count(row.pushes), theme.dim),
            4 => Entry::new(count(row.samples), theme.dim),
            5 if row.refused > 0 => Entry::new(count(row.refused), theme.warn),
            5 => Entry::new("0", theme.dim),
            _ if !row.error.is_empty() => Entry::new(text::display(&row.error), theme.bad),
            _ => Entry::new(text::display(&row.agent), theme.dim),
        }
    });
}
