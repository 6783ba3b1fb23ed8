//! A real node_exporter beside our own reading: for every family both have, names, label names
//! and types are equal and values are near.

use bongsu::collect::host::{Host, Options};
use bongsu::model::answer::MetricKind;
use bongsu::model::family::Family;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A family as the text format shows it: type, and value by label set (empty values left out).
#[derive(Default)]
struct Shown {
    kind: String,
    points: BTreeMap<BTreeMap<String, String>, f64>,
}

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = ["prometheus-node-exporter", "node_exporter"]
            .iter()
            .find_map(|name| {
                Command::new(name)
                    .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                    // Upstream's defaults where Debian's differ, and no systemd collector.
                    .arg("--collector.netdev.device-exclude=^$")
                    .arg("--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)")
                    .arg("--no-collector.systemd")
                    .stderr(Stdio::null())
                    .spawn()
                    .ok()
            })?;
        let server = Self { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "it does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    fn scrape(&self) -> BTreeMap<String, Shown> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        parse(text.split_once("\r\n\r\n").unwrap().1)
    }
}

/// As much of the text format as node_exporter writes.
fn parse(text: &str) -> BTreeMap<String, Shown> {
    let mut out = BTreeMap::<String, Shown>::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            kind.clone_into(&mut out.entry(name.to_owned()).or_default().kind);
        }
        if line.starts_with('#') || !line.starts_with("node_") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let shown = out.entry(name.to_owned()).or_default();
        shown.points.insert(
            parse_labels(labels.trim_end_matches('}')),
            value.parse().unwrap(),
        );
    }
    out.retain(|name, _| name.starts_with("node_"));
    out
}

fn parse_labels(mut text: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let end = (0..rest.len())
            .find(|i| rest.as_bytes()[*i] == b'"' && (*i == 0 || rest.as_bytes()[i - 1] != b'\\'))
            .unwrap();
        if end > 0 {
            out.insert(name.to_owned(), rest[..end].to_owned());
        }
        text = rest[end + 1..].trim_start_matches(',');
    }
    out
}

fn ours(families: Vec<Family>) -> BTreeMap<String, Shown> {
    let mut out = BTreeMap::new();
    for family in families {
        let kind = match family.kind {
            MetricKind::Unknown => "untyped",
            kind => kind.as_str(),
        };
        let points = family.points.iter().map(|p| {
            let pair = |(n, v): (&str, &str)| (n.to_owned(), v.to_owned());
            (p.labels.iter().map(pair).collect(), p.value)
        });
        let shown = Shown {
            kind: kind.to_owned(),
            points: points.collect(),
        };
        assert!(!family.help.is_empty(), "{} has no help", family.name);
        let twice = out.insert(family.name.to_string(), shown);
        assert!(twice.is_none(), "{} stands there twice", family.name);
    }
    out
}

/// Labels whose values come from the program itself, or change from one reading to the next.
const OWN: &[&str] = &["node_exporter_build_info", "node_disk_info"];

/// Families whose values are times of the reading itself.
fn free(name: &str) -> bool {
    name.starts_with("node_scrape_collector_duration") || OWN.contains(&name)
}

#[test]
fn the_families_of_a_real_node_exporter() {
    let Some(server) = Server::start() else {
        println!("skipped: node_exporter is not installed (apt install prometheus-node-exporter)");
        return;
    };
    // Ours stands between two of theirs: a counter lies between both.
    let mut host = Host::new(Options::default());
    host.read();
    let before = server.scrape();
    let mine = ours(host.read());
    let after = server.scrape();
    let mut errors = Vec::new();
    for (name, theirs) in &before {
        let Some(shown) = mine.get(name) else {
            errors.push(format!("{name} is missing here"));
            continue;
        };
        if shown.kind != theirs.kind {
            errors.push(format!(
                "{name} is {} there, {} here",
                theirs.kind, shown.kind
            ));
        }
        compare(name, shown, theirs, &after[name], &mut errors);
    }
    let only: BTreeSet<&String> = mine.keys().filter(|n| !before.contains_key(*n)).collect();
    println!(
        "{} families on both sides; only here: {only:?}",
        before.len()
    );
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}

