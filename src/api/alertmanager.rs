//! Alertmanager's API v2, so that a Prometheus sends its alerts here and amtool works.

use crate::api::Alerting;
use crate::api::reply::{self, Answer, Failed};
use crate::api::server::{Call, Done};
use crate::base::regex::Regex;
use crate::model::labels::Labels;
use crate::model::matcher::parse::parse;
use crate::model::matcher::{MatchOp, Matcher};
use crate::wire::alertmanager_json::{
    GettableAlert, PostableAlert, PostedSilence, Receiver, Silence, time_text,
};
use serde::Serialize;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

const OPENING: &str = "history is still being opened";

fn desk(call: &Call) -> Result<Arc<dyn Alerting>, Failed> {
    let found = call.api.engine.alerting();
    found.ok_or_else(|| Failed::Plain(503, OPENING.to_owned()))
}

/// Alertmanager answers errors as a JSON text.
fn refused(status: u16, said: &str) -> Failed {
    Failed::Json(status, json!(said).to_string())
}

fn answer(value: &impl Serialize) -> Done {
    let bytes = serde_json::to_vec(value);
    Ok(reply::json(
        bytes.map_err(|e| refused(500, &e.to_string()))?,
    ))
}

/// Work that may wait for the disk.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failed> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| refused(500, "the request broke off"))
}

fn read<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Failed> {
    serde_json::from_slice(&call.body)
        .map_err(|e| refused(400, &format!("the body does not read: {e}")))
}

/// What `filter`, `receiver` and the switches of a request let through.
struct Filter {
    matchers: Vec<Matcher>,
    receiver: Option<Regex>,
    /// Of the labels of a receiver; its name is one of them.
    of_receivers: Vec<Matcher>,
    active: bool,
    silenced: bool,
    inhibited: bool,
    muted: bool,
    unprocessed: bool,
}

impl Filter {
    fn of(call: &Call) -> Result<Self, Failed> {
        let on = |name: &str| switch(call, name);
        let receiver = match call.params.get("receiver") {
            "" => None,
            text => Some(Regex::anchored(text).map_err(|e| refused(400, &e.to_string()))?),
        };
        Ok(Self {
            matchers: matchers(call, "filter")?,
            receiver,
            of_receivers: matchers(call, "receiver_matchers")?,
            active: on("active")?,
            silenced: on("silenced")?,
            inhibited: on("inhibited")?,
            muted: on("muted")?,
            unprocessed: on("unprocessed")?,
        })
    }

    /// The names of the receivers that are asked for; `None` where all are.
    fn names(&self, receivers: &[Receiver]) -> Option<HashSet<String>> {
        if self.receiver.is_none() && self.of_receivers.is_empty() {
            return None;
        }
        let by_name = |r: &&Receiver| self.receiver.as_ref().is_none_or(|x| x.is_match(&r.name));
        let fit = receivers.iter().filter(by_name);
        let fit = fit.filter(|r| fits(&self.of_receivers, r));
        Some(fit.map(|r| r.name.clone()).collect())
    }

    fn takes(&self, alert: &GettableAlert, names: Option<&HashSet<String>>) -> bool {
        let labels = Labels::from_pairs(&alert.labels);
        let status = &alert.status;
        let told =
            |names: &HashSet<String>| alert.receivers.iter().any(|n| names.contains(&n.name));
        self.matchers.iter().all(|m| m.matches_labels(&labels))
            && names.is_none_or(told)
            && (self.active || status.state != "active")
            && (self.unprocessed || status.state != "unprocessed")
            && (self.silenced || status.silenced_by.is_empty())
            && (self.inhibited || status.inhibited_by.is_empty())
            && (self.muted || status.muted_by.is_empty())
    }
}

/// A switch that is on where the request does not say.
fn switch(call: &Call, name: &str) -> Result<bool, Failed> {
    match call.params.get(name) {
        "" | "true" | "1" | "t" => Ok(true),
        "false" | "0" | "f" => Ok(false),
        other => {
            let said = format!("{name}: {other:?} is neither true nor false");
            Err(refused(400, &said))
        }
    }
}

fn fits(matchers: &[Matcher], receiver: &Receiver) -> bool {
    let labels = Labels::from_pairs(&receiver.labels);
    matchers.iter().all(|m| m.matches_labels(&labels))
}

/// Matchers of all parameters of one name in a request: each may be a regular expression to compile.
const MAX_MATCHERS: usize = 100;

