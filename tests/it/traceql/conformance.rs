//! Queries under `$BONGSU_CASES/traceql`: those that must be read, refused, and refused kindly.

use bongsu::query::traceql;
use std::path::{Path, PathBuf};

/// One query a line; `REPR '..'` holds escapes as Python writes them.
fn queries(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| match line.strip_prefix("REPR ") {
            Some(quoted) => unescaped(quoted),
            None => line.to_owned(),
        })
        .collect()
}

fn unescaped(quoted: &str) -> String {
    let inner = &quoted[1..quoted.len() - 1];
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c) => out.push(c),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

fn check(name: &str, good: impl Fn(&str) -> Result<(), String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::env::var_os("BONGSU_CASES")
        .map_or_else(|| root.join("../shared/cases"), PathBuf::from);
    let path = cases
        .join("traceql")
        .join(format!("{}.txt", name.replace('-', "_")));
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped {name}: {} is not there", path.display());
        return;
    };
    let queries = queries(&text);
    let faults: Vec<String> = queries
        .iter()
        .filter_map(|q| good(q).err().map(|why| format!("{q}\n    {why}")))
        .collect();
    let total = queries.len();
    println!("conformance {name}: {}/{total}", total - faults.len());
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
}

/// What is read also prints, and the print reads back to the same tree.
#[test]
fn valid_queries_are_read_and_printed() {
    check("traceql-valid", |q| {
        let tree = traceql::parse(q).map_err(|e| e.to_string())?;
        let printed = tree.to_string();
        let again = traceql::parse(&printed).map_err(|e| format!("{printed}: {e}"))?;
        if again.to_string() == printed {
            Ok(())
        } else {
            Err(format!("{printed} prints as {again}"))
        }
    });
}

#[test]
fn invalid_queries_are_refused() {
    check("traceql-invalid", |q| match traceql::parse(q) {
        Ok(tree) => Err(format!("was read as {tree}")),
        Err(e) if e.unsupported => Err(format!("is called unsupported: {e}")),
        Err(_) => Ok(()),
    });
}

#[test]
fn unsupported_queries_are_refused_by_name() {
    check("traceql-unsupported", |q| match traceql::parse(q) {
        Ok(tree) => Err(format!("was read as {tree}")),
        Err(e) if e.unsupported => Ok(()),
        Err(e) => Err(format!("does not parse: {e}")),
    });
}
