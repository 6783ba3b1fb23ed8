//! Screens of the Containers tab: projects, states, charts of the chosen one, and why nothing is
//! there.

use crate::tui::fake_source::{self, NOW};
use crate::tui::screens::options;
use crate::tui::{click_on, golden};
use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Series, Value, VectorPoint};
use bongsu::model::labels::Labels;
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{
    BlindSpot, ContainerFacts, ContainerOutput, ContainerRow, ContainerView, FactSection, JvmRow,
    OutputLine, ProcessRow, ProcessView, View,
};
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;

const MIB: f64 = 1048576.0;
/// Name, project, service, state, health, exit code, restarts, memory and limit in MiB, cores.
type Told = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<i64>,
    u64,
    f64,
    f64,
    f64,
);
const TOLD: &[Told] = &[
    (
        "shop-web-1",
        "shop",
        "web",
        "running",
        "healthy",
        None,
        0,
        96.0,
        128.0,
        0.12,
    ),
    (
        "shop-web-2",
        "shop",
        "web",
        "running",
        "unhealthy",
        None,
        2,
        124.0,
        128.0,
        0.48,
    ),
    (
        "shop-결제-1",
        "shop",
        "결제",
        "running",
        "",
        None,
        0,
        410.0,
        0.0,
        1.31,
    ),
    (
        "shop-batch-1",
        "shop",
        "batch",
        "exited",
        "",
        Some(137),
        4,
        0.0,
        0.0,
        0.0,
    ),
    (
        "infra-redis-1",
        "infra",
        "redis",
        "paused",
        "",
        None,
        0,
        12.0,
        64.0,
        0.0,
    ),
    ("scratch", "", "", "running", "", None, 0, 3.0, 0.0, 0.01),
];

fn id(n: usize) -> String {
    format!("/docker/{}", format!("{n}a").repeat(32))
}

fn view() -> ContainerView {
    let row = |(n, told): (usize, &Told)| {
        let (name, project, service, state, health, exit_code, restarts, ..) = *told;
        ContainerRow {
            id: format!("{n}a").repeat(32),
            name: name.into(),
            image: format!(
                "registry.example.com/{}:1.4",
                if service.is_empty() { name } else { service }
            ),
            project: project.into(),
            service: service.into(),
            state: state.into(),
            health: health.into(),
            started: NOW - 7_300_000,
            exit_code,
            oom_killed: exit_code == Some(137),
            restarts,
            engine: "docker".into(),
            address: "unix:///var/run/docker.sock".into(),
            cgroup: if state == "exited" {
                String::new()
            } else {
                id(n)
            },
            ..ContainerRow::default()
        }
    };
    ContainerView {
        rows: TOLD.iter().enumerate().map(row).collect(),
        engines: vec!["Docker 28.0.1".into()],
        problems: vec![],
    }
}

fn answer(request: &Request) -> Result<Answer, SourceError> {
    match request {
        Request::Prom(query) => Ok(Answer::Prom(prom(query))),
        Request::View {
            view: ViewName::Containers,
            ..
        } => Ok(Answer::View(View::Containers(view()))),
        Request::View {
            view: ViewName::ContainerOutput(_),
            ..
        } => Ok(Answer::View(View::ContainerOutput(output()))),
        Request::View {
            view: ViewName::ContainerFacts(_),
            ..
        } => Ok(Answer::View(View::ContainerFacts(facts()))),
        Request::View {
            view: ViewName::ContainerProcesses(_),
            ..
        } => Ok(Answer::View(View::Processes(inside()))),
        other => fake_source::answer(other),
    }
}

fn output() -> ContainerOutput {
    let line = |n: i64| OutputLine {
        t: NOW - 60_000 + n * 1_000,
        stderr: n % 7 == 3,
        text: if n == 58 {
            "\u{1b}[31mred\u{1b}[0m\tfrom 한글".into()
        } else {
            format!("level=info msg=\"request {n}\" took=12ms")
        },
    };
    ContainerOutput {
        stored: false,
        lines: (0..60).map(line).collect(),
        why: String::new(),
    }
}

fn facts() -> ContainerFacts {
    let section = |title: &str, lines: &[(&str, &str)]| FactSection {
        title: title.into(),
        lines: lines
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect(),
    };
    ContainerFacts {
        taken_at: NOW,
        sections: vec![
            section(
                "What it is",
                &[
                    ("image", "redis:7"),
                    ("command", "redis-server --requirepass (hidden)"),
                ],
            ),
            section("Ports", &[("6379/tcp", "0.0.0.0:16379")]),
            section(
                "Environment, secrets hidden",
                &[("MODE", "dev"), ("DB_PASSWORD", "(hidden)")],
            ),
        ],
        why: String::new(),
    }
}

