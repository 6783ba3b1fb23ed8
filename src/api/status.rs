//! Health, `/metrics`, and what Prometheus tells of itself.

use crate::api::prometheus::{plain, range_of, unexpected};
use crate::api::reply::{self, Failed, bad_data};
use crate::api::server::{Call, Done};
use crate::api::targets::rfc3339;
use crate::api::{AdminDone, AdminOrder};
use crate::model::action::{Action, Outcome};
use crate::model::answer::Answer;
use crate::model::request::Request;
use crate::model::view::Status;
use crate::source::api::SourceError;
use crate::wire::exposition::write as exposition;
use crate::wire::prom_json::write::{ErrorType, push_text, success};

/// The version of Prometheus whose API and language are spoken: clients choose features by it.
const SPOKEN: &str = "3.5.0";

pub(crate) async fn healthy(_: Call) -> Done {
    Ok(reply::text(200, "bongsu is healthy."))
}

pub(crate) async fn ready(call: Call) -> Done {
    match call.api.engine.ready() {
        Ok(()) => Ok(reply::text(200, "bongsu is ready.")),
        Err(why) => Err(Failed::Plain(503, why)),
    }
}

pub(crate) async fn reload(call: Call) -> Done {
    match call.source.act(Action::Reload).await? {
        Outcome::Done { said } | Outcome::Kept { said, .. } => Ok(reply::text(200, &said)),
        Outcome::Refused { said } => Err(Failed::Plain(500, said)),
        Outcome::Preview { lines } => Ok(reply::text(200, &lines.join("\n"))),
    }
}

pub(crate) async fn metrics(call: Call) -> Done {
    let engine = call.api.engine.clone();
    let format = exposition::preferred(&call.accept);
    let written = tokio::task::spawn_blocking(move || {
        let mut out = String::new();
        exposition::families(&engine.families(), format, &mut out);
        out
    });
    let out = written.await.map_err(|_| unexpected())?;
    let kind = exposition::content_type(format);
    Ok(reply::body(200, kind, out.into_bytes()))
}

async fn own(call: &Call) -> Result<Box<Status>, Failed> {
    match call.source.ask(Request::Status).await? {
        Answer::Status(status) => Ok(status),
        _ => Err(unexpected()),
    }
}

/// `{"a":"x",...}` with values that are JSON already.
fn object(pairs: &[(&str, String)]) -> Vec<u8> {
    success(&plain(), |out| {
        for (i, (key, json)) in pairs.iter().enumerate() {
            out.push(if i == 0 { b'{' } else { b',' });
            push_text(out, key);
            out.push(b':');
            out.extend_from_slice(json.as_bytes());
        }
        out.extend_from_slice(if pairs.is_empty() { b"{}" } else { b"}" });
    })
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    push_text(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

pub(crate) async fn buildinfo(_: Call) -> Done {
    let own = concat!("bongsu ", env!("CARGO_PKG_VERSION"));
    Ok(reply::json(object(&[
        ("version", quoted(SPOKEN)),
        ("revision", quoted(own)),
        ("branch", quoted("")),
        ("buildUser", quoted("")),
        ("buildDate", quoted("")),
        ("goVersion", quoted("")),
    ])))
}

pub(crate) async fn runtimeinfo(call: Call) -> Done {
    let own = own(&call).await?;
    let storage = &own.storage;
    let loaded = call.api.engine.loaded();
    Ok(reply::json(object(&[
        ("startTime", quoted(&rfc3339(own.started_at))),
        ("CWD", quoted(&own.data_dir)),
        ("hostname", quoted(&own.machine.host)),
        ("serverTime", quoted(&rfc3339(own.now))),
        ("reloadConfigSuccess", loaded.newest.to_string()),
        ("lastConfigTime", quoted(&rfc3339(loaded.at))),
        ("corruptionCount", storage.problems.len().to_string()),
        ("goroutineCount", own.own.threads.to_string()),
        ("GOMAXPROCS", own.machine.cores.to_string()),
        // Of Go, which is not used here; clients want the keys.
        ("GOMEMLIMIT", "0".to_owned()),
        ("GOGC", quoted("")),
        ("GODEBUG", quoted("")),
        ("storageRetention", quoted(&storage.retention)),
    ])))
}

pub(crate) async fn flags(call: Call) -> Done {
    let flags = call.api.engine.flags();
    let pairs: Vec<(&str, String)> = flags
        .iter()
        .map(|(name, value)| (name.as_str(), quoted(value)))
        .collect();
    Ok(reply::json(object(&pairs)))
}

pub(crate) async fn config(call: Call) -> Done {
    let yaml = call.api.engine.config_yaml();
    Ok(reply::json(object(&[("yaml", quoted(&yaml))])))
}

pub(crate) async fn tsdb(call: Call) -> Done {
    let limit = match call.params.limit("limit")? {
        0 => 10,
        limit => limit,
    };
    let engine = call.api.engine.clone();
    let counted = tokio::task::spawn_blocking(move || engine.census(limit));
    let census = counted.await.map_err(|_| unexpected())?;
    let counts = |rows: &[(String, u64)]| {
        let row =
            |(name, n): &(String, u64)| format!("{{\"name\":{},\"value\":{n}}}", quoted(name));
        let all: Vec<String> = rows.iter().map(row).collect();
        format!("[{}]", all.join(","))
    };
    let head = format!(
        "{{\"numSeries\":{},\"numLabelPairs\":{},\"chunkCount\":{},\"minTime\":{},\"maxTime\":{}}}",
        census.series, census.label_pairs, census.chunks, census.min_t, census.max_t
    );
    Ok(reply::json(object(&[
        ("headStats", head),
        ("seriesCountByMetricName", counts(&census.series_by_metric)),
        (
            "labelValueCountByLabelName",
            counts(&census.values_by_label),
        ),
        ("memoryInBytesByLabelName", counts(&census.bytes_by_label)),
        (
            "seriesCountByLabelValuePair",
            counts(&census.series_by_pair),
        ),
    ])))
}

pub(crate) async fn delete_series(call: Call) -> Done {
    let selectors = call.params.all("match[]");
    if selectors.is_empty() {
        return Err(bad_data("no match[] parameter provided"));
    }
    let range = range_of(&call.params)?;
    admin(&call, AdminOrder::DeleteSeries { selectors, range }).await?;
    Ok(reply::body(204, reply::JSON, Vec::new()))
}

pub(crate) async fn clean_tombstones(call: Call) -> Done {
    admin(&call, AdminOrder::CleanTombstones).await?;
    Ok(reply::body(204, reply::JSON, Vec::new()))
}

pub(crate) async fn snapshot(call: Call) -> Done {
    let done = admin(&call, AdminOrder::Snapshot).await?;
    Ok(reply::json(object(&[("name", quoted(&done.name))])))
}

async fn admin(call: &Call, order: AdminOrder) -> Result<AdminDone, Failed> {
    let done = call.api.engine.admin(order).await;
    done.map_err(|e| match e {
        SourceError::BadRequest { said, .. } => {
            bad_data(format!("invalid parameter \"match[]\": {said}"))
        }
        SourceError::NotAllowed(said) => Failed::Api(ErrorType::Unavailable, said),
        other => other.into(),
    })
}
