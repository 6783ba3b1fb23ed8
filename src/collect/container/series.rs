//! A reading as series, under cAdvisor's names and labels.
//!
//! Source: cAdvisor `docs/storage/prometheus.md`. Names it has not are marked as bongsu's own.

use crate::collect::container::cgroup::{Place, Reading};
use crate::collect::container::docker::known::Container;
use crate::model::answer::{Metadata, MetricKind};
use crate::model::labels::{Labels, METRIC_NAME};
use std::sync::Arc;

use MetricKind::{Counter, Gauge};

/// Every metric: name, type, help.
#[rustfmt::skip]
const METRICS: &[(&str, MetricKind, &str)] = &[
    ("container_cpu_usage_seconds_total", Counter, "Cumulative cpu time consumed in seconds."),
    ("container_cpu_user_seconds_total", Counter, "Cumulative user cpu time consumed in seconds."),
    ("container_cpu_system_seconds_total", Counter, "Cumulative system cpu time consumed in seconds."),
    ("container_cpu_cfs_periods_total", Counter, "Number of elapsed enforcement period intervals."),
    ("container_cpu_cfs_throttled_periods_total", Counter, "Number of throttled period intervals."),
    ("container_cpu_cfs_throttled_seconds_total", Counter, "Total time duration the container has been throttled."),
    ("container_memory_usage_bytes", Gauge, "Current memory usage, including all memory regardless of when it was accessed."),
    ("container_memory_working_set_bytes", Gauge, "Current working set."),
    ("container_memory_rss", Gauge, "Size of RSS in bytes."),
    ("container_memory_cache", Gauge, "Total page cache memory."),
    ("container_memory_mapped_file", Gauge, "Size of memory mapped files in bytes."),
    ("container_memory_swap", Gauge, "Container swap usage."),
    ("container_memory_max_usage_bytes", Gauge, "Maximum memory usage recorded."),
    ("container_memory_failcnt", Counter, "Number of memory usage hits limits."),
    ("container_memory_failures_total", Counter, "Cumulative count of memory allocation failures."),
    ("container_oom_events_total", Counter, "Count of out of memory events observed for the container."),
    ("container_fs_reads_bytes_total", Counter, "Cumulative count of bytes read."),
    ("container_fs_writes_bytes_total", Counter, "Cumulative count of bytes written."),
    ("container_fs_reads_total", Counter, "Cumulative count of reads completed."),
    ("container_fs_writes_total", Counter, "Cumulative count of writes completed."),
    ("container_network_receive_bytes_total", Counter, "Cumulative count of bytes received."),
    ("container_network_receive_packets_total", Counter, "Cumulative count of packets received."),
    ("container_network_receive_errors_total", Counter, "Cumulative count of errors encountered while receiving."),
    ("container_network_receive_packets_dropped_total", Counter, "Cumulative count of packets dropped while receiving."),
    ("container_network_transmit_bytes_total", Counter, "Cumulative count of bytes transmitted."),
    ("container_network_transmit_packets_total", Counter, "Cumulative count of packets transmitted."),
    ("container_network_transmit_errors_total", Counter, "Cumulative count of errors encountered while transmitting."),
    ("container_network_transmit_packets_dropped_total", Counter, "Cumulative count of packets dropped while transmitting."),
    ("container_processes", Gauge, "Number of processes running inside the container."),
    ("container_threads", Gauge, "Number of threads running inside the container."),
    ("container_threads_max", Gauge, "Maximum number of threads allowed inside the container, infinity if value is zero."),
    ("container_pressure_cpu_waiting_seconds_total", Counter, "Total time duration tasks in the container have waited due to CPU congestion."),
    ("container_pressure_cpu_stalled_seconds_total", Counter, "Total time duration no tasks in the container could make progress due to CPU congestion."),
    ("container_pressure_memory_waiting_seconds_total", Counter, "Total time duration tasks in the container have waited due to memory congestion."),
    ("container_pressure_memory_stalled_seconds_total", Counter, "Total time duration no tasks in the container could make progress due to memory congestion."),
    ("container_pressure_io_waiting_seconds_total", Counter, "Total time duration tasks in the container have waited due to IO congestion."),
    ("container_pressure_io_stalled_seconds_total", Counter, "Total time duration no tasks in the container could make progress due to IO congestion."),
    ("container_spec_memory_limit_bytes", Gauge, "Memory limit for the container."),
    ("container_spec_memory_swap_limit_bytes", Gauge, "Memory swap limit for the container."),
    ("container_spec_memory_reservation_limit_bytes", Gauge, "Memory reservation limit for the container."),
    ("container_spec_cpu_quota", Gauge, "CPU quota of the container."),
    ("container_spec_cpu_period", Gauge, "CPU period of the container."),
    ("container_spec_cpu_shares", Gauge, "CPU share of the container."),
    ("container_start_time_seconds", Gauge, "Start time of the container since unix epoch in seconds."),
    ("container_last_seen", Gauge, "Last time a container was seen by the exporter."),
    ("container_health_state", Gauge, "State of the health check probe: 1 healthy, 0 not."),
    // bongsu's own.
    ("container_restarts_total", Counter, "How often the engine restarted the container by its policy."),
];

