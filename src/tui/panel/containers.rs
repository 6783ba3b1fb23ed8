//! Panel `containers`: CPU and memory of every container, whether it is read on this server or
//! scraped from a cAdvisor.

use crate::model::request::{Request, ViewName};
use crate::model::view::{ContainerRow, ContainerView, View};
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size, per_second_now};
use crate::tui::theme::Theme;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use crate::tui::widget::{Look, gauge};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "containers",
    title: "Containers",
    help: "CPU and memory of every container, those that are not well first",
    opens: "Containers",
    size: Size::one(4, 2).only_with_data(|shown| !rows(shown).is_empty()),
    requests,
    headline,
    view,
};

/// What tells containers apart, and what they are called where only series know.
const BY: &str = "id,name,instance,image,container_label_com_docker_compose_project,container_label_com_docker_compose_service";

/// The questions of the list: CPU, share of throttled periods, memory, limit, network, disk, tasks;
/// then the live view. [`rows`] reads their answers by place.
pub(crate) fn questions(ask: &Ask<'_>) -> Vec<Request> {
    let series = |metric: &str| format!("{metric}{}", ask.only_containers("name!=\"\""));
    let pace = |metric: &str| per_second_now(&series(metric));
    let sum = |of: &str| format!("sum by (id,name,instance) ({of})");
    let both = |a: &str, b: &str| format!("{} + {}", sum(&pace(a)), sum(&pace(b)));
    vec![
        ask.instant(format!(
            "sum by ({BY}) ({})",
            pace("container_cpu_usage_seconds_total")
        )),
        ask.instant(format!(
            "{} / {}",
            sum(&pace("container_cpu_cfs_throttled_periods_total")),
            sum(&pace("container_cpu_cfs_periods_total"))
        )),
        ask.instant(format!(
            "sum by ({BY}) ({})",
            series("container_memory_working_set_bytes")
        )),
        ask.instant(sum(&format!(
            "{} > 0",
            series("container_spec_memory_limit_bytes")
        ))),
        ask.instant(both(
            "container_network_receive_bytes_total",
            "container_network_transmit_bytes_total",
        )),
        ask.instant(both(
            "container_fs_reads_bytes_total",
            "container_fs_writes_bytes_total",
        )),
        ask.instant(sum(&series("container_threads"))),
        ask.view(ViewName::Containers),
    ]
}

/// Questions of the list.
pub(crate) const PARTS: usize = 8;

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let mut all = questions(ask);
    let cpu = ask.per_second(&format!(
        "container_cpu_usage_seconds_total{}",
        ask.only_containers("name!=\"\"")
    ));
    all.push(ask.range(format!("sum by (name) ({cpu})")));
    all
}

/// One container as the panel and the tab show it.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    /// The label `id` of its series; empty where it has none.
    pub(crate) id: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) name: &'a str,
    pub(crate) image: &'a str,
    pub(crate) project: &'a str,
    pub(crate) service: &'a str,
    /// Cores.
    pub(crate) cpu: Option<f64>,
    /// Share of enforcement periods in which it was held back.
    pub(crate) throttled: Option<f64>,
    pub(crate) memory: Option<f64>,
    pub(crate) limit: Option<f64>,
    /// Bytes per second, both ways.
    pub(crate) network: Option<f64>,
    pub(crate) disk: Option<f64>,
    pub(crate) tasks: Option<f64>,
    /// What the local engine knows beside the series.
    pub(crate) found: Option<&'a ContainerRow>,
}

impl Row<'_> {
    /// Memory against the limit.
    pub(crate) fn share(&self) -> Option<f64> {
        Some(self.memory? / self.limit.filter(|l| *l > 0.0)?)
    }

    /// The service in its project, else the name.
    pub(crate) fn title(&self) -> &str {
        if self.service.is_empty() {
            self.name
        } else {
            self.service
        }
    }

    /// 0 is well; the higher, the sooner a person should look.
    pub(crate) fn trouble(&self) -> u8 {
        let Some(found) = self.found else { return 0 };
        match (found.state.as_str(), found.health.as_str()) {
            ("restarting" | "dead", _) | (_, "unhealthy") => 3,
            ("exited", _) if found.oom_killed || found.exit_code.is_some_and(|c| c != 0) => 2,
            ("paused", _) => 1,
            _ => 0,
        }
    }

    /// Running now: it has numbers, or the engine says so.
    pub(crate) fn runs(&self) -> bool {
        self.found
            .map_or(self.memory.is_some() || self.cpu.is_some(), |f| {
                matches!(f.state.as_str(), "running" | "paused" | "restarting")
            })
    }
}