fn inside() -> ProcessView {
    let row = |pid, name: &str, cpu| ProcessRow {
        pid,
        name: name.into(),
        command: format!("/usr/bin/{name} --serve"),
        user: "redis".into(),
        state: 'S',
        cpu: Some(cpu),
        rss: 12 << 20,
        threads: 4,
        ..ProcessRow::default()
    };
    ProcessView {
        taken_at: NOW,
        complete: true,
        rows: vec![row(4242, "redis-server", 0.12), row(4243, "sh", 0.0)],
    }
}

/// One number for each container that runs; charts of two curves.
fn prom(query: &PromQuery) -> PromAnswer {
    let expr = query.expr.as_str();
    let value = if query.instant {
        let point = |(n, told): (usize, &Told)| {
            let (name, .., memory, limit, cpu) = *told;
            let v = match expr {
                e if e.contains("cfs_throttled") => (name == "shop-web-2").then_some(0.31)?,
                e if e.contains("cpu_usage") => cpu,
                e if e.contains("memory_limit") => (limit > 0.0).then_some(limit * MIB)?,
                e if e.contains("working_set") => memory * MIB,
                e if e.contains("network") => 2048.0 * cpu,
                e if e.contains("container_fs") => 100_000.0 * cpu,
                _ => 4.0,
            };
            let labels = [
                ("id", id(n)),
                ("name", name.to_owned()),
                ("instance", "web1".to_owned()),
            ];
            (memory > 0.0).then(|| VectorPoint {
                labels: Labels::from_pairs(labels),
                sample: Sample { t: NOW, v },
            })
        };
        Value::Vector(TOLD.iter().enumerate().filter_map(point).collect())
    } else {
        let series = |name: &str, from: f64| Series {
            labels: Labels::from_pairs([("curve", name), ("name", name)]),
            samples: query
                .steps
                .iter()
                .map(|t| Sample {
                    t,
                    v: from * (1.0 + (t / 10_000 % 30) as f64 / 30.0),
                })
                .collect(),
        };
        let unit = if expr.contains("cpu") { 0.002 } else { MIB };
        Value::Matrix(vec![
            series("first", 30.0 * unit),
            series("second", 70.0 * unit),
        ])
    };
    PromAnswer {
        value,
        notes: Notes::default(),
        cost: Cost::default(),
    }
}

fn open(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options(), NOW, width, height);
    bench.press("3").answer(&mut answer);
    bench.wait(2_000).answer(&mut answer);
    bench
}

#[test]
fn the_list_and_the_charts_at_every_size() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        golden(
            &format!("containers-{width}x{height}"),
            &open(width, height).screen(),
        );
    }
}

#[test]
fn heads_of_projects_are_stepped_over() {
    let mut bench = open(120, 40);
    let chosen = |bench: &Bench| {
        let screen = bench.screen();
        let line = screen
            .lines()
            .find(|l| l.contains("CPU, of one core"))
            .unwrap()
            .to_owned();
        line.split_whitespace()
            .nth(5)
            .unwrap_or_default()
            .to_owned()
    };
    let mut seen = vec![chosen(&bench)];
    for _ in 0..6 {
        bench.press("j").answer(&mut answer);
        seen.push(chosen(&bench));
    }
    assert_eq!(
        seen,
        ["redis", "batch", "web", "web", "결제", "scratch", "scratch"]
    );
    bench.press("g").answer(&mut answer);
    assert_eq!(chosen(&bench), "redis");
}

/// Presses, and answers what that asks.
fn press(bench: &mut Bench, keys: &str) {
    for key in keys.split_whitespace() {
        bench.press(key).answer(&mut answer);
    }
}

#[test]
fn every_pane_of_the_chosen_one() {
    for (name, keys) in [
        ("logs", "Tab"),
        ("processes", "Tab Tab"),
        ("inspect", "Shift-Tab"),
    ] {
        let mut bench = open(120, 40);
        press(&mut bench, keys);
        golden(&format!("containers-{name}"), &bench.screen());
    }
}

#[test]
fn a_pane_takes_the_whole_screen_and_scrolls() {
    let mut bench = open(80, 24);
    press(&mut bench, "Tab Enter");
    assert!(bench.screen().contains("request 59"));
    press(&mut bench, "g");
    let screen = bench.screen();
    assert!(screen.contains("request 0") && !screen.contains("request 59"));
    press(&mut bench, "G");
    assert!(bench.screen().contains("request 59"));
    press(&mut bench, "Esc");
    assert!(bench.screen().contains("NAME"));
}

#[test]
fn what_can_be_done_stands_with_the_command_that_does_it() {
    let mut bench = open(120, 40);
    press(&mut bench, "j j .");
    golden("containers-actions", &bench.screen());
}

#[test]
fn sorted_and_filtered() {
    let mut bench = open(120, 40);
    bench.press("s").answer(&mut answer);
    bench.press("/").type_text("!batch").press("Enter");
    bench.answer(&mut answer);
    golden("containers-by-cpu", &bench.screen());
}

