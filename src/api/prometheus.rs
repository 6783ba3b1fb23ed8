//! Questions in Prometheus' form: `/api/v1/query` and its neighbours, and remote write.
//!
//! Source of parameters, texts and statuses: Prometheus `web/api/v1/api.go`.

use crate::api::Sender;
use crate::api::params::{MAX_TIME, MIN_TIME, Params};
use crate::api::reply::{self, Failed, bad_data};
use crate::api::server::{Call, Done};
use crate::model::answer::{Answer, Notes, PromAnswer, Value};
use crate::model::request::{PromQuery, Request};
use crate::model::time::{Steps, TimeRange};
use crate::query::syntax;
use crate::source::api::SourceError;
use crate::wire::prom_json::write;
use crate::wire::remote_write;

/// Points that one series of an answer may have.
const MOST_POINTS: i64 = 11_000;
/// What a pushed body may decompress to.
const MOST_PUSHED: usize = 256 << 20;
const CUT: &str = "results truncated due to limit";

pub(crate) async fn query(call: Call) -> Done {
    let at = call.params.time_or("time", call.api.clock.now_ms())?;
    ask_prom(call, Steps::at(at), true).await
}

pub(crate) async fn query_range(call: Call) -> Done {
    let start = call.params.time("start")?;
    let end = call.params.time("end")?;
    if end < start {
        return Err(bad_data(
            "invalid parameter \"end\": end timestamp must not be before start time",
        ));
    }
    let step = call.params.duration("step")?.ok_or_else(|| {
        bad_data("invalid parameter \"step\": cannot parse \"\" to a valid duration")
    })?;
    if step <= 0 {
        return Err(bad_data(
            "invalid parameter \"step\": zero or negative query resolution step widths are not \
             accepted. Try a positive integer",
        ));
    }
    if (end - start) / step > MOST_POINTS {
        return Err(bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the \
             query resolution (?step=XX)",
        ));
    }
    ask_prom(call, Steps { start, end, step }, false).await
}

async fn ask_prom(call: Call, steps: Steps, instant: bool) -> Done {
    let timeout = call.params.duration("timeout")?;
    let lookback_ms = call.params.duration("lookback_delta")?;
    let limit = call.params.limit("limit")?;
    let query = PromQuery {
        expr: call.params.get("query").to_owned(),
        steps,
        instant,
        live: false,
        timeout_ms: timeout.map(|ms| ms.max(0) as u64),
        lookback_ms,
    };
    let answer = call.source.ask(Request::Prom(query)).await;
    let answer = answer.map_err(|e| match e {
        SourceError::BadRequest { said, .. } => {
            bad_data(format!("invalid parameter \"query\": {said}"))
        }
        other => other.into(),
    })?;
    let Answer::Prom(mut answer) = answer else {
        return Err(unexpected());
    };
    cut(&mut answer, limit);
    let stats = !call.params.get("stats").is_empty();
    Ok(reply::query(answer, stats, call.gzip))
}

fn cut(answer: &mut PromAnswer, limit: usize) {
    let len = match &answer.value {
        Value::Vector(points) => points.len(),
        Value::Matrix(series) => series.len(),
        Value::Scalar(_) | Value::Text { .. } => 0,
    };
    if limit == 0 || len <= limit {
        return;
    }
    match &mut answer.value {
        Value::Vector(points) => points.truncate(limit),
        Value::Matrix(series) => series.truncate(limit),
        Value::Scalar(_) | Value::Text { .. } => {}
    }
    answer.notes.warnings.push(CUT.to_owned());
}

/// Selectors of one request: each is parsed, and its expressions are compiled.
const MOST_SELECTORS: usize = 50;

pub(crate) fn selectors_of(params: &Params) -> Result<Vec<String>, Failed> {
    let all = params.all("match[]");
    if all.len() > MOST_SELECTORS {
        let said = format!("{} match[] parameters; at most {MOST_SELECTORS}", all.len());
        return Err(bad_data(said));
    }
    Ok(all)
}