/// Help and types, for the store.
pub(crate) fn metadata() -> Vec<Metadata> {
    let describe = |(metric, kind, help): &(&str, MetricKind, &str)| Metadata {
        metric: (*metric).to_owned(),
        kind: *kind,
        help: (*help).to_owned(),
        unit: String::new(),
    };
    METRICS.iter().map(describe).collect()
}

/// Labels of a container that are kept where the configuration names no others.
const LABELS: &[&str] = &[
    "com.docker.compose.project",
    "com.docker.compose.service",
    "com.docker.compose.container-number",
    "com.docker.stack.namespace",
    "com.docker.swarm.service.name",
    "io.podman.compose.project",
];
/// A longer value of a label is cut; more labels are left out.
const MOST_VALUE: usize = 256;
const MOST_LABELS: usize = 64;

/// Turns the readings of one container into samples; its label sets are built once.
#[derive(Debug)]
pub(crate) struct Namer {
    base: Vec<(String, String)>,
    /// What `base` was made of.
    of: Option<Arc<Container>>,
    /// Label sets in the order in which a reading uses them.
    known: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    extra: Vec<String>,
    labels: Labels,
}

/// What every series of this server's containers has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    pub(crate) host: String,
    /// Labels of containers to keep beside the usual ones; `*` keeps all.
    pub(crate) labels: Vec<String>,
}

impl Namer {
    pub(crate) fn new(common: &Common, place: &Place, container: Option<&Arc<Container>>) -> Self {
        let mut base = vec![
            ("job".to_owned(), "cadvisor".to_owned()),
            ("instance".to_owned(), common.host.clone()),
            ("id".to_owned(), place.path.clone()),
        ];
        // A container that nobody names is called by its short id.
        let name = container.map_or("", |c| &c.name);
        let name = if name.is_empty() {
            short(&place.id)
        } else {
            name
        };
        base.push(("name".to_owned(), name.to_owned()));
        if let Some(container) = container {
            base.push(("image".to_owned(), container.image.clone()));
            let all = common.labels.iter().any(|l| l == "*");
            let wanted = |name: &str| {
                all || LABELS.contains(&name) || common.labels.iter().any(|l| l == name)
            };
            let labels = container.labels.iter().filter(|(n, _)| wanted(n));
            for (name, value) in labels.take(MOST_LABELS) {
                let cut = crate::base::text::clip(value, MOST_VALUE);
                base.push((label_name(name), cut.to_owned()));
            }
            for (label, of) in [
                ("namespace", "io.kubernetes.pod.namespace"),
                ("pod", "io.kubernetes.pod.name"),
                ("container", "io.kubernetes.container.name"),
            ] {
                if let Some(value) = container.labels.get(of) {
                    base.push((label.to_owned(), value.clone()));
                }
            }
        }
        Self {
            base,
            of: container.cloned(),
            known: Vec::new(),
        }
    }

    /// The series it has given.
    pub(crate) fn into_labels(self) -> impl Iterator<Item = Labels> {
        self.known.into_iter().map(|entry| entry.labels)
    }

