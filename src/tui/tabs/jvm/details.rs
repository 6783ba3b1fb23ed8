//! The charts of one JVM, section by section: what is drawn, and from which numbers.

use crate::model::view::{Mark, MarkKind};
use crate::tui::panel::Shown;
use crate::tui::panel::jvm::names::{self, How, Meaning};
use crate::tui::panel::plot::{self, Place};
use crate::tui::widget::Look;
use crate::tui::widget::chart::Form;
use crate::tui::widget::frame::Frame;
use crate::tui::widget::unit::Unit;

/// What `Tab` goes through, below the list.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) charts: &'static [Detail],
    /// Said where none of its charts has a sample.
    pub(super) why_empty: &'static str,
    pub(super) way_out: &'static str,
}

/// One chart.
pub(super) struct Detail {
    title: &'static str,
    unit: Unit,
    form: Form,
    /// Full collections are marked on it.
    marks: bool,
    /// Said where it has no samples.
    none: &'static str,
    lines: &'static [Line],
}

/// One curve, or one for each part of a number.
pub(super) struct Line {
    /// Empty where the parts have names of their own.
    name: &'static str,
    of: &'static Meaning,
    how: How,
}

const fn value(name: &'static str, of: &'static Meaning) -> Line {
    Line {
        name,
        of,
        how: How::Value,
    }
}

const fn rate(name: &'static str, of: &'static Meaning) -> Line {
    Line {
        name,
        of,
        how: How::Rate,
    }
}

const fn over(of: &'static Meaning, by: &'static Meaning) -> Line {
    Line {
        name: "",
        of,
        how: How::Over(by),
    }
}

const fn chart(title: &'static str, unit: Unit, lines: &'static [Line]) -> Detail {
    Detail {
        title,
        unit,
        form: Form::Curves,
        marks: false,
        none: "This JVM does not tell.",
        lines,
    }
}

const fn marked(detail: Detail) -> Detail {
    Detail {
        marks: true,
        ..detail
    }
}

const fn or(none: &'static str, detail: Detail) -> Detail {
    Detail { none, ..detail }
}

const fn stacked(detail: Detail) -> Detail {
    Detail {
        form: Form::Stack,
        ..detail
    }
}

const AGENTLESS: &str =
    "An agentless JVM does not tell this; it needs Micrometer and a scrape (Targets, . adds one).";

