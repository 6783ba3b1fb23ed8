//! The chosen container over time.

use crate::model::request::Request;
use crate::tui::panel::containers::{PARTS as BEFORE, Row};
use crate::tui::panel::plot::{self, Place};
use crate::tui::state::State;
use crate::tui::tabs::containers::shown;
use crate::tui::widget::Look;
use crate::tui::widget::chart::{Form, GUTTER};
use crate::tui::widget::frame::Frame;
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// One chart.
struct Chart {
    title: &'static str,
    unit: Unit,
    form: Form,
    /// PromQL that labels each curve with `curve`; `$` stands for the matchers of the container and
    /// `@` for the pace of what follows in parentheses.
    expr: &'static str,
}

/// Slots that the charts take.
pub(super) const PARTS: usize = CHARTS.len();

const CHARTS: [Chart; 4] = [
    Chart {
        title: "CPU, of one core",
        unit: Unit::Ratio,
        form: Form::Curves,
        expr: r#"label_replace(sum(@(container_cpu_usage_seconds_total{$})), "curve", "in use", "curve", "") or label_replace(sum(@(container_cpu_cfs_throttled_seconds_total{$})) > 0, "curve", "held back", "curve", "") or label_replace(max(container_spec_cpu_quota{$} / container_spec_cpu_period{$}), "curve", "allowed", "curve", "")"#,
    },
    Chart {
        title: "Memory",
        unit: Unit::Bytes,
        form: Form::Curves,
        expr: r#"label_replace(sum(container_memory_working_set_bytes{$}), "curve", "working set", "curve", "") or label_replace(sum(container_memory_rss{$}), "curve", "RSS", "curve", "") or label_replace(sum(container_memory_cache{$}), "curve", "cache", "curve", "") or label_replace(max(container_spec_memory_limit_bytes{$}) > 0, "curve", "limit", "curve", "")"#,
    },
    Chart {
        title: "Network",
        unit: Unit::BytesPerSecond,
        form: Form::Curves,
        expr: r#"label_replace(sum(@(container_network_receive_bytes_total{$})), "curve", "received", "curve", "") or label_replace(sum(@(container_network_transmit_bytes_total{$})), "curve", "sent", "curve", "")"#,
    },
    Chart {
        title: "Disk",
        unit: Unit::BytesPerSecond,
        form: Form::Curves,
        expr: r#"label_replace(sum(@(container_fs_reads_bytes_total{$})), "curve", "read", "curve", "") or label_replace(sum(@(container_fs_writes_bytes_total{$})), "curve", "written", "curve", "")"#,
    },
];

/// PromQL with the container and the pace filled in.
fn filled(expr: &str, only: &str, pace: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = expr;
    while let Some(at) = rest.find("@(") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let end = after.find(')').unwrap_or(after.len());
        out.push_str(before);
        out.push_str(&pace(&after[..end]));
        rest = after.get(end + 1..).unwrap_or("");
    }
    out.push_str(rest);
    out.replace('$', only)
}

pub(super) fn requests(state: &State, row: &Row<'_>, below: Rect) -> Vec<Request> {
    if row.id.is_empty() {
        return Vec::new();
    }
    let only = match row.instance {
        "" => format!("id={:?}", row.id),
        instance => format!("id={:?},instance={instance:?}", row.id),
    };
    let request = |(chart, place): (&Chart, Rect)| {
        let ask = state.ask(place.width.saturating_sub(2 + GUTTER));
        ask.range(filled(chart.expr, &only, &|counter| {
            ask.per_second(counter)
        }))
    };
    let places = plot::grid(below, CHARTS.len() as u16);
    CHARTS.iter().zip(places).map(request).collect()
}

/// `remark` stands at the end of the first chart's frame.
pub(super) fn paint(
    state: &State,
    row: &Row<'_>,
    below: Rect,
    (remark, buf, look): (&str, &mut Buffer, &Look),
) {
    let name = crate::base::text::display(row.title()).into_owned();
    for (i, (chart, place)) in CHARTS
        .iter()
        .zip(plot::grid(below, CHARTS.len() as u16))
        .enumerate()
    {
        let inside = Frame {
            title: chart.title,
            headline: if i == 0 { &name } else { "" },
            headline_style: look.dim,
            remark: if i == 0 { remark } else { "" },
            remark_style: look.dim,
            ..Frame::default()
        }
        .paint(buf, place, look);
        let shown = shown(state, state.ask(inside.width.saturating_sub(GUTTER)));
        let series = shown.matrix(BEFORE + i);
        if row.id.is_empty() || series.iter().all(|s| s.samples.is_empty()) {
            let why = match (row.id.is_empty(), chart.title) {
                (true, _) => "It does not run: there are no numbers of it now.",
                (_, "Network") => "It has no network of its own.",
                (_, "Disk") => "It touched no disk.",
                _ => "No samples in this stretch of time.",
            };
            let place = Place {
                area: inside,
                buf,
                look,
            };
            plot::empty(&shown, 0, why, plot::OTHER_TIME, place);
            continue;
        }
        let marks = state.marks();
        let mut painted = plot::chart(&shown, &marks, chart.unit);
        painted.form = chart.form;
        painted.curves = plot::curves(series, look, |labels| labels.get("curve"));
        painted.paint(buf, inside, look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::syntax;

    #[test]
    fn the_questions_are_promql() {
        for chart in &CHARTS {
            let pace = |counter: &str| format!("irate({counter}[2m])");
            let text = filled(chart.expr, "id=\"/docker/a\"", &pace);
            assert!(!text.contains(['@', '$']), "{text}");
            assert_eq!(syntax::check(&text).err(), None, "{text}");
        }
    }
}
