//! A JVM's counters as series, under the names Micrometer gives them, so that the rules and
//! dashboards that people have work without an exporter.

use crate::collect::jvm::hsperf::Counters;
use crate::model::answer::MetricKind;
use crate::model::family::{Family, Point};
use crate::model::labels::Labels;

/// The collectors by what their first counter's name begins with, and the pool names that
/// `MemoryPoolMXBean` and so Micrometer give their spaces.
const COLLECTORS: &[Collector] = &[
    Collector {
        named: "G1",
        pools: ["G1 Eden Space", "G1 Survivor Space", "G1 Old Gen"],
        beans: [
            "G1 Young Generation",
            "G1 Old Generation",
            "G1 Concurrent GC",
        ],
    },
    Collector {
        named: "Parallel",
        pools: ["PS Eden Space", "PS Survivor Space", "PS Old Gen"],
        beans: ["PS Scavenge", "PS MarkSweep", ""],
    },
    Collector {
        named: "Serial",
        pools: ["Eden Space", "Survivor Space", "Tenured Gen"],
        beans: ["Copy", "MarkSweepCompact", ""],
    },
    Collector {
        named: "Z",
        pools: ["", "", "ZHeap"],
        beans: ["ZGC Minor Pauses", "ZGC Major Pauses", "ZGC Pauses"],
    },
    Collector {
        named: "Shenandoah",
        pools: ["", "", "Shenandoah"],
        beans: ["Shenandoah Cycles", "Shenandoah Pauses", ""],
    },
];

const UNKNOWN: Collector = Collector {
    named: "",
    pools: ["eden", "survivor", "old"],
    beans: ["young", "old", "concurrent"],
};

