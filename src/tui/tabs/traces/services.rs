//! Rate, errors and latencies of the services that took the requests.

use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::model::answer::TraceHit;
use crate::tui::widget::Look;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

const COLUMNS: &[Column] = &[
    Column::left("SERVICE", 10, 0).growing(),
    Column::right("/MIN", 6, 1),
    Column::right("ERR", 5, 0),
    Column::right("P50", 8, 2),
    Column::right("P95", 8, 0),
];

struct Row {
    service: String,
    failed: usize,
    /// Rising.
    durations: Vec<u64>,
}

impl Row {
    fn quantile(&self, q: f64) -> u64 {
        let last = self.durations.len().saturating_sub(1);
        let at = (q * last as f64).round() as usize;
        self.durations.get(at).copied().unwrap_or(0)
    }
}

/// The busiest first.
fn rows(hits: &[TraceHit]) -> Vec<Row> {
    let mut services: BTreeMap<&str, Row> = BTreeMap::new();
    for hit in hits {
        let service = hit.root_service.as_deref().unwrap_or("-");
        let row = services.entry(service).or_insert_with(|| Row {
            service: service.to_owned(),
            failed: 0,
            durations: Vec::new(),
        });
        row.failed += usize::from(hit.errors > 0);
        row.durations.push(hit.duration);
    }
    let mut rows: Vec<Row> = services.into_values().collect();
    for row in &mut rows {
        row.durations.sort_unstable();
    }
    rows.sort_by_key(|r| std::cmp::Reverse(r.durations.len()));
    rows
}

/// `range` is the window in milliseconds.
pub(super) fn paint(hits: &[TraceHit], range: i64, look: &Look, place: Rect, buf: &mut Buffer) {
    let rows = rows(hits);
    let frame = Frame {
        title: "Services",
        ..Frame::default()
    };
    let inside = frame.paint(buf, place, look);
    let minutes = (range as f64 / 60_000.0).max(1.0 / 60.0);
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, inside, look, |row, column| {
        let r = &rows[row];
        let count = r.durations.len();
        match column {
            0 => Entry::new(text::display(&r.service).into_owned(), look.text),
            1 => Entry::new(format!("{:.1}", count as f64 / minutes), look.dim),
            2 if r.failed > 0 => Entry::new(
                format!("{:.0}%", 100.0 * r.failed as f64 / count as f64),
                look.bad,
            ),
            2 => Entry::new("0%", look.dim),
            3 => Entry::new(format_nanoseconds(r.quantile(0.5)), look.dim),
            _ => Entry::new(format_nanoseconds(r.quantile(0.95)), look.text),
        }
    });
}
