//! The answers as CSV, and the question as a command.

use crate::model::answer::Value;
use crate::tui::state::State;
use crate::tui::tabs::metrics::{letter, slot};
use crate::tui::tabs::{Export, list};

/// Long form: `query,time,series,value`, times in RFC 3339 with their offset.
pub(crate) fn csv(state: &State) -> Export {
    let mut out = String::from("query,time,series,value\n");
    let mut row = |letter: char, t: i64, series: &str, v: f64| {
        let time = state.time.rfc3339(t);
        out.push_str(&format!("{letter},{time},{},{v}\n", list::csv(series)));
    };
    for n in 0..state.locals.metrics.queries.len() {
        match slot(state, n).and_then(|s| s.value()) {
            Some(Value::Matrix(all)) => {
                for series in all {
                    let name = series.labels.to_string();
                    for s in &series.samples {
                        row(letter(n), s.t, &name, s.v);
                    }
                }
            }
            Some(Value::Vector(points)) => {
                for point in points {
                    row(
                        letter(n),
                        point.sample.t,
                        &point.labels.to_string(),
                        point.sample.v,
                    );
                }
            }
            Some(Value::Scalar(s)) => row(letter(n), s.t, "", s.v),
            Some(Value::Text { t, text }) => row(letter(n), *t, text, f64::NAN),
            None => {}
        }
    }
    Export {
        kind: "csv",
        text: out,
    }
}

/// The same question to the HTTP API of this engine.
pub(crate) fn curl(state: &State, expr: &str) -> String {
    let listen = state.status().map_or("", |s| s.listen.as_str());
    let listen = if listen.contains(':') {
        listen
    } else {
        "127.0.0.1:9470"
    };
    let quoted = expr.replace('\'', "'\\''");
    let time = |t: i64| format!("{}.{:03}", t / 1000, t % 1000);
    if state.locals.metrics.table {
        let at = state.time.instant().unwrap_or(state.tick);
        return format!(
            "curl -sG 'http://{listen}/api/v1/query' --data-urlencode 'query={quoted}' -d time={}",
            time(at)
        );
    }
    let window = state.time.window(state.tick, (state.width / 2).max(10));
    format!(
        "curl -sG 'http://{listen}/api/v1/query_range' --data-urlencode 'query={quoted}' \
         -d start={} -d end={} -d step={}",
        time(window.start),
        time(window.end),
        time(window.step)
    )
}
