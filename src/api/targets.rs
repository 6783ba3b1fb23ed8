//! Scrape targets in Prometheus' form.

use crate::api::prometheus::{plain, unexpected};
use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::base::units::format_duration_ms;
use crate::model::answer::{Answer, Metadata};
use crate::model::request::{Request, ViewName};
use crate::model::view::{Health, TargetRow, View};
use crate::wire::prom_json::write::{self, TargetMetadata, push_labels, push_text};

/// The rows of what has samples: logs are followed, not scraped at an interval.
async fn rows(call: &Call) -> Result<Vec<TargetRow>, Failed> {
    let request = Request::View {
        view: ViewName::Targets,
        at: None,
    };
    match call.source.ask(request).await? {
        Answer::View(View::Targets(mut rows)) => {
            rows.retain(|r| r.dropped || r.interval_ms > 0);
            Ok(rows)
        }
        Answer::View(View::Nothing { .. }) => Ok(Vec::new()),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn targets(call: Call) -> Done {
    let state = call.params.get("state").to_ascii_lowercase();
    let pool = call.params.get("scrapePool").to_owned();
    let mut rows = rows(&call).await?;
    rows.retain(|r| r.health != Health::BuiltIn && (pool.is_empty() || r.job == pool));
    let (dropped, active): (Vec<TargetRow>, Vec<TargetRow>) =
        rows.into_iter().partition(|r| r.dropped);
    let body = write::success(&plain(), |out| {
        out.extend_from_slice(b"{\"activeTargets\":[");
        if state != "dropped" {
            list(out, &active, push_active);
        }
        out.extend_from_slice(b"],\"droppedTargets\":[");
        if state != "active" {
            list(out, &dropped, |out, row| {
                out.extend_from_slice(b"{\"discoveredLabels\":");
                push_labels(out, &row.discovered);
                out.push(b'}');
            });
        }
        out.extend_from_slice(b"],\"droppedTargetCounts\":{");
        let mut jobs: Vec<&str> = dropped.iter().map(|r| r.job.as_str()).collect();
        jobs.sort_unstable();
        let groups: Vec<&[&str]> = jobs.chunk_by(|a, b| a == b).collect();
        list(out, &groups, |out, group| {
            push_text(out, group[0]);
            out.extend_from_slice(format!(":{}", group.len()).as_bytes());
        });
        out.extend_from_slice(b"}}");
    });
    Ok(reply::json(body))
}

fn push_active(out: &mut Vec<u8>, row: &TargetRow) {
    out.extend_from_slice(b"{\"discoveredLabels\":");
    push_labels(out, &row.discovered);
    out.extend_from_slice(b",\"labels\":");
    push_labels(out, &row.labels);
    let health = match row.health {
        Health::Up | Health::BuiltIn => "up",
        Health::Down => "down",
        Health::Unknown => "unknown",
    };
    let interval = format_duration_ms(row.interval_ms);
    for (key, text) in [
        (&b",\"scrapePool\":"[..], row.job.as_str()),
        (b",\"scrapeUrl\":", &row.url),
        (b",\"globalUrl\":", &row.url),
        (b",\"lastError\":", &row.error),
        (b",\"lastScrape\":", &rfc3339(row.last_scrape)),
        (b",\"health\":", health),
        (b",\"scrapeInterval\":", &interval),
    ] {
        out.extend_from_slice(key);
        push_text(out, text);
    }
    let seconds = row.duration_ms / 1000.0;
    out.extend_from_slice(format!(",\"lastScrapeDuration\":{seconds}}}").as_bytes());
}

/// Prometheus' zero time stands for never.
pub(crate) fn rfc3339(ms: i64) -> String {
    match chrono::DateTime::from_timestamp_millis(ms) {
        Some(at) if ms != 0 => at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        _ => "0001-01-01T00:00:00Z".to_owned(),
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut push: impl FnMut(&mut Vec<u8>, &T)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push(out, item);
    }
}

pub(crate) async fn scrape_pools(call: Call) -> Done {
    let mut pools: Vec<String> = rows(&call).await?.into_iter().map(|r| r.job).collect();
    pools.sort_unstable();
    pools.dedup();
    let body = write::success(&plain(), |out| {
        out.extend_from_slice(b"{\"scrapePools\":[");
        list(out, &pools, |out, pool| push_text(out, pool));
        out.extend_from_slice(b"]}");
    });
    Ok(reply::json(body))
}

/// What is known of metrics is kept per metric, not per target, so each target that matches is
/// said to have them.
pub(crate) async fn metadata(call: Call) -> Done {
    let limit = call.params.limit("limit")?;
    let metric = call.params.get("metric").to_owned();
    let request = Request::Metadata {
        metric: metric.clone(),
        limit: usize::MAX,
    };
    let Answer::Metadata(known) = call.source.ask(request).await? else {
        return Err(unexpected());
    };
    let wanted = matching_instances(&call).await?;
    let mut rows = rows(&call).await?;
    rows.retain(|r| !r.dropped && wanted.as_ref().is_none_or(|w| w.contains(&r.labels)));
    let most = if limit == 0 { usize::MAX } else { limit };
    let found = rows.iter().flat_map(|row| {
        let line = |m| line_of(row, m, &metric);
        known.iter().map(line)
    });
    let lines: Vec<TargetMetadata<'_>> = found.take(most).collect();
    Ok(reply::json(write::targets_metadata(&lines)))
}

fn line_of<'a>(row: &'a TargetRow, m: &'a Metadata, asked: &str) -> TargetMetadata<'a> {
    TargetMetadata {
        target: &row.labels,
        // Prometheus leaves the metric out where it was asked by name.
        metric: if asked.is_empty() { &m.metric } else { "" },
        kind: m.kind,
        help: &m.help,
        unit: &m.unit,
    }
}

/// The label sets of targets that `match_target` selects, by their `up` series.
async fn matching_instances(
    call: &Call,
) -> Result<Option<Vec<crate::model::labels::Labels>>, Failed> {
    let selector = call.params.get("match_target");
    if selector.is_empty() {
        return Ok(None);
    }
    let inner = selector.trim().trim_start_matches('{');
    let request = Request::Series {
        selectors: vec![format!("{{__name__=\"up\",{inner}")],
        range: crate::api::prometheus::range_of(&call.params)?,
        limit: 0,
    };
    match call.source.ask(request).await? {
        Answer::Series(all, _) => Ok(Some(all.iter().map(|l| l.without_name()).collect())),
        _ => Err(unexpected()),
    }
}
