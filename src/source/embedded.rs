//! The engine inside this process, as a [`Source`].
//!
//! Evaluation is synchronous, so it runs on a small pool of threads of its own, never on the
//! runtime: questions of consoles first, and rules behind a permit of their own ([`Class`]). A dropped
//! reply trips the token of its work. Until the store is open, live questions are answered from the
//! ring and all others are told that history is being opened.

mod pool;

use crate::base::cancel::Cancel;
use crate::base::clock::{Duration, monotonic};
use crate::model::action::{Action, Outcome};
use crate::model::answer::{Answer, LogReply, Notes, PromAnswer};
use crate::model::matcher::Matcher;
use crate::model::request::{LogRequest, PromQuery, Request, SpanRequest, ViewName};
use crate::model::view::{QueueRow, Status, View};
use crate::source::api::{Caller, Class, Reply, Source, SourceError};
use crate::source::embedded::pool::{Line, Pool};
use crate::store::read::logs::LogSource;
use crate::store::read::{Ask, Found, ReadError, SeriesSource, TraceSource};
use arc_swap::ArcSwapOption;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

/// What is answered while history is not open yet.
pub const OPENING: &str = "opening history";

/// The query languages, as far as this source needs them.
pub trait Languages: Send + Sync {
    fn evaluate(
        &self,
        series: &dyn SeriesSource,
        query: &PromQuery,
        cancel: &Cancel,
    ) -> Result<PromAnswer, SourceError>;

    /// LogQL, and what there is to ask it about.
    fn ask_logs(
        &self,
        logs: &dyn LogSource,
        request: &LogRequest,
        cancel: &Cancel,
    ) -> Result<LogReply, SourceError>;

    /// Answers a question about spans.
    fn spans(
        &self,
        traces: &dyn TraceSource,
        request: &SpanRequest,
        cancel: &Cancel,
    ) -> Result<Answer, SourceError>;

    /// The matchers of each selector of an expression, in the order in which they stand.
    fn selectors(&self, expr: &str) -> Result<Vec<Vec<Matcher>>, SourceError>;

    /// The matchers of `name{label="value"}`.
    fn selector(&self, text: &str) -> Result<Vec<Matcher>, SourceError>;
}

/// What the rest of the process lends: views, health, and those who carry out orders.
pub trait Backstage: Send + Sync {
    /// A console looks now: at live series, or at a view.
    fn looked_at(&self, caller: &Caller);

    /// These processes are on that console's screen.
    fn in_sight(&self, caller: &Caller, pids: Vec<i32>);

    /// Called on the pool: may read the store.
    fn view(&self, view: ViewName, at: Option<i64>, caller: &Caller) -> Result<View, SourceError>;

    fn status(&self) -> Status;

    fn act(&self, action: Action, caller: Caller) -> Reply<'static, Outcome>;
}

/// The parts an [`Embedded`] is made of.
pub struct Parts {
    pub languages: Arc<dyn Languages>,
    pub backstage: Arc<dyn Backstage>,
    /// The five-minute ring; it is there before the store is.
    pub live: Option<Arc<dyn SeriesSource>>,
    /// Where a question names no deadline of its own; no question may ask for more.
    pub timeout: Duration,
}

/// Answers for any caller; [`Embedded::source_for`] binds one.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

struct Shared {
    languages: Arc<dyn Languages>,
    backstage: Arc<dyn Backstage>,
    live: Option<Arc<dyn SeriesSource>>,
    stored: ArcSwapOption<Box<dyn SeriesSource>>,
    logs: ArcSwapOption<Box<dyn LogSource>>,
    traces: ArcSwapOption<Box<dyn TraceSource>>,
    /// In milliseconds.
    timeout: AtomicU64,
    pool: Pool,
}

