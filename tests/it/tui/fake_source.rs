//! A backend of made-up, always equal answers.

pub(crate) mod spans;

use bongsu::model::action::{Action, Outcome};
use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Series, Value, VectorPoint};
use bongsu::model::labels::Labels;
use bongsu::model::query::{KeptQuery, Language};
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{
    AlertsView, BlindSpot, BlockRow, Health, LogStorage, Machine, Mark, MarkKind, OwnCost,
    SavedQuery, SenderRow, Status, StorageView, TargetRow, View,
};
use bongsu::source::api::{Reply, Source, SourceError};

/// 2026-11-21 12:00:00 in Seoul, a Saturday.
pub(crate) const NOW: i64 = 1_795_230_000_000;

pub(crate) struct FakeSource;

impl Source for FakeSource {
    fn ask(&self, request: Request) -> Reply<'_, Answer> {
        Box::pin(async move { answer(&request) })
    }

    fn act(&self, action: Action) -> Reply<'_, Outcome> {
        Box::pin(async move { Ok(outcome(&action)) })
    }
}

/// What came of any order.
pub(crate) fn outcome(action: &Action) -> Outcome {
    match action {
        Action::TryTarget { url } => Outcome::Preview {
            lines: vec![
                format!("{url} answered in 3 ms: 2 series"),
                "up 1".into(),
                "queue_length{name=\"대기열\"} 7".into(),
            ],
        },
        other => Outcome::Done {
            said: format!("{other:?} was done"),
        },
    }
}

/// The answer to any question.
pub(crate) fn answer(request: &Request) -> Result<Answer, SourceError> {
    Ok(match request {
        Request::Prom(query) if query.expr.contains("wrong(") => {
            return Err(SourceError::BadRequest {
                said: "unknown function \"wrong\"; did you mean round?".into(),
                at: Some((0, 5)),
            });
        }
        Request::Prom(query) => Answer::Prom(prom(query)),
        Request::Status => Answer::Status(Box::new(status())),
        Request::View { view, .. } => Answer::View(live_view(*view)),
        Request::Processes { .. } => Answer::View(live_view(ViewName::Processes)),
        Request::Series { .. } => Answer::Series(vec![], Notes::default()),
        Request::LabelNames { .. } => names(&["__name__", "instance", "job"]),
        Request::LabelValues { name, .. } if name == "__name__" => names(&[
            "node_cpu_seconds_total",
            "node_load1",
            "node_memory_MemAvailable_bytes",
            "node_memory_MemTotal_bytes",
            "up",
        ]),
        Request::LabelValues { .. } => names(&["web1", "웹2"]),
        Request::Metadata { .. } => Answer::Metadata(vec![]),
        Request::Exemplars { .. } => Answer::Exemplars(vec![], Notes::default()),
        Request::Logs(request) => Answer::Logs(crate::tui::fake_logs::reply(request)),
        Request::Spans(request) => spans::answer(request)?,
    })
}

fn names(list: &[&str]) -> Answer {
    let owned = list.iter().map(|n| (*n).to_owned()).collect();
    Answer::Names(owned, Notes::default())
}

/// Two series: a wave between 0 and 1, and a slower one.
fn prom(query: &PromQuery) -> PromAnswer {
    let wave = |t: i64, slow: i64| {
        let phase = (t / 1000 % (600 * slow)) as f64 / (600 * slow) as f64;
        0.5 + 0.4 * (phase * std::f64::consts::TAU).sin()
    };
    let labels = |n: i64| Labels::from_pairs([("instance", "web1"), ("n", &n.to_string())]);
    let value = if query.instant {
        let point = |n: i64| VectorPoint {
            labels: labels(n),
            sample: Sample {
                t: query.steps.start,
                v: wave(query.steps.start, n),
            },
        };
        Value::Vector(vec![point(1), point(2)])
    } else {
        let series = |n: i64| Series {
            labels: labels(n),
            samples: query
                .steps
                .iter()
                .map(|t| Sample { t, v: wave(t, n) })
                .collect(),
        };
        Value::Matrix(vec![series(1), series(2)])
    };
    PromAnswer {
        value,
        notes: Notes::default(),
        cost: Cost {
            series: 2,
            samples: 480,
            millis: 1.5,
        },
    }
}

fn machine() -> Machine {
    Machine {
        host: "web1".into(),
        os: "Debian GNU/Linux 13".into(),
        kernel: "6.12.0".into(),
        cpu_model: "A processor".into(),
        cores: 4,
        memory: 8 << 30,
        booted_at: NOW - 90_000_000,
        utc_offset: 9 * 3600,
    }
}

fn status() -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").into(),
        pid: 4242,
        mode: "serve".into(),
        now: NOW,
        started_at: NOW - 3_600_000,
        data_dir: "/var/lib/bongsu".into(),
        listen: "127.0.0.1:9470".into(),
        ready: true,
        instances: vec!["web1".into(), "웹2".into()],
        machine: machine(),
        own: OwnCost {
            rss: 21 << 20,
            cpu: 0.003,
            threads: 9,
            open_files: 31,
            budget: vec![],
        },
        storage: storage(),
        ..Status::default()
    }
}