pub(crate) async fn series(call: Call) -> Done {
    let selectors = selectors_of(&call.params)?;
    if selectors.is_empty() {
        return Err(bad_data("no match[] parameter provided"));
    }
    let request = Request::Series {
        selectors,
        range: range_of(&call.params)?,
        limit: call.params.limit("limit")?,
    };
    match ask(&call, request).await? {
        Answer::Series(all, notes) => Ok(reply::json(write::series(&all, &notes))),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn labels(call: Call) -> Done {
    let request = Request::LabelNames {
        selectors: selectors_of(&call.params)?,
        range: range_of(&call.params)?,
        limit: call.params.limit("limit")?,
    };
    names(&call, request).await
}

pub(crate) async fn label_values(call: Call) -> Done {
    let inner = call.path.strip_prefix("/api/v1/label/").unwrap_or_default();
    let Some(name) = inner.strip_suffix("/values") else {
        return Err(Failed::Plain(
            404,
            format!("there is nothing at {}", call.path),
        ));
    };
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let name = unescaped(&name);
    if name.is_empty() {
        return Err(bad_data(format!("invalid label name: {name:?}")));
    }
    let request = Request::LabelValues {
        name,
        selectors: selectors_of(&call.params)?,
        range: range_of(&call.params)?,
        limit: call.params.limit("limit")?,
    };
    names(&call, request).await
}

async fn names(call: &Call, request: Request) -> Done {
    match ask(call, request).await? {
        Answer::Names(all, notes) => Ok(reply::json(write::names(&all, &notes))),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn metadata(call: Call) -> Done {
    let limit = match call.params.get("limit") {
        "" => usize::MAX,
        text => {
            let limit = text.parse::<i64>();
            let limit = limit.map_err(|_| bad_data("limit must be a number"))?;
            usize::try_from(limit).unwrap_or(usize::MAX)
        }
    };
    let per_metric = call.params.limit("limit_per_metric")?;
    if limit == 0 {
        return Ok(reply::json(write::metadata(&[], per_metric)));
    }
    let request = Request::Metadata {
        metric: call.params.get("metric").to_owned(),
        limit,
    };
    match ask(&call, request).await? {
        Answer::Metadata(all) => Ok(reply::json(write::metadata(&all, per_metric))),
        _ => Err(unexpected()),
    }
}

/// Exemplars are of every selector of the query; there is no limit on them but the ring's.
pub(crate) async fn query_exemplars(call: Call) -> Done {
    let range = range_of(&call.params)?;
    let request = Request::Exemplars {
        expr: call.params.get("query").to_owned(),
        range,
        limit: 0,
    };
    let answer = call.source.ask(request).await;
    let answer = answer.map_err(|e| match e {
        SourceError::BadRequest { said, .. } => {
            bad_data(format!("invalid parameter \"query\": {said}"))
        }
        other => other.into(),
    })?;
    match answer {
        Answer::Exemplars(all, notes) => Ok(reply::json(write::exemplars(&all, &notes))),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn format_query(call: Call) -> Done {
    let text = call.params.get("query").to_owned();
    // Its expressions are compiled: not on a worker of the runtime.
    let formatted = tokio::task::spawn_blocking(move || syntax::format(&text)).await;
    match formatted.map_err(|_| unexpected())? {
        Ok(formatted) => Ok(reply::json(write::text(&formatted))),
        Err(fault) => Err(bad_data(format!("invalid parameter \"query\": {fault}"))),
    }
}

pub(crate) async fn write(call: Call) -> Done {
    let (address, agent) = call.from;
    let sender = Sender {
        kind: "remote write",
        address,
        agent,
    };
    let body = call.body;
    let decode = move || {
        remote_write::decode(&body, MOST_PUSHED).map_err(|e| SourceError::BadRequest {
            said: e.to_string(),
            at: None,
        })
    };
    let engine = &call.api.engine;
    let kept = engine.push(Box::new(decode)).await;
    engine.pushed(&sender, kept.clone().map_err(|e| e.to_string()));
    match kept {
        Ok(_) => Ok(reply::body(204, reply::JSON, Vec::new())),
        // The sender tries again what may pass later, and drops what never will.
        Err(SourceError::Unavailable(said)) => Err(Failed::Plain(503, said)),
        Err(e @ SourceError::BadRequest { .. }) => Err(Failed::Plain(400, e.to_string())),
        Err(e) => Err(Failed::Plain(500, e.to_string())),
    }
}

async fn ask(call: &Call, request: Request) -> Result<Answer, Failed> {
    let answer = call.source.ask(request).await;
    answer.map_err(|e| match e {
        SourceError::BadRequest { said, .. } => {
            bad_data(format!("invalid parameter \"match[]\": {said}"))
        }
        other => other.into(),
    })
}

pub(crate) fn range_of(params: &Params) -> Result<TimeRange, Failed> {
    let start = params.time_or("start", MIN_TIME)?;
    let end = params.time_or("end", MAX_TIME)?;
    if end < start {
        let said = "invalid parameter \"end\": end timestamp must not be before start time";
        return Err(bad_data(said));
    }
    Ok(TimeRange::new(start, end))
}

pub(crate) fn unexpected() -> Failed {
    let said = "the source answered another question than was asked".to_owned();
    SourceError::Internal(said).into()
}

/// No warnings, no infos.
pub(crate) fn plain() -> Notes {
    Notes::default()
}

/// `U__a_2e_b` stands for `a.b`: hexadecimal code points between underscores, `__` for `_`.
fn unescaped(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("U__") else {
        return name.to_owned();
    };
    let mut out = String::new();
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let code = rest.split_once('_').and_then(|(hex, after)| {
            let c = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
            Some((c, after))
        });
        // What is no escape is no escaped name either: it stays as it was written.
        let Some((c, after)) = code else {
            return name.to_owned();
        };
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        for (text, want) in [
            ("job", "job"),
            ("U__a_2e_b", "a.b"),
            ("U__my__label", "my_label"),
            ("U__bad_zz_x", "U__bad_zz_x"),
            ("U__cut_2e", "U__cut_2e"),
        ] {
            assert_eq!(unescaped(text), want);
        }
    }
}
