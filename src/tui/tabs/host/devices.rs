//! Sections: every disk and every network interface.

use crate::model::answer::VectorPoint;
use crate::model::labels::Labels;
use crate::model::request::Request;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Shown, per_second_now};
use crate::tui::tabs::host::{DISK, NETWORK, Section};
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

pub(crate) const DISKS: Section = Section {
    name: "Disks",
    panels: DISK,
    panel_rows: 0,
    panels_from: 14,
    requests: |Shown { ask, .. }| {
        let of = |name: &str| format!("node_disk_{name}{}", ask.only("device!~\"(loop|ram).*\""));
        DISK_METRICS
            .iter()
            .map(|name| ask.instant(per_second_now(&of(name))))
            .collect()
    },
    view: |shown, look, area, buf| table(shown, &DISK_TABLE, look, (area, buf)),
    rows: |shown| shown.vector(0).len(),
};

const DISK_METRICS: [&str; 7] = [
    "io_time_seconds_total",
    "read_bytes_total",
    "written_bytes_total",
    "reads_completed_total",
    "writes_completed_total",
    "read_time_seconds_total",
    "write_time_seconds_total",
];

pub(crate) const INTERFACES: Section = Section {
    name: "Network",
    panels: NETWORK,
    panel_rows: 0,
    panels_from: 14,
    requests: interface_requests,
    view: |shown, look, area, buf| table(shown, &INTERFACE_TABLE, look, (area, buf)),
    rows: |shown| shown.vector(0).len(),
};

fn interface_requests(Shown { ask, .. }: &Shown<'_>) -> Vec<Request> {
    let of = |name: &str| format!("node_network_{name}{}", ask.only(""));
    let names = [
        "receive_bytes_total",
        "transmit_bytes_total",
        "receive_packets_total",
        "transmit_packets_total",
        "receive_errs_total",
        "receive_drop_total",
        "transmit_errs_total",
    ];
    let mut out: Vec<Request> = names
        .iter()
        .map(|name| ask.instant(per_second_now(&of(name))))
        .collect();
    out.push(ask.instant(of("up")));
    out.push(ask.instant(of("speed_bytes")));
    out
}

/// A table with a row for each series of answer 0 and cells from the answers with equal labels.
struct Rows {
    what: &'static str,
    columns: &'static [Column],
    cell: fn(&Shown<'_>, &Labels, usize, &Look) -> (String, Style),
}

const DISK_TABLE: Rows = Rows {
    what: "disks",
    columns: &[
        Column::left("DEVICE", 9, 0).growing(),
        Column::right("BUSY", 7, 0),
        Column::right("READ", 10, 0),
        Column::right("WRITE", 10, 0),
        Column::right("READS", 9, 2),
        Column::right("WRITES", 9, 2),
        Column::right("READ TAKES", 10, 3),
        Column::right("WRITE TAKES", 11, 3),
    ],
    cell: disk_cell,
};

const INTERFACE_TABLE: Rows = Rows {
    what: "network interfaces",
    columns: &[
        Column::left("INTERFACE", 11, 0).growing(),
        Column::left("STATE", 5, 1),
        Column::right("IN", 10, 0),
        Column::right("OUT", 10, 0),
        Column::right("PACKETS IN", 10, 3),
        Column::right("PACKETS OUT", 11, 3),
        Column::right("ERRORS", 8, 2),
        Column::right("DROPS", 8, 2),
        Column::right("SPEED", 9, 4),
    ],
    cell: interface_cell,
};

fn value(shown: &Shown<'_>, part: usize, labels: &Labels) -> Option<f64> {
    let same = |p: &&VectorPoint| {
        let both = |name| p.labels.get(name) == labels.get(name);
        both("device") && both("instance")
    };
    shown.vector(part).iter().find(same).map(|p| p.sample.v)
}

fn or_dash(unit: Unit, value: Option<f64>, look: &Look) -> (String, Style) {
    match value {
        Some(v) if v > 0.0 => (unit.show(v), look.text),
        Some(v) => (unit.show(v), look.faint),
        None => ("-".to_owned(), look.faint),
    }
}

fn disk_cell(shown: &Shown<'_>, labels: &Labels, column: usize, look: &Look) -> (String, Style) {
    let of = |part| value(shown, part, labels);
    // Seconds spent by operations for each operation that was completed.
    let each = |time: usize, count: usize| {
        let count = of(count).filter(|c| *c > 0.0)?;
        Some(of(time)? / count)
    };
    match column {
        1 => {
            let busy = of(0).unwrap_or(0.0).min(1.0);
            (Unit::Ratio.show(busy), look.level(busy, 0.7, 0.95))
        }
        2 => or_dash(Unit::BytesPerSecond, of(1), look),
        3 => or_dash(Unit::BytesPerSecond, of(2), look),
        4 => or_dash(Unit::PerSecond, of(3), look),
        5 => or_dash(Unit::PerSecond, of(4), look),
        6 => or_dash(Unit::Seconds, each(5, 3), look),
        _ => or_dash(Unit::Seconds, each(6, 4), look),
    }
}

fn interface_cell(
    shown: &Shown<'_>,
    labels: &Labels,
    column: usize,
    look: &Look,
) -> (String, Style) {
    let of = |part| value(shown, part, labels);
    let wrong = |part: usize, and: usize| {
        let sum = of(part).unwrap_or(0.0) + of(and).unwrap_or(0.0);
        let style = if sum > 0.0 { look.warn } else { look.faint };
        (Unit::PerSecond.show(sum), style)
    };
    match column {
        1 => match of(7) {
            Some(1.0) => ("up".to_owned(), look.good),
            Some(_) => ("down".to_owned(), look.dim),
            None => ("-".to_owned(), look.faint),
        },
        2 => or_dash(Unit::BitsPerSecond, of(0).map(|v| v * 8.0), look),
        3 => or_dash(Unit::BitsPerSecond, of(1).map(|v| v * 8.0), look),
        4 => or_dash(Unit::PerSecond, of(2), look),
        5 => or_dash(Unit::PerSecond, of(3), look),
        6 => wrong(4, 6),
        7 => or_dash(Unit::PerSecond, of(5), look),
        _ => or_dash(
            Unit::BitsPerSecond,
            of(8).filter(|v| *v > 0.0).map(|v| v * 8.0),
            look,
        ),
    }
}

fn table(
    shown: &Shown<'_>,
    rows: &Rows,
    look: &Look,
    (area, buf): (Rect, &mut Buffer),
) -> Option<Position> {
    let mut points: Vec<&VectorPoint> = shown.vector(0).iter().collect();
    if points.is_empty() {
        let why = format!("No {} of {} are counted.", rows.what, shown.whose());
        plot::empty(shown, 1, &why, plot::OTHER_TIME, Place { area, buf, look });
        return None;
    }
    points.sort_by(|a, b| {
        let key = |p: &VectorPoint, name: &str| p.labels.get(name).to_owned();
        let by = |name| key(a, name).cmp(&key(b, name));
        by("instance").then_with(|| by("device"))
    });
    let all = shown.ask.instance.is_none();
    let table = Table {
        columns: rows.columns,
        rows: points.len(),
        offset: shown.state.locals.host.offset,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        let labels = &points[row].labels;
        if column == 0 {
            let device = labels.get("device");
            let name = if all {
                format!("{} {device}", labels.get("instance"))
            } else {
                device.to_owned()
            };
            return Entry::new(name, look.text);
        }
        let (text, style) = (rows.cell)(shown, labels, column, look);
        Entry::new(text, style)
    });
    None
}