fn live_view(view: ViewName) -> View {
    match view {
        ViewName::Machine => View::Machine(machine()),
        ViewName::Blind => View::Blind(vec![BlindSpot {
            what: "I/O of other users' processes".into(),
            why: "this engine runs as kim".into(),
            way_out: "sudo bongsu serve".into(),
        }]),
        ViewName::Marks => View::Marks(vec![Mark {
            t: NOW - 600_000,
            until: NOW - 540_000,
            kind: MarkKind::Gap,
            text: "bongsu was not running".into(),
        }]),
        ViewName::SavedQueries => View::SavedQueries(vec![SavedQuery {
            name: "slow".to_owned(),
            query: "level:warn\n/took \\d{4,}/".to_owned(),
        }]),
        ViewName::Targets => View::Targets(targets()),
        ViewName::Storage => View::Storage(Box::new(storage())),
        ViewName::Jvms => View::Jvms(vec![]),
        ViewName::JvmReports => View::JvmReports(vec![]),
        ViewName::Senders => View::Senders(senders()),
        ViewName::Containers => View::Containers(bongsu::model::view::ContainerView::default()),
        ViewName::ContainerFacts(_)
        | ViewName::ContainerOutput(_)
        | ViewName::ContainerProcesses(_) => View::Nothing {
            why: "nothing was recorded".into(),
        },
        ViewName::Queries => View::Queries(asked_before()),
        ViewName::Greeting => View::Greeting { first: false },
        ViewName::Alerts => View::Alerts(AlertsView::default()),
        ViewName::Rules
        | ViewName::Receivers
        | ViewName::Silences
        | ViewName::Routing
        | ViewName::AlertStory(_)
        | ViewName::JvmReport
        | ViewName::Processes => View::Nothing {
            why: "nothing was recorded".into(),
        },
    }
}

fn asked_before() -> Vec<KeptQuery> {
    let asked = |language, text: &str| KeptQuery {
        language,
        text: text.to_owned(),
    };
    vec![
        asked(Language::PromQl, "rate(errors_total[5m])"),
        asked(Language::PromQl, "up == 0"),
        asked(Language::LogQl, "timeout level:error"),
    ]
}

fn senders() -> Vec<SenderRow> {
    let row = |address: &str| SenderRow {
        kind: "remote write".into(),
        address: address.into(),
        agent: "Prometheus/2.42.0".into(),
        last_push: NOW - 3_000,
        last_good: NOW - 3_000,
        pushes: 1200,
        samples: 2_400_000,
        ..SenderRow::default()
    };
    vec![
        row("10.0.0.20"),
        SenderRow {
            refused: 3,
            error: "4 of 500 samples are older than what is stored already".into(),
            ..row("10.0.0.21")
        },
    ]
}

fn targets() -> Vec<TargetRow> {
    let row = |job: &str, instance: &str| TargetRow {
        job: job.into(),
        instance: instance.into(),
        url: format!("http://{instance}/metrics"),
        labels: Labels::from_pairs([("job", job), ("instance", instance)]),
        discovered: Labels::from_pairs([("__address__", instance), ("__scheme__", "http")]),
        last_scrape: NOW - 7_000,
        last_good: NOW - 7_000,
        duration_ms: 12.4,
        interval_ms: 15_000,
        samples: 1234,
        ..TargetRow::default()
    };
    vec![
        TargetRow {
            health: Health::BuiltIn,
            url: String::new(),
            remark: "this server, without an exporter".into(),
            ..row("node", "web1")
        },
        TargetRow {
            health: Health::Up,
            relabel_steps: vec![(
                "replace __address__ -> instance".into(),
                Labels::from_pairs([("__address__", "10.0.0.7:9121"), ("instance", "redis")]),
            )],
            ..row("redis", "10.0.0.7:9121")
        },
        TargetRow {
            health: Health::Down,
            last_good: 0,
            samples: 0,
            error: "connect to 10.0.0.9:8080: connection refused".into(),
            ..row("결제", "10.0.0.9:8080")
        },
        TargetRow {
            dropped: true,
            last_scrape: 0,
            ..row("redis", "10.0.0.8:9121")
        },
    ]
}

fn storage() -> StorageView {
    let block = |n: i64| BlockRow {
        name: format!("b-{n:04}"),
        min_t: NOW - (n + 1) * 7_200_000,
        max_t: NOW - n * 7_200_000,
        series: 3000,
        samples: 1_440_000,
        bytes: 1_100_000,
    };
    StorageView {
        path: "/var/lib/bongsu".into(),
        series: 3120,
        series_created: 3300,
        series_removed: 180,
        head_bytes: 3 << 20,
        head_samples: 740_000,
        head_min_t: NOW - 7_200_000,
        wal_bytes: 5 << 20,
        blocks: (1..4).map(block).collect(),
        disk_bytes: 12 << 20,
        free_bytes: 80 << 30,
        retention: "15d".into(),
        reaches_back_to: NOW - 4 * 7_200_000,
        by_metric: vec![("node_cpu_seconds_total".into(), 32), ("up".into(), 4)],
        by_label: vec![("instance".into(), 3120), ("cpu".into(), 64)],
        logs: LogStorage {
            streams: 14,
            blocks: 120,
            lines: 250_000,
            raw_bytes: 31 << 20,
            disk_bytes: 5 << 20,
            retention: "15 d".into(),
        },
        problems: vec!["block b-0001 is damaged at byte 4096: 200 samples are missing".into()],
    }
}
