//! Panels of the user's own: one query of `ui.panels` each, as a chart, as last values, or as a
//! table. Which of them is meant stands in [`Ask::own`].

use crate::base::text;
use crate::model::answer::{Series, Value};
use crate::model::labels::Labels;
use crate::model::request::Request;
use crate::tui::panel::plot::{self, MOST_CURVES, Place};
use crate::tui::panel::{Ask, Headline, Level, Panel, Shown, Size};
use crate::tui::slot::Slot;
use crate::tui::theme::Theme;
use crate::tui::widget::chart::{Curve, Threshold};
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, big, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// One entry of `ui.panels`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnPanel {
    pub title: String,
    /// PromQL.
    pub expr: String,
    /// A series' name with labels filled in: `{{job}} on {{instance}}`. Empty: all its labels.
    pub legend: String,
    pub kind: OwnKind,
    /// A word of `ui.panels.unit`; empty is a bare number.
    pub unit: String,
    pub warning: Option<f64>,
    /// Below `warning` it means that small is bad.
    pub critical: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnKind {
    #[default]
    Chart,
    /// The last value of each series, large.
    Stat,
    Table,
}

/// Slots that belong to one own panel: part n of panel p is slot `p * SLOTS + n` of the owner.
pub(crate) const SLOTS: usize = 8;

pub(crate) const PANEL: Panel = Panel {
    name: "own",
    title: "",
    help: "a query of ui.panels",
    opens: "Metrics",
    size: Size::one(4, 2),
    requests,
    headline,
    view,
};

const NOW: usize = 0;
const OVER: usize = 1;

impl OwnPanel {
    /// Room in the grid.
    pub(crate) fn size(&self) -> Size {
        match self.kind {
            OwnKind::Chart => Size::one(6, 3),
            OwnKind::Stat => Size::one(4, 1),
            OwnKind::Table => Size::one(4, 2),
        }
    }

    fn unit(&self) -> Unit {
        match self.unit.as_str() {
            "percent" => Unit::Percent,
            "ratio" => Unit::Ratio,
            "bytes" => Unit::Bytes,
            "bytes_per_second" => Unit::BytesPerSecond,
            "seconds" => Unit::Seconds,
            "per_second" => Unit::PerSecond,
            _ => Unit::Short,
        }
    }

    fn small_is_bad(&self) -> bool {
        self.warning.zip(self.critical).is_some_and(|(w, c)| c < w)
    }

    fn level(&self, value: f64) -> Level {
        let beyond = |limit: &f64| {
            if self.small_is_bad() {
                value <= *limit
            } else {
                value >= *limit
            }
        };
        match () {
            () if self.critical.as_ref().is_some_and(beyond) => Level::Bad,
            () if self.warning.as_ref().is_some_and(beyond) => Level::Warn,
            () => Level::Plain,
        }
    }

    fn style(&self, value: f64, look: &Look) -> Style {
        match self.level(value) {
            Level::Bad => look.bad,
            Level::Warn => look.warn,
            Level::Plain if self.warning.or(self.critical).is_some() => look.good,
            Level::Plain => look.text,
        }
    }

    /// How a series is called.
    fn name(&self, labels: &Labels) -> String {
        let name = match self.legend.as_str() {
            "" => labels.to_string(),
            legend => filled(legend, labels),
        };
        text::display(&name).into_owned()
    }

    fn thresholds(&self, look: &Look) -> Vec<Threshold<'static>> {
        let line = |value: Option<f64>, style, name| value.map(|v| (v, style, name));
        let both = [
            line(self.warning, look.warn, "warning"),
            line(self.critical, look.bad, "critical"),
        ];
        let all = both.into_iter().flatten();
        all.map(|(value, style, name)| Threshold { value, style, name })
            .collect()
    }
}