impl Embedded {
    pub fn new(parts: Parts) -> io::Result<Self> {
        let shared = Shared {
            languages: parts.languages,
            backstage: parts.backstage,
            live: parts.live,
            stored: ArcSwapOption::empty(),
            logs: ArcSwapOption::empty(),
            traces: ArcSwapOption::empty(),
            timeout: AtomicU64::new(parts.timeout.as_millis() as u64),
            pool: Pool::start()?,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// History is open from now on.
    pub fn open(&self, store: Box<dyn SeriesSource>) {
        self.shared.stored.store(Some(Arc::new(store)));
    }

    /// Lines can be asked for from now on.
    pub fn open_logs(&self, logs: Box<dyn LogSource>) {
        self.shared.logs.store(Some(Arc::new(logs)));
    }

    /// Spans are answered from now on.
    pub fn open_traces(&self, traces: Box<dyn TraceSource>) {
        self.shared.traces.store(Some(Arc::new(traces)));
    }

    /// History is closed: the store's last owner may end it.
    pub fn close(&self) {
        self.shared.stored.store(None);
        self.shared.logs.store(None);
        self.shared.traces.store(None);
    }

    pub fn is_open(&self) -> bool {
        self.shared.stored.load().is_some()
    }

    /// Another configuration's `limits.query_time`, for questions from now on.
    pub fn allow(&self, timeout: Duration) {
        let millis = timeout.as_millis() as u64;
        self.shared.timeout.store(millis, Ordering::Relaxed);
    }

    /// What waits for a thread now, and what was turned away since the start.
    pub fn queues(&self) -> Vec<QueueRow> {
        self.shared.pool.queues()
    }

    /// Runs what takes in a push, decoding included, on the thread for pushes.
    pub async fn take_in<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        self.shared.on_pool(Line::Push, work).await
    }

    /// A source whose orders are those of `caller`.
    pub fn source_for(&self, caller: Caller) -> Arc<dyn Source> {
        Arc::new(Bound {
            shared: self.shared.clone(),
            caller,
        })
    }
}

struct Bound {
    shared: Arc<Shared>,
    caller: Caller,
}

impl Source for Bound {
    fn ask(&self, request: Request) -> Reply<'_, Answer> {
        Box::pin(self.shared.clone().ask(request, &self.caller))
    }

    fn act(&self, action: Action) -> Reply<'_, Outcome> {
        self.shared.backstage.act(action, self.caller.clone())
    }
}

/// Trips the token when the one who waited goes away.
struct Guard(Cancel);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Shared {
    async fn ask(
        self: Arc<Self>,
        mut request: Request,
        caller: &Caller,
    ) -> Result<Answer, SourceError> {
        let allowed = match &request {
            Request::Prom(query) => self.allowed(query.timeout_ms),
            _ => self.allowed(None),
        };
        // A client over HTTP may ask for a view as well; it is no console that looks.
        if caller.class == Class::Console {
            match &mut request {
                Request::Prom(query) if query.live => self.backstage.looked_at(caller),
                Request::View { at: None, .. } => self.backstage.looked_at(caller),
                Request::Processes { in_sight } => {
                    self.backstage.in_sight(caller, std::mem::take(in_sight));
                    self.backstage.looked_at(caller);
                }
                _ => {}
            }
        }
        let cancel = Cancel::after(allowed);
        let guard = Guard(cancel.clone());
        let (shared, who) = (self.clone(), caller.clone());
        let work = move || {
            cancel.check()?;
            shared.answer(request, &who, &cancel)
        };
        let answer = self.on_pool(line_of(caller.class), work).await;
        drop(guard);
        answer
    }

