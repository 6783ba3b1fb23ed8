//! `bongsu status`: how the engine is, and what it costs; without one, a reading of this server.

use crate::app::launch::Arguments;
use crate::app::once::{self, Health};
use crate::base::units::format_duration_ms;
use crate::cli::args::StatusFormat;
use crate::cli::print;
use crate::model::family::Family;
use crate::model::view::{QueueRow, QueueUnit, Status};
use std::process::ExitCode;

pub(crate) fn run(arguments: Arguments, format: StatusFormat) -> anyhow::Result<ExitCode> {
    let launch = arguments.prepare()?;
    let health = once::health(&launch)?;
    let text = match (&health, format) {
        (Health::Running(status), StatusFormat::Table) => table(status),
        (Health::Running(status), StatusFormat::Json) => {
            serde_json::to_string_pretty(status)? + "\n"
        }
        (Health::Alone(families), StatusFormat::Table) => alone(families),
        (Health::Alone(families), StatusFormat::Json) => {
            let readings: serde_json::Map<String, serde_json::Value> = READINGS
                .iter()
                .filter_map(|(name, _, _)| {
                    Some(((*name).to_owned(), value(families, name)?.into()))
                })
                .collect();
            let said = serde_json::json!({ "running": false, "start": START, "now": readings });
            serde_json::to_string_pretty(&said)? + "\n"
        }
    };
    print::out(&text);
    Ok(ExitCode::SUCCESS)
}

const START: &str = "bongsu serve";

/// What one reading says without an engine: family, words, unit.
const READINGS: &[(&str, &str, Unit)] = &[
    ("node_load1", "load over 1 minute", Unit::Plain),
    ("node_load5", "load over 5 minutes", Unit::Plain),
    ("node_memory_MemTotal_bytes", "memory", Unit::Bytes),
    (
        "node_memory_MemAvailable_bytes",
        "memory available",
        Unit::Bytes,
    ),
    ("node_memory_SwapTotal_bytes", "swap", Unit::Bytes),
    ("node_memory_SwapFree_bytes", "swap free", Unit::Bytes),
    ("node_procs_running", "processes running", Unit::Plain),
    ("node_procs_blocked", "processes blocked", Unit::Plain),
    ("node_filefd_allocated", "files open", Unit::Plain),
];

#[derive(Clone, Copy)]
enum Unit {
    Plain,
    Bytes,
}

fn value(families: &[Family], name: &str) -> Option<f64> {
    let family = families.iter().find(|f| f.name == name)?;
    Some(family.points.first()?.value)
}

fn alone(families: &[Family]) -> String {
    let mut out = String::from("no engine is running; this is one reading of this server\n\n");
    let mut rows = Vec::new();
    for (name, words, unit) in READINGS {
        if let Some(value) = value(families, name) {
            let shown = match unit {
                Unit::Plain => format!("{value}"),
                Unit::Bytes => bytes(value as u64),
            };
            rows.push(vec![(*words).to_owned(), shown]);
        }
    }
    out.push_str(&print::table(&["reading", "now"], &rows));
    out.push_str("\ncollect and keep from now on:   bongsu serve &\n");
    out.push_str("look, on a terminal:            bongsu\n");
    out
}

fn logs(status: &Status) -> String {
    let logs = &status.storage.logs;
    format!(
        "{} lines in {} streams, {} of text in {} on disk, kept {}",
        logs.lines,
        logs.streams,
        bytes(logs.raw_bytes),
        bytes(logs.disk_bytes),
        logs.retention
    )
}

fn table(status: &Status) -> String {
    let s = &status.storage;
    let up = format_duration_ms((status.now - status.started_at) / 1000 * 1000);
    let reaches = if s.reaches_back_to > 0 {
        format!(
            "{} back",
            format_duration_ms((status.now - s.reaches_back_to).max(0) / 1000 * 1000)
        )
    } else {
        "nothing yet".to_owned()
    };
    let mut rows: Vec<(&str, String)> = vec![
        (
            "bongsu",
            format!(
                "{}, process {}, {}",
                status.version, status.pid, status.mode
            ),
        ),
        ("up", up),
        ("health", health(status)),
        ("instances", status.instances.join(", ")),
        ("data", status.data_dir.clone()),
        ("http", status.listen.clone()),
        ("consoles", format!("{} look now", status.consoles)),
        (
            "targets",
            format!("{} up, {} down", status.targets_up, status.targets_down),
        ),
        (
            "alerts",
            format!(
                "{} firing, {} pending",
                status.alerts.firing, status.alerts.pending
            ),
        ),
        (
            "series",
            format!("{} in memory, {} samples", s.series, s.head_samples),
        ),
        ("history", format!("{reaches}, kept {}", s.retention)),
        (
            "disk",
            format!(
                "{} ({} log, {} blocks), {} free",
                bytes(s.disk_bytes),
                bytes(s.wal_bytes),
                s.blocks.len(),
                bytes(s.free_bytes)
            ),
        ),
        ("logs", logs(status)),
        (
            "own cost",
            format!(
                "{} memory, {:.1} % of a core, {} threads, {} files",
                bytes(status.own.rss),
                status.own.cpu * 100.0,
                status.own.threads,
                status.own.open_files
            ),
        ),
    ];
    for (name, now, most) in &status.own.budget {
        rows.push(("", format!("{name}: {} of {}", bytes(*now), bytes(*most))));
    }
    for queue in &status.queues {
        rows.push(("queue", waiting(queue)));
    }
    for problem in status.problems.iter().chain(&s.problems) {
        rows.push(("problem", problem.clone()));
    }
    for warning in &status.warnings {
        rows.push(("warning", warning.clone()));
    }
    let line = |(name, text): &(&str, String)| format!("{name:<10} {text}\n");
    rows.iter().map(line).collect()
}

fn waiting(queue: &QueueRow) -> String {
    let amount = |n: u64| match queue.unit {
        QueueUnit::Bytes => bytes(n),
        QueueUnit::Items => n.to_string(),
    };
    let (len, most) = (amount(queue.len), amount(queue.capacity));
    format!("{}: {len} of {most}, {} dropped", queue.name, queue.dropped)
}

fn health(status: &Status) -> String {
    if !status.ready {
        "opening history".to_owned()
    } else if status.problems.is_empty() && status.storage.problems.is_empty() {
        "good".to_owned()
    } else {
        "see the problems below".to_owned()
    }
}

fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" || value >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (n, text) in [(0, "0 B"), (1536, "1.5 KiB"), (200 << 20, "200 MiB")] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn a_warning_is_no_problem() {
        let row = QueueRow {
            name: "wal/metrics".into(),
            len: 1536,
            capacity: 8 << 20,
            dropped: 7,
            unit: QueueUnit::Bytes,
        };
        let status = Status {
            ready: true,
            consoles: 2,
            warnings: vec!["a.yaml:1:1: warning: remote_read is not there yet".into()],
            queues: vec![row],
            ..Status::default()
        };
        let text = table(&status);
        for line in [
            "health     good\n",
            "consoles   2 look now\n",
            "queue      wal/metrics: 1.5 KiB of 8.0 MiB, 7 dropped\n",
            "warning    a.yaml:1:1: warning",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn a_status_is_lines_with_names() {
        let status = Status {
            ready: true,
            problems: vec!["the port is taken".into()],
            ..Status::default()
        };
        let text = table(&status);
        assert!(
            text.contains("health     see the problems below\n"),
            "{text}"
        );
        assert!(text.contains("problem    the port is taken\n"));
        assert!(alone(&[]).contains("bongsu serve"));
    }
}
