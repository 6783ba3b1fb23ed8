//! A made-up server with a quiet night, a busy noon and Hangul in its processes: answers to every
//! question that panels ask, always the same.

use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Series, Value, VectorPoint};
use bongsu::model::labels::Labels;
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{
    AlertsView, Health, Machine, Mark, MarkKind, ProcessRow, ProcessView, Status, TargetRow, View,
};
use bongsu::source::api::SourceError;

/// 2026-11-21 12:00:00 in Seoul.
pub(crate) const NOW: i64 = 1_795_230_000_000;
const GIB: f64 = 1073741824.0;

#[expect(clippy::unnecessary_wraps, reason = "the shape of a source's answers")]
pub(crate) fn answer(request: &Request) -> Result<Answer, SourceError> {
    Ok(match request {
        Request::Prom(query) => Answer::Prom(PromAnswer {
            value: value(query),
            notes: Notes::default(),
            cost: Cost::default(),
        }),
        Request::Status => Answer::Status(Box::new(Status {
            version: "0.1.0".into(),
            mode: "serve".into(),
            now: NOW,
            ready: true,
            instances: vec!["web1".into(), "db1".into()],
            machine: machine(),
            ..Status::default()
        })),
        Request::View { view, .. } => Answer::View(live_view(*view)),
        Request::Processes { .. } => Answer::View(live_view(ViewName::Processes)),
        _ => Answer::Names(vec![], Notes::default()),
    })
}

fn machine() -> Machine {
    Machine {
        host: "web1".into(),
        os: "Debian GNU/Linux 13".into(),
        kernel: "6.12.0".into(),
        cpu_model: "AMD EPYC 7402P".into(),
        cores: 8,
        memory: 31 << 30,
        booted_at: NOW - 90_000_000,
        utc_offset: 9 * 3600,
    }
}

/// Between 0 and 1, with the period in minutes.
fn wave(t: i64, minutes: f64) -> f64 {
    let phase = (t as f64 / 60_000.0 / minutes) % 1.0;
    0.5 + 0.5 * (phase * std::f64::consts::TAU).sin()
}