    async fn on_pool<T: Send + 'static>(
        &self,
        line: Line,
        work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let (tell, hear) = oneshot::channel();
        let work = move || {
            let _ = tell.send(work());
        };
        if !self.pool.run(line, Box::new(work)) {
            let said = "too much waits already; ask again in a moment";
            return Err(SourceError::Unavailable(said.to_owned()));
        }
        hear.await.unwrap_or_else(|_| {
            let said = "the evaluation ended without an answer; `bongsu status` shows why";
            Err(SourceError::Internal(said.to_owned()))
        })
    }

    fn allowed(&self, asked_ms: Option<u64>) -> Duration {
        let most = self.timeout.load(Ordering::Relaxed);
        Duration::from_millis(asked_ms.map_or(most, |asked| asked.min(most)))
    }

    fn answer(
        &self,
        request: Request,
        caller: &Caller,
        cancel: &Cancel,
    ) -> Result<Answer, SourceError> {
        match request {
            Request::Prom(query) => self.evaluate(&query, cancel).map(Answer::Prom),
            Request::Series {
                selectors,
                range,
                limit,
            } => {
                let selectors = self.selectors(&selectors)?;
                let ask = Ask {
                    selectors: &selectors,
                    range,
                    limit,
                };
                let found = self.stored()?.series(&ask, cancel)?;
                let (items, notes) = noted(found);
                Ok(Answer::Series(items, notes))
            }
            Request::LabelNames {
                selectors,
                range,
                limit,
            } => {
                let selectors = self.selectors(&selectors)?;
                let ask = Ask {
                    selectors: &selectors,
                    range,
                    limit,
                };
                let (items, notes) = noted(self.stored()?.label_names(&ask, cancel)?);
                Ok(Answer::Names(items, notes))
            }
            Request::LabelValues {
                name,
                selectors,
                range,
                limit,
            } => {
                let selectors = self.selectors(&selectors)?;
                let ask = Ask {
                    selectors: &selectors,
                    range,
                    limit,
                };
                let (items, notes) = noted(self.stored()?.label_values(&name, &ask, cancel)?);
                Ok(Answer::Names(items, notes))
            }
            Request::Exemplars { expr, range, limit } => {
                let selectors = self.languages.selectors(&expr)?;
                let (items, notes) = noted(self.stored()?.exemplars(&Ask {
                    selectors: &selectors,
                    range,
                    limit,
                }));
                Ok(Answer::Exemplars(items, notes))
            }
            Request::Metadata { metric, limit } => {
                Ok(Answer::Metadata(self.stored()?.metadata(&metric, limit)))
            }
            Request::Logs(request) => self.ask_logs(&request, cancel).map(Answer::Logs),
            Request::View { view, at } => self.backstage.view(view, at, caller).map(Answer::View),
            Request::Processes { .. } => {
                let view = self.backstage.view(ViewName::Processes, None, caller);
                view.map(Answer::View)
            }
            Request::Spans(request) => {
                let opening = || SourceError::Unavailable(OPENING.to_owned());
                let traces = self.traces.load_full().ok_or_else(opening)?;
                self.languages.spans(&**traces, &request, cancel)
            }
            Request::Status => Ok(Answer::Status(Box::new(self.backstage.status()))),
        }
    }

    fn evaluate(&self, query: &PromQuery, cancel: &Cancel) -> Result<PromAnswer, SourceError> {
        let started = monotonic();
        let stored = self.stored.load_full();
        let mut answer = match (&stored, &self.live) {
            (Some(stored), _) => self.languages.evaluate(&***stored, query, cancel),
            (None, Some(ring)) if query.live => {
                self.languages.evaluate(ring.as_ref(), query, cancel)
            }
            _ => Err(SourceError::Unavailable(OPENING.to_owned())),
        }?;
        answer.cost.millis = started.elapsed().as_secs_f64() * 1000.0;
        Ok(answer)
    }

    fn ask_logs(&self, request: &LogRequest, cancel: &Cancel) -> Result<LogReply, SourceError> {
        let started = monotonic();
        let logs = self.logs()?;
        let mut reply = self.languages.ask_logs(&**logs, request, cancel)?;
        if let LogReply::Value(answer) = &mut reply {
            answer.cost.millis = started.elapsed().as_secs_f64() * 1000.0;
        }
        Ok(reply)
    }

    fn logs(&self) -> Result<Arc<Box<dyn LogSource>>, SourceError> {
        let opening = || SourceError::Unavailable(OPENING.to_owned());
        self.logs.load_full().ok_or_else(opening)
    }

    fn stored(&self) -> Result<Arc<Box<dyn SeriesSource>>, SourceError> {
        let opening = || SourceError::Unavailable(OPENING.to_owned());
        self.stored.load_full().ok_or_else(opening)
    }

    fn selectors(&self, texts: &[String]) -> Result<Vec<Vec<Matcher>>, SourceError> {
        texts.iter().map(|t| self.languages.selector(t)).collect()
    }
}

fn line_of(class: Class) -> Line {
    match class {
        Class::Console => Line::Console,
        Class::Rules => Line::Rules,
        Class::Other => Line::Other,
    }
}

fn noted<T>(found: Found<T>) -> (Vec<T>, Notes) {
    let mut notes = Notes {
        partial: !found.warnings.is_empty(),
        warnings: found.warnings,
        infos: Vec::new(),
    };
    if found.cut {
        // Prometheus' own words, by which clients know them.
        let said = "results truncated due to limit";
        notes.warnings.push(said.to_owned());
    }
    (found.items, notes)
}

impl From<ReadError> for SourceError {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Stopped(stopped) => stopped.into(),
            ReadError::Damaged(said) | ReadError::Io(said) => Self::Internal(said),
        }
    }
}

#[cfg(test)]
mod tests;
