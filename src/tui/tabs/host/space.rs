//! Section: filesystems with what is left, in bytes, inodes and days.

use crate::model::request::Request;
use crate::tui::panel::Shown;
use crate::tui::panel::filesystems::{self, REAL, Row, forecast};
use crate::tui::panel::plot::{self, Place};
use crate::tui::tabs::host::Section;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) const SECTION: Section = Section {
    name: "Filesystems",
    panels: &[],
    panel_rows: 0,
    panels_from: 0,
    requests,
    view,
    rows: |shown| filesystems::rows_of(shown, 0).len(),
};

fn requests(Shown { ask, .. }: &Shown<'_>) -> Vec<Request> {
    let mut out = filesystems::requests(ask);
    let of = |name: &str| format!("node_filesystem_{name}{}", ask.only(REAL));
    out.push(ask.instant(format!("1 - {} / {}", of("files_free"), of("files"))));
    out
}

const COLUMNS: &[Column] = &[
    Column::left("MOUNT", 12, 0).growing(),
    Column::left("DEVICE", 12, 4).growing(),
    Column::left("TYPE", 6, 5),
    Column::left("", 16, 3),
    Column::right("USED", 6, 0),
    Column::right("OF", 9, 2),
    Column::right("FREE", 9, 0),
    Column::right("INODES", 6, 1),
    Column::right("FULL IN", 7, 0),
];

fn view(shown: &Shown<'_>, look: &Look, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let rows = filesystems::rows_of(shown, 0);
    if rows.is_empty() {
        let why = format!("No filesystems of {}.", shown.whose());
        plot::empty(shown, 2, &why, plot::OTHER_TIME, Place { area, buf, look });
        return None;
    }
    let all = shown.ask.instance.is_none();
    let inodes = |r: &Row| {
        let same = |name: &str, v: &str, l: &crate::model::labels::Labels| l.get(name) == v;
        shown
            .vector(5)
            .iter()
            .find(|p| {
                same("mountpoint", &r.mount, &p.labels) && same("instance", &r.instance, &p.labels)
            })
            .map(|p| p.sample.v)
            .filter(|v| v.is_finite())
    };
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: shown.state.locals.host.offset,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        let r = &rows[row];
        match column {
            0 if all => Entry::new(format!("{} {}", r.instance, r.mount), look.text),
            0 => Entry::new(r.mount.clone(), look.text),
            1 => Entry::new(r.device.clone(), look.dim),
            2 => Entry::new(r.kind.clone(), look.dim),
            3 => Entry::new(gauge::text(r.used(), 16, look), r.style(look)),
            4 => Entry::new(Unit::Ratio.tight(r.used()), r.style(look)),
            5 => Entry::new(Unit::Bytes.show(r.size), look.dim),
            6 => Entry::new(Unit::Bytes.show(r.avail), look.text),
            7 => match inodes(r) {
                Some(share) => Entry::new(Unit::Ratio.tight(share), look.level(share, 0.85, 0.95)),
                None => Entry::new("-", look.faint),
            },
            _ => forecast(r, look),
        }
    });
    None
}
