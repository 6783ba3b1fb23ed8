//! What charts of panels share: curves from answers, the console's time axis, and words where
//! there is nothing to draw.

use crate::model::answer::Series;
use crate::model::labels::Labels;
use crate::model::time::TimeRange;
use crate::model::view::Mark;
use crate::tui::panel::Shown;
use crate::tui::widget::axis::Window;
use crate::tui::widget::chart::{Chart, Curve, Form, Legend};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Samples this far apart still belong to one line: two scrapes of the usual longest interval.
const GAP_MS: i64 = 130_000;
/// More curves than this are one tangle; the rest is counted in the legend.
pub(crate) const MOST_CURVES: usize = 8;

/// A chart on the console's own time axis, without curves yet.
pub(crate) fn chart<'a>(shown: &Shown<'a>, marks: &'a [&'a Mark], unit: Unit) -> Chart<'a> {
    let (time, window) = (&shown.state.time, shown.ask.window);
    let step = window.step.max(1);
    let end = time.cursor.unwrap_or(window.end);
    let selection = time
        .selection
        .map(|from| TimeRange::new(from.min(end), from.max(end)));
    Chart {
        curves: Vec::new(),
        window: Window {
            start: window.start - step,
            column: step,
            columns: ((window.end - window.start) / step + 1).max(1) as usize,
        },
        unit,
        form: Form::Curves,
        legend: if shown.zoomed {
            Legend::Table
        } else {
            Legend::Row
        },
        log: false,
        low: None,
        high: None,
        gap: GAP_MS,
        thresholds: &[],
        marks,
        cursor: time.cursor,
        selection,
        offset: if time.utc { 0 } else { time.offset },
    }
}

/// One curve for each series, in the order given; `name` reads it from the labels.
pub(crate) fn curves<'a>(
    series: impl IntoIterator<Item = &'a Series>,
    look: &Look,
    name: impl Fn(&'a Labels) -> &'a str,
) -> Vec<Curve<'a>> {
    let one = |(i, s): (usize, &'a Series)| Curve {
        name: name(&s.labels),
        samples: &s.samples,
        style: look.series(i),
        filled: false,
    };
    series.into_iter().enumerate().map(one).collect()
}

/// One curve of the first series of an answer; none where it is empty.
pub(crate) fn single<'a>(
    series: &'a [Series],
    name: &'a str,
    look: &Look,
    n: usize,
) -> Option<Curve<'a>> {
    let first = series.first()?;
    Some(Curve {
        name,
        samples: &first.samples,
        style: look.series(n),
        filled: false,
    })
}

/// One curve for each instance, the one with the highest newest value first.
pub(crate) fn by_instance<'a>(series: &'a [Series], look: &Look) -> Vec<Curve<'a>> {
    by_label(series, look, "instance")
}

/// The same, named by another label.
pub(crate) fn by_label<'a>(series: &'a [Series], look: &Look, label: &str) -> Vec<Curve<'a>> {
    let mut sorted: Vec<&Series> = series.iter().collect();
    let newest = |s: &Series| s.samples.last().map_or(f64::NEG_INFINITY, |s| s.v);
    sorted.sort_by(|a, b| newest(b).total_cmp(&newest(a)));
    sorted.truncate(MOST_CURVES);
    curves(sorted, look, |l| l.get(label))
}

