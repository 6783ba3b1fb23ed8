//! The names that JVM metrics have had, generation by generation, as one table of data.
//!
//! A [`Meaning`] is one number; its [`Source`]s are the series that told it: Micrometer's names,
//! those of the Java client 1.x and before (simpleclient, JMX exporter below 1.0), OpenTelemetry's of
//! today and of before 2023. Panels name meanings, never metrics. In a selector `$` stands for the
//! matchers of the instance.

/// Over which counters become paces: two scrapes of the usual longest interval.
const WINDOW: &str = "2m";
/// Pools outside of the heap, where a generation does not tell which they are.
macro_rules! outside {
    () => {
        "Metaspace|Compressed Class Space|Code Cache|CodeCache|CodeHeap.*|PS Perm Gen|Perm Gen"
    };
}

/// One number of a JVM, in all its spellings.
#[derive(Debug)]
pub(crate) struct Meaning {
    /// The label that tells its parts apart; empty where it has none.
    pub(crate) by: &'static str,
    pub(crate) sources: &'static [Source],
}

/// The series of one generation.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) series: &'static str,
    /// What this generation calls the label `by`.
    label: &'static str,
    /// What is done to its value: `> 0`, `/ 1000`; empty is nothing.
    then: &'static str,
}

const fn of(series: &'static str) -> Source {
    of_by(series, "")
}

const fn of_by(series: &'static str, label: &'static str) -> Source {
    Source {
        series,
        label,
        then: "",
    }
}

const fn then(source: Source, then: &'static str) -> Source {
    Source { then, ..source }
}

const fn meaning(by: &'static str, sources: &'static [Source]) -> Meaning {
    Meaning { by, sources }
}

