//! Section: temperatures and fans.

use crate::model::request::Request;
use crate::tui::panel::Shown;
use crate::tui::panel::plot::{self, Place};
use crate::tui::tabs::host::Section;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) const SECTION: Section = Section {
    name: "Temperatures",
    panels: &[],
    panel_rows: 0,
    panels_from: 0,
    requests,
    view,
    rows: |shown| rows(shown).len(),
};

fn requests(Shown { ask, .. }: &Shown<'_>) -> Vec<Request> {
    let of = |name: &str| ask.instant(format!("{name}{}", ask.only("")));
    vec![
        of("node_hwmon_temp_celsius"),
        of("node_thermal_zone_temp"),
        of("node_hwmon_sensor_label"),
        of("node_hwmon_temp_crit_celsius"),
        of("node_hwmon_fan_rpm"),
    ]
}

struct Sensor {
    place: String,
    value: f64,
    critical: Option<f64>,
    is_fan: bool,
}

fn rows(shown: &Shown<'_>) -> Vec<Sensor> {
    let key = |l: &crate::model::labels::Labels| {
        (
            l.get("instance").to_owned(),
            l.get("chip").to_owned(),
            l.get("sensor").to_owned(),
        )
    };
    let label_of = |l: &crate::model::labels::Labels| {
        let found = shown.vector(2).iter().find(|p| key(&p.labels) == key(l));
        found.map_or_else(
            || l.get("sensor").to_owned(),
            |p| p.labels.get("label").to_owned(),
        )
    };
    let critical_of = |l: &crate::model::labels::Labels| {
        let found = shown.vector(3).iter().find(|p| key(&p.labels) == key(l));
        found.map(|p| p.sample.v).filter(|v| *v > 0.0)
    };
    let instance = |l: &crate::model::labels::Labels| match shown.ask.instance {
        Some(_) => String::new(),
        None => format!("{} ", l.get("instance")),
    };
    let mut out = Vec::new();
    for p in shown.vector(0) {
        let l = &p.labels;
        out.push(Sensor {
            place: format!("{}{} {}", instance(l), l.get("chip"), label_of(l)),
            value: p.sample.v,
            critical: critical_of(l),
            is_fan: false,
        });
    }
    for p in shown.vector(1) {
        let l = &p.labels;
        out.push(Sensor {
            place: format!("{}{} zone {}", instance(l), l.get("type"), l.get("zone")),
            value: p.sample.v,
            critical: None,
            is_fan: false,
        });
    }
    out.sort_by(|a, b| {
        b.value
            .total_cmp(&a.value)
            .then_with(|| a.place.cmp(&b.place))
    });
    for p in shown.vector(4) {
        let l = &p.labels;
        out.push(Sensor {
            place: format!("{}{} {}", instance(l), l.get("chip"), label_of(l)),
            value: p.sample.v,
            critical: None,
            is_fan: true,
        });
    }
    out
}

const COLUMNS: &[Column] = &[
    Column::left("SENSOR", 24, 0).growing(),
    Column::right("NOW", 10, 0),
    Column::right("CRITICAL", 9, 1),
    Column::left("", 24, 2),
];

/// Where a chip does not tell what is critical for it.
const HOT: f64 = 95.0;

fn view(shown: &Shown<'_>, look: &Look, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let rows = rows(shown);
    if rows.is_empty() {
        let why = format!("{} tells no temperatures.", shown.whose());
        let way = "Virtual machines have none; on hardware, `sensors-detect` loads the drivers.";
        plot::empty(shown, 2, &why, way, Place { area, buf, look });
        return None;
    }
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: shown.state.locals.host.offset,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        let s = &rows[row];
        let share = s.value / s.critical.unwrap_or(HOT);
        let style = if s.is_fan {
            look.text
        } else {
            look.level(share, 0.8, 0.95)
        };
        match column {
            0 => Entry::new(crate::base::text::display(&s.place).into_owned(), look.text),
            1 if s.is_fan => Entry::new(format!("{:.0} rpm", s.value), style),
            1 => Entry::new(Unit::Celsius.show(s.value), style),
            2 => {
                let shown = s.critical.map_or("-".to_owned(), |v| Unit::Celsius.show(v));
                Entry::new(shown, look.dim)
            }
            _ if s.is_fan => Entry::default(),
            _ => Entry::new(gauge::text(share, 24, look), style),
        }
    });
    None
}
