//! What this process says of itself under `bongsu_*` and `process_*`.

use crate::base::task;
use crate::model::answer::MetricKind;
use crate::model::family::Family;
use crate::model::view::Status;

/// Words of Prometheus' client libraries for one process; bongsu's own for the rest.
pub fn own_families(status: &Status, health: &Health) -> Vec<Family> {
    let mut out = Vec::new();
    let own = &status.own;
    gauge(
        &mut out,
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        own.rss as f64,
    );
    counter(
        &mut out,
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        health.cpu_seconds,
    );
    gauge(
        &mut out,
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        status.started_at as f64 / 1000.0,
    );
    gauge(
        &mut out,
        "process_open_fds",
        "Number of open file descriptors.",
        f64::from(own.open_files),
    );
    gauge(
        &mut out,
        "process_threads",
        "Number of threads of the process.",
        f64::from(own.threads),
    );
    let mut info = Family::new(
        "bongsu_build_info",
        MetricKind::Gauge,
        "The version that runs, in a label; the value is 1.",
    );
    info.add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    out.push(info);
    storage(&mut out, status);
    queues(&mut out, status);
    tasks(&mut out);
    out
}

/// What a status does not carry.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Health {
    pub cpu_seconds: f64,
}

fn storage(out: &mut Vec<Family>, status: &Status) {
    let s = &status.storage;
    for (name, help, value) in [
        ("bongsu_head_series", "Series in memory.", s.series),
        ("bongsu_head_samples", "Samples in memory.", s.head_samples),
        ("bongsu_head_bytes", "Memory of the head.", s.head_bytes),
        (
            "bongsu_wal_bytes",
            "Size of the write-ahead logs.",
            s.wal_bytes,
        ),
        ("bongsu_blocks", "Blocks on disk.", s.blocks.len() as u64),
        ("bongsu_storage_bytes", "Disk space used.", s.disk_bytes),
    ] {
        gauge(out, name, help, value as f64);
    }
    for (name, help, value) in [
        (
            "bongsu_head_series_created_total",
            "Series created since the start.",
            s.series_created,
        ),
        (
            "bongsu_head_series_removed_total",
            "Series removed since the start.",
            s.series_removed,
        ),
    ] {
        counter(out, name, help, value as f64);
    }
    let mut targets = Family::new(
        "bongsu_targets",
        MetricKind::Gauge,
        "Scrape targets by health.",
    );
    targets.add(&[("health", "up")], f64::from(status.targets_up));
    targets.add(&[("health", "down")], f64::from(status.targets_down));
    out.push(targets);
}

fn queues(out: &mut Vec<Family>, status: &Status) {
    let mut len = Family::new("bongsu_queue_length", MetricKind::Gauge, "What waits now.");
    let mut capacity = Family::new(
        "bongsu_queue_capacity",
        MetricKind::Gauge,
        "What may wait at most.",
    );
    let mut dropped = Family::new(
        "bongsu_queue_dropped_total",
        MetricKind::Counter,
        "What did not fit since the start.",
    );
    for queue in &status.queues {
        len.add(&[("queue", &queue.name)], queue.len as f64);
        capacity.add(&[("queue", &queue.name)], queue.capacity as f64);
        dropped.add(&[("queue", &queue.name)], queue.dropped as f64);
    }
    out.extend([len, capacity, dropped]);
}

fn tasks(out: &mut Vec<Family>) {
    let mut running = Family::new(
        "bongsu_tasks_running",
        MetricKind::Gauge,
        "Tasks and threads that run now, by name.",
    );
    let mut panics = Family::new(
        "bongsu_task_panics_total",
        MetricKind::Counter,
        "Tasks and threads that ended in a panic, by name.",
    );
    for row in task::report() {
        running.add(&[("task", row.name)], row.running as f64);
        panics.add(&[("task", row.name)], row.panics as f64);
    }
    out.extend([running, panics]);
}

fn gauge(out: &mut Vec<Family>, name: &'static str, help: &'static str, value: f64) {
    single(out, name, MetricKind::Gauge, help, value);
}

fn counter(out: &mut Vec<Family>, name: &'static str, help: &'static str, value: f64) {
    single(out, name, MetricKind::Counter, help, value);
}

fn single(
    out: &mut Vec<Family>,
    name: &'static str,
    kind: MetricKind,
    help: &'static str,
    value: f64,
) {
    let mut family = Family::new(name, kind, help);
    family.add(&[], value);
    out.push(family);
}
