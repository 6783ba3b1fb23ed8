//! `/federate`: the newest sample of every series that matches, with its time, for a server above.

use crate::api::prometheus::{selectors_of, unexpected};
use crate::api::reply::{self, Failed, bad_data};
use crate::api::server::{Call, Done};
use crate::model::answer::{Answer, Value};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::request::{PromQuery, Request};
use crate::model::sample::Sample;
use crate::model::time::Steps;
use crate::wire::exposition::write::{push_name, push_sample};
use std::collections::BTreeMap;

const LOOKBACK_MS: i64 = 5 * 60 * 1000;

pub(crate) async fn federate(call: Call) -> Done {
    let selectors = selectors_of(&call.params)?;
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
    let outer = call.api.engine.external_labels();
    let mut out = String::new();
    let mut family = String::new();
    for (labels, sample) in &newest {
        let name = labels.metric_name();
        if family != name {
            name.clone_into(&mut family);
            out.push_str("# TYPE ");
            push_name(name, &mut out);
            out.push_str(" untyped\n");
        }
        push_line(&mut out, labels, &outer, *sample);
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

/// As Prometheus writes it: `global.external_labels` are added where the series has none of that
/// name, and an absent `instance` is said to be empty, so that the scraping server does not put its
/// own.
fn push_line(out: &mut String, labels: &Labels, outer: &Labels, sample: Sample) {
    let rest = labels.iter().filter(|(n, _)| *n != METRIC_NAME);
    let added = outer.iter().filter(|(n, _)| !labels.has(n));
    let instance = !labels.has("instance") && !outer.has("instance");
    let none = instance.then_some(("instance", ""));
    let name = labels.metric_name();
    push_sample(
        name,
        rest.chain(added).chain(none),
        (sample.t, sample.v),
        out,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_labels_fill_what_a_series_does_not_have() {
        let outer = Labels::from_pairs([("site", "seoul"), ("zone", "b")]);
        for (labels, outer, want) in [
            (
                vec![("__name__", "up"), ("instance", "a:1"), ("zone", "a")],
                &outer,
                "up{instance=\"a:1\",zone=\"a\",site=\"seoul\"} 1 5\n",
            ),
            (
                vec![("__name__", "up")],
                &outer,
                "up{site=\"seoul\",zone=\"b\",instance=\"\"} 1 5\n",
            ),
            (
                vec![("__name__", "my.metric"), ("a.b", "x\"")],
                &Labels::empty(),
                "{\"my.metric\",\"a.b\"=\"x\\\"\",instance=\"\"} 1 5\n",
            ),
        ] {
            let mut out = String::new();
            let labels = Labels::from_pairs(labels);
            push_line(&mut out, &labels, outer, Sample { t: 5, v: 1.0 });
            assert_eq!(out, want);
        }
    }
}
