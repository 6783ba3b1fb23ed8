//! Targets: what is scraped, how it goes, adding one without a restart, and who pushes.
//!
//! No digit: it is reached by `:` and from Metrics. The broken ones stand first.

mod senders;

use crate::base::{text, units};
use crate::model::action::Action;
use crate::model::labels::Labels;
use crate::model::request::{Request, ViewName};
use crate::model::view::{Health, TargetRow, View};
use crate::tui::cmd::Cmd;
use crate::tui::keymap::Act;
use crate::tui::line_edit::LineEdit;
use crate::tui::msg::Mouse;
use crate::tui::overlay::{Confirm, Item, Overlay, Prompt, PromptKind, Run, fuzzy};
use crate::tui::slot::SlotId;
use crate::tui::state::State;
use crate::tui::tabs::{Export, Tab, list};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, frame};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

const NAME: &str = "Targets";

pub(crate) const TAB: Tab = Tab {
    requests,
    act,
    click,
    prompt,
    prompted,
    preview,
    menu,
    line: |state| current(state).map(|row| row.url.clone()),
    export: |state| Some(export(state)),
    ..Tab::new(
        NAME,
        "what is scraped: state, errors, labels; add a target",
        view,
    )
};

const SLOT: SlotId = SlotId {
    owner: NAME,
    part: 0,
};

#[derive(Debug, Default)]
pub(crate) struct Local {
    list: list::Cursor,
    filter: String,
    details: bool,
    /// What a trial scrape is under way for: URL and job.
    trial: Option<(String, String)>,
}

const COLUMNS: &[Column] = &[
    Column::left("state", 8, 0),
    Column::left("job", 12, 1),
    Column::left("instance", 20, 0).growing(),
    Column::right("last", 7, 1),
    Column::right("took", 8, 3),
    Column::right("samples", 9, 3),
    Column::left("error or remark", 24, 0).growing(),
];

fn requests(state: &State, _: Rect) -> Vec<(SlotId, Request)> {
    let at = state.time.instant();
    let view = ViewName::Targets;
    vec![(SLOT, Request::View { view, at }), senders::request()]
}

/// The rows that the filter leaves, the broken ones first.
fn rows(state: &State) -> Vec<&TargetRow> {
    let answer = state.slots.get(SLOT).and_then(|s| s.view());
    let Some(View::Targets(all)) = answer else {
        return Vec::new();
    };
    let filter = &state.locals.targets.filter;
    let fits = |row: &&TargetRow| {
        let text = format!("{} {} {} {}", row.job, row.instance, row.url, row.error);
        let (words, leave_out) = match filter.strip_prefix('!') {
            Some(words) => (words, true),
            None => (filter.as_str(), false),
        };
        words.is_empty() || fuzzy::contains(words, &text) != leave_out
    };
    let mut rows: Vec<&TargetRow> = all.iter().filter(fits).collect();
    rows.sort_by(|a, b| (rank(a), &a.job, &a.instance).cmp(&(rank(b), &b.job, &b.instance)));
    rows
}

fn rank(row: &TargetRow) -> u8 {
    match (row.dropped, row.health) {
        (true, _) => 4,
        (_, Health::Down) => 0,
        (_, Health::Unknown) => 1,
        (_, Health::Up) => 2,
        (_, Health::BuiltIn) => 3,
    }
}

fn current(state: &State) -> Option<&TargetRow> {
    let rows = rows(state);
    rows.get(state.locals.targets.list.at(rows.len())).copied()
}

