//! The rows of the stages' keys.

use crate::config::shape::{Section, Shape, idle, key};

const SOURCE: &str = "The extracted value it works on; the line where nothing is said.";

/// Stages that work: exactly one may stand in an item.
pub(crate) const NAMES: &[&str] = &[
    "docker",
    "cri",
    "regex",
    "json",
    "logfmt",
    "replace",
    "multiline",
    "timestamp",
    "output",
    "labels",
    "static_labels",
    "labeldrop",
    "labelallow",
    "structured_metadata",
    "tenant",
    "pack",
    "match",
    "drop",
    "sampling",
    "decolorize",
    "template",
    "limit",
    "metrics",
    "non_indexed_labels",
];

pub(crate) static STAGE: Section = Section {
    name: "pipeline_stages",
    keys: &[&[
        key(
            "docker",
            Shape::Any,
            "",
            "Reads Docker's JSON lines: text, stream, time.",
        ),
        key(
            "cri",
            Shape::Section(&CRI),
            "",
            "Reads lines of containerd and CRI-O, joining parts.",
        ),
        key(
            "regex",
            Shape::Section(&REGEX),
            "",
            "Extracts the named groups of an expression.",
        ),
        key(
            "json",
            Shape::Section(&JSON),
            "",
            "Extracts values of a JSON line.",
        ),
        key(
            "logfmt",
            Shape::Section(&LOGFMT),
            "",
            "Extracts values of a key=value line.",
        ),
        key(
            "replace",
            Shape::Section(&REPLACE),
            "",
            "Replaces what the groups of an expression match.",
        ),
        key(
            "multiline",
            Shape::Section(&MULTILINE),
            "",
            "Joins the lines of one entry.",
        ),
        key(
            "timestamp",
            Shape::Section(&TIMESTAMP),
            "",
            "Takes the entry's time from an extracted value.",
        ),
        key(
            "output",
            Shape::Section(&OUTPUT),
            "",
            "Makes an extracted value the line.",
        ),
        key(
            "labels",
            Shape::Texts,
            "",
            "Makes labels of extracted values: `label: value`, or `label:`.",
        ),
        key("static_labels", Shape::Texts, "", "Sets labels."),
        key(
            "labeldrop",
            Shape::List(&Shape::Text),
            "",
            "Removes labels.",
        ),
        key(
            "labelallow",
            Shape::List(&Shape::Text),
            "",
            "Removes all labels but these.",
        ),
        key(
            "structured_metadata",
            Shape::Texts,
            "",
            "Moves extracted values or labels into metadata.",
        ),
        key(
            "tenant",
            Shape::Section(&TENANT),
            "",
            "Accepted: this store has one tenant.",
        ),
        key(
            "pack",
            Shape::Section(&PACK),
            "",
            "Puts labels and line into one JSON object.",
        ),
        key(
            "match",
            Shape::Section(&MATCH),
            "",
            "Runs stages on, or drops, what a selector matches.",
        ),
        key(
            "drop",
            Shape::Section(&DROP),
            "",
            "Drops what meets all of the conditions given.",
        ),
        key(
            "sampling",
            Shape::Section(&SAMPLING),
            "",
            "Keeps a share of the lines.",
        ),
        key("decolorize", Shape::Any, "", "Takes terminal colours out."),
        key(
            "template",
            Shape::Section(&TEMPLATE),
            "",
            "Makes an extracted value by a Go template.",
        ),
        key(
            "limit",
            Shape::Section(&LIMIT),
            "",
            "Lets so many lines a second through.",
        ),
        key(
            "metrics",
            Shape::Named(&Shape::Section(&METRIC)),
            "",
            "Counts lines and values into series: `promtail_custom_NAME`.",
        ),
        key(
            "non_indexed_labels",
            Shape::Texts,
            "",
            "The former name of structured_metadata.",
        ),
        idle(
            "geoip",
            Shape::Any,
            "the stage geoip needs a database of addresses, which bongsu does not read; it is left out",
        ),
        idle(
            "eventlogmessage",
            Shape::Any,
            "the stage eventlogmessage is for Windows' events, which are not on this system; it is left out",
        ),
    ]],
};

