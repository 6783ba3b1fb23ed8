//! Runs the `.test` scripts under `$BONGSU_CASES/promql` and our own under `tests/promql`.
//!
//! Two counts are printed: evals of float segments without experimental forms, which must all pass,
//! and the rest. `tests/conformance/promql-float.skip` may name exceptions, `FILE:LINE reason`.

use crate::promql::{judge, script};
use bongsu::query::promql;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Default)]
struct Count {
    passed: usize,
    total: usize,
    faults: Vec<String>,
}

impl Count {
    fn add(&mut self, file: &str, verdict: &judge::Verdict) {
        self.total += 1;
        match &verdict.fault {
            None => self.passed += 1,
            Some(why) => {
                let line = verdict.line;
                self.faults
                    .push(format!("{file}:{line}: {}\n    {why}", verdict.expr));
            }
        }
    }
}

/// Uses a form that needs `promql.experimental`; what does not parse is judged by its words.
fn is_experimental(expr: &str) -> bool {
    match promql::parse(expr) {
        Ok(tree) => promql::experimental(&tree).is_some() || trims(expr),
        Err(_) => trims(expr),
    }
}

fn trims(expr: &str) -> bool {
    expr.contains("</") || expr.contains(">/")
}

fn run_folder(folder: &Path, float: &mut Count, later: &mut Count) {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "test"))
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let segments = script::read(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        for segment in &segments {
            for verdict in judge::run(segment) {
                let core = !segment.histograms && !is_experimental(&verdict.expr);
                let count = if core { &mut *float } else { &mut *later };
                count.add(&name, &verdict);
            }
        }
    }
}

fn skipped(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join("tests/conformance/promql-float.skip"));
    let lines = text.unwrap_or_default();
    let places = lines.lines().filter(|l| !l.starts_with('#'));
    places
        .filter_map(|l| l.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn scripts_of_prometheus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::env::var_os("BONGSU_CASES")
        .map_or_else(|| root.join("../shared/cases"), PathBuf::from);
    let folder = cases.join("promql");
    if !folder.is_dir() {
        println!(
            "conformance promql: skipped, {} is absent",
            folder.display()
        );
        return;
    }
    let (mut float, mut later) = (Count::default(), Count::default());
    run_folder(&folder, &mut float, &mut later);
    println!(
        "\nconformance promql-float: {}/{}",
        float.passed, float.total
    );
    println!(
        "\nconformance promql-later: {}/{}",
        later.passed, later.total
    );
    if std::env::var_os("PROMQL_LATER").is_some() {
        println!("{}", later.faults.join("\n"));
    }
    let skip = skipped(root);
    float
        .faults
        .retain(|f| !skip.iter().any(|s| f.starts_with(&format!("{s}:"))));
    assert!(float.faults.is_empty(), "\n{}\n", float.faults.join("\n"));
}

#[test]
fn scripts_of_our_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promql");
    let (mut float, mut later) = (Count::default(), Count::default());
    run_folder(&folder, &mut float, &mut later);
    let faults = [float.faults, later.faults].concat();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    assert!(float.total + later.total > 0, "there are no scripts");
}