fn matchers(call: &Call, name: &str) -> Result<Vec<Matcher>, Failed> {
    let mut out = Vec::new();
    for text in call.params.all(name) {
        if out.len() >= MAX_MATCHERS {
            let said = format!("more than {MAX_MATCHERS} matchers");
            return Err(refused(400, &said));
        }
        let parsed = parse(&text).map_err(|e| refused(400, &format!("bad matcher: {e}")))?;
        out.extend(parsed.matchers);
    }
    Ok(out)
}

pub(crate) async fn alerts(call: Call) -> Done {
    let filter = Filter::of(&call)?;
    let desk = desk(&call)?;
    let (mut all, receivers) = off_runtime(move || (desk.alerts(), desk.receivers())).await?;
    let names = filter.names(&receivers);
    all.retain(|a| filter.takes(a, names.as_ref()));
    answer(&all)
}

pub(crate) async fn post_alerts(call: Call) -> Done {
    let posted: Vec<PostableAlert> = read(&call)?;
    let desk = desk(&call)?;
    let taken = off_runtime(move || desk.receive(posted)).await?;
    taken.map_err(|said| refused(400, &said))?;
    Ok(empty())
}

fn empty() -> Answer {
    reply::body(200, reply::JSON, Vec::new())
}

pub(crate) async fn groups(call: Call) -> Done {
    let filter = Filter::of(&call)?;
    let desk = desk(&call)?;
    let (mut all, receivers) = off_runtime(move || (desk.groups(), desk.receivers())).await?;
    let names = filter.names(&receivers);
    let names = names.as_ref();
    for group in &mut all {
        group.alerts.retain(|a| filter.takes(a, names));
    }
    all.retain(|g| {
        !g.alerts.is_empty() && names.is_none_or(|names| names.contains(&g.receiver.name))
    });
    answer(&all)
}

pub(crate) async fn silences(call: Call) -> Done {
    let wanted = matchers(&call, "filter")?;
    let states = ["active", "pending", "expired"];
    let mut left_out = Vec::new();
    for state in states {
        if !switch(&call, state)? {
            left_out.push(state);
        }
    }
    let desk = desk(&call)?;
    let mut all = off_runtime(move || desk.silences()).await?;
    all.retain(|s| {
        let state = s.status.as_ref().map_or("", |s| s.state.as_str());
        !left_out.contains(&state)
            && wanted.iter().all(|m| {
                let hit = s.matchers.iter().find(|own| own.name == m.name);
                let negative = matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex);
                // `name=""` is of silences without that name, `name!=""` of those with it.
                (m.value.is_empty() && hit.is_some() == negative)
                    || m.matches(hit.map_or("", |own| &own.value))
            })
    });
    let rank = |s: &Silence| match s.status.as_ref().map(|s| s.state.as_str()) {
        Some("active") => 0,
        Some("pending") => 1,
        _ => 2,
    };
    all.sort_by_key(|s| (rank(s), s.ends_at, s.id.clone()));
    answer(&all)
}

pub(crate) async fn post_silence(call: Call) -> Done {
    let silence: Silence = read(&call)?;
    let desk = desk(&call)?;
    let set = off_runtime(move || desk.set_silence(silence)).await?;
    match set {
        Ok(silence_id) => answer(&PostedSilence { silence_id }),
        Err(said) if said.starts_with("there is no silence") => Err(refused(404, &said)),
        Err(said) => Err(refused(400, &said)),
    }
}

fn id_of(call: &Call) -> String {
    call.path.rsplit('/').next().unwrap_or_default().to_owned()
}

pub(crate) async fn silence(call: Call) -> Done {
    let (id, desk) = (id_of(&call), desk(&call)?);
    let found = off_runtime(move || desk.silence(&id)).await?;
    answer(&found.ok_or_else(|| refused(404, "there is no such silence"))?)
}

pub(crate) async fn expire_silence(call: Call) -> Done {
    let (id, desk) = (id_of(&call), desk(&call)?);
    let ended = off_runtime(move || desk.expire(&id)).await?;
    match ended {
        Ok(()) => Ok(empty()),
        Err(said) if said.starts_with("there is no silence") => Err(refused(404, &said)),
        Err(said) => Err(refused(500, &said)),
    }
}

pub(crate) async fn receivers(call: Call) -> Done {
    let wanted = matchers(&call, "receiver_matchers")?;
    let mut all = desk(&call)?.receivers();
    all.retain(|r| fits(&wanted, r));
    answer(&all)
}

pub(crate) async fn status(call: Call) -> Done {
    let desk = desk(&call)?;
    answer(&json!({
        "cluster": { "status": "disabled", "peers": [], "name": "" },
        "versionInfo": {
            "version": env!("CARGO_PKG_VERSION"),
            "branch": "",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": "",
        },
        "config": { "original": desk.original() },
        "uptime": time_text(desk.started_at()),
    }))
}