fn act(state: &mut State, act: Act) -> Option<Vec<Cmd>> {
    let count = rows(state).len();
    let page = state.height.saturating_sub(6).into();
    let local = &mut state.locals.targets;
    if local.list.act(act, count, page) {
        return Some(Vec::new());
    }
    match act {
        Act::Open | Act::ZoomPane => local.details = !local.details,
        Act::Escape | Act::Back if local.details => local.details = false,
        Act::Escape | Act::Back if !local.filter.is_empty() => local.filter.clear(),
        Act::Filter => {
            let prompt = Prompt {
                edit: LineEdit::new(local.filter.clone()),
                ..prompt(state, "filter")
            };
            state.overlays.push(Overlay::Prompt(prompt));
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn click(state: &mut State, body: Rect, mouse: Mouse) -> bool {
    let count = rows(state).len();
    let at = state.locals.targets.list.at(count);
    let (table, _, _) = places(state, body);
    let found = list::row_under(mouse, table, (at, count));
    if let Some(row) = found {
        state.locals.targets.list.go(row);
    }
    found.is_some()
}

fn prompt(_: &State, tag: &'static str) -> Prompt {
    let (title, hint) = match tag {
        "filter" => (
            "Filter targets",
            "words that must stand in it; !word leaves out",
        ),
        _ => (
            "Add a target",
            "http://host:9100/metrics, and a job's name if it is to have one",
        ),
    };
    Prompt::new(PromptKind::Tab(tag), title, "", hint)
}

fn prompted(state: &mut State, tag: &'static str, text: &str) -> Result<Vec<Cmd>, String> {
    if tag == "filter" {
        text.trim().clone_into(&mut state.locals.targets.filter);
        return Ok(Vec::new());
    }
    let mut words = text.split_whitespace();
    let url = words.next().ok_or("write the address of a target")?;
    let job = words.next().unwrap_or("added");
    if let Some(more) = words.next() {
        return Err(format!("{more:?} is one word too many: address, then job"));
    }
    let url = match url.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() => url.to_owned(),
        Some((scheme, _)) => return Err(format!("{scheme}: only http and https are scraped")),
        None => format!("http://{url}"),
    };
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    let url = if host.contains('/') {
        url
    } else {
        format!("{url}/metrics")
    };
    state.locals.targets.trial = Some((url.clone(), job.to_owned()));
    state.toast(format!("scraping {url} once ..."), false);
    Ok(vec![Cmd::Act(Action::TryTarget { url })])
}

/// What the trial scrape saw; only `y` adds the target.
fn preview(state: &mut State, lines: &[String]) -> bool {
    let Some((url, job)) = state.locals.targets.trial.take() else {
        return false;
    };
    let room = usize::from(state.height.saturating_sub(10)).max(4);
    let mut shown: Vec<String> = lines.iter().take(room).cloned().collect();
    if lines.len() > room {
        shown.push(format!("and {} more lines", lines.len() - room));
    }
    shown.push(String::new());
    shown.push(format!(
        "Add {url} as job {job:?}? It is scraped from now on."
    ));
    state.overlays.push(Overlay::Confirm(Confirm {
        title: "Add this target?".to_owned(),
        lines: shown,
        run: Run::Order {
            action: Action::AddTarget {
                url,
                job,
                labels: Vec::new(),
            },
            confirm: None,
        },
    }));
    true
}

fn menu(state: &State) -> Vec<Item> {
    let add = Item::new(
        "add a target",
        "one trial scrape, then kept in the data directory; no restart",
        Run::Prompt(PromptKind::Tab("add")),
    );
    let mut items = vec![add];
    if let Some(row) = current(state) {
        if !row.url.is_empty() {
            let curl = format!("curl -s '{}'", row.url);
            items.push(Item::new("copy as curl", curl.clone(), Run::Copy(curl)));
        }
        items.push(Item::new(
            "copy labels",
            row.labels.to_string(),
            Run::Copy(row.labels.to_string()),
        ));
        // What reads logs has a pattern there, which is no instance of any series.
        if row.labels.get("instance") == row.instance {
            let chosen = Run::Instance(Some(row.instance.clone()));
            items.push(Item::new(
                "look at this instance",
                row.instance.clone(),
                chosen,
            ));
        }
    }
    items
}

fn export(state: &State) -> Export {
    let mut out = String::from("state,job,instance,url,last_scrape,duration_ms,samples,error\n");
    for row in rows(state) {
        let last = match row.last_scrape {
            0 => String::new(),
            t => state.time.rfc3339(t),
        };
        let fields = [
            word(row),
            &row.job,
            &row.instance,
            &row.url,
            &last,
            &row.duration_ms.to_string(),
            &row.samples.to_string(),
            &row.error,
        ];
        out.push_str(&fields.map(list::csv).join(","));
        out.push('\n');
    }
    Export {
        kind: "csv",
        text: out,
    }
}

fn word(row: &TargetRow) -> &'static str {
    match (row.dropped, row.health) {
        (true, _) => "dropped",
        (_, Health::Up) => "up",
        (_, Health::Down) => "DOWN",
        (_, Health::Unknown) => "not yet",
        (_, Health::BuiltIn) => "built in",
    }
}

fn style_of(row: &TargetRow, theme: &Theme) -> Style {
    match (row.dropped, row.health) {
        (true, _) | (_, Health::BuiltIn) => theme.dim,
        (_, Health::Up) => theme.good,
        (_, Health::Down) => theme.bad,
        (_, Health::Unknown) => theme.warn,
    }
}

fn view(state: &State, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let rows = rows(state);
    let local = &state.locals.targets;
    let at = local.list.at(rows.len());
    let row = rows.get(at).copied();
    let (table, pushed, details) = places(state, body);
    if !pushed.is_empty() {
        senders::view(state, theme, pushed, buffer);
    }
    paint_table(state, theme, (&rows, at), table, buffer);
    if let (true, Some(row)) = (local.details, row) {
        paint_details(state, theme, row, details, buffer);
    }
    None
}

/// The table, and below it who pushes, or the details where they are open.
fn places(state: &State, body: Rect) -> (Rect, Rect, Rect) {
    let (pushed, details) = if state.locals.targets.details {
        (0, body.height * 3 / 5)
    } else {
        (senders::height(state, body.height), 0)
    };
    let height = body.height - details - pushed;
    let below = |rows| Rect::new(body.x, body.y + height, body.width, rows);
    (Rect { height, ..body }, below(pushed), below(details))
}

fn paint_table(
    state: &State,
    theme: &Theme,
    (rows, at): (&[&TargetRow], usize),
    place: Rect,
    buffer: &mut Buffer,
) {
    let look = &Look::of(theme);
    let down = rows.iter().filter(|r| r.health == Health::Down).count();
    let headline = if state.slots.get(SLOT).is_none_or(|s| s.answer().is_none()) {
        String::new()
    } else if down > 0 {
        format!("{} of {} down", down, rows.len())
    } else {
        format!("{}", rows.len())
    };
    let filter = &state.locals.targets.filter;
    let remark = if filter.is_empty() {
        String::new()
    } else {
        format!("filter: {filter}")
    };
    let inner = frame::Frame {
        title: NAME,
        headline: &headline,
        headline_style: if down > 0 { theme.bad } else { theme.text },
        remark: &remark,
        remark_style: theme.key,
        focused: true,
    }
    .paint(buffer, place, look);
    if rows.is_empty() {
        list::why_empty(
            buffer,
            inner,
            look,
            list::Empty {
                slot: state.slots.get(SLOT),
                nothing: "no target is scraped",
                way_out: "press . and add one, or write scrape_configs into the configuration",
                filtered: !filter.is_empty(),
            },
        );
        return;
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: list::offset(at, visible, rows.len()),
        selected: Some(at),
        sort: None,
        header: true,
    }
    .paint(buffer, inner, look, |row, column| {
        entry(state, theme, rows[row], column)
    });
}

fn entry<'a>(state: &State, theme: &Theme, row: &'a TargetRow, column: usize) -> Entry<'a> {
    let style = style_of(row, theme);
    match column {
        0 => Entry::new(word(row), style),
        1 => Entry::new(text::display(&row.job), theme.text),
        2 => Entry::new(text::display(&row.instance), theme.text),
        3 => Entry::new(age(state, row.last_scrape), theme.text),
        4 => Entry::new(format!("{:.0} ms", row.duration_ms), theme.dim),
        5 => Entry::new(row.samples.to_string(), theme.dim),
        _ if !row.error.is_empty() => Entry::new(text::display(&row.error), theme.bad),
        _ => Entry::new(text::display(&row.remark), theme.dim),
    }
}

