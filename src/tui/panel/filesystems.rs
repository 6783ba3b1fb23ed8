//! Panel `filesystems`: how full, and when full at the pace of the last hours.

use crate::model::answer::VectorPoint;
use crate::model::request::Request;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::HashMap;

pub(crate) const PANEL: Panel = Panel {
    name: "filesystems",
    title: "Filesystems",
    help: "how full each filesystem is, and in how many days it is full at this pace",
    opens: "Host",
    size: Size::one(4, 3),
    requests,
    headline,
    view,
};

/// Filesystems that keep nothing, or whose size says nothing.
pub(crate) const REAL: &str =
    "fstype!~\"(tmpfs|ramfs|devtmpfs|overlay|squashfs|iso9660|nsfs|fuse\\\\.lxcfs|efivarfs)\"";
/// How far back the pace is measured.
const PACE: &str = "6h";
/// With less history than this there is no forecast: a build or an upload is no pace.
const LEAST: &str = "1h";
/// Farther away than this is no forecast any more.
const FAR_DAYS: f64 = 365.0;

pub(crate) fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let of = |name: &str| format!("node_filesystem_{name}{}", ask.only(REAL));
    vec![
        ask.instant(of("size_bytes")),
        ask.instant(of("avail_bytes")),
        ask.instant(format!("deriv({}[{PACE}])", of("avail_bytes"))),
        ask.instant(of("readonly")),
        ask.instant(format!("{} offset {LEAST}", of("avail_bytes"))),
    ]
}

/// One filesystem.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) instance: String,
    pub(crate) mount: String,
    pub(crate) device: String,
    pub(crate) kind: String,
    pub(crate) size: f64,
    pub(crate) avail: f64,
    /// Days until it is full; `None` where it does not shrink.
    pub(crate) days_left: Option<f64>,
    pub(crate) readonly: bool,
}

impl Row {
    pub(crate) fn used(&self) -> f64 {
        1.0 - self.avail / self.size
    }

    /// Full, nearly full, or soon full; nobody can do anything about what is read-only.
    pub(crate) fn style(&self, look: &Look) -> Style {
        if self.readonly {
            return look.dim;
        }
        match self.days_left {
            Some(d) if d < 1.0 => look.bad,
            Some(d) if d < 7.0 && self.used() < 0.95 => look.warn,
            _ => look.level(self.used(), 0.85, 0.95),
        }
    }
}

/// The filesystems of answers 0 to 4, the fullest first; one that is mounted at several places
/// stands once, at its shortest path.
pub(crate) fn rows(parts: [&[VectorPoint]; 5]) -> Vec<Row> {
    let [sizes, avails, paces, readonly, before] = parts;
    let key = |p: &VectorPoint| p.labels.without_name();
    let index = |points: &[VectorPoint]| -> HashMap<_, f64> {
        points.iter().map(|p| (key(p), p.sample.v)).collect()
    };
    let (avails, paces, readonly) = (index(avails), index(paces), index(readonly));
    let before = index(before);
    let mut best: HashMap<(String, String), Row> = HashMap::new();
    for p in sizes.iter().filter(|p| p.sample.v > 0.0) {
        let key = key(p);
        let Some(avail) = avails.get(&key) else {
            continue;
        };
        let pace = paces.get(&key).copied().unwrap_or(0.0);
        // Less than a thousandth of its size in six hours is standing still.
        let moves = before.contains_key(&key) && -pace * 21_600.0 > p.sample.v * 0.001;
        let days = avail / -pace / 86_400.0;
        let label = |name: &str| p.labels.get(name).to_owned();
        let row = Row {
            instance: label("instance"),
            mount: label("mountpoint"),
            device: label("device"),
            kind: label("fstype"),
            size: p.sample.v,
            avail: *avail,
            days_left: (moves && days < FAR_DAYS).then_some(days),
            readonly: readonly.get(&key).is_some_and(|v| *v == 1.0),
        };
        let place = (row.instance.clone(), row.device.clone());
        let shorter = |old: &Row| row.mount.len() < old.mount.len();
        if best.get(&place).is_none_or(shorter) {
            best.insert(place, row);
        }
    }
    let mut out: Vec<Row> = best.into_values().collect();
    out.sort_by(|a, b| {
        let soon = |r: &Row| r.days_left.filter(|d| *d < 7.0).unwrap_or(f64::INFINITY);
        soon(a)
            .total_cmp(&soon(b))
            .then(a.readonly.cmp(&b.readonly))
            .then(b.used().total_cmp(&a.used()))
            .then_with(|| a.mount.cmp(&b.mount))
    });
    out
}