pub(crate) static HEAP_USED: Meaning = meaning(
    "",
    &[
        of("jvm_memory_used_bytes{area=\"heap\",$}"),
        of("jvm_memory_used_bytes{jvm_memory_type=\"heap\",$}"),
        of("jvm_memory_bytes_used{area=\"heap\",$}"),
        of("process_runtime_jvm_memory_usage_bytes{type=\"heap\",$}"),
    ],
);
pub(crate) static HEAP_COMMITTED: Meaning = meaning(
    "",
    &[
        of("jvm_memory_committed_bytes{area=\"heap\",$}"),
        of("jvm_memory_committed_bytes{jvm_memory_type=\"heap\",$}"),
        of("jvm_memory_bytes_committed{area=\"heap\",$}"),
        of("process_runtime_jvm_memory_committed_bytes{type=\"heap\",$}"),
    ],
);
/// Pools without a limit say -1 and are left out.
pub(crate) static HEAP_MAX: Meaning = meaning(
    "",
    &[
        then(of("jvm_memory_max_bytes{area=\"heap\",$}"), "> 0"),
        then(
            of("jvm_memory_limit_bytes{jvm_memory_type=\"heap\",$}"),
            "> 0",
        ),
        then(of("jvm_memory_bytes_max{area=\"heap\",$}"), "> 0"),
        then(
            of("process_runtime_jvm_memory_limit_bytes{type=\"heap\",$}"),
            "> 0",
        ),
    ],
);
pub(crate) static HEAP_POOLS: Meaning = meaning(
    "pool",
    &[
        of_by("jvm_memory_used_bytes{area=\"heap\",id!=\"\",$}", "id"),
        of_by(
            "jvm_memory_used_bytes{jvm_memory_type=\"heap\",$}",
            "jvm_memory_pool_name",
        ),
        of(concat!(
            "jvm_memory_pool_used_bytes{pool!~\"",
            outside!(),
            "\",$}"
        )),
        of(concat!(
            "jvm_memory_pool_bytes_used{pool!~\"",
            outside!(),
            "\",$}"
        )),
        of("process_runtime_jvm_memory_usage_bytes{type=\"heap\",$}"),
    ],
);
pub(crate) static OTHER_POOLS: Meaning = meaning(
    "pool",
    &[
        of_by("jvm_memory_used_bytes{area=\"nonheap\",id!=\"\",$}", "id"),
        of_by(
            "jvm_memory_used_bytes{jvm_memory_type=\"non_heap\",$}",
            "jvm_memory_pool_name",
        ),
        of(concat!(
            "jvm_memory_pool_used_bytes{pool=~\"",
            outside!(),
            "\",$}"
        )),
        of(concat!(
            "jvm_memory_pool_bytes_used{pool=~\"",
            outside!(),
            "\",$}"
        )),
        of("process_runtime_jvm_memory_usage_bytes{type=\"non_heap\",$}"),
    ],
);
pub(crate) static BUFFERS: Meaning = meaning(
    "pool",
    &[
        of_by("jvm_buffer_memory_used_bytes{id!=\"\",$}", "id"),
        of("jvm_buffer_pool_used_bytes{$}"),
        of_by(
            "jvm_buffer_memory_used_bytes{jvm_buffer_pool_name!=\"\",$}",
            "jvm_buffer_pool_name",
        ),
        of_by("jvm_buffer_memory_usage_bytes{$}", "jvm_buffer_pool_name"),
        of("process_runtime_jvm_buffer_usage_bytes{$}"),
    ],
);
pub(crate) static GC_SECONDS: Meaning = meaning(
    "gc",
    &[
        of("jvm_gc_pause_seconds_sum{gc!=\"\",$}"),
        // Before it named the collector, Micrometer told the action only.
        of_by("jvm_gc_pause_seconds_sum{gc=\"\",$}", "action"),
        of("jvm_gc_collection_seconds_sum{$}"),
        of_by("jvm_gc_duration_seconds_sum{$}", "jvm_gc_name"),
        of("process_runtime_jvm_gc_duration_seconds_sum{$}"),
        then(
            of("process_runtime_jvm_gc_duration_milliseconds_sum{$}"),
            "/ 1000",
        ),
    ],
);
pub(crate) static GC_COUNT: Meaning = meaning(
    "gc",
    &[
        of("jvm_gc_pause_seconds_count{gc!=\"\",$}"),
        of_by("jvm_gc_pause_seconds_count{gc=\"\",$}", "action"),
        of("jvm_gc_collection_seconds_count{$}"),
        of_by("jvm_gc_duration_seconds_count{$}", "jvm_gc_name"),
        of("process_runtime_jvm_gc_duration_seconds_count{$}"),
        of("process_runtime_jvm_gc_duration_milliseconds_count{$}"),
    ],
);
/// Collections of the whole heap.
pub(crate) static GC_FULL: Meaning = meaning(
    "",
    &[
        of("jvm_gc_pause_seconds_count{action=\"end of major GC\",$}"),
        of(
            "jvm_gc_collection_seconds_count{gc=~\"G1 Old Generation|PS MarkSweep|MarkSweepCompact|ConcurrentMarkSweep\",$}",
        ),
        of("jvm_gc_duration_seconds_count{jvm_gc_action=\"end of major GC\",$}"),
        of("process_runtime_jvm_gc_duration_seconds_count{action=\"end of major GC\",$}"),
    ],
);
pub(crate) static GC_CAUSES: Meaning = meaning(
    "cause",
    &[
        of("jvm_gc_causes_total{$}"),
        of("jvm_gc_pause_seconds_count{cause!=\"\",$}"),
        of_by(
            "jvm_gc_duration_seconds_count{jvm_gc_cause!=\"\",$}",
            "jvm_gc_cause",
        ),
    ],
);
pub(crate) static GC_LONGEST: Meaning = meaning(
    "gc",
    &[
        of("jvm_gc_pause_seconds_max{gc!=\"\",$}"),
        of_by("jvm_gc_pause_seconds_max{gc=\"\",$}", "action"),
    ],
);
pub(crate) static ALLOCATED: Meaning = meaning(
    "",
    &[
        of("jvm_gc_memory_allocated_bytes_total{$}"),
        of("jvm_memory_pool_allocated_bytes_total{$}"),
    ],
);
pub(crate) static PROMOTED: Meaning = meaning("", &[of("jvm_gc_memory_promoted_bytes_total{$}")]);
pub(crate) static SAFEPOINT_SECONDS: Meaning = meaning("", &[of("jvm_safepoint_seconds_total{$}")]);
pub(crate) static SAFEPOINT_SYNC: Meaning =
    meaning("", &[of("jvm_safepoint_sync_seconds_total{$}")]);
