//! One question, answered by a living engine where there is one, else by this process alone.

use crate::alert::pipeline::try_route;
use crate::app::engine::memory_of;
use crate::app::languages::PromQl;
use crate::app::launch::Launch;
use crate::app::places::{self, Engine};
use crate::app::spans;
use crate::base::cancel::Cancel;
use crate::base::clock::Clock;
use crate::base::net::client::{Ask, Client, ClientOptions};
use crate::base::net::unix::SocketClient;
use crate::base::task;
use crate::collect::host::{Host, Options as HostOptions, facts};
use crate::collect::listen::spans::Taken;
use crate::model::action::{Action, Outcome};
use crate::model::answer::{Answer, LogCost, LogReply, LogsAnswer, LogsValue, Notes, PromAnswer};
use crate::model::family::Family;
use crate::model::labels::Labels;
use crate::model::log_entry::NanoRange;
use crate::model::request::{
    FollowQuery, LogRequest, LogsQuery, PromQuery, Request, SpanRequest, StreamsQuery, StreamsWhat,
    ViewName,
};
use crate::model::span::{Span, Trace, TraceId};
use crate::model::view::{Status, View};
use crate::source::api::Source;
use crate::source::embedded::Languages;
use crate::source::remote::bongsu::RemoteBongsu;
use crate::store::open::{Options, Store};
use crate::wire::alertmanager_json::read_time;
use crate::wire::otlp::{self, Batch};
use crate::wire::prom_json;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How a running engine is, or what one reading of this server says.
pub enum Health {
    Running(Box<Status>),
    /// No engine runs: the families of one reading, with the time between its two halves.
    Alone(Vec<Family>),
}

pub fn health(launch: &Launch) -> anyhow::Result<Health> {
    if let Some(answer) = ask_living(launch, Request::Status)? {
        match answer {
            Answer::Status(status) => return Ok(Health::Running(status)),
            _ => bail!("the engine answered another question"),
        }
    }
    let mut host = Host::new(HostOptions {
        clock: Clock::System,
        ..HostOptions::default()
    });
    Ok(Health::Alone(host.read()))
}

/// PromQL: through the socket of the engine that uses the data directory, else from its files.
pub fn query(launch: &Launch, query: PromQuery) -> anyhow::Result<PromAnswer> {
    if let Some(answer) = ask_living(launch, Request::Prom(query.clone()))? {
        match answer {
            Answer::Prom(answer) => return Ok(answer),
            _ => bail!("the engine answered another question"),
        }
    }
    let (store, languages) = open_alone(launch)?;
    let answer = languages.evaluate(&store, &query, &Cancel::never());
    store.close();
    Ok(answer?)
}

/// LogQL: through the socket of the engine that uses the data directory, else from its files. With
/// `follow` it goes on until the program is ended.
pub fn logs(
    launch: &Launch,
    query: LogsQuery,
    follow: Option<FollowQuery>,
    show: &mut dyn FnMut(&LogsAnswer),
) -> anyhow::Result<()> {
    let Some(mut follow) = follow else {
        match ask_logs(launch, LogRequest::Query(query))? {
            LogReply::Value(answer) => show(&answer),
            _ => bail!("the engine answered another question"),
        }
        return Ok(());
    };
    let Some(socket) = places::living(&launch.data_dir, launch.chose_data_dir()) else {
        bail!("no engine runs that could bring new lines; start `bongsu` or `bongsu serve`");
    };
    let runtime = task::runtime().context("the runtime cannot be started")?;
    let engine = RemoteBongsu::new(socket);
    let ask = |request| match runtime.block_on(engine.ask(Request::Logs(request)))? {
        Answer::Logs(reply) => Ok(reply),
        _ => bail!("the engine answered another question"),
    };
    // From where to follow is asked first, so that no line falls between the two.
    let LogReply::Followed(start) = ask(LogRequest::Follow(follow.clone()))? else {
        bail!("the engine answered another question");
    };
    follow.after = Some(start.next);
    if let LogReply::Value(answer) = ask(LogRequest::Query(query))? {
        show(&answer);
    }
    loop {
        let LogReply::Followed(found) = ask(LogRequest::Follow(follow.clone()))? else {
            bail!("the engine answered another question");
        };
        follow.after = Some(found.next);
        let waits = found.lines.is_empty();
        let mut notes = Notes::default();
        if found.missed > 0 {
            let said = format!(
                "{} lines went by too quickly; ask for them without --follow",
                found.missed
            );
            notes.warnings.push(said);
        }
        let mut lines = found.lines;
        lines.reverse();
        show(&LogsAnswer {
            value: LogsValue::Lines(lines),
            notes,
            cost: LogCost::default(),
        });
        if waits {
            std::thread::sleep(FOLLOW_EVERY);
        }
    }
}

