//! `/federate`: the newest sample of every series that matches, with its time, for a server above.

use crate::api::prometheus::unexpected;
use crate::api::reply::{self, Failed, bad_data};
use crate::api::server::{Call, Done};
use crate::model::answer::{Answer, Value};
use crate::model::labels::Labels;
use crate::model::request::{PromQuery, Request};
use crate::model::sample::Sample;
use crate::model::time::Steps;
use crate::wire::exposition::write::{push_float, push_quoted};
use std::collections::BTreeMap;

const LOOKBACK_MS: i64 = 5 * 60 * 1000;

pub(crate) async fn federate(call: Call) -> Done {
    let selectors = call.params.all("match[]");
    if selectors.is_empty() {
        let body = reply::body(200, TEXT, Vec::new());
        return Ok(body);
    }
    let now = call.api.clock.now_ms();
    let mut newest: BTreeMap<Labels, Sample> = BTreeMap::new();
    for selector in &selectors {
        let alive = ask(&call, selector.clone(), now).await?;
        let Value::Vector(alive) = alive else {
            return Err(bad_data(format!("{selector:?} is not a selector")));
        };
        // The instant vector says which series are alive; the range says when each was seen.
        let range = format!("{selector}[{LOOKBACK_MS}ms]");
        let Value::Matrix(seen) = ask(&call, range, now).await? else {
            return Err(unexpected());
        };
        let times: BTreeMap<&Labels, i64> = seen
            .iter()
            .filter_map(|s| Some((&s.labels, s.samples.last()?.t)))
            .collect();
        for point in alive {
            let t = times.get(&point.labels).copied().unwrap_or(now);
            let v = point.sample.v;
            newest.insert(point.labels, Sample { t, v });
        }
    }
    let mut out = String::new();
    let mut family = String::new();
    for (labels, sample) in &newest {
        let name = labels.metric_name();
        if family != name {
            name.clone_into(&mut family);
            out.push_str("# TYPE ");
            out.push_str(name);
            out.push_str(" untyped\n");
        }
        push_line(&mut out, labels, *sample);
    }
    Ok(reply::body(200, TEXT, out.into_bytes()))
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8";

async fn ask(call: &Call, expr: String, at: i64) -> Result<Value, Failed> {
    let query = PromQuery {
        expr,
        steps: Steps::at(at),
        instant: true,
        live: false,
        timeout_ms: None,
        lookback_ms: None,
    };
    match call.source.ask(Request::Prom(query)).await? {
        Answer::Prom(answer) => Ok(answer.value),
        _ => Err(unexpected()),
    }
}

/// As Prometheus writes it: an absent `instance` is said to be empty, so that the scraping server
/// does not put its own.
fn push_line(out: &mut String, labels: &Labels, sample: Sample) {
    out.push_str(labels.metric_name());
    let mut before = '{';
    let rest = labels.iter().filter(|(n, _)| *n != "__name__");
    let no_instance = (!labels.has("instance")).then_some(("instance", ""));
    for (name, value) in rest.chain(no_instance) {
        out.push(before);
        out.push_str(name);
        out.push('=');
        push_quoted(value, out);
        before = ',';
    }
    out.push_str("} ");
    push_float(sample.v, out);
    out.push_str(&format!(" {}\n", sample.t));
}
