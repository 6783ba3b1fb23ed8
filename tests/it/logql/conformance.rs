//! The rows under `$BONGSU_CASES/logql`, one test for each set.

use crate::logql::memory::{Memory, Stored, always};
use crate::logql::set::{self, Set};
use bongsu::base::cancel::Cancel;
use bongsu::model::answer::{LogLine, LogsValue};
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::Level;
use bongsu::model::request::LogsQuery;
use bongsu::query::logql::ast::Metric;
use bongsu::query::logql::eval::Engine;
use bongsu::query::logql::{self, Expr, ParseError};
use bongsu::query::promql::literal::quote;
use serde_json::Value;

#[test]
fn valid_queries() {
    const NAME: &str = "logql-valid";
    let mut set = Set::new(NAME);
    for file in ["logql/logql_valid.txt", "logql/logql_valid_eval.txt"] {
        for row in set::rows(NAME, file) {
            let query = row.as_str().unwrap();
            set.add(query, reads_and_prints(query));
        }
    }
    set.finish();
}

/// What is printed must be read as the same query again.
fn reads_and_prints(query: &str) -> Result<(), String> {
    let tree = logql::parse(query).map_err(|e| e.to_string())?;
    let printed = tree.to_string();
    match logql::parse(&printed) {
        Ok(again) if again == tree || (is_nan(&again) && is_nan(&tree)) => Ok(()),
        Ok(_) => Err(format!("printed as {printed}, which is another query")),
        Err(e) => Err(format!("printed as {printed}: {e}")),
    }
}

fn is_nan(expr: &Expr) -> bool {
    matches!(expr, Expr::Metric(Metric::Number(v)) if v.is_nan())
}

#[test]
fn invalid_queries() {
    const NAME: &str = "logql-invalid";
    let mut set = Set::new(NAME);
    for row in set::rows(NAME, "logql/logql_invalid.jsonl") {
        let query = row["query"].as_str().unwrap();
        let verdict = match logql::check(query) {
            Ok(tree) => Err(format!("was read as {tree}")),
            Err(e) => says_as_much(&row, &e),
        };
        set.add(query, verdict);
    }
    set.finish();
}

/// The words, and the place where one is given. Loki gives no line for what is wrong inside a
/// window, and no place at all for what its grammar does not say: ours are better there.
fn says_as_much(row: &Value, e: &ParseError) -> Result<(), String> {
    for want in row["msg"].as_array().unwrap() {
        let want = want.as_str().unwrap();
        let want = ["msg: ", "regex: "]
            .iter()
            .find_map(|head| want.strip_prefix(head))
            .unwrap_or(want);
        if !e.message.contains(want) {
            return Err(format!("said {:?} instead of {want:?}", e.message));
        }
    }
    let part = |i: usize| row["pos"][i].as_str().and_then(|t| t.parse().ok());
    let (line, column): (usize, usize) = (part(0).unwrap_or(0), part(1).unwrap_or(0));
    let placed = (line == 0 || line == e.line) && (column == 0 || column == e.column);
    if placed {
        Ok(())
    } else {
        Err(format!(
            "at {}:{} instead of {line}:{column}",
            e.line, e.column
        ))
    }
}

/// A line through a query over one stream: the line and the labels that come out.
fn through(
    query: &str,
    line: &str,
    stream: &Labels,
    metadata: &Labels,
    t: i64,
) -> Result<Option<LogLine>, String> {
    let mut memory = Memory::default();
    memory.lines.push(Stored {
        stream: stream.clone(),
        t,
        line: line.as_bytes().to_vec(),
        metadata: metadata.clone(),
        level: Level::Unknown,
    });
    let query = LogsQuery::newest(query, always(), 10);
    let answer = Engine::default().run(&memory, &query, &Cancel::never());
    match answer.map_err(|e| e.to_string())?.value {
        LogsValue::Lines(mut lines) => Ok(lines.pop()),
        other => Err(format!("gave {other:?}")),
    }
}

