//! Tempo's HTTP API, as Grafana and scripts speak it.

use crate::api::prometheus::unexpected;
use crate::api::reply::{self, Answer as Response, Failed};
use crate::api::server::{Call, Done};
use crate::model::answer::{Answer, PromAnswer, Series, Value};
use crate::model::exemplar::ExemplarSeries;
use crate::model::request::{Request, SpanRequest, TraceOrder, TraceQuery};
use crate::model::span::TraceId;
use crate::model::time::{Steps, TimeRange};
use crate::query::syntax;
use crate::source::api::SourceError;
use crate::wire::{otlp, tempo_json};

const DEFAULT_LIMIT: usize = 20;
const MOST_LIMIT: usize = 10_000;
/// Spans that are told behind the series of a range, where the asker does not say how many.
const DEFAULT_EXEMPLARS: usize = 100;
const DEFAULT_SPANS: usize = 3;
const HOUR_MS: i64 = 3_600_000;
/// Points of a range whose step is not said.
const POINTS: i64 = 120;

fn bad(said: impl Into<String>) -> Failed {
    Failed::Plain(400, said.into())
}

async fn ask(call: &Call, request: SpanRequest) -> Result<Answer, Failed> {
    let answer = call.source.ask(Request::Spans(request)).await;
    answer.map_err(|e| match e {
        SourceError::BadRequest { said, .. } => bad(said),
        SourceError::Timeout(said) => Failed::Plain(504, said),
        SourceError::Unavailable(said) => Failed::Plain(503, said),
        other => Failed::Plain(500, other.to_string()),
    })
}

fn json(value: &serde_json::Value) -> Response {
    reply::json(value.to_string().into_bytes())
}

/// Seconds since the epoch, or RFC 3339; the last hour where nothing is said.
fn range(call: &Call) -> Result<TimeRange, Failed> {
    let now = call.api.clock.now_ms();
    let since = call.params.duration("since")?.unwrap_or(HOUR_MS);
    let end = call.params.time_or("end", now)?;
    let start = call.params.time_or("start", end - since)?;
    if end < start {
        return Err(bad("end lies before start"));
    }
    Ok(TimeRange::new(start, end))
}

fn nanoseconds(ms: i64) -> u64 {
    u64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(0)
}

fn duration(call: &Call, name: &str) -> Result<Option<u64>, Failed> {
    Ok(call.params.duration(name)?.map(nanoseconds))
}

/// `/api/search`
pub(crate) async fn search(call: Call) -> Done {
    let range = range(&call)?;
    let query = match call.params.get("q") {
        "" => syntax::traceql_of_tags(call.params.get("tags")).map_err(bad)?,
        q => q.to_owned(),
    };
    let limit = match call.params.limit("limit")? {
        0 => DEFAULT_LIMIT,
        n => n.min(MOST_LIMIT),
    };
    let per_set = match call.params.limit("spss")? {
        0 => DEFAULT_SPANS,
        n => n.min(MOST_LIMIT),
    };
    let order = match call.params.get("order") {
        "" | "newest" => TraceOrder::Newest,
        "slowest" => TraceOrder::Slowest,
        "spans" => TraceOrder::Spans,
        "errors" => TraceOrder::Errors,
        other => {
            return Err(bad(format!(
                "order {other:?} is none of newest, slowest, spans, errors"
            )));
        }
    };
    let asked = TraceQuery {
        query,
        from: nanoseconds(range.start),
        to: nanoseconds(range.end),
        limit,
        per_set,
        order,
        shortest: duration(&call, "minDuration")?,
        longest: duration(&call, "maxDuration")?,
    };
    match ask(&call, SpanRequest::Search(asked)).await? {
        Answer::Traces(answer) => Ok(json(&tempo_json::search(&answer))),
        _ => Err(unexpected()),
    }
}

async fn trace(call: Call, v2: bool) -> Done {
    let text = call.path.rsplit('/').next().unwrap_or_default();
    let id = TraceId::parse(text).ok_or_else(|| bad(format!("{text:?} is no trace id")))?;
    match ask(&call, SpanRequest::Trace { id }).await? {
        Answer::Trace(None, _) => Err(Failed::Plain(404, format!("trace {id} is not here"))),
        Answer::Trace(Some(trace), _) if call.accept.contains("protobuf") && !v2 => Ok(
            reply::body(200, "application/protobuf", otlp::to_protobuf(&trace)),
        ),
        Answer::Trace(Some(trace), notes) if v2 => Ok(json(&tempo_json::trace_v2(&trace, &notes))),
        Answer::Trace(Some(trace), _) => Ok(json(&tempo_json::trace_v1(&trace))),
        _ => Err(unexpected()),
    }
}