    /// Whether it was made of what is known now.
    pub(crate) fn is_of(&self, place: &Place, container: Option<&Arc<Container>>) -> bool {
        let facts = |c: &Arc<Container>| (c.name.clone(), c.image.clone(), c.labels.clone());
        let same = match (&self.of, container) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || facts(a) == facts(b),
            (None, None) => true,
            _ => false,
        };
        same && self.base[2].1 == place.path
    }

    /// The samples of one reading. `container` adds what only its engine knows.
    pub(crate) fn samples(
        &mut self,
        (place, reading): (&Place, &Reading),
        container: Option<&Container>,
        now: i64,
        out: &mut Vec<(Labels, i64, f64)>,
    ) {
        let mut put = Put {
            namer: self,
            at: 0,
            now,
            out,
        };
        put.cpu(reading);
        put.memory(reading);
        put.devices(reading);
        put.network(reading);
        put.tasks(reading);
        put.spec(reading);
        let started = container.map(|c| c.started).filter(|t| *t > 0);
        let started = started.unwrap_or(place.made);
        put.one(
            "container_start_time_seconds",
            Some(started as f64 / 1000.0),
        );
        put.one("container_last_seen", Some((now as f64 / 1000.0).floor()));
        if let Some(container) = container {
            let health = (!container.health.is_empty())
                .then(|| f64::from(u8::from(container.health == "healthy")));
            put.one("container_health_state", health);
            put.one("container_restarts_total", Some(container.restarts as f64));
        }
    }

    fn labels(&self, name: &str, extra: &[(&str, &str)]) -> Labels {
        let base = self.base.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let own = [(METRIC_NAME, name)];
        Labels::from_pairs(base.chain(extra.iter().copied()).chain(own))
    }
}

struct Put<'a> {
    namer: &'a mut Namer,
    /// Place in [`Namer::known`] of what probably comes next.
    at: usize,
    now: i64,
    out: &'a mut Vec<(Labels, i64, f64)>,
}