fn compare(name: &str, mine: &Shown, before: &Shown, after: &Shown, errors: &mut Vec<String>) {
    let label_names = |s: &Shown| -> BTreeSet<String> {
        s.points.keys().flat_map(|l| l.keys().cloned()).collect()
    };
    if name != "node_disk_info" && label_names(mine) != label_names(before) {
        errors.push(format!(
            "{name} has the labels {:?} there, {:?} here",
            label_names(before),
            label_names(mine)
        ));
    }
    if free(name) {
        return;
    }
    for (labels, low) in &before.points {
        let Some(value) = mine.points.get(labels) else {
            errors.push(format!("{name}{labels:?} is missing here"));
            continue;
        };
        let high = after.points.get(labels).unwrap_or(low);
        if !near(name, &mine.kind, *value, *low, *high) {
            errors.push(format!(
                "{name}{labels:?} is {low}..{high} there, {value} here"
            ));
        }
    }
    for labels in mine.points.keys() {
        if !before.points.contains_key(labels) {
            errors.push(format!("{name}{labels:?} is missing there"));
        }
    }
}

/// Counters lie between the two readings, but for what a kernel keeps per core and adds up late.
/// Gauges that move may differ by a share of their size; the others are equal.
fn near(name: &str, kind: &str, value: f64, before: f64, after: f64) -> bool {
    let (low, high) = (before.min(after), before.max(after));
    let within = |slack: f64| low - slack <= value && value <= high + slack;
    if within(1e-9 * high.abs()) {
        return true;
    }
    let counts = kind == "counter" || name.starts_with("node_vmstat");
    // The reading itself is a connection.
    let gauge_of_tcp = name == "node_netstat_Tcp_CurrEstab";
    if counts || name.starts_with("node_netstat") && !gauge_of_tcp {
        return within(0.02 + high.abs() * 1e-3);
    }
    if name.starts_with("node_memory") {
        return within(64e6 + high.abs() * 0.05);
    }
    let moving = [
        "node_load",
        "node_procs",
        "node_sockstat",
        "node_filefd",
        "node_filesystem",
        "node_netstat",
        "node_disk_io_now",
        "node_entropy",
        "node_nf_conntrack",
        "node_arp",
        "node_timex",
        "node_udp",
        "node_time_seconds",
    ];
    moving.iter().any(|m| name.starts_with(m)) && within(8.0 + high.abs() * 0.05)
}

/// The table of the acceptance cases: every row of the default set is offered on this machine
/// where the real exporter offers it.
#[test]
fn the_default_set_is_offered() {
    let cases = std::env::var("BONGSU_CASES").unwrap_or_else(|_| "../shared/cases".to_owned());
    let Ok(table) = std::fs::read_to_string(format!("{cases}/host/families_table.tsv")) else {
        println!("skipped: {cases}/host/families_table.tsv is not there");
        return;
    };
    let mine = ours(Host::new(Options::default()).read());
    let theirs = Server::start().map(|s| s.scrape());
    let (mut rows, mut errors) = (0, Vec::new());
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let (name, kind, labels) = (cells[0], cells[1], cells[2]);
        if cells[3] != "1" || !name.starts_with("node_") {
            continue;
        }
        rows += 1;
        match mine.get(name) {
            None if theirs.as_ref().is_some_and(|t| !t.contains_key(name)) => {
                println!("neither has {name} on this machine");
            }
            None => errors.push(format!("{name} is missing")),
            Some(shown) => {
                let wanted: BTreeSet<&str> = labels.split(',').filter(|l| !l.is_empty()).collect();
                let extra = shown
                    .points
                    .keys()
                    .flat_map(|l| l.keys())
                    .find(|l| !wanted.contains(l.as_str()));
                if shown.kind != kind || extra.is_some() {
                    errors.push(format!(
                        "{name}: {kind} with {labels} is wanted; here {} with {extra:?}",
                        shown.kind
                    ));
                }
            }
        }
    }
    println!(
        "\nconformance host-families: {}/{rows}",
        rows - errors.len()
    );
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}
