//! Runs the commands of a script and compares what comes back, as written and in every other way
//! that must give the same: pinned by `@`, and as the middle step of a range.

use crate::promql::memory::Memory;
use crate::promql::script::{Command, Eval, Expect, Segment, Text, When};
use bongsu::base::cancel::Cancel;
use bongsu::model::answer::{PromAnswer, Value};
use bongsu::model::labels::Labels;
use bongsu::model::request::PromQuery;
use bongsu::model::sample::{Sample, is_stale};
use bongsu::model::time::Steps;
use bongsu::query::promql::ast::{At, Expr, Kind};
use bongsu::query::promql::eval::{Engine, QueryError};
use bongsu::query::promql::parse;
use bongsu::query::promql::series::Item;

/// One verdict per eval: its line, its text, and what was wrong.
pub(crate) struct Verdict {
    pub(crate) line: usize,
    pub(crate) expr: String,
    pub(crate) fault: Option<String>,
}

pub(crate) fn run(segment: &Segment) -> Vec<Verdict> {
    let mut memory = Memory::default();
    let mut out = Vec::new();
    for command in &segment.commands {
        match command {
            Command::Load(series) => {
                for (labels, items) in series {
                    for (t, item) in items {
                        if let Item::Value(v) = item {
                            memory.add(labels, *t, *v);
                        }
                    }
                }
            }
            Command::Eval(eval) => out.push(Verdict {
                line: eval.line,
                expr: eval.expr.clone(),
                fault: judge(&memory, eval).err(),
            }),
        }
    }
    out
}

fn ask(memory: &Memory, expr: &str, when: When) -> Result<PromAnswer, QueryError> {
    let engine = Engine {
        experimental: true,
        ..Engine::default()
    };
    let (steps, instant) = match when {
        When::At(t) => (Steps::at(t), true),
        When::Range { start, end, step } => (Steps { start, end, step }, false),
    };
    let query = PromQuery {
        expr: expr.to_owned(),
        steps,
        instant,
        live: false,
        timeout_ms: None,
        lookback_ms: None,
    };
    engine.run(memory, &query, &Cancel::never())
}

fn judge(memory: &Memory, eval: &Eval) -> Result<(), String> {
    match eval.when {
        When::Range { start, end, step } => {
            let answer = ask(memory, &eval.expr, eval.when);
            let Some(answer) = check_failure(&eval.expect, answer)? else {
                return Ok(());
            };
            check_notes(&eval.expect, &answer)?;
            same_matrix(&eval.expect, &answer.value, (start, end, step))
        }
        When::At(t) => {
            for (expr, t) in variants(&eval.expr, t) {
                let said = |why: String| format!("{expr} at {t}: {why}");
                judge_instant(memory, eval, &expr, t).map_err(said)?;
            }
            Ok(())
        }
    }
}

/// The query as written, then pinned to its time and asked at other times.
fn variants(expr: &str, t: i64) -> Vec<(String, i64)> {
    let mut out = vec![(expr.to_owned(), t)];
    let Ok(mut tree) = parse(expr) else {
        return out;
    };
    let mut unsafe_call = false;
    pin(&mut tree, t, &mut unsafe_call);
    if unsafe_call {
        return out;
    }
    let pinned = tree.to_string();
    let times = if t == 0 {
        vec![-1000, 0, 1000]
    } else {
        vec![-10 * t, 0, t / 5, t, 10 * t]
    };
    out.extend(times.into_iter().map(|t| (pinned.clone(), t)));
    out
}

const SEES_TIME: [&str; 18] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "time",
    "timestamp",
    "start",
    "end",
    "range",
    "step",
    "start_timestamp",
    "info",
    "",
];

