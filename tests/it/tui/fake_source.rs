//! A backend of made-up, always equal answers.

use bongsu::model::action::{Action, Outcome};
use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Series, Value, VectorPoint};
use bongsu::model::labels::Labels;
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{BlindSpot, Machine, Mark, MarkKind, OwnCost, Status, StorageView, View};
use bongsu::source::api::{Reply, Source, SourceError};

/// 2026-11-21 12:00:00 in Seoul, a Saturday.
pub(crate) const NOW: i64 = 1_795_230_000_000;

pub(crate) struct FakeSource;

impl Source for FakeSource {
    fn ask(&self, request: Request) -> Reply<'_, Answer> {
        Box::pin(async move { answer(&request) })
    }

    fn act(&self, action: Action) -> Reply<'_, Outcome> {
        Box::pin(async move {
            Ok(Outcome::Done {
                said: format!("{action:?} was done"),
            })
        })
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
        version: "0.1.0".into(),
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
        storage: StorageView {
            disk_bytes: 3 << 30,
            ..StorageView::default()
        },
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
        _ => View::Nothing {
            why: "nothing was recorded".into(),
        },
    }
}
