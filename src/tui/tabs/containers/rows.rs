//! Which containers stand on the screen, in which order, and under which project.

use crate::base::text::display;
use crate::tui::panel::containers as panel;
use crate::tui::panel::containers::Row;
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry};
use crate::tui::widget::unit::Unit;
use std::cmp::Ordering;

/// One way to sort.
pub(super) struct Sort {
    /// The column of the table that shows it.
    pub(super) column: usize,
    /// Largest first.
    pub(super) falls: bool,
    value: fn(&Row<'_>) -> Option<f64>,
}

/// In the order that `s` goes through. Where values are equal, and without any, names decide.
pub(super) const SORTS: &[Sort] = &[
    Sort {
        column: 0,
        falls: false,
        value: |_| None,
    },
    Sort {
        column: 4,
        falls: true,
        value: |r| r.cpu.map(|v| (v * 1000.0).round()),
    },
    Sort {
        column: 6,
        falls: true,
        value: |r| r.memory,
    },
    Sort {
        column: 8,
        falls: true,
        value: |r| r.network,
    },
    Sort {
        column: 9,
        falls: true,
        value: |r| r.disk,
    },
    Sort {
        column: 3,
        falls: true,
        value: |r| r.found.map(|f| f.restarts as f64),
    },
    Sort {
        column: 1,
        falls: true,
        value: |r| Some(f64::from(r.trouble())),
    },
];

/// A line of the table.
#[derive(Clone, Debug)]
pub(super) enum Line<'a> {
    /// The head of a project: its name, and how many run of how many.
    Project {
        name: &'a str,
        running: usize,
        all: usize,
        cpu: f64,
        memory: f64,
    },
    Container(Row<'a>),
}

impl<'a> Line<'a> {
    pub(super) fn container(&self) -> Option<&Row<'a>> {
        match self {
            Self::Container(row) => Some(row),
            Self::Project { .. } => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) sort: usize,
    pub(super) falling: bool,
}

/// Filters, groups by project, and sorts inside each; projects by name, what has none last.
pub(super) fn lay<'a>(mut rows: Vec<Row<'a>>, filter: &str, order: Order) -> Vec<Line<'a>> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    rows.retain(|r| matches(r, &words));
    let sort = &SORTS[order.sort % SORTS.len()];
    rows.sort_by(|a, b| {
        let value = |r: &Row<'_>| (sort.value)(r).unwrap_or(f64::NEG_INFINITY);
        let named = a
            .title()
            .cmp(b.title())
            .then(a.name.cmp(b.name))
            .then(a.id.cmp(b.id));
        let by = match value(a).total_cmp(&value(b)) {
            Ordering::Equal if sort.column != 0 => return project(a, b).then(named),
            Ordering::Equal => named,
            by => by,
        };
        project(a, b).then(if order.falling { by.reverse() } else { by })
    });
    let grouped = rows.iter().any(|r| !r.project.is_empty());
    let mut lines = Vec::with_capacity(rows.len() + 8);
    let mut open: Option<&str> = None;
    for row in &rows {
        if grouped && open != Some(row.project) {
            open = Some(row.project);
            let members = || rows.iter().filter(|r| r.project == row.project);
            lines.push(Line::Project {
                name: row.project,
                running: members().filter(|r| r.runs()).count(),
                all: members().count(),
                cpu: members().filter_map(|r| r.cpu).sum(),
                memory: members().filter_map(|r| r.memory).sum(),
            });
        }
        lines.push(Line::Container(row.clone()));
    }
    lines
}

fn project(a: &Row<'_>, b: &Row<'_>) -> Ordering {
    let key = |r: &Row<'_>| r.project.is_empty();
    key(a).cmp(&key(b)).then(a.project.cmp(b.project))
}

/// The identifier in a path of cgroups.
fn digits(path: &str) -> &str {
    path.rsplit(['/', '-']).next().unwrap_or(path)
}

/// Every word must be found, none that begins with `!`.
fn matches(row: &Row<'_>, words: &[String]) -> bool {
    let state = row.found.map_or("", |f| f.state.as_str());
    let health = row.found.map_or("", |f| f.health.as_str());
    let texts = [row.name, row.image, row.project, row.service, state, health];
    // The beginning of an identifier, as engines print it.
    let id = row.found.map_or_else(|| digits(row.id), |f| f.id.as_str());
    let is_id = |word: &str| word.len() >= 8 && id.starts_with(word);
    let holds = |word: &str| texts.iter().any(|t| t.to_lowercase().contains(word)) || is_id(word);
    words.iter().all(|word| match word.strip_prefix('!') {
        Some("") => true,
        Some(out) => !holds(out),
        None => holds(word),
    })
}

/// Sorted columns stand in [`SORTS`] by the same numbers.
pub(super) const COLUMNS: &[Column] = &[
    Column::left("NAME", 18, 0).growing(),
    Column::left("STATE", 13, 0),
    Column::right("UP", 6, 3),
    Column::right("RST", 4, 5),
    Column::right("CPU", 7, 0),
    Column::right("HELD", 7, 4),
    Column::right("MEMORY", 9, 0),
    Column::right("OF", 9, 2),
    Column::right("NET/s", 9, 1),
    Column::right("DISK/s", 9, 2),
    Column::right("TASKS", 5, 6),
    Column::left("IMAGE", 26, 7),
];