pub(crate) static COMPILED: Meaning = meaning(
    "",
    &[
        then(of("jvm_compilation_time_ms_total{$}"), "/ 1000"),
        of("jvm_compilation_time_seconds_total{$}"),
    ],
);
pub(crate) static GC_CPU: Meaning = meaning("", &[of("jvm_gc_cpu_seconds_total{$}")]);
pub(crate) static THREADS: Meaning = meaning(
    "",
    &[
        of("jvm_threads_live_threads{$}"),
        of("jvm_threads_live{$}"),
        of("jvm_threads_current{$}"),
        of("jvm_thread_count{$}"),
        of("process_runtime_jvm_threads_count{$}"),
    ],
);
pub(crate) static DAEMONS: Meaning = meaning(
    "",
    &[
        of("jvm_threads_daemon_threads{$}"),
        of("jvm_threads_daemon{$}"),
        of("jvm_thread_count{jvm_thread_daemon=\"true\",$}"),
        of("process_runtime_jvm_threads_count{daemon=\"true\",$}"),
    ],
);
pub(crate) static PEAK: Meaning = meaning(
    "",
    &[of("jvm_threads_peak_threads{$}"), of("jvm_threads_peak{$}")],
);
pub(crate) static DEADLOCKED: Meaning = meaning("", &[of("jvm_threads_deadlocked{$}")]);
pub(crate) static STATES: Meaning = meaning(
    "state",
    &[
        of("jvm_threads_states_threads{$}"),
        of("jvm_threads_states{$}"),
        of("jvm_threads_state{$}"),
        of_by(
            "jvm_thread_count{jvm_thread_state!=\"\",$}",
            "jvm_thread_state",
        ),
    ],
);
pub(crate) static CLASSES: Meaning = meaning(
    "",
    &[
        of("jvm_classes_loaded_classes{$}"),
        of("jvm_classes_currently_loaded{$}"),
        // The oldest of Micrometer and of the Java client alike.
        of("jvm_classes_loaded{$}"),
        of("jvm_class_count{$}"),
        of("process_runtime_jvm_classes_current_loaded{$}"),
    ],
);
pub(crate) static CPU_SECONDS: Meaning = meaning(
    "",
    &[
        of("process_cpu_seconds_total{$}"),
        of("jvm_cpu_time_seconds_total{$}"),
    ],
);
/// A share of the whole machine, where no seconds are told.
pub(crate) static CPU_SHARE: Meaning = meaning(
    "",
    &[
        of("process_cpu_usage{$}"),
        of("jvm_cpu_recent_utilization_ratio{$}"),
        of("process_runtime_jvm_cpu_utilization_ratio{$}"),
    ],
);
pub(crate) static STARTED: Meaning = meaning("", &[of("process_start_time_seconds{$}")]);
pub(crate) static RESIDENT: Meaning = meaning("", &[of("process_resident_memory_bytes{$}")]);
pub(crate) static FILES: Meaning = meaning(
    "",
    &[of("process_files_open_files{$}"), of("process_open_fds{$}")],
);