#[test]
fn a_socket_that_may_not_be_opened_says_what_would_allow_it() {
    let mut denied = |request: &Request| match request {
        Request::View {
            view: ViewName::Containers,
            ..
        } => Ok(Answer::View(View::Containers(ContainerView {
            problems: vec![BlindSpot {
                what: "names, states and logs of containers".into(),
                why: "unix:///var/run/docker.sock may not be opened by this user".into(),
                way_out:
                    "sudo usermod -aG docker $USER, then log in again; or run bongsu with sudo"
                        .into(),
            }],
            ..ContainerView::default()
        }))),
        Request::Prom(_) => Ok(Answer::Prom(PromAnswer {
            value: Value::Vector(vec![]),
            notes: Notes::default(),
            cost: Cost::default(),
        })),
        other => fake_source::answer(other),
    };
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.press("3").answer(&mut denied);
    bench.wait(2_000).answer(&mut denied);
    golden("containers-denied", &bench.screen());
}

#[test]
fn without_a_container_the_tab_says_what_to_do() {
    let mut bench = Bench::new(options(), NOW, 80, 24);
    let mut none = |request: &Request| match request {
        Request::Prom(_) => Ok(Answer::Prom(PromAnswer {
            value: Value::Vector(vec![]),
            notes: Notes::default(),
            cost: Cost::default(),
        })),
        other => fake_source::answer(other),
    };
    bench.press("3").answer(&mut none);
    golden(
        "containers-none",
        &bench.wait(2_000).answer(&mut none).screen(),
    );
}

/// The same, with a JVM in `redis`.
fn with_jvm(request: &Request) -> Result<Answer, SourceError> {
    let jvm = JvmRow {
        instance: "web1/pay".into(),
        application: "pay".into(),
        container: view()
            .rows
            .iter()
            .find(|r| r.name.contains("redis"))
            .unwrap()
            .id
            .clone(),
        container_name: "shop-redis-1".into(),
        ..JvmRow::default()
    };
    match request {
        Request::View {
            view: ViewName::Jvms,
            ..
        } => Ok(Answer::View(View::Jvms(vec![jvm]))),
        other => answer(other),
    }
}

#[test]
fn a_container_leads_to_its_lines_and_back() {
    let mut bench = open(120, 40);
    press(&mut bench, "L");
    let screen = bench.screen();
    assert!(
        screen.contains("{container=\"") && screen.contains("redis"),
        "{screen}"
    );
    press(&mut bench, "L");
    assert!(
        bench.screen().contains("CPU, of one core"),
        "{}",
        bench.screen()
    );
}

#[test]
fn a_container_and_the_jvm_in_it_lead_to_each_other() {
    let mut bench = open(120, 40);
    press(&mut bench, "o");
    assert!(
        bench.screen().contains("no JVM was seen"),
        "{}",
        bench.screen()
    );
    let mut step = |keys: &str| {
        for key in keys.split_whitespace() {
            bench.press(key).answer(&mut with_jvm);
        }
        bench.wait(2_000).answer(&mut with_jvm);
        bench.screen()
    };
    let screen = step("r o");
    assert!(
        screen.contains("web1/pay") && screen.contains("GC"),
        "{screen}"
    );
    // Its container's lines are its logs.
    let screen = step("L");
    assert!(screen.contains("{container=\"shop-redis-1\"}"), "{screen}");
    let screen = step("L o");
    assert!(
        screen.contains("CPU, of one core: ") || screen.contains("CPU, of one core"),
        "{screen}"
    );
    let screen = step("o O");
    assert!(
        screen.contains("resource.service.name = \"pay\""),
        "{screen}"
    );
}

#[test]
fn rewound_states_are_those_of_then() {
    let then = &mut |request: &Request| match request {
        Request::View {
            view: ViewName::Containers,
            at: Some(_),
        } => {
            let mut rows = view().rows;
            rows.truncate(1);
            rows[0].name = "long-gone".into();
            rows[0].service = String::new();
            Ok(Answer::View(View::Containers(ContainerView {
                rows,
                ..ContainerView::default()
            })))
        }
        other => answer(other),
    };
    let mut bench = open(120, 40);
    bench.press("[").answer(then);
    bench.wait(2_000).answer(then);
    assert!(bench.screen().contains("long-gone"), "{}", bench.screen());
    bench.press("0").answer(then);
    bench.wait(2_000).answer(then);
    assert!(!bench.screen().contains("long-gone"), "{}", bench.screen());
}

#[test]
fn the_mouse_chooses_a_container_and_no_head_of_a_project() {
    let mut bench = open(120, 40);
    click_on(&mut bench, "  결제");
    let done = bench.answer(&mut answer).press("y").done();
    assert!(done[0].contains("결제"), "{done:?}");
    click_on(&mut bench, "│shop ");
    assert_eq!(bench.answer(&mut answer).press("y").done(), done);
}