/// How long ago, in its largest unit; `never` for 0.
fn age(state: &State, t: i64) -> String {
    if t == 0 {
        return "never".to_owned();
    }
    let at = state.time.instant().unwrap_or(state.tick);
    match (at - t).max(0) / 1000 {
        s if s < 100 => format!("{s}s"),
        s if s < 6000 => format!("{}m", s / 60),
        s if s < 360_000 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

fn paint_details(state: &State, theme: &Theme, row: &TargetRow, place: Rect, buffer: &mut Buffer) {
    let look = Look::of(theme);
    let inner = frame::Frame {
        title: if row.url.is_empty() {
            &row.job
        } else {
            &row.url
        },
        ..frame::Frame::default()
    }
    .paint(buffer, place, &look);
    let time = |t: i64| match t {
        0 => "never".to_owned(),
        t => format!("{} ({} ago)", state.time.date_clock(t), age(state, t)),
    };
    let mut lines: Vec<(String, String, Style)> =
        vec![("state".into(), word(row).into(), style_of(row, theme))];
    // What is not scraped has neither times nor labels from before relabelling.
    if !row.url.is_empty() {
        lines.push(("last scrape".into(), time(row.last_scrape), theme.text));
        lines.push(("last good".into(), time(row.last_good), theme.text));
    } else if row.last_scrape > 0 {
        lines.push(("last read".into(), time(row.last_scrape), theme.text));
    }
    if row.interval_ms > 0 {
        let every = units::format_duration_ms(row.interval_ms);
        lines.push(("every".into(), every, theme.text));
    }
    if !row.error.is_empty() {
        lines.push(("error".into(), row.error.clone(), theme.bad));
    }
    if !row.remark.is_empty() {
        lines.push(("remark".into(), row.remark.clone(), theme.text));
    }
    if !row.labels.is_empty() {
        lines.push(("labels".into(), row.labels.to_string(), theme.text));
    }
    if !row.discovered.is_empty() {
        lines.push(("discovered".into(), row.discovered.to_string(), theme.dim));
    }
    let mut before = row.discovered.clone();
    for (rule, after) in &row.relabel_steps {
        lines.push(("relabel".into(), rule.clone(), theme.accent));
        lines.push((String::new(), difference(&before, after), theme.text));
        before = after.clone();
    }
    list::pairs(buffer, inner, theme, &lines);
}

/// What a relabelling step did: `+name="x"  -name`; a change is both.
fn difference(before: &Labels, after: &Labels) -> String {
    let gone = before.iter().filter(|(n, v)| after.get(n) != *v);
    let mut parts: Vec<String> = gone.map(|(n, v)| format!("-{n}={v:?}")).collect();
    let new = after.iter().filter(|(n, v)| before.get(n) != *v);
    parts.extend(new.map(|(n, v)| format!("+{n}={v:?}")));
    if parts.is_empty() {
        parts.push("no change".to_owned());
    }
    parts.join("  ")
}