struct Collector {
    named: &'static str,
    /// Eden, survivor, old: the space names of the young generation's 0 and 1-2, and of the old.
    pools: [&'static str; 3],
    beans: [&'static str; 3],
}

fn collector(counters: &Counters<'_>) -> &'static Collector {
    let name = (0..3).find_map(|i| counters.text(&format!("sun.gc.collector.{i}.name")));
    COLLECTORS
        .iter()
        .find(|c| name.is_some_and(|n| n.starts_with(c.named)))
        .unwrap_or(&UNKNOWN)
}

/// What must be remembered of a JVM between two readings to know how much it allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Allocation {
    last: Option<Eden>,
    /// Bytes since bongsu first saw the JVM.
    pub(crate) total: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Eden {
    used: f64,
    capacity: f64,
    collections: f64,
}

impl Allocation {
    /// Eden grows by what is allocated and is emptied by a collection: between two readings without
    /// one the growth counts; with `k` of them what was left of eden, `k - 1` full edens, and what
    /// is in it now.
    pub(crate) fn read(&mut self, counters: &Counters<'_>) {
        let Some(now) = eden(counters) else { return };
        if let Some(last) = self.last {
            let collections = now.collections - last.collections;
            self.total += if collections < 1.0 {
                (now.used - last.used).max(0.0)
            } else {
                (last.capacity - last.used).max(0.0)
                    + (collections - 1.0) * last.capacity
                    + now.used
            };
        }
        self.last = Some(now);
    }
}

fn eden(counters: &Counters<'_>) -> Option<Eden> {
    (counters.text("sun.gc.generation.0.space.0.name")? == "eden").then_some(())?;
    Some(Eden {
        used: counters.amount("sun.gc.generation.0.space.0.used")?,
        capacity: counters.amount("sun.gc.generation.0.space.0.capacity")?,
        collections: counters
            .amount("sun.gc.collector.0.invocations")
            .unwrap_or(0.0)
            + counters
                .amount("sun.gc.collector.1.invocations")
                .unwrap_or(0.0),
    })
}

/// All families of one JVM, without identity labels.
pub(crate) fn families(counters: &Counters<'_>, allocation: &Allocation) -> Vec<Family> {
    let mut out = memory(counters);
    out.extend(collections(counters, allocation));
    out.extend(single(counters));
    out.retain(|f| !f.points.is_empty());
    out
}

fn memory(counters: &Counters<'_>) -> Vec<Family> {
    let mut used = gauge("jvm_memory_used_bytes", "The amount of used memory");
    let mut committed = gauge(
        "jvm_memory_committed_bytes",
        "The memory that is committed for the JVM to use",
    );
    let mut max = gauge(
        "jvm_memory_max_bytes",
        "The most memory that can be used; -1 is no limit",
    );
    for pool in pools(counters) {
        let labels = [("area", pool.area), ("id", pool.id)];
        used.add(&labels, pool.used);
        committed.add(&labels, pool.committed);
        max.add(&labels, pool.max);
    }
    vec![used, committed, max]
}

struct Pool {
    area: &'static str,
    id: &'static str,
    used: f64,
    committed: f64,
    max: f64,
}

/// The pools as the memory beans show them. Their limits must add up to the heap's: with G1 only
/// the old generation has one, elsewhere eden's is what the survivors leave of the young one.
fn pools(counters: &Counters<'_>) -> Vec<Pool> {
    let collector = collector(counters);
    let [eden, survivor, old] = collector.pools;
    let pool = |area, id: &'static str, prefix: &str| {
        let amount = |what: &str| counters.amount(&format!("{prefix}.{what}"));
        let (committed, max) = (whole(amount("capacity")?), whole(amount("maxCapacity")?));
        (!id.is_empty()).then_some(Pool {
            area,
            id,
            used: amount("used")?,
            committed,
            max,
        })
    };
    let space = |g: u8, s: u8| format!("sun.gc.generation.{g}.space.{s}");
    let mut eden = pool("heap", eden, &space(0, 0));
    // Of the two survivor spaces one is in use; the beans show them as one pool.
    let survivors = [
        pool("heap", survivor, &space(0, 1)),
        pool("heap", survivor, &space(0, 2)),
    ];
    let mut survivor = survivors
        .into_iter()
        .flatten()
        .max_by(|a, b| a.used.total_cmp(&b.used));
    let young = counters.amount("sun.gc.generation.0.maxCapacity");
    if let (Some(eden), Some(survivor), Some(young)) = (&mut eden, &mut survivor, young) {
        let undefined = collector.named == "G1";
        survivor.max = if undefined { -1.0 } else { survivor.committed };
        eden.max = if undefined {
            -1.0
        } else {
            whole(young) - 2.0 * survivor.committed
        };
    }
    let rest = [
        pool("heap", old, &space(1, 0)),
        pool("nonheap", "Metaspace", "sun.gc.metaspace"),
        pool(
            "nonheap",
            "Compressed Class Space",
            "sun.gc.compressedclassspace",
        ),
    ];
    [eden, survivor].into_iter().chain(rest).flatten().collect()
}

/// Capacities without the few bytes of padding that G1 writes into them.
fn whole(bytes: f64) -> f64 {
    (bytes / 1024.0).floor() * 1024.0
}

fn collections(counters: &Counters<'_>, allocation: &Allocation) -> Vec<Family> {
    let mut pauses = Family::new(
        "jvm_gc_pause_seconds",
        MetricKind::Summary,
        "Time spent in GC pauses, by collector",
    );
    let beans = collector(counters).beans;
    for (i, bean) in beans.iter().enumerate() {
        let count = counters.amount(&format!("sun.gc.collector.{i}.invocations"));
        let time = counters.seconds(&format!("sun.gc.collector.{i}.time"));
        let (Some(count), Some(time), false) = (count, time, bean.is_empty()) else {
            continue;
        };
        let action = ["end of minor GC", "end of major GC", "end of GC pause"][i];
        let labels = Labels::from_pairs([("action", action), ("gc", bean)]);
        let point = |suffix, value| Point {
            suffix,
            labels: labels.clone(),
            value,
        };
        pauses
            .points
            .extend([point("_count", count), point("_sum", time)]);
    }
    let mut allocated = Family::new(
        "jvm_gc_memory_allocated_bytes_total",
        MetricKind::Counter,
        "Bytes allocated in eden since the JVM was first seen",
    );
    if allocation.last.is_some() {
        allocated.add(&[], allocation.total);
    }
    vec![pauses, allocated]
}

/// Families of one series each: name, kind, help, value.
fn single(counters: &Counters<'_>) -> Vec<Family> {
    let all = [threads(counters), classes(counters), machine(counters)].concat();
    let family = |(name, kind, help, value): Single| {
        let mut family = Family::new(name, kind, help);
        value.map(|v| family.add(&[], v));
        family
    };
    all.into_iter().map(family).collect()
}

type Single = (&'static str, MetricKind, &'static str, Option<f64>);

fn threads(counters: &Counters<'_>) -> Vec<Single> {
    let of = |name| counters.amount(name);
    vec![
        (
            "jvm_threads_live_threads",
            MetricKind::Gauge,
            "Live threads, daemons included",
            of("java.threads.live"),
        ),
        (
            "jvm_threads_daemon_threads",
            MetricKind::Gauge,
            "Live daemon threads",
            of("java.threads.daemon"),
        ),
        (
            "jvm_threads_peak_threads",
            MetricKind::Gauge,
            "The most live threads since start",
            of("java.threads.livePeak"),
        ),
        (
            "jvm_threads_started_threads_total",
            MetricKind::Counter,
            "Threads started",
            of("java.threads.started"),
        ),
    ]
}

/// With class data sharing most classes are counted as shared: both counts together are the truth.
fn classes(counters: &Counters<'_>) -> Vec<Single> {
    let sum = |own, shared| Some(counters.amount(own)? + counters.amount(shared)?);
    let loaded = sum("java.cls.loadedClasses", "java.cls.sharedLoadedClasses");
    let unloaded = sum("java.cls.unloadedClasses", "java.cls.sharedUnloadedClasses");
    let now = loaded.zip(unloaded).map(|(l, u)| (l - u).max(0.0));
    vec![
        (
            "jvm_classes_loaded_classes",
            MetricKind::Gauge,
            "Loaded classes, shared ones included",
            now,
        ),
        (
            "jvm_classes_unloaded_classes_total",
            MetricKind::Counter,
            "Unloaded classes",
            unloaded,
        ),
    ]
}

fn machine(counters: &Counters<'_>) -> Vec<Single> {
    let seconds = |name| counters.seconds(name);
    let began = counters
        .amount("sun.rt.createVmBeginTime")
        .map(|ms| ms / 1000.0);
    let counter = |name, help, value| (name, MetricKind::Counter, help, value);
    vec![
        counter(
            "jvm_compilation_time_ms_total",
            "Time spent compiling",
            seconds("java.ci.totalTime").map(|s| s * 1000.0),
        ),
        counter(
            "jvm_safepoints_total",
            "Safepoints reached",
            counters.amount("sun.rt.safepoints"),
        ),
        counter(
            "jvm_safepoint_seconds_total",
            "Time spent in safepoints",
            seconds("sun.rt.safepointTime"),
        ),
        counter(
            "jvm_safepoint_sync_seconds_total",
            "Time spent reaching safepoints",
            seconds("sun.rt.safepointSyncTime"),
        ),
        counter(
            "jvm_gc_cpu_seconds_total",
            "CPU time of the collector's threads (JDK 21 and newer)",
            seconds("sun.threads.total_gc_cpu_time"),
        ),
        (
            "process_start_time_seconds",
            MetricKind::Gauge,
            "Start of the JVM since the epoch",
            began,
        ),
    ]
}

fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::new(name, MetricKind::Gauge, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(families: &[Family], name: &str, label: &str) -> Option<f64> {
        let family = families.iter().find(|f| f.name == name)?;
        family
            .points
            .iter()
            .find(|p| p.labels.iter().any(|(_, v)| v == label))
            .map(|p| p.value)
    }

    fn g1() -> Vec<(&'static str, i64)> {
        vec![
            ("sun.gc.generation.0.maxCapacity", 67_108_888),
            ("sun.gc.generation.0.space.0.used", 1_000),
            ("sun.gc.generation.0.space.0.capacity", 3_145_736),
            ("sun.gc.generation.0.space.0.maxCapacity", 67_108_872),
            ("sun.gc.generation.0.space.1.used", 0),
            ("sun.gc.generation.0.space.1.capacity", 8),
            ("sun.gc.generation.0.space.1.maxCapacity", 8),
            ("sun.gc.generation.0.space.2.used", 7),
            ("sun.gc.generation.0.space.2.capacity", 1_048_584),
            ("sun.gc.generation.0.space.2.maxCapacity", 67_108_872),
            ("sun.gc.generation.1.space.0.used", 45),
            ("sun.gc.generation.1.space.0.capacity", 62_914_568),
            ("sun.gc.generation.1.space.0.maxCapacity", 67_108_872),
            ("sun.gc.collector.0.invocations", 3),
        ]
    }

    const G1_TEXTS: &[(&str, &str)] = &[
        ("sun.gc.collector.0.name", "G1 young collection pauses"),
        ("sun.gc.generation.0.space.0.name", "eden"),
    ];

    #[test]
    fn the_limits_of_g1_add_up_to_the_heap() {
        let families = families(&Counters::of(&g1(), G1_TEXTS), &Allocation::default());
        let max = |id| value(&families, "jvm_memory_max_bytes", id);
        assert_eq!(max("G1 Old Gen"), Some(67_108_864.0));
        assert_eq!(
            (max("G1 Eden Space"), max("G1 Survivor Space")),
            (Some(-1.0), Some(-1.0))
        );
        let used = |id| value(&families, "jvm_memory_used_bytes", id);
        assert_eq!(used("G1 Survivor Space"), Some(7.0));
    }

    #[test]
    fn allocation_counts_growth_and_the_edens_that_were_emptied() {
        let mut allocation = Allocation::default();
        let mut read = |used: i64, collections: i64| {
            let mut numbers = g1();
            numbers[1].1 = used;
            numbers[2].1 = 10_000;
            numbers.last_mut().unwrap().1 = collections;
            allocation.read(&Counters::of(&numbers, G1_TEXTS));
            allocation.total
        };
        assert_eq!(read(1_000, 3), 0.0);
        assert_eq!(read(4_000, 3), 3_000.0);
        // 6,000 were left in eden, one full eden more, and 500 are in it now.
        assert_eq!(read(500, 5), 3_000.0 + 6_000.0 + 10_000.0 + 500.0);
    }

    #[test]
    fn a_jvm_that_shows_little_gives_little() {
        assert_eq!(families(&Counters::default(), &Allocation::default()), []);
    }
}