impl Put<'_> {
    fn one(&mut self, name: &'static str, value: Option<f64>) {
        self.with(name, &[], value);
    }

    fn with(&mut self, name: &'static str, extra: &[(&'static str, &str)], value: Option<f64>) {
        let Some(value) = value else { return };
        let is = |e: &Entry| {
            std::ptr::eq(e.name, name)
                && e.extra.len() == extra.len()
                && e.extra.iter().zip(extra).all(|(a, (_, b))| a == b)
        };
        let known = &self.namer.known;
        let next = known.get(self.at).filter(|e| is(e)).map(|_| self.at);
        let at = next.or_else(|| known.iter().position(is));
        let at = at.unwrap_or_else(|| {
            let labels = self.namer.labels(name, extra);
            self.namer.known.push(Entry {
                name,
                extra: extra.iter().map(|(_, v)| (*v).to_owned()).collect(),
                labels,
            });
            self.namer.known.len() - 1
        });
        self.at = at + 1;
        let labels = self.namer.known[at].labels.clone();
        self.out.push((labels, self.now, value));
    }

    fn cpu(&mut self, of: &Reading) {
        self.with(
            "container_cpu_usage_seconds_total",
            &[("cpu", "total")],
            of.cpu,
        );
        self.one("container_cpu_user_seconds_total", of.cpu_user);
        self.one("container_cpu_system_seconds_total", of.cpu_system);
        self.one("container_cpu_cfs_periods_total", of.periods);
        self.one("container_cpu_cfs_throttled_periods_total", of.throttled);
        self.one(
            "container_cpu_cfs_throttled_seconds_total",
            of.throttled_time,
        );
    }

    fn memory(&mut self, of: &Reading) {
        let Some(memory) = &of.memory else { return };
        self.one("container_memory_usage_bytes", Some(memory.usage));
        self.one(
            "container_memory_working_set_bytes",
            Some(memory.working_set),
        );
        self.one("container_memory_rss", memory.rss);
        self.one("container_memory_cache", memory.cache);
        self.one("container_memory_mapped_file", memory.mapped_file);
        self.one("container_memory_swap", memory.swap);
        self.one("container_memory_max_usage_bytes", memory.max_usage);
        self.one("container_memory_failcnt", memory.failcnt);
        self.one("container_oom_events_total", memory.oom_kills);
        for (kind, value) in [
            ("pgfault", memory.page_faults),
            ("pgmajfault", memory.major_page_faults),
        ] {
            let extra = [("failure_type", kind), ("scope", "container")];
            self.with("container_memory_failures_total", &extra, value);
        }
    }

    fn devices(&mut self, of: &Reading) {
        for device in &of.devices {
            let extra = [("device", device.name.as_str())];
            self.with(
                "container_fs_reads_bytes_total",
                &extra,
                Some(device.read_bytes),
            );
            self.with(
                "container_fs_writes_bytes_total",
                &extra,
                Some(device.written_bytes),
            );
            self.with("container_fs_reads_total", &extra, Some(device.reads));
            self.with("container_fs_writes_total", &extra, Some(device.writes));
        }
    }

    fn network(&mut self, of: &Reading) {
        const RECEIVED: [&str; 4] = [
            "container_network_receive_bytes_total",
            "container_network_receive_packets_total",
            "container_network_receive_errors_total",
            "container_network_receive_packets_dropped_total",
        ];
        const SENT: [&str; 4] = [
            "container_network_transmit_bytes_total",
            "container_network_transmit_packets_total",
            "container_network_transmit_errors_total",
            "container_network_transmit_packets_dropped_total",
        ];
        for interface in &of.interfaces {
            let extra = [("interface", interface.name.as_str())];
            let received = RECEIVED.into_iter().zip(interface.received);
            for (name, value) in received.chain(SENT.into_iter().zip(interface.sent)) {
                self.with(name, &extra, Some(value));
            }
        }
    }

    fn tasks(&mut self, of: &Reading) {
        const PRESSURE: [[&str; 2]; 3] = [
            [
                "container_pressure_cpu_waiting_seconds_total",
                "container_pressure_cpu_stalled_seconds_total",
            ],
            [
                "container_pressure_memory_waiting_seconds_total",
                "container_pressure_memory_stalled_seconds_total",
            ],
            [
                "container_pressure_io_waiting_seconds_total",
                "container_pressure_io_stalled_seconds_total",
            ],
        ];
        self.one("container_processes", of.processes);
        self.one("container_threads", of.threads);
        for (names, pressure) in PRESSURE.iter().zip(of.pressure) {
            self.one(names[0], pressure.map(|p| p.waiting));
            self.one(names[1], pressure.map(|p| p.stalled));
        }
    }

    fn spec(&mut self, of: &Reading) {
        let spec = &of.spec;
        self.one("container_threads_max", spec.threads_max);
        self.one("container_spec_memory_limit_bytes", spec.memory_limit);
        self.one(
            "container_spec_memory_swap_limit_bytes",
            spec.memory_swap_limit,
        );
        self.one(
            "container_spec_memory_reservation_limit_bytes",
            spec.memory_reservation,
        );
        self.one("container_spec_cpu_quota", spec.cpu_quota);
        self.one("container_spec_cpu_period", spec.cpu_period);
        self.one("container_spec_cpu_shares", spec.cpu_shares);
    }
}