/// A row's labels; `null` is none. One label of our own makes every stream nameable.
fn labels(row: &Value) -> Labels {
    let pairs = row.as_object().into_iter().flatten();
    Labels::from_pairs(pairs.map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned())))
}

const OWN: (&str, &str) = ("stream_of_the_case", "1");

fn with_own(labels: &Labels) -> Labels {
    let mut edit = labels.edit();
    edit.set(OWN.0, OWN.1);
    edit.finish()
}

fn same_labels(got: &LogLine, want: &Labels) -> Result<(), String> {
    let got = got.labels().retain(|name| name != OWN.0);
    // What is said of an error is our own; that there is one is not.
    let bare = |l: &Labels| l.retain(|name| name != "__error_details__");
    if bare(&got) == bare(want) && got.has("__error_details__") == want.has("__error_details__") {
        Ok(())
    } else {
        Err(format!("gave {got} instead of {want}"))
    }
}

#[test]
fn line_filters() {
    const NAME: &str = "logql-filters";
    let mut set = Set::new(NAME);
    let app = Labels::from_pairs([("app", "foo")]);
    for row in set::rows(NAME, "logql/line_filter_query.jsonl") {
        let query = row["query"].as_str().unwrap();
        for case in row["lines"].as_array().unwrap() {
            let (line, want) = (case[0].as_str().unwrap(), case[1].as_bool().unwrap());
            let verdict = through(query, line, &app, &Labels::empty(), 0).and_then(|found| {
                let passed = found.is_some();
                (passed == want)
                    .then_some(())
                    .ok_or_else(|| format!("{line:?}: passed is {passed}"))
            });
            set.add(query, verdict);
        }
    }
    for row in set::rows(NAME, "logql/ip_line_filter.jsonl") {
        let query = format!(
            "{{app=\"foo\"}} |= ip({})",
            quote(row["pat"].as_str().unwrap())
        );
        let want: Vec<usize> = serde_json::from_value(row["expected"].clone()).unwrap();
        for (i, line) in row["input"].as_array().unwrap().iter().enumerate() {
            let line = line.as_str().unwrap();
            let verdict = through(&query, line, &app, &Labels::empty(), 0).and_then(|found| {
                (found.is_some() == want.contains(&i))
                    .then_some(())
                    .ok_or_else(|| format!("{line:?}"))
            });
            set.add(&query, verdict);
        }
    }
    set.finish();
}

#[test]
fn parsers() {
    const NAME: &str = "logql-parsers";
    let mut set = Set::new(NAME);
    for (file, stage) in [
        ("json", "json"),
        ("json_expr", "json"),
        ("logfmt", "logfmt"),
        ("logfmt_expr", "logfmt"),
        ("regexp", "regexp"),
        ("unpack", "unpack"),
        ("pattern_labels", "pattern"),
    ] {
        for row in set::rows(NAME, &format!("logql/{file}.jsonl")) {
            parser_row(&mut set, stage, &row);
        }
    }
    for row in set::rows(NAME, "logql/pattern.jsonl") {
        pattern_row(&mut set, &row);
    }
    set.finish();
}

fn holds_go(row: &Value) -> bool {
    row.to_string().contains("\"$go\"")
}

