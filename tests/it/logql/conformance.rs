//! The rows under `$BONGSU_CASES/logql`, one test for each set.

use crate::logql::set::{self, Set};
use bongsu::query::logql::ast::Metric;
use bongsu::query::logql::{self, Expr, ParseError};
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
        let verdict = match logql::parse(query) {
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