/// `{{label}}` becomes its value, nothing where there is none.
fn filled(legend: &str, labels: &Labels) -> String {
    let mut out = String::new();
    let mut rest = legend;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else {
            break;
        };
        out.push_str(before);
        out.push_str(labels.get(name.trim()));
        rest = behind;
    }
    out + rest
}

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let Some((_, own)) = ask.own else {
        return Vec::new();
    };
    let mut out = vec![ask.instant(own.expr.clone())];
    if own.kind == OwnKind::Chart {
        out.push(ask.range(own.expr.clone()));
    }
    out
}

/// Name and value of each series at the instant, the worst first.
fn readings(shown: &Shown<'_>, own: &OwnPanel) -> Vec<(String, f64)> {
    let mut out: Vec<(String, f64)> = match shown.slot(NOW).and_then(Slot::value) {
        Some(Value::Vector(points)) => {
            let one = |p: &crate::model::answer::VectorPoint| (own.name(&p.labels), p.sample.v);
            points.iter().map(one).collect()
        }
        Some(Value::Scalar(sample)) => vec![(String::new(), sample.v)],
        _ => Vec::new(),
    };
    out.sort_by(|a, b| {
        let (a_v, b_v) = if own.small_is_bad() {
            (-a.1, -b.1)
        } else {
            (a.1, b.1)
        };
        let by_value = b_v.partial_cmp(&a_v);
        // What is no number stands last.
        by_value
            .unwrap_or_else(|| a_v.is_nan().cmp(&b_v.is_nan()))
            .then_with(|| a.0.cmp(&b.0))
    });
    out
}

fn headline(shown: &Shown<'_>) -> Headline {
    let Some((_, own)) = shown.ask.own else {
        return Headline::default();
    };
    let all = readings(shown, own);
    let Some((name, value)) = all.first() else {
        return Headline::default();
    };
    // Stats and tables say the values themselves.
    if own.kind != OwnKind::Chart {
        let count = Some(all.len()).filter(|n| *n > 1);
        return Headline::plain(count.map_or_else(String::new, |n| n.to_string()));
    }
    let text = match all.len() {
        1 => own.unit().show(*value),
        _ => format!("{} {name}", own.unit().show(*value)),
    };
    let level = own.level(*value);
    Headline { text, level }
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let Some((_, own)) = shown.ask.own else {
        return;
    };
    let all = readings(shown, own);
    let drawn = shown.matrix(OVER).iter().any(|s| !s.samples.is_empty());
    if all.is_empty() && !drawn {
        let why = "The query finds no series at this time.";
        let way = format!(
            "{}  (Enter opens it in Metrics)",
            text::display(own.expr.trim())
        );
        let parts = 1 + usize::from(own.kind == OwnKind::Chart);
        return plot::empty(shown, parts, why, &way, Place { area, buf, look });
    }
    match own.kind {
        OwnKind::Chart => chart(shown, own, area, buf, look),
        OwnKind::Stat => stats(&all, own, area, buf, look),
        OwnKind::Table => table(&all, own, area, buf, look),
    }
}

/// The curves with the highest newest values; the rest is counted.
fn chart<'a>(shown: &Shown<'a>, own: &OwnPanel, area: Rect, buf: &mut Buffer, look: &Look) {
    let newest = |s: &Series| s.samples.last().map_or(f64::NEG_INFINITY, |s| s.v);
    let mut series: Vec<&Series> = shown.matrix(OVER).iter().collect();
    series.sort_by(|a, b| newest(b).total_cmp(&newest(a)));
    let more = series.len().saturating_sub(MOST_CURVES);
    series.truncate(MOST_CURVES);
    let names: Vec<String> = series.iter().map(|s| own.name(&s.labels)).collect();
    let marks = shown.state.marks();
    let thresholds = own.thresholds(look);
    let mut chart = plot::chart(shown, &marks, own.unit());
    chart.thresholds = &thresholds;
    let curve = |(n, s): (usize, &&'a Series)| Curve {
        name: names[n].as_str(),
        samples: &s.samples,
        style: look.series(n),
        filled: false,
    };
    chart.curves = series.iter().enumerate().map(curve).collect();
    chart.paint(buf, area, look);
    if more > 0 && area.height >= 3 {
        let words = format!("+{more} series");
        let at = (area.x, area.bottom() - 1);
        paint::put_right(buf, at, area.right(), &words, look.dim);
    }
}