fn parser_row(set: &mut Set, stage: &str, row: &Value) {
    if holds_go(row) {
        return;
    }
    let mut query = format!("{{{}=\"{}\"}} | {stage}", OWN.0, OWN.1);
    if let Some(pairs) = row["expressions"].as_array() {
        let pair = |p: &Value| {
            format!(
                "{}={}",
                p[0].as_str().unwrap(),
                quote(p[1].as_str().unwrap())
            )
        };
        query.push_str(&format!(
            " {}",
            pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
        ));
    }
    for key in ["parser", "pattern"] {
        if let Some(text) = row[key].as_str() {
            query.push_str(&format!(" {}", quote(text)));
        }
    }
    let line = row["line"].as_str().unwrap_or_default();
    let (stream, metadata) = (
        with_own(&labels(&row["lbs"])),
        labels(&row["structuredMetadata"]),
    );
    let want = row.get("wantLbs").unwrap_or(&row["want"]);
    let got = through(&query, line, &stream, &metadata, 0);
    let verdict = got.and_then(|found| {
        let found = found.ok_or("the line was dropped")?;
        if let Some(want) = row["wantLine"].as_str().filter(|w| *w != found.line) {
            return Err(format!(
                "gave the line {:?} instead of {want:?}",
                found.line
            ));
        }
        same_labels(&found, &labels(want))
    });
    set.add(&format!("{query} on {line}"), verdict);
    let strict = labels(&row["wantStrict"]);
    if !strict.is_empty() {
        let query = format!("{query} --strict");
        let got = through(&query, line, &stream, &metadata, 0);
        let verdict = got.and_then(|found| same_labels(&found.ok_or("dropped")?, &strict));
        set.add(&format!("{query} on {line}"), verdict);
    }
}

/// Captures in their order, and whether the same pattern without names lets the line pass.
fn pattern_row(set: &mut Set, row: &Value) {
    let (pattern, line) = (
        row["pattern"].as_str().unwrap(),
        row["line"].as_str().unwrap(),
    );
    let (Some(captures), Some(fits)) =
        (row["captures"].as_array(), row["filter_matches"].as_bool())
    else {
        // Pieces of a case that was cut in two by its extraction: no pattern, no captures.
        return;
    };
    let stream = Labels::from_pairs([OWN]);
    let selector = format!("{{{}=\"{}\"}}", OWN.0, OWN.1);
    let mut names = Vec::new();
    let mut bare = pattern.to_owned();
    for part in pattern.split('<').skip(1) {
        let name = part.split('>').next().unwrap();
        let fits =
            part.contains('>') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits && name != "_" {
            names.push(name);
            bare = bare.replace(&format!("<{name}>"), "<_>");
        }
    }
    let query = format!("{selector} | pattern {}", quote(pattern));
    let got = through(&query, line, &stream, &Labels::empty(), 0);
    let verdict = got.and_then(|found| {
        let found = found.ok_or("dropped")?;
        for (name, want) in names.iter().zip(captures) {
            let got = found.labels();
            if got.get(name) != want.as_str().unwrap() {
                return Err(format!("{name} is {:?} instead of {want}", got.get(name)));
            }
        }
        Ok(())
    });
    set.add(&format!("{query} on {line}"), verdict);
    let query = format!("{selector} |> {}", quote(&bare));
    let got = through(&query, line, &stream, &Labels::empty(), 0);
    let verdict = got.and_then(|found| {
        let passed = found.is_some();
        (passed == fits)
            .then_some(())
            .ok_or_else(|| format!("passed is {passed}"))
    });
    set.add(&format!("{query} on {line}"), verdict);
}

#[test]
fn line_format() {
    const NAME: &str = "logql-line-format";
    let mut set = Set::new(NAME);
    for row in set::rows(NAME, "logql/line_format.jsonl") {
        if holds_go(&row) {
            continue;
        }
        let template = row["fmter"].as_str().unwrap();
        let query = format!(
            "{{{}=\"{}\"}} | line_format {}",
            OWN.0,
            OWN.1,
            quote(template)
        );
        let line = row["in"].as_str().unwrap_or_default();
        let t = row["ts"].as_i64().unwrap();
        let got = through(
            &query,
            line,
            &with_own(&labels(&row["lbs"])),
            &Labels::empty(),
            t,
        );
        let verdict = got.and_then(|found| {
            let found = found.ok_or("the line was dropped")?;
            let want = row["want"].as_str().unwrap_or(line);
            if found.line != want {
                return Err(format!("gave {:?} instead of {want:?}", found.line));
            }
            same_labels(&found, &labels(&row["wantLbs"]))
        });
        set.add(&query, verdict);
    }
    set.finish();
}
