//! The module graph is a law, and this file is where it is written down.
//!
//! Every module under `src/` (a "room") has one row in `ROOMS`. A room may name itself and what its
//! row lists, nothing else. `"store::read"` opens one door into a room instead of the whole of it.
//! `PLACES` says where a foreign crate or a power of the system (files, clocks, /proc) may be
//! named. A new edge is an edit of these tables, so every new edge is a reviewed decision.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// room, and what it may import. Bottom layer first.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("model", &["base"]),
    ("wire", &["base", "model"]),
    ("store", &["base", "model"]),
    (
        "query",
        &[
            "base",
            "model",
            "wire::logfmt",
            "wire::go_time",
            "store::read",
        ],
    ),
    ("config", &["base", "model", "query::syntax"]),
    (
        "source",
        &["base", "model", "wire", "config", "query", "store::read"],
    ),
    (
        "forward",
        &[
            "base",
            "model",
            "wire",
            "config",
            "store::read",
            "store::state",
        ],
    ),
    (
        "collect",
        &[
            "base",
            "model",
            "wire",
            "config",
            "query::logql",
            "query::syntax",
            "store::write",
            "store::state",
        ],
    ),
    (
        "alert",
        &[
            "base",
            "model",
            "wire::alertmanager_json",
            "config",
            "query::syntax",
            "source::api",
            "store::write",
            "store::state",
        ],
    ),
    (
        "api",
        &[
            "base",
            "model",
            "wire",
            "config",
            "query::syntax",
            "source::api",
            "collect::listen",
        ],
    ),
    (
        "tui",
        &["base", "model", "config", "query::syntax", "source::api"],
    ),
    ("app", &["*"]),
    (
        "cli",
        &[
            "base",
            "model",
            "wire",
            "config",
            "query::syntax",
            "source::api",
            "app",
        ],
    ),
    ("lib", &["*"]),
    ("main", &["*"]),
];

/// What may be named where: a word of the code, and the paths under `src/` that may hold it.
const PLACES: &[(&str, &[&str])] = &[
    ("ratatui::", &["tui"]),
    ("crossterm::", &["tui"]),
    (
        "tokio::",
        &[
            "base/net",
            "base/task",
            "alert",
            "forward",
            "source",
            "collect",
            "api",
            "tui/effects",
            "app",
            "cli",
        ],
    ),
    ("gotmpl::", &["base/template"]),
    ("hyper::", &["base/net", "api", "collect/listen"]),
    ("reqwest::", &["base/net"]),
    ("tokio_tungstenite::", &["api/loki/tail"]),
    ("encoding_rs::", &["config/logs/limits", "base/text"]),
    ("jmespath::", &["config/logs/stages/path"]),
    ("rustls::", &["base/net"]),
    ("sysinfo::", &["collect/host"]),
    ("serde_yaml::", &["config", "collect/scrape/added"]),
    ("saphyr_parser::", &["config"]),
    ("clap::", &["cli"]),
    ("clap_complete::", &["cli/cmd/generate"]),
    ("clap_mangen::", &["cli/cmd/generate"]),
    ("directories::", &["app", "cli", "config"]),
    (
        "std::fs",
        &[
            "base/fs",
            "base/own",
            "base/net",
            "collect/container",
            "collect/host",
            "collect/jvm",
            "config/files",
        ],
    ),
    (
        "\"/proc",
        &[
            "base/own",
            "collect/host",
            "collect/container",
            "collect/jvm",
        ],
    ),
    (
        "\"/sys",
        &[
            "base/own",
            "collect/host",
            "collect/container",
            "collect/jvm",
        ],
    ),
    ("SystemTime::now", &["base/clock"]),
    ("Instant::now", &["base/clock", "base/cancel"]),
    ("Utc::now", &["base/clock"]),
    ("Local::now", &["base/clock"]),
    ("anyhow::", &["app", "cli"]),
];

#[test]
fn foreign_powers_stay_in_their_places() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut errors = Vec::new();
    for file in rust_files(&src) {
        let rel = file.strip_prefix(&src).unwrap();
        if rel.ends_with("tests.rs") || rel.ends_with("regression.rs") {
            continue;
        }
        let code = production_code(&fs::read_to_string(&file).unwrap());
        let path = rel.to_str().unwrap().trim_end_matches(".rs");
        for (word, places) in PLACES {
            if places
                .iter()
                .any(|p| path == *p || path.starts_with(&format!("{p}/")))
            {
                continue;
            }
            for (at, _) in code.match_indices(word) {
                let before = code[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                    continue; // a longer word
                }
                let line = code[..at].matches('\n').count() + 1;
                errors.push(format!(
                    "src/{}:{line}: `{word}` has no place here",
                    rel.display()
                ));
            }
        }
    }
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}