// Spring Boot, and what its services share.
pub(crate) static REQUESTS: Meaning = meaning(
    "uri",
    &[
        of("http_server_requests_seconds_count{$}"),
        of_by(
            "http_server_request_duration_seconds_count{$}",
            "http_route",
        ),
        of_by("http_server_duration_milliseconds_count{$}", "http_route"),
    ],
);
pub(crate) static REQUEST_ERRORS: Meaning = meaning(
    "uri",
    &[
        of("http_server_requests_seconds_count{status=~\"5..\",$}"),
        of_by(
            "http_server_request_duration_seconds_count{http_response_status_code=~\"5..\",$}",
            "http_route",
        ),
        of_by(
            "http_server_duration_milliseconds_count{http_status_code=~\"5..\",$}",
            "http_route",
        ),
    ],
);
pub(crate) static REQUEST_SECONDS: Meaning = meaning(
    "uri",
    &[
        of("http_server_requests_seconds_sum{$}"),
        of_by("http_server_request_duration_seconds_sum{$}", "http_route"),
        then(
            of_by("http_server_duration_milliseconds_sum{$}", "http_route"),
            "/ 1000",
        ),
    ],
);
pub(crate) static REQUEST_LONGEST: Meaning =
    meaning("uri", &[of("http_server_requests_seconds_max{$}")]);
pub(crate) static CLIENT_REQUESTS: Meaning = meaning(
    "uri",
    &[
        of("http_client_requests_seconds_count{$}"),
        of_by(
            "http_client_request_duration_seconds_count{$}",
            "server_address",
        ),
    ],
);
pub(crate) static CLIENT_SECONDS: Meaning = meaning(
    "uri",
    &[
        of("http_client_requests_seconds_sum{$}"),
        of_by(
            "http_client_request_duration_seconds_sum{$}",
            "server_address",
        ),
    ],
);
pub(crate) static DB_ACTIVE: Meaning = meaning(
    "",
    &[
        of("hikaricp_connections_active{$}"),
        of("jdbc_connections_active{$}"),
        of("db_client_connections_usage{state=\"used\",$}"),
        of("db_client_connection_count{db_client_connection_state=\"used\",$}"),
    ],
);
pub(crate) static DB_IDLE: Meaning = meaning(
    "",
    &[
        of("hikaricp_connections_idle{$}"),
        of("jdbc_connections_idle{$}"),
        of("db_client_connections_usage{state=\"idle\",$}"),
        of("db_client_connection_count{db_client_connection_state=\"idle\",$}"),
    ],
);
pub(crate) static DB_PENDING: Meaning = meaning(
    "",
    &[
        of("hikaricp_connections_pending{$}"),
        of("db_client_connections_pending_requests{$}"),
        of("db_client_connection_pending_requests{$}"),
    ],
);
pub(crate) static DB_MOST: Meaning = meaning(
    "",
    &[
        of("hikaricp_connections_max{$}"),
        of("jdbc_connections_max{$}"),
        of("db_client_connections_max{$}"),
        of("db_client_connection_max{$}"),
    ],
);
pub(crate) static DB_TIMEOUTS: Meaning =
    meaning("", &[of("hikaricp_connections_timeout_total{$}")]);
pub(crate) static DB_WAIT_SECONDS: Meaning =
    meaning("pool", &[of("hikaricp_connections_acquire_seconds_sum{$}")]);
