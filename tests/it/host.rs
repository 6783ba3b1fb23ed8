//! Collectors on trees that stand in for machines: `tests/data/host/NAME.tree` unpacked, read,
//! and written as text beside `NAME.txt`. `UPDATE=1` writes the expectation anew.

use bongsu::base::clock::Clock;
use bongsu::collect::host::{COLLECTORS, Host, Options};
use bongsu::model::family::Family;
use bongsu::wire::exposition::{Format, write};
use std::fs;
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/host")
        .join(name)
}

/// `== path` begins a file, `== path -> target` is a link; what stands before the first is a
/// remark.
fn unpack(name: &str, root: &Path) {
    let text = fs::read_to_string(data(&format!("{name}.tree"))).unwrap();
    for part in text.split("\n== ").skip(1) {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let (path, target) = head.split_once(" -> ").unwrap_or((head, ""));
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if target.is_empty() {
            fs::write(&path, format!("{body}\n")).unwrap();
        } else {
            std::os::unix::fs::symlink(target, &path).unwrap();
        }
    }
}

/// What comes from the machine the test runs on, whatever the tree says.
fn of_this_machine(name: &str) -> bool {
    let prefixes = [
        "node_time_zone",
        "node_timex",
        "node_scrape_collector_duration",
        "node_exporter_build_info",
        "node_uname_info",
        "node_textfile_mtime",
        "node_filesystem_size",
        "node_filesystem_free",
        "node_filesystem_avail",
        "node_filesystem_files",
    ];
    prefixes.iter().any(|p| name.starts_with(p))
}

fn read(root: &Path) -> (Vec<Family>, Vec<String>) {
    let mut host = Host::new(Options {
        root: root.to_owned(),
        clock: Clock::fake(1_700_000_000_500),
        textfile_directory: Some(root.join("textfiles")),
        ..Options::default()
    });
    let families = host.read();
    let failed = |(name, said): &(&str, String)| format!("# {name}: {said}\n");
    let failures = host.failures().iter().filter(|(name, _)| *name != "timex");
    (families, failures.map(failed).collect())
}

fn check(name: &str) -> Vec<Family> {
    let dir = tempfile::tempdir().unwrap();
    unpack(name, dir.path());
    let (families, failures) = read(dir.path());
    let mut shown: Vec<Family> = families.clone();
    shown.retain(|f| !of_this_machine(&f.name));
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    let mut text = String::new();
    write::families(&shown, Format::Text, &mut text);
    let text: String = text
        .lines()
        // Some sandboxes refuse adjtimex.
        .filter(|l| !l.starts_with("# HELP") && !l.contains("\"timex\""))
        .map(|l| format!("{l}\n"))
        .chain(failures)
        .collect();
    let path = data(&format!("{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    for (i, (found, wanted)) in text.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(found, wanted, "{name}.txt:{}", i + 1);
    }
    assert_eq!(text.lines().count(), wanted.lines().count(), "{name}.txt");
    families
}

fn value(families: &[Family], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let family = families.iter().find(|f| f.name == name)?;
    let has = |p: &&bongsu::model::family::Point| labels.iter().all(|(n, v)| p.labels.get(n) == *v);
    family.points.iter().find(has).map(|p| p.value)
}

#[test]
fn a_kernel_of_2014_shows_what_it_has() {
    let families = check("old-kernel");
    let of = |name: &str, labels: &[(&str, &str)]| value(&families, name, labels);
    assert_eq!(of("node_pressure_cpu_waiting_seconds_total", &[]), None);
    assert_eq!(
        of(
            "node_scrape_collector_success",
            &[("collector", "pressure")]
        ),
        Some(0.0)
    );
    assert_eq!(of("node_disk_discards_completed_total", &[]), None);
    assert_eq!(
        of(
            "node_md_state",
            &[("device", "md1"), ("state", "recovering")]
        ),
        Some(1.0)
    );
    assert_eq!(
        of("node_disk_reads_completed_total", &[("device", "sda1")]),
        None
    );
}

#[test]
fn hardware_is_named_as_node_exporter_names_it() {
    let families = check("hardware");
    let of = |name: &str, labels: &[(&str, &str)]| value(&families, name, labels);
    let chip = [("chip", "platform_coretemp_0"), ("sensor", "temp1")];
    assert_eq!(of("node_hwmon_temp_celsius", &chip), Some(45.5));
    assert_eq!(of("node_infiniband_rate_bytes_per_second", &[]), Some(5e9));
    assert_eq!(
        of("node_rapl_package_joules_total", &[("index", "0")]),
        Some(200_000.366_267)
    );
    assert_eq!(
        of("node_btrfs_allocation_ratio", &[("mode", "raid5")]),
        Some(1.5)
    );
    // One core with two threads is counted once.
    let throttles = families
        .iter()
        .find(|f| f.name == "node_cpu_core_throttles_total");
    assert_eq!(throttles.unwrap().points.len(), 1);
}

/// Every default collector has something in one of the trees, so that none goes untested.
#[test]
fn every_collector_has_a_fixture() {
    let mut succeeded = Vec::new();
    for name in ["old-kernel", "hardware"] {
        let dir = tempfile::tempdir().unwrap();
        unpack(name, dir.path());
        let (families, _) = read(dir.path());
        let success = families
            .iter()
            .find(|f| f.name == "node_scrape_collector_success");
        for point in &success.unwrap().points {
            if point.value == 1.0 {
                succeeded.push(point.labels.get("collector").to_owned());
            }
        }
    }
    for collector in COLLECTORS.iter().filter(|c| c.on) {
        assert!(
            succeeded.iter().any(|s| s == collector.name),
            "{} succeeds in no tree",
            collector.name
        );
    }
}

/// Files of the kernel cut off, bent and filled with other bytes: no panic, no hang.
#[test]
fn broken_trees_are_survived() {
    for name in ["old-kernel", "hardware"] {
        for round in 0..9_usize {
            let dir = tempfile::tempdir().unwrap();
            unpack(name, dir.path());
            bend(dir.path(), round);
            read(dir.path());
        }
    }
}

fn bend(dir: &Path, round: usize) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            bend(&path, round);
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        match round {
            0 => bytes.clear(),
            1 => bytes = vec![0xff; 300],
            2 => bytes.fill(b'\n'),
            3 => bytes
                .iter_mut()
                .for_each(|b| *b = if *b == b' ' { b'\t' } else { *b }),
            4 => bytes = b": : : = -> [ ( )".to_vec(),
            _ => bytes.truncate(bytes.len() * (round - 4) / 5),
        }
        fs::write(&path, bytes).unwrap();
    }
}
