//! Panel `processes`: who uses the processor and the memory. This server only.

use crate::model::request::{Request, ViewName};
use crate::model::view::{ProcessRow, ProcessView, View};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "processes",
    title: "Processes",
    help: "the greediest processes of this server, now or at the time cursor",
    opens: "Host",
    size: Size::wide_from(2, 6, 3),
    requests,
    headline,
    view,
};

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    if !ask.local {
        return Vec::new();
    }
    vec![ask.view(ViewName::Processes)]
}

fn found<'a>(shown: &Shown<'a>) -> Option<&'a ProcessView> {
    match shown.live_view(0)? {
        View::Processes(view) => Some(view),
        _ => None,
    }
}

fn headline(shown: &Shown<'_>) -> Headline {
    match found(shown) {
        Some(view) if view.complete => {
            let running = view.rows.iter().filter(|r| r.state == 'R').count();
            Headline::plain(format!("{} processes, {running} running", view.rows.len()))
        }
        Some(view) => {
            let at = shown.state.time.clock(view.taken_at);
            Headline::plain(format!("the greediest at {at}"))
        }
        None => Headline::default(),
    }
}

const COLUMNS: &[Column] = &[
    Column::right("PID", 7, 2),
    Column::left("NAME", 12, 0).growing(),
    Column::left("USER", 9, 3),
    Column::right("CPU%", 6, 0),
    Column::right("MEM", 9, 0),
    Column::right("DISK/s", 9, 4),
];

/// The name, or the command where it says more, without the folders of its program.
pub(crate) fn title(row: &ProcessRow) -> &str {
    if row.command.is_empty() {
        return &row.name;
    }
    let program = row.command.split(' ').next().unwrap_or_default();
    let folders = program.rfind('/').map_or(0, |at| at + 1);
    // A path that ends in a slash names no program.
    if folders < program.len() {
        &row.command[folders..]
    } else {
        &row.command
    }
}

/// Busiest first; equal ones by memory, then by number, so that rows keep still.
pub(crate) fn by_cpu(a: &ProcessRow, b: &ProcessRow) -> std::cmp::Ordering {
    let cpu = |r: &ProcessRow| r.cpu.unwrap_or(0.0);
    let tenth = |r: &ProcessRow| (cpu(r) * 1000.0) as u64;
    tenth(b)
        .cmp(&tenth(a))
        .then(b.rss.cmp(&a.rss))
        .then(a.pid.cmp(&b.pid))
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    if !shown.ask.local {
        let why = format!("Processes of {} cannot be read from here.", shown.whose());
        let way = "They are read on this server only: i chooses it, or run bongsu there.";
        return frame::words(buf, area, &[(&why, look.text), (way, look.dim)]);
    }
    let Some(view) = found(shown) else {
        let why = match shown.live_view(0) {
            Some(View::Nothing { why }) => why.clone(),
            _ => "No processes were recorded for this time.".to_owned(),
        };
        return plot::empty(shown, 1, &why, "0 is now.", Place { area, buf, look });
    };
    let visible = usize::from(area.height.saturating_sub(1));
    let mut rows: Vec<&ProcessRow> = view.rows.iter().collect();
    if rows.len() > visible && visible > 0 {
        rows.select_nth_unstable_by(visible - 1, |a, b| by_cpu(a, b));
        rows.truncate(visible);
    }
    rows.sort_by(|a, b| by_cpu(a, b));
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: Some((3, true)),
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        entry(rows[row], column, look)
    });
}

/// Columns as in [`COLUMNS`].
fn entry<'a>(row: &'a ProcessRow, column: usize, look: &Look) -> Entry<'a> {
    match column {
        0 => Entry::new(row.pid.to_string(), look.dim),
        1 => Entry::new(crate::base::text::display(title(row)), look.text),
        2 => Entry::new(row.user.as_str(), look.dim),
        3 => cpu(row, look),
        4 => Entry::new(Unit::Bytes.show(row.rss as f64), look.text),
        _ => disk(row, look),
    }
}

/// Share of one core in percent.
pub(crate) fn cpu<'a>(row: &ProcessRow, look: &Look) -> Entry<'a> {
    match row.cpu {
        Some(share) => {
            let style = match share {
                s if s >= 0.9 => look.bad,
                s if s >= 0.5 => look.warn,
                s if s >= 0.0005 => look.text,
                _ => look.faint,
            };
            Entry::new(format!("{:.1}", share * 100.0), style)
        }
        None => Entry::new("-", look.faint),
    }
}

/// Bytes read and written a second.
pub(crate) fn disk<'a>(row: &ProcessRow, look: &Look) -> Entry<'a> {
    match (row.read_rate, row.write_rate) {
        (None, None) => Entry::new("-", look.faint),
        (read, written) => {
            let sum = read.unwrap_or(0.0) + written.unwrap_or(0.0);
            let style = if sum >= 1.0 { look.text } else { look.faint };
            Entry::new(Unit::Bytes.show(sum.round()), style)
        }
    }
}
