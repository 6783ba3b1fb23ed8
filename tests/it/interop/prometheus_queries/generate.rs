//! Data and well-typed random queries over it.

use crate::interop::prometheus_queries::START;
use crate::promql::memory::Memory;
use bongsu::model::labels::Labels;

/// xorshift64*: the same queries for the same seed on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

/// An hour of gauges, counters that fall now and then, and a classic histogram.
pub(crate) fn data() -> Memory {
    let mut memory = Memory::default();
    let mut random = Random::new(7);
    for instance in ["a", "b", "c"] {
        for job in ["x", "y"] {
            for name in ["queue_length", "memory_bytes"] {
                let labels = [("__name__", name), ("instance", instance), ("job", job)];
                let mut v = 1000.0 + random.below(100_000) as f64;
                fill(&mut memory, &labels, &mut random, |random| {
                    v += random.below(2001) as f64 - 1000.0;
                    v
                });
            }
            for path in ["/1", "/2"] {
                let labels = [
                    ("__name__", "requests_total"),
                    ("instance", instance),
                    ("job", job),
                    ("path", path),
                ];
                let mut v = 50_000_000.0 + random.below(1000) as f64;
                fill(&mut memory, &labels, &mut random, |random| {
                    v += random.below(100) as f64;
                    if random.below(60) == 0 {
                        v -= 1_000_000.0;
                    }
                    v
                });
            }
        }
        histogram(&mut memory, instance, &mut random);
        let labels = [
            ("__name__", "build_info"),
            ("instance", instance),
            ("version", "1.2"),
        ];
        fill(&mut memory, &labels, &mut random, |_| 1.0);
    }
    memory
}

fn histogram(memory: &mut Memory, instance: &str, random: &mut Random) {
    for (i, le) in ["0.1", "0.5", "1", "5", "+Inf"].iter().enumerate() {
        let labels = [
            ("__name__", "latency_seconds_bucket"),
            ("instance", instance),
            ("le", le),
        ];
        let mut v = 1e6;
        fill(memory, &labels, random, |_| {
            v += 10.0 * (i as f64 + 1.0);
            v
        });
    }
}

/// A sample every 15 s, never on a whole second, some missing, all series at the same times.
fn fill(
    memory: &mut Memory,
    labels: &[(&str, &str)],
    random: &mut Random,
    mut next: impl FnMut(&mut Random) -> f64,
) {
    let labels = Labels::from_pairs(labels.iter().copied());
    let gap = labels.get("instance") == "c";
    for i in 0..240_i64 {
        let v = next(random);
        if !(gap && (90..130).contains(&i)) {
            memory.add(&labels, START + i * 15_000 + 7_123, v);
        }
    }
}

const DURATIONS: [&str; 6] = ["30s", "1m", "90s", "2m", "5m", "10m"];

/// A query of moderate depth.
pub(crate) fn query(random: &mut Random) -> String {
    let depth = 1 + random.below(4) as u32;
    if random.below(12) == 0 {
        return scalar(random, depth);
    }
    vector(random, depth)
}

fn matchers(random: &mut Random) -> String {
    random
        .one(&[
            "",
            "",
            "",
            "{instance=\"a\"}",
            "{instance!=\"b\"}",
            "{job=~\"x|z\"}",
            "{job!~\"x.*\"}",
            "{instance=~\"a|b\",job=\"y\"}",
            "{nope=\"\"}",
            "{instance=~\".+\"}",
        ])
        .to_owned()
}

fn when(random: &mut Random) -> String {
    match random.below(10) {
        0 => " offset 1m".to_owned(),
        1 => " offset -90s".to_owned(),
        2 => format!(
            " @ {}",
            START / 1000 + 3 + 10 * (40 + random.below(250) as i64)
        ),
        3 => " @ end() offset 2m".to_owned(),
        _ => String::new(),
    }
}

/// A selector of whole numbers.
fn gauge(random: &mut Random) -> String {
    let name = random.one(&["queue_length", "memory_bytes"]);
    format!("{name}{}{}", matchers(random), when(random))
}

fn any_range(random: &mut Random) -> String {
    let name = random.one(&["queue_length", "memory_bytes", "requests_total"]);
    let range = random.one(&DURATIONS);
    format!("{name}{}[{range}]{}", matchers(random), when(random))
}

fn counter_range(random: &mut Random) -> String {
    let range = random.one(&DURATIONS);
    format!(
        "requests_total{}[{range}]{}",
        matchers(random),
        when(random)
    )
}

/// Values are whole numbers or sums of few: nothing depends on the order of additions.
fn exact(random: &mut Random, depth: u32) -> String {
    if depth == 0 {
        return gauge(random);
    }
    let d = depth - 1;
    match random.below(12) {
        0 => format!(
            "{} {} {}",
            gauge(random),
            random.one(&["+", "-", "*"]),
            1 + random.below(50)
        ),
        1 => {
            let f = random.one(&["min", "max", "sum", "count", "group"]);
            format!("{f} by (instance) ({})", exact(random, d))
        }
        2 => {
            let f = random.one(&["min", "max", "sum", "count", "last", "present"]);
            format!("{f}_over_time({})", any_range(random))
        }
        3 => format!("floor({} / 7)", gauge(random)),
        4 => format!("{} % 13", gauge(random)),
        5 => format!(
            "{}({})",
            random.one(&["changes", "resets", "idelta"]),
            any_range(random)
        ),
        6 => format!("clamp({}, 2000, 60000)", exact(random, d)),
        7 => format!("-{}", gauge(random)),
        8 => format!(
            "label_replace({}, \"x\", \"$1-z\", \"instance\", \"(a|b)\")",
            gauge(random)
        ),
        9 => format!("sgn({})", exact(random, d)),
        10 => format!("round({}, 100)", gauge(random)),
        _ => gauge(random),
    }
}

