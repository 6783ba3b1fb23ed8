//! A JVM's counters as series, under the names Micrometer gives them, so that the rules and
//! dashboards that people have work without an exporter.

use crate::collect::jvm::collector;
use crate::collect::jvm::heap_info::HeapNow;
use crate::collect::jvm::hsperf::Counters;
use crate::model::answer::MetricKind;
use crate::model::family::{Family, Point};
use crate::model::labels::Labels;

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
    /// is in it now. A reading in the middle of a collection waits for the next: the collection is
    /// counted when it begins, and eden is still full until it ends.
    pub(crate) fn read(&mut self, counters: &Counters<'_>) {
        let Some(now) = eden(counters) else { return };
        if collecting(counters) {
            return;
        }
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

/// Whether a collection of eden began and did not end yet.
fn collecting(counters: &Counters<'_>) -> bool {
    [
        [
            "sun.gc.collector.0.lastEntryTime",
            "sun.gc.collector.0.lastExitTime",
        ],
        [
            "sun.gc.collector.1.lastEntryTime",
            "sun.gc.collector.1.lastExitTime",
        ],
    ]
    .into_iter()
    .any(|[begun, ended]| counters.amount(begun) > counters.amount(ended))
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

const INVOCATIONS: [&str; 3] = [
    "sun.gc.collector.0.invocations",
    "sun.gc.collector.1.invocations",
    "sun.gc.collector.2.invocations",
];
const TIMES: [&str; 3] = [
    "sun.gc.collector.0.time",
    "sun.gc.collector.1.time",
    "sun.gc.collector.2.time",
];
/// Causes that are told apart: a JVM knows about forty.
const MAX_CAUSES: usize = 64;

/// How many collections had which cause. The JVM tells the last cause only, so those between two
/// readings are counted to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Causes {
    seen: Option<[f64; 3]>,
    /// Place of the collector, cause, collections since bongsu first saw the JVM.
    counts: Vec<(usize, String, f64)>,
}

impl Causes {
    pub(crate) fn read(&mut self, counters: &Counters<'_>) {
        let now = INVOCATIONS.map(|name| counters.amount(name).unwrap_or(0.0));
        let before = self.seen.replace(now);
        let (Some(before), Some(cause)) = (before, counters.text("sun.gc.lastCause")) else {
            return;
        };
        for at in 0..3 {
            let more = now[at] - before[at];
            if more <= 0.0 {
                continue;
            }
            let same = |c: &&mut (usize, String, f64)| c.0 == at && c.1 == cause;
            if let Some(known) = self.counts.iter_mut().find(same) {
                known.2 += more;
            } else if self.counts.len() < MAX_CAUSES {
                self.counts.push((at, cause.to_owned(), more));
            }
        }
    }
}

/// What is known of a JVM beside its counters of this moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) allocation: Allocation,
    pub(crate) causes: Causes,
    /// Where attaching is allowed: the heap that G1's counters do not show.
    pub(crate) heap: Option<HeapNow>,
}

/// All families of one JVM, without identity labels.
pub(crate) fn families(counters: &Counters<'_>, memory: &Memory) -> Vec<Family> {
    let mut out = pools_of(counters, memory.heap);
    out.extend(collections(counters, memory));
    out.extend(single(counters));
    out.push(info(counters));
    out.retain(|f| !f.points.is_empty());
    out
}

/// Version and vendor, as Micrometer shows them.
fn info(counters: &Counters<'_>) -> Family {
    let mut family = gauge("jvm_info", "Version of the JVM");
    let of = |name| counters.text(name);
    if let Some(version) = of("java.property.java.vm.version") {
        let vendor = of("java.property.java.vm.vendor").unwrap_or_default();
        let runtime = of("java.property.java.vm.name").unwrap_or_default();
        let labels = [
            ("runtime", runtime),
            ("vendor", vendor),
            ("version", version),
        ];
        family.add(&labels, 1.0);
    }
    family
}

