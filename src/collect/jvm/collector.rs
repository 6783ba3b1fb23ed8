//! The collectors of HotSpot: how their counters name things, and how the memory beans, and so
//! Micrometer, name the same. One table for all versions from JDK 8 to 25.

use crate::collect::jvm::hsperf::Counters;

pub(crate) const MINOR: &str = "end of minor GC";
pub(crate) const MAJOR: &str = "end of major GC";
pub(crate) const PAUSE: &str = "end of GC pause";
const NONE: (&str, &str) = ("", "");

pub(crate) struct Collector {
    /// As it stands in lists.
    pub(crate) name: &'static str,
    /// `sun.gc.policy.name`, where it has one.
    policy: &'static str,
    /// What the name of its first counter begins with.
    named: &'static str,
    /// Eden, survivor, old: the pools of the young generation's spaces 0 and 1-2, and of the old.
    pub(crate) pools: [&'static str; 3],
    /// Bean and action of the counters `sun.gc.collector.N`; empty where they count nothing.
    pub(crate) beans: [(&'static str, &'static str); 3],
    /// True where only the old pool has a limit, that of the whole heap.
    pub(crate) one_limit: bool,
    /// True where the spaces are written only at a collection.
    pub(crate) still: bool,
}

const COLLECTORS: &[Collector] = &[
    Collector {
        name: "G1",
        policy: "GarbageFirst",
        named: "G1",
        pools: ["G1 Eden Space", "G1 Survivor Space", "G1 Old Gen"],
        beans: [
            ("G1 Young Generation", MINOR),
            ("G1 Old Generation", MAJOR),
            ("G1 Concurrent GC", PAUSE),
        ],
        one_limit: true,
        still: true,
    },
    Collector {
        name: "Parallel",
        policy: "ParScav:MSC",
        named: "P",
        pools: ["PS Eden Space", "PS Survivor Space", "PS Old Gen"],
        beans: [("PS Scavenge", MINOR), ("PS MarkSweep", MAJOR), NONE],
        one_limit: false,
        still: false,
    },
    Collector {
        name: "CMS",
        policy: "ParNew:CMS",
        named: "CMS",
        pools: ["Par Eden Space", "Par Survivor Space", "CMS Old Gen"],
        beans: [("ParNew", MINOR), ("ConcurrentMarkSweep", MAJOR), NONE],
        one_limit: false,
        still: false,
    },
    Collector {
        name: "Serial",
        policy: "Copy:MSC",
        named: "Serial",
        pools: ["Eden Space", "Survivor Space", "Tenured Gen"],
        beans: [("Copy", MINOR), ("MarkSweepCompact", MAJOR), NONE],
        one_limit: false,
        still: false,
    },
    // With generations, from JDK 21 on.
    Collector {
        name: "ZGC",
        policy: "",
        named: "ZGC",
        pools: ["ZGC Young Generation", "", "ZGC Old Generation"],
        beans: [
            ("ZGC Minor Pauses", PAUSE),
            NONE,
            ("ZGC Major Pauses", PAUSE),
        ],
        one_limit: true,
        still: false,
    },
    Collector {
        name: "ZGC",
        policy: "",
        named: "Z ",
        pools: ["", "", "ZHeap"],
        beans: [NONE, NONE, ("ZGC Pauses", PAUSE)],
        one_limit: false,
        still: false,
    },
    Collector {
        name: "Shenandoah",
        policy: "",
        named: "Shenandoah",
        pools: ["", "", "Shenandoah"],
        beans: [NONE, ("Shenandoah Pauses", PAUSE), NONE],
        one_limit: false,
        still: false,
    },
];

const UNKNOWN: Collector = Collector {
    name: "",
    policy: "",
    named: "",
    pools: ["eden", "survivor", "old"],
    beans: [("young", MINOR), ("old", MAJOR), ("concurrent", PAUSE)],
    one_limit: false,
    still: false,
};

/// The collector of a JVM; one without a name that is known keeps the counters' own words.
pub(crate) fn of(counters: &Counters<'_>) -> &'static Collector {
    let policy = counters.text("sun.gc.policy.name");
    let by_policy = COLLECTORS.iter().find(|c| Some(c.policy) == policy);
    let names = [
        "sun.gc.collector.0.name",
        "sun.gc.collector.1.name",
        "sun.gc.collector.2.name",
    ];
    let name = names.iter().find_map(|n| counters.text(n));
    let by_name = || {
        let starts = |c: &&Collector| name.is_some_and(|n| n.starts_with(c.named));
        COLLECTORS.iter().find(starts)
    };
    by_policy.or_else(by_name).unwrap_or(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_names_its_collector() {
        for (counter, text, name, pool) in [
            ("sun.gc.policy.name", "GarbageFirst", "G1", "G1 Old Gen"),
            (
                "sun.gc.policy.name",
                "ParScav:MSC",
                "Parallel",
                "PS Old Gen",
            ),
            ("sun.gc.policy.name", "ParNew:CMS", "CMS", "CMS Old Gen"),
            ("sun.gc.policy.name", "Copy:MSC", "Serial", "Tenured Gen"),
            (
                "sun.gc.collector.2.name",
                "Z concurrent cycle pauses",
                "ZGC",
                "ZHeap",
            ),
            (
                "sun.gc.collector.0.name",
                "ZGC minor collection pauses",
                "ZGC",
                "ZGC Old Generation",
            ),
            (
                "sun.gc.collector.0.name",
                "Shenandoah partial",
                "Shenandoah",
                "Shenandoah",
            ),
            ("sun.gc.collector.0.name", "Something new", "", "old"),
        ] {
            let found = of(&Counters::of(&[], &[(counter, text)]));
            assert_eq!((found.name, found.pools[2]), (name, pool), "{text}");
        }
    }
}