fn matching(random: &mut Random) -> &'static str {
    random.one(&[
        "",
        "",
        "on (instance, job) ",
        "ignoring (path) ",
        "on (instance) ",
    ])
}

fn vector(random: &mut Random, depth: u32) -> String {
    if depth == 0 {
        return gauge(random);
    }
    let d = depth - 1;
    let kind = random.below(22);
    match kind {
        0 | 1 => format!(
            "{}({})",
            random.one(&["rate", "increase", "irate"]),
            counter_range(random)
        ),
        2 => format!("{}({})", random.one(&["delta", "deriv"]), any_range(random)),
        3 => {
            let f = random.one(&["avg", "stddev", "stdvar", "sum", "max"]);
            format!("{f}_over_time({})", any_range(random))
        }
        4 => format!(
            "quantile_over_time(0.{}, {})",
            1 + random.below(9),
            any_range(random)
        ),
        // Without `@`: 2.42 loses the samples of a pinned window after the first step.
        5 => {
            let range = random.one(&DURATIONS);
            format!(
                "predict_linear(queue_length{}[{range}] offset 1m, 600)",
                matchers(random)
            )
        }
        6 | 7 => {
            let f = random.one(&["sum", "avg", "min", "max", "count", "stddev", "group"]);
            let by = random.one(&[
                "",
                "by (instance) ",
                "by (job, nope) ",
                "without (instance) ",
                "without () ",
            ]);
            format!("{f} {by}({})", vector(random, d))
        }
        8 => format!("{}(3, {})", random.one(&["topk", "bottomk"]), gauge(random)),
        9 => format!("topk by (job) (1, rate({}))", counter_range(random)),
        10 => format!(
            "quantile by (job) (0.{}, {})",
            1 + random.below(9),
            vector(random, d)
        ),
        _ => joined(random, kind, depth),
    }
}

/// Operators, subqueries and what stands over them.
fn joined(random: &mut Random, kind: u64, depth: u32) -> String {
    let d = depth - 1;
    match kind {
        11 => {
            let op = random.one(&["+", "-", "*", "/"]);
            format!(
                "({}) {op} {}({})",
                vector(random, d),
                matching(random),
                vector(random, d)
            )
        }
        12 => {
            let op = random.one(&["==", "!=", ">", "<", ">=", "<="]);
            let flag = random.one(&["", "bool "]);
            format!(
                "({}) {op} {flag}{}({})",
                exact(random, d),
                matching(random),
                exact(random, d)
            )
        }
        13 => {
            let op = random.one(&["and", "or", "unless"]);
            format!(
                "({}) {op} {}({})",
                vector(random, d),
                matching(random),
                vector(random, d)
            )
        }
        14 => format!(
            "({}) {} {}",
            vector(random, d),
            random.one(&["+", "*", "/", "-"]),
            scalar(random, d)
        ),
        15 => format!("({}) > {}", exact(random, d), 1000 * random.below(100)),
        16 => format!(
            "({}) * on (instance) group_left (version) build_info",
            gauge(random)
        ),
        17 => {
            let f = random.one(&["max", "min", "avg", "sum", "count"]);
            let step = random.one(&["10s", "30s", "1m"]);
            let range = random.one(&["1m", "5m", "10m"]);
            format!("{f}_over_time(({})[{range}:{step}])", plain_inner(random))
        }
        18 => {
            let q = random.one(&["0.5", "0.9", "0.99", "0", "1", "-1", "2"]);
            let by = random.one(&["le", "le, instance"]);
            format!("histogram_quantile({q}, sum by ({by}) (rate(latency_seconds_bucket[2m])))")
        }
        19 => format!(
            "{}({})",
            random.one(&["abs", "sqrt", "ln", "log2", "atan"]),
            vector(random, d)
        ),
        20 => format!(
            "absent({})",
            random.one(&[
                "nope{a=\"b\"}",
                "queue_length",
                "queue_length{instance=\"z\"}"
            ])
        ),
        _ => exact(random, d),
    }
}

/// What may stand in a subquery: no second subquery, whose edges would meet its steps.
fn plain_inner(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("rate({})", counter_range(random)),
        1 => format!("sum by (job) ({})", gauge(random)),
        2 => format!("max_over_time({})", any_range(random)),
        _ => gauge(random),
    }
}

fn scalar(random: &mut Random, depth: u32) -> String {
    let d = depth.saturating_sub(1);
    match random.below(6) {
        0 => format!("scalar(sum({}))", gauge(random)),
        1 => "time()".to_owned(),
        2 => format!("scalar({})", exact(random, d.min(1))),
        3 => "(1 + 2 ^ 3 % 5)".to_owned(),
        4 => "pi()".to_owned(),
        _ => (1 + random.below(1000)).to_string(),
    }
}