fn pools_of(counters: &Counters<'_>, heap: Option<HeapNow>) -> Vec<Family> {
    let mut used = gauge("jvm_memory_used_bytes", "The amount of used memory");
    let mut committed = gauge(
        "jvm_memory_committed_bytes",
        "The memory that is committed for the JVM to use",
    );
    let mut max = gauge(
        "jvm_memory_max_bytes",
        "The most memory that can be used; -1 is no limit",
    );
    for pool in pools(counters, heap) {
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

/// The spaces of the counters: eden, the two survivors, old, and what lies outside of the heap.
const SPACES: [[&str; 3]; 6] = [
    [
        "sun.gc.generation.0.space.0.used",
        "sun.gc.generation.0.space.0.capacity",
        "sun.gc.generation.0.space.0.maxCapacity",
    ],
    [
        "sun.gc.generation.0.space.1.used",
        "sun.gc.generation.0.space.1.capacity",
        "sun.gc.generation.0.space.1.maxCapacity",
    ],
    [
        "sun.gc.generation.0.space.2.used",
        "sun.gc.generation.0.space.2.capacity",
        "sun.gc.generation.0.space.2.maxCapacity",
    ],
    [
        "sun.gc.generation.1.space.0.used",
        "sun.gc.generation.1.space.0.capacity",
        "sun.gc.generation.1.space.0.maxCapacity",
    ],
    [
        "sun.gc.metaspace.used",
        "sun.gc.metaspace.capacity",
        "sun.gc.metaspace.maxCapacity",
    ],
    [
        "sun.gc.compressedclassspace.used",
        "sun.gc.compressedclassspace.capacity",
        "sun.gc.compressedclassspace.maxCapacity",
    ],
];

/// The pools as the memory beans show them. Their limits must add up to the heap's: with G1 only
/// the old generation has one, elsewhere eden's is what the survivors leave of the young one.
fn pools(counters: &Counters<'_>, heap: Option<HeapNow>) -> Vec<Pool> {
    let collector = collector::of(counters);
    let [eden, survivor, old] = collector.pools;
    let pool = |area, id: &'static str, [used, capacity, max]: [&str; 3]| {
        (!id.is_empty()).then_some(Pool {
            area,
            id,
            used: counters.amount(used)?,
            committed: whole(counters.amount(capacity)?),
            max: whole(counters.amount(max)?),
        })
    };
    let mut eden = pool("heap", eden, SPACES[0]);
    // Of the two survivor spaces one is in use; the beans show them as one pool.
    let survivors = [SPACES[1], SPACES[2]].map(|s| pool("heap", survivor, s));
    let mut survivor = survivors
        .into_iter()
        .flatten()
        .max_by(|a, b| a.used.total_cmp(&b.used));
    let mut old = pool("heap", old, SPACES[3]);
    let young = counters.amount("sun.gc.generation.0.maxCapacity");
    if collector.one_limit {
        for pool in [&mut eden, &mut survivor].into_iter().flatten() {
            pool.max = -1.0;
        }
    } else if let (Some(eden), Some(survivor), Some(young)) = (&mut eden, &mut survivor, young) {
        survivor.max = survivor.committed;
        eden.max = whole(young) - 2.0 * survivor.committed;
    }
    if let (Some(now), Some(eden), Some(survivor), Some(old)) =
        (heap, &mut eden, &mut survivor, &mut old)
    {
        // Young regions are counted whole, so that what is used may be less than they are.
        old.used = (now.used - now.young).max(0.0);
        survivor.used = now.survivors.min(now.used - old.used);
        eden.used = now.used - old.used - survivor.used;
    }
    let rest = [
        old,
        pool("nonheap", "Metaspace", SPACES[4]),
        pool("nonheap", "Compressed Class Space", SPACES[5]),
    ];
    [eden, survivor].into_iter().chain(rest).flatten().collect()
}

/// Capacities without the few bytes of padding that G1 writes into them.
fn whole(bytes: f64) -> f64 {
    (bytes / 1024.0).floor() * 1024.0
}

fn collections(counters: &Counters<'_>, memory: &Memory) -> Vec<Family> {
    let mut pauses = Family::new(
        "jvm_gc_pause_seconds",
        MetricKind::Summary,
        "Time spent in GC pauses, by collector",
    );
    let beans = collector::of(counters).beans;
    for (i, (bean, action)) in beans.into_iter().enumerate() {
        let count = counters.amount(INVOCATIONS[i]);
        let time = counters.seconds(TIMES[i]);
        let (Some(count), Some(time), false) = (count, time, bean.is_empty()) else {
            continue;
        };
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
    let mut causes = Family::new(
        "jvm_gc_causes_total",
        MetricKind::Counter,
        "Collections since the JVM was first seen, by the cause told at the reading after them",
    );
    for (at, cause, count) in &memory.causes.counts {
        causes.add(&[("cause", cause), ("gc", beans[*at].0)], *count);
    }
    let mut allocated = Family::new(
        "jvm_gc_memory_allocated_bytes_total",
        MetricKind::Counter,
        "Bytes allocated in eden since the JVM was first seen",
    );
    if memory.allocation.last.is_some() {
        allocated.add(&[], memory.allocation.total);
    }
    vec![pauses, causes, allocated]
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

/// Milliseconds since the epoch, as the runtime bean and so every exporter tells it: the end of the
/// machine's start.
pub(crate) fn began_at(counters: &Counters<'_>) -> Option<f64> {
    let of = |name| counters.amount(name).filter(|ms| *ms > 0.0);
    of("sun.rt.vmInitDoneTime").or_else(|| of("sun.rt.createVmBeginTime"))
}

fn machine(counters: &Counters<'_>) -> Vec<Single> {
    let seconds = |name| counters.seconds(name);
    let began = began_at(counters).map(|ms| ms / 1000.0);
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
            "jvm_gc_max_data_size_bytes",
            MetricKind::Gauge,
            "The most that the old generation can hold",
            counters
                .amount("sun.gc.generation.1.space.0.maxCapacity")
                .map(whole),
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
        let families = families(&Counters::of(&g1(), G1_TEXTS), &Memory::default());
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
    fn the_heap_that_was_asked_stands_in_for_the_still_counters() {
        let heap = HeapNow {
            used: 10_000.0,
            young: 6_000.0,
            survivors: 1_000.0,
        };
        let memory = Memory {
            heap: Some(heap),
            ..Memory::default()
        };
        let families = families(&Counters::of(&g1(), G1_TEXTS), &memory);
        let used = |id| value(&families, "jvm_memory_used_bytes", id);
        let pools = ["G1 Eden Space", "G1 Survivor Space", "G1 Old Gen"];
        assert_eq!(
            pools.map(used),
            [Some(5_000.0), Some(1_000.0), Some(4_000.0)]
        );
    }

    #[test]
    fn collections_are_counted_by_their_cause() {
        let mut causes = Causes::default();
        let mut read = |young: i64, cause: &'static str| {
            let mut numbers = g1();
            numbers.last_mut().unwrap().1 = young;
            causes.read(&Counters::of(&numbers, &[("sun.gc.lastCause", cause)]));
            causes.counts.clone()
        };
        assert_eq!(read(3, "G1 Evacuation Pause"), []);
        read(5, "G1 Evacuation Pause");
        read(5, "System.gc()");
        let counts = read(6, "System.gc()");
        let counts: Vec<(&str, f64)> = counts.iter().map(|c| (c.1.as_str(), c.2)).collect();
        assert_eq!(counts, [("G1 Evacuation Pause", 2.0), ("System.gc()", 1.0)]);
    }

    #[test]
    fn a_jvm_that_shows_little_gives_little() {
        assert_eq!(families(&Counters::default(), &Memory::default()), []);
    }
}