pub(super) static SECTIONS: &[Section] = &[
    Section {
        name: "Memory",
        charts: &[
            marked(stacked(chart(
                "Heap by pool",
                Unit::Bytes,
                &[value("", &names::HEAP_POOLS)],
            ))),
            marked(chart(
                "Heap: used, committed, limit",
                Unit::Bytes,
                &[
                    value("used", &names::HEAP_USED),
                    value("committed", &names::HEAP_COMMITTED),
                    value("limit", &names::HEAP_MAX),
                ],
            )),
            chart(
                "Allocation",
                Unit::BytesPerSecond,
                &[
                    rate("allocated", &names::ALLOCATED),
                    rate("promoted", &names::PROMOTED),
                ],
            ),
            chart(
                "Outside of the heap",
                Unit::Bytes,
                &[
                    value("", &names::OTHER_POOLS),
                    value("", &names::BUFFERS),
                    value("resident", &names::RESIDENT),
                ],
            ),
        ],
        why_empty: "No samples in this stretch of time.",
        way_out: plot::OTHER_TIME,
    },
    Section {
        name: "Collections",
        charts: &[
            marked(chart(
                "Time in collections",
                Unit::Ratio,
                &[rate("", &names::GC_SECONDS)],
            )),
            marked(chart(
                "Collections a second",
                Unit::PerSecond,
                &[rate("", &names::GC_COUNT)],
            )),
            chart(
                "Mean and longest pause",
                Unit::Seconds,
                &[
                    over(&names::GC_SECONDS, &names::GC_COUNT),
                    value("longest", &names::GC_LONGEST),
                ],
            ),
            chart(
                "Collections by cause",
                Unit::PerSecond,
                &[rate("", &names::GC_CAUSES)],
            ),
        ],
        why_empty: "No samples in this stretch of time.",
        way_out: plot::OTHER_TIME,
    },
    Section {
        name: "Threads",
        charts: &[
            chart(
                "Threads",
                Unit::Short,
                &[
                    value("live", &names::THREADS),
                    value("daemon", &names::DAEMONS),
                    value("peak", &names::PEAK),
                    value("deadlocked", &names::DEADLOCKED),
                ],
            ),
            stacked(chart(
                "Threads by state",
                Unit::Short,
                &[value("", &names::STATES)],
            )),
            chart(
                "CPU",
                Unit::Ratio,
                &[
                    rate("all, of one core", &names::CPU_SECONDS),
                    rate("collector", &names::GC_CPU),
                    rate("compiler", &names::COMPILED),
                    value("of the machine", &names::CPU_SHARE),
                ],
            ),
            chart(
                "Time at safepoints",
                Unit::Ratio,
                &[
                    rate("standing", &names::SAFEPOINT_SECONDS),
                    rate("getting there", &names::SAFEPOINT_SYNC),
                ],
            ),
            chart(
                "Classes loaded",
                Unit::Short,
                &[value("classes", &names::CLASSES)],
            ),
            chart("Open files", Unit::Short, &[value("files", &names::FILES)]),
        ],
        why_empty: "No samples in this stretch of time. States of threads are in a thread dump.",
        way_out: "d takes a thread dump; Micrometer tells their number over time.",
    },
    Section {
        name: "Requests",
        charts: &[
            chart(
                "Requests by URI",
                Unit::PerSecond,
                &[rate("", &names::REQUESTS)],
            ),
            or(
                "No answer of 5xx in this stretch of time.",
                chart(
                    "Errors (5xx) by URI",
                    Unit::PerSecond,
                    &[rate("", &names::REQUEST_ERRORS)],
                ),
            ),
            chart(
                "Mean latency by URI",
                Unit::Seconds,
                &[over(&names::REQUEST_SECONDS, &names::REQUESTS)],
            ),
            chart(
                "Longest request by URI",
                Unit::Seconds,
                &[value("", &names::REQUEST_LONGEST)],
            ),
            chart(
                "Requests to others",
                Unit::PerSecond,
                &[rate("", &names::CLIENT_REQUESTS)],
            ),
            chart(
                "Mean latency of others",
                Unit::Seconds,
                &[over(&names::CLIENT_SECONDS, &names::CLIENT_REQUESTS)],
            ),
        ],
        why_empty: "This JVM exposes no http_server_requests_seconds.",
        way_out: AGENTLESS,
    },
    Section {
        name: "Pools",
        charts: &[
            chart(
                "Database connections",
                Unit::Short,
                &[
                    value("active", &names::DB_ACTIVE),
                    value("idle", &names::DB_IDLE),
                    value("waiting for one", &names::DB_PENDING),
                    value("limit", &names::DB_MOST),
                ],
            ),
            chart(
                "Wait for a connection",
                Unit::Seconds,
                &[over(&names::DB_WAIT_SECONDS, &names::DB_WAITS)],
            ),
            chart(
                "Connection timeouts",
                Unit::PerSecond,
                &[rate("timeouts", &names::DB_TIMEOUTS)],
            ),
            chart(
                "Tomcat threads",
                Unit::Short,
                &[
                    value("busy", &names::TOMCAT_BUSY),
                    value("all", &names::TOMCAT_THREADS),
                    value("limit", &names::TOMCAT_MOST),
                    value("sessions", &names::SESSIONS),
                ],
            ),
            chart(
                "Executors: busy threads",
                Unit::Short,
                &[value("", &names::EXECUTOR_ACTIVE)],
            ),
            chart(
                "Executors: waiting tasks",
                Unit::Short,
                &[value("", &names::EXECUTOR_QUEUED)],
            ),
        ],
        why_empty: "This JVM exposes neither HikariCP nor Tomcat nor executors.",
        way_out: AGENTLESS,
    },
    Section {
        name: "Events",
        charts: &[
            chart(
                "Log events by level",
                Unit::PerSecond,
                &[rate("", &names::LOG_EVENTS)],
            ),
            chart(
                "Cache hits by cache",
                Unit::Ratio,
                &[over(&names::CACHE_HITS, &names::CACHE_GETS)],
            ),
        ],
        why_empty: "This JVM exposes neither logback_events_total nor cache_gets_total.",
        way_out: AGENTLESS,
    },
];