/// Cells narrower than this do not hold a name and a value.
const CELL: u16 = 16;
/// A value in large digits with its name below.
const LARGE: u16 = big::HEIGHT + 1;

fn stats(all: &[(String, f64)], own: &OwnPanel, area: Rect, buf: &mut Buffer, look: &Look) {
    let most = (area.width / CELL).max(1);
    let rows_of = |columns: u16| (all.len() as u16).div_ceil(columns.max(1));
    let fits = |columns: &u16| rows_of(*columns) * LARGE <= area.height;
    let large = big::drawable(look).then(|| (1..=most).find(fits)).flatten();
    let Some(columns) = large else {
        return table(all, own, area, buf, look);
    };
    let height = area.height / rows_of(columns).max(1);
    for (n, (name, value)) in all.iter().enumerate() {
        let n = n as u16;
        let (from, to) = (
            area.width * (n % columns) / columns,
            area.width * (n % columns + 1) / columns,
        );
        let cell = Rect {
            x: area.x + from,
            y: area.y + height * (n / columns) + (height - LARGE) / 2,
            width: to - from,
            height: LARGE,
        };
        let style = own.style(*value, look);
        big::paint(buf, cell, &own.unit().show(*value), style);
        let room = usize::from(cell.width);
        let name = text::fit(name, room, look.symbols.ellipsis());
        let below = Rect {
            y: cell.y + big::HEIGHT,
            height: 1,
            ..cell
        };
        paint::put_middle(buf, below, &name, look.dim);
    }
}

const COLUMNS: &[Column] = &[
    Column::left("SERIES", 12, 0).growing(),
    Column::right("VALUE", 12, 0),
];

fn table(all: &[(String, f64)], own: &OwnPanel, area: Rect, buf: &mut Buffer, look: &Look) {
    let table = Table {
        columns: COLUMNS,
        rows: all.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: own.kind == OwnKind::Table && area.height >= 4,
    };
    table.paint(buf, area, look, |row, column| {
        let (name, value) = &all[row];
        match column {
            0 => Entry::new(name.as_str(), look.text),
            _ => Entry::new(own.unit().show(*value), own.style(*value, look)),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fill_the_legend() {
        let labels = Labels::from_pairs([("job", "결제"), ("instance", "a:1")]);
        for (legend, want) in [
            ("{{job}} on {{ instance }}", "결제 on a:1"),
            ("{{nothing}}x", "x"),
            ("plain", "plain"),
            ("open {{job", "open {{job"),
            ("{{job}} {{", "결제 {{"),
        ] {
            assert_eq!(filled(legend, &labels), want);
        }
    }

    #[test]
    fn thresholds_know_which_side_is_bad() {
        let of = |warning, critical| OwnPanel {
            warning,
            critical,
            ..OwnPanel::default()
        };
        let full = of(Some(70.0), Some(90.0));
        let free = of(Some(20.0), Some(5.0));
        for (panel, value, want) in [
            (&full, 69.9, Level::Plain),
            (&full, 70.0, Level::Warn),
            (&full, 95.0, Level::Bad),
            (&full, f64::NAN, Level::Plain),
            (&free, 50.0, Level::Plain),
            (&free, 20.0, Level::Warn),
            (&free, 0.0, Level::Bad),
            (&of(None, Some(1.0)), 2.0, Level::Bad),
            (&of(None, None), 2.0, Level::Plain),
        ] {
            assert_eq!(panel.level(value), want, "{panel:?} at {value}");
        }
    }
}