pub(crate) static CRI: Section = Section {
    name: "cri",
    keys: &[&[
        key(
            "max_partial_lines",
            Shape::Int(0, i64::MAX),
            "100",
            "Parts of one line at most.",
        ),
        key(
            "max_partial_line_size",
            Shape::Int(0, i64::MAX),
            "0",
            "Bytes of one joined line at most; 0 is no limit.",
        ),
        key(
            "max_partial_line_size_truncate",
            Shape::Bool,
            "false",
            "Cuts at that size.",
        ),
    ]],
};

pub(crate) static REGEX: Section = Section {
    name: "regex",
    keys: &[&[
        key(
            "expression",
            Shape::Text,
            "",
            "With named groups: (?P<name>...).",
        ),
        key("source", Shape::Text, "", SOURCE),
        idle(
            "expr",
            Shape::Any,
            "Promtail itself does not know this key; write `expression`",
        ),
    ]],
};

pub(crate) static JSON: Section = Section {
    name: "json",
    keys: &[&[
        key(
            "expressions",
            Shape::Named(&Shape::Text),
            "",
            "Name and path: `user: request.user.name`.",
        ),
        key("source", Shape::Text, "", SOURCE),
        key(
            "drop_malformed",
            Shape::Bool,
            "false",
            "Drops lines that are no JSON.",
        ),
    ]],
};

pub(crate) static LOGFMT: Section = Section {
    name: "logfmt",
    keys: &[&[
        key(
            "mapping",
            Shape::Texts,
            "",
            "Name and key: `user: user_id`, or `user:`.",
        ),
        key("source", Shape::Text, "", SOURCE),
    ]],
};

pub(crate) static REPLACE: Section = Section {
    name: "replace",
    keys: &[&[
        key(
            "expression",
            Shape::Text,
            "",
            "What its groups match is replaced.",
        ),
        key("source", Shape::Text, "", SOURCE),
        key("replace", Shape::Text, "", "The new text; empty removes."),
    ]],
};

pub(crate) static MULTILINE: Section = Section {
    name: "multiline",
    keys: &[&[
        key(
            "firstline",
            Shape::Text,
            "",
            "Matches the first line of an entry.",
        ),
        key(
            "max_wait_time",
            Shape::Duration,
            "3s",
            "An entry is closed so long after its last line.",
        ),
        key(
            "max_lines",
            Shape::Int(0, i64::MAX),
            "128",
            "Lines of one entry at most.",
        ),
    ]],
};

pub(crate) static TIMESTAMP: Section = Section {
    name: "timestamp",
    keys: &[&[
        key("source", Shape::Text, "", "The extracted value."),
        key(
            "format",
            Shape::Text,
            "",
            "RFC3339, Unix, UnixMs, ... or a Go layout: 2006-01-02 15:04:05.",
        ),
        key(
            "fallback_formats",
            Shape::List(&Shape::Text),
            "",
            "Formats that are tried next.",
        ),
        key(
            "location",
            Shape::Text,
            "",
            "The zone of times without one: Asia/Seoul. UTC where nothing is said.",
        ),
        key(
            "action_on_failure",
            Shape::Word(&["fudge", "skip", ""]),
            "fudge",
            "fudge: the last time plus 1 ns; skip: the time of reading.",
        ),
    ]],
};

pub(crate) static OUTPUT: Section = Section {
    name: "output",
    keys: &[&[key("source", Shape::Text, "", "The extracted value.")]],
};

pub(crate) static PACK: Section = Section {
    name: "pack",
    keys: &[&[
        key(
            "labels",
            Shape::List(&Shape::Text),
            "",
            "Labels that go into the object.",
        ),
        key(
            "ingest_timestamp",
            Shape::Bool,
            "true",
            "The entry's time becomes that of its reading.",
        ),
    ]],
};

pub(crate) static DROP: Section = Section {
    name: "drop",
    keys: &[&[
        key(
            "source",
            Shape::Any,
            "",
            "An extracted value, or a list of them.",
        ),
        key(
            "separator",
            Shape::Text,
            ";",
            "What stands between several.",
        ),
        key("value", Shape::Text, "", "The source is exactly this."),
        key(
            "expression",
            Shape::Text,
            "",
            "Matches the source, or the line.",
        ),
        key(
            "older_than",
            Shape::Duration,
            "",
            "The entry's time is further back.",
        ),
        key(
            "longer_than",
            Shape::Text,
            "",
            "The line is longer: 8kb, 1MB, 10000.",
        ),
        key(
            "drop_counter_reason",
            Shape::Text,
            "drop_stage",
            "The name it is counted under.",
        ),
    ]],
};

