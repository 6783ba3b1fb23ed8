//! House rules that a compiler does not know: front pages, sizes.

use std::fs;
use std::path::{Path, PathBuf};

/// With tests; STYLE aims far below.
const LONGEST_FILE: usize = 800;
/// Lines of one function, its signature and braces included.
const LONGEST_FUNCTION: usize = 80;

#[test]
fn every_file_says_what_it_is_for() {
    let mut errors = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            errors.push(format!("{path}: the first line does not start with `//!`"));
        }
    }
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}

#[test]
fn files_and_functions_stay_readable() {
    let mut errors = Vec::new();
    for (path, text) in sources() {
        if text.contains("@generated") {
            continue;
        }
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            errors.push(format!("{path}: {lines} lines; at most {LONGEST_FILE}"));
        }
        for (line, name, length) in functions(&text) {
            if length > LONGEST_FUNCTION {
                errors.push(format!(
                    "{path}:{line}: fn {name} has {length} lines; at most {LONGEST_FUNCTION}"
                ));
            }
        }
    }
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}

/// What runs beside something else has its row in the tables of docs/ARCHITECTURE.md.
#[test]
fn every_thread_and_task_is_in_the_architecture() {
    let page = include_str!("../../docs/ARCHITECTURE.md");
    let mut missing = Vec::new();
    let product = |path: &str| path.starts_with("src/") && !path.ends_with("tests.rs");
    for (path, text) in sources().into_iter().filter(|(path, _)| product(path)) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in ["task::spawn(", "task::thread(", "task::caught("] {
            for (at, _) in code.match_indices(call) {
                let given = code[at + call.len()..].trim_start();
                let name = given.strip_prefix('"').and_then(|n| n.split('"').next());
                if let Some(name) = name.filter(|n| !page.contains(&format!("`{n}`"))) {
                    missing.push(format!("{path}: {name:?} has no row"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}

/// Functions as rustfmt lays them out: from the line with `fn` to the closing brace in its column.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(at) = trimmed.find("fn ") else {
            continue;
        };
        let head = &trimmed[..at];
        let is_item = head.split_whitespace().all(|w| {
            w.starts_with("pub") || ["async", "const", "unsafe", "extern", "\"C\""].contains(&w)
        });
        if !is_item {
            continue;
        }
        // A signature without a body, as traits have them.
        let ends = lines[i..]
            .iter()
            .find(|l| l.ends_with(';') || l.ends_with('{') || l.ends_with('}'));
        if ends.is_none_or(|l| l.ends_with(';')) {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let close = format!("{}}}", " ".repeat(indent));
        let Some(end) = lines[i..].iter().position(|l| *l == close) else {
            continue;
        };
        let name: String = trimmed[at + 3..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        out.push((i + 1, name, end + 1));
    }
    out
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let read = |p: PathBuf| {
        let name = p.strip_prefix(root).unwrap().display().to_string();
        (name, fs::read_to_string(&p).unwrap())
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}
