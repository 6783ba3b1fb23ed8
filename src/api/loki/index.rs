//! What streams and lines hold: `index/*`, `detected_*`, `patterns`.

use crate::api::loki::params::{self, limit, window};
use crate::api::loki::{ask, bad, expr, named, narrowed, streams, unexpected, value};
use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::model::answer::{Field, LogCost, LogReply, LogsAnswer, LogsValue, Notes, VectorPoint};
use crate::model::labels::Labels;
use crate::model::log_entry::{LevelSet, NanoRange};
use crate::model::request::{FieldsQuery, LevelsQuery, LogRequest, LogsQuery, StreamsWhat};
use crate::model::sample::Sample;
use crate::query::syntax;
use crate::wire::loki_json::{self, Encoding};
use std::collections::{BTreeMap, BTreeSet};

/// Results of `volume`, and fields of `detected_fields`, where nothing is said.
const VOLUMES: usize = 100;
const FIELDS: usize = 1000;

pub(crate) async fn stats(call: Call) -> Done {
    match streams(&call, StreamsWhat::Stats, narrowed(&call)).await? {
        LogReply::Totals(totals) => Ok(reply::json(loki_json::totals(&totals))),
        _ => Err(unexpected()),
    }
}

/// The labels by which volumes are added up: those asked for, else those of the selector.
fn targets(call: &Call) -> Result<Vec<String>, Failed> {
    let asked = call.params.get("targetLabels");
    if !asked.is_empty() {
        return Ok(asked.split(',').map(|l| l.trim().to_owned()).collect());
    }
    let text = call.params.get("query");
    if text.is_empty() || text == "{}" {
        return Ok(Vec::new());
    }
    syntax::logql::selector_labels(text).map_err(|e| bad(e.to_string()))
}

fn by_label(call: &Call) -> Result<bool, Failed> {
    match call.params.get("aggregateBy") {
        "" | "series" => Ok(false),
        "labels" => Ok(true),
        other => Err(bad(format!(
            "invalid aggregateBy {other:?}: series or labels"
        ))),
    }
}

/// Bytes by series of the target labels, or by the name of each label, the largest first.
pub(crate) async fn volume(call: Call) -> Done {
    let (targets, by_label) = (targets(&call)?, by_label(&call)?);
    let most = limit(&call, VOLUMES)?;
    let end = window(&call)?.end;
    let LogReply::Volumes(all) = streams(&call, StreamsWhat::Volumes, narrowed(&call)).await?
    else {
        return Err(unexpected());
    };
    let t = end.div_euclid(1_000_000);
    let wanted = |name: &str| targets.is_empty() || targets.iter().any(|t| t == name);
    if by_label {
        let names = all.iter().flat_map(|(labels, totals)| {
            let names = labels.iter().filter(|(name, _)| wanted(name));
            names.map(|(name, _)| (name.to_owned(), totals.bytes))
        });
        let sums = largest(names, most);
        return Ok(reply::json(loki_json::label_volumes(&sums, t)));
    }
    let series = all
        .iter()
        .map(|(l, totals)| (l.retain(wanted), totals.bytes));
    let point = |(labels, bytes): (Labels, u64)| VectorPoint {
        labels,
        sample: Sample { t, v: bytes as f64 },
    };
    let answer = LogsAnswer {
        value: LogsValue::Vector(largest(series, most).into_iter().map(point).collect()),
        notes: Notes::default(),
        cost: LogCost::default(),
    };
    Ok(reply::json(loki_json::query(&answer, Encoding::Together)))
}

/// Added up by key, the largest first.
fn largest<K: Ord>(all: impl Iterator<Item = (K, u64)>, most: usize) -> Vec<(K, u64)> {
    let mut sums: BTreeMap<K, u64> = BTreeMap::new();
    for (key, bytes) in all {
        *sums.entry(key).or_default() += bytes;
    }
    let mut sums: Vec<(K, u64)> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sums.truncate(most);
    sums
}

/// The same over time, from the lines themselves.
pub(crate) async fn volume_range(call: Call) -> Done {
    let range = window(&call)?;
    let step = params::step(&call, range)?;
    let selector = expr(&call)?;
    let by = targets(&call)?.join(", ");
    let seconds = (step / 1_000_000_000).max(1);
    let most = limit(&call, VOLUMES)?;
    let query = LogsQuery {
        expr: format!("topk({most}, sum by ({by}) (bytes_over_time({selector} [{seconds}s])))"),
        range,
        step,
        instant: false,
        limit: 0,
        newest_first: false,
        interval: 0,
        levels: LevelSet::ALL,
        timeout_ms: None,
    };
    let answer = value(&call, query).await?;
    Ok(reply::json(loki_json::query(&answer, Encoding::Together)))
}

/// Labels of streams with the number of their values.
pub(crate) async fn detected_labels(call: Call) -> Done {
    let LogReply::Streams(all, _) = streams(&call, StreamsWhat::Streams, narrowed(&call)).await?
    else {
        return Err(unexpected());
    };
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in all.iter().flatten() {
        values.entry(name).or_default().insert(value);
    }
    let counts: Vec<(String, u64)> = values
        .into_iter()
        .map(|(name, values)| (name.to_owned(), values.len() as u64))
        .collect();
    Ok(reply::json(loki_json::detected_labels(&counts)))
}

async fn fields(call: &Call, values_of: Option<String>) -> Result<(Vec<Field>, usize), Failed> {
    let most = limit(call, FIELDS)?;
    let lines = call.params.get("line_limit").parse().unwrap_or(0);
    let query = FieldsQuery {
        expr: expr(call)?,
        range: window(call)?,
        lines,
        values_of,
        limit: most,
    };
    match ask(call, LogRequest::Fields(query)).await? {
        LogReply::Fields(fields, _) => Ok((fields, most)),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn detected_fields(call: Call) -> Done {
    let (fields, most) = fields(&call, None).await?;
    Ok(reply::json(loki_json::detected_fields(&fields, most)))
}

pub(crate) async fn detected_field_values(call: Call) -> Done {
    let name = named(&call, "/loki/api/v1/detected_field/")?;
    let (fields, most) = fields(&call, Some(name)).await?;
    let values = fields.into_iter().flat_map(|f| f.top);
    let values: Vec<String> = values.map(|(value, _)| value).collect();
    Ok(reply::json(loki_json::detected_values(&values, most)))
}

pub(crate) async fn patterns(call: Call) -> Done {
    let range: NanoRange = window(&call)?;
    let step = params::step(&call, range)?;
    let count = (range.end - range.start) / step + 1;
    let query = LevelsQuery {
        expr: expr(&call)?,
        levels: LevelSet::ALL,
        start: range.start,
        step,
        count: count as usize,
    };
    match ask(&call, LogRequest::Patterns(query)).await? {
        LogReply::Patterns(all, _) => {
            let json = loki_json::patterns(&all, range.start, step);
            Ok(reply::json(json))
        }
        _ => Err(unexpected()),
    }
}