pub(crate) static MATCH: Section = Section {
    name: "match",
    keys: &[&[
        key(
            "selector",
            Shape::Text,
            "",
            "LogQL: {app=\"x\"} |= \"text\".",
        ),
        key(
            "stages",
            Shape::Any,
            "",
            "Stages for what matches, as `pipeline_stages`.",
        ),
        key(
            "action",
            Shape::Word(&["keep", "drop", ""]),
            "keep",
            "keep or drop.",
        ),
        key(
            "drop_counter_reason",
            Shape::Text,
            "match_stage",
            "The name it is counted under.",
        ),
        idle(
            "pipeline_name",
            Shape::Text,
            "pipelines are counted by reason alone",
        ),
    ]],
};

pub(crate) static SAMPLING: Section = Section {
    name: "sampling",
    keys: &[&[key(
        "rate",
        Shape::Float,
        "",
        "The share that is kept, from 0 to 1.",
    )]],
};

pub(crate) static TENANT: Section = Section {
    name: "tenant",
    keys: &[&[
        key("label", Shape::Text, "", "The label that names the tenant."),
        key(
            "source",
            Shape::Text,
            "",
            "The extracted value that names the tenant.",
        ),
        key("value", Shape::Text, "", "The tenant."),
    ]],
};

pub(crate) static TEMPLATE: Section = Section {
    name: "template",
    keys: &[&[
        key(
            "source",
            Shape::Text,
            "",
            "The extracted value that is made, or changed.",
        ),
        key(
            "template",
            Shape::Text,
            "",
            "Go's templates over extracted values, `.Value` and `.Entry`; an empty result removes the value.",
        ),
    ]],
};

pub(crate) static LIMIT: Section = Section {
    name: "limit",
    keys: &[&[
        key("rate", Shape::Float, "", "Lines a second."),
        key("burst", Shape::Int(0, i64::MAX), "", "Lines at once."),
        key(
            "drop",
            Shape::Bool,
            "false",
            "What is too much is dropped; else the source waits.",
        ),
        key(
            "by_label_name",
            Shape::Text,
            "",
            "A limit for each value of this extracted label; needs `drop: true`.",
        ),
        key(
            "max_distinct_labels",
            Shape::Int(0, i64::MAX),
            "10000",
            "Values of that label that are told apart.",
        ),
    ]],
};

pub(crate) static METRIC: Section = Section {
    name: "metrics",
    keys: &[&[
        key("type", Shape::Text, "", "Counter, Gauge or Histogram."),
        key("description", Shape::Text, "", "Its help."),
        key(
            "prefix",
            Shape::Text,
            "promtail_custom_",
            "What stands before the name.",
        ),
        key(
            "source",
            Shape::Text,
            "",
            "The extracted value; that of the metric's own name where nothing is said.",
        ),
        key(
            "max_idle_duration",
            Shape::Duration,
            "5m",
            "A series ends so long after its last line.",
        ),
        key(
            "config",
            Shape::Section(&METRIC_CONFIG),
            "",
            "What is counted.",
        ),
    ]],
};

pub(crate) static METRIC_CONFIG: Section = Section {
    name: "config",
    keys: &[&[
        key(
            "match_all",
            Shape::Bool,
            "false",
            "Every line counts, whatever was extracted.",
        ),
        key(
            "count_entry_bytes",
            Shape::Bool,
            "false",
            "Adds the bytes of each line; needs `match_all: true` and `action: add`.",
        ),
        key("value", Shape::Text, "", "Only this value counts."),
        key(
            "action",
            Shape::Text,
            "",
            "inc or add; of gauges also set, dec and sub.",
        ),
        key(
            "buckets",
            Shape::List(&Shape::Float),
            "",
            "Upper bounds of a histogram.",
        ),
    ]],
};
