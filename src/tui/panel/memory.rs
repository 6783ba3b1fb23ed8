//! Panel `memory`: what programs hold, what could be had back, and swap.

use crate::model::answer::VectorPoint;
use crate::model::request::Request;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size};
use crate::tui::theme::Theme;
use crate::tui::widget::chart::Form;
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(crate) const PANEL: Panel = Panel {
    name: "memory",
    title: "Memory",
    help: "memory held by programs, cache that can be had back, swap",
    opens: "Host",
    size: Size::one(6, 3),
    requests,
    headline,
    view,
};

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let of = |name: &str| format!("node_memory_{name}_bytes{}", ask.only(""));
    let (total, available, free) = (of("MemTotal"), of("MemAvailable"), of("MemFree"));
    if ask.instance.is_none() {
        let share = format!("1 - {available} / {total}");
        return vec![ask.range(share.clone()), ask.instant(share)];
    }
    let names =
        "__name__=~\"node_memory_(MemTotal|MemAvailable|MemFree|SwapTotal|SwapFree)_bytes\"";
    vec![
        ask.range(format!("{total} - {available}")),
        ask.instant(ask.only(names)),
        ask.range(format!("{available} - {free}")),
    ]
}

/// The newest values in bytes; `None` where a kernel does not tell.
struct Now {
    total: f64,
    available: f64,
    swap: Option<(f64, f64)>,
}

/// A value by its metric's name.
pub(crate) fn named(points: &[VectorPoint], name: &str) -> Option<f64> {
    let found = points.iter().find(|p| p.labels.metric_name() == name)?;
    Some(found.sample.v)
}

fn now(shown: &Shown<'_>) -> Option<Now> {
    let points = shown.vector(1);
    let of = |name: &str| named(points, &format!("node_memory_{name}_bytes"));
    let swap = of("SwapTotal").filter(|t| *t > 0.0).zip(of("SwapFree"));
    Some(Now {
        total: of("MemTotal").filter(|t| *t > 0.0)?,
        available: of("MemAvailable")?,
        swap,
    })
}

fn headline(shown: &Shown<'_>) -> Headline {
    if shown.ask.instance.is_none() {
        let worst = shown
            .vector(1)
            .iter()
            .max_by(|a, b| a.sample.v.total_cmp(&b.sample.v));
        return worst.map_or_else(Headline::default, |p| {
            let text = format!(
                "{} {}",
                Unit::Ratio.show(p.sample.v),
                p.labels.get("instance")
            );
            Headline::at(text, p.sample.v, 0.85, 0.95)
        });
    }
    let Some(now) = now(shown) else {
        return Headline::default();
    };
    let used = now.total - now.available;
    let text = format!(
        "{} of {}",
        Unit::Bytes.show(used),
        Unit::Bytes.show(now.total)
    );
    Headline::at(text, used / now.total, 0.85, 0.95)
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    if plot::nothing(shown, 0, 1) {
        let why = format!("No memory figures of {}.", shown.whose());
        return plot::empty(shown, 2, &why, plot::OTHER_TIME, Place { area, buf, look });
    }
    let marks = shown.state.marks();
    let mut chart = plot::chart(shown, &marks, Unit::Bytes);
    if shown.ask.instance.is_none() {
        chart.unit = Unit::Ratio;
        chart.curves = plot::by_instance(shown.matrix(0), look);
        chart.high = Some(1.0);
        chart.paint(buf, area, look);
        return;
    }
    let now = now(shown);
    let wanted = 1 + u16::from(now.as_ref().is_some_and(|n| n.swap.is_some()));
    let bars = if area.height >= 5 + wanted {
        wanted
    } else {
        u16::from(area.height >= 6)
    };
    if let Some(now) = now.as_ref().filter(|_| bars > 0) {
        paint_bars(
            buf,
            Rect {
                height: bars,
                ..area
            },
            now,
            look,
        );
    }
    let body = Rect {
        y: area.y + bars,
        height: area.height - bars,
        ..area
    };
    let used = plot::single(shown.matrix(0), "used", look, 0);
    let cache = plot::single(shown.matrix(2), "cache", look, 2);
    chart.curves = used.into_iter().chain(cache).collect();
    chart.form = Form::Stack;
    chart.high = now.map(|n| n.total);
    chart.paint(buf, body, look);
}

fn paint_bars(buf: &mut Buffer, area: Rect, now: &Now, look: &Look) {
    let used = (now.total - now.available) / now.total;
    labelled_bar(
        buf,
        Rect { height: 1, ..area },
        "mem ",
        (used, look.level(used, 0.85, 0.95)),
        look,
    );
    if let Some((total, free)) = now.swap.filter(|_| area.height > 1) {
        let share = (total - free) / total;
        let row = Rect {
            y: area.y + 1,
            height: 1,
            ..area
        };
        labelled_bar(buf, row, "swap", (share, look.level(share, 0.5, 0.8)), look);
    }
}

/// `mem  ━━━━───── 42.0 %`.
pub(crate) fn labelled_bar(
    buf: &mut Buffer,
    row: Rect,
    name: &str,
    (share, style): (f64, Style),
    look: &Look,
) {
    let x = paint::put(buf, (row.x, row.y), row.right(), name, look.dim) + 1;
    let right = row.right().saturating_sub(8);
    if right > x {
        gauge::bar(buf, Rect::new(x, row.y, right - x, 1), share, style, look);
    }
    paint::put_right(
        buf,
        (x.min(row.right()), row.y),
        row.right(),
        &Unit::Ratio.show(share),
        look.text,
    );
}