/// Puts `@ t` on every selector and subquery that has none; what is inside a subquery follows it.
fn pin(expr: &mut Expr, t: i64, unsafe_call: &mut bool) {
    match &mut expr.kind {
        Kind::Selector(s) => {
            s.when.at.get_or_insert(At::Time(t));
        }
        Kind::Range(r) => {
            r.selector.when.at.get_or_insert(At::Time(t));
        }
        Kind::Subquery(s) => {
            s.when.at.get_or_insert(At::Time(t));
            let mut copy = s.expr.clone();
            pin(&mut copy, t, unsafe_call);
        }
        Kind::Unary(_, e) | Kind::Paren(e) => pin(e, t, unsafe_call),
        Kind::Binary(b) => {
            pin(&mut b.lhs, t, unsafe_call);
            pin(&mut b.rhs, t, unsafe_call);
        }
        Kind::Aggregate(a) => {
            if let Some(p) = &mut a.param {
                pin(p, t, unsafe_call);
            }
            pin(&mut a.expr, t, unsafe_call);
        }
        Kind::Call(c) => {
            *unsafe_call |= SEES_TIME.contains(&c.function.name);
            for arg in &mut c.args {
                pin(arg, t, unsafe_call);
            }
        }
        Kind::Number(_) | Kind::Text(_) => {}
    }
}

fn judge_instant(memory: &Memory, eval: &Eval, expr: &str, t: i64) -> Result<(), String> {
    let expect = &eval.expect;
    let answer = ask(memory, expr, When::At(t));
    let Some(answer) = check_failure(expect, answer)? else {
        return Ok(());
    };
    check_notes(expect, &answer)?;
    same_instant(expect, &answer.value)?;
    let only_instant = expect.ordered
        || expect.string.is_some()
        || expect.range_vector.is_some()
        || ["start(", "end(", "range(", "step("]
            .iter()
            .any(|w| expr.contains(w));
    if only_instant {
        return Ok(());
    }
    let when = When::Range {
        start: t - 60_000,
        end: t + 60_000,
        step: 60_000,
    };
    let answer = ask(memory, expr, when).map_err(|e| format!("as a range: {e}"))?;
    let Value::Matrix(matrix) = &answer.value else {
        return Err("as a range: no matrix".to_owned());
    };
    let mut middle = Vec::new();
    for series in matrix {
        if let Some(sample) = series.samples.iter().find(|s| s.t == t) {
            middle.push((series.labels.clone(), sample.v));
        }
    }
    let said = |why: String| format!("as a range: {why}");
    match expect.scalar {
        Some(want) => match middle.as_slice() {
            [(_, v)] if close(want, *v) => Ok(()),
            other => Err(said(format!("{other:?}, not {want}"))),
        },
        None => same_points(expect, &middle).map_err(said),
    }
}

/// `None` where a failure was wanted and came.
fn check_failure(
    expect: &Expect,
    answer: Result<PromAnswer, QueryError>,
) -> Result<Option<PromAnswer>, String> {
    match answer {
        Ok(_) if expect.fail => Err("it should have failed".to_owned()),
        Ok(answer) => Ok(Some(answer)),
        Err(e) if !expect.fail => Err(format!("failed: {e}")),
        Err(e) => {
            let message = e
                .message
                .split_once("parse error: ")
                .map_or(e.message.as_str(), |p| p.1);
            let bad = expect.fail_text.iter().find(|t| !fits(t, message));
            match bad {
                Some(_) => Err(format!("failed with another text: {message}")),
                None => Ok(None),
            }
        }
    }
}

fn fits(text: &Text, said: &str) -> bool {
    match text {
        Text::Any => true,
        Text::Exact(want) => want == said,
        Text::Pattern(p) => regex::Regex::new(p).unwrap().is_match(said),
    }
}

fn check_notes(expect: &Expect, answer: &PromAnswer) -> Result<(), String> {
    let check = |kind: &str, want: &[Text], none: bool, said: &[String]| {
        if none && !said.is_empty() {
            return Err(format!("no {kind} expected: {said:?}"));
        }
        if want.is_empty() {
            return Ok(());
        }
        if !want.iter().all(|w| said.iter().any(|s| fits(w, s))) {
            return Err(format!("a {kind} is missing among {said:?}"));
        }
        match said.iter().find(|s| !want.iter().any(|w| fits(w, s))) {
            Some(s) => Err(format!("unexpected {kind}: {s}")),
            None => Ok(()),
        }
    };
    check(
        "warning",
        &expect.warn,
        expect.no_warn,
        &answer.notes.warnings,
    )?;
    check("info", &expect.info, expect.no_info, &answer.notes.infos)
}

