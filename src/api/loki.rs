//! Loki's HTTP API: parameters in, its JSON out. Errors are plain text, as its clients know them.

mod index;
mod params;
mod rules;
mod tail;

pub(crate) use index::{
    detected_field_values, detected_fields, detected_labels, patterns, stats, volume, volume_range,
};

pub(crate) use rules::rules;
pub(crate) use tail::{Switch, tail};

use crate::api::loki::params::{limit, window};
use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::model::answer::{Answer, LogReply, LogsAnswer};
use crate::model::log_entry::{LevelSet, NanoRange};
use crate::model::request::{LogRequest, LogsQuery, Request, StreamsQuery, StreamsWhat};
use crate::query::syntax;
use crate::source::api::SourceError;
use crate::wire::loki_json::{self, Encoding};
use crate::wire::prom_json::write;

/// Lines of an answer where nothing is said.
const LINES: usize = 100;

pub(crate) async fn format_query(call: Call) -> Done {
    match syntax::logql::format(call.params.get("query")) {
        Ok(formatted) => Ok(reply::json(write::text(&formatted))),
        Err(e) => Err(bad(e.to_string())),
    }
}

fn bad(said: impl Into<String>) -> Failed {
    Failed::Plain(400, said.into())
}

/// Loki's numbers for what went wrong.
fn failed(e: SourceError) -> Failed {
    let status = match &e {
        SourceError::BadRequest { .. } | SourceError::Execution(_) => 400,
        SourceError::Timeout(_) => 504,
        SourceError::Cancelled => 499,
        SourceError::Unavailable(_) => 503,
        SourceError::NotAllowed(_) => 403,
        SourceError::Internal(_) => 500,
    };
    Failed::Plain(status, e.to_string())
}

async fn ask(call: &Call, request: LogRequest) -> Result<LogReply, Failed> {
    match call.source.ask(Request::Logs(request)).await {
        Ok(Answer::Logs(reply)) => Ok(reply),
        Ok(_) => Err(unexpected()),
        Err(e) => Err(failed(e)),
    }
}

fn unexpected() -> Failed {
    Failed::Plain(500, "the engine answered another question".to_owned())
}

async fn value(call: &Call, query: LogsQuery) -> Result<LogsAnswer, Failed> {
    match ask(call, LogRequest::Query(query)).await? {
        LogReply::Value(answer) => Ok(answer),
        _ => Err(unexpected()),
    }
}

fn encoding(call: &Call) -> Encoding {
    let mut flags = call.encoding_flags.split(',').map(str::trim);
    if flags.any(|f| f == "categorize-labels") {
        Encoding::Categorised
    } else {
        Encoding::Together
    }
}

fn expr(call: &Call) -> Result<String, Failed> {
    let text = call.params.get("query");
    if text.is_empty() {
        return Err(bad("the parameter query is missing"));
    }
    Ok(text.to_owned())
}

/// A metric query at one time.
pub(crate) async fn query(call: Call) -> Done {
    let at = params::time_of(&call, "time")?.unwrap_or_else(|| params::now(&call));
    let expr = expr(&call)?;
    if syntax::logql::is_log(&expr).map_err(|e| bad(e.to_string()))? {
        return Err(bad(
            "log queries are not supported as an instant query type, please change your query to \
             a range query type",
        ));
    }
    let mut query = LogsQuery::newest(expr, NanoRange::new(at, at), limit(&call, LINES)?);
    query.instant = true;
    let answer = value(&call, query).await?;
    Ok(reply::json(loki_json::query(&answer, encoding(&call))))
}

pub(crate) async fn query_range(call: Call) -> Done {
    let range = window(&call)?;
    let newest_first = match call.params.get("direction").to_ascii_lowercase().as_str() {
        "" | "backward" => true,
        "forward" => false,
        other => return Err(bad(format!("invalid direction '{other}'"))),
    };
    let query = LogsQuery {
        expr: expr(&call)?,
        range,
        step: params::step(&call, range)?,
        instant: false,
        limit: limit(&call, LINES)?,
        newest_first,
        interval: params::duration(&call, "interval")?.unwrap_or(0),
        levels: LevelSet::ALL,
        timeout_ms: None,
    };
    let answer = value(&call, query).await?;
    Ok(reply::json(loki_json::query(&answer, encoding(&call))))
}

async fn streams(
    call: &Call,
    what: StreamsWhat,
    selectors: Vec<String>,
) -> Result<LogReply, Failed> {
    let query = StreamsQuery {
        what,
        selectors,
        range: window(call)?,
        limit: limit(call, 0)?,
    };
    ask(call, LogRequest::Streams(query)).await
}

/// The selector of `query`, where there is one.
fn narrowed(call: &Call) -> Vec<String> {
    let text = call.params.get("query");
    if text.is_empty() || text == "{}" {
        Vec::new()
    } else {
        vec![text.to_owned()]
    }
}

pub(crate) async fn labels(call: Call) -> Done {
    match streams(&call, StreamsWhat::LabelNames, narrowed(&call)).await? {
        LogReply::Names(names, _) => Ok(reply::json(loki_json::names(&names))),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn label_values(call: Call) -> Done {
    let name = named(&call, "/loki/api/v1/label/")?;
    match streams(&call, StreamsWhat::LabelValues(name), narrowed(&call)).await? {
        LogReply::Names(names, _) => Ok(reply::json(loki_json::names(&names))),
        _ => Err(unexpected()),
    }
}

/// The name in `HEAD name /values`.
fn named(call: &Call, head: &str) -> Result<String, Failed> {
    let inner = call.path.strip_prefix(head).unwrap_or_default();
    let name = inner.strip_suffix("/values").unwrap_or_default();
    if name.is_empty() || name.contains('/') {
        return Err(Failed::Plain(
            404,
            format!("there is nothing at {}", call.path),
        ));
    }
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    Ok(name.into_owned())
}

pub(crate) async fn series(call: Call) -> Done {
    let mut selectors = call.params.all("match[]");
    selectors.extend(call.params.all("match"));
    selectors.retain(|s| !s.is_empty() && s != "{}");
    match streams(&call, StreamsWhat::Streams, selectors).await? {
        LogReply::Streams(all, _) => Ok(reply::json(loki_json::series(&all))),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn ready(call: Call) -> Done {
    match call.api.engine.ready() {
        Ok(()) => Ok(reply::text(200, "ready")),
        Err(why) => Err(Failed::Plain(503, why)),
    }
}
