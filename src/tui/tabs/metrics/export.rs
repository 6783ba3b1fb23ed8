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

/// The same question to the HTTP API of this engine; `None` where it has no port.
pub(crate) fn curl(state: &State, expr: &str) -> Option<String> {
    let listen = state
        .status()
        .map_or("127.0.0.1:9470", |s| s.listen.as_str());
    // Behind it stand the other listeners, in words.
    let port = listen.split([';', ',']).next().unwrap_or_default().trim();
    if !port.contains(':') {
        return None;
    }
    let quoted = quote(expr);
    Some(match times(state) {
        Times::At(at) => format!(
            "curl -sG 'http://{port}/api/v1/query' --data-urlencode query={quoted} -d time={}",
            seconds(at)
        ),
        Times::Over(w) => format!(
            "curl -sG 'http://{port}/api/v1/query_range' --data-urlencode query={quoted} \
             -d start={} -d end={} -d step={}",
            seconds(w.start),
            seconds(w.end),
            seconds(w.step)
        ),
    })
}

/// The same question to this data directory, with or without an engine.
pub(crate) fn command(state: &State, expr: &str) -> String {
    let dir = state.status().map_or("", |s| s.data_dir.as_str());
    let dir = if dir.is_empty() {
        String::new()
    } else {
        format!(" --data-dir {}", quote(dir))
    };
    let quoted = quote(expr);
    match times(state) {
        Times::At(at) => format!("bongsu query{dir} {quoted} --at {}", seconds(at)),
        Times::Over(w) => format!(
            "bongsu query{dir} {quoted} --from {} --to {} --step {}",
            seconds(w.start),
            seconds(w.end),
            seconds(w.step)
        ),
    }
}

enum Times {
    At(i64),
    Over(crate::tui::time_cursor::Window),
}

fn times(state: &State) -> Times {
    if state.locals.metrics.table {
        return Times::At(state.time.instant().unwrap_or(state.tick));
    }
    Times::Over(state.time.window(state.tick, (state.width / 2).max(10)))
}

fn seconds(t: i64) -> String {
    format!("{}.{:03}", t / 1000, t % 1000)
}

/// One word of a shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
