//! Panel `load`: what waits. Pressure (PSI) where the kernel has it, load averages everywhere.

use crate::model::request::Request;
use crate::tui::panel::memory::named;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "load",
    title: "Load and pressure",
    help: "tasks that wait for processor, memory or disk (PSI), and load averages",
    opens: "Host",
    size: Size::one(6, 3),
    requests,
    headline,
    view,
};

/// What can be waited for, in the order of the questions from 2 on.
const WAITS: [&str; 3] = ["cpu", "memory", "io"];

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let load = format!("node_load1{}", ask.only(""));
    if ask.instance.is_none() {
        let cores = format!(
            "count by (instance) (node_cpu_seconds_total{})",
            ask.only("mode=\"idle\"")
        );
        let each = format!("sum by (instance) ({load}) / {cores}");
        return vec![ask.range(each.clone()), ask.instant(each)];
    }
    let mut out = vec![
        ask.range(load),
        ask.instant(ask.only("__name__=~\"node_load(1|5|15)\"")),
    ];
    for wait in WAITS {
        let counter = format!("node_pressure_{wait}_waiting_seconds_total{}", ask.only(""));
        out.push(ask.range(ask.per_second(&counter)));
    }
    let cores = format!("count(node_cpu_seconds_total{})", ask.only("mode=\"idle\""));
    out.push(ask.instant(cores));
    out
}

fn headline(shown: &Shown<'_>) -> Headline {
    if shown.ask.instance.is_none() {
        let worst = shown
            .vector(1)
            .iter()
            .max_by(|a, b| a.sample.v.total_cmp(&b.sample.v));
        return worst.map_or_else(Headline::default, |p| {
            let text = format!("{:.2} a core {}", p.sample.v, p.labels.get("instance"));
            Headline::at(text, p.sample.v, 1.0, 2.0)
        });
    }
    let of = |name: &str| named(shown.vector(1), name);
    let (Some(one), Some(five), Some(fifteen)) =
        (of("node_load1"), of("node_load5"), of("node_load15"))
    else {
        return Headline::default();
    };
    let cores = shown.number(5).unwrap_or(1.0).max(1.0);
    let text = format!("{one:.2} {five:.2} {fifteen:.2}");
    Headline::at(text, one / cores, 1.0, 2.0)
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let marks = shown.state.marks();
    let all = shown.ask.instance.is_none();
    let with_psi = !all && (2..5).any(|part| !shown.matrix(part).is_empty());
    if !with_psi && plot::nothing(shown, 0, 1) {
        let why = format!("No load figures of {}.", shown.whose());
        return plot::empty(shown, 2, &why, plot::OTHER_TIME, Place { area, buf, look });
    }
    let mut chart = plot::chart(shown, &marks, Unit::Short);
    if all {
        chart.curves = plot::by_instance(shown.matrix(0), look);
    } else if with_psi {
        chart.unit = Unit::Ratio;
        let names = ["cpu", "mem", "io"];
        let one = |(i, name)| plot::single(shown.matrix(i + 2), name, look, [0, 4, 2][i]);
        chart.curves = names.into_iter().enumerate().filter_map(one).collect();
        let top = (2..5)
            .map(|part| plot::highest(shown.matrix(part)))
            .fold(0.0, f64::max);
        chart.high = Some(plot::share_ceiling(top));
    } else {
        chart.curves = plot::single(shown.matrix(0), "load1", look, 0)
            .into_iter()
            .collect();
    }
    chart.paint(buf, area, look);
}