/// The first twelve digits, as Docker prints them.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// `com.docker.compose.project` as `container_label_com_docker_compose_project`.
fn label_name(label: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = label.chars().map(clean).collect();
    format!("container_label_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::container::cgroup::{Interface, Memory};
    use std::collections::{BTreeMap, HashSet};

    fn everything() -> Reading {
        Reading {
            cpu: Some(1.5),
            periods: Some(4.0),
            memory: Some(Memory {
                usage: 10.0,
                working_set: 7.0,
                page_faults: Some(3.0),
                ..Memory::default()
            }),
            interfaces: vec![Interface {
                name: "eth0".to_owned(),
                received: [1.0, 2.0, 3.0, 4.0],
                sent: [5.0; 4],
            }],
            threads: Some(2.0),
            ..Reading::default()
        }
    }

    fn container() -> Arc<Container> {
        let label = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        Arc::new(Container {
            name: "shop-web-1".to_owned(),
            image: "web:1".to_owned(),
            labels: BTreeMap::from([
                label("com.docker.compose.project", "shop"),
                label("maintainer", "kim"),
            ]),
            started: 5_000,
            health: "unhealthy".to_owned(),
            restarts: 3,
            ..Container::default()
        })
    }

    fn lines(samples: &[(Labels, i64, f64)]) -> Vec<String> {
        samples.iter().map(|(l, _, v)| format!("{l} {v}")).collect()
    }

    #[test]
    fn series_have_cadvisors_names_and_labels() {
        let place = Place::at("/docker/ab", "ab");
        let container = container();
        let common = Common {
            host: "web1".to_owned(),
            labels: Vec::new(),
        };
        let mut namer = Namer::new(&common, &place, Some(&container));
        let mut out = Vec::new();
        namer.samples((&place, &everything()), Some(&container), 9_500, &mut out);
        let base = "id=\"/docker/ab\", image=\"web:1\", instance=\"web1\", ";
        let project = "container_label_com_docker_compose_project=\"shop\", ";
        let lines_read = lines(&out);
        let has = |line: &str| {
            assert!(
                lines_read.contains(&line.to_owned()),
                "{line} in {lines_read:#?}"
            );
        };
        has(&format!(
            "container_cpu_usage_seconds_total{{{project}cpu=\"total\", {base}job=\"cadvisor\", name=\"shop-web-1\"}} 1.5"
        ));
        has(&format!(
            "container_memory_working_set_bytes{{{project}{base}job=\"cadvisor\", name=\"shop-web-1\"}} 7"
        ));
        has(&format!(
            "container_network_receive_packets_dropped_total{{{project}{base}interface=\"eth0\", job=\"cadvisor\", name=\"shop-web-1\"}} 4"
        ));
        has(&format!(
            "container_memory_failures_total{{{project}failure_type=\"pgfault\", {base}job=\"cadvisor\", name=\"shop-web-1\", scope=\"container\"}} 3"
        ));
        has(&format!(
            "container_start_time_seconds{{{project}{base}job=\"cadvisor\", name=\"shop-web-1\"}} 5"
        ));
        has(&format!(
            "container_last_seen{{{project}{base}job=\"cadvisor\", name=\"shop-web-1\"}} 9"
        ));
        has(&format!(
            "container_health_state{{{project}{base}job=\"cadvisor\", name=\"shop-web-1\"}} 0"
        ));
        has(&format!(
            "container_restarts_total{{{project}{base}job=\"cadvisor\", name=\"shop-web-1\"}} 3"
        ));
        assert!(!lines_read.iter().any(|l| l.contains("maintainer")));
    }

    #[test]
    fn label_sets_are_built_once_and_told_apart() {
        let place = Place::at("/docker/ab", "ab");
        let mut namer = Namer::new(&Common::default(), &place, None);
        let mut first = Vec::new();
        namer.samples((&place, &everything()), None, 1, &mut first);
        let known = namer.known.len();
        // An interface more, and one number less.
        let mut reading = everything();
        reading.cpu = None;
        let mut second = reading.interfaces[0].clone();
        second.name = "eth1".to_owned();
        reading.interfaces.push(second);
        let mut again = Vec::new();
        namer.samples((&place, &reading), None, 2, &mut again);
        assert_eq!(namer.known.len(), known + 8);
        let all: HashSet<&Labels> = again.iter().map(|(l, ..)| l).collect();
        assert_eq!(all.len(), again.len());
        assert!(first[0].0.get("name") == "ab" && again.len() == first.len() + 7);
    }

    #[test]
    fn labels_are_kept_as_the_configuration_says() {
        let place = Place::at("/docker/ab", "ab");
        let container = container();
        let kept = |labels: &[&str]| {
            let common = Common {
                host: String::new(),
                labels: labels.iter().map(|l| (*l).to_owned()).collect(),
            };
            let namer = Namer::new(&common, &place, Some(&container));
            namer
                .base
                .iter()
                .any(|(n, _)| n == "container_label_maintainer")
        };
        assert!(kept(&["*"]) && kept(&["maintainer"]) && !kept(&["main"]));
    }

    #[test]
    fn every_metric_that_is_written_is_described() {
        let described: HashSet<String> = metadata().into_iter().map(|m| m.metric).collect();
        assert_eq!(described.len(), METRICS.len());
        let place = Place::at("/docker/ab", "ab");
        let container = container();
        let mut namer = Namer::new(&Common::default(), &place, Some(&container));
        let mut out = Vec::new();
        namer.samples((&place, &everything()), Some(&container), 9_500, &mut out);
        for (labels, ..) in out {
            assert!(described.contains(labels.metric_name()), "{labels}");
        }
    }
}