/// Between two looks for new lines.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

/// The names of the labels that streams have.
pub fn log_labels(launch: &Launch) -> anyhow::Result<Vec<String>> {
    let query = StreamsQuery {
        what: StreamsWhat::LabelNames,
        selectors: Vec::new(),
        range: NanoRange::all(),
        limit: 0,
    };
    match ask_logs(launch, LogRequest::Streams(query))? {
        LogReply::Names(names, _) => Ok(names),
        _ => bail!("the engine answered another question"),
    }
}

fn ask_logs(launch: &Launch, request: LogRequest) -> anyhow::Result<LogReply> {
    if let Some(answer) = ask_living(launch, Request::Logs(request.clone()))? {
        match answer {
            Answer::Logs(reply) => return Ok(reply),
            _ => bail!("the engine answered another question"),
        }
    }
    let (store, languages) = open_alone(launch)?;
    let reply = languages.ask_logs(&store, &request, &Cancel::never());
    store.close();
    Ok(reply?)
}

/// A question about spans, answered likewise.
pub fn spans(launch: &Launch, request: SpanRequest) -> anyhow::Result<Answer> {
    if let Some(answer) = ask_living(launch, Request::Spans(request.clone()))? {
        return Ok(answer);
    }
    let (store, _) = open_alone(launch)?;
    let answer = spans::answer(&store, &request, &Cancel::never());
    store.close();
    Ok(answer?)
}

/// Takes spans of a file in: through the socket of the engine that uses the data directory, trace by
/// trace, else into its files.
pub fn take_spans(launch: &Launch, batch: Batch) -> anyhow::Result<Taken> {
    let socket = match places::find(&launch.data_dir, launch.chose_data_dir()) {
        Engine::Here(socket) => socket,
        Engine::Closed(socket) => bail!("{}", places::closed(&socket)),
        Engine::Nowhere => {
            let store = Store::open(Options {
                background: false,
                ..Options::new(&launch.data_dir)
            })?;
            let taken = spans::take_alone(&launch.config, &store, batch);
            store.close();
            return Ok(taken?);
        }
    };
    let runtime = task::runtime().context("the runtime cannot be started")?;
    let engine = SocketClient::new(socket);
    let mut by_trace: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    let mut taken = Taken {
        refused: batch.refused_count(),
        said: batch.refusal(),
        ..Taken::default()
    };
    for span in batch.spans {
        by_trace.entry(span.trace).or_default().push(span);
    }
    for (id, spans) in by_trace {
        let known = match ask_living(launch, Request::Spans(SpanRequest::Trace { id }))? {
            Some(Answer::Trace(Some(trace), _)) => trace.spans.len() as u64,
            _ => 0,
        };
        let count = spans.len() as u64;
        let spans = otlp::to_json(&Trace { id, spans });
        let body = serde_json::json!({ "resourceSpans": spans }).to_string();
        let (status, answer) = runtime.block_on(engine.post("/v1/traces", body.into_bytes()))?;
        let (refused, said) = otlp::read_partial_json(&answer);
        if status != 200 {
            bail!("the engine answered {status}: {said}");
        }
        taken.refused += refused;
        if !said.is_empty() {
            taken.said = said;
        }
        let again = known.min(count - refused);
        taken.again += again;
        taken.new += count - refused - again;
    }
    Ok(taken)
}