pub(crate) fn rows_of(shown: &Shown<'_>, first: usize) -> Vec<Row> {
    let part = |n: usize| shown.vector(first + n);
    rows([part(0), part(1), part(2), part(3), part(4)])
}

fn headline(shown: &Shown<'_>) -> Headline {
    let rows = rows_of(shown, 0);
    let soonest = rows
        .iter()
        .filter(|r| !r.readonly)
        .filter_map(|r| Some((r, r.days_left?)));
    if let Some((row, days)) = soonest
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(_, d)| *d < 7.0)
    {
        let text = format!("{} full in {}", row.mount, days_text(days));
        return Headline::at(text, 7.0 - days, 0.0, 6.0);
    }
    let fullest = rows
        .iter()
        .filter(|r| !r.readonly)
        .max_by(|a, b| a.used().total_cmp(&b.used()));
    fullest.map_or_else(Headline::default, |r| {
        let text = format!("{} {}", r.mount, Unit::Ratio.show(r.used()));
        Headline::at(text, r.used(), 0.85, 0.95)
    })
}

/// `5 h`, `3.2 d`, `40 d`.
pub(crate) fn days_text(days: f64) -> String {
    match days {
        d if d < 0.04 => "now".to_owned(),
        d if d < 2.0 => format!("{:.0} h", d * 24.0),
        d if d < 10.0 => format!("{d:.1} d"),
        d => format!("{d:.0} d"),
    }
}

const COLUMNS: &[Column] = &[
    Column::left("MOUNT", 10, 0).growing(),
    Column::left("", 10, 3).growing(),
    Column::right("USED", 6, 0),
    Column::right("FREE", 9, 1),
    Column::right("FULL IN", 7, 0),
];

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let rows = rows_of(shown, 0);
    if rows.is_empty() {
        let why = format!("No filesystems of {}.", shown.whose());
        return plot::empty(shown, 2, &why, plot::OTHER_TIME, Place { area, buf, look });
    }
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: area.height >= 4,
    };
    let all = shown.ask.instance.is_none();
    let width = 10 + area.width.saturating_sub(46) / 2;
    // What the columns beside it take.
    let mount_leaves = if area.width >= 46 { 26 + width } else { 25 };
    table.paint(buf, area, look, |row, column| {
        let r = &rows[row];
        match column {
            0 if all => Entry::new(format!("{} {}", r.instance, r.mount), look.text),
            0 => {
                let room = usize::from(area.width.saturating_sub(mount_leaves)).max(10);
                Entry::new(
                    paint::fit_path(&r.mount, room, look.symbols.ellipsis()),
                    look.text,
                )
            }
            1 => Entry::new(gauge::text(r.used(), width, look), r.style(look)),
            2 => Entry::new(Unit::Percent.tight(r.used() * 100.0), r.style(look)),
            3 => Entry::new(Unit::Bytes.show(r.avail), look.dim),
            _ => forecast(r, look),
        }
    });
}

/// The word in the column of days.
pub(crate) fn forecast<'a>(row: &Row, look: &Look) -> Entry<'a> {
    match row.days_left {
        _ if row.readonly => Entry::new("ro", look.dim),
        Some(days) => Entry::new(days_text(days), row.style(look)),
        None => Entry::new("-", look.faint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::Labels;
    use crate::model::sample::Sample;

    fn point(mount: &str, device: &str, v: f64) -> VectorPoint {
        VectorPoint {
            labels: Labels::from_pairs([("mountpoint", mount), ("device", device)]),
            sample: Sample { t: 0, v },
        }
    }

    #[test]
    fn what_is_soon_full_stands_first_and_bind_mounts_stand_once() {
        let sizes = [
            point("/", "a", 100.0),
            point("/srv/x", "b", 1e6),
            point("/srv", "b", 1e6),
        ];
        let avails = [
            point("/", "a", 5.0),
            point("/srv/x", "b", 5e5),
            point("/srv", "b", 5e5),
        ];
        let paces = [
            point("/", "a", 0.0),
            point("/srv", "b", -5e5 / 86_400.0 / 2.0),
        ];
        let rows = rows([&sizes, &avails, &paces, &[], &avails]);
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].mount.as_str(), rows[0].days_left),
            ("/srv", Some(2.0))
        );
        assert_eq!((rows[1].mount.as_str(), rows[1].days_left), ("/", None));
        assert!((rows[1].used() - 0.95).abs() < 1e-9);
    }

    #[test]
    fn days_read_as_a_person_says_them() {
        for (days, want) in [
            (0.01, "now"),
            (0.5, "12 h"),
            (3.21, "3.2 d"),
            (40.4, "40 d"),
        ] {
            assert_eq!(days_text(days), want);
        }
    }
}