/// `/api/traces/{id}`
pub(crate) async fn trace_v1(call: Call) -> Done {
    trace(call, false).await
}

/// `/api/v2/traces/{id}`
pub(crate) async fn trace_v2(call: Call) -> Done {
    trace(call, true).await
}

async fn tags(call: Call, v2: bool) -> Done {
    let asked = SpanRequest::Tags {
        range: range(&call)?,
    };
    let Answer::Tags(mut tags, _) = ask(&call, asked).await? else {
        return Err(unexpected());
    };
    let scope = call.params.get("scope");
    let wants = |name: &str| ["", "none", name].contains(&scope);
    tags.retain(|(s, _)| wants(s.as_str()));
    if !v2 {
        return Ok(json(&tempo_json::tags_v1(&tags)));
    }
    let intrinsics = if wants("intrinsic") {
        syntax::traceql_intrinsics()
    } else {
        Vec::new()
    };
    Ok(json(&tempo_json::tags_v2(&tags, &intrinsics)))
}

/// `/api/search/tags`
pub(crate) async fn tags_v1(call: Call) -> Done {
    tags(call, false).await
}

/// `/api/v2/search/tags`
pub(crate) async fn tags_v2(call: Call) -> Done {
    tags(call, true).await
}

/// `/api/search/tag/{tag}/values` and `/api/v2/..`
pub(crate) async fn values(call: Call) -> Done {
    let v2 = call.path.starts_with("/api/v2/");
    let middle = call.path.split_once("/tag/").map_or("", |(_, rest)| rest);
    let Some(tag) = middle.strip_suffix("/values") else {
        return Err(Failed::Plain(
            404,
            format!("there is nothing at {}", call.path),
        ));
    };
    let tag = percent_encoding::percent_decode_str(tag)
        .decode_utf8_lossy()
        .into_owned();
    let asked = SpanRequest::TagValues {
        tag: tag.clone(),
        range: range(&call)?,
    };
    let Answer::TagValues(values, _) = ask(&call, asked).await? else {
        return Err(unexpected());
    };
    if !v2 {
        return Ok(json(&tempo_json::values_v1(&values)));
    }
    let typed = values.into_iter().map(|v| {
        let kind = syntax::traceql_type(&v, &tag);
        (v, kind)
    });
    Ok(json(&tempo_json::values_v2(&typed.collect::<Vec<_>>())))
}

async fn series(
    call: &Call,
    steps: Steps,
    exemplars: usize,
) -> Result<(Vec<Series>, Vec<ExemplarSeries>), Failed> {
    let query = match call.params.get("q") {
        "" => call.params.get("query"),
        q => q,
    };
    let asked = SpanRequest::Series {
        query: query.to_owned(),
        steps,
        exemplars,
    };
    match ask(call, asked).await? {
        Answer::SpanSeries(
            PromAnswer {
                value: Value::Matrix(series),
                ..
            },
            exemplars,
        ) => Ok((series, exemplars)),
        _ => Err(unexpected()),
    }
}

/// `/api/metrics/query_range`
pub(crate) async fn query_range(call: Call) -> Done {
    let range = range(&call)?;
    let default = ((range.end - range.start) / POINTS).max(1000);
    let step = call.params.duration("step")?.unwrap_or(default);
    if step <= 0 {
        return Err(bad("step must be above zero"));
    }
    // Steps stand at multiples of their length, so that asking again gives the same points.
    let steps = Steps {
        start: range.start.div_euclid(step) * step + step,
        end: range.end,
        step,
    };
    let exemplars = match call.params.get("exemplars") {
        "" => DEFAULT_EXEMPLARS,
        _ => call.params.limit("exemplars")?,
    };
    let (series, exemplars) = series(&call, steps, exemplars).await?;
    Ok(json(&tempo_json::series_range(&series, &exemplars)))
}

/// `/api/metrics/query`
pub(crate) async fn query(call: Call) -> Done {
    let range = range(&call)?;
    let steps = Steps {
        start: range.end,
        end: range.end,
        step: (range.end - range.start).max(1),
    };
    let (series, _) = series(&call, steps, 0).await?;
    Ok(json(&tempo_json::series_instant(&series)))
}

/// `/api/echo`
pub(crate) async fn echo(_: Call) -> Done {
    Ok(reply::text(200, "echo"))
}
