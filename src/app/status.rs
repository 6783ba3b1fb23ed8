//! The engine's own health in figures: memory by the lines of its budget, queues, problems.

use crate::alert::notify::Notifiers;
use crate::app::engine::{Mode, Shared};
use crate::app::telling;
use crate::base::cancel::Cancel;
use crate::base::own::Cost;
use crate::base::task;
use crate::model::labels::METRIC_NAME;
use crate::model::matcher::Matcher;
use crate::model::time::TimeRange;
use crate::model::view::{Health, OwnCost, QueueRow, QueueUnit, Status};
use crate::store::open::Store;
use crate::store::read::{Ask, SeriesSource};
use std::sync::Arc;

/// What the lines of the budget allow, in bytes, where no setting does.
const CODE: u64 = 12 << 20;
const LIVE_RING: u64 = 16 << 20;
/// Threads, tokio, the console, regular expressions and TLS.
const RUNTIME: u64 = 6 << 20;

/// Machines that are listed at most.
const MOST_INSTANCES: usize = 1_000;
/// Series that a machine shows, whatever reads it.
const MACHINES: [&str; 4] = [
    "node_uname_info",
    "node_boot_time_seconds",
    "node_load1",
    "windows_os_info",
];
/// A machine that was silent for longer is not offered, in milliseconds.
const LATELY: i64 = 5 * 60_000;

/// By which `instance` machines can be looked at: this one, then those that were seen lately.
fn instances(shared: &Shared, store: Option<&Arc<Store>>, now: i64) -> Vec<String> {
    let here = shared.instance();
    let selectors = MACHINES.map(|name| vec![Matcher::equal(METRIC_NAME, name)]);
    let ask = Ask {
        selectors: &selectors,
        range: TimeRange::new(now - LATELY, now),
        limit: MOST_INSTANCES,
    };
    let found = store.map(|s| s.label_values("instance", &ask, &Cancel::never()));
    let mut others = found.and_then(Result::ok).unwrap_or_default().items;
    // The series of the built-in copy end where another target takes over.
    others.retain(|name| *name != here && *name != shared.host_name && !name.is_empty());
    others.insert(0, here);
    others
}

pub(crate) fn status(shared: &Shared) -> Status {
    let store = shared.store.load_full();
    let targets = shared.targets();
    let count = |health| targets.iter().filter(|t| t.health == health).count() as u32;
    let now = shared.clock.now_ms();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        mode: match shared.mode {
            Mode::Inside => "inside".to_owned(),
            Mode::Serve => "serve".to_owned(),
        },
        now,
        started_at: shared.started_at,
        data_dir: shared.launch.data_dir.display().to_string(),
        listen: shared.places(),
        ready: store.is_some(),
        instances: instances(shared, store.as_ref(), now),
        containers_as: match shared.containers.shown_by() {
            Some(target) => target.get("instance").to_owned(),
            None => shared.host_name.clone(),
        },
        machine: shared.machine(),
        own: own_cost(shared, store.as_ref()),
        targets_up: count(Health::Up),
        targets_down: count(Health::Down),
        alerts: telling::counts(shared, now),
        queues: queues(shared, store.as_ref()),
        problems: problems(shared),
        warnings: warnings(shared),
        open_to_everybody: shared.launch.listen.is_open_to_everybody(),
        consoles: shared.consoles.count(now),
        announcements: shared
            .notifiers
            .get()
            .map(Notifiers::announcements)
            .unwrap_or_default(),
        storage: store.map(|s| s.facts()).unwrap_or_default(),
    }
}

/// What is wrong, and what keeps alerts from being held, kept or recorded.
fn problems(shared: &Shared) -> Vec<String> {
    let mut all = shared.problems.all();
    all.extend(shared.pipeline.get().and_then(|p| p.problem()));
    all
}

/// What the configuration warns of, and what ended in a panic; neither makes an engine unhealthy.
fn warnings(shared: &Shared) -> Vec<String> {
    let mut all: Vec<String> = shared.findings.lock().clone();
    let panicked = task::report().into_iter().filter(|row| row.panics > 0);
    all.extend(panicked.map(|row| {
        let (name, times, last) = (row.name, row.panics, row.last_panic);
        format!("{name} failed inside bongsu {times} times and went on, the last time: {last}")
    }));
    all
}

pub(crate) fn queues(shared: &Shared, store: Option<&Arc<Store>>) -> Vec<QueueRow> {
    let mut all = store.map(|s| s.queues()).unwrap_or_default();
    all.extend(
        shared
            .embedded
            .get()
            .map(|e| e.queues())
            .unwrap_or_default(),
    );
    all.push(shared.gate.queue("readings before history is open"));
    all.push(shared.jvm_gate.queue("JVM readings before history is open"));
    let (series, _) = shared.ring.size();
    all.push(QueueRow {
        name: "series of the live ring".to_owned(),
        len: series as u64,
        capacity: crate::store::live::MAX_SERIES as u64,
        dropped: shared.ring.refused(),
        unit: QueueUnit::Items,
    });
    all
}

fn own_cost(shared: &Shared, store: Option<&Arc<Store>>) -> OwnCost {
    let cost = shared.cost();
    let mut parts = store.map(|s| s.memory()).unwrap_or_default();
    let ring = shared.ring.size().1 as u64;
    parts.push(("live ring".to_owned(), ring, LIVE_RING));
    OwnCost {
        rss: cost.rss,
        cpu: cost.cpu,
        threads: cost.threads,
        open_files: cost.open_files,
        budget: budget(&cost, parts),
    }
}

/// Resident memory by lines that add up to it: the code, the parts that count themselves, what the
/// allocator holds without use, and the rest.
fn budget(cost: &Cost, parts: Vec<(String, u64, u64)>) -> Vec<(String, u64, u64)> {
    let mut lines = vec![("code".to_owned(), cost.rss_file, CODE)];
    lines.extend(parts);
    if let Some(own) = cost.allocator {
        let spare = own.resident.saturating_sub(own.allocated);
        lines.push(("allocator's reserve".to_owned(), spare, own.allocated / 2));
    }
    let known: u64 = lines.iter().map(|(_, now, _)| now).sum();
    let rest = cost.rss.saturating_sub(known);
    lines.push(("runtime, console and the rest".to_owned(), rest, RUNTIME));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::own::Allocator;

    #[test]
    fn the_lines_of_the_budget_add_up() {
        let cost = Cost {
            rss: 40 << 20,
            rss_file: 10 << 20,
            allocator: Some(Allocator {
                allocated: 20 << 20,
                resident: 24 << 20,
                ..Allocator::default()
            }),
            ..Cost::default()
        };
        let lines = budget(&cost, vec![("metrics head".into(), 5 << 20, 64 << 20)]);
        assert_eq!(lines.iter().map(|l| l.1).sum::<u64>(), cost.rss);
        assert_eq!(lines.last().map(|l| l.1), Some(21 << 20));
    }
}
