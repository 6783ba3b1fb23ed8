//! Panel `disks`: bytes read and written, and how busy each device is.

use crate::model::request::Request;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size, per_second_now};
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "disks",
    title: "Disk I/O",
    help: "bytes read and written a second, and how busy each device is",
    opens: "Host",
    size: Size::one(6, 3),
    requests,
    headline,
    view,
};

/// Devices that stand on others (device mapper, RAID), and those that are no disks, would be
/// counted twice or say nothing.
pub(crate) const WHOLE: &str = "device!~\"(dm-|md|sr|loop|ram|zram|fd).*\"";

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let of = |name: &str| format!("node_disk_{name}{}", ask.only(WHOLE));
    let by = if ask.instance.is_some() {
        ""
    } else {
        " by (instance)"
    };
    let range = |name: &str| ask.range(format!("sum{by} ({})", ask.per_second(&of(name))));
    let now = |name: &str| ask.instant(plot::each_device(&per_second_now(&of(name))));
    vec![
        range("read_bytes_total"),
        range("written_bytes_total"),
        now("read_bytes_total"),
        now("written_bytes_total"),
        now("io_time_seconds_total"),
    ]
}

fn headline(shown: &Shown<'_>) -> Headline {
    let sum = |part| shown.vector(part).iter().map(|p| p.sample.v).sum::<f64>();
    if shown.vector(2).is_empty() {
        return Headline::default();
    }
    let show = |v: f64| Unit::BytesPerSecond.show(v);
    Headline::plain(format!("read {}  write {}", show(sum(2)), show(sum(3))))
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    if plot::nothing(shown, 0, 2) {
        let why = format!("No disks of {} are counted.", shown.whose());
        return plot::empty(shown, 2, &why, plot::OTHER_TIME, Place { area, buf, look });
    }
    let rows = busiest(shown);
    let table = if area.height >= 9 && !shown.chart_only {
        (rows.len() as u16 + 1).min(area.height / 3)
    } else {
        0
    };
    let place = Place { area, buf, look };
    let names = ["read", "write"];
    let below = plot::two_ways(shown, Unit::BytesPerSecond, names, 1, (table, place));
    devices(&rows, below, buf, look);
}

/// A device with what it does now.
struct Device<'a> {
    name: String,
    read: Option<f64>,
    written: Option<f64>,
    busy: f64,
    labels: &'a crate::model::labels::Labels,
}

fn busiest<'a>(shown: &Shown<'a>) -> Vec<Device<'a>> {
    let of = |part: usize, labels: &crate::model::labels::Labels| {
        let same = |p: &&crate::model::answer::VectorPoint| p.labels == *labels;
        shown.vector(part).iter().find(same).map(|p| p.sample.v)
    };
    let mut out: Vec<Device<'_>> = shown
        .vector(4)
        .iter()
        .map(|p| Device {
            name: plot::device(shown, &p.labels),
            read: of(2, &p.labels),
            written: of(3, &p.labels),
            busy: p.sample.v,
            labels: &p.labels,
        })
        .collect();
    out.sort_by(|a, b| {
        b.busy
            .total_cmp(&a.busy)
            .then_with(|| a.labels.cmp(b.labels))
    });
    out
}

const COLUMNS: &[Column] = &[
    Column::left("DEVICE", 8, 0).growing(),
    Column::right("READ", 10, 1),
    Column::right("WRITE", 10, 1),
    Column::right("BUSY", 7, 0),
];

fn devices(rows: &[Device<'_>], area: Rect, buf: &mut Buffer, look: &Look) {
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        let d = &rows[row];
        let rate = |v: Option<f64>| v.map_or("-".to_owned(), |v| Unit::BytesPerSecond.show(v));
        match column {
            0 => Entry::new(d.name.clone(), look.text),
            1 => Entry::new(rate(d.read), look.dim),
            2 => Entry::new(rate(d.written), look.dim),
            _ => Entry::new(
                Unit::Ratio.show(d.busy.min(1.0)),
                look.level(d.busy, 0.7, 0.95),
            ),
        }
    });
}