/// The live view behind the list.
pub(crate) fn live<'a>(shown: &Shown<'a>) -> Option<&'a ContainerView> {
    match shown.live_view(PARTS - 1) {
        Some(View::Containers(view)) => Some(view),
        _ => None,
    }
}

/// All containers, in no order. The first questions must be those of [`questions`].
pub(crate) fn rows<'a>(shown: &Shown<'a>) -> Vec<Row<'a>> {
    let found: &[ContainerRow] = match live(shown) {
        Some(view) if shown.ask.local => &view.rows,
        _ => &[],
    };
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut places: std::collections::HashMap<(&str, &str), usize> =
        std::collections::HashMap::new();
    for container in found {
        places.insert((container.cgroup.as_str(), ""), rows.len());
        rows.push(Row {
            instance: shown.ask.containers.unwrap_or_default(),
            ..Row::of(container)
        });
    }
    for part in 0..PARTS - 1 {
        for point in shown.vector(part) {
            let of = |name: &str| point.labels.get(name);
            let (id, instance) = (of("id"), of("instance"));
            let own = places.get(&(id, "")).filter(|_| !id.is_empty());
            let at = match own.or_else(|| places.get(&(id, instance))) {
                Some(at) => *at,
                // What is no container's total, or of one that is gone, has no row of its own.
                None if part != 0 && part != 2 => continue,
                None => {
                    places.insert((id, instance), rows.len());
                    rows.push(Row {
                        id,
                        instance,
                        name: of("name"),
                        image: of("image"),
                        project: of("container_label_com_docker_compose_project"),
                        service: of("container_label_com_docker_compose_service"),
                        ..Row::empty()
                    });
                    rows.len() - 1
                }
            };
            let row = &mut rows[at];
            let place = match part {
                0 => &mut row.cpu,
                1 => &mut row.throttled,
                2 => &mut row.memory,
                3 => &mut row.limit,
                4 => &mut row.network,
                5 => &mut row.disk,
                _ => &mut row.tasks,
            };
            // While a name is new the old one's last sample may stand beside it.
            *place = Some(place.map_or(point.sample.v, |v| v.max(point.sample.v)));
        }
    }
    rows
}

impl<'a> Row<'a> {
    /// One without numbers, as the engine tells of it.
    pub(crate) fn of(container: &'a ContainerRow) -> Self {
        Self {
            id: &container.cgroup,
            name: &container.name,
            image: &container.image,
            project: &container.project,
            service: &container.service,
            found: Some(container),
            ..Self::empty()
        }
    }

    const fn empty() -> Self {
        Self {
            id: "",
            instance: "",
            name: "",
            image: "",
            project: "",
            service: "",
            cpu: None,
            throttled: None,
            memory: None,
            limit: None,
            network: None,
            disk: None,
            tasks: None,
            found: None,
        }
    }
}

fn headline(shown: &Shown<'_>) -> Headline {
    let rows = rows(shown);
    let running = rows.iter().filter(|r| r.runs()).count();
    let unwell = rows.iter().filter(|r| r.trouble() >= 2).count();
    match unwell {
        0 => Headline::plain(format!("{running} running")),
        n => Headline::at(format!("{running} running, {n} not well"), 1.0, 0.0, 2.0),
    }
}

const COLUMNS: &[Column] = &[
    Column::left("NAME", 14, 0).growing(),
    Column::right("CPU", 7, 0),
    Column::right("MEMORY", 9, 0),
    Column::right("OF", 9, 2),
    Column::left("", 8, 3),
    Column::left("STATE", 12, 1),
];