impl Detail {
    /// PromQL whose series are named by the label `curve`.
    pub(super) fn question(&self, only: &str) -> String {
        let one = |line: &Line| {
            let expr = line.of.of_one(only, line.how);
            match (line.name, line.of.by) {
                ("", by) => {
                    format!("label_replace({expr}, \"curve\", \"$1\", \"{by}\", \"(.*)\")")
                }
                (name, "") => format!("label_replace({expr}, \"curve\", \"{name}\", \"\", \"\")"),
                (name, by) => {
                    format!("label_replace({expr}, \"curve\", \"{name} $1\", \"{by}\", \"(.*)\")")
                }
            }
        };
        let all: Vec<String> = self.lines.iter().map(one).collect();
        all.join(" or ")
    }

    pub(super) fn has_samples(shown: &Shown<'_>, part: usize) -> bool {
        shown.matrix(part).iter().any(|s| !s.samples.is_empty())
    }

    /// Paints the chart in its frame.
    pub(super) fn paint(&self, shown: &Shown<'_>, part: usize, heap: &Heap, place: Place<'_>) {
        let Place { area, buf, look } = place;
        let of_heap = self.marks && self.unit == Unit::Bytes;
        let frame = Frame {
            title: self.title,
            remark: if of_heap && heap.still { STILL } else { "" },
            remark_style: look.warn,
            ..Frame::default()
        };
        let inside = frame.paint(buf, area, look);
        if !Self::has_samples(shown, part) {
            let place = Place {
                area: inside,
                buf,
                look,
            };
            return plot::empty_slot(shown, part, self.none, place);
        }
        let mut marks = shown.state.marks();
        marks.extend(heap.full.iter().filter(|_| self.marks));
        let mut chart = plot::chart(shown, &marks, self.unit);
        chart.form = self.form;
        chart.curves = curves(shown, part, look);
        chart.paint(buf, inside, look);
    }
}

/// The parts with the highest newest values, in the order of their names.
fn curves<'a>(
    shown: &Shown<'a>,
    part: usize,
    look: &Look,
) -> Vec<crate::tui::widget::chart::Curve<'a>> {
    let newest = |s: &crate::model::answer::Series| s.samples.last().map_or(0.0, |s| s.v);
    let mut series: Vec<_> = shown.matrix(part).iter().collect();
    series.sort_by(|a, b| newest(b).total_cmp(&newest(a)));
    series.truncate(plot::MOST_CURVES);
    series.sort_by_key(|s| s.labels.get("curve"));
    plot::curves(series, look, |labels| match labels.get("curve") {
        "" => "all",
        name => name,
    })
}

/// What is known of the heap beside its curves.
pub(super) struct Heap {
    /// The full collections.
    pub(super) full: Vec<Mark>,
    /// Its numbers stand still between collections.
    pub(super) still: bool,
}

const STILL: &str = "as of the last collection";

/// A mark at each step in which the number of full collections grew.
pub(super) fn full_collections(shown: &Shown<'_>, part: usize) -> Vec<Mark> {
    let series = shown.matrix(part).iter();
    let pairs = series.flat_map(|s| s.samples.windows(2));
    let grown = pairs.filter(|pair| pair[1].v > pair[0].v);
    let mark = |pair: &[crate::model::sample::Sample]| Mark {
        t: pair[1].t,
        until: pair[1].t,
        kind: MarkKind::Event,
        text: "full collection".to_owned(),
    };
    grown.map(mark).collect()
}
