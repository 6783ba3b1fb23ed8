//! Section: every core by itself.

use crate::model::answer::VectorPoint;
use crate::model::request::Request;
use crate::tui::panel::cpu::BUSY;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Shown, per_second_now};
use crate::tui::tabs::host::{CPU, Section};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge, paint, scrollbar};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub(crate) const SECTION: Section = Section {
    name: "Cores",
    panels: CPU,
    panel_rows: 0,
    panels_from: 14,
    requests,
    view,
    rows: |shown| shown.vector(0).len().div_ceil(PER_ROW_GUESS),
};

/// Scrolling moves by rows of cells; how many stand in a row depends on the width, which a count
/// of rows does not know.
const PER_ROW_GUESS: usize = 4;
/// `cpu127 ━━━━━━───── 100 %  4.20 GHz`.
const CELL: u16 = 38;
const NARROW: u16 = 26;

fn requests(Shown { ask, .. }: &Shown<'_>) -> Vec<Request> {
    let busy = format!("node_cpu_seconds_total{}", ask.only(BUSY));
    let busy = per_second_now(&busy);
    vec![
        ask.instant(format!("sum by (instance, cpu) ({busy})")),
        ask.instant(format!("node_cpu_scaling_frequency_hertz{}", ask.only(""))),
    ]
}

fn sorted<'a>(shown: &Shown<'a>) -> Vec<&'a VectorPoint> {
    let mut out: Vec<&VectorPoint> = shown.vector(0).iter().collect();
    let number = |p: &VectorPoint| p.labels.get("cpu").parse::<u32>().unwrap_or(u32::MAX);
    out.sort_by(|a, b| {
        let instance = |p: &'a VectorPoint| p.labels.get("instance");
        instance(a).cmp(instance(b)).then(number(a).cmp(&number(b)))
    });
    out
}

fn view(shown: &Shown<'_>, look: &Look, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let cores = sorted(shown);
    if cores.is_empty() {
        let why = format!("No cores of {}.", shown.whose());
        plot::empty(shown, 1, &why, plot::OTHER_TIME, Place { area, buf, look });
        return None;
    }
    let with_pace = !shown.vector(1).is_empty() && area.width >= CELL;
    let cell = if with_pace { CELL } else { NARROW };
    let per_row = usize::from((area.width / cell).max(1)).min(cores.len());
    let rows = cores.len().div_ceil(per_row);
    let visible = usize::from(area.height);
    // Where many cores have no room one by one, a strip of all of them stands first.
    let strip = usize::from(rows > visible && area.height > 3);
    if strip == 1 {
        crate::tui::panel::cpu::core_strip(buf, Rect { height: 1, ..area }, &cores, look);
    }
    let visible = visible - strip;
    let offset = scrollbar::follow(shown.state.locals.host.offset, None, visible, rows);
    let width = area.width / per_row as u16;
    for (i, core) in cores
        .iter()
        .enumerate()
        .skip(offset * per_row)
        .take(visible * per_row)
    {
        let at = i - offset * per_row;
        // Down the columns, as people count cores.
        let x = area.x + (at % per_row) as u16 * width;
        let y = area.y + (strip + at / per_row) as u16;
        paint_core(
            shown,
            core,
            Rect::new(x, y, width.saturating_sub(2), 1),
            buf,
            look,
        );
    }
    let column = Rect::new(area.right() - 1, area.y + strip as u16, 1, visible as u16);
    scrollbar::vertical(buf, column, offset, rows, look);
    None
}

fn paint_core(shown: &Shown<'_>, core: &VectorPoint, row: Rect, buf: &mut Buffer, look: &Look) {
    let all = shown.ask.instance.is_none();
    let name = if all {
        format!("{} {}", core.labels.get("instance"), core.labels.get("cpu"))
    } else {
        format!("cpu{}", core.labels.get("cpu"))
    };
    let name_width = if all { 14 } else { 7 };
    let name = crate::base::text::fit(&name, name_width, look.symbols.ellipsis());
    paint::put(buf, (row.x, row.y), row.right(), &name, look.dim);
    let pace = shown.vector(1).iter().find(|p| {
        p.labels.get("cpu") == core.labels.get("cpu")
            && p.labels.get("instance") == core.labels.get("instance")
    });
    let mut right = row.right();
    if let Some(pace) = pace {
        let text = format!("{:.2} GHz", pace.sample.v / 1e9);
        paint::put_right(buf, (row.x, row.y), right, &text, look.faint);
        right = right.saturating_sub(10);
    }
    let share = core.sample.v.clamp(0.0, 1.0);
    let style = look.level(share, 0.7, 0.9);
    paint::put_right(
        buf,
        (row.x, row.y),
        right,
        &Unit::Ratio.show(share),
        look.text,
    );
    let x = row.x + name_width as u16;
    let width = right.saturating_sub(x + 8);
    gauge::bar(buf, Rect::new(x, row.y, width, 1), share, style, look);
}
