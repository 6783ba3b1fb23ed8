//! The list of rules: state, health and cost of each, the failing ones first.

use crate::base::{text, units};
use crate::model::view::{RuleGroupRow, RuleHealth, RuleRow, View};
use crate::tui::overlay::fuzzy;
use crate::tui::slot::Slot;
use crate::tui::state::State;
use crate::tui::tabs::alerts::{RULES, lists};
use crate::tui::tabs::{Export, list};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

const COLUMNS: &[Column] = &[
    Column::left("state", 9, 0),
    Column::left("rule", 22, 0).growing(),
    Column::left("group", 12, 2).growing(),
    Column::right("series", 7, 3),
    Column::right("took", 7, 1),
    Column::right("every", 6, 3),
    Column::right("ago", 5, 2),
    Column::left("expression or error", 24, 1).growing(),
];

/// The rules that the filter leaves: failing, firing, pending, the rest; each with its group.
pub(super) fn lines(state: &State) -> Vec<(&RuleGroupRow, &RuleRow)> {
    let Some(View::Rules(groups)) = state.slots.get(RULES).and_then(Slot::view) else {
        return Vec::new();
    };
    let filter = &state.locals.alerts.filter;
    let (words, leave_out) = match filter.strip_prefix('!') {
        Some(words) => (words, true),
        None => (filter.as_str(), false),
    };
    let fits = |(group, rule): &(&RuleGroupRow, &RuleRow)| {
        let text = format!("{} {} {} {}", word(rule), rule.name, group.name, rule.expr);
        words.is_empty() || fuzzy::contains(words, &text) != leave_out
    };
    let all = groups
        .iter()
        .flat_map(|g| g.rules.iter().map(move |r| (g, r)));
    let mut lines: Vec<_> = all.filter(fits).collect();
    lines.sort_by_key(|(_, rule)| rank(rule));
    lines
}

fn rank(rule: &RuleRow) -> u8 {
    match (rule.health, rule.firing, rule.pending) {
        (RuleHealth::Err, ..) => 0,
        (_, 1.., _) => 1,
        (_, _, 1..) => 2,
        _ => 3,
    }
}

fn word(rule: &RuleRow) -> &'static str {
    match (rule.health, rule.alerts, rank(rule)) {
        (RuleHealth::Err, ..) => "FAILS",
        (RuleHealth::Unknown, ..) => "not yet",
        (_, false, _) => "records",
        (_, _, 1) => "FIRING",
        (_, _, 2) => "pending",
        _ => "quiet",
    }
}

fn style(rule: &RuleRow, theme: &Theme) -> Style {
    match (rank(rule), rule.alerts) {
        (0 | 1, _) => theme.bad,
        (2, _) => theme.warn,
        (_, false) => theme.dim,
        _ => theme.good,
    }
}

fn current(state: &State) -> Option<(&RuleGroupRow, &RuleRow)> {
    let lines = lines(state);
    lines
        .get(state.locals.alerts.list().at(lines.len()))
        .copied()
}

pub(super) fn paint(state: &State, theme: &Theme, place: Rect, buffer: &mut Buffer) {
    let look = &Look::of(theme);
    let lines = lines(state);
    let failing = lines.iter().filter(|(_, r)| rank(r) == 0).count();
    let headline = match (lines.len(), failing) {
        (0, _) => String::new(),
        (n, 0) => n.to_string(),
        (n, failing) => format!("{failing} of {n} fail"),
    };
    let remark = lists(state);
    let inner = frame::Frame {
        title: "Rules",
        headline: &headline,
        headline_style: if failing > 0 { theme.bad } else { theme.text },
        remark: &remark,
        remark_style: theme.dim,
        focused: true,
    }
    .paint(buffer, place, look);
    if lines.is_empty() {
        let empty = list::Empty {
            slot: state.slots.get(RULES),
            nothing: "no rule is evaluated",
            way_out: "write rule_files into the configuration, or alerts: {defaults: true}",
            filtered: !state.locals.alerts.filter.is_empty(),
        };
        list::why_empty(buffer, inner, look, empty);
        return;
    }
    let at = state.locals.alerts.list().at(lines.len());
    let visible = usize::from(inner.height.saturating_sub(1));
    Table {
        columns: COLUMNS,
        rows: lines.len(),
        offset: list::offset(at, visible, lines.len()),
        selected: Some(at),
        sort: None,
        header: true,
    }
    .paint(buffer, inner, look, |row, column| {
        entry(state, theme, lines[row], column)
    });
}

