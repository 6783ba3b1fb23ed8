//! Section: where the memory is.

use crate::model::request::Request;
use crate::tui::panel::Shown;
use crate::tui::panel::memory::{self, named};
use crate::tui::panel::plot::{self, Place};
use crate::tui::tabs::host::Section;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame, gauge};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) const SECTION: Section = Section {
    name: "Memory",
    panels: &[&memory::PANEL],
    panel_rows: 0,
    panels_from: 14,
    requests,
    view,
    rows: |shown| lines(shown).len(),
};

fn requests(Shown { ask, .. }: &Shown<'_>) -> Vec<Request> {
    if ask.instance.is_none() {
        return Vec::new();
    }
    let names: Vec<&str> = LINES.iter().map(|(name, ..)| *name).collect();
    let names = format!("__name__=~\"node_memory_({})_bytes\"", names.join("|"));
    vec![ask.instant(ask.only(&names))]
}

/// Name in /proc/meminfo, words for it, and what a person should know.
const LINES: &[(&str, &str, &str)] = &[
    ("MemTotal", "total", ""),
    (
        "MemAvailable",
        "available",
        "could be given to programs without swapping",
    ),
    ("MemFree", "free", "used for nothing at all"),
    ("AnonPages", "programs", "heaps and stacks of processes"),
    ("Cached", "file cache", "given back when programs need it"),
    ("Buffers", "buffers", "cache of block devices"),
    (
        "SReclaimable",
        "kernel, can be had back",
        "caches of names and inodes",
    ),
    ("SUnreclaim", "kernel, held", ""),
    ("KernelStack", "kernel stacks", ""),
    ("PageTables", "page tables", ""),
    (
        "Shmem",
        "shared and tmpfs",
        "counted as file cache, yet not given back",
    ),
    ("Mapped", "mapped files", ""),
    ("Dirty", "not yet written", "waits to be written to disk"),
    ("Writeback", "being written", ""),
    ("Mlocked", "locked", "never swapped"),
    ("HugePages_Total", "huge pages", ""),
    ("SwapTotal", "swap total", ""),
    ("SwapFree", "swap free", ""),
    ("SwapCached", "swap, also in memory", ""),
    (
        "Committed_AS",
        "promised to programs",
        "may exceed the total",
    ),
];

struct Line {
    title: &'static str,
    remark: &'static str,
    bytes: f64,
    share: f64,
}

fn lines(shown: &Shown<'_>) -> Vec<Line> {
    let points = shown.vector(0);
    let of = |name: &str| named(points, &format!("node_memory_{name}_bytes"));
    let total = of("MemTotal").unwrap_or(f64::NAN);
    let swap = of("SwapTotal").unwrap_or(f64::NAN);
    let line = |(name, title, remark): &(&'static str, &'static str, &'static str)| {
        let bytes = of(name)?;
        let whole = if name.starts_with("Swap") {
            swap
        } else {
            total
        };
        Some(Line {
            title,
            remark,
            bytes,
            share: bytes / whole,
        })
    };
    LINES.iter().filter_map(line).collect()
}

const COLUMNS: &[Column] = &[
    Column::left("", 25, 0),
    Column::right("BYTES", 10, 0),
    Column::right("SHARE", 7, 1),
    Column::left("", 20, 2),
    Column::left("", 12, 3).growing(),
];

fn view(shown: &Shown<'_>, look: &Look, area: Rect, buf: &mut Buffer) -> Option<Position> {
    if shown.ask.instance.is_none() {
        let words = "One machine at a time: i chooses it.";
        frame::words(buf, area, &[(words, look.dim)]);
        return None;
    }
    let lines = lines(shown);
    if lines.is_empty() {
        let why = format!("No memory figures of {}.", shown.whose());
        plot::empty(shown, 1, &why, plot::OTHER_TIME, Place { area, buf, look });
        return None;
    }
    let table = Table {
        columns: COLUMNS,
        rows: lines.len(),
        offset: shown.state.locals.host.offset,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        let line = &lines[row];
        match column {
            0 => Entry::new(line.title, look.text),
            1 => Entry::new(Unit::Bytes.show(line.bytes), look.text),
            2 if line.share.is_finite() => Entry::new(Unit::Ratio.show(line.share), look.dim),
            3 if line.share.is_finite() => {
                Entry::new(gauge::text(line.share, 20, look), look.series(0))
            }
            2 | 3 => Entry::default(),
            _ => Entry::new(line.remark, look.dim),
        }
    });
    None
}
