//! What a pass over 500 containers costs, from their cgroup files to the live ring: a live pass, a
//! stored one, and the look for new cgroups that goes with it. The tree is made up, v2, with the
//! files a real one has; on a real cgroup file system reading itself is dearer, which
//! `benches/peers/containers.py` measures. `cargo bench --bench containers`.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use bongsu::collect::container::cgroup::Cgroups;
use bongsu::collect::container::run::{Parts, Reader};
use bongsu::model::answer::Metadata;
use bongsu::model::labels::Labels;
use bongsu::store::live::Ring;
use bongsu::store::write::{Append, Appended, MetricSink, SeriesId, WriteError};
use criterion::{Criterion, criterion_group, criterion_main};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

const CONTAINERS: usize = 500;

/// The live ring, and a store that gives numbers and keeps nothing.
#[derive(Default)]
struct Sink {
    ring: Ring,
    series: AtomicU64,
}

impl MetricSink for Sink {
    fn resolve(&self, _: &Labels) -> Result<SeriesId, WriteError> {
        Ok(SeriesId(self.series.fetch_add(1, Ordering::Relaxed)))
    }

    fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
        black_box(batch);
        Ok(Appended::default())
    }

    fn append_live(&self, batch: &[(Labels, i64, f64)]) {
        self.ring.append(batch);
    }

    fn describe(&self, metadata: &[Metadata]) {
        self.ring.describe(metadata);
    }
}

const FILES: &[(&str, &str)] = &[
    ("cpu.max", "50000 100000\n"),
    ("cpu.weight", "100\n"),
    ("memory.max", "536870912\n"),
    ("memory.low", "0\n"),
    ("memory.peak", "104857600\n"),
    ("memory.swap.current", "0\n"),
    ("memory.swap.max", "max\n"),
    (
        "memory.events",
        "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
    ),
    (
        "io.stat",
        "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
    ),
    ("pids.current", "31\n"),
    ("pids.max", "512\n"),
    ("cpu.pressure", PRESSURE),
    ("memory.pressure", PRESSURE),
    ("io.pressure", PRESSURE),
];
const PRESSURE: &str = "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n";
const NET: &str = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0\n  eth0:    4096      31    0    0    0     0          0         0     2048      30    0    0    0     0       0          0\n";

fn write(dir: &Path, name: &str, text: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(name), text).unwrap();
}

fn cgroup(root: &Path, n: usize) -> std::path::PathBuf {
    root.join(format!("sys/fs/cgroup/system.slice/docker-{n:064x}.scope"))
}

/// One that has worked since the last look.
fn work(root: &Path, n: usize, turn: u64) {
    let dir = cgroup(root, n);
    let usage = 1_000_000 + turn;
    let cpu = format!(
        "usage_usec {usage}\nuser_usec {usage}\nsystem_usec 0\nnr_periods 10\nnr_throttled 4\nthrottled_usec 500000\n"
    );
    write(&dir, "cpu.stat", &cpu);
    write(&dir, "memory.current", &format!("{}\n", 50_000_000 + turn));
}

fn tree(root: &Path) {
    write(
        &root.join("proc/self"),
        "mounts",
        "none /sys/fs/cgroup cgroup2 rw 0 0\n",
    );
    // As many lines as a kernel of today writes.
    let rest: Vec<String> = (0..45)
        .map(|n| format!("workingset_part_{n} 12345678"))
        .collect();
    let stat = format!(
        "anon 30000000\nfile 20000000\nfile_mapped 500000\ninactive_file 9000000\n{}\npgfault 70000\npgmajfault 7\n",
        rest.join("\n")
    );
    for n in 0..CONTAINERS {
        let dir = cgroup(root, n);
        let pid = 1_000 + n;
        write(&dir, "cgroup.procs", &format!("{pid}\n"));
        write(&dir, "memory.stat", &stat);
        for (name, text) in FILES {
            write(&dir, name, text);
        }
        work(root, n, 0);
        let process = root.join(format!("proc/{pid}"));
        write(
            &process,
            "cgroup",
            &format!("0::/system.slice/docker-{n:064x}.scope\n"),
        );
        write(&process.join("net"), "dev", NET);
    }
}

fn passes(c: &mut Criterion) {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let root = root.unwrap();
    tree(root.path());
    let (_tell, known) = watch::channel(Arc::default());
    let mut reader = Reader::new(Parts {
        cgroups: Cgroups::new(root.path()),
        sink: Arc::new(Sink::default()),
        host: "web1".to_owned(),
        labels: Vec::new(),
        known,
        places: watch::Sender::default(),
        scraped: watch::channel(Arc::default()).1,
        shown_by: watch::Sender::default(),
    });
    let mut now = 0;
    assert_eq!(reader.read(now, true), CONTAINERS);
    let mut turn = 0;
    let mut pass = |store: bool, busy: bool, step: i64| {
        if busy {
            turn += 1;
            (0..CONTAINERS).for_each(|n| work(root.path(), n, turn));
        }
        now += step;
        (now, store)
    };
    let mut group = c.benchmark_group("500 containers");
    group.sample_size(20);
    group.bench_function("live pass, all idle", |b| {
        b.iter_batched(
            || pass(false, false, 2_000),
            |(now, store)| assert_eq!(reader.read(now, store), CONTAINERS),
            criterion::BatchSize::PerIteration,
        );
    });
    group.bench_function("live pass, all at work", |b| {
        b.iter_batched(
            || pass(false, true, 2_000),
            |(now, store)| assert_eq!(reader.read(now, store), CONTAINERS),
            criterion::BatchSize::PerIteration,
        );
    });
    group.bench_function("stored pass with its look, all at work", |b| {
        b.iter_batched(
            || pass(true, true, 15_000),
            |(now, store)| assert_eq!(reader.read(now, store), CONTAINERS),
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, passes);
criterion_main!(benches);
