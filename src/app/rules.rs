//! The rules of this engine: what they ask goes through its source, what they say is handed on.

use crate::alert::alertmanagers::Alertmanagers;
use crate::alert::board::Board;
use crate::alert::heartbeat::{self, Wish};
use crate::alert::ruler::Ruler;
use crate::alert::rules::{Around, Settings};
use crate::alert::{Ask, Question, SPAN_WINDOW_MS, Tell, defaults};
use crate::app::engine::Shared;
use crate::app::health::Trouble;
use crate::app::sending_on;
use crate::base::task::{self, Stop};
use crate::config::Config;
use crate::config::rules::RuleGroup;
use crate::model::alert::{Alert, Language};
use crate::model::answer::{Answer, LogReply, LogsValue, Series, Value, VectorPoint};
use crate::model::log_entry::NanoRange;
use crate::model::request::{LogRequest, LogsQuery, PromQuery, Request, SpanRequest};
use crate::model::time::Steps;
use crate::source::api::Source;
use crate::store::open::Store;
use anyhow::Context;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;

/// Rules and alerts of one engine.
#[derive(Default)]
pub(crate) struct Alerting {
    /// What they are like now.
    pub(crate) board: Arc<Board>,
    /// There once the store is open.
    pub(crate) ruler: OnceLock<Ruler>,
    /// Existing Alertmanagers.
    pub(crate) alertmanagers: Alertmanagers,
}

/// Starts the evaluation of rules over an open store.
pub(crate) fn start(
    shared: &Shared,
    source: Arc<dyn Source>,
    store: Store,
    runtime: Handle,
    stop: Stop,
) -> anyhow::Result<Ruler> {
    let around = Around {
        ask: Arc::new(Asker {
            source,
            runtime,
            stop,
        }),
        sink: Arc::new(store),
        tell: Arc::new(hearers(shared)),
        board: shared.alerting.board.clone(),
    };
    let ruler = Ruler::start(around, shared.clock.clone())
        .context("the thread of the rules cannot be started")?;
    Ok(ruler)
}

/// All who hear of alerts: the Alertmanagers that exist, and those whom this engine tells itself.
struct Hearers(Vec<Arc<dyn Tell>>);

fn hearers(shared: &Shared) -> Hearers {
    let mut all: Vec<Arc<dyn Tell>> = vec![Arc::new(shared.alerting.alertmanagers.clone())];
    if let Some(pipeline) = shared.pipeline.get() {
        all.push(Arc::new(pipeline.clone()));
    }
    Hearers(all)
}

impl Tell for Hearers {
    fn tell(&self, alerts: Vec<Alert>, now: i64) {
        for hearer in &self.0 {
            hearer.tell(alerts.clone(), now);
        }
    }
}

/// What rules take of a configuration.
pub(crate) fn rules_of(config: &Config, shared: &Shared) -> (Vec<RuleGroup>, Settings) {
    let mut groups = config.rules.clone();
    if config.alerts.defaults {
        groups.extend(defaults::groups());
    }
    let ms = |d: std::time::Duration| d.as_millis() as i64;
    let settings = Settings {
        interval: ms(config.global.evaluation_interval),
        query_offset: ms(config.global.rule_query_offset),
        external_labels: config.global.external_labels.clone(),
        external_url: external_url(shared),
        ..Settings::default()
    };
    (groups, settings)
}

/// Where links in alerts lead: this machine by its name, at the port that answers.
pub(crate) fn external_url(shared: &Shared) -> String {
    let listening = shared.listening.load();
    let port = listening
        .split(", ")
        .next()
        .and_then(|a| a.rsplit_once(':'));
    match port {
        Some((_, port)) => format!("http://{}:{port}", shared.host_name),
        None => format!("http://{}", shared.host_name),
    }
}

/// Asks for rules, from a thread that may wait.
struct Asker {
    source: Arc<dyn Source>,
    runtime: Handle,
    stop: Stop,
}

impl Ask for Asker {
    fn ask(&self, question: &Question<'_>) -> Result<Value, String> {
        let request = request(question);
        let mut stop = self.stop.clone();
        let answer = self.runtime.block_on(async {
            tokio::select! {
                answer = self.source.ask(request) => answer.map_err(|e| e.to_string()),
                () = stop.wait() => Err("the engine ends".to_owned()),
            }
        });
        match (question.language, answer?) {
            (Language::PromQl, Answer::Prom(answer)) => Ok(answer.value),
            (Language::LogQl, Answer::Logs(LogReply::Value(answer))) => match answer.value {
                LogsValue::Scalar(sample) => Ok(Value::Scalar(sample)),
                LogsValue::Vector(points) => Ok(Value::Vector(points)),
                LogsValue::Matrix(series) => Ok(last_of(series)),
                LogsValue::Lines(_) => Err("the query answers with lines, not numbers".to_owned()),
            },
            (Language::TraceQl, Answer::SpanSeries(answer, _)) => match answer.value {
                Value::Matrix(series) => Ok(last_of(series)),
                other => Ok(other),
            },
            _ => Err("the source answered something else".to_owned()),
        }
    }
}

/// The newest sample of each series.
fn last_of(series: Vec<Series>) -> Value {
    let point = |series: Series| {
        let sample = *series.samples.last()?;
        let labels = series.labels;
        Some(VectorPoint { labels, sample })
    };
    Value::Vector(series.into_iter().filter_map(point).collect())
}

/// What a rule asks, as its language has it.
fn request(question: &Question<'_>) -> Request {
    let Question {
        language,
        expr,
        t,
        lookback,
    } = *question;
    match language {
        Language::PromQl => Request::Prom(PromQuery {
            expr: expr.to_owned(),
            steps: Steps::at(t),
            instant: true,
            live: false,
            timeout_ms: None,
            lookback_ms: lookback,
        }),
        Language::LogQl => {
            let at = t.saturating_mul(1_000_000);
            Request::Logs(LogRequest::Query(LogsQuery {
                instant: true,
                ..LogsQuery::newest(expr, NanoRange::new(at, at), 0)
            }))
        }
        Language::TraceQl => Request::Spans(SpanRequest::Series {
            exemplars: 0,
            query: expr.to_owned(),
            steps: Steps {
                start: t,
                end: t,
                step: lookback.unwrap_or(SPAN_WINDOW_MS),
            },
        }),
    }
}

/// Takes the Alertmanagers of a configuration that alerts are sent on to. Waits for the disk.
pub(crate) fn send_on(shared: &Shared, config: &Config) {
    let (destinations, problems) = sending_on::destinations(config);
    shared.alerting.alertmanagers.configure(destinations);
    match problems.into_iter().next() {
        Some(said) => shared.problems.set(Trouble::SendingOn, said),
        None => shared.problems.clear(Trouble::SendingOn),
    }
}

/// Calls the configured address while rules are evaluated.
pub(crate) fn call_heartbeat(shared: &Arc<Shared>, stop: Stop) {
    let (asks, says) = (shared.clone(), shared.clone());
    let wish = move || Wish {
        heartbeat: asks.config.load().alerts.heartbeat.clone(),
    };
    let say = move |why: Option<String>| match why {
        Some(why) => says.problems.set(Trouble::Heartbeat, why),
        None => says.problems.clear(Trouble::Heartbeat),
    };
    let board = shared.alerting.board.clone();
    let calling = heartbeat::run(board, shared.clock.clone(), stop, wish, say);
    drop(task::spawn("heartbeat", calling));
}