type Row = (Vec<(&'static str, String)>, fn(i64, f64) -> f64, f64);

fn row(labels: &[(&'static str, &str)], f: fn(i64, f64) -> f64, n: f64) -> Row {
    let owned = labels.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    (owned, f, n)
}

fn value(query: &PromQuery) -> Value {
    let make = |labels: &[(&'static str, String)]| {
        Labels::from_pairs(labels.iter().map(|(k, v)| (*k, v.clone())))
    };
    let rows = rows(&query.expr);
    if query.instant {
        let t = query.steps.start;
        let point = |(labels, f, n): Row| VectorPoint {
            labels: make(&labels),
            sample: Sample { t, v: f(t, n) },
        };
        return Value::Vector(rows.into_iter().map(point).collect());
    }
    let series = |(labels, f, n): Row| Series {
        labels: make(&labels),
        samples: query
            .steps
            .iter()
            .map(|t| Sample { t, v: f(t, n) })
            .collect(),
    };
    Value::Matrix(rows.into_iter().map(series).collect())
}

fn rows(expr: &str) -> Vec<Row> {
    let has = |word: &str| expr.contains(word);
    match expr {
        _ if has("wrong_metric") => vec![],
        _ if has("node_cpu_scaling") => vec![],
        _ if has("node_cpu_seconds_total") => cpu_rows(expr),
        _ if has("node_memory_") => memory_rows(expr),
        _ if has("node_load") && has("__name__") => [("1", 2.31), ("5", 1.98), ("15", 1.75)]
            .map(|(n, v)| row(&[("__name__", &format!("node_load{n}"))], |_, v| v, v))
            .into(),
        _ if has("node_load1") => {
            vec![row(&[("instance", "web1")], |t, _| 1.0 + wave(t, 7.0), 0.0)]
        }
        _ if has("pressure_cpu") => vec![row(&[], |t, _| 0.2 * wave(t, 9.0), 0.0)],
        _ if has("pressure_memory") => vec![row(&[], |_, _| 0.0, 0.0)],
        _ if has("pressure_io") => vec![row(&[], |t, _| 0.07 * wave(t, 3.0), 0.0)],
        _ if has("node_disk_") => disk_rows(expr),
        _ if has("node_network_") => network_rows(expr),
        _ if has("node_filesystem_") => filesystem_rows(expr),
        _ if has("node_hwmon_temp_celsius") => vec![
            row(&[("chip", "k10temp"), ("sensor", "temp1")], |_, v| v, 61.5),
            row(&[("chip", "nvme"), ("sensor", "temp1")], |_, v| v, 38.9),
        ],
        _ if has("node_hwmon_temp_crit") => {
            vec![row(
                &[("chip", "nvme"), ("sensor", "temp1")],
                |_, v| v,
                84.8,
            )]
        }
        _ => vec![],
    }
}

fn cpu_rows(expr: &str) -> Vec<Row> {
    if expr.contains("count") {
        return vec![row(&[], |_, _| 8.0, 0.0)];
    }
    if expr.contains("by (mode)") {
        let of = |mode, f, n| row(&[("mode", mode)], f, n);
        return vec![
            of("iowait", |t, _| 0.03 * wave(t, 4.0), 0.0),
            of("nice", |_, _| 0.0, 0.0),
            of("softirq", |_, _| 0.001, 0.0),
            of("system", |t, _| 0.04 + 0.05 * wave(t, 13.0), 0.0),
            of(
                "user",
                |t, _| 0.12 + 0.2 * wave(t, 17.0) + 0.1 * wave(t, 2.1),
                0.0,
            ),
        ];
    }
    if expr.contains("by (instance)") {
        let of = |name, n| row(&[("instance", name)], |t, n| n * wave(t, 11.0), n);
        return vec![of("web1", 0.3), of("db1", 0.9)];
    }
    let core = |n: u32| {
        let labels = [("instance", "web1"), ("cpu", &n.to_string() as &str)];
        row(
            &labels,
            |t, n| (0.1 + 0.9 * wave(t, 3.0 + n) * (n / 8.0)).min(1.0),
            f64::from(n),
        )
    };
    (0..8).map(core).collect()
}

fn memory_rows(expr: &str) -> Vec<Row> {
    if expr.contains("__name__") {
        let of = |name: &str, gib: f64| {
            row(
                &[("__name__", &format!("node_memory_{name}_bytes"))],
                |_, v| v,
                gib * GIB,
            )
        };
        return vec![
            of("MemTotal", 31.3),
            of("MemAvailable", 17.9),
            of("MemFree", 2.2),
            of("AnonPages", 11.8),
            of("Cached", 14.9),
            of("Buffers", 0.4),
            of("SReclaimable", 1.1),
            of("SwapTotal", 2.0),
            of("SwapFree", 1.7),
        ];
    }
    if expr.contains("1 - ") {
        let of = |name, n| row(&[("instance", name)], |_, n| n, n);
        return vec![of("web1", 0.43), of("db1", 0.88)];
    }
    if expr.contains("MemTotal") {
        return vec![row(&[], |t, _| (12.5 + 1.5 * wave(t, 15.0)) * GIB, 0.0)];
    }
    vec![row(&[], |t, _| (15.0 + wave(t, 40.0)) * GIB, 0.0)]
}

fn disk_rows(expr: &str) -> Vec<Row> {
    let f: fn(i64, f64) -> f64 = match expr {
        e if e.contains("io_time") => |t, n| n * wave(t, 3.0) * 0.6,
        e if e.contains("read_bytes") => |t, n| n * 3e6 * wave(t, 6.0),
        e if e.contains("written_bytes") => |t, n| n * 9e6 * wave(t, 4.0).powi(4),
        e if e.contains("read_time") => |_, n| n * 0.004,
        e if e.contains("write_time") => |_, n| n * 0.2,
        _ => |t, n| n * 120.0 * wave(t, 5.0),
    };
    if expr.contains("device)") || !expr.contains("sum") {
        let of = |device, n| row(&[("instance", "web1"), ("device", device)], f, n);
        return vec![of("nvme0n1", 1.0), of("sda", 0.2)];
    }
    vec![row(&[], f, 1.2)]
}

fn network_rows(expr: &str) -> Vec<Row> {
    let f: fn(i64, f64) -> f64 = match expr {
        e if e.contains("errs") => |_, _| 0.0,
        e if e.contains("drop") => |_, n| if n > 0.9 { 0.5 } else { 0.0 },
        e if e.contains("receive") => |t, n| n * (1.5e6 + 4e6 * wave(t, 8.0)),
        e if e.contains("network_up") => |_, _| 1.0,
        e if e.contains("speed") => |_, _| 1.25e8,
        _ => |t, n| n * (0.4e6 + 1e6 * wave(t, 5.0)),
    };
    if expr.contains("device)") || !expr.contains("sum") {
        let of = |device, n| row(&[("instance", "web1"), ("device", device)], f, n);
        return vec![of("eth0", 1.0), of("eth1", 0.1)];
    }
    vec![row(&[], f, 8.0)]
}

fn filesystem_rows(expr: &str) -> Vec<Row> {
    // mount, device, type, GiB, used, GiB a day
    let all = [
        ("/", "/dev/nvme0n1p2", "ext4", 98.0, 0.62, 0.0),
        (
            "/var/lib/docker",
            "/dev/nvme0n1p3",
            "xfs",
            400.0,
            0.81,
            14.0,
        ),
        ("/boot/efi", "/dev/nvme0n1p1", "vfat", 0.5, 0.02, 0.0),
        ("/srv/백업", "/dev/sda1", "ext4", 3700.0, 0.968, 3.0),
    ];
    let of = |(mount, device, kind, size, used, pace): (&str, &str, &str, f64, f64, f64)| {
        let labels = [
            ("instance", "web1"),
            ("mountpoint", mount),
            ("device", device),
            ("fstype", kind),
        ];
        let v = match expr {
            e if e.contains("deriv") => -pace * GIB / 86_400.0,
            e if e.contains("files") && e.contains("1 - ") => used / 4.0,
            e if e.contains("size") => size * GIB,
            e if e.contains("readonly") => 0.0,
            _ => size * GIB * (1.0 - used),
        };
        row(&labels, |_, v| v, v)
    };
    all.into_iter().map(of).collect()
}

fn live_view(view: ViewName) -> View {
    match view {
        ViewName::SavedQueries => View::SavedQueries(vec![]),
        ViewName::Machine => View::Machine(machine()),
        ViewName::Jvms => View::Jvms(vec![]),
        ViewName::Senders => View::Senders(vec![]),
        ViewName::JvmReports => View::JvmReports(vec![]),
        ViewName::Containers => View::Containers(bongsu::model::view::ContainerView::default()),
        ViewName::ContainerFacts(_)
        | ViewName::ContainerOutput(_)
        | ViewName::ContainerProcesses(_) => View::Nothing {
            why: "nothing was recorded".into(),
        },
        ViewName::Processes => View::Processes(processes()),
        ViewName::Targets => View::Targets(targets()),
        ViewName::Marks => View::Marks(vec![
            Mark {
                t: NOW - 1_300_000,
                until: NOW - 1_000_000,
                kind: MarkKind::Gap,
                text: "not collected".into(),
            },
            Mark {
                t: NOW - 400_000,
                until: NOW - 400_000,
                kind: MarkKind::Event,
                text: "배포 v2.1".into(),
            },
        ]),
        ViewName::Blind => View::Blind(vec![]),
        ViewName::Queries => View::Queries(vec![]),
        ViewName::Greeting => View::Greeting { first: false },
        ViewName::Alerts => View::Alerts(AlertsView::default()),
        ViewName::Rules
        | ViewName::Receivers
        | ViewName::Silences
        | ViewName::Routing
        | ViewName::AlertStory(_)
        | ViewName::JvmReport
        | ViewName::Storage => View::Nothing {
            why: "nothing was recorded".into(),
        },
    }
}

fn processes() -> ProcessView {
    let names = [
        (
            "java",
            "java -Xmx4g -jar /srv/주문서비스/order.jar",
            "order",
            0.83,
            4.1,
        ),
        (
            "postgres",
            "postgres: writer process 데이터베이스",
            "postgres",
            0.31,
            1.9,
        ),
        ("nginx", "nginx: worker process", "www-data", 0.042, 0.06),
        ("한글프로그램", "", "kim", 0.02, 0.3),
        ("sshd", "sshd: kim@pts/0", "root", 0.0, 0.01),
        ("node", "node server.js", "web", 0.11, 0.7),
        ("kworker/0:1", "", "root", 0.001, 0.0),
        ("systemd", "/sbin/init", "root", 0.0, 0.012),
    ];
    let one = |i: usize| {
        let (name, command, user, cpu, gib) = names[i % names.len()];
        let again = (i / names.len()) as f64;
        ProcessRow {
            pid: if i == 7 { 1 } else { 100 + i as i32 * 37 },
            parent: i32::from(i != 7),
            started: i as u64,
            user: user.into(),
            name: name.into(),
            command: command.into(),
            state: if i == 0 { 'R' } else { 'S' },
            cpu: Some(cpu / (1.0 + again * 3.0)),
            rss: (gib * GIB / (1.0 + again)) as u64,
            threads: 1 + i as u32 % 40,
            read_rate: i.is_multiple_of(3).then_some(i as f64 * 1000.0),
            write_rate: i.is_multiple_of(3).then_some(i as f64 * 30.0),
            cgroup: format!("{name}.service"),
        }
    };
    ProcessView {
        taken_at: NOW,
        complete: true,
        rows: (0..120).map(one).collect(),
    }
}

fn targets() -> Vec<TargetRow> {
    let target = |job: &str, instance: &str, health, error: &str| TargetRow {
        job: job.into(),
        instance: instance.into(),
        health,
        last_scrape: NOW - 3_000,
        duration_ms: 12.4,
        error: error.into(),
        ..TargetRow::default()
    };
    vec![
        target("node", "web1", Health::BuiltIn, ""),
        target("spring", "order:8080", Health::Up, ""),
        target(
            "redis",
            "cache:9121",
            Health::Down,
            "connection refused (cache:9121)",
        ),
    ]
}