#[test]
fn rooms_only_import_downwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut errors = Vec::new();
    for file in rust_files(&src) {
        let rel = file.strip_prefix(&src).unwrap();
        if rel.ends_with("tests.rs") || rel.ends_with("regression.rs") {
            continue; // tests may compose layers freely
        }
        let text = fs::read_to_string(&file).unwrap();
        let room = room_of(rel);
        match ROOMS.iter().find(|(name, _)| *name == room) {
            Some((_, allowed)) => errors.extend(
                faults(&room, allowed, &text)
                    .into_iter()
                    .map(|(line, what)| format!("src/{}:{line}: {what}", rel.display())),
            ),
            None => errors.push(format!(
                "src/{}: `{room}` has no row in ROOMS",
                rel.display()
            )),
        }
    }
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}

/// A row may only name rows above it: the table is its own proof of no cycles.
#[test]
fn the_table_has_no_cycles() {
    let mut below = BTreeSet::new();
    for (room, allowed) in ROOMS {
        for dep in allowed.iter().filter(|d| **d != "*") {
            let head = dep.split("::").next().unwrap();
            assert!(
                below.contains(head),
                "`{room}` imports `{dep}`, which is not below it"
            );
        }
        below.insert(*room);
    }
}

#[test]
fn the_scanner_sees_every_spelling() {
    let text = "\
use crate::model::X;
use crate::store::{read::A, disk::B};
use crate::{model, base};
// crate::tui in a comment
fn f() { crate::tui::g(); my_crate::z(); super::h(); }
#[cfg(test)]
use crate::base;
#[cfg(test)]
mod tests { use crate::main; }
";
    let found: Vec<_> = faults("query", &["base", "model", "store::read"], text)
        .into_iter()
        .map(|(line, what)| format!("{line} {what}"))
        .collect();
    assert_eq!(
        found,
        [
            "2 `query` may not import `store::disk`",
            "3 one `use` per room, not `crate::{..}`",
            "5 `query` may not import `tui::g`",
            "5 write `crate::` paths, not `super::`",
        ]
    );
}

fn faults(room: &str, allowed: &[&str], text: &str) -> Vec<(usize, String)> {
    let code = production_code(text);
    let line = |at: usize| code[..at].matches('\n').count() + 1;
    let mut out = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '"') {
            continue; // `some_crate::`, or a path inside a string literal
        }
        let rest = &code[at + "crate::".len()..];
        if rest.starts_with('{') {
            out.push((line(at), "one `use` per room, not `crate::{..}`".to_owned()));
            continue;
        }
        let head = ident(rest);
        if head == room || !head.starts_with(|c: char| c.is_lowercase()) {
            continue; // itself, or a crate-root macro's or constant's name
        }
        for door in doors(rest[head.len()..].strip_prefix("::").unwrap_or_default()) {
            let path = format!("{head}::{door}");
            if !allowed
                .iter()
                .any(|a| [head.as_str(), path.as_str(), "*"].contains(a))
            {
                out.push((line(at), format!("`{room}` may not import `{path}`")));
            }
        }
    }
    for (at, _) in code.match_indices("super::") {
        out.push((line(at), "write `crate::` paths, not `super::`".to_owned()));
    }
    out
}

/// What follows `room::`: one name, or the heads of a `{..}` group.
fn doors(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![ident(rest)];
    };
    let (mut depth, mut at_head, mut out) = (1, true, Vec::new());
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => at_head = true,
            c if at_head && depth == 1 && !c.is_whitespace() => {
                out.push(ident(&group[i..]));
                at_head = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    out
}

/// The text above the test module, comment lines blanked so line numbers stand.
/// Tests may compose layers freely: only the code is layered.
fn production_code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let blank = |l: &str| {
        if l.trim_start().starts_with("//") {
            String::new()
        } else {
            l.to_owned()
        }
    };
    code.lines().map(|l| blank(l) + "\n").collect()
}

fn ident(s: &str) -> String {
    s.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn room_of(rel: &Path) -> String {
    let first = rel
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
    out.sort();
    out
}
