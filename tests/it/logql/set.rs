//! One set of conformance rows: where it lies, what is left out and why, and how it is counted.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) struct Set {
    name: &'static str,
    skips: Vec<String>,
    passed: usize,
    total: usize,
    faults: Vec<String>,
}

/// The text of a file of cases; `None`, said aloud, where there are none here.
pub(crate) fn text(name: &str, path: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::env::var_os("BONGSU_CASES")
        .map_or_else(|| root.join("../shared/cases"), PathBuf::from);
    let file = cases.join(path);
    let text = fs::read_to_string(&file).ok();
    if text.is_none() {
        println!("\nconformance {name}: no cases at {}", file.display());
    }
    text
}

/// Rows of JSON, one a line.
pub(crate) fn rows(name: &str, path: &str) -> Vec<serde_json::Value> {
    let text = text(name, path).unwrap_or_default();
    let lines = text.lines().filter(|l| !l.trim().is_empty());
    lines.map(row).collect()
}

/// Bytes that are no UTF-8 are written as halves of a surrogate pair; the program would see the
/// replacement character.
fn row(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|_| {
        let mut text = line.to_owned();
        while let Some(at) = text.find("\\ud") {
            text.replace_range(at..at + 6, "\\ufffd");
        }
        serde_json::from_str(&text).unwrap()
    })
}

impl Set {
    /// `tests/conformance/NAME.skip` names rows that are left out: `QUERY  # reason`.
    pub(crate) fn new(name: &'static str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join(format!("tests/conformance/{name}.skip")));
        let skips = text.unwrap_or_default();
        let skips = skips.lines().filter(|l| !l.starts_with('#'));
        let key = |l: &str| {
            l.rsplit("  # ")
                .nth(1)
                .or(Some(l))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        Self {
            name,
            skips: skips.map(key).filter(|k| !k.is_empty()).collect(),
            passed: 0,
            total: 0,
            faults: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, key: &str, verdict: Result<(), String>) {
        self.total += 1;
        if self.skips.iter().any(|s| s == key.trim()) {
            return;
        }
        match verdict {
            Ok(()) => self.passed += 1,
            Err(why) => self.faults.push(format!("{key}\n    {why}")),
        }
    }

    /// Prints the count; every row must have passed.
    pub(crate) fn finish(self) {
        if self.total == 0 {
            return;
        }
        let (passed, total) = (self.passed, self.total);
        println!("\nconformance {}: {passed}/{total}", self.name);
        let faults = self.faults.join("\n");
        assert!(self.faults.is_empty(), "{}\n{faults}", self.faults.len());
    }
}
