//! The query templates of the PromLabs compliance tester: each must parse and give an answer, and
//! those that say so must fail.

use crate::promql::memory::Memory;
use bongsu::base::cancel::Cancel;
use bongsu::model::labels::Labels;
use bongsu::model::request::PromQuery;
use bongsu::model::time::Steps;
use bongsu::query::promql::eval::Engine;
use std::path::{Path, PathBuf};

/// The values that the tester puts into its templates.
const VARIANTS: &[(&str, &[&str])] = &[
    ("range", &["1s", "15s", "1m", "5m", "15m", "1h"]),
    ("offset", &["1m", "5m", "10m"]),
    (
        "simpleAggrOp",
        &["sum", "avg", "max", "min", "count", "stddev", "stdvar"],
    ),
    (
        "simpleTimeAggrOp",
        &[
            "sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last",
        ],
    ),
    ("topBottomOp", &["topk", "bottomk"]),
    (
        "quantile",
        &[
            "-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5",
        ],
    ),
    ("arithBinOp", &["+", "-", "*", "/", "%", "^"]),
    ("compBinOp", &["==", "!=", "<", ">", "<=", ">="]),
    (
        "binOp",
        &[
            "+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">=",
        ],
    ),
    (
        "simpleMathFunc",
        &[
            "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round",
        ],
    ),
    ("extrapolatedRateFunc", &["delta", "rate", "increase"]),
    ("clampFunc", &["clamp_min", "clamp_max"]),
    ("instantRateFunc", &["idelta", "irate"]),
    (
        "dateFunc",
        &[
            "day_of_month",
            "day_of_week",
            "days_in_month",
            "hour",
            "minute",
            "month",
            "year",
        ],
    ),
];

fn expand(template: &str) -> Vec<String> {
    let open = VARIANTS
        .iter()
        .find(|(name, _)| template.contains(&format!("{{{{.{name}}}}}")));
    match open {
        None => vec![template.to_owned()],
        Some((name, values)) => values
            .iter()
            .flat_map(|v| expand(&template.replace(&format!("{{{{.{name}}}}}"), v)))
            .collect(),
    }
}

/// `- query: '..'` lines and whether the next line says that it should fail.
fn templates(text: &str) -> Vec<(String, bool)> {
    let mut out: Vec<(String, bool)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        let bare = line.trim_start_matches("- ");
        if let Some(query) = bare.strip_prefix("query: ") {
            let query = query.trim();
            let quoted = query.starts_with(['\'', '"']) && query.len() > 1;
            let query = if quoted {
                &query[1..query.len() - 1]
            } else {
                query
            };
            out.push((query.to_owned(), false));
        } else if bare == "should_fail: true" {
            out.last_mut().unwrap().1 = true;
        }
    }
    out
}

fn demo() -> Memory {
    let mut memory = Memory::default();
    for (i, instance) in ["demo.promlabs.com:10000", "demo.promlabs.com:10001"]
        .iter()
        .enumerate()
    {
        for (name, label, value) in [
            ("demo_memory_usage_bytes", "type", "free"),
            ("demo_memory_usage_bytes", "type", "used"),
            ("demo_num_cpus", "", ""),
            ("demo_cpu_usage_seconds_total", "mode", "user"),
            ("demo_disk_usage_bytes", "", ""),
            ("demo_batch_last_success_timestamp_seconds", "", ""),
            ("demo_api_request_duration_seconds_bucket", "le", "0.1"),
            ("demo_api_request_duration_seconds_bucket", "le", "+Inf"),
            ("demo_api_request_duration_seconds_count", "", ""),
        ] {
            let labels = Labels::from_pairs([
                ("__name__", name),
                ("instance", instance),
                ("job", "demo"),
                (label, value),
            ]);
            for step in 0..200_i64 {
                let v = (step * 5) as f64 + i as f64 + value.len() as f64;
                memory.add(&labels, step * 5000, v);
            }
        }
    }
    memory
}

#[test]
fn templates_of_the_compliance_tester() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::env::var_os("BONGSU_CASES")
        .map_or_else(|| root.join("../shared/cases"), PathBuf::from);
    let file = cases.join("promql/compliance/promql_promql-test-queries.yml");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("compliance queries: skipped, {} is absent", file.display());
        return;
    };
    let memory = demo();
    let (mut count, mut faults) = (0, Vec::new());
    for (template, should_fail) in templates(&text) {
        for expr in expand(&template) {
            // Prometheus 3 takes any UTF-8 text as a label's name.
            let should_fail = should_fail && !expr.contains("~invalid");
            count += 1;
            let query = PromQuery {
                expr: expr.clone(),
                steps: Steps {
                    start: 600_000,
                    end: 900_000,
                    step: 10_000,
                },
                instant: false,
                live: false,
                timeout_ms: None,
                lookback_ms: None,
            };
            let answer = Engine::default().run(&memory, &query, &Cancel::never());
            match answer {
                Ok(_) if should_fail => faults.push(format!("{expr}: should have failed")),
                Err(e) if !should_fail => faults.push(format!("{expr}: {e}")),
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    assert!(count > 500, "only {count} queries");
    println!("compliance queries: {count} answered");
}