/// A cell of the table; `now` is the instant the numbers are about.
pub(super) fn entry<'a>(line: &Line<'a>, column: usize, now: i64, look: &Look) -> Entry<'a> {
    match line {
        Line::Project {
            name,
            running,
            all,
            cpu,
            memory,
        } => match column {
            0 if name.is_empty() => Entry::new("without a project", look.title),
            0 => Entry::new(display(name), look.title),
            1 => Entry::new(format!("{running} of {all} run"), look.dim),
            4 if *running > 0 => Entry::new(Unit::Ratio.show(*cpu), look.dim),
            6 if *running > 0 => Entry::new(Unit::Bytes.show(*memory), look.dim),
            _ => Entry::default(),
        },
        Line::Container(row) => container(row, column, now, look),
    }
}

fn container<'a>(row: &Row<'a>, column: usize, now: i64, look: &Look) -> Entry<'a> {
    let rate = |v: Option<f64>| match v {
        Some(v) if v >= 1.0 => Entry::new(Unit::Bytes.show(v.round()), look.text),
        Some(_) => Entry::new("0", look.faint),
        None => Entry::new("-", look.faint),
    };
    match column {
        0 if row.project.is_empty() => Entry::new(display(row.name), look.text),
        0 if row.service.is_empty() => Entry::new(format!("  {}", display(row.name)), look.text),
        0 => {
            // Replicas of one service are told apart by the end of their names.
            let number = row.name.rsplit(['-', '_']).next().unwrap_or("");
            let replica =
                number.len() < 4 && number != "1" && number.bytes().all(|b| b.is_ascii_digit());
            let tail = if replica && !number.is_empty() {
                format!("-{number}")
            } else {
                String::new()
            };
            Entry::new(format!("  {}{tail}", display(row.service)), look.text)
        }
        1 => panel::state(row, look),
        2 => {
            let since = row.found.filter(|_| row.runs()).map_or(0, |f| f.started);
            if since == 0 {
                return Entry::default();
            }
            Entry::new(age(now - since), look.dim)
        }
        3 => match row.found.map_or(0, |f| f.restarts) {
            0 => Entry::default(),
            n => Entry::new(n.to_string(), look.warn),
        },
        4 => panel::cpu(row, look),
        5 => match row.throttled.filter(|v| *v > 0.0) {
            Some(v) => Entry::new(Unit::Ratio.show(v), look.level(v, 0.05, 0.25)),
            None => Entry::default(),
        },
        6 => panel::memory(row, look),
        7 => panel::limit(row, look),
        8 => rate(row.network),
        9 => rate(row.disk),
        10 => Entry::new(
            row.tasks.map(|v| v.to_string()).unwrap_or_default(),
            look.dim,
        ),
        _ => Entry::new(display(row.image), look.dim),
    }
}

/// `45s`, `12m`, `3h`, `8d`: one unit, as a column has room for.
pub(super) fn age(ms: i64) -> String {
    let seconds = (ms / 1000).max(0);
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5_999 => format!("{}m", seconds / 60),
        6_000..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::view::ContainerRow;

    fn found(name: &str, project: &str, state: &str, restarts: u64) -> ContainerRow {
        ContainerRow {
            name: name.to_owned(),
            project: project.to_owned(),
            state: state.to_owned(),
            restarts,
            ..ContainerRow::default()
        }
    }

    fn rows(all: &[ContainerRow]) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = all.iter().map(Row::of).collect();
        for (i, row) in rows.iter_mut().enumerate() {
            row.cpu = Some(i as f64);
        }
        rows
    }

    fn shown(lines: &[Line<'_>]) -> Vec<String> {
        let line = |l: &Line<'_>| match l {
            Line::Project {
                name, running, all, ..
            } => format!("[{name} {running}/{all}]"),
            Line::Container(row) => row.name.to_owned(),
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn containers_stand_under_their_projects() {
        let all = [
            found("zed", "", "running", 0),
            found("web", "shop", "running", 1),
            found("db", "shop", "exited", 7),
            found("api", "pay", "running", 0),
        ];
        let order = Order {
            sort: 0,
            falling: false,
        };
        let lay_by = |filter: &str, order| shown(&lay(rows(&all), filter, order));
        assert_eq!(
            lay_by("", order),
            [
                "[pay 1/1]",
                "api",
                "[shop 1/2]",
                "db",
                "web",
                "[ 1/1]",
                "zed"
            ]
        );
        // By restarts, the most first; the filter leaves out.
        let order = Order {
            sort: 5,
            falling: true,
        };
        assert_eq!(lay_by("shop", order), ["[shop 1/2]", "db", "web"]);
        assert_eq!(lay_by("!shop !pay", order), ["zed"]);
        assert_eq!(lay_by("exited", order), ["[shop 0/1]", "db"]);
    }

    #[test]
    fn ages_have_one_unit() {
        for (ms, want) in [
            (-5, "0s"),
            (45_000, "45s"),
            (720_000, "12m"),
            (10_800_000, "3h"),
            (700_000_000, "8d"),
        ] {
            assert_eq!(age(ms), want);
        }
    }
}