pub(crate) static DB_WAITS: Meaning = meaning(
    "pool",
    &[of("hikaricp_connections_acquire_seconds_count{$}")],
);
pub(crate) static TOMCAT_BUSY: Meaning = meaning(
    "",
    &[
        of("tomcat_threads_busy_threads{$}"),
        of("tomcat_threads_busy{$}"),
    ],
);
pub(crate) static TOMCAT_THREADS: Meaning = meaning(
    "",
    &[
        of("tomcat_threads_current_threads{$}"),
        of("tomcat_threads_current{$}"),
    ],
);
pub(crate) static TOMCAT_MOST: Meaning = meaning(
    "",
    &[
        then(of("tomcat_threads_config_max_threads{$}"), "> 0"),
        then(of("tomcat_threads_config_max{$}"), "> 0"),
    ],
);
pub(crate) static SESSIONS: Meaning = meaning(
    "",
    &[
        of("tomcat_sessions_active_current_sessions{$}"),
        of("tomcat_sessions_active_current{$}"),
    ],
);
pub(crate) static LOG_EVENTS: Meaning = meaning(
    "level",
    &[of("logback_events_total{$}"), of("log4j2_events_total{$}")],
);
pub(crate) static EXECUTOR_ACTIVE: Meaning = meaning(
    "name",
    &[of("executor_active_threads{$}"), of("executor_active{$}")],
);
pub(crate) static EXECUTOR_QUEUED: Meaning = meaning(
    "name",
    &[of("executor_queued_tasks{$}"), of("executor_queued{$}")],
);
pub(crate) static CACHE_HITS: Meaning =
    meaning("cache", &[of("cache_gets_total{result=\"hit\",$}")]);
pub(crate) static CACHE_GETS: Meaning = meaning("cache", &[of("cache_gets_total{$}")]);

/// What of a number is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Value,
    /// Its pace a second.
    Rate,
    /// Its pace against that of another: a mean, or a share.
    Over(&'static Meaning),
}

impl Meaning {
    /// By instance, of all of them.
    pub(crate) fn by_instance(&self, how: How) -> String {
        format!(
            "sum by (instance) ({})",
            self.union("", !matches!(how, How::Value))
        )
    }

    /// Of one instance, by what tells its parts apart; `only` is the matcher of the instance.
    pub(crate) fn of_one(&self, only: &str, how: How) -> String {
        let sum = |of: &Self, rate: bool| match self.by {
            "" => format!("sum({})", of.union(only, rate)),
            by => format!("sum by ({by}) ({})", of.union(only, rate)),
        };
        match how {
            How::Value => sum(self, false),
            How::Rate => sum(self, true),
            How::Over(other) => format!("({} / ({} > 0))", sum(self, true), sum(other, true)),
        }
    }

    /// All sources as one set: what a JVM does not have adds nothing.
    fn union(&self, only: &str, rate: bool) -> String {
        let one = |source: &Source| {
            let selector = source.series.replace('$', only).replace(",}", "}");
            let mut expr = if rate {
                format!("rate({selector}[{WINDOW}])")
            } else {
                selector
            };
            if !source.then.is_empty() {
                expr = format!("({expr} {})", source.then);
            }
            if !source.label.is_empty() && source.label != self.by {
                let (by, label) = (self.by, source.label);
                expr = format!("label_replace({expr}, \"{by}\", \"$1\", \"{label}\", \"(.*)\")");
            }
            expr
        };
        let all: Vec<String> = self.sources.iter().map(one).collect();
        all.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_becomes_one_question() {
        assert_eq!(
            CPU_SECONDS.by_instance(How::Rate),
            "sum by (instance) (rate(process_cpu_seconds_total{}[2m]) or rate(jvm_cpu_time_seconds_total{}[2m]))"
        );
        let only = "instance=\"a\"";
        assert_eq!(
            GC_LONGEST.of_one(only, How::Value),
            "sum by (gc) (jvm_gc_pause_seconds_max{gc!=\"\",instance=\"a\"} or label_replace(\
             jvm_gc_pause_seconds_max{gc=\"\",instance=\"a\"}, \"gc\", \"$1\", \"action\", \"(.*)\"))"
        );
        assert_eq!(
            CACHE_HITS.of_one(only, How::Over(&CACHE_GETS)),
            "(sum by (cache) (rate(cache_gets_total{result=\"hit\",instance=\"a\"}[2m])) / \
             (sum by (cache) (rate(cache_gets_total{instance=\"a\"}[2m])) > 0))"
        );
    }
}