/// Two directions over time: what the first two questions answered, or one curve for each instance
/// of question `of_all` where several are shown. Gives the place of `rows` lines left below.
pub(crate) fn two_ways(
    shown: &Shown<'_>,
    unit: Unit,
    names: [&'static str; 2],
    of_all: usize,
    (rows, place): (u16, Place<'_>),
) -> Rect {
    let Place { area, buf, look } = place;
    let marks = shown.state.marks();
    let mut chart = chart(shown, &marks, unit);
    chart.curves = if shown.ask.instance.is_some() {
        let first = single(shown.matrix(0), names[0], look, 0);
        let second = single(shown.matrix(1), names[1], look, 2);
        first.into_iter().chain(second).collect()
    } else {
        by_instance(shown.matrix(of_all), look)
    };
    let above = Rect {
        height: area.height - rows,
        ..area
    };
    chart.paint(buf, above, look);
    Rect {
        y: area.bottom() - rows,
        height: rows,
        ..area
    }
}

/// What each device does now, of a rate that tells more apart.
pub(crate) fn each_device(rate: &str) -> String {
    format!("sum by (instance, device) ({rate})")
}

/// A device's name; with its machine's where all are shown.
pub(crate) fn device(shown: &Shown<'_>, labels: &Labels) -> String {
    let device = labels.get("device");
    match shown.ask.instance {
        Some(_) => device.to_owned(),
        None => format!("{} {device}", labels.get("instance")),
    }
}

/// True where neither the window nor this instant has anything. A server that was just started has
/// numbers before it has a curve.
pub(crate) fn nothing(shown: &Shown<'_>, over: usize, now: usize) -> bool {
    let drawn = shown.matrix(over).iter().any(|s| !s.samples.is_empty());
    !drawn && shown.vector(now).is_empty()
}

/// The smallest round share of a whole that holds all curves: a quiet machine is no flat line.
pub(crate) fn share_ceiling(highest: f64) -> f64 {
    [0.1, 0.25, 0.5]
        .into_iter()
        .find(|top| highest <= *top * 0.95)
        .unwrap_or(1.0)
}

/// The highest value of all series.
pub(crate) fn highest(series: &[Series]) -> f64 {
    let values = series.iter().flat_map(|s| &s.samples).map(|s| s.v);
    values.filter(|v| v.is_finite()).fold(0.0, f64::max)
}

/// In place of data: why there is none and what to type. An error or a question on its way stands
/// before the panel's own reason.
pub(crate) fn empty(shown: &Shown<'_>, parts: usize, why: &str, way_out: &str, place: Place<'_>) {
    let Place { area, buf, look } = place;
    if let Some(excuse) = shown.excuse(parts) {
        let style = if shown.error(parts).is_some() {
            look.bad
        } else {
            look.dim
        };
        frame::words(buf, area, &[(&excuse, style)]);
        return;
    }
    frame::words(buf, area, &[(why, look.text), (way_out, look.dim)]);
}

/// The same for one question of many: its own error, that it is on its way, or the reason.
pub(crate) fn empty_slot(shown: &Shown<'_>, part: usize, why: &str, place: Place<'_>) {
    let Place { area, buf, look } = place;
    let error = shown
        .slot(part)
        .and_then(|s| s.error())
        .map(ToString::to_string);
    let (words, style) = match (&error, shown.answer(part)) {
        (Some(error), _) => (error.as_str(), look.bad),
        (None, None) => ("asking ...", look.dim),
        (None, Some(_)) => (why, look.dim),
    };
    frame::words(buf, area, &[(words, style)]);
}

/// Places for at most `most` charts, two beside each other where there is room.
pub(crate) fn grid(area: Rect, most: u16) -> Vec<Rect> {
    let columns: u16 = if area.width >= 100 { 2 } else { 1 };
    let lines = (area.height / 6).clamp(1, (most / columns).max(1));
    let place = |i: u16| {
        let (line, column) = (i / columns, i % columns);
        let (top, bottom) = (area.height * line / lines, area.height * (line + 1) / lines);
        let (left, right) = (
            area.width * column / columns,
            area.width * (column + 1) / columns,
        );
        Rect::new(area.x + left, area.y + top, right - left, bottom - top)
    };
    (0..lines * columns)
        .map(place)
        .filter(|p| p.height > 2)
        .collect()
}

/// Where to paint, and how.
pub(crate) struct Place<'a> {
    pub(crate) area: Rect,
    pub(crate) buf: &'a mut Buffer,
    pub(crate) look: &'a Look,
}

/// What to type where a metric has no samples in the window.
pub(crate) const OTHER_TIME: &str = "[ and ] move in time, 0 is now, i chooses another instance.";
