//! Panel `jvm`: the heap of every JVM, whether it was found on this server or is scraped, under any
//! generation of metric names.

pub(crate) mod names;

use crate::model::request::{Request, ViewName};
use crate::model::view::{JvmRow, View};
use crate::tui::panel::jvm::names::{GC_SECONDS, HEAP_MAX, HEAP_USED, How};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "jvm",
    title: "JVMs",
    help: "heap of every JVM: used against its limit, and the share of time spent in GC",
    opens: "JVM",
    size: Size::one(4, 2).only_with_data(|shown| !rows(shown).is_empty()),
    requests,
    headline,
    view,
};

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let mut asked = list(ask);
    asked.push(ask.range(HEAP_USED.by_instance(How::Value)));
    asked
}

/// The questions of a list: heap used, its limit, the share of time in collections, and what the
/// engine found.
pub(crate) fn list(ask: &Ask<'_>) -> Vec<Request> {
    vec![
        ask.instant(HEAP_USED.by_instance(How::Value)),
        ask.instant(HEAP_MAX.by_instance(How::Value)),
        ask.instant(GC_SECONDS.by_instance(How::Rate)),
        ask.view(ViewName::Jvms),
    ]
}

/// One JVM as the panel and the tab show it.
pub(crate) struct Row<'a> {
    pub(crate) instance: &'a str,
    pub(crate) used: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) gc: Option<f64>,
    /// What the local engine knows beside the series.
    pub(crate) found: Option<&'a JvmRow>,
}

impl Row<'_> {
    /// Used against the limit.
    pub(crate) fn share(&self) -> Option<f64> {
        Some(self.used? / self.max.filter(|m| *m > 0.0)?)
    }
}

/// The instance whose series are a JVM's: its own, or that of the target that shows it.
pub(crate) fn series_of(found: &JvmRow) -> &str {
    if found.shown_by.is_empty() {
        &found.instance
    } else {
        &found.shown_by
    }
}

/// All JVMs, the fullest first, those without numbers last. The first questions must be those of
/// [`list`].
pub(crate) fn rows<'a>(shown: &Shown<'a>) -> Vec<Row<'a>> {
    let found: &[JvmRow] = match shown.live_view(3) {
        Some(View::Jvms(rows)) => rows,
        _ => &[],
    };
    let of = |part: usize, instance: &str| {
        let points = shown.vector(part).iter();
        points
            .filter(|p| p.labels.get("instance") == instance)
            .map(|p| p.sample.v)
            .next()
    };
    let row = |instance: &'a str| Row {
        instance,
        used: of(0, instance),
        max: of(1, instance),
        gc: of(2, instance),
        found: found.iter().find(|f| series_of(f) == instance),
    };
    let measured = shown.vector(0).iter().map(|p| p.labels.get("instance"));
    let mut rows: Vec<Row<'a>> = measured.map(row).collect();
    for jvm in found {
        if !rows.iter().any(|r| r.instance == series_of(jvm)) {
            rows.push(row(series_of(jvm)));
        }
    }
    let rank = |r: &Row<'_>| r.share().or(r.used.map(|_| 0.0)).unwrap_or(-1.0);
    rows.sort_by(|a, b| {
        rank(b)
            .total_cmp(&rank(a))
            .then_with(|| a.instance.cmp(b.instance))
    });
    rows
}

fn headline(shown: &Shown<'_>) -> Headline {
    let rows = rows(shown);
    let fullest = rows.iter().find_map(|r| Some((r, r.share()?)));
    fullest.map_or_else(Headline::default, |(row, share)| {
        let text = format!("{} {}", Unit::Ratio.show(share), row.instance);
        Headline::at(text, share, 0.85, 0.95)
    })
}

const COLUMNS: &[Column] = &[
    Column::left("INSTANCE", 14, 0).growing(),
    Column::right("HEAP", 8, 0),
    Column::right("OF", 8, 2),
    Column::left("", 8, 3),
    Column::right("GC", 6, 1),
];

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let rows = rows(shown);
    if rows.is_empty() {
        let way = "A JVM on this server shows up by itself; others by scraping them.";
        return plot::empty(
            shown,
            4,
            "No JVM was found.",
            way,
            Place { area, buf, look },
        );
    }
    let tabled = if shown.zoomed {
        (rows.len() as u16 + 1).min(area.height / 3)
    } else {
        area.height
    };
    let (above, below) = (area.height - tabled, tabled);
    if above > 3 {
        let marks = shown.state.marks();
        let mut chart = plot::chart(shown, &marks, Unit::Bytes);
        chart.curves = plot::by_instance(shown.matrix(4), look);
        chart.paint(
            buf,
            Rect {
                height: above,
                ..area
            },
            look,
        );
    }
    let area = Rect {
        y: area.y + above,
        height: below,
        ..area
    };
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: area.height >= 4,
    };
    table.paint(buf, area, look, |row, column| {
        cell(&rows[row], column, look)
    });
}

/// A cell of the list: instance, used, limit, bar, GC share; the reason where there are no numbers.
pub(crate) fn cell<'a>(row: &Row<'a>, column: usize, look: &Look) -> Entry<'a> {
    let bytes = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| Unit::Bytes.show(v));
    let level = look.level(row.share().unwrap_or(0.0), 0.85, 0.95);
    match (column, row.used, row.found) {
        (0, None, Some(found)) if !found.why.is_empty() => {
            let words = format!("{}: {}", found.instance, found.why);
            Entry::new(crate::base::text::display(&words).into_owned(), look.warn)
        }
        (0, ..) => Entry::new(crate::base::text::display(row.instance), look.text),
        (1, ..) => Entry::new(bytes(row.used), level),
        (2, ..) => Entry::new(bytes(row.max), look.dim),
        (3, ..) => Entry::new(gauge::text(row.share().unwrap_or(0.0), 8, look), level),
        _ => {
            let share = row
                .gc
                .map_or_else(|| "-".to_owned(), |v| Unit::Ratio.show(v));
            Entry::new(share, look.level(row.gc.unwrap_or(0.0), 0.05, 0.2))
        }
    }
}