/// The store of a data directory that no engine uses.
fn open_alone(launch: &Launch) -> anyhow::Result<(Store, PromQl)> {
    if !launch.data_dir.exists() {
        bail!(
            "there is no data in {}; start `bongsu` or name another with --data-dir",
            launch.data_dir.display()
        );
    }
    let machine = facts::machine(Path::new("/"), Clock::System.now_ms());
    let memory = memory_of(&launch.config, &machine);
    let store = Store::open(Options {
        background: false,
        ..Options::new(&launch.data_dir)
    })?;
    Ok((store, PromQl::new(&launch.config, memory)))
}

/// A live view of the engine that uses the data directory.
pub fn view(launch: &Launch, view: ViewName) -> anyhow::Result<View> {
    match ask_living(launch, Request::View { view, at: None })? {
        Some(Answer::View(view)) => Ok(view),
        Some(_) => bail!("the engine answered another question"),
        None => bail!("no engine is running; start one with `bongsu serve`"),
    }
}

/// An order, carried out by the engine that uses the data directory.
pub fn act(launch: &Launch, action: Action) -> anyhow::Result<Outcome> {
    let Some(socket) = places::living(&launch.data_dir, launch.chose_data_dir()) else {
        bail!("no engine is running; start one with `bongsu serve`");
    };
    let runtime = task::runtime().context("the runtime cannot be started")?;
    Ok(runtime.block_on(RemoteBongsu::new(socket).act(action))?)
}

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    Clock::System.now_ms()
}

/// Who would be told of an alert with these labels (`name=value`) at a time (RFC 3339): the way
/// through the tree, one line for each node that takes it. Asks the configuration alone.
pub fn route(launch: &Launch, labels: &[String], at: Option<&str>) -> anyhow::Result<Vec<String>> {
    let at = match at {
        Some(text) => read_time(text).map_err(|e| anyhow::anyhow!(e))?,
        None => now(),
    };
    let Some(config) = &launch.config.alertmanager else {
        bail!("nobody is told of alerts: there is no `alertmanager:` in the configuration");
    };
    let mut pairs = Vec::new();
    for text in labels {
        let Some((name, value)) = text.split_once('=') else {
            bail!("{text:?} is no label; write name=value");
        };
        pairs.push((name, value.trim_matches('"')));
    }
    Ok(try_route(config, &Labels::from_pairs(pairs), at))
}

/// PromQL of another server that speaks Prometheus' API.
pub fn query_url(url: &str, query: &PromQuery) -> anyhow::Result<Vec<u8>> {
    let base = url.trim_end_matches('/');
    let seconds = |ms: i64| format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000));
    let expr =
        percent_encoding::utf8_percent_encode(&query.expr, percent_encoding::NON_ALPHANUMERIC);
    let url = if query.instant {
        let time = seconds(query.steps.start);
        format!("{base}/api/v1/query?query={expr}&time={time}")
    } else {
        let (start, end) = (seconds(query.steps.start), seconds(query.steps.end));
        let step = seconds(query.steps.step);
        format!("{base}/api/v1/query_range?query={expr}&start={start}&end={end}&step={step}")
    };
    let runtime = task::runtime().context("the runtime cannot be started")?;
    let options = ClientOptions {
        follow_redirects: true,
        ..ClientOptions::default()
    };
    let client = Client::new(&options, None)?;
    let mut body = Vec::new();
    let ask = Ask::get(&url, Duration::from_mins(2), 1 << 30);
    let asked = runtime.block_on(client.send(ask, &mut body));
    asked.with_context(|| format!("{base} does not answer"))?;
    Ok(body)
}

/// The answer as Prometheus writes it.
pub fn envelope(answer: &PromAnswer) -> Vec<u8> {
    let mut out = Vec::new();
    prom_json::write::query(answer, false, usize::MAX, &mut |piece| {
        out.append(piece);
        true
    });
    out
}

fn ask_living(launch: &Launch, request: Request) -> anyhow::Result<Option<Answer>> {
    let socket = match places::find(&launch.data_dir, launch.chose_data_dir()) {
        Engine::Here(socket) => socket,
        Engine::Closed(socket) => bail!("{}", places::closed(&socket)),
        Engine::Nowhere => return Ok(None),
    };
    let runtime = task::runtime().context("the runtime cannot be started")?;
    let engine = RemoteBongsu::new(socket);
    let answer = runtime.block_on(engine.ask(request))?;
    Ok(Some(answer))
}