fn entry<'a>(
    state: &State,
    theme: &Theme,
    (group, rule): (&'a RuleGroupRow, &'a RuleRow),
    column: usize,
) -> Entry<'a> {
    match column {
        0 => Entry::new(word(rule), style(rule, theme)),
        1 => Entry::new(text::display(&rule.name), theme.text),
        2 => Entry::new(text::display(&group.name), theme.dim),
        3 => Entry::new(rule.series.to_string(), theme.dim),
        4 if rule.last_evaluation == 0 => Entry::new("-", theme.dim),
        4 => Entry::new(Unit::Seconds.tight(rule.seconds), theme.text),
        5 => Entry::new(units::format_duration_ms(group.interval_ms), theme.dim),
        6 => Entry::new(ago(state, rule.last_evaluation), theme.dim),
        _ if !rule.error.is_empty() => Entry::new(text::display(&rule.error), theme.bad),
        _ => Entry::new(text::display(&rule.expr), theme.dim),
    }
}

fn ago(state: &State, t: i64) -> String {
    if t == 0 {
        return "-".to_owned();
    }
    format!("{}s", (state.tick - t).max(0) / 1000)
}

pub(super) fn paint_detail(state: &State, theme: &Theme, place: Rect, buffer: &mut Buffer) {
    let Some((group, rule)) = current(state) else {
        return;
    };
    let title = text::display(&rule.name).into_owned();
    let inner = frame::Frame {
        title: &title,
        headline: word(rule),
        headline_style: style(rule, theme),
        ..frame::Frame::default()
    }
    .paint(buffer, place, &Look::of(theme));
    let mut lines: Vec<(String, String, Style)> = Vec::new();
    let mut add = |name: &str, value: String, style: Style| {
        if !value.is_empty() {
            lines.push((name.to_owned(), value, style));
        }
    };
    add("error", rule.error.clone(), theme.bad);
    add("expression", rule.expr.clone(), theme.accent);
    for (name, ms) in [
        ("for", rule.for_ms),
        ("keeps firing", rule.keep_firing_for_ms),
    ] {
        if ms > 0 {
            add(name, units::format_duration_ms(ms), theme.text);
        }
    }
    let pairs = |labels: &crate::model::labels::Labels| {
        let each = labels.iter().map(|(n, v)| format!("{n}={v}"));
        each.collect::<Vec<_>>().join("  ")
    };
    add("labels", pairs(&rule.labels), theme.text);
    for (name, value) in &rule.annotations {
        add(name, value.to_owned(), theme.text);
    }
    let group_says = format!(
        "{} of {}, every {}, {} rules in {}",
        group.name,
        group.file,
        units::format_duration_ms(group.interval_ms),
        group.rules.len(),
        Unit::Seconds.tight(group.seconds)
    );
    add("group", group_says, theme.dim);
    if group.missed > 0 {
        let said = format!("{} evaluations, since others took too long", group.missed);
        add("left out", said, theme.warn);
    }
    list::pairs(buffer, inner, theme, &lines);
}

pub(super) fn export(state: &State) -> Export {
    let mut out = String::from("state,rule,group,file,series,seconds,expression,error\n");
    for (group, rule) in lines(state) {
        let fields = [
            word(rule),
            &rule.name,
            &group.name,
            &group.file,
            &rule.series.to_string(),
            &rule.seconds.to_string(),
            &rule.expr,
            &rule.error,
        ];
        out.push_str(&fields.map(list::csv).join(","));
        out.push('\n');
    }
    Export {
        kind: "csv",
        text: out,
    }
}