/// The order of the panel: the unwell, then the greediest.
fn ranked<'a>(shown: &Shown<'a>) -> Vec<Row<'a>> {
    let mut rows = rows(shown);
    rows.sort_by(|a, b| {
        let cpu = |r: &Row<'_>| r.cpu.unwrap_or(-1.0);
        b.trouble()
            .cmp(&a.trouble())
            .then(cpu(b).total_cmp(&cpu(a)))
            .then_with(|| a.name.cmp(b.name))
    });
    rows
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    let rows = ranked(shown);
    if rows.is_empty() {
        let (why, way) = why_none(shown);
        return plot::empty(shown, PARTS, &why, &way, Place { area, buf, look });
    }
    let tabled = if shown.zoomed {
        (rows.len() as u16 + 1).min(area.height / 2)
    } else {
        area.height
    };
    let above = area.height - tabled;
    if above > 3 {
        let marks = shown.state.marks();
        let mut chart = plot::chart(shown, &marks, Unit::Ratio);
        chart.curves = plot::by_label(shown.matrix(PARTS), look, "name");
        let place = Rect {
            height: above,
            ..area
        };
        chart.paint(buf, place, look);
    }
    let below = Rect {
        y: area.y + above,
        height: tabled,
        ..area
    };
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: below.height >= 4,
    };
    table.paint(buf, below, look, |row, column| {
        let row = &rows[row];
        match column {
            0 => Entry::new(crate::base::text::display(row.name), look.text),
            1 => cpu(row, look),
            2 => memory(row, look),
            3 => limit(row, look),
            4 => {
                let share = row.share().unwrap_or(0.0);
                let bar = row.share().map(|s| gauge::text(s, 8, look));
                Entry::new(bar.unwrap_or_default(), look.level(share, 0.8, 0.95))
            }
            _ => state(row, look),
        }
    });
}

/// Why there is no container, and what to do.
pub(crate) fn why_none(shown: &Shown<'_>) -> (String, String) {
    let problem = live(shown).and_then(|v| v.problems.first());
    if let Some(problem) = problem.filter(|_| shown.ask.local) {
        return (
            format!("No container was seen: {}.", problem.why),
            problem.way_out.clone(),
        );
    }
    let why = format!("No container of {} was seen.", shown.whose());
    let way =
        "One that is started here shows up by itself; those of others by scraping their cAdvisor.";
    (why, way.to_owned())
}

pub(crate) fn cpu(row: &Row<'_>, look: &Look) -> Entry<'static> {
    let text = row
        .cpu
        .map_or_else(|| "-".to_owned(), |v| Unit::Ratio.show(v));
    let style = if row.cpu.is_some() {
        look.text
    } else {
        look.faint
    };
    Entry::new(text, style)
}

pub(crate) fn memory(row: &Row<'_>, look: &Look) -> Entry<'static> {
    let text = row
        .memory
        .map_or_else(|| "-".to_owned(), |v| Unit::Bytes.show(v));
    Entry::new(text, look.level(row.share().unwrap_or(0.0), 0.8, 0.95))
}

pub(crate) fn limit(row: &Row<'_>, look: &Look) -> Entry<'static> {
    Entry::new(
        row.limit.map(|v| Unit::Bytes.show(v)).unwrap_or_default(),
        look.dim,
    )
}

/// `running`, `unhealthy`, `exited 137`, `out of memory`.
pub(crate) fn state(row: &Row<'_>, look: &Look) -> Entry<'static> {
    let Some(found) = row.found else {
        return Entry::new("", look.dim);
    };
    let words = match (found.state.as_str(), found.health.as_str(), found.exit_code) {
        ("exited", ..) if found.oom_killed => "out of memory".to_owned(),
        ("exited", _, Some(code)) => format!("exited {code}"),
        ("running", "", _) => "running".to_owned(),
        ("running", health, _) => health.to_owned(),
        (state, ..) => state.to_owned(),
    };
    let style = match row.trouble() {
        3 => look.bad,
        1 | 2 => look.warn,
        _ if found.state == "running" => look.good,
        _ => look.dim,
    };
    Entry::new(crate::base::text::display(&words).into_owned(), style)
}
