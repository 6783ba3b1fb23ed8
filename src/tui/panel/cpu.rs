//! Panel `cpu`: how busy the processors are, by mode, and each core at once.

use crate::model::answer::{Series, VectorPoint};
use crate::model::request::Request;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size, per_second_now};
use crate::tui::theme::Theme;
use crate::tui::widget::chart::{Curve, Form};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "cpu",
    title: "CPU",
    help: "share of all processors by mode, and each core",
    opens: "Host",
    size: Size::wide_from(3, 6, 3),
    requests,
    headline,
    view,
};

/// In the order they are stacked, with the colour each always has.
const MODES: [(&str, usize); 7] = [
    ("user", 0),
    ("system", 1),
    ("nice", 4),
    ("iowait", 2),
    ("irq", 5),
    ("softirq", 6),
    ("steal", 3),
];

/// What keeps a processor busy. One that waits for a disk could do something else meanwhile, so
/// `iowait` is drawn, but is not in the headline nor in the cores.
pub(crate) const BUSY: &str = "mode!~\"idle|iowait\"";

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let counter = format!("node_cpu_seconds_total{}", ask.only(BUSY));
    let busy = per_second_now(&counter);
    if ask.instance.is_none() {
        let over = ask.per_second(&counter);
        let share = |pace: &str| format!("avg by (instance) (sum by (instance, cpu) ({pace}))");
        return vec![ask.range(share(&over)), ask.instant(share(&busy))];
    }
    let modes = ask.per_second(&format!(
        "node_cpu_seconds_total{}",
        ask.only("mode!=\"idle\"")
    ));
    vec![
        ask.range(format!("avg by (mode) ({modes})")),
        ask.instant(format!("sum by (cpu) ({busy})")),
    ]
}

/// Cores, or instances, by their own number or name.
fn sorted<'a>(points: &'a [VectorPoint], label: &str) -> Vec<&'a VectorPoint> {
    let mut out: Vec<&VectorPoint> = points.iter().collect();
    out.sort_by_key(|p| p.labels.get(label).parse::<u32>().unwrap_or(u32::MAX));
    out
}

fn headline(shown: &Shown<'_>) -> Headline {
    let points = shown.vector(1);
    if points.is_empty() {
        return Headline::default();
    }
    if shown.ask.instance.is_none() {
        let worst = points
            .iter()
            .max_by(|a, b| a.sample.v.total_cmp(&b.sample.v));
        return worst.map_or_else(Headline::default, |p| {
            let text = format!(
                "{} {}",
                Unit::Ratio.show(p.sample.v),
                p.labels.get("instance")
            );
            Headline::at(text, p.sample.v, 0.8, 0.95)
        });
    }
    let busy = points.iter().map(|p| p.sample.v).sum::<f64>() / points.len() as f64;
    let cores = match points.len() {
        1 => "1 core".to_owned(),
        n => format!("{n} cores"),
    };
    Headline::at(
        format!("{} of {cores}", Unit::Ratio.show(busy)),
        busy,
        0.8,
        0.95,
    )
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let series = shown.matrix(0);
    if plot::nothing(shown, 0, 1) {
        let why = format!("No CPU times of {}.", shown.whose());
        let place = Place { area, buf, look };
        return plot::empty(shown, 2, &why, plot::OTHER_TIME, place);
    }
    let marks = shown.state.marks();
    let mut chart = plot::chart(shown, &marks, Unit::Ratio);
    let mut top = plot::highest(series);
    if shown.ask.instance.is_some() {
        chart.curves = modes(series, look);
        chart.form = Form::Stack;
        top = total(series);
    } else {
        chart.curves = plot::by_instance(series, look);
    }
    chart.high = Some(plot::share_ceiling(top));
    let cores = shown
        .ask
        .instance
        .map_or(Vec::new(), |_| sorted(shown.vector(1), "cpu"));
    let strip = u16::from(area.height >= 7 && cores.len() > 1);
    let body = Rect {
        height: area.height - strip,
        ..area
    };
    chart.paint(buf, body, look);
    if strip == 1 {
        let row = Rect {
            y: body.bottom(),
            height: 1,
            ..area
        };
        core_strip(buf, row, &cores, look);
    }
}

/// Modes that show, each in its own colour; user and system always.
fn modes<'a>(series: &'a [Series], look: &Look) -> Vec<Curve<'a>> {
    let of = |mode: &str| series.iter().find(|s| s.labels.get("mode") == mode);
    let shows = |s: &Series| s.samples.iter().any(|s| s.v >= 0.005);
    MODES
        .iter()
        .filter_map(|(mode, colour)| Some((*mode, *colour, of(mode)?)))
        .filter(|(mode, _, s)| matches!(*mode, "user" | "system") || shows(s))
        .map(|(mode, colour, s)| Curve {
            name: mode,
            samples: &s.samples,
            style: look.series(colour),
            filled: true,
        })
        .collect()
}

/// The highest sum of all modes at one time.
fn total(series: &[Series]) -> f64 {
    let longest = series.iter().max_by_key(|s| s.samples.len());
    let times = longest.into_iter().flat_map(|s| &s.samples).map(|s| s.t);
    let mut rests: Vec<_> = series.iter().map(|s| s.samples.iter().peekable()).collect();
    let at = |t: i64| {
        let mut sum = 0.0;
        for rest in &mut rests {
            while rest.next_if(|s| s.t < t).is_some() {}
            if let Some(s) = rest.next_if(|s| s.t == t).filter(|s| s.v.is_finite()) {
                sum += s.v;
            }
        }
        sum
    };
    times.map(at).fold(0.0, f64::max)
}

/// One cell a core; more cores than cells share one, which then shows the busiest of them.
pub(crate) fn core_strip(buf: &mut Buffer, row: Rect, cores: &[&VectorPoint], look: &Look) {
    let x = paint::put(buf, (row.x, row.y), row.right(), "cores ", look.dim);
    let room = usize::from(row.right().saturating_sub(x));
    if room == 0 {
        return;
    }
    let each = cores.len().div_ceil(room);
    // Few cores stand apart, so that the eye can count them.
    let stride = if cores.len() * 2 <= room { 2 } else { 1 };
    for (i, group) in cores.chunks(each).enumerate() {
        let busiest = group.iter().map(|p| p.sample.v).fold(0.0, f64::max);
        let (character, style) = gauge::heat(busiest, look);
        paint::dot(buf, (x + i as u16 * stride, row.y), character, style);
    }
}