/// Relative error below 1e-6.
pub(crate) fn close(a: f64, b: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < 1e-6 * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < 1e-6
}

fn same_instant(expect: &Expect, value: &Value) -> Result<(), String> {
    match value {
        Value::Scalar(s) => match expect.scalar {
            Some(want) if close(want, s.v) => Ok(()),
            want => Err(format!("{}, not {want:?}", s.v)),
        },
        Value::Text { text, .. } => match &expect.string {
            Some(want) if want == text => Ok(()),
            want => Err(format!("{text:?}, not {want:?}")),
        },
        Value::Vector(points) => {
            if let Some(want) = expect.scalar {
                return Err(format!("a vector, not {want}"));
            }
            let points: Vec<(Labels, f64)> = points
                .iter()
                .map(|p| (p.labels.clone(), p.sample.v))
                .collect();
            same_points(expect, &points)
        }
        Value::Matrix(_) => match expect.range_vector {
            Some(times) => same_matrix(expect, value, times),
            None => Err("a range vector was not expected".to_owned()),
        },
    }
}

fn same_points(expect: &Expect, points: &[(Labels, f64)]) -> Result<(), String> {
    for (at, (labels, v)) in points.iter().enumerate() {
        let Some(place) = expect.series.iter().position(|(l, _)| l == labels) else {
            return Err(format!("unexpected {labels} {v}"));
        };
        if expect.ordered && place != at {
            return Err(format!("{labels} at place {at}, not {place}"));
        }
        match expect.series[place].1.as_slice() {
            [Item::Value(want)] if close(*want, *v) => {}
            want => return Err(format!("{labels}: {v}, not {want:?}")),
        }
    }
    for (labels, _) in &expect.series {
        if !points.iter().any(|(l, _)| l == labels) {
            return Err(format!("{labels} is missing"));
        }
    }
    Ok(())
}

fn same_matrix(
    expect: &Expect,
    value: &Value,
    (start, _, step): (i64, i64, i64),
) -> Result<(), String> {
    let Value::Matrix(matrix) = value else {
        return Err("no matrix".to_owned());
    };
    if !matrix.windows(2).all(|w| w[0].labels < w[1].labels) {
        return Err("the series are not sorted".to_owned());
    }
    if let Some(want) = expect.scalar {
        let flat = matrix
            .iter()
            .flat_map(|s| &s.samples)
            .all(|s| close(s.v, want));
        return if flat {
            Ok(())
        } else {
            Err("another scalar".to_owned())
        };
    }
    for series in matrix {
        let labels = &series.labels;
        let Some((_, items)) = expect.series.iter().find(|(l, _)| l == labels) else {
            return Err(format!("unexpected {labels}"));
        };
        let mut want: Vec<Sample> = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match item {
                Item::Missing => {}
                Item::Value(v) => want.push(Sample {
                    t: start + i as i64 * step,
                    v: *v,
                }),
                Item::Histogram(_) => return Err(format!("{labels}: floats, not histograms")),
            }
        }
        let same = want.len() == series.samples.len()
            && want
                .iter()
                .zip(&series.samples)
                .all(|(a, b)| a.t == b.t && close(a.v, b.v));
        if !same {
            return Err(format!("{labels}: {:?}, not {want:?}", series.samples));
        }
    }
    for (labels, items) in &expect.series {
        let any = items.iter().any(|i| !matches!(i, Item::Missing));
        if any && !matrix.iter().any(|s| s.labels == *labels) {
            return Err(format!("{labels} is missing"));
        }
    }
    Ok(())
}
